//! Lines of text.

use std::borrow::Cow;

use async_graphql::{InputObject, SimpleObject};
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};

use crate::{
    condition::{
        check,
        measure::{Bind, Frag, Sql},
        path::Path,
        sentence::{Phrasing, say},
    },
    error::{UserError, UserErrorCode},
    text::name_key,
};

/// How many texts one test may list.
const MAX_TEXTS: usize = 100;
/// How long each may be, in characters as a person counts them.
const MAX_TEXT_GRAPHEMES: usize = 500;

/// What a line of text must be; every part given must hold. Case and width never matter.
#[derive(
    InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Hash, Default,
)]
#[graphql(input_name = "TextTestInput")]
#[serde(rename_all = "camelCase", default)]
pub struct TextTest {
    /// One of these, up to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any_of: Option<Vec<String>>,
    /// None of these; also so where there is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub none_of: Option<Vec<String>>,
    /// Contains one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<Vec<String>>,
    /// Begins with one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_with: Option<Vec<String>>,
    /// There is a text (`true`) or there is none (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_set: Option<bool>,
}

impl TextTest {
    fn lists(&self) -> [(&'static str, Option<&Vec<String>>); 4] {
        [
            ("anyOf", self.any_of.as_ref()),
            ("noneOf", self.none_of.as_ref()),
            ("contains", self.contains.as_ref()),
            ("startsWith", self.starts_with.as_ref()),
        ]
    }

    /// The keys of the only texts that pass, if it lists those that may.
    pub(crate) fn listed(&self) -> Option<Vec<String>> {
        let texts = self.any_of.as_ref()?;
        Some(texts.iter().map(|text| name_key(text)).collect())
    }

    /// The same test with the keys of its texts in their place, for one that is asked many times.
    pub(crate) fn keyed(&self) -> Self {
        let keys = |texts: Option<&Vec<String>>| -> Option<Vec<String>> {
            Some(texts?.iter().map(|text| name_key(text)).collect())
        };
        Self {
            any_of: keys(self.any_of.as_ref()),
            none_of: keys(self.none_of.as_ref()),
            contains: keys(self.contains.as_ref()),
            starts_with: keys(self.starts_with.as_ref()),
            is_set: self.is_set,
        }
    }

    /// `text` is the key of the text, if there is one.
    pub(crate) fn holds(&self, text: Option<&str>) -> bool {
        self.passes(text, |one| Cow::Owned(name_key(one)))
    }

    /// The same of a test that is [`keyed`](Self::keyed).
    pub(crate) fn holds_by_keys(&self, text: Option<&str>) -> bool {
        self.passes(text, as_it_is)
    }

    fn passes(&self, text: Option<&str>, key: fn(&str) -> Cow<'_, str>) -> bool {
        let lists = self.lists().into_iter();
        let mut lists = lists.filter_map(|(name, texts)| Some((name, texts?)));
        let set = text.is_some_and(|text| !text.is_empty());
        self.is_set.is_none_or(|wanted| wanted == set)
            && lists.all(|(name, texts)| {
                let some = |test: fn(&str, &str) -> bool| {
                    text.is_some_and(|text| texts.iter().any(|one| test(text, &key(one))))
                };
                match name {
                    "anyOf" => some(|text, one| text == one),
                    "noneOf" => !some(|text, one| text == one),
                    "contains" => some(|text, one| text.contains(one)),
                    _ => some(|text, one| text.starts_with(one)),
                }
            })
    }

    pub(crate) fn sql(&self, sql: &mut Sql<'_>, column: &str) -> String {
        let find = match sql.backend {
            DatabaseBackend::Postgres => "strpos",
            _ => "instr",
        };
        let mut parts = Vec::new();
        if let Some(wanted) = self.is_set {
            let sign = if wanted { "<>" } else { "=" };
            parts.push(format!("COALESCE({column}, '') {sign} ''"));
        }
        for (name, texts) in self.lists() {
            let Some(texts) = texts else { continue };
            let keys: Vec<Bind> = texts.iter().map(|one| Bind::Text(name_key(one))).collect();
            let places = |sql: &mut Sql<'_>, sign: &str| {
                let found: Vec<String> = keys
                    .iter()
                    .map(|key| {
                        let text = format!("{find}({column}, ?) {sign}");
                        sql.put(&Frag::new(text).with(key.clone()))
                    })
                    .collect();
                format!("({})", found.join(" OR "))
            };
            let part = match name {
                "contains" => places(sql, "> 0"),
                "startsWith" => places(sql, "= 1"),
                _ => sql.put(&Frag::one_of(column, keys)),
            };
            let not = if name == "noneOf" { "NOT " } else { "" };
            parts.push(format!("{not}COALESCE(({part}), false)"));
        }
        if parts.is_empty() {
            parts.push("1 = 1".to_owned());
        }
        format!("({})", parts.join(" AND "))
    }

