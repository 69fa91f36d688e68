//! What is known about an occasion when its rules are judged.

use entity::{
    id::Id as _,
    kind::{Author, Channel},
};
use uuid::Uuid;

use crate::{
    action::board::Tags,
    condition::{
        Moment,
        facts::{Holders, MessageFacts, TagSet},
    },
    rule::occasion::{Occasion, What},
};

/// What is known about an occasion when its rules are judged.
pub(super) fn facts<'f>(
    occasion: &'f Occasion<'_>,
    tags: &'f Tags,
    now: &Moment,
) -> MessageFacts<'f> {
    let of = |id: Option<Uuid>| tags.of(id.unwrap_or_default());
    let contact_tags = of(occasion.case.contact.map(|id| id.0));
    let conversation_tags = of(occasion.case.conversation.map(|id| id.0));
    facts_with(occasion, contact_tags, conversation_tags, now)
}

/// The same with these tags of the contact and the conversation.
pub(crate) fn facts_with<'f>(
    occasion: &'f Occasion<'_>,
    contact_tags: &'f TagSet,
    conversation_tags: &'f TagSet,
    now: &Moment,
) -> MessageFacts<'f> {
    let moment = now.at(match occasion.what {
        // Fetched on Monday, a mail of Sunday night was still written outside business hours.
        What::Message(message) => message.sent_at,
        What::Other(_) => occasion.at,
    });
    let holders = Holders {
        contact: occasion.case.contact.map(|id| id.0),
        account: occasion.case.account.map(|id| id.0),
        conversation: occasion.case.conversation.map(|id| id.0),
    };
    match occasion.what {
        What::Message(message) => MessageFacts {
            moment,
            holders,
            inbox_id: message.inbox_id.uuid(),
            channel: message.channel,
            author: message.author,
            automatic: message.automatic,
            subject: &message.subject,
            body: &message.body,
            contact_tags,
            conversation_tags,
        },
        // No condition that may be saved for these asks about a message.
        What::Other(_) => MessageFacts {
            moment,
            holders,
            inbox_id: Uuid::nil(),
            channel: Channel::Other,
            author: Author::Contact,
            automatic: false,
            subject: "",
            body: "",
            contact_tags,
            conversation_tags,
        },
    }
}
