//! The attributes and tags that things have and are to be given.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    attribute_value,
    id::{AttributeId, ContactId, TagId},
    kind::TagTarget,
};
use uuid::Uuid;

use super::around::{Around, Found};
use crate::{
    attribute::{
        many,
        value::Stored,
        write::{self, Put},
    },
    ctx::Ctx,
    error::{Error, Result},
    store::Tx,
    subject::Subject,
    tag::{
        Named, Reason, Request,
        tagging::{self, Worn},
    },
};

/// What a thing has, and what the items so far give it.
#[derive(Debug, Default)]
pub(super) struct Carried {
    stored: HashMap<AttributeId, attribute_value::Model>,
    worn: Vec<Worn>,
    /// New values; nothing where one is taken away.
    values: BTreeMap<AttributeId, Option<Stored>>,
    /// Places in the tree of tags.
    tags: Vec<usize>,
}

/// What things have, as far as items name it.
pub(super) async fn load(
    tx: &Tx<'_>,
    around: &Around,
    things: &[Uuid],
) -> Result<HashMap<Uuid, Carried>> {
    let mut carried: HashMap<Uuid, Carried> = HashMap::new();
    for ((thing, attribute), row) in many::current(tx, things, &around.attributes()).await? {
        let one = carried.entry(thing).or_default();
        one.stored.insert(attribute, row);
    }
    if around.tags().is_some() {
        for (thing, worn) in tagging::worn(tx, things).await? {
            carried.entry(thing).or_default().worn = worn;
        }
    }
    Ok(carried)
}

impl Carried {
    /// Gives what an item names; says whether any of it is new.
    pub(super) fn take(&mut self, given: &Found, tree: Option<&Named>) -> bool {
        let mut is_news = false;
        for (attribute, value) in &given.attributes {
            is_news |= self.set(*attribute, value.as_ref());
        }
        if let Some(tree) = tree {
            for &place in &given.tags {
                is_news |= self.tag(tree, place);
            }
        }
        is_news
    }

    fn set(&mut self, attribute: AttributeId, value: Option<&Stored>) -> bool {
        let is_so = match (self.values.get(&attribute), self.stored.get(&attribute)) {
            (Some(given), _) => given.as_ref() == value,
            (None, Some(row)) => value.is_some_and(|value| many::is_same(row, value)),
            (None, None) => value.is_none(),
        };
        if !is_so {
            self.values.insert(attribute, value.cloned());
        }
        !is_so
    }

    fn tag(&mut self, tree: &Named, place: usize) -> bool {
        // Of two values of a group that takes one the later counts.
        let group = tree.single_group(place);
        let rival = group.and_then(|group| {
            let is_rival = |&one: &usize| one != place && tree.single_group(one) == Some(group);
            self.tags.iter().position(is_rival)
        });
        if let Some(rival) = rival {
            self.tags.remove(rival);
        } else {
            let id = tree.id(place);
            let is_worn = |one: &Worn| Some(one.tag_id) == id && !one.automatic;
            if self.tags.contains(&place) || self.worn.iter().any(is_worn) {
                return false;
            }
        }
        self.tags.push(place);
        true
    }
}

/// A thing, and what it is given.
#[derive(Debug)]
pub(super) struct Thing {
    pub(super) subject: Subject,
    /// The contact it is, if it is one.
    pub(super) contact: Option<ContactId>,
    pub(super) carried: Carried,
}

/// Writes what things are given, and notes it.
pub(super) async fn give(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    reason: &Reason<'_>,
    target: TagTarget,
    tree: Option<&Named>,
    things: Vec<Thing>,
) -> Result<()> {
    let mut requests: Vec<Request> = Vec::new();
    let mut puts: Vec<Put<'_>> = Vec::new();
    for thing in things {
        let Carried { values, tags, .. } = thing.carried;
        requests.extend(tags.into_iter().filter_map(|place| {
            Some(Request {
                target,
                target_id: thing.subject.id,
                tag: tree?.id(place)?,
            })
        }));
        if !values.is_empty() {
            let settings = values.into_iter();
            puts.push(Put {
                origin: reason.origin,
                cause: None,
                subject: thing.subject,
                contact: thing.contact,
                settings: settings
                    .map(|(attribute, value)| write::Checked::new(attribute, value))
                    .collect(),
            });
        }
    }
    if !puts.is_empty() {
        write::put_each(tx, puts).await?;
    }
    if requests.is_empty() {
        return Ok(());
    }
    let tags: BTreeSet<TagId> = requests.iter().map(|one| one.tag).collect();
    if !tagging::hold_usable(tx, &tags).await? {
        return Err(Error::Overtaken(
            "a tag was archived or deleted meanwhile; it has to be looked at again",
        ));
    }
    tagging::add(ctx, tx, reason, &requests).await?;
    Ok(())
}
