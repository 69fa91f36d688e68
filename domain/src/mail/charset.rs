//! Charsets that mail leaves out or misnames.
//!
//! `mail-parser` decodes what is declared and known. Old Japanese mail often declares nothing,
//! declares `us-ascii` over ISO-2022-JP, or uses a vendor's name for a charset; this module fills
//! in the name or guesses it. It never looks at text whose declared charset is known and fits.

use mail_parser::decoders::charsets::map::charset_decoder;

/// Vendors' names for charsets that `mail-parser` knows under another one.
const ALIASES: &[(&str, &str)] = &[
    ("cp932", "shift_jis"),
    ("x-ms-cp932", "shift_jis"),
    ("windows-932", "shift_jis"),
    ("shift-jis", "shift_jis"),
    ("x-sjis-cp932", "shift_jis"),
    ("iso-2022-jp-1", "iso-2022-jp"),
    ("iso-2022-jp-2", "iso-2022-jp"),
    ("iso-2022-jp-3", "iso-2022-jp"),
    ("iso-2022-jp-ms", "iso-2022-jp"),
    ("cp50220", "iso-2022-jp"),
    ("cp50221", "iso-2022-jp"),
    ("eucjp", "euc-jp"),
    ("eucjp-ms", "euc-jp"),
    ("eucjp-win", "euc-jp"),
    ("cp51932", "euc-jp"),
    ("gb_18030", "gb18030"),
    ("gb18030-2000", "gb18030"),
    ("cp54936", "gb18030"),
    ("euc-cn", "gbk"),
    ("cp949", "euc-kr"),
    ("big5-eten", "big5"),
    ("cp950", "big5"),
];

/// Whether the declared charset settles what the bytes mean.
///
/// `us-ascii` and `utf-8` do not: they are what a mailer writes that does not know.
pub(super) fn is_settled(label: Option<&str>) -> bool {
    label.is_some_and(|label| !is_ascii_label(label) && charset_decoder(label.as_bytes()).is_some())
}

/// What the bytes say although another charset was declared, once that one has failed on them;
/// `None` if they might still be what was declared, with a few broken characters.
///
/// Gateways re-encode a body and leave its label: UTF-8 under `iso-2022-jp` is the common case.
pub(super) fn despite_label(bytes: &[u8], label: &str) -> Option<String> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (!text.is_ascii()).then(|| text.to_owned());
    }
    // ISO-2022-JP has no byte above 0x7F, so this is something else.
    label
        .to_ascii_lowercase()
        .starts_with("iso-2022-jp")
        .then(|| guess(bytes))
}

/// Decodes bytes whose declared charset is absent, unknown, or does not fit.
pub(super) fn decode(bytes: &[u8], label: Option<&str>) -> String {
    if let Some(label) = label.filter(|label| !is_ascii_label(label)) {
        let known = alias(label).unwrap_or(label);
        if let Some(decoder) = charset_decoder(known.as_bytes()) {
            return decoder(bytes);
        }
    }
    guess(bytes)
}

/// The name `mail-parser` knows for a vendor's name of a charset.
pub(super) fn alias(label: &str) -> Option<&'static str> {
    let label = label.trim();
    ALIASES
        .iter()
        .find(|(vendor, _)| vendor.eq_ignore_ascii_case(label))
        .map(|&(_, known)| known)
}

/// Whether the bytes switch character sets the way ISO-2022-JP does.
pub(super) fn has_iso2022_escape(bytes: &[u8]) -> bool {
    bytes
        .windows(2)
        .any(|pair| pair == b"\x1b$" || pair == b"\x1b(")
}

fn is_ascii_label(label: &str) -> bool {
    label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii")
}

