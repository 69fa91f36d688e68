//! What a fact is about.

use entity::{
    id::{AccountId, ContactId, ConversationId, Id},
    kind::{SubjectKind, TagTarget},
};
use uuid::Uuid;

use super::fact::Fact;
use crate::fact::delete::prefix;

impl Fact {
    /// The id of the thing it is about, as stored.
    pub fn subject(&self) -> Uuid {
        self.about().1
    }

    /// How an outgoing id names the thing it is about: the prefixed text form.
    pub fn subject_text(&self) -> String {
        let (prefix, id) = self.about();
        format!("{prefix}_{}", id.as_simple())
    }

    /// The account it concerns, where the fact itself says so.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::AccountCreated { account_id }
            | Self::AccountChanged { account_id }
            | Self::AccountArchived { account_id }
            | Self::AccountRestored { account_id }
            | Self::AccountDeleted { account_id }
            | Self::AccountMerged { account_id, .. }
            | Self::AccountUnmerged { account_id, .. }
            | Self::AccountHealthChanged { account_id, .. } => Some(*account_id),
            Self::OrderRecorded { account_id, .. }
            | Self::InvoiceRecorded { account_id, .. }
            | Self::TicketRecorded { account_id, .. }
            | Self::OpportunityRecorded { account_id, .. }
            | Self::FactDeleted { account_id, .. }
            | Self::SurveyAnswered { account_id, .. } => *account_id,
            _ => self.happened_to(SubjectKind::Account).map(AccountId),
        }
    }

    /// The conversation it concerns, where the fact itself says so.
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::MessageReceived {
                conversation_id, ..
            }
            | Self::MessageSent {
                conversation_id, ..
            }
            | Self::ConversationStatusChanged {
                conversation_id, ..
            }
            | Self::ConversationAssigned {
                conversation_id, ..
            }
            | Self::ConversationPriorityChanged {
                conversation_id, ..
            }
            | Self::ConversationWatchersChanged {
                conversation_id, ..
            }
            | Self::ConversationHandedOver { conversation_id }
            | Self::ConversationWaited {
                conversation_id, ..
            } => Some(*conversation_id),
            _ => self
                .happened_to(SubjectKind::Conversation)
                .map(ConversationId),
        }
    }

    /// The thing of this kind that got or lost something: a stage, an owner, a note, a value, a tag,
    /// a place in a segment.
    fn happened_to(&self, wanted: SubjectKind) -> Option<Uuid> {
        let (kind, id) = match self {
            Self::StageChanged {
                subject,
                subject_id,
                ..
            }
            | Self::OwnerChanged {
                subject,
                subject_id,
                ..
            }
            | Self::NoteAdded {
                subject,
                subject_id,
                ..
            }
            | Self::NoteChanged {
                subject,
                subject_id,
                ..
            }
            | Self::NoteDeleted {
                subject,
                subject_id,
                ..
            }
            | Self::AttributeSet {
                subject,
                subject_id,
                ..
            }
            | Self::SegmentEntered {
                subject,
                subject_id,
                ..
            }
            | Self::SegmentLeft {
                subject,
                subject_id,
                ..
            } => (*subject, *subject_id),
            Self::TaggingAdded {
                target, target_id, ..
            }
            | Self::TaggingRemoved {
                target, target_id, ..
            }
            | Self::TaggingRenewed {
                target, target_id, ..
            } => {
                let kind = match target {
                    TagTarget::Contact => SubjectKind::Contact,
                    TagTarget::Account => SubjectKind::Account,
                    TagTarget::Conversation => SubjectKind::Conversation,
                };
                (kind, *target_id)
            }
            _ => return None,
        };
        (kind == wanted).then_some(id)
    }

    /// The thing it is about: what ids of its kind begin with, and its id.
    fn about(&self) -> (&'static str, Uuid) {
        match self {
            Self::MessageReceived { message_id, .. } | Self::MessageSent { message_id, .. } => {
                of(*message_id)
            }
            Self::ContactCreated { contact_id }
            | Self::ContactChanged { contact_id, .. }
            | Self::ContactSeen { contact_id }
            | Self::ContactMerged { contact_id, .. }
            | Self::ContactUnmerged { contact_id, .. }
            | Self::ContactErased { contact_id, .. }
            | Self::IdentityAttached { contact_id, .. }
            | Self::IdentityDetached { contact_id, .. }
            | Self::SubscriptionChanged { contact_id, .. }
            | Self::ContactMoved { contact_id, .. }
            | Self::EmailMetricsChanged { contact_id, .. }
            | Self::HealthChanged { contact_id, .. } => of(*contact_id),
            Self::AccountCreated { account_id }
            | Self::AccountChanged { account_id }
            | Self::AccountArchived { account_id }
            | Self::AccountRestored { account_id }
            | Self::AccountDeleted { account_id }
            | Self::AccountMerged { account_id, .. }
            | Self::AccountUnmerged { account_id, .. }
            | Self::AccountHealthChanged { account_id, .. } => of(*account_id),
            Self::DuplicateSuspected { suspect_id, .. } => of(*suspect_id),
            // The step itself is shown by the history of whoever took it, and has no id outside.
            Self::StageChanged {
                subject,
                subject_id,
                ..
            }
            | Self::OwnerChanged {
                subject,
                subject_id,
                ..
            }
            | Self::AttributeSet {
                subject,
                subject_id,
                ..
            } => match subject {
                SubjectKind::Contact => of(ContactId(*subject_id)),
                SubjectKind::Account => of(AccountId(*subject_id)),
                SubjectKind::Conversation => of(ConversationId(*subject_id)),
            },
            Self::NoteAdded { note_id, .. }
            | Self::NoteChanged { note_id, .. }
            | Self::NoteDeleted { note_id, .. } => of(*note_id),
            Self::AttributeChanged { attribute_id } => of(*attribute_id),
            Self::ConversationStatusChanged {
                conversation_id, ..
            }
            | Self::ConversationAssigned {
                conversation_id, ..
            }
            | Self::ConversationPriorityChanged {
                conversation_id, ..
            }
            | Self::ConversationWatchersChanged {
                conversation_id, ..
            }
            | Self::ConversationHandedOver { conversation_id }
            | Self::ConversationWaited {
                conversation_id, ..
            } => of(*conversation_id),
            Self::TaggingAdded { tagging_id, .. }
            | Self::TaggingRemoved { tagging_id, .. }
            | Self::TaggingRenewed { tagging_id, .. } => of(*tagging_id),
            Self::TagChanged { tag_id }
            | Self::TagMerged { tag_id, .. }
            | Self::TagDeleted { tag_id } => of(*tag_id),
            Self::TagGroupChanged { group_id } => of(*group_id),
            Self::InboxChanged { inbox_id } => of(*inbox_id),
            Self::AuditWritten { audit_entry_id } => of(*audit_entry_id),
            Self::EventRecorded { event_id, .. } => of(*event_id),
            Self::EmailEventRecorded { email_event_id, .. } => of(*email_event_id),
            Self::OrderRecorded { order_id, .. } => of(*order_id),
            Self::InvoiceRecorded { invoice_id, .. } => of(*invoice_id),
            Self::TicketRecorded { ticket_id, .. } => of(*ticket_id),
            Self::OpportunityRecorded { opportunity_id, .. } => of(*opportunity_id),
            Self::FactDeleted { fact, fact_id, .. } => (prefix(*fact), *fact_id),
            Self::SurveyAnswered { answer_id, .. } => of(*answer_id),
            Self::SurveyChanged { survey_id } => of(*survey_id),
            Self::SurveyInvited { invitation_id, .. } => of(*invitation_id),
            Self::RuleChanged { rule_id } | Self::RulePaused { rule_id, .. } => of(*rule_id),
            Self::RuleFired { firing_id, .. } => of(*firing_id),
            Self::SegmentChanged { segment_id }
            | Self::SegmentEntered { segment_id, .. }
            | Self::SegmentLeft { segment_id, .. } => of(*segment_id),
            Self::TargetChanged { target_id } => of(*target_id),
            Self::DeliveryFinished { delivery_id, .. } => of(*delivery_id),
            Self::InAppNotified {
                in_app_notification_id,
                ..
            } => of(*in_app_notification_id),
            Self::TeamChanged { team_id } => of(*team_id),
            Self::OperationChanged { operation_id } => of(*operation_id),
            Self::TaskCreated { task_id }
            | Self::TaskChanged { task_id }
            | Self::TaskCompleted { task_id }
            | Self::TaskOverdue { task_id } => of(*task_id),
            Self::PlaybookChanged { playbook_id } => of(*playbook_id),
            Self::EnrolmentStarted { enrolment_id, .. }
            | Self::EnrolmentEnded { enrolment_id, .. } => of(*enrolment_id),
            Self::DocumentRegistered { document_id } | Self::DocumentRemoved { document_id } => {
                of(*document_id)
            }
            Self::HealthModelChanged { model_id } => of(*model_id),
        }
    }
}

