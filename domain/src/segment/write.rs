//! Making, changing and deleting segments.
//!
//! Every change begins with raising the workspace's `segments_version`: that takes the lock which
//! makes editors wait for each other, and tells every worker to read the segments again.

use std::collections::BTreeSet;

use entity::{
    Scoped as _,
    id::SegmentId,
    kind::{SegmentKind, SegmentState, SegmentSubject},
    segment,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, Set};
use serde_json::json;

use super::{
    DESCRIPTION_LIMIT, NAME_LIMIT, SEGMENT_LIMIT, build, catalogue, cause::Cause, definition,
    evaluate, graph, moves, read::Segment, uses,
};
use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    condition::{self, Condition, Use, lineage::Lineage, path::Path, reference},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode, keep},
    store::{Query, Rows, Tx},
    text,
    work::change::{Change, Fact},
};

/// A segment about to be made.
#[derive(Debug, Clone)]
pub struct NewSegment {
    /// The name shown.
    pub name: String,
    /// What it is for, in words.
    pub description: String,
    /// What its members are.
    pub subject: SegmentSubject,
    /// What must hold for its members; without one, its members are kept by hand.
    pub condition: Option<Condition>,
}

/// What may be changed about a segment; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The name shown.
    pub name: Option<String>,
    /// What it is for, in words.
    pub description: Option<String>,
    /// What must hold for its members.
    pub condition: Option<Condition>,
}

/// Makes a segment. A live one is filled in the background.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewSegment) -> Result<Segment> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let id = make(ctx, &mut tx, actor, new).await?;
    finish(tx, id).await
}

