//! Conversations and messages over GraphQL.

mod change;
mod history;
mod message;
mod mutation;
mod query;
mod update;

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    conversation::{self, first_response_s, resolution_s},
    error::{Error, UserErrorCode},
    page::PageRequest,
    rule::firing::FiringsOf,
    task::TaskFilter,
    text,
};
use entity::kind::{Author, ConversationStatus, Direction, Priority, TaskStatus};

use super::{
    access::{Member, find_member},
    attribute::{AttributeValue, values},
    contact::Contact,
    context::{loaded, loaded_each, loader, reader},
    error::fault,
    few::few,
    inbox::Inbox,
    loader::{ChangeOf, WatchersOf},
    note::{Note, notes},
    page::{Connection, connection},
    rule::{RuleFiring, firings},
    tag::{Carried, Tagging, history_of},
    task::{Task, tasks},
};
use crate::boxed;

pub(crate) use change::ConversationSubscription;
pub(crate) use history::ConversationStep;
pub(crate) use message::{MessageFilterInput, MessageQuery};
pub(crate) use mutation::ConversationMutation;
pub(crate) use query::{ConversationFilterInput, ConversationQuery, conversations_of};
pub(crate) use update::ConversationUpdateMutation;

/// A thread with a contact.
#[derive(Debug, Clone)]
pub struct Conversation {
    pub(crate) row: entity::conversation::Model,
    pub(crate) preloaded: Preloaded,
}

/// What the list that made a conversation was asked for of each of its conversations, and has
/// fetched for all of them at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Preloaded {
    pub(crate) contact: Option<Box<Contact>>,
    pub(crate) taggings: Option<Vec<Tagging>>,
}

impl From<entity::conversation::Model> for Conversation {
    fn from(row: entity::conversation::Model) -> Self {
        Self {
            row,
            preloaded: Preloaded::default(),
        }
    }
}

/// A thread with a contact.
#[Object]
impl Conversation {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// The subject of its first message.
    fn subject(&self) -> &str {
        &self.row.subject
    }

    /// Where it stands.
    fn status(&self) -> ConversationStatus {
        self.row.status
    }

    /// How many messages it has.
    fn message_count(&self) -> i64 {
        self.row.messages
    }

    /// How urgent it is.
    fn priority(&self) -> Priority {
        self.row.priority
    }

    /// Who is to deal with it; nothing when nobody is.
    #[boxed]
    async fn assignee(&self, context: &Context<'_>) -> Result<Option<Member>> {
        loaded(context, self.row.assignee_id, Member).await
    }

    /// Who watches it, those who came first first.
    #[boxed]
    async fn watchers(&self, context: &Context<'_>) -> Result<Vec<Member>> {
        let watchers = loader(context)?.load_one(WatchersOf(self.row.id)).await?;
        let ids = watchers.into_iter().flatten().map(|one| one.member_id);
        loaded_each(context, &ids.collect::<Vec<_>>(), Member).await
    }

    /// When it opens again by itself; nothing when it is not snoozed.
    fn snoozed_until(&self) -> Option<DateTime<Utc>> {
        self.row.snoozed_until
    }

