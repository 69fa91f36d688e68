//! Making, changing, publishing, pausing and archiving playbooks.
//!
//! Called by the API. A changed definition is a new version, and publishing alone decides which one new
//! enrolments take. No enrolment is moved here; those of an archived playbook are ended by an operation.

use entity::{
    id::PlaybookId,
    kind::{OperationKind, PlaybookState},
    playbook, playbook_version,
};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, Set};
use serde_json::json;

use super::{
    DESCRIPTION_LIMIT, NAME_LIMIT, PLAYBOOK_LIMIT, VERSION_LIMIT,
    definition::{Definition, StoredError},
    failing,
    naming::naming,
    read::find_version,
};
use crate::{
    access::{Actor, Origin, Scope},
    action,
    audit::Record,
    condition::{
        Condition,
        lineage::Lineage,
        reference::{self, IdKind, Reference},
    },
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode, keep},
    operation::{self, NewOperation},
    port::Work,
    store::{Query, Tx, hold_by_id},
    text,
    work::change::{Change, Fact},
};

/// A playbook about to be made.
#[derive(Debug, Clone)]
pub struct NewPlaybook {
    /// The name shown.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it is.
    pub definition: Definition,
    /// Whether it is to be at work at once; otherwise its first version is a draft.
    pub publish: bool,
}

/// What may be changed about a playbook; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct PlaybookChange {
    /// The name shown.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it is, as a new version.
    pub definition: Option<Definition>,
    /// Whether the new version is published; otherwise it is a draft.
    pub publish: bool,
}

/// Makes a playbook with its first version. It is active; without a published version it enrols
/// nobody.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewPlaybook) -> Result<playbook::Model> {
    make(ctx, actor, new, PlaybookState::Active).await
}

/// Makes a playbook with its first version, active or paused.
pub(super) async fn make(
    ctx: &Ctx,
    actor: &Actor,
    new: NewPlaybook,
    state: PlaybookState,
) -> Result<playbook::Model> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let name = keep(text::name(&new.name, &["name"], NAME_LIMIT), &mut errors).unwrap_or_default();
    let description = keep(
        text::long_text(&new.description, &["description"], DESCRIPTION_LIMIT),
        &mut errors,
    )
    .unwrap_or_default();
    let mut tx = ctx.begin(actor.workspace).await?;
    check(&tx, &new.definition, None, &mut errors).await?;
    let name_key = text::name_key(&name);
    if errors.is_empty() {
        refuse_taken(&tx, &name_key, None).await?;
        refuse_too_many(&tx).await?;
    } else {
        return Err(Error::Refused(errors));
    }
    let row = playbook::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        name,
        name_key,
        description,
        state,
        version: i64::from(new.publish),
        latest_version: 1,
        created_by: actor.origin().json(),
        created_at: tx.now,
        updated_at: tx.now,
        paused_at: None,
        paused_reason: None,
    };
    playbook::Entity::insert(row.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    insert_version(&tx, actor, &row, 1, &new.definition, new.publish).await?;
    record(&mut tx, actor.origin(), row.id);
    let mut said = audited(&row);
    said["definition"] = new.definition.to_stored().map_err(stored)?;
    tx.audit(actor, Record::made("playbook.create", row.id, said));
    tx.commit().await?;
    Ok(row)
}

/// Changes a playbook. Another definition becomes a new version; enrolments under way stay on theirs.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: PlaybookId,
    change: PlaybookChange,
) -> Result<playbook::Model> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let name = change.name.as_deref();
    let name = name
        .map(|name| keep(text::name(name, &["name"], NAME_LIMIT), &mut errors).unwrap_or_default());
    let description = change.description.as_deref().map(|text| {
        let text = text::long_text(text, &["description"], DESCRIPTION_LIMIT);
        keep(text, &mut errors).unwrap_or_default()
    });
    let mut tx = ctx.begin(actor.workspace).await?;
    let row = lock(&tx, id, &["id"]).await?;
    refuse_archived(&row, "id")?;
    if let Some(definition) = &change.definition {
        let newest = find_version(tx.connection(), tx.workspace, id, row.latest_version).await?;
        let before = newest.as_ref().map(|one| &one.definition);
        check(&tx, definition, before, &mut errors).await?;
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let (before, latest, published) = (audited(&row), row.latest_version, row.version);
    let mut after = row.clone();
    if let Some(name) = name {
        after.name_key = text::name_key(&name);
        after.name = name;
        refuse_taken(&tx, &after.name_key, Some(id)).await?;
    }
    after.description = description.unwrap_or(after.description);
    if let Some(definition) = &change.definition {
        if latest >= VERSION_LIMIT {
            let message = format!(
                "A playbook has at most {VERSION_LIMIT} versions. Make a new playbook instead."
            );
            let code = UserErrorCode::LimitReached;
            return Err(Error::refused(&["definition"], code, message));
        }
        after.latest_version = latest + 1;
        after.version = if change.publish {
            latest + 1
        } else {
            published
        };
        let version = after.latest_version;
        insert_version(&tx, actor, &row, version, definition, change.publish).await?;
    }
    let row = write(&tx, &row, after).await?;
    record(&mut tx, actor.origin(), id);
    let mut said = audited(&row);
    if let Some(definition) = &change.definition {
        said["definition"] = definition.to_stored().map_err(stored)?;
    }
    tx.audit(actor, Record::changed("playbook.update", id, before, said));
    tx.commit().await?;
    Ok(row)
}

