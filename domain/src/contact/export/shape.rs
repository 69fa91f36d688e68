//! What the columns of tables about a person hold, so that they can be shown as the API shows them.
//!
//! By the name of the column, which means the same wherever it occurs, with exceptions by table. A test
//! holds that every column of every table that is exported has its line.

use entity::id::{
    AccountId, AttemptId, AttributeId, CampaignId, ContactId, ConversationId, ConversationStepId,
    DeliveryId, EmailEventId, EnrolmentId, EventId, FiringId, HealthEntryId, Id,
    InAppNotificationId, InboxId, InvoiceId, MemberId, MergeId, MessageId, MissId, NoteId,
    OpportunityId, OrderId, OwnerChangeId, PlaybookId, RuleId, SegmentId, SegmentMoveId,
    StageChangeId, SubscriptionChangeId, SurveyAnswerId, SurveyAttemptId, SurveyId,
    SurveyInvitationId, SuspectId, TagGroupId, TagId, TaggingId, TargetId, TaskId, TeamId,
    TicketId, TrackedLinkId,
};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// What only we have a use for: orders of lists, leases, hashes, secrets. It is left out.
    Hidden,
    /// A text, a day or a number.
    Plain,
    /// Yes or no.
    Flag,
    /// A moment.
    Moment,
    /// JSON that others wrote, or that is shown just as it is.
    Json,
    /// JSON that we wrote, which names things by their ids.
    Told,
    /// The id of a thing, by the prefix of its kind.
    Id(&'static str),
    /// The id of the person, or else of one of their conversations.
    Whose,
    /// An amount of the row's currency, in its minor unit.
    Money,
    /// Bits of what makes two seem to be one (`crate::suspect::reasons`).
    Reasons,
}

/// What the column of a table holds; nothing for a column that has no line here.
pub fn shape(table: &str, column: &str) -> Option<Shape> {
    own(table, column).or_else(|| named(column))
}

/// Where a column means something of its own.
fn own(table: &str, column: &str) -> Option<Shape> {
    Some(match (table, column) {
        (_, "id") => Shape::Id(prefix(table)?),
        (
            "attribute_value" | "note" | "owner_change" | "rfm" | "segment_member" | "segment_move"
            | "stage_change",
            "subject_id",
        )
        | ("tagging", "target_id") => Shape::Whose,
        // What it is about is in columns of its own.
        ("rule_firing" | "rule_miss", "subject_id")
        | ("email_day" | "rfm", "scope" | "scope_id")
        | ("contact_health", "rank")
        // What it said first; what it says is in the reasons.
        | ("duplicate_suspect", "reason") => Shape::Hidden,
        ("duplicate_suspect", "evidence") => Shape::Reasons,
        ("note", "author") | ("rule_firing" | "segment_move", "cause") => Shape::Told,
        ("rfm", "revenue") => Shape::Money,
        _ => return None,
    })
}

/// The prefix of the ids of a table's rows.
fn prefix(table: &str) -> Option<&'static str> {
    Some(match table {
        "contact" => ContactId::PREFIX,
        "contact_merge" => MergeId::PREFIX,
        "conversation" => ConversationId::PREFIX,
        "conversation_step" => ConversationStepId::PREFIX,
        "delivery" => DeliveryId::PREFIX,
        "delivery_attempt" => AttemptId::PREFIX,
        "duplicate_suspect" => SuspectId::PREFIX,
        "email_event" => EmailEventId::PREFIX,
        "enrolment" => EnrolmentId::PREFIX,
        "event" => EventId::PREFIX,
        "health_history" => HealthEntryId::PREFIX,
        "in_app_notification" => InAppNotificationId::PREFIX,
        "invoice" => InvoiceId::PREFIX,
        "message" => MessageId::PREFIX,
        "note" => NoteId::PREFIX,
        "opportunity" => OpportunityId::PREFIX,
        "owner_change" => OwnerChangeId::PREFIX,
        "rule_firing" => FiringId::PREFIX,
        "rule_miss" => MissId::PREFIX,
        "sales_order" => OrderId::PREFIX,
        "segment_move" => SegmentMoveId::PREFIX,
        "stage_change" => StageChangeId::PREFIX,
        "subscription_change" => SubscriptionChangeId::PREFIX,
        "survey_answer" => SurveyAnswerId::PREFIX,
        "survey_attempt" => SurveyAttemptId::PREFIX,
        "survey_invitation" => SurveyInvitationId::PREFIX,
        "tagging" => TaggingId::PREFIX,
        "task" => TaskId::PREFIX,
        "ticket" => TicketId::PREFIX,
        _ => return None,
    })
}

