//! The schema as it is published.

use std::fs;

use async_graphql::{
    Positioned, Value,
    parser::types::{ConstDirective, InputValueDefinition, TypeKind},
};

use crate::support::{
    repository,
    sdl::{Root, Sdl},
};

/// The published text.
const FILE: &str = "api/schema.graphql";
/// Set to 1, the published text is rewritten instead of compared.
const REWRITE: &str = "UPDATE_SCHEMA";

#[test]
fn the_published_schema_is_the_one_that_is_served() {
    let served = api::graphql::sdl();
    if std::env::var(REWRITE).is_ok_and(|value| value == "1") {
        fs::write(repository::root().join(FILE), &served).expect("writing the schema");
        return;
    }
    let published = repository::read(FILE);
    let lines = published.lines().zip(served.lines()).enumerate();
    let first = lines
        .into_iter()
        .find(|(_, (published, served))| published != served);
    assert!(
        published == served,
        "{FILE} is out of date (first difference: {first:?}); rewrite it with: \
         {REWRITE}=1 cargo test -p tests published_schema"
    );
}

#[test]
fn everything_in_the_schema_says_what_it_is() {
    let sdl = Sdl::current();
    let mut missing = Vec::new();
    let mut check = |place: String, description: Option<&Positioned<String>>| {
        if description.is_none_or(|text| text.node.trim().is_empty()) {
            missing.push(place);
        }
    };
    for (name, definition) in &sdl.types {
        check(name.clone(), definition.description.as_ref());
        if let TypeKind::Enum(kind) = &definition.kind {
            for value in &kind.values {
                let place = format!("{name}.{}", value.node.value.node);
                check(place, value.node.description.as_ref());
            }
        }
        for input in sdl.input_fields(name) {
            let place = format!("{name}.{}", input.name.node);
            check(place, input.description.as_ref());
        }
        for field in sdl.fields(name) {
            let place = format!("{name}.{}", field.name.node);
            check(place.clone(), field.description.as_ref());
            for argument in &field.arguments {
                let place = format!("{place}({})", argument.node.name.node);
                check(place, argument.node.description.as_ref());
            }
        }
    }
    assert!(
        missing.is_empty(),
        "{} without a description:\n{}",
        missing.len(),
        missing.join("\n")
    );
}

#[test]
fn every_scalar_of_ours_names_its_specification() {
    let sdl = Sdl::current();
    let built_in = ["Int", "Float", "String", "Boolean", "ID"];
    let missing: Vec<_> = sdl
        .types
        .iter()
        .filter(|(name, one)| {
            one.kind_is_scalar() && !built_in.contains(&name.as_str()) && !one.is_specified()
        })
        .map(|(name, _)| name)
        .collect();
    assert!(missing.is_empty(), "without @specifiedBy: {missing:?}");
}

/// The reason for a deprecation, if there is one.
fn deprecation(directives: &[Positioned<ConstDirective>]) -> Option<String> {
    let mut directives = directives.iter().map(|one| &one.node);
    let found = directives.find(|one| one.name.node == "deprecated")?;
    let reason = found.get_argument("reason").map(|reason| &reason.node);
    Some(match reason {
        Some(Value::String(text)) => text.clone(),
        _ => String::new(),
    })
}

/// Whether a reason names what to use instead, in code, and ends with the day the old way goes.
fn says_what_and_when(reason: &str) -> bool {
    let Some((instead, day)) = reason.split_once(" Removed after ") else {
        return false;
    };
    let day = day.strip_suffix('.').unwrap_or_default();
    instead.matches('`').count() >= 2 && day.parse::<chrono::NaiveDate>().is_ok()
}

#[test]
fn whatever_is_deprecated_says_what_to_use_and_when_it_goes() {
    let sdl = Sdl::current();
    let mut reasons = Vec::new();
    let mut note = |place: String, directives: &[Positioned<ConstDirective>]| {
        reasons.extend(deprecation(directives).map(|reason| (place, reason)));
    };
    for (name, definition) in &sdl.types {
        if let TypeKind::Enum(kind) = &definition.kind {
            for value in &kind.values {
                let place = format!("{name}.{}", value.node.value.node);
                note(place, &value.node.directives);
            }
        }
        for input in sdl.input_fields(name) {
            note(format!("{name}.{}", input.name.node), &input.directives);
        }
        for field in sdl.fields(name) {
            let place = format!("{name}.{}", field.name.node);
            for argument in &field.arguments {
                let place = format!("{place}({})", argument.node.name.node);
                note(place, &argument.node.directives);
            }
            note(place, &field.directives);
        }
    }
    assert!(
        !reasons.is_empty(),
        "deprecations are written otherwise now"
    );
    reasons.retain(|(_, reason)| !says_what_and_when(reason));
    assert!(
        reasons.is_empty(),
        "write \"Use `other`. Removed after 2027-06-30.\", half a year ahead: {reasons:?}"
    );
}

#[test]
fn every_mutation_takes_one_input_and_tells_mistakes_as_data() {
    let sdl = Sdl::current();
    let mut wrong = Vec::new();
    for field in sdl.fields(Root::Mutation.name()) {
        let name = &field.name.node;
        let takes_input = match field.arguments.as_slice() {
            [Positioned { node: one, .. }] => is_required_input(one),
            _ => false,
        };
        if !takes_input {
            wrong.push(format!("{name} does not take exactly `input: …!`"));
        }
        let payload = crate::support::sdl::named(&field.ty.node);
        let tells = sdl
            .fields(payload)
            .iter()
            .any(|one| one.name.node == "userErrors" && one.ty.node.to_string() == "[UserError!]!");
        if !tells {
            wrong.push(format!("{name} has no userErrors"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_required_input(argument: &InputValueDefinition) -> bool {
    argument.name.node == "input" && !argument.ty.node.nullable
}

trait Look {
    fn kind_is_scalar(&self) -> bool;
    fn is_specified(&self) -> bool;
}

impl Look for async_graphql::parser::types::TypeDefinition {
    fn kind_is_scalar(&self) -> bool {
        matches!(self.kind, TypeKind::Scalar)
    }

    fn is_specified(&self) -> bool {
        let mut directives = self.directives.iter();
        directives.any(|one| one.node.name.node == "specifiedBy")
    }
}
