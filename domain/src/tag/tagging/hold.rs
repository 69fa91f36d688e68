//! Keeping tags, their groups and things from changing while taggings are written.
//!
//! Everything here takes its locks in the order of ids, so that two never wait for each other in a
//! circle. SQLite has one writer and needs none of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    id::{TagGroupId, TagId},
    kind::TagTarget,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::table_of;
use crate::{
    error::Result,
    store::{Query, Rows, Tx, dialect},
};

#[derive(FromQueryResult)]
struct Grouped {
    tag_id: TagId,
    group_id: TagGroupId,
}

/// The SINGLE groups of those among `tags` that are in one. The groups cannot change before the end
/// of the transaction.
pub(crate) async fn single_groups(
    tx: &Tx<'_>,
    tags: impl Iterator<Item = TagId>,
) -> Result<HashMap<TagId, TagGroupId>> {
    let tags: BTreeSet<TagId> = tags.collect();
    if tags.is_empty() {
        return Ok(HashMap::new());
    }
    hold_values(tx, &tags).await?;
    let grouped: Vec<Grouped> = Query::new(
        "SELECT t.id AS tag_id, s.id AS group_id FROM {r}
         JOIN tag t ON t.workspace_id = $1 AND t.id = r.id
         JOIN tag_group s ON s.workspace_id = $1 AND s.id = t.group_id AND s.selection = 'SINGLE'",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", tags))
    .all(tx.connection())
    .await?;
    Ok(grouped
        .into_iter()
        .map(|row| (row.tag_id, row.group_id))
        .collect())
}

/// Keeps others from giving these things a value of a SINGLE group until the transaction ends: of two
/// who do so at the same time, the second then replaces the first's. In the order of ids, so that two
/// never wait for each other.
pub(crate) async fn hold_things(
    tx: &Tx<'_>,
    things: impl Iterator<Item = (TagTarget, Uuid)>,
) -> Result<()> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    if lock.is_empty() {
        return Ok(());
    }
    let mut by_target: BTreeMap<TagTarget, BTreeSet<Uuid>> = BTreeMap::new();
    for (target, id) in things {
        by_target.entry(target).or_default().insert(id);
    }
    for (target, ids) in by_target {
        let table = table_of(target);
        Query::new(format!(
            "SELECT x.id FROM {table} x
             WHERE x.workspace_id = $1 AND {{theirs}} ORDER BY x.id {lock}"
        ))
        .bind(tx.workspace)
        .among("theirs", "x.id", ids)
        .raw(tx.connection())
        .await?;
    }
    Ok(())
}

/// Those of the things that are there. None of them is merged away or erased before the end of `tx`, so
/// that no tag is put on something hidden or gone. Others may tag them too.
pub(super) async fn keep_things(
    tx: &Tx<'_>,
    target: TagTarget,
    things: &BTreeSet<Uuid>,
) -> Result<BTreeSet<Uuid>> {
    let table = table_of(target);
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    let here = match target {
        TagTarget::Contact => "AND t.merged_into_id IS NULL",
        TagTarget::Account => "AND t.merged_into_id IS NULL AND t.deleted_at IS NULL",
        TagTarget::Conversation => "",
    };
    let kept: Vec<Uuid> = Query::new(format!(
        "SELECT t.id FROM {table} t WHERE t.workspace_id = $1 AND {{those}} {here}
         ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .among("those", "t.id", things.iter().copied())
    .column(tx.connection())
    .await?;
    Ok(kept.into_iter().collect())
}

/// The same of `tags` and of all values that one of them may replace.
async fn hold_values(tx: &Tx<'_>, tags: &BTreeSet<TagId>) -> Result<()> {
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    if lock.is_empty() {
        return Ok(());
    }
    Query::new(format!(
        "WITH n AS (SELECT r.id FROM {{r}})
         SELECT t.id FROM tag t WHERE t.workspace_id = $1 AND t.id IN (
             SELECT n.id FROM n
             UNION SELECT v.id FROM n
             JOIN tag o ON o.workspace_id = $1 AND o.id = n.id
             JOIN tag_group s ON s.workspace_id = $1 AND s.id = o.group_id
               AND s.selection = 'SINGLE'
             JOIN tag v ON v.workspace_id = $1 AND v.group_id = s.id)
         ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", tags.iter().copied()))
    .raw(tx.connection())
    .await?;
    Ok(())
}

/// Keeps `tags` where they are in the tree, and their groups as they are, until the end of `tx`. What
/// is read afterwards holds until then.
pub(in crate::tag) async fn hold_tags(
    tx: &Tx<'_>,
    tags: impl Iterator<Item = TagId>,
) -> Result<()> {
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    if lock.is_empty() {
        return Ok(());
    }
    let tags: BTreeSet<TagId> = tags.collect();
    Query::new(format!(
        "SELECT t.id FROM tag t WHERE t.workspace_id = $1 AND {{those}} ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .among("those", "t.id", tags.iter().map(|tag| tag.0))
    .raw(tx.connection())
    .await?;
    Ok(())
}

/// [`hold_tags`] of all tags that `things` carry or ever carried. What is carried is not to be read
/// before: another tag may take the place of one while it is waited for.
pub(in crate::tag) async fn hold_tags_on(tx: &Tx<'_>, things: &[Uuid]) -> Result<()> {
    if dialect::reference_lock(tx.connection().get_database_backend()).is_empty() {
        return Ok(());
    }
    let mut held: BTreeSet<TagId> = BTreeSet::new();
    loop {
        let carried: Vec<TagId> = Query::new(
            "SELECT DISTINCT g.tag_id FROM {r}
             JOIN tagging g ON g.workspace_id = $1 AND g.target_id = r.id",
        )
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", things.iter().copied()))
        .column(tx.connection())
        .await?;
        let more: BTreeSet<TagId> = carried
            .into_iter()
            .filter(|tag| !held.contains(tag))
            .collect();
        if more.is_empty() {
            return Ok(());
        }
        hold_tags(tx, more.iter().copied()).await?;
        held.extend(more);
    }
}

/// Like [`hold_tags`]; says whether all of `tags` are there and can be put on.
pub(crate) async fn hold_usable(tx: &Tx<'_>, tags: &BTreeSet<TagId>) -> Result<bool> {
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    let held = Query::new(format!(
        "SELECT t.id FROM tag t WHERE t.workspace_id = $1 AND {{those}}
           AND t.deleted_at IS NULL AND t.archived_at IS NULL ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .among("those", "t.id", tags.iter().map(|tag| tag.0))
    .raw(tx.connection())
    .await?;
    Ok(held.len() == tags.len())
}
