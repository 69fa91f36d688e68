//! The text of a message, and the list of what is attached to it.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::html::html_to_text;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::parsers::MessageStream;
use mail_parser::{Encoding, Message, MessagePart, MimeHeaders, PartType};

use super::charset;
use super::guard::type_name;
use super::text::{many_lines, one_line};

/// The most text kept of one message, in bytes. More is a log file, not something said.
pub(super) const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// HTML longer than this is cut before it is converted, in bytes: tags outweigh text.
const MAX_HTML_BYTES: usize = 8 * MAX_TEXT_BYTES;
const MAX_FILE_NAME_CHARS: usize = 255;

/// What is known of an attachment. Its content is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The file's name, without any folder a sender wrote before it.
    pub name: Option<String>,
    /// `image/png` and the like, as the sender declared it.
    pub content_type: String,
    /// The decoded size, in bytes.
    pub size_bytes: usize,
}

/// The body as plain text: the parts shown as text, HTML converted, one after the other.
pub(super) fn read_text(message: &Message<'_>, raw: &[u8]) -> String {
    let text = join_text(message.text_bodies(), raw);
    if !text.is_empty() {
        return text;
    }
    // Where a multipart's boundary never comes, the parser hands over what it holds as one piece.
    // A person would still read it.
    join_text(
        message
            .attachments()
            .filter(|part| is_broken_multipart(part)),
        raw,
    )
}

fn join_text<'a>(parts: impl Iterator<Item = &'a MessagePart<'a>>, raw: &[u8]) -> String {
    let mut text = String::new();
    for part in parts {
        if text.len() >= MAX_TEXT_BYTES {
            break;
        }
        let written = match &part.body {
            PartType::Text(decoded) => decoded_again(part, decoded, raw),
            PartType::Html(decoded) => Cow::Owned(plain_text(cut(
                &decoded_again(part, decoded, raw),
                MAX_HTML_BYTES,
            ))),
            _ => continue,
        };
        let written = many_lines(&written, MAX_TEXT_BYTES);
        if !text.is_empty() && !written.is_empty() {
            text.push('\n');
        }
        text.push_str(&written);
    }
    many_lines(&text, MAX_TEXT_BYTES)
}

fn is_broken_multipart(part: &MessagePart<'_>) -> bool {
    let is_multipart = part
        .content_type()
        .is_some_and(|content_type| content_type.ctype().eq_ignore_ascii_case("multipart"));
    is_multipart && matches!(part.body, PartType::Text(_))
}

/// Everything that is not the text: files, inline images, nested messages.
pub(super) fn list_attachments(message: &Message<'_>) -> Vec<Attachment> {
    message
        .attachments()
        .filter(|part| !matches!(part.body, PartType::Multipart(_)) && !is_broken_multipart(part))
        .map(|part| Attachment {
            name: part.attachment_name().and_then(file_name),
            content_type: type_name(part),
            size_bytes: match &part.body {
                PartType::Message(_) => part.offset_end.saturating_sub(part.offset_body) as usize,
                _ => part.contents().len(),
            },
        })
        .collect()
}

/// The parser's own decoding where the declared charset settles it, otherwise ours.
fn decoded_again<'x>(part: &MessagePart<'_>, decoded: &'x str, raw: &[u8]) -> Cow<'x, str> {
    let label = part
        .content_type()
        .and_then(|content_type| content_type.attribute("charset"));
    let is_settled = charset::is_settled(label);
    let is_doubtful = decoded.contains(char::REPLACEMENT_CHARACTER)
        || (!is_settled && decoded.contains('\u{1b}'))
        || (!is_settled
            && label.is_some_and(|label| !label.to_ascii_lowercase().starts_with("utf"))
            && !decoded.is_ascii());
    if !is_doubtful {
        return Cow::Borrowed(decoded);
    }
    let range = part.offset_body as usize..part.offset_end as usize;
    let encoded = raw.get(range).unwrap_or_default();
    // Guessing reads the bytes several times; what the text will be cut to needs no more.
    let encoded = &encoded[..encoded.len().min(4 * MAX_TEXT_BYTES)];
    let bytes = match part.encoding {
        Encoding::None => Some(Cow::Borrowed(encoded)),
        Encoding::Base64 => base64_decode(encoded).map(Cow::Owned),
        Encoding::QuotedPrintable => quoted_printable_decode(encoded).map(Cow::Owned),
    };
    let text = bytes.and_then(|bytes| match label {
        Some(label) if is_settled => charset::despite_label(&bytes, label),
        _ => Some(charset::decode(&bytes, label)),
    });
    text.map_or(Cow::Borrowed(decoded), Cow::Owned)
}

