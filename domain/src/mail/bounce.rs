//! What a mail server or a provider reports about mail we sent (RFC 3464, 5965, 8098).

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::address::EmailAddress;
use super::head::{Head, readable_block};
use super::text::one_line;

/// The most recipients read from one report.
const MAX_RECIPIENTS: usize = 100;
/// The longest report that is read, in bytes.
const MAX_REPORT_BYTES: usize = 256 * 1024;
const MAX_DIAGNOSTIC_CHARS: usize = 500;

/// What became of the delivery to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BounceReport {
    /// The recipient (`Final-Recipient`, or `Original-Recipient` where that is no address).
    pub recipient: EmailAddress,
    /// What the server did.
    pub action: BounceAction,
    /// The enhanced status code, such as `5.1.1`.
    pub status: Option<String>,
    /// What the receiving server said, for people to read.
    pub diagnostic: Option<String>,
    /// How final it is; `None` when nothing failed.
    pub class: Option<BounceClass>,
}

/// `Action` of RFC 3464.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BounceAction {
    /// Given up.
    Failed,
    /// Not yet delivered, still trying.
    Delayed,
    /// Delivered.
    Delivered,
    /// Passed on to a server that sends no reports.
    Relayed,
    /// Passed on to several addresses.
    Expanded,
}

/// What a bounce means for the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BounceClass {
    /// The address does not work (5.x.x): do not send again.
    Hard,
    /// It did not work this time (4.x.x).
    Soft,
    /// Refused for what we are or sent, not for the address (x.7.x, block lists, DMARC).
    Policy,
}

/// A recipient's "this is spam", passed on by the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComplaintReport {
    /// `abuse`, `opt-out`, `not-spam` and so on, lower-case.
    pub feedback_type: String,
    /// Who complained; providers often leave it out.
    pub recipient: Option<EmailAddress>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReportKind {
    Delivery,
    Feedback,
    Disposition,
}

/// All that one report says.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) kind: ReportKind,
    pub(super) bounces: Vec<BounceReport>,
    pub(super) complaint: Option<ComplaintReport>,
    pub(super) original_message_id: Option<String>,
}

/// Reads the report a message carries. A report inside a forwarded message is somebody else's.
pub(super) fn read_report(message: &Message<'_>, raw: &[u8]) -> Option<Report> {
    let (kind, part) = message
        .parts
        .iter()
        .find_map(|part| Some((report_kind(part)?, part)))?;
    let contents = part.contents();
    let fields = &contents[..contents.len().min(MAX_REPORT_BYTES)];
    let original = read_original(message, raw);
    let mut report = Report {
        kind,
        bounces: Vec::new(),
        complaint: None,
        original_message_id: original.message_id,
    };
    match kind {
        ReportKind::Delivery => {
            report.bounces = blocks(fields)
                .filter_map(|block| with_head(&block, read_recipient))
                .take(MAX_RECIPIENTS)
                .collect();
        }
        ReportKind::Feedback => {
            report.complaint = Some(with_head(fields, |head| ComplaintReport {
                feedback_type: field(head, "Feedback-Type")
                    .unwrap_or_default()
                    .to_lowercase(),
                recipient: ["Original-Rcpt-To", "Removal-Recipient"]
                    .iter()
                    .find_map(|name| address(&field(head, name)?))
                    .or(original.recipient),
            }));
        }
        ReportKind::Disposition => {}
    }
    Some(report)
}

fn report_kind(part: &MessagePart<'_>) -> Option<ReportKind> {
    let content_type = part.content_type()?;
    if !content_type.ctype().eq_ignore_ascii_case("message") {
        return None;
    }
    match content_type.subtype()?.to_ascii_lowercase().as_str() {
        "delivery-status" | "global-delivery-status" => Some(ReportKind::Delivery),
        "feedback-report" => Some(ReportKind::Feedback),
        "disposition-notification" | "global-disposition-notification" => {
            Some(ReportKind::Disposition)
        }
        _ => None,
    }
}

