//! Fetching by id, together and once per request.

use std::{collections::HashMap, hash::Hash, sync::OnceLock, time::Duration};

use async_graphql::{
    Error,
    dataloader::{DataLoader, Loader as Load},
    runtime::{TokioSpawner, TokioTimer},
};
use chrono::{DateTime, Utc};
use domain::{
    access, account, attribute, contact, conversation, ctx::Ctx, document, email, event, health,
    inbox, invoice, note, notification, operation, opportunity, order, playbook, rule, segment,
    stage, survey, tag, task, team, ticket,
};
use entity::{
    id::{
        AccountId, AttributeId, CampaignId, ContactId, ConversationId, DeliveryId, DocumentId,
        EmailEventId, EnrolmentId, EventId, FiringId, HealthEntryId, InboxId, InvoiceId, MemberId,
        MessageId, NoteId, OperationId, OpportunityId, OrderId, PlaybookId, RuleId, SegmentId,
        StageChangeId, SurveyAnswerId, SurveyId, SurveyInvitationId, TagGroupId, TagId, TaggingId,
        TargetId, TaskId, TeamId, TicketId, WorkspaceId,
    },
    kind::TagTarget,
    tagging,
};
use uuid::Uuid;

use super::error::fault;

/// Where a request keeps its loader, once a resolver has asked for it.
pub type LoaderCell = OnceLock<DataLoader<Loader>>;

/// Fetches rows of one workspace by key. The type of the key says what is wanted.
pub struct Loader {
    ctx: Ctx,
    workspace: WorkspaceId,
}

impl Loader {
    pub(crate) fn start(ctx: Ctx, workspace: WorkspaceId) -> DataLoader<Self> {
        let loader = Self { ctx, workspace };
        // Without a delay the batch goes out as soon as the resolvers that run now have asked.
        DataLoader::new(loader, TokioSpawner::current(), TokioTimer::default())
            .delay(Duration::ZERO)
    }
}

/// Asks for the tags on a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TaggingsOf(pub(crate) Uuid);
/// Asks for the tags that were on a thing at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TaggingsAt(pub(crate) Uuid, pub(crate) DateTime<Utc>);
/// Asks for the way from a tag to its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PathOf(pub(crate) TagId);
/// Asks for a tag's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CountsOf(pub(crate) TagId);
/// Asks for a contact's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HealthOf(pub(crate) ContactId);
/// Asks for how an account's people are doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct StandingOf(pub(crate) AccountId);
/// Asks for a version of the health model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ModelOf(pub(crate) i64);
/// Asks for who watches a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WatchersOf(pub(crate) ConversationId);
/// Asks for who is in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MembersOf(pub(crate) TeamId);
/// Asks for who receives what is sent to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReceiversOf(pub(crate) TargetId);
/// Asks for what the requests to a target are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeysOf(pub(crate) TargetId);
/// Asks for the values a thing has for custom attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ValuesOf(pub(crate) Uuid);
/// Asks for what a contact wants to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SubscriptionsOf(pub(crate) ContactId);
/// Asks for the segments a contact or an account is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MembershipsOf(pub(crate) Uuid);
/// Asks for a contact's identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct IdentitiesOf(pub(crate) ContactId);

/// Asks for the rules that a rule gets in the way of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConflictsOf(pub(crate) RuleId);

/// Asks for a version of a playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct VersionOf(pub(crate) PlaybookId, pub(crate) i64);
/// Asks for how many are where in a version of a playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TalliesOf(pub(crate) PlaybookId, pub(crate) i64);

/// Asks for an entry of a contact's health history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HealthEntryOf {
    /// Whose.
    pub(crate) contact: ContactId,
    /// The moment it was computed for.
    pub(crate) as_of: DateTime<Utc>,
    /// The entry.
    pub(crate) id: HealthEntryId,
}
/// Asks for an order's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LinesOf(pub(crate) OrderId);

fn by<K: Eq + Hash, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, V> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

fn group<K: Eq + Hash, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}

#[async_trait::async_trait]
impl Load<ContactId> for Loader {
    type Value = contact::Contact;
    type Error = Error;

    async fn load(&self, ids: &[ContactId]) -> Result<HashMap<ContactId, Self::Value>, Error> {
        contact::load_answering(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)
    }
}

#[async_trait::async_trait]
impl Load<AccountId> for Loader {
    type Value = entity::account::Model;
    type Error = Error;

