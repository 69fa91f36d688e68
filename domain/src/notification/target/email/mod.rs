//! Email to members, teams and addresses: a subject on one line, plain text, and the same as HTML in
//! which nothing of what people wrote is markup.
//!
//! [`mail`] builds it, [`judge`] reads what the mail server said. The server's addresses, the sender and
//! the wire are the business of whoever implements [`crate::port::Egress`].

use crate::{
    locale::Locale,
    notification::{
        DisableReason, Verdict,
        notice::{Notice, NoticeKind, clean_line, clean_text},
    },
    port::{MailError, MailReceipt, OutgoingMail},
    text::escape_html as escape,
};

/// Characters a subject has at most.
const SUBJECT_LIMIT: usize = 150;
/// Characters a text has at most.
const TEXT_LIMIT: usize = 25_000;

/// The mail a notice makes, to `to`.
pub fn mail(id: String, to: Vec<String>, notice: &Notice, locale: Locale) -> OutgoingMail {
    let subject = clean_line(&notice.title, SUBJECT_LIMIT);
    let text = clean_text(&notice.plain(), TEXT_LIMIT);
    let [rule, playbook, open] = match locale {
        Locale::Ja => ["ルール：", "プレイブック：", "Enishi で開く"],
        Locale::En => ["Rule: ", "Playbook: ", "Open in Enishi"],
        Locale::Zh => ["规则：", "剧本：", "在 Enishi 中打开"],
    };
    let label = match notice.kind {
        NoticeKind::Said => playbook,
        _ => rule,
    };
    let by = clean_line(&notice.by, SUBJECT_LIMIT);
    let by = (!by.is_empty()).then(|| format!("{label}{by}"));
    let link = notice
        .link
        .as_ref()
        .filter(|link| matches!(link.scheme(), "http" | "https"));
    let mut plain = text.clone();
    let mut html = format!("<p><strong>{}</strong></p>\n", escape(&subject));
    for paragraph in text.split("\n\n").filter(|part| !part.trim().is_empty()) {
        let lines: Vec<String> = paragraph.lines().map(escape).collect();
        html.push_str(&format!("<p>{}</p>\n", lines.join("<br>\n")));
    }
    plain.push_str("\n\n-- \n");
    if let Some(by) = &by {
        plain.push_str(&format!("{by}\n"));
        html.push_str(&format!("<p>{}</p>\n", escape(by)));
    }
    if let Some(link) = link {
        plain.push_str(&format!("{open}: {link}\n"));
        let link = escape(link.as_str());
        html.push_str(&format!("<p><a href=\"{link}\">{}</a></p>\n", escape(open)));
    }
    let tongue = match locale {
        Locale::Ja => "ja",
        Locale::En => "en",
        Locale::Zh => "zh",
    };
    OutgoingMail {
        id,
        to,
        subject,
        text: plain,
        html: format!(
            "<!DOCTYPE html>\n<html lang=\"{tongue}\"><head><meta charset=\"utf-8\"></head><body>\n\
             {html}</body></html>\n"
        ),
        // Members are told what they set up themselves.
        unsubscribe: None,
    }
}

/// Addresses and subject of a mail, as logs keep them.
pub(crate) fn headers(mail: &OutgoingMail) -> serde_json::Value {
    serde_json::json!([["To", mail.to.join(", ")], ["Subject", mail.subject]])
}

/// Status and words of the server's answer, as logs keep them.
pub(crate) fn said(answer: &Result<MailReceipt, MailError>) -> (Option<i64>, String) {
    match answer {
        Ok(receipt) => {
            let mut said = receipt.said.clone();
            for no in receipt.refused.iter().chain(&receipt.deferred) {
                said.push_str(&format!("\n{}: {} {}", no.address, no.status, no.said));
            }
            (Some(receipt.status.into()), said)
        }
        Err(MailError::Deferred { status, said } | MailError::Refused { status, said }) => {
            (Some((*status).into()), said.clone())
        }
        Err(_) => (None, String::new()),
    }
}

