//! What follows when two contacts become one: a line for every table that names a contact.
//!
//! A test holds this list against the database: a new table with a column that names a contact
//! fails until it has a line here. Most lines say `Moved`.

use crate::merge::{Follows, MergedTable, line};

use Follows::{
    Added, Derived, Moved, MovedByKey, MovedByKeyIfFree, MovedIfFree, MovedUnless, Other, Record,
    Tagged, Waits,
};

/// Every column that names a contact, or looks like it.
pub const MERGED_TABLES: &[MergedTable] = &[
    line("account_merge", "loser_id", Other),
    line("account_merge", "survivor_id", Other),
    line("account_standing_note", "contact_id", Derived),
    line(
        "attribute_value",
        "subject_id",
        MovedIfFree("t.attribute_id"),
    ),
    line("audit_entry", "contact_id", Record),
    line("change", "contact_id", Record),
    line("change", "subject_id", Record),
    line("contact_activity", "contact_id", Waits),
    line("contact_health", "contact_id", Waits),
    line(
        "contact_identity",
        "contact_id",
        MovedByKey("t.kind || ':' || t.value"),
    ),
    line("contact_merge", "survivor_id", Record),
    line("contact_merge", "loser_id", Record),
    line("conversation", "contact_id", Moved("t.id")),
    line("delivery", "contact_id", Moved("t.id")),
    line("delivery", "target_id", Other),
    line("due_item", "subject_id", Other),
    line("duplicate_key", "subject_id", Derived),
    line("duplicate_suspect", "contact_id", Waits),
    line("duplicate_suspect", "other_contact_id", Waits),
    line("email", "contact_id", Derived),
    line("email_active_day", "contact_id", Derived),
    line("email_event", "contact_id", Moved("t.id")),
    line("engagement", "contact_id", Derived),
    line(
        "enrolment",
        "contact_id",
        MovedUnless(
            "t.id",
            "t.ended_at IS NULL AND EXISTS (SELECT 1 FROM enrolment o WHERE o.workspace_id = $1
               AND o.contact_id = $4 AND o.playbook_id = t.playbook_id AND o.ended_at IS NULL)",
        ),
    ),
    line("event", "contact_id", Moved("t.id")),
    line("event_day", "contact_id", Added),
    line("health_history", "contact_id", Moved("t.id")),
    line("in_app_notification", "contact_id", Moved("t.id")),
    line("invoice", "contact_id", Moved("t.id")),
    line("last_word", "subject_id", Waits),
    line("latest_change", "subject_id", Derived),
    line("message", "contact_id", Moved("t.id")),
    line("note", "subject_id", Moved("t.id")),
    line("opportunity", "contact_id", Moved("t.id")),
    line("owner_change", "subject_id", Moved("t.id")),
    line("rfm", "subject_id", Derived),
    line("rule_firing", "contact_id", Moved("t.id")),
    line("rule_firing", "subject_id", Record),
    line("rule_mark", "target_id", MovedIfFree("t.rule_id")),
    line("rule_miss", "contact_id", Moved("t.id")),
    line("rule_miss", "subject_id", Record),
    line("sales_order", "contact_id", Moved("t.id")),
    line("segment_member", "subject_id", Derived),
    line("segment_move", "subject_id", Moved("t.id")),
    line("stage_change", "subject_id", Moved("t.id")),
    line(
        "subscription",
        "contact_id",
        MovedByKeyIfFree("t.channel || ':' || t.topic"),
    ),
    line("subscription_change", "contact_id", Moved("t.id")),
    line("survey_answer", "contact_id", Moved("t.id")),
    line("survey_invitation", "contact_id", Moved("t.id")),
    line("tag_rank", "target_id", Tagged),
    line("tagging", "target_id", Tagged),
    line("task", "contact_id", Moved("t.id")),
    line("ticket", "contact_id", Moved("t.id")),
    line("timeline_entry", "contact_id", Derived),
    line("timeline_entry", "subject_id", Other),
    line("timeline_move", "contact_id", Derived),
    line(
        "tracked_link_contact",
        "contact_id",
        MovedIfFree("t.link_id"),
    ),
    line("web_visit_day", "contact_id", Derived),
    line("web_visitor", "contact_id", Derived),
];
