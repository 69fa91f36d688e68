//! What the properties of an event have to be, and how a property is read as text and as a number,
//! on either database.

use async_graphql::{InputObject, SimpleObject};
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};

use crate::{
    condition::{
        check,
        measure::{Bind, Frag},
        path::Path,
        sentence::{Phrasing, say},
        test::NumberTest,
    },
    error::{UserError, UserErrorCode},
};

/// How many property tests one condition may have.
const MAX_TESTS: usize = 10;

/// How many values one property test may list.
const MAX_VALUES: usize = 100;

/// Characters of a name, a property or a value.
const MAX_LENGTH: usize = 200;

/// Which values of a property an event may have; every part given must hold.
#[derive(
    InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Hash, Default,
)]
#[graphql(input_name = "PropertyTestInput")]
#[serde(rename_all = "camelCase", default)]
pub struct PropertyTest {
    /// The name of the property.
    pub property: String,
    /// Its value as text is one of these, exactly. `true` and `false` stand for themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any_of: Option<Vec<String>>,
    /// Its value as text is none of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub none_of: Option<Vec<String>>,
    /// It is a number, and this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberTest>,
    /// There is a value (`true`), or there is none (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_set: Option<bool>,
}

/// The path of a member in an SQLite JSON text.
fn path(property: &str) -> String {
    format!("$.\"{property}\"")
}

/// The value of a property of the event `row` as text; nothing where there is none.
pub(super) fn property_text(backend: DatabaseBackend, row: &str, property: &str) -> Frag {
    match backend {
        DatabaseBackend::Postgres => Frag::new(format!("({row}.properties ->> CAST(? AS text))"))
            .with(Bind::Text(property.to_owned())),
        _ => Frag::new(format!(
            "(CASE json_type({row}.properties, ?) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'
              ELSE CAST(json_extract({row}.properties, ?) AS TEXT) END)"
        ))
        .with(Bind::Text(path(property)))
        .with(Bind::Text(path(property))),
    }
}

/// The value of a property of the event `row` that is a number. One so large that sums of it could leave what a database
/// calculates with counts as the largest that cannot.
pub(super) fn property_number(backend: DatabaseBackend, row: &str, property: &str) -> Frag {
    match backend {
        DatabaseBackend::Postgres => Frag::new(format!(
            "(CASE WHEN jsonb_typeof({row}.properties -> CAST(? AS text)) = 'number'
              THEN CAST(LEAST(GREATEST(CAST({row}.properties ->> CAST(? AS text) AS numeric), -1e200), 1e200)
                        AS double precision) END)"
        ))
        .with(Bind::Text(property.to_owned()))
        .with(Bind::Text(property.to_owned())),
        _ => Frag::new(format!(
            "(CASE WHEN json_type({row}.properties, ?) IN ('integer', 'real')
              THEN MIN(MAX(CAST(json_extract({row}.properties, ?) AS REAL), -1e200), 1e200) END)"
        ))
        .with(Bind::Text(path(property)))
        .with(Bind::Text(path(property))),
    }
}

impl PropertyTest {
    /// Appends that the event `row` passes.
    pub(super) fn append(&self, backend: DatabaseBackend, row: &str, wheres: &mut Frag) {
        let text = || property_text(backend, row, &self.property);
        for (not, values) in [("", &self.any_of), ("NOT ", &self.none_of)] {
            let Some(values) = values else { continue };
            wheres.push(&format!(" AND {not}COALESCE("));
            wheres.append(text());
            wheres.push(" ");
            let listed = values.iter().cloned().map(Bind::Text);
            wheres.append(Frag::one_of("", listed));
            wheres.push(", false)");
        }
        if let Some(test) = &self.number {
            wheres.push(" AND ");
            test.about(&property_number(backend, row, &self.property), wheres);
        }
        if let Some(wanted) = self.is_set {
            wheres.push(" AND ");
            wheres.append(text());
            wheres.push(if wanted { " IS NOT NULL" } else { " IS NULL" });
        }
    }

