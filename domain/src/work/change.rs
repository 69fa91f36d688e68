//! The change log: what happened in a workspace, in order.

use chrono::{DateTime, Utc};
use entity::{
    id::{
        AccountId, AttributeId, AuditEntryId, CampaignId, ContactId, ConversationId, DeliveryId,
        DocumentId, EmailEventId, EnrolmentId, EventId, FiringId, HealthModelId,
        InAppNotificationId, InboxId, InvoiceId, MemberId, MergeId, MessageId, NoteId, OperationId,
        OpportunityId, OrderId, PlaybookId, RuleId, SegmentId, StageChangeId, SurveyAnswerId,
        SurveyId, SurveyInvitationId, SuspectId, TagGroupId, TagId, TaggingId, TargetId, TaskId,
        TeamId, TicketId, WorkspaceId,
    },
    kind::{
        Channel, ContactField, ConversationStatus, EmailEventKind, EnrolmentState, HealthBand,
        IdentityKind, InvoiceStatus, LifecycleStage, OpportunityStatus, OrderStatus, Priority,
        SubjectKind, SubscriptionState, SurveyKind, TagTarget, TicketPriority, TicketStatus,
    },
};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    access::Origin,
    store::{Query, Rows, dialect},
    subject::Subject,
};

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
    /// What happened to a contact follows it to another account. Told again as long as something
    /// may be left to follow.
    #[serde(rename = "contact.moved")]
    ContactMoved { contact_id: ContactId },
    /// An account was made.
    #[serde(rename = "account.created")]
    AccountCreated { account_id: AccountId },
    /// An account's own data changed.
    #[serde(rename = "account.changed")]
    AccountChanged { account_id: AccountId },
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
    /// A tag was created, renamed, moved, archived or restored.
    #[serde(rename = "tag.changed")]
    TagChanged { tag_id: TagId },
    /// A tag group was created, changed, reordered, archived or restored.
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
    /// A survey was answered, or something about the answer is new.
    #[serde(rename = "survey.answered")]
    SurveyAnswered {
        answer_id: SurveyAnswerId,
        account_id: Option<AccountId>,
        survey_key: String,
        survey: SurveyKind,
        score: i64,
        is_new: bool,
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
}

