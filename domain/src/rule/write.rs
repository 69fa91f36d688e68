//! Making and changing rules.
//!
//! Every change begins with raising the workspace's `rules_version`: that takes the lock which makes
//! editors wait for each other, and tells every worker that its compiled rules are out of date.

use std::collections::HashSet;

use entity::{Scoped as _, id::RuleId, rule, rule_version};
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, Set};
use serde_json::json;

use super::{
    check::given,
    definition::Definition,
    limits::Limits,
    read::{Rule, stored},
    size::refuse_too_much,
    trigger::Trigger,
    wait,
};
use crate::condition::{Condition, Use, lineage::Lineage, path::Path, reference};
use crate::{
    access::{Actor, Origin, Scope},
    action::{self, Action},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Rows, Tx},
    tag::tagging,
    text,
    work::change::{Change, Fact},
};

/// Characters a name may have.
pub const NAME_LIMIT: usize = 100;
/// Rules a workspace may have.
pub const RULE_LIMIT: i64 = 10_000;

/// A rule about to be made.
#[derive(Debug, Clone)]
pub struct NewRule {
    /// The name shown.
    pub name: String,
    /// What makes it look.
    pub trigger: Trigger,
    /// What must be true.
    pub condition: Condition,
    /// What it does, in order.
    pub actions: Vec<Action>,
    /// How often, and when, it may act.
    pub limits: Limits,
}

/// What may be changed about a rule; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct RuleChanges {
    /// The name shown.
    pub name: Option<String>,
    /// What makes it look.
    pub trigger: Option<Trigger>,
    /// What must be true.
    pub condition: Option<Condition>,
    /// What it does, in order.
    pub actions: Option<Vec<Action>>,
    /// How often, and when, it may act.
    pub limits: Option<Limits>,
    /// Whether the tags it has put on and does not name any more are taken back.
    pub withdraw: bool,
}

/// Makes a rule behind all others. It is active at once.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewRule) -> Result<Rule> {
    make(ctx, actor, new, true).await
}

/// Makes a rule behind all others, active or paused.
pub(super) async fn make(ctx: &Ctx, actor: &Actor, new: NewRule, active: bool) -> Result<Rule> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let name = text::name(&new.name, &["name"], NAME_LIMIT)
        .map_err(|error| errors.push(error))
        .unwrap_or_default();
    let definition = Definition {
        trigger: new.trigger,
        condition: new.condition,
        actions: new.actions,
        limits: new.limits,
    };
    let mut tx = ctx.begin(actor.workspace).await?;
    begin_edit(&tx).await?;
    check(&tx, &definition, None, &mut errors).await?;
    let (rules, last) = extent(&tx).await?;
    if rules >= RULE_LIMIT {
        let message = format!("A workspace has at most {RULE_LIMIT} rules. Delete one first.");
        errors.push(UserError::new(&[], UserErrorCode::LimitReached, message));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let row = rule::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        name,
        position: last + 1,
        version: 1,
        definition: definition.to_stored().map_err(stored)?,
        active,
        created_by: actor.origin().json(),
        created_at: tx.now,
        updated_at: tx.now,
        deleted_at: None,
        failures: 0,
        paused_at: None,
        paused_reason: None,
        waits_since: Some(tx.now),
    };
    rule::Entity::insert(row.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    keep_version(&tx, &row, actor.origin()).await?;
    refuse_too_much(&tx, &definition.condition).await?;
    wait::begin(&tx, &definition.trigger).await?;
    record(&mut tx, actor.origin(), row.id);
    tx.audit(actor, Record::made("rule.create", row.id, audited(&row)));
    tx.commit().await?;
    row.try_into()
}

/// Changes a rule. What changes nothing makes no new version.
pub async fn update(ctx: &Ctx, actor: &Actor, id: RuleId, changes: RuleChanges) -> Result<Rule> {
    save(ctx, actor, id, changes, false).await
}

