//! Targets: making, changing, and switching them on and off.
//!
//! Called by the API. No target is called here: that is for [`deliver`](super::deliver), also when one is tried out.

use entity::{
    Scoped as _,
    id::{TargetId, WorkspaceId},
    kind::TargetKind,
    notification_target as target,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, Set,
};
use secrecy::SecretString;

use super::{DisableReason, Receivers, address, key, receiver, uses};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Tx, hold_by_id, rows_by_id},
    text,
    work::change::{Change, Fact},
};

/// Characters a name may have.
pub const NAME_LIMIT: usize = 100;
/// Targets a workspace may have.
pub const TARGET_LIMIT: u64 = 500;
/// The longest time notifications are collected, in minutes.
pub const DIGEST_LIMIT_MIN: i64 = 24 * 60;
/// The largest budget, in messages an hour.
pub const HOURLY_LIMIT_MAX: i64 = 3_600;
/// Stored as the reason when a member switched a target off.
const BY_MEMBER: &str = "member";

/// A target about to be made.
#[derive(Debug, Clone)]
pub struct NewTarget {
    /// The name shown; unique in the workspace.
    pub name: String,
    /// The kind of place.
    pub kind: TargetKind,
    /// The secret URL to call, for kinds that have one; empty otherwise.
    pub url: SecretString,
    /// Who receives it, for kinds that go to people.
    pub receivers: Receivers,
    /// For how many minutes notifications are collected and then told together.
    pub digest_minutes: Option<i64>,
    /// How many messages it gets in an hour at most; the rest is told together.
    pub hourly_limit: Option<i64>,
}

impl NewTarget {
    /// A target with a URL, of kind SLACK or WEBHOOK, which is told each thing at once.
    pub fn at(kind: TargetKind, name: impl Into<String>, url: impl Into<SecretString>) -> Self {
        Self {
            name: name.into(),
            kind,
            url: url.into(),
            receivers: Receivers::default(),
            digest_minutes: None,
            hourly_limit: None,
        }
    }

    /// A target that goes to people, of kind EMAIL or `IN_APP`, told each thing at once.
    pub fn to(kind: TargetKind, name: impl Into<String>, receivers: Receivers) -> Self {
        Self {
            receivers,
            ..Self::at(kind, name, "")
        }
    }
}

/// What may be changed about a target; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct TargetChanges {
    /// The name shown.
    pub name: Option<String>,
    /// The secret URL to call.
    pub url: Option<SecretString>,
    /// Who receives it.
    pub receivers: Option<Receivers>,
    /// For how many minutes notifications are collected; `Some(None)` tells each at once.
    pub digest_minutes: Option<Option<i64>>,
    /// How many messages it gets in an hour at most; `Some(None)` is any number.
    pub hourly_limit: Option<Option<i64>>,
    /// Whether it is on: rules do not notify a target that is off, and what is on its way to it
    /// fails.
    pub enabled: Option<bool>,
}

/// Makes a target. For a webhook the secret its requests are signed with is returned here and never
/// again.
pub async fn create(
    ctx: &Ctx,
    actor: &Actor,
    new: NewTarget,
) -> Result<(target::Model, Option<SecretString>)> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let name = text::name(&new.name, &["name"], NAME_LIMIT)
        .map_err(|error| errors.push(error))
        .unwrap_or_default();
    let url = address::check(&*ctx.reach, new.kind, &new.url)
        .map_err(|error| errors.push(error))
        .ok();
    check_pace(new.digest_minutes, new.hourly_limit, &mut errors);
    let mut tx = ctx.begin(actor.workspace).await?;
    refuse_taken(&tx, &name, None, &mut errors).await?;
    let count = target::Entity::of(tx.workspace)
        .filter(target::Column::DeletedAt.is_null())
        .count(tx.connection())
        .await?;
    if count >= TARGET_LIMIT {
        let message = format!("A workspace has at most {TARGET_LIMIT} targets.");
        errors.push(UserError::new(&[], UserErrorCode::LimitReached, message));
    }
    let receivers = receiver::check(&tx, new.kind, new.receivers, &mut errors).await?;
    check_together(
        &receivers,
        new.digest_minutes.is_some() || new.hourly_limit.is_some(),
        &mut errors,
    );
    let (Some(url), true) = (url, errors.is_empty()) else {
        return Err(Error::Refused(errors));
    };
    let id: TargetId = tx.id();
    let (sealed_url, masked_url) = address::seal(ctx, id, url.as_ref())?;
    let target = target::Model {
        workspace_id: tx.workspace,
        id,
        name,
        kind: new.kind,
        sealed_url,
        masked_url,
        created_at: tx.now,
        disabled_at: None,
        disabled_reason: None,
        deleted_at: None,
        next_send_at: None,
        digest_minutes: new.digest_minutes,
        hourly_limit: new.hourly_limit,
    };
    target::Entity::insert(target.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    receiver::store(&tx, id, &receivers).await?;
    let secret = if new.kind == TargetKind::Webhook {
        Some(key::make(ctx, &tx, id).await?)
    } else {
        None
    };
    record(&mut tx, actor, id);
    let after = audited(&target, &receivers);
    tx.audit(actor, Record::made("target.create", id, after));
    tx.commit().await?;
    Ok((target, secret))
}