/// Makes a segment in a transaction of the caller, who has looked at the scope.
pub(super) async fn make(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    actor: &Actor,
    new: NewSegment,
) -> Result<SegmentId> {
    let mut errors = Vec::new();
    let name = keep(text::name(&new.name, &["name"], NAME_LIMIT), &mut errors).unwrap_or_default();
    let description = keep(described(&new.description), &mut errors).unwrap_or_default();
    begin_edit(tx).await?;
    let id: SegmentId = tx.id();
    if let Some(condition) = &new.condition {
        check(tx, id, new.subject, condition, &mut errors).await?;
    }
    refuse_taken(tx, id, &name, &mut errors).await?;
    if number(tx).await? >= SEGMENT_LIMIT {
        let message =
            format!("A workspace has at most {SEGMENT_LIMIT} segments. Delete one first.");
        errors.push(UserError::new(&[], UserErrorCode::LimitReached, message));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let definition = new.condition.as_ref().map(definition::to_stored);
    let row = segment::Model {
        workspace_id: tx.workspace,
        id,
        name_key: text::name_key(&name),
        name,
        description,
        subject: new.subject,
        kind: if new.condition.is_some() {
            SegmentKind::Live
        } else {
            SegmentKind::Static
        },
        definition: definition.transpose()?,
        version: 1,
        state: SegmentState::Live,
        member_count: 0,
        operation_id: None,
        filled_at: new.condition.is_none().then_some(tx.now),
        built_at: None,
        created_by: actor.origin().json(),
        created_at: tx.now,
        updated_at: tx.now,
        deleted_at: None,
    };
    segment::Entity::insert(row.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    record(tx, actor.origin(), id);
    if new.condition.is_some() {
        let cause = Cause::Condition {
            origin: actor.origin(),
            version: 1,
        };
        build::begin(ctx, tx, new.subject, &[id], cause).await?;
    }
    tx.audit(actor, Record::made("segment.create", id, audited(&row)));
    Ok(id)
}

/// Changes a segment. With another condition everybody is evaluated in the background; whoever is in
/// it stays until their turn.
pub async fn update(ctx: &Ctx, actor: &Actor, id: SegmentId, changes: Changes) -> Result<Segment> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let mut tx = ctx.begin(actor.workspace).await?;
    begin_edit(&tx).await?;
    moves::hold(&tx, [id]).await?;
    let before = existing(&tx, id).await?;
    let mut row = before.clone();
    if let Some(name) = &changes.name {
        row.name = keep(text::name(name, &["name"], NAME_LIMIT), &mut errors).unwrap_or_default();
        row.name_key = text::name_key(&row.name);
        refuse_taken(&tx, id, &row.name, &mut errors).await?;
    }
    if let Some(description) = &changes.description {
        row.description = keep(described(description), &mut errors).unwrap_or_default();
    }
    if let Some(condition) = &changes.condition {
        let stored = definition::to_stored(condition)?;
        if row.kind == SegmentKind::Static {
            let message = "The members of this segment are kept by hand. Make another segment for \
                           this condition.";
            errors.push(UserError::new(
                &["condition"],
                UserErrorCode::KindMismatch,
                message,
            ));
        } else if before.definition.as_ref() != Some(&stored) {
            check(&tx, id, row.subject, condition, &mut errors).await?;
            row.definition = Some(stored);
            row.version += 1;
        }
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    row.updated_at = tx.now;
    put(&tx, &row).await?;
    record(&mut tx, actor.origin(), id);
    if row.version > before.version {
        let cause = Cause::Condition {
            origin: actor.origin(),
            version: row.version,
        };
        build::begin(ctx, &mut tx, row.subject, &[id], cause).await?;
    }
    let (was, is) = (audited(&before), audited(&row));
    tx.audit(actor, Record::changed("segment.update", id, was, is));
    finish(tx, id).await
}

/// Writes what editing may change.
pub(super) async fn put(tx: &Tx<'_>, row: &segment::Model) -> Result<()> {
    let active = segment::ActiveModel {
        workspace_id: Set(row.workspace_id),
        id: Set(row.id),
        name: Set(row.name.clone()),
        name_key: Set(row.name_key.clone()),
        description: Set(row.description.clone()),
        definition: Set(row.definition.clone()),
        version: Set(row.version),
        updated_at: Set(row.updated_at),
        deleted_at: Set(row.deleted_at),
        ..Default::default()
    };
    segment::Entity::update(active)
        .exec(tx.connection())
        .await?;
    Ok(())
}

/// Has everybody evaluated for a live segment, as it is.
pub async fn rebuild(ctx: &Ctx, actor: &Actor, id: SegmentId) -> Result<Segment> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let row = existing(&tx, id).await?;
    if row.kind == SegmentKind::Static {
        let message = "The members of this segment are kept by hand: there is nothing to evaluate.";
        return Err(Error::refused(
            &["id"],
            UserErrorCode::KindMismatch,
            message,
        ));
    }
    let origin = actor.origin();
    let cause = Cause::Rebuild { origin, fact: None };
    build::begin(ctx, &mut tx, row.subject, &[id], cause).await?;
    let said = json!({ "name": row.name });
    tx.audit(actor, Record::made("segment.rebuild", id, said));
    finish(tx, id).await
}

/// Deletes a segment that nothing names. Its members are taken out in the background; its history goes
/// with it out of sight.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: SegmentId) -> Result<Segment> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    begin_edit(&tx).await?;
    moves::hold(&tx, [id]).await?;
    let mut row = existing(&tx, id).await?;
    let uses = uses::of(tx.connection(), tx.workspace, id).await?;
    if !uses.is_empty() {
        let named: Vec<String> = uses
            .iter()
            .map(|one| format!("{} “{}”", one.kind.noun(), one.name))
            .collect();
        let message = format!(
            "It is used by {}. Take it out there first.",
            named.join(", ")
        );
        return Err(Error::refused(&["id"], UserErrorCode::InUse, message));
    }
    let said = audited(&row);
    row.deleted_at = Some(tx.now);
    put(&tx, &row).await?;
    record(&mut tx, actor.origin(), id);
    if row.member_count > 0 || row.state == SegmentState::Building {
        let cause = Cause::Condition {
            origin: actor.origin(),
            version: row.version,
        };
        build::begin(ctx, &mut tx, row.subject, &[id], cause).await?;
    }
    tx.audit(actor, Record::ended("segment.delete", id, said));
    tx.commit().await?;
    row.try_into()
}

/// Takes the lock of the workspace's segments until the end of `tx`, and outdates what was read of
/// them.
pub(super) async fn begin_edit(tx: &Tx<'_>) -> Result<()> {
    Query::new("UPDATE workspace SET segments_version = segments_version + 1 WHERE id = $1")
        .bind(tx.workspace)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// The segment, if it is one of the workspace and not deleted.
pub(super) async fn existing(tx: &Tx<'_>, id: SegmentId) -> Result<segment::Model> {
    segment::Entity::of(tx.workspace)
        .filter(segment::Column::Id.eq(id))
        .filter(segment::Column::DeletedAt.is_null())
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "segment"))
}

/// Commits, and reads the segment as it is then.
pub(super) async fn finish(tx: Tx<'_>, id: SegmentId) -> Result<Segment> {
    let row = existing(&tx, id).await?;
    tx.commit().await?;
    row.try_into()
}

/// What the audit log says of a segment.
pub(super) fn audited(row: &segment::Model) -> serde_json::Value {
    json!({
        "name": row.name,
        "description": row.description,
        "subject": row.subject.word(),
        "definition": row.definition,
    })
}

/// Notes that a segment changed.
pub(super) fn record(tx: &mut Tx<'_>, origin: Origin, segment_id: SegmentId) {
    let fact = Fact::SegmentChanged { segment_id };
    tx.record(Change::new(origin, None, fact));
}

