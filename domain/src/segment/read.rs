//! Reading segments, their members and their history.
//!
//! Called by the API, its loaders and exports. Members are read from their table: no condition is evaluated.

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, ContactId, Id as _, OperationId, SegmentId, SegmentMoveId, WorkspaceId},
    kind::{SegmentKind, SegmentState, SegmentSubject},
    segment, segment_move,
};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{cause::Cause, definition};
use crate::{
    access::Origin,
    condition::Condition,
    contact::one_of,
    ctx::Ctx,
    error::{Error, Result},
    page::{Column, Key, Keyset, Page, PageRequest, Total, within},
    store::{Query, Rows, rows_by_id},
};

/// A segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its id.
    pub id: SegmentId,
    /// The name shown.
    pub name: String,
    /// The name folded for comparison.
    pub name_key: String,
    /// What it is for, in words.
    pub description: String,
    /// What its members are.
    pub subject: SegmentSubject,
    /// Who says what its members are.
    pub kind: SegmentKind,
    /// What must hold for its members; none when they are kept by hand.
    pub condition: Option<Condition>,
    /// Counts up with each change of the condition.
    pub version: i64,
    /// Whether its members are complete.
    pub state: SegmentState,
    /// How many members it has.
    pub member_count: i64,
    /// The operation that fills it, while there is one.
    pub operation_id: Option<OperationId>,
    /// When everybody was last evaluated.
    pub built_at: Option<DateTime<Utc>>,
    /// Who made it.
    pub created_by: Origin,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its name, description or condition was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl TryFrom<segment::Model> for Segment {
    type Error = Error;

    fn try_from(row: segment::Model) -> Result<Self> {
        Ok(Self {
            id: row.id,
            name: row.name,
            name_key: row.name_key,
            description: row.description,
            subject: row.subject,
            kind: row.kind,
            condition: row.definition.map(definition::from_stored).transpose()?,
            version: row.version,
            state: row.state,
            member_count: row.member_count,
            operation_id: row.operation_id,
            built_at: row.built_at,
            created_by: serde_json::from_value(row.created_by)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        })
    }
}

const BY_NAME: Keyset = Keyset {
    order: "name",
    key: Some(Column::Text("s.name_key")),
    id: "s.id",
    descending: false,
};

/// A page of the workspace's segments by name, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    subject: Option<SegmentSubject>,
    kind: Option<SegmentKind>,
    page: &PageRequest,
) -> Result<Page<(String, Segment)>> {
    let mut query =
        Query::new("SELECT s.* FROM segment s WHERE s.workspace_id = $1 AND s.deleted_at IS NULL")
            .bind(workspace);
    let subject = subject.map(SegmentSubject::word);
    for (column, word) in [("subject", subject), ("kind", kind.map(SegmentKind::word))] {
        if let Some(word) = word {
            let word = query.arg(word);
            query.push(&format!(" AND s.{column} = {word}"));
        }
    }
    BY_NAME
        .list_as::<segment::Model, Segment>(ctx, query, page, |segment| {
            (Key::Text(segment.name_key.clone()), segment.id.uuid())
        })
        .await
}

/// The segment, if it is one of the workspace and not deleted.
pub async fn find(ctx: &Ctx, workspace: WorkspaceId, id: SegmentId) -> Result<Option<Segment>> {
    let found = load(ctx, workspace, &[id]).await?.pop();
    Ok(found.filter(|segment| segment.deleted_at.is_none()))
}

/// The segments among `ids`, deleted ones too, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[SegmentId]) -> Result<Vec<Segment>> {
    let rows: Vec<segment::Model> = rows_by_id(ctx.reader(), workspace, ids).await?;
    rows.into_iter().map(Segment::try_from).collect()
}

/// A member and since when it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Entered {
    /// The contact or the account.
    pub subject_id: Uuid,
    /// Since when.
    pub entered_at: DateTime<Utc>,
}

const MEMBERS: Keyset = Keyset {
    order: "member",
    key: None,
    id: "m.subject_id",
    descending: true,
};

/// A page of a segment's members, those who came to be known last first, each with its cursor. Walks
/// the members' own index, however many there are.
pub async fn members(
    ctx: &Ctx,
    workspace: WorkspaceId,
    segment: SegmentId,
    page: &PageRequest,
) -> Result<Page<(String, Entered)>> {
    let mut query = Query::new(
        "SELECT m.subject_id, m.entered_at FROM segment_member m
         WHERE m.workspace_id = $1 AND m.segment_id = $2",
    )
    .bind(workspace)
    .bind(segment);
    MEMBERS.apply(&mut query, page)?;
    page.note_total(count_of(workspace, segment));
    let rows: Vec<Entered> = query.all(ctx.reader()).await?;
    Ok(MEMBERS.placed(rows, page, |row| (Key::Id(()), row.subject_id)))
}

/// A member of some segment.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Member {
    /// The segment.
    pub segment_id: SegmentId,
    /// Its name.
    pub name: String,
    /// Whether its members are contacts or accounts.
    pub subject: SegmentSubject,
    /// The contact or the account.
    pub subject_id: Uuid,
    /// Since when it is one.
    pub entered_at: DateTime<Utc>,
}

/// Which members of all segments a list has; every part given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MemberFilter {
    /// Of this segment.
    pub segment: Option<SegmentId>,
    /// Members since this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Members since before this moment.
    pub until: Option<DateTime<Utc>>,
}

const BY_SEGMENT: Keyset = Keyset {
    order: "segment_member",
    key: Some(Column::Of("m.segment_id")),
    id: "m.subject_id",
    descending: false,
};

