//! The kinds of facts, what they are called, and what they tell. The table in `docs/api.md` says the same.

use super::fact::Fact;

macro_rules! kinds {
    ($($kind:ident = $name:literal, $tells:literal;)*) => {
        /// What kind of thing happened, without to whom: for those who ask about facts that have not
        /// happened yet.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum FactKind {
            $(#[doc = $tells] $kind,)*
        }

        impl FactKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The stored name, such as `message.received`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// What has happened, in a sentence for those who use the API.
            pub fn tells(self) -> &'static str {
                match self {
                    $(Self::$kind => $tells,)*
                }
            }
        }

        impl Fact {
            /// What kind of thing happened.
            pub fn kind(&self) -> FactKind {
                match self {
                    $(Self::$kind { .. } => FactKind::$kind,)*
                }
            }
        }
    };
}

kinds! {
    MessageReceived = "message.received", "A contact wrote to us.";
    MessageSent = "message.sent", "We wrote to a contact.";
    ContactCreated = "contact.created", "A contact came to be known.";
    ContactChanged = "contact.changed", "A contact's own data changed.";
    ContactSeen = "contact.seen", "A contact was active by a call of a tracking library that is no event: identify, group or alias.";
    ContactMoved = "contact.moved", "What happened to a contact follows it to another account; told again until all of it is there.";
    AccountCreated = "account.created", "An account was made.";
    AccountChanged = "account.changed", "An account's own data changed.";
    AccountArchived = "account.archived", "An account was archived: it is in no list by default, and in no live segment.";
    AccountRestored = "account.restored", "An archived account was restored.";
    AccountDeleted = "account.deleted", "An account was deleted; its people are at no account any more.";
    AccountMerged = "account.merged", "An account was merged into another, which is the subject.";
    AccountUnmerged = "account.unmerged", "Two accounts that had been made one were taken apart.";
    ContactMerged = "contact.merged", "A contact was merged into another, who is the subject.";
    ContactUnmerged = "contact.unmerged", "Two contacts who had been made one were taken apart.";
    ContactErased = "contact.erased", "A person was erased.";
    IdentityAttached = "identity.attached", "A contact is recognised in one more way.";
    IdentityDetached = "identity.detached", "A contact is no longer recognised in one way.";
    DuplicateSuspected = "duplicate.suspected", "Two known contacts seem to be one person.";
    SubscriptionChanged = "subscription.changed", "A contact wants, or no longer wants, to hear from us.";
    StageChanged = "stage.changed", "A contact or an account went from one lifecycle stage to another.";
    OwnerChanged = "owner.changed", "Another member looks after a contact or an account, or nobody does any more.";
    NoteAdded = "note.added", "A note was written.";
    NoteChanged = "note.changed", "A note was rewritten.";
    NoteDeleted = "note.deleted", "A note was deleted.";
    AttributeChanged = "attribute.changed", "A custom attribute was defined, changed, archived, restored or deleted.";
    AttributeSet = "attribute.set", "A thing got, changed or lost the value of a custom attribute.";
    ConversationStatusChanged = "conversation.status_changed", "A conversation was closed, opened again, put aside or woken.";
    ConversationAssigned = "conversation.assigned", "A conversation was given to a member, to another, or to nobody.";
    ConversationPriorityChanged = "conversation.priority_changed", "A conversation became more or less urgent.";
    ConversationWatchersChanged = "conversation.watchers_changed", "Members began or ceased to watch a conversation.";
    ConversationHandedOver = "conversation.handed_over", "A conversation went over to another contact who wrote in it, because the one it was with is erased.";
    ConversationWaited = "conversation.waited", "A contact has waited for an answer in a conversation for as long as some rule waits for.";
    TaggingAdded = "tagging.added", "A tag was put on something.";
    TaggingRemoved = "tagging.removed", "A tag was taken off something.";
    TaggingRenewed = "tagging.renewed", "A tag that is on something goes on, until another moment or for good.";
    TagChanged = "tag.changed", "A tag was created, renamed, moved, archived or restored.";
    TagGroupChanged = "tag_group.changed", "A tag group was created, changed, reordered, archived, restored or deleted.";
    TagMerged = "tag.merged", "A tag was merged into another, with everything that named it.";
    TagDeleted = "tag.deleted", "A tag was deleted.";
    InboxChanged = "inbox.changed", "An inbox was created or changed.";
    AuditWritten = "audit.written", "Changes of the configuration or of people's data were entered in the audit log.";
    EventRecorded = "event.recorded", "A contact did something.";
    EmailEventRecorded = "email_event.recorded", "A provider told something about an email.";
    EmailMetricsChanged = "email_metrics.changed", "A contact's email figures changed.";
    OrderRecorded = "order.recorded", "An order was told of for the first time, or something about it is new.";
    InvoiceRecorded = "invoice.recorded", "An invoice was told of for the first time, or something about it is new.";
    TicketRecorded = "ticket.recorded", "A ticket was told of for the first time, or something about it is new.";
    OpportunityRecorded = "opportunity.recorded", "An opportunity was told of for the first time, or something about it is new.";
    FactDeleted = "fact.deleted", "An order, an invoice, a ticket or an opportunity was deleted.";
    SurveyAnswered = "survey.answered", "A survey was answered, or something about the answer is new.";
    SurveyChanged = "survey.changed", "A survey was made, changed, archived or restored.";
    SurveyInvited = "survey.invited", "A contact was asked to answer a survey.";
    RuleChanged = "rule.changed", "A rule was created, changed, paused or deleted.";
    RuleFired = "rule.fired", "A rule matched something and its actions were taken.";
    RulePaused = "rule.paused", "A rule was paused because its actions failed again and again.";
    SegmentChanged = "segment.changed", "A segment was created, changed, filled or deleted.";
    SegmentEntered = "segment.entered", "A contact or an account came into a segment.";
    SegmentLeft = "segment.left", "A contact or an account went out of a segment.";
    TargetChanged = "target.changed", "A notification target was created, changed or switched off.";
    DeliveryFinished = "delivery.finished", "A notification was delivered or given up.";
    InAppNotified = "in_app.notified", "A member has a new entry in the list of notifications.";
    TeamChanged = "team.changed", "A team was created, renamed, given other members or deleted.";
    OperationChanged = "operation.changed", "An operation was asked for, got further or came to an end.";
    PlaybookChanged = "playbook.changed", "A playbook was made, changed, published, paused, resumed or archived.";
    EnrolmentStarted = "enrolment.started", "A contact was enrolled in a playbook.";
    EnrolmentEnded = "enrolment.ended", "An enrolment in a playbook came to its end.";
    TaskCreated = "task.created", "A task was made.";
    TaskChanged = "task.changed", "A task was changed, given to somebody else, cancelled or opened again.";
    TaskCompleted = "task.completed", "A task was done.";
    TaskOverdue = "task.overdue", "The due moment of an open task has passed.";
    DocumentRegistered = "document.registered", "A GraphQL document was registered.";
    DocumentRemoved = "document.removed", "A registered GraphQL document was removed.";
    HealthModelChanged = "health_model.changed", "The health model changed; everybody's score will be recomputed.";
    HealthChanged = "health.changed", "A contact's health score changed.";
    AccountHealthChanged = "account_health.changed", "The mean health of an account's people came to another whole number or another band.";
}

