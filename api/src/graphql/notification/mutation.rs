//! Making and changing notification targets; sending deliveries again.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::{
    error::UserError,
    notification::{
        self, Receivers, key,
        manage::{self, NewTarget, TargetChanges},
    },
};
use entity::{id::TargetId, kind::TargetKind};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Delivery, NotificationTarget};
use crate::boxed;
use crate::graphql::{
    context::writer,
    error::settle,
    given::{kept, optional},
    id,
};

/// A notification target to be made.
#[derive(InputObject)]
pub(crate) struct CreateNotificationTargetInput {
    /// The name; unique in the workspace, at most 100 characters.
    name: String,
    /// The kind of place.
    #[graphql(default_with = "TargetKind::Slack")]
    kind: TargetKind,
    /// The address of the incoming webhook, for SLACK and WEBHOOK. It is stored encrypted and never
    /// shown again.
    url: Option<String>,
    /// Who receives it, for EMAIL and `IN_APP`.
    receivers: Option<NotificationReceiversInput>,
    /// Collects notifications for so many minutes, 1 to 1,440, and tells them together.
    digest_minutes: Option<i64>,
    /// Sends at most so many messages an hour, 1 to 3,600; the rest is told together when there is
    /// room.
    hourly_limit: Option<i64>,
}

/// Who receives what is sent to a target of kind EMAIL or `IN_APP`; at most 50 in all. Who that is in
/// persons is asked when a notification is sent.
#[derive(InputObject, Default)]
pub(crate) struct NotificationReceiversInput {
    /// All members.
    #[graphql(default)]
    everybody: bool,
    /// The members of these teams.
    #[graphql(default)]
    team_ids: Vec<ID>,
    /// These members.
    #[graphql(default)]
    member_ids: Vec<ID>,
    /// Email addresses, for EMAIL only.
    #[graphql(default)]
    addresses: Vec<String>,
    /// The member who looks after the contact that the notification is about, or after the account where it is
    /// about no contact. Neither this nor `assignee` goes with `digestMinutes` or `hourlyLimit`.
    #[graphql(default)]
    owner: bool,
    /// The member who deals with the conversation that the notification is about.
    #[graphql(default)]
    assignee: bool,
    /// The members of this team, where neither of the two asked for above is anybody.
    otherwise_team_id: Option<ID>,
}

impl NotificationReceiversInput {
    fn parse(self) -> domain::error::Result<Receivers> {
        Ok(Receivers {
            everybody: self.everybody,
            teams: id::parse_all(&self.team_ids, &["receivers", "teamIds"])?,
            members: id::parse_all(&self.member_ids, &["receivers", "memberIds"])?,
            addresses: self.addresses,
            owner: self.owner,
            assignee: self.assignee,
            otherwise: id::parse_opt(
                self.otherwise_team_id.as_ref(),
                &["receivers", "otherwiseTeamId"],
            )?,
        })
    }
}

/// Changes to a notification target; what is left out stays. `null` is refused where a field does not
/// say what it means.
#[derive(InputObject)]
pub(crate) struct UpdateNotificationTargetInput {
    /// The target's global id.
    id: ID,
    /// The name.
    name: MaybeUndefined<String>,
    /// The address of the incoming webhook.
    url: MaybeUndefined<String>,
    /// Who receives it, in place of all who did.
    receivers: MaybeUndefined<NotificationReceiversInput>,
    /// Collects notifications for so many minutes, 1 to 1,440; null tells each at once.
    digest_minutes: MaybeUndefined<i64>,
    /// Sends at most so many messages an hour, 1 to 3,600; null is any number.
    hourly_limit: MaybeUndefined<i64>,
    /// Switches the target on or off. What is on its way to a target that is off fails.
    enabled: MaybeUndefined<bool>,
}

/// A notification target to be deleted.
#[derive(InputObject)]
pub(crate) struct DeleteNotificationTargetInput {
    /// The target's global id.
    id: ID,
}

/// A delivery to be sent again.
#[derive(InputObject)]
pub(crate) struct ReplayDeliveryInput {
    /// The delivery's global id.
    id: ID,
}

/// A target whose failed deliveries are to be sent again.
#[derive(InputObject)]
pub(crate) struct ReplayFailedDeliveriesInput {
    /// The target's global id.
    target_id: ID,
}

/// A target to be tried out.
#[derive(InputObject)]
pub(crate) struct TestNotificationTargetInput {
    /// The target's global id.
    id: ID,
}

/// A webhook whose secret and key are to be changed.
#[derive(InputObject)]
pub(crate) struct RotateWebhookSecretInput {
    /// The target's global id.
    id: ID,
    /// For how many hours requests are signed with the old key as well, 0 to 168.
    #[graphql(default = 24)]
    overlap_hours: i64,
}

macro_rules! target_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            /// The target as it is now.
            target: Option<NotificationTarget>,
            /// What to mend in the input; empty when it worked.
            user_errors: Vec<UserError>,
        }
    };
}

