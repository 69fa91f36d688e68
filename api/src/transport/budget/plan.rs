//! A document that was parsed and found acceptable, and the memory of recent ones.
//!
//! Clients send the same few documents again and again. A plan holds what does not depend on a
//! request's variables, so that a known document costs a copy of its tree instead of a parse and
//! a walk.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use async_graphql::{
    Name, Pos, Positioned, Value, Variables,
    parser::{
        self, parse_query,
        types::{
            DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
            VariableDefinition,
        },
    },
};

use super::{
    super::{code::Code, failure::Failure, limits::DocumentLimits},
    dry_run,
    merge::Merge,
    meter::Meter,
    price,
    scan::scan,
    table::CostTable,
    usage::check_usages,
    variables,
    walk::Walker,
};

/// Longer documents are not remembered: they are rare, and would fill the memory.
const REMEMBERED_MAX_BYTES: usize = 16 * 1024;

/// An acceptable document.
#[derive(Debug)]
pub(super) struct Plan {
    document: ExecutableDocument,
    operations: Vec<OperationPlan>,
    /// The variables whose values the estimates depend on.
    sized_by: Vec<Name>,
    deprecations: Option<Rc<Value>>,
}

#[derive(Debug)]
pub(super) struct OperationPlan {
    name: Option<Name>,
    kind: OperationType,
    /// The estimate, unless it depends on variables.
    fixed_cost: Option<u64>,
    /// The estimate for the sizes that were asked for last: most clients always ask for the same.
    last_cost: RefCell<Option<(Sizes, u64)>>,
    /// Variables that only conditions on `__typename` use.
    typename_variables: Vec<VariableDefinition>,
    meter: Rc<Meter>,
}

/// What each variable in `Plan::sized_by` asks for.
type Sizes = Vec<Option<u64>>;

impl Plan {
    /// Parses `text` and checks everything that does not depend on variables.
    pub(super) fn build(
        text: &str,
        table: &CostTable,
        limits: &DocumentLimits,
    ) -> Result<Self, Failure> {
        let repeated = scan(text, limits)?;
        let mut document = parse_query(text).map_err(|error| syntax_failure(&error))?;
        if let Some(repeated) = repeated {
            return Err(repeated.refusal(text));
        }
        check_definitions(&document, limits)?;
        let mut walker = Walker::new(table, limits, &document, None);
        walker.all_fragments()?;
        let mut operations = Vec::new();
        for (name, operation) in document.operations.iter() {
            let cost = walker.operation(operation)?;
            operations.push(OperationPlan {
                name: name.cloned(),
                kind: operation.node.ty,
                fixed_cost: Some(cost),
                last_cost: RefCell::default(),
                typename_variables: Vec::new(),
                meter: meter(&document, &operation.node, table),
            });
        }
        let mut merge = Merge::new(table, &document, limits);
        for (_, operation) in document.operations.iter() {
            check_usages(table, &document, &operation.node)?;
            merge.operation(&operation.node)?;
        }
        let sized_by: Vec<Name> = std::mem::take(&mut walker.sized_by).into_iter().collect();
        let has_typename_variables = walker.has_typename_variables;
        let deprecations = walker.take_deprecations();
        if !sized_by.is_empty() {
            for operation in &mut operations {
                operation.fixed_cost = None;
            }
        }
        if has_typename_variables {
            for (name, definitions) in variables::take_typename_variables(&mut document)? {
                if let Some(operation) = operations.iter_mut().find(|one| one.name == name) {
                    operation.typename_variables = definitions;
                }
            }
        }
        Ok(Self {
            document,
            operations,
            sized_by,
            deprecations: deprecations.map(Rc::new),
        })
    }

    /// The operation to run.
    pub(super) fn operation(&self, name: Option<&str>) -> Result<&OperationPlan, Failure> {
        match (name, self.operations.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(unresolved(
                "The document has several operations; say which with `operationName`.",
            )),
            (Some(name), operations) => operations
                .iter()
                .find(|operation| operation.name.as_deref() == Some(name))
                .ok_or_else(|| unresolved("The document has no operation of this name.")),
        }
    }

