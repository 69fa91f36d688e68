//! One tag on one thing: which, since when, by whom, and how it ended. Shown by contacts, accounts, conversations and
//! timelines.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    page::PageRequest,
    tag::{self, tagging::TaggingWithTag},
};
use entity::{
    id::{AccountId, ContactId, ConversationId},
    kind::{TagTarget, TaggingEnd},
};
use uuid::Uuid;

use super::Tag;
use crate::{
    boxed,
    graphql::{
        access::ChangeOrigin,
        account::Account,
        contact::Contact,
        context::{loaded, loader, reader},
        conversation::Conversation,
        error::fault,
        loader::BoundTo,
        page::{Connection, connection},
        segment::Segment,
    },
};

/// One tag on one thing, from its adding to its removal.
#[derive(Debug, Clone)]
pub struct Tagging {
    pub(crate) row: Arc<entity::tagging::Model>,
    pub(super) tag: Option<Arc<entity::tag::Model>>,
}

impl From<entity::tagging::Model> for Tagging {
    fn from(row: entity::tagging::Model) -> Self {
        Self {
            row: Arc::new(row),
            tag: None,
        }
    }
}

impl From<TaggingWithTag> for Tagging {
    fn from(TaggingWithTag { tagging, tag }: TaggingWithTag) -> Self {
        Self {
            row: Arc::new(tagging),
            tag: Some(tag),
        }
    }
}

/// One tag on one thing, from its adding to its removal.
#[Object]
impl Tagging {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// The tag.
    #[boxed]
    async fn tag(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        if let Some(tag) = &self.tag {
            return Ok(Some(Tag::from(Arc::clone(tag))));
        }
        Ok(loader(context)?
            .load_one(self.row.tag_id)
            .await?
            .map(Tag::from))
    }

    /// The tag it was made with, when that was merged into another since.
    #[boxed]
    async fn merged_from(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        loaded(context, self.row.merged_from, Tag::from).await
    }

    /// What kind of thing carries it.
    fn target(&self) -> TagTarget {
        self.row.target
    }

    /// The contact, if it is on one.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        if self.row.target != TagTarget::Contact {
            return Ok(None);
        }
        let found = loader(context)?
            .load_one(ContactId(self.row.target_id))
            .await?;
        Ok(found.map(Contact::from))
    }

    /// The account, if it is on one.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        if self.row.target != TagTarget::Account {
            return Ok(None);
        }
        Ok(loader(context)?
            .load_one(AccountId(self.row.target_id))
            .await?
            .map(Account))
    }

    /// The conversation, if it is on one.
    #[boxed]
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        if self.row.target != TagTarget::Conversation {
            return Ok(None);
        }
        let found = loader(context)?
            .load_one(ConversationId(self.row.target_id))
            .await?;
        Ok(found.map(Conversation::from))
    }

    /// From when.
    fn added_at(&self) -> DateTime<Utc> {
        self.row.added_at
    }

    /// By whom.
    fn added_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.row.added_by)
    }

    /// Why.
    fn added_reason(&self) -> &str {
        &self.row.added_reason
    }

    /// Until when; nothing while it holds.
    fn removed_at(&self) -> Option<DateTime<Utc>> {
        self.row.removed_at
    }

    /// By whom it was removed.
    fn removed_by(&self) -> Result<Option<ChangeOrigin>> {
        self.row
            .removed_by
            .as_ref()
            .map(ChangeOrigin::read)
            .transpose()
    }

    /// Why it was removed.
    fn removed_reason(&self) -> Option<&str> {
        self.row.removed_reason.as_deref()
    }

    /// When it ends by itself; nothing when it does not.
    fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.row.expires_at
    }

    /// The segments that it stays for, by their names, if a rule or a playbook has put it on for as long as the
    /// contact or account is in them (`whileInSegmentId`): it comes off when the last of them is left. Those that it
    /// had stayed for, when it has ended. Empty where there are none. Deleted segments are left out.
    #[boxed]
    async fn while_in_segments(&self, context: &Context<'_>) -> Result<Vec<Segment>> {
        let loader = loader(context)?;
        let bound = loader.load_one(BoundTo(self.row.id)).await?;
        let bound = bound.unwrap_or_default();
        let segments = loader
            .load_many(bound.iter().map(|one| one.segment_id))
            .await?;
        let found = bound.iter().filter_map(|one| segments.get(&one.segment_id));
        Ok(found.cloned().map(Segment).collect())
    }

    /// How it ended; nothing while it holds.
    fn ended(&self) -> Option<TaggingEnd> {
        self.row.ended
    }

    /// The tagging that took its place: another value of its group, the same tag put on by somebody
    /// else, or the tag it was merged into.
    #[boxed]
    async fn successor(&self, context: &Context<'_>) -> Result<Option<Tagging>> {
        loaded(context, self.row.successor_id, Tagging::from).await
    }
}

/// A page of everything a thing was ever tagged with.
pub(crate) async fn history_of(
    context: &Context<'_>,
    thing: Uuid,
    page: &PageRequest,
) -> Result<Connection<String, Tagging>> {
    let (ctx, actor) = reader(context)?;
    let found = tag::tagging::history(ctx, actor.workspace, thing, page)
        .await
        .map_err(fault)?;
    Ok(connection(found, Tagging::from))
}
