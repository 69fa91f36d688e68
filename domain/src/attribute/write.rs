//! Giving things their values.

use std::collections::HashMap;

use entity::{
    Scoped as _,
    attribute_definition::{self, Model},
    attribute_value,
    id::{AttributeId, ContactId, Id as _, WorkspaceId},
};
use sea_orm::{ColumnTrait as _, QueryFilter as _};
use uuid::Uuid;

use super::value::{self, Stored, Value};
use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Rows, Tx},
    subject::Subject,
    work::change::{Change, Fact},
};

/// One attribute and its new value.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The attribute.
    pub attribute: AttributeId,
    /// The value; nothing takes the value away.
    pub value: Option<Value>,
}

/// A setting that fits.
#[derive(Debug)]
pub(crate) struct Checked {
    attribute: AttributeId,
    value: Option<Stored>,
}

/// Gives one thing values, or takes them away; `field` is where its id stands in the input. All of
/// them or, when one does not fit, none.
pub async fn set(
    ctx: &Ctx,
    actor: &Actor,
    subject: Subject,
    field: &[&str],
    settings: Vec<Setting>,
) -> Result<()> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let contact = subject.check(&tx, field).await?;
    let mut errors = Vec::new();
    let checked = check(&tx, subject, settings, "values", &mut errors).await?;
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    put(&mut tx, actor.origin(), subject, contact, checked).await?;
    tx.commit().await
}

/// Holds settings against their definitions. `field` is the list of the input they stand in.
pub(crate) async fn check(
    tx: &Tx<'_>,
    subject: Subject,
    settings: Vec<Setting>,
    field: &str,
    errors: &mut Vec<UserError>,
) -> Result<Vec<Checked>> {
    if settings.is_empty() {
        return Ok(Vec::new());
    }
    let ids = settings.iter().map(|setting| setting.attribute.uuid());
    let definitions = attribute_definition::Entity::of(tx.workspace)
        .filter(attribute_definition::Column::Subject.eq(subject.kind))
        .filter(attribute_definition::Column::Id.is_in(ids))
        .all(tx.connection())
        .await?;
    let definitions: HashMap<AttributeId, Model> =
        definitions.into_iter().map(|one| (one.id, one)).collect();
    let mut checked: Vec<Checked> = Vec::with_capacity(settings.len());
    for (index, setting) in settings.into_iter().enumerate() {
        let at = index.to_string();
        let attribute = setting.attribute;
        match check_one(definitions.get(&attribute), setting, &[field, &at]) {
            Ok(_) if checked.iter().any(|other| other.attribute == attribute) => {
                let message = "This attribute is in the list twice.";
                let path = [field, &at, "attributeId"];
                errors.push(UserError::new(&path, UserErrorCode::Contradictory, message));
            }
            Ok(value) => checked.push(Checked { attribute, value }),
            Err(error) => errors.push(error),
        }
    }
    Ok(checked)
}

fn check_one(
    definition: Option<&Model>,
    setting: Setting,
    path: &[&str],
) -> Result<Option<Stored>, UserError> {
    let at_id = [path, &["attributeId"]].concat();
    let Some(definition) = definition else {
        let message = "There is no such attribute of this kind of thing.";
        return Err(UserError::new(&at_id, UserErrorCode::NotFound, message));
    };
    let Some(value) = setting.value else {
        return Ok(None);
    };
    if definition.archived_at.is_some() {
        let message = "This attribute is archived. Restore it first.";
        return Err(UserError::new(&at_id, UserErrorCode::Invalid, message));
    }
    let path = [path, &["value"]].concat();
    value::check(definition, value, &path).map(Some)
}

