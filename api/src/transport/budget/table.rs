//! What each field of the schema costs: built once from the schema's SDL.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned, Value,
    parser::{
        self, parse_schema,
        types::{
            BaseType, ConstDirective, DirectiveDefinition, DirectiveLocation, FieldDefinition,
            InputValueDefinition, OperationType, ServiceDocument, Type, TypeDefinition, TypeKind,
            TypeSystemDefinition,
        },
    },
};

use super::input::{Input, InputTypes};

/// Arguments that say how long a page or a batch is, in the order they are looked for.
const SIZE_ARGUMENTS: [&str; 4] = ["first", "last", "limit", "ids"];

/// Lists without a size argument that are short on whatever has them, and how many items are assumed of
/// each; `docs/api.md` names them. Of everything else there may be many of, a default page is assumed. At
/// the root these names mean lists of the whole workspace.
pub(super) const SHORT_LISTS: [(&str, u64); 21] = [
    ("actions", 5),
    ("attributes", 5),
    ("conditions", 5),
    ("conflicts", 5),
    ("contributions", 10),
    ("fragments", 3),
    ("identities", 5),
    ("lines", 5),
    ("matched", 5),
    ("merges", 5),
    ("options", 5),
    ("outcomes", 5),
    ("people", 4),
    ("ranges", 5),
    ("segments", 5),
    ("subscriptions", 5),
    ("taggings", 5),
    ("userErrors", 5),
    ("uses", 5),
    ("verdicts", 5),
    ("watchers", 5),
];

/// Fields of the query root that read far more than they show, such as all that happened in months, and what
/// each costs before what it selects; `docs/api.md` and the description of `RateLimit` say so.
pub(super) const HEAVY_FIELDS: [(&str, u64); 11] = [
    ("accountUsage", 20),
    ("exportContactData", 50),
    ("leadPurity", 50),
    ("previewAccountMerge", 20),
    ("previewHealthModel", 200),
    ("previewMerge", 20),
    ("previewSegment", 50),
    ("previewTagMerge", 20),
    ("tagGroupDistribution", 50),
    ("tagUsage", 20),
    ("tryRule", 200),
];

/// Points of the whole schema: about a tenth of the budget. One type is a tenth of that.
pub(crate) const SCHEMA_WEIGHT: u64 = 1_000;

/// Points of a mutation, before what it selects.
pub(super) const MUTATION_WEIGHT: u64 = 10;

/// Points of a connection's `totalCount`, which counts rows that no page has: a default page.
pub(super) const TOTAL_WEIGHT: u64 = 20;

/// The introspection types, which SDL leaves out. Only what leads from type to type matters.
const INTROSPECTION: &str = "
    type __Schema { types: [__Type!]! queryType: __Type! mutationType: __Type
        subscriptionType: __Type directives: [__Directive!]! }
    type __Type { fields(includeDeprecated: Boolean! = false): [__Field!] interfaces: [__Type!]
        possibleTypes: [__Type!] enumValues(includeDeprecated: Boolean! = false): [__EnumValue!]
        inputFields(includeDeprecated: Boolean! = false): [__InputValue!] ofType: __Type }
    type __Field { args(includeDeprecated: Boolean! = false): [__InputValue!]! type: __Type! }
    type __InputValue { type: __Type! }
    type __EnumValue { name: String! }
    type __Directive { args(includeDeprecated: Boolean! = false): [__InputValue!]! }
";

/// The types of a schema as the cost estimate sees them.
#[derive(Debug)]
pub struct CostTable {
    types: Vec<TypeInfo>,
    names: HashMap<Box<str>, TypeIndex>,
    roots: [Option<TypeIndex>; 3],
    directives: HashMap<Box<str>, DirectiveInfo>,
    inputs: InputTypes,
    /// `__schema` and `__type`, which belong to the query root without being in its SDL.
    schema_field: FieldInfo,
    type_field: FieldInfo,
    /// `__typename`, which every type has.
    typename_field: FieldInfo,
}

/// Where a type stands in the table.
pub(super) type TypeIndex = u32;

#[derive(Debug)]
pub(super) struct TypeInfo {
    fields: HashMap<Box<str>, FieldInfo>,
    /// Relay's connection: its lists are as long as the page asked for one level above.
    is_connection: bool,
    /// Whether `fields` is all there is, so that another name is a mistake.
    is_complete: bool,
    /// An object, and neither an interface nor a union.
    is_object: bool,
    name: Box<str>,
}

