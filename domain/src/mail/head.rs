//! The header block of one message, read leniently.

use chrono::{DateTime, Utc};
use mail_parser::{Address, Header, HeaderValue, MessageParser};
use sha2::{Digest, Sha256};

use super::charset;
use super::text::one_line;

/// A message id longer than this is replaced by its hash, in bytes.
const MAX_ID_BYTES: usize = 400;

/// A header block made readable: UTF-8 throughout, charset names the parser knows, and an end.
pub(super) fn readable_block(raw: &[u8]) -> Vec<u8> {
    let mut block = if std::str::from_utf8(raw).is_ok() && !charset::has_iso2022_escape(raw) {
        raw.to_vec()
    } else {
        // Old mailers write headers in a bare charset. Headers of one message need not share it.
        raw.split_inclusive(|&byte| byte == b'\n')
            .flat_map(|line| charset::decode(line, None).into_bytes())
            .collect()
    };
    rename_charsets(&mut block);
    // The parser reads no header that has no line end, and a header block may be cut anywhere.
    block.extend_from_slice(b"\r\n\r\n");
    block
}

/// The headers of a block from [`readable_block`].
pub(super) struct Head<'x> {
    block: &'x [u8],
    headers: Vec<Header<'x>>,
}

impl<'x> Head<'x> {
    pub(super) fn read(block: &'x [u8]) -> Self {
        let headers = MessageParser::new()
            .parse_headers(block)
            .and_then(|message| message.parts.into_iter().next())
            .map(|part| part.headers)
            .unwrap_or_default();
        Self { block, headers }
    }

    /// Every header of that name, in order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Header<'x>> {
        self.headers
            .iter()
            .filter(move |header| header.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    pub(super) fn value(&self, name: &str) -> Option<&HeaderValue<'x>> {
        let header = self
            .headers
            .iter()
            .find(|header| header.name().eq_ignore_ascii_case(name))?;
        Some(&header.value)
    }

    /// The value as it lies there, unfolded; empty if the header is there without one.
    pub(super) fn raw(&self, name: &str) -> Option<String> {
        self.all(name).next().map(|header| self.raw_of(header))
    }

    pub(super) fn raw_of(&self, header: &Header<'_>) -> String {
        let range = header.offset_start as usize..header.offset_end as usize;
        let bytes = self.block.get(range).unwrap_or_default();
        one_line(&String::from_utf8_lossy(bytes), usize::MAX)
    }

    /// The addresses of every header of that name, groups flattened.
    pub(super) fn addresses<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = &'a mail_parser::Addr<'x>> {
        self.all(name)
            .filter_map(|header| header.value.as_address())
            .flat_map(Address::iter)
    }

    /// The message ids in every header of that name, without brackets.
    pub(super) fn ids(&self, name: &str) -> Vec<String> {
        let mut ids = Vec::new();
        for header in self.all(name) {
            match &header.value {
                HeaderValue::Text(id) => ids.extend(normal_id(id)),
                HeaderValue::TextList(list) => {
                    ids.extend(list.iter().filter_map(|id| normal_id(id)));
                }
                _ => {}
            }
        }
        ids
    }

    /// When the message says it was sent, or else when the last server took it in. Nothing before 1970 or after 2200:
    /// such dates come from broken clocks, and a time-line sorted by them is worse than one that says "unknown".
    pub(super) fn date(&self) -> Option<DateTime<Utc>> {
        self.written().or_else(|| self.received())
    }

    fn written(&self) -> Option<DateTime<Utc>> {
        moment(self.value("Date")?.as_datetime()?, &self.raw("Date")?)
    }

    /// Each server puts its line above the others', and the moment at its end.
    fn received(&self) -> Option<DateTime<Utc>> {
        let line = self.raw("Received")?;
        let (_, text) = line.rsplit_once(';')?;
        moment(&mail_parser::DateTime::parse_rfc822(text)?, text)
    }
}

/// The moment that `date` is, which was read from `text`.
fn moment(date: &mail_parser::DateTime, text: &str) -> Option<DateTime<Utc>> {
    if !date.is_valid() || !(1970..2200).contains(&date.year) {
        return None;
    }
    let mut seconds = date.to_timestamp();
    // The one zone name outside RFC 5322 that Japanese mailers write; the parser reads it as
    // Greenwich.
    if text.ends_with(" JST") && date.tz_hour == 0 {
        seconds -= 9 * 3600;
    }
    DateTime::from_timestamp(seconds, 0)
}

