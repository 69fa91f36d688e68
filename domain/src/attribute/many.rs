//! Giving many things their values at once, for imports: the same effects as `write`, in a number of
//! statements that does not depend on how many things there are.

use std::collections::{BTreeMap, HashMap};

use entity::{
    attribute_value,
    id::{AttributeId, ContactId},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    value::Stored,
    write::{UPSERT, told, value_rows},
};
use crate::{
    access::Origin,
    audit::Record,
    error::Result,
    store::{Query, Tx},
    subject::Subject,
    work::change::{Change, Fact},
};

/// One value for one thing.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// The thing.
    pub(crate) subject: Subject,
    /// The contact it concerns.
    pub(crate) contact: Option<ContactId>,
    /// The attribute.
    pub(crate) attribute: AttributeId,
    /// The value.
    pub(crate) value: Stored,
    /// What it was before. Nothing for a thing that was just made, whose making is audited as a whole.
    pub(crate) before: Option<Before>,
}

/// The value a thing had before, if any.
#[derive(Debug, Clone)]
pub(crate) struct Before(pub(crate) Option<attribute_value::Model>);

/// The values of some attributes that things have, by thing and attribute.
pub(crate) async fn current(
    tx: &Tx<'_>,
    subjects: &[Uuid],
    attributes: &[AttributeId],
) -> Result<HashMap<(Uuid, AttributeId), attribute_value::Model>> {
    if subjects.is_empty() || attributes.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<attribute_value::Model> = Query::new(
        "SELECT v.* FROM attribute_value v
         WHERE v.workspace_id = $1 AND {subjects} AND {attributes}",
    )
    .bind(tx.workspace)
    .among("subjects", "v.subject_id", subjects.iter().copied())
    .among(
        "attributes",
        "v.attribute_id",
        attributes.iter().map(|id| id.0),
    )
    .all(tx.connection())
    .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|row| ((row.subject_id, row.attribute_id), row))
        .collect())
}

/// Whether a stored value is this one.
pub(crate) fn is_same(row: &attribute_value::Model, value: &Stored) -> bool {
    row.sort_key == value.sort_key && row.text == value.text && row.options == json!(value.options)
}

/// Stores values that differ from what is there, and notes each.
pub(crate) async fn put(tx: &mut Tx<'_>, origin: Origin, given: &[Given]) -> Result<()> {
    if given.is_empty() {
        return Ok(());
    }
    let values = given.iter();
    let values = values.map(|one| ((one.subject.id, one.attribute), &one.value));
    Query::new(UPSERT)
        .bind(tx.workspace)
        .bind(tx.now)
        .rows("r", value_rows(values))
        .execute(tx.connection())
        .await?;
    note(tx, origin, given);
    Ok(())
}

type Told = (
    Subject,
    Option<ContactId>,
    BTreeMap<String, Value>,
    BTreeMap<String, Value>,
);

fn note(tx: &mut Tx<'_>, origin: Origin, given: &[Given]) {
    let mut audits: BTreeMap<Uuid, Told> = BTreeMap::new();
    for one in given {
        let value = &one.value;
        let to = told([
            json!(value.text),
            json!(value.number),
            json!(value.at),
            json!(value.options),
        ]);
        let mut from = None;
        if let Some(Before(before)) = &one.before {
            let (_, _, was, is) = audits
                .entry(one.subject.id)
                .or_insert_with(|| (one.subject, one.contact, BTreeMap::new(), BTreeMap::new()));
            let key = one.attribute.to_string();
            if let Some(row) = before {
                let value = told([
                    json!(row.text),
                    json!(row.number),
                    json!(row.at),
                    row.options.clone(),
                ]);
                was.insert(key.clone(), value.clone());
                from = Some(value);
            }
            is.insert(key, to.clone());
        }
        let fact = Fact::AttributeSet {
            attribute_id: one.attribute,
            subject: one.subject.kind,
            subject_id: one.subject.id,
            from,
            to: Some(to),
        };
        tx.record(Change::new(origin, one.contact, fact));
    }
    for (subject, contact, before, after) in audits.into_values() {
        let record = Record::changed("attribute.set", subject, json!(before), json!(after));
        tx.audit(origin, record.of(contact));
    }
}
