//! Whether each name is given once: GraphQL's rules of unique names of arguments, of variables and of
//! the fields of input objects.
//!
//! The parser keeps the last of two fields with one name and forgets the first, so this looks at the
//! text: `scan` shows it every token on its way. What it found is told after the document was parsed,
//! because only of a valid one the brackets mean what is assumed here.

use std::collections::HashMap;

use async_graphql::{Pos, ServerError};

use super::{
    super::{code::Code, failure::Failure},
    short,
};

/// The names in the brackets that are open.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    /// Where each name stands, for each open bracket of arguments, of variables or of an object. Those
    /// of selections are not among them: objects are only in parentheses, and selections never are.
    open: Vec<HashMap<&'a [u8], usize>>,
    /// The token before, and where it begins.
    word: Option<(&'a [u8], usize)>,
    repeated: Option<Repeated<'a>>,
}

/// A name that is given twice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeated<'a> {
    name: &'a [u8],
    first: usize,
    second: usize,
}

impl<'a> Names<'a> {
    /// The next token, which begins at byte `at`.
    pub(super) fn token(&mut self, token: &'a [u8], at: usize) {
        match token {
            b"(" => self.open.push(HashMap::new()),
            b"{" if !self.open.is_empty() => self.open.push(HashMap::new()),
            b")" | b"}" => {
                self.open.pop();
            }
            b":" => self.named(),
            _ => {}
        }
        self.word = Some((token, at));
    }

    /// What stands before a colon is a name.
    fn named(&mut self) {
        if let (Some(names), Some((name, second))) = (self.open.last_mut(), self.word)
            && let Some(first) = names.insert(name, second)
        {
            let repeated = Repeated {
                name,
                first,
                second,
            };
            self.repeated = self.repeated.or(Some(repeated));
        }
    }

    /// The first name that is given twice.
    pub(super) fn repeated(self) -> Option<Repeated<'a>> {
        self.repeated
    }
}

impl Repeated<'_> {
    /// The refusal of `document`, which has both.
    pub(super) fn refusal(&self, document: &str) -> Failure {
        let name = String::from_utf8_lossy(self.name);
        let message = format!("`{}` is given twice here.", short(&name));
        let mut error = ServerError::new(message, Some(position(document, self.first)));
        error.locations.push(position(document, self.second));
        Failure::with_errors(Code::GraphqlValidationFailed, vec![error])
    }
}

/// The line and the column of byte `at`, as the parser counts them.
fn position(document: &str, at: usize) -> Pos {
    let before = document.get(..at).unwrap_or(document);
    let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
    Pos {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::transport::{budget::scan::scan, limits::DocumentLimits};

    /// The name that is given twice, and where.
    fn told(document: &str) -> Option<(String, Vec<Pos>)> {
        parse_query(document).unwrap();
        let repeated = scan(document, &DocumentLimits::default()).unwrap()?;
        let mut failure = repeated.refusal(document);
        assert_eq!(failure.code, Code::GraphqlValidationFailed);
        let error = failure.errors.remove(0);
        let name = error.message.strip_suffix(" is given twice here.")?;
        Some((name.to_owned(), error.locations))
    }

    #[test]
    fn names_that_are_given_once_pass() {
        for document in [
            "{ a: name a: name b(a: 1) { a: name a: name } }",
            "{ b(a: { a: 1, b: { a: 1, b: [{ a: 1 }, { a: 1 }] } }, b: { a: 1 }) }",
            "{ b(a: 1) @x(a: 1) @y(a: 1) b(a: 1) @x(a: 1) }",
            "query($a: Int = 1, $b: In = { a: 1 }, $c: In = { a: 1 }) @x(a: $a) { b(a: $a, b: { a: $a }) }",
            "query A($a: Int) { b(a: $a) } query B($a: Int) { b(a: $a) }",
            "{ b(a: \"a: 1, a: 1\", c: \"\"\"{ a: 1, a: 1 }\"\"\") # (a: 1, a: 1)\n }",
            "{ b(a: A, c: { a: A b: A c: true d: null }) { ... on B { a: name } a: name } }",
        ] {
            assert_eq!(told(document), None, "{document}");
        }
    }

    #[test]
    fn a_name_that_is_given_twice_is_told_with_both_places() {
        for (document, name, places) in [
            ("{ b(a: 1, a: 2) }", "a", [5, 11]),
            ("{ b(a: { c: 1, c: 1 }) }", "c", [10, 16]),
            ("{ b(a: { c: { d: 1 } d: 1 c: 1 }) }", "c", [10, 27]),
            ("{ b(a: [{ c: 1 }, { c: 1 c: 2 }]) }", "c", [21, 26]),
            ("{ b @x(a: 1, a: 1) }", "a", [8, 14]),
            ("query($a: Int, $a: Int) { b }", "a", [8, 17]),
            ("query($a: In = { c: 1, c: 1 }) { b }", "c", [18, 24]),
            ("query @x(a: 1 a: 1) { b }", "a", [10, 15]),
            ("{ b } fragment F on B @x(a: 1 a: 1) { c }", "a", [26, 31]),
            ("{ b(a: \"長い\", a: 2) }", "a", [5, 14]),
            (
                "{ b(a: { c: \"c: {\", d: [{ c: 1 }] c: { c: 1 } }) }",
                "c",
                [10, 35],
            ),
        ] {
            let (told, at) = told(document).unwrap_or_else(|| panic!("passed: {document}"));
            assert_eq!(told, format!("`{name}`"), "{document}");
            let places = places.map(|column| Pos { line: 1, column });
            assert_eq!(at, places, "{document}");
        }
        let (_, at) = told("{\r\n  b(a: 1,\n    # 長\n    a: 2)\n}").unwrap();
        assert_eq!(at, [Pos { line: 2, column: 5 }, Pos { line: 4, column: 5 }]);
    }

    #[test]
    fn brackets_that_make_no_sense_do_no_harm() {
        for document in ["((((", "))))", "}}{(}:):", "(a:a:a:", ":", "\"", "(長:長:)"] {
            let limits = DocumentLimits::default();
            assert!(scan(document, &limits).is_ok(), "{document}");
        }
    }
}
