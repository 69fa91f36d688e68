//! Everything that can happen, as it is stored. What a fact is called is in `kind`, what it is about in
//! `subject`.

use chrono::{DateTime, Utc};
use entity::{
    id::{
        AccountId, AttributeId, AuditEntryId, CampaignId, ContactId, ConversationId, DeliveryId,
        DocumentId, EmailEventId, EnrolmentId, EventId, FiringId, HealthModelId,
        InAppNotificationId, InboxId, InvoiceId, MemberId, MergeId, MessageId, NoteId, OperationId,
        OpportunityId, OrderId, PlaybookId, RuleId, SegmentId, StageChangeId, SurveyAnswerId,
        SurveyId, SurveyInvitationId, SuspectId, TagGroupId, TagId, TaggingId, TargetId, TaskId,
        TeamId, TicketId,
    },
    kind::{
        Channel, ContactField, ConversationStatus, EmailEventKind, EnrolmentState, FactKind,
        HealthBand, IdentityKind, InvoiceStatus, LifecycleStage, OpportunityStatus, OrderStatus,
        Priority, SubjectKind, SubscriptionState, SurveyKind, TagTarget, TicketPriority,
        TicketStatus,
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Something that happened. Stored as JSON for as long as the log is kept: variants and fields are
/// added, never renamed; `samples/change.json` holds one of each and must keep decoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
#[expect(
    missing_docs,
    reason = "the fields are the ids that the variant's sentence names"
)]
pub enum Fact {
    /// A contact wrote to us.
    #[serde(rename = "message.received")]
    MessageReceived {
        message_id: MessageId,
        conversation_id: ConversationId,
        inbox_id: InboxId,
        /// Whether the conversation began with it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        opened: bool,
    },
    /// We wrote to a contact.
    #[serde(rename = "message.sent")]
    MessageSent {
        message_id: MessageId,
        conversation_id: ConversationId,
        inbox_id: InboxId,
        /// Whether the conversation began with it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        opened: bool,
    },
    /// A contact came to be known.
    #[serde(rename = "contact.created")]
    ContactCreated { contact_id: ContactId },
    /// A contact's own data changed.
    #[serde(rename = "contact.changed")]
    ContactChanged {
        contact_id: ContactId,
        /// What of it; missing in entries of the first release.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fields: Vec<ContactField>,
        /// The account it was at before, if it left one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_account_id: Option<AccountId>,
    },
    /// A contact was active without an event or anything else of its own in the log: a tracking library said
    /// who they are.
    #[serde(rename = "contact.seen")]
    ContactSeen { contact_id: ContactId },
    /// What happened to a contact follows it to another account. Told again as long as something
    /// may be left to follow.
    #[serde(rename = "contact.moved")]
    ContactMoved {
        contact_id: ContactId,
        /// The accounts that facts were moved away from by the step that tells, and those they were
        /// moved to; missing in older entries.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        account_ids: Vec<AccountId>,
    },
    /// An account was made.
    #[serde(rename = "account.created")]
    AccountCreated { account_id: AccountId },
    /// An account's own data changed.
    #[serde(rename = "account.changed")]
    AccountChanged { account_id: AccountId },
    /// An account was put away.
    #[serde(rename = "account.archived")]
    AccountArchived { account_id: AccountId },
    /// An account that had been put away is back.
    #[serde(rename = "account.restored")]
    AccountRestored { account_id: AccountId },
    /// An account was deleted.
    #[serde(rename = "account.deleted")]
    AccountDeleted { account_id: AccountId },
    /// An account was merged into another.
    #[serde(rename = "account.merged")]
    AccountMerged {
        merge_id: MergeId,
        account_id: AccountId,
        loser_id: AccountId,
    },
    /// Two accounts that had been made one were taken apart.
    #[serde(rename = "account.unmerged")]
    AccountUnmerged {
        merge_id: MergeId,
        account_id: AccountId,
        loser_id: AccountId,
    },
    /// A contact was merged into another.
    #[serde(rename = "contact.merged")]
    ContactMerged {
        merge_id: MergeId,
        contact_id: ContactId,
        loser_id: ContactId,
    },
    /// Two contacts who had been made one were taken apart.
    #[serde(rename = "contact.unmerged")]
    ContactUnmerged {
        merge_id: MergeId,
        contact_id: ContactId,
        loser_id: ContactId,
    },
    /// A person was erased.
    #[serde(rename = "contact.erased")]
    ContactErased {
        contact_id: ContactId,
        /// The accounts the person was at.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        account_ids: Vec<AccountId>,
    },
    /// A contact is recognised in one more way.
    #[serde(rename = "identity.attached")]
    IdentityAttached {
        contact_id: ContactId,
        identity: IdentityKind,
    },
    /// A contact is no longer recognised in one way.
    #[serde(rename = "identity.detached")]
    IdentityDetached {
        contact_id: ContactId,
        identity: IdentityKind,
    },
    /// Two known contacts seem to be one person.
    #[serde(rename = "duplicate.suspected")]
    DuplicateSuspected {
        suspect_id: SuspectId,
        contact_id: ContactId,
        other_contact_id: ContactId,
    },
    /// A contact wants, or no longer wants, to hear from us.
    #[serde(rename = "subscription.changed")]
    SubscriptionChanged {
        contact_id: ContactId,
        channel: Channel,
        topic: String,
        state: SubscriptionState,
    },
    /// A contact or an account went from one lifecycle stage to another.
    #[serde(rename = "stage.changed")]
    StageChanged {
        stage_change_id: StageChangeId,
        subject: SubjectKind,
        subject_id: Uuid,
        from: Option<LifecycleStage>,
        to: Option<LifecycleStage>,
    },
    /// Another member looks after a contact or an account, or nobody does any more.
    #[serde(rename = "owner.changed")]
    OwnerChanged {
        subject: SubjectKind,
        subject_id: Uuid,
        from: Option<MemberId>,
        to: Option<MemberId>,
    },
    /// A note was written.
    #[serde(rename = "note.added")]
    NoteAdded {
        note_id: NoteId,
        subject: SubjectKind,
        subject_id: Uuid,
    },
    /// A note was rewritten.
    #[serde(rename = "note.changed")]
    NoteChanged {
        note_id: NoteId,
        subject: SubjectKind,
        subject_id: Uuid,
    },
    /// A note was deleted.
    #[serde(rename = "note.deleted")]
    NoteDeleted {
        note_id: NoteId,
        subject: SubjectKind,
        subject_id: Uuid,
    },
    /// A custom attribute was defined, changed, archived, restored or deleted.
    #[serde(rename = "attribute.changed")]
    AttributeChanged { attribute_id: AttributeId },
    /// A thing got, changed or lost the value of a custom attribute.
    #[serde(rename = "attribute.set")]
    AttributeSet {
        attribute_id: AttributeId,
        subject: SubjectKind,
        subject_id: Uuid,
        /// The value before and after, as [`crate::attribute::Value`] is stored; nothing for none,
        /// and in entries of the first release. Emptied when the person is erased.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<serde_json::Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<serde_json::Value>,
    },
    /// A conversation was closed, opened again, put aside or woken.
    #[serde(rename = "conversation.status_changed")]
    ConversationStatusChanged {
        conversation_id: ConversationId,
        /// Missing in entries of the first release.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<ConversationStatus>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<ConversationStatus>,
    },
    /// A conversation was given to a member, to another, or to nobody.
    #[serde(rename = "conversation.assigned")]
    ConversationAssigned {
        conversation_id: ConversationId,
        from: Option<MemberId>,
        to: Option<MemberId>,
    },
    /// A conversation became more or less urgent.
    #[serde(rename = "conversation.priority_changed")]
    ConversationPriorityChanged {
        conversation_id: ConversationId,
        from: Priority,
        to: Priority,
    },
    /// Members began or ceased to watch a conversation.
    #[serde(rename = "conversation.watchers_changed")]
    ConversationWatchersChanged {
        conversation_id: ConversationId,
        added: Vec<MemberId>,
        removed: Vec<MemberId>,
    },
    /// A conversation went over to another contact who wrote in it, because the one it was with is erased.
    #[serde(rename = "conversation.handed_over")]
    ConversationHandedOver { conversation_id: ConversationId },
    /// A contact has waited for an answer in a conversation for as long as some rule waits for. Told once for
    /// each wait and length.
    #[serde(rename = "conversation.waited")]
    ConversationWaited {
        conversation_id: ConversationId,
        /// When the first message without an answer was sent.
        waiting_since: DateTime<Utc>,
        minutes: i64,
        /// Whether the minutes are those of business hours.
        business_hours: bool,
    },
    /// A tag was put on something.
    #[serde(rename = "tagging.added")]
    TaggingAdded {
        tagging_id: TaggingId,
        tag_id: TagId,
        target: TagTarget,
        target_id: Uuid,
    },
    /// A tag was taken off something.
    #[serde(rename = "tagging.removed")]
    TaggingRemoved {
        tagging_id: TaggingId,
        tag_id: TagId,
        target: TagTarget,
        target_id: Uuid,
    },
    /// A tag that is on something goes on, until another moment or for good: the tagging is the new one.
    #[serde(rename = "tagging.renewed")]
    TaggingRenewed {
        tagging_id: TaggingId,
        tag_id: TagId,
        target: TagTarget,
        target_id: Uuid,
    },
    /// A tag was created, renamed, moved, archived or restored.
    #[serde(rename = "tag.changed")]
    TagChanged { tag_id: TagId },
    /// A tag group was created, changed, reordered, archived, restored or deleted.
    #[serde(rename = "tag_group.changed")]
    TagGroupChanged { group_id: TagGroupId },
    /// A tag was merged into another, with everything that named it.
    #[serde(rename = "tag.merged")]
    TagMerged { tag_id: TagId, into_id: TagId },
    /// A tag was deleted.
    #[serde(rename = "tag.deleted")]
    TagDeleted { tag_id: TagId },
    /// An inbox was created or changed.
    #[serde(rename = "inbox.changed")]
    InboxChanged { inbox_id: InboxId },
    /// Changes of the configuration or of people's data were entered in the audit log.
    #[serde(rename = "audit.written")]
    AuditWritten { audit_entry_id: AuditEntryId },
    /// A contact did something.
    #[serde(rename = "event.recorded")]
    EventRecorded {
        event_id: EventId,
        /// What the contact did; missing in entries of the first release.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// A provider told something about an email.
    #[serde(rename = "email_event.recorded")]
    EmailEventRecorded {
        email_event_id: EmailEventId,
        email_key: String,
        recipient: String,
        /// What happened to the email; missing in entries of the first release.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        event: Option<EmailEventKind>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        campaign_id: Option<CampaignId>,
    },
    /// A contact's email figures changed.
    #[serde(rename = "email_metrics.changed")]
    EmailMetricsChanged {
        contact_id: ContactId,
        campaign_id: Option<CampaignId>,
    },
    /// An order was told of for the first time, or something about it is new.
    #[serde(rename = "order.recorded")]
    OrderRecorded {
        order_id: OrderId,
        account_id: Option<AccountId>,
        status: OrderStatus,
        previous_status: Option<OrderStatus>,
    },
    /// An invoice was told of for the first time, or something about it is new.
    #[serde(rename = "invoice.recorded")]
    InvoiceRecorded {
        invoice_id: InvoiceId,
        account_id: Option<AccountId>,
        status: InvoiceStatus,
        previous_status: Option<InvoiceStatus>,
    },
    /// A ticket was told of for the first time, or something about it is new.
    #[serde(rename = "ticket.recorded")]
    TicketRecorded {
        ticket_id: TicketId,
        account_id: Option<AccountId>,
        status: TicketStatus,
        previous_status: Option<TicketStatus>,
        priority: TicketPriority,
    },
    /// An opportunity was told of for the first time, or something about it is new.
    #[serde(rename = "opportunity.recorded")]
    OpportunityRecorded {
        opportunity_id: OpportunityId,
        account_id: Option<AccountId>,
        status: OpportunityStatus,
        previous_status: Option<OpportunityStatus>,
    },
    /// An order, an invoice, a ticket or an opportunity was deleted.
    #[serde(rename = "fact.deleted")]
    FactDeleted {
        fact: FactKind,
        fact_id: Uuid,
        account_id: Option<AccountId>,
    },
    /// A survey was answered, or something about the answer is new.
    #[serde(rename = "survey.answered")]
    SurveyAnswered {
        answer_id: SurveyAnswerId,
        account_id: Option<AccountId>,
        survey_key: String,
        survey: SurveyKind,
        score: i64,
        is_new: bool,
        /// The score before, of an answer that was there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous_score: Option<i64>,
    },
    /// A survey was made, changed, archived or restored.
    #[serde(rename = "survey.changed")]
    SurveyChanged { survey_id: SurveyId },
    /// A contact was asked to answer a survey.
    #[serde(rename = "survey.invited")]
    SurveyInvited {
        invitation_id: SurveyInvitationId,
        survey_id: SurveyId,
    },
    /// A rule was created, changed, paused or deleted.
    #[serde(rename = "rule.changed")]
    RuleChanged { rule_id: RuleId },
    /// A rule matched something and its actions were taken.
    #[serde(rename = "rule.fired")]
    RuleFired {
        firing_id: FiringId,
        rule_id: RuleId,
        /// The message, if it was about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_id: Option<MessageId>,
    },
    /// A rule was paused because its actions failed again and again.
    #[serde(rename = "rule.paused")]
    RulePaused {
        rule_id: RuleId,
        /// How many firings in a row had failed.
        failures: i64,
    },
    /// A segment was created, changed, filled or deleted.
    #[serde(rename = "segment.changed")]
    SegmentChanged { segment_id: SegmentId },
    /// A contact or an account came into a segment.
    #[serde(rename = "segment.entered")]
    SegmentEntered {
        segment_id: SegmentId,
        subject: SubjectKind,
        subject_id: Uuid,
    },
    /// A contact or an account went out of a segment.
    #[serde(rename = "segment.left")]
    SegmentLeft {
        segment_id: SegmentId,
        subject: SubjectKind,
        subject_id: Uuid,
    },
    /// A notification target was created, changed or switched off.
    #[serde(rename = "target.changed")]
    TargetChanged { target_id: TargetId },
    /// A notification was delivered or given up.
    #[serde(rename = "delivery.finished")]
    DeliveryFinished {
        delivery_id: DeliveryId,
        delivered: bool,
    },
    /// A member has a new entry in the list of notifications.
    #[serde(rename = "in_app.notified")]
    InAppNotified {
        in_app_notification_id: InAppNotificationId,
        member_id: MemberId,
    },
    /// A team was created, renamed, given other members or deleted.
    #[serde(rename = "team.changed")]
    TeamChanged { team_id: TeamId },
    /// An operation was asked for, got further or came to an end.
    #[serde(rename = "operation.changed")]
    OperationChanged { operation_id: OperationId },
    /// A playbook was made, changed, published, paused, resumed or archived.
    #[serde(rename = "playbook.changed")]
    PlaybookChanged { playbook_id: PlaybookId },
    /// A contact was enrolled in a playbook.
    #[serde(rename = "enrolment.started")]
    EnrolmentStarted {
        enrolment_id: EnrolmentId,
        playbook_id: PlaybookId,
    },
    /// An enrolment in a playbook came to its end.
    #[serde(rename = "enrolment.ended")]
    EnrolmentEnded {
        enrolment_id: EnrolmentId,
        playbook_id: PlaybookId,
        state: EnrolmentState,
    },
    /// A task was made.
    #[serde(rename = "task.created")]
    TaskCreated { task_id: TaskId },
    /// A task was changed, given to somebody else, cancelled or opened again.
    #[serde(rename = "task.changed")]
    TaskChanged { task_id: TaskId },
    /// A task was done.
    #[serde(rename = "task.completed")]
    TaskCompleted { task_id: TaskId },
    /// The due moment of an open task has passed.
    #[serde(rename = "task.overdue")]
    TaskOverdue { task_id: TaskId },
    /// A GraphQL document was registered.
    #[serde(rename = "document.registered")]
    DocumentRegistered { document_id: DocumentId },
    /// A registered GraphQL document was removed.
    #[serde(rename = "document.removed")]
    DocumentRemoved { document_id: DocumentId },
    /// The health model changed; everybody's score will be recomputed.
    #[serde(rename = "health_model.changed")]
    HealthModelChanged { model_id: HealthModelId },
    /// A contact's health score changed.
    #[serde(rename = "health.changed")]
    HealthChanged {
        contact_id: ContactId,
        score: Option<f64>,
        previous_score: Option<f64>,
        band: HealthBand,
        previous_band: HealthBand,
    },
    /// The mean of the health scores of an account's people came to another whole number or another band.
    #[serde(rename = "account_health.changed")]
    AccountHealthChanged {
        account_id: AccountId,
        score: Option<f64>,
        previous_score: Option<f64>,
        band: HealthBand,
        previous_band: HealthBand,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_facts_of_every_kind_keep_decoding() {
        let samples: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../samples/change.json")).unwrap();
        for sample in samples {
            let fact: Fact = serde_json::from_value(sample.clone()).unwrap();
            assert_eq!(sample["kind"], fact.name());
            assert_eq!(serde_json::json!(fact), sample);
        }
    }
}
