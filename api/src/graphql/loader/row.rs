//! What has an id, by it: its row, and the finder of the domain. A new kind of thing is a line of the
//! table.

use std::{collections::HashMap, hash::Hash};

use async_graphql::{Error, dataloader::Loader as Load};
use domain::{
    access, account, attribute,
    contact::{self, subscription},
    conversation, document, email, event, inbox, invoice, link, note, notification, operation,
    opportunity, order, playbook, rule, segment, stage, survey, tag, task, team, ticket,
};
use entity::{
    id::{
        AccessTokenId, AccountId, AttributeId, CampaignId, ContactId, ConversationId,
        ConversationStepId, DeliveryId, DocumentId, EmailEventId, EmailSourceId, EnrolmentId,
        EventId, FiringId, InboxId, InvoiceId, MemberId, MessageId, NoteId, OperationId,
        OpportunityId, OrderId, OwnerChangeId, PlaybookId, RuleId, SegmentId, SegmentMoveId,
        StageChangeId, SubscriptionChangeId, SurveyAnswerId, SurveyId, SurveyInvitationId,
        TagGroupId, TagId, TaggingId, TargetId, TaskId, TeamId, TicketId, TrackedLinkId,
    },
    tagging,
};

use super::{Loader, by, together::LookUp};
use crate::graphql::error::fault;

/// Requests that ask at the same moment ask together.
#[async_trait::async_trait]
impl<K> Load<K> for Loader
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    Self: LookUp<K>,
{
    type Value = <Self as LookUp<K>>::Value;
    type Error = Error;

    async fn load(&self, keys: &[K]) -> Result<HashMap<K, Self::Value>, Error> {
        self.together.find(self, self.workspace, keys).await
    }
}

macro_rules! rows {
    ($($id:ty => $row:ty, $find:path;)*) => {
        $(
            #[async_trait::async_trait]
            impl LookUp<$id> for Loader {
                type Value = $row;

                async fn look_up(&self, ids: &[$id]) -> Result<HashMap<$id, $row>, Error> {
                    let rows = $find(&self.ctx, self.workspace, ids).await.map_err(fault)?;
                    Ok(by(rows, |row| row.id))
                }
            }
        )*
    };
}

rows! {
    AccessTokenId => entity::access_token::Model, access::token::load;
    AttributeId => entity::attribute_definition::Model, attribute::definition::load;
    CampaignId => entity::campaign::Model, email::read::load_campaigns;
    ConversationId => entity::conversation::Model, conversation::load;
    ConversationStepId => entity::conversation_step::Model, conversation::load_steps;
    DeliveryId => entity::delivery::Model, notification::delivery::load;
    DocumentId => entity::document::Model, document::load;
    EmailEventId => entity::email_event::Model, email::read::load;
    EmailSourceId => entity::email_source::Model, email::source::load;
    EnrolmentId => entity::enrolment::Model, playbook::load_enrolments;
    EventId => entity::event::Model, event::load;
    FiringId => entity::rule_firing::Model, rule::firing::load;
    InvoiceId => entity::invoice::Model, invoice::load;
    MemberId => entity::member::Model, access::member::load;
    MessageId => entity::message::Model, conversation::load_messages;
    NoteId => entity::note::Model, note::load;
    OperationId => entity::operation::Model, operation::load;
    OpportunityId => entity::opportunity::Model, opportunity::load;
    OrderId => entity::sales_order::Model, order::load;
    OwnerChangeId => entity::owner_change::Model, stage::load_owner_changes;
    PlaybookId => entity::playbook::Model, playbook::load;
    RuleId => rule::Rule, rule::load;
    SegmentId => segment::Segment, segment::load;
    SegmentMoveId => segment::Move, segment::load_moves;
    StageChangeId => entity::stage_change::Model, stage::load;
    SubscriptionChangeId => subscription::HistoryRow, subscription::load_changes;
    SurveyAnswerId => entity::survey_answer::Model, survey::load;
    SurveyId => entity::survey::Model, survey::read::load_surveys;
    SurveyInvitationId => entity::survey_invitation::Model, survey::read::load_invitations;
    TagGroupId => entity::tag_group::Model, tag::group::load;
    TagId => entity::tag::Model, tag::catalogue::load;
    TaggingId => tagging::Model, tag::tagging::load;
    TargetId => entity::notification_target::Model, notification::manage::load;
    TaskId => entity::task::Model, task::load;
    TeamId => entity::team::Model, team::load;
    TicketId => entity::ticket::Model, ticket::load;
    TrackedLinkId => entity::tracked_link::Model, link::load;
}

#[async_trait::async_trait]
impl LookUp<ContactId> for Loader {
    type Value = contact::Contact;

    async fn look_up(&self, ids: &[ContactId]) -> Result<HashMap<ContactId, Self::Value>, Error> {
        contact::load_answering(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)
    }
}

#[async_trait::async_trait]
impl LookUp<AccountId> for Loader {
    type Value = entity::account::Model;

    async fn look_up(&self, ids: &[AccountId]) -> Result<HashMap<AccountId, Self::Value>, Error> {
        account::load_answering(&self.ctx, self.workspace, ids)
            .await
            .map_err(fault)
    }
}

#[async_trait::async_trait]
impl LookUp<InboxId> for Loader {
    type Value = entity::inbox::Model;

    async fn look_up(&self, ids: &[InboxId]) -> Result<HashMap<InboxId, Self::Value>, Error> {
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
