//! Notification targets: where notifications go, who receives them, and what they are signed with.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    naming::By,
    notification::{Receivers, delivery::DeliveryFilter, uses},
    page::PageRequest,
};
use entity::kind::TargetKind;

use super::Delivery;
use crate::boxed;
use crate::graphql::{
    access::Member,
    context::{loaded, loaded_each, loader, reader},
    error::fault,
    loader::{KeysOf, ReceiversOf},
    page::Connection,
    team::Team,
};

/// A place notifications go to.
#[derive(Debug, Clone)]
pub struct NotificationTarget(pub(crate) entity::notification_target::Model);

/// A place notifications go to.
#[Object]
impl NotificationTarget {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name; unique in the workspace.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The kind of place.
    fn kind(&self) -> TargetKind {
        self.0.kind
    }

    /// The address with its secret parts hidden; nothing for kinds that go to people.
    fn masked_url(&self) -> Option<&str> {
        Some(self.0.masked_url.as_str()).filter(|url| !url.is_empty())
    }

    /// Who receives what is sent to it, for kinds that go to people.
    #[boxed]
    async fn receivers(&self, context: &Context<'_>) -> Result<Option<NotificationReceivers>> {
        let found = loader(context)?.load_one(ReceiversOf(self.0.id)).await?;
        Ok(found.map(NotificationReceivers))
    }

    /// For a webhook, what its requests are signed with now, oldest first. While the secret is being
    /// changed there are several; any of them may be used to verify.
    #[boxed]
    async fn signing_keys(&self, context: &Context<'_>) -> Result<Vec<WebhookKey>> {
        let keys = loader(context)?.load_one(KeysOf(self.0.id)).await?;
        Ok(keys
            .unwrap_or_default()
            .into_iter()
            .map(WebhookKey)
            .collect())
    }

    /// For how many minutes notifications are collected and then told together; nothing when each is
    /// told at once.
    fn digest_minutes(&self) -> Option<i64> {
        self.0.digest_minutes
    }

    /// How many messages it gets in an hour at most; the rest is told together when there is room.
    /// Nothing when there is no limit.
    fn hourly_limit(&self) -> Option<i64> {
        self.0.hourly_limit
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was switched off, by a member or because the receiver refused for good.
    fn disabled_at(&self) -> Option<DateTime<Utc>> {
        self.0.disabled_at
    }

    /// Why it was switched off: `member` if a member did; if nothing got through, `bad_url`,
    /// `not_permitted`, `channel_not_found`, `channel_archived`, `user_not_found`, `webhook_removed`,
    /// `recipients_refused`, `retries_exhausted` or, formerly, `invalid_payload`. Words may be added.
    fn disabled_reason(&self) -> Option<&str> {
        self.0.disabled_reason.as_deref()
    }

    /// When it was deleted: it is in no list any more, and what was sent to it still names it.
    fn deleted_at(&self) -> Option<DateTime<Utc>> {
        self.0.deleted_at
    }

    /// What notifies it. As long as there is something, the target cannot be deleted.
    #[boxed]
    async fn uses(&self, context: &Context<'_>) -> Result<Vec<NotificationTargetUse>> {
        let (ctx, actor) = reader(context)?;
        let found = uses::list(ctx, actor.workspace, self.0.id)
            .await
            .map_err(fault)?;
        let found = found.into_iter().map(|one| NotificationTargetUse {
            kind: one.by.into(),
            id: one.id.into(),
            name: one.name,
        });
        Ok(found.collect())
    }

    /// What was sent to it, newest first.
    #[boxed]
    async fn deliveries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Delivery>> {
        let filter = DeliveryFilter {
            target: Some(self.0.id),
            ..DeliveryFilter::default()
        };
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        super::deliveries(context, filter, &page).await
    }
}

/// The kind of thing that notifies a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "By")]
pub(crate) enum NotificationTargetUseKind {
    /// A rule.
    Rule,
    /// A playbook.
    Playbook,
}

/// Something that notifies a target.
#[derive(SimpleObject)]
pub(crate) struct NotificationTargetUse {
    /// What kind of thing it is.
    kind: NotificationTargetUseKind,
    /// Its global id.
    id: ID,
    /// Its name.
    name: String,
}

/// Who receives what is sent to a target.
pub(crate) struct NotificationReceivers(Receivers);

/// Who receives what is sent to a target.
#[Object]
impl NotificationReceivers {
    /// Whether all members receive it.
    fn everybody(&self) -> bool {
        self.0.everybody
    }

    /// The teams whose members receive it.
    #[boxed]
    async fn teams(&self, context: &Context<'_>) -> Result<Vec<Team>> {
        loaded_each(context, &self.0.teams, Team).await
    }

    /// The members who receive it by themselves.
    #[boxed]
    async fn members(&self, context: &Context<'_>) -> Result<Vec<Member>> {
        loaded_each(context, &self.0.members, Member).await
    }

    /// The email addresses that receive it.
    fn addresses(&self) -> &[String] {
        &self.0.addresses
    }

    /// Whether the member receives it who looks after the contact, or the account where there is no contact.
    fn owner(&self) -> bool {
        self.0.owner
    }

    /// Whether the member receives it who deals with the conversation.
    fn assignee(&self) -> bool {
        self.0.assignee
    }

    /// The team whose members receive it where neither of the two is anybody.
    #[boxed]
    async fn otherwise_team(&self, context: &Context<'_>) -> Result<Option<Team>> {
        loaded(context, self.0.otherwise, Team).await
    }
}

/// What the requests to a webhook are signed with.
pub(crate) struct WebhookKey(entity::webhook_key::Model);

/// What the requests to a webhook are signed with.
#[Object]
impl WebhookKey {
    /// The key's id.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The public key that verifies the signatures of version `v1a` (Ed25519): `whpk_` and base64. The
    /// secret of version `v1` is shown once, when it is made.
    fn public_key(&self) -> &str {
        &self.0.public_key
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it ceases to sign; nothing for the newest.
    fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }
}
