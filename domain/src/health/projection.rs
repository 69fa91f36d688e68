//! Recomputing those whose data changed, within seconds.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::TimeDelta;
use entity::{
    id::{AccountId, ContactId},
    kind::ContactField,
};
use sea_orm::FromQueryResult;

use super::recompute::{Cause, recompute};
use crate::{
    ctx::Ctx,
    error::Result,
    port::Work,
    store::{Query, Rows, Tx},
    work::{
        change::{Entry, Fact},
        projection::Projection,
    },
};

/// Reads everything that can move a signal, and evaluates each contact of a batch once.
#[derive(Debug)]
pub struct HealthProjection;

#[async_trait]
impl Projection for HealthProjection {
    fn name(&self) -> &'static str {
        "health"
    }

    fn work(&self) -> Work {
        Work::Health
    }

    fn facts(&self) -> &'static [&'static str] {
        &[
            "account.merged",
            "account.unmerged",
            "contact.changed",
            "contact.created",
            "contact.merged",
            "contact.unmerged",
            "conversation.handed_over",
            "conversation.status_changed",
            "email_metrics.changed",
            "event.recorded",
            "fact.deleted",
            "invoice.recorded",
            "message.received",
            "message.sent",
            "opportunity.recorded",
            "survey.answered",
            "ticket.recorded",
        ]
    }

    fn batch(&self) -> i64 {
        2_000
    }

    fn pause(&self) -> TimeDelta {
        TimeDelta::seconds(1)
    }

    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        let mut contacts = BTreeMap::new();
        for entry in entries.iter().filter(|entry| moves(&entry.fact)) {
            let cause = Cause {
                name: entry.fact.name(),
                depth: entry.depth,
                root: Some(entry.root),
            };
            // Of several causes the last is kept: it completed what the score is made of.
            contacts.extend(entry.contact.map(|contact| (contact, cause)));
        }
        for (contact, cause) in of_companies(tx, entries).await? {
            contacts.entry(contact).or_insert(cause);
        }
        let as_of = tx.now;
        recompute(tx, &contacts, as_of).await?;
        Ok(())
    }
}

/// Whether a fact can move a signal. Of what is known of a contact only the company does: what names nobody
/// there counts for each of its people.
fn moves(fact: &Fact) -> bool {
    match fact {
        // Entries of the first release do not say what changed.
        Fact::ContactChanged { fields, .. } => {
            fields.is_empty() || fields.contains(&ContactField::Account)
        }
        _ => true,
    }
}

/// People of companies that are looked at in one batch; the others have their turn at night.
const MAX_PEOPLE: i64 = 2_000;

#[derive(FromQueryResult)]
struct Person {
    id: ContactId,
    account_id: AccountId,
}

/// The people of the companies that a fact is about when it names no person: it counts for each.
async fn of_companies(tx: &Tx<'_>, entries: &[Entry]) -> Result<Vec<(ContactId, Cause)>> {
    let mut accounts: BTreeMap<AccountId, Cause> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.contact.is_none()) {
        let concerned = match &entry.fact {
            Fact::InvoiceRecorded { account_id, .. }
            | Fact::TicketRecorded { account_id, .. }
            | Fact::OpportunityRecorded { account_id, .. }
            | Fact::FactDeleted { account_id, .. }
            | Fact::SurveyAnswered { account_id, .. } => [*account_id, None],
            Fact::AccountMerged {
                account_id,
                loser_id,
                ..
            }
            | Fact::AccountUnmerged {
                account_id,
                loser_id,
                ..
            } => [Some(*account_id), Some(*loser_id)],
            _ => continue,
        };
        let cause = Cause {
            name: entry.fact.name(),
            depth: entry.depth,
            root: Some(entry.root),
        };
        let concerned = concerned.into_iter().flatten();
        accounts.extend(concerned.map(|account| (account, cause)));
    }
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let people: Vec<Person> = Query::new(
        "SELECT c.id, c.account_id FROM {r} CROSS JOIN contact AS c
         WHERE c.workspace_id = $1 AND c.account_id = r.id LIMIT $2",
    )
    .bind(tx.workspace)
    .bind(MAX_PEOPLE)
    .rows("r", Rows::new().ids("id", accounts.keys().copied()))
    .all(tx.connection())
    .await?;
    Ok(people
        .into_iter()
        .map(|person| (person.id, accounts[&person.account_id]))
        .collect())
}
