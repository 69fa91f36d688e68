//! Work that was set aside over GraphQL: looking at it, trying it again.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    page::PageRequest,
    work::{
        quarantine::{self, QuarantineFilter},
        replay,
    },
};
use entity::{id::QuarantineId, kind::QuarantineState, quarantine as row};

use super::{
    context::{reader, writer},
    error::{fault, settle},
    id,
    page::{Connection, connection},
    scalar::Json,
};
use crate::boxed;

/// Work that kept failing or crashing and was put out of the way, so that the rest goes on.
#[derive(Debug, Clone)]
pub struct QuarantinedItem(pub(crate) row::Model);

/// Work that kept failing or crashing and was put out of the way, so that the rest goes on.
#[Object]
impl QuarantinedItem {
    /// The item's id.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The projection, the schedule or the kind of due item that could not do it, such as `rules`.
    fn work(&self) -> &str {
        &self.0.work
    }

    /// Where it stands.
    fn state(&self) -> QuarantineState {
        self.0.state
    }

    /// What was to be done: the entry of the change log, the tick, or the due item.
    fn item(&self) -> Json {
        Json(self.0.item.clone())
    }

    /// What went wrong last.
    fn error(&self) -> &str {
        &self.0.error
    }

    /// When it was set aside.
    fn set_aside_at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// When it was replayed.
    fn replayed_at(&self) -> Option<DateTime<Utc>> {
        self.0.replayed_at
    }
}

/// What is to be tried again.
#[derive(InputObject)]
pub(crate) struct ReplayQuarantinedInput {
    /// The items' ids, 1 to 100.
    ids: Vec<ID>,
}

/// What became of `replayQuarantined`.
#[derive(SimpleObject)]
pub(crate) struct ReplayQuarantinedPayload {
    /// The items as they are now. Those that are `REPLAYING` are done within seconds, or are back as
    /// `SET_ASIDE` with what went wrong.
    items: Option<Vec<QuarantinedItem>>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct QuarantineQuery;

#[Object]
impl QuarantineQuery {
    /// Work that was set aside after repeated failures or crashes, newest first.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments and two filters"
    )]
    #[boxed]
    async fn quarantine(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only what stands so.")] state: Option<QuarantineState>,
        #[graphql(desc = "Only of this kind of work, such as `rules`.")] work: Option<String>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, QuarantinedItem>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = QuarantineFilter { state, work };
        let found = quarantine::list(ctx, actor.workspace, &filter, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, QuarantinedItem))
    }
}

#[derive(Default)]
pub(crate) struct QuarantineMutation;

#[Object]
impl QuarantineMutation {
    /// Tries work again that was set aside. Scope: CONFIGURE.
    #[boxed]
    async fn replay_quarantined(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ReplayQuarantinedInput,
    ) -> Result<ReplayQuarantinedPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let ids: Vec<QuarantineId> = id::parse_all(&input.ids, &["ids"])?;
            replay::request(ctx, actor, &ids).await
        };
        let (items, user_errors) = settle(result.await)?;
        Ok(ReplayQuarantinedPayload {
            items: items.map(|items| items.into_iter().map(QuarantinedItem).collect()),
            user_errors,
        })
    }
}
