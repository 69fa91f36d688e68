//! What is looked for, and how well a thing answers to it. Pure.

use std::collections::{HashMap, HashSet};

use super::{
    fold::fold,
    gram::{Gram, Grams, each_long, exact, is_space},
    number,
    source::{Field, folded_fields},
};
use crate::error::{UserError, UserErrorCode};

/// Characters a query may have.
pub const MAX_CHARACTERS: usize = 200;
/// Words a query may have.
pub const MAX_WORDS: usize = 8;
/// Grams one query looks up in the first segments it opens: those of a whole email address.
const MAX_GRAMS: usize = 32;

/// How well a thing answers, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, async_graphql::Enum)]
#[graphql(name = "SearchMatch")]
pub enum Match {
    /// A whole field is what was looked for.
    Exact,
    /// A field begins like it.
    Prefix,
    /// A word begins like it.
    Word,
    /// It stands somewhere inside.
    Part,
}

impl Match {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Prefix, Self::Word, Self::Part];
}

/// A query, folded. Its words, which are what stands between white space, must all be found, or the same
/// with the phone numbers among them as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle {
    whole: String,
    words: Vec<String>,
    /// The words with numbers as they are kept, where that is not what they say.
    numbers: Option<Vec<String>>,
}

impl Needle {
    /// Reads what a person typed. Every character is meant as it stands, there are no operators.
    /// Nothing but white space looks for nothing.
    pub fn parse(text: &str, path: &[&str]) -> Result<Option<Self>, UserError> {
        let long = |limit: usize, what: &str| {
            let message = format!("Search for at most {limit} {what}.");
            UserError::new(path, UserErrorCode::TooLong, message)
        };
        // A character has at most four bytes; a long text is not folded to find out.
        if text.len() > MAX_CHARACTERS * 4 || text.chars().count() > MAX_CHARACTERS {
            return Err(long(MAX_CHARACTERS, "characters"));
        }
        let whole = fold(text);
        let words: Vec<String> = whole
            .split(is_space)
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        if words.len() > MAX_WORDS {
            return Err(long(MAX_WORDS, "words"));
        }
        if words.is_empty() {
            return Ok(None);
        }
        // What has nothing in common with the words could not be looked up together with them.
        let numbers = number::as_kept(&words).filter(|kept| {
            let theirs = grams_of(kept);
            grams_of(&words).iter().any(|gram| theirs.contains(gram))
        });
        Ok(Some(Self {
            whole,
            words,
            numbers,
        }))
    }

