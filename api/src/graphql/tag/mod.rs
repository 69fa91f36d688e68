//! Tags and taggings over GraphQL.

mod mutation;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{access::Origin, contact::TagFilter, tag};
use entity::{
    id::{AccountId, ContactId, ConversationId},
    kind::{TagKind, TagTarget},
};

use super::{
    access::ChangeOrigin,
    account::Account,
    contact::Contact,
    context::{loader, reader},
    conversation::Conversation,
    error::fault,
    id,
    loader::{CountsOf, PathOf},
};

pub(crate) use mutation::TagMutation;

/// A label in a tree.
#[derive(Debug, Clone)]
pub struct Tag(pub(crate) entity::tag::Model);

/// A label in a tree.
#[Object]
impl Tag {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What it says something about.
    async fn kind(&self) -> TagKind {
        self.0.kind
    }

    /// The name; unique among its siblings, whatever the case and width.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it means.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// `#rrggbb`.
    async fn colour(&self) -> &str {
        &self.0.colour
    }

    /// The names from the root to this tag.
    async fn path(&self, context: &Context<'_>) -> Result<Vec<String>> {
        let path = loader(context)?.load_one(PathOf(self.0.id)).await?;
        Ok(path
            .unwrap_or_default()
            .into_iter()
            .map(|ancestor| ancestor.name)
            .collect())
    }

    /// The tag above.
    async fn parent(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        let Some(id) = self.0.parent_id else {
            return Ok(None);
        };
        Ok(loader(context)?.load_one(id).await?.map(Tag))
    }

    /// How many things carry it.
    async fn counts(&self, context: &Context<'_>) -> Result<TagCounts> {
        let counts = loader(context)?
            .load_one(CountsOf(self.0.id))
            .await?
            .unwrap_or_default();
        let of = |target| {
            counts.get(&target).map_or(
                TagCount {
                    direct: 0,
                    total: 0,
                },
                |count: &tag::TagCount| TagCount {
                    direct: count.direct,
                    total: count.total,
                },
            )
        };
        Ok(TagCounts {
            contacts: of(TagTarget::Contact),
            accounts: of(TagTarget::Account),
            conversations: of(TagTarget::Conversation),
        })
    }

    /// Who made it.
    fn created_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.created_by)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was archived; archived tags cannot be added to anything.
    async fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at
    }
}

/// How many things of each kind carry a tag; kept up to date with every tagging, never counted when
/// read.
#[derive(SimpleObject)]
pub(crate) struct TagCounts {
    /// Contacts.
    contacts: TagCount,
    /// Accounts.
    accounts: TagCount,
    /// Conversations.
    conversations: TagCount,
}

/// How many things of one kind carry a tag.
#[derive(SimpleObject)]
pub(crate) struct TagCount {
    /// Those that carry this very tag.
    direct: i64,
    /// Those that carry it or a tag below it, each counted once.
    total: i64,
}

/// One tag on one thing, from its adding to its removal.
#[derive(Debug, Clone)]
pub struct Tagging {
    pub(crate) row: entity::tagging::Model,
    tag: Option<entity::tag::Model>,
}

impl From<entity::tagging::Model> for Tagging {
    fn from(row: entity::tagging::Model) -> Self {
        Self { row, tag: None }
    }
}

impl From<(entity::tagging::Model, entity::tag::Model)> for Tagging {
    fn from((row, tag): (entity::tagging::Model, entity::tag::Model)) -> Self {
        Self {
            row,
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
    async fn tag(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        if let Some(tag) = &self.tag {
            return Ok(Some(Tag(tag.clone())));
        }
        Ok(loader(context)?.load_one(self.row.tag_id).await?.map(Tag))
    }

    /// What kind of thing carries it.
    async fn target(&self) -> TagTarget {
        self.row.target
    }

    /// The contact, if it is on one.
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
    async fn added_at(&self) -> DateTime<Utc> {
        self.row.added_at
    }

    /// By whom.
    fn added_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.row.added_by)
    }

    /// Why.
    async fn added_reason(&self) -> &str {
        &self.row.added_reason
    }

    /// Until when; nothing while it holds.
    async fn removed_at(&self) -> Option<DateTime<Utc>> {
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
    async fn removed_reason(&self) -> Option<&str> {
        self.row.removed_reason.as_deref()
    }
}

/// Which tags a thing must and must not have; a tag's descendants count as the tag. Parts left out
/// ask for nothing.
#[derive(InputObject, Default)]
pub(crate) struct TagFilterInput {
    /// At least one of these tags.
    any: Option<Vec<ID>>,
    /// Every one of these tags.
    all: Option<Vec<ID>>,
    /// Not a single one of these tags.
    none: Option<Vec<ID>>,
}

impl TagFilterInput {
    pub(crate) fn read(self) -> domain::error::Result<TagFilter> {
        let list = |ids: Option<Vec<ID>>, field: &'static str| {
            id::parse_all(&ids.unwrap_or_default(), &["filter", "tags", field])
        };
        Ok(TagFilter {
            any: list(self.any, "any")?,
            all: list(self.all, "all")?,
            none: list(self.none, "none")?,
        })
    }
}

#[derive(Default)]
pub(crate) struct TagQuery;

#[Object]
impl TagQuery {
    /// One tag; nothing when there is none of this id.
    async fn tag(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The tag's global id.")] id: ID,
    ) -> Result<Option<Tag>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse(&id, &["id"]) else {
            return Ok(None);
        };
        let found = tag::catalogue::load(ctx, actor.workspace, &[id])
            .await
            .map_err(fault)?;
        Ok(found.into_iter().next().map(Tag))
    }

    /// The workspace's tags, by name; a tree by their parents.
    async fn tags(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only tags of this kind.")] kind: Option<TagKind>,
    ) -> Result<Vec<Tag>> {
        let (ctx, actor) = reader(context)?;
        let tags = tag::catalogue::list(ctx, actor.workspace, kind)
            .await
            .map_err(fault)?;
        Ok(tags.into_iter().map(Tag).collect())
    }
}

impl ChangeOrigin {
    /// Reads the stored form.
    pub(crate) fn read(stored: &serde_json::Value) -> Result<Self> {
        let origin: Origin = serde_json::from_value(stored.clone())
            .map_err(|error| fault(domain::error::Error::Decode(error)))?;
        Ok(Self::from(origin))
    }
}
