//! Inboxes over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    inbox::{self, NewInbox},
};
use entity::kind::Channel;

use super::{
    context::{reader, writer},
    error::{fault, settle},
};

/// A place messages come from, and a data source that rules can choose.
#[derive(Debug, Clone)]
pub struct Inbox(pub(crate) entity::inbox::Model);

/// A place messages come from, and a data source that rules can choose.
#[Object]
impl Inbox {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name; unique in the workspace.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The medium.
    async fn channel(&self) -> Channel {
        self.0.channel
    }

    /// Our address there, if it has one.
    async fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

#[derive(Default)]
pub(crate) struct InboxQuery;

#[Object]
impl InboxQuery {
    /// The workspace's inboxes, oldest first.
    async fn inboxes(&self, context: &Context<'_>) -> Result<Vec<Inbox>> {
        let (ctx, actor) = reader(context)?;
        let inboxes = inbox::list(ctx, actor.workspace).await.map_err(fault)?;
        Ok(inboxes.into_iter().map(Inbox).collect())
    }
}

/// An inbox to be made.
#[derive(InputObject)]
pub(crate) struct CreateInboxInput {
    /// The name; unique in the workspace, at most 100 characters.
    name: String,
    /// The medium.
    channel: Channel,
    /// Our address there, such as `support@example.com`.
    address: Option<String>,
}

/// What became of `createInbox`.
#[derive(SimpleObject)]
pub(crate) struct CreateInboxPayload {
    /// The new inbox.
    inbox: Option<Inbox>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct InboxMutation;

#[Object]
impl InboxMutation {
    /// Makes an inbox. Scope: CONFIGURE.
    async fn create_inbox(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateInboxInput,
    ) -> Result<CreateInboxPayload> {
        let (ctx, actor) = writer(context)?;
        let new = NewInbox {
            name: input.name,
            channel: input.channel,
            address: input.address,
        };
        let (inbox, user_errors) = settle(inbox::create(ctx, actor, new).await)?;
        Ok(CreateInboxPayload {
            inbox: inbox.map(Inbox),
            user_errors,
        })
    }
}
