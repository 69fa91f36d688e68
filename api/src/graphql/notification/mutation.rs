//! Making and changing notification targets; sending deliveries again.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{
    error::UserError,
    notification::{
        delivery,
        manage::{self, NewTarget, TargetChanges},
    },
};
use entity::{id::TargetId, kind::TargetKind};
use secrecy::SecretString;

use super::{Delivery, NotificationTarget};
use crate::graphql::{context::writer, error::settle, id};

/// A notification target to be made.
#[derive(InputObject)]
pub(crate) struct CreateNotificationTargetInput {
    /// The name; unique in the workspace, at most 100 characters.
    name: String,
    /// The kind of place.
    #[graphql(default_with = "TargetKind::Slack")]
    kind: TargetKind,
    /// The address of the incoming webhook. It is stored encrypted and never shown again.
    url: String,
}

/// Changes to a notification target; what is left out stays.
#[derive(InputObject)]
pub(crate) struct UpdateNotificationTargetInput {
    /// The target's global id.
    id: ID,
    /// The name.
    name: Option<String>,
    /// The address of the incoming webhook.
    url: Option<String>,
    /// Switches the target on or off. What is on its way to a target that is off fails.
    enabled: Option<bool>,
}

/// A delivery to be sent again.
#[derive(InputObject)]
pub(crate) struct ReplayDeliveryInput {
    /// The delivery's global id.
    id: ID,
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

target_payload!(
    CreateNotificationTargetPayload,
    "What became of `createNotificationTarget`."
);
target_payload!(
    UpdateNotificationTargetPayload,
    "What became of `updateNotificationTarget`."
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
    /// Makes a notification target. Scope: CONFIGURE.
    async fn create_notification_target(
        &self,
        context: &Context<'_>,
        input: CreateNotificationTargetInput,
    ) -> Result<CreateNotificationTargetPayload> {
        let (ctx, actor) = writer(context)?;
        let new = NewTarget {
            name: input.name,
            kind: input.kind,
            url: SecretString::from(input.url),
        };
        let (target, user_errors) = settle(manage::create(ctx, actor, new).await)?;
        Ok(CreateNotificationTargetPayload {
            target: target.map(NotificationTarget),
            user_errors,
        })
    }

    /// Changes a notification target, or switches it on or off. Scope: CONFIGURE.
    async fn update_notification_target(
        &self,
        context: &Context<'_>,
        input: UpdateNotificationTargetInput,
    ) -> Result<UpdateNotificationTargetPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id: TargetId = id::parse(&input.id, &["id"])?;
            let changes = TargetChanges {
                name: input.name,
                url: input.url.map(SecretString::from),
                enabled: input.enabled,
            };
            manage::update(ctx, actor, id, changes).await
        };
        let (target, user_errors) = settle(result.await)?;
        Ok(UpdateNotificationTargetPayload {
            target: target.map(NotificationTarget),
            user_errors,
        })
    }

    /// Sends a finished delivery again, under the same id. Scope: CONFIGURE.
    async fn replay_delivery(
        &self,
        context: &Context<'_>,
        input: ReplayDeliveryInput,
    ) -> Result<ReplayDeliveryPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            delivery::replay(ctx, actor, id).await
        };
        let (delivery, user_errors) = settle(result.await)?;
        Ok(ReplayDeliveryPayload {
            delivery: delivery.map(Delivery),
            user_errors,
        })
    }
}
