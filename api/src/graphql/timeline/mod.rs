//! Timelines over GraphQL.

use std::hash::Hash;

use async_graphql::{Context, Error, Object, Result, Union, dataloader::Loader as Load};
use chrono::{DateTime, Utc};
use domain::timeline;
use entity::{
    id::{
        ConversationStepId, EmailEventId, EnrolmentId, EventId, FiringId, HealthEntryId, InvoiceId,
        MergeId, MessageId, NoteId, OpportunityId, OrderId, OwnerChangeId, SegmentMoveId,
        StageChangeId, SubscriptionChangeId, SurveyAnswerId, SurveyInvitationId, TaggingId, TaskId,
        TicketId,
    },
    kind::TimelineKind,
};

use super::{
    account::AccountMerge,
    contact::{ContactMerge, SubscriptionChange},
    context::loaded,
    conversation::{ConversationStep, Message},
    email::EmailEvent,
    event::Event,
    fact::{Invoice, Opportunity, Order, SurveyAnswer, Ticket},
    health::HealthEntry,
    loader::{AccountMergeOf, ContactMergeOf, HealthEntryOf, Loader},
    note::Note,
    owner::OwnerChange,
    playbook::Enrolment,
    rule::RuleFiring,
    segment::SegmentMove,
    stage::StageChange,
    survey::SurveyInvitation,
    tag::Tagging,
    task::Task,
};
use crate::boxed;

/// Something that happened to a contact or an account.
pub struct TimelineEntry(pub(crate) timeline::Entry);

/// What an entry of a timeline is about.
#[derive(Union)]
pub(crate) enum TimelineSubject {
    /// A merge of accounts.
    AccountMerge(AccountMerge),
    /// A merge of contacts.
    ContactMerge(ContactMerge),
    /// What became of a conversation.
    ConversationStep(ConversationStep),
    /// What was told about an email.
    EmailEvent(EmailEvent),
    /// A time in a playbook.
    Enrolment(Enrolment),
    /// Something the contact did.
    Event(Event),
    /// A health score or band that changed.
    HealthEntry(HealthEntry),
    /// A bill.
    Invoice(Invoice),
    /// A message, in or out.
    Message(Message),
    /// A note a member wrote.
    Note(Note),
    /// A deal.
    Opportunity(Opportunity),
    /// A purchase.
    Order(Order),
    /// A change of who looks after the contact or the account.
    OwnerChange(OwnerChange),
    /// A rule that fired, whatever set it off.
    RuleFiring(RuleFiring),
    /// A coming into a segment or going out of it.
    SegmentMove(SegmentMove),
    /// A change of the lifecycle stage.
    StageChange(StageChange),
    /// A change of what the contact wants to hear from us.
    SubscriptionChange(SubscriptionChange),
    /// An answer to a survey.
    SurveyAnswer(SurveyAnswer),
    /// Being asked to answer a survey.
    SurveyInvitation(SurveyInvitation),
    /// A tag that was put on or taken off.
    Tagging(Tagging),
    /// Something a member has to do.
    Task(Task),
    /// A case of the support desk.
    Ticket(Ticket),
}

/// Something that happened to a contact or an account.
#[Object]
impl TimelineEntry {
    /// When it happened, by the thing's own time: what is told late stands where it belongs.
    fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// What happened.
    fn kind(&self) -> TimelineKind {
        self.0.kind
    }

    /// The thing it is about, as it is now. All things of one kind on a page are fetched together.
    #[boxed]
    async fn subject(&self, context: &Context<'_>) -> Result<Option<TimelineSubject>> {
        use TimelineKind as K;
        let id = self.0.subject_id;
        match self.0.kind {
            K::Message => of(context, MessageId(id), Message).await,
            K::EmailEvent => of(context, EmailEventId(id), EmailEvent).await,
            K::Event => of(context, EventId(id), Event).await,
            K::TagAdded | K::TagRemoved => of(context, TaggingId(id), Tagging::from).await,
            K::HealthChanged => {
                let Some(contact) = self.0.contact_id else {
                    return Ok(None);
                };
                let key = HealthEntryOf {
                    contact,
                    as_of: self.0.at,
                    id: HealthEntryId(id),
                };
                of(context, key, HealthEntry).await
            }
            K::RuleFired => of(context, FiringId(id), RuleFiring).await,
            K::Order => of(context, OrderId(id), Order).await,
            K::Invoice => of(context, InvoiceId(id), Invoice).await,
            K::Ticket => of(context, TicketId(id), Ticket).await,
            K::Opportunity => of(context, OpportunityId(id), Opportunity).await,
            K::SurveyAnswer => of(context, SurveyAnswerId(id), SurveyAnswer).await,
            K::SurveyInvited => of(context, SurveyInvitationId(id), SurveyInvitation).await,
            K::PlaybookEntered | K::PlaybookLeft => of(context, EnrolmentId(id), Enrolment).await,
            K::Note => of(context, NoteId(id), Note).await,
            K::StageChanged => of(context, StageChangeId(id), StageChange).await,
            K::SegmentEntered | K::SegmentLeft => of(context, SegmentMoveId(id), SegmentMove).await,
            K::TaskCreated | K::TaskEnded => of(context, TaskId(id), Task).await,
            K::SubscriptionChanged => {
                of(context, SubscriptionChangeId(id), SubscriptionChange).await
            }
            K::OwnerChanged => of(context, OwnerChangeId(id), OwnerChange).await,
            K::ConversationStatusChanged => {
                of(context, ConversationStepId(id), ConversationStep).await
            }
            K::ContactMerged | K::ContactUnmerged | K::ContactSeparated => {
                of(context, ContactMergeOf(MergeId(id)), ContactMerge).await
            }
            K::AccountMerged | K::AccountUnmerged | K::AccountSeparated => {
                of(context, AccountMergeOf(MergeId(id)), AccountMerge).await
            }
        }
    }
}

/// What `key` names, shown as `shown`, if it is there.
async fn of<K, T>(
    context: &Context<'_>,
    key: K,
    shown: impl FnOnce(<Loader as Load<K>>::Value) -> T,
) -> Result<Option<TimelineSubject>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Loader: Load<K, Error = Error>,
    TimelineSubject: From<T>,
{
    let found = loaded(context, Some(key), shown).await?;
    Ok(found.map(TimelineSubject::from))
}
