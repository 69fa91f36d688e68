//! Phone numbers, in the one form in which they are compared: E.164, such as `+81312345678`.

use std::sync::Once;

use phonenumber::{PhoneNumber, country, metadata::DATABASE};

use crate::{
    error::{UserError, UserErrorCode},
    locale::Locale,
};

/// Patterns of numbers that are kept compiled. One country has about thirty; a file with customers of a dozen
/// asks for all of theirs in turn, and to compile one takes a thousand times as long as to match it.
const PATTERNS: usize = 500;

/// Reads a number as people write it. One without a country code is read as one of the country
/// whose language the workspace speaks, where that says which country it is.
pub fn parse(raw: &str, locale: Locale, path: &[&str]) -> Result<String, UserError> {
    let refuse = |message: &str| UserError::new(path, UserErrorCode::Invalid, message);
    let home = match locale {
        Locale::Ja => Some(country::JP),
        Locale::Zh => Some(country::CN),
        Locale::En => None,
    };
    let plain: String = crate::text::name_key(raw.trim());
    if home.is_none() && !plain.starts_with('+') {
        return Err(refuse(
            "Give the number with its country code, such as +81 3 1234 5678.",
        ));
    }
    keep_patterns();
    let number = phonenumber::parse(home, plain)
        .map_err(|_| refuse("This is not a phone number. Write it such as +81 3 1234 5678."))?;
    if !phonenumber::is_valid(&number) {
        return Err(refuse(
            "There can be no such phone number. Check its digits and country code.",
        ));
    }
    Ok(spelled(&number))
}

/// The number in E.164. The library's own way looks first for the form in which the country writes such a
/// number, which E.164 does not need and which takes longer than everything else.
fn spelled(number: &PhoneNumber) -> String {
    format!("+{}{}", number.code().value(), number.national())
}

fn keep_patterns() {
    static KEPT: Once = Once::new();
    KEPT.call_once(|| {
        if let Ok(mut patterns) = DATABASE.cache().lock() {
            patterns.set_capacity(PATTERNS);
        }
    });
}

#[cfg(test)]
mod tests {
    use phonenumber::{Mode, metadata::Descriptor};

    use super::*;

    #[test]
    fn numbers_are_the_same_however_they_are_written() {
        for (raw, locale, expected) in [
            ("+81 3-1234-5678", Locale::En, Some("+81312345678")),
            ("03-1234-5678", Locale::Ja, Some("+81312345678")),
            ("０３（１２３４）５６７８", Locale::Ja, Some("+81312345678")),
            ("090 1234 5678", Locale::Ja, Some("+819012345678")),
            ("+86 138 0013 8000", Locale::En, Some("+8613800138000")),
            ("138 0013 8000", Locale::Zh, Some("+8613800138000")),
            ("+1 (415) 555-2671", Locale::Ja, Some("+14155552671")),
            // In Italy the zero is a part of the number.
            ("+39 02 3661 8300", Locale::En, Some("+390236618300")),
            ("03-1234-5678", Locale::En, None),
            ("+81 3", Locale::Ja, None),
            ("call me", Locale::Ja, None),
            ("", Locale::Ja, None),
        ] {
            let read = parse(raw, locale, &["phone"]).ok();
            assert_eq!(read.as_deref(), expected, "{raw}");
        }
    }

    #[test]
    fn numbers_are_spelled_as_the_library_spells_them() {
        let mut compared = 0;
        for country in DATABASE.iter() {
            let descriptors = country.descriptors();
            let kinds = [descriptors.fixed_line(), descriptors.mobile()];
            for example in kinds.into_iter().flatten().filter_map(Descriptor::example) {
                let written = format!("+{} {example}", country.country_code());
                let Ok(number) = phonenumber::parse(None, written) else {
                    continue;
                };
                let theirs = number.format().mode(Mode::E164).to_string();
                assert_eq!(spelled(&number), theirs, "{example}");
                compared += 1;
            }
        }
        assert!(compared > 200, "{compared}");
    }

    #[test]
    fn patterns_of_many_countries_stay_compiled() {
        assert!(parse("+81 3-1234-5678", Locale::En, &[]).is_ok());
        let cache = DATABASE.cache();
        assert_eq!(cache.lock().unwrap().capacity(), PATTERNS);
    }
}
