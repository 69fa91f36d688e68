//! Tagging and untagging everything a filter finds, as an operation.
//!
//! A step takes the next things in the order of their ids and evaluates the filter on them as they are
//! then; what a step changes may take a thing out of the filter, never bring it back. Each tagging has
//! its own entry in the change log like any other, so that whatever reads the log need not know that
//! it was one of many. The statements are in `super::mass`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{TagGroupId, TagId},
    kind::OperationKind,
    operation, tag,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    AUTOMATIC, Reason, Request, Which,
    ask::{make, reason_text},
    fit::{refuse_unfit, refuse_unfit_of},
    hold::keep_things,
    mass, remove,
};
use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    operation::{Kind, NewOperation, Step, start},
    store::{Query, Rows, Tx},
    tag::NewTag,
};

/// Things looked at in one step.
const BATCH: i64 = 5_000;
/// Conversations looked at in one step when their messages are to be read.
const BATCH_READ: i64 = 500;
/// Tags one operation may put on and take off together.
pub const MAX_TAGS: usize = 10;

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
    /// Of a dry run: the tags that would be made and put on. [`tag_by_filter_making`] sets it.
    #[serde(default)]
    pub imagined: Option<Imagined>,
}

/// Tags that are not made, because nothing is in a dry run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Imagined {
    /// How many.
    pub tags: usize,
    /// The groups that take one value and would get one of them.
    pub single_groups: BTreeSet<TagGroupId>,
}

/// Asks for it: checked now, done by workers. With `dry_run` nothing is changed and the operation
/// only says how many taggings would be made, ended and replaced by another value of their group.
pub async fn tag_by_filter(
    ctx: &Ctx,
    actor: &Actor,
    bulk: NewBulk,
    dry_run: bool,
) -> Result<operation::Model> {
    let asked = tag_by_filter_making(ctx, actor, bulk, Vec::new(), dry_run).await?;
    Ok(asked.0)
}

/// The same, with tags that are made first and put on as well; tells them, in the order asked for. A dry run makes
/// none.
pub async fn tag_by_filter_making(
    ctx: &Ctx,
    actor: &Actor,
    mut bulk: NewBulk,
    create: Vec<NewTag>,
    dry_run: bool,
) -> Result<(operation::Model, Vec<tag::Model>)> {
    actor.require(Scope::Write)?;
    bulk.reason = reason_text(&bulk.reason)?;
    let tags = bulk.add.len() + bulk.remove.len() + create.len();
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
    let things = ["things", bulk.which.field()];
    bulk.which.check_text(&things)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    if bulk.expires_at.is_some_and(|at| at <= tx.now) {
        let message = "Choose a moment in the future.";
        return refused("expiresAt", UserErrorCode::Invalid, message);
    }
    bulk.which.check(&tx, &things).await?;
    let target = bulk.which.target();
    let mut created = make(&mut tx, actor, create).await?;
    let made: Vec<TagId> = created.iter().map(|tag| tag.id).collect();
    let lists = [
        ("addTagIds", bulk.add.as_slice()),
        ("create", made.as_slice()),
    ];
    refuse_unfit_of(&tx, &lists, target, true).await?;
    refuse_unfit(&tx, &bulk.remove, target, false, "removeTagIds").await?;
    if dry_run && !made.is_empty() {
        bulk.imagined = Some(imagined(&tx, &created).await?);
        created.clear();
        tx.rollback().await?;
        tx = ctx.begin(actor.workspace).await?;
    } else {
        bulk.add.extend(made);
    }
    // What is named twice is put on once, and counted once.
    let mut seen = BTreeSet::new();
    bulk.add.retain(|tag| seen.insert(*tag));
    let new = NewOperation {
        kind: OperationKind::TagByFilter,
        request: serde_json::to_value(&bulk)?,
        total: None,
        dry_run,
        origin: actor.origin(),
    };
    let asked = start(ctx, &mut tx, new).await?;
    tx.commit().await?;
    Ok((asked, created))
}

/// What a dry run has to know of tags that were made to be checked, and will not be there.
async fn imagined(tx: &Tx<'_>, made: &[tag::Model]) -> Result<Imagined> {
    let groups: BTreeSet<TagGroupId> = made.iter().filter_map(|tag| tag.group_id).collect();
    let single_groups: Vec<TagGroupId> = Query::new(
        "SELECT s.id FROM {r} JOIN tag_group s
           ON s.workspace_id = $1 AND s.id = r.id AND s.selection = 'SINGLE'",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", groups))
    .column(tx.connection())
    .await?;
    Ok(Imagined {
        tags: made.len(),
        single_groups: single_groups.into_iter().collect(),
    })
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
    /// Of groups that take one value: those that gave way to what was added.
    #[serde(default)]
    replaced: i64,
    /// Taggings that were there and go on with another end.
    #[serde(default)]
    renewed: i64,
}

impl Counts {
    fn add(&mut self, more: &Self) {
        self.added += more.added;
        self.removed += more.removed;
        self.replaced += more.replaced;
        self.renewed += more.renewed;
    }
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
                total: Some(bulk.which.count(tx).await?),
                ..Step::default()
            });
        }
        let mut progress: Progress = read(&operation.progress)?;
        let batch = match &bulk.which {
            Which::Conversation(filter) if filter.text.is_some() => BATCH_READ,
            _ => BATCH,
        };
        let part = bulk.which.next(tx, progress.after, batch).await?;
        let counts = if operation.dry_run {
            would(tx, &bulk, &part.ids).await?
        } else {
            work(ctx, tx, operation, &bulk, &part.ids).await?
        };
        progress.counts.add(&counts);
        progress.after = part.last.or(progress.after);
        Ok(part.step(&progress, batch))
    }
}

