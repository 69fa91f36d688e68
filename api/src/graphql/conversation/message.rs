//! Asking for messages, whatever conversations they are of.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    conversation::{self, MessageFilter},
    page::PageRequest,
};
use entity::kind::{Author, Channel, Direction};

use super::Message;
use crate::boxed;
use crate::graphql::{
    context::reader,
    error::fault,
    few::{few, few_ids},
    id,
    page::{Connection, connection},
};

/// Which messages a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct MessageFilterInput {
    /// With this contact, whoever wrote them.
    contact_id: Option<ID>,
    /// Of this conversation.
    conversation_id: Option<ID>,
    /// Through one of these inboxes, at most 100.
    inbox_ids: Option<Vec<ID>>,
    /// Through one of these media.
    channels: Option<Vec<Channel>>,
    /// Going one of these ways.
    directions: Option<Vec<Direction>>,
    /// Written by one of these.
    authors: Option<Vec<Author>>,
    /// Sent not before this moment.
    from: Option<DateTime<Utc>>,
    /// Sent before this moment.
    until: Option<DateTime<Utc>>,
}

impl MessageFilterInput {
    pub(crate) fn read(self) -> domain::error::Result<MessageFilter> {
        let conversation = self.conversation_id.as_ref();
        Ok(MessageFilter {
            contact: id::parse_opt(self.contact_id.as_ref(), &["filter", "contactId"])?,
            conversation: id::parse_opt(conversation, &["filter", "conversationId"])?,
            inboxes: few_ids(self.inbox_ids, &["filter", "inboxIds"])?,
            channels: few(self.channels, &["filter", "channels"])?,
            directions: few(self.directions, &["filter", "directions"])?,
            authors: few(self.authors, &["filter", "authors"])?,
            from: self.from,
            until: self.until,
            taken_in_from: None,
        })
    }
}

#[derive(Default)]
pub(crate) struct MessageQuery;

#[Object]
impl MessageQuery {
    /// The messages of all conversations, newest first; a page costs the same at any depth. For all of
    /// them at once, and for what came in since the last time, there is `exportRecords`.
    #[boxed]
    async fn messages(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which messages.")] filter: Option<MessageFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Message>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read().map_err(fault)?;
        let found = conversation::list_messages(ctx, actor.workspace, &filter, &page);
        let found = found.await.map_err(fault)?;
        Ok(connection(found, Message))
    }
}
