//! Lets what happened to a contact follow it to another account.
//!
//! The account's timeline has what happened to its people, before they were its people too. When a
//! contact changes its account, a trigger notes it (`timeline_move`), and the change log says that the
//! contact changed; then this projection moves the contact's entries and the facts whose source named
//! no account, a bounded number in each step. As long as a step was full it says `contact.moved` and
//! goes on when it reads that.
//!
//! Who asks what happened at an account asks these facts, and may have been answered before they were
//! moved. So each step that moved some says it, with the accounts they left and came to.
//!
//! Somebody who was writing while the contact moved may have read the former account and commit
//! after the step. So the last step says `contact.moved` once more: the log is only read up to the
//! oldest transaction still running, so by the time that is read, they have ended too.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use entity::id::{AccountId, ContactId};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    port::Work,
    store::{Query, Rows, Tx},
    work::{
        change::{Change, Entry, Fact},
        projection::Projection,
    },
};

/// How many rows of each table one step moves.
const STEP: u64 = 5_000;

/// The tables of facts, and the kinds of their entries, which follow them by themselves.
const FACTS: [(&str, &str); 5] = [
    ("sales_order", "ORDER"),
    ("invoice", "INVOICE"),
    ("ticket", "TICKET"),
    ("opportunity", "OPPORTUNITY"),
    ("survey_answer", "SURVEY_ANSWER"),
];

/// Moves what belongs to contacts that changed their account.
#[derive(Debug)]
pub struct TimelineFollow;

#[async_trait]
impl Projection for TimelineFollow {
    fn name(&self) -> &'static str {
        "timeline"
    }

    fn work(&self) -> Work {
        Work::Timeline
    }

    fn facts(&self) -> &'static [&'static str] {
        &[
            "contact.changed",
            "contact.merged",
            "contact.moved",
            "contact.unmerged",
        ]
    }

    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        let (mut changed, mut moving) = (BTreeSet::new(), BTreeSet::new());
        for entry in entries {
            match entry.fact {
                Fact::ContactChanged { contact_id, .. } => {
                    changed.insert(contact_id);
                }
                Fact::ContactMoved { contact_id, .. } => {
                    moving.insert(contact_id);
                }
                // What was given to somebody of another account goes with its new contact.
                Fact::ContactMerged {
                    contact_id,
                    loser_id,
                    ..
                }
                | Fact::ContactUnmerged {
                    contact_id,
                    loser_id,
                    ..
                } => moving.extend([contact_id, loser_id]),
                _ => {}
            }
        }
        let noted = noted(tx, &changed).await?;
        moving.extend(noted.iter().copied());
        if moving.is_empty() {
            return Ok(());
        }
        let mut full = move_entries(tx, &moving).await? >= STEP;
        let mut moved = Moved::new();
        for (table, _) in FACTS {
            full |= move_facts(tx, table, &moving, &mut moved).await? >= STEP;
        }
        forget(tx, &noted).await?;
        let last = entries.iter().max_by_key(|entry| entry.depth);
        let (depth, root) = last.map_or((0, None), |entry| (entry.depth, Some(entry.root)));
        let mut again = if full { moving } else { noted };
        again.extend(moved.keys().copied());
        for contact_id in again {
            let account_ids = moved.remove(&contact_id).unwrap_or_default();
            // The same change, still going on: no further from its origin than before.
            tx.record(Change {
                fact: Fact::ContactMoved {
                    contact_id,
                    account_ids: account_ids.into_iter().collect(),
                },
                contact: Some(contact_id),
                origin: Origin::System,
                depth,
                root,
            });
        }
        Ok(())
    }
}