/// What one field costs.
#[derive(Debug, Clone)]
pub(super) struct FieldInfo {
    /// Its type as the schema has it.
    pub(super) ty: Type,
    /// The type it returns; `None` for scalars and enums.
    pub(super) returns: Option<TypeIndex>,
    /// Points for each object (or, for a leaf, for the value) it returns.
    pub(super) weight: u64,
    pub(super) size: Size,
    /// Items assumed of a list that is known to be short.
    pub(super) assumed: Option<u64>,
    arguments: Vec<(Box<str>, Input)>,
    /// Why it should not be used any more, and what to use instead.
    pub(super) deprecated: Option<Box<str>>,
    /// The same for its arguments, by name.
    pub(super) deprecated_arguments: Vec<(Box<str>, Box<str>)>,
    /// Part of an introspection list that can lead back into itself.
    pub(super) is_introspection_list: bool,
}

/// How many objects a field returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// At most one.
    One,
    /// A list: as many as a size argument says.
    List,
    /// One connection, whose lists are as long as a size argument says.
    Connection,
    /// A list inside a connection: as long as the connection's page.
    Page,
}

#[derive(Debug, Clone)]
pub(super) struct DirectiveInfo {
    pub(super) is_repeatable: bool,
    pub(super) on_fields: bool,
    arguments: Vec<(Box<str>, Input)>,
}

impl CostTable {
    /// Reads the schema's own SDL (`schema.sdl()`).
    pub fn from_sdl(sdl: &str) -> Result<Self, parser::Error> {
        let document = parse_schema(sdl)?;
        let introspection = parse_schema(INTROSPECTION)?;
        let mut table = Self::empty();
        table.name_types(&document);
        table.name_types(&introspection);
        table.find_roots(&document);
        table.inputs = InputTypes::read(&document);
        table.fill(&document);
        table.fill(&introspection);
        table.finish();
        Ok(table)
    }

    /// Gives a field a weight of its own, for instance a total count that has to be looked up.
    /// Unknown fields are ignored.
    #[must_use]
    pub fn weigh(mut self, type_name: &str, field: &str, points: u64) -> Self {
        if let Some(&index) = self.names.get(type_name)
            && let Some(field) = self.types[index as usize].fields.get_mut(field)
        {
            field.weight = points;
        }
        self
    }

    pub(super) fn root(&self, operation: OperationType) -> Option<TypeIndex> {
        self.roots[root_slot(operation)]
    }

    pub(super) fn type_named(&self, name: &str) -> Option<TypeIndex> {
        self.names.get(name).copied()
    }

    /// What variables may hold.
    pub(super) fn inputs(&self) -> &InputTypes {
        &self.inputs
    }

    pub(super) fn directive(&self, name: &str) -> Option<&DirectiveInfo> {
        self.directives.get(name)
    }

    pub(super) fn field(&self, parent: TypeIndex, name: &str) -> Option<&FieldInfo> {
        let known = self.types[parent as usize].fields.get(name);
        known.or_else(|| match name {
            "__schema" if self.is_query_root(parent) => Some(&self.schema_field),
            "__type" if self.is_query_root(parent) => Some(&self.type_field),
            _ => None,
        })
    }

    pub(super) fn typename(&self) -> &FieldInfo {
        &self.typename_field
    }

    /// Whether a value of the type is of that type and no other.
    pub(super) fn is_object(&self, index: TypeIndex) -> bool {
        self.types[index as usize].is_object
    }

    /// The name of a type.
    pub(super) fn name(&self, index: TypeIndex) -> &str {
        &self.types[index as usize].name
    }

    /// The name of `parent` if the table knows all its fields.
    pub(super) fn complete_type(&self, parent: TypeIndex) -> Option<&str> {
        let info = &self.types[parent as usize];
        info.is_complete.then_some(&*info.name)
    }

    fn is_query_root(&self, parent: TypeIndex) -> bool {
        self.root(OperationType::Query) == Some(parent)
    }

