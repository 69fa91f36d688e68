//! Recomputing those whose data changed, within seconds.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::TimeDelta;

use super::recompute::{Cause, recompute};
use crate::{
    ctx::Ctx,
    error::Result,
    port::Work,
    store::Tx,
    work::{change::Entry, projection::Projection},
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
            "contact.created",
            "contact.merged",
            "contact.unmerged",
            "conversation.status_changed",
            "email_metrics.changed",
            "event.recorded",
            "message.received",
            "message.sent",
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
        for entry in entries {
            let cause = Cause {
                name: entry.fact.name(),
                depth: entry.depth,
            };
            // Of several causes the last is kept: it completed what the score is made of.
            contacts.extend(entry.contact.map(|contact| (contact, cause)));
        }
        let as_of = tx.now;
        recompute(tx, &contacts, as_of).await?;
        Ok(())
    }
}
