//! Conversations as they are worked on.

use async_graphql::{Context, ID, Result, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use domain::work::change::{Entry, Fact};
use entity::{
    id::{ContactId, ConversationId, InboxId, MemberId},
    kind::{ConversationStatus, Priority},
};
use futures::Stream;

use super::Conversation;
use crate::graphql::{
    access::{ChangeOrigin, Member},
    change::follow,
    context::{loaded, loaded_each, loader},
    error::fault,
    id,
};

/// One thing that happened to a conversation. What did not change in it is empty.
#[derive(SimpleObject)]
pub(crate) struct ConversationChange {
    /// Where it stands in the log; give it as `after` to go on from here.
    cursor: String,
    /// What happened, such as `conversation.assigned`; `message.received` or `message.sent` when the
    /// conversation began with that message.
    kind: String,
    /// Whether it has just begun, with a first message. One that is opened again has a
    /// `previousStatus` instead.
    opened: bool,
    /// The conversation as it is now.
    conversation: Conversation,
    /// Where it stood before, when that changed.
    previous_status: Option<ConversationStatus>,
    /// Where it stood afterwards, when that changed.
    status: Option<ConversationStatus>,
    /// How urgent it was before, when that changed.
    previous_priority: Option<Priority>,
    /// How urgent it was afterwards, when that changed.
    priority: Option<Priority>,
    /// Who dealt with it before, when that changed and somebody did.
    previous_assignee: Option<Member>,
    /// Who dealt with it afterwards, when that changed and somebody did.
    assignee: Option<Member>,
    /// Who began to watch it.
    added_watchers: Vec<Member>,
    /// Who ceased to watch it.
    removed_watchers: Vec<Member>,
    /// Who or what did it.
    origin: ChangeOrigin,
    /// When.
    at: DateTime<Utc>,
}

/// The conversation a fact is about, if it is about one that began or what was done with one.
fn subject(fact: &Fact) -> Option<ConversationId> {
    match fact {
        Fact::MessageReceived {
            conversation_id,
            opened: true,
            ..
        }
        | Fact::MessageSent {
            conversation_id,
            opened: true,
            ..
        }
        | Fact::ConversationStatusChanged {
            conversation_id, ..
        }
        | Fact::ConversationAssigned {
            conversation_id, ..
        }
        | Fact::ConversationPriorityChanged {
            conversation_id, ..
        }
        | Fact::ConversationWatchersChanged {
            conversation_id, ..
        }
        | Fact::ConversationHandedOver { conversation_id } => Some(*conversation_id),
        _ => None,
    }
}

async fn tell(
    context: &Context<'_>,
    entry: &Entry,
    conversation: Conversation,
) -> Result<ConversationChange> {
    let mut change = ConversationChange {
        cursor: entry.position.to_string(),
        kind: entry.fact.name().to_owned(),
        opened: false,
        conversation,
        previous_status: None,
        status: None,
        previous_priority: None,
        priority: None,
        previous_assignee: None,
        assignee: None,
        added_watchers: Vec::new(),
        removed_watchers: Vec::new(),
        origin: entry.origin.into(),
        at: entry.at,
    };
    match &entry.fact {
        // Whatever begins is open.
        Fact::MessageReceived { .. } | Fact::MessageSent { .. } => {
            (change.opened, change.status) = (true, Some(ConversationStatus::Open));
        }
        Fact::ConversationStatusChanged { from, to, .. } => {
            (change.previous_status, change.status) = (*from, *to);
        }
        Fact::ConversationPriorityChanged { from, to, .. } => {
            (change.previous_priority, change.priority) = (Some(*from), Some(*to));
        }
        Fact::ConversationAssigned { from, to, .. } => {
            change.previous_assignee = loaded(context, *from, Member).await?;
            change.assignee = loaded(context, *to, Member).await?;
        }
        Fact::ConversationWatchersChanged { added, removed, .. } => {
            change.added_watchers = loaded_each(context, added, Member).await?;
            change.removed_watchers = loaded_each(context, removed, Member).await?;
        }
        _ => {}
    }
    Ok(change)
}

#[derive(Default)]
pub(crate) struct ConversationSubscription;

#[Subscription]
impl ConversationSubscription {
    /// Conversations as they begin, are closed, opened again, snoozed, woken, assigned, made more or
    /// less urgent, watched, and passed on to another contact when somebody is erased; each with what
    /// it was before. Messages come by `messageAdded`.
    async fn conversation_changed<'c>(
        &self,
        context: &'c Context<'c>,
        #[graphql(desc = "Only this conversation.")] conversation_id: Option<ID>,
        #[graphql(desc = "Only what is given to this member, or taken from them.")]
        assignee_id: Option<ID>,
        #[graphql(desc = "Only of this inbox.")] inbox_id: Option<ID>,
        #[graphql(desc = "Only with this contact, as it is now.")] contact_id: Option<ID>,
        #[graphql(desc = "The last cursor you have; left out, it starts now.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<ConversationChange>> + 'c> {
        let conversation: Option<ConversationId> =
            id::parse_opt(conversation_id.as_ref(), &["conversationId"]).map_err(fault)?;
        let assignee: Option<MemberId> =
            id::parse_opt(assignee_id.as_ref(), &["assigneeId"]).map_err(fault)?;
        let inbox: Option<InboxId> =
            id::parse_opt(inbox_id.as_ref(), &["inboxId"]).map_err(fault)?;
        let contact: Option<ContactId> =
            id::parse_opt(contact_id.as_ref(), &["contactId"]).map_err(fault)?;
        follow(context, after, move |entry| async move {
            let id = subject(&entry.fact)?;
            let concerns = |member: MemberId| match &entry.fact {
                Fact::ConversationAssigned { from, to, .. } => {
                    *from == Some(member) || *to == Some(member)
                }
                _ => false,
            };
            if conversation.is_some_and(|wanted| wanted != id)
                || assignee.is_some_and(|member| !concerns(member))
            {
                return None;
            }
            let loaders = loader(context).ok()?;
            let row = match loaders.load_one(id).await.transpose()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            if inbox.is_some_and(|wanted| row.inbox_id != wanted)
                || contact.is_some_and(|wanted| row.contact_id != wanted)
            {
                return None;
            }
            Some(tell(context, &entry, row.into()).await)
        })
        .await
    }
}
