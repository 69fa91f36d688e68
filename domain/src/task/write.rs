//! Making and changing tasks, one at a time.
//!
//! Called by the API; `release` and `leave_team` by whoever removes a member or a team. Rules and playbooks make
//! theirs by `make`.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, ContactId, ConversationId, MemberId, TaskId, TeamId},
    kind::{TaskPriority, TaskStatus},
    task,
};
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait as _, EntityTrait as _, FromQueryResult,
    IntoActiveModel as _, Set,
};
use serde_json::json;

use super::{MAX_DESCRIPTION, MAX_TITLE, end_of_time};
use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx, dialect, hold_by_id},
    subject::Subject,
    text,
    work::change::{Change, Fact},
};

/// A task about to be made by a member.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// What is to be done, in a line.
    pub title: String,
    /// More about it.
    pub description: String,
    /// How pressing it is.
    pub priority: TaskPriority,
    /// When it is to be done.
    pub due_at: Option<DateTime<Utc>>,
    /// Whose it is.
    pub assignee: Option<MemberId>,
    /// The team whose it is, whether a member has taken it or not.
    pub team: Option<TeamId>,
    /// The contact it is about; that of the conversation if nothing.
    pub contact: Option<ContactId>,
    /// The account it is about.
    pub account: Option<AccountId>,
    /// The conversation it is about.
    pub conversation: Option<ConversationId>,
}

/// What is to be different; `None` leaves things as they are.
#[derive(Debug, Clone, Default)]
pub struct TaskChange {
    /// The title.
    pub title: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The priority.
    pub priority: Option<TaskPriority>,
    /// The due moment, or none.
    pub due_at: Option<Option<DateTime<Utc>>>,
    /// Whose it is, or nobody's.
    pub assignee: Option<Option<MemberId>>,
    /// The team whose it is, or none.
    pub team: Option<Option<TeamId>>,
}

/// Makes a task.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewTask) -> Result<task::Model> {
    actor.require(Scope::Write)?;
    let title = check_title(&new.title)?;
    let description = check_description(&new.description)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    if let Some(assignee) = new.assignee {
        check_member(&tx, assignee).await?;
    }
    if let Some(team) = new.team {
        check_team(&tx, team).await?;
    }
    let contact = check_subjects(&tx, &new).await?;
    let row = task::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        title,
        description,
        status: TaskStatus::Open,
        priority: new.priority,
        due_at: new.due_at,
        sort_at: new.due_at.unwrap_or_else(end_of_time),
        overdue_at: None,
        assignee_id: new.assignee,
        team_id: new.team,
        contact_id: contact,
        account_id: new.account,
        conversation_id: new.conversation,
        made_by: actor.origin().json(),
        created_at: tx.now,
        updated_at: tx.now,
        ended_at: None,
        ended_by: None,
    };
    task::Entity::insert(row.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    let fact = Fact::TaskCreated { task_id: row.id };
    tx.record(Change::new(actor.origin(), row.contact_id, fact));
    let record = Record::made("task.create", row.id, audited(&row));
    tx.audit(actor, record.of(row.contact_id));
    tx.commit().await?;
    Ok(row)
}

/// Changes a task, whether it is done or not.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: TaskId,
    change: TaskChange,
) -> Result<task::Model> {
    actor.require(Scope::Write)?;
    let title = change.title.as_deref().map(check_title).transpose()?;
    let description = change.description.as_deref();
    let description = description.map(check_description).transpose()?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let found = lock(&tx, id).await?;
    if let Some(Some(assignee)) = change.assignee
        && found.assignee_id != Some(assignee)
    {
        check_member(&tx, assignee).await?;
    }
    if let Some(Some(team)) = change.team
        && found.team_id != Some(team)
    {
        check_team(&tx, team).await?;
    }
    let before = audited(&found);
    let mut active = found.clone().into_active_model();
    if let Some(title) = title {
        active.title = Set(title);
    }
    if let Some(description) = description {
        active.description = Set(description);
    }
    if let Some(priority) = change.priority {
        active.priority = Set(priority);
    }
    if let Some(due_at) = change.due_at
        && due_at != found.due_at
    {
        active.due_at = Set(due_at);
        active.sort_at = Set(due_at.unwrap_or_else(end_of_time));
        // Another moment may pass again.
        active.overdue_at = Set(None);
    }
    if let Some(assignee) = change.assignee {
        active.assignee_id = Set(assignee);
    }
    if let Some(team) = change.team {
        active.team_id = Set(team);
    }
    active.updated_at = Set(tx.now);
    let row = active.update(tx.connection()).await?;
    let fact = Fact::TaskChanged { task_id: row.id };
    tx.record(Change::new(actor.origin(), row.contact_id, fact));
    let record = Record::changed("task.update", row.id, before, audited(&row));
    tx.audit(actor, record.of(row.contact_id));
    tx.commit().await?;
    Ok(row)
}

