//! The rules about variables that the library leaves out or gets wrong.
//!
//! It does not look at `__typename`, so it calls a variable that is used only there unused. Such
//! variables are taken out of the operation's definitions (execution reads their values all the
//! same) and checked here instead.

use std::collections::HashSet;

use async_graphql::{
    Name, Pos, Positioned, Value as ConstValue, Variables,
    parser::types::{
        BaseType, Directive, DocumentOperations, ExecutableDocument, OperationDefinition,
        Selection, SelectionSet, VariableDefinition,
    },
};
use async_graphql_value::Value;

use super::{
    super::failure::Failure,
    input::{Check, InputTypes},
};

/// The variables taken out of one operation, with its name.
pub(super) type Taken = (Option<Name>, Vec<VariableDefinition>);

/// Takes the variables used only in conditions on `__typename` out of every operation, and returns
/// them by operation name.
pub(super) fn take_typename_variables(
    document: &mut ExecutableDocument,
) -> Result<Vec<Taken>, Failure> {
    let mut taken = Vec::new();
    for (name, operation) in document.operations.iter() {
        let mut uses = Uses::default();
        uses.directives(&operation.node.directives);
        uses.selection_set(document, &operation.node.selection_set.node);
        taken.push((name.cloned(), uses.only_on_typename(operation)?));
    }
    for (name, definitions) in &taken {
        if let Some(operation) = operation_mut(document, name.as_ref()) {
            operation.node.variable_definitions.retain(|definition| {
                !definitions
                    .iter()
                    .any(|gone| gone.name.node == definition.node.name.node)
            });
        }
    }
    Ok(taken)
}

fn operation_mut<'a>(
    document: &'a mut ExecutableDocument,
    name: Option<&Name>,
) -> Option<&'a mut Positioned<OperationDefinition>> {
    match &mut document.operations {
        DocumentOperations::Single(operation) => Some(operation),
        DocumentOperations::Multiple(operations) => operations.get_mut(name?.as_str()),
    }
}

/// Where an operation uses its variables.
#[derive(Default)]
struct Uses<'a> {
    on_typename: Vec<(&'a str, Pos)>,
    elsewhere: HashSet<&'a str>,
    seen: HashSet<&'a str>,
}

impl<'a> Uses<'a> {
    fn selection_set(&mut self, document: &'a ExecutableDocument, set: &'a SelectionSet) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) if field.node.name.node == "__typename" => {
                    self.typename(&field.node.directives);
                }
                Selection::Field(field) => {
                    for (_, value) in &field.node.arguments {
                        self.value(&value.node);
                    }
                    self.directives(&field.node.directives);
                    self.selection_set(document, &field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    self.directives(&inline.node.directives);
                    self.selection_set(document, &inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.node.directives);
                    let name = &spread.node.fragment_name.node;
                    if self.seen.insert(name)
                        && let Some(fragment) = document.fragments.get(name)
                    {
                        self.directives(&fragment.node.directives);
                        self.selection_set(document, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn typename(&mut self, directives: &'a [Positioned<Directive>]) {
        for (_, value) in directives.iter().flat_map(|one| &one.node.arguments) {
            if let Value::Variable(name) = &value.node {
                self.on_typename.push((name, value.pos));
            }
        }
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>]) {
        for (_, value) in directives.iter().flat_map(|one| &one.node.arguments) {
            self.value(&value.node);
        }
    }

    fn value(&mut self, value: &'a Value) {
        match value {
            Value::Variable(name) => {
                self.elsewhere.insert(name);
            }
            Value::List(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.value(field)),
            _ => {}
        }
    }

    fn only_on_typename(
        self,
        operation: &Positioned<OperationDefinition>,
    ) -> Result<Vec<VariableDefinition>, Failure> {
        let mut only = Vec::new();
        for (name, pos) in self.on_typename {
            let definition = operation
                .node
                .variable_definitions
                .iter()
                .find(|definition| definition.node.name.node == name)
                .ok_or_else(|| Failure::invalid("The variable is not defined.", pos))?;
            if !matches!(&definition.node.var_type.node.base, BaseType::Named(ty) if ty == "Boolean")
            {
                return Err(Failure::invalid("The variable must be a Boolean.", pos));
            }
            if !self.elsewhere.contains(name) {
                only.push(definition.node.clone());
            }
        }
        Ok(only)
    }
}

/// Checks the values against the operation's definitions, and gives their defaults to the variables that
/// were taken out and to those that may be conditions: the library looks for defaults in arguments of
/// fields, and takes a condition without a value for `false`.
pub(super) fn check_values(
    types: &InputTypes,
    definitions: &[Positioned<VariableDefinition>],
    taken: &[VariableDefinition],
    variables: &mut Variables,
) -> Result<(), Failure> {
    let mut check = Check::new(types);
    for definition in definitions {
        let node = &definition.node;
        let (name, ty) = (&node.name.node, &node.var_type.node);
        let value = variables.get(name);
        if value.is_some() || !(ty.nullable || node.default_value.is_some()) {
            check.variable(name, definition.pos, value, ty);
        }
    }
    check.end()?;
    for definition in definitions {
        give_condition(&definition.node, variables);
    }
    for definition in taken {
        let name = &definition.name.node;
        if !variables.contains_key(name)
            && let Some(value) = &definition.default_value
        {
            variables.insert(name.clone(), value.node.clone());
        }
        if !matches!(variables.get(name), Some(ConstValue::Boolean(_))) {
            let mut check = Check::new(types);
            check.variable(name, definition.name.pos, None, &definition.var_type.node);
            check.end()?;
        }
    }
    Ok(())
}

fn give_condition(definition: &VariableDefinition, variables: &mut Variables) {
    let name = &definition.name.node;
    if let Some(value) = &definition.default_value
        && matches!(&definition.var_type.node.base, BaseType::Named(ty) if ty == "Boolean")
        && !variables.contains_key(name)
    {
        variables.insert(name.clone(), value.node.clone());
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{parser::parse_query, value};

    use super::*;

    #[test]
    fn what_may_be_a_condition_has_its_default() {
        let document = "query($a: Boolean! = true, $b: Boolean = true, $c: Boolean = null, \
            $d: Boolean, $e: Int = 3, $f: Boolean = true) { a }";
        let document = parse_query(document).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let definitions = &operation.node.variable_definitions;
        let mut variables = Variables::from_value(value!({ "b": false, "f": null }));
        check_values(&InputTypes::default(), definitions, &[], &mut variables).unwrap();
        let expected = value!({ "a": true, "b": false, "c": null, "f": null });
        assert_eq!(variables, Variables::from_value(expected));
    }
}