/// Changes a target. Deliveries already on their way go to the new URL and the new receivers.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: TargetId,
    changes: TargetChanges,
) -> Result<target::Model> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let mut tx = ctx.begin(actor.workspace).await?;
    let target = hold(&tx, id, "id").await?;
    let kind = target.kind;
    let mut known = receiver::load(tx.connection(), tx.workspace, &[id]).await?;
    let mut receivers = known.remove(&id).unwrap_or_default();
    let was_enabled = target.disabled_at.is_none();
    let before = audited(&target, &receivers);
    let mut row = target.clone().into_active_model();
    if let Some(name) = &changes.name {
        match text::name(name, &["name"], NAME_LIMIT) {
            Ok(name) => {
                refuse_taken(&tx, &name, Some(id), &mut errors).await?;
                row.name = Set(name);
            }
            Err(error) => errors.push(error),
        }
    }
    if let Some(url) = &changes.url {
        match address::check(&*ctx.reach, kind, url) {
            Ok(url) => {
                let (sealed, masked) = address::seal(ctx, id, url.as_ref())?;
                row.sealed_url = Set(sealed);
                row.masked_url = Set(masked);
            }
            Err(error) => errors.push(error),
        }
    }
    if let Some(changed) = changes.receivers {
        receivers = receiver::check(&tx, kind, changed, &mut errors).await?;
    }
    if let Some(minutes) = changes.digest_minutes {
        row.digest_minutes = Set(minutes);
    }
    if let Some(limit) = changes.hourly_limit {
        row.hourly_limit = Set(limit);
    }
    check_pace(
        changes.digest_minutes.flatten(),
        changes.hourly_limit.flatten(),
        &mut errors,
    );
    let digest = changes.digest_minutes.unwrap_or(target.digest_minutes);
    let limit = changes.hourly_limit.unwrap_or(target.hourly_limit);
    check_together(&receivers, digest.is_some() || limit.is_some(), &mut errors);
    if let Some(enabled) = changes.enabled
        && enabled != was_enabled
    {
        row.disabled_at = Set((!enabled).then_some(tx.now));
        row.disabled_reason = Set((!enabled).then(|| BY_MEMBER.to_owned()));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let target = if row.is_changed() {
        target::Entity::update(row).exec(tx.connection()).await?
    } else {
        target
    };
    let mut after = audited(&target, &receivers);
    if after["receivers"] != before["receivers"] {
        receiver::store(&tx, id, &receivers).await?;
    }
    if changes.url.is_some() {
        // The address is a credential; that it was set anew is what may be told.
        after["url"] = "changed".into();
    }
    if after != before {
        record(&mut tx, actor, id);
        tx.audit(actor, Record::changed("target.update", id, before, after));
    }
    tx.commit().await?;
    Ok(target)
}