/// Ends an open task as done or as cancelled. One that ended so before stays as it is.
pub async fn end(ctx: &Ctx, actor: &Actor, id: TaskId, status: TaskStatus) -> Result<task::Model> {
    set_status(ctx, actor, id, status).await
}

/// Opens a task again that was done or cancelled.
pub async fn reopen(ctx: &Ctx, actor: &Actor, id: TaskId) -> Result<task::Model> {
    set_status(ctx, actor, id, TaskStatus::Open).await
}

async fn set_status(
    ctx: &Ctx,
    actor: &Actor,
    id: TaskId,
    status: TaskStatus,
) -> Result<task::Model> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let found = lock(&tx, id).await?;
    if found.status == status {
        tx.rollback().await?;
        return Ok(found);
    }
    if found.status != TaskStatus::Open && status != TaskStatus::Open {
        let message = "This task has ended already. Open it again first.";
        return Err(Error::refused(&["id"], UserErrorCode::Invalid, message));
    }
    let is_open = status == TaskStatus::Open;
    let before = audited(&found);
    let (assignee, team) = (found.assignee_id, found.team_id);
    let mut active = found.into_active_model();
    if is_open {
        // It may have ended before its team did, or before who had it went.
        if keep_members(&tx, assignee).await?.is_empty() {
            active.assignee_id = Set(None);
        }
        if keep_teams(&tx, team).await?.is_empty() {
            active.team_id = Set(None);
        }
    }
    active.status = Set(status);
    active.ended_at = Set((!is_open).then_some(tx.now));
    active.ended_by = Set((!is_open).then(|| actor.origin().json()));
    active.updated_at = Set(tx.now);
    let row = active.update(tx.connection()).await?;
    let fact = match status {
        TaskStatus::Done => Fact::TaskCompleted { task_id: row.id },
        TaskStatus::Open | TaskStatus::Cancelled => Fact::TaskChanged { task_id: row.id },
    };
    tx.record(Change::new(actor.origin(), row.contact_id, fact));
    let action = match status {
        TaskStatus::Done => "task.complete",
        TaskStatus::Open => "task.reopen",
        TaskStatus::Cancelled => "task.cancel",
    };
    let record = Record::changed(action, row.id, before, audited(&row));
    tx.audit(actor, record.of(row.contact_id));
    tx.commit().await?;
    Ok(row)
}

#[derive(FromQueryResult)]
struct Left {
    id: TaskId,
    contact_id: Option<ContactId>,
}

/// Gives the open tasks of a member who is being removed to nobody in particular, or to the team whose
/// they are.
pub(crate) async fn release(tx: &mut Tx<'_>, origin: Origin, member: MemberId) -> Result<()> {
    let query = Query::new(
        "UPDATE task SET assignee_id = NULL, updated_at = $3
         WHERE workspace_id = $1 AND assignee_id = $2 AND status = 'OPEN'
         RETURNING id, contact_id",
    );
    let query = query.bind(tx.workspace).bind(member);
    let_go(tx, origin, query).await
}

/// Takes the open tasks of a team that is being deleted from it; who has taken one keeps it. What has ended
/// stays as it was, which may be more than fits a transaction.
pub(crate) async fn leave_team(tx: &mut Tx<'_>, origin: Origin, team: TeamId) -> Result<()> {
    let query = Query::new(
        "UPDATE task SET team_id = NULL, updated_at = $3
         WHERE workspace_id = $1 AND team_id = $2 AND status = 'OPEN'
         RETURNING id, contact_id",
    );
    let query = query.bind(tx.workspace).bind(team);
    let_go(tx, origin, query).await
}

