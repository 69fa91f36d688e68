//! Checking one message.

use chrono::{DateTime, Utc};
use entity::{
    id::MemberId,
    kind::{Author, Direction},
};

use super::{BODY_LIMIT, ID_LIMIT, KEYS_LIMIT, NewMessage};
use crate::{
    contact::Whom,
    error::{UserError, UserErrorCode},
    locale::Locale,
    scalar, text,
};

/// Bytes a message's id or the name of a thread may have.
const MAX_KEY_BYTES: usize = 1_020;
const SUBJECT_LIMIT: usize = 1_000;

/// A message whose parts are all fit to be stored.
pub(super) struct Checked {
    /// Its place in the call.
    pub(super) index: usize,
    pub(super) external_id: String,
    pub(super) keys: Vec<String>,
    pub(super) whom: Whom,
    pub(super) name: Option<String>,
    pub(super) direction: Direction,
    pub(super) author: Author,
    /// The member who wrote it; found by `writer`.
    pub(super) member: Option<MemberId>,
    pub(super) automatic: bool,
    pub(super) subject: String,
    pub(super) body: String,
    pub(super) sent_at: DateTime<Utc>,
}

impl Checked {
    /// Whether it is a line of a chat: it names nothing that it answers, and its contact is named by
    /// something else than an email address. Mails say what they answer; one that does not opens a
    /// conversation.
    pub(super) fn is_chat(&self) -> bool {
        self.keys.len() == 1 && !self.whom.is_email()
    }
}

/// Checks one message; mistakes are noted with their place.
pub(super) fn check(
    index: usize,
    message: NewMessage,
    home: Locale,
    now: DateTime<Utc>,
    errors: &mut Vec<UserError>,
) -> Option<Checked> {
    let place = index.to_string();
    let before = errors.len();
    let at = |field: &'static str| ["messages", place.as_str(), field];
    let external_id = text::name(&message.external_id, &at("externalId"), ID_LIMIT)
        .map_err(|error| errors.push(error))
        .ok();
    if external_id
        .as_ref()
        .is_some_and(|id| id.len() > MAX_KEY_BYTES)
    {
        let text = "Use a shorter id.";
        errors.push(UserError::new(
            &at("externalId"),
            UserErrorCode::TooLong,
            text,
        ));
    }
    let whom = message
        .whose
        .read(home, ["messages", &place])
        .map_err(|error| errors.push(error))
        .ok();
    let subject = text::short_text(&message.subject, &at("subject"), SUBJECT_LIMIT)
        .map_err(|error| errors.push(error))
        .ok();
    let body = text::long_text(&message.body, &at("body"), BODY_LIMIT)
        .map_err(|error| errors.push(error))
        .ok();
    if let Some(text) = scalar::not_past(message.sent_at, now) {
        errors.push(UserError::new(&at("sentAt"), UserErrorCode::Invalid, text));
    }
    let author = message.author.unwrap_or(match message.direction {
        Direction::Inbound => Author::Contact,
        Direction::Outbound => Author::Member,
    });
    if (message.direction == Direction::Inbound) != (author == Author::Contact) {
        let text = "Contacts write inbound messages, members and automations outbound ones.";
        errors.push(UserError::new(
            &at("author"),
            UserErrorCode::Contradictory,
            text,
        ));
    }
    if message.thread_keys.len() > KEYS_LIMIT {
        let text = format!("Name at most {KEYS_LIMIT} threads.");
        errors.push(UserError::new(
            &at("threadKeys"),
            UserErrorCode::TooLong,
            text,
        ));
    }
    if errors.len() > before {
        return None;
    }
    let (external_id, whom) = (external_id?, whom?);
    let mut keys = vec![external_id.clone()];
    for key in &message.thread_keys {
        let key = text::printable(&text::visible(key))
            .trim()
            .chars()
            .take(ID_LIMIT)
            .collect::<String>();
        if !key.is_empty() && !keys.contains(&key) {
            keys.push(key);
        }
    }
    Some(Checked {
        index,
        external_id,
        keys,
        whom,
        name: message.name,
        direction: message.direction,
        author,
        member: None,
        automatic: message.automatic,
        subject: subject?,
        body: body?,
        // Both databases keep microseconds.
        sent_at: chrono::SubsecRound::trunc_subsecs(message.sent_at, 6),
    })
}
