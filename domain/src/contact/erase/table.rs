//! Every table of the database, and how a person's rows are found in it.
//!
//! Erasing and exporting a person go by this one list, so neither forgets a table that the other knows.

/// How a person's rows are found in a table. Each SQL is a condition on the row `t`, where `{r}` is
/// the table of the person's ids (column `id`); a row of which any holds is theirs. They are asked one
/// by one: each has its index, and databases seldom use two at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// They are deleted, and exported.
    Rows(&'static [&'static str]),
    /// They are deleted; a copy or an index of rows that are exported already.
    Derived(&'static [&'static str]),
    /// Texts are taken out of the rows; see `scrub`, `leftover`, `audit::erase`, and `forget_texts` for
    /// the search index.
    Scrubbed,
    /// There is nothing of a person in it.
    Nothing,
}

impl Personal {
    /// What tells the rows that are deleted.
    pub fn conditions(self) -> &'static [&'static str] {
        match self {
            Self::Rows(conditions) | Self::Derived(conditions) => conditions,
            Self::Scrubbed | Self::Nothing => &[],
        }
    }
}

/// A table and how a person's rows are found in it.
#[derive(Debug, Clone, Copy)]
pub struct PersonalTable {
    /// The table.
    pub table: &'static str,
    /// How.
    pub personal: Personal,
}

const fn line(table: &'static str, personal: Personal) -> PersonalTable {
    PersonalTable { table, personal }
}

macro_rules! theirs {
    ($column:literal) => {
        concat!("t.", $column, " IN (SELECT r.id FROM {r})")
    };
}

macro_rules! in_their_conversations {
    ($column:literal) => {
        concat!(
            "t.",
            $column,
            " IN (SELECT v.id FROM conversation v WHERE v.workspace_id = $1
               AND v.contact_id IN (SELECT r.id FROM {r}))"
        )
    };
}

macro_rules! of_their_deliveries {
    ($column:literal) => {
        concat!(
            "t.",
            $column,
            " IN (SELECT d.id FROM delivery d WHERE d.workspace_id = $1
               AND d.contact_id IN (SELECT r.id FROM {r}))"
        )
    };
}

/// Digests in which something about them was told, among others.
macro_rules! of_their_digests {
    ($column:literal) => {
        concat!(
            "t.",
            $column,
            " IN (SELECT d.folded_into FROM delivery d WHERE d.workspace_id = $1
               AND d.contact_id IN (SELECT r.id FROM {r}))"
        )
    };
}

/// What the steps of merges of tags note of their taggings: looked up by the few steps there are.
macro_rules! by_merge_step {
    ($($theirs:tt)*) => {
        concat!(
            "(t.merge_id, t.step, t.tagging_id) IN (
                 SELECT s.merge_id, s.step, t.id FROM tagging t
                 JOIN tag_merge_step s ON s.workspace_id = $1
                 WHERE t.workspace_id = $1 AND ",
            $($theirs)*,
            ")"
        )
    };
}

/// The same of what merges of tags note without a step.
macro_rules! by_merge {
    ($($theirs:tt)*) => {
        concat!(
            "(t.merge_id, t.tagging_id) IN (
                 SELECT m.id, t.id FROM tagging t
                 JOIN tag_merge m ON m.workspace_id = $1
                 WHERE t.workspace_id = $1 AND ",
            $($theirs)*,
            ")"
        )
    };
}

use Personal::{Derived, Nothing, Rows as R, Scrubbed};

