//! Operations over GraphQL: long work with progress.

mod mutation;
mod subscription;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    operation::{self, OperationFilter},
    page::PageRequest,
};
use entity::{
    id::OperationId,
    kind::{OperationKind, OperationState, SheetEncoding},
};

use super::{
    access::ChangeOrigin,
    context::reader,
    error::fault,
    id,
    page::{Connection, connection},
};
use crate::boxed;

pub(crate) use mutation::OperationMutation;
pub(crate) use subscription::OperationSubscription;

/// A long piece of work that somebody asked for. It is done in steps, each of which takes effect
/// once, and goes on after an interruption from where it was.
#[derive(Debug, Clone)]
pub struct Operation(pub(crate) entity::operation::Model);

/// A long piece of work that somebody asked for. It is done in steps, each of which takes effect
/// once, and goes on after an interruption from where it was.
#[Object]
impl Operation {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What it does.
    fn kind(&self) -> OperationKind {
        self.0.kind
    }

    /// Where it stands.
    fn state(&self) -> OperationState {
        self.0.state
    }

    /// Whether it only says what it would do.
    fn dry_run(&self) -> bool {
        self.0.dry_run
    }

    /// How many things there are to do; nothing until that is known.
    fn total(&self) -> Option<i64> {
        self.0.total
    }

    /// How many things are done, those that could not be done included.
    fn done(&self) -> i64 {
        self.0.done
    }

    /// How many of the things done could not be done.
    fn failed(&self) -> i64 {
        self.0.failed
    }

    /// What came of it so far, or with `dryRun` what would, as counts whose names its kind defines.
    fn counts(&self) -> Vec<OperationCount> {
        let counts = self.0.progress["counts"].as_object();
        let counts = counts.into_iter().flatten();
        counts
            .map(|(name, value)| OperationCount {
                name: name.clone(),
                value: value.as_i64().unwrap_or_default(),
            })
            .collect()
    }

    /// The encoding an import reads its file in, given or found out; nothing for anything else.
    fn encoding(&self) -> Option<SheetEncoding> {
        // What was asked for is forgotten once it is done.
        let told = [&self.0.progress, &self.0.request];
        let mut words = told.into_iter().filter_map(|one| one["encoding"].as_str());
        SheetEncoding::from_word(words.next()?)
    }

    /// Who asked for it.
    fn created_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.created_by)
    }

    /// When it was asked for.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When its first step was done.
    fn started_at(&self) -> Option<DateTime<Utc>> {
        self.0.started_at
    }

    /// When it came to an end.
    fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// Why it failed.
    fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }
}

/// How often an operation did one thing.
#[derive(SimpleObject)]
pub(crate) struct OperationCount {
    /// What was done, such as `added`.
    name: String,
    /// How often.
    value: i64,
}

#[derive(Default)]
pub(crate) struct OperationQuery;

#[Object]
impl OperationQuery {
    /// One operation; nothing when there is none of this id.
    #[boxed]
    async fn operation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The operation's global id.")] id: ID,
    ) -> Result<Option<Operation>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse::<OperationId>(&id, &["id"]) else {
            return Ok(None);
        };
        let found = operation::find(ctx, actor.workspace, id).await;
        Ok(found.map_err(fault)?.map(Operation))
    }

    /// The workspace's operations, newest first.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments and two filters"
    )]
    #[boxed]
    async fn operations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only those standing so.")] state: Option<OperationState>,
        #[graphql(desc = "Only those that do this.")] kind: Option<OperationKind>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Operation>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = OperationFilter { state, kind };
        let found = operation::list(ctx, actor.workspace, filter, &page).await;
        let found = found.map_err(fault)?;
        Ok(connection(found, Operation))
    }
}
