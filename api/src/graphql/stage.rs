//! The lifecycle's history over GraphQL.

use async_graphql::{Context, MaybeUndefined, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    page::PageRequest,
    stage::{self, NewStage},
};
use entity::{kind::LifecycleStage, stage_change};
use uuid::Uuid;

use super::{
    access::ChangeOrigin,
    context::reader,
    error::fault,
    given::optional,
    page::{Connection, connection},
};

/// A step from one lifecycle stage to another.
pub(crate) struct StageChange(pub(crate) stage_change::Model);

/// A step from one lifecycle stage to another.
#[Object]
impl StageChange {
    /// The stage before; nothing when there was none.
    fn from(&self) -> Option<LifecycleStage> {
        self.0.from_stage
    }

    /// The stage after; nothing when it was taken out of the lifecycle.
    fn to(&self) -> Option<LifecycleStage> {
        self.0.to_stage
    }

    /// When.
    fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// Who changed it.
    fn changed_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.by_origin)
    }

    /// Why, in words; may be empty.
    fn reason(&self) -> &str {
        &self.0.reason
    }
}

/// A page of the stages a thing went through, newest first.
pub(crate) async fn stage_history(
    context: &Context<'_>,
    subject: Uuid,
    page: &PageRequest,
) -> Result<Connection<String, StageChange>> {
    let (ctx, actor) = reader(context)?;
    let found = stage::history(ctx, actor.workspace, subject, page)
        .await
        .map_err(fault)?;
    Ok(connection(found, StageChange))
}

/// A stage as an input gives it: left out it stays, `null` takes it away.
pub(crate) fn new_stage(
    stage: MaybeUndefined<LifecycleStage>,
    reason: Option<String>,
) -> Option<NewStage> {
    optional(stage).map(|stage| NewStage {
        stage,
        reason: reason.unwrap_or_default(),
    })
}
