//! The walk that measures a document without expanding its fragments.
//!
//! Each fragment is measured once and remembered, so the work is linear in the text, however often
//! fragments spread each other; sums saturate. Counting the text (aliases, directives, ...) and
//! estimating the cost happen in the same walk.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_graphql::{
    Name, Pos, Positioned, ServerError, Variables,
    parser::types::{
        Directive, ExecutableDocument, Field, FragmentSpread, OperationDefinition, OperationType,
        Selection, SelectionSet,
    },
};
use async_graphql_value::{ConstValue, Value, indexmap::IndexMap};

use super::{
    super::{code::Code, failure::Failure, limits::DocumentLimits},
    measure::{Measure, at_most},
    table::{CostTable, FieldInfo, TypeIndex},
};

/// Unknown fields and arguments that are left to the library's validation, which suggests what was
/// meant; that takes time for each, so a flood of them is answered here.
const UNKNOWN_MAX: usize = 20;

/// Deprecated members that one answer names.
const DEPRECATIONS_MAX: usize = 20;

/// Counts over the whole text.
#[derive(Debug, Default)]
struct Counts {
    aliases: u32,
    directives: u32,
    spreads: u32,
    selections: u64,
    mutations: u64,
}

pub(super) struct Walker<'a> {
    table: &'a CostTable,
    pub(super) limits: &'a DocumentLimits,
    document: &'a ExecutableDocument,
    /// Values that sizes are taken from; without them a size in a variable counts as the default.
    pub(super) variables: Option<&'a Variables>,
    fragments: HashMap<&'a str, FragmentState>,
    counts: Counts,
    unknown: Vec<ServerError>,
    /// `Type.field` or `Type.field(argument)` and the reason, of what is deprecated.
    deprecations: BTreeMap<String, &'a str>,
    level: u32,
    /// The variables whose values the estimate depends on.
    pub(super) sized_by: BTreeSet<Name>,
    /// Whether some `__typename` is skipped or included by a variable.
    pub(super) has_typename_variables: bool,
}

