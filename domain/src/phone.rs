//! Phone numbers, in the one form in which they are compared: E.164, such as `+81312345678`.

use phonenumber::{Mode, country};

use crate::{
    error::{UserError, UserErrorCode},
    locale::Locale,
};

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
    let number = phonenumber::parse(home, plain)
        .map_err(|_| refuse("This is not a phone number. Write it such as +81 3 1234 5678."))?;
    if !phonenumber::is_valid(&number) {
        return Err(refuse(
            "There can be no such phone number. Check its digits and country code.",
        ));
    }
    Ok(number.format().mode(Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
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
            ("03-1234-5678", Locale::En, None),
            ("+81 3", Locale::Ja, None),
            ("call me", Locale::Ja, None),
            ("", Locale::Ja, None),
        ] {
            let read = parse(raw, locale, &["phone"]).ok();
            assert_eq!(read.as_deref(), expected, "{raw}");
        }
    }
}
