//! Which encoding a file is in, and its cells as text.
//!
//! Files without a mark are judged by their bytes: what is valid UTF-8 is UTF-8; of the rest, Japanese
//! and Chinese programs write Shift_JIS and GBK, in which the same bytes are different characters, most
//! of which nobody uses. The one that makes of them what people write is taken. A person can always say
//! it instead.
//!
//! Tables put together out of several files are in several encodings. Such a file is read as what most
//! of its lines are in, and a cell in another encoding is a [`Fault`] and never text nobody wrote.
//!
//! Shift_JIS and GBK have no signs for many characters of names. Those are written as references by
//! their numbers ([`escape`]) and read back ([`unescape`]), so that a file that is exported and imported
//! again changes nobody's name.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, Encoding, GBK, SHIFT_JIS};
use entity::kind::SheetEncoding;

/// The bytes that some programs put before UTF-8.
pub const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The file is in an encoding that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnknownEncoding {
    /// UTF-16, as Excel's "Unicode Text".
    #[error("The file is in UTF-16. Save it as \"CSV UTF-8\" instead.")]
    Utf16,
    /// It holds zero bytes, so it is no text: a spreadsheet's own file, perhaps.
    #[error("This is not a text file. Save the table as CSV, preferably \"CSV UTF-8\".")]
    Binary,
    /// It begins as JSON does: an export in JSON Lines, perhaps.
    #[error("This is a file of JSON. Save or export the table as CSV instead.")]
    Json,
}

/// Why the bytes of a cell are no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The encoding has no such bytes.
    #[error(
        "Byte {place} of this cell ({hex}) is no text in {encoding}, as which the file is read. \
         Write the cell anew, or choose the file's encoding."
    )]
    Malformed {
        /// The name of the encoding the file is read as.
        encoding: &'static str,
        /// Which byte of the cell it begins at, from 1.
        place: usize,
        /// The bytes, as people write bytes.
        hex: String,
    },
    /// They are UTF-8, in a file that is read as something else.
    #[error(
        "This cell is in UTF-8, and the file is read as {encoding}. Save the whole file in one \
         encoding, preferably as \"CSV UTF-8\"."
    )]
    IsUtf8 {
        /// The name of the encoding the file is read as.
        encoding: &'static str,
    },
}

/// An encoding as people call it.
pub fn name(encoding: SheetEncoding) -> &'static str {
    match encoding {
        SheetEncoding::Utf8 => "UTF-8",
        SheetEncoding::ShiftJis => "Shift_JIS",
        SheetEncoding::Gbk => "GBK",
    }
}

/// How many bytes at the beginning of a file are a mark and no text.
pub fn mark_bytes(beginning: &[u8]) -> usize {
    if beginning.starts_with(UTF8_MARK) {
        UTF8_MARK.len()
    } else {
        0
    }
}

/// The encoding of a file that begins with `beginning`; `is_whole` when that is all of it. Of two that
/// fit alike, GBK is taken if `prefers_chinese`.
pub fn detect(
    beginning: &[u8],
    is_whole: bool,
    prefers_chinese: bool,
) -> Result<SheetEncoding, UnknownEncoding> {
    if beginning.starts_with(b"\xff\xfe") || beginning.starts_with(b"\xfe\xff") {
        return Err(UnknownEncoding::Utf16);
    }
    if beginning.contains(&0) {
        return Err(UnknownEncoding::Binary);
    }
    if beginning[mark_bytes(beginning)..].starts_with(b"{\"") {
        return Err(UnknownEncoding::Json);
    }
    match std::str::from_utf8(beginning) {
        Ok(text) => return Ok(of_valid(text, prefers_chinese)),
        // The last character may go on behind the end.
        Err(error) if error.error_len().is_none() && !is_whole => return Ok(SheetEncoding::Utf8),
        Err(_) if beginning.starts_with(UTF8_MARK) => return Ok(SheetEncoding::Utf8),
        Err(_) if is_mostly_utf8(beginning) => return Ok(SheetEncoding::Utf8),
        Err(_) => {}
    }
    let (japanese, chinese) = (like_shift_jis(beginning), like_gbk(beginning));
    let is_chinese = chinese > japanese || (chinese == japanese && prefers_chinese);
    Ok(if is_chinese {
        SheetEncoding::Gbk
    } else {
        SheetEncoding::ShiftJis
    })
}

