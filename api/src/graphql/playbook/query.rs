//! Asking for playbooks.

use async_graphql::{Context, ID, Object, Result};
use domain::{
    locale::Locale,
    page::PageRequest,
    playbook::{self, template::Template},
};
use entity::{
    id::{EnrolmentId, PlaybookId},
    kind::PlaybookState,
};

use super::{Enrolment, Playbook, template::PlaybookTemplate};
use crate::boxed;
use crate::graphql::{
    context::{loaded_by, reader},
    error::fault,
    few::few,
    page::{Connection, connection},
};

#[derive(Default)]
pub(crate) struct PlaybookQuery;

#[Object]
impl PlaybookQuery {
    /// One playbook; nothing when there is none of this id.
    #[boxed]
    async fn playbook(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The playbook's global id.")] id: ID,
    ) -> Result<Option<Playbook>> {
        loaded_by::<PlaybookId, _>(context, &id, Playbook).await
    }

    /// The workspace's playbooks by name.
    #[boxed]
    async fn playbooks(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "In one of these states; when left out, those not archived. An empty list \
                          is refused."
        )]
        states: Option<Vec<PlaybookState>>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Playbook>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let states = few(states, &["states"]).map_err(fault)?;
        let found = playbook::list(ctx, actor.workspace, &states, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, Playbook))
    }

    /// One enrolment in a playbook; nothing when there is none of this id.
    #[boxed]
    async fn enrolment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The enrolment's global id.")] id: ID,
    ) -> Result<Option<Enrolment>> {
        loaded_by::<EnrolmentId, _>(context, &id, Enrolment).await
    }

    /// Ready-made playbooks, to be made with `createPlaybookFromTemplate`.
    #[expect(clippy::unused_self, reason = "the derive calls it as a method")]
    fn playbook_templates(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The language of their texts.", default)] locale: Locale,
    ) -> Result<Vec<PlaybookTemplate>> {
        reader(context)?;
        Ok(Template::ALL
            .into_iter()
            .map(|template| PlaybookTemplate::of(template, locale))
            .collect())
    }
}
