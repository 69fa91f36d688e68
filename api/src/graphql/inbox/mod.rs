//! Inboxes over GraphQL.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    inbox::{self, InboxChanges, NewInbox},
};
use entity::kind::Channel;

use super::{
    context::{reader, writer},
    error::{fault, settle},
    given::{kept, optional},
    id,
};
use crate::boxed;

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
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The medium.
    fn channel(&self) -> Channel {
        self.0.channel
    }

    /// Our address there, if it has one.
    fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it went out of use; nothing while it takes messages in.
    fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at
    }
}

#[derive(Default)]
pub(crate) struct InboxQuery;

#[Object]
impl InboxQuery {
    /// The workspace's inboxes, oldest first.
    #[boxed]
    async fn inboxes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whether those that are out of use are listed too.", default)]
        include_archived: bool,
    ) -> Result<Vec<Inbox>> {
        let (ctx, actor) = reader(context)?;
        let inboxes = inbox::list(ctx, actor.workspace).await.map_err(fault)?;
        Ok(inboxes
            .into_iter()
            .filter(|inbox| include_archived || inbox.archived_at.is_none())
            .map(Inbox)
            .collect())
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

/// Changes to an inbox; what is left out stays. `null` is refused where a field does not say what it
/// means.
#[derive(InputObject)]
pub(crate) struct UpdateInboxInput {
    /// The inbox's global id.
    id: ID,
    /// The name; unique in the workspace, at most 100 characters.
    name: MaybeUndefined<String>,
    /// The medium; it can only be changed while no conversation came through the inbox.
    channel: MaybeUndefined<Channel>,
    /// Our address there; `null` for none.
    address: MaybeUndefined<String>,
}

/// What became of `updateInbox`.
#[derive(SimpleObject)]
pub(crate) struct UpdateInboxPayload {
    /// The inbox as it is now.
    inbox: Option<Inbox>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// An inbox to be taken out of use.
#[derive(InputObject)]
pub(crate) struct ArchiveInboxInput {
    /// The inbox's global id.
    id: ID,
}

/// What became of `archiveInbox`.
#[derive(SimpleObject)]
pub(crate) struct ArchiveInboxPayload {
    /// The inbox as it is now.
    inbox: Option<Inbox>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// An inbox to be used again.
#[derive(InputObject)]
pub(crate) struct RestoreInboxInput {
    /// The inbox's global id.
    id: ID,
}

/// What became of `restoreInbox`.
#[derive(SimpleObject)]
pub(crate) struct RestoreInboxPayload {
    /// The inbox as it is now.
    inbox: Option<Inbox>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct InboxMutation;

#[Object]
impl InboxMutation {
    /// Makes an inbox. Scope: CONFIGURE.
    #[boxed]
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

    /// Changes an inbox. Scope: CONFIGURE.
    #[boxed]
    async fn update_inbox(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateInboxInput,
    ) -> Result<UpdateInboxPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let changes = InboxChanges {
                name: kept(input.name, "name")?,
                channel: kept(input.channel, "channel")?,
                address: optional(input.address),
            };
            inbox::update(ctx, actor, id, changes).await
        };
        let (inbox, user_errors) = settle(result.await)?;
        Ok(UpdateInboxPayload {
            inbox: inbox.map(Inbox),
            user_errors,
        })
    }

    /// Takes an inbox out of use: what came through it stays, and nothing more comes through it.
    /// Scope: CONFIGURE.
    #[boxed]
    async fn archive_inbox(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ArchiveInboxInput,
    ) -> Result<ArchiveInboxPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            inbox::set_archived(ctx, actor, id, true).await
        };
        let (inbox, user_errors) = settle(result.await)?;
        Ok(ArchiveInboxPayload {
            inbox: inbox.map(Inbox),
            user_errors,
        })
    }

    /// Takes an archived inbox into use again. Scope: CONFIGURE.
    #[boxed]
    async fn restore_inbox(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RestoreInboxInput,
    ) -> Result<RestoreInboxPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            inbox::set_archived(ctx, actor, id, false).await
        };
        let (inbox, user_errors) = settle(result.await)?;
        Ok(RestoreInboxPayload {
            inbox: inbox.map(Inbox),
            user_errors,
        })
    }
}