    pub(super) fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        check_name(&self.property, &at.at("property"), refusals);
        let lists = [("anyOf", &self.any_of), ("noneOf", &self.none_of)];
        for (name, values) in lists {
            if let Some(values) = values {
                let at = at.at(name);
                check::list(values, MAX_VALUES, &at, refusals, "value");
                for (index, value) in values.iter().enumerate().take(MAX_VALUES) {
                    check_length(value, &at.nth(index), refusals);
                }
            }
        }
        if let Some(number) = &self.number {
            number.check(f64::NEG_INFINITY, f64::INFINITY, &at.at("number"), refusals);
        }
        let asks = self.any_of.is_some() || self.none_of.is_some() || self.number.is_some();
        if !asks && self.is_set.is_none() {
            let message = "Say what the property must be: anyOf, noneOf, number or isSet.";
            refusals.push(at.refuse(UserErrorCode::Required, message));
        }
        if self.is_set == Some(false) && (self.any_of.is_some() || self.number.is_some()) {
            let message = "No value can be that where there is none. Remove isSet.";
            refusals.push(at.at("isSet").refuse(UserErrorCode::Contradictory, message));
        }
    }

    pub(super) fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let name = phrasing.quote(&self.property);
        let mut parts = Vec::new();
        for (wanted, values) in [(true, &self.any_of), (false, &self.none_of)] {
            let Some(values) = values else { continue };
            let quoted: Vec<String> = values.iter().map(|value| phrasing.quote(value)).collect();
            let quoted = phrasing.or(&quoted);
            parts.push(if wanted {
                say!(
                    phrasing,
                    format!("{name}が{quoted}"),
                    format!("{name} is {quoted}"),
                    format!("{name}为{quoted}")
                )
            } else {
                say!(
                    phrasing,
                    format!("{name}が{quoted}以外"),
                    format!("{name} is not {quoted}"),
                    format!("{name}不为{quoted}")
                )
            });
        }
        if let Some(number) = &self.number {
            let number = number.phrase(phrasing);
            parts.push(say!(
                phrasing,
                format!("{name}が{number}"),
                format!("{name} is {number}"),
                format!("{name}{number}")
            ));
        }
        if let Some(wanted) = self.is_set {
            parts.push(phrasing.is_set(&name, wanted));
        }
        phrasing.both(&parts)
    }
}

/// Notes what is wrong with the tests of an event, each and together.
pub(super) fn check_all(tests: &[PropertyTest], at: &Path, refusals: &mut Vec<UserError>) {
    if tests.is_empty() {
        return;
    }
    check::list(tests, MAX_TESTS, at, refusals, "property test");
    for (index, test) in tests.iter().enumerate().take(MAX_TESTS) {
        test.check(&at.nth(index), refusals);
    }
    if tests.len() <= MAX_TESTS {
        check_together(tests, at, refusals);
    }
}

/// What stands behind the names of the events about their properties: nothing, if nothing is asked of them.
pub(super) fn phrase_all(phrasing: &Phrasing<'_>, tests: &[PropertyTest]) -> String {
    let tests: Vec<String> = tests.iter().map(|test| test.phrase(phrasing)).collect();
    if tests.is_empty() {
        return String::new();
    }
    let tests = phrasing.both(&tests);
    say!(
        phrasing,
        format!("（{tests}）"),
        format!(" ({tests})"),
        format!("（{tests}）")
    )
}

/// Notes the first test after which no value of its property is left, each event having to pass all. What
/// one test refuses by itself is not told again.
fn check_together(tests: &[PropertyTest], at: &Path, refusals: &mut Vec<UserError>) {
    let found = (0..tests.len()).find(|&last| {
        let property = &tests[last].property;
        let same: Vec<&PropertyTest> = tests[..=last]
            .iter()
            .filter(|test| test.property == *property)
            .collect();
        leaves_nothing(&same)
    });
    if let Some(index) = found {
        let message =
            "No value passes this and the other tests of the property. Change one of them.";
        let at = at.nth(index);
        refusals.push(at.refuse(UserErrorCode::Contradictory, message));
    }
}

/// Whether no value passes all of these tests of one property, nor having none.
fn leaves_nothing(tests: &[&PropertyTest]) -> bool {
    let some: Vec<&Vec<String>> = tests
        .iter()
        .filter_map(|test| test.any_of.as_ref())
        .filter(|values| !values.is_empty())
        .collect();
    let is_left = |value: &String| {
        let mut none = tests.iter().filter_map(|test| test.none_of.as_ref());
        some.iter().all(|values| values.contains(value)) && !none.any(|out| out.contains(value))
    };
    if let Some(values) = some.first()
        && !values.iter().any(is_left)
    {
        return true;
    }
    let (mut has_value, mut has_none) = (false, false);
    for test in tests {
        let wants_value = test.any_of.is_some() || test.number.is_some();
        match test.is_set {
            Some(false) if wants_value => {}
            Some(false) => has_none = true,
            Some(true) => has_value = true,
            None => has_value |= wants_value,
        }
    }
    has_value && has_none
}

pub(super) fn check_length(text: &str, at: &Path, refusals: &mut Vec<UserError>) {
    if check::graphemes(text, MAX_LENGTH + 1) > MAX_LENGTH || text.len() > MAX_LENGTH * 16 {
        let message = format!("Use at most {MAX_LENGTH} characters.");
        refusals.push(at.refuse(UserErrorCode::TooLong, message));
    } else if text.contains('\0') {
        let message = "Remove the character NUL.";
        refusals.push(at.refuse(UserErrorCode::Invalid, message));
    }
}

pub(super) fn check_name(name: &str, at: &Path, refusals: &mut Vec<UserError>) {
    check_length(name, at, refusals);
    if name.trim().is_empty() {
        refusals.push(at.refuse(UserErrorCode::Required, "Name the property."));
    } else if name.contains(['"', '\\']) || name.chars().any(char::is_control) {
        let message =
            "Properties with quotation marks or backslashes in their names cannot be asked for.";
        refusals.push(at.refuse(UserErrorCode::Invalid, message));
    }
}
