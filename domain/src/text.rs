//! Names as people write them, the form in which they are compared, counts in words, and texts made safe
//! for HTML.

use std::{borrow::Cow, fmt};

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
/// breaks) and what cannot be seen, and checks its length in characters as a person counts them.
pub fn name(raw: &str, path: &[&str], limit: usize) -> Result<String, UserError> {
    let clean = line(&visible(raw));
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

/// An id that another system gave, at most 200 characters: as [`name`], but what is blank is called an id.
pub fn id(raw: &str, path: &[&str]) -> Result<String, UserError> {
    name(raw, path, 200).map_err(|mut error| {
        if error.code == UserErrorCode::Required {
            "Give an id.".clone_into(&mut error.message);
        }
        error
    })
}

/// Whether [`name`] would store `raw` as it is.
pub fn is_clean(raw: &str) -> bool {
    line(&visible(raw)) == raw
}

/// `raw` without characters that only say how others are to be set, such as the space without width: two
/// names that differ by nothing else look alike. Joiners stay between characters that they may join:
/// those of emoji and of scripts beyond ASCII.
pub fn visible(raw: &str) -> Cow<'_, str> {
    if raw.is_ascii() {
        return Cow::Borrowed(raw);
    }
    let mut kept = String::with_capacity(raw.len());
    let mut joiner = None;
    for character in raw.chars() {
        let last = kept.chars().next_back();
        match character {
            '\u{200c}' | '\u{200d}' => joiner = Some(character),
            // The letters of a flag such as that of Scotland.
            '\u{e0020}'..='\u{e007f}' if last.is_some_and(spells_flag) => kept.push(character),
            _ if is_invisible(character) => {}
            _ => {
                let joins = |one: char| !one.is_ascii() && !one.is_whitespace();
                if let Some(joiner) = joiner.take()
                    && joins(character)
                    && last.is_some_and(joins)
                {
                    kept.push(joiner);
                }
                kept.push(character);
            }
        }
    }
    Cow::Owned(kept)
}

/// Whether the letters of a flag may follow: the black flag, and each of them but the last.
fn spells_flag(last: char) -> bool {
    matches!(last, '\u{1f3f4}' | '\u{e0020}'..='\u{e007e}')
}

/// Format characters (Unicode's category Cf) but for the signs of Arabic and Syriac numbers, which can be
/// seen, and those of scripts of old.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}'
    )
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

/// The beginning of `text` on one line, at most `limit` characters as a person counts them: runs of white
/// space are one space, and an ellipsis, which counts, stands where something is missing. Reads no more of
/// the text than it shows.
pub fn excerpt(text: &str, limit: usize) -> String {
    let words = text.split_whitespace().enumerate();
    let graphemes = words.flat_map(|(index, word)| {
        let space = (index > 0).then_some(" ");
        space.into_iter().chain(word.graphemes(true))
    });
    let mut seen = graphemes.filter(|one| !one.chars().all(char::is_control));
    let mut shown: String = seen.by_ref().take(limit.saturating_sub(1)).collect();
    match (seen.next(), seen.next()) {
        (Some(last), None) => shown.push_str(last),
        (Some(_), Some(_)) => {
            shown.truncate(shown.trim_end().len());
            shown.push('…');
        }
        (None, _) => {}
    }
    shown
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

/// So many of what the English `noun` names: `1 day`, `2 days`.
pub fn counted<N: Copy + fmt::Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    if number == N::from(1_u8) {
        return format!("1 {noun}");
    }
    let vowels = ["ay", "ey", "oy", "uy"];
    match noun.strip_suffix('y') {
        Some(stem) if !vowels.iter().any(|end| noun.ends_with(end)) => {
            format!("{number} {stem}ies")
        }
        _ => format!("{number} {noun}s"),
    }
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
    fn names_keep_nothing_that_cannot_be_seen() {
        let stored = |raw: &str| name(raw, &["name"], 64).ok();
        for blank in [
            "\u{200b}",
            " \u{feff}\u{2060} ",
            "\u{200d}",
            "\u{ad}\u{200e}\u{e0041}",
        ] {
            assert_eq!(stored(blank), None, "{blank:?}");
        }
        for raw in [
            "VIP\u{200b}",
            "\u{feff}VIP",
            "V\u{200d}I\u{200c}P\u{200d}",
            "V\u{2060}I\u{ad}P",
            "\u{202e}VIP \u{200b}",
        ] {
            assert_eq!(stored(raw).as_deref(), Some("VIP"), "{raw:?}");
            assert!(!is_clean(raw), "{raw:?}");
        }
        for kept in [
            "👩‍👩‍👧",
            "❤️‍🔥 Team",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "می\u{200c}خواهم",
            "山田 太郎",
        ] {
            assert_eq!(stored(kept).as_deref(), Some(kept));
            assert!(is_clean(kept), "{kept:?}");
        }
    }

    #[test]
    fn an_excerpt_is_cut_between_characters_and_says_so() {
        for (text, limit, expected) in [
            ("", 5, ""),
            ("  \r\n ", 5, ""),
            ("縁", 1, "縁"),
            ("ご縁", 1, "…"),
            ("Hello", 5, "Hello"),
            ("Hello!", 5, "Hell…"),
            ("a \n\n b\u{1}", 5, "a b"),
            ("one two", 5, "one…"),
            ("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 2, "👩‍👩‍👧…"),
            ("か\u{3099}か\u{3099}か", 3, "か\u{3099}か\u{3099}か"),
        ] {
            assert_eq!(excerpt(text, limit), expected, "{text:?} {limit}");
        }
    }

    #[test]
    fn one_is_counted_in_the_singular() {
        assert_eq!(counted(0_u32, "day"), "0 days");
        assert_eq!(counted(1_i64, "day"), "1 day");
        assert_eq!(counted(1_usize, "entry"), "1 entry");
        assert_eq!(counted(20_i64, "entry"), "20 entries");
        assert_eq!(counted(2_u64, "more notification"), "2 more notifications");
    }

    #[test]
    fn control_characters_do_not_get_in() {
        assert_eq!(name(" a\0b\n", &["name"], 64).unwrap(), "a b");
        assert_eq!(printable("a\0b\nc\u{1}"), "ab\nc");
        assert!(name("\u{1}", &["name"], 64).is_err());
    }
}
