//! Follows what contacts do: who did something is measured anew within seconds. Page views are followed by
//! the projection of web visits, which counts them first.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::TimeDelta;
use entity::id::ContactId;

use super::keep::refresh;
use crate::{
    ctx::Ctx,
    error::Result,
    port::Work,
    profile::web::PAGE_VIEWED,
    store::Tx,
    work::{
        change::{Entry, Fact},
        projection::Projection,
    },
    workspace,
};

/// Keeps the active days of contacts.
#[derive(Debug)]
pub struct EngagementProjection;

#[async_trait]
impl Projection for EngagementProjection {
    fn name(&self) -> &'static str {
        "engagement"
    }

    fn work(&self) -> Work {
        Work::Profile
    }

    fn facts(&self) -> &'static [&'static str] {
        &[
            "contact.merged",
            "contact.unmerged",
            "email_metrics.changed",
            "event.recorded",
            "message.received",
        ]
    }

    fn batch(&self) -> i64 {
        2_000
    }

    /// Lets a burst be looked at once.
    fn pause(&self) -> TimeDelta {
        TimeDelta::seconds(1)
    }

    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        let contacts = named(entries);
        if contacts.is_empty() {
            return Ok(());
        }
        let zone = workspace::zone_of(tx).await?;
        refresh(tx, contacts, zone, tx.now).await?;
        Ok(())
    }
}

/// The contacts who did something else than view pages, and those who were merged or came apart.
fn named(entries: &[Entry]) -> BTreeSet<ContactId> {
    let mut contacts = BTreeSet::new();
    for entry in entries {
        match &entry.fact {
            Fact::EventRecorded { name, .. } if name.as_deref() == Some(PAGE_VIEWED) => {}
            Fact::ContactMerged {
                contact_id,
                loser_id,
                ..
            }
            | Fact::ContactUnmerged {
                contact_id,
                loser_id,
                ..
            } => contacts.extend([*contact_id, *loser_id]),
            _ => contacts.extend(entry.contact),
        }
    }
    contacts
}