/// Writes checked settings in two statements, and notes those that changed something.
pub(crate) async fn put(
    tx: &mut Tx<'_>,
    origin: Origin,
    subject: Subject,
    contact: Option<ContactId>,
    settings: Vec<Checked>,
) -> Result<()> {
    let ids: Vec<AttributeId> = settings.iter().map(|one| one.attribute).collect();
    let before = audited(tx, subject.id, &ids).await?;
    let (kept, cleared): (Vec<_>, Vec<_>) = settings
        .into_iter()
        .partition(|setting| setting.value.is_some());
    let mut changed: Vec<AttributeId> = Vec::new();
    if !cleared.is_empty() {
        let gone: Vec<AttributeId> = Query::new(
            "DELETE FROM attribute_value WHERE workspace_id = $1 AND subject_id = $2
               AND attribute_id IN (SELECT r.id FROM {r}) RETURNING attribute_id",
        )
        .bind(tx.workspace)
        .bind(subject.id)
        .rows(
            "r",
            Rows::new().ids("id", cleared.iter().map(|one| one.attribute)),
        )
        .column(tx.connection())
        .await?;
        changed.extend(gone);
    }
    let kept: Vec<(AttributeId, Stored)> = kept
        .into_iter()
        .filter_map(|one| Some((one.attribute, one.value?)))
        .collect();
    if !kept.is_empty() {
        changed.extend(upsert(tx, subject.id, &kept).await?);
    }
    changed.sort_unstable();
    if !changed.is_empty() {
        let after = audited(tx, subject.id, &ids).await?;
        let record = Record::changed("attribute.set", subject, before, after);
        let record = match contact {
            Some(contact) => record.of(contact),
            None => record,
        };
        tx.audit(origin, record);
    }
    for attribute_id in changed {
        let fact = Fact::AttributeSet {
            attribute_id,
            subject: subject.kind,
            subject_id: subject.id,
        };
        tx.record(Change::new(origin, contact, fact));
    }
    Ok(())
}

/// What the audit log says of a thing's values of some attributes: the value by the attribute's id.
async fn audited(tx: &Tx<'_>, subject: Uuid, ids: &[AttributeId]) -> Result<serde_json::Value> {
    if ids.is_empty() {
        return Ok(serde_json::json!({}));
    }
    let rows: Vec<attribute_value::Model> = Query::new(
        "SELECT v.* FROM {r} JOIN attribute_value v
           ON v.workspace_id = $1 AND v.subject_id = $2 AND v.attribute_id = r.id",
    )
    .bind(tx.workspace)
    .bind(subject)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(tx.connection())
    .await?;
    let values = rows.into_iter().map(|row| {
        let value = serde_json::json!({
            "text": row.text, "number": row.number, "at": row.at, "options": row.options,
        });
        (row.attribute_id.to_string(), value)
    });
    Ok(serde_json::Value::Object(values.collect()))
}

/// Stores values and says which of them are new.
async fn upsert(
    tx: &Tx<'_>,
    subject: Uuid,
    values: &[(AttributeId, Stored)],
) -> Result<Vec<AttributeId>> {
    let values_of = || values.iter().map(|(_, value)| value);
    let rows = Rows::new()
        .ids("attribute_id", values.iter().map(|(id, _)| *id))
        .texts("sort_key", values_of().map(|value| value.sort_key.as_str()))
        .opt_texts("text", values_of().map(|value| value.text.clone()))
        .opt_reals("number", values_of().map(|value| value.number))
        .opt_times("at", values_of().map(|value| value.at))
        .json(
            "options",
            values_of().map(|value| serde_json::json!(value.options)),
        );
    Ok(Query::new(
        "INSERT INTO attribute_value (workspace_id, attribute_id, subject_id, sort_key, text,
                                      number, at, options, updated_at)
         SELECT $1, r.attribute_id, $2, r.sort_key, r.text, r.number, r.at, r.options, $3
         FROM {r} WHERE true
         ON CONFLICT (workspace_id, subject_id, attribute_id)
         DO UPDATE SET sort_key = excluded.sort_key, text = excluded.text,
                       number = excluded.number, at = excluded.at, options = excluded.options,
                       updated_at = excluded.updated_at
         WHERE attribute_value.sort_key <> excluded.sort_key
            OR COALESCE(attribute_value.text, '') <> COALESCE(excluded.text, '')
            OR attribute_value.options <> excluded.options
         RETURNING attribute_id",
    )
    .bind(tx.workspace)
    .bind(subject)
    .bind(tx.now)
    .rows("r", rows)
    .column(tx.connection())
    .await?)
}

/// The values of the things among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<Vec<attribute_value::Model>> {
    Ok(Query::new(
        "SELECT v.* FROM {r}
         JOIN attribute_value v ON v.workspace_id = $1 AND v.subject_id = r.id
         ORDER BY v.subject_id, v.attribute_id",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}
