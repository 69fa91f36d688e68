//! What came in from people, and what became of what was sent to them.

use super::super::table::{Columns, fields};

pub(super) const MESSAGE: Columns<'static, entity::message::Model> = fields!(
    id: "Message",
    external_id: "External ID",
    conversation_id: "Conversation",
    contact_id: "Contact",
    inbox_id: "Inbox",
    direction: "Direction",
    author: "Author",
    automatic: "Automatic",
    subject: "Subject",
    body: "Text",
    sent_at: "Sent at",
    created_at: "Taken in at",
    member_id: "Member",
);

pub(super) const EVENT: Columns<'static, entity::event::Model> = fields!(
    id: "Event",
    external_id: "External ID",
    contact_id: "Contact",
    name: "Name",
    properties: "Properties",
    occurred_at: "Occurred at",
    created_at: "Taken in at",
);

/// Who caused an event is given as it was told: what the figures take it for depends on the other events of
/// the email, and changes with them.
pub(super) const EMAIL_EVENT: Columns<'static, entity::email_event::Model> = fields!(
    id: "Email event",
    external_id: "External ID",
    email_key: "Email",
    recipient: "Recipient",
    contact_id: "Contact",
    campaign_id: "Campaign",
    kind: "Kind",
    origin as "originTold": "Origin as told",
    bounce: "Bounce",
    url: "URL",
    occurred_at: "Occurred at",
    created_at: "Taken in at",
    tracks_opens: "Tracks opens",
);