/// The encoding of text that is valid UTF-8: that, unless all of it is ASCII and what it refers to by
/// numbers is what another encoding has no signs for.
fn of_valid(text: &str, prefers_chinese: bool) -> SheetEncoding {
    if !text.is_ascii() {
        return SheetEncoding::Utf8;
    }
    let mut others = [SheetEncoding::ShiftJis, SheetEncoding::Gbk];
    if prefers_chinese {
        others.reverse();
    }
    let references = text.split(REFERENCE).skip(1).filter_map(reference);
    let referred = references.map(|(character, _)| character);
    // Of ASCII no encoding lacks anything: it says nothing.
    let referred: Vec<char> = referred.filter(|one| !one.is_ascii()).collect();
    let mut others = others.into_iter();
    let found = others.find(|&one| {
        !referred.is_empty() && referred.iter().all(|&character| !has(one, character))
    });
    found.unwrap_or(SheetEncoding::Utf8)
}

/// Whether most of the lines that say anything about the encoding are UTF-8.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r'));
    let (mut utf8, mut other) = (0, 0);
    for line in lines.filter(|line| !line.is_ascii()) {
        match std::str::from_utf8(line) {
            Ok(_) => utf8 += 1,
            Err(_) => other += 1,
        }
    }
    utf8 > other
}

/// Whether bytes that were taken for another encoding are UTF-8. What is valid as UTF-8 and holds a
/// character of three bytes is hardly ever anything else; characters of two bytes say nothing, since
/// short words in GBK and in katakana of half the width look like them.
fn is_surely_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().any(|one| one.len_utf8() > 2))
}

/// What share of the characters, in thousandths, is what Japanese people write.
fn like_shift_jis(bytes: &[u8]) -> i64 {
    // Katakana of half the width takes one byte.
    share(bytes, |lead, trail| match lead {
        0x81..=0x9f | 0xe0..=0xfc if matches!(trail, 0x40..=0x7e | 0x80..=0xfc) => {
            (2, matches!(lead, 0x81..=0x83 | 0x88..=0x97))
        }
        _ => (1, false),
    })
}

/// What share of the characters, in thousandths, is what Chinese people write.
fn like_gbk(bytes: &[u8]) -> i64 {
    share(bytes, |lead, trail| match lead {
        0x81..=0xfe if matches!(trail, 0x40..=0x7e | 0x80..=0xfe) => {
            let is_common = trail >= 0xa1 && matches!(lead, 0xa1..=0xa3 | 0xb0..=0xd7);
            (2, is_common)
        }
        _ => (1, false),
    })
}

/// Goes through everything that is not ASCII; `read` says how many bytes a character has, and whether
/// it is a common one.
fn share(bytes: &[u8], read: impl Fn(u8, u8) -> (usize, bool)) -> i64 {
    let (mut all, mut common, mut at) = (0_i64, 0_i64, 0);
    while let Some(&lead) = bytes.get(at) {
        if lead.is_ascii() {
            at += 1;
            continue;
        }
        let (length, is_common) = read(lead, bytes.get(at + 1).copied().unwrap_or_default());
        all += 1;
        common += i64::from(is_common);
        at += length;
    }
    common * 1_000 / all.max(1)
}

/// The text of a cell, or why it is none.
pub fn decode(encoding: SheetEncoding, bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    let other = match encoding {
        SheetEncoding::Utf8 => {
            return std::str::from_utf8(bytes)
                .map(Cow::Borrowed)
                .map_err(|error| {
                    let length = error.error_len().unwrap_or(bytes.len());
                    malformed(encoding, bytes, error.valid_up_to(), length)
                });
        }
        SheetEncoding::ShiftJis => SHIFT_JIS,
        SheetEncoding::Gbk => GBK,
    };
    if is_surely_utf8(bytes) {
        return Err(Fault::IsUtf8 {
            encoding: name(encoding),
        });
    }
    other
        .decode_without_bom_handling_and_without_replacement(bytes)
        .ok_or_else(|| {
            let (at, length) = first_malformed(other, bytes);
            malformed(encoding, bytes, at, length)
        })
}

fn malformed(encoding: SheetEncoding, bytes: &[u8], at: usize, length: usize) -> Fault {
    let wrong = bytes.iter().skip(at).take(length.clamp(1, 4));
    let wrong: Vec<String> = wrong.map(|byte| format!("0x{byte:02X}")).collect();
    Fault::Malformed {
        encoding: name(encoding),
        place: at + 1,
        hex: wrong.join(" "),
    }
}

/// Where the first bytes that `encoding` does not have begin, and how many they are.
fn first_malformed(encoding: &'static Encoding, bytes: &[u8]) -> (usize, usize) {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let longest = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
    let mut text = vec![0; longest.unwrap_or_default()];
    match decoder.decode_to_utf8_without_replacement(bytes, &mut text, true) {
        (DecoderResult::Malformed(length, behind), read, _) => {
            let (length, behind) = (usize::from(length), usize::from(behind));
            (read.saturating_sub(length + behind), length)
        }
        _ => (0, bytes.len()),
    }
}

