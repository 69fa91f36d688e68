//! Giving things their values.
//!
//! [`set`] is a member giving them to one thing. Whoever makes or changes things gives them by `check` and `put`
//! in its own transaction; actions, upserts and tracking calls many at once by `put_each`; imports, which have
//! a policy for what is there, by `many`. Nothing is stored that was not held against its definition.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{
    Scoped as _,
    attribute_definition::{self, Model},
    attribute_value,
    id::{AttributeId, ContactId, Id as _, WorkspaceId},
};
use sea_orm::{ColumnTrait as _, FromQueryResult, QueryFilter as _};
use serde_json::json;
use uuid::Uuid;

use super::value::{self, Stored, Value};
use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Rows, Tx},
    subject::Subject,
    work::change::{Change, Entry, Fact},
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

/// Writes checked settings of one thing, and notes those that changed something.
pub(crate) async fn put(
    tx: &mut Tx<'_>,
    origin: Origin,
    subject: Subject,
    contact: Option<ContactId>,
    settings: Vec<Checked>,
) -> Result<()> {
    let put = Put {
        origin,
        cause: None,
        subject,
        contact,
        settings,
    };
    put_each(tx, vec![put]).await.map(drop)
}

/// Checked settings of one thing, and who wants them.
#[derive(Debug)]
pub(crate) struct Put<'a> {
    pub(crate) origin: Origin,
    /// The log entry it follows from, if it follows from one.
    pub(crate) cause: Option<&'a Entry>,
    pub(crate) subject: Subject,
    pub(crate) contact: Option<ContactId>,
    pub(crate) settings: Vec<Checked>,
}

impl Checked {
    /// A setting of a value that was checked.
    pub(crate) fn new(attribute: AttributeId, value: Option<Stored>) -> Self {
        Self { attribute, value }
    }

    pub(crate) fn attribute(&self) -> AttributeId {
        self.attribute
    }
}

/// A thing and one of its attributes.
type Place = (Uuid, AttributeId);

/// Writes the settings of any number of things in at most four statements. No thing may be given the
/// same attribute twice. Returns the places where something changed.
pub(crate) async fn put_each(tx: &mut Tx<'_>, puts: Vec<Put<'_>>) -> Result<HashSet<Place>> {
    let places: BTreeSet<Place> = puts
        .iter()
        .flat_map(|put| {
            let settings = put.settings.iter();
            settings.map(|one| (put.subject.id, one.attribute))
        })
        .collect();
    let before = stored(tx, &places).await?;
    let (mut cleared, mut kept): (BTreeSet<Place>, Vec<(Place, &Stored)>) = Default::default();
    for put in &puts {
        for setting in &put.settings {
            let place = (put.subject.id, setting.attribute);
            match &setting.value {
                Some(value) => kept.push((place, value)),
                None => drop(cleared.insert(place)),
            }
        }
    }
    let mut changed = clear(tx, &cleared).await?;
    changed.extend(upsert(tx, &kept).await?);
    let after = if changed.is_empty() {
        HashMap::new()
    } else {
        stored(tx, &places).await?
    };
    for put in &puts {
        note(tx, put, &changed, &before, &after);
    }
    Ok(changed)
}

/// Enters what came of one thing's settings in the audit log and the change log.
fn note(
    tx: &mut Tx<'_>,
    put: &Put<'_>,
    changed: &HashSet<Place>,
    before: &HashMap<Place, serde_json::Value>,
    after: &HashMap<Place, serde_json::Value>,
) {
    let mut attributes: Vec<AttributeId> = put.settings.iter().map(|one| one.attribute).collect();
    attributes.sort_unstable();
    let place = |attribute: AttributeId| (put.subject.id, attribute);
    if !attributes.iter().any(|&one| changed.contains(&place(one))) {
        return;
    }
    let audited = |values: &HashMap<Place, serde_json::Value>| {
        let known = attributes.iter().filter_map(|&attribute| {
            let value = values.get(&place(attribute))?;
            Some((attribute.to_string(), value.clone()))
        });
        serde_json::Value::Object(known.collect())
    };
    let (was, is) = (audited(before), audited(after));
    let record = Record::changed("attribute.set", put.subject, was, is);
    tx.audit(put.origin, record.of(put.contact));
    for attribute_id in attributes {
        let place = place(attribute_id);
        if !changed.contains(&place) {
            continue;
        }
        let fact = Fact::AttributeSet {
            attribute_id,
            subject: put.subject.kind,
            subject_id: put.subject.id,
            from: before.get(&place).cloned(),
            to: after.get(&place).cloned(),
        };
        tx.record(match put.cause {
            Some(cause) => Change::caused(cause, put.origin, put.contact, fact),
            None => Change::new(put.origin, put.contact, fact),
        });
    }
}

