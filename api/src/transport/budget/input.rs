//! What variables and arguments may hold: the input types of the schema, and the places of values that
//! do not fit.
//!
//! The library finds out while it executes, and then says neither which item of a list nor which
//! field it was. Here every value is compared with its type beforehand, so that a mistake is told with
//! its place, such as `input.events[700].occurredAt`: those of variables for each request, by
//! `variables`, and those written in the document once, by `usage`. In a document the values of enums
//! are words without quotes, which the library does not ask for.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use async_graphql::{
    Name, Pos, ServerError, Value as ConstValue,
    parser::types::{BaseType, InputValueDefinition, ServiceDocument, Type, TypeKind},
};
use async_graphql_value::Value;

use super::{
    super::{code::Code, failure::Failure},
    table::types,
    value::{Given, Leaf, View, fits},
};

/// Mistakes told at once.
const MISTAKES_MAX: usize = 20;
/// Longest place that is told; names of fields that do not exist may have any length.
const PLACE_MAX_BYTES: usize = 300;
/// An enum with more values is told by its name alone.
const WORDS_TOLD: usize = 12;

/// The enums and input objects of a schema, by name.
#[derive(Debug, Default)]
pub(super) struct InputTypes(HashMap<Box<str>, InputType>);

#[derive(Debug)]
enum InputType {
    Words(Vec<Box<str>>),
    Object {
        fields: BTreeMap<Box<str>, Input>,
        /// Whether exactly one field is to be given.
        is_one_of: bool,
    },
}

/// An argument, or a field of an input object.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) ty: Type,
    pub(super) has_default: bool,
}

impl InputTypes {
    /// Reads them from the schema's own SDL.
    pub(super) fn read(document: &ServiceDocument) -> Self {
        let all = types(document).filter_map(|definition| {
            let kind = match &definition.kind {
                TypeKind::Enum(words) => {
                    let words = words.values.iter();
                    InputType::Words(
                        words
                            .map(|word| word.node.value.node.as_str().into())
                            .collect(),
                    )
                }
                TypeKind::InputObject(object) => InputType::Object {
                    fields: object
                        .fields
                        .iter()
                        .map(|field| {
                            let name = field.node.name.node.as_str().into();
                            (name, Input::from(&field.node))
                        })
                        .collect(),
                    is_one_of: definition
                        .directives
                        .iter()
                        .any(|directive| directive.node.name.node == "oneOf"),
                },
                _ => return None,
            };
            Some((definition.name.node.as_str().into(), kind))
        });
        Self(all.collect())
    }

    /// The field `field` of the input object `name`, and whether the object takes exactly one.
    pub(super) fn field(&self, name: &str, field: &str) -> Option<(&Input, bool)> {
        match self.0.get(name)? {
            InputType::Object { fields, is_one_of } => Some((fields.get(field)?, *is_one_of)),
            InputType::Words(_) => None,
        }
    }
}

impl Input {
    /// One that has to be given, of the type called `name`.
    pub(super) fn required(name: &str) -> Self {
        Self {
            ty: Type {
                base: BaseType::Named(Name::new(name)),
                nullable: false,
            },
            has_default: false,
        }
    }

    fn is_required(&self) -> bool {
        !self.ty.nullable && !self.has_default
    }
}

impl From<&InputValueDefinition> for Input {
    fn from(definition: &InputValueDefinition) -> Self {
        Self {
            ty: definition.ty.node.clone(),
            has_default: definition.default_value.is_some(),
        }
    }
}

/// Where a value stands in the variables, or in an argument.
#[derive(Clone, Copy)]
enum Place<'a> {
    Variable(&'a str),
    Argument(&'a str),
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) | Self::Argument(name) => formatter.write_str(name),
            Self::Field(of, name) => write!(formatter, "{of}.{name}"),
            Self::Item(of, index) => write!(formatter, "{of}[{index}]"),
        }
    }
}

/// The comparison of values with their types.
pub(super) struct Check<'a> {
    types: &'a InputTypes,
    /// Whether the values are written in the document, and not in JSON.
    is_document: bool,
    /// Where the variable is defined, or the value at hand is written.
    pos: Pos,
    mistakes: Vec<ServerError>,
}

impl<'a> Check<'a> {
    /// Of an operation's variables.
    pub(super) fn new(types: &'a InputTypes) -> Self {
        Self {
            types,
            is_document: false,
            pos: Pos::default(),
            mistakes: Vec::new(),
        }
    }

    /// Of what is written in a document.
    pub(super) fn of_document(types: &'a InputTypes) -> Self {
        Self {
            is_document: true,
            ..Self::new(types)
        }
    }

    /// Compares what was given for the variable `name`; `None`, if nothing was and something must be.
    pub(super) fn variable(&mut self, name: &str, pos: Pos, value: Option<&ConstValue>, ty: &Type) {
        self.pos = pos;
        let place = Place::Variable(name);
        match value {
            Some(value) => self.value(place, value, ty),
            None => self.refuse(place, &lacking(ty)),
        }
    }

