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
    text::counted,
};

/// Taggings of a group that is brought to one value in one transaction.
const AT_ONCE: i64 = 2_000;

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
        return Err(several(surplus.len() as i64, group, path));
    }
    let requests: Vec<Request> = surplus
        .into_iter()
        .map(|row| Request {
            target: row.target,
            target_id: row.target_id,
            tag: row.tag_id,
        })
        .collect();
    let reason = one_value(origin, group);
    let ctx = tx.ctx();
    tagging::remove(ctx, tx, &reason, &requests).await?;
    Ok(())
}

/// Why a value is taken off for the sake of a newer one.
pub(super) fn one_value(origin: Origin, group: &tag_group::Model) -> Reason<'static> {
    Reason {
        origin,
        text: format!("{} takes one value; a newer one was kept", group.name),
        cause: None,
    }
}

fn several(surplus: i64, group: &tag_group::Model, path: &str) -> Error {
    Error::refused(&[path], UserErrorCode::InUse, too_many(surplus, group))
}

/// Why a group of one value is refused while `surplus` taggings stand beside newer ones.
pub(in crate::tag) fn too_many(surplus: i64, group: &tag_group::Model) -> String {
    format!(
        "Some things carry more than one value of {}, by {} in all. Take them off, or set keepNewest \
         to keep only the newest on each.",
        group.name,
        counted(surplus, "tagging")
    )
}

/// Whether so much is tagged with `group` that it is not brought to one value in one transaction. Nobody
/// tags with it until the end of `tx`.
pub(super) async fn is_large(tx: &Tx<'_>, group: TagGroupId) -> Result<bool> {
    lock_tags(tx, group).await?;
    let count: Option<i64> = Query::new(format!(
        "SELECT COUNT(*) FROM (
             SELECT 1 AS one FROM tag t
             JOIN tagging g ON g.workspace_id = $1 AND g.tag_id = t.id AND g.removed_at IS NULL
             WHERE t.workspace_id = $1 AND t.group_id = $2 LIMIT {AT_ONCE} + 1) x"
    ))
    .bind(tx.workspace)
    .bind(group)
    .scalar(tx.connection())
    .await?;
    Ok(count.unwrap_or_default() > AT_ONCE)
}

/// Refuses a group of which something carries several values.
pub(super) async fn refuse_several(
    tx: &Tx<'_>,
    group: &tag_group::Model,
    path: &str,
) -> Result<()> {
    let surplus: Option<i64> = Query::new(format!("SELECT COUNT(*) FROM ({SURPLUS}) x"))
        .bind(tx.workspace)
        .bind(group.id)
        .scalar(tx.connection())
        .await?;
    match surplus.unwrap_or_default() {
        0 => Ok(()),
        surplus => Err(several(surplus, group, path)),
    }
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
    Ok(Query::new(SURPLUS)
        .bind(tx.workspace)
        .bind(group)
        .all(tx.connection())
        .await?)
}

const SURPLUS: &str = "SELECT s.tag_id, s.target, s.target_id FROM (
         SELECT g.tag_id, g.target, g.target_id,
                ROW_NUMBER() OVER (PARTITION BY g.target_id
                                   ORDER BY g.added_at DESC, g.id DESC) AS place
         FROM tag t
         JOIN tagging g ON g.workspace_id = t.workspace_id AND g.tag_id = t.id
           AND g.removed_at IS NULL
         WHERE t.workspace_id = $1 AND t.group_id = $2) s
     WHERE s.place > 1";
