//! The places of the schema that take an id: found in it, filled, and what they are for.

use async_graphql::parser::types::{FieldDefinition, InputValueDefinition};
use serde_json::{Value, json};

use crate::support::sdl::{Sdl, is_required, list_depth, named};

/// Input types whose ids are all of one kind, in the fields that are lists of them or the thing itself.
const BY_TYPE: [(&str, &str); 4] = [
    ("AccountReferenceInput", "account"),
    ("ContactReferenceInput", "contact"),
    ("SegmentFilterInput", "segment"),
    ("TagFilterInput", "tag"),
];

/// Kinds of ids that fields are named after, such as `contactId` and `addTagIds`. A field named `targetId` may be for
/// a tag as well as for a notification target, so that kind is not among them.
const BY_NAME: [&str; 17] = [
    "account",
    "attribute",
    "campaign",
    "contact",
    "conversation",
    "firing",
    "inbox",
    "member",
    "message",
    "operation",
    "playbook",
    "rule",
    "segment",
    "survey",
    "tag",
    "team",
    "upload",
];

/// A place for an id: the names on the way, and whether it is in a list.
#[derive(Debug, Clone)]
pub(super) struct Place {
    way: Vec<Step>,
    lists: usize,
}

/// One name on the way to a place.
#[derive(Debug, Clone)]
struct Step {
    name: String,
    /// The input type the name is in; empty for an argument.
    of: String,
    /// Whether the way goes on inside a list.
    is_list: bool,
}

impl Place {
    pub(super) fn name(&self) -> String {
        let names: Vec<_> = self.way.iter().map(|step| step.name.as_str()).collect();
        names.join(".")
    }

    /// The kind of id the place is for, where its name says so.
    pub(super) fn kind(&self) -> Option<&'static str> {
        let last = self.way.last()?;
        if let Some((_, kind)) = BY_TYPE.iter().find(|(of, _)| *of == last.of) {
            return ["any", "all", "anyOfEach", "none", "id"]
                .contains(&last.name.as_str())
                .then_some(*kind);
        }
        let stem = last.name.strip_suffix("Ids");
        let stem = stem.or_else(|| last.name.strip_suffix("Id"))?;
        let stem = stem.to_lowercase();
        BY_NAME.iter().find(|kind| stem.ends_with(**kind)).copied()
    }

    /// What stands at this place in the variables of a row, in the first item of each list.
    pub(super) fn get<'v>(&self, variables: &'v Value) -> Option<&'v Value> {
        self.way.iter().try_fold(variables, |at, step| {
            let inside = at.get(&step.name)?;
            match inside {
                Value::Array(items) => items.first(),
                one => Some(one),
            }
        })
    }

    /// The type and the field of it that takes the id, when that is part of a condition.
    pub(super) fn inside_a_condition(&self) -> Option<(String, String)> {
        let last = self.way.last()?;
        let inside = self.way.iter().any(|step| step.of == "ConditionInput");
        inside.then(|| (last.of.clone(), last.name.clone()))
    }
}

/// Every place for an id below a value of the input type `of`, not entering a type twice on one way.
fn places(sdl: &Sdl, value: &InputValueDefinition, of: &str, way: &[Step]) -> Vec<Place> {
    let ty = &value.ty.node;
    let (lists, name) = (list_depth(ty), named(ty));
    let step = Step {
        name: value.name.node.to_string(),
        of: of.to_owned(),
        is_list: lists > 0,
    };
    let way = [way, &[step]].concat();
    if name == "ID" {
        return vec![Place { way, lists }];
    }
    if way.iter().any(|step| step.of == name) {
        return Vec::new();
    }
    let fields = sdl.input_fields(name).into_iter();
    fields
        .flat_map(|field| places(sdl, field, name, &way))
        .collect()
}

/// Every place for an id in the arguments of a field.
pub(super) fn places_of(sdl: &Sdl, field: &FieldDefinition) -> Vec<Place> {
    let arguments = field.arguments.iter();
    arguments
        .flat_map(|one| places(sdl, &one.node, "", &[]))
        .collect()
}

/// Puts `id` at `place`, making what is missing on the way, so that the schema accepts the whole.
pub(super) fn put(sdl: &Sdl, variables: &mut Value, place: &Place, id: &str) {
    let mut at = variables;
    for (depth, step) in place.way.iter().enumerate() {
        if !at.is_object() || (sdl.is_one_of(&step.of) && at.get(&step.name).is_none()) {
            *at = json!({});
        }
        for field in sdl.input_fields(&step.of) {
            let name = field.name.node.as_str();
            if is_required(field) && at.get(name).is_none() {
                at[name] = sdl.example(&field.ty.node, id);
            }
        }
        at = &mut at[step.name.as_str()];
        if step.is_list && depth + 1 < place.way.len() {
            if at.as_array().is_none_or(Vec::is_empty) {
                *at = json!([{}]);
            }
            at = &mut at[0];
        }
    }
    *at = (0..place.lists).fold(json!(id), |value, _| json!([value]));
}