/// The charset that explains the bytes best; Western text when nothing else does, since every byte
/// means something there and the ASCII around it stays readable.
fn guess(bytes: &[u8]) -> String {
    if has_iso2022_escape(bytes) {
        return decode_as("iso-2022-jp", bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    for japanese in ["euc-jp", "shift_jis"] {
        let text = decode_as(japanese, bytes);
        if reads_as_japanese(&text) {
            return text;
        }
    }
    if high_bytes_come_in_pairs(bytes) {
        let text = decode_as("gb18030", bytes);
        if !text.contains(char::REPLACEMENT_CHARACTER) {
            return text;
        }
    }
    // A UTF-8 text with a few broken bytes (cut in the middle of a character) stays UTF-8.
    let lossy = String::from_utf8_lossy(bytes);
    let broken = lossy
        .chars()
        .filter(|&c| c == char::REPLACEMENT_CHARACTER)
        .count();
    let whole = lossy.chars().filter(|&c| !c.is_ascii()).count() - broken;
    if whole > 2 * broken {
        return lossy.into_owned();
    }
    decode_as("windows-1252", bytes)
}

fn decode_as(label: &str, bytes: &[u8]) -> String {
    match charset_decoder(label.as_bytes()) {
        Some(decoder) => decoder(bytes),
        None => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// No byte is left over, and kana are among the characters: Japanese is never written without.
fn reads_as_japanese(text: &str) -> bool {
    let (mut kana, mut foreign) = (0_usize, 0_usize);
    for character in text.chars() {
        match character {
            char::REPLACEMENT_CHARACTER => return false,
            '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' => {
                kana += 1;
                foreign += 1;
            }
            other if !other.is_ascii() => foreign += 1,
            _ => {}
        }
    }
    kana > 0 && kana * 10 >= foreign
}

/// GB2312 writes each character in two bytes of 0xA1 or more; Western accents stand alone.
fn high_bytes_come_in_pairs(bytes: &[u8]) -> bool {
    bytes
        .split(u8::is_ascii)
        .all(|run| run.len().is_multiple_of(2) && run.iter().all(|&byte| byte >= 0xa1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undeclared_charsets_are_recognised() {
        let cases: &[(&[u8], &str)] = &[
            (b"\x1b$B$3$s$K$A$O\x1b(B hi", "こんにちは hi"),
            (b"\x82\xb1\x82\xf1\x82\xc9\x82\xbf\x82\xcd", "こんにちは"),
            (b"\xa4\xb3\xa4\xf3\xa4\xcb\xa4\xc1\xa4\xcf", "こんにちは"),
            (b"\xc4\xe3\xba\xc3\xa3\xac\xbf\xcd\xbb\xa7", "你好，客户"),
            (b"\xa3160,000", "£160,000"),
            ("ünïcode".as_bytes(), "ünïcode"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(guess(bytes), *expected);
        }
    }

    #[test]
    fn a_vendors_name_for_a_charset_is_understood() {
        assert_eq!(decode(b"\x82\xb1", Some("CP932")), "こ");
        assert!(!is_settled(Some("cp932")));
        assert!(is_settled(Some("Shift_JIS")));
        assert!(!is_settled(Some("us-ascii")));
        assert!(!is_settled(Some("utf-8")));
        assert!(!is_settled(None));
    }

    #[test]
    fn a_label_that_cannot_be_true_is_overruled() {
        assert_eq!(
            despite_label("日本".as_bytes(), "ISO-2022-JP").as_deref(),
            Some("日本")
        );
        assert_eq!(
            despite_label("日本".as_bytes(), "gbk").as_deref(),
            Some("日本")
        );
        assert_eq!(despite_label(b"\x82\xb1\x82", "shift_jis"), None);
        assert_eq!(
            despite_label(b"\x82\xb1\x82\xf1", "iso-2022-jp").as_deref(),
            Some("こん")
        );
        assert_eq!(despite_label(b"\x1b$B", "iso-2022-jp"), None);
    }

    #[test]
    fn a_cut_utf8_text_stays_utf8() {
        assert_eq!(guess(&"日本語の文".as_bytes()[..14]), "日本語の\u{fffd}");
    }
}