/// HTML to text, with a line per block. The converter knows `<br>` and `</p>` only; without this,
/// the paragraphs of a web mailer, which are `<div>`s, run into one word.
fn plain_text(html: &str) -> String {
    static BLOCK_ENDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build([
                "</div>",
                "</tr>",
                "</li>",
                "</h1>",
                "</h2>",
                "</h3>",
                "</h4>",
                "</h5>",
                "</h6>",
                "</table>",
                "</ul>",
                "</ol>",
                "</blockquote>",
                "</pre>",
                "</dd>",
                "</dt>",
                "<hr>",
                "</td>",
                "</th>",
            ])
            .ok()
    });
    let mut broken = String::with_capacity(html.len() + html.len() / 8);
    match &*BLOCK_ENDS {
        Some(ends) => ends.replace_all_with(html, &mut broken, |_, tag, out| {
            out.push_str(tag);
            let is_cell = tag.eq_ignore_ascii_case("</td>") || tag.eq_ignore_ascii_case("</th>");
            out.push_str(if is_cell { " " } else { "<br>" });
            true
        }),
        None => broken.push_str(html),
    }
    collapse_blank_lines(&html_to_text(&broken).replace('\u{a0}', " "))
}

/// Nested blocks end together; one blank line says as much as five.
fn collapse_blank_lines(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut blank = 0;
    for line in text.lines().map(str::trim_end) {
        blank = if line.trim().is_empty() { blank + 1 } else { 0 };
        if blank < 2 {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    lines
}

fn cut(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

/// A name to show and to save under: never a path.
fn file_name(written: &str) -> Option<String> {
    let decoded = decode_words(written);
    let last = decoded.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = one_line(last, MAX_FILE_NAME_CHARS);
    (!name.is_empty() && name != "." && name != "..").then_some(name)
}

/// RFC 2231 is how a file name says its charset, and the parser reads that. Outlook and many
/// Japanese mailers write encoded words (RFC 2047) instead, which is forbidden and everywhere.
fn decode_words(written: &str) -> String {
    let mut decoded = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(start) = rest.find("=?") {
        let mut word = MessageStream::new(&rest.as_bytes()[start + 1..]);
        let Some((text, after)) = word
            .decode_rfc2047()
            .and_then(|text| Some((text, rest.get(start + 1 + word.offset()..)?)))
        else {
            break;
        };
        let before = &rest[..start];
        // Blanks between two encoded words only separate them.
        if decoded.is_empty() || !before.trim().is_empty() {
            decoded.push_str(before);
        }
        decoded.push_str(&text);
        rest = after;
    }
    decoded.push_str(rest);
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_blocks_become_lines() {
        assert_eq!(
            plain_text("<div>Hello</div><DIV>World</DIV>"),
            "Hello\nWorld\n"
        );
        assert_eq!(plain_text("<td>a</td><td>b</td>").trim(), "a b");
        assert_eq!(
            plain_text("<div><div>a</div></div></div></div><p>b</p>"),
            "a\n\nb\n"
        );
        assert_eq!(
            plain_text("<style>x</style>価格&nbsp;&amp;&#x0;納期").trim(),
            "価格 &\0納期"
        );
    }

    #[test]
    fn encoded_words_in_a_file_name_are_decoded() {
        assert_eq!(
            decode_words("=?UTF-8?B?6KaL?= =?UTF-8?B?56mN?=.pdf"),
            "見積.pdf"
        );
        assert_eq!(decode_words("a =?UTF-8?B?6KaL?="), "a 見");
        assert_eq!(decode_words("=?x?=?UTF-8"), "=?x?=?UTF-8");
        assert_eq!(decode_words("=?UTF-8?B?6KaL"), "=?UTF-8?B?6KaL");
    }

    #[test]
    fn a_file_name_is_never_a_path() {
        assert_eq!(file_name("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(file_name("C:\\temp\\見積.pdf").as_deref(), Some("見積.pdf"));
        assert_eq!(file_name(".."), None);
        assert_eq!(file_name("a/"), None);
        assert_eq!(file_name("=?UTF-8?B?Li4v?=x").as_deref(), Some("x"));
    }
}