fn of<I: Id>(id: I) -> (&'static str, Uuid) {
    (I::PREFIX, id.uuid())
}

#[cfg(test)]
mod tests {
    use entity::id::PREFIXES;

    use super::*;

    #[test]
    fn the_text_names_the_id_that_is_stored_and_its_kind() {
        let samples: Vec<Fact> =
            serde_json::from_str(include_str!("../samples/change.json")).unwrap();
        for fact in samples {
            let text = fact.subject_text();
            let (prefix, id) = text.split_once('_').unwrap();
            assert!(PREFIXES.contains(&prefix), "{text}");
            assert_eq!(id.parse(), Ok(fact.subject()), "{text}");
        }
    }

    #[test]
    fn whoever_takes_a_step_is_its_subject_also_in_what_was_stored_before() {
        let stored = serde_json::json!({
            "kind": "stage.changed",
            "stage_change_id": "stagechange_01900000000070008000000000000001",
            "subject": "ACCOUNT",
            "subject_id": "01900000-0000-7000-8000-000000000009",
            "from": null,
            "to": "LEAD",
        });
        let fact: Fact = serde_json::from_value(stored).unwrap();
        let account = fact.account().unwrap();
        assert_eq!(fact.subject_text(), account.to_string());
        assert_eq!(fact.conversation(), None);
    }

