//! Putting tags on things and taking them off, many at once.
//!
//! A tagging is an interval: who put the tag on, when and why, and the same for its removal; it is
//! never deleted. Every change goes through `add` and `remove`, which also keep the rank index
//! and the counters, in a number of statements that does not depend on how many things are tagged.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, ContactId, ConversationId, Id as _, TagId, TaggingId, WorkspaceId},
    kind::{TagKind, TagTarget},
    tag, tagging,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use crate::{
    access::{Actor, Origin, Scope},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    page::{Key, Keyset, Page, PageRequest},
    store::{Query, Rows, Tx, dialect},
    text,
    work::change::{Change, Entry, Fact},
};

/// Counters of one tag are spread over this many rows, so that writers who tag different things
/// with the same tag seldom wait for each other.
const SHARDS: u8 = 4;

/// One tag on one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// The kind of thing.
    pub target: TagTarget,
    /// The thing.
    pub target_id: Uuid,
    /// The tag.
    pub tag: TagId,
}

impl Request {
    /// `tag` on a contact.
    pub fn contact(id: ContactId, tag: TagId) -> Self {
        Self {
            target: TagTarget::Contact,
            target_id: id.uuid(),
            tag,
        }
    }

    /// `tag` on a conversation.
    pub fn conversation(id: ConversationId, tag: TagId) -> Self {
        Self {
            target: TagTarget::Conversation,
            target_id: id.uuid(),
            tag,
        }
    }

    /// `tag` on an account.
    pub fn account(id: AccountId, tag: TagId) -> Self {
        Self {
            target: TagTarget::Account,
            target_id: id.uuid(),
            tag,
        }
    }

    /// The contact it concerns, if it is about one.
    fn of_contact(&self) -> Option<ContactId> {
        (self.target == TagTarget::Contact).then_some(ContactId(self.target_id))
    }
}

/// Who tags, why, and what made them do it.
#[derive(Debug, Clone)]
pub struct Reason<'a> {
    /// Who.
    pub origin: Origin,
    /// Why, in words.
    pub text: String,
    /// The log entry it follows from, if it follows from one.
    pub cause: Option<&'a Entry>,
}

impl Reason<'_> {
    fn change(&self, contact: Option<ContactId>, fact: Fact) -> Change {
        match self.cause {
            Some(cause) => Change::caused(cause, self.origin, contact, fact),
            None => Change::new(self.origin, contact, fact),
        }
    }
}

#[derive(Debug, FromQueryResult)]
struct Touched {
    id: TaggingId,
    tag_id: TagId,
    target: TagTarget,
    target_id: Uuid,
}

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