    /// When it was last closed; nothing when it never was.
    fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.row.closed_at
    }

    /// How often it was opened again after it was closed, by the contact or by us.
    fn reopenings(&self) -> i64 {
        self.row.reopenings
    }

    /// Seconds from the contact's first message to the first answer by a person of ours; nothing
    /// while there is none. Automatic messages count on neither side. Right whenever messages
    /// arrive late or out of order.
    fn first_response_seconds(&self) -> Option<i64> {
        first_response_s(&self.row)
    }

    /// Seconds from the contact's first message to the closing; nothing while it is not closed.
    fn resolution_seconds(&self) -> Option<i64> {
        resolution_s(&self.row)
    }

    /// When Enishi came to know of it. Its messages may be older, as those of a mailbox that was
    /// brought in.
    fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When anything last changed that is shown with the conversation: a message, its status, urgency, assignee and
    /// watchers, values of attributes and tags. A moment behind the change.
    #[boxed]
    async fn changed_at(&self, context: &Context<'_>) -> Result<DateTime<Utc>> {
        let noted = loader(context)?.load_one(ChangeOf(self.row.id.0)).await?;
        Ok(noted.unwrap_or(self.row.created_at))
    }

    /// When its first message was sent.
    fn first_message_at(&self) -> DateTime<Utc> {
        self.row.first_message_at
    }

    /// When its newest message was sent.
    fn last_message_at(&self) -> DateTime<Utc> {
        self.row.last_message_at
    }

    /// Since when the contact waits for an answer by a person; nothing when nobody waits. Automatic
    /// messages and those of programs are no answers.
    fn waiting_since(&self) -> Option<DateTime<Utc>> {
        self.row.waiting_since
    }

    /// Whom it is with.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        if let Some(contact) = &self.preloaded.contact {
            return Ok(Some(contact.as_ref().clone()));
        }
        Ok(loader(context)?
            .load_one(self.row.contact_id)
            .await?
            .map(Contact::from))
    }

    /// Where it came in.
    #[boxed]
    async fn inbox(&self, context: &Context<'_>) -> Result<Option<Inbox>> {
        Ok(loader(context)?
            .load_one(self.row.inbox_id)
            .await?
            .map(Inbox))
    }

    /// The newest message.
    #[boxed]
    async fn last_message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        Ok(loader(context)?
            .load_one(self.row.last_message_id)
            .await?
            .map(Message))
    }

    /// The tags it carries now, oldest first: what this conversation is about. Who the contact is
    /// to us say the tags of `contact`.
    #[boxed]
    async fn taggings(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Those it carried at this moment instead.")] at: Option<DateTime<Utc>>,
        #[graphql(
            desc = "Only tags of one of these groups, as the tree of tags is now. An empty list is refused."
        )]
        group_ids: Option<Vec<ID>>,
        #[graphql(desc = "Only these tags, not those below them. An empty list is refused.")]
        tag_ids: Option<Vec<ID>>,
    ) -> Result<Vec<Tagging>> {
        let preloaded = self.preloaded.taggings.as_deref();
        let wanted = Carried::read(at, group_ids, tag_ids)?;
        wanted.of(context, self.row.id.0, preloaded).await
    }

    /// Everything it was ever tagged with, newest first, removals included.
    #[boxed]
    async fn tagging_history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Tagging>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        history_of(context, self.row.id.0, &page).await
    }

    /// What became of it, newest first: who closed, opened or assigned it or made it more urgent.
    #[boxed]
    async fn history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, ConversationStep>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = conversation::history(ctx, actor.workspace, self.row.id, &page).await;
        Ok(connection(found.map_err(fault)?, ConversationStep))
    }

    /// The values it has for custom attributes, in the attributes' order.
    #[boxed]
    async fn attributes(&self, context: &Context<'_>) -> Result<Vec<AttributeValue>> {
        values(context, self.row.id.0).await
    }

    /// What members wrote down about it, newest first; the contact never sees it.
    #[boxed]
    async fn notes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Note>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        notes(context, self.row.id.into(), &page).await
    }

    /// What members have to do about the conversation, done or not, what is due next first.
    #[boxed]
    async fn tasks(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only those standing in one of these ways. An empty list is refused.")]
        status: Option<Vec<TaskStatus>>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Task>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = TaskFilter {
            statuses: few(status, &["status"]).map_err(fault)?,
            conversation: Some(self.row.id),
            ..TaskFilter::default()
        };
        tasks(context, &filter, &page).await
    }

    /// Its messages, oldest first.
    #[boxed]
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
        let found = conversation::messages(ctx, actor.workspace, self.row.id, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, Message))
    }
}

/// Characters an excerpt may have.
const EXCERPT_MAX: usize = 1_000;

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
    fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// Which way it went.
    fn direction(&self) -> Direction {
        self.0.direction
    }

    /// Who wrote it.
    fn author(&self) -> Author {
        self.0.author
    }

    /// The member who wrote it, where its sender said so.
    #[boxed]
    async fn member(&self, context: &Context<'_>) -> Result<Option<Member>> {
        find_member(context, self.0.member_id).await
    }

    /// Whether a program answered by itself, for example an out-of-office notice.
    fn automatic(&self) -> bool {
        self.0.automatic
    }

    /// The subject line.
    fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The text.
    fn body(&self) -> &str {
        &self.0.body
    }

    /// The beginning of the text on one line, for lists; an ellipsis stands where something is missing.
    fn excerpt(
        &self,
        #[graphql(
            desc = "How many characters it has at most, as people count them; 1 to 1,000.",
            default = 200
        )]
        length: i32,
    ) -> Result<String> {
        let length = usize::try_from(length).unwrap_or_default();
        if !(1..=EXCERPT_MAX).contains(&length) {
            let message = format!("Ask for 1 to {EXCERPT_MAX} characters.");
            return Err(fault(Error::refused(
                &["length"],
                UserErrorCode::Invalid,
                message,
            )));
        }
        Ok(text::excerpt(&self.0.body, length))
    }

    /// When it was sent.
    fn sent_at(&self) -> DateTime<Utc> {
        self.0.sent_at
    }

    /// The contact who wrote it or whom it was written to.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        Ok(loader(context)?
            .load_one(self.0.contact_id)
            .await?
            .map(Contact::from))
    }

    /// Which rules fired on the message, newest first.
    #[boxed]
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
    #[boxed]
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loader(context)?
            .load_one(self.0.conversation_id)
            .await?
            .map(Conversation::from))
    }
}
