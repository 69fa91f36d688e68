//! Making any number of tasks at once, for rules and playbooks.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, ContactId, ConversationId, MemberId, TaskId, TeamId},
    kind::TaskPriority,
};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    end_of_time,
    write::{keep_members, keep_teams},
};
use crate::{
    access::Origin,
    error::Result,
    store::{Query, Rows, Tx},
    work::change::{Change, Entry, Fact},
};

/// A task about to be made by a rule or a playbook, among others. Its texts have been checked.
#[derive(Debug, Clone)]
pub(crate) struct Draft<'a> {
    /// What is to be done.
    pub(crate) title: &'a str,
    /// More about it.
    pub(crate) description: &'a str,
    /// How pressing it is.
    pub(crate) priority: TaskPriority,
    /// When it is to be done.
    pub(crate) due_at: Option<DateTime<Utc>>,
    /// Whose it is.
    pub(crate) assignee: Assignee,
    /// Whom and what it is about.
    pub(crate) contact: Option<ContactId>,
    /// The account it is about.
    pub(crate) account: Option<AccountId>,
    /// The conversation it is about.
    pub(crate) conversation: Option<ConversationId>,
    /// Who makes it.
    pub(crate) origin: Origin,
    /// The log entry it follows from.
    pub(crate) cause: Option<&'a Entry>,
}

/// Whose a task is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Assignee {
    /// Nobody's in particular.
    Nobody,
    /// Of whoever looks after the contact, or the account where there is no contact.
    Owner,
    /// Of a member; nobody's in particular when they are gone.
    Member(MemberId),
    /// Of a team; nobody's in particular when it is gone.
    Team(TeamId),
}

/// Why a task that was meant for somebody is nobody's.
// Stored with outcomes: words are added, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, async_graphql::Enum)]
#[graphql(name = "TaskUnassigned")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Unassigned {
    /// Whoever it was meant for was removed from the workspace.
    MemberRemoved,
    /// The team it was meant for was deleted.
    TeamDeleted,
    /// It was meant for the owner of the contact or account, and nobody looks after that.
    NoOwner,
}

/// A task that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Made {
    /// The task.
    pub(crate) id: TaskId,
    /// Why it is nobody's, if it was meant for somebody.
    pub(crate) unassigned: Option<Unassigned>,
}

/// Makes any number of tasks in a few statements; says what was made in the order of `drafts`. Whoever
/// removes a member or deletes a team meanwhile takes its tasks from it and has to see these, so the
/// members and teams are held.
pub(crate) async fn make(tx: &mut Tx<'_>, drafts: &[Draft<'_>]) -> Result<Vec<Made>> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let each = || drafts.iter();
    let owners = owners(tx, drafts).await?;
    let meant = |draft: &Draft<'_>| match draft.assignee {
        Assignee::Member(id) => Some(id),
        Assignee::Owner => owners.get(&owned(draft)?).copied(),
        Assignee::Nobody | Assignee::Team(_) => None,
    };
    let team = |draft: &Draft<'_>| match draft.assignee {
        Assignee::Team(id) => Some(id),
        Assignee::Nobody | Assignee::Owner | Assignee::Member(_) => None,
    };
    let members = keep_members(tx, each().filter_map(meant)).await?;
    let teams = keep_teams(tx, each().filter_map(team)).await?;
    let made: Vec<Made> = each()
        .map(|draft| {
            let gone = match draft.assignee {
                Assignee::Nobody => None,
                Assignee::Owner if meant(draft).is_none() => Some(Unassigned::NoOwner),
                Assignee::Owner | Assignee::Member(_) => meant(draft)
                    .filter(|id| !members.contains(id))
                    .map(|_| Unassigned::MemberRemoved),
                Assignee::Team(id) => (!teams.contains(&id)).then_some(Unassigned::TeamDeleted),
            };
            Made {
                id: tx.id(),
                unassigned: gone,
            }
        })
        .collect();
    let assignee = |draft: &Draft<'_>| meant(draft).filter(|id| members.contains(id));
    let team = |draft: &Draft<'_>| team(draft).filter(|id| teams.contains(id));
    let rows = Rows::new()
        .ids("id", made.iter().map(|one| one.id))
        .texts("title", each().map(|one| one.title))
        .texts("description", each().map(|one| one.description))
        .texts("priority", each().map(|one| one.priority.word()))
        .opt_times("due_at", each().map(|one| one.due_at))
        .times(
            "sort_at",
            each().map(|one| one.due_at.unwrap_or_else(end_of_time)),
        )
        .opt_ids("assignee_id", each().map(assignee))
        .opt_ids("team_id", each().map(team))
        .opt_ids("contact_id", each().map(|one| one.contact))
        .opt_ids("account_id", each().map(|one| one.account))
        .opt_ids("conversation_id", each().map(|one| one.conversation))
        .json("made_by", each().map(|one| one.origin.json()));
    Query::new(
        "INSERT INTO task (workspace_id, id, title, description, status, priority, due_at, sort_at,
             assignee_id, team_id, contact_id, account_id, conversation_id, made_by, created_at, updated_at)
         SELECT $1, r.id, r.title, r.description, 'OPEN', r.priority, r.due_at, r.sort_at,
                r.assignee_id, r.team_id, r.contact_id, r.account_id, r.conversation_id, r.made_by, $2, $2
         FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    for (draft, one) in drafts.iter().zip(&made) {
        let fact = Fact::TaskCreated { task_id: one.id };
        tx.record(match draft.cause {
            Some(cause) => Change::caused(cause, draft.origin, draft.contact, fact),
            None => Change::new(draft.origin, draft.contact, fact),
        });
    }
    Ok(made)
}

#[derive(FromQueryResult)]
struct Owned {
    id: Uuid,
    owner_id: MemberId,
}

/// What its owner has to look after: the contact, or the account where there is no contact.
fn owned(draft: &Draft<'_>) -> Option<Uuid> {
    let contact = draft.contact.map(|id| id.0);
    contact.or_else(|| draft.account.map(|id| id.0))
}

/// Who looks after the contacts and accounts of those drafts that are meant for them.
async fn owners(tx: &Tx<'_>, drafts: &[Draft<'_>]) -> Result<HashMap<Uuid, MemberId>> {
    let theirs = || drafts.iter().filter(|one| one.assignee == Assignee::Owner);
    let contacts: BTreeSet<Uuid> = theirs()
        .filter(|one| one.contact.is_some())
        .filter_map(owned)
        .collect();
    let accounts: BTreeSet<Uuid> = theirs()
        .filter(|one| one.contact.is_none())
        .filter_map(owned)
        .collect();
    let mut owners = HashMap::new();
    for (table, ids) in [("contact", contacts), ("account", accounts)] {
        if ids.is_empty() {
            continue;
        }
        let found: Vec<Owned> = Query::new(format!(
            "SELECT o.id, o.owner_id FROM {{r}} JOIN {table} o ON o.workspace_id = $1 AND o.id = r.id
             WHERE o.owner_id IS NOT NULL"
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", ids))
        .all(tx.connection())
        .await?;
        owners.extend(found.into_iter().map(|one| (one.id, one.owner_id)));
    }
    Ok(owners)
}