impl Touched {
    fn request(&self) -> Request {
        Request {
            target: self.target,
            target_id: self.target_id,
            tag: self.tag_id,
        }
    }
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

#[derive(FromQueryResult)]
struct Link {
    tag_id: TagId,
    ancestor_id: TagId,
}

#[derive(FromQueryResult)]
struct Ranked {
    tag_id: TagId,
    target_id: Uuid,
    taggings: i64,
}

/// Brings the rank index and the counters up to date after taggings were made (`sign` 1) or ended
/// (`sign` -1).
async fn rank(ctx: &Ctx, tx: &Tx<'_>, touched: &[Touched], sign: i64) -> Result<()> {
    if touched.is_empty() {
        return Ok(());
    }
    let tags: BTreeSet<TagId> = touched.iter().map(|tagging| tagging.tag_id).collect();
    let links: Vec<Link> = Query::new(
        "SELECT l.tag_id, l.ancestor_id FROM {r}
         JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", tags))
    .all(tx.connection())
    .await?;
    let mut above: HashMap<TagId, Vec<TagId>> = HashMap::new();
    for link in links {
        above.entry(link.tag_id).or_default().push(link.ancestor_id);
    }
    let mut pairs: BTreeMap<(TagId, Uuid), i64> = BTreeMap::new();
    let mut counts: BTreeMap<(TagId, TagTarget), (i64, i64)> = BTreeMap::new();
    let mut kinds: HashMap<Uuid, TagTarget> = HashMap::new();
    for tagging in touched {
        counts
            .entry((tagging.tag_id, tagging.target))
            .or_default()
            .0 += sign;
        kinds.insert(tagging.target_id, tagging.target);
        for &ancestor in above.get(&tagging.tag_id).into_iter().flatten() {
            *pairs.entry((ancestor, tagging.target_id)).or_default() += 1;
        }
    }
    let changed = if sign > 0 {
        add_ranks(tx, &pairs).await?
    } else {
        cut_ranks(tx, &pairs).await?
    };
    for (tag, target_id) in changed {
        if let Some(&kind) = kinds.get(&target_id) {
            counts.entry((tag, kind)).or_default().1 += sign;
        }
    }
    count(ctx, tx, &counts).await
}

fn pair_rows(pairs: &BTreeMap<(TagId, Uuid), i64>) -> Rows {
    Rows::new()
        .ids("tag_id", pairs.keys().map(|(tag, _)| *tag))
        .uuids("target_id", pairs.keys().map(|(_, target)| *target))
        .ints("taggings", pairs.values().copied())
}

/// Adds to the rank index and returns the pairs that are new in it.
async fn add_ranks(
    tx: &Tx<'_>,
    pairs: &BTreeMap<(TagId, Uuid), i64>,
) -> Result<Vec<(TagId, Uuid)>> {
    hold_scores(tx, pairs.keys().map(|(_, target)| *target)).await?;
    let ranked: Vec<Ranked> = Query::new(
        "INSERT INTO tag_rank (workspace_id, tag_id, target_id, score, taggings)
         SELECT $1, r.tag_id, r.target_id, COALESCE(h.rank, -1), r.taggings
         FROM {r} LEFT JOIN contact_health h
           ON h.workspace_id = $1 AND h.contact_id = r.target_id
         WHERE true
         ON CONFLICT (workspace_id, target_id, tag_id)
         DO UPDATE SET taggings = tag_rank.taggings + excluded.taggings
         RETURNING tag_id, target_id, taggings",
    )
    .bind(tx.workspace)
    .rows("r", pair_rows(pairs))
    .all(tx.connection())
    .await?;
    Ok(ranked
        .into_iter()
        .map(|row| ((row.tag_id, row.target_id), row.taggings))
        .filter(|(pair, taggings)| pairs.get(pair) == Some(taggings))
        .map(|(pair, _)| pair)
        .collect())
}

/// Keeps the scores of the contacts among `targets` from changing before their copies are in the rank
/// index. A recomputation that comes meanwhile waits, and then finds the copies to change.
async fn hold_scores(tx: &Tx<'_>, targets: impl Iterator<Item = Uuid>) -> Result<()> {
    let lock = dialect::share_lock(tx.connection().get_database_backend());
    if lock.is_empty() {
        return Ok(());
    }
    let targets: BTreeSet<Uuid> = targets.collect();
    Query::new(format!(
        "SELECT h.contact_id FROM contact_health h
         WHERE h.workspace_id = $1 AND h.contact_id IN (SELECT r.id FROM {{r}})
         ORDER BY h.contact_id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", targets))
    .raw(tx.connection())
    .await?;
    Ok(())
}

/// Takes from the rank index and returns the pairs that are no longer in it.
async fn cut_ranks(
    tx: &Tx<'_>,
    pairs: &BTreeMap<(TagId, Uuid), i64>,
) -> Result<Vec<(TagId, Uuid)>> {
    Query::new(
        "UPDATE tag_rank SET taggings = tag_rank.taggings - r.taggings FROM {r}
         WHERE tag_rank.workspace_id = $1 AND tag_rank.tag_id = r.tag_id
           AND tag_rank.target_id = r.target_id",
    )
    .bind(tx.workspace)
    .rows("r", pair_rows(pairs))
    .execute(tx.connection())
    .await?;
    let gone: Vec<Ranked> = Query::new(
        "DELETE FROM tag_rank WHERE workspace_id = $1 AND taggings <= 0
           AND (target_id, tag_id) IN (SELECT r.target_id, r.tag_id FROM {r})
         RETURNING tag_id, target_id, taggings",
    )
    .bind(tx.workspace)
    .rows("r", pair_rows(pairs))
    .all(tx.connection())
    .await?;
    Ok(gone
        .into_iter()
        .map(|row| (row.tag_id, row.target_id))
        .collect())
}

/// Adds to the counters, in the order of their keys so that two writers cannot hold each other up.
async fn count(
    ctx: &Ctx,
    tx: &Tx<'_>,
    counts: &BTreeMap<(TagId, TagTarget), (i64, i64)>,
) -> Result<()> {
    let mut shard = [0];
    ctx.ids.fill(&mut shard);
    let rows = Rows::new()
        .ids("tag_id", counts.keys().map(|(tag, _)| *tag))
        .texts("target", counts.keys().map(|(_, target)| target.word()))
        .ints("direct", counts.values().map(|(direct, _)| *direct))
        .ints("total", counts.values().map(|(_, total)| *total));
    Query::new(
        "INSERT INTO tag_count (workspace_id, tag_id, target, shard, direct, total)
         SELECT $1, r.tag_id, r.target, $2, r.direct, r.total FROM {r} WHERE true
         ORDER BY r.tag_id, r.target
         ON CONFLICT (workspace_id, tag_id, target, shard)
         DO UPDATE SET direct = tag_count.direct + excluded.direct,
                       total = tag_count.total + excluded.total",
    )
    .bind(tx.workspace)
    .bind(i64::from(shard[0] % SHARDS))
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Takes the taggings of a subtree out of the rank index and the counters, before it is moved.
pub(super) async fn unrank_subtree(tx: &Tx<'_>, root: TagId) -> Result<()> {
    let touched = subtree(tx, root).await?;
    let mut pairs = BTreeMap::new();
    collect_pairs(tx, &touched, &mut pairs).await?;
    let gone = cut_ranks(tx, &pairs).await?;
    count_totals(tx, &touched, &gone, -1).await
}

/// Puts the taggings of a subtree into the rank index and the counters, after it was moved.
pub(super) async fn rank_subtree(tx: &Tx<'_>, root: TagId) -> Result<()> {
    let touched = subtree(tx, root).await?;
    let mut pairs = BTreeMap::new();
    collect_pairs(tx, &touched, &mut pairs).await?;
    let new = add_ranks(tx, &pairs).await?;
    count_totals(tx, &touched, &new, 1).await
}

async fn subtree(tx: &Tx<'_>, root: TagId) -> Result<Vec<Touched>> {
    Ok(Query::new(
        "SELECT g.id, g.tag_id, g.target, g.target_id FROM tag_closure l
         JOIN tagging g ON g.workspace_id = $1 AND g.tag_id = l.tag_id AND g.removed_at IS NULL
         WHERE l.workspace_id = $1 AND l.ancestor_id = $2",
    )
    .bind(tx.workspace)
    .bind(root)
    .all(tx.connection())
    .await?)
}

async fn collect_pairs(
    tx: &Tx<'_>,
    touched: &[Touched],
    pairs: &mut BTreeMap<(TagId, Uuid), i64>,
) -> Result<()> {
    let tags: BTreeSet<TagId> = touched.iter().map(|tagging| tagging.tag_id).collect();
    let links: Vec<Link> = Query::new(
        "SELECT l.tag_id, l.ancestor_id FROM {r}
         JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", tags))
    .all(tx.connection())
    .await?;
    for tagging in touched {
        for link in links.iter().filter(|link| link.tag_id == tagging.tag_id) {
            *pairs
                .entry((link.ancestor_id, tagging.target_id))
                .or_default() += 1;
        }
    }
    Ok(())
}

async fn count_totals(
    tx: &Tx<'_>,
    touched: &[Touched],
    changed: &[(TagId, Uuid)],
    sign: i64,
) -> Result<()> {
    let kinds: HashMap<Uuid, TagTarget> = touched
        .iter()
        .map(|tagging| (tagging.target_id, tagging.target))
        .collect();
    let mut counts: BTreeMap<(TagId, TagTarget), (i64, i64)> = BTreeMap::new();
    for (tag, target_id) in changed {
        if let Some(&kind) = kinds.get(target_id) {
            counts.entry((*tag, kind)).or_default().1 += sign;
        }
    }
    count(tx.ctx(), tx, &counts).await
}

/// Puts tags on things on a member's behalf, after checking that all of them exist here and fit.
pub async fn tag_many(
    ctx: &Ctx,
    actor: &Actor,
    requests: &[Request],
    reason: &str,
) -> Result<usize> {
    change(ctx, actor, requests, reason, true).await
}

/// Takes tags off things on a member's behalf.
pub async fn untag_many(
    ctx: &Ctx,
    actor: &Actor,
    requests: &[Request],
    reason: &str,
) -> Result<usize> {
    change(ctx, actor, requests, reason, false).await
}

async fn change(
    ctx: &Ctx,
    actor: &Actor,
    requests: &[Request],
    reason: &str,
    adding: bool,
) -> Result<usize> {
    actor.require(Scope::Write)?;
    let text = text::short_text(reason, &["reason"], 255).map_err(|e| Error::Refused(vec![e]))?;
    let mut tx = ctx.begin(actor.workspace).await?;
    check(&tx, requests, adding).await?;
    let reason = Reason {
        origin: actor.origin(),
        text,
        cause: None,
    };
    let count = if adding {
        add(ctx, &mut tx, &reason, requests).await?
    } else {
        remove(ctx, &mut tx, &reason, requests).await?
    };
    tx.commit().await?;
    Ok(count)
}

#[derive(FromQueryResult)]
struct TagFacts {
    id: TagId,
    kind: TagKind,
    archived_at: Option<DateTime<Utc>>,
}

/// Refuses tags and things that are not there, and tags of the wrong kind.
async fn check(tx: &Tx<'_>, requests: &[Request], adding: bool) -> Result<()> {
    let tags: Vec<TagFacts> = Query::new(
        "SELECT t.id, t.kind, t.archived_at FROM {r}
         JOIN tag t ON t.workspace_id = $1 AND t.id = r.id",
    )
    .bind(tx.workspace)
    .rows(
        "r",
        Rows::new().ids("id", requests.iter().map(|request| request.tag)),
    )
    .all(tx.connection())
    .await?;
    let tags: HashMap<TagId, TagFacts> = tags.into_iter().map(|tag| (tag.id, tag)).collect();
    let mut errors: Vec<UserError> = Vec::new();
    let mut refuse = |path: &[&str], code, message: &str| {
        let error = UserError::new(path, code, message);
        if !errors.contains(&error) {
            errors.push(error);
        }
    };
    for request in requests {
        let needed = match request.target {
            TagTarget::Conversation => TagKind::Conversation,
            TagTarget::Contact | TagTarget::Account => TagKind::Contact,
        };
        match tags.get(&request.tag) {
            None => refuse(
                &["tagIds"],
                UserErrorCode::NotFound,
                "There is no such tag.",
            ),
            Some(tag) if tag.kind != needed => refuse(
                &["tagIds"],
                UserErrorCode::KindMismatch,
                "Contacts and accounts take contact tags, conversations take conversation tags.",
            ),
            Some(tag) if adding && tag.archived_at.is_some() => {
                refuse(
                    &["tagIds"],
                    UserErrorCode::Invalid,
                    "This tag is archived. Restore it first.",
                );
            }
            Some(_) => {}
        }
    }
    for (target, table, field, what) in [
        (
            TagTarget::Contact,
            "contact",
            "contactIds",
            "There is no such contact.",
        ),
        (
            TagTarget::Account,
            "account",
            "accountIds",
            "There is no such account.",
        ),
        (
            TagTarget::Conversation,
            "conversation",
            "conversationIds",
            "There is no such conversation.",
        ),
    ] {
        let wanted: HashSet<Uuid> = requests
            .iter()
            .filter(|r| r.target == target)
            .map(|r| r.target_id)
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let found: Vec<Uuid> = Query::new(format!(
            "SELECT x.id FROM {{r}} JOIN {table} x ON x.workspace_id = $1 AND x.id = r.id"
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", wanted.iter().copied()))
        .column(tx.connection())
        .await?;
        if found.len() < wanted.len() {
            refuse(&[field], UserErrorCode::NotFound, what);
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(errors))
    }
}

/// The taggings of the things among `ids` that hold now, oldest first; for loaders.
pub async fn load_active(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<Vec<tagging::Model>> {
    Ok(Query::new(
        "SELECT g.* FROM {r} JOIN tagging g ON g.workspace_id = $1 AND g.target_id = r.id
           AND g.removed_at IS NULL
         ORDER BY g.target_id, g.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// The tagging, if it is one of the workspace.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: TaggingId,
) -> Result<Option<tagging::Model>> {
    Ok(
        Query::new("SELECT * FROM tagging WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(id)
            .one(ctx.reader())
            .await?,
    )
}

/// A page of everything that was ever tagged on a thing, newest first, removals included.
pub async fn history(
    ctx: &Ctx,
    workspace: WorkspaceId,
    target: Uuid,
    page: &PageRequest,
) -> Result<Page<(String, tagging::Model)>> {
    let keyset = Keyset {
        order: "tagging",
        key: None,
        id: "g.id",
        descending: true,
    };
    let mut query =
        Query::new("SELECT g.* FROM tagging g WHERE g.workspace_id = $1 AND g.target_id = $2")
            .bind(workspace)
            .bind(target);
    keyset.apply(&mut query, page)?;
    let rows: Vec<tagging::Model> = query.all(ctx.reader()).await?;
    Ok(keyset
        .page(rows, page)
        .map(|row| (keyset.cursor(Key::Id(()), row.id.uuid()), row)))
}

/// The taggings of the things among `ids` that hold now, each with its tag, by thing and oldest
/// first; one statement for a whole list.
pub async fn load_with_tags(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<(tagging::Model, tag::Model)>>> {
    let rows = Query::new(
        "SELECT g.id, g.tag_id, g.target, g.target_id, g.added_at, g.added_by, g.added_reason,
                t.kind, t.parent_id, t.name, t.name_key, t.description, t.colour, t.created_by,
                t.created_at, t.updated_at, t.archived_at
         FROM {r}
         JOIN tagging g ON g.workspace_id = $1 AND g.target_id = r.id AND g.removed_at IS NULL
         JOIN tag t ON t.workspace_id = $1 AND t.id = g.tag_id
         ORDER BY g.target_id, g.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .raw(ctx.reader())
    .await?;
    let mut by_thing: HashMap<Uuid, Vec<_>> = HashMap::with_capacity(ids.len());
    for row in rows {
        let tagging = tagging::Model {
            workspace_id: workspace,
            id: row.try_get_by_index(0)?,
            tag_id: row.try_get_by_index(1)?,
            target: row.try_get_by_index(2)?,
            target_id: row.try_get_by_index(3)?,
            added_at: row.try_get_by_index(4)?,
            added_by: row.try_get_by_index(5)?,
            added_reason: row.try_get_by_index(6)?,
            removed_at: None,
            removed_by: None,
            removed_reason: None,
        };
        let tag = tag::Model {
            workspace_id: workspace,
            id: tagging.tag_id,
            kind: row.try_get_by_index(7)?,
            parent_id: row.try_get_by_index(8)?,
            name: row.try_get_by_index(9)?,
            name_key: row.try_get_by_index(10)?,
            description: row.try_get_by_index(11)?,
            colour: row.try_get_by_index(12)?,
            created_by: row.try_get_by_index(13)?,
            created_at: row.try_get_by_index(14)?,
            updated_at: row.try_get_by_index(15)?,
            archived_at: row.try_get_by_index(16)?,
        };
        by_thing
            .entry(tagging.target_id)
            .or_default()
            .push((tagging, tag));
    }
    Ok(by_thing)
}