    async fn load(&self, ids: &[AccountId]) -> Result<HashMap<AccountId, Self::Value>, Error> {
        let rows = account::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<StandingOf> for Loader {
    type Value = account::Standing;
    type Error = Error;

    async fn load(&self, keys: &[StandingOf]) -> Result<HashMap<StandingOf, Self::Value>, Error> {
        let ids: Vec<AccountId> = keys.iter().map(|key| key.0).collect();
        let rows = account::load_standing(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| StandingOf(row.account_id)))
    }
}

#[async_trait::async_trait]
impl Load<ConversationId> for Loader {
    type Value = entity::conversation::Model;
    type Error = Error;

    async fn load(
        &self,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Self::Value>, Error> {
        let rows = conversation::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<WatchersOf> for Loader {
    type Value = Vec<MemberId>;
    type Error = Error;

    async fn load(&self, keys: &[WatchersOf]) -> Result<HashMap<WatchersOf, Self::Value>, Error> {
        let ids: Vec<ConversationId> = keys.iter().map(|key| key.0).collect();
        let rows = conversation::load_watchers(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        let mut watchers: HashMap<_, Vec<MemberId>> = HashMap::new();
        for row in rows {
            let of = watchers.entry(WatchersOf(row.conversation_id));
            of.or_default().push(row.member_id);
        }
        Ok(watchers)
    }
}

#[async_trait::async_trait]
impl Load<MemberId> for Loader {
    type Value = entity::member::Model;
    type Error = Error;

    async fn load(&self, ids: &[MemberId]) -> Result<HashMap<MemberId, Self::Value>, Error> {
        let rows = access::member::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<AttributeId> for Loader {
    type Value = entity::attribute_definition::Model;
    type Error = Error;

    async fn load(&self, ids: &[AttributeId]) -> Result<HashMap<AttributeId, Self::Value>, Error> {
        let rows = attribute::definition::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<ValuesOf> for Loader {
    type Value = Vec<entity::attribute_value::Model>;
    type Error = Error;

    async fn load(&self, keys: &[ValuesOf]) -> Result<HashMap<ValuesOf, Self::Value>, Error> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let rows = attribute::load(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(group(rows, |row| ValuesOf(row.subject_id)))
    }
}

#[async_trait::async_trait]
impl Load<SubscriptionsOf> for Loader {
    type Value = Vec<contact::subscription::Row>;
    type Error = Error;

    async fn load(
        &self,
        keys: &[SubscriptionsOf],
    ) -> Result<HashMap<SubscriptionsOf, Self::Value>, Error> {
        let ids: Vec<ContactId> = keys.iter().map(|key| key.0).collect();
        let rows = contact::subscription::load(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(group(rows, |row| SubscriptionsOf(row.contact_id)))
    }
}

#[async_trait::async_trait]
impl Load<NoteId> for Loader {
    type Value = entity::note::Model;
    type Error = Error;

    async fn load(&self, ids: &[NoteId]) -> Result<HashMap<NoteId, Self::Value>, Error> {
        let rows = note::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<MessageId> for Loader {
    type Value = entity::message::Model;
    type Error = Error;

    async fn load(&self, ids: &[MessageId]) -> Result<HashMap<MessageId, Self::Value>, Error> {
        let rows = conversation::load_messages(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<TagId> for Loader {
    type Value = entity::tag::Model;
    type Error = Error;

    async fn load(&self, ids: &[TagId]) -> Result<HashMap<TagId, Self::Value>, Error> {
        let rows = tag::catalogue::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<TagGroupId> for Loader {
    type Value = entity::tag_group::Model;
    type Error = Error;

    async fn load(&self, ids: &[TagGroupId]) -> Result<HashMap<TagGroupId, Self::Value>, Error> {
        let rows = tag::group::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<InboxId> for Loader {
    type Value = entity::inbox::Model;
    type Error = Error;

    async fn load(&self, ids: &[InboxId]) -> Result<HashMap<InboxId, Self::Value>, Error> {
        // A workspace has a handful of inboxes; all of them cost no more than some.
        let rows = inbox::list(&self.ctx, self.workspace)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id)
            .into_iter()
            .filter(|(id, _)| ids.contains(id))
            .collect())
    }
}

#[async_trait::async_trait]
impl Load<CampaignId> for Loader {
    type Value = entity::campaign::Model;
    type Error = Error;

    async fn load(&self, ids: &[CampaignId]) -> Result<HashMap<CampaignId, Self::Value>, Error> {
        let rows = email::read::load_campaigns(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<EmailEventId> for Loader {
    type Value = entity::email_event::Model;
    type Error = Error;

    async fn load(
        &self,
        ids: &[EmailEventId],
    ) -> Result<HashMap<EmailEventId, Self::Value>, Error> {
        let rows = email::read::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<TaggingsOf> for Loader {
    type Value = Vec<tagging::Model>;
    type Error = Error;

    async fn load(&self, keys: &[TaggingsOf]) -> Result<HashMap<TaggingsOf, Self::Value>, Error> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let rows = tag::tagging::load_active(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(group(rows, |row| TaggingsOf(row.target_id)))
    }
}

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

#[async_trait::async_trait]
impl Load<TaggingId> for Loader {
    type Value = tagging::Model;
    type Error = Error;

    async fn load(&self, ids: &[TaggingId]) -> Result<HashMap<TaggingId, Self::Value>, Error> {
        let rows = tag::tagging::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<ConflictsOf> for Loader {
    type Value = Vec<rule::conflict::Conflict>;
    type Error = Error;

    async fn load(&self, keys: &[ConflictsOf]) -> Result<HashMap<ConflictsOf, Self::Value>, Error> {
        let ids: Vec<RuleId> = keys.iter().map(|key| key.0).collect();
        let found = rule::conflict::of_each(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        let found = found.into_iter();
        Ok(found.map(|(id, one)| (ConflictsOf(id), one)).collect())
    }
}

#[async_trait::async_trait]
impl Load<PathOf> for Loader {
    type Value = Vec<tag::catalogue::Ancestor>;
    type Error = Error;

    async fn load(&self, keys: &[PathOf]) -> Result<HashMap<PathOf, Self::Value>, Error> {
        let ids: Vec<TagId> = keys.iter().map(|key| key.0).collect();
        let rows = tag::catalogue::load_paths(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(group(rows, |row| PathOf(row.tag_id)))
    }
}

#[async_trait::async_trait]
impl Load<CountsOf> for Loader {
    type Value = HashMap<TagTarget, tag::TagCount>;
    type Error = Error;

    async fn load(&self, keys: &[CountsOf]) -> Result<HashMap<CountsOf, Self::Value>, Error> {
        let ids: Vec<TagId> = keys.iter().map(|key| key.0).collect();
        let rows = tag::catalogue::load_counts(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(group(rows, |row| CountsOf(row.tag_id))
            .into_iter()
            .map(|(key, counts)| (key, by(counts, |count| count.target)))
            .collect())
    }
}

#[async_trait::async_trait]
impl Load<IdentitiesOf> for Loader {
    type Value = Vec<contact::Identity>;
    type Error = Error;

    async fn load(
        &self,
        keys: &[IdentitiesOf],
    ) -> Result<HashMap<IdentitiesOf, Self::Value>, Error> {
        let ids: Vec<ContactId> = keys.iter().map(|key| key.0).collect();
        let rows = contact::load_identities(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(group(rows, |row| IdentitiesOf(row.contact_id)))
    }
}

#[async_trait::async_trait]
impl Load<HealthOf> for Loader {
    type Value = entity::contact_health::Model;
    type Error = Error;

    async fn load(&self, keys: &[HealthOf]) -> Result<HashMap<HealthOf, Self::Value>, Error> {
        let ids: Vec<ContactId> = keys.iter().map(|key| key.0).collect();
        let rows = health::load(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| HealthOf(row.contact_id)))
    }
}

#[async_trait::async_trait]
impl Load<EventId> for Loader {
    type Value = entity::event::Model;
    type Error = Error;

    async fn load(&self, ids: &[EventId]) -> Result<HashMap<EventId, Self::Value>, Error> {
        let rows = event::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<OperationId> for Loader {
    type Value = entity::operation::Model;
    type Error = Error;

    async fn load(&self, ids: &[OperationId]) -> Result<HashMap<OperationId, Self::Value>, Error> {
        let rows = operation::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<SegmentId> for Loader {
    type Value = segment::Segment;
    type Error = Error;

    async fn load(&self, ids: &[SegmentId]) -> Result<HashMap<SegmentId, Self::Value>, Error> {
        let rows = segment::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<MembershipsOf> for Loader {
    type Value = Vec<segment::Membership>;
    type Error = Error;

    async fn load(
        &self,
        keys: &[MembershipsOf],
    ) -> Result<HashMap<MembershipsOf, Self::Value>, Error> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let rows = segment::memberships(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(group(rows, |row| MembershipsOf(row.subject_id)))
    }
}

#[async_trait::async_trait]
impl Load<StageChangeId> for Loader {
    type Value = entity::stage_change::Model;
    type Error = Error;

    async fn load(
        &self,
        ids: &[StageChangeId],
    ) -> Result<HashMap<StageChangeId, Self::Value>, Error> {
        let rows = stage::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<HealthEntryOf> for Loader {
    type Value = entity::health_history::Model;
    type Error = Error;

    async fn load(
        &self,
        keys: &[HealthEntryOf],
    ) -> Result<HashMap<HealthEntryOf, Self::Value>, Error> {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| (key.contact, key.as_of, key.id))
            .collect();
        let rows = health::load_entries(&self.ctx, self.workspace, &keys)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| HealthEntryOf {
            contact: row.contact_id,
            as_of: row.as_of,
            id: row.id,
        }))
    }
}

#[async_trait::async_trait]
impl Load<OrderId> for Loader {
    type Value = entity::sales_order::Model;
    type Error = Error;

    async fn load(&self, ids: &[OrderId]) -> Result<HashMap<OrderId, Self::Value>, Error> {
        let rows = order::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<InvoiceId> for Loader {
    type Value = entity::invoice::Model;
    type Error = Error;

    async fn load(&self, ids: &[InvoiceId]) -> Result<HashMap<InvoiceId, Self::Value>, Error> {
        let rows = invoice::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<TicketId> for Loader {
    type Value = entity::ticket::Model;
    type Error = Error;

    async fn load(&self, ids: &[TicketId]) -> Result<HashMap<TicketId, Self::Value>, Error> {
        let rows = ticket::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<SurveyId> for Loader {
    type Value = entity::survey::Model;
    type Error = Error;

    async fn load(&self, ids: &[SurveyId]) -> Result<HashMap<SurveyId, Self::Value>, Error> {
        let rows = survey::read::load_surveys(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<SurveyInvitationId> for Loader {
    type Value = entity::survey_invitation::Model;
    type Error = Error;

    async fn load(
        &self,
        ids: &[SurveyInvitationId],
    ) -> Result<HashMap<SurveyInvitationId, Self::Value>, Error> {
        let rows = survey::read::load_invitations(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<SurveyAnswerId> for Loader {
    type Value = entity::survey_answer::Model;
    type Error = Error;

    async fn load(
        &self,
        ids: &[SurveyAnswerId],
    ) -> Result<HashMap<SurveyAnswerId, Self::Value>, Error> {
        let rows = survey::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<OpportunityId> for Loader {
    type Value = entity::opportunity::Model;
    type Error = Error;

    async fn load(
        &self,
        ids: &[OpportunityId],
    ) -> Result<HashMap<OpportunityId, Self::Value>, Error> {
        let rows = opportunity::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<LinesOf> for Loader {
    type Value = Vec<entity::order_line::Model>;
    type Error = Error;

    async fn load(&self, keys: &[LinesOf]) -> Result<HashMap<LinesOf, Self::Value>, Error> {
        let ids: Vec<OrderId> = keys.iter().map(|key| key.0).collect();
        let rows = order::load_lines(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(group(rows, |row| LinesOf(row.order_id)))
    }
}

#[async_trait::async_trait]
impl Load<RuleId> for Loader {
    type Value = rule::Rule;
    type Error = Error;

    async fn load(&self, ids: &[RuleId]) -> Result<HashMap<RuleId, Self::Value>, Error> {
        let rows = rule::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<FiringId> for Loader {
    type Value = entity::rule_firing::Model;
    type Error = Error;

    async fn load(&self, ids: &[FiringId]) -> Result<HashMap<FiringId, Self::Value>, Error> {
        let rows = rule::firing::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<TargetId> for Loader {
    type Value = entity::notification_target::Model;
    type Error = Error;

    async fn load(&self, ids: &[TargetId]) -> Result<HashMap<TargetId, Self::Value>, Error> {
        let rows = notification::manage::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<ReceiversOf> for Loader {
    type Value = notification::Receivers;
    type Error = Error;

    async fn load(&self, keys: &[ReceiversOf]) -> Result<HashMap<ReceiversOf, Self::Value>, Error> {
        let ids: Vec<TargetId> = keys.iter().map(|key| key.0).collect();
        let found = notification::receiver::load(self.ctx.reader(), self.workspace, &ids)
            .await
            .map_err(fault)?;
        let each = found.into_iter();
        Ok(each.map(|(id, one)| (ReceiversOf(id), one)).collect())
    }
}

#[async_trait::async_trait]
impl Load<KeysOf> for Loader {
    type Value = Vec<entity::webhook_key::Model>;
    type Error = Error;

    async fn load(&self, keys: &[KeysOf]) -> Result<HashMap<KeysOf, Self::Value>, Error> {
        let ids: Vec<TargetId> = keys.iter().map(|key| key.0).collect();
        let rows = notification::key::load(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(group(rows, |row| KeysOf(row.notification_target_id)))
    }
}

#[async_trait::async_trait]
impl Load<TeamId> for Loader {
    type Value = entity::team::Model;
    type Error = Error;

    async fn load(&self, ids: &[TeamId]) -> Result<HashMap<TeamId, Self::Value>, Error> {
        let rows = team::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<MembersOf> for Loader {
    type Value = Vec<MemberId>;
    type Error = Error;

    async fn load(&self, keys: &[MembersOf]) -> Result<HashMap<MembersOf, Self::Value>, Error> {
        let ids: Vec<TeamId> = keys.iter().map(|key| key.0).collect();
        let rows = team::memberships(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        let mut members: HashMap<_, Vec<MemberId>> = HashMap::new();
        for row in rows {
            members
                .entry(MembersOf(row.team_id))
                .or_default()
                .push(row.member_id);
        }
        Ok(members)
    }
}

#[async_trait::async_trait]
impl Load<DeliveryId> for Loader {
    type Value = entity::delivery::Model;
    type Error = Error;

    async fn load(&self, ids: &[DeliveryId]) -> Result<HashMap<DeliveryId, Self::Value>, Error> {
        let rows = notification::delivery::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<DocumentId> for Loader {
    type Value = entity::document::Model;
    type Error = Error;

    async fn load(&self, ids: &[DocumentId]) -> Result<HashMap<DocumentId, Self::Value>, Error> {
        let rows = document::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<PlaybookId> for Loader {
    type Value = entity::playbook::Model;
    type Error = Error;

    async fn load(&self, ids: &[PlaybookId]) -> Result<HashMap<PlaybookId, Self::Value>, Error> {
        let rows = playbook::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<VersionOf> for Loader {
    type Value = playbook::Version;
    type Error = Error;

    async fn load(&self, keys: &[VersionOf]) -> Result<HashMap<VersionOf, Self::Value>, Error> {
        let keys: Vec<_> = keys.iter().map(|key| (key.0, key.1)).collect();
        let rows = playbook::load_versions(&self.ctx, self.workspace, &keys)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| VersionOf(row.playbook_id, row.version)))
    }
}

#[async_trait::async_trait]
impl Load<TalliesOf> for Loader {
    type Value = playbook::Tallies;
    type Error = Error;

    async fn load(&self, keys: &[TalliesOf]) -> Result<HashMap<TalliesOf, Self::Value>, Error> {
        let keys: Vec<_> = keys.iter().map(|key| (key.0, key.1)).collect();
        let tallies = playbook::load_tallies(&self.ctx, self.workspace, &keys)
            .await
            .map_err(fault)?;
        let tallies = tallies.into_iter();
        Ok(tallies
            .map(|((id, version), tallies)| (TalliesOf(id, version), tallies))
            .collect())
    }
}

#[async_trait::async_trait]
impl Load<EnrolmentId> for Loader {
    type Value = entity::enrolment::Model;
    type Error = Error;

    async fn load(&self, ids: &[EnrolmentId]) -> Result<HashMap<EnrolmentId, Self::Value>, Error> {
        let rows = playbook::load_enrolments(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<TaskId> for Loader {
    type Value = entity::task::Model;
    type Error = Error;

    async fn load(&self, ids: &[TaskId]) -> Result<HashMap<TaskId, Self::Value>, Error> {
        let rows = task::load(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| row.id))
    }
}

#[async_trait::async_trait]
impl Load<ModelOf> for Loader {
    type Value = health::model::Model;
    type Error = Error;

    async fn load(&self, keys: &[ModelOf]) -> Result<HashMap<ModelOf, Self::Value>, Error> {
        let versions: Vec<i64> = keys.iter().map(|key| key.0).collect();
        let models = health::load_models(&self.ctx, self.workspace, &versions)
            .await
            .map_err(fault)?;
        Ok(by(models, |model| ModelOf(model.version)))
    }
}
