//! Deleting facts over GraphQL, whatever their kind.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use domain::{
    error::UserError,
    fact::delete::{self, Deleted},
};
use entity::kind::FactKind;

use crate::boxed;
use crate::graphql::{context::writer, error::settle};

/// Facts to be deleted.
#[derive(InputObject)]
pub(crate) struct DeleteFactsInput {
    /// What they are.
    kind: FactKind,
    /// The source's own ids of them, at most 1,000.
    external_ids: Vec<String>,
}

/// What became of a fact that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum FactDeletionOutcome {
    /// It was there and is deleted.
    Deleted,
    /// There is none of this id, or no longer.
    Unknown,
}

/// One fact after `deleteFacts`.
#[derive(SimpleObject)]
pub(crate) struct DeletedFact {
    /// The source's id of it.
    external_id: String,
    /// The global id it had; null for `UNKNOWN`.
    id: Option<ID>,
    /// What became of it.
    outcome: FactDeletionOutcome,
}

impl From<Deleted> for DeletedFact {
    fn from(deleted: Deleted) -> Self {
        Self {
            external_id: deleted.external_id,
            outcome: match deleted.id {
                Some(_) => FactDeletionOutcome::Deleted,
                None => FactDeletionOutcome::Unknown,
            },
            id: deleted.id.map(ID),
        }
    }
}

/// What became of `deleteFacts`.
#[derive(SimpleObject)]
pub(crate) struct DeleteFactsPayload {
    /// The facts, in the order they were named; empty when the call was refused.
    facts: Vec<DeletedFact>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct DeleteMutation;

#[Object]
impl DeleteMutation {
    /// Deletes orders, invoices, tickets or opportunities that should never have been told, such as tests,
    /// by the ids of their source. What was added up of them follows; what rules did stays. Repeating a call
    /// changes nothing, and a fact that is told again is new. Scope: INGEST.
    #[boxed]
    async fn delete_facts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeleteFactsInput,
    ) -> Result<DeleteFactsPayload> {
        let (ctx, actor) = writer(context)?;
        let deleted = delete::delete(ctx, actor, input.kind, &input.external_ids);
        let (deleted, user_errors) = settle(deleted.await)?;
        let deleted = deleted.into_iter().flatten();
        Ok(DeleteFactsPayload {
            facts: deleted.map(DeletedFact::from).collect(),
            user_errors,
        })
    }
}
