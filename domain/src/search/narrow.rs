//! Narrowing a list to the things that answer, for lists with an order and filters of their own.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use entity::id::WorkspaceId;
use futures::future::BoxFuture;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{
    lane::{Lane, judge},
    needle::{Match, Needle},
    source::{self, Kind},
    talk,
    walk::{FIRST_OPENED, MAX_OPENED, Walk},
};
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    page::{Page, PageRequest, Total},
    store::{Query, Rows},
};

/// Rows of a list with an id, which a search can be asked about.
pub trait Listed: Send + 'static {
    /// The id as the index knows it.
    fn id(&self) -> Uuid;
}

/// Rows read at once from a list that is sieved.
const SIEVED: i64 = 500;
/// Rows of a list that are sieved before the answer is asked for as a whole: things that answer are
/// frequent in the workspace, but may be rare in this list.
const MAX_SIEVED: usize = 20_000;

/// A page of a list on its way.
pub type Read<T> = BoxFuture<'static, Result<Page<(String, T)>>>;

/// Which things answer to a text.
#[async_trait]
pub(super) trait Answers: Send + Sync + 'static {
    /// All that answer, if they are few.
    async fn few(&self, ctx: &Ctx) -> Result<Option<Vec<Uuid>>>;
    /// All that answer, however many.
    async fn all(&self, ctx: &Ctx) -> Result<Vec<Uuid>>;
    /// Those of `ids` that answer.
    async fn among(&self, ctx: &Ctx, ids: &[Uuid]) -> Result<HashSet<Uuid>>;
}

/// A page of those of a list's rows that answer to `text`. `read` reads a page of the list: of the
/// given things only, or of everything.
pub async fn list<T: Listed>(
    ctx: &Ctx,
    workspace: WorkspaceId,
    kind: Kind,
    text: &str,
    page: &PageRequest,
    read: impl Fn(Ctx, PageRequest, Option<Vec<Uuid>>) -> Read<T> + Send + Sync + 'static,
) -> Result<Page<(String, T)>> {
    let answers = |needle| OfKind {
        workspace,
        kind,
        needle,
    };
    let Some(needle) = needle(text)? else {
        return read(ctx.clone(), page.clone(), None).await;
    };
    list_answers(ctx, answers(needle), page, read).await
}

/// The text of a filter, read; nothing when it says nothing.
pub(super) fn needle(text: &str) -> Result<Option<Needle>> {
    Needle::parse(text, &["filter", "text"]).map_err(|error| Error::Refused(vec![error]))
}

/// A page of those of a list's rows that answer. When those that answer are few the list is made of
/// them; when they are many they are frequent in it, and it is read on and sieved until the page is
/// full.
pub(super) async fn list_answers<T: Listed>(
    ctx: &Ctx,
    answers: impl Answers,
    page: &PageRequest,
    read: impl Fn(Ctx, PageRequest, Option<Vec<Uuid>>) -> Read<T> + Send + Sync + 'static,
) -> Result<Page<(String, T)>> {
    if let Some(few) = answers.few(ctx).await? {
        return read(ctx.clone(), page.clone(), Some(few)).await;
    }
    let Some(mut found) = sieve(ctx, &answers, page, &read).await? else {
        let all = answers.all(ctx).await?;
        return read(ctx.clone(), page.clone(), Some(all)).await;
    };
    let (answers, read) = (Arc::new(answers), Arc::new(read));
    found.total = Total::later(move |ctx| {
        let (answers, read) = (Arc::clone(&answers), Arc::clone(&read));
        Box::pin(async move {
            let all = answers.all(&ctx).await?;
            let found = read(ctx.clone(), PageRequest::first(0), Some(all)).await?;
            Box::pin(found.total.count(&ctx)).await
        })
    });
    Ok(found)
}

/// The things of one kind that answer by themselves.
struct OfKind {
    workspace: WorkspaceId,
    kind: Kind,
    needle: Needle,
}

#[async_trait]
impl Answers for OfKind {
    async fn few(&self, ctx: &Ctx) -> Result<Option<Vec<Uuid>>> {
        few(ctx, self.workspace, self.kind, &self.needle).await
    }

    async fn all(&self, ctx: &Ctx) -> Result<Vec<Uuid>> {
        all(ctx, self.workspace, self.kind, &self.needle).await
    }

    async fn among(&self, ctx: &Ctx, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
        answering(ctx.reader(), self.workspace, self.kind, &self.needle, ids).await
    }
}

/// Things of which a list is made instead of being gone through: with more of them, enough are found
/// soon on the way.
const RARE: usize = 1_000;

/// The ids that `query` finds, whose text ends inside a `WHERE`, if they are few.
pub(crate) async fn few_of(ctx: &Ctx, mut query: Query) -> Result<Option<Vec<Uuid>>> {
    query.push(&format!(" LIMIT {}", RARE + 1));
    let found: Vec<Uuid> = query.column(ctx.reader()).await?;
    Ok((found.len() <= RARE).then_some(found))
}

/// Appends that `id` is one of `only`, if there is such a restriction.
pub(crate) fn apply(query: &mut Query, id: &str, only: Option<&[Uuid]>) {
    if let Some(only) = only {
        query.push(&format!(" AND {id} IN (SELECT mine.id FROM {{mine}})"));
        query.share_rows("mine", || Rows::new().uuids("id", only.iter().copied()));
    }
}

