//! Working on conversations, one or a thousand at once: status, snooze, urgency, assignee, watchers.
//!
//! Members come in through [`update`]; rules and playbooks through [`apply`], in their own
//! transaction. Either way the number of statements does not depend on how many conversations
//! there are, and every difference becomes a fact with what it was before.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    conversation::Model,
    id::{ConversationId, Id as _, MemberId},
    kind::{ConversationStatus, DueKind, Priority},
};
use sea_orm::ConnectionTrait as _;

use super::{
    history,
    plan::{Planned, plan},
    watch,
};
use crate::{
    access::{Actor, Origin, Scope},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Rows, Tx, dialect},
    work::{
        change::{Change, Entry, Fact},
        due::{self, NewItem},
    },
};

/// Conversations one call may change.
pub const MAX_UPDATED: usize = 1_000;
/// The longest snooze.
const MAX_SNOOZE: TimeDelta = TimeDelta::days(366);

/// What is to change; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Where they are to stand.
    pub status: Option<ConversationStatus>,
    /// When they open again by themselves; needed for, and only good with, `SNOOZED`.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// How urgent they are to be.
    pub priority: Option<Priority>,
    /// Who is to deal with them; `Some(None)` is nobody.
    pub assignee: Option<Option<MemberId>>,
    /// Who is to watch them.
    pub watch: Vec<MemberId>,
    /// Who is to watch them no longer.
    pub unwatch: Vec<MemberId>,
}

/// Who changes conversations, and what made them do it.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// Who.
    pub origin: Origin,
    /// The log entry it follows from, if it follows from one.
    pub cause: Option<&'a Entry>,
}

impl By<'_> {
    pub(super) fn change(&self, row: &Model, fact: Fact) -> Change {
        match self.cause {
            Some(cause) => Change::caused(cause, self.origin, Some(row.contact_id), fact),
            None => Change::new(self.origin, Some(row.contact_id), fact),
        }
    }
}

