//! Watching operations.

use async_graphql::{Context, ID, Result, SimpleObject, Subscription};
use domain::work::change::Fact;
use entity::id::OperationId;
use futures::Stream;

use super::Operation;
use crate::graphql::{change::follow, context::found, error::fault, id};

/// An operation that was asked for, got further or came to an end.
#[derive(SimpleObject)]
pub(crate) struct OperationChange {
    /// Where it stands in the log; give it as `after` to go on from here.
    cursor: String,
    /// The operation as it is now.
    operation: Operation,
}

#[derive(Default)]
pub(crate) struct OperationSubscription;

#[Subscription]
impl OperationSubscription {
    /// Operations as they get further.
    async fn operation_changed<'c>(
        &self,
        context: &'c Context<'c>,
        #[graphql(desc = "Only this operation.")] id: Option<ID>,
        #[graphql(desc = "The last cursor you have; left out, it starts now.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<OperationChange>> + 'c> {
        let only: Option<OperationId> = id::parse_opt(id.as_ref(), &["id"]).map_err(fault)?;
        follow(context, after, move |entry| async move {
            let Fact::OperationChanged { operation_id } = entry.fact else {
                return None;
            };
            if only.is_some_and(|wanted| wanted != operation_id) {
                return None;
            }
            let found = found(context, operation_id).await.transpose()?;
            Some(found.map(|row| OperationChange {
                cursor: entry.position.to_string(),
                operation: Operation(row),
            }))
        })
        .await
    }
}
