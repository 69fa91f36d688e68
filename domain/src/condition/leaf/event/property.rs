//! What the properties of an event have to be, and how a property is read as text and as a number,
//! on either database and of an event at hand.

use async_graphql::{InputObject, SimpleObject};
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// Its value as text contains one of these, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<Vec<String>>,
    /// Its value as text begins with one of these, exactly: `/docs/` for all pages below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_with: Option<Vec<String>>,
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

/// The value of a property of an event at hand as text; nothing where there is none.
pub(crate) fn text_of(properties: &Value, property: &str) -> Option<String> {
    match properties.get(property)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

impl PropertyTest {
    /// Whether an event with these properties passes: what `append` asks the database.
    pub(crate) fn holds(&self, properties: &Value) -> bool {
        let text = text_of(properties, &self.property);
        let is_listed =
            |values: &Vec<String>| text.as_ref().is_some_and(|one| values.contains(one));
        let number = properties.get(&self.property).and_then(Value::as_f64);
        let number = number.map(|number| number.clamp(-1e200, 1e200));
        self.any_of.as_ref().is_none_or(is_listed)
            && !self.none_of.as_ref().is_some_and(is_listed)
            && (!self.seeks() || text.as_deref().is_some_and(|text| self.finds(text)))
            && self
                .number
                .is_none_or(|test| number.is_some_and(|number| test.holds(number)))
            && self.is_set.is_none_or(|wanted| wanted == text.is_some())
    }

    /// Whether it asks for a part of the text.
    fn seeks(&self) -> bool {
        self.contains.is_some() || self.starts_with.is_some()
    }

    /// Whether the parts it asks for are in a text.
    fn finds(&self, text: &str) -> bool {
        let one_of = |values: Option<&Vec<String>>, is_there: fn(&str, &str) -> bool| {
            values.is_none_or(|values| values.iter().any(|one| is_there(text, one)))
        };
        one_of(self.contains.as_ref(), |text, one| text.contains(one))
            && one_of(self.starts_with.as_ref(), |text, one| text.starts_with(one))
    }

    /// Whether only a value passes.
    fn wants_value(&self) -> bool {
        self.any_of.is_some() || self.number.is_some() || self.seeks()
    }

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
        let find = match backend {
            DatabaseBackend::Postgres => "strpos",
            _ => "instr",
        };
        for (place, values) in [("> 0", &self.contains), ("= 1", &self.starts_with)] {
            let Some(values) = values else { continue };
            wheres.push(" AND COALESCE((false");
            for value in values {
                wheres.push(&format!(" OR {find}("));
                wheres.append(text());
                let value = Bind::Text(value.clone());
                wheres.append(Frag::new(format!(", ?) {place}")).with(value));
            }
            wheres.push("), false)");
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
        for (name, values, is_part) in [
            ("anyOf", &self.any_of, false),
            ("noneOf", &self.none_of, false),
            ("contains", &self.contains, true),
            ("startsWith", &self.starts_with, true),
        ] {
            if let Some(values) = values {
                let at = at.at(name);
                check::list(values, MAX_VALUES, &at, refusals, "value");
                for (index, value) in values.iter().enumerate().take(MAX_VALUES) {
                    check_length(value, &at.nth(index), refusals);
                    if is_part && value.is_empty() {
                        let message = "Write some text, or remove it.";
                        refusals.push(at.nth(index).refuse(UserErrorCode::Required, message));
                    }
                }
            }
        }
        if let Some(number) = &self.number {
            number.check(f64::NEG_INFINITY, f64::INFINITY, &at.at("number"), refusals);
        }
        let asks = self.none_of.is_some() || self.wants_value();
        if !asks && self.is_set.is_none() {
            let message = "Say what the property must be: anyOf, noneOf, contains, startsWith, number or \
                           isSet.";
            refusals.push(at.refuse(UserErrorCode::Required, message));
        }
        if self.is_set == Some(false) && self.wants_value() {
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
        parts.extend(self.phrase_parts(phrasing, &name));
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

    /// The clauses about parts of the text.
    fn phrase_parts(&self, phrasing: &Phrasing<'_>, name: &str) -> Vec<String> {
        let any = |values: &Vec<String>| {
            let quoted: Vec<String> = values.iter().map(|value| phrasing.quote(value)).collect();
            phrasing.or(&quoted)
        };
        let contains = self.contains.as_ref().map(any).map(|part| {
            say!(
                phrasing,
                format!("{name}が{part}を含む"),
                format!("{name} contains {part}"),
                format!("{name}包含{part}")
            )
        });
        let begins = self.starts_with.as_ref().map(any).map(|part| {
            say!(
                phrasing,
                format!("{name}が{part}で始まる"),
                format!("{name} begins with {part}"),
                format!("{name}以{part}开头")
            )
        });
        [contains, begins].into_iter().flatten().collect()
    }
}

/// Notes what is wrong with the tests of an event, each and together.
pub(crate) fn check_all(tests: &[PropertyTest], at: &Path, refusals: &mut Vec<UserError>) {
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
pub(crate) fn phrase_all(phrasing: &Phrasing<'_>, tests: &[PropertyTest]) -> String {
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
    if let Some(index) = contradiction(tests) {
        let message =
            "No value passes this and the other tests of the property. Change one of them.";
        let at = at.nth(index);
        refusals.push(at.refuse(UserErrorCode::Contradictory, message));
    }
}

/// The first test after which no event can pass all.
pub(crate) fn contradiction(tests: &[PropertyTest]) -> Option<usize> {
    (0..tests.len()).find(|&last| {
        let property = &tests[last].property;
        let same: Vec<&PropertyTest> = tests[..=last]
            .iter()
            .filter(|test| test.property == *property)
            .collect();
        leaves_nothing(&same)
    })
}

/// Whether no number passes the tests of several that ask for one.
fn leaves_no_number(tests: &[&PropertyTest]) -> bool {
    let tests: Vec<NumberTest> = tests.iter().filter_map(|test| test.number).collect();
    if tests.len() < 2 {
        return false;
    }
    let parts = tests.iter().flat_map(NumberTest::parts);
    let mut bounds: Vec<f64> = parts.map(|(_, bound)| bound).collect();
    bounds.sort_by(f64::total_cmp);
    // One of these is where it can be told: a bound, a number between two, one beyond all.
    let between = bounds.windows(2).map(|two| f64::midpoint(two[0], two[1]));
    let beyond = [
        bounds.first().map(|least| least - 1.0),
        bounds.last().map(|most| most + 1.0),
    ];
    let mut tried = bounds
        .iter()
        .copied()
        .chain(between)
        .chain(beyond.into_iter().flatten());
    !tried.any(|number| tests.iter().all(|test| test.holds(number)))
}

/// Whether no text begins as each of several tests asks.
fn leaves_no_beginning(tests: &[&PropertyTest]) -> bool {
    let lists = tests.iter().filter_map(|test| test.starts_with.as_ref());
    let lists: Vec<&Vec<String>> = lists.filter(|values| !values.is_empty()).collect();
    let meet = |one: &String, other: &String| one.starts_with(other) || other.starts_with(one);
    lists.iter().enumerate().any(|(place, list)| {
        let mut earlier = lists[..place].iter();
        earlier.any(|other| {
            !list
                .iter()
                .any(|one| other.iter().any(|two| meet(one, two)))
        })
    })
}

/// Whether no value passes all of these tests of one property, nor having none.
fn leaves_nothing(tests: &[&PropertyTest]) -> bool {
    if leaves_no_number(tests) || leaves_no_beginning(tests) {
        return true;
    }
    let some: Vec<&Vec<String>> = tests
        .iter()
        .filter_map(|test| test.any_of.as_ref())
        .filter(|values| !values.is_empty())
        .collect();
    let is_left = |value: &String| {
        let mut none = tests.iter().filter_map(|test| test.none_of.as_ref());
        some.iter().all(|values| values.contains(value))
            && !none.any(|out| out.contains(value))
            && tests.iter().all(|test| test.finds(value))
    };
    if let Some(values) = some.first()
        && !values.iter().any(is_left)
    {
        return true;
    }
    let (mut has_value, mut has_none) = (false, false);
    for test in tests {
        let wants_value = test.wants_value();
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::locale::Locale;

    fn test(given: Value) -> PropertyTest {
        serde_json::from_value(given).unwrap()
    }

    #[test]
    fn an_event_at_hand_is_judged_as_the_database_judges_it() {
        let event = json!({"form": "pricing", "seats": 5, "trial": true, "none": null});
        for (given, expected) in [
            (
                json!({"property": "form", "anyOf": ["pricing", "demo"]}),
                true,
            ),
            (json!({"property": "form", "anyOf": ["Pricing"]}), false),
            (json!({"property": "form", "noneOf": ["demo"]}), true),
            (json!({"property": "form", "noneOf": ["pricing"]}), false),
            (json!({"property": "other", "noneOf": ["pricing"]}), true),
            (json!({"property": "form", "contains": ["x", "ici"]}), true),
            (json!({"property": "form", "contains": ["ICI"]}), false),
            (json!({"property": "form", "startsWith": ["pri"]}), true),
            (json!({"property": "form", "startsWith": ["ricing"]}), false),
            (json!({"property": "other", "contains": ["ici"]}), false),
            (json!({"property": "seats", "startsWith": ["5"]}), true),
            (json!({"property": "seats", "anyOf": ["5"]}), true),
            (
                json!({"property": "seats", "number": {"atLeast": 5.0}}),
                true,
            ),
            (
                json!({"property": "seats", "number": {"moreThan": 5.0}}),
                false,
            ),
            (
                json!({"property": "form", "number": {"atLeast": 0.0}}),
                false,
            ),
            (json!({"property": "trial", "anyOf": ["true"]}), true),
            (json!({"property": "none", "isSet": false}), true),
            (json!({"property": "none", "isSet": true}), false),
            (json!({"property": "form", "isSet": true}), true),
        ] {
            assert_eq!(test(given.clone()).holds(&event), expected, "{given}");
        }
    }

    #[test]
    fn parts_of_a_property_read_as_people_say_them() {
        let names: HashMap<Uuid, String> = HashMap::new();
        let tests = [test(json!({
            "property": "path", "contains": ["api", "sdk"], "startsWith": ["/docs/"],
        }))];
        for (locale, expected) in [
            (
                Locale::Ja,
                "（「path」が「api」または「sdk」を含む、かつ「path」が「/docs/」で始まる）",
            ),
            (
                Locale::En,
                " (“path” contains “api” or “sdk” and “path” begins with “/docs/”)",
            ),
            (
                Locale::Zh,
                "（“path”包含“api”或“sdk”，且“path”以“/docs/”开头）",
            ),
        ] {
            let phrasing = Phrasing {
                locale,
                names: &names,
            };
            assert_eq!(phrase_all(&phrasing, &tests), expected);
        }
    }

    #[test]
    fn a_list_without_the_part_that_is_asked_for_contradicts_it() {
        let path = |given: Value| PropertyTest {
            property: "path".to_owned(),
            ..test(given)
        };
        let below = || path(json!({"startsWith": ["/docs/"]}));
        for (other, expected) in [
            (json!({"anyOf": ["/docs/api", "/pricing"]}), None),
            (json!({"anyOf": ["/pricing"]}), Some(1)),
            (json!({"isSet": false}), Some(1)),
            (json!({"contains": ["api"]}), None),
            (json!({"startsWith": ["/pricing", "/docs/api"]}), None),
            (json!({"startsWith": ["/"]}), None),
            (json!({"startsWith": ["/pricing"]}), Some(1)),
        ] {
            let found = contradiction(&[below(), path(other.clone())]);
            assert_eq!(found, expected, "{other}");
        }
        let mut refusals = Vec::new();
        path(json!({"contains": [""]})).check(&Path::root("where"), &mut refusals);
        assert_eq!(refusals.len(), 1, "{refusals:?}");
    }

    #[test]
    fn ranges_that_have_no_number_in_common_contradict_each_other() {
        let seats = |number: Value| test(json!({"property": "seats", "number": number}));
        for (one, other, expected) in [
            (json!({"atLeast": 10.0}), json!({"lessThan": 10.0}), Some(1)),
            (json!({"atLeast": 10.0}), json!({"atMost": 10.0}), None),
            (json!({"moreThan": 1.0}), json!({"lessThan": 2.0}), None),
            (json!({"equals": 1.0}), json!({"equals": 2.0}), Some(1)),
            (json!({"atLeast": 1.0}), json!({"atLeast": 5.0}), None),
        ] {
            let found = contradiction(&[seats(one.clone()), seats(other.clone())]);
            assert_eq!(found, expected, "{one} {other}");
        }
    }
}
