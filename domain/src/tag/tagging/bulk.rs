//! Tagging and untagging everything a filter finds, as an operation.
//!
//! A step takes the next things in the order of their ids and evaluates the filter on them as they are
//! then; what a step changes may take a thing out of the filter, never bring it back. Each tagging has
//! its own entry in the change log like any other, so that whatever reads the log need not know that
//! it was one of many. The statements are in `super::mass`.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{Id, TagId},
    kind::{OperationKind, TagTarget},
    operation,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Reason, Request,
    ask::{reason_text, refuse_unfit},
    mass, remove,
};
use crate::{
    access::{Actor, Scope},
    account::AccountFilter,
    attribute::AttributeTest,
    contact::ContactFilter,
    conversation::ConversationFilter,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    operation::{Kind, NewOperation, Step, start},
    store::{Query, Rows, Tx},
};

/// Things looked at in one step.
const BATCH: i64 = 5_000;
/// Tags one operation may put on and take off together.
pub const MAX_TAGS: usize = 10;

/// Which things are meant, by what lists of them are filtered by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Which {
    /// Contacts.
    Contact(ContactFilter),
    /// Accounts.
    Account(AccountFilter),
    /// Conversations.
    Conversation(ConversationFilter),
}

/// A table, what its rows are called, and ids that must be in it.
type Named = (&'static str, &'static str, Vec<Uuid>);

fn named<I: Id>(
    table: &'static str,
    what: &'static str,
    ids: impl IntoIterator<Item = I>,
) -> Named {
    (
        table,
        what,
        ids.into_iter().map(entity::id::Id::uuid).collect(),
    )
}

impl Which {
    fn target(&self) -> TagTarget {
        match self {
            Self::Contact(_) => TagTarget::Contact,
            Self::Account(_) => TagTarget::Account,
            Self::Conversation(_) => TagTarget::Conversation,
        }
    }

    /// Everything the filter names.
    fn names(&self) -> Vec<Named> {
        let attributes = |tests: &[AttributeTest]| {
            let ids = tests.iter().map(|test| test.attribute);
            named("attribute_definition", "attribute", ids)
        };
        let (tags, mut names) = match self {
            Self::Contact(filter) => (
                &filter.tags,
                vec![
                    named("account", "account", filter.account),
                    named("member", "member", filter.owners.clone()),
                    named("member", "member", filter.brought_by.clone()),
                    named("campaign", "campaign", filter.source_campaigns.clone()),
                    named("segment", "segment", filter.segments.names()),
                    attributes(&filter.attributes),
                ],
            ),
            Self::Account(filter) => (
                &filter.tags,
                vec![
                    named("member", "member", filter.owners.clone()),
                    named("segment", "segment", filter.segments.names()),
                    attributes(&filter.attributes),
                ],
            ),
            Self::Conversation(filter) => (
                &filter.tags,
                vec![
                    named("inbox", "inbox", filter.inbox),
                    named("member", "member", filter.assignees.clone()),
                    named("member", "member", filter.watcher),
                    attributes(&filter.attributes),
                ],
            ),
        };
        let (tags, groups) = tags.names();
        names.push(named("tag", "tag", tags));
        names.push(named("tag_group", "tag group", groups));
        names
    }

    /// Refuses a filter that names what is not there: where a list would only be empty, a request for
    /// work says so. `field` is where the filter stands in the input.
    pub(crate) async fn check(&self, tx: &Tx<'_>, field: &str) -> Result<()> {
        for (table, what, ids) in self.names() {
            if ids.is_empty() {
                continue;
            }
            let missing: Option<i64> = Query::new(format!(
                "SELECT COUNT(*) FROM {{r}} WHERE NOT EXISTS (
                     SELECT 1 FROM {table} x WHERE x.workspace_id = $1 AND x.id = r.id)"
            ))
            .bind(tx.workspace)
            .rows("r", Rows::new().uuids("id", ids))
            .scalar(tx.connection())
            .await?;
            if missing.unwrap_or_default() > 0 {
                return Err(Error::not_found(&[field], what));
            }
        }
        Ok(())
    }

    /// The statement that finds their ids, and the column those are in.
    fn ids(&self, tx: &Tx<'_>) -> (Query, &'static str) {
        let (workspace, connection) = (tx.workspace, tx.connection());
        match self {
            Self::Contact(filter) => (filter.ids(workspace, connection), "c.id"),
            Self::Account(filter) => (filter.ids(workspace, connection), "a.id"),
            Self::Conversation(filter) => (filter.ids(workspace, connection), "cv.id"),
        }
    }
}

