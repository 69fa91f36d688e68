//! Values as the comparison with their types sees them, whether they came in a variable or are written
//! in the document, and what scalars take of them.

use async_graphql::Name;
use async_graphql_value::{ConstValue, Number, Value, indexmap::IndexMap};
use chrono::{DateTime, NaiveDate, Utc};

/// Beyond this not every reader of JSON keeps a whole number exactly.
const EXACT_MAX: u64 = (1 << 53) - 1;

/// A value, or a part of one.
pub(super) trait Given: Sized {
    /// What it is.
    fn view(&self) -> View<'_, Self>;
}

/// One level of a value.
pub(super) enum View<'a, V> {
    Null,
    /// A variable in the document, whose own value is looked at elsewhere.
    Variable,
    Leaf(Leaf<'a>),
    List(&'a [V]),
    Object(&'a IndexMap<Name, V>),
}

/// A value without parts.
#[derive(Clone, Copy)]
pub(super) enum Leaf<'a> {
    Number(&'a Number),
    Text(&'a str),
    /// Written without quotes, as the values of enums are.
    Word(&'a str),
    Boolean,
    Other,
}

impl<'a, V> View<'a, V> {
    pub(super) fn leaf(&self) -> Option<Leaf<'a>> {
        match self {
            Self::Leaf(leaf) => Some(*leaf),
            _ => None,
        }
    }
}

impl Given for ConstValue {
    fn view(&self) -> View<'_, Self> {
        View::Leaf(match self {
            Self::Null => return View::Null,
            Self::List(items) => return View::List(items),
            Self::Object(fields) => return View::Object(fields),
            Self::Number(number) => Leaf::Number(number),
            Self::String(text) => Leaf::Text(text),
            Self::Enum(word) => Leaf::Word(word),
            Self::Boolean(_) => Leaf::Boolean,
            Self::Binary(_) => Leaf::Other,
        })
    }
}

impl Given for Value {
    fn view(&self) -> View<'_, Self> {
        View::Leaf(match self {
            Self::Variable(_) => return View::Variable,
            Self::Null => return View::Null,
            Self::List(items) => return View::List(items),
            Self::Object(fields) => return View::Object(fields),
            Self::Number(number) => Leaf::Number(number),
            Self::String(text) => Leaf::Text(text),
            Self::Enum(word) => Leaf::Word(word),
            Self::Boolean(_) => Leaf::Boolean,
            Self::Binary(_) => Leaf::Other,
        })
    }
}

/// Whether the scalar `name` takes the value (`None`: a list or an object), as far as that is known
/// here. If not, says what it takes, where that needs more words than its name.
pub(super) fn fits(name: &str, leaf: Option<Leaf<'_>>) -> Result<(), Option<&'static str>> {
    let (fits, hint) = match name {
        "Int" => (
            whole(leaf).is_some_and(|number| i32::try_from(number).is_ok()),
            whole(leaf).map(|_| "a whole number from -2147483648 to 2147483647"),
        ),
        "Float" => (matches!(leaf, Some(Leaf::Number(_))), None),
        "String" => (text(leaf).is_some(), None),
        "Boolean" => (matches!(leaf, Some(Leaf::Boolean)), None),
        "ID" => (text(leaf).is_some() || whole(leaf).is_some(), None),
        "DateTime" => (
            text(leaf).is_some_and(|text| text.parse::<DateTime<Utc>>().is_ok()),
            Some("a moment with a time and a zone, such as `2026-11-20T00:00:00Z`"),
        ),
        "Date" => (
            text(leaf).is_some_and(|text| text.len() == 10 && text.parse::<NaiveDate>().is_ok()),
            Some("a day, such as `2026-11-20`"),
        ),
        "MinorUnits" => (
            whole(leaf).is_some_and(|number| number.unsigned_abs() <= EXACT_MAX),
            Some("a whole number of the currency's minor unit, such as cents"),
        ),
        _ => (true, None),
    };
    if fits { Ok(()) } else { Err(hint) }
}

fn text(leaf: Option<Leaf<'_>>) -> Option<&str> {
    match leaf {
        Some(Leaf::Text(text)) => Some(text),
        _ => None,
    }
}

fn whole(leaf: Option<Leaf<'_>>) -> Option<i64> {
    match leaf {
        Some(Leaf::Number(number)) => number.as_i64(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::{
        super::{table::CostTable, usage::check_usages},
        *,
    };
    use crate::transport::code::Code;

    const SDL: &str = "
        scalar DateTime
        scalar Date
        scalar MinorUnits
        scalar JSON
        enum Order { NAME_ASC NAME_DESC }
        input Moments { from: DateTime until: DateTime days: [Date!] }
        input Who @oneOf { id: ID email: String }
        input Filter { kinds: [Order!] created: Moments who: Who price: MinorUnits any: [Filter!] size: Int! = 1 }
        type Query {
            list(order: Order, orders: [[Order!]], first: Int, filter: Filter, share: Float, yes: Boolean): String
            find(id: ID!, text: String, json: JSON, loud: Boolean! = false): String
        }
        directive @note(text: String!, order: Order) on FIELD | QUERY
        schema { query: Query }
    ";

    /// The places and messages of what is told of a document.
    fn told(document: &str) -> Vec<(String, String)> {
        let table = CostTable::from_sdl(SDL).unwrap();
        let document = parse_query(document).unwrap();
        let mut told = Vec::new();
        for (_, operation) in document.operations.iter() {
            let Err(failure) = check_usages(&table, &document, &operation.node) else {
                continue;
            };
            assert_eq!(failure.code, Code::GraphqlValidationFailed);
            told.extend(failure.errors.into_iter().map(|error| {
                assert_eq!(error.locations.len(), 1, "{error:?}");
                let place = error
                    .extensions
                    .as_ref()
                    .and_then(|all| all.get("argument"));
                let Some(ConstValue::String(place)) = place else {
                    panic!("{error:?}");
                };
                (place.clone(), error.message)
            }));
        }
        told
    }

    #[test]
    fn what_is_written_and_fits_passes() {
        for document in [
            "{ list(order: NAME_ASC, orders: [[NAME_ASC, NAME_DESC], null], first: 2147483647) }",
            "{ list(order: null, orders: NAME_ASC, first: -2147483648, share: 1, yes: true) }",
            "{ list(share: 1.5e3, filter: { kinds: NAME_ASC, price: 9007199254740991 }) }",
            "{ list(filter: { created: { from: \"2026-11-20T00:00:00Z\", days: [\"2026-11-20\"] } }) }",
            "{ list(filter: { who: { email: \"x\" }, any: [{ who: { id: 1 } }, {}] }) }",
            "{ find(id: 1, json: { a: [1, b, \"c\", null] }) other: find(id: \"1\", text: \"\"\"NAME_ASC\"\"\") }",
            "query($a: [Order!] = [NAME_ASC], $b: Filter = { kinds: NAME_ASC }) { list(filter: $b, orders: [$a]) }",
            "query($a: DateTime, $b: ID!) { list(filter: { created: { from: $a }, who: { id: $b } }) }",
            "query @note(text: \"\", order: NAME_ASC) { find(id: 1, loud: true) @note(text: \"a\") }",
            "{ __type(name: \"Query\") { fields(includeDeprecated: true) { name } } }",
        ] {
            assert!(
                told(document).is_empty(),
                "{document}: {:?}",
                told(document)
            );
        }
    }

    #[test]
    fn what_is_written_and_does_not_fit_is_told_with_its_place() {
        let moment = "a moment with a time and a zone, such as `2026-11-20T00:00:00Z`";
        let int = "a whole number from -2147483648 to 2147483647";
        for (document, place, needs) in [
            (
                "{ list(order: \"NAME_ASC\") }",
                "order",
                "`NAME_ASC` without quotes",
            ),
            (
                "{ list(order: \"NAME\") }",
                "order",
                "one of `NAME_ASC`, `NAME_DESC`",
            ),
            (
                "{ list(order: NAME) }",
                "order",
                "one of `NAME_ASC`, `NAME_DESC`",
            ),
            (
                "{ list(order: true) }",
                "order",
                "one of `NAME_ASC`, `NAME_DESC`",
            ),
            (
                "{ list(orders: [null, [NAME_ASC, \"NAME_DESC\"]]) }",
                "orders[1][1]",
                "`NAME_DESC` without quotes",
            ),
            (
                "{ list(filter: { any: { kinds: [\"NAME_ASC\"] } }) }",
                "filter.any.kinds[0]",
                "`NAME_ASC` without quotes",
            ),
            (
                "{ list(filter: { created: { from: \"2026\" } }) }",
                "filter.created.from",
                moment,
            ),
            (
                "{ list(filter: { created: { from: NOW } }) }",
                "filter.created.from",
                moment,
            ),
            (
                "{ list(filter: { created: { days: [\"2026-1-1\"] } }) }",
                "filter.created.days[0]",
                "a day, such as `2026-11-20`",
            ),
            ("{ list(first: 1099511627776) }", "first", int),
            ("{ list(first: -2147483649) }", "first", int),
            ("{ list(first: 1.5) }", "first", "a value of type `Int`"),
            ("{ list(first: \"1\") }", "first", "a value of type `Int`"),
            ("{ list(first: [1]) }", "first", "a value of type `Int`"),
            ("{ list(share: \"1\") }", "share", "a value of type `Float`"),
            (
                "{ list(yes: \"true\") }",
                "yes",
                "a value of type `Boolean`",
            ),
            ("{ list(yes: 1) }", "yes", "a value of type `Boolean`"),
            (
                "{ list(filter: { size: null }) }",
                "filter.size",
                "a value of type `Int!`",
            ),
            ("{ list(filter: []) }", "filter", "a value of type `Filter`"),
            ("{ list(filter: 1) }", "filter", "a value of type `Filter`"),
            (
                "{ list(filter: { who: { id: 1, email: \"x\" } }) }",
                "filter.who",
                "exactly one field with a value",
            ),
            (
                "{ list(filter: { who: {} }) }",
                "filter.who",
                "exactly one field with a value",
            ),
            ("{ find(id: null) }", "id", "a value of type `ID!`"),
            ("{ find(id: ABC) }", "id", "a value of type `ID!`"),
            (
                "{ find(id: 1, text: ABC) }",
                "text",
                "a value of type `String`",
            ),
            (
                "{ find(id: 1, loud: null) }",
                "loud",
                "a value of type `Boolean!`",
            ),
            (
                "{ find(id: 1) @note(text: 1) }",
                "text",
                "a value of type `String!`",
            ),
            (
                "{ find(id: 1) @skip(if: 1) }",
                "if",
                "a value of type `Boolean!`",
            ),
            (
                "query @note(text: \"\", order: \"NAME_ASC\") { find(id: 1) }",
                "order",
                "`NAME_ASC` without quotes",
            ),
            (
                "{ ...F } fragment F on Query { ... { list(order: \"NAME_ASC\") } }",
                "order",
                "`NAME_ASC` without quotes",
            ),
            (
                "{ __type(name: 1) { name } }",
                "name",
                "a value of type `String!`",
            ),
            (
                "query($a: [Order!] = [\"NAME_ASC\"]) { list(orders: [$a]) }",
                "a[0]",
                "`NAME_ASC` without quotes",
            ),
            ("query($a: Int = 2147483648) { list(first: $a) }", "a", int),
        ] {
            let told = told(document);
            let [(at, message)] = told.as_slice() else {
                panic!("{document}: {told:?}");
            };
            assert_eq!(at, place, "{document}");
            assert!(
                message.ends_with(&format!(" needs {needs}.")),
                "{document}: {message}"
            );
        }
        let unknown = told("{ list(filter: { nope: 1 }) }");
        let message = "`filter.nope` is no field of `Filter`.".to_owned();
        assert_eq!(unknown, [("filter.nope".to_owned(), message)]);
    }
}