/// A page of who is in the workspace's segments now, segment after segment, each with its cursor.
pub async fn members_of_all(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &MemberFilter,
    page: &PageRequest,
) -> Result<Page<(String, Member)>> {
    let mut query = Query::new(
        "SELECT m.segment_id, s.name, s.subject, m.subject_id, m.entered_at
         FROM segment_member m
         JOIN segment s ON s.workspace_id = m.workspace_id AND s.id = m.segment_id
         WHERE m.workspace_id = $1 AND s.deleted_at IS NULL",
    )
    .bind(workspace);
    one_of(&mut query, "m.segment_id", filter.segment.into_iter());
    within(&mut query, "m.entered_at", filter.from, filter.until);
    let place = |row: &Member| {
        let of = row.segment_id.uuid();
        (Key::Of { of }, row.subject_id)
    };
    BY_SEGMENT.list(ctx, query, page, place).await
}

/// How many members a segment has, without counting them.
pub(crate) fn count_of(workspace: WorkspaceId, segment: SegmentId) -> Total {
    Total::Statement(
        Query::new("SELECT member_count FROM segment WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(segment),
    )
}

/// A segment that something is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Membership {
    /// The contact or the account.
    pub subject_id: Uuid,
    /// The segment.
    pub segment_id: SegmentId,
    /// Since when.
    pub entered_at: DateTime<Utc>,
}

/// What each of `subjects` is in, by the names of the segments; for loaders.
pub async fn memberships(
    ctx: &Ctx,
    workspace: WorkspaceId,
    subjects: &[Uuid],
) -> Result<Vec<Membership>> {
    Ok(Query::new(
        "SELECT m.subject_id, m.segment_id, m.entered_at FROM {r}
         JOIN segment_member m ON m.workspace_id = $1 AND m.subject_id = r.id
         JOIN segment s ON s.workspace_id = $1 AND s.id = m.segment_id AND s.deleted_at IS NULL
         ORDER BY m.subject_id, s.name_key, s.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", subjects.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// One going in or out.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// Its id.
    pub id: SegmentMoveId,
    /// The segment.
    pub segment_id: SegmentId,
    /// The contact or the account.
    pub subject_id: Uuid,
    /// Whether it went in; otherwise it went out.
    pub entered: bool,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub cause: Cause,
}

impl TryFrom<segment_move::Model> for Move {
    type Error = Error;

    fn try_from(row: segment_move::Model) -> Result<Self> {
        Ok(Self {
            id: row.id,
            segment_id: row.segment_id,
            subject_id: row.subject_id,
            entered: row.entered,
            at: row.at,
            cause: serde_json::from_value(row.cause)?,
        })
    }
}

/// Whose history is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovesOf {
    /// A segment's.
    Segment(SegmentId),
    /// A contact's.
    Contact(ContactId),
    /// An account's.
    Account(AccountId),
}

const NEWEST: Keyset = Keyset {
    order: "move",
    key: None,
    id: "v.id",
    descending: true,
};

/// A page of a history, newest first, each with its cursor.
pub async fn history(
    ctx: &Ctx,
    workspace: WorkspaceId,
    of: MovesOf,
    page: &PageRequest,
) -> Result<Page<(String, Move)>> {
    let (column, id) = match of {
        MovesOf::Segment(id) => ("segment_id", id.uuid()),
        MovesOf::Contact(id) => ("subject_id", id.uuid()),
        MovesOf::Account(id) => ("subject_id", id.uuid()),
    };
    let query = Query::new(format!(
        "SELECT v.* FROM segment_move v WHERE v.workspace_id = $1 AND v.{column} = $2
           AND EXISTS (SELECT 1 FROM segment s WHERE s.workspace_id = $1 AND s.id = v.segment_id
                 AND s.deleted_at IS NULL)"
    ))
    .bind(workspace)
    .bind(id);
    NEWEST
        .list_as::<segment_move::Model, Move>(ctx, query, page, |one| (Key::Id(()), one.id.uuid()))
        .await
}

/// The goings in and out among `ids`, in no particular order; for loaders.
pub async fn load_moves(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[SegmentMoveId],
) -> Result<Vec<Move>> {
    let rows: Vec<segment_move::Model> = rows_by_id(ctx.reader(), workspace, ids).await?;
    rows.into_iter().map(Move::try_from).collect()
}

/// Which segments a thing must and must not be in. Every part given must hold. Stored as JSON with
/// operations: fields are added, never renamed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// In at least one of these.
    pub any: Vec<SegmentId>,
    /// In every one of these.
    pub all: Vec<SegmentId>,
    /// In none of these.
    pub none: Vec<SegmentId>,
}

impl Filter {
    /// Takes out one segment that every result must be in, to drive a list from its members.
    pub(crate) fn take_driver(&mut self) -> Option<SegmentId> {
        if self.all.is_empty() && self.any.len() == 1 {
            self.any.pop()
        } else {
            self.all.pop()
        }
    }

    /// Appends the filter on the thing whose id is the SQL `subject`, in a statement whose `$1` is the
    /// workspace.
    pub(crate) fn apply(&self, query: &mut Query, subject: &str) {
        let mut put = |not: &str, ids: &[SegmentId]| {
            let ids: Vec<String> = ids.iter().map(|id| query.arg(*id)).collect();
            query.push(&format!(
                " AND {not}EXISTS (SELECT 1 FROM segment_member e WHERE e.workspace_id = $1
                    AND e.segment_id IN ({}) AND e.subject_id = {subject})",
                ids.join(", ")
            ));
        };
        if !self.any.is_empty() {
            put("", &self.any);
        }
        for id in &self.all {
            put("", std::slice::from_ref(id));
        }
        if !self.none.is_empty() {
            put("NOT ", &self.none);
        }
    }
}
