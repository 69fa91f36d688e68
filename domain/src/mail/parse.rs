//! One raw message to one [`Mail`].

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use mail_parser::{Addr, MessageParser};
use sha2::{Digest, Sha256};

use super::MAX_MAIL_BYTES;
use super::address::EmailAddress;
use super::automatic::{AutomaticKind, classify};
use super::body::{Attachment, list_attachments, read_text};
use super::bounce::{BounceReport, ComplaintReport, read_report};
use super::guard::{self, MAX_DEPTH, MAX_HEADER_BYTES, MAX_PARTS};
use super::head::{Head, readable_block};
use super::text::one_line;

/// The most message ids kept from `References`: the first, which names the thread, and the last.
pub const MAX_REFERENCES: usize = 100;
/// The longest subject kept, in characters.
pub const MAX_SUBJECT_CHARS: usize = 500;
/// The longest display name kept, in characters.
pub const MAX_NAME_CHARS: usize = 200;
/// The most addresses kept from one kind of recipient header.
pub const MAX_RECIPIENTS: usize = 1000;

/// A message, decoded. Every text is free of NUL and control characters and has a bounded length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// `Message-ID` without brackets, or `hash:` and the SHA-256 of date, sender, subject and body
    /// where there is none: the same message read twice has the same id.
    pub message_id: String,
    /// The first id in `In-Reply-To`.
    pub in_reply_to: Option<String>,
    /// The ids in `References`, oldest first, each once, at most [`MAX_REFERENCES`].
    pub references: Vec<String>,
    /// Who it says it is from. Nothing proves it.
    pub from: Option<Mailbox>,
    /// `To`, in order.
    pub to: Vec<Mailbox>,
    /// `Cc`, in order.
    pub cc: Vec<Mailbox>,
    /// `Reply-To`, in order.
    pub reply_to: Vec<Mailbox>,
    /// `Delivered-To`, nearest mailbox first.
    pub delivered_to: Vec<EmailAddress>,
    /// `Subject` on one line, at most [`MAX_SUBJECT_CHARS`] characters; empty if there is none.
    pub subject: String,
    /// `Date`, or else when the last server took it in; `None` if neither can be read.
    pub sent_at: Option<DateTime<Utc>>,
    /// The body as plain text, at most 1 MiB.
    pub text: String,
    /// Set if a machine wrote it.
    pub automatic: Option<AutomaticKind>,
    /// What a delivery report says, one entry per recipient.
    pub bounces: Vec<BounceReport>,
    /// What a spam complaint says.
    pub complaint: Option<ComplaintReport>,
    /// The message a bounce or complaint is about.
    pub reported_message_id: Option<String>,
    /// What is attached, without content.
    pub attachments: Vec<Attachment>,
}

/// An address with the name written beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name; `None` if there is none or it only repeats the address.
    pub name: Option<String>,
    /// The address.
    pub address: EmailAddress,
}

/// Why a message is refused. Each is about that message alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Nothing but blanks.
    #[error("the message is empty")]
    Empty,
    /// Over [`MAX_MAIL_BYTES`].
    #[error("the message is larger than {MAX_MAIL_BYTES} bytes")]
    TooLarge,
    /// A header block over [`MAX_HEADER_BYTES`], or too many headers.
    #[error("the message has headers of more than {MAX_HEADER_BYTES} bytes, or too many of them")]
    HeadersTooLarge,
    /// Over [`MAX_PARTS`].
    #[error("the message has more than {MAX_PARTS} parts")]
    TooManyParts,
    /// Over [`MAX_DEPTH`].
    #[error("the message is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Built to take long to read.
    #[error("the structure of the message is too complex")]
    TooComplex,
    /// The parser failed.
    #[error("the message could not be parsed")]
    Unreadable,
}

/// Reads one message.
pub fn parse(raw: &[u8]) -> Result<Mail, MailError> {
    // The parser promises not to panic. A promise about hostile input deserves a second line: one
    // message must not end an import of a hundred thousand.
    catch_unwind(AssertUnwindSafe(|| read(raw))).unwrap_or(Err(MailError::Unreadable))
}

