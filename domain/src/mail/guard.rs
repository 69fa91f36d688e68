//! Limits that hold before a stranger's message is parsed.
//!
//! `mail-parser` reads anything in one pass, but sets no limits of its own: it keeps a record per
//! header and per part, drops nested messages recursively, and looks for a missing boundary through
//! all that is left. A crafted message of a few megabytes could cost gigabytes, minutes or the
//! stack. So three steps come first, each safe because of the one before:
//!
//! 1. counting over the raw bytes bounds how many headers and parts there can be at all;
//! 2. missing boundaries are found in one pass and their cost is added up;
//! 3. the message is parsed for its structure alone (no header but `Content-Type` is read, nothing
//!    is decoded), and parts, depth and header sizes are judged as the parser itself sees them.

use std::borrow::Cow;

use aho_corasick::AhoCorasick;
use mail_parser::{HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::parse::MailError;
use super::{MAX_MAIL_BYTES, text::one_line};

/// The most MIME parts in a message, nested messages included.
pub const MAX_PARTS: usize = 1000;
/// The deepest nesting of multiparts and messages.
pub const MAX_DEPTH: usize = 100;
/// The largest header block of one part, in bytes.
pub const MAX_HEADER_BYTES: usize = 256 * 1024;

/// All header blocks of a message together, in bytes.
const MAX_ALL_HEADER_BYTES: usize = 2 * 1024 * 1024;
/// The most headers in one block.
const MAX_HEADERS: usize = 2000;
/// One `Content-*` header, in bytes. The parser's time grows with the square of its parameters.
const MAX_CONTENT_HEADER_BYTES: usize = 16 * 1024;
/// Lines that could be a header, or could separate parts. Far more than any header has, since body
/// lines look alike; few enough that a record for each fits in memory.
const MAX_CANDIDATE_LINES: usize = 200_000;
/// What may be scanned in vain for boundaries that never come, in bytes.
const MAX_VAIN_SCAN_BYTES: usize = 64 * 1024 * 1024;
/// A boundary longer than this is counted as missing (RFC 2046 allows 70 characters).
const MAX_BOUNDARY_BYTES: usize = 256;

/// Refuses a message over a limit. Returns the bytes to parse: those given, or a copy in which a
/// nested message that claims to be encoded no longer does.
///
/// The parser would decode such a message and parse what comes out, out of sight of these limits.
/// RFC 2046 (5.2.1) forbids encoding one, so its content is left as it lies there.
pub(super) fn check(raw: &[u8]) -> Result<Cow<'_, [u8]>, MailError> {
    if raw.len() > MAX_MAIL_BYTES {
        return Err(MailError::TooLarge);
    }
    let mut raw = fold_boundaries(raw);
    check_boundaries(&raw, &count_candidates(&raw)?)?;
    let structure = MessageParser::new()
        .header_content_type(HeaderName::ContentType)
        .default_header_ignore()
        .parse(&*raw);
    let Some(structure) = structure else {
        return Ok(raw);
    };
    let outcome = check_structure(&structure);
    drop_flat(structure);
    for offset in outcome? {
        if let Some(first_letter) = raw.to_mut().get_mut(offset) {
            *first_letter = b'X';
        }
    }
    Ok(raw)
}

/// Exchange writes `Content-Type: multipart/alternative;` and puts `boundary=` on the next line
/// without the blank that would continue the header; the part would be lost. Nothing else reads
/// like that, so the line end between becomes a blank.
fn fold_boundaries(raw: &[u8]) -> Cow<'_, [u8]> {
    const NAME: &[u8] = b"boundary=";
    let mut folded = Cow::Borrowed(raw);
    let mut line_start = 0;
    while let Some(length) = raw[line_start..].iter().position(|&byte| byte == b'\n') {
        let end = line_start + length;
        let follows = raw[end + 1..].get(..NAME.len());
        if follows.is_some_and(|name| name.eq_ignore_ascii_case(NAME))
            && raw[line_start..end].trim_ascii_end().ends_with(b";")
        {
            folded.to_mut()[end] = b' ';
        }
        line_start = end + 1;
    }
    folded
}