/// Every table, in the order in which rows can be deleted: what refers to a row before the row.
pub const PERSONAL_TABLES: &[PersonalTable] = &[
    line(
        "delivery_attempt",
        R(&[of_their_deliveries!("delivery_id")]),
    ),
    line(
        "delivery_attempt",
        Derived(&[of_their_digests!("delivery_id")]),
    ),
    line(
        "in_app_notification",
        R(&[theirs!("contact_id"), of_their_deliveries!("delivery_id")]),
    ),
    line(
        "in_app_notification",
        Derived(&[of_their_digests!("delivery_id")]),
    ),
    line(
        "due_item",
        Derived(&[
            of_their_deliveries!("subject_id"),
            in_their_conversations!("subject_id"),
            "t.subject_id IN (SELECT i.id FROM survey_invitation i WHERE i.workspace_id = $1
               AND i.contact_id IN (SELECT r.id FROM {r}))",
        ]),
    ),
    line("delivery", R(&[theirs!("contact_id")])),
    line("rule_firing", R(&[theirs!("contact_id")])),
    line(
        "enrolment_step",
        R(&[
            "t.enrolment_id IN (SELECT e.id FROM enrolment e WHERE e.workspace_id = $1
               AND e.contact_id IN (SELECT r.id FROM {r}))",
        ]),
    ),
    line("enrolment", R(&[theirs!("contact_id")])),
    line("playbook", Nothing),
    line("playbook_count", Nothing),
    line("playbook_version", Nothing),
    line(
        "task",
        R(&[
            theirs!("contact_id"),
            in_their_conversations!("conversation_id"),
        ]),
    ),
    line(
        "rule_mark",
        Derived(&[theirs!("target_id"), in_their_conversations!("target_id")]),
    ),
    line("rule_miss", R(&[theirs!("contact_id")])),
    line(
        "attribute_value",
        R(&[theirs!("subject_id"), in_their_conversations!("subject_id")]),
    ),
    line(
        "latest_change",
        Derived(&[theirs!("subject_id"), in_their_conversations!("subject_id")]),
    ),
    line(
        "note",
        R(&[theirs!("subject_id"), in_their_conversations!("subject_id")]),
    ),
    line("segment_member", R(&[theirs!("subject_id")])),
    line("segment_move", R(&[theirs!("subject_id")])),
    line("owner_change", R(&[theirs!("subject_id")])),
    line("stage_change", R(&[theirs!("subject_id")])),
    line(
        "tag_quality_carried",
        Derived(&[theirs!("thing_id"), in_their_conversations!("thing_id")]),
    ),
    line(
        "tag_quality_thing",
        Derived(&[theirs!("thing_id"), in_their_conversations!("thing_id")]),
    ),
    line(
        "tag_rank",
        Derived(&[theirs!("target_id"), in_their_conversations!("target_id")]),
    ),
    line(
        "tagging_segment",
        Derived(&[
            "t.tagging_id IN (SELECT g.id FROM tagging g WHERE g.workspace_id = $1
               AND (g.target_id IN (SELECT r.id FROM {r})
                 OR g.target_id IN (SELECT v.id FROM conversation v WHERE v.workspace_id = $1
                      AND v.contact_id IN (SELECT r.id FROM {r}))))",
        ]),
    ),
    line(
        "tag_merge_tagging",
        Derived(&[
            by_merge_step!(theirs!("target_id")),
            by_merge_step!(in_their_conversations!("target_id")),
        ]),
    ),
    line(
        "tag_merge_segment",
        Derived(&[
            by_merge_step!(theirs!("target_id")),
            by_merge_step!(in_their_conversations!("target_id")),
        ]),
    ),
    line(
        "tag_merge_surplus",
        Derived(&[
            by_merge!(theirs!("target_id")),
            by_merge!(in_their_conversations!("target_id")),
        ]),
    ),
    line(
        "tagging",
        R(&[theirs!("target_id"), in_their_conversations!("target_id")]),
    ),
    line(
        "wait_told",
        Derived(&[in_their_conversations!("conversation_id")]),
    ),
    line("wait_clock", Nothing),
    line("wait_mark", Nothing),
    line(
        "conversation_step",
        R(&[in_their_conversations!("conversation_id")]),
    ),
    line(
        "conversation_watcher",
        R(&[in_their_conversations!("conversation_id")]),
    ),
    line(
        "conversation_thread",
        Derived(&[in_their_conversations!("conversation_id")]),
    ),
    line(
        "message",
        R(&[
            theirs!("contact_id"),
            in_their_conversations!("conversation_id"),
        ]),
    ),
    line("conversation", R(&[theirs!("contact_id")])),
    line("event", R(&[theirs!("contact_id")])),
    line("event_day", Derived(&[theirs!("contact_id")])),
    line("engagement", R(&[theirs!("contact_id")])),
    line("tracked_link_contact", R(&[theirs!("contact_id")])),
    line("web_visit_day", Derived(&[theirs!("contact_id")])),
    line("web_visitor", Derived(&[theirs!("contact_id")])),
    line("email_event", R(&[theirs!("contact_id")])),
    line("email", Derived(&[theirs!("contact_id")])),
    line("email_active_day", Derived(&[theirs!("contact_id")])),
    line(
        "email_day",
        R(&[concat!("t.scope = 'CONTACT' AND ", theirs!("scope_id"))]),
    ),
    line(
        "rfm",
        R(&[concat!("t.scope = 'CONTACT' AND ", theirs!("subject_id"))]),
    ),
    line(
        "order_line",
        R(&[
            "t.order_id IN (SELECT o.id FROM sales_order o WHERE o.workspace_id = $1
               AND o.contact_id IN (SELECT r.id FROM {r}))",
        ]),
    ),
    line("sales_order", R(&[theirs!("contact_id")])),
    line("invoice", R(&[theirs!("contact_id")])),
    line("ticket", R(&[theirs!("contact_id")])),
    line("opportunity", R(&[theirs!("contact_id")])),
    line("survey_answer", R(&[theirs!("contact_id")])),
    line(
        "survey_attempt",
        R(&[
            "t.invitation_id IN (SELECT i.id FROM survey_invitation i WHERE i.workspace_id = $1
               AND i.contact_id IN (SELECT r.id FROM {r}))",
        ]),
    ),
    line("survey_invitation", R(&[theirs!("contact_id")])),
    line("health_history", R(&[theirs!("contact_id")])),
    line("timeline_entry", Derived(&[theirs!("contact_id")])),
    line("timeline_move", Derived(&[theirs!("contact_id")])),
    line("account_standing_note", Derived(&[theirs!("contact_id")])),
    line("last_word", Derived(&[theirs!("subject_id")])),
    line("contact_health", R(&[theirs!("contact_id")])),
    line("contact_activity", R(&[theirs!("contact_id")])),
    line("contact_identity", R(&[theirs!("contact_id")])),
    line("subscription_change", R(&[theirs!("contact_id")])),
    line("subscription", R(&[theirs!("contact_id")])),
    line("duplicate_key", Derived(&[theirs!("subject_id")])),
    line(
        "duplicate_suspect",
        R(&[theirs!("contact_id"), theirs!("other_contact_id")]),
    ),
    line(
        "contact_merge_row",
        Derived(&[
            "t.merge_id IN (SELECT m.id FROM contact_merge m WHERE m.workspace_id = $1
               AND m.survivor_id IN (SELECT r.id FROM {r}))",
            "t.merge_id IN (SELECT m.id FROM contact_merge m WHERE m.workspace_id = $1
               AND m.loser_id IN (SELECT r.id FROM {r}))",
        ]),
    ),
    line(
        "contact_merge",
        R(&[theirs!("survivor_id"), theirs!("loser_id")]),
    ),
    line("contact", R(&[theirs!("id")])),
    line("audit_entry", Scrubbed),
    line("search_block", Scrubbed),
    line("search_segment", Scrubbed),
    line("search_tail", Scrubbed),
    line("change", Scrubbed),
    line("idempotency_key", Scrubbed),
    line("quarantine", Scrubbed),
    // Whose these are nobody knows: see `leftover`.
    line("export", Scrubbed),
    line("import_line", Scrubbed),
    line("operation", Scrubbed),
    line("upload", Scrubbed),
    line("upload_chunk", Scrubbed),
    line("access_token", Nothing),
    line("account", Nothing),
    line("account_merge", Nothing),
    line("account_merge_row", Nothing),
    line("account_standing", Nothing),
    line("account_suspect", Nothing),
    line("attribute_definition", Nothing),
    line("campaign", Nothing),
    line("change_floor", Nothing),
    line("document", Nothing),
    line("duplicate_look", Nothing),
    line("email_source", Nothing),
    line("engagement_day", Nothing),
    line("engagement_run", Nothing),
    line("health_model", Nothing),
    line("import_key", Nothing),
    line("inbox", Nothing),
    line("lead_judgement", Nothing),
    line("log_epoch", Nothing),
    line("member", Nothing),
    line("notification_receiver", Nothing),
    line("notification_target", Nothing),
    line("projection_cursor", Nothing),
    line("rfm_run", Nothing),
    line("rule", Nothing),
    line("rule_version", Nothing),
    line("schedule_tick", Nothing),
    line("search_backfill", Nothing),
    line("search_state", Nothing),
    line("segment", Nothing),
    line("suppression", Nothing),
    line("survey", Nothing),
    line("tag", Nothing),
    line("tag_closure", Nothing),
    line("tag_count", Nothing),
    line("tag_group", Nothing),
    line("tag_merge", Nothing),
    line("tag_merge_step", Nothing),
    line("tag_merge_use", Nothing),
    line("team", Nothing),
    line("team_member", Nothing),
    line("tracked_link", Nothing),
    line("tracked_link_day", Nothing),
    line("tracked_link_tag", Nothing),
    line("vault_secret", Nothing),
    line("webhook_key", Nothing),
    line("tag_quality_finding", Nothing),
    line("tag_quality_run", Nothing),
    line("web_traffic", Nothing),
    line("workspace", Nothing),
];