/// Lets new enrolments take `version`: the newest draft, or an older one to go back to.
pub async fn publish(
    ctx: &Ctx,
    actor: &Actor,
    id: PlaybookId,
    version: i64,
) -> Result<playbook::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let row = lock(&tx, id, &["id"]).await?;
    refuse_archived(&row, "id")?;
    let found: Option<playbook_version::Model> =
        playbook_version::Entity::find_by_id((tx.workspace, id, version))
            .one(tx.connection())
            .await?;
    let found = found.ok_or_else(|| Error::not_found(&["version"], "version of this playbook"))?;
    // What it names may be gone since it was written.
    let definition = Definition::from_stored(found.definition.clone()).map_err(stored)?;
    let mut errors = Vec::new();
    check(&tx, &definition, Some(&definition), &mut errors).await?;
    if !errors.is_empty() {
        return Err(Error::Refused(errors).below(&["version"]));
    }
    if found.published_at.is_none() {
        let now = tx.now;
        let mut active = found.into_active_model();
        active.published_at = Set(Some(now));
        active.update(tx.connection()).await?;
    }
    let before = audited(&row);
    let after = playbook::Model {
        version,
        ..row.clone()
    };
    let row = write(&tx, &row, after).await?;
    record(&mut tx, actor.origin(), id);
    let record = Record::changed("playbook.publish", id, before, audited(&row));
    tx.audit(actor, record);
    tx.commit().await?;
    Ok(row)
}

/// Pauses, resumes or archives a playbook; nothing happens to one that is as wanted. Timers that ran
/// out while it was paused go on with at once; archiving ends every enrolment, which goes on as an
/// operation.
pub async fn set_state(
    ctx: &Ctx,
    actor: &Actor,
    id: PlaybookId,
    state: PlaybookState,
) -> Result<playbook::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let row = lock(&tx, id, &["id"]).await?;
    if row.state == state {
        tx.rollback().await?;
        return Ok(row);
    }
    refuse_archived(&row, "id")?;
    if state == PlaybookState::Active {
        refuse_gone_groups(&tx, id).await?;
    }
    let before = audited(&row);
    let after = playbook::Model {
        state,
        paused_at: None,
        paused_reason: None,
        ..row.clone()
    };
    let row = write(&tx, &row, after).await?;
    let action = match state {
        PlaybookState::Active => {
            failing::forget(&tx, id).await?;
            tx.wake(Work::Enrolment);
            "playbook.resume"
        }
        PlaybookState::Paused => "playbook.pause",
        PlaybookState::Archived => {
            let new = NewOperation {
                kind: OperationKind::EndEnrolments,
                request: json!({ "playbook_id": id }),
                total: None,
                dry_run: false,
                origin: actor.origin(),
            };
            operation::start(ctx, &mut tx, new).await?;
            "playbook.archive"
        }
    };
    record(&mut tx, actor.origin(), id);
    tx.audit(actor, Record::changed(action, id, before, audited(&row)));
    tx.commit().await?;
    Ok(row)
}

async fn write(
    tx: &Tx<'_>,
    before: &playbook::Model,
    after: playbook::Model,
) -> Result<playbook::Model> {
    let mut active = before.clone().into_active_model();
    active.name = Set(after.name);
    active.name_key = Set(after.name_key);
    active.description = Set(after.description);
    active.state = Set(after.state);
    active.version = Set(after.version);
    active.latest_version = Set(after.latest_version);
    active.updated_at = Set(tx.now);
    active.paused_at = Set(after.paused_at);
    active.paused_reason = Set(after.paused_reason);
    Ok(active.update(tx.connection()).await?)
}