impl Fact {
    /// The fact's stored name, such as `message.received`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MessageReceived { .. } => "message.received",
            Self::MessageSent { .. } => "message.sent",
            Self::ContactCreated { .. } => "contact.created",
            Self::ContactChanged { .. } => "contact.changed",
            Self::ContactMoved { .. } => "contact.moved",
            Self::AccountCreated { .. } => "account.created",
            Self::AccountChanged { .. } => "account.changed",
            Self::ContactMerged { .. } => "contact.merged",
            Self::ContactUnmerged { .. } => "contact.unmerged",
            Self::ContactErased { .. } => "contact.erased",
            Self::IdentityAttached { .. } => "identity.attached",
            Self::IdentityDetached { .. } => "identity.detached",
            Self::DuplicateSuspected { .. } => "duplicate.suspected",
            Self::SubscriptionChanged { .. } => "subscription.changed",
            Self::StageChanged { .. } => "stage.changed",
            Self::OwnerChanged { .. } => "owner.changed",
            Self::NoteAdded { .. } => "note.added",
            Self::NoteChanged { .. } => "note.changed",
            Self::NoteDeleted { .. } => "note.deleted",
            Self::AttributeChanged { .. } => "attribute.changed",
            Self::AttributeSet { .. } => "attribute.set",
            Self::ConversationStatusChanged { .. } => "conversation.status_changed",
            Self::ConversationAssigned { .. } => "conversation.assigned",
            Self::ConversationPriorityChanged { .. } => "conversation.priority_changed",
            Self::ConversationWatchersChanged { .. } => "conversation.watchers_changed",
            Self::ConversationHandedOver { .. } => "conversation.handed_over",
            Self::TaggingAdded { .. } => "tagging.added",
            Self::TaggingRemoved { .. } => "tagging.removed",
            Self::TagChanged { .. } => "tag.changed",
            Self::TagGroupChanged { .. } => "tag_group.changed",
            Self::TagMerged { .. } => "tag.merged",
            Self::TagDeleted { .. } => "tag.deleted",
            Self::InboxChanged { .. } => "inbox.changed",
            Self::AuditWritten { .. } => "audit.written",
            Self::EventRecorded { .. } => "event.recorded",
            Self::EmailEventRecorded { .. } => "email_event.recorded",
            Self::EmailMetricsChanged { .. } => "email_metrics.changed",
            Self::OrderRecorded { .. } => "order.recorded",
            Self::InvoiceRecorded { .. } => "invoice.recorded",
            Self::TicketRecorded { .. } => "ticket.recorded",
            Self::OpportunityRecorded { .. } => "opportunity.recorded",
            Self::SurveyAnswered { .. } => "survey.answered",
            Self::SurveyChanged { .. } => "survey.changed",
            Self::SurveyInvited { .. } => "survey.invited",
            Self::RuleChanged { .. } => "rule.changed",
            Self::RuleFired { .. } => "rule.fired",
            Self::RulePaused { .. } => "rule.paused",
            Self::SegmentChanged { .. } => "segment.changed",
            Self::SegmentEntered { .. } => "segment.entered",
            Self::SegmentLeft { .. } => "segment.left",
            Self::TargetChanged { .. } => "target.changed",
            Self::DeliveryFinished { .. } => "delivery.finished",
            Self::InAppNotified { .. } => "in_app.notified",
            Self::TeamChanged { .. } => "team.changed",
            Self::OperationChanged { .. } => "operation.changed",
            Self::PlaybookChanged { .. } => "playbook.changed",
            Self::EnrolmentStarted { .. } => "enrolment.started",
            Self::EnrolmentEnded { .. } => "enrolment.ended",
            Self::TaskCreated { .. } => "task.created",
            Self::TaskChanged { .. } => "task.changed",
            Self::TaskCompleted { .. } => "task.completed",
            Self::TaskOverdue { .. } => "task.overdue",
            Self::DocumentRegistered { .. } => "document.registered",
            Self::DocumentRemoved { .. } => "document.removed",
            Self::HealthModelChanged { .. } => "health_model.changed",
            Self::HealthChanged { .. } => "health.changed",
        }
    }

    /// The id of the thing it is about, as stored.
    pub fn subject(&self) -> Uuid {
        match self {
            Self::MessageReceived { message_id, .. } | Self::MessageSent { message_id, .. } => {
                message_id.0
            }
            Self::ContactCreated { contact_id }
            | Self::ContactChanged { contact_id, .. }
            | Self::ContactMerged { contact_id, .. }
            | Self::ContactUnmerged { contact_id, .. }
            | Self::ContactErased { contact_id, .. }
            | Self::IdentityAttached { contact_id, .. }
            | Self::IdentityDetached { contact_id, .. }
            | Self::SubscriptionChanged { contact_id, .. }
            | Self::ContactMoved { contact_id }
            | Self::EmailMetricsChanged { contact_id, .. }
            | Self::HealthChanged { contact_id, .. } => contact_id.0,
            Self::AccountCreated { account_id } | Self::AccountChanged { account_id } => {
                account_id.0
            }
            Self::DuplicateSuspected { suspect_id, .. } => suspect_id.0,
            Self::StageChanged {
                stage_change_id, ..
            } => stage_change_id.0,
            Self::OwnerChanged { subject_id, .. } | Self::AttributeSet { subject_id, .. } => {
                *subject_id
            }
            Self::NoteAdded { note_id, .. }
            | Self::NoteChanged { note_id, .. }
            | Self::NoteDeleted { note_id, .. } => note_id.0,
            Self::AttributeChanged { attribute_id } => attribute_id.0,
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
            | Self::ConversationHandedOver { conversation_id } => conversation_id.0,
            Self::TaggingAdded { tagging_id, .. } | Self::TaggingRemoved { tagging_id, .. } => {
                tagging_id.0
            }
            Self::TagChanged { tag_id }
            | Self::TagMerged { tag_id, .. }
            | Self::TagDeleted { tag_id } => tag_id.0,
            Self::TagGroupChanged { group_id } => group_id.0,
            Self::InboxChanged { inbox_id } => inbox_id.0,
            Self::AuditWritten { audit_entry_id } => audit_entry_id.0,
            Self::EventRecorded { event_id, .. } => event_id.0,
            Self::EmailEventRecorded { email_event_id, .. } => email_event_id.0,
            Self::OrderRecorded { order_id, .. } => order_id.0,
            Self::InvoiceRecorded { invoice_id, .. } => invoice_id.0,
            Self::TicketRecorded { ticket_id, .. } => ticket_id.0,
            Self::OpportunityRecorded { opportunity_id, .. } => opportunity_id.0,
            Self::SurveyAnswered { answer_id, .. } => answer_id.0,
            Self::SurveyChanged { survey_id } => survey_id.0,
            Self::SurveyInvited { invitation_id, .. } => invitation_id.0,
            Self::RuleChanged { rule_id } | Self::RulePaused { rule_id, .. } => rule_id.0,
            Self::RuleFired { firing_id, .. } => firing_id.0,
            Self::SegmentChanged { segment_id }
            | Self::SegmentEntered { segment_id, .. }
            | Self::SegmentLeft { segment_id, .. } => segment_id.0,
            Self::TargetChanged { target_id } => target_id.0,
            Self::DeliveryFinished { delivery_id, .. } => delivery_id.0,
            Self::InAppNotified {
                in_app_notification_id,
                ..
            } => in_app_notification_id.0,
            Self::TeamChanged { team_id } => team_id.0,
            Self::OperationChanged { operation_id } => operation_id.0,
            Self::TaskCreated { task_id }
            | Self::TaskChanged { task_id }
            | Self::TaskCompleted { task_id }
            | Self::TaskOverdue { task_id } => task_id.0,
            Self::PlaybookChanged { playbook_id } => playbook_id.0,
            Self::EnrolmentStarted { enrolment_id, .. }
            | Self::EnrolmentEnded { enrolment_id, .. } => enrolment_id.0,
            Self::DocumentRegistered { document_id } | Self::DocumentRemoved { document_id } => {
                document_id.0
            }
            Self::HealthModelChanged { model_id } => model_id.0,
        }
    }

    /// How an outgoing id names the thing it is about: the prefixed text form.
    pub fn subject_text(&self) -> String {
        match self {
            Self::MessageReceived { message_id, .. } | Self::MessageSent { message_id, .. } => {
                message_id.to_string()
            }
            Self::ContactCreated { contact_id }
            | Self::ContactChanged { contact_id, .. }
            | Self::ContactMerged { contact_id, .. }
            | Self::ContactUnmerged { contact_id, .. }
            | Self::ContactErased { contact_id, .. }
            | Self::IdentityAttached { contact_id, .. }
            | Self::IdentityDetached { contact_id, .. }
            | Self::SubscriptionChanged { contact_id, .. }
            | Self::ContactMoved { contact_id }
            | Self::EmailMetricsChanged { contact_id, .. }
            | Self::HealthChanged { contact_id, .. } => contact_id.to_string(),
            Self::AccountCreated { account_id } | Self::AccountChanged { account_id } => {
                account_id.to_string()
            }
            Self::DuplicateSuspected { suspect_id, .. } => suspect_id.to_string(),
            Self::StageChanged {
                stage_change_id, ..
            } => stage_change_id.to_string(),
            Self::OwnerChanged {
                subject,
                subject_id,
                ..
            }
            | Self::AttributeSet {
                subject,
                subject_id,
                ..
            } => Subject::new(*subject, *subject_id).to_string(),
            Self::NoteAdded { note_id, .. }
            | Self::NoteChanged { note_id, .. }
            | Self::NoteDeleted { note_id, .. } => note_id.to_string(),
            Self::AttributeChanged { attribute_id } => attribute_id.to_string(),
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
            | Self::ConversationHandedOver { conversation_id } => conversation_id.to_string(),
            Self::TaggingAdded { tagging_id, .. } | Self::TaggingRemoved { tagging_id, .. } => {
                tagging_id.to_string()
            }
            Self::TagChanged { tag_id }
            | Self::TagMerged { tag_id, .. }
            | Self::TagDeleted { tag_id } => tag_id.to_string(),
            Self::TagGroupChanged { group_id } => group_id.to_string(),
            Self::InboxChanged { inbox_id } => inbox_id.to_string(),
            Self::AuditWritten { audit_entry_id } => audit_entry_id.to_string(),
            Self::EventRecorded { event_id, .. } => event_id.to_string(),
            Self::EmailEventRecorded { email_event_id, .. } => email_event_id.to_string(),
            Self::OrderRecorded { order_id, .. } => order_id.to_string(),
            Self::InvoiceRecorded { invoice_id, .. } => invoice_id.to_string(),
            Self::TicketRecorded { ticket_id, .. } => ticket_id.to_string(),
            Self::OpportunityRecorded { opportunity_id, .. } => opportunity_id.to_string(),
            Self::SurveyAnswered { answer_id, .. } => answer_id.to_string(),
            Self::SurveyChanged { survey_id } => survey_id.to_string(),
            Self::SurveyInvited { invitation_id, .. } => invitation_id.to_string(),
            Self::RuleChanged { rule_id } | Self::RulePaused { rule_id, .. } => rule_id.to_string(),
            Self::RuleFired { firing_id, .. } => firing_id.to_string(),
            Self::SegmentChanged { segment_id }
            | Self::SegmentEntered { segment_id, .. }
            | Self::SegmentLeft { segment_id, .. } => segment_id.to_string(),
            Self::TargetChanged { target_id } => target_id.to_string(),
            Self::DeliveryFinished { delivery_id, .. } => delivery_id.to_string(),
            Self::InAppNotified {
                in_app_notification_id,
                ..
            } => in_app_notification_id.to_string(),
            Self::TeamChanged { team_id } => team_id.to_string(),
            Self::OperationChanged { operation_id } => operation_id.to_string(),
            Self::TaskCreated { task_id }
            | Self::TaskChanged { task_id }
            | Self::TaskCompleted { task_id }
            | Self::TaskOverdue { task_id } => task_id.to_string(),
            Self::PlaybookChanged { playbook_id } => playbook_id.to_string(),
            Self::EnrolmentStarted { enrolment_id, .. }
            | Self::EnrolmentEnded { enrolment_id, .. } => enrolment_id.to_string(),
            Self::DocumentRegistered { document_id } | Self::DocumentRemoved { document_id } => {
                document_id.to_string()
            }
            Self::HealthModelChanged { model_id } => model_id.to_string(),
        }
    }
}