    /// Compares what is written for the argument `name`. Variables in it are no concern of this.
    pub(super) fn argument(&mut self, name: &str, pos: Pos, value: &Value, ty: &Type) {
        self.pos = pos;
        self.value(Place::Argument(name), value, ty);
    }

    /// The mistakes that were found.
    pub(super) fn end(self) -> Result<(), Failure> {
        if self.mistakes.is_empty() {
            return Ok(());
        }
        let code = if self.is_document {
            Code::GraphqlValidationFailed
        } else {
            Code::BadUserInput
        };
        Err(Failure::with_errors(code, self.mistakes))
    }

    fn value<V: Given>(&mut self, place: Place<'_>, value: &V, ty: &Type) {
        if self.mistakes.len() >= MISTAKES_MAX {
            return;
        }
        match (&ty.base, value.view()) {
            (_, View::Variable) => {}
            (_, View::Null) if ty.nullable => {}
            (_, View::Null) => self.refuse(place, &lacking(ty)),
            (BaseType::List(inner), View::List(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(Place::Item(&place, index), item, inner);
                }
            }
            // One value stands for a list of it.
            (BaseType::List(inner), _) => self.value(place, value, inner),
            (BaseType::Named(name), view) => self.named(place, &view, name, ty),
        }
    }

    fn named<V: Given>(&mut self, place: Place<'_>, value: &View<'_, V>, name: &str, ty: &Type) {
        let types = self.types;
        match types.0.get(name) {
            None => {
                if let Err(hint) = fits(name, value.leaf()) {
                    self.refuse(place, &hint.map_or_else(|| lacking(ty), needs));
                }
            }
            Some(InputType::Words(words)) => self.word(place, value.leaf(), words, ty),
            Some(InputType::Object { fields, is_one_of }) => {
                let View::Object(given) = value else {
                    return self.refuse(place, &lacking(ty));
                };
                for (field, value) in *given {
                    let at = Place::Field(&place, field);
                    match fields.get(field.as_str()) {
                        Some(known) => self.value(at, value, &known.ty),
                        None => self.refuse(at, &format!("is no field of `{name}`")),
                    }
                }
                for (field, known) in fields {
                    if known.is_required() && !given.contains_key(&**field) {
                        self.refuse(Place::Field(&place, field), &lacking(&known.ty));
                    }
                }
                let is_null = |one: &V| matches!(one.view(), View::Null);
                let has_one = given.len() == 1 && !given.values().any(is_null);
                if *is_one_of && !has_one {
                    self.refuse(place, &needs("exactly one field with a value"));
                }
            }
        }
    }

    fn word(&mut self, place: Place<'_>, leaf: Option<Leaf<'_>>, words: &[Box<str>], ty: &Type) {
        let is_known = |word: &str| words.iter().any(|one| **one == *word);
        let problem = match leaf {
            Some(Leaf::Word(word)) if is_known(word) => return,
            Some(Leaf::Text(word)) if is_known(word) => {
                if !self.is_document {
                    return;
                }
                needs(&format!("`{word}` without quotes"))
            }
            _ if words.len() <= WORDS_TOLD => {
                let told = words.iter().map(|word| format!("`{word}`"));
                needs(&format!("one of {}", told.collect::<Vec<_>>().join(", ")))
            }
            _ => lacking(ty),
        };
        self.refuse(place, &problem);
    }

    /// Notes a mistake, unless there are enough of them.
    fn refuse(&mut self, place: Place<'_>, problem: &str) {
        if self.mistakes.len() >= MISTAKES_MAX {
            return;
        }
        let mut path = place.to_string();
        if path.len() > PLACE_MAX_BYTES {
            path.truncate(path.floor_char_boundary(PLACE_MAX_BYTES));
            path.push('…');
        }
        let message = match place {
            Place::Variable(_) => format!("The variable `${path}` {problem}."),
            Place::Argument(_) => format!("The argument `{path}` {problem}."),
            _ => format!("`{path}` {problem}."),
        };
        let mut mistake = ServerError::new(message, Some(self.pos));
        let extensions = mistake.extensions.get_or_insert_default();
        extensions.set("argument", path);
        self.mistakes.push(mistake);
    }
}

fn needs(what: &str) -> String {
    format!("needs {what}")
}

fn lacking(ty: &Type) -> String {
    format!("needs a value of type `{ty}`")
}

#[cfg(test)]
mod tests {
    use async_graphql::{Value, parser::parse_schema, value};

    use super::*;

