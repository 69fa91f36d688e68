//! A mail from an archive as a message of a conversation. Pure: `enishi import` reads and stores.

use chrono::{DateTime, TimeDelta, Utc};
use entity::kind;
use sha2::{Digest as _, Sha256};

use super::{
    NewMessage,
    ingest::{BODY_LIMIT, ID_LIMIT, KEYS_LIMIT},
};
use crate::mail::{Direction, Mail, OwnAddresses, Unplaced, place, thread_keys};

/// What stands under a text that was too long to be kept whole.
const CUT_NOTE: &str = "\n\n[…] The text was cut here when the message was imported.";

/// Why a readable mail becomes no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAMessage {
    /// It belongs to no customer.
    #[error("{0}")]
    Unplaced(#[from] Unplaced),
    /// Nobody can say when it was sent.
    #[error("its date is missing or cannot be read")]
    Undated,
    /// Its date lies ahead.
    #[error("its date lies in the future")]
    Future,
}

/// The message that `mail` is to the owner of `own`. What is longer than a message may be is cut
/// with a note instead of being lost.
pub fn from_mail(
    mail: &Mail,
    own: &OwnAddresses,
    now: DateTime<Utc>,
) -> Result<NewMessage, NotAMessage> {
    let placement = place(mail, own)?;
    let sent_at = mail.sent_at.ok_or(NotAMessage::Undated)?;
    if sent_at > now + TimeDelta::days(1) {
        return Err(NotAMessage::Future);
    }
    let mut thread_keys: Vec<String> = thread_keys(mail).iter().map(|id| bounded_id(id)).collect();
    // The nearest come first; the one that names the thread comes last and must stay.
    if thread_keys.len() > KEYS_LIMIT {
        let first = thread_keys.pop();
        thread_keys.truncate(KEYS_LIMIT - 1);
        thread_keys.extend(first);
    }
    Ok(NewMessage {
        external_id: bounded_id(&mail.message_id),
        thread_keys,
        whose: placement.customer.address.to_string().into(),
        name: placement.customer.name,
        direction: match placement.direction {
            Direction::Inbound => kind::Direction::Inbound,
            Direction::Outbound => kind::Direction::Outbound,
        },
        author: None,
        automatic: mail.automatic.is_some(),
        subject: mail.subject.clone(),
        body: bounded_body(&mail.text),
        sent_at,
    })
}

/// An id as it is, or, when it is longer than an id may be, its hash: cutting it could make one of
/// two.
fn bounded_id(id: &str) -> String {
    if id.len() <= ID_LIMIT {
        return id.to_owned();
    }
    format!("hash:{}", hex::encode(Sha256::digest(id.as_bytes())))
}

/// Cuts by characters (`char`), of which there are never fewer than a person counts.
fn bounded_body(text: &str) -> String {
    if text.len() <= BODY_LIMIT {
        return text.to_owned();
    }
    let room = BODY_LIMIT - CUT_NOTE.chars().count();
    match text.char_indices().nth(room) {
        Some((end, _)) if text.chars().count() > BODY_LIMIT => {
            format!("{}{CUT_NOTE}", &text[..end])
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::parse;

    const NOW: &str = "2026-06-01T00:00:00Z";
    const HEAD: &str = "Message-ID: <b@c.jp>\nDate: Fri, 1 May 2026 09:00:00 +0900\n";

    fn imported(raw: &str) -> Result<NewMessage, NotAMessage> {
        let own = OwnAddresses::new(["@example.com"]).unwrap();
        from_mail(&parse(raw.as_bytes()).unwrap(), &own, NOW.parse().unwrap())
    }

    #[test]
    fn a_customers_mail_becomes_an_inbound_message_of_its_thread() {
        let message = imported(&format!(
            "{HEAD}References: <a@example.com>\nFrom: 佐藤 <sato@c.jp>\nTo: sales@example.com\n\
             Subject: Re: x\n\nhello\n"
        ))
        .unwrap();
        assert_eq!(message.direction, kind::Direction::Inbound);
        assert_eq!(message.whose.email.as_deref(), Some("sato@c.jp"));
        assert_eq!(message.external_id, "b@c.jp");
        assert_eq!(message.thread_keys, ["b@c.jp", "a@example.com"]);
        assert_eq!(message.body, "hello");
        assert_eq!(message.sent_at.to_rfc3339(), "2026-05-01T00:00:00+00:00");
        assert!(!message.automatic);
    }

    #[test]
    fn our_own_mail_becomes_an_outbound_message_to_the_customer() {
        let message = imported(&format!(
            "{HEAD}From: sales@example.com\nTo: Li <li@c.cn>\nAuto-Submitted: auto-replied\n\nx"
        ))
        .unwrap();
        assert_eq!(message.direction, kind::Direction::Outbound);
        assert_eq!(
            (message.whose.email.as_deref(), message.name.as_deref()),
            (Some("li@c.cn"), Some("Li"))
        );
        assert!(message.automatic);
    }

    #[test]
    fn mail_that_is_no_customers_or_of_no_time_is_told_apart() {
        for (raw, expected) in [
            (
                format!("{HEAD}From: a@example.com\nTo: b@example.com\n\nx"),
                NotAMessage::Unplaced(Unplaced::Internal),
            ),
            ("From: a@b.jp\n\nx".to_owned(), NotAMessage::Undated),
            (
                "From: a@b.jp\nDate: Fri, 1 May 2099 09:00:00 +0900\n\nx".to_owned(),
                NotAMessage::Future,
            ),
        ] {
            assert_eq!(imported(&raw).unwrap_err(), expected, "{raw}");
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_with_a_note() {
        let long = "あ".repeat(BODY_LIMIT + 1);
        let cut = bounded_body(&long);
        assert_eq!(cut.chars().count(), BODY_LIMIT);
        assert!(cut.ends_with(CUT_NOTE));
        let fits = "あ".repeat(BODY_LIMIT);
        assert_eq!(bounded_body(&fits), fits);
    }

    #[test]
    fn ids_and_their_number_are_bounded_without_losing_the_thread() {
        let long = format!("{}@x", "a".repeat(2000));
        let references: Vec<String> = (0..100).map(|n| format!("<{n}@x>")).collect();
        let references = references.join(" ");
        let message = imported(&format!(
            "Message-ID: <{long}>\nIn-Reply-To: <other@x>\nReferences: {references}\n\
             Date: Fri, 1 May 2026 09:00:00 +0900\nFrom: a@b.jp\n\nx"
        ))
        .unwrap();
        assert_eq!(message.external_id.len(), "hash:".len() + 64);
        assert_eq!(message.thread_keys.len(), KEYS_LIMIT);
        assert_eq!(message.thread_keys.first(), Some(&message.external_id));
        assert_eq!(message.thread_keys.last().map(String::as_str), Some("0@x"));
    }
}