/// Changes conversations on a member's behalf: all of them, or, when any is refused, none. Returns
/// them as they are now, in the order of asking. `path` names the list in refusals.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    ids: &[ConversationId],
    path: &str,
    changes: &Changes,
) -> Result<Vec<Model>> {
    actor.require(Scope::Write)?;
    if ids.len() > MAX_UPDATED {
        let message = format!("Change at most {MAX_UPDATED} conversations at once.");
        return Err(Error::refused(
            &[path],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    let mut errors = Vec::new();
    check_snooze(changes, tx.now, &mut errors);
    check_members(&tx, changes, &mut errors).await?;
    let before = hold(&tx, ids).await?;
    let known: BTreeSet<ConversationId> = before.iter().map(|row| row.id).collect();
    for (index, id) in ids.iter().enumerate() {
        if !known.contains(id) {
            let index = index.to_string();
            let at: &[&str] = if path == "id" {
                &[path]
            } else {
                &[path, &index]
            };
            let message = "There is no such conversation.";
            errors.push(UserError::new(at, UserErrorCode::NotFound, message));
        }
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let by = By {
        origin: actor.origin(),
        cause: None,
    };
    let after = write(ctx, &mut tx, by, before, changes).await?;
    tx.commit().await?;
    let in_order = ids.iter().filter_map(|id| {
        let place = after.binary_search_by_key(id, |row| row.id).ok()?;
        after.get(place).cloned()
    });
    Ok(in_order.collect())
}

/// Changes conversations in a transaction that is under way; those that are not there are passed
/// over, and so are members who are gone. For rules and playbooks.
pub async fn apply(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    by: By<'_>,
    ids: &[ConversationId],
    changes: &Changes,
) -> Result<Vec<Model>> {
    let mut wanted = changes.clone();
    let here = watch::present(tx, members(&wanted)).await?;
    wanted.watch.retain(|member| here.contains(member));
    wanted.assignee = wanted
        .assignee
        .filter(|assignee| assignee.is_none_or(|member| here.contains(&member)));
    let before = hold(tx, ids).await?;
    write(ctx, tx, by, before, &wanted).await
}

/// The same for changes that differ from conversation to conversation, in their order; nobody ceases to
/// watch. Says of each whether it changed anything.
pub(crate) async fn apply_each(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    wanted: &[(By<'_>, ConversationId, Changes)],
) -> Result<Vec<bool>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ConversationId> = wanted.iter().map(|(_, id, _)| *id).collect();
    let mut rows: BTreeMap<ConversationId, Model> = hold(tx, &ids)
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    let (mut changed, mut steps) = (BTreeSet::new(), Vec::new());
    let mut results = Vec::with_capacity(wanted.len());
    for (by, id, changes) in wanted {
        let Some(row) = rows.get_mut(id) else {
            results.push(false);
            continue;
        };
        let planned = plan(row, changes, tx.now);
        results.push(planned.is_some());
        if let Some(planned) = planned {
            for fact in planned.facts {
                steps.push((by.origin, fact.clone()));
                tx.record(by.change(&planned.row, fact));
            }
            *row = planned.row;
            changed.insert(*id);
        }
    }
    let watched = watch::begin(tx, wanted, &rows).await?;
    for (result, begun) in results.iter_mut().zip(watched) {
        *result |= begun;
    }
    let written: Vec<Planned> = rows
        .into_values()
        .filter(|row| changed.contains(&row.id))
        .map(|row| Planned {
            row,
            facts: Vec::new(),
        })
        .collect();
    store(tx, &written).await?;
    history::enter(tx, &steps).await?;
    wake_later(ctx, tx, &written).await?;
    Ok(results)
}

fn members(changes: &Changes) -> BTreeSet<MemberId> {
    let assignee = changes.assignee.flatten();
    changes.watch.iter().copied().chain(assignee).collect()
}

fn check_snooze(changes: &Changes, now: DateTime<Utc>, errors: &mut Vec<UserError>) {
    let path = ["snoozedUntil"];
    let snoozes = changes.status == Some(ConversationStatus::Snoozed);
    let problem = match changes.snoozed_until {
        None if snoozes => (
            UserErrorCode::Required,
            "Say until when the conversation is to be snoozed.",
        ),
        Some(_) if !snoozes => (
            UserErrorCode::Contradictory,
            "Only a conversation whose status becomes SNOOZED is snoozed until a moment.",
        ),
        Some(until) if until <= now => (UserErrorCode::Invalid, "Choose a moment in the future."),
        Some(until) if until > now + MAX_SNOOZE => (
            UserErrorCode::LimitReached,
            "Choose a moment within a year.",
        ),
        _ => return,
    };
    errors.push(UserError::new(&path, problem.0, problem.1));
}

async fn check_members(tx: &Tx<'_>, changes: &Changes, errors: &mut Vec<UserError>) -> Result<()> {
    let here = watch::present(tx, members(changes)).await?;
    let mut refuse = |path: &[&str]| {
        let message = "There is no such member.";
        errors.push(UserError::new(path, UserErrorCode::NotFound, message));
    };
    if let Some(Some(assignee)) = changes.assignee
        && !here.contains(&assignee)
    {
        refuse(&["assigneeId"]);
    }
    for (index, watcher) in changes.watch.iter().enumerate() {
        if !here.contains(watcher) {
            refuse(&["addWatcherIds", &index.to_string()]);
        }
    }
    // Who was removed watches nothing any more, so there is nothing to take back from them; an id
    // of nobody is told apart from that, like everywhere.
    let known = watch::known(tx, changes.unwatch.iter().copied().collect()).await?;
    for (index, watcher) in changes.unwatch.iter().enumerate() {
        if !known.contains(watcher) {
            refuse(&["removeWatcherIds", &index.to_string()]);
        }
    }
    Ok(())
}

/// The conversations among `ids`, by id, kept from changing until the transaction ends.
async fn hold(tx: &Tx<'_>, ids: &[ConversationId]) -> Result<Vec<Model>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let ids: BTreeSet<ConversationId> = ids.iter().copied().collect();
    Ok(Query::new(format!(
        "SELECT v.* FROM {{r}} JOIN conversation v ON v.workspace_id = $1 AND v.id = r.id
         ORDER BY v.id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids))
    .all(tx.connection())
    .await?)
}

async fn write(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    by: By<'_>,
    mut rows: Vec<Model>,
    changes: &Changes,
) -> Result<Vec<Model>> {
    let planned: Vec<Planned> = rows
        .iter()
        .filter_map(|row| plan(row, changes, tx.now))
        .collect();
    store(tx, &planned).await?;
    let facts = planned.iter().flat_map(|change| &change.facts);
    let steps: Vec<(Origin, Fact)> = facts.map(|fact| (by.origin, fact.clone())).collect();
    history::enter(tx, &steps).await?;
    wake_later(ctx, tx, &planned).await?;
    for change in &planned {
        for fact in &change.facts {
            tx.record(by.change(&change.row, fact.clone()));
        }
    }
    watch::change(tx, by, &rows, changes).await?;
    for change in planned {
        if let Ok(place) = rows.binary_search_by_key(&change.row.id, |row| row.id)
            && let Some(row) = rows.get_mut(place)
        {
            *row = change.row;
        }
    }
    Ok(rows)
}

async fn store(tx: &Tx<'_>, planned: &[Planned]) -> Result<()> {
    if planned.is_empty() {
        return Ok(());
    }
    let after = || planned.iter().map(|change| &change.row);
    let rows = Rows::new()
        .ids("id", after().map(|row| row.id))
        .texts("status", after().map(|row| row.status.word()))
        .opt_times("snoozed_until", after().map(|row| row.snoozed_until))
        .ints("priority", after().map(|row| row.priority.rank()))
        .opt_ids("assignee_id", after().map(|row| row.assignee_id))
        .opt_times("closed_at", after().map(|row| row.closed_at))
        .opt_times("waiting_since", after().map(|row| row.waiting_since))
        .ints("reopenings", after().map(|row| row.reopenings));
    Query::new(
        "UPDATE conversation SET status = r.status, snoozed_until = r.snoozed_until,
             priority = r.priority, assignee_id = r.assignee_id, closed_at = r.closed_at,
             waiting_since = r.waiting_since, reopenings = r.reopenings
         FROM {r} WHERE conversation.workspace_id = $1 AND conversation.id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A snoozed conversation gets an item for the moment it is to wake. When it is woken before, or
/// snoozed again, the item finds nothing to do.
async fn wake_later(ctx: &Ctx, tx: &mut Tx<'_>, planned: &[Planned]) -> Result<()> {
    let items: Vec<NewItem> = planned
        .iter()
        .filter_map(|change| {
            let until = change.row.snoozed_until?;
            Some(NewItem {
                kind: DueKind::ConversationWake,
                subject: change.row.id.uuid(),
                wait: until - tx.now,
            })
        })
        .collect();
    Ok(due::add(ctx, tx, &items).await?)
}
