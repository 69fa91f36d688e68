//! One tag on thousands of things, without a tagging ever travelling to the worker.
//!
//! What is made gets ids from one unbroken range, so that the log, the rank index and the counters
//! are filled from that range inside the database. What has to give way first is ended as always, by
//! `super::write`: only what really ends is moved.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, TagGroupId, TagId, TaggingId},
    kind::TagTarget,
};
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use super::{
    Reason, Request,
    hold::{hold_things, single_groups},
    plan::look,
    renew::{end, renew},
    write::{Addition, settle_ended},
};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx, dialect},
    tag::rank,
};

/// The ids of one statement: those of the range are like random ones but for their last four bytes,
/// which count.
#[derive(Debug, Clone, Copy)]
pub(in crate::tag) struct Range {
    /// The first.
    pub(in crate::tag) first: Uuid,
    /// The last that may be in use.
    pub(in crate::tag) last: Uuid,
    next: u128,
}

impl Range {
    fn new(random: Uuid) -> Self {
        let first = random.as_u128() & !u128::from(u32::MAX);
        Self {
            first: Uuid::from_u128(first),
            last: Uuid::from_u128(first | u128::from(u32::MAX)),
            next: first,
        }
    }

    fn id(&mut self) -> TaggingId {
        let id = Uuid::from_u128(self.next);
        self.next += 1;
        TaggingId(id)
    }
}

/// What came of putting a tag on.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Taggings made.
    pub(super) made: i64,
    /// Taggings with other values of its group that gave way.
    pub(super) replaced: i64,
    /// Taggings that go on with another end.
    pub(super) renewed: i64,
}

/// Puts `tag` on the things of `requests`, which are of one kind and each there once, in the order of
/// their ids.
pub(super) async fn put(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    reason: &Reason<'_>,
    tag: TagId,
    requests: &[Request],
    expires_at: Option<DateTime<Utc>>,
) -> Result<Done> {
    let Some(target) = requests.first().map(|request| request.target) else {
        return Ok(Done::default());
    };
    let groups = single_groups(tx, [tag].into_iter()).await?;
    if !groups.is_empty() {
        let things = requests.iter().map(|one| (one.target, one.target_id));
        hold_things(tx, things).await?;
    }
    let additions: Vec<Addition<'_>> = requests
        .iter()
        .map(|&request| Addition::new(request, reason, expires_at))
        .collect();
    let mut range = Range::new(ctx.ids.uuid(tx.now));
    let mut plan = look(tx, &groups, &additions, || range.id()).await?;
    let ended = end(tx, &plan.ends).await?;
    settle_ended(ctx, tx, reason, &ended).await?;
    let renewals = renew(ctx, tx, &groups, &plan.renewals).await?;
    let anew = renewals.ended.into_iter().map(|one| (range.id(), one));
    plan.makes.extend(anew);
    let renewed = renewals.count as i64;
    if plan.makes.is_empty() {
        return Ok(Done {
            renewed,
            ..Done::default()
        });
    }
    let made = insert(tx, reason, (tag, target), &groups, &plan.makes, expires_at).await?;
    log(tx, reason, target, range).await?;
    rank::add_range(ctx, tx, (tag, target), range, made).await?;
    // What was taken over carried the tag itself.
    let replaced = ended.iter().filter(|one| one.tag_id != tag).count();
    Ok(Done {
        made,
        replaced: replaced as i64,
        renewed,
    })
}

async fn insert(
    tx: &Tx<'_>,
    reason: &Reason<'_>,
    (tag, target): (TagId, TagTarget),
    groups: &HashMap<TagId, TagGroupId>,
    makes: &[(TaggingId, &Addition<'_>)],
    expires_at: Option<DateTime<Utc>>,
) -> Result<i64> {
    let rows = Rows::new()
        .ids("id", makes.iter().map(|(id, _)| *id))
        .uuids(
            "target_id",
            makes.iter().map(|(_, one)| one.request.target_id),
        );
    let made = Query::new(
        "INSERT INTO tagging (workspace_id, id, tag_id, target, target_id, added_at, added_by,
                              added_reason, rule_id, expires_at, single_group_id)
         SELECT $1, r.id, $2, $3, r.target_id, $4, $5, $6, $7, $8, $9
         FROM {r} WHERE true
         ON CONFLICT (workspace_id, target_id, tag_id) WHERE removed_at IS NULL DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(tag)
    .bind(target.word())
    .bind(tx.now)
    .bind(reason.origin.json())
    .bind(reason.text.clone())
    .bind(reason.origin.rule())
    .bind(expires_at)
    .bind(groups.get(&tag).copied())
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(i64::try_from(made).unwrap_or_default())
}

/// Appends an entry for each tagging of the range to the change log.
async fn log(tx: &mut Tx<'_>, reason: &Reason<'_>, target: TagTarget, range: Range) -> Result<()> {
    let backend = tx.connection().get_database_backend();
    let text = |prefix: &str, column: &str| {
        format!("'{prefix}_' || {}", dialect::uuid_text(backend, column))
    };
    let fact = dialect::json_object(
        backend,
        &[
            ("kind", "'tagging.added'"),
            ("tagging_id", &text(TaggingId::PREFIX, "g.id")),
            ("tag_id", &text(TagId::PREFIX, "g.tag_id")),
            ("target", "g.target"),
            ("target_id", &dialect::uuid_text(backend, "g.target_id")),
        ],
    );
    let contact = if target == TagTarget::Contact {
        "g.target_id"
    } else {
        "NULL"
    };
    let depth = reason.cause.map_or(0, |cause| cause.depth + 1);
    let root = reason.cause.map(|cause| cause.root);
    let log_tx = dialect::log_tx(backend);
    Query::new(format!(
        "INSERT INTO change (tx, workspace_id, kind, subject_id, contact_id, actor, depth, root_tx,
                             root_seq, data, at)
         SELECT (SELECT {log_tx}), $1, 'tagging.added', g.id, {contact}, $4, $5, $7, $8, {fact}, $6
         FROM tagging g WHERE g.workspace_id = $1 AND g.id >= $2 AND g.id <= $3
         ORDER BY g.id"
    ))
    .bind(tx.workspace)
    .bind(range.first)
    .bind(range.last)
    .bind(reason.origin.json())
    .bind(depth)
    .bind(tx.now)
    .bind(root.map(|root| root.tx))
    .bind(root.map(|root| root.seq))
    .execute(tx.connection())
    .await?;
    tx.appended("tagging.added");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_counts_up_and_stays_what_its_seed_was() {
        let seed = Uuid::from_u128(0x0190_0000_0000_7abc_8def_0123_4567_89ab);
        let mut range = Range::new(seed);
        let ids: Vec<_> = (0..3).map(|_| range.id().0).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids[0], range.first);
        assert!(ids.iter().all(|id| *id <= range.last));
        for id in ids {
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.as_u128() >> 32, seed.as_u128() >> 32);
        }
    }
}
