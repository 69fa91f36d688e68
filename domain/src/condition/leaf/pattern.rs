//! Regular expressions in the subject or the text.

use std::ops::Range;

use async_graphql::{InputObject, SimpleObject};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::keyword::Field;
use crate::{
    condition::{
        Leaf, Need, check,
        facts::{MessageFacts, Seen},
        matcher::Part,
        path::Path,
        sentence::{Phrasing, say},
        trace::{Actual, FoundWord},
    },
    error::{UserError, UserErrorCode},
};

/// Bytes a pattern may have.
const MAX_PATTERN_BYTES: usize = 1_024;
/// Bytes of memory a compiled pattern may take. It bounds what `a{1000}{1000}` would cost; the time
/// of a search grows with the length of the text alone, whatever the pattern.
const SIZE_LIMIT: usize = 1 << 20;
/// Bytes that searching with one may take beside it, in each thread. Searches that need more go on
/// slower.
const SEARCH_LIMIT: usize = 1 << 18;
/// Bytes that all compiled patterns of one condition may take together.
pub(crate) const MAX_IN_CONDITION: usize = 2 << 20;
/// As many patterns as cannot take more than that.
pub(crate) const FEW_PATTERNS: usize = MAX_IN_CONDITION / SIZE_LIMIT;

/// Tests the text of a message with a regular expression. The text is taken as it was written.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Hash)]
#[graphql(name = "RegexCondition", input_name = "RegexConditionInput")]
#[serde(rename_all = "camelCase")]
pub struct Pattern {
    /// Where to look: it holds if one of these matches.
    #[graphql(default_with = "vec![Field::Subject, Field::Body]")]
    pub fields: Vec<Field>,
    /// The expression, up to 1024 bytes, in the syntax of Rust's `regex`: like Perl's, without
    /// look-around and back-references, so that every search takes linear time.
    pub pattern: String,
    /// Whether upper and lower case are the same.
    #[serde(default = "yes")]
    #[graphql(default = true)]
    pub ignore_case: bool,
}

fn yes() -> bool {
    true
}