    /// Checks the variables and estimates the cost.
    pub(super) fn cost(
        &self,
        operation: &OperationPlan,
        variables: &mut Variables,
        table: &CostTable,
        limits: &DocumentLimits,
    ) -> Result<u64, Failure> {
        let Some(definition) = self.definition(operation) else {
            return Err(Failure::internal());
        };
        let definitions = &definition.node.variable_definitions;
        let taken = &operation.typename_variables;
        variables::check_values(table.inputs(), definitions, taken, variables)?;
        if let Some(cost) = operation.fixed_cost {
            return Ok(cost);
        }
        let sizes = self.sizes(definitions, variables, limits);
        if let Some((known, cost)) = &*operation.last_cost.borrow()
            && *known == sizes
        {
            return Ok(*cost);
        }
        let with_defaults = with_defaults(definitions, variables);
        let mut walker = Walker::new(table, limits, &self.document, Some(&with_defaults));
        let cost = walker.operation(definition)?;
        *operation.last_cost.borrow_mut() = Some((sizes, cost));
        Ok(cost)
    }

    fn sizes(
        &self,
        definitions: &[Positioned<VariableDefinition>],
        variables: &Variables,
        limits: &DocumentLimits,
    ) -> Sizes {
        let default_of = |name: &Name| {
            let mut definitions = definitions.iter().map(|definition| &definition.node);
            let definition = definitions.find(|definition| definition.name.node == *name)?;
            definition.default_value.as_ref().map(|value| &value.node)
        };
        let names = self.sized_by.iter();
        names
            .map(|name| {
                let value = variables.get(name).or_else(|| default_of(name))?;
                price::size(value, limits)
            })
            .collect()
    }

    /// The estimate of the most expensive operation, when variables have their defaults.
    pub(super) fn highest_cost(
        &self,
        table: &CostTable,
        limits: &DocumentLimits,
    ) -> Result<u64, Failure> {
        let mut highest = 0;
        for (_, definition) in self.document.operations.iter() {
            let definitions = &definition.node.variable_definitions;
            let defaults = with_defaults(definitions, &Variables::default());
            let mut walker = Walker::new(table, limits, &self.document, Some(&defaults));
            highest = walker.operation(definition)?.max(highest);
        }
        Ok(highest)
    }

    fn definition(&self, operation: &OperationPlan) -> Option<&Positioned<OperationDefinition>> {
        match &self.document.operations {
            DocumentOperations::Single(definition) => Some(definition),
            DocumentOperations::Multiple(all) => all.get(operation.name.as_deref()?),
        }
    }

    /// Whether the operation only wants to know what it would cost.
    pub(super) fn is_dry_run(&self, operation: &OperationPlan, variables: &Variables) -> bool {
        let definition = self.definition(operation);
        definition.is_some_and(|definition| dry_run::is_wanted(&definition.node, variables))
    }

    pub(super) fn deprecations(&self) -> Option<Rc<Value>> {
        self.deprecations.clone()
    }

    /// A copy of the tree for execution.
    pub(super) fn document(&self) -> ExecutableDocument {
        self.document.clone()
    }
}

impl OperationPlan {
    pub(super) fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    pub(super) fn kind(&self) -> OperationType {
        self.kind
    }

    pub(super) fn meter(&self) -> Rc<Meter> {
        Rc::clone(&self.meter)
    }
}

fn meter(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    table: &CostTable,
) -> Rc<Meter> {
    let set = &operation.selection_set.node;
    let meter = Meter::new(table, document, set, table.root(operation.ty));
    Rc::new(meter)
}

fn with_defaults(
    definitions: &[Positioned<VariableDefinition>],
    variables: &Variables,
) -> Variables {
    let mut all = variables.clone();
    for definition in definitions {
        let name = &definition.node.name.node;
        if let Some(value) = &definition.node.default_value
            && !all.contains_key(name)
        {
            all.insert(name.clone(), value.node.clone());
        }
    }
    all
}

fn check_definitions(
    document: &ExecutableDocument,
    limits: &DocumentLimits,
) -> Result<(), Failure> {
    if document.fragments.len() > limits.fragments {
        return Err(too_many(limits.fragments, "fragments"));
    }
    if document.operations.iter().len() > limits.operations {
        return Err(too_many(limits.operations, "operations"));
    }
    let fits = document
        .operations
        .iter()
        .all(|(_, operation)| operation.node.variable_definitions.len() <= limits.variables);
    if fits {
        Ok(())
    } else {
        Err(too_many(limits.variables, "variables in an operation"))
    }
}