    pub(crate) fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        if *self == Self::default() {
            let message =
                "Say what the text must be: anyOf, noneOf, contains, startsWith or isSet.";
            refusals.push(at.refuse(UserErrorCode::Required, message));
        }
        for (name, texts) in self.lists() {
            let Some(texts) = texts else { continue };
            let at = at.at(name);
            check::list(texts, MAX_TEXTS, &at, refusals, "text");
            for (index, text) in texts.iter().enumerate().take(MAX_TEXTS) {
                let long = check::graphemes(text, MAX_TEXT_GRAPHEMES + 1) > MAX_TEXT_GRAPHEMES
                    || text.len() > MAX_TEXT_GRAPHEMES * 16;
                if long || text.contains('\0') {
                    let message = format!("Use at most {MAX_TEXT_GRAPHEMES} visible characters.");
                    refusals.push(at.nth(index).refuse(UserErrorCode::TooLong, message));
                } else if name_key(text).is_empty() {
                    let message = "Write some text, or remove it.";
                    refusals.push(at.nth(index).refuse(UserErrorCode::Required, message));
                }
            }
        }
        let (any, none) = (self.any_of.as_deref(), self.none_of.as_deref());
        let asks = any.is_some() || self.contains.is_some() || self.starts_with.is_some();
        if self.is_set == Some(false) && asks {
            let message = "No text can be that where there is none. Remove isSet.";
            refusals.push(at.at("isSet").refuse(UserErrorCode::Contradictory, message));
        }
        let (any, none) = (any.unwrap_or_default(), none.unwrap_or_default());
        let forbidden: Vec<String> = none.iter().map(|text| name_key(text)).collect();
        if !any.is_empty() && any.iter().all(|text| forbidden.contains(&name_key(text))) {
            let message = "Everything wanted is also unwanted. Change one of the two lists.";
            refusals.push(
                at.at("noneOf")
                    .refuse(UserErrorCode::Contradictory, message),
            );
        }
    }

    /// A clause about `subject`.
    pub(crate) fn phrase(&self, phrasing: &Phrasing<'_>, subject: &str) -> String {
        let mut parts = Vec::new();
        for (name, texts) in self.lists() {
            let Some(texts) = texts else { continue };
            let quoted: Vec<String> = texts.iter().map(|text| phrasing.quote(text)).collect();
            let none = if quoted.len() > 1 {
                "のいずれでもない"
            } else {
                "ではない"
            };
            let quoted = phrasing.or(&quoted);
            parts.push(match name {
                "anyOf" => say!(
                    phrasing,
                    format!("{subject}が{quoted}である"),
                    format!("{subject} is {quoted}"),
                    format!("{subject}为{quoted}")
                ),
                "noneOf" => say!(
                    phrasing,
                    format!("{subject}が{quoted}{none}"),
                    format!("{subject} is not {quoted}"),
                    format!("{subject}不为{quoted}")
                ),
                "contains" => say!(
                    phrasing,
                    format!("{subject}に{quoted}が含まれる"),
                    format!("{subject} contains {quoted}"),
                    format!("{subject}包含{quoted}")
                ),
                _ => say!(
                    phrasing,
                    format!("{subject}が{quoted}で始まる"),
                    format!("{subject} begins with {quoted}"),
                    format!("{subject}以{quoted}开头")
                ),
            });
        }
        if let Some(wanted) = self.is_set {
            parts.push(phrasing.is_set(subject, wanted));
        }
        phrasing.both(&parts)
    }
}

fn as_it_is(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}