async fn insert_version(
    tx: &Tx<'_>,
    actor: &Actor,
    row: &playbook::Model,
    version: i64,
    definition: &Definition,
    published: bool,
) -> Result<()> {
    let version = playbook_version::Model {
        workspace_id: tx.workspace,
        playbook_id: row.id,
        version,
        definition: definition.to_stored().map_err(stored)?,
        created_by: actor.origin().json(),
        created_at: tx.now,
        published_at: published.then_some(tx.now),
    };
    playbook_version::Entity::insert(version.into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// The playbook, held against others who would change it.
pub(super) async fn lock(tx: &Tx<'_>, id: PlaybookId, path: &[&str]) -> Result<playbook::Model> {
    hold_by_id(tx, id)
        .await?
        .ok_or_else(|| Error::not_found(path, "playbook"))
}

/// Everything wrong with a definition; its paths begin with `definition`. The conditions of `before` were saved
/// already.
async fn check(
    tx: &Tx<'_>,
    definition: &Definition,
    before: Option<&Definition>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let mut found = definition.check();
    if found.is_empty() {
        let references = definition.references();
        reference::keep(tx, &references).await?;
        found = reference::unknown(tx.connection(), tx.workspace, &references).await?;
        found.extend(action::known::refused(tx, &definition.actions()).await?);
        if found.is_empty() {
            let lineage = Lineage::load(tx.connection(), tx.workspace, &references).await?;
            found = contradicted(definition, before, &lineage);
        }
    }
    for mut error in found {
        error.path.insert(0, "definition".to_owned());
        errors.push(error);
    }
    Ok(())
}

/// What the tree of tags tells to be impossible, each condition by itself. Of what stands in `before` the tags may
/// have been moved since: the rest can still be changed then.
fn contradicted(
    definition: &Definition,
    before: Option<&Definition>,
    lineage: &Lineage,
) -> Vec<UserError> {
    let stands = before.map(Definition::conditions).unwrap_or_default();
    let is_new = |condition: &Condition| !stands.iter().any(|(_, _, one)| *one == condition);
    let conditions = definition.conditions().into_iter();
    let mut refusals = Vec::new();
    for (at, of, condition) in conditions.filter(|(_, _, one)| is_new(one)) {
        for mut refusal in lineage.contradicted(condition, &[], of) {
            refusal.path.splice(0..0, at.steps().iter().cloned());
            refusals.push(refusal);
        }
    }
    refusals
}

/// Refuses to resume a playbook of which a version that contacts go through names a tag group that was deleted.
async fn refuse_gone_groups(tx: &Tx<'_>, id: PlaybookId) -> Result<()> {
    let is_group = |one: &Reference| matches!(one.kind, IdKind::TagGroup(_));
    let named = naming(tx.connection(), tx.workspace, is_group).await?;
    let mine = named.iter();
    let mine = mine.filter(|one| one.row.playbook_id == id && one.row.published_at.is_some());
    let references: Vec<Reference> = mine.flat_map(|one| one.definition.references()).collect();
    reference::refuse_gone_groups(tx, &references).await
}

/// Refuses an archived playbook, which the input names at `field`.
pub(super) fn refuse_archived(row: &playbook::Model, field: &str) -> Result<()> {
    if row.state == PlaybookState::Archived {
        let message = "This playbook is archived. Make a new one.";
        return Err(Error::refused(&[field], UserErrorCode::Invalid, message));
    }
    Ok(())
}

async fn refuse_taken(tx: &Tx<'_>, name_key: &str, but: Option<PlaybookId>) -> Result<()> {
    let taken: Option<PlaybookId> = Query::new(
        "SELECT id FROM playbook
         WHERE workspace_id = $1 AND name_key = $2 AND state <> 'ARCHIVED'",
    )
    .bind(tx.workspace)
    .bind(name_key)
    .scalar(tx.connection())
    .await?;
    if taken.is_some() && taken != but {
        let message = "Another playbook has this name. Choose another.";
        return Err(Error::refused(&["name"], UserErrorCode::Taken, message));
    }
    Ok(())
}

async fn refuse_too_many(tx: &Tx<'_>) -> Result<()> {
    let count: Option<i64> =
        Query::new("SELECT COUNT(*) FROM playbook WHERE workspace_id = $1 AND state <> 'ARCHIVED'")
            .bind(tx.workspace)
            .scalar(tx.connection())
            .await?;
    if count.unwrap_or_default() >= PLAYBOOK_LIMIT {
        let message =
            format!("A workspace has at most {PLAYBOOK_LIMIT} playbooks. Archive one first.");
        return Err(Error::refused(&[], UserErrorCode::LimitReached, message));
    }
    Ok(())
}

/// Notes that a playbook changed.
pub(super) fn record(tx: &mut Tx<'_>, origin: Origin, playbook_id: PlaybookId) {
    let fact = Fact::PlaybookChanged { playbook_id };
    tx.record(Change::new(origin, None, fact));
}

/// What the audit log says of a playbook.
fn audited(row: &playbook::Model) -> serde_json::Value {
    json!({
        "name": row.name, "description": row.description, "state": row.state,
        "version": row.version, "latest_version": row.latest_version,
    })
}

pub(super) fn stored(error: StoredError) -> Error {
    match error {
        StoredError::Malformed(error) => Error::Decode(error),
        newer @ StoredError::Newer(_) => Error::Internal(newer.to_string()),
    }
}
