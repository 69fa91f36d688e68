//! Who is who, over GraphQL: merges, subscriptions.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::contact::{merge, subscription};
use entity::kind::{Channel, SubscriptionSource, SubscriptionState};

use super::Contact;
use crate::boxed;
use crate::graphql::{
    access::ChangeOrigin,
    context::loader,
    tag::{Tag, TagGroup},
};

/// Two contacts made one; it can be undone.
pub(crate) struct ContactMerge(pub(crate) merge::Merge);

/// Two contacts made one; it can be undone.
#[Object]
impl ContactMerge {
    /// The global id.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Who stayed.
    #[boxed]
    async fn survivor(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        let found = loader(context)?.load_one(self.0.survivor_id).await?;
        Ok(found.map(Contact::from))
    }

    /// The id of who was merged into the survivor. While the merge holds, this id is answered with
    /// the survivor.
    fn merged_id(&self) -> ID {
        self.0.loser_id.into()
    }

    /// Why, in words; may be empty.
    fn reason(&self) -> &str {
        &self.0.reason
    }

    /// When.
    fn merged_at(&self) -> DateTime<Utc> {
        self.0.merged_at
    }

    /// By whom.
    fn merged_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.merged_by)
    }

    /// When it was undone.
    fn undone_at(&self) -> Option<DateTime<Utc>> {
        self.0.undone_at
    }

    /// By whom it was undone.
    fn undone_by(&self) -> Result<Option<ChangeOrigin>> {
        self.0
            .undone_by
            .as_ref()
            .map(ChangeOrigin::read)
            .transpose()
    }
}

/// What a merge would do.
pub(crate) struct MergePreview(pub(crate) merge::Preview);

/// What a merge would do.
#[Object]
impl MergePreview {
    /// Who would stay.
    fn survivor(&self) -> Contact {
        Contact::from(self.0.survivor.clone())
    }

    /// Who would be merged into the survivor.
    fn merged(&self) -> Contact {
        Contact::from(self.0.loser.clone())
    }

    /// What the survivor lacks and would take over, such as `phone`.
    fn filled(&self) -> &[&'static str] {
        &self.0.filled
    }

    /// What both have, of which the survivor keeps its own: the other value would be lost, as long as the
    /// merge holds.
    fn conflicts(&self) -> Vec<MergeConflict> {
        let conflicts = self.0.conflicts.iter().cloned();
        conflicts.map(MergeConflict::from).collect()
    }

    /// Groups of one value of which both carry another tag: one of the two would end.
    fn tag_conflicts(&self) -> Vec<MergeTagConflict> {
        let conflicts = self.0.tag_conflicts.iter().cloned();
        conflicts.map(MergeTagConflict).collect()
    }

    /// How much would follow to the survivor.
    fn follows(&self) -> Vec<MergeCount> {
        MergeCount::all(&self.0.rows)
    }
}

/// Something of which both have one and the survivor keeps its own.
#[derive(SimpleObject)]
pub(crate) struct MergeConflict {
    /// What, such as `phone` or `owner_id`, or `attributes.` and the key of a custom attribute.
    field: String,
    /// What the survivor has and keeps, as text; things by their global ids.
    kept: String,
    /// What the other one has, as text; things by their global ids.
    dropped: String,
}

impl From<merge::Conflict> for MergeConflict {
    fn from(conflict: merge::Conflict) -> Self {
        Self {
            field: conflict.field,
            kept: conflict.kept,
            dropped: conflict.dropped,
        }
    }
}

/// A group of one value of which both carry another tag.
pub(crate) struct MergeTagConflict(pub(crate) merge::TagConflict);

/// A group of one value of which both carry another tag.
#[Object]
impl MergeTagConflict {
    /// The group.
    #[boxed]
    async fn group(&self, context: &Context<'_>) -> Result<Option<TagGroup>> {
        let found = loader(context)?.load_one(self.0.group_id).await?;
        Ok(found.map(TagGroup))
    }

    /// The tag that would go on: one that a person put on before one that a rule did, then the one that lasts
    /// longer, then the survivor's.
    #[boxed]
    async fn kept(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        let found = loader(context)?.load_one(self.0.kept_id).await?;
        Ok(found.map(Tag::from))
    }

    /// The tag that would end.
    #[boxed]
    async fn dropped(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        let found = loader(context)?.load_one(self.0.dropped_id).await?;
        Ok(found.map(Tag::from))
    }
}

/// How many things of one kind would follow.
#[derive(SimpleObject)]
pub(crate) struct MergeCount {
    /// What, such as `message`.
    what: String,
    /// How many.
    count: i64,
}

impl MergeCount {
    /// Of each table that has any.
    pub(crate) fn all(rows: &[(&'static str, i64)]) -> Vec<Self> {
        let rows = rows.iter();
        rows.map(|(what, count)| Self {
            what: (*what).to_owned(),
            count: *count,
        })
        .collect()
    }
}

/// Whether a contact wants to hear about something by some medium.
pub(crate) struct Subscription(pub(crate) subscription::Row);

/// Whether a contact wants to hear about something by some medium.
#[Object(name = "ContactSubscription")]
impl Subscription {
    /// By which medium.
    fn channel(&self) -> Channel {
        self.0.channel
    }

    /// About what; `*` for everything.
    fn topic(&self) -> &str {
        &self.0.topic
    }

    /// Whether they want it.
    fn state(&self) -> SubscriptionState {
        self.0.state
    }

    /// What made it so.
    fn source(&self) -> SubscriptionSource {
        self.0.source
    }

    /// Why, in words; may be empty.
    fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Since when.
    fn changed_at(&self) -> DateTime<Utc> {
        self.0.changed_at
    }

    /// By whom.
    fn changed_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.changed_by)
    }
}

/// One change of a subscription.
pub(crate) struct SubscriptionChange(pub(crate) subscription::HistoryRow);

/// One change of a subscription.
#[Object]
impl SubscriptionChange {
    /// By which medium.
    fn channel(&self) -> Channel {
        self.0.channel
    }

    /// About what; `*` for everything.
    fn topic(&self) -> &str {
        &self.0.topic
    }

    /// Whether they wanted it from then on.
    fn state(&self) -> SubscriptionState {
        self.0.state
    }

    /// What made it so.
    fn source(&self) -> SubscriptionSource {
        self.0.source
    }

    /// Why, in words; may be empty.
    fn reason(&self) -> &str {
        &self.0.reason
    }

    /// When.
    fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// By whom.
    fn changed_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.by_origin)
    }
}
