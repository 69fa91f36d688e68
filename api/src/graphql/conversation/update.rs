//! Working on conversations: status, urgency, assignee, watchers; one or many.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    conversation::{self, Changes},
    error::UserError,
};
use entity::kind::{ConversationStatus, Priority};

use super::Conversation;
use crate::graphql::{context::writer, error::settle, id};

/// Changes to one conversation; what is left out stays.
#[derive(InputObject)]
pub(crate) struct UpdateConversationInput {
    /// The conversation's global id.
    id: ID,
    /// Where it is to stand. Closing ends the wait for an answer.
    status: Option<ConversationStatus>,
    /// With the status `SNOOZED`, and needed then: when it opens again by itself, at most a year
    /// ahead. A message of the contact's opens it before.
    snoozed_until: Option<DateTime<Utc>>,
    /// How urgent it is to be.
    priority: Option<Priority>,
    /// The member who is to deal with it; `null` for nobody.
    assignee_id: MaybeUndefined<ID>,
    /// Members who are to watch it.
    #[graphql(default)]
    add_watcher_ids: Vec<ID>,
    /// Members who are to watch it no longer.
    #[graphql(default)]
    remove_watcher_ids: Vec<ID>,
}

/// The same changes to many conversations; what is left out stays.
#[derive(InputObject)]
pub(crate) struct UpdateConversationsInput {
    /// The conversations' global ids, at most 1,000. When one is refused, none is changed.
    ids: Vec<ID>,
    /// Where they are to stand. Closing ends the wait for an answer.
    status: Option<ConversationStatus>,
    /// With the status `SNOOZED`, and needed then: when they open again by themselves, at most a
    /// year ahead. A message of the contact's opens its conversation before.
    snoozed_until: Option<DateTime<Utc>>,
    /// How urgent they are to be.
    priority: Option<Priority>,
    /// The member who is to deal with them; `null` for nobody.
    assignee_id: MaybeUndefined<ID>,
    /// Members who are to watch them.
    #[graphql(default)]
    add_watcher_ids: Vec<ID>,
    /// Members who are to watch them no longer.
    #[graphql(default)]
    remove_watcher_ids: Vec<ID>,
}

/// What became of `updateConversation`.
#[derive(SimpleObject)]
pub(crate) struct UpdateConversationPayload {
    /// The conversation as it is now.
    conversation: Option<Conversation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `updateConversations`.
#[derive(SimpleObject)]
pub(crate) struct UpdateConversationsPayload {
    /// The conversations as they are now, in the order of asking; empty when the call was refused.
    conversations: Vec<Conversation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// Puts the wish for an assignee, if there is one, into `changes`.
fn assign(changes: &mut Changes, input: &MaybeUndefined<ID>) -> domain::error::Result<()> {
    changes.assignee = match input {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(id) => Some(Some(id::parse(id, &["assigneeId"])?)),
    };
    Ok(())
}

#[derive(Default)]
pub(crate) struct ConversationUpdateMutation;

#[Object]
impl ConversationUpdateMutation {
    /// Changes a conversation: where it stands, how urgent it is, who deals with it, who watches
    /// it. Scope: WRITE.
    async fn update_conversation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateConversationInput,
    ) -> Result<UpdateConversationPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let mut changes = Changes {
                status: input.status,
                snoozed_until: input.snoozed_until,
                priority: input.priority,
                assignee: None,
                watch: id::parse_all(&input.add_watcher_ids, &["addWatcherIds"])?,
                unwatch: id::parse_all(&input.remove_watcher_ids, &["removeWatcherIds"])?,
            };
            assign(&mut changes, &input.assignee_id)?;
            conversation::update(ctx, actor, &[id], "id", &changes).await
        };
        let (updated, user_errors) = settle(result.await)?;
        Ok(UpdateConversationPayload {
            conversation: updated.into_iter().flatten().next().map(Conversation::from),
            user_errors,
        })
    }

    /// Makes the same changes to up to 1,000 conversations, to all of them or to none. Scope: WRITE.
    async fn update_conversations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateConversationsInput,
    ) -> Result<UpdateConversationsPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let ids = id::parse_all(&input.ids, &["ids"])?;
            let mut changes = Changes {
                status: input.status,
                snoozed_until: input.snoozed_until,
                priority: input.priority,
                assignee: None,
                watch: id::parse_all(&input.add_watcher_ids, &["addWatcherIds"])?,
                unwatch: id::parse_all(&input.remove_watcher_ids, &["removeWatcherIds"])?,
            };
            assign(&mut changes, &input.assignee_id)?;
            conversation::update(ctx, actor, &ids, "ids", &changes).await
        };
        let (updated, user_errors) = settle(result.await)?;
        let conversations = updated.into_iter().flatten();
        Ok(UpdateConversationsPayload {
            conversations: conversations.map(Conversation::from).collect(),
            user_errors,
        })
    }
}
