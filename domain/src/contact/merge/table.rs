//! What follows when two contacts become one: a line for every table that names a contact.
//!
//! A test holds this list against the database: a new table with a column that names a contact
//! fails until it has a line here. Most lines say `Moved`.

/// What happens to the rows of the contact that is merged into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// The rows are given to the survivor, and noted by the SQL given (of the row `t`), so that they
    /// can be given back: an id,
    Moved(&'static str),
    /// or a text.
    MovedByKey(&'static str),
    /// Like the first, but a row of which the SQL given second holds stays where it is: `$1` is the
    /// workspace, `$4` the survivor. Enrolments that stay are ended, see [`crate::playbook`].
    MovedUnless(&'static str, &'static str),
    /// Like the two above, but a row whose like the survivor has waits where it is.
    MovedIfFree(&'static str),
    /// The same, noted by a text.
    MovedByKeyIfFree(&'static str),
    /// Taggings: moved, doubles are ended, rank index and counters brought in line.
    Tagged,
    /// Added to what the survivor has, and taken off again.
    Added,
    /// The rows stay; they are not read while the contact is merged, and hold again afterwards.
    Waits,
    /// Kept by a projection or a trigger, which sees the change.
    Derived,
    /// A record of what happened, which stays as it was written.
    Record,
    /// The column names something else.
    NotAContact,
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct MergedTable {
    /// The table.
    pub table: &'static str,
    /// The column that names the contact.
    pub column: &'static str,
    /// What happens.
    pub follows: Follows,
}

const fn line(table: &'static str, column: &'static str, follows: Follows) -> MergedTable {
    MergedTable {
        table,
        column,
        follows,
    }
}

use Follows::{
    Added, Derived, Moved, MovedByKey, MovedByKeyIfFree, MovedIfFree, MovedUnless, NotAContact,
    Record, Tagged, Waits,
};

/// Every column that names a contact, or looks like it.
pub const MERGED_TABLES: &[MergedTable] = &[
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
    line("delivery", "target_id", NotAContact),
    line("due_item", "subject_id", NotAContact),
    line("duplicate_suspect", "contact_id", Waits),
    line("duplicate_suspect", "other_contact_id", Waits),
    line("email", "contact_id", Derived),
    line("email_active_day", "contact_id", Derived),
    line("email_event", "contact_id", Moved("t.id")),
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
    line("message", "contact_id", Moved("t.id")),
    line("note", "subject_id", Moved("t.id")),
    line("opportunity", "contact_id", Moved("t.id")),
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
    line("timeline_entry", "subject_id", NotAContact),
    line("timeline_move", "contact_id", Derived),
];
