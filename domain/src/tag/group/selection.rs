//! Turning a group of which things may carry many values into one of which they carry one.

use entity::{
    id::{TagGroupId, TagId},
    kind::{TagSelection, TagTarget},
    tag_group,
};
use sea_orm::{ConnectionTrait as _, EntityTrait as _, FromQueryResult};
use uuid::Uuid;

use crate::{
    access::Origin,
    error::{Error, Result, UserErrorCode},
    store::{Query, Tx, dialect},
    tag::{Reason, Request, tagging},
};

#[derive(FromQueryResult)]
struct Surplus {
    tag_id: TagId,
    target: TagTarget,
    target_id: Uuid,
}

/// After tags came into `group`: the same as [`make_single`] if it is one that allows one value.
pub(in crate::tag) async fn settle(
    tx: &mut Tx<'_>,
    origin: Origin,
    group: Option<TagGroupId>,
    keep_newest: bool,
    path: &str,
) -> Result<()> {
    let Some(id) = group else {
        return Ok(());
    };
    let group = tag_group::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?;
    match group {
        Some(group) if group.selection == TagSelection::Single => {
            make_single(tx, origin, &group, keep_newest, path).await
        }
        _ => Ok(()),
    }
}

/// Makes sure that nothing carries two values of `group`: refuses at `path`, or with `keep_newest`
/// takes off all but the one put on last.
pub(super) async fn make_single(
    tx: &mut Tx<'_>,
    origin: Origin,
    group: &tag_group::Model,
    keep_newest: bool,
    path: &str,
) -> Result<()> {
    lock_tags(tx, group.id).await?;
    let surplus = surplus(tx, group.id).await?;
    if surplus.is_empty() {
        return Ok(());
    }
    if !keep_newest {
        let message = format!(
            "{} taggings are more than one value of {} on one thing. Take them off, or set \
             keepNewest to keep only the newest on each.",
            surplus.len(),
            group.name
        );
        return Err(Error::refused(&[path], UserErrorCode::InUse, message));
    }
    let requests: Vec<Request> = surplus
        .into_iter()
        .map(|row| Request {
            target: row.target,
            target_id: row.target_id,
            tag: row.tag_id,
        })
        .collect();
    let reason = Reason {
        origin,
        text: format!("{} takes one value; a newer one was kept", group.name),
        cause: None,
    };
    let ctx = tx.ctx();
    tagging::remove(ctx, tx, &reason, &requests).await?;
    Ok(())
}

/// Which group of one value the taggings in a subtree are of; a unique index holds each thing to one.
/// Called after [`settle`], when tags have come into another group.
pub(in crate::tag) async fn mark_subtree(tx: &Tx<'_>, root: TagId) -> Result<()> {
    Query::new(format!(
        "{MARK} AND tag_id IN (
             SELECT tag_id FROM tag_closure WHERE workspace_id = $1 AND ancestor_id = $2)"
    ))
    .bind(tx.workspace)
    .bind(root)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The same of all taggings of a group whose selection has changed.
pub(super) async fn mark_group(tx: &Tx<'_>, group: TagGroupId) -> Result<()> {
    Query::new(format!(
        "{MARK} AND tag_id IN (SELECT id FROM tag WHERE workspace_id = $1 AND group_id = $2)"
    ))
    .bind(tx.workspace)
    .bind(group)
    .execute(tx.connection())
    .await?;
    Ok(())
}

const MARK: &str = "UPDATE tagging SET single_group_id = (
    SELECT p.id FROM tag t
    JOIN tag_group p ON p.workspace_id = $1 AND p.id = t.group_id AND p.selection = 'SINGLE'
    WHERE t.workspace_id = $1 AND t.id = tagging.tag_id)
    WHERE workspace_id = $1 AND removed_at IS NULL";

/// Keeps everybody from tagging with the group's tags until the end of `tx`.
async fn lock_tags(tx: &Tx<'_>, group: TagGroupId) -> Result<()> {
    let lock = dialect::exclusive_lock(tx.connection().get_database_backend());
    Query::new(format!(
        "SELECT id FROM tag WHERE workspace_id = $1 AND group_id = $2 ORDER BY id {lock}"
    ))
    .bind(tx.workspace)
    .bind(group)
    .raw(tx.connection())
    .await?;
    Ok(())
}

/// What is on things beside a newer value of the group.
async fn surplus(tx: &Tx<'_>, group: TagGroupId) -> Result<Vec<Surplus>> {
    Ok(Query::new(
        "SELECT s.tag_id, s.target, s.target_id FROM (
             SELECT g.tag_id, g.target, g.target_id,
                    ROW_NUMBER() OVER (PARTITION BY g.target_id
                                       ORDER BY g.added_at DESC, g.id DESC) AS place
             FROM tag t
             JOIN tagging g ON g.workspace_id = t.workspace_id AND g.tag_id = t.id
               AND g.removed_at IS NULL
             WHERE t.workspace_id = $1 AND t.group_id = $2) s
         WHERE s.place > 1",
    )
    .bind(tx.workspace)
    .bind(group)
    .all(tx.connection())
    .await?)
}
