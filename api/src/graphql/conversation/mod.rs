//! Conversations and messages over GraphQL.

mod mutation;

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    conversation::{self, ConversationFilter},
    page::PageRequest,
    rule::firing::FiringsOf,
};
use entity::kind::{Author, ConversationStatus, Direction};

use super::{
    contact::Contact,
    context::{loader, reader},
    error::fault,
    id,
    inbox::Inbox,
    loader::TaggingsOf,
    page::{Connection, connection},
    rule::{RuleFiring, firings},
    tag::{TagFilterInput, Tagging},
};

pub(crate) use mutation::ConversationMutation;

/// A thread with a contact.
#[derive(Debug, Clone)]
pub struct Conversation(pub(crate) entity::conversation::Model);

/// A thread with a contact.
#[Object]
impl Conversation {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The subject of its first message.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Where it stands.
    async fn status(&self) -> ConversationStatus {
        self.0.status
    }

    /// How many messages it has.
    async fn message_count(&self) -> i64 {
        self.0.messages
    }

    /// When its first message was sent.
    async fn first_message_at(&self) -> DateTime<Utc> {
        self.0.first_message_at
    }

    /// When its newest message was sent.
    async fn last_message_at(&self) -> DateTime<Utc> {
        self.0.last_message_at
    }

    /// Since when the contact waits for an answer; nothing when nobody waits.
    async fn waiting_since(&self) -> Option<DateTime<Utc>> {
        self.0.waiting_since
    }

    /// Whom it is with.
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        Ok(loader(context)?
            .load_one(self.0.contact_id)
            .await?
            .map(Contact::from))
    }

    /// Where it came in.
    async fn inbox(&self, context: &Context<'_>) -> Result<Option<Inbox>> {
        Ok(loader(context)?.load_one(self.0.inbox_id).await?.map(Inbox))
    }

    /// The newest message.
    async fn last_message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        Ok(loader(context)?
            .load_one(self.0.last_message_id)
            .await?
            .map(Message))
    }

    /// The tags it carries now, oldest first.
    async fn taggings(&self, context: &Context<'_>) -> Result<Vec<Tagging>> {
        let found = loader(context)?.load_one(TaggingsOf(self.0.id.0)).await?;
        Ok(found
            .unwrap_or_default()
            .into_iter()
            .map(Tagging::from)
            .collect())
    }

    /// Its messages, oldest first.
    async fn messages(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Message>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = conversation::messages(ctx, actor.workspace, self.0.id, &page)
            .await
            .map_err(fault)?;
        Ok(connection(
            found.map(|(cursor, message)| (cursor, Message(message))),
        ))
    }
}

/// A piece of a conversation.
#[derive(Debug, Clone)]
pub struct Message(pub(crate) entity::message::Model);

/// A piece of a conversation.
#[Object]
impl Message {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The sender's own id.
    async fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// Which way it went.
    async fn direction(&self) -> Direction {
        self.0.direction
    }

    /// Who wrote it.
    async fn author(&self) -> Author {
        self.0.author
    }

    /// Whether a program answered by itself, for example an out-of-office notice.
    async fn automatic(&self) -> bool {
        self.0.automatic
    }

    /// The subject line.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The text.
    async fn body(&self) -> &str {
        &self.0.body
    }

    /// When it was sent.
    async fn sent_at(&self) -> DateTime<Utc> {
        self.0.sent_at
    }

    /// The contact who wrote it or whom it was written to.
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        Ok(loader(context)?
            .load_one(self.0.contact_id)
            .await?
            .map(Contact::from))
    }

    /// Which rules fired on the message, newest first.
    async fn rule_firings(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, RuleFiring>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        firings(context, FiringsOf::Message(self.0.id), &page).await
    }

    /// The conversation it belongs to.
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loader(context)?
            .load_one(self.0.conversation_id)
            .await?
            .map(Conversation))
    }
}

/// Which conversations a list has; every part given must hold.
#[derive(InputObject, Default)]
pub(crate) struct ConversationFilterInput {
    /// By their tags; a tag's descendants count as the tag.
    tags: Option<TagFilterInput>,
    /// Of this inbox.
    inbox_id: Option<ID>,
    /// Standing so.
    status: Option<ConversationStatus>,
}

#[derive(Default)]
pub(crate) struct ConversationQuery;

#[Object]
impl ConversationQuery {
    /// One conversation; nothing when there is none of this id.
    async fn conversation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation's global id.")] id: ID,
    ) -> Result<Option<Conversation>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse(&id, &["id"]) else {
            return Ok(None);
        };
        let found = conversation::find(ctx, actor.workspace, id)
            .await
            .map_err(fault)?;
        Ok(found.map(Conversation))
    }

    /// The workspace's conversations, the latest message first.
    async fn conversations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which conversations.")] filter: Option<ConversationFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Conversation>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default();
        let filter = ConversationFilter {
            tags: filter
                .tags
                .map(TagFilterInput::read)
                .transpose()
                .map_err(fault)?
                .unwrap_or_default(),
            inbox: id::parse_opt(filter.inbox_id.as_ref(), &["filter", "inboxId"])
                .map_err(fault)?,
            status: filter.status,
        };
        let found = conversation::list(ctx, actor.workspace, &filter, &page)
            .await
            .map_err(fault)?;
        Ok(connection(
            found.map(|(cursor, row)| (cursor, Conversation(row))),
        ))
    }
}
