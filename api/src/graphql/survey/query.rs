//! Asking for surveys.

use async_graphql::{Context, ID, Object, Result};
use domain::{page::PageRequest, survey::read};
use entity::id::SurveyId;

use super::Survey;
use crate::boxed;
use crate::graphql::{
    context::{loaded_by, reader},
    error::fault,
    page::{Connection, connection},
};

#[derive(Default)]
pub(crate) struct SurveyQuery;

#[Object(name = "SurveyDefinitionQuery")]
impl SurveyQuery {
    /// One survey; nothing when there is none of this id.
    #[boxed]
    async fn survey(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The survey's global id.")] id: ID,
    ) -> Result<Option<Survey>> {
        loaded_by::<SurveyId, _>(context, &id, Survey).await
    }

    /// The workspace's surveys by name.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments, and one under two names"
    )]
    #[boxed]
    async fn surveys(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Archived surveys too.", default)] include_archived: bool,
        #[graphql(
            desc = "Archived surveys too.",
            default,
            deprecation = "Use `includeArchived`. Removed after 2027-06-30."
        )]
        archived: bool,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Survey>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = read::surveys(ctx, actor.workspace, include_archived || archived, &page).await;
        Ok(connection(found.map_err(fault)?, Survey))
    }
}