/// [`parse`] without its second line, so that tests see a panic as one.
pub(super) fn read(raw: &[u8]) -> Result<Mail, MailError> {
    if raw.trim_ascii().is_empty() {
        return Err(MailError::Empty);
    }
    let raw = &*guard::check(raw)?;
    let message = MessageParser::new()
        .with_mime_headers()
        .default_header_ignore()
        .parse(raw)
        .ok_or(MailError::Unreadable)?;
    let root = message.parts.first().ok_or(MailError::Unreadable)?;
    let body_start = (root.offset_body as usize).min(raw.len());
    let block = readable_block(&raw[..body_start]);
    let head = Head::read(&block);
    let report = read_report(&message, raw);
    let attachments = list_attachments(&message);
    let returns_a_message = attachments
        .iter()
        .any(|file| file.content_type == "message/rfc822");
    let mail = Mail {
        message_id: head
            .ids("Message-ID")
            .into_iter()
            .next()
            .unwrap_or_else(|| hash_id(&head, &raw[body_start..])),
        in_reply_to: head.ids("In-Reply-To").into_iter().next(),
        references: read_references(&head),
        from: read_mailboxes(&head, "From").into_iter().next(),
        to: read_mailboxes(&head, "To"),
        cc: read_mailboxes(&head, "Cc"),
        reply_to: read_mailboxes(&head, "Reply-To"),
        delivered_to: read_delivered_to(&head),
        subject: head
            .value("Subject")
            .and_then(|value| value.as_text())
            .map(|subject| one_line(subject, MAX_SUBJECT_CHARS))
            .unwrap_or_default(),
        sent_at: head.date(),
        text: read_text(&message, raw),
        automatic: classify(&head, report.as_ref(), returns_a_message),
        attachments,
        reported_message_id: report
            .as_ref()
            .and_then(|report| report.original_message_id.clone()),
        complaint: report.as_ref().and_then(|report| report.complaint.clone()),
        bounces: report.map(|report| report.bounces).unwrap_or_default(),
    };
    guard::drop_flat(message);
    Ok(mail)
}

fn read_mailboxes(head: &Head<'_>, name: &str) -> Vec<Mailbox> {
    head.addresses(name)
        .filter_map(read_mailbox)
        .take(MAX_RECIPIENTS)
        .collect()
}

fn read_mailbox(written: &Addr<'_>) -> Option<Mailbox> {
    let address = EmailAddress::parse(written.address.as_deref()?).ok()?;
    let name = one_line(written.name.as_deref().unwrap_or_default(), MAX_NAME_CHARS);
    let name = name.trim_matches(['"', '\'']).trim();
    let says_more = !name.is_empty() && !name.eq_ignore_ascii_case(address.as_str());
    Some(Mailbox {
        name: says_more.then(|| name.to_owned()),
        address,
    })
}

/// The first id starts the thread and the last ones are nearest: of too many, the middle goes.
fn read_references(head: &Head<'_>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let mut ids = head.ids("References");
    ids.retain(|id| seen.insert(id.clone()));
    if ids.len() > MAX_REFERENCES {
        ids.drain(1..=ids.len() - MAX_REFERENCES);
    }
    ids
}

/// Mailing lists write prose here ("mailing list a@example.com"): the last word is the address.
fn read_delivered_to(head: &Head<'_>) -> Vec<EmailAddress> {
    let mut addresses: Vec<EmailAddress> = Vec::new();
    for header in head.all("Delivered-To").take(MAX_RECIPIENTS) {
        let value = head.raw_of(header);
        let last = value.split_whitespace().next_back().unwrap_or_default();
        if let Ok(address) = EmailAddress::parse(last)
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
    }
    addresses
}

/// An id for a message without one, from what no relay changes. Line ends and blank lines at the
/// end do not count: they differ between an mbox and IMAP.
fn hash_id(head: &Head<'_>, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    for name in ["Date", "From", "Subject"] {
        let value = head.raw(name).unwrap_or_default();
        hash.update((value.len() as u64).to_be_bytes());
        hash.update(value.as_bytes());
    }
    for line in body.trim_ascii_end().split(|&byte| byte == b'\n') {
        hash.update(line.strip_suffix(b"\r").unwrap_or(line));
        hash.update(b"\n");
    }
    format!("hash:{}", hex::encode(hash.finalize()))
}