    const SDL: &str = "
        scalar DateTime
        scalar Date
        scalar MinorUnits
        scalar JSON
        enum Kind { SENT OPENED }
        input Who @oneOf { id: ID email: String }
        input Event {
            kind: Kind! at: DateTime! day: Date price: MinorUnits who: Who
            properties: JSON! = {} count: Int! = 1 kinds: [Kind!]
        }
        input Call { events: [Event!]! }
        type Query { a: Int }
        schema { query: Query }
    ";

    /// What is told of `given` for `$input: Call!`: places and messages.
    fn told(given: &Value) -> Vec<(String, String)> {
        let document = parse_schema(SDL).unwrap();
        let types = InputTypes::read(&document);
        let mut check = Check::new(&types);
        let ty = Type::new("Call!").unwrap();
        let given = Some(given).filter(|given| **given != value!("nothing"));
        check.variable("input", Pos::default(), given, &ty);
        let Err(failure) = check.end() else {
            return Vec::new();
        };
        assert_eq!(failure.code, Code::BadUserInput);
        let told = failure.errors.into_iter().map(|error| {
            let place = error
                .extensions
                .as_ref()
                .and_then(|all| all.get("argument"));
            let Some(Value::String(place)) = place else {
                panic!("{error:?}");
            };
            (place.clone(), error.message)
        });
        told.collect()
    }

    fn one(event: &Value) -> Vec<(String, String)> {
        told(&value!({ "events": [event] }))
    }

    #[test]
    fn values_that_fit_pass() {
        let at = "2026-11-20T09:00:00+09:00";
        for event in [
            value!({ "kind": "SENT", "at": at }),
            value!({ "kind": "SENT", "at": at, "day": null, "who": { "email": "x" } }),
            value!({ "kind": "SENT", "at": at, "day": "2026-11-20", "price": -5, "kinds": "SENT" }),
            value!({ "kind": "SENT", "at": at, "properties": { "a": [1, null] }, "count": 2 }),
        ] {
            assert!(one(&event).is_empty(), "{event}");
            assert!(told(&value!({ "events": event })).is_empty(), "{event}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_told_with_its_place() {
        let at = "2026-11-20T00:00:00Z";
        for (event, place, problem) in [
            (
                value!({ "kind": "SENT", "at": "2026-11-20" }),
                ".at",
                "needs a moment with a time and a zone, such as `2026-11-20T00:00:00Z`.",
            ),
            (
                value!({ "kind": "LOST", "at": at }),
                ".kind",
                "needs one of `SENT`, `OPENED`.",
            ),
            (
                value!({ "kind": "SENT", "at": at, "kinds": ["SENT", "LOST"] }),
                ".kinds[1]",
                "needs one of `SENT`, `OPENED`.",
            ),
            (
                value!({ "kind": "SENT" }),
                ".at",
                "needs a value of type `DateTime!`.",
            ),
            (
                value!({ "kind": "SENT", "at": at, "day": "20.11.2026" }),
                ".day",
                "needs a day, such as `2026-11-20`.",
            ),
            (
                value!({ "kind": "SENT", "at": at, "price": 1.5 }),
                ".price",
                "needs a whole number of the currency's minor unit, such as cents.",
            ),
            (
                value!({ "kind": "SENT", "at": at, "count": null }),
                ".count",
                "needs a value of type `Int!`.",
            ),
            (
                value!({ "kind": "SENT", "at": at, "who": { "id": true } }),
                ".who.id",
                "needs a value of type `ID`.",
            ),
            (
                value!({ "kind": "SENT", "at": at, "who": { "id": "1", "email": "x" } }),
                ".who",
                "needs exactly one field with a value.",
            ),
            (
                value!({ "kind": "SENT", "at": at, "knd": 1 }),
                ".knd",
                "is no field of `Event`.",
            ),
            (
                value!({ "kind": "SENT", "at": at, "count": 1_u64 << 40 }),
                ".count",
                "needs a whole number from -2147483648 to 2147483647.",
            ),
            (value!("text"), "", "needs a value of type `Event!`."),
        ] {
            let path = format!("input.events[0]{place}");
            let expected = (path.clone(), format!("`{path}` {problem}"));
            assert_eq!(one(&event), [expected], "{event}");
        }
    }

    #[test]
    fn a_variable_is_told_by_its_name_and_mistakes_are_few_and_short() {
        for given in [value!("nothing"), value!(null), value!(1)] {
            let message = "The variable `$input` needs a value of type `Call!`.".to_owned();
            assert_eq!(told(&given), [("input".to_owned(), message)]);
        }
        let many = told(&value!({ "events": vec![value!({ "at": 1, "kind": "SENT" }); 700] }));
        assert_eq!(many.len(), MISTAKES_MAX);
        assert_eq!(many[19].0, "input.events[19].at");
        let mut given = async_graphql::indexmap::IndexMap::new();
        given.insert(async_graphql::Name::new("長".repeat(1_000)), value!(1));
        let long = told(&Value::Object(given));
        assert!(long.iter().all(|(place, _)| place.len() < 320), "{long:?}");
    }
}
