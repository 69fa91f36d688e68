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
        }
    }
}
