//! The taggings a thing carries: all of them, or those of some tags or groups.

use async_graphql::{Context, ID, Result};
use chrono::{DateTime, Utc};
use entity::id::{TagGroupId, TagId};
use uuid::Uuid;

use super::Tagging;
use crate::graphql::{
    context::loader,
    error::fault,
    few::few_ids,
    loader::{TaggingsAt, TaggingsOf},
};

/// Which of the taggings of a thing are wanted.
#[derive(Debug)]
pub(crate) struct Carried {
    at: Option<DateTime<Utc>>,
    groups: Vec<TagGroupId>,
    tags: Vec<TagId>,
}

impl Carried {
    /// Those that hold now, or held `at` a moment; only of these groups and these tags where some are named.
    pub(crate) fn read(
        at: Option<DateTime<Utc>>,
        group_ids: Option<Vec<ID>>,
        tag_ids: Option<Vec<ID>>,
    ) -> Result<Self> {
        Ok(Self {
            at,
            groups: few_ids(group_ids, &["groupIds"]).map_err(fault)?,
            tags: few_ids(tag_ids, &["tagIds"]).map_err(fault)?,
        })
    }

    /// Those of a thing; `preloaded` are all that hold now, where a list has fetched them for all its rows.
    pub(crate) async fn of(
        &self,
        context: &Context<'_>,
        thing: Uuid,
        preloaded: Option<&[Tagging]>,
    ) -> Result<Vec<Tagging>> {
        let all = match (preloaded, self.at) {
            (Some(taggings), None) => taggings.to_vec(),
            (_, at) => fetched(context, thing, at).await?,
        };
        self.narrowed(context, all).await
    }

    /// Those among `taggings` that are of the tags and groups. A thing has few, so all were fetched.
    async fn narrowed(
        &self,
        context: &Context<'_>,
        mut taggings: Vec<Tagging>,
    ) -> Result<Vec<Tagging>> {
        if !self.tags.is_empty() {
            taggings.retain(|one| self.tags.contains(&one.row.tag_id));
        }
        if self.groups.is_empty() {
            return Ok(taggings);
        }
        let unknown = taggings.iter().filter(|one| one.tag.is_none());
        let unknown: Vec<TagId> = unknown.map(|one| one.row.tag_id).collect();
        let found = loader(context)?.load_many(unknown).await?;
        taggings.retain(|one| {
            let tag = one.tag.as_deref().or_else(|| found.get(&one.row.tag_id));
            let group = tag.and_then(|tag| tag.group_id);
            group.is_some_and(|group| self.groups.contains(&group))
        });
        Ok(taggings)
    }
}

async fn fetched(
    context: &Context<'_>,
    thing: Uuid,
    at: Option<DateTime<Utc>>,
) -> Result<Vec<Tagging>> {
    let loader = loader(context)?;
    let found = match at {
        Some(at) => loader.load_one(TaggingsAt(thing, at)).await?,
        None => loader.load_one(TaggingsOf(thing)).await?,
    };
    let found = found.unwrap_or_default().into_iter();
    Ok(found.map(Tagging::from).collect())
}
