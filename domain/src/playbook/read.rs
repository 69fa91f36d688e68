//! Looking at playbooks, their versions, and who is where in them.

use chrono::{DateTime, Utc};
use entity::{
    enrolment, enrolment_step,
    id::{ContactId, EnrolmentId, Id as _, PlaybookId, WorkspaceId},
    kind::{EnrolmentState, PlaybookState},
    playbook, playbook_version,
};
use sea_orm::{ConnectionTrait, EntityTrait as _};

use super::{definition::Definition, write::stored};
use crate::{
    action::Outcome,
    contact::{one_of, one_of_few},
    ctx::Ctx,
    error::{Error, Result},
    page::{Column, Key, Keyset, Page, PageRequest},
    store::{Query, Rows, rows_by_id},
};

/// What a playbook was defined as at a time.
#[derive(Debug, Clone)]
pub struct Version {
    /// The playbook.
    pub playbook_id: PlaybookId,
    /// Which version, counted from 1.
    pub version: i64,
    /// What it is.
    pub definition: Definition,
    /// Who made it.
    pub created_by: serde_json::Value,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was first published.
    pub published_at: Option<DateTime<Utc>>,
}

impl TryFrom<playbook_version::Model> for Version {
    type Error = Error;

    fn try_from(row: playbook_version::Model) -> Result<Self> {
        Ok(Self {
            playbook_id: row.playbook_id,
            version: row.version,
            definition: Definition::from_stored(row.definition).map_err(stored)?,
            created_by: row.created_by,
            created_at: row.created_at,
            published_at: row.published_at,
        })
    }
}

const BY_NAME: Keyset = Keyset {
    order: "playbook",
    key: Some(Column::Text("p.name_key")),
    id: "p.id",
    descending: false,
};

/// A page of the workspace's playbooks by name, each with its cursor; without `states`, those that are
/// not archived.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    states: &[PlaybookState],
    page: &PageRequest,
) -> Result<Page<(String, playbook::Model)>> {
    let mut query =
        Query::new("SELECT p.* FROM playbook p WHERE p.workspace_id = $1").bind(workspace);
    let usual = [PlaybookState::Active, PlaybookState::Paused];
    let states = if states.is_empty() {
        &usual[..]
    } else {
        states
    };
    one_of(
        &mut query,
        "p.state",
        states.iter().map(|state| state.word()),
    );
    BY_NAME
        .list(ctx, query, page, |row: &playbook::Model| {
            (Key::Text(row.name_key.clone()), row.id.uuid())
        })
        .await
}

/// The playbooks among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[PlaybookId],
) -> Result<Vec<playbook::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

const NEWEST_VERSION: Keyset = Keyset {
    order: "playbook_version",
    key: Some(Column::Whole("v.version")),
    id: "v.playbook_id",
    descending: true,
};

/// A page of a playbook's versions, newest first.
pub async fn versions(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: PlaybookId,
    page: &PageRequest,
) -> Result<Page<(String, Version)>> {
    let query = Query::new(
        "SELECT v.* FROM playbook_version v WHERE v.workspace_id = $1 AND v.playbook_id = $2",
    )
    .bind(workspace)
    .bind(id);
    NEWEST_VERSION
        .list_as::<playbook_version::Model, Version>(ctx, query, page, |row| {
            (Key::Whole { whole: row.version }, row.playbook_id.uuid())
        })
        .await
}

/// One version of a playbook.
pub async fn find_version(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    id: PlaybookId,
    version: i64,
) -> Result<Option<Version>> {
    playbook_version::Entity::find_by_id((workspace, id, version))
        .one(connection)
        .await?
        .map(Version::try_from)
        .transpose()
}

/// Versions by playbook and number, in no particular order; for loaders.
pub async fn load_versions(
    ctx: &Ctx,
    workspace: WorkspaceId,
    keys: &[(PlaybookId, i64)],
) -> Result<Vec<Version>> {
    let rows: Vec<playbook_version::Model> = Query::new(
        "SELECT v.* FROM {r} JOIN playbook_version v ON v.workspace_id = $1
           AND v.playbook_id = r.playbook_id AND v.version = r.version",
    )
    .bind(workspace)
    .rows(
        "r",
        Rows::new()
            .ids("playbook_id", keys.iter().map(|(id, _)| *id))
            .ints("version", keys.iter().map(|(_, version)| *version)),
    )
    .all(ctx.reader())
    .await?;
    rows.into_iter().map(Version::try_from).collect()
}

/// Which enrolments a list has; every part given must hold.
#[derive(Debug, Clone, Default)]
pub struct EnrolmentFilter {
    /// In this playbook.
    pub playbook: Option<PlaybookId>,
    /// Of this contact.
    pub contact: Option<ContactId>,
    /// Standing in one of these ways.
    pub states: Vec<EnrolmentState>,
    /// At this step now.
    pub step: Option<String>,
}

const NEWEST: Keyset = Keyset {
    order: "enrolment",
    key: None,
    id: "e.id",
    descending: true,
};

/// A page of enrolments, newest first, each with its cursor.
pub async fn enrolments(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &EnrolmentFilter,
    page: &PageRequest,
) -> Result<Page<(String, enrolment::Model)>> {
    let mut query =
        Query::new("SELECT e.* FROM enrolment e WHERE e.workspace_id = $1").bind(workspace);
    one_of(&mut query, "e.playbook_id", filter.playbook.into_iter());
    let contact = filter.contact.into_iter();
    one_of_few(&mut query, ctx.db.backend(), "e.contact_id", contact);
    let states = filter.states.iter().map(|state| state.word());
    one_of(&mut query, "e.state", states);
    let under_way =
        |state: &EnrolmentState| matches!(state, EnrolmentState::Waiting | EnrolmentState::Running);
    if !filter.states.is_empty() && filter.states.iter().all(under_way) {
        // Those that are over are most of them, and the index of the others leaves them out.
        query.push(" AND e.ended_at IS NULL");
    }
    if let Some(step) = &filter.step {
        let step = query.arg(step.as_str());
        query.push(&format!(" AND e.step = {step} AND e.ended_at IS NULL"));
    }
    NEWEST
        .list_by_id(ctx, query, page, |row: &enrolment::Model| row.id)
        .await
}

/// The enrolments among `ids`, in no particular order; for loaders.
pub async fn load_enrolments(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[EnrolmentId],
) -> Result<Vec<enrolment::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// What became of what the actions of a step asked for; nothing, if it has none.
pub fn outcomes(step: &enrolment_step::Model) -> Result<Vec<Outcome>> {
    match step.detail.get("outcomes") {
        Some(outcomes) => Ok(serde_json::from_value(outcomes.clone())?),
        None => Ok(Vec::new()),
    }
}

const LATEST_STEP: Keyset = Keyset {
    order: "enrolment_step",
    key: Some(Column::Whole("s.number")),
    id: "s.enrolment_id",
    descending: true,
};

/// A page of the steps an enrolment has left behind, the latest first.
pub async fn history(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: EnrolmentId,
    page: &PageRequest,
) -> Result<Page<(String, enrolment_step::Model)>> {
    let query = Query::new(
        "SELECT s.* FROM enrolment_step s WHERE s.workspace_id = $1 AND s.enrolment_id = $2",
    )
    .bind(workspace)
    .bind(id);
    LATEST_STEP
        .list(ctx, query, page, |row: &enrolment_step::Model| {
            (Key::Whole { whole: row.number }, row.enrolment_id.uuid())
        })
        .await
}