/// Deletes a target that no rule and no playbook notifies. Its address, its keys and its receivers are
/// forgotten; what was delivered to it stays in the log, and what is on its way fails.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: TargetId) -> Result<target::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let target = hold(&tx, id, "id").await?;
    let users = uses::of(tx.connection(), tx.workspace, id).await?;
    if !users.is_empty() {
        let named: Vec<String> = users.iter().take(5).map(ToString::to_string).collect();
        let message = format!(
            "It is notified by {}. Take it out of their actions first; the target's uses list them all.",
            named.join(", ")
        );
        return Err(Error::refused(&["id"], UserErrorCode::InUse, message));
    }
    let receivers = receiver::load(tx.connection(), tx.workspace, &[id]).await?;
    let before = audited(&target, receivers.get(&id).unwrap_or(&Receivers::default()));
    for table in ["notification_receiver", "webhook_key"] {
        Query::new(format!(
            "DELETE FROM {table} WHERE workspace_id = $1 AND notification_target_id = $2"
        ))
        .bind(tx.workspace)
        .bind(id)
        .execute(tx.connection())
        .await?;
    }
    let (disabled_at, reason) = (target.disabled_at, target.disabled_reason.clone());
    let mut row = target.into_active_model();
    row.deleted_at = Set(Some(tx.now));
    row.disabled_at = Set(disabled_at.or(Some(tx.now)));
    row.disabled_reason = Set(reason.or(Some(BY_MEMBER.to_owned())));
    row.sealed_url = Set(String::new());
    row.masked_url = Set(String::new());
    let target = target::Entity::update(row).exec(tx.connection()).await?;
    record(&mut tx, actor, id);
    tx.audit(actor, Record::ended("target.delete", id, before));
    tx.commit().await?;
    Ok(target)
}

/// Why the target was switched off, if a receiver's answer did it.
pub fn disabled_because(target: &target::Model) -> Option<DisableReason> {
    let word = target.disabled_reason.clone()?;
    serde_json::from_value(word.into()).ok()
}

/// The workspace's targets, oldest first.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId) -> Result<Vec<target::Model>> {
    let mut targets = target::Entity::of(workspace)
        .filter(target::Column::DeletedAt.is_null())
        .all(ctx.reader())
        .await?;
    targets.sort_by_key(|target| target.id);
    Ok(targets)
}

/// The target, if it is one of the workspace, even if it was deleted.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: TargetId,
) -> Result<Option<target::Model>> {
    Ok(target::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?)
}

/// The targets among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[TargetId],
) -> Result<Vec<target::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// Bounds of a digest and of a budget.
fn check_pace(digest_minutes: Option<i64>, hourly_limit: Option<i64>, errors: &mut Vec<UserError>) {
    let mut within = |path: &str, value: Option<i64>, most: i64, what: &str| {
        if value.is_some_and(|value| !(1..=most).contains(&value)) {
            let message = format!("Give a number of {what} from 1 to {most}, or leave it out.");
            errors.push(UserError::new(&[path], UserErrorCode::Invalid, message));
        }
    };
    within("digestMinutes", digest_minutes, DIGEST_LIMIT_MIN, "minutes");
    within("hourlyLimit", hourly_limit, HOURLY_LIMIT_MAX, "messages");
}

/// The target unless it was deleted, locked against other changes of it and of its keys.
pub(super) async fn hold(tx: &Tx<'_>, id: TargetId, field: &str) -> Result<target::Model> {
    let found: Option<target::Model> = hold_by_id(tx, id).await?;
    found
        .filter(|target| target.deleted_at.is_none())
        .ok_or_else(|| Error::not_found(&[field], "notification target"))
}

async fn refuse_taken(
    tx: &Tx<'_>,
    name: &str,
    except: Option<TargetId>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let mut same = target::Entity::of(tx.workspace)
        .filter(target::Column::DeletedAt.is_null())
        .filter(target::Column::Name.eq(name));
    if let Some(id) = except {
        same = same.filter(target::Column::Id.ne(id));
    }
    if same.count(tx.connection()).await? > 0 {
        let message = "Another target already has this name.";
        errors.push(UserError::new(&["name"], UserErrorCode::Taken, message));
    }
    Ok(())
}

/// Notes that notifications for whoever is in charge would be told together with those for others.
fn check_together(receivers: &Receivers, is_paced: bool, errors: &mut Vec<UserError>) {
    if receivers.follow() && is_paced {
        let message = "What goes to whoever is in charge is told one by one. Leave digestMinutes and hourlyLimit \
                       out, or owner and assignee.";
        let code = UserErrorCode::Contradictory;
        errors.push(UserError::new(&["receivers"], code, message));
    }
}

/// What the audit log says of a target. Its address is a credential and has no place there.
fn audited(target: &target::Model, receivers: &Receivers) -> serde_json::Value {
    serde_json::json!({
        "name": target.name, "kind": target.kind, "enabled": target.disabled_at.is_none(),
        "receivers": receivers, "digestMinutes": target.digest_minutes,
        "hourlyLimit": target.hourly_limit,
    })
}

pub(super) fn record(tx: &mut Tx<'_>, actor: &Actor, target_id: TargetId) {
    tx.record(Change::new(
        actor.origin(),
        None,
        Fact::TargetChanged { target_id },
    ));
}