/// What stands at the places that have a value: the stored columns that are not empty.
async fn stored(
    tx: &Tx<'_>,
    places: &BTreeSet<Place>,
) -> Result<HashMap<Place, serde_json::Value>> {
    if places.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<attribute_value::Model> = Query::new(
        "SELECT v.* FROM {r} JOIN attribute_value v
           ON v.workspace_id = $1 AND v.subject_id = r.subject_id
          AND v.attribute_id = r.attribute_id",
    )
    .bind(tx.workspace)
    .rows("r", place_rows(places.iter().copied()))
    .all(tx.connection())
    .await?;
    let values = rows.into_iter().map(|row| {
        let place = (row.subject_id, row.attribute_id);
        (
            place,
            told([
                json!(row.text),
                json!(row.number),
                json!(row.at),
                row.options,
            ]),
        )
    });
    Ok(values.collect())
}

/// A value as the logs tell it: its text, number, moment and options, as far as it has them.
pub(super) fn told(columns: [serde_json::Value; 4]) -> serde_json::Value {
    let empty = json!([]);
    let named = ["text", "number", "at", "options"].into_iter().zip(columns);
    let kept = named.filter(|(_, value)| !value.is_null() && *value != empty);
    kept.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn place_rows(places: impl Iterator<Item = Place> + Clone) -> Rows {
    Rows::new()
        .uuids("subject_id", places.clone().map(|(subject, _)| subject))
        .ids("attribute_id", places.map(|(_, attribute)| attribute))
}

/// Stores values as they are, in `{r}`: [`value_rows`]. `$1` is the workspace, `$2` the moment.
pub(super) const UPSERT: &str =
    "INSERT INTO attribute_value (workspace_id, attribute_id, subject_id, sort_key, text,
                                  number, at, options, updated_at)
     SELECT $1, r.attribute_id, r.subject_id, r.sort_key, r.text, r.number, r.at, r.options, $2
     FROM {r} WHERE true
     ON CONFLICT (workspace_id, subject_id, attribute_id)
     DO UPDATE SET sort_key = excluded.sort_key, text = excluded.text,
                   number = excluded.number, at = excluded.at, options = excluded.options,
                   updated_at = excluded.updated_at";

/// Values and where they are to stand, for [`UPSERT`].
pub(super) fn value_rows<'v>(values: impl Iterator<Item = (Place, &'v Stored)> + Clone) -> Rows {
    let stored = values.clone().map(|(_, value)| value);
    place_rows(values.map(|(place, _)| place))
        .texts(
            "sort_key",
            stored.clone().map(|value| value.sort_key.as_str()),
        )
        .opt_texts("text", stored.clone().map(|value| value.text.clone()))
        .opt_reals("number", stored.clone().map(|value| value.number))
        .opt_times("at", stored.clone().map(|value| value.at))
        .json("options", stored.map(|value| json!(value.options)))
}

#[derive(FromQueryResult)]
struct Changed {
    subject_id: Uuid,
    attribute_id: AttributeId,
}

/// Takes values away and says where there was one.
async fn clear(tx: &Tx<'_>, places: &BTreeSet<Place>) -> Result<HashSet<Place>> {
    if places.is_empty() {
        return Ok(HashSet::new());
    }
    let gone: Vec<Changed> = Query::new(
        "DELETE FROM attribute_value WHERE workspace_id = $1 AND (subject_id, attribute_id) IN
           (SELECT r.subject_id, r.attribute_id FROM {r}) RETURNING subject_id, attribute_id",
    )
    .bind(tx.workspace)
    .rows("r", place_rows(places.iter().copied()))
    .all(tx.connection())
    .await?;
    Ok(gone
        .into_iter()
        .map(|one| (one.subject_id, one.attribute_id))
        .collect())
}

/// Stores values and says which of them are new.
async fn upsert(tx: &Tx<'_>, values: &[(Place, &Stored)]) -> Result<HashSet<Place>> {
    if values.is_empty() {
        return Ok(HashSet::new());
    }
    let changed: Vec<Changed> = Query::new(format!(
        "{UPSERT}
         WHERE attribute_value.sort_key <> excluded.sort_key
            OR COALESCE(attribute_value.text, '') <> COALESCE(excluded.text, '')
            OR attribute_value.options <> excluded.options
         RETURNING subject_id, attribute_id"
    ))
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", value_rows(values.iter().copied()))
    .all(tx.connection())
    .await?;
    Ok(changed
        .into_iter()
        .map(|one| (one.subject_id, one.attribute_id))
        .collect())
}

/// The values of the things among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<Vec<attribute_value::Model>> {
    Ok(Query::new(
        "SELECT v.* FROM attribute_value v WHERE v.workspace_id = $1 AND {subjects}
         ORDER BY v.subject_id, v.attribute_id",
    )
    .bind(workspace)
    .among("subjects", "v.subject_id", ids.iter().copied())
    .all(ctx.reader())
    .await?)
}