/// An entry about to be written.
#[derive(Debug, Clone)]
pub struct Change {
    /// What happened.
    pub fact: Fact,
    /// The contact it concerns, if it concerns one.
    pub contact: Option<ContactId>,
    /// Who did it.
    pub origin: Origin,
    /// 0 for what came from outside, one more than its cause for a consequence.
    pub depth: i64,
    /// Where the cascade it belongs to began; nothing for what came from outside.
    pub root: Option<Position>,
}

impl Change {
    /// Something that came from outside: a request, an import.
    pub fn new(origin: Origin, contact: Option<ContactId>, fact: Fact) -> Self {
        Self {
            fact,
            contact,
            origin,
            depth: 0,
            root: None,
        }
    }

    /// Something that followed from an entry of the log.
    pub fn caused(cause: &Entry, origin: Origin, contact: Option<ContactId>, fact: Fact) -> Self {
        Self {
            fact,
            contact,
            origin,
            depth: cause.depth + 1,
            root: Some(cause.root),
        }
    }
}

/// A place in the log: everything up to and including it has been read. Ordered like the log.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Position {
    /// The log's epoch and, on PostgreSQL, the writing transaction's number; see [`super::epoch`].
    pub tx: i64,
    /// The sequence number.
    pub seq: i64,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.tx, self.seq)
    }
}

