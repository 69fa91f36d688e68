//! What follows when two accounts become one: a line for every column that names an account.
//!
//! A test holds this list against the database: a new column that names an account fails until it has a
//! line here. Most lines say `Moved`.

use crate::merge::{Follows, MergedTable, line};

use Follows::{Derived, Moved, MovedIfFree, Other, Record, Tagged, Waits};

/// Every column that names an account, or looks like it.
pub const MERGED_TABLES: &[MergedTable] = &[
    line("account_merge", "survivor_id", Record),
    line("account_merge", "loser_id", Record),
    line("account_standing", "account_id", Waits),
    line("account_standing_note", "account_id", Derived),
    line("account_suspect", "account_id", Waits),
    line("account_suspect", "other_account_id", Waits),
    line(
        "attribute_value",
        "subject_id",
        MovedIfFree("t.attribute_id"),
    ),
    line("change", "subject_id", Record),
    line("contact", "account_id", Moved("t.id")),
    line("contact_merge", "survivor_id", Other),
    line("contact_merge", "loser_id", Other),
    line("delivery", "account_id", Moved("t.id")),
    line("delivery", "target_id", Other),
    line("due_item", "subject_id", Other),
    line("duplicate_key", "subject_id", Derived),
    line("email", "account_id", Derived),
    line("invoice", "account_id", Moved("t.id")),
    line("last_word", "subject_id", Waits),
    line("latest_change", "subject_id", Derived),
    line("note", "subject_id", Moved("t.id")),
    line("opportunity", "account_id", Moved("t.id")),
    line("owner_change", "subject_id", Moved("t.id")),
    line("rfm", "subject_id", Derived),
    // Shown with whoever answers for the account.
    line("rule_firing", "account_id", Record),
    line("rule_firing", "subject_id", Record),
    line("rule_mark", "target_id", MovedIfFree("t.rule_id")),
    line("rule_miss", "account_id", Record),
    line("rule_miss", "subject_id", Record),
    line("sales_order", "account_id", Moved("t.id")),
    line("segment_member", "subject_id", Derived),
    line("segment_move", "subject_id", Moved("t.id")),
    line("stage_change", "subject_id", Moved("t.id")),
    line("survey_answer", "account_id", Moved("t.id")),
    line("tag_rank", "target_id", Tagged),
    line("tagging", "target_id", Tagged),
    line("task", "account_id", Moved("t.id")),
    line("ticket", "account_id", Moved("t.id")),
    line("timeline_entry", "account_id", Derived),
    line("timeline_entry", "subject_id", Other),
];