/// Runs a statement that changes tasks, whose last value is the moment, and tells of each.
async fn let_go(tx: &mut Tx<'_>, origin: Origin, query: Query) -> Result<()> {
    let mut left: Vec<Left> = query.bind(tx.now).all(tx.connection()).await?;
    left.sort_unstable_by_key(|row| row.id);
    for row in left {
        let fact = Fact::TaskChanged { task_id: row.id };
        tx.record(Change::new(origin, row.contact_id, fact));
    }
    Ok(())
}

pub(super) fn check_title(raw: &str) -> Result<String> {
    text::name(raw, &["title"], MAX_TITLE).map_err(|error| Error::Refused(vec![error]))
}

fn check_description(raw: &str) -> Result<String> {
    text::long_text(raw, &["description"], MAX_DESCRIPTION)
        .map_err(|error| Error::Refused(vec![error]))
}

/// Refuses somebody who is not a member any more; they cannot be removed before the transaction ends
/// without its effects being seen.
async fn check_member(tx: &Tx<'_>, member: MemberId) -> Result<()> {
    if keep_members(tx, [member]).await?.is_empty() {
        return Err(Error::not_found(&["assigneeId"], "member"));
    }
    Ok(())
}

/// Those of the members who are here and not removed; they are not removed before the transaction ends.
pub(super) async fn keep_members(
    tx: &Tx<'_>,
    members: impl IntoIterator<Item = MemberId>,
) -> Result<BTreeSet<MemberId>> {
    let members: BTreeSet<MemberId> = members.into_iter().collect();
    if members.is_empty() {
        return Ok(members);
    }
    let lock = dialect::share_lock(tx.connection().get_database_backend());
    let found: Vec<MemberId> = Query::new(format!(
        "SELECT m.id FROM member m WHERE m.workspace_id = $1 AND m.removed_at IS NULL
           AND m.id IN (SELECT r.id FROM {{r}})
         ORDER BY m.id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", members))
    .column(tx.connection())
    .await?;
    Ok(found.into_iter().collect())
}

/// Refuses a team that is gone; it cannot be deleted before the transaction ends without its effects being
/// seen.
async fn check_team(tx: &Tx<'_>, team: TeamId) -> Result<()> {
    if keep_teams(tx, [team]).await?.is_empty() {
        return Err(Error::not_found(&["teamId"], "team"));
    }
    Ok(())
}

/// Those of the teams that are there, which are not deleted before the transaction ends.
pub(super) async fn keep_teams(
    tx: &Tx<'_>,
    teams: impl IntoIterator<Item = TeamId>,
) -> Result<BTreeSet<TeamId>> {
    let teams: BTreeSet<TeamId> = teams.into_iter().collect();
    if teams.is_empty() {
        return Ok(teams);
    }
    let lock = dialect::share_lock(tx.connection().get_database_backend());
    let found: Vec<TeamId> = Query::new(format!(
        "SELECT g.id FROM team g WHERE g.workspace_id = $1 AND g.id IN (SELECT r.id FROM {{r}})
         ORDER BY g.id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", teams))
    .column(tx.connection())
    .await?;
    Ok(found.into_iter().collect())
}

/// Refuses what is not there; says whom the task is about.
async fn check_subjects(tx: &Tx<'_>, new: &NewTask) -> Result<Option<ContactId>> {
    if let Some(contact) = new.contact {
        Subject::from(contact).check(tx, &["contactId"]).await?;
    }
    if let Some(account) = new.account {
        Subject::from(account).check(tx, &["accountId"]).await?;
    }
    let Some(conversation) = new.conversation else {
        return Ok(new.contact);
    };
    let theirs = Subject::from(conversation)
        .check(tx, &["conversationId"])
        .await?;
    if new.contact.is_some() && theirs != new.contact {
        let message = "The conversation is with another contact.";
        let code = UserErrorCode::Contradictory;
        return Err(Error::refused(&["contactId"], code, message));
    }
    Ok(theirs)
}

async fn lock(tx: &Tx<'_>, id: TaskId) -> Result<task::Model> {
    hold_by_id(tx, id)
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "task"))
}

/// What the audit log says of a task.
fn audited(row: &task::Model) -> serde_json::Value {
    json!({
        "title": row.title, "description": row.description, "status": row.status,
        "priority": row.priority, "due_at": row.due_at, "assignee": row.assignee_id,
        "team": row.team_id,
        "contact": row.contact_id, "account": row.account_id, "conversation": row.conversation_id,
    })
}