/// Changes a rule; `anew` makes a version of it also when nothing changes.
pub(super) async fn save(
    ctx: &Ctx,
    actor: &Actor,
    id: RuleId,
    changes: RuleChanges,
    anew: bool,
) -> Result<Rule> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let mut tx = ctx.begin(actor.workspace).await?;
    begin_edit(&tx).await?;
    let before = audited(&stored_row(&tx, id).await?);
    let rule = existing(&tx, id).await?;
    let mut name = rule.name.clone();
    if let Some(new) = &changes.name {
        match text::name(new, &["name"], NAME_LIMIT) {
            Ok(new) => name = new,
            Err(error) => errors.push(error),
        }
    }
    let definition = Definition {
        trigger: changes
            .trigger
            .unwrap_or_else(|| rule.definition.trigger.clone()),
        condition: changes
            .condition
            .unwrap_or_else(|| rule.definition.condition.clone()),
        actions: changes
            .actions
            .unwrap_or_else(|| rule.definition.actions.clone()),
        limits: changes
            .limits
            .unwrap_or_else(|| rule.definition.limits.clone()),
    };
    // A rule whose tag was archived since can still be renamed.
    if definition != rule.definition {
        check(&tx, &definition, Some(&rule.definition), &mut errors).await?;
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    if !anew && name == rule.name && definition == rule.definition {
        if changes.withdraw {
            tagging::ask_to_withdraw(ctx, &mut tx, actor.origin(), id, true).await?;
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        return Ok(rule);
    }
    let mut active = rule::ActiveModel {
        name: Set(name),
        definition: Set(definition.to_stored().map_err(stored)?),
        ..touched(&tx, id, rule.version)
    };
    // Whatever else is changed, a time that has come has come.
    if definition.trigger != rule.definition.trigger {
        active.waits_since = Set(Some(tx.now));
    }
    let row = rule::Entity::update(active).exec(tx.connection()).await?;
    keep_version(&tx, &row, actor.origin()).await?;
    refuse_too_much(&tx, &definition.condition).await?;
    wait::begin(&tx, &definition.trigger).await?;
    if changes.withdraw {
        tagging::ask_to_withdraw(ctx, &mut tx, actor.origin(), id, true).await?;
    }
    record(&mut tx, actor.origin(), id);
    tx.audit(
        actor,
        Record::changed("rule.update", id, before, audited(&row)),
    );
    tx.commit().await?;
    row.try_into()
}

/// Lets a rule be evaluated or not; nothing happens to one that already is as wanted. One that names a tag group
/// which was deleted meanwhile has to be changed first.
pub async fn set_active(ctx: &Ctx, actor: &Actor, id: RuleId, active: bool) -> Result<Rule> {
    change_active(ctx, actor, id, active, false).await
}

/// Pauses a rule, and takes back the tags it has put on.
pub async fn pause_and_withdraw(ctx: &Ctx, actor: &Actor, id: RuleId) -> Result<Rule> {
    change_active(ctx, actor, id, false, true).await
}

async fn change_active(
    ctx: &Ctx,
    actor: &Actor,
    id: RuleId,
    active: bool,
    withdraw: bool,
) -> Result<Rule> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    begin_edit(&tx).await?;
    let rule = existing(&tx, id).await?;
    if withdraw {
        tagging::ask_to_withdraw(ctx, &mut tx, actor.origin(), id, false).await?;
    }
    if rule.active == active {
        tx.commit().await?;
        return Ok(rule);
    }
    // Whoever lets it run again has mended what failed, or wants to see.
    let mut changed = rule::ActiveModel {
        active: Set(active),
        failures: Set(0),
        paused_at: Set(None),
        paused_reason: Set(None),
        ..touched(&tx, id, rule.version)
    };
    if active {
        reference::refuse_gone_groups(&tx, &rule.definition.references()).await?;
        changed.waits_since = Set(Some(tx.now));
        wait::begin(&tx, &rule.definition.trigger).await?;
    }
    let row = rule::Entity::update(changed).exec(tx.connection()).await?;
    record(&mut tx, actor.origin(), id);
    let (before, after) = (json!({ "active": !active }), json!({ "active": active }));
    tx.audit(actor, Record::changed("rule.set_active", id, before, after));
    tx.commit().await?;
    row.try_into()
}

