//! Messages of both directions, as they are added to conversations.

use async_graphql::{Context, ID, Result, SimpleObject, Subscription};
use domain::{
    error::{Error, UserErrorCode},
    work::change::Fact,
};
use entity::{
    id::{ContactId, ConversationId, InboxId, MessageId},
    kind::Direction,
};
use futures::Stream;

use super::follow;
use crate::graphql::{
    access::ChangeOrigin, context::found, conversation::Message, error::fault, id,
};

/// A message that was added to a conversation, whoever wrote it.
#[derive(SimpleObject)]
pub(crate) struct MessageAdded {
    /// Where it stands in the log; give it as `after` to go on from here.
    cursor: String,
    /// The message.
    message: Message,
    /// Whether the conversation began with it.
    opened: bool,
    /// Who or what brought it in.
    origin: ChangeOrigin,
}

#[derive(Default)]
pub(crate) struct MessageSubscription;

#[Subscription]
impl MessageSubscription {
    /// Messages as they are added to conversations: those that come in, and those that colleagues
    /// and programs write.
    async fn message_added<'c>(
        &self,
        context: &'c Context<'c>,
        #[graphql(desc = "Only those that went one of these ways; left out, both.")]
        directions: Option<Vec<Direction>>,
        #[graphql(desc = "Only of this inbox.")] inbox_id: Option<ID>,
        #[graphql(desc = "Only of this conversation.")] conversation_id: Option<ID>,
        #[graphql(desc = "Only from or to this contact.")] contact_id: Option<ID>,
        #[graphql(desc = "The last cursor you have; left out, it starts now.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<MessageAdded>> + 'c> {
        let ways = directions.map(some).transpose().map_err(fault)?;
        let inbox: Option<InboxId> =
            id::parse_opt(inbox_id.as_ref(), &["inboxId"]).map_err(fault)?;
        let conversation: Option<ConversationId> =
            id::parse_opt(conversation_id.as_ref(), &["conversationId"]).map_err(fault)?;
        let contact: Option<ContactId> =
            id::parse_opt(contact_id.as_ref(), &["contactId"]).map_err(fault)?;
        follow(context, after, move |entry| {
            let added = Added::of(&entry.fact).filter(|added| {
                ways.as_ref().is_none_or(|ways| ways.contains(&added.way))
                    && inbox.is_none_or(|wanted| wanted == added.inbox)
                    && conversation.is_none_or(|wanted| wanted == added.conversation)
                    && contact.is_none_or(|wanted| entry.contact == Some(wanted))
            });
            async move {
                let added = added?;
                let found = found(context, added.message).await.transpose()?;
                Some(found.map(|message| MessageAdded {
                    cursor: entry.position.to_string(),
                    message: Message(message),
                    opened: added.opened,
                    origin: entry.origin.into(),
                }))
            }
        })
        .await
    }
}

/// A message as the log tells of it.
#[derive(Clone, Copy)]
struct Added {
    way: Direction,
    message: MessageId,
    conversation: ConversationId,
    inbox: InboxId,
    opened: bool,
}

impl Added {
    fn of(fact: &Fact) -> Option<Self> {
        let (way, message, conversation, inbox, opened) = match fact {
            Fact::MessageReceived {
                message_id,
                conversation_id,
                inbox_id,
                opened,
            } => {
                let way = Direction::Inbound;
                (way, message_id, conversation_id, inbox_id, opened)
            }
            Fact::MessageSent {
                message_id,
                conversation_id,
                inbox_id,
                opened,
            } => {
                let way = Direction::Outbound;
                (way, message_id, conversation_id, inbox_id, opened)
            }
            _ => return None,
        };
        Some(Self {
            way,
            message: *message,
            conversation: *conversation,
            inbox: *inbox,
            opened: *opened,
        })
    }
}

/// Refuses an empty list, for which one would wait for ever.
fn some(directions: Vec<Direction>) -> domain::error::Result<Vec<Direction>> {
    if directions.is_empty() {
        let message = "Name at least one direction, or leave `directions` out.";
        let path = ["directions"];
        return Err(Error::refused(&path, UserErrorCode::Invalid, message));
    }
    Ok(directions)
}
