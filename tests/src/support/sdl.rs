//! The schema of the API as the tests look at it: parsed from its own text.

use std::collections::BTreeMap;

use async_graphql::parser::{
    parse_schema,
    types::{
        BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind,
        TypeSystemDefinition,
    },
};
use serde_json::{Value, json};

/// Every type by its name.
#[derive(Debug)]
pub(crate) struct Sdl {
    pub(crate) types: BTreeMap<String, TypeDefinition>,
}

/// What can be asked at the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Root {
    Query,
    Mutation,
    Subscription,
}

impl Root {
    pub(crate) const ALL: [Self; 3] = [Self::Query, Self::Mutation, Self::Subscription];

    /// The name of its type, and in lower case the keyword of its operations.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::Mutation => "Mutation",
            Self::Subscription => "Subscription",
        }
    }
}

impl Sdl {
    /// Reads the schema that the running code has.
    pub(crate) fn current() -> Self {
        let document = parse_schema(api::graphql::sdl()).expect("the SDL is GraphQL");
        let types = document
            .definitions
            .into_iter()
            .filter_map(|one| match one {
                TypeSystemDefinition::Type(definition) => Some(definition.node),
                _ => None,
            });
        Self {
            types: types.map(|one| (one.name.node.to_string(), one)).collect(),
        }
    }

    /// The fields of a type that has some.
    pub(crate) fn fields(&self, name: &str) -> Vec<&FieldDefinition> {
        let fields = match self.types.get(name).map(|one| &one.kind) {
            Some(TypeKind::Object(object)) => &object.fields,
            Some(TypeKind::Interface(interface)) => &interface.fields,
            _ => return Vec::new(),
        };
        fields.iter().map(|field| &field.node).collect()
    }

    /// Whether it can be fetched by its global id.
    pub(crate) fn is_node(&self, name: &str) -> bool {
        match self.types.get(name).map(|one| &one.kind) {
            Some(TypeKind::Object(object)) => {
                object.implements.iter().any(|one| one.node == "Node")
            }
            _ => false,
        }
    }

    /// The fields of an input type; none of anything else.
    pub(crate) fn input_fields(&self, name: &str) -> Vec<&InputValueDefinition> {
        match self.types.get(name).map(|one| &one.kind) {
            Some(TypeKind::InputObject(input)) => {
                input.fields.iter().map(|field| &field.node).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether exactly one field of this input type is to be given.
    pub(crate) fn is_one_of(&self, name: &str) -> bool {
        let directives = self.types.get(name).into_iter();
        let mut directives = directives.flat_map(|one| &one.directives);
        directives.any(|one| one.node.name.node == "oneOf")
    }

    /// Some value of an input type, with `id` wherever one is needed.
    pub(crate) fn example(&self, ty: &Type, id: &str) -> Value {
        let name = match &ty.base {
            BaseType::List(inner) => return json!([self.example(inner, id)]),
            BaseType::Named(name) => name.as_str(),
        };
        match (name, self.types.get(name).map(|one| &one.kind)) {
            ("ID", _) => json!(id),
            ("Int" | "Float" | "MinorUnits", _) => json!(1),
            ("Boolean", _) => json!(true),
            (_, Some(TypeKind::Enum(kind))) => json!(kind.values[0].node.value.node),
            (_, Some(TypeKind::InputObject(input))) => {
                let is_one_of = self.is_one_of(name);
                let fields = input.fields.iter().map(|field| &field.node);
                // Of a type that holds itself, such as a condition, some field that does not.
                let wanted = fields
                    .filter(|field| named(&field.ty.node) != name)
                    .filter(|field| is_one_of || is_required(field))
                    .take(if is_one_of { 1 } else { usize::MAX });
                let members = wanted.map(|field| {
                    let name = field.name.node.to_string();
                    (name, self.example(&field.ty.node, id))
                });
                Value::Object(members.collect())
            }
            _ => json!("2026-03-01T00:00:00Z"),
        }
    }

    /// One field of a root.
    pub(crate) fn root(&self, root: Root, field: &str) -> Option<&FieldDefinition> {
        let mut fields = self.fields(root.name()).into_iter();
        fields.find(|one| one.name.node == field)
    }

    /// Everything that can be selected on a value of this type without giving arguments, objects
    /// down to `depth`, in braces; nothing for a type without fields.
    pub(crate) fn selection(&self, name: &str, depth: usize) -> String {
        match self.types.get(name).map(|one| &one.kind) {
            Some(TypeKind::Object(_)) => {}
            Some(TypeKind::Interface(_)) => return " { __typename id }".to_owned(),
            Some(TypeKind::Union(_)) => return " { __typename }".to_owned(),
            _ => return String::new(),
        }
        let mut chosen = vec!["__typename".to_owned()];
        for field in self.fields(name) {
            if field.arguments.iter().any(|one| is_required(&one.node)) {
                continue;
            }
            let inner = named(&field.ty.node);
            let is_composite = matches!(
                self.types.get(inner).map(|one| &one.kind),
                Some(TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_))
            );
            if is_composite && depth == 0 {
                continue;
            }
            let below = self.selection(inner, depth.saturating_sub(1));
            chosen.push(format!("{}{below}", field.name.node));
        }
        format!(" {{ {} }}", chosen.join(" "))
    }

    /// An operation on one root field, with every argument as a variable of its name.
    pub(crate) fn operation(&self, root: Root, field: &FieldDefinition, depth: usize) -> String {
        let keyword = root.name().to_lowercase();
        let arguments: Vec<_> = field.arguments.iter().map(|one| &one.node).collect();
        let list = |parts: Vec<String>| {
            if parts.is_empty() {
                String::new()
            } else {
                format!("({})", parts.join(", "))
            }
        };
        let declared = arguments.iter().map(|one| {
            // A variable that is left out must leave the argument out, not make it null.
            let default = one.default_value.as_ref();
            let default = default.map_or(String::new(), |value| format!(" = {}", value.node));
            format!("${}: {}{default}", one.name.node, one.ty.node)
        });
        let passed = arguments
            .iter()
            .map(|one| format!("{0}: ${0}", one.name.node));
        format!(
            "{keyword}{} {{ {}{}{} }}",
            list(declared.collect()),
            field.name.node,
            list(passed.collect()),
            self.selection(named(&field.ty.node), depth),
        )
    }
}

/// The type inside lists.
pub(crate) fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => named(inner),
    }
}

/// How many lists are around it.
pub(crate) fn list_depth(ty: &Type) -> usize {
    match &ty.base {
        BaseType::Named(_) => 0,
        BaseType::List(inner) => 1 + list_depth(inner),
    }
}

/// Whether it must be given.
pub(crate) fn is_required(value: &InputValueDefinition) -> bool {
    !value.ty.node.nullable && value.default_value.is_none()
}