/// Drops a message without recursing into the messages it holds.
pub(super) fn drop_flat(message: Message<'_>) {
    let mut waiting = vec![message];
    while let Some(mut message) = waiting.pop() {
        for part in &mut message.parts {
            if let PartType::Message(nested) = std::mem::take(&mut part.body) {
                waiting.push(nested);
            }
        }
    }
}

/// Where each text that can be read as a `Content-Type` header ends its name, in bytes.
///
/// The parser ignores blanks inside a header's name and finds headers in the middle of a line
/// right after a boundary, so every place counts, not only the start of a line.
fn count_candidates(raw: &[u8]) -> Result<Vec<usize>, MailError> {
    const NAME: &[u8] = b"content-type:";
    let mut content_types = Vec::new();
    let (mut header_lines, mut separator_lines) = (0_usize, 0_usize);
    let (mut has_colon, mut has_dashes, mut matched, mut last) = (false, false, 0, 0);
    for (at, &byte) in raw.iter().enumerate() {
        if byte == b'\n' {
            header_lines += usize::from(has_colon);
            separator_lines += usize::from(has_dashes);
            (has_colon, has_dashes, matched, last) = (false, false, 0, 0);
            continue;
        }
        has_colon |= byte == b':';
        has_dashes |= byte == b'-' && last == b'-';
        last = byte;
        if byte.is_ascii_whitespace() {
            continue;
        }
        let lower = byte.to_ascii_lowercase();
        matched = match lower {
            _ if lower == NAME[matched] => matched + 1,
            b'c' => 1,
            _ => 0,
        };
        if matched == NAME.len() {
            matched = 0;
            content_types.push(at + 1);
        }
    }
    if separator_lines > MAX_CANDIDATE_LINES || content_types.len() > 2 * MAX_PARTS {
        return Err(MailError::TooManyParts);
    }
    if header_lines > MAX_CANDIDATE_LINES {
        return Err(MailError::HeadersTooLarge);
    }
    Ok(content_types)
}

/// Adds up what looking for boundaries that are not there would cost.
fn check_boundaries(raw: &[u8], content_types: &[usize]) -> Result<(), MailError> {
    let mut declared = Vec::new();
    for &start in content_types {
        let length = header_length(&raw[start..]);
        if length > MAX_CONTENT_HEADER_BYTES {
            return Err(MailError::HeadersTooLarge);
        }
        declared.push((start, start + length));
    }
    let worst: usize = content_types.iter().map(|start| raw.len() - start).sum();
    if worst <= MAX_VAIN_SCAN_BYTES {
        return Ok(());
    }
    let mut vain: usize = 0;
    let mut wanted = Vec::new();
    for (start, end) in declared {
        match boundary_of(&raw[start..end]) {
            Some(boundary) if boundary.len() > MAX_BOUNDARY_BYTES => vain += raw.len() - start,
            Some(boundary) => wanted.push((start, format!("--{boundary}").into_bytes())),
            None => {}
        }
    }
    let mut patterns: Vec<&[u8]> = wanted.iter().map(|(_, pattern)| &pattern[..]).collect();
    patterns.sort_unstable();
    patterns.dedup();
    let finder = AhoCorasick::new(&patterns).map_err(|_| MailError::TooComplex)?;
    let mut last_seen = vec![0; patterns.len()];
    // Overlapping, because one boundary may be the beginning of another.
    for found in finder.find_overlapping_iter(raw) {
        last_seen[found.pattern().as_usize()] = found.start();
    }
    for (start, pattern) in &wanted {
        let seen = patterns
            .binary_search(&&pattern[..])
            .map_or(0, |index| last_seen[index]);
        if seen < *start {
            vain += raw.len() - start;
        }
    }
    if vain > MAX_VAIN_SCAN_BYTES {
        Err(MailError::TooComplex)
    } else {
        Ok(())
    }
}

/// To the first line end that no continuation line follows.
fn header_length(rest: &[u8]) -> usize {
    let end = rest
        .iter()
        .enumerate()
        .position(|(at, &byte)| byte == b'\n' && !matches!(rest.get(at + 1), Some(b' ' | b'\t')));
    end.map_or(rest.len(), |at| at + 1)
}

