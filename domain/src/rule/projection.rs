//! Rules at work: the projection that shows them everything that happens.
//!
//! Changes are evaluated in the order of the log. Something sees the tags that rules put on its
//! contact, account and conversation because of earlier changes, but not those put on because of
//! itself: tags set in the course of a batch are laid over those read at its start
//! (`action::board::Tags`), so what is tagged does not depend on where one batch ends
//! and the next begins.
//!
//! What stays on something while it is in a segment comes off first, when it has left. Membership is read as it is by
//! then, so this does not depend on the batch either.
//!
//! A batch without a firing is a few reads, whose number does not depend on the number of changes or
//! rules; two more and the writes follow only if something fired.
//!
//! No circle goes on for ever: a rule fires on a thing once in each cascade (the changes that follow
//! from one that came from outside), and what is [`MAX_DEPTH`] steps away from the outside is the last. Rules
//! that would have looked at what is further away are told as misses, and the owners hear of them (`chain`).

use async_trait::async_trait;
use entity::kind::{SubjectKind, TagTarget};

pub use super::occasion::MAX_DEPTH;
use super::{
    cache::{self, FACTS},
    chain,
    evaluate::evaluate,
    occasion::{Lore, heard},
    settle::settle,
    wait,
};
use crate::{
    ctx::Ctx,
    error::Result,
    port::Work,
    store::Tx,
    tag::tagging::{self, Left},
    work::{
        change::{Entry, Fact},
        projection::{FOREMOST, Projection},
    },
};

/// Evaluates rules on what happens.
#[derive(Debug, Clone, Copy)]
pub struct Rules;

#[async_trait]
impl Projection for Rules {
    fn name(&self) -> &'static str {
        FOREMOST
    }

    fn work(&self) -> Work {
        Work::Rules
    }

    fn facts(&self) -> &'static [&'static str] {
        FACTS
    }

    async fn apply(&self, ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        // Also what rules have put on that are paused or gone.
        tagging::leave(ctx, tx, &left(entries)).await?;
        let rules = cache::current(ctx, tx.connection(), tx.workspace).await?;
        if rules.is_empty() {
            return Ok(());
        }
        wait::catch_up(tx, &rules, entries).await?;
        let (entries, last_links) = heard(entries, &rules);
        chain::ended(tx, &rules, &last_links).await?;
        if entries.is_empty() {
            return Ok(());
        }
        let lore = Lore::load(tx, &rules, &entries).await?;
        let mut occasions = Vec::with_capacity(entries.len());
        for entry in entries {
            lore.occasions(entry, &mut occasions);
        }
        let evaluated = evaluate(tx, &rules, &occasions).await?;
        settle(ctx, tx, evaluated).await
    }
}

/// Who has left which segment.
fn left(entries: &[Entry]) -> Vec<Left<'_>> {
    let left = entries.iter().filter_map(|entry| match &entry.fact {
        Fact::SegmentLeft {
            segment_id,
            subject,
            subject_id,
        } => Some(Left {
            target: match subject {
                SubjectKind::Contact => TagTarget::Contact,
                SubjectKind::Account => TagTarget::Account,
                SubjectKind::Conversation => return None,
            },
            thing: *subject_id,
            segment: Some(*segment_id),
            cause: Some(entry),
        }),
        _ => None,
    });
    left.collect()
}
