//! The languages in which the product speaks to people.

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

/// A language of the product's own wording. What members and customers wrote is never translated.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Locale {
    /// Japanese.
    Ja,
    /// English.
    #[default]
    En,
    /// Chinese, in simplified characters.
    Zh,
}

impl Locale {
    /// Every language.
    pub const ALL: [Self; 3] = [Self::Ja, Self::En, Self::Zh];

    /// The word as stored and as GraphQL shows it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ja => "JA",
            Self::En => "EN",
            Self::Zh => "ZH",
        }
    }

    /// The language whose stored word is `word`.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }

    /// The language as HTML and mail name it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
            Self::Zh => "zh-Hans",
        }
    }

    /// The language of a contact whose language is told as `tag`, such as `ja-JP`; nothing when the
    /// product does not speak it.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let language = tag.trim().split(['-', '_']).next().unwrap_or_default();
        let is = |one: &Self| language.eq_ignore_ascii_case(one.word());
        Self::ALL.into_iter().find(is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_stored_under_its_graphql_name() {
        for (locale, name) in [
            (Locale::Ja, "\"JA\""),
            (Locale::En, "\"EN\""),
            (Locale::Zh, "\"ZH\""),
        ] {
            assert_eq!(serde_json::to_string(&locale).unwrap(), name);
            assert_eq!(serde_json::from_str::<Locale>(name).unwrap(), locale);
            assert_eq!(format!("\"{}\"", locale.word()), name);
            assert_eq!(Locale::from_word(locale.word()), Some(locale));
        }
    }

    #[test]
    fn a_contacts_language_is_one_of_ours_or_none() {
        for (tag, expected) in [
            ("ja", Some(Locale::Ja)),
            ("ja-JP", Some(Locale::Ja)),
            ("EN_us", Some(Locale::En)),
            (" zh-Hant-TW", Some(Locale::Zh)),
            ("fr", None),
            ("japanese", None),
            ("", None),
        ] {
            assert_eq!(Locale::of_tag(tag), expected, "{tag}");
        }
    }
}