struct Original {
    message_id: Option<String>,
    recipient: Option<EmailAddress>,
}

/// The message that the report is about: whole, or its headers alone.
fn read_original(message: &Message<'_>, raw: &[u8]) -> Original {
    let block = message.parts.iter().find_map(|part| {
        if let PartType::Message(nested) = &part.body {
            let root = nested.parts.first()?;
            let range = root.offset_header as usize..root.offset_body as usize;
            return raw.get(range).map(<[u8]>::to_vec);
        }
        let subtype = part.content_type()?.subtype()?.to_ascii_lowercase();
        let is_headers =
            ["rfc822-headers", "rfc822-header", "global-headers"].contains(&subtype.as_str());
        is_headers.then(|| {
            let contents = part.contents();
            contents[..contents.len().min(MAX_REPORT_BYTES)].to_vec()
        })
    });
    let Some(block) = block else {
        return Original {
            message_id: None,
            recipient: None,
        };
    };
    with_head(&block, |head| Original {
        message_id: head.ids("Message-ID").into_iter().next(),
        recipient: head
            .addresses("To")
            .find_map(|to| EmailAddress::parse(to.address.as_deref()?).ok()),
    })
}

/// The report's groups of fields, which blank lines separate.
fn blocks(fields: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut blocks = vec![Vec::new()];
    for line in fields.split_inclusive(|&byte| byte == b'\n') {
        if line.trim_ascii().is_empty() {
            blocks.push(Vec::new());
        } else if let Some(block) = blocks.last_mut() {
            block.extend_from_slice(line);
        }
    }
    blocks.into_iter().filter(|block| !block.is_empty())
}