impl FactKind {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the table for those who use the API, in columns: between the bars stand the name,
    /// what has happened, and what the id of the subject begins with.
    fn documented() -> Vec<Vec<&'static str>> {
        let lines = include_str!("../../../../docs/api.md").lines();
        let rows = lines
            .skip_while(|line| !line.starts_with("| `kind` |"))
            .skip(2)
            .take_while(|line| line.starts_with('|'));
        rows.map(|line| line.split('|').map(str::trim).collect())
            .collect()
    }

    #[test]
    fn the_documentation_has_every_kind_and_no_other() {
        let rows = documented();
        let said: Vec<(String, &str)> = rows
            .iter()
            .map(|row| (row[1].replace('`', ""), row[2]))
            .collect();
        let known: Vec<(String, &str)> = FactKind::ALL
            .iter()
            .map(|kind| (kind.name().to_owned(), kind.tells()))
            .collect();
        assert_eq!(said, known);
    }

    #[test]
    fn the_documentation_says_what_each_kind_is_about() {
        let rows = documented();
        let samples: Vec<Fact> =
            serde_json::from_str(include_str!("../samples/change.json")).unwrap();
        for fact in samples {
            let name = format!("`{}`", fact.name());
            let row = rows.iter().find(|row| row[1] == name).unwrap();
            let subject = fact.subject_text();
            let (prefix, _) = subject.split_once('_').unwrap();
            let mut prefixes = row[3].split(", ");
            assert!(prefixes.any(|one| one == prefix), "{name}: {subject}");
        }
    }
}
