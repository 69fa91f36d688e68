//! Segments whose members are put in and taken out by hand.

use std::collections::HashSet;

use entity::{
    id::{AccountId, ContactId, Id as _, SegmentId},
    kind::{SegmentKind, SegmentSubject},
    segment,
};
use uuid::Uuid;

use super::{
    cause::Cause,
    evaluate::{Words, words},
    lines::{self, Line},
    moves::{self, Moved},
    read::Segment,
    write::{existing, finish},
};
use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    merge,
    store::{Query, Rows, Tx},
};

/// Members named one by one in one request.
pub const MAX_NAMED: usize = 1_000;

/// Contacts or accounts, by id.
#[derive(Debug, Clone)]
pub enum Things {
    /// Contacts.
    Contacts(Vec<ContactId>),
    /// Accounts.
    Accounts(Vec<AccountId>),
}

impl Things {
    fn subject(&self) -> SegmentSubject {
        match self {
            Self::Contacts(_) => SegmentSubject::Contact,
            Self::Accounts(_) => SegmentSubject::Account,
        }
    }

    fn field(&self) -> &'static str {
        match self {
            Self::Contacts(_) => "contactIds",
            Self::Accounts(_) => "accountIds",
        }
    }

    fn ids(&self) -> Vec<Uuid> {
        match self {
            Self::Contacts(ids) => ids.iter().map(|id| id.uuid()).collect(),
            Self::Accounts(ids) => ids.iter().map(|id| id.uuid()).collect(),
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    /// The segment as it is now.
    pub segment: Segment,
    /// How many were put in, or taken out.
    pub changed: i64,
    /// How many were so already.
    pub unchanged: i64,
    /// Lines of a text that name nobody, and lines that name somebody a second time.
    pub skipped: Vec<Line>,
}

/// Puts contacts or accounts into a segment.
pub async fn add(ctx: &Ctx, actor: &Actor, id: SegmentId, things: &Things) -> Result<Put> {
    change(ctx, actor, id, things, true).await
}

/// Takes contacts or accounts out of a segment.
pub async fn remove(ctx: &Ctx, actor: &Actor, id: SegmentId, things: &Things) -> Result<Put> {
    change(ctx, actor, id, things, false).await
}

async fn change(
    ctx: &Ctx,
    actor: &Actor,
    id: SegmentId,
    things: &Things,
    enter: bool,
) -> Result<Put> {
    actor.require(Scope::Write)?;
    let (ids, field) = (things.ids(), things.field());
    if ids.is_empty() || ids.len() > MAX_NAMED {
        let message = format!("Name 1 to {MAX_NAMED} at once.");
        let code = UserErrorCode::LimitReached;
        return Err(Error::refused(&[field], code, message));
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    let row = by_hand(&tx, id).await?;
    if row.subject != things.subject() {
        let message = "The members of this segment are of the other kind.";
        let code = UserErrorCode::KindMismatch;
        return Err(Error::refused(&[field], code, message));
    }
    refuse_missing(&tx, row.subject, &ids, field).await?;
    let distinct: HashSet<Uuid> = ids.into_iter().collect();
    let number = distinct.len() as i64;
    let changed = put(&mut tx, &row, distinct, enter, actor).await?;
    let segment = finish(tx, id).await?;
    Ok(Put {
        segment,
        changed,
        unchanged: number - changed,
        skipped: Vec::new(),
    })
}

/// Puts whoever the lines of a text name into a segment: an id, an email address or the id another
/// system gave in the first column of each; of accounts, an id, a domain or an id.
pub async fn add_lines(ctx: &Ctx, actor: &Actor, id: SegmentId, text: &str) -> Result<Put> {
    actor.require(Scope::Write)?;
    let lines = lines::read(text).map_err(|error| Error::Refused(vec![error]))?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let row = by_hand(&tx, id).await?;
    let (found, skipped) = lines::resolve(&tx, row.subject, lines).await?;
    let number = found.len() as i64;
    let changed = put(&mut tx, &row, found, true, actor).await?;
    let segment = finish(tx, id).await?;
    Ok(Put {
        segment,
        changed,
        unchanged: number - changed,
        skipped,
    })
}

/// The segment, whose row is held from then on; refuses one that is not kept by hand.
pub(super) async fn by_hand(tx: &Tx<'_>, id: SegmentId) -> Result<segment::Model> {
    moves::hold(tx, [id]).await?;
    let row = existing(tx, id).await?;
    if row.kind == SegmentKind::Live {
        let message = "The members of this segment come and go by its condition. Change the \
                       condition, or make a segment that is kept by hand.";
        let code = UserErrorCode::KindMismatch;
        return Err(Error::refused(&["id"], code, message));
    }
    Ok(row)
}

async fn put(
    tx: &mut Tx<'_>,
    row: &segment::Model,
    things: HashSet<Uuid>,
    enter: bool,
    actor: &Actor,
) -> Result<i64> {
    let origin = actor.origin();
    let cause = Cause::Hand { origin };
    put_because(tx, row, things, enter, &cause).await
}

/// Puts `things` into the held segment or takes them out; says how many that changed.
pub(super) async fn put_because(
    tx: &mut Tx<'_>,
    row: &segment::Model,
    things: HashSet<Uuid>,
    enter: bool,
    cause: &Cause,
) -> Result<i64> {
    let mut things: Vec<Uuid> = things.into_iter().collect();
    things.sort_unstable();
    let present: Vec<Uuid> = Query::new(
        "SELECT m.subject_id FROM {r} JOIN segment_member m ON m.workspace_id = $1
           AND m.segment_id = $2 AND m.subject_id = r.id",
    )
    .bind(tx.workspace)
    .bind(row.id)
    .rows("r", Rows::new().uuids("id", things.iter().copied()))
    .column(tx.connection())
    .await?;
    let present: HashSet<Uuid> = present.into_iter().collect();
    let moves: Vec<Moved> = things
        .into_iter()
        .filter(|thing| present.contains(thing) != enter)
        .map(|thing| Moved {
            segment: row.id,
            subject: thing,
            entered: enter,
            cause: cause.clone(),
            is_news: true,
        })
        .collect();
    let changed = moves.len() as i64;
    moves::write(tx, row.subject, moves).await?;
    Ok(changed)
}

async fn refuse_missing(
    tx: &Tx<'_>,
    subject: SegmentSubject,
    ids: &[Uuid],
    field: &str,
) -> Result<()> {
    let Words { table, there, .. } = words(subject);
    let found: Vec<Uuid> = Query::new(format!(
        "SELECT c.id FROM {{r}} JOIN {table} c ON c.workspace_id = $1 AND c.id = r.id AND {there}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .column(tx.connection())
    .await?;
    let found: HashSet<Uuid> = found.into_iter().collect();
    let missing = ids.iter().copied().enumerate();
    let missing: Vec<(usize, Uuid)> = missing.filter(|(_, id)| !found.contains(id)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let things = match subject {
        SegmentSubject::Contact => merge::Things::Contacts,
        SegmentSubject::Account => merge::Things::Accounts,
    };
    let asked = missing.iter().map(|one| one.1).collect();
    let merged = merge::survivors_named(tx.connection(), tx.workspace, things, asked).await?;
    let errors = missing.into_iter().map(|(place, id)| {
        let message = merged.get(&id).cloned();
        let message = message.unwrap_or_else(|| format!("There is no such {table}."));
        UserError::new(
            &[field, &place.to_string()],
            UserErrorCode::NotFound,
            message,
        )
    });
    Err(Error::Refused(errors.collect()))
}