    /// The folded words, in either form.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let numbers = self.numbers.iter().flatten();
        let numbers = numbers.filter(|word| !self.words.contains(word));
        self.words.iter().chain(numbers).map(String::as_str)
    }

    /// A text that is the same for the same query, for cursors.
    pub(super) fn name(&self) -> String {
        format!("search {}", exact(&self.whole).0)
    }

    /// Characters and pairs that everything which answers has, at most [`MAX_GRAMS`].
    pub(super) fn grams(&self) -> Vec<Gram> {
        few(self.pairs())
    }

    /// Grams that everything which answers has, at most [`MAX_GRAMS`], where triples and runs are indexed;
    /// none if there is neither in the query. Pairs that stand in the triples say no more and are left
    /// out.
    pub(super) fn long_grams(&self) -> Vec<Gram> {
        let mut long = long_of(&self.words);
        if let Some(numbers) = &self.numbers {
            let theirs = long_of(numbers);
            long.retain(|gram, _| theirs.contains_key(gram));
        }
        if long.is_empty() {
            return Vec::new();
        }
        let within: HashSet<Gram> = long.values().flatten().copied().collect();
        let mut grams = self.pairs();
        grams.extend(long.into_keys());
        grams.retain(|gram| !within.contains(gram));
        grams.sort_unstable();
        few(grams)
    }

    fn pairs(&self) -> Vec<Gram> {
        let mut grams = grams_of(&self.words);
        if let Some(numbers) = &self.numbers {
            let theirs = grams_of(numbers);
            grams.retain(|gram| theirs.contains(gram));
        }
        grams
    }

    /// The gram that tells each level of [`Match`] but the last from the levels below it.
    pub(super) fn markers(&self) -> [Gram; 3] {
        let mut first = self.words.iter().flat_map(|word| word.chars());
        let start = first.next().unwrap_or_default();
        let next = self.words.first().and_then(|word| word.chars().nth(1));
        [
            exact(&self.whole),
            Gram::field_start(start, next),
            Gram::word_start(start, next),
        ]
    }

    /// Whether every word stands in one of the folded `fields`, in one form or the other.
    pub(super) fn is_in<S: AsRef<str>>(&self, fields: &[S]) -> bool {
        let stands = |word: &String| fields.iter().any(|field| field.as_ref().contains(word));
        self.words.iter().all(stands)
            || self
                .numbers
                .as_ref()
                .is_some_and(|numbers| numbers.iter().all(stands))
    }

    /// How well a thing with this name and nothing else answers: what a plain reading of everything
    /// says, for tests to compare with.
    pub fn judge_name(&self, name: &str) -> Option<Match> {
        self.judge(&folded_fields(&[(Field::Name, name.to_owned())]))
    }

    /// How well folded `fields` answer. Beginnings are told by their first two characters, which is
    /// what the index knows, so that a thing has one place in the order wherever it is judged.
    pub(super) fn judge<S: AsRef<str>>(&self, fields: &[S]) -> Option<Match> {
        if !self.is_in(fields) {
            return None;
        }
        let mut grams = Grams::default();
        for field in fields {
            grams.add_ranked(field.as_ref());
        }
        let marked = self.markers().map(|marker| grams.has(marker));
        let level = marked.iter().position(|&has| has).unwrap_or(3);
        Some(Match::ALL[level])
    }
}

/// At most [`MAX_GRAMS`] of them. Grams are hashes: in their order every step-th is as good as any.
fn few(grams: Vec<Gram>) -> Vec<Gram> {
    let step = grams.len().div_ceil(MAX_GRAMS).max(1);
    grams.into_iter().step_by(step).collect()
}

/// The triples and runs of `words`, each with the grams that are in it.
fn long_of(words: &[String]) -> HashMap<Gram, [Gram; 2]> {
    let mut grams = HashMap::new();
    for word in words {
        each_long(word, |gram, within| {
            grams.insert(gram, within);
        });
    }
    grams
}