fn with_head<T>(block: &[u8], read: impl FnOnce(&Head<'_>) -> T) -> T {
    let block = readable_block(block);
    read(&Head::read(&block))
}

fn field(head: &Head<'_>, name: &str) -> Option<String> {
    head.raw(name).filter(|value| !value.is_empty())
}

fn read_recipient(head: &Head<'_>) -> Option<BounceReport> {
    let recipient = ["Final-Recipient", "Original-Recipient"]
        .iter()
        .find_map(|name| address(&field(head, name)?))?;
    let diagnostic =
        field(head, "Diagnostic-Code").map(|text| one_line(&text, MAX_DIAGNOSTIC_CHARS));
    let written = field(head, "Status").as_deref().and_then(status_code);
    let said = diagnostic.as_deref().and_then(status_code);
    // Many servers write x.0.0 into Status and the real code into the diagnostic.
    let status = match written {
        Some(code) if !code.ends_with(".0.0") => Some(code),
        general => said.or(general),
    };
    let action = match field(head, "Action").unwrap_or_default().to_lowercase() {
        word if word.starts_with("delayed") => BounceAction::Delayed,
        word if word.starts_with("delivered") => BounceAction::Delivered,
        word if word.starts_with("relayed") => BounceAction::Relayed,
        word if word.starts_with("expanded") => BounceAction::Expanded,
        _ => BounceAction::Failed,
    };
    let class = classify(action, status.as_deref(), diagnostic.as_deref());
    Some(BounceReport {
        recipient,
        action,
        status,
        diagnostic,
        class,
    })
}

/// The address in `rfc822; <user@example.com>`.
fn address(value: &str) -> Option<EmailAddress> {
    let (_, text) = value.split_once(';').unwrap_or(("", value));
    let text = text.trim();
    EmailAddress::parse(text).ok().or_else(|| {
        // Servers add remarks on either side: "user@example.com (expanded from ...)".
        text.split_whitespace()
            .find_map(|word| EmailAddress::parse(word).ok())
    })
}

/// The first enhanced status code (`5.1.1`) in a text.
fn status_code(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.')
        .find_map(|word| {
            let mut numbers = word.trim_end_matches('.').split('.');
            let (class, subject, detail) = (numbers.next()?, numbers.next()?, numbers.next()?);
            let is_code = matches!(class, "2" | "4" | "5")
                && [subject, detail]
                    .iter()
                    .all(|number| (1..=3).contains(&number.len()))
                && numbers.next().is_none();
            is_code.then(|| format!("{class}.{subject}.{detail}"))
        })
}

fn classify(
    action: BounceAction,
    status: Option<&str>,
    diagnostic: Option<&str>,
) -> Option<BounceClass> {
    match action {
        BounceAction::Delivered | BounceAction::Relayed | BounceAction::Expanded => return None,
        BounceAction::Delayed => return Some(BounceClass::Soft),
        BounceAction::Failed => {}
    }
    let subject = status
        .and_then(|code| code.split('.').nth(1))
        .unwrap_or("0");
    let said = diagnostic.unwrap_or_default();
    if subject == "7" || (subject == "0" && names_a_policy(said)) {
        return Some(BounceClass::Policy);
    }
    // No code at all: the reply of the other server, such as "smtp; 450 mailbox busy".
    let digit = match status {
        Some(code) => code.chars().next(),
        None => said
            .split(|c: char| !c.is_ascii_digit())
            .find(|word| word.len() == 3)
            .and_then(|reply| reply.chars().next()),
    };
    match digit {
        Some('2') => None,
        Some('5') => Some(BounceClass::Hard),
        // Without a word that it is final, an address is not given up.
        _ => Some(BounceClass::Soft),
    }
}

/// Servers that give no useful code say in words that they block us.
fn names_a_policy(diagnostic: &str) -> bool {
    let said = diagnostic.to_lowercase();
    [
        "spam",
        "blocklist",
        "block list",
        "blacklist",
        "dnsbl",
        "dmarc",
        "spf ",
        "dkim",
        "policy",
    ]
    .iter()
    .any(|word| said.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &str) -> Option<(String, Option<String>, Option<BounceClass>)> {
        with_head(fields.as_bytes(), read_recipient)
            .map(|report| (report.recipient.to_string(), report.status, report.class))
    }

    #[track_caller]
    fn is(fields: &str, status: Option<&str>, class: Option<BounceClass>) {
        let fields = format!("Final-Recipient: rfc822; <User@Example.com>\n{fields}");
        let expected = (
            "user@example.com".to_owned(),
            status.map(str::to_owned),
            class,
        );
        assert_eq!(check(&fields), Some(expected), "{fields}");
    }

    #[test]
    fn bounces_are_hard_soft_or_policy() {
        use BounceClass::*;
        is("Action: failed\nStatus: 5.1.1", Some("5.1.1"), Some(Hard));
        is("Action: failed\nStatus: 4.4.7", Some("4.4.7"), Some(Soft));
        is("Action: delayed\nStatus: 4.4.1", Some("4.4.1"), Some(Soft));
        is(
            "Action: failed\nStatus: 5.7.26 (DMARC)",
            Some("5.7.26"),
            Some(Policy),
        );
        is("Action: delivered\nStatus: 2.0.0", Some("2.0.0"), None);
        is("Action: failed", None, Some(Soft));
        is("Action: failed\nStatus: 2.1.5", Some("2.1.5"), None);
        is(
            "Action: failed\nDiagnostic-Code: smtp; 550 no",
            None,
            Some(Hard),
        );
        is(
            "Action: failed\nDiagnostic-Code: smtp; 450 busy",
            None,
            Some(Soft),
        );
        is(
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.2.2 <a@b>: full",
            Some("5.2.2"),
            Some(Hard),
        );
        is(
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 554 on our blacklist",
            Some("5.0.0"),
            Some(Policy),
        );
    }

    #[test]
    fn an_ip_address_is_no_status_code() {
        assert_eq!(
            status_code("host 5.1.1.10 said 550-5.7.1 no"),
            Some("5.7.1".to_owned())
        );
        assert_eq!(status_code("version 3.1.4"), None);
    }

    #[test]
    fn a_block_about_the_whole_message_names_no_recipient() {
        assert_eq!(check("Reporting-MTA: dns; mx.example.com"), None);
    }
}