/// What is to be done with everything a filter finds. Stored as JSON with the operation: fields are
/// added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewBulk {
    /// The things.
    pub which: Which,
    /// Tags to put on.
    #[serde(default)]
    pub add: Vec<TagId>,
    /// Tags to take off.
    #[serde(default)]
    pub remove: Vec<TagId>,
    /// Why, in words.
    #[serde(default)]
    pub reason: String,
    /// When what is put on ends by itself.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Asks for it: checked now, done by workers. With `dry_run` nothing is changed and the operation
/// only says how many taggings would be made and ended.
pub async fn tag_by_filter(
    ctx: &Ctx,
    actor: &Actor,
    mut bulk: NewBulk,
    dry_run: bool,
) -> Result<operation::Model> {
    actor.require(Scope::Write)?;
    bulk.reason = reason_text(&bulk.reason)?;
    let tags = bulk.add.len() + bulk.remove.len();
    let refused = |field, code, message: &str| Err(Error::refused(&[field], code, message));
    if tags == 0 {
        let message = "Name at least one tag to put on or to take off.";
        return refused("addTagIds", UserErrorCode::Required, message);
    }
    if tags > MAX_TAGS {
        let message = format!("Name at most {MAX_TAGS} tags.");
        return refused("addTagIds", UserErrorCode::LimitReached, &message);
    }
    if bulk.add.iter().any(|tag| bulk.remove.contains(tag)) {
        let message = "A tag cannot be put on and taken off at once.";
        return refused("removeTagIds", UserErrorCode::Contradictory, message);
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    if bulk.expires_at.is_some_and(|at| at <= tx.now) {
        let message = "Choose a moment in the future.";
        return refused("expiresAt", UserErrorCode::Invalid, message);
    }
    bulk.which.check(&tx, "things").await?;
    let target = bulk.which.target();
    refuse_unfit(&tx, &bulk.add, target, true, "addTagIds").await?;
    refuse_unfit(&tx, &bulk.remove, target, false, "removeTagIds").await?;
    let new = NewOperation {
        kind: OperationKind::TagByFilter,
        request: serde_json::to_value(&bulk)?,
        total: None,
        dry_run,
        origin: actor.origin(),
    };
    let asked = start(ctx, &mut tx, new).await?;
    tx.commit().await?;
    Ok(asked)
}

/// Tags and untags everything a filter finds.
#[derive(Debug, Clone, Copy)]
pub struct TagByFilter;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// The last thing looked at.
    after: Option<Uuid>,
    counts: Counts,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Counts {
    added: i64,
    removed: i64,
}

#[async_trait]
impl Kind for TagByFilter {
    fn kind(&self) -> OperationKind {
        OperationKind::TagByFilter
    }

    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, operation: &operation::Model) -> Result<Step> {
        let bulk: NewBulk = serde_json::from_value(operation.request.clone())?;
        if operation.total.is_none() {
            return Ok(Step {
                progress: json!(Progress::default()),
                total: Some(count(tx, &bulk.which).await?),
                ..Step::default()
            });
        }
        let mut progress: Progress = read(&operation.progress)?;
        let ids = next(tx, &bulk.which, progress.after).await?;
        let (added, removed) = if operation.dry_run {
            would(tx, &bulk, &ids).await?
        } else {
            work(ctx, tx, operation, &bulk, &ids).await?
        };
        progress.counts.added += added;
        progress.counts.removed += removed;
        progress.after = ids.last().copied().or(progress.after);
        Ok(Step {
            progress: json!(progress),
            total: None,
            done: ids.len() as i64,
            failed: 0,
            is_last: (ids.len() as i64) < BATCH,
        })
    }
}