/// The characters and pairs that everything with all of `words` has, each once, in their order.
fn grams_of(words: &[String]) -> Vec<Gram> {
    let mut grams = Vec::new();
    for word in words {
        let mut before = None;
        for character in word.chars() {
            if let Some(before) = before {
                grams.push(Gram::pair(before, character));
            }
            before = Some(character);
        }
        if let (Some(only), true) = (before, word.chars().nth(1).is_none()) {
            grams.push(Gram::single(only));
        }
    }
    grams.sort_unstable();
    grams.dedup();
    grams
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(query: &str, fields: &[&str]) -> Option<Match> {
        let needle = Needle::parse(query, &["query"]).unwrap().unwrap();
        let fields: Vec<String> = fields.iter().map(|field| fold(field)).collect();
        needle.judge(&fields)
    }

    #[test]
    fn things_answer_exactly_at_the_beginning_at_a_word_or_inside() {
        for (query, fields, expected) in [
            ("田中", &["田中"][..], Some(Match::Exact)),
            ("ﾀﾅｶ", &["x", "たなか"], Some(Match::Exact)),
            ("田中 太郎", &["田中　太郎"], Some(Match::Exact)),
            ("田", &["田中"], Some(Match::Prefix)),
            ("tan", &["Tanaka Taro"], Some(Match::Prefix)),
            ("taro", &["Tanaka Hana", "x.taro"], Some(Match::Prefix)),
            ("taro", &["Yamada Taro"], Some(Match::Word)),
            ("gmail", &["x", "a@gmail.com"], Some(Match::Word)),
            ("商事", &["Abc商事"], Some(Match::Word)),
            ("@gmail", &["a@gmail.com"], Some(Match::Part)),
            ("中", &["田中"], Some(Match::Part)),
            ("東京", &["株式会社東京商事"], Some(Match::Part)),
            ("naka", &["Tanaka"], Some(Match::Part)),
            ("%", &["100%"], Some(Match::Part)),
            ("%", &["100"], None),
            ("_", &["ab"], None),
            ("田中 王", &["田中"], None),
            ("王 田中", &["田中", "王"], Some(Match::Prefix)),
            ("090-1234-5678", &["x", "+819012345678"], Some(Match::Part)),
            ("090 1234 5678", &["x", "+819012345678"], Some(Match::Part)),
            (
                "x 09012345678",
                &["x", "+819012345678"],
                Some(Match::Prefix),
            ),
            ("090-1234-5678", &["x", "+819012345679"], None),
            ("2026-01-31", &["2026-01-31"], Some(Match::Exact)),
        ] {
            assert_eq!(judge(query, fields), expected, "{query} in {fields:?}");
        }
    }

    #[test]
    fn nothing_looks_for_nothing_and_too_much_is_refused() {
        for query in ["", " ", "\u{3000}\t\n", "\0"] {
            assert_eq!(Needle::parse(query, &["query"]).unwrap(), None, "{query:?}");
        }
        for query in [&"x".repeat(201), &"a ".repeat(9), &"縁".repeat(1_000_000)] {
            let error = Needle::parse(query, &["query"]).unwrap_err();
            assert_eq!(error.code, UserErrorCode::TooLong);
        }
        assert!(Needle::parse(&"縁".repeat(200), &["query"]).is_ok());
    }

    #[test]
    fn a_long_query_looks_up_few_grams() {
        let text: String = ('a'..='z').chain('0'..='9').collect();
        let needle = Needle::parse(&text, &["query"]).unwrap().unwrap();
        for grams in [needle.grams(), needle.long_grams()] {
            assert!(grams.len() <= MAX_GRAMS);
            assert!(grams.len() > MAX_GRAMS / 2);
        }
    }

    #[test]
    fn pairs_that_stand_in_triples_are_not_looked_up_as_well() {
        let looked_up = |query: &str| {
            let needle = Needle::parse(query, &["query"]).unwrap().unwrap();
            (needle.grams().len(), needle.long_grams().len())
        };
        for (query, expected) in [
            ("ta", (1, 0)),
            ("田中太郎", (3, 0)),
            ("tan", (2, 1)),
            ("tan ka", (3, 2)),
            // 東京, 京a, abc.
            ("東京abc", (4, 3)),
            // n77 and the run of six, which has the triple 777 in it, and that the pair.
            ("n777777", (2, 2)),
            // What both forms of a number have: 90, 01 is not in the first, 123, 234, 567, 678.
            ("090-1234-5678", (7, 5)),
        ] {
            assert_eq!(looked_up(query), expected, "{query}");
        }
    }

    #[test]
    fn what_answers_has_all_that_is_looked_up() {
        for (query, field) in [
            ("n7777", "person77777"),
            ("0000 777", "x777 100000000000"),
            ("090-0000-1234", "+819000001234"),
            ("たなかさん", "タナカサンです"),
            ("a.b@", "xa.b@c"),
        ] {
            let needle = Needle::parse(query, &["query"]).unwrap().unwrap();
            let mut grams = Grams::default();
            grams.add_plain(&fold(field));
            for gram in needle.grams().into_iter().chain(needle.long_grams()) {
                assert!(grams.has(gram), "{query} in {field}");
            }
        }
    }
}