/// Those of `contacts` that changed their account since they were last moved.
async fn noted(tx: &Tx<'_>, contacts: &BTreeSet<ContactId>) -> Result<BTreeSet<ContactId>> {
    if contacts.is_empty() {
        return Ok(BTreeSet::new());
    }
    let noted: Vec<ContactId> = Query::new(
        "SELECT m.contact_id FROM {r} CROSS JOIN timeline_move AS m
         WHERE m.workspace_id = $1 AND m.contact_id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", contacts.iter().copied()))
    .column(tx.connection())
    .await?;
    Ok(noted.into_iter().collect())
}

async fn forget(tx: &Tx<'_>, contacts: &BTreeSet<ContactId>) -> Result<()> {
    if contacts.is_empty() {
        return Ok(());
    }
    Query::new(
        "DELETE FROM timeline_move WHERE workspace_id = $1
           AND contact_id IN (SELECT r.id FROM {r})",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", contacts.iter().copied()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Moves entries whose account is that of their contact, which a task's is unless it names one. Says how many.
async fn move_entries(tx: &Tx<'_>, contacts: &BTreeSet<ContactId>) -> Result<u64> {
    let others = FACTS.map(|(_, kind)| format!("'{kind}'")).join(", ");
    Ok(Query::new(format!(
        "UPDATE timeline_entry SET account_id = (SELECT c.account_id FROM contact c
             WHERE c.workspace_id = $1 AND c.id = timeline_entry.contact_id)
         WHERE workspace_id = $1 AND (kind, subject_id) IN (
             SELECT e.kind, e.subject_id FROM {{r}} CROSS JOIN contact AS c
                 CROSS JOIN timeline_entry AS e
             WHERE c.workspace_id = $1 AND c.id = r.id
               AND e.workspace_id = $1 AND e.contact_id = r.id AND e.kind NOT IN ({others})
               AND e.account_id IS DISTINCT FROM c.account_id
               AND (e.kind NOT IN ('TASK_CREATED', 'TASK_ENDED') OR NOT EXISTS (
                   SELECT 1 FROM task k WHERE k.workspace_id = $1 AND k.id = e.subject_id
                     AND k.account_id IS NOT NULL))
             LIMIT {STEP})"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", contacts.iter().copied()))
    .execute(tx.connection())
    .await?)
}

/// A fact and whose it is.
#[derive(FromQueryResult)]
struct Held {
    id: Uuid,
    contact_id: ContactId,
    account_id: Option<AccountId>,
}

/// Contacts whose facts were moved, with the accounts these left and came to.
type Moved = BTreeMap<ContactId, BTreeSet<AccountId>>;

/// Moves facts whose source named no account; their entries move with them. Says how many there were
/// to move, and notes in `moved` which accounts that concerns.
async fn move_facts(
    tx: &Tx<'_>,
    table: &str,
    contacts: &BTreeSet<ContactId>,
    moved: &mut Moved,
) -> Result<u64> {
    let left: Vec<Held> = Query::new(format!(
        "SELECT t.id, t.contact_id, t.account_id
         FROM {{r}} CROSS JOIN contact AS c CROSS JOIN {table} AS t
         WHERE c.workspace_id = $1 AND c.id = r.id
           AND t.workspace_id = $1 AND t.contact_id = r.id AND t.account_told = $2
           AND t.account_id IS DISTINCT FROM c.account_id
         LIMIT {STEP}"
    ))
    .bind(tx.workspace)
    .bind(false)
    .rows("r", Rows::new().ids("id", contacts.iter().copied()))
    .all(tx.connection())
    .await?;
    if left.is_empty() {
        return Ok(0);
    }
    // The source may have named an account, or somebody else, since they were read.
    let came: Vec<Held> = Query::new(format!(
        "UPDATE {table} SET account_id = (SELECT c.account_id FROM contact c
             WHERE c.workspace_id = $1 AND c.id = {table}.contact_id), recorded_at = $3
         WHERE workspace_id = $1 AND account_told = $2 AND contact_id IS NOT NULL
           AND id IN (SELECT r.id FROM {{r}})
         RETURNING id, contact_id, account_id"
    ))
    .bind(tx.workspace)
    .bind(false)
    .bind(tx.now)
    .rows(
        "r",
        Rows::new().uuids("id", left.iter().map(|held| held.id)),
    )
    .all(tx.connection())
    .await?;
    for held in left.iter().chain(&came) {
        let accounts = moved.entry(held.contact_id).or_default();
        accounts.extend(held.account_id);
    }
    Ok(left.len() as u64)
}
