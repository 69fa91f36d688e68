//! The language a person at a terminal reads.

use domain::locale::Locale;

/// The language of the first given value, in the order the system asks them: `LC_ALL`,
/// `LC_MESSAGES`, `LANG`.
pub fn locale_of<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> Locale {
    let value = values.into_iter().flatten().find(|value| !value.is_empty());
    match value.and_then(|value| value.get(..2)) {
        Some("ja") => Locale::Ja,
        Some("zh") => Locale::Zh,
        _ => Locale::En,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_given_decides() {
        for (values, expected) in [
            ([None, None, Some("ja_JP.UTF-8")], Locale::Ja),
            ([Some(""), Some("zh_CN"), Some("ja_JP")], Locale::Zh),
            ([Some("C"), None, Some("ja_JP")], Locale::En),
            ([None, None, None], Locale::En),
        ] {
            assert_eq!(locale_of(values), expected, "{values:?}");
        }
    }
}