/// Deletes a rule. Its row stays for the firings that refer to it.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: RuleId) -> Result<Rule> {
    remove(ctx, actor, id, false).await
}

/// Deletes a rule, and takes back the tags it has put on.
pub async fn delete_and_withdraw(ctx: &Ctx, actor: &Actor, id: RuleId) -> Result<Rule> {
    remove(ctx, actor, id, true).await
}

async fn remove(ctx: &Ctx, actor: &Actor, id: RuleId, withdraw: bool) -> Result<Rule> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    begin_edit(&tx).await?;
    let rule = existing(&tx, id).await?;
    let changed = rule::ActiveModel {
        active: Set(false),
        deleted_at: Set(Some(tx.now)),
        ..touched(&tx, id, rule.version)
    };
    let row = rule::Entity::update(changed).exec(tx.connection()).await?;
    if withdraw {
        tagging::ask_to_withdraw(ctx, &mut tx, actor.origin(), id, false).await?;
    }
    record(&mut tx, actor.origin(), id);
    tx.audit(actor, Record::ended("rule.delete", id, audited(&row)));
    tx.commit().await?;
    row.try_into()
}

/// Puts the rules `ids` first, in this order; the others follow in the order they had. Says how many
/// rules changed their place.
pub async fn reorder(ctx: &Ctx, actor: &Actor, ids: &[RuleId]) -> Result<usize> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    begin_edit(&tx).await?;
    let before: Vec<RuleId> = Query::new(
        "SELECT id FROM rule WHERE workspace_id = $1 AND deleted_at IS NULL ORDER BY position, id",
    )
    .bind(tx.workspace)
    .column(tx.connection())
    .await?;
    let existing: HashSet<RuleId> = before.iter().copied().collect();
    let mut first = HashSet::new();
    let mut errors = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        let index = index.to_string();
        let (code, message) = if !existing.contains(id) {
            (UserErrorCode::NotFound, "There is no such rule.")
        } else if !first.insert(*id) {
            (UserErrorCode::Invalid, "This rule is already listed.")
        } else {
            continue;
        };
        errors.push(UserError::new(&["ruleIds", &index], code, message));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let rest = before.iter().copied().filter(|id| !first.contains(id));
    let after: Vec<RuleId> = ids.iter().copied().chain(rest).collect();
    let rows = Rows::new()
        .ids("id", after.iter().copied())
        .ints("position", 1..=after.len() as i64);
    // A rule that moves stays as it is: one that waits for the clock still has to run for the time
    // since it was last changed.
    let moved: Vec<RuleId> = Query::new(
        "UPDATE rule SET position = r.position, version = rule.version + 1
         FROM {r} WHERE rule.workspace_id = $1 AND rule.id = r.id AND rule.position <> r.position
         RETURNING rule.id",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .column(tx.connection())
    .await?;
    for &id in &moved {
        record(&mut tx, actor.origin(), id);
    }
    let (was, is) = (json!({ "order": before }), json!({ "order": after }));
    tx.audit(
        actor,
        Record::changed("rule.reorder", tx.workspace, was, is),
    );
    if moved.is_empty() {
        tx.rollback().await?;
    } else {
        tx.commit().await?;
    }
    Ok(moved.len())
}

/// Takes the lock of the workspace's rules until the end of `tx`, and outdates what was compiled.
pub(super) async fn begin_edit(tx: &Tx<'_>) -> Result<()> {
    Query::new("UPDATE workspace SET rules_version = rules_version + 1 WHERE id = $1")
        .bind(tx.workspace)
        .execute(tx.connection())
        .await?;
    Ok(())
}