/// A message id without brackets; `None` if the text cannot be one.
pub(super) fn normal_id(text: &str) -> Option<String> {
    let id = text
        .trim()
        .trim_start_matches('<')
        .trim_end_matches('>')
        .trim();
    // Old mailers put prose into In-Reply-To: an id has no blanks.
    if id.is_empty() || id.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    if id.len() > MAX_ID_BYTES {
        return Some(format!(
            "hash:{}",
            hex::encode(Sha256::digest(id.as_bytes()))
        ));
    }
    Some(id.to_owned())
}

/// Puts the name the parser knows in place of a vendor's name in encoded words (`=?cp932?B?..?=`).
fn rename_charsets(block: &mut Vec<u8>) {
    let mut from = 0;
    while let Some(start) = find(&block[from..], b"=?").map(|at| from + at + 2) {
        let end = block[start..]
            .iter()
            .take(40)
            .position(|&byte| byte == b'?' || byte == b'\n');
        if let Some(length) = end
            && let Ok(label) = std::str::from_utf8(&block[start..start + length])
            && let Some(known) = charset::alias(label)
        {
            block.splice(start..start + length, known.bytes());
        }
        from = start;
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(block: &[u8], check: impl FnOnce(&Head<'_>)) {
        let block = readable_block(block);
        check(&Head::read(&block));
    }

    #[test]
    fn ids_lose_their_brackets_and_prose_is_no_id() {
        head(
            b"In-Reply-To: Your message of \"Thu, 1 Jan\" <a@b>",
            |head| {
                assert_eq!(head.ids("in-reply-to"), ["a@b"]);
            },
        );
        head(b"In-Reply-To: your mail of Thursday", |head| {
            assert!(head.ids("In-Reply-To").is_empty());
        });
        head(b"References: <a@b>\r\n <c@d> <e@f>", |head| {
            assert_eq!(head.ids("References"), ["a@b", "c@d", "e@f"]);
        });
        assert!(normal_id(&"x".repeat(500)).unwrap().starts_with("hash:"));
    }

    #[test]
    fn a_message_without_a_date_is_of_the_moment_it_was_taken_in() {
        let hops = "Received: from a.example by b.example; Thu, 29 Apr 2016 23:34:45\r\n +0900 (JST)\r\n\
                    Received: from c.example by a.example; Thu, 29 Apr 2016 09:00:00 +0900\r\n";
        let taken = Some("2016-04-29T14:34:45+00:00");
        let no_moment = "Received: by elsewhere";
        for (block, expected) in [
            (hops.to_owned(), taken),
            (format!("Date: yesterday\r\n{hops}"), taken),
            (
                format!("{hops}Date: Thu, 29 Apr 2016 09:00:00 +0000"),
                Some("2016-04-29T09:00:00+00:00"),
            ),
            (format!("{no_moment}\r\n"), None),
            (format!("{no_moment}; soon\r\n"), None),
        ] {
            head(block.as_bytes(), |head| {
                let date = head.date().map(|date| date.to_rfc3339());
                assert_eq!(date.as_deref(), expected, "{block}");
            });
        }
    }

    #[test]
    fn dates_are_read_or_left_out() {
        let cases = [
            (
                "Thu, 22 Aug 2002 14:54:25 +0100",
                Some("2002-08-22T13:54:25+00:00"),
            ),
            ("22 Aug 02 14:54 +0000", Some("2002-08-22T14:54:00+00:00")),
            (
                "Thu, 9 Apr 2006 23:34:45 JST",
                Some("2006-04-09T14:34:45+00:00"),
            ),
            (
                "Thu, 9 Apr 2006 23:34:45 +0900 (JST)",
                Some("2006-04-09T14:34:45+00:00"),
            ),
            ("Thu, 35 Foo 2002 99:99:99", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in cases {
            head(format!("Date: {text}").as_bytes(), |head| {
                assert_eq!(
                    head.date().map(|date| date.to_rfc3339()).as_deref(),
                    expected,
                    "{text}"
                );
            });
        }
    }

    #[test]
    fn a_bare_charset_in_a_header_is_recognised() {
        head(b"Subject: \x1b$B$3$s$K$A$O\x1b(B\r\nX: 1", |head| {
            assert_eq!(head.value("Subject").unwrap().as_text(), Some("こんにちは"));
            assert!(head.has("x"));
        });
    }

    #[test]
    fn a_vendors_charset_in_an_encoded_word_is_understood() {
        head(b"Subject: =?CP932?B?grGC8YLJgr+CzQ==?=", |head| {
            assert_eq!(head.value("Subject").unwrap().as_text(), Some("こんにちは"));
        });
    }
}
