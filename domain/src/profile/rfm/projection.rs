//! Follows the orders: who bought something, or was found not to have, is measured anew within
//! seconds and scored by the cuts of the last night.
//!
//! What an order's company becomes when its contact changes companies is left to the night.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::TimeDelta;
use entity::kind::CustomerKind;
use uuid::Uuid;

use super::keep::{concerned, hold, refresh};
use crate::{
    ctx::Ctx,
    error::Result,
    port::Work,
    store::{Query, Rows, Tx},
    work::{
        change::{Entry, Fact},
        projection::Projection,
    },
    workspace,
};

/// Keeps what customers bought in line with their orders.
#[derive(Debug)]
pub struct RfmProjection;

#[async_trait]
impl Projection for RfmProjection {
    fn name(&self) -> &'static str {
        "rfm"
    }

    fn work(&self) -> Work {
        Work::Profile
    }

    fn facts(&self) -> &'static [&'static str] {
        &[
            "account.deleted",
            "account.merged",
            "account.unmerged",
            "contact.erased",
            "contact.merged",
            "contact.unmerged",
            "fact.deleted",
            "order.recorded",
        ]
    }

    fn batch(&self) -> i64 {
        2_000
    }

    /// Orders often come in many at a time.
    fn pause(&self) -> TimeDelta {
        TimeDelta::seconds(1)
    }

    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        let (contacts, mut accounts) = named(entries);
        accounts.extend(accounts_of(tx, &contacts).await?);
        for (kind, ids) in [
            (CustomerKind::Contact, contacts),
            (CustomerKind::Account, accounts),
        ] {
            let ids = concerned(tx, kind, ids).await?;
            if ids.is_empty() {
                continue;
            }
            let zone = workspace::zone_of(tx).await?;
            let cuts = hold(tx, kind).await?;
            refresh(tx, kind, &ids, zone, tx.now, &cuts).await?;
        }
        Ok(())
    }
}

/// The accounts of contacts: an order that is told of somebody else now was theirs before.
async fn accounts_of(tx: &Tx<'_>, contacts: &BTreeSet<Uuid>) -> Result<Vec<Uuid>> {
    Ok(Query::new(
        "SELECT DISTINCT c.account_id FROM {r}
         JOIN contact c ON c.workspace_id = $1 AND c.id = r.id WHERE c.account_id IS NOT NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", contacts.iter().copied()))
    .column(tx.connection())
    .await?)
}

/// The contacts and the accounts that the entries are about.
fn named(entries: &[Entry]) -> (BTreeSet<Uuid>, BTreeSet<Uuid>) {
    let (mut contacts, mut accounts) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        contacts.extend(entry.contact.map(|id| id.0));
        match &entry.fact {
            Fact::OrderRecorded { account_id, .. } | Fact::FactDeleted { account_id, .. } => {
                accounts.extend(account_id.map(|id| id.0));
            }
            Fact::AccountDeleted { account_id } => {
                accounts.insert(account_id.0);
            }
            Fact::AccountMerged {
                account_id,
                loser_id,
                ..
            }
            | Fact::AccountUnmerged {
                account_id,
                loser_id,
                ..
            } => accounts.extend([account_id.0, loser_id.0]),
            Fact::ContactErased { account_ids, .. } => {
                accounts.extend(account_ids.iter().map(|id| id.0));
            }
            Fact::ContactMerged {
                contact_id,
                loser_id,
                ..
            }
            | Fact::ContactUnmerged {
                contact_id,
                loser_id,
                ..
            } => contacts.extend([contact_id.0, loser_id.0]),
            _ => {}
        }
    }
    (contacts, accounts)
}
