//! Words in the subject or the text.

use std::ops::Range;

use async_graphql::{Enum, InputObject, SimpleObject};
use serde::{Deserialize, Serialize};

use crate::condition::{
    Anchor, Condition, Leaf, Need,
    check::{self, MAX_WORD_BYTES, MAX_WORD_GRAPHEMES, MAX_WORDS},
    facts::Seen,
    matcher::Part,
    path::Path,
    sentence::{Phrasing, say},
    text::fold_word,
    trace::{Actual, FoundWord},
};
use crate::error::{UserError, UserErrorCode};
use crate::text::printable;

/// A part of a message in which words are looked for.
#[derive(Enum, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[graphql(name = "KeywordField")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Field {
    /// The subject line. Channels without subjects have an empty one.
    Subject,
    /// The text of the message, without quoted history.
    Body,
}

impl Field {
    pub(crate) fn phrase(self, phrasing: &Phrasing<'_>) -> &'static str {
        match self {
            Self::Subject => say!(phrasing, "件名", "the subject", "主题"),
            Self::Body => say!(phrasing, "本文", "the text", "正文"),
        }
    }
}

/// How many of the words must be there.
#[derive(Enum, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[graphql(name = "KeywordMode")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum KeywordMode {
    /// At least one of the words is in one of the fields.
    AnyOf,
    /// Each of the words is in one of the fields, not necessarily the same one.
    AllOf,
    /// None of the words is in any of the fields.
    NoneOf,
}

/// How a word is compared with the text. Width, case, hiragana or katakana never matter.
#[derive(Enum, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[graphql(name = "KeywordMatch")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum KeywordMatch {
    /// The word may stand anywhere, also inside a longer word.
    #[default]
    Substring,
    /// The word must not be part of a longer one. In scripts without spaces, such as Japanese and
    /// Chinese, this is the same as `SUBSTRING`.
    WholeWord,
}

/// Tests the text of a message for words.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Keywords {
    /// Where to look.
    pub fields: Vec<Field>,
    /// How many must be found.
    pub mode: KeywordMode,
    /// How to compare.
    #[serde(rename = "match", default)]
    pub matching: KeywordMatch,
    /// What to look for, as written.
    pub words: Vec<String>,
}

impl Keywords {
    pub(crate) fn whole(&self) -> bool {
        self.matching == KeywordMatch::WholeWord
    }

    /// Where a word stands first, in bytes of the folded field.
    fn find(&self, word: &str, seen: &Seen<'_>) -> Option<(Field, Range<usize>)> {
        let word = fold_word(word);
        self.fields.iter().find_map(|&field| {
            let text = &seen.texts.0[field as usize];
            Some((field, text.find(&word, self.whole())?))
        })
    }

    /// Whether every text in which `self` finds `word` is one in which `other` finds something.
    fn implies(&self, word: &str, other: &Self) -> bool {
        let word = fold_word(word);
        other.words.iter().map(|word| fold_word(word)).any(|found| {
            if found.is_empty() {
                false
            } else if other.whole() {
                self.whole() && found == word
            } else {
                word.contains(&found)
            }
        })
    }

    pub(crate) fn to_output(&self) -> KeywordsCondition {
        KeywordsCondition {
            fields: self.fields.clone(),
            mode: self.mode,
            matching: self.matching,
            words: self.words.clone(),
        }
    }
}