    fn empty() -> Self {
        let introspection = |ty: &str, weight, arguments: &[(Box<str>, Input)]| FieldInfo {
            ty: Type {
                base: BaseType::Named(Name::new(ty)),
                nullable: ty == "__Type",
            },
            returns: None,
            weight,
            size: Size::One,
            assumed: None,
            arguments: arguments.to_vec(),
            deprecated: None,
            deprecated_arguments: Vec::new(),
            is_introspection_list: false,
        };
        let by_name: (Box<str>, Input) = ("name".into(), Input::required("String"));
        let everywhere = DirectiveInfo {
            is_repeatable: false,
            on_fields: true,
            arguments: vec![("if".into(), Input::required("Boolean"))],
        };
        Self {
            types: Vec::new(),
            names: HashMap::new(),
            roots: [None; 3],
            directives: ["skip", "include"]
                .map(|name| (name.into(), everywhere.clone()))
                .into(),
            inputs: InputTypes::default(),
            schema_field: introspection("__Schema", SCHEMA_WEIGHT, &[]),
            type_field: introspection("__Type", SCHEMA_WEIGHT / 10, &[by_name]),
            typename_field: introspection("String", 0, &[]),
        }
    }

    fn name_types(&mut self, document: &ServiceDocument) {
        for definition in types(document) {
            let name = definition.name.node.as_str();
            if matches!(
                definition.kind,
                TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_)
            ) || self.names.contains_key(name)
            {
                continue;
            }
            self.names
                .insert(name.into(), self.types.len() as TypeIndex);
            self.types.push(TypeInfo {
                fields: HashMap::new(),
                is_connection: name.ends_with("Connection"),
                is_complete: !name.starts_with("__"),
                is_object: matches!(definition.kind, TypeKind::Object(_)),
                name: name.into(),
            });
        }
    }

    fn find_roots(&mut self, document: &ServiceDocument) {
        for definition in &document.definitions {
            if let TypeSystemDefinition::Schema(schema) = definition {
                let schema = &schema.node;
                for (slot, name) in [&schema.query, &schema.mutation, &schema.subscription]
                    .into_iter()
                    .enumerate()
                {
                    if let Some(name) = name {
                        self.roots[slot] = self.type_named(&name.node);
                    }
                }
            }
        }
    }

    fn fill(&mut self, document: &ServiceDocument) {
        for definition in &document.definitions {
            match definition {
                TypeSystemDefinition::Type(definition) => self.fill_type(&definition.node),
                TypeSystemDefinition::Directive(directive) => {
                    let directive = &directive.node;
                    self.directives
                        .insert(directive.name.node.as_str().into(), directive.into());
                }
                TypeSystemDefinition::Schema(_) => {}
            }
        }
    }

    fn fill_type(&mut self, definition: &TypeDefinition) {
        let Some(index) = self.type_named(&definition.name.node) else {
            return;
        };
        let fields = match &definition.kind {
            TypeKind::Object(object) => &object.fields,
            TypeKind::Interface(interface) => &interface.fields,
            _ => return,
        };
        for field in fields {
            let info = self.field_info(index, &field.node);
            self.types[index as usize]
                .fields
                .insert(field.node.name.node.as_str().into(), info);
        }
    }

    fn field_info(&self, parent: TypeIndex, field: &FieldDefinition) -> FieldInfo {
        let (type_name, is_list) = named(&field.ty.node);
        let returns = self.type_named(type_name);
        let is_introspection = type_name.starts_with("__");
        let size = match returns {
            Some(_) if is_introspection => Size::One,
            Some(_) if is_list && self.types[parent as usize].is_connection => Size::Page,
            Some(_) if is_list => Size::List,
            Some(index) if self.types[index as usize].is_connection => Size::Connection,
            _ => Size::One,
        };
        let is_total = self.types[parent as usize].is_connection && field.name.node == "totalCount";
        let heavy = self.heavy_weight(parent, &field.name.node);
        let weight = if is_total {
            TOTAL_WEIGHT
        } else {
            heavy.unwrap_or_else(|| self.default_weight(parent, type_name, returns.is_some()))
        };
        FieldInfo {
            ty: field.ty.node.clone(),
            returns,
            weight,
            size,
            assumed: self.assumed(parent, &field.name.node, size),
            arguments: inputs(&field.arguments),
            deprecated: deprecation(&field.directives),
            deprecated_arguments: field
                .arguments
                .iter()
                .filter_map(|argument| {
                    let argument = &argument.node;
                    let reason = deprecation(&argument.directives)?;
                    Some((argument.name.node.as_str().into(), reason))
                })
                .collect(),
            is_introspection_list: is_introspection
                && is_list
                && matches!(
                    field.name.node.as_str(),
                    "types" | "fields" | "interfaces" | "possibleTypes" | "inputFields"
                ),
        }
    }

    fn assumed(&self, parent: TypeIndex, field: &str, size: Size) -> Option<u64> {
        if size != Size::List || self.roots.contains(&Some(parent)) {
            return None;
        }
        let mut lists = SHORT_LISTS.iter();
        let (_, items) = lists.find(|(name, _)| *name == field)?;
        Some(*items)
    }

    fn heavy_weight(&self, parent: TypeIndex, field: &str) -> Option<u64> {
        if Some(parent) != self.root(OperationType::Query) {
            return None;
        }
        let mut heavy = HEAVY_FIELDS.iter();
        let (_, points) = heavy.find(|(name, _)| *name == field)?;
        Some(*points)
    }

    fn default_weight(&self, parent: TypeIndex, returns: &str, is_object: bool) -> u64 {
        let is_mutation = Some(parent) == self.root(OperationType::Mutation);
        let is_wrapping = returns.ends_with("Edge") || returns == "PageInfo";
        match (is_mutation, is_object && !is_wrapping) {
            (true, _) => MUTATION_WEIGHT,
            (false, true) => 1,
            (false, false) => 0,
        }
    }

    fn finish(&mut self) {
        self.schema_field.returns = self.type_named("__Schema");
        self.type_field.returns = self.type_named("__Type");
    }
}