    #[test]
    fn a_fact_says_which_account_and_conversation_it_concerns() {
        let id = Uuid::from_u128(9);
        let tagged = |target| Fact::TaggingAdded {
            tagging_id: Uuid::from_u128(1).into(),
            tag_id: Uuid::from_u128(2).into(),
            target,
            target_id: id,
        };
        let concerned = |fact: &Fact| (fact.account(), fact.conversation());
        let contact = tagged(TagTarget::Contact);
        assert_eq!(concerned(&contact), (None, None));
        let account = tagged(TagTarget::Account);
        assert_eq!(concerned(&account), (Some(AccountId(id)), None));
        let conversation = tagged(TagTarget::Conversation);
        assert_eq!(concerned(&conversation), (None, Some(ConversationId(id))));
        let sent = Fact::MessageSent {
            message_id: Uuid::from_u128(1).into(),
            conversation_id: ConversationId(id),
            inbox_id: Uuid::from_u128(2).into(),
            opened: false,
        };
        assert_eq!(concerned(&sent), (None, Some(ConversationId(id))));
        let entered = Fact::SegmentEntered {
            segment_id: Uuid::from_u128(1).into(),
            subject: SubjectKind::Account,
            subject_id: id,
        };
        assert_eq!(concerned(&entered), (Some(AccountId(id)), None));
    }
}
