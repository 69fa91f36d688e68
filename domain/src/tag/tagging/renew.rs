//! Ends taggings that give way, and lets others go on with another end, as `plan` has decided.

use std::collections::{BTreeSet, HashMap};

use entity::{
    id::{TagGroupId, TagId, TaggingId},
    kind::TaggingEnd,
};

use super::{
    Request, Touched,
    plan::{End, Renewal},
    segment::hand_on,
    write::{Addition, insert},
};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx},
    work::change::Fact,
};

pub(super) async fn end(tx: &Tx<'_>, ends: &[End<'_, '_>]) -> Result<Vec<Touched>> {
    if ends.is_empty() {
        return Ok(Vec::new());
    }
    let reasons = || ends.iter().map(|one| one.addition.reason);
    let rows = Rows::new()
        .ids("tagging", ends.iter().map(|one| one.tagging))
        .texts("how", ends.iter().map(|one| one.how.word()))
        .ids("successor", ends.iter().map(|one| one.successor))
        .json("origin", reasons().map(|reason| reason.origin.json()))
        .texts("reason", reasons().map(|reason| reason.text.as_str()));
    Ok(Query::new(
        "UPDATE tagging SET removed_at = $2, removed_by = r.origin, removed_reason = r.reason,
             ended = r.how, successor_id = r.successor
         FROM {r} WHERE tagging.workspace_id = $1 AND tagging.id = r.tagging
           AND tagging.removed_at IS NULL
         RETURNING id, tag_id, target, target_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?)
}

/// What came of letting taggings go on.
pub(super) struct Renewed<'a, 'r> {
    /// How many do.
    pub(super) count: usize,
    /// What was asked for and ended meanwhile, by itself for one: it is to be put on anew.
    pub(super) ended: Vec<&'a Addition<'r>>,
}

/// Lets taggings go on with another end, each as a new one that follows the former: whoever looks at the
/// history sees who set which end. What carries which tag stays as it is, so neither the rank index nor
/// the counters change, and nothing is told of a tag that came or went.
pub(super) async fn renew<'a, 'r>(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    groups: &HashMap<TagId, TagGroupId>,
    renewals: &[Renewal<'a, 'r>],
) -> Result<Renewed<'a, 'r>> {
    let ends: Vec<End<'a, 'r>> = renewals
        .iter()
        .map(|one| End {
            tagging: one.tagging,
            how: TaggingEnd::Renewed,
            successor: ctx.id(),
            addition: one.addition,
        })
        .collect();
    let held: BTreeSet<TaggingId> = end(tx, &ends).await?.iter().map(|one| one.id).collect();
    let (go_on, gone): (Vec<_>, Vec<_>) = ends
        .into_iter()
        .partition(|one| held.contains(&one.tagging));
    let makes: Vec<_> = go_on
        .iter()
        .map(|one| (one.successor, one.addition))
        .collect();
    insert(tx, groups, &makes).await?;
    // What is to end at a moment also stays as long as it would have; what stays for good is bound by nothing.
    let bound = go_on.iter().filter(|one| {
        let reason = one.addition.reason;
        !reason.origin.outranks_rules() && one.addition.expires_at.is_some()
    });
    let bound = bound.map(|one| (one.tagging, one.successor));
    hand_on(tx, &bound.collect::<Vec<_>>()).await?;
    for (tagging_id, addition) in &makes {
        let Request {
            target,
            target_id,
            tag,
        } = addition.request;
        let fact = Fact::TaggingRenewed {
            tagging_id: *tagging_id,
            tag_id: tag,
            target,
            target_id,
        };
        let contact = addition.request.of_contact();
        tx.record(addition.reason.change(contact, fact));
    }
    Ok(Renewed {
        count: makes.len(),
        ended: gone.into_iter().map(|one| one.addition).collect(),
    })
}
