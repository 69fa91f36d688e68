//! One stored example of every kind, as the program of its day wrote it. These files are never
//! changed, only added to: a row written years ago must still decode, and mean the same.

mod back;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    definition::{Definition, StoredError},
    trigger::Trigger,
};
use crate::{
    action::{Action, TagConversation},
    condition::{Condition, Field, KeywordMatch, KeywordMode, Keywords, matcher::MatchedPart},
};

/// The model rule: partnership words give the conversation the tag with this number.
pub(crate) fn partnership(tag: u128) -> (Condition, Vec<Action>) {
    let words = ["パートナーシップ", "コラボレーション", "アフィリエイト"];
    let condition = Condition::Keywords(Keywords {
        fields: vec![Field::Subject, Field::Body],
        mode: KeywordMode::AnyOf,
        matching: KeywordMatch::Substring,
        words: words.map(str::to_owned).to_vec(),
    });
    let action = Action::TagConversation(TagConversation {
        tag_ids: vec![Uuid::from_u128(tag)],
        expires_in_seconds: None,
        while_in_segment_id: None,
    });
    (condition, vec![action])
}

macro_rules! samples {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!($name, ".json")))),*]
    };
}

pub(super) const SAMPLES: &[(&str, &str)] = samples![
    "trigger_message_received",
    "condition_all",
    "condition_any",
    "condition_not",
    "condition_keywords",
    "condition_contact_tags",
    "condition_conversation_tags",
    "condition_channel",
    "condition_from_automatic",
    "condition_account_tags",
    "condition_regex",
    "condition_time_of_day",
    "condition_business_hours",
    "condition_contact",
    "condition_account",
    "condition_conversation",
    "condition_attribute",
    "condition_tag_group",
    "condition_events",
    "condition_email",
    "condition_health",
    "condition_profile",
    "condition_orders",
    "condition_invoices",
    "condition_tickets",
    "condition_opportunities",
    "condition_subscription",
    "condition_segments",
    "condition_survey",
    "condition_random_share",
    "action_tag_conversation",
    "action_tag_contact",
    "action_notify_slack",
    "action_tag_account",
    "action_untag_conversation",
    "action_untag_contact",
    "action_untag_account",
    "action_assign_conversation",
    "action_set_conversation_status",
    "action_set_conversation_priority",
    "action_set_contact_attribute",
    "action_set_contact_stage",
    "action_set_contact_owner",
    "action_set_account_attribute",
    "action_set_account_stage",
    "action_set_account_owner",
    "action_set_conversation_attribute",
    "action_notify",
    "action_create_task",
    "action_start_playbook",
    "action_stop_playbook",
    "action_send_survey",
    "action_watch_conversation",
    "trigger_conversation_opened",
    "trigger_conversation_closed",
    "trigger_conversation_assigned",
    "trigger_conversation_priority_changed",
    "trigger_conversation_waiting",
    "trigger_contact_tag_added",
    "trigger_contact_tag_removed",
    "trigger_account_tag_added",
    "trigger_account_tag_removed",
    "trigger_conversation_tag_added",
    "trigger_conversation_tag_removed",
    "trigger_contact_created",
    "trigger_contact_changed",
    "trigger_contact_stage_changed",
    "trigger_contact_owner_changed",
    "trigger_contact_attribute_changed",
    "trigger_account_attribute_changed",
    "trigger_conversation_attribute_changed",
    "trigger_event_tracked",
    "trigger_email_event",
    "trigger_health_score_crossed",
    "trigger_health_band_changed",
    "trigger_account_health_score_crossed",
    "trigger_account_health_band_changed",
    "trigger_survey_answered",
    "trigger_contact_entered_segment",
    "trigger_contact_left_segment",
    "trigger_account_entered_segment",
    "trigger_account_left_segment",
    "trigger_schedule",
    "trigger_message_sent",
];

#[test]
fn every_stored_kind_decodes_and_stays_the_same() {
    for (file, text) in SAMPLES {
        let stored: Value = serde_json::from_str(text).unwrap();
        let decoded = Definition::from_stored(stored.clone()).unwrap_or_else(|error| {
            panic!("{file}: {error:?}");
        });
        // The action of the first release that told Slack is the one that tells any target.
        let renamed = text.replace("notifySlack", "notify");
        let renamed: Value = serde_json::from_str(&renamed).unwrap();
        assert_eq!(
            decoded.to_stored().unwrap(),
            renamed,
            "{file} changed on the way"
        );
        let (part, kind) = file.split_once('_').unwrap();
        let name = match part {
            "trigger" => decoded.trigger.name(),
            "condition" => decoded.condition.name(),
            _ => decoded.actions[0].name(),
        };
        let kind = kind.replace('_', "").replace("notifyslack", "notify");
        assert_eq!(name.to_lowercase(), kind, "{file}");
    }
}

#[test]
fn fields_left_out_by_an_older_program_have_their_defaults() {
    let stored = json!({
        "version": 1,
        "trigger": {"messageReceived": {}},
        "condition": {"contactTags": {"mode": "ALL", "tagIds": []}},
        "actions": [],
    });
    let decoded = Definition::from_stored(stored).unwrap();
    assert!(matches!(decoded.condition, Condition::ContactTags(tags) if tags.0.with_descendants));
    assert_eq!(decoded.trigger, Trigger::default());
}

#[test]
fn a_field_added_by_a_newer_program_is_ignored() {
    let condition = json!({"channel": {"anyOf": ["LINE"], "note": 1}});
    let stored = json!({"version": 1, "condition": condition, "actions": [], "note": 1});
    assert!(Definition::from_stored(stored).is_ok());
}

#[test]
fn a_newer_version_is_refused_rather_than_misread() {
    let stored = json!({"version": 2, "condition": {"fromAutomatic": true}, "actions": []});
    let refused = Definition::from_stored(stored);
    assert!(matches!(refused, Err(StoredError::Newer(2))));
}

#[test]
fn the_log_of_firings_decodes_and_stays_the_same() {
    let stored: Value = serde_json::from_str(include_str!("matched.json")).unwrap();
    let decoded: Vec<MatchedPart> = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(serde_json::to_value(&decoded).unwrap(), stored);
}

#[test]
fn stored_limits_decode_and_stay_the_same() {
    let stored: Value = serde_json::from_str(include_str!("limits.json")).unwrap();
    let decoded = Definition::from_stored(stored.clone()).unwrap();
    assert!(!decoded.limits.is_none());
    assert_eq!(decoded.to_stored().unwrap(), stored);
}
