//! Adding and removing taggings inside a transaction, for everything that tags.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use entity::id::{TagId, TaggingId};
use sea_orm::ConnectionTrait as _;

use super::{Reason, Request, Touched};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx, dialect},
    tag::rank::rank,
    work::change::Fact,
};

/// Puts tags on things; what already carries its tag is left as it is. Tags and things must exist:
/// see [`tag_many`] for the checked form. Says how many taggings were made.
pub(crate) async fn add(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    reason: &Reason<'_>,
    requests: &[Request],
) -> Result<usize> {
    let wanted: Vec<_> = requests.iter().map(|&request| (request, reason)).collect();
    Ok(add_each(ctx, tx, &wanted).await?.len())
}

/// Like [`add`], each with a reason of its own; of two that ask for the same, the first is named.
/// Returns the requests that led to a tagging.
pub(crate) async fn add_each(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    wanted: &[(Request, &Reason<'_>)],
) -> Result<HashSet<Request>> {
    let mut requests: BTreeMap<Request, &Reason<'_>> = BTreeMap::new();
    for (request, reason) in wanted {
        requests.entry(*request).or_insert(reason);
    }
    if requests.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = request_rows(requests.keys())
        .ids("id", requests.keys().map(|_| ctx.id::<TaggingId>()))
        .json(
            "origin",
            requests.values().map(|reason| reason.origin.json()),
        )
        .texts(
            "reason",
            requests.values().map(|reason| reason.text.as_str()),
        );
    let made: Vec<Touched> = Query::new(
        "INSERT INTO tagging (workspace_id, id, tag_id, target, target_id, added_at, added_by,
                              added_reason)
         SELECT $1, r.id, r.tag_id, r.target, r.target_id, $2, r.origin, r.reason
         FROM {r} WHERE true
         ON CONFLICT (workspace_id, target_id, tag_id) WHERE removed_at IS NULL DO NOTHING
         RETURNING id, tag_id, target, target_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    rank(ctx, tx, &made, 1).await?;
    let made: BTreeMap<Request, TaggingId> = made
        .into_iter()
        .map(|tagging| (tagging.request(), tagging.id))
        .collect();
    // In the order of asking, which a statement's answer does not keep.
    let mut added = HashSet::with_capacity(made.len());
    for (request, reason) in wanted {
        let Some(&tagging_id) = made.get(request) else {
            continue;
        };
        if added.insert(*request) {
            let fact = Fact::TaggingAdded {
                tagging_id,
                tag_id: request.tag,
                target: request.target,
                target_id: request.target_id,
            };
            tx.record(reason.change(request.of_contact(), fact));
        }
    }
    Ok(added)
}

/// Takes tags off things; what does not carry its tag is left as it is. Says how many were taken.
pub(crate) async fn remove(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    reason: &Reason<'_>,
    requests: &[Request],
) -> Result<usize> {
    let requests: BTreeSet<Request> = requests.iter().copied().collect();
    if requests.is_empty() {
        return Ok(0);
    }
    hold_tags(tx, requests.iter().map(|request| request.tag)).await?;
    let ended: Vec<Touched> = Query::new(
        "UPDATE tagging SET removed_at = $2, removed_by = $3, removed_reason = $4
         WHERE workspace_id = $1 AND removed_at IS NULL
           AND (target_id, tag_id) IN (SELECT r.target_id, r.tag_id FROM {r})
         RETURNING id, tag_id, target, target_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(reason.origin.json())
    .bind(reason.text.clone())
    .rows("r", request_rows(requests.iter()))
    .all(tx.connection())
    .await?;
    rank(ctx, tx, &ended, -1).await?;
    for tagging in &ended {
        let fact = Fact::TaggingRemoved {
            tagging_id: tagging.id,
            tag_id: tagging.tag_id,
            target: tagging.target,
            target_id: tagging.target_id,
        };
        tx.record(reason.change(tagging.request().of_contact(), fact));
    }
    Ok(ended.len())
}

/// Keeps `tags` where they are in the tree until the end of `tx`. A new tagging does so by its
/// foreign key; one that ends has to ask.
async fn hold_tags(tx: &Tx<'_>, tags: impl Iterator<Item = TagId>) -> Result<()> {
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    if lock.is_empty() {
        return Ok(());
    }
    let tags: BTreeSet<TagId> = tags.collect();
    Query::new(format!(
        "SELECT t.id FROM {{r}} JOIN tag t ON t.workspace_id = $1 AND t.id = r.id
         ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", tags))
    .raw(tx.connection())
    .await?;
    Ok(())
}

fn request_rows<'a>(requests: impl Iterator<Item = &'a Request> + Clone) -> Rows {
    Rows::new()
        .ids("tag_id", requests.clone().map(|request| request.tag))
        .texts(
            "target",
            requests.clone().map(|request| request.target.word()),
        )
        .uuids("target_id", requests.map(|request| request.target_id))
}