fn described(text: &str) -> Result<String, UserError> {
    text::long_text(text, &["description"], DESCRIPTION_LIMIT)
}

async fn number(tx: &Tx<'_>) -> Result<i64> {
    let number: Option<i64> =
        Query::new("SELECT COUNT(*) FROM segment WHERE workspace_id = $1 AND deleted_at IS NULL")
            .bind(tx.workspace)
            .scalar(tx.connection())
            .await?;
    Ok(number.unwrap_or_default())
}

async fn refuse_taken(
    tx: &Tx<'_>,
    id: SegmentId,
    name: &str,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let other: Option<SegmentId> = Query::new(
        "SELECT id FROM segment WHERE workspace_id = $1 AND name_key = $2 AND id <> $3
           AND deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(text::name_key(name))
    .bind(id)
    .scalar(tx.connection())
    .await?;
    if other.is_some() {
        let message = "Another segment has this name. Choose another.";
        errors.push(UserError::new(&["name"], UserErrorCode::Taken, message));
    }
    Ok(())
}

/// Notes everything wrong with the condition of the segment `id`: what the language finds, ids this
/// workspace does not have, and circles.
async fn check(
    tx: &Tx<'_>,
    id: SegmentId,
    subject: SegmentSubject,
    condition: &Condition,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let mut references = Vec::new();
    condition.references(&Path::root("condition"), &mut references);
    reference::keep(tx, &references).await?;
    let found = checked(tx.connection(), tx.workspace, subject, condition).await?;
    errors.extend(found);
    let named = evaluate::names(condition);
    if named.is_empty() || !errors.is_empty() {
        return Ok(());
    }
    let refuse = |code, message: &str| UserError::new(&["condition"], code, message);
    let there: Option<i64> = Query::new(
        "SELECT COUNT(*) FROM {r} JOIN segment s ON s.workspace_id = $1 AND s.id = r.id
           AND s.deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", named.iter().copied()))
    .scalar(tx.connection())
    .await?;
    if there != Some(named.len() as i64) {
        let message = "A segment it names is deleted. Name another.";
        errors.push(refuse(UserErrorCode::NotFound, message));
    }
    let catalogue = catalogue::fresh(tx.connection(), tx.workspace).await?;
    if graph::closes_a_circle(id, &named, &catalogue.names()) {
        let message = "The segment would be made of itself. Name only segments that are not made of \
                       this one.";
        errors.push(refuse(UserErrorCode::Cycle, message));
    }
    Ok(())
}

/// Everything the condition language finds wrong with a condition on `subject`, and ids this workspace
/// does not have.
pub(super) async fn checked(
    connection: &impl sea_orm::ConnectionTrait,
    workspace: entity::id::WorkspaceId,
    subject: SegmentSubject,
    condition: &Condition,
) -> Result<Vec<UserError>> {
    let mut found = condition::check(condition, evaluate::context(subject), Use::Segment);
    if found
        .iter()
        .any(|error| error.code == UserErrorCode::TooLong)
    {
        // What breaks its limits is not looked up.
        return Ok(found);
    }
    let mut references = Vec::new();
    condition.references(&Path::root("condition"), &mut references);
    let is_sound = found.is_empty();
    found.extend(reference::unknown(connection, workspace, &references).await?);
    if is_sound && found.is_empty() {
        let lineage = Lineage::load(connection, workspace, &references).await?;
        found = lineage.contradicted(condition, &[], Use::Segment);
    }
    Ok(found)
}

/// The segments whose conditions name any of what `is_named` says.
pub(super) async fn naming(
    connection: &impl sea_orm::ConnectionTrait,
    workspace: entity::id::WorkspaceId,
    is_named: impl Fn(&reference::Reference) -> bool,
) -> Result<Vec<segment::Model>> {
    let rows: Vec<segment::Model> = Query::new(
        "SELECT s.* FROM segment s WHERE s.workspace_id = $1 AND s.deleted_at IS NULL
           AND s.definition IS NOT NULL ORDER BY s.id",
    )
    .bind(workspace)
    .all(connection)
    .await?;
    let mut naming = Vec::new();
    let mut seen = BTreeSet::new();
    for row in rows {
        let Some(stored) = row.definition.clone() else {
            continue;
        };
        // One that cannot be read names nothing.
        let Ok(condition) = definition::from_stored(stored) else {
            continue;
        };
        let mut references = Vec::new();
        condition.references(&Path::root("condition"), &mut references);
        if references.iter().any(&is_named) && seen.insert(row.id) {
            naming.push(row);
        }
    }
    Ok(naming)
}