impl FieldInfo {
    pub(super) fn takes(&self, argument: &str) -> bool {
        self.argument(argument).is_some()
    }

    pub(super) fn argument(&self, name: &str) -> Option<&Input> {
        find(&self.arguments, name)
    }

    /// The arguments that set the size of what the field returns.
    pub(super) fn size_arguments(&self) -> impl Iterator<Item = &'static str> {
        SIZE_ARGUMENTS.into_iter().filter(|name| self.takes(name))
    }
}

impl DirectiveInfo {
    pub(super) fn argument(&self, name: &str) -> Option<&Input> {
        find(&self.arguments, name)
    }
}

fn find<'a>(arguments: &'a [(Box<str>, Input)], name: &str) -> Option<&'a Input> {
    let mut arguments = arguments.iter();
    let (_, found) = arguments.find(|(one, _)| **one == *name)?;
    Some(found)
}

fn inputs(definitions: &[Positioned<InputValueDefinition>]) -> Vec<(Box<str>, Input)> {
    let definitions = definitions.iter().map(|definition| &definition.node);
    definitions
        .map(|definition| (definition.name.node.as_str().into(), definition.into()))
        .collect()
}

impl From<&DirectiveDefinition> for DirectiveInfo {
    fn from(definition: &DirectiveDefinition) -> Self {
        Self {
            is_repeatable: definition.is_repeatable,
            on_fields: definition
                .locations
                .iter()
                .any(|location| location.node == DirectiveLocation::Field),
            arguments: inputs(&definition.arguments),
        }
    }
}

/// The reason in `@deprecated(reason: "...")`.
fn deprecation(directives: &[Positioned<ConstDirective>]) -> Option<Box<str>> {
    let mut directives = directives.iter().map(|directive| &directive.node);
    let deprecated = directives.find(|directive| directive.name.node == "deprecated")?;
    match deprecated.get_argument("reason").map(|reason| &reason.node) {
        Some(Value::String(reason)) => Some(reason.as_str().into()),
        _ => Some("No longer supported".into()),
    }
}

fn root_slot(operation: OperationType) -> usize {
    match operation {
        OperationType::Query => 0,
        OperationType::Mutation => 1,
        OperationType::Subscription => 2,
    }
}

/// The types of a document.
pub(super) fn types(document: &ServiceDocument) -> impl Iterator<Item = &TypeDefinition> {
    document
        .definitions
        .iter()
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(&definition.node),
            _ => None,
        })
}

/// The type's name without its wrappers, and whether one of them is a list.
fn named(ty: &Type) -> (&str, bool) {
    match &ty.base {
        BaseType::Named(name) => (name, false),
        BaseType::List(inner) => (named(inner).0, true),
    }
}
