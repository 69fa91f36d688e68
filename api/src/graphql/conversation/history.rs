//! What became of conversations.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    conversation_step,
    kind::{ConversationStatus, ConversationStepKind, Priority},
};

use super::Conversation;
use crate::{
    boxed,
    graphql::{
        access::{ChangeOrigin, Member},
        context::loaded,
    },
};

/// What became of a conversation at one moment: another status, assignee or urgency.
pub(crate) struct ConversationStep(pub(crate) conversation_step::Model);

/// What became of a conversation at one moment: another status, assignee or urgency.
#[Object]
impl ConversationStep {
    /// The conversation.
    #[boxed]
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        loaded(context, Some(self.0.conversation_id), Conversation::from).await
    }

    /// What changed.
    fn kind(&self) -> ConversationStepKind {
        self.0.kind
    }

    /// The status before; nothing when something else changed.
    fn status_before(&self) -> Option<ConversationStatus> {
        self.0.from_status
    }

    /// The status after; nothing when something else changed.
    fn status_after(&self) -> Option<ConversationStatus> {
        self.0.to_status
    }

    /// Who dealt with it before; nothing when nobody did, or something else changed.
    #[boxed]
    async fn assignee_before(&self, context: &Context<'_>) -> Result<Option<Member>> {
        loaded(context, self.0.from_assignee_id, Member).await
    }

    /// Who deals with it since; nothing when nobody does, or something else changed.
    #[boxed]
    async fn assignee_after(&self, context: &Context<'_>) -> Result<Option<Member>> {
        loaded(context, self.0.to_assignee_id, Member).await
    }

    /// How urgent it was; nothing when something else changed.
    fn priority_before(&self) -> Option<Priority> {
        self.0.from_priority
    }

    /// How urgent it is since; nothing when something else changed.
    fn priority_after(&self) -> Option<Priority> {
        self.0.to_priority
    }

    /// When.
    fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// Who changed it. A conversation that a message opened again was opened by whoever brought the
    /// message in.
    fn changed_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.by_origin)
    }
}