/// The text of a cell, with a sign in place of what is not of this encoding; for showing.
pub fn decode_lossy(encoding: SheetEncoding, bytes: &[u8]) -> Cow<'_, str> {
    match encoding {
        SheetEncoding::Utf8 => String::from_utf8_lossy(bytes),
        SheetEncoding::ShiftJis => SHIFT_JIS.decode_without_bom_handling(bytes).0,
        SheetEncoding::Gbk => GBK.decode_without_bom_handling(bytes).0,
    }
}

/// What a reference to a character by its number begins with.
const REFERENCE: &str = "&#";

/// The text as it can be written in this encoding: where a character would not come back as it is, a
/// reference to it by its number stands (`&#128512;`).
pub fn escape(encoding: SheetEncoding, text: &str) -> Cow<'_, str> {
    if survives(encoding, text) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if has(encoding, character) {
            escaped.push(character);
        } else {
            escaped.push_str(&format!("{REFERENCE}{};", u32::from(character)));
        }
    }
    Cow::Owned(escaped)
}

/// The text that [`escape`] made this of. References to characters that the encoding has are text.
pub fn unescape(encoding: SheetEncoding, text: &str) -> Cow<'_, str> {
    if !text.contains(REFERENCE) {
        return Cow::Borrowed(text);
    }
    let mut pieces = text.split(REFERENCE);
    let mut unescaped = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match reference(piece) {
            Some((character, rest)) if !has(encoding, character) => {
                unescaped.push(character);
                unescaped.push_str(rest);
            }
            _ => {
                unescaped.push_str(REFERENCE);
                unescaped.push_str(piece);
            }
        }
    }
    Cow::Owned(unescaped)
}

/// The character whose number stands before the first `;`, as [`escape`] writes numbers, and what comes
/// behind.
fn reference(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = text.split_once(';')?;
    let number: u32 = digits.parse().ok()?;
    let character = char::from_u32(number).filter(|_| number.to_string() == digits)?;
    Some((character, rest))
}

/// Whether the encoding has a sign for `character`.
fn has(encoding: SheetEncoding, character: char) -> bool {
    survives(encoding, character.encode_utf8(&mut [0; 4]))
}

/// Whether `text` is the same when it was written and read again: some characters are written as others
/// that look alike.
fn survives(encoding: SheetEncoding, text: &str) -> bool {
    let other = match encoding {
        SheetEncoding::Utf8 => return true,
        SheetEncoding::ShiftJis => SHIFT_JIS,
        SheetEncoding::Gbk => GBK,
    };
    if text.is_ascii() {
        return true;
    }
    let (bytes, _, is_lossy) = other.encode(text);
    !is_lossy && other.decode_without_bom_handling(&bytes).0 == text
}

