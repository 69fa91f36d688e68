//! Attributes and tags: what things carry already, and what a line changes about that.

use std::collections::HashMap;

use entity::{
    attribute_value,
    id::{AttributeId, ContactId},
    kind::{ImportField, ImportPolicy},
};
use uuid::Uuid;

use super::{cell::Values, shared::Job};
use crate::{
    attribute::many::{self, Before, Given},
    error::Result,
    store::Tx,
    subject::Subject,
    tag::{Named, tagging},
};

/// What things that are there already carry.
#[derive(Debug, Default)]
pub(super) struct Carried {
    attributes: HashMap<(Uuid, AttributeId), attribute_value::Model>,
    taggings: HashMap<Uuid, Vec<tagging::Worn>>,
}

impl Carried {
    pub(super) async fn load(tx: &Tx<'_>, job: Job<'_>, ids: &[Uuid]) -> Result<Self> {
        let attributes = many::current(tx, ids, &job.attributes()).await?;
        let taggings = if job.has(ImportField::Tags) {
            tagging::worn(tx, ids).await?
        } else {
            HashMap::new()
        };
        Ok(Self {
            attributes,
            taggings,
        })
    }

    /// The values of a line that change something about a thing that is there.
    pub(super) fn changes(
        &self,
        policy: ImportPolicy,
        subject: Subject,
        contact: Option<ContactId>,
        values: &Values,
    ) -> Vec<Given> {
        let changes = values.attributes.iter().filter_map(|(attribute, value)| {
            let before = self.attributes.get(&(subject.id, *attribute));
            let stays = before
                .is_some_and(|row| policy == ImportPolicy::FillEmpty || many::is_same(row, value));
            (!stays).then(|| Given {
                subject,
                contact,
                attribute: *attribute,
                value: value.clone(),
                before: Some(Before(before.cloned())),
            })
        });
        changes.collect()
    }

    /// The tags of a thing; none of one that is not there yet.
    pub(super) fn worn(&self, id: Option<Uuid>) -> &[tagging::Worn] {
        let worn = id.and_then(|id| self.taggings.get(&id));
        worn.map(Vec::as_slice).unwrap_or_default()
    }

    /// The tags of a line that a thing that is there does not carry, or that a rule or a playbook put on.
    /// Those that are archived stay as they are.
    pub(super) fn missing(
        &self,
        policy: ImportPolicy,
        id: Uuid,
        named: Option<&Named>,
        tags: &[usize],
    ) -> Vec<usize> {
        let Some(named) = named else {
            return Vec::new();
        };
        let carried = self.worn(Some(id));
        let is_missing = |&&tag: &&usize| {
            let id = named.id(tag);
            let stays = |one: &tagging::Worn| !one.automatic || named.refuse_archived(tag).is_err();
            let has = carried
                .iter()
                .any(|one| Some(one.tag_id) == id && stays(one));
            let group = named.single_group(tag);
            let has_other = policy == ImportPolicy::FillEmpty
                && group.is_some()
                && carried.iter().any(|one| one.single_group_id == group);
            !has && !has_other
        };
        tags.iter().filter(is_missing).copied().collect()
    }
}

/// The values of something that is about to be made.
pub(super) fn given(subject: Subject, contact: Option<ContactId>, values: &Values) -> Vec<Given> {
    let given = values.attributes.iter().map(|(attribute, value)| Given {
        subject,
        contact,
        attribute: *attribute,
        value: value.clone(),
        before: None,
    });
    given.collect()
}
