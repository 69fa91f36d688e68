//! Working on conversations: status, urgency, assignee, watchers; one or many.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    conversation::{self, Changes},
    error::UserError,
};
use entity::kind::{ConversationStatus, Priority};

use super::Conversation;
use crate::boxed;
use crate::graphql::{context::writer, error::settle, given::kept, id};

/// Changes to one conversation; what is left out stays. `null` is refused where a field does not say
/// what it means.
#[derive(InputObject)]
pub(crate) struct UpdateConversationInput {
    /// The conversation's global id.
    id: ID,
    /// Where it is to stand. Closing ends the wait for an answer.
    status: MaybeUndefined<ConversationStatus>,
    /// With the status `SNOOZED`, and needed then: when it opens again by itself, at most a year
    /// ahead. A message of the contact's opens it before.
    snoozed_until: Option<DateTime<Utc>>,
    /// How urgent it is to be.
    priority: MaybeUndefined<Priority>,
    /// The member who is to deal with it; `null` for nobody.
    assignee_id: MaybeUndefined<ID>,
    /// Members who are to watch it.
    #[graphql(default)]
    add_watcher_ids: Vec<ID>,
    /// Members who are to watch it no longer.
    #[graphql(default)]
    remove_watcher_ids: Vec<ID>,
}

/// The same changes to many conversations; what is left out stays. `null` is refused where a field
/// does not say what it means.
#[derive(InputObject)]
pub(crate) struct UpdateConversationsInput {
    /// The conversations' global ids, at most 1,000. When one is refused, none is changed.
    ids: Vec<ID>,
    /// Where they are to stand. Closing ends the wait for an answer.
    status: MaybeUndefined<ConversationStatus>,
    /// With the status `SNOOZED`, and needed then: when they open again by themselves, at most a
    /// year ahead. A message of the contact's opens its conversation before.
    snoozed_until: Option<DateTime<Utc>>,
    /// How urgent they are to be.
    priority: MaybeUndefined<Priority>,
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

#[derive(Default)]
pub(crate) struct ConversationUpdateMutation;

#[Object]
impl ConversationUpdateMutation {
    /// Changes a conversation: where it stands, how urgent it is, who deals with it, who watches
    /// it. Scope: WRITE.
    #[boxed]
    async fn update_conversation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateConversationInput,
    ) -> Result<UpdateConversationPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let changes = Changes {
                status: kept(input.status, "status")?,
                snoozed_until: input.snoozed_until,
                priority: kept(input.priority, "priority")?,
                assignee: id::parse_change(input.assignee_id, &["assigneeId"])?,
                watch: id::parse_all(&input.add_watcher_ids, &["addWatcherIds"])?,
                unwatch: id::parse_all(&input.remove_watcher_ids, &["removeWatcherIds"])?,
            };
            conversation::update(ctx, actor, &[id], "id", &changes).await
        };
        let (updated, user_errors) = settle(result.await)?;
        Ok(UpdateConversationPayload {
            conversation: updated.into_iter().flatten().next().map(Conversation::from),
            user_errors,
        })
    }

    /// Makes the same changes to up to 1,000 conversations, to all of them or to none. Scope: WRITE.
    #[boxed]
    async fn update_conversations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateConversationsInput,
    ) -> Result<UpdateConversationsPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let ids = id::parse_all(&input.ids, &["ids"])?;
            let changes = Changes {
                status: kept(input.status, "status")?,
                snoozed_until: input.snoozed_until,
                priority: kept(input.priority, "priority")?,
                assignee: id::parse_change(input.assignee_id, &["assigneeId"])?,
                watch: id::parse_all(&input.add_watcher_ids, &["addWatcherIds"])?,
                unwatch: id::parse_all(&input.remove_watcher_ids, &["removeWatcherIds"])?,
            };
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
