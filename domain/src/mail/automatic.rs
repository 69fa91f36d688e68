//! Whether a machine wrote the message. Such mail is kept, but is nobody's reply: it starts no
//! conversation, raises no engagement, and must never be answered automatically.

use super::bounce::{Report, ReportKind};
use super::head::Head;

/// What kind of machine wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AutomaticKind {
    /// A mail server tells of a delivery: it failed, is late, or (rarely) succeeded.
    Bounce,
    /// A provider passes on a recipient's "this is spam".
    Complaint,
    /// An answer nobody wrote: out of office, receipt of a ticket, read receipt.
    AutoReply,
    /// A program's notice on its own account (RFC 3834 `auto-generated`).
    Generated,
    /// A mailing list passed it on.
    List,
    /// Sent to many, by its own declaration.
    Bulk,
}

/// The most telling kind first: a mailing list's out-of-office answer is an answer.
pub(super) fn classify(
    head: &Head<'_>,
    report: Option<&Report>,
    returns_a_message: bool,
) -> Option<AutomaticKind> {
    match report.map(|report| report.kind) {
        Some(ReportKind::Delivery) => return Some(AutomaticKind::Bounce),
        Some(ReportKind::Feedback) => return Some(AutomaticKind::Complaint),
        Some(ReportKind::Disposition) => return Some(AutomaticKind::AutoReply),
        None => {}
    }
    let precedence = lower(head.raw("Precedence"));
    // "auto-replied; owner-email=..." and "no (written by hand)": the first word is the value.
    let submitted = lower(head.raw("Auto-Submitted"));
    let submitted = submitted.split([';', ' ', '(']).next().unwrap_or_default();
    let answers_nobody = has_empty_return_path(head);
    if is_mail_server(head) || (answers_nobody && (returns_a_message || has_bounce_subject(head))) {
        return Some(AutomaticKind::Bounce);
    }
    if head.has("X-Autoreply")
        || head.has("X-Autorespond")
        || precedence == "auto_reply"
        || submitted == "auto-replied"
    {
        return Some(AutomaticKind::AutoReply);
    }
    if head.has("List-Id") || precedence == "list" {
        return Some(AutomaticKind::List);
    }
    if matches!(precedence.as_str(), "bulk" | "junk") {
        return Some(AutomaticKind::Bulk);
    }
    if !submitted.is_empty() && submitted != "no" {
        return Some(AutomaticKind::Generated);
    }
    // RFC 5321: whoever answers automatically sends with an empty return path, so that nothing
    // answers the answer.
    answers_nobody.then_some(AutomaticKind::AutoReply)
}

fn has_empty_return_path(head: &Head<'_>) -> bool {
    head.all("Return-Path").any(|header| {
        let path: String = head.raw_of(header).split_whitespace().collect();
        path == "<>"
    })
}

/// Servers that write no report (qmail, old Exim) still sign as what they are.
fn is_mail_server(head: &Head<'_>) -> bool {
    let from = lower(head.raw("From"));
    let local = head
        .addresses("From")
        .next()
        .and_then(|sender| sender.address.as_deref())
        .map_or(from.clone(), |address| {
            address.split('@').next().unwrap_or_default().to_lowercase()
        });
    matches!(local.as_str(), "mailer-daemon" | "postmaster")
        || from.contains("mailer-daemon")
        || from.contains("mail delivery s")
}

/// What servers that write no report put into the subject. Only asked of mail with an empty return
/// path: people write "failure notice" too.
fn has_bounce_subject(head: &Head<'_>) -> bool {
    let subject = head
        .value("Subject")
        .and_then(|value| value.as_text())
        .unwrap_or_default();
    let subject = subject.to_lowercase();
    [
        "failure notice",
        "undeliver",
        "delivery status",
        "delivery fail",
        "delivery notification",
        "returned mail",
        "エラー通知",
        "配信エラー",
        "退信",
    ]
    .iter()
    .any(|words| subject.contains(words))
}

fn lower(value: Option<String>) -> String {
    value.unwrap_or_default().trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::head::readable_block;
    use super::*;

    #[track_caller]
    fn check(headers: &str, expected: Option<AutomaticKind>) {
        let block = readable_block(headers.as_bytes());
        assert_eq!(
            classify(&Head::read(&block), None, false),
            expected,
            "{headers}"
        );
    }

    #[test]
    fn mail_between_people_is_not_automatic() {
        check("From: a@example.com", None);
        check("From: a@example.com\nAuto-Submitted: no", None);
        check("From: a@example.com\nAuto-Submitted: No (by hand)", None);
        check("From: a@example.com\nReturn-Path: <a@example.com>", None);
        check("From: a@example.com\nPrecedence: first-class", None);
    }

    #[test]
    fn each_mark_of_the_definition_counts() {
        use AutomaticKind::*;
        check(
            "From: a@b.c\nAuto-Submitted: auto-replied; owner=x",
            Some(AutoReply),
        );
        check(
            "From: a@b.c\nAuto-Submitted: Auto-Generated",
            Some(Generated),
        );
        check(
            "From: a@b.c\nAuto-Submitted: auto-notified",
            Some(Generated),
        );
        check("From: a@b.c\nReturn-Path: <>", Some(AutoReply));
        check("From: a@b.c\nPrecedence: bulk", Some(Bulk));
        check("From: a@b.c\nPrecedence: Junk", Some(Bulk));
        check("From: a@b.c\nPrecedence: list", Some(List));
        check("From: a@b.c\nPrecedence: auto_reply", Some(AutoReply));
        check("From: a@b.c\nX-Autoreply: yes", Some(AutoReply));
        check("From: a@b.c\nX-Autorespond: ", Some(AutoReply));
        check("From: a@b.c\nList-Id: <x.example.com>", Some(List));
        check(
            "From: a@b.c\nList-Id: <x>\nX-Autoreply: yes",
            Some(AutoReply),
        );
    }

    #[test]
    fn a_mail_server_without_a_report_still_bounces() {
        use AutomaticKind::Bounce;
        check("From: MAILER-DAEMON@mx.example.com", Some(Bounce));
        check("From: Mail Delivery <MAILER-DAEMON>", Some(Bounce));
        check("From: Mail Delivery System <>", Some(Bounce));
        check(
            "From: a@b.c\nReturn-Path: < >\nSubject: failure notice",
            Some(Bounce),
        );
        check(
            "From: a@b.c\nReturn-Path: <x@b.c>\nSubject: failure notice",
            None,
        );
        check(
            "From: a@b.c\nSubject: =?utf-8?B?6YWN5L+h44Ko44Op44O8?=\nReturn-Path: <>",
            Some(Bounce),
        );
        check(
            "From: Postmaster@example.com\nReturn-Path: <>",
            Some(Bounce),
        );
    }
}
