//! Who watches a conversation, and what is left when a member goes.

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    conversation::Model,
    id::{ConversationId, MemberId, WorkspaceId},
};
use sea_orm::FromQueryResult;

use super::update::{By, Changes};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx},
    work::change::{Change, Fact},
};

/// The members among `wanted` who are here and not removed. On PostgreSQL they cannot be removed
/// before the transaction ends without its effects being seen.
pub(super) async fn present(tx: &Tx<'_>, wanted: BTreeSet<MemberId>) -> Result<BTreeSet<MemberId>> {
    look_up(tx, wanted, "AND m.removed_at IS NULL").await
}

/// The members among `wanted` who are or were here.
pub(super) async fn known(tx: &Tx<'_>, wanted: BTreeSet<MemberId>) -> Result<BTreeSet<MemberId>> {
    look_up(tx, wanted, "").await
}

async fn look_up(
    tx: &Tx<'_>,
    wanted: BTreeSet<MemberId>,
    condition: &str,
) -> Result<BTreeSet<MemberId>> {
    use sea_orm::ConnectionTrait as _;
    if wanted.is_empty() {
        return Ok(wanted);
    }
    let lock = crate::store::dialect::share_lock(tx.connection().get_database_backend());
    let found: Vec<MemberId> = Query::new(format!(
        "SELECT m.id FROM {{r}} JOIN member m ON m.workspace_id = $1 AND m.id = r.id {condition}
         {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", wanted))
    .column(tx.connection())
    .await?;
    Ok(found.into_iter().collect())
}

#[derive(FromQueryResult)]
struct Pair {
    conversation_id: ConversationId,
    member_id: MemberId,
}

fn pairs(rows: &[Model], members: &[MemberId]) -> Rows {
    let members: BTreeSet<MemberId> = members.iter().copied().collect();
    let pairs = || {
        let members = &members;
        rows.iter()
            .flat_map(move |row| members.iter().map(move |member| (row.id, *member)))
    };
    Rows::new()
        .ids("conversation_id", pairs().map(|(id, _)| id))
        .ids("member_id", pairs().map(|(_, member)| member))
}

/// Adds and removes the watchers `changes` names, and records what came of it.
pub(super) async fn change(
    tx: &mut Tx<'_>,
    by: By<'_>,
    rows: &[Model],
    changes: &Changes,
) -> Result<()> {
    let mut differences: BTreeMap<ConversationId, (Vec<MemberId>, Vec<MemberId>)> = BTreeMap::new();
    if !changes.unwatch.is_empty() {
        let removed: Vec<Pair> = Query::new(
            "DELETE FROM conversation_watcher WHERE workspace_id = $1
               AND (conversation_id, member_id) IN (SELECT r.conversation_id, r.member_id FROM {r})
             RETURNING conversation_id, member_id",
        )
        .bind(tx.workspace)
        .rows("r", pairs(rows, &changes.unwatch))
        .all(tx.connection())
        .await?;
        for pair in removed {
            let difference = differences.entry(pair.conversation_id).or_default();
            difference.1.push(pair.member_id);
        }
    }
    if !changes.watch.is_empty() {
        for pair in add(tx, pairs(rows, &changes.watch)).await? {
            let difference = differences.entry(pair.conversation_id).or_default();
            difference.0.push(pair.member_id);
        }
    }
    for row in rows {
        if let Some((mut added, mut removed)) = differences.remove(&row.id) {
            added.sort_unstable();
            removed.sort_unstable();
            let fact = Fact::ConversationWatchersChanged {
                conversation_id: row.id,
                added,
                removed,
            };
            tx.record(by.change(row, fact));
        }
    }
    Ok(())
}

/// Has members watch conversations among `rows` as each of `wanted` says, and records what came of it. Says
/// of each whether somebody began to.
pub(super) async fn begin(
    tx: &mut Tx<'_>,
    wanted: &[(By<'_>, ConversationId, Changes)],
    rows: &BTreeMap<ConversationId, Model>,
) -> Result<Vec<bool>> {
    let mut pairs: BTreeSet<(ConversationId, MemberId)> = BTreeSet::new();
    for (_, id, changes) in wanted {
        if rows.contains_key(id) {
            pairs.extend(changes.watch.iter().map(|member| (*id, *member)));
        }
    }
    if pairs.is_empty() {
        return Ok(vec![false; wanted.len()]);
    }
    let pairs = Rows::new()
        .ids("conversation_id", pairs.iter().map(|pair| pair.0))
        .ids("member_id", pairs.iter().map(|pair| pair.1));
    let added = add(tx, pairs).await?.into_iter();
    let mut new: BTreeSet<(ConversationId, MemberId)> = added
        .map(|pair| (pair.conversation_id, pair.member_id))
        .collect();
    let mut begun = Vec::with_capacity(wanted.len());
    for (by, id, changes) in wanted {
        // Whoever is named twice begins once.
        let named = changes.watch.iter().copied();
        let mut added: Vec<MemberId> = named.filter(|&member| new.remove(&(*id, member))).collect();
        begun.push(!added.is_empty());
        if let Some(row) = rows.get(id).filter(|_| !added.is_empty()) {
            added.sort_unstable();
            let fact = Fact::ConversationWatchersChanged {
                conversation_id: *id,
                added,
                removed: Vec::new(),
            };
            tx.record(by.change(row, fact));
        }
    }
    Ok(begun)
}

/// Has members watch conversations, in pairs; says which of these are new.
async fn add(tx: &Tx<'_>, pairs: Rows) -> Result<Vec<Pair>> {
    Ok(Query::new(
        "INSERT INTO conversation_watcher (workspace_id, conversation_id, member_id, added_at)
         SELECT $1, r.conversation_id, r.member_id, $2 FROM {r} WHERE true
         ON CONFLICT DO NOTHING RETURNING conversation_id, member_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", pairs)
    .all(tx.connection())
    .await?)
}

#[derive(FromQueryResult)]
struct Left {
    id: ConversationId,
    contact_id: entity::id::ContactId,
}

/// Takes a member who is being removed off every conversation: nobody is assigned to what they had,
/// and they watch nothing any more.
pub(crate) async fn release(tx: &mut Tx<'_>, origin: Origin, member: MemberId) -> Result<()> {
    let left: Vec<Left> = Query::new(
        "UPDATE conversation SET assignee_id = NULL WHERE workspace_id = $1 AND assignee_id = $2
         RETURNING id, contact_id",
    )
    .bind(tx.workspace)
    .bind(member)
    .all(tx.connection())
    .await?;
    let mut left: Vec<_> = left
        .into_iter()
        .map(|row| (row.id, row.contact_id))
        .collect();
    left.sort_unstable();
    for (conversation_id, contact) in left {
        let fact = Fact::ConversationAssigned {
            conversation_id,
            from: Some(member),
            to: None,
        };
        tx.record(Change::new(origin, Some(contact), fact));
    }
    Query::new("DELETE FROM conversation_watcher WHERE workspace_id = $1 AND member_id = $2")
        .bind(tx.workspace)
        .bind(member)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Who watches a conversation.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Watcher {
    /// Which conversation.
    pub conversation_id: ConversationId,
    /// Who.
    pub member_id: MemberId,
}

/// The watchers of the conversations among `ids`, those who came first first; for loaders.
pub async fn load_watchers(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[ConversationId],
) -> Result<Vec<Watcher>> {
    Ok(Query::new(
        "SELECT w.conversation_id, w.member_id FROM {r}
         JOIN conversation_watcher w ON w.workspace_id = $1 AND w.conversation_id = r.id
         ORDER BY w.conversation_id, w.added_at, w.member_id",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}
