//! Timelines over GraphQL.

use async_graphql::{Context, Object, Result, Union};
use chrono::{DateTime, Utc};
use domain::timeline;
use entity::{
    id::{
        EmailEventId, EnrolmentId, EventId, FiringId, HealthEntryId, InvoiceId, MessageId, NoteId,
        OpportunityId, OrderId, StageChangeId, SurveyAnswerId, SurveyInvitationId, TaggingId,
        TicketId,
    },
    kind::TimelineKind,
};

use super::{
    context::loader,
    conversation::Message,
    email::EmailEvent,
    event::Event,
    fact::{Invoice, Opportunity, Order, SurveyAnswer, Ticket},
    health::HealthEntry,
    loader::HealthEntryOf,
    note::Note,
    playbook::Enrolment,
    rule::RuleFiring,
    stage::StageChange,
    survey::SurveyInvitation,
    tag::Tagging,
};
use crate::boxed;

/// Something that happened to a contact or an account.
pub struct TimelineEntry(pub(crate) timeline::Entry);

/// What an entry of a timeline is about.
#[derive(Union)]
pub(crate) enum TimelineSubject {
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
    /// A rule that fired on a message.
    RuleFiring(RuleFiring),
    /// A change of the lifecycle stage.
    StageChange(StageChange),
    /// An answer to a survey.
    SurveyAnswer(SurveyAnswer),
    /// Being asked to answer a survey.
    SurveyInvitation(SurveyInvitation),
    /// A tag that was put on or taken off.
    Tagging(Tagging),
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
        use TimelineSubject as S;
        let (loader, id) = (loader(context)?, self.0.subject_id);
        Ok(match self.0.kind {
            TimelineKind::Message => {
                let found = loader.load_one(MessageId(id)).await?;
                found.map(Message).map(S::Message)
            }
            TimelineKind::EmailEvent => {
                let found = loader.load_one(EmailEventId(id)).await?;
                found.map(EmailEvent).map(S::EmailEvent)
            }
            TimelineKind::Event => {
                let found = loader.load_one(EventId(id)).await?;
                found.map(Event).map(S::Event)
            }
            TimelineKind::TagAdded | TimelineKind::TagRemoved => {
                let found = loader.load_one(TaggingId(id)).await?;
                found.map(Tagging::from).map(S::Tagging)
            }
            TimelineKind::HealthChanged => {
                let Some(contact) = self.0.contact_id else {
                    return Ok(None);
                };
                let key = HealthEntryOf {
                    contact,
                    as_of: self.0.at,
                    id: HealthEntryId(id),
                };
                let found = loader.load_one(key).await?;
                found.map(HealthEntry).map(S::HealthEntry)
            }
            TimelineKind::RuleFired => {
                let found = loader.load_one(FiringId(id)).await?;
                found.map(RuleFiring).map(S::RuleFiring)
            }
            TimelineKind::Order => {
                let found = loader.load_one(OrderId(id)).await?;
                found.map(Order).map(S::Order)
            }
            TimelineKind::Invoice => {
                let found = loader.load_one(InvoiceId(id)).await?;
                found.map(Invoice).map(S::Invoice)
            }
            TimelineKind::Ticket => {
                let found = loader.load_one(TicketId(id)).await?;
                found.map(Ticket).map(S::Ticket)
            }
            TimelineKind::Opportunity => {
                let found = loader.load_one(OpportunityId(id)).await?;
                found.map(Opportunity).map(S::Opportunity)
            }
            TimelineKind::SurveyAnswer => {
                let found = loader.load_one(SurveyAnswerId(id)).await?;
                found.map(SurveyAnswer).map(S::SurveyAnswer)
            }
            TimelineKind::SurveyInvited => {
                let found = loader.load_one(SurveyInvitationId(id)).await?;
                found.map(SurveyInvitation).map(S::SurveyInvitation)
            }
            TimelineKind::PlaybookEntered | TimelineKind::PlaybookLeft => {
                let found = loader.load_one(EnrolmentId(id)).await?;
                found.map(Enrolment).map(S::Enrolment)
            }
            TimelineKind::Note => {
                let found = loader.load_one(NoteId(id)).await?;
                found.map(Note).map(S::Note)
            }
            TimelineKind::StageChanged => {
                let found = loader.load_one(StageChangeId(id)).await?;
                found.map(StageChange).map(S::StageChange)
            }
        })
    }
}