impl std::str::FromStr for Position {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (tx, seq) = text.split_once('.').unwrap_or((text, ""));
        Ok(Self {
            tx: tx.parse()?,
            seq: seq.parse()?,
        })
    }
}

/// An entry of the log.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where it stands.
    pub position: Position,
    /// What happened.
    pub fact: Fact,
    /// The contact it concerns, if it concerns one.
    pub contact: Option<ContactId>,
    /// Who did it.
    pub origin: Origin,
    /// How many steps it is away from what came from outside.
    pub depth: i64,
    /// Where the cascade it belongs to began: its own place, if it came from outside.
    pub root: Position,
    /// When.
    pub at: DateTime<Utc>,
}

/// Appends `changes` in their order, in the transaction of `connection`.
pub(crate) async fn append(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    now: DateTime<Utc>,
    changes: &[Change],
) -> Result<(), DbErr> {
    let rows = Rows::new()
        .ints("n", 0..changes.len() as i64)
        .texts("kind", changes.iter().map(|change| change.fact.name()))
        .uuids(
            "subject_id",
            changes.iter().map(|change| change.fact.subject()),
        )
        .opt_ids("contact_id", changes.iter().map(|change| change.contact))
        .json("actor", changes.iter().map(|change| change.origin.json()))
        .ints("depth", changes.iter().map(|change| change.depth))
        .opt_ints(
            "root_tx",
            changes.iter().map(|change| change.root.map(|root| root.tx)),
        )
        .opt_ints(
            "root_seq",
            changes
                .iter()
                .map(|change| change.root.map(|root| root.seq)),
        )
        .json(
            "data",
            changes.iter().map(|change| serde_json::json!(change.fact)),
        );
    let log_tx = dialect::log_tx(connection.get_database_backend());
    Query::new(format!(
        "INSERT INTO change (tx, workspace_id, kind, subject_id, contact_id, actor, depth, root_tx,
                             root_seq, data, at)
         SELECT (SELECT {log_tx}), $1, r.kind, r.subject_id, r.contact_id, r.actor, r.depth,
                r.root_tx, r.root_seq, r.data, $2
         FROM {{r}} ORDER BY r.n"
    ))
    .bind(workspace)
    .bind(now)
    .rows("r", rows)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Row {
    tx: i64,
    seq: i64,
    contact_id: Option<ContactId>,
    actor: serde_json::Value,
    depth: i64,
    root_tx: Option<i64>,
    root_seq: Option<i64>,
    data: serde_json::Value,
    at: DateTime<Utc>,
}

