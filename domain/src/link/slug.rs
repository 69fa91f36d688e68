//! What the address of a link ends with: chosen by somebody, or random. Pure.

use crate::error::{UserError, UserErrorCode};

/// Bytes of chance in a slug that nobody chose; each is a character of 5 bits.
pub(super) const CHANCE: usize = 10;
/// Characters a slug may have.
const LIMIT: usize = 64;
/// Characters a chosen one has at least.
const LEAST: usize = 3;
/// Without letters that are taken for others.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A slug made of chance: 50 bits, so that nobody finds links by trying.
pub(super) fn of_chance(chance: [u8; CHANCE]) -> String {
    let letter = |byte: u8| char::from(ALPHABET[usize::from(byte & 31)]);
    chance.into_iter().map(letter).collect()
}

/// A chosen slug in the form in which it is stored.
pub(super) fn check(raw: &str) -> Result<String, UserError> {
    let slug = raw.trim().to_ascii_lowercase();
    let refuse = |code, message: String| Err(UserError::new(&["slug"], code, message));
    if slug.len() > LIMIT {
        let message = format!("Use at most {LIMIT} characters.");
        return refuse(UserErrorCode::TooLong, message);
    }
    if slug.len() < LEAST || !is_plain(&slug) || slug.starts_with('-') || slug.ends_with('-') {
        let message = format!(
            "Use at least {LEAST} of the letters a to z, digits, and hyphens between them."
        );
        return refuse(UserErrorCode::Invalid, message);
    }
    Ok(slug)
}

/// The slug that is asked for, as it is stored; nothing if no link has such a one. People type capitals.
pub(super) fn read(asked: &str) -> Option<String> {
    let slug = asked.to_ascii_lowercase();
    ((1..=LIMIT).contains(&slug.len()) && is_plain(&slug)).then_some(slug)
}

fn is_plain(slug: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    slug.bytes().all(is_one)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_chosen_slug_is_letters_digits_and_hyphens_between_them() {
        use UserErrorCode::{Invalid, TooLong};
        let longest = "a".repeat(64);
        let longer = "a".repeat(65);
        for (raw, expected) in [
            (" Spring-2026 ", Ok("spring-2026")),
            ("abc", Ok("abc")),
            (longest.as_str(), Ok(longest.as_str())),
            (longer.as_str(), Err(TooLong)),
            ("ab", Err(Invalid)),
            ("", Err(Invalid)),
            ("-spring", Err(Invalid)),
            ("spring-", Err(Invalid)),
            ("spring/sale", Err(Invalid)),
            ("spring.svg", Err(Invalid)),
            ("春", Err(Invalid)),
            ("a b c", Err(Invalid)),
        ] {
            let found = check(raw).map_err(|error| error.code);
            assert_eq!(found, expected.map(str::to_owned), "{raw:?}");
        }
    }

    #[test]
    fn a_slug_of_chance_can_be_chosen_and_read() {
        let letters: BTreeSet<u8> = ALPHABET.iter().copied().collect();
        assert_eq!(letters.len(), ALPHABET.len());
        for chance in [
            [0; CHANCE],
            [255; CHANCE],
            [1, 2, 3, 40, 50, 60, 70, 80, 90, 100],
        ] {
            let slug = of_chance(chance);
            assert_eq!(check(&slug).as_deref(), Ok(slug.as_str()));
            assert_eq!(read(&slug.to_uppercase()), Some(slug));
        }
    }

    #[test]
    fn nothing_else_is_looked_for() {
        assert_eq!(read("SPRING"), Some("spring".to_owned()));
        for asked in ["", "a.svg", "a/b", "a\0", "é", &"a".repeat(65)] {
            assert_eq!(read(asked), None, "{asked:?}");
        }
    }
}
