//! Cancelling operations.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{error::UserError, operation};

use super::Operation;
use crate::boxed;
use crate::graphql::{context::writer, error::settle, id};

/// An operation to be stopped.
#[derive(InputObject)]
pub(crate) struct CancelOperationInput {
    /// The operation's global id.
    id: ID,
}

/// What became of `cancelOperation`.
#[derive(SimpleObject)]
pub(crate) struct CancelOperationPayload {
    /// The operation as it is now.
    operation: Option<Operation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct OperationMutation;

#[Object]
impl OperationMutation {
    /// Stops an operation after the step that is under way; what it has done stays done. Scope:
    /// WRITE.
    #[boxed]
    async fn cancel_operation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CancelOperationInput,
    ) -> Result<CancelOperationPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { operation::cancel(ctx, actor, id::parse(&input.id, &["id"])?).await };
        let (operation, user_errors) = settle(result.await)?;
        Ok(CancelOperationPayload {
            operation: operation.map(Operation),
            user_errors,
        })
    }
}
