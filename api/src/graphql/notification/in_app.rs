//! The list of notifications each member has.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use domain::{
    error::{Error, UserError, UserErrorCode},
    notification::in_app,
    page::PageRequest,
    work::change::Fact,
};
use entity::id::InAppNotificationId;
use futures::Stream;

use super::Delivery;
use crate::boxed;
use crate::graphql::{
    change::follow,
    contact::Contact,
    context::{loaded, reader},
    error::{fault, settle},
    id,
    page::{Connection, connection},
};

/// One notification in a member's own list.
#[derive(Debug, Clone)]
pub struct InAppNotification(pub(crate) entity::in_app_notification::Model);

/// One notification in a member's own list.
#[Object]
impl InAppNotification {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What it is about, on one line. Plain text.
    fn title(&self) -> &str {
        &self.0.title
    }

    /// What it says, with line breaks; may be empty. Plain text: do not read it as HTML or Markdown.
    fn body(&self) -> &str {
        &self.0.body
    }

    /// Where to see more, if this installation has a public address.
    fn link(&self) -> Option<&str> {
        self.0.link.as_deref()
    }

    /// The contact it is about.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        loaded(context, self.0.contact_id, Contact::from).await
    }

    /// The delivery that brought it; nothing for what Enishi itself has to say.
    #[boxed]
    async fn delivery(&self, context: &Context<'_>) -> Result<Option<Delivery>> {
        loaded(context, self.0.delivery_id, Delivery).await
    }

    /// When it came.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was read.
    fn read_at(&self) -> Option<DateTime<Utc>> {
        self.0.read_at
    }
}

#[derive(Default)]
pub(crate) struct InAppQuery;

#[Object]
impl InAppQuery {
    /// The notifications of the member who asks, newest first.
    #[boxed]
    async fn in_app_notifications(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only those not read yet.", default)] unread_only: bool,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, InAppNotification>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = in_app::list(ctx, actor, unread_only, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, InAppNotification))
    }

    /// How many notifications of the member who asks are not read yet.
    #[boxed]
    async fn unread_notification_count(&self, context: &Context<'_>) -> Result<i64> {
        let (ctx, actor) = reader(context)?;
        in_app::unread(ctx, actor).await.map_err(fault)
    }
}

/// Notifications that were read.
#[derive(InputObject)]
pub(crate) struct MarkNotificationsReadInput {
    /// Their global ids, at most 1,000; left out, all of the member who asks.
    ids: Option<Vec<ID>>,
}

/// What became of `markNotificationsRead`.
#[derive(SimpleObject)]
pub(crate) struct MarkNotificationsReadPayload {
    /// How many were unread before and are read now.
    marked: Option<i64>,
    /// How many are still unread.
    unread_count: Option<i64>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct InAppMutation;

#[Object]
impl InAppMutation {
    /// Marks notifications of the member who asks as read. Scope: READ.
    #[boxed]
    async fn mark_notifications_read(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: MarkNotificationsReadInput,
    ) -> Result<MarkNotificationsReadPayload> {
        let (ctx, actor) = reader(context)?;
        let result = async {
            let ids: Option<Vec<InAppNotificationId>> = input
                .ids
                .map(|ids| id::parse_all(&ids, &["ids"]))
                .transpose()?;
            if ids
                .as_ref()
                .is_some_and(|ids| ids.len() > in_app::READ_LIMIT)
            {
                let message = format!("Name at most {} notifications.", in_app::READ_LIMIT);
                return Err(Error::refused(&["ids"], UserErrorCode::TooLong, message));
            }
            let marked = in_app::mark_read(ctx, actor, ids.as_deref()).await?;
            Ok((marked, in_app::unread(ctx, actor).await?))
        };
        let (done, user_errors) = settle(result.await)?;
        Ok(MarkNotificationsReadPayload {
            marked: done.map(|(marked, _)| i64::try_from(marked).unwrap_or(i64::MAX)),
            unread_count: done.map(|(_, unread)| unread),
            user_errors,
        })
    }
}

/// A notification that came to the list of the member who watches.
#[derive(SimpleObject)]
pub(crate) struct InAppNotificationReceived {
    /// Where it stands in the log; give it as `after` to go on from here.
    cursor: String,
    /// The notification.
    notification: InAppNotification,
}

#[derive(Default)]
pub(crate) struct InAppSubscription;

#[Subscription]
impl InAppSubscription {
    /// The notifications of the member who watches, as they come.
    async fn in_app_notification_received<'c>(
        &self,
        context: &'c Context<'c>,
        #[graphql(desc = "The last cursor you have; left out, it starts now.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<InAppNotificationReceived>> + 'c> {
        let (ctx, actor) = reader(context)?;
        follow(context, after, move |entry| async move {
            let Fact::InAppNotified {
                in_app_notification_id,
                member_id,
            } = entry.fact
            else {
                return None;
            };
            if member_id != actor.member {
                return None;
            }
            let id = in_app_notification_id;
            let found = in_app::find(ctx, actor.workspace, actor.member, id).await;
            let found = found.map_err(fault).transpose()?;
            Some(found.map(|notification| InAppNotificationReceived {
                cursor: entry.position.to_string(),
                notification: InAppNotification(notification),
            }))
        })
        .await
    }
}