/// An entry that cannot be read: written by a newer release, or damaged.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// Where it stands.
    pub position: Position,
    /// What it says, as stored.
    pub data: serde_json::Value,
    /// Why it cannot be read.
    pub error: String,
}

/// Reads up to `limit` entries after `after`, in order, as far as every transaction that could still
/// add an earlier one has ended.
pub async fn read(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    after: Position,
    limit: u64,
) -> Result<Vec<Result<Entry, Unreadable>>, DbErr> {
    let settled = dialect::settled(connection.get_database_backend());
    let rows: Vec<Row> = Query::new(format!(
        "SELECT tx, seq, contact_id, actor, depth, root_tx, root_seq, data, at FROM change
         WHERE workspace_id = $1 AND (tx, seq) > ($2, $3) AND {settled}
         ORDER BY tx, seq LIMIT $4"
    ))
    .bind(workspace)
    .bind(after.tx)
    .bind(after.seq)
    .bind(limit as i64)
    .all(connection)
    .await?;
    Ok(rows.into_iter().map(Row::decode).collect())
}

/// Reads up to `limit` entries of the named facts after `after` and up to `upto`, which must be
/// settled, in order.
pub(crate) async fn read_facts(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    after: Position,
    upto: Position,
    facts: &[&str],
    limit: i64,
) -> Result<Vec<Result<Entry, Unreadable>>, DbErr> {
    let rows: Vec<Row> = Query::new(
        "SELECT tx, seq, contact_id, actor, depth, root_tx, root_seq, data, at FROM change
         WHERE workspace_id = $1 AND (tx, seq) > ($2, $3) AND (tx, seq) <= ($4, $5)
           AND kind IN (SELECT r.kind FROM {r})
         ORDER BY tx, seq LIMIT $6",
    )
    .bind(workspace)
    .bind(after.tx)
    .bind(after.seq)
    .bind(upto.tx)
    .bind(upto.seq)
    .bind(limit)
    .rows("r", Rows::new().texts("kind", facts.iter().copied()))
    .all(connection)
    .await?;
    Ok(rows.into_iter().map(Row::decode).collect())
}

impl Row {
    fn decode(self) -> Result<Entry, Unreadable> {
        let position = Position {
            tx: self.tx,
            seq: self.seq,
        };
        let root = self.root_tx.zip(self.root_seq);
        let root = root.map_or(position, |(tx, seq)| Position { tx, seq });
        let decoded = serde_json::from_value(self.data.clone())
            .and_then(|fact| Ok((fact, serde_json::from_value(self.actor)?)));
        match decoded {
            Ok((fact, origin)) => Ok(Entry {
                position,
                fact,
                contact: self.contact_id,
                origin,
                depth: self.depth,
                root,
                at: self.at,
            }),
            Err(error) => Err(Unreadable {
                position,
                data: self.data,
                error: error.to_string(),
            }),
        }
    }
}

/// The end of the log: where a subscription that starts now begins.
pub async fn end(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<Position, DbErr> {
    let settled = dialect::settled(connection.get_database_backend());
    let row = Query::new(format!(
        "SELECT tx, seq FROM change WHERE workspace_id = $1 AND {settled}
         ORDER BY tx DESC, seq DESC LIMIT 1"
    ))
    .bind(workspace)
    .raw(connection)
    .await?;
    row.first().map_or(Ok(Position::default()), |row| {
        Ok(Position {
            tx: row.try_get_by_index(0)?,
            seq: row.try_get_by_index(1)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_facts_of_every_kind_keep_decoding() {
        let samples: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("samples/change.json")).unwrap();
        for sample in samples {
            let fact: Fact = serde_json::from_value(sample.clone()).unwrap();
            assert_eq!(sample["kind"], fact.name());
            assert_eq!(serde_json::json!(fact), sample);
        }
    }

    #[test]
    fn a_position_survives_its_text_form() {
        let position = Position { tx: 12, seq: 34 };
        assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        for text in ["", "1", "1.", ".1", "a.b", "1.2.3"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }
}