fn read(progress: &Value) -> Result<Progress> {
    Ok(serde_json::from_value(progress.clone())?)
}

async fn count(tx: &Tx<'_>, which: &Which) -> Result<i64> {
    let (mut query, _) = which.ids(tx);
    query.wrap("SELECT COUNT(*) FROM (", ") counted");
    let count: Option<i64> = query.scalar(tx.connection()).await?;
    Ok(count.unwrap_or_default())
}

/// The next things in the order of their ids.
async fn next(tx: &Tx<'_>, which: &Which, after: Option<Uuid>) -> Result<Vec<Uuid>> {
    let (mut query, id) = which.ids(tx);
    if let Some(after) = after {
        let after = query.arg(after);
        query.push(&format!(" AND {id} > {after}"));
    }
    query.push(&format!(" ORDER BY {id} LIMIT {BATCH}"));
    Ok(query.column(tx.connection()).await?)
}

/// How many taggings would be made and ended.
async fn would(tx: &Tx<'_>, bulk: &NewBulk, ids: &[Uuid]) -> Result<(i64, i64)> {
    // What a rule has put on is made anew in the asker's name.
    let there = carried(tx, ids, &bulk.add, "AND g.rule_id IS NULL").await?;
    let added = (ids.len() * bulk.add.len()) as i64 - there;
    Ok((added, carried(tx, ids, &bulk.remove, "").await?))
}

/// How many of the things carry each of the tags, added up.
async fn carried(tx: &Tx<'_>, ids: &[Uuid], tags: &[TagId], condition: &str) -> Result<i64> {
    if tags.is_empty() || ids.is_empty() {
        return Ok(0);
    }
    let count: Option<i64> = Query::new(format!(
        "SELECT COUNT(*) FROM {{r}} JOIN tagging g ON g.workspace_id = $1
           AND g.target_id = r.id AND g.removed_at IS NULL {condition}
         WHERE g.tag_id IN (SELECT t.id FROM {{t}})"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .rows("t", Rows::new().ids("id", tags.iter().copied()))
    .scalar(tx.connection())
    .await?;
    Ok(count.unwrap_or_default())
}

async fn work(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    operation: &operation::Model,
    bulk: &NewBulk,
    ids: &[Uuid],
) -> Result<(i64, i64)> {
    let target = bulk.which.target();
    // A tag may have been archived or deleted since.
    refuse_unfit(tx, &bulk.add, target, true, "addTagIds").await?;
    let reason = Reason {
        origin: serde_json::from_value(operation.created_by.clone())?,
        text: bulk.reason.clone(),
        cause: None,
    };
    let requests = |tag: TagId| {
        ids.iter().map(move |&target_id| Request {
            target,
            target_id,
            tag,
        })
    };
    let mut removed = 0;
    for &tag in &bulk.remove {
        let requests: Vec<_> = requests(tag).collect();
        removed += remove(ctx, tx, &reason, &requests).await? as i64;
    }
    let mut added = 0;
    for &tag in &bulk.add {
        let requests: Vec<_> = requests(tag).collect();
        added += mass::put(ctx, tx, &reason, tag, &requests, bulk.expires_at).await?;
    }
    Ok((added, removed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_requests_keep_decoding() {
        let stored = json!({
            "which": { "CONTACT": { "tags": { "any": ["tag_01900000000070008000000000000001"] } } },
            "add": ["tag_01900000000070008000000000000002"],
        });
        let bulk: NewBulk = serde_json::from_value(stored).unwrap();
        let Which::Contact(filter) = &bulk.which else {
            panic!("{bulk:?}");
        };
        assert!(filter.tags.with_descendants);
        let again: NewBulk = serde_json::from_value(json!(bulk)).unwrap();
        assert_eq!(again, bulk);
    }
}
