//! Which facts of the change log can change the answers of conditions: said once, for all who wait
//! for that. Segments judge whom it happened to anew, playbooks bring enrolments forward
//! (`playbook::hear`), and each measure says which of these it depends on.
//!
//! The match names every kind of fact, so that none is forgotten. What follows from a fact is decided
//! by those who ask, by the state of the database.

use crate::work::change::FactKind;

/// What a fact means to conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearing {
    /// It can change an answer about the contact it happened to. The number is its bit in the
    /// enrolments that wait for it: it is stored there, so it is never changed, nor given again.
    Answer(u32),
    /// The same; but events are told apart by their names.
    Event,
    /// Two became one, or one two: any answer about them may be another.
    Identity,
    /// It happened to an account, or somebody came or went: who is in a segment can change by it, but
    /// no answer for which a contact waits.
    Membership,
    /// No answer changes by it.
    Nothing,
}

/// What this kind of fact means to conditions.
pub(crate) fn bearing(kind: FactKind) -> Bearing {
    use FactKind as K;
    match kind {
        K::AttributeChanged => Bearing::Answer(0),
        K::AttributeSet => Bearing::Answer(1),
        K::ContactChanged => Bearing::Answer(2),
        K::ContactMoved => Bearing::Answer(3),
        K::ConversationAssigned => Bearing::Answer(4),
        K::ConversationPriorityChanged => Bearing::Answer(5),
        K::ConversationStatusChanged => Bearing::Answer(6),
        K::EmailEventRecorded => Bearing::Answer(7),
        K::EmailMetricsChanged => Bearing::Answer(8),
        K::HealthChanged => Bearing::Answer(9),
        K::IdentityAttached => Bearing::Answer(10),
        K::IdentityDetached => Bearing::Answer(11),
        K::InvoiceRecorded => Bearing::Answer(12),
        K::MessageReceived => Bearing::Answer(13),
        K::MessageSent => Bearing::Answer(14),
        K::OpportunityRecorded => Bearing::Answer(15),
        K::OrderRecorded => Bearing::Answer(16),
        K::OwnerChanged => Bearing::Answer(17),
        K::SegmentEntered => Bearing::Answer(18),
        K::SegmentLeft => Bearing::Answer(19),
        K::StageChanged => Bearing::Answer(20),
        K::SubscriptionChanged => Bearing::Answer(21),
        K::SurveyAnswered => Bearing::Answer(22),
        K::TagChanged => Bearing::Answer(23),
        K::TagDeleted => Bearing::Answer(24),
        K::TagMerged => Bearing::Answer(25),
        K::TagGroupChanged => Bearing::Answer(26),
        K::TaggingAdded => Bearing::Answer(27),
        K::TaggingRemoved => Bearing::Answer(28),
        K::TicketRecorded => Bearing::Answer(29),
        K::FactDeleted => Bearing::Answer(30),
        K::ContactSeen => Bearing::Answer(31),
        K::EventRecorded => Bearing::Event,
        K::ContactMerged | K::ContactUnmerged => Bearing::Identity,
        K::AccountArchived
        | K::AccountChanged
        | K::AccountCreated
        | K::AccountDeleted
        | K::AccountMerged
        | K::AccountRestored
        | K::AccountUnmerged
        | K::ContactCreated
        | K::ContactErased => Bearing::Membership,
        K::DuplicateSuspected
        | K::NoteAdded
        | K::NoteChanged
        | K::NoteDeleted
        | K::TaggingRenewed
        | K::ConversationWatchersChanged
        | K::ConversationHandedOver
        | K::ConversationWaited
        | K::InboxChanged
        | K::AuditWritten
        | K::SurveyChanged
        | K::SurveyInvited
        | K::RuleChanged
        | K::RuleFired
        | K::RulePaused
        | K::SegmentChanged
        | K::TargetChanged
        | K::DeliveryFinished
        | K::InAppNotified
        | K::TeamChanged
        | K::OperationChanged
        | K::PlaybookChanged
        | K::EnrolmentStarted
        | K::EnrolmentEnded
        | K::TaskCreated
        | K::TaskChanged
        | K::TaskCompleted
        | K::TaskOverdue
        | K::DocumentRegistered
        | K::DocumentRemoved
        | K::HealthModelChanged
        // The changes of the people it follows from have been told.
        | K::AccountHealthChanged => Bearing::Nothing,
    }
}

/// The stored names of the facts that are wanted by what they mean.
pub(crate) fn names(wanted: impl Fn(Bearing) -> bool) -> Vec<&'static str> {
    let kinds = FactKind::ALL.iter().copied();
    kinds
        .filter(|kind| wanted(bearing(*kind)))
        .map(FactKind::name)
        .collect()
}
