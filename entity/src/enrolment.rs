//! One contact's way through a playbook.

use sea_orm::entity::prelude::*;

use crate::{
    id::{ContactId, EnrolmentId, PlaybookId, WorkspaceId},
    kind::{EnrolmentSource, EnrolmentState},
};

/// One contact's way through a playbook.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "enrolment")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EnrolmentId,
    /// The playbook.
    pub playbook_id: PlaybookId,
    /// The version it is on: the one it began with, unless somebody took it to another.
    pub version: i64,
    /// Who is enrolled.
    pub contact_id: ContactId,
    /// Where it stands.
    pub state: EnrolmentState,
    /// The step it is at, or was at when it ended.
    pub step: String,
    /// When it came to the step.
    pub step_at: DateTimeUtc,
    /// Steps it has left behind.
    pub passed: i64,
    /// Whether changes of the contact may move or end it.
    pub listens: bool,
    /// Changes of which kinds, one bit each.
    pub hears: i64,
    /// When the timer of the step runs out; nothing for who has just come to the step.
    pub wait_until: Option<DateTimeUtc>,
    /// When it is looked at next.
    pub due_at: Option<DateTimeUtc>,
    /// Counts claims; an older one writes nothing.
    pub fence: i64,
    /// Until when a worker holds it.
    pub lease_until: Option<DateTimeUtc>,
    /// Errors in a row.
    pub failures: i64,
    /// Attempts in a row that ended with their process.
    pub crashes: i64,
    /// The last error.
    pub error: Option<String>,
    /// What enrolled the contact.
    pub source: EnrolmentSource,
    /// Who or what caused that.
    pub enrolled_by: Json,
    /// How many steps of cause and effect it is away from what came from outside.
    pub depth: i64,
    /// Where the cascade it belongs to began in the log.
    pub root_tx: Option<i64>,
    /// The same within the writing transaction.
    pub root_seq: Option<i64>,
    /// When it began.
    pub entered_at: DateTimeUtc,
    /// When it ended.
    pub ended_at: Option<DateTimeUtc>,
    /// The goal that was reached, the exit that was taken, or why it was ended.
    pub ending: Option<String>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