/// What a column holds wherever it occurs.
fn named(column: &str) -> Option<Shape> {
    id(column)
        .map(Shape::Id)
        .or_else(|| plain(column).then_some(Shape::Plain))
        .or(match column {
            "workspace_id" | "name_key" | "kana_key" | "sort_key" | "sort_at" | "stage_rank"
            | "account_told" | "digest" | "ip_hash" | "token_hash" | "sealed_token" | "listens"
            | "hears" | "fence" | "lease_until" | "crashes" | "root" | "root_tx" | "root_seq"
            | "depth" | "currency" => Some(Shape::Hidden),
            "automatic" | "entered" | "over_budget" | "tracks_opens" => Some(Shape::Flag),
            "amount" | "unit_price" => Some(Shape::Money),
            "added_by" | "by_origin" | "changed_by" | "detail" | "ended_by" | "enrolled_by"
            | "filled" | "made_by" | "matched" | "merged_by" | "outcomes" | "removed_by"
            | "trace" | "undone_by" => Some(Shape::Told),
            "inputs" | "options" | "payload" | "properties" | "request_headers" | "told" => {
                Some(Shape::Json)
            }
            "as_of" | "at" | "not_before" | "snoozed_until" | "wait_until" | "waiting_since" => {
                Some(Shape::Moment)
            }
            moment if moment.ends_with("_at") => Some(Shape::Moment),
            _ => None,
        })
}

/// The prefix of the ids that a member of JSON of ours, by its name as a column has it, holds without one.
pub(super) fn member(name: &str) -> Option<&'static str> {
    match name {
        "absent" | "contact_tag" | "conversation_tag" | "present" => Some(TagId::PREFIX),
        "member" => Some(MemberId::PREFIX),
        "team" => Some(TeamId::PREFIX),
        "while_in_segment_id" => Some(SegmentId::PREFIX),
        _ => id(name),
    }
}

/// The prefix of the ids in a column.
fn id(column: &str) -> Option<&'static str> {
    Some(match column {
        "account_id" => AccountId::PREFIX,
        "answer_id" => SurveyAnswerId::PREFIX,
        "assignee_id" | "from_assignee_id" | "from_owner_id" | "member_id" | "owner_id"
        | "to_assignee_id" | "to_owner_id" => MemberId::PREFIX,
        "attribute_id" => AttributeId::PREFIX,
        "brought_by_id" | "contact_id" | "loser_id" | "merged_into_id" | "other_contact_id"
        | "survivor_id" => ContactId::PREFIX,
        "campaign_id" | "source_campaign_id" => CampaignId::PREFIX,
        "conversation_id" => ConversationId::PREFIX,
        "delivery_id" | "folded_into" => DeliveryId::PREFIX,
        "enrolment_id" => EnrolmentId::PREFIX,
        "firing_id" => FiringId::PREFIX,
        "inbox_id" => InboxId::PREFIX,
        "invitation_id" => SurveyInvitationId::PREFIX,
        "last_message_id" | "message_id" => MessageId::PREFIX,
        "link_id" => TrackedLinkId::PREFIX,
        "merged_from" | "tag_id" => TagId::PREFIX,
        "order_id" => OrderId::PREFIX,
        "playbook_id" => PlaybookId::PREFIX,
        "rule_id" => RuleId::PREFIX,
        "segment_id" => SegmentId::PREFIX,
        "single_group_id" => TagGroupId::PREFIX,
        "successor_id" => TaggingId::PREFIX,
        "survey_id" => SurveyId::PREFIX,
        "target_id" => TargetId::PREFIX,
        "team_id" => TeamId::PREFIX,
        _ => return None,
    })
}

/// Whether a column has a text, a day or a number.
fn plain(column: &str) -> bool {
    column.ends_with("_days") || column.ends_with("_score") || PLAIN.contains(&column)
}

const PLAIN: &[&str] = &[
    "added_reason",
    "attempt",
    "attempted",
    "attempts",
    "author",
    "band",
    "band_streak",
    "blocked",
    "body",
    "bounce",
    "cause",
    "channel",
    "clickers",
    "comment",
    "complained",
    "coverage",
    "csat",
    "day",
    "delivered",
    "description",
    "direction",
    "duration_ms",
    "email",
    "email_key",
    "ended",
    "ending",
    "error",
    "expected_close",
    "external_id",
    "failures",
    "from_priority",
    "from_stage",
    "from_status",
    "hard_bounced",
    "human_clickers",
    "human_clicks",
    "human_openers",
    "human_opens",
    "kana",
    "kind",
    "last_error",
    "last_order_on",
    "link",
    "locale",
    "machine_clicks",
    "machine_opens",
    "medium",
    "messages",
    "model_version",
    "name",
    "next",
    "number",
    "openers",
    "orders",
    "origin",
    "outcome",
    "passed",
    "phone",
    "position",
    "priority",
    "probability",
    "product_id",
    "product_name",
    "quantity",
    "reason",
    "recipient",
    "removed_reason",
    "reopenings",
    "replied",
    "reply_seconds",
    "request_body",
    "response",
    "rule_version",
    "score",
    "segment",
    "settlement",
    "soft_bounced",
    "source",
    "source_channel",
    "stage",
    "state",
    "status",
    "step",
    "strength",
    "subject",
    "survey_key",
    "target",
    "text",
    "timed_replies",
    "title",
    "to_priority",
    "to_stage",
    "to_status",
    "topic",
    "unsubscribed",
    "untracked",
    "untracked_delivered",
    "untracked_human_clickers",
    "untracked_human_openers",
    "untracked_openers",
    "url",
    "user_agent",
    "value",
    "version",
];
