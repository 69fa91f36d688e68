//! Taking messages in; closing conversations.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    conversation::{self, Changes, Ingested, NewMessage, Outcome, Written},
    error::UserError,
    upsert::MemberRef,
};
use entity::kind::{Author, ConversationStatus, Direction};

use super::Conversation;
use crate::boxed;
use crate::graphql::{
    context::writer, error::settle, fact::ContactReferenceInput, id, upsert::MemberReferenceInput,
};

/// A message to be taken in.
#[derive(InputObject)]
pub(crate) struct MessageInput {
    /// The sender's own id, at most 998 characters; the same id in the same inbox is the same
    /// message.
    external_id: String,
    /// Names of the threads it belongs to: what it answers, what that answered, or any key of your
    /// own. Messages that share a name, or name each other's external id, are one conversation. A
    /// message that names none opens one of its own if its contact is named by email address; otherwise
    /// it is taken for a line of a chat and goes on in the latest conversation with the contact in the
    /// inbox that is not closed, if there is one.
    #[graphql(default)]
    thread_keys: Vec<String>,
    /// The contact it is from or to. Name them by this or by `contactEmail`.
    contact: Option<ContactReferenceInput>,
    /// The contact's email address; a contact is made when it is nobody's. The same as `contact` with
    /// `email`.
    contact_email: Option<String>,
    /// The contact's name, used when the contact is made.
    contact_name: Option<String>,
    /// Which way it went.
    #[graphql(default_with = "Direction::Inbound")]
    direction: Direction,
    /// Who wrote it; left out, the contact or a member, by the direction.
    author: Option<Author>,
    /// The member who wrote it, if that is known, also one who is removed by now; of outbound messages whose author
    /// is `MEMBER` only.
    member: Option<MemberReferenceInput>,
    /// Whether a program answered by itself.
    #[graphql(default)]
    automatic: bool,
    /// The subject line, at most 1,000 characters.
    #[graphql(default)]
    subject: String,
    /// The text, at most 200,000 characters.
    body: String,
    /// When it was sent: from 1900 on, and not in the future.
    sent_at: DateTime<Utc>,
}

impl MessageInput {
    fn read(self, index: usize) -> domain::error::Result<Written> {
        let item = ["messages", &index.to_string()];
        let member = self
            .member
            .map(|member| writer_of(member, item))
            .transpose()?;
        let message = NewMessage {
            external_id: self.external_id,
            thread_keys: self.thread_keys,
            whose: ContactReferenceInput::whose(self.contact, self.contact_email, item)?,
            name: self.contact_name,
            direction: self.direction,
            author: self.author,
            automatic: self.automatic,
            subject: self.subject,
            body: self.body,
            sent_at: self.sent_at,
        };
        Ok(Written { message, member })
    }
}

/// The member that a message at `item` names.
fn writer_of(member: MemberReferenceInput, item: [&str; 2]) -> domain::error::Result<MemberRef> {
    Ok(match member {
        MemberReferenceInput::Id(id) => {
            MemberRef::Id(id::parse(&id, &[item[0], item[1], "member", "id"])?)
        }
        MemberReferenceInput::Email(email) => MemberRef::Email(email),
    })
}

/// Messages to be taken in.
#[derive(InputObject)]
pub(crate) struct IngestMessagesInput {
    /// The inbox they came through.
    inbox_id: ID,
    /// The messages, at most 1,000. When one is refused, none is taken.
    messages: Vec<MessageInput>,
}

/// One message after the call.
#[derive(SimpleObject)]
pub(crate) struct IngestedMessage {
    /// The sender's own id.
    external_id: String,
    /// The message's global id, whether it is new or not; null for `ERASED`.
    id: Option<ID>,
    /// What became of it.
    outcome: Outcome,
}

impl From<Ingested> for IngestedMessage {
    fn from(ingested: Ingested) -> Self {
        Self {
            external_id: ingested.external_id,
            id: ingested.message.map(ID::from),
            outcome: ingested.outcome,
        }
    }
}

/// What became of `ingestMessages`.
#[derive(SimpleObject)]
pub(crate) struct IngestMessagesPayload {
    /// The messages, one for each given and in the same order; empty when the call was refused.
    messages: Vec<IngestedMessage>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// Where a conversation is to stand.
#[derive(InputObject)]
pub(crate) struct SetConversationStatusInput {
    /// The conversation's global id.
    id: ID,
    /// Where it is to stand. Closing ends the wait for an answer.
    status: ConversationStatus,
    /// With `SNOOZED`, and needed then: when it opens again by itself, at most a year ahead.
    snoozed_until: Option<DateTime<Utc>>,
}

/// What became of `setConversationStatus`.
#[derive(SimpleObject)]
pub(crate) struct SetConversationStatusPayload {
    /// The conversation as it is now.
    conversation: Option<Conversation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct ConversationMutation;

#[Object]
impl ConversationMutation {
    /// Takes messages in, in bulk; repeating a call changes nothing. Rules are evaluated on every
    /// new inbound message, once. Scope: INGEST.
    #[boxed]
    async fn ingest_messages(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: IngestMessagesInput,
    ) -> Result<IngestMessagesPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let inbox = id::parse(&input.inbox_id, &["inboxId"])?;
            let messages = input.messages.into_iter().enumerate();
            let messages = messages.map(|(index, message)| message.read(index));
            let messages: Vec<Written> = messages.collect::<domain::error::Result<_>>()?;
            conversation::ingest(ctx, actor, inbox, messages).await
        };
        let (ingested, user_errors) = settle(result.await)?;
        let messages = ingested
            .into_iter()
            .flatten()
            .map(IngestedMessage::from)
            .collect();
        Ok(IngestMessagesPayload {
            messages,
            user_errors,
        })
    }

    /// Closes a conversation, opens it again, or puts it aside; `updateConversation` does more.
    /// Scope: WRITE.
    #[boxed]
    async fn set_conversation_status(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SetConversationStatusInput,
    ) -> Result<SetConversationStatusPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let changes = Changes {
                status: Some(input.status),
                snoozed_until: input.snoozed_until,
                ..Changes::default()
            };
            conversation::update(ctx, actor, &[id], "id", &changes).await
        };
        let (updated, user_errors) = settle(result.await)?;
        Ok(SetConversationStatusPayload {
            conversation: updated.into_iter().flatten().next().map(Conversation::from),
            user_errors,
        })
    }
}
