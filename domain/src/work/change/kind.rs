//! The kinds of facts and what they are called.

use super::fact::Fact;

macro_rules! kinds {
    ($($kind:ident = $name:literal,)*) => {
        /// What kind of thing happened, without to whom: for those who ask about facts that have not
        /// happened yet.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum FactKind {
            $($kind,)*
        }

        impl FactKind {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The stored name, such as `message.received`.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }

        impl Fact {
            pub(crate) fn kind(&self) -> FactKind {
                match self {
                    $(Self::$kind { .. } => FactKind::$kind,)*
                }
            }
        }
    };
}

kinds! {
    MessageReceived = "message.received",
    MessageSent = "message.sent",
    ContactCreated = "contact.created",
    ContactChanged = "contact.changed",
    ContactMoved = "contact.moved",
    AccountCreated = "account.created",
    AccountChanged = "account.changed",
    ContactMerged = "contact.merged",
    ContactUnmerged = "contact.unmerged",
    ContactErased = "contact.erased",
    IdentityAttached = "identity.attached",
    IdentityDetached = "identity.detached",
    DuplicateSuspected = "duplicate.suspected",
    SubscriptionChanged = "subscription.changed",
    StageChanged = "stage.changed",
    OwnerChanged = "owner.changed",
    NoteAdded = "note.added",
    NoteChanged = "note.changed",
    NoteDeleted = "note.deleted",
    AttributeChanged = "attribute.changed",
    AttributeSet = "attribute.set",
    ConversationStatusChanged = "conversation.status_changed",
    ConversationAssigned = "conversation.assigned",
    ConversationPriorityChanged = "conversation.priority_changed",
    ConversationWatchersChanged = "conversation.watchers_changed",
    ConversationHandedOver = "conversation.handed_over",
    TaggingAdded = "tagging.added",
    TaggingRemoved = "tagging.removed",
    TagChanged = "tag.changed",
    TagGroupChanged = "tag_group.changed",
    TagMerged = "tag.merged",
    TagDeleted = "tag.deleted",
    InboxChanged = "inbox.changed",
    AuditWritten = "audit.written",
    EventRecorded = "event.recorded",
    EmailEventRecorded = "email_event.recorded",
    EmailMetricsChanged = "email_metrics.changed",
    OrderRecorded = "order.recorded",
    InvoiceRecorded = "invoice.recorded",
    TicketRecorded = "ticket.recorded",
    OpportunityRecorded = "opportunity.recorded",
    SurveyAnswered = "survey.answered",
    SurveyChanged = "survey.changed",
    SurveyInvited = "survey.invited",
    RuleChanged = "rule.changed",
    RuleFired = "rule.fired",
    RulePaused = "rule.paused",
    SegmentChanged = "segment.changed",
    SegmentEntered = "segment.entered",
    SegmentLeft = "segment.left",
    TargetChanged = "target.changed",
    DeliveryFinished = "delivery.finished",
    InAppNotified = "in_app.notified",
    TeamChanged = "team.changed",
    OperationChanged = "operation.changed",
    PlaybookChanged = "playbook.changed",
    EnrolmentStarted = "enrolment.started",
    EnrolmentEnded = "enrolment.ended",
    TaskCreated = "task.created",
    TaskChanged = "task.changed",
    TaskCompleted = "task.completed",
    TaskOverdue = "task.overdue",
    DocumentRegistered = "document.registered",
    DocumentRemoved = "document.removed",
    HealthModelChanged = "health_model.changed",
    HealthChanged = "health.changed",
}

impl FactKind {
    /// The kind of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|kind| kind.name() == name)
    }
}

impl Fact {
    /// The fact's stored name, such as `message.received`.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }
}