#[cfg(test)]
thread_local! {
    /// How often this thread has compiled an expression.
    pub(crate) static COMPILED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

impl Pattern {
    /// The compiled expression, or what is wrong with it.
    pub(crate) fn compile(&self) -> Result<Regex, regex::Error> {
        self.compile_within(SIZE_LIMIT)
    }

    fn compile_within(&self, bytes: usize) -> Result<Regex, regex::Error> {
        #[cfg(test)]
        COMPILED.set(COMPILED.get() + 1);
        RegexBuilder::new(&self.pattern)
            .case_insensitive(self.ignore_case)
            .size_limit(bytes)
            .dfa_size_limit(SEARCH_LIMIT)
            .build()
    }

    /// The memory the compiled expression takes, rounded up to a power of two. Nothing for one that
    /// cannot be compiled.
    pub(crate) fn size(&self) -> usize {
        if self.pattern.len() > MAX_PATTERN_BYTES {
            return 0;
        }
        let mut size = 1 << 12;
        while size <= SIZE_LIMIT {
            match self.compile_within(size) {
                Ok(_) => return size,
                Err(regex::Error::CompiledTooBig(_)) => size *= 2,
                Err(_) => return 0,
            }
        }
        0
    }

    /// The first match of `regex`, the compiled expression, in the texts that `may` have one, and where
    /// it is.
    pub(crate) fn find(
        &self,
        regex: &Regex,
        seen: &Seen<'_>,
        may: impl Fn(Field) -> bool,
    ) -> Option<(Field, Range<usize>)> {
        let mut fields = self.fields.iter().copied().filter(|&field| may(field));
        fields.find_map(|field| {
            let text = match field {
                Field::Subject => seen.facts.subject,
                Field::Body => seen.facts.body,
            };
            Some((field, regex.find(text)?.range()))
        })
    }

    /// What a trace says when the first match was here, or when there was none.
    pub(crate) fn told(
        &self,
        facts: &MessageFacts<'_>,
        place: Option<(Field, Range<usize>)>,
    ) -> Actual {
        let (found, missing) = match place {
            Some((field, range)) => {
                let word = FoundWord::new(facts, field, &self.pattern, range);
                (vec![word], Vec::new())
            }
            None => (Vec::new(), vec![self.pattern.clone()]),
        };
        Actual::Keywords { found, missing }
    }
}

impl Leaf for Pattern {
    fn need(&self) -> Need {
        Need::Message
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        check::list(&self.fields, 2, &at.at("fields"), refusals, "field");
        let at = at.at("pattern");
        if self.pattern.len() > MAX_PATTERN_BYTES {
            let message = format!("Shorten the expression to {MAX_PATTERN_BYTES} bytes.");
            refusals.push(at.refuse(UserErrorCode::TooLong, message));
        } else if self.pattern.contains('\0') {
            let message = "Write the character NUL as \\x00.";
            refusals.push(at.refuse(UserErrorCode::Invalid, message));
        } else if self.pattern.is_empty() {
            refusals.push(at.refuse(UserErrorCode::Required, "Write an expression."));
        } else {
            match self.compile() {
                Ok(regex) if regex.is_match("") => {
                    let message = "This matches every text, even an empty one. Make it say what must be there.";
                    refusals.push(at.refuse(UserErrorCode::Invalid, message));
                }
                Ok(_) => {}
                Err(regex::Error::CompiledTooBig(_)) => {
                    let message = "This expression is too large. Use smaller repetitions.";
                    refusals.push(at.refuse(UserErrorCode::TooLong, message));
                }
                Err(error) => {
                    let error = error.to_string();
                    let last = error.lines().last().unwrap_or_default();
                    let last = last.trim_start_matches("error: ");
                    let message = format!("This is no regular expression: {last}.");
                    refusals.push(at.refuse(UserErrorCode::Invalid, message));
                }
            }
        }
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let fields: Vec<String> = self
            .fields
            .iter()
            .map(|field| field.phrase(phrasing).to_owned())
            .collect();
        let fields = phrasing.or(&fields);
        let pattern = format!("/{}/", self.pattern);
        say!(
            phrasing,
            format!("{fields}が正規表現{pattern}に一致する"),
            format!("{fields} matches {pattern}"),
            format!("{fields}匹配正则表达式{pattern}")
        )
    }

    fn judge(&self, seen: &Seen<'_>) -> (bool, Actual) {
        // For who asks about one message. The matcher has compiled it, and says itself what it found.
        let regex = self.compile().ok();
        let place = regex.and_then(|regex| self.find(&regex, seen, |_| true));
        (place.is_some(), self.told(seen.facts, place))
    }

    fn holds(&self, seen: &Seen<'_>) -> bool {
        self.judge(seen).0
    }

    fn actual(&self, seen: &Seen<'_>) -> Actual {
        self.judge(seen).1
    }

    fn parts(&self, _seen: &Seen<'_>, _found: &mut Vec<Part>) {
        // The matcher has compiled it and notes what it finds.
    }

    fn pattern(&self) -> Option<&Pattern> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expressions that an engine which tries one way after the other never comes to an end with.
    const ENDLESS: [&str; 5] = [
        "(a+)+$",
        "(a|aa)+$",
        "([a-z]+)*[0-9]",
        "(a*)*b",
        "(.*a){9}$",
    ];

    #[test]
    fn a_search_ends_whatever_the_expression() {
        let text = "a".repeat(5_000) + "!";
        for expression in ENDLESS {
            let pattern = Pattern {
                fields: vec![Field::Body],
                pattern: expression.to_owned(),
                ignore_case: true,
            };
            let regex = pattern.compile().unwrap();
            assert!(regex.find(&text).is_none(), "{expression}");
        }
    }
}