/// What became of `createNotificationTarget`.
#[derive(SimpleObject)]
pub(crate) struct CreateNotificationTargetPayload {
    /// The target as it is now.
    target: Option<NotificationTarget>,
    /// For a webhook, the secret its requests are signed with: keep it now, it is never shown again.
    secret: Option<String>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `rotateWebhookSecret`.
#[derive(SimpleObject)]
pub(crate) struct RotateWebhookSecretPayload {
    /// The target as it is now.
    target: Option<NotificationTarget>,
    /// The new secret: keep it now, it is never shown again.
    secret: Option<String>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `replayFailedDeliveries`.
#[derive(SimpleObject)]
pub(crate) struct ReplayFailedDeliveriesPayload {
    /// The target.
    target: Option<NotificationTarget>,
    /// How many deliveries are on their way again, the oldest first; at most 10,000 at once.
    replayed: Option<i64>,
    /// Whether there are more: ask again.
    has_more: Option<bool>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `testNotificationTarget`.
#[derive(SimpleObject)]
pub(crate) struct TestNotificationTargetPayload {
    /// The delivery of the test, whose attempts say how it went.
    delivery: Option<Delivery>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

target_payload!(
    UpdateNotificationTargetPayload,
    "What became of `updateNotificationTarget`."
);

target_payload!(
    DeleteNotificationTargetPayload,
    "What became of `deleteNotificationTarget`."
);

/// What became of `replayDelivery`.
#[derive(SimpleObject)]
pub(crate) struct ReplayDeliveryPayload {
    /// The delivery as it is now; it keeps its id.
    delivery: Option<Delivery>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct NotificationMutation;

#[Object]
impl NotificationMutation {
    /// Makes a notification target. For a webhook, shows its secret, once. Scope: CONFIGURE.
    #[boxed]
    async fn create_notification_target(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateNotificationTargetInput,
    ) -> Result<CreateNotificationTargetPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let new = NewTarget {
                name: input.name,
                kind: input.kind,
                url: SecretString::from(input.url.unwrap_or_default()),
                receivers: input.receivers.unwrap_or_default().parse()?,
                digest_minutes: input.digest_minutes,
                hourly_limit: input.hourly_limit,
            };
            manage::create(ctx, actor, new).await
        };
        let (made, user_errors) = settle(result.await)?;
        let (target, secret) = made.unzip();
        Ok(CreateNotificationTargetPayload {
            target: target.map(NotificationTarget),
            secret: secret
                .flatten()
                .map(|secret| secret.expose_secret().to_owned()),
            user_errors,
        })
    }

    /// Changes a notification target, or switches it on or off. Scope: CONFIGURE.
    #[boxed]
    async fn update_notification_target(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateNotificationTargetInput,
    ) -> Result<UpdateNotificationTargetPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id: TargetId = id::parse(&input.id, &["id"])?;
            let changes = TargetChanges {
                name: kept(input.name, "name")?,
                url: kept(input.url, "url")?.map(SecretString::from),
                receivers: kept(input.receivers, "receivers")?
                    .map(NotificationReceiversInput::parse)
                    .transpose()?,
                digest_minutes: optional(input.digest_minutes),
                hourly_limit: optional(input.hourly_limit),
                enabled: kept(input.enabled, "enabled")?,
            };
            manage::update(ctx, actor, id, changes).await
        };
        let (target, user_errors) = settle(result.await)?;
        Ok(UpdateNotificationTargetPayload {
            target: target.map(NotificationTarget),
            user_errors,
        })
    }

    /// Deletes a notification target that nothing notifies; see its `uses`. What was sent to it stays in
    /// the log, what is on its way fails. Scope: CONFIGURE.
    #[boxed]
    async fn delete_notification_target(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeleteNotificationTargetInput,
    ) -> Result<DeleteNotificationTargetPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id: TargetId = id::parse(&input.id, &["id"])?;
            manage::delete(ctx, actor, id).await
        };
        let (target, user_errors) = settle(result.await)?;
        Ok(DeleteNotificationTargetPayload {
            target: target.map(NotificationTarget),
            user_errors,
        })
    }

    /// Sends a finished delivery again, under the same id. Scope: CONFIGURE.
    #[boxed]
    async fn replay_delivery(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ReplayDeliveryInput,
    ) -> Result<ReplayDeliveryPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            notification::replay(ctx, actor, id).await
        };
        let (delivery, user_errors) = settle(result.await)?;
        Ok(ReplayDeliveryPayload {
            delivery: delivery.map(Delivery),
            user_errors,
        })
    }

    /// Sends everything again that had failed for a target, each under its same id.
    /// Scope: CONFIGURE.
    #[boxed]
    async fn replay_failed_deliveries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ReplayFailedDeliveriesInput,
    ) -> Result<ReplayFailedDeliveriesPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.target_id, &["targetId"])?;
            notification::replay_failed(ctx, actor, id).await
        };
        let (done, user_errors) = settle(result.await)?;
        Ok(ReplayFailedDeliveriesPayload {
            replayed: done.as_ref().map(|done| done.count),
            has_more: done.as_ref().map(|done| done.has_more),
            target: done.map(|done| NotificationTarget(done.target)),
            user_errors,
        })
    }

    /// Sends a notification that only shows that a target works, whatever its digest and its budget.
    /// Scope: CONFIGURE.
    #[boxed]
    async fn test_notification_target(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: TestNotificationTargetInput,
    ) -> Result<TestNotificationTargetPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            notification::send_test(ctx, actor, id).await
        };
        let (delivery, user_errors) = settle(result.await)?;
        Ok(TestNotificationTargetPayload {
            delivery: delivery.map(Delivery),
            user_errors,
        })
    }

    /// Gives a webhook a new secret and a new key, and shows the secret, once. For some hours
    /// requests are signed with the old ones as well. Scope: CONFIGURE.
    #[boxed]
    async fn rotate_webhook_secret(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RotateWebhookSecretInput,
    ) -> Result<RotateWebhookSecretPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id: TargetId = id::parse(&input.id, &["id"])?;
            key::rotate(ctx, actor, id, input.overlap_hours).await
        };
        let (done, user_errors) = settle(result.await)?;
        let (target, secret) = done.unzip();
        Ok(RotateWebhookSecretPayload {
            target: target.map(NotificationTarget),
            secret: secret.map(|secret| secret.expose_secret().to_owned()),
            user_errors,
        })
    }
}
