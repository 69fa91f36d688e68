//! Names as people write them, the form in which they are compared, and texts made safe for HTML.

use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::error::{UserError, UserErrorCode};

/// The form in which two names are the same: NFKC, so that width does not matter, then case folding,
/// which is lower case but for two letters: `STRASSE` is `Straße`, and a sigma is one wherever it stands.
pub fn name_key(name: &str) -> String {
    let lower = name.nfkc().flat_map(char::to_lowercase).nfkc();
    let mut key = String::with_capacity(name.len());
    for character in lower {
        match character {
            'ß' => key.push_str("ss"),
            'ς' => key.push('σ'),
            character => key.push(character),
        }
    }
    key
}

/// The form in which readings of names are compared: like [`name_key`], with katakana as hiragana,
/// so that タナカ and たなか are the same.
pub fn reading_key(reading: &str) -> String {
    let fold = |c| match c {
        // The two rows of letters have the same order, 0x60 apart.
        'ァ'..='ヶ' => char::from_u32(c as u32 - 0x60).unwrap_or(c),
        _ => c,
    };
    name_key(reading).chars().map(fold).collect()
}

/// Bytes a folded name may have: an index entry of PostgreSQL holds about 2,700. Only texts made of
/// heaps of combining marks come near it.
const MAX_KEY_BYTES: usize = 2_000;

/// Trims `raw`, removes control characters (PostgreSQL stores no NUL, logs and mails no line
/// breaks) and checks its length in characters as a person counts them.
pub fn name(raw: &str, path: &[&str], limit: usize) -> Result<String, UserError> {
    let clean = line(raw);
    if clean.is_empty() {
        return Err(UserError::new(
            path,
            UserErrorCode::Required,
            "Give a name.",
        ));
    }
    if clean.len() * 11 > MAX_KEY_BYTES && name_key(&clean).len() > MAX_KEY_BYTES {
        let message = format!("Use at most {limit} plain characters.");
        return Err(UserError::new(path, UserErrorCode::TooLong, message));
    }
    within(clean, path, limit)
}

/// Whether [`name`] would store `raw` as it is.
pub fn is_clean(raw: &str) -> bool {
    line(raw) == raw
}

/// Like [`name`], but may be empty.
pub fn short_text(raw: &str, path: &[&str], limit: usize) -> Result<String, UserError> {
    within(line(raw), path, limit)
}

/// Long text: line breaks and tabs stay, other control characters go.
pub fn long_text(raw: &str, path: &[&str], limit: usize) -> Result<String, UserError> {
    within(printable(raw), path, limit)
}

/// `raw` without control characters other than line breaks and tabs.
pub fn printable(raw: &str) -> String {
    raw.chars()
        .filter(|&c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

/// `text` as it may stand in HTML, between tags and in attributes alike.
pub fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
    }
    escaped
}

fn line(raw: &str) -> String {
    let clean: String = raw
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    clean.trim().to_owned()
}

fn within(text: String, path: &[&str], limit: usize) -> Result<String, UserError> {
    // Bytes are an upper bound of graphemes: the common short text is not segmented at all.
    if text.len() > limit && text.graphemes(true).count() > limit {
        let message = format!("Use at most {limit} characters.");
        return Err(UserError::new(path, UserErrorCode::TooLong, message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_whatever_their_width_and_case() {
        assert_eq!(name_key("ＶＩＰ"), name_key("vip"));
        assert_eq!(name_key("ﾊﾟｰﾄﾅｰ"), name_key("パートナー"));
        assert_ne!(name_key("VIP"), name_key("VIPs"));
        assert_eq!(name_key("Straße"), name_key("STRASSE"));
        assert_eq!(name_key("STRAẞE"), name_key("strasse"));
        assert_eq!(name_key("ΟΔΥΣΣΕΥΣ"), name_key("οδυσσευς"));
    }

    #[test]
    fn readings_are_the_same_in_both_kinds_of_kana() {
        assert_eq!(reading_key("ﾀﾅｶ ﾀﾛｳ"), reading_key("たなか たろう"));
        assert_eq!(reading_key("ヴァン"), "ゔぁん");
    }

    #[test]
    fn length_is_counted_as_a_person_counts() {
        assert!(short_text(&"縁".repeat(255), &["name"], 255).is_ok());
        assert!(short_text(&"縁".repeat(256), &["name"], 255).is_err());
        assert!(short_text(&"👩‍👩‍👧".repeat(64), &["name"], 64).is_ok());
    }

    #[test]
    fn control_characters_do_not_get_in() {
        assert_eq!(name(" a\0b\n", &["name"], 64).unwrap(), "a b");
        assert_eq!(printable("a\0b\nc\u{1}"), "ab\nc");
        assert!(name("\u{1}", &["name"], 64).is_err());
    }
}
