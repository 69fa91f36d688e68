//! Which encoding a file is in, and its cells as text.
//!
//! Files without a mark are judged by their bytes: what is valid UTF-8 is UTF-8; of the rest, Japanese
//! and Chinese programs write Shift_JIS and GBK, in which the same bytes are different characters, most
//! of which nobody uses. The one that makes of them what people write is taken. A person can always say
//! it instead.
//!
//! Tables put together out of several files are in several encodings. Such a file is read as what most
//! of its lines are in, and a cell in another encoding is a [`Fault`] and never text nobody wrote.

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
    match std::str::from_utf8(beginning) {
        Ok(_) => return Ok(SheetEncoding::Utf8),
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

/// The bytes of a text; what the encoding has no sign for becomes `?`.
pub fn encode(encoding: SheetEncoding, text: &str) -> Cow<'_, [u8]> {
    let other = match encoding {
        SheetEncoding::Utf8 => return Cow::Borrowed(text.as_bytes()),
        SheetEncoding::ShiftJis => SHIFT_JIS,
        SheetEncoding::Gbk => GBK,
    };
    let mut encoder = other.new_encoder();
    let mut bytes = Vec::with_capacity(text.len() * 2);
    let mut rest = text;
    loop {
        let (result, read) =
            encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut bytes, true);
        rest = &rest[read..];
        match result {
            encoding_rs::EncoderResult::InputEmpty => return Cow::Owned(bytes),
            encoding_rs::EncoderResult::OutputFull => bytes.reserve(rest.len() * 2 + 16),
            encoding_rs::EncoderResult::Unmappable(_) => bytes.push(b'?'),
        }
    }
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
        assert_eq!(&*encode(SheetEncoding::ShiftJis, "a😀b"), b"a?b");
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