async fn existing(tx: &Tx<'_>, id: RuleId) -> Result<Rule> {
    rule::Entity::of(tx.workspace)
        .filter(rule::Column::Id.eq(id))
        .filter(rule::Column::DeletedAt.is_null())
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "rule"))?
        .try_into()
}

pub(super) fn touched(tx: &Tx<'_>, id: RuleId, version: i64) -> rule::ActiveModel {
    rule::ActiveModel {
        workspace_id: Set(tx.workspace),
        id: Set(id),
        version: Set(version + 1),
        updated_at: Set(tx.now),
        ..Default::default()
    }
}

async fn stored_row(tx: &Tx<'_>, id: RuleId) -> Result<rule::Model> {
    rule::Entity::of(tx.workspace)
        .filter(rule::Column::Id.eq(id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "rule"))
}

/// Keeps the rule as it is saved now, so that it can be gone back to.
pub(super) async fn keep_version(tx: &Tx<'_>, row: &rule::Model, origin: Origin) -> Result<()> {
    let version = rule_version::Model {
        workspace_id: tx.workspace,
        rule_id: row.id,
        version: row.version,
        name: row.name.clone(),
        definition: row.definition.clone(),
        made_by: origin.json(),
        made_at: tx.now,
    };
    rule_version::Entity::insert(version.into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// What the audit log says of a rule.
fn audited(row: &rule::Model) -> serde_json::Value {
    json!({ "name": row.name, "active": row.active, "definition": row.definition })
}

pub(super) fn record(tx: &mut Tx<'_>, origin: Origin, rule_id: RuleId) {
    tx.record(Change::new(origin, None, Fact::RuleChanged { rule_id }));
}

/// How many rules there are, and the last one's position.
async fn extent(tx: &Tx<'_>) -> Result<(i64, i64)> {
    let rows = Query::new(
        "SELECT COUNT(*), COALESCE(MAX(position), 0) FROM rule
         WHERE workspace_id = $1 AND deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .raw(tx.connection())
    .await?;
    let row = rows
        .first()
        .ok_or_else(|| Error::Internal("a count without a row".to_owned()))?;
    Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
}

/// Notes everything wrong with the definition, including ids this workspace does not have; `before` is what the rule
/// said so far.
pub(super) async fn check(
    tx: &Tx<'_>,
    definition: &Definition,
    before: Option<&Definition>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let found = definition.check();
    let too_long = |error: &UserError| error.code == UserErrorCode::TooLong;
    let is_bounded = !found.iter().any(too_long);
    let is_sound = found.is_empty();
    errors.extend(found);
    if !is_bounded {
        // What breaks its limits is not looked up.
        return Ok(());
    }
    let references = definition.references();
    reference::keep(tx, &references).await?;
    let unknown = reference::unknown(tx.connection(), tx.workspace, &references).await?;
    // Tags may have been moved since it was saved; the rest of it can still be changed then.
    let stays = before.is_some_and(|before| {
        before.trigger == definition.trigger && before.condition == definition.condition
    });
    if is_sound && unknown.is_empty() && !stays {
        let lineage = Lineage::load(tx.connection(), tx.workspace, &references).await?;
        let given = given(&definition.trigger);
        errors.extend(lineage.contradicted(&definition.condition, &given, Use::Rule));
    }
    errors.extend(unknown);
    let at = Path::root("trigger").at(definition.trigger.name());
    errors.extend(definition.trigger.unfit(tx, &at).await?);
    let at = Path::root("actions");
    let actions = definition.actions.iter().enumerate();
    let actions: Vec<_> = actions
        .map(|(index, action)| (at.nth(index), action))
        .collect();
    errors.extend(action::known::refused(tx, &actions).await?);
    Ok(())
}