/// The bytes of a text; what the encoding has no sign for is written by [`escape`].
pub fn encode(encoding: SheetEncoding, text: &str) -> Cow<'_, [u8]> {
    let other = match encoding {
        SheetEncoding::Utf8 => return Cow::Borrowed(text.as_bytes()),
        SheetEncoding::ShiftJis => SHIFT_JIS,
        SheetEncoding::Gbk => GBK,
    };
    Cow::Owned(other.encode(&escape(encoding, text)).0.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const JAPANESE: &str = "氏名,メールアドレス,会社\n田中 太郎,tanaka@example.com,株式会社テスト\n佐藤花子,sato@example.jp,山田商店\n";
    const CHINESE: &str = "姓名,邮箱,公司\n王小明,wang@example.cn,北京科技有限公司\n李华,li@example.cn,上海贸易集团\n";

    #[test]
    fn what_people_write_is_told_apart() {
        for (text, encoding) in [
            (JAPANESE, SheetEncoding::ShiftJis),
            (CHINESE, SheetEncoding::Gbk),
            (JAPANESE, SheetEncoding::Utf8),
            (CHINESE, SheetEncoding::Utf8),
            ("name,email\n", SheetEncoding::Utf8),
            ("名前\n鈴木\n", SheetEncoding::ShiftJis),
            ("名称\n张伟\n", SheetEncoding::Gbk),
        ] {
            let bytes = encode(encoding, text);
            for prefers_chinese in [false, true] {
                assert_eq!(
                    detect(&bytes, true, prefers_chinese),
                    Ok(encoding),
                    "{text} {encoding:?}"
                );
            }
            assert_eq!(decode(encoding, &bytes).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_cut_character_is_no_fault_and_other_files_are_named() {
        let bytes = "名前".as_bytes();
        assert_eq!(detect(&bytes[..5], false, false), Ok(SheetEncoding::Utf8));
        assert_eq!(
            detect(b"\xff\xfea\0", true, false),
            Err(UnknownEncoding::Utf16)
        );
        assert_eq!(
            detect(b"PK\x03\x04\0\0", true, false),
            Err(UnknownEncoding::Binary)
        );
        assert_eq!(
            detect(b"{\"name\":\"A\"}\n", true, false),
            Err(UnknownEncoding::Json)
        );
    }

    #[test]
    fn bytes_of_another_encoding_are_not_taken_for_text() {
        for (encoding, bytes, said) in [
            (
                SheetEncoding::Utf8,
                &b"ab\x93\x63"[..],
                "Byte 3 of this cell (0x93) is no text in UTF-8",
            ),
            (
                SheetEncoding::Utf8,
                b"\xe5\x90",
                "Byte 1 of this cell (0xE5 0x90)",
            ),
            (
                SheetEncoding::ShiftJis,
                b"\x93\x63\xfd",
                "Byte 3 of this cell (0xFD) is no text in Shift_JIS",
            ),
            (
                SheetEncoding::Gbk,
                b"a\xff",
                "Byte 2 of this cell (0xFF) is no text in GBK",
            ),
            (
                SheetEncoding::Gbk,
                b"\xc0\xee\xc0",
                "Byte 3 of this cell (0xC0)",
            ),
            (
                SheetEncoding::ShiftJis,
                "田中".as_bytes(),
                "This cell is in UTF-8, and the file is read as Shift_JIS",
            ),
            (
                SheetEncoding::Gbk,
                "王小明".as_bytes(),
                "This cell is in UTF-8, and the file is read as GBK",
            ),
        ] {
            let fault = decode(encoding, bytes).unwrap_err().to_string();
            assert!(fault.starts_with(said), "{fault}");
        }
        assert_eq!(decode_lossy(SheetEncoding::Utf8, b"a\xff"), "a\u{fffd}");
        assert_eq!(&*encode(SheetEncoding::ShiftJis, "a😀b"), b"a&#128512;b");
    }

    #[test]
    fn katakana_of_half_the_width_and_short_words_are_no_utf8() {
        for (encoding, text) in [
            (SheetEncoding::ShiftJis, "ﾃｸﾉ"),
            (SheetEncoding::ShiftJis, "ﾀﾅｶ ﾀﾛｳ"),
            (SheetEncoding::Gbk, "联通"),
        ] {
            let bytes = encode(encoding, text);
            assert_eq!(decode(encoding, &bytes).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_an_encoding_has_no_sign_for_comes_back_as_it_was() {
        use SheetEncoding::{Gbk, ShiftJis, Utf8};
        for (encoding, text, written) in [
            (ShiftJis, "縁😀", "縁&#128512;"),
            (ShiftJis, "𠮷野家", "&#134071;野家"),
            (ShiftJis, "김 철수", "&#44608; &#52384;&#49688;"),
            // Written as characters that look alike, which are others when they are read.
            (ShiftJis, "¥100〜", "&#165;100&#12316;"),
            (Gbk, "😀 王", "&#128512; 王"),
            (Utf8, "縁😀", "縁😀"),
        ] {
            let escaped = escape(encoding, text);
            assert_eq!(escaped, written);
            let bytes = encode(encoding, text);
            let read = decode(encoding, &bytes).unwrap();
            assert_eq!(unescape(encoding, &read), text);
        }
        // Texts that only look like it.
        for text in [
            "&#65;",
            "&#;",
            "&#x1F600;",
            "&#0128512;",
            "&#30000;",
            "&#128512",
            "a&#",
        ] {
            assert_eq!(unescape(ShiftJis, text), text);
        }
        assert_eq!(unescape(Utf8, "&#128512;"), "&#128512;");
    }

    #[test]
    fn a_file_of_nothing_but_references_is_read_as_what_it_was_written_in() {
        use SheetEncoding::{Gbk, ShiftJis, Utf8};
        for (text, prefers_chinese, encoding) in [
            ("name\n&#128512;\n", false, ShiftJis),
            ("name\n&#128512;\n", true, Gbk),
            ("name\n&#39;&#128512;\n", false, ShiftJis),
            ("name\n&#30000;\n", false, Utf8),
            ("name\n&#39;\n", false, Utf8),
            ("名前\n&#128512;\n", false, Utf8),
        ] {
            let found = detect(text.as_bytes(), true, prefers_chinese);
            assert_eq!(found, Ok(encoding), "{text}");
        }
    }

    #[test]
    fn a_file_in_two_encodings_is_read_as_most_of_it_is() {
        for other in [SheetEncoding::ShiftJis, SheetEncoding::Gbk] {
            let text = if other == SheetEncoding::Gbk {
                CHINESE
            } else {
                JAPANESE
            };
            let (utf8, strange) = (text.as_bytes().to_vec(), encode(other, text).into_owned());
            let mostly_utf8 = [utf8.clone(), utf8.clone(), strange.clone()].concat();
            assert_eq!(detect(&mostly_utf8, true, false), Ok(SheetEncoding::Utf8));
            let mostly_other = [strange.clone(), strange, utf8].concat();
            assert_eq!(detect(&mostly_other, true, false), Ok(other));
        }
    }
}