/// What the server's answer means: `told` says whether an earlier attempt already reached somebody.
///
/// 4xx is for now and 5xx for good, for each address by itself: those that took it are not told again,
/// and one that refuses does not keep the others from being told.
pub fn judge(answer: &Result<MailReceipt, MailError>, told: bool) -> Verdict {
    match answer {
        Ok(receipt) if !receipt.deferred.is_empty() => Verdict::Retry { after: None },
        Ok(receipt) if told || !receipt.accepted.is_empty() => Verdict::Delivered,
        Ok(_) => Verdict::Disable {
            reason: DisableReason::RecipientsRefused,
        },
        Err(MailError::Refused { .. } | MailError::NoReceiver | MailError::Malformed) => {
            Verdict::Refused
        }
        Err(MailError::TimedOut) => Verdict::Throttled { after: None },
        Err(MailError::NotSetUp | MailError::Unreachable | MailError::Deferred { .. }) => {
            Verdict::Retry { after: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;
    use crate::{notification::notice::Notice, port::MailRefusal};

    fn built(title: &str, text: &str, by: &str) -> OutgoingMail {
        let notice = Notice {
            title: title.to_owned(),
            text: Some(text.to_owned()),
            by: by.to_owned(),
            link: Some(Url::parse("https://enishi.example/contacts/1?a=\"b\"&c").unwrap()),
            ..Notice::default()
        };
        mail("delivery_1".to_owned(), vec![], &notice, Locale::En)
    }

    #[test]
    fn a_notice_becomes_a_subject_a_text_and_the_same_in_html() {
        let mail = built("VIP wrote", "Hello\n<b>& co</b>\n\nBye", "VIP rule");
        assert_eq!(mail.subject, "VIP wrote");
        assert_eq!(
            mail.text,
            "Hello\n<b>& co</b>\n\nBye\n\n-- \nRule: VIP rule\n\
             Open in Enishi: https://enishi.example/contacts/1?a=%22b%22&c\n"
        );
        assert!(
            mail.html
                .contains("<p>Hello<br>\n&lt;b&gt;&amp; co&lt;/b&gt;</p>\n<p>Bye</p>")
        );
        assert!(
            mail.html
                .contains("href=\"https://enishi.example/contacts/1?a=%22b%22&amp;c\"")
        );
    }

    proptest! {
        #[test]
        fn nothing_people_write_becomes_a_header_or_markup(
            title in r"[\r\n<>&:a-z縁\u{85}\u{2028}\u{202e}]{0,200}",
            text in r#"[\r\n<>&"'a-z縁/= ]{0,300}"#,
        ) {
            let mail = built(&title, &text, &title);
            let is_line = |text: &str| !text.chars().any(|c| {
                c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202e}')
            });
            prop_assert!(is_line(&mail.subject), "{:?}", mail.subject);
            prop_assert!(mail.subject.chars().count() <= SUBJECT_LIMIT);
            let ours = ["!DOCTYPE html", "html lang=\"en\"", "/html", "head", "/head",
                "meta charset=\"utf-8\"", "body", "/body", "p", "/p", "strong", "/strong", "br",
                "a href=\"https://enishi.example/contacts/1?a=%22b%22&amp;c\"", "/a"];
            for tag in mail.html.split('<').skip(1) {
                let tag = tag.split('>').next().unwrap_or_default();
                prop_assert!(ours.contains(&tag), "{tag:?} in {}", mail.html);
            }
        }
    }

    #[test]
    fn each_address_is_judged_by_itself() {
        let no = |status| MailRefusal {
            address: "a@b.example".to_owned(),
            status,
            said: String::new(),
        };
        let receipt = |accepted: &[&str], refused: Vec<MailRefusal>, deferred: Vec<MailRefusal>| {
            Ok(MailReceipt {
                status: 250,
                said: "ok".to_owned(),
                accepted: accepted.iter().map(|&one| one.to_owned()).collect(),
                refused,
                deferred,
            })
        };
        let off = Verdict::Disable {
            reason: DisableReason::RecipientsRefused,
        };
        let again = Verdict::Retry { after: None };
        for (answer, told, expected) in [
            (
                receipt(&["x@y.z"], vec![], vec![]),
                false,
                Verdict::Delivered,
            ),
            (
                receipt(&["x@y.z"], vec![no(550)], vec![]),
                false,
                Verdict::Delivered,
            ),
            (receipt(&["x@y.z"], vec![], vec![no(450)]), false, again),
            (receipt(&[], vec![no(550)], vec![]), false, off),
            (
                receipt(&[], vec![no(550)], vec![]),
                true,
                Verdict::Delivered,
            ),
            (Err(MailError::NotSetUp), false, again),
            (Err(MailError::Unreachable), false, again),
            (
                Err(MailError::TimedOut),
                false,
                Verdict::Throttled { after: None },
            ),
            (Err(MailError::NoReceiver), false, Verdict::Refused),
            (
                Err(MailError::Deferred {
                    status: 421,
                    said: String::new(),
                }),
                false,
                again,
            ),
            (
                Err(MailError::Refused {
                    status: 554,
                    said: String::new(),
                }),
                false,
                Verdict::Refused,
            ),
        ] {
            assert_eq!(judge(&answer, told), expected, "{answer:?}");
        }
    }
}
