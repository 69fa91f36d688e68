//! Tickets: cases of the support desk, as its system tells them.
//!
//! Taken in by `ingest` (see [`fact`](crate::fact) for what all kinds of facts have in common).

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, Id as _, TicketId, WorkspaceId},
    kind::{TicketPriority, TicketStatus},
    ticket,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    access::Actor,
    contact::one_of,
    ctx::Ctx,
    error::{Result, UserErrorCode},
    fact::{
        Checker, Filter, Ingested,
        ingest::{self, Head, Told},
        read::{Listed, Table},
    },
    page::{Page, PageRequest},
    store::{Query, Rows, rows_by_id},
    work::change::Fact,
};

/// A ticket as its source tells it.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// Its id, whose it is, and how new this is.
    pub head: Head,
    /// What it is about.
    pub subject: String,
    /// Where it stands.
    pub status: TicketStatus,
    /// How pressing it is.
    pub priority: TicketPriority,
    /// How satisfied the customer was, 1 to 5.
    pub csat: Option<i64>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it was solved.
    pub solved_at: Option<DateTime<Utc>>,
}

/// A ticket's own part, checked.
#[derive(Debug, Serialize)]
pub(crate) struct Ticket {
    subject: String,
    status: TicketStatus,
    priority: TicketPriority,
    csat: Option<i64>,
    opened_at: DateTime<Utc>,
    solved_at: Option<DateTime<Utc>>,
}

/// Takes tickets in, at most a thousand; the latest by the source's own time counts.
pub async fn ingest(
    ctx: &Ctx,
    actor: &Actor,
    tickets: Vec<NewTicket>,
) -> Result<Vec<Ingested<TicketId>>> {
    ingest::ingest::<Ticket>(ctx, actor, tickets).await
}

impl Told for Ticket {
    type Id = TicketId;
    type New = NewTicket;

    const TABLE: &'static str = "ticket";
    const LIST: &'static str = "tickets";
    const COLUMNS: &'static [&'static str] = &[
        "subject",
        "status",
        "priority",
        "csat",
        "opened_at",
        "solved_at",
    ];

    fn head(new: &NewTicket) -> Head {
        new.head.clone()
    }

    fn check(new: NewTicket, checker: &mut Checker<'_>) -> Self {
        if new.csat.is_some_and(|csat| !(1..=5).contains(&csat)) {
            let message = "Give the satisfaction as a number from 1 to 5.";
            checker.refuse(&["csat"], UserErrorCode::Invalid, message);
        }
        let is_done = matches!(new.status, TicketStatus::Solved | TicketStatus::Closed);
        if new.solved_at.is_some() && !is_done {
            let message = "Only a solved or closed ticket has a moment of solution.";
            checker.refuse(&["solvedAt"], UserErrorCode::Contradictory, message);
        }
        Self {
            subject: checker.name(&new.subject, &["subject"], 1_000),
            status: new.status,
            priority: new.priority,
            csat: new.csat,
            opened_at: checker.past(new.opened_at, &["openedAt"]),
            solved_at: new.solved_at.map(|at| checker.past(at, &["solvedAt"])),
        }
    }

    fn rows(rows: Rows, told: &[&Self]) -> Rows {
        rows.texts("subject", told.iter().map(|one| one.subject.as_str()))
            .texts("status", told.iter().map(|one| one.status.word()))
            .texts("priority", told.iter().map(|one| one.priority.word()))
            .opt_ints("csat", told.iter().map(|one| one.csat))
            .times("opened_at", told.iter().map(|one| one.opened_at))
            .opt_times("solved_at", told.iter().map(|one| one.solved_at))
    }

    fn fact(&self, id: TicketId, account: Option<AccountId>, previous: Option<&str>) -> Fact {
        Fact::TicketRecorded {
            ticket_id: id,
            account_id: account,
            status: self.status,
            previous_status: previous.and_then(TicketStatus::from_word),
            priority: self.priority,
        }
    }

    fn act_at(&self) -> Option<DateTime<Utc>> {
        Some(self.opened_at)
    }
}

/// Which tickets a list has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TicketFilter {
    /// What all kinds of facts can be chosen by.
    pub common: Filter<TicketStatus>,
    /// With one of these priorities.
    pub priorities: Vec<TicketPriority>,
}

const TABLE: Table<TicketStatus> =
    Table::new("ticket", "opened", "t.opened_at", TicketStatus::word);

impl Listed for ticket::Model {
    fn place(&self) -> (DateTime<Utc>, Uuid) {
        (self.opened_at, self.id.uuid())
    }
}

/// A page of tickets by when they were opened, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &TicketFilter,
    page: &PageRequest,
) -> Result<Page<(String, ticket::Model)>> {
    let also = |query: &mut Query| {
        let words = filter.priorities.iter().map(|priority| priority.word());
        one_of(query, "t.priority", words);
    };
    TABLE
        .list(ctx, workspace, (&filter.common, None), also, page)
        .await
}

/// The tickets among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[TicketId],
) -> Result<Vec<ticket::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}