/// A page of the list's rows that answer; nothing when too many rows do not. Its total is not known.
async fn sieve<T: Listed>(
    ctx: &Ctx,
    answers: &impl Answers,
    page: &PageRequest,
    read: &impl Fn(Ctx, PageRequest, Option<Vec<Uuid>>) -> Read<T>,
) -> Result<Option<Page<(String, T)>>> {
    let size = usize::try_from(page.size).unwrap_or_default();
    let mut part = PageRequest {
        size: SIEVED,
        ..page.clone()
    };
    let (mut found, mut seen): (Vec<(String, T)>, usize) = (Vec::new(), 0);
    loop {
        let mut rows = read(ctx.clone(), part.clone(), None).await?;
        seen += rows.rows.len();
        if page.backward {
            rows.rows.reverse();
        }
        let last = rows.rows.last().map(|(cursor, _)| cursor.clone());
        let ids: Vec<Uuid> = rows.rows.iter().map(|(_, row)| row.id()).collect();
        let answering = answers.among(ctx, &ids).await?;
        let answers = |(_, row): &(String, T)| answering.contains(&row.id());
        found.extend(rows.rows.into_iter().filter(answers));
        let (more, place) = if page.backward {
            (rows.has_previous, &mut part.before)
        } else {
            (rows.has_next, &mut part.after)
        };
        if found.len() > size || !more {
            break;
        }
        *place = last;
        if seen >= MAX_SIEVED {
            return Ok(None);
        }
    }
    let more = found.len() > size;
    found.truncate(size);
    if page.backward {
        found.reverse();
    }
    Ok(Some(Page {
        rows: found,
        total: Total::default(),
        has_next: if page.backward {
            page.before.is_some()
        } else {
            more
        },
        has_previous: if page.backward {
            more
        } else {
            page.after.is_some()
        },
    }))
}

/// Things that are few enough to be told one by one.
const FEW: usize = 4_000;
/// Candidates checked at once.
const STEP: usize = 1_000;

/// Which things answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Narrowed {
    /// These and no others.
    Few(Vec<Uuid>),
    /// More than [`FEW`] may: go through the list and ask [`answering`] of each part.
    Many,
}

/// The things of `kind` that answer to `needle`; when `all` is set, however many they are.
async fn narrow(
    ctx: &Ctx,
    workspace: WorkspaceId,
    kind: Kind,
    needle: &Needle,
    all: bool,
) -> Result<Narrowed> {
    let tx = ctx.db.snapshot().await?;
    let mut lane = Lane::open(&tx, workspace, kind, needle).await?;
    let indexes: Vec<usize> = (0..lane.segments.len()).collect();
    // The first tell which grams are rare, and often that too many answer.
    let (first, rest) = indexes.split_at(indexes.len().min(FIRST_OPENED));
    let mut candidates = lane.tail.len();
    for part in std::iter::once(first).chain(rest.chunks(MAX_OPENED)) {
        lane.open_segments(&tx, part).await?;
        candidates += lane.candidates(part);
        if candidates > FEW && !all {
            return Ok(Narrowed::Many);
        }
    }
    let mut lanes = [lane];
    let mut found = Vec::new();
    for level in Match::ALL {
        let mut walk = Walk::new(&lanes, &[0], level, None);
        loop {
            let candidates = walk.next(&tx, &mut lanes, STEP).await?;
            if candidates.is_empty() {
                break;
            }
            let ids: Vec<Uuid> = candidates.iter().map(|one| one.place.id).collect();
            found.extend(check(&tx, workspace, kind, needle, &ids).await?);
        }
    }
    tx.commit().await?;
    found.sort_unstable();
    found.dedup();
    Ok(Narrowed::Few(found))
}

/// The things of `kind` that answer to `needle`, if they are few.
pub(super) async fn few(
    ctx: &Ctx,
    workspace: WorkspaceId,
    kind: Kind,
    needle: &Needle,
) -> Result<Option<Vec<Uuid>>> {
    match narrow(ctx, workspace, kind, needle, false).await? {
        Narrowed::Few(few) => Ok(Some(few)),
        Narrowed::Many => Ok(None),
    }
}

/// The things of `kind` that answer to `needle`, however many they are.
pub(super) async fn all(
    ctx: &Ctx,
    workspace: WorkspaceId,
    kind: Kind,
    needle: &Needle,
) -> Result<Vec<Uuid>> {
    match narrow(ctx, workspace, kind, needle, true).await? {
        Narrowed::Few(all) => Ok(all),
        Narrowed::Many => Ok(Vec::new()),
    }
}

/// Those of `ids` that answer.
pub(super) async fn answering(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    kind: Kind,
    needle: &Needle,
    ids: &[Uuid],
) -> Result<HashSet<Uuid>> {
    let found = check(connection, workspace, kind, needle, ids).await?;
    Ok(found.into_iter().collect())
}

/// Those of `ids` that a list with this text in its filter would have, in the order given: for long
/// work, which goes through everything by itself. A text that says nothing leaves nothing out.
pub(crate) async fn keep(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    kind: Kind,
    text: &str,
    mut ids: Vec<Uuid>,
) -> Result<Vec<Uuid>> {
    let Some(needle) = needle(text)? else {
        return Ok(ids);
    };
    let answering = match kind {
        Kind::Conversation => talk::among(connection, workspace, needle, &ids).await?,
        _ => answering(connection, workspace, kind, &needle, &ids).await?,
    };
    ids.retain(|id| answering.contains(id));
    Ok(ids)
}

async fn check(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    kind: Kind,
    needle: &Needle,
    ids: &[Uuid],
) -> Result<Vec<Uuid>> {
    let documents = source::load(connection, workspace, kind, ids).await?;
    let answering = documents
        .values()
        .filter(|document| judge(needle, kind, document).is_some());
    Ok(answering.map(|document| document.id).collect())
}
