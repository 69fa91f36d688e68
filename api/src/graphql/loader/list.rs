//! What a thing has several of. The type of the key says what is wanted; the table has, for each,
//! whose it is, what is found, the finder of the domain, and the field that names the owner.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Error, dataloader::Loader as Load};
use chrono::{DateTime, Utc};
use domain::{
    account, attribute, contact, conversation, link, notification, order, rule, segment,
    tag::{self, catalogue::ForestFilter},
    team,
};
use entity::{
    id::{
        AccountId, ContactId, ConversationId, OrderId, RuleId, SegmentId, TagGroupId, TagId,
        TaggingId, TargetId, TeamId, TrackedLinkId,
    },
    tagging,
};
use uuid::Uuid;

use super::{Loader, group};
use crate::graphql::error::fault;

macro_rules! lists {
    ($($(#[$doc:meta])* $key:ident($id:ty) => $row:ty, $find:path, $owner:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            pub(crate) struct $key(pub(crate) $id);

            #[async_trait::async_trait]
            impl Load<$key> for Loader {
                type Value = Vec<$row>;
                type Error = Error;

                async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Self::Value>, Error> {
                    let ids: Vec<$id> = keys.iter().map(|key| key.0).collect();
                    let rows = $find(&self.ctx, self.workspace, &ids).await.map_err(fault)?;
                    Ok(group(rows, |row| $key(row.$owner)))
                }
            }
        )*
    };
}

lists! {
    /// Asks for the values a thing has for custom attributes.
    ValuesOf(Uuid) => entity::attribute_value::Model, attribute::load, subject_id;
    /// Asks for what a contact wants to hear.
    SubscriptionsOf(ContactId) => contact::subscription::Row, contact::subscription::load, contact_id;
    /// Asks for the tags on a thing.
    TaggingsOf(Uuid) => tagging::Model, tag::tagging::load_active, target_id;
    /// Asks for the segments that a tagging stays for.
    BoundTo(TaggingId) => tag::tagging::BoundTo, tag::tagging::load_segments, tagging_id;
    /// Asks for the way from a tag to its root.
    PathOf(TagId) => tag::catalogue::Ancestor, tag::catalogue::load_paths, tag_id;
    /// Asks for a contact's identities.
    IdentitiesOf(ContactId) => contact::Identity, contact::load_identities, contact_id;
    /// Asks for the segments a contact or an account is in.
    MembershipsOf(Uuid) => segment::Membership, segment::memberships, subject_id;
    /// Asks for an order's lines.
    LinesOf(OrderId) => entity::order_line::Model, order::load_lines, order_id;
    /// Asks for the tags a tracked link puts on.
    LinkTagsOf(TrackedLinkId) => link::LinkTag, link::load_tags, link_id;
    /// Asks for what the requests to a target are signed with.
    KeysOf(TargetId) => entity::webhook_key::Model, notification::key::load, notification_target_id;
    /// Asks for how many of an account's people are in which band.
    BandsOf(AccountId) => account::InBand, account::load_bands, account_id;
    /// Asks for who watches a conversation.
    WatchersOf(ConversationId) => conversation::Watcher, conversation::load_watchers, conversation_id;
    /// Asks for who is in a team.
    MembersOf(TeamId) => team::Membership, team::memberships, team_id;
}

values! {
    /// Asks for what names a segment.
    UsesOf(SegmentId) => Vec<segment::uses::Use>, segment::uses::of_each;
    /// Asks for the rules that a rule gets in the way of.
    ConflictsOf(RuleId) => Vec<rule::conflict::Conflict>, rule::conflict::of_each;
}

/// Asks for the tags that were on a thing at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TaggingsAt(pub(crate) Uuid, pub(crate) DateTime<Utc>);

#[async_trait::async_trait]
impl Load<TaggingsAt> for Loader {
    type Value = Vec<tagging::Model>;
    type Error = Error;

    async fn load(&self, keys: &[TaggingsAt]) -> Result<HashMap<TaggingsAt, Self::Value>, Error> {
        let mut moments: HashMap<DateTime<Utc>, Vec<Uuid>> = HashMap::new();
        for TaggingsAt(id, at) in keys {
            moments.entry(*at).or_default().push(*id);
        }
        let mut found = HashMap::new();
        // A query asks for one moment, or for a few under aliases.
        for (at, ids) in moments {
            let rows = tag::tagging::load_at(&self.ctx, self.workspace, &ids, at)
                .await
                .map_err(fault)?;
            found.extend(group(rows, |row| TaggingsAt(row.target_id, at)));
        }
        Ok(found)
    }
}

/// Asks for the tags directly below a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ChildrenOf(pub(crate) TagId);

#[async_trait::async_trait]
impl Load<ChildrenOf> for Loader {
    type Value = Vec<Arc<entity::tag::Model>>;
    type Error = Error;

    async fn load(&self, keys: &[ChildrenOf]) -> Result<HashMap<ChildrenOf, Self::Value>, Error> {
        let forest = tag::catalogue::forest(&self.ctx, self.workspace).await;
        let forest = forest.map_err(fault)?;
        let of = |tag: TagId| -> Vec<Arc<entity::tag::Model>> {
            forest.children(tag).cloned().collect()
        };
        Ok(keys.iter().map(|key| (*key, of(key.0))).collect())
    }
}

/// Asks for the tags of a group, archived ones too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TagsOf(pub(crate) TagGroupId);

#[async_trait::async_trait]
impl Load<TagsOf> for Loader {
    type Value = Vec<Arc<entity::tag::Model>>;
    type Error = Error;

    async fn load(&self, keys: &[TagsOf]) -> Result<HashMap<TagsOf, Self::Value>, Error> {
        let forest = tag::catalogue::forest(&self.ctx, self.workspace).await;
        let forest = forest.map_err(fault)?;
        let of = |group: TagGroupId| -> Vec<Arc<entity::tag::Model>> {
            let filter = ForestFilter {
                group: Some(group),
                archived: true,
                ..ForestFilter::default()
            };
            forest.list(filter).cloned().collect()
        };
        Ok(keys.iter().map(|key| (*key, of(key.0))).collect())
    }
}
