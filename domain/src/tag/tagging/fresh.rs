//! Putting tags on things that the transaction itself has just made, for imports: nothing can stand in the
//! way of what is asked for, nobody else knows of the things, and nobody has scored them. So none of that
//! is looked up or held. The effects are those of [`super::add`].

use std::collections::HashMap;

use entity::id::{TagGroupId, TagId, TaggingId};

use super::{
    Reason, Request, Touched,
    hold::single_groups,
    write::{Addition, put_round, request_rows, rounds},
};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Tx},
    tag::rank,
    work::change::Fact,
};

/// Puts the first tags on things that `tx` has made. Tags and things must exist. Says how many taggings
/// were made.
pub(crate) async fn add_first(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    reason: &Reason<'_>,
    requests: &[Request],
) -> Result<usize> {
    let groups = single_groups(tx, requests.iter().map(|one| one.tag)).await?;
    let additions = requests.iter();
    let additions = additions.map(|&request| Addition::new(request, reason, None));
    let mut added = 0;
    for (number, round) in rounds(additions.collect(), &groups).into_iter().enumerate() {
        added += if number == 0 {
            put_first(ctx, tx, reason, &groups, &round).await?
        } else {
            // A second value of a group that takes one has the first in its way.
            put_round(ctx, tx, &groups, round).await?.added.len()
        };
    }
    Ok(added)
}

async fn put_first(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    reason: &Reason<'_>,
    groups: &HashMap<TagId, TagGroupId>,
    round: &[Addition<'_>],
) -> Result<usize> {
    let made: Vec<Touched> = round
        .iter()
        .map(|one| Touched {
            id: ctx.id(),
            tag_id: one.request.tag,
            target: one.request.target,
            target_id: one.request.target_id,
        })
        .collect();
    insert(tx, reason, groups, &made).await?;
    rank::begin(ctx, tx, &made).await?;
    for tagging in &made {
        let fact = Fact::TaggingAdded {
            tagging_id: tagging.id,
            tag_id: tagging.tag_id,
            target: tagging.target,
            target_id: tagging.target_id,
        };
        tx.record(reason.change(tagging.request().of_contact(), fact));
    }
    Ok(made.len())
}

async fn insert(
    tx: &Tx<'_>,
    reason: &Reason<'_>,
    groups: &HashMap<TagId, TagGroupId>,
    made: &[Touched],
) -> Result<()> {
    let requests: Vec<Request> = made.iter().map(Touched::request).collect();
    let ids: Vec<TaggingId> = made.iter().map(|one| one.id).collect();
    let rows = request_rows(requests.iter()).ids("id", ids).opt_ids(
        "group_id",
        requests.iter().map(|one| groups.get(&one.tag).copied()),
    );
    Query::new(
        "INSERT INTO tagging (workspace_id, id, tag_id, target, target_id, added_at, added_by,
                              added_reason, rule_id, single_group_id)
         SELECT $1, r.id, r.tag_id, r.target, r.target_id, $2, $3, $4, $5, r.group_id FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(reason.origin.json())
    .bind(reason.text.clone())
    .bind(reason.origin.rule())
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}