fn too_many(limit: usize, what: &str) -> Failure {
    Failure::new(
        Code::GraphqlValidationFailed,
        format!("The document has more than {limit} {what}."),
    )
}

fn unresolved(message: &str) -> Failure {
    Failure::new(Code::GraphqlValidationFailed, message)
}

/// A short message of our own: the parser's quotes the document back at its sender.
fn syntax_failure(error: &parser::Error) -> Failure {
    let message = match error {
        parser::Error::Syntax { .. } => "The document is not valid GraphQL: unexpected text here.",
        parser::Error::MultipleOperations { .. } => {
            "An operation without a name must be the only one in its document."
        }
        parser::Error::OperationDuplicated { .. } => "Two operations have the same name.",
        parser::Error::FragmentDuplicated { .. } => "Two fragments have the same name.",
        parser::Error::MissingOperation => "The document has no operation.",
        parser::Error::RecursionLimitExceeded => "The document is nested too deeply.",
        _ => "The document is not valid GraphQL.",
    };
    let first: Option<Pos> = error.positions().next();
    match first {
        Some(pos) => Failure::at(Code::GraphqlParseFailed, message, pos),
        None => Failure::new(Code::GraphqlParseFailed, message),
    }
}

/// Recent plans of one worker thread.
///
/// Two generations instead of a list in order of use: when the young one is full it becomes the
/// old one and the old one is dropped, so a plan stays while it is asked for, and a look-up
/// allocates nothing.
#[derive(Debug)]
pub(super) struct PlanCache {
    young: HashMap<Box<str>, Rc<Plan>>,
    old: HashMap<Box<str>, Rc<Plan>>,
    half: usize,
}

impl PlanCache {
    pub(super) fn new(plans: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            half: (plans / 2).max(1),
        }
    }

    pub(super) fn get(&mut self, text: &str) -> Option<Rc<Plan>> {
        if let Some(plan) = self.young.get(text) {
            return Some(Rc::clone(plan));
        }
        let (text, plan) = self.old.remove_entry(text)?;
        self.insert(text, Rc::clone(&plan));
        Some(plan)
    }

    pub(super) fn remember(&mut self, text: &str, plan: &Rc<Plan>) {
        if text.len() <= REMEMBERED_MAX_BYTES {
            self.insert(text.into(), Rc::clone(plan));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    fn insert(&mut self, text: Box<str>, plan: Rc<Plan>) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(text, plan);
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    const SDL: &str = "
        type Tag { id: ID! }
        type Query { tags(first: Int, last: Int, ids: [ID!]): [Tag!]! }
        schema { query: Query }
    ";

    #[test]
    fn an_estimate_follows_the_sizes_in_variables() {
        let table = CostTable::from_sdl(SDL).unwrap();
        let limits = DocumentLimits::default();
        let document = "query($n: Int, $m: Int = 7, $ids: [ID!]) \
            { tags(first: $n, last: $m, ids: $ids) { id } }";
        let plan = Plan::build(document, &table, &limits).unwrap();
        let operation = plan.operation(None).unwrap();
        for (given, cost) in [
            (value!({}), 7),
            (value!({ "n": 3 }), 3),
            (value!({ "n": 3, "m": 5 }), 3),
            (value!({ "n": 1000 }), 100),
            (value!({ "m": 5 }), 5),
            (value!({ "m": null, "ids": ["a", "b"] }), 2),
            (value!({ "m": null }), 20),
            (value!({ "m": null, "n": null, "ids": ["a"] }), 1),
        ] {
            // The second time it is known.
            for _ in 0..2 {
                let mut variables = Variables::from_value(given.clone());
                let found = plan.cost(operation, &mut variables, &table, &limits);
                assert_eq!(found.unwrap(), cost, "{given}");
                let known = operation.last_cost.borrow();
                assert!(known.as_ref().is_some_and(|(_, last)| *last == cost));
            }
        }
    }
}