impl Leaf for Keywords {
    fn need(&self) -> Need {
        Need::Message
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        check::list(&self.fields, 2, &at.at("fields"), refusals, "field");
        check::length(
            self.words.len(),
            MAX_WORDS,
            &at.at("words"),
            refusals,
            "word",
        );
        let mut folded_words = std::collections::HashSet::new();
        // A list over the limit is refused whole; checking each of its words would only cost.
        for (index, word) in self.words.iter().enumerate().take(MAX_WORDS) {
            let at = at.at("words").nth(index);
            if check::graphemes(word, MAX_WORD_GRAPHEMES + 1) > MAX_WORD_GRAPHEMES
                || word.len() > MAX_WORD_BYTES
            {
                refusals.push(at.refuse(
                    UserErrorCode::TooLong,
                    format!("Shorten this word to {MAX_WORD_GRAPHEMES} characters."),
                ));
                continue;
            }
            let folded = fold_word(word);
            if folded.is_empty() {
                refusals.push(at.refuse(
                    UserErrorCode::Required,
                    "Write a word with visible characters, or remove it.",
                ));
            } else if !folded_words.insert(folded) {
                refusals.push(at.refuse(
                    UserErrorCode::Invalid,
                    "Remove this word: it equals an earlier one but for width, case or kana.",
                ));
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
        let quoted: Vec<String> = self.words.iter().map(|word| phrasing.quote(word)).collect();
        let whole = if self.whole() {
            say!(phrasing, "単語として", "the word ", "整词")
        } else {
            ""
        };
        let several = quoted.len() > 1;
        match self.mode {
            KeywordMode::AnyOf => {
                let words = phrasing.or(&quoted);
                let one_of = if several { "のいずれか" } else { "" };
                say!(
                    phrasing,
                    format!("{fields}に{words}{one_of}が{whole}含まれる"),
                    format!("{fields} contains {whole}{words}"),
                    format!("{fields}{whole}包含{words}")
                )
            }
            KeywordMode::AllOf => {
                let words = phrasing.and(&quoted);
                let all = if several { "のすべて" } else { "" };
                let together = if several { "同时" } else { "" };
                say!(
                    phrasing,
                    format!("{fields}に{words}{all}が{whole}含まれる"),
                    format!("{fields} contains {whole}{words}"),
                    format!("{fields}{together}{whole}包含{words}")
                )
            }
            KeywordMode::NoneOf => {
                let words = phrasing.or(&quoted);
                let none = if several { "のいずれも" } else { "が" };
                let word = if self.whole() { "word " } else { "" };
                say!(
                    phrasing,
                    format!("{fields}に{words}{none}{whole}含まれない"),
                    format!("there is no {word}{words} in {fields}"),
                    format!("{fields}{whole}不包含{words}")
                )
            }
        }
    }

    fn holds(&self, seen: &Seen<'_>) -> bool {
        let found = |word: &String| self.find(word, seen).is_some();
        match self.mode {
            KeywordMode::AnyOf => self.words.iter().any(found),
            KeywordMode::AllOf => self.words.iter().all(found),
            KeywordMode::NoneOf => !self.words.iter().any(found),
        }
    }

    fn actual(&self, seen: &Seen<'_>) -> Actual {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for word in &self.words {
            match self.find(word, seen) {
                Some((field, range)) => {
                    let range = seen.texts.0[field as usize].original(range);
                    found.push(FoundWord::new(seen.facts, field, word, range));
                }
                None => missing.push(word.clone()),
            }
        }
        Actual::Keywords { found, missing }
    }

    fn parts(&self, _seen: &Seen<'_>, _found: &mut Vec<Part>) {
        // The matcher notes the words it found in its one pass over the text.
    }

    fn anchors(&self, _wanted: bool) -> Option<Vec<Anchor>> {
        // The matcher anchors words by its own numbers for them.
        None
    }

    fn excludes(&self, other: &Condition) -> bool {
        let Condition::Keywords(none) = other else {
            return false;
        };
        let sees_all = self.fields.iter().all(|field| none.fields.contains(field));
        if none.mode != KeywordMode::NoneOf || !sees_all || self.words.is_empty() {
            return false;
        }
        match self.mode {
            KeywordMode::AnyOf => self.words.iter().all(|word| self.implies(word, none)),
            KeywordMode::AllOf => self.words.iter().any(|word| self.implies(word, none)),
            KeywordMode::NoneOf => false,
        }
    }

    fn keywords(&self) -> Option<&Keywords> {
        Some(self)
    }
}

/// Tests the text of a message for words. Width, case, hiragana or katakana, line breaks and
/// invisible characters never matter.
#[derive(InputObject, Debug, Clone)]
pub struct KeywordsConditionInput {
    /// Where to look.
    #[graphql(default_with = "vec![Field::Subject, Field::Body]")]
    pub fields: Vec<Field>,
    /// How many of the words must be there.
    pub mode: KeywordMode,
    /// How a word is compared with the text.
    #[graphql(name = "match", default_with = "KeywordMatch::Substring")]
    pub matching: KeywordMatch,
    /// The words, up to 500 of 1 to 200 characters each.
    pub words: Vec<String>,
}

impl Keywords {
    pub(crate) fn to_input(&self) -> KeywordsConditionInput {
        KeywordsConditionInput {
            fields: self.fields.clone(),
            mode: self.mode,
            matching: self.matching,
            words: self.words.clone(),
        }
    }
}

impl KeywordsConditionInput {
    pub(crate) fn into_condition(self) -> Keywords {
        Keywords {
            fields: self.fields,
            mode: self.mode,
            matching: self.matching,
            words: self.words.iter().map(|word| printable(word)).collect(),
        }
    }
}

/// Tests the text of a message for words.
#[derive(SimpleObject, Debug, Clone)]
pub struct KeywordsCondition {
    /// Where to look.
    pub fields: Vec<Field>,
    /// How many of the words must be there.
    pub mode: KeywordMode,
    /// How a word is compared with the text.
    #[graphql(name = "match")]
    pub matching: KeywordMatch,
    /// The words, as they were written.
    pub words: Vec<String>,
}