/// The boundary as the parser will read it.
fn boundary_of(value: &[u8]) -> Option<String> {
    let header = [b"Content-Type:", value, b"\r\n\r\n"].concat();
    let head = MessageParser::new()
        .header_content_type(HeaderName::ContentType)
        .default_header_ignore()
        .parse_headers(&header)?;
    let boundary = head.content_type()?.attribute("boundary")?;
    (!boundary.is_empty()).then(|| boundary.to_owned())
}

/// Judges the structure; returns where nested messages claim an encoding, as byte offsets.
fn check_structure(message: &Message<'_>) -> Result<Vec<usize>, MailError> {
    let mut claims = Vec::new();
    let (mut part_count, mut header_bytes) = (0, 0);
    // Messages and their multiparts, each with its depth. Never recursive: depth is what is judged.
    let mut waiting = vec![(message, 0_usize)];
    while let Some((message, depth)) = waiting.pop() {
        part_count += message.parts.len();
        if part_count > MAX_PARTS {
            return Err(MailError::TooManyParts);
        }
        let depths = part_depths(message, depth);
        let has_digest = message
            .parts
            .iter()
            .any(|part| is_type(part, "multipart", "digest"));
        for (part, &depth) in message.parts.iter().zip(&depths) {
            if depth > MAX_DEPTH {
                return Err(MailError::TooDeep);
            }
            header_bytes += check_headers(part)?;
            if header_bytes > MAX_ALL_HEADER_BYTES {
                return Err(MailError::HeadersTooLarge);
            }
            let may_be_message = is_type(part, "message", "rfc822")
                || is_type(part, "message", "global")
                || (has_digest && part.content_type().is_none());
            if may_be_message {
                let encoded = part
                    .headers
                    .iter()
                    .filter(|header| header.name == HeaderName::ContentTransferEncoding);
                claims.extend(encoded.map(|header| header.offset_field as usize));
            }
            if let PartType::Message(nested) = &part.body {
                waiting.push((nested, depth + 1));
            }
        }
    }
    Ok(claims)
}

/// The depth of each part of one message; parts of a multipart come after it.
fn part_depths(message: &Message<'_>, root: usize) -> Vec<usize> {
    let mut depths = vec![root; message.parts.len()];
    for (index, part) in message.parts.iter().enumerate() {
        if let PartType::Multipart(children) = &part.body {
            for &child in children {
                if child as usize > index
                    && let Some(depth) = depths.get(index).map(|depth| depth + 1)
                    && let Some(slot) = depths.get_mut(child as usize)
                {
                    *slot = depth;
                }
            }
        }
    }
    depths
}

fn check_headers(part: &MessagePart<'_>) -> Result<usize, MailError> {
    let bytes = part.offset_body.saturating_sub(part.offset_header) as usize;
    let oversized = part.headers.iter().any(|header| {
        let length = header.offset_end.saturating_sub(header.offset_start) as usize;
        length > MAX_CONTENT_HEADER_BYTES
            && header
                .name()
                .get(..8)
                .is_some_and(|name| name.eq_ignore_ascii_case("content-"))
    });
    if oversized || bytes > MAX_HEADER_BYTES || part.headers.len() > MAX_HEADERS {
        return Err(MailError::HeadersTooLarge);
    }
    Ok(bytes)
}

fn is_type(part: &MessagePart<'_>, main: &str, sub: &str) -> bool {
    part.content_type().is_some_and(|content_type| {
        content_type.ctype().eq_ignore_ascii_case(main)
            && content_type
                .subtype()
                .is_some_and(|subtype| subtype.eq_ignore_ascii_case(sub))
    })
}

/// `text/plain` and the like, for showing and storing.
pub(super) fn type_name(part: &MessagePart<'_>) -> String {
    match (part.content_type(), &part.body) {
        (Some(content_type), _) => {
            let name = match content_type.subtype() {
                Some(subtype) => format!("{}/{subtype}", content_type.ctype()),
                None => content_type.ctype().to_owned(),
            };
            one_line(&name.to_ascii_lowercase(), 127)
        }
        (None, PartType::Text(_)) => "text/plain".to_owned(),
        (None, PartType::Message(_)) => "message/rfc822".to_owned(),
        (None, _) => "application/octet-stream".to_owned(),
    }
}