fn read(progress: &Value) -> Result<Progress> {
    Ok(serde_json::from_value(progress.clone())?)
}

/// How many taggings would be made, ended and replaced.
async fn would(tx: &Tx<'_>, bulk: &NewBulk, ids: &[Uuid]) -> Result<Counts> {
    // What a rule or a playbook has put on is made anew in the asker's name.
    let by_people = format!("AND NOT {AUTOMATIC}");
    let there = carried(tx, ids, &bulk.add, &by_people).await?;
    let imagined = bulk.imagined.as_ref().map_or(0, |one| one.tags);
    Ok(Counts {
        added: (ids.len() * (bulk.add.len() + imagined)) as i64 - there,
        removed: carried(tx, ids, &bulk.remove, "").await?,
        replaced: giving_way(tx, bulk, ids).await? + giving_way_to_imagined(tx, bulk, ids).await?,
        renewed: going_on(tx, bulk, ids).await?,
    })
}

/// How many taggings would give way to what is put on, because their group takes one value. What is taken
/// off goes first, and where a thing carries the tag already, nothing gives way to it.
async fn giving_way(tx: &Tx<'_>, bulk: &NewBulk, ids: &[Uuid]) -> Result<i64> {
    if bulk.add.is_empty() || ids.is_empty() {
        return Ok(0);
    }
    let count: Option<i64> = Query::new(
        "SELECT COUNT(*) FROM {r} JOIN tagging g ON g.workspace_id = $1
           AND g.target_id = r.id AND g.removed_at IS NULL
         JOIN tag a ON a.workspace_id = $1 AND a.group_id = g.single_group_id
         WHERE a.id IN (SELECT t.id FROM {t}) AND g.tag_id <> a.id
           AND g.tag_id NOT IN (SELECT x.id FROM {x})
           AND NOT EXISTS (SELECT 1 FROM tagging h WHERE h.workspace_id = $1
                             AND h.target_id = g.target_id AND h.tag_id = a.id
                             AND h.removed_at IS NULL)",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .rows("t", Rows::new().ids("id", bulk.add.iter().copied()))
    .rows("x", Rows::new().ids("id", bulk.remove.iter().copied()))
    .scalar(tx.connection())
    .await?;
    Ok(count.unwrap_or_default())
}

/// The same of tags that are only imagined: nothing carries one of them yet.
async fn giving_way_to_imagined(tx: &Tx<'_>, bulk: &NewBulk, ids: &[Uuid]) -> Result<i64> {
    let Some(imagined) = bulk.imagined.as_ref().filter(|_| !ids.is_empty()) else {
        return Ok(0);
    };
    let count: Option<i64> = Query::new(
        "SELECT COUNT(*) FROM {r} JOIN tagging g ON g.workspace_id = $1
           AND g.target_id = r.id AND g.removed_at IS NULL
         WHERE g.single_group_id IN (SELECT s.id FROM {s})
           AND g.tag_id NOT IN (SELECT x.id FROM {x})",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .rows(
        "s",
        Rows::new().ids("id", imagined.single_groups.iter().copied()),
    )
    .rows("x", Rows::new().ids("id", bulk.remove.iter().copied()))
    .scalar(tx.connection())
    .await?;
    Ok(count.unwrap_or_default())
}

/// How many taggings of people would go on with another end.
async fn going_on(tx: &Tx<'_>, bulk: &NewBulk, ids: &[Uuid]) -> Result<i64> {
    let Some(at) = bulk.expires_at else {
        let until = format!("AND NOT {AUTOMATIC} AND g.expires_at IS NOT NULL");
        return carried(tx, ids, &bulk.add, &until).await;
    };
    if bulk.add.is_empty() || ids.is_empty() {
        return Ok(0);
    }
    let count: Option<i64> = Query::new(format!(
        "SELECT COUNT(*) FROM {{r}} JOIN tagging g ON g.workspace_id = $1
           AND g.target_id = r.id AND g.removed_at IS NULL AND NOT {AUTOMATIC}
           AND (g.expires_at IS NULL OR g.expires_at <> $2)
         WHERE g.tag_id IN (SELECT t.id FROM {{t}})"
    ))
    .bind(tx.workspace)
    .bind(at)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .rows("t", Rows::new().ids("id", bulk.add.iter().copied()))
    .scalar(tx.connection())
    .await?;
    Ok(count.unwrap_or_default())
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
) -> Result<Counts> {
    let target = bulk.which.target();
    // A tag may have been archived or deleted since.
    refuse_unfit(tx, &bulk.add, target, true, "addTagIds").await?;
    let reason = Reason {
        origin: serde_json::from_value(operation.created_by.clone())?,
        text: bulk.reason.clone(),
        cause: None,
    };
    let kept = keep_things(tx, target, &ids.iter().copied().collect()).await?;
    let requests = |tag: TagId| {
        kept.iter().map(move |&target_id| Request {
            target,
            target_id,
            tag,
        })
    };
    let mut counts = Counts::default();
    for &tag in &bulk.remove {
        let requests: Vec<_> = requests(tag).collect();
        counts.removed += remove(ctx, tx, &reason, &requests).await? as i64;
    }
    for &tag in &bulk.add {
        let requests: Vec<_> = requests(tag).collect();
        let done = mass::put(ctx, tx, &reason, tag, &requests, bulk.expires_at).await?;
        counts.added += done.made;
        counts.replaced += done.replaced;
        counts.renewed += done.renewed;
    }
    Ok(counts)
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