enum FragmentState {
    InProgress,
    Done(Measure),
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        table: &'a CostTable,
        limits: &'a DocumentLimits,
        document: &'a ExecutableDocument,
        variables: Option<&'a Variables>,
    ) -> Self {
        Self {
            table,
            limits,
            document,
            variables,
            fragments: HashMap::new(),
            counts: Counts::default(),
            unknown: Vec::new(),
            deprecations: BTreeMap::new(),
            level: 0,
            sized_by: BTreeSet::new(),
            has_typename_variables: false,
        }
    }

    /// What is deprecated and used, for `extensions.deprecations`.
    pub(super) fn take_deprecations(&mut self) -> Option<ConstValue> {
        if self.deprecations.is_empty() {
            return None;
        }
        let all = std::mem::take(&mut self.deprecations).into_iter();
        let each = all.map(|(member, reason)| {
            ConstValue::Object(IndexMap::from([
                (Name::new("member"), member.into()),
                (Name::new("reason"), reason.into()),
            ]))
        });
        Some(ConstValue::List(each.take(DEPRECATIONS_MAX).collect()))
    }

    fn note_deprecated(&mut self, field: &Field, parent: TypeIndex, info: &'a FieldInfo) {
        if info.deprecated.is_none() && info.deprecated_arguments.is_empty() {
            return;
        }
        let member = format!("{}.{}", self.table.name(parent), field.name.node);
        for (argument, reason) in &info.deprecated_arguments {
            if field.get_argument(argument).is_some() {
                let member = format!("{member}({argument})");
                self.deprecations.insert(member, reason);
            }
        }
        if let Some(reason) = &info.deprecated {
            self.deprecations.insert(member, reason);
        }
    }

    /// Checks all of the text, also fragments that nothing spreads.
    pub(super) fn all_fragments(&mut self) -> Result<(), Failure> {
        let document = self.document;
        for name in document.fragments.keys() {
            let pos = document.fragments[name].pos;
            self.fragment(name, pos)?;
        }
        Ok(())
    }

    /// The cost of one operation; refuses what breaks a limit on the way.
    pub(super) fn operation(
        &mut self,
        operation: &'a Positioned<OperationDefinition>,
    ) -> Result<u64, Failure> {
        let node = &operation.node;
        let root = self.table.root(node.ty);
        self.directives(&node.directives)?;
        for variable in &node.variable_definitions {
            self.directives(&variable.node.directives)?;
        }
        let measure = self.selection_set(&node.selection_set.node, root)?;
        self.check_expanded(&measure, node.ty, operation.pos)?;
        Ok(measure.total(self.limits).max(1))
    }

    fn check_expanded(
        &mut self,
        measure: &Measure,
        ty: OperationType,
        pos: Pos,
    ) -> Result<(), Failure> {
        let limits = self.limits;
        let counts = &mut self.counts;
        counts.selections = counts.selections.saturating_add(measure.selections);
        match ty {
            OperationType::Mutation => {
                counts.mutations = counts.mutations.saturating_add(measure.fields);
            }
            OperationType::Subscription => at_most(measure.fields, 1, pos, "subscription")?,
            OperationType::Query => {}
        }
        at_most(measure.depth, limits.depth, pos, "levels of fields")?;
        at_most(measure.nesting, limits.nesting, pos, "levels of selections")?;
        at_most(
            counts.selections,
            limits.selections,
            pos,
            "selections once fragments are expanded",
        )?;
        at_most(counts.mutations, limits.mutations, pos, "mutations")?;
        at_most(measure.fields, limits.root_fields, pos, "root fields")?;
        at_most(
            measure.introspection_lists,
            limits.introspection_lists,
            pos,
            "levels of introspection lists",
        )
    }

    fn selection_set(
        &mut self,
        set: &'a SelectionSet,
        parent: Option<TypeIndex>,
    ) -> Result<Measure, Failure> {
        let mut sum = Measure::default();
        if set.items.is_empty() {
            return Ok(sum);
        }
        self.level += 1;
        // Limits the recursion of this walk; what passes is checked again once all is known.
        at_most(
            self.level,
            self.limits.nesting.saturating_mul(2),
            Pos::default(),
            "levels of selections",
        )?;
        for selection in &set.items {
            let part = match &selection.node {
                Selection::Field(field) => self.field(field, parent)?,
                Selection::FragmentSpread(spread) => self.spread(spread)?,
                Selection::InlineFragment(inline) => {
                    let inline = &inline.node;
                    self.directives(&inline.directives)?;
                    let on = match &inline.type_condition {
                        Some(condition) => self.table.type_named(&condition.node.on.node),
                        None => parent,
                    };
                    self.selection_set(&inline.selection_set.node, on)?
                        .counted()
                }
            };
            sum.add(&part);
        }
        self.level -= 1;
        sum.nesting += 1;
        Ok(sum)
    }

    fn spread(&mut self, spread: &'a Positioned<FragmentSpread>) -> Result<Measure, Failure> {
        self.counts.spreads += 1;
        at_most(
            self.counts.spreads,
            self.limits.spreads,
            spread.pos,
            "fragment spreads",
        )?;
        self.directives(&spread.node.directives)?;
        let name = &spread.node.fragment_name.node;
        Ok(self.fragment(name, spread.pos)?.counted())
    }

    /// Unknown fragments measure nothing; the library's validation names them.
    fn fragment(&mut self, name: &'a Name, pos: Pos) -> Result<Measure, Failure> {
        match self.fragments.get(name.as_str()) {
            Some(FragmentState::Done(measure)) => return Ok(*measure),
            Some(FragmentState::InProgress) => {
                return Err(Failure::invalid("A fragment spreads itself.", pos));
            }
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Measure::default());
        };
        let fragment = &fragment.node;
        self.fragments.insert(name, FragmentState::InProgress);
        self.directives(&fragment.directives)?;
        let on = self.table.type_named(&fragment.type_condition.node.on.node);
        let measure = self.selection_set(&fragment.selection_set.node, on)?;
        self.fragments.insert(name, FragmentState::Done(measure));
        Ok(measure)
    }

    fn field(
        &mut self,
        field: &'a Positioned<Field>,
        parent: Option<TypeIndex>,
    ) -> Result<Measure, Failure> {
        let node = &field.node;
        if let Some(alias) = &node.alias {
            self.counts.aliases += 1;
            at_most(
                self.counts.aliases,
                self.limits.aliases,
                alias.pos,
                "aliases",
            )?;
        }
        self.directives(&node.directives)?;
        if node.name.node == "__typename" {
            return self.typename(field);
        }
        let info = parent.and_then(|parent| self.table.field(parent, &node.name.node));
        if let Some(parent) = parent {
            self.note_unknown(field, parent, info)?;
            if let Some(info) = info {
                self.note_deprecated(node, parent, info);
            }
        }
        let returns = info.and_then(|info| info.returns);
        let inner = self.selection_set(&node.selection_set.node, returns)?;
        let mut outer = match info {
            Some(info) => self.price(field, info, &inner),
            None if node.selection_set.node.items.is_empty() => Measure::default(),
            None => Measure::points(1_u64.saturating_add(inner.total(self.limits))),
        };
        outer.selections = inner.selections.saturating_add(1);
        outer.fields = 1;
        outer.depth = inner.depth + 1;
        outer.nesting = inner.nesting;
        outer.introspection_lists = inner.introspection_lists
            + u32::from(info.is_some_and(|info| info.is_introspection_list));
        Ok(outer)
    }

    /// The library's validation skips this field altogether, so all its rules are here.
    fn typename(&mut self, field: &Positioned<Field>) -> Result<Measure, Failure> {
        let node = &field.node;
        if !node.selection_set.node.items.is_empty() {
            let message = "`__typename` is a String and has no fields to select.";
            return Err(Failure::invalid(message, node.selection_set.pos));
        }
        if let Some((name, _)) = node.arguments.first() {
            return Err(Failure::invalid(
                "`__typename` takes no arguments.",
                name.pos,
            ));
        }
        for directive in &node.directives {
            let name = &directive.node.name.node;
            if !self
                .table
                .directive(name)
                .is_some_and(|info| info.on_fields)
            {
                let message = "This directive does not belong on a field.";
                return Err(Failure::invalid(message, directive.pos));
            }
            self.has_typename_variables |= check_condition(directive)?;
        }
        Ok(Measure {
            selections: 1,
            fields: 1,
            depth: 1,
            ..Measure::default()
        })
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>]) -> Result<(), Failure> {
        for (index, directive) in directives.iter().enumerate() {
            self.counts.directives += 1;
            at_most(
                self.counts.directives,
                self.limits.directives,
                directive.pos,
                "directives",
            )?;
            let name = &directive.node.name.node;
            let Some(info) = self.table.directive(name) else {
                return Err(Failure::invalid(
                    "There is no such directive.",
                    directive.pos,
                ));
            };
            let is_repeated = directives[..index]
                .iter()
                .any(|earlier| earlier.node.name.node == *name);
            if is_repeated && !info.is_repeatable {
                let message = "This directive may be used once at the same place.";
                return Err(Failure::invalid(message, directive.pos));
            }
        }
        Ok(())
    }

    fn note_unknown(
        &mut self,
        field: &Positioned<Field>,
        parent: TypeIndex,
        info: Option<&FieldInfo>,
    ) -> Result<(), Failure> {
        let Some(type_name) = self.table.complete_type(parent) else {
            return Ok(());
        };
        match info {
            None => {
                let message = format!("`{type_name}` has no such field.");
                self.unknown
                    .push(ServerError::new(message, Some(field.pos)));
            }
            Some(info) => {
                for (name, _) in &field.node.arguments {
                    if !info.takes(&name.node) {
                        let message = "The field has no such argument.";
                        self.unknown.push(ServerError::new(message, Some(name.pos)));
                    }
                }
            }
        }
        if self.unknown.len() > UNKNOWN_MAX {
            let errors = std::mem::take(&mut self.unknown);
            return Err(Failure::with_errors(Code::GraphqlValidationFailed, errors));
        }
        Ok(())
    }
}

/// `@skip` and `@include` on `__typename`: one argument `if`, a Boolean or a variable. Says whether
/// it was a variable.
fn check_condition(directive: &Positioned<Directive>) -> Result<bool, Failure> {
    let node = &directive.node;
    if !matches!(node.name.node.as_str(), "skip" | "include") {
        return Ok(false);
    }
    if let [(name, value)] = node.arguments.as_slice()
        && name.node == "if"
    {
        match &value.node {
            Value::Boolean(_) => return Ok(false),
            Value::Variable(_) => return Ok(true),
            _ => {}
        }
    }
    Err(Failure::invalid(
        "This directive takes exactly one argument, `if`, which is a Boolean.",
        directive.pos,
    ))
}
