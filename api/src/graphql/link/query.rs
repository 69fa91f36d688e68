//! Asking for tracked links.

use async_graphql::{Context, ID, InputObject, Object, Result};
use domain::{
    link::{self, LinkFilter},
    page::PageRequest,
};
use entity::kind::Channel;

use super::{TrackedLink, link_id};
use crate::boxed;
use crate::graphql::{
    context::{loader, reader},
    error::fault,
    few::{few, few_ids},
    page::{Connection, connection},
};

/// Which tracked links a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct TrackedLinkFilterInput {
    /// Those that are archived, in place of those that are not.
    #[graphql(default)]
    archived: bool,
    /// Shown in one of these places.
    channels: Option<Vec<Channel>>,
    /// Of one of these campaigns.
    campaign_ids: Option<Vec<ID>>,
    /// That put on one of these tags.
    tag_ids: Option<Vec<ID>>,
    /// With this in the name or the slug, whatever its case and width.
    text: Option<String>,
}

impl TrackedLinkFilterInput {
    fn read(self) -> domain::error::Result<LinkFilter> {
        Ok(LinkFilter {
            archived: self.archived,
            channels: few(self.channels, &["filter", "channels"])?,
            campaigns: few_ids(self.campaign_ids, &["filter", "campaignIds"])?,
            tags: few_ids(self.tag_ids, &["filter", "tagIds"])?,
            text: self.text,
        })
    }
}

#[derive(Default)]
pub(crate) struct LinkQuery;

#[Object]
impl LinkQuery {
    /// One tracked link, also an archived one; nothing when there is none of this id.
    #[boxed]
    async fn tracked_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The link's global id.")] id: ID,
    ) -> Result<Option<TrackedLink>> {
        let loader = loader(context)?;
        let Ok(id) = link_id(&id) else {
            return Ok(None);
        };
        Ok(loader.load_one(id).await?.map(TrackedLink))
    }

    /// The workspace's tracked links, newest first.
    #[boxed]
    async fn tracked_links(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which links.")] filter: Option<TrackedLinkFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, TrackedLink>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read().map_err(fault)?;
        let found = link::list(ctx, actor.workspace, &filter, &page);
        Ok(connection(found.await.map_err(fault)?, TrackedLink))
    }
}
