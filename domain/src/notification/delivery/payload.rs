//! What a delivery tells, as it is stored.

use entity::{
    delivery,
    id::{AccountId, ConversationId, EnrolmentId, MessageId, PlaybookId, RuleId},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a delivery tells. Ids rather than texts: whatever a customer wrote stays in one place.
/// Stored as JSON: variants and fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Payload {
    /// A rule fired on a message.
    RuleFired {
        /// The heading, if not the rule's name.
        #[serde(default)]
        title: Option<String>,
        /// The rule's name when it fired.
        rule_name: String,
        /// The message.
        message_id: MessageId,
        /// What is said in place of the usual lines; see [`crate::notification::template`]. It was checked when it
        /// was stored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<String>,
    },
    /// A rule that fired on something else than a message, or a playbook, has something to say: which
    /// of the two is told by the delivery's rule.
    Said {
        /// The heading.
        title: String,
        /// The name of what says it.
        by: String,
        /// What is said below the heading; see [`crate::notification::template`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<String>,
        /// The thread it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conversation_id: Option<ConversationId>,
        /// The account it is about, where it is about no contact.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account_id: Option<AccountId>,
        /// The message it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_id: Option<MessageId>,
        /// The playbook that says it, if one does; missing in those of earlier releases.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        playbook_id: Option<PlaybookId>,
        /// The enrolment in it that has come to the step; missing in those of earlier releases.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enrolment_id: Option<EnrolmentId>,
    },
    /// Everything that was folded into this delivery.
    Digest {
        /// Whether it is what went over the target's budget, rather than what was collected.
        over_budget: bool,
    },
    /// Nothing happened; a member tries the target.
    Test {},
}

impl Payload {
    /// The thread and the message it names.
    pub(in crate::notification) fn names(&self) -> (Option<ConversationId>, Option<MessageId>) {
        match self {
            Self::RuleFired { message_id, .. } => (None, Some(*message_id)),
            Self::Said {
                conversation_id,
                message_id,
                ..
            } => (*conversation_id, *message_id),
            Self::Digest { .. } | Self::Test {} => (None, None),
        }
    }

    /// The account it names.
    pub(in crate::notification) fn account(&self) -> Option<AccountId> {
        match self {
            Self::Said { account_id, .. } => *account_id,
            Self::RuleFired { .. } | Self::Digest { .. } | Self::Test {} => None,
        }
    }

    /// The playbook that has it said.
    pub(super) fn playbook(&self) -> Option<PlaybookId> {
        match self {
            Self::Said { playbook_id, .. } => *playbook_id,
            Self::RuleFired { .. } | Self::Digest { .. } | Self::Test {} => None,
        }
    }

    /// The enrolment in that playbook.
    fn enrolment(&self) -> Option<EnrolmentId> {
        match self {
            Self::Said { enrolment_id, .. } => *enrolment_id,
            Self::RuleFired { .. } | Self::Digest { .. } | Self::Test {} => None,
        }
    }

    /// What it is headed with; nothing for what tells of several, or tries a target out.
    fn title(&self) -> Option<&str> {
        match self {
            Self::RuleFired {
                title, rule_name, ..
            } => Some(title.as_deref().unwrap_or(rule_name)),
            Self::Said { title, .. } => Some(title),
            Self::Digest { .. } | Self::Test {} => None,
        }
    }

    /// The rule or the playbook that has it said.
    pub(in crate::notification) fn by(&self, rule: Option<RuleId>) -> Option<Uuid> {
        rule.map(|id| id.0).or(self.playbook().map(|id| id.0))
    }

    /// Whether it may wait and be told together with others.
    pub(in crate::notification) fn can_wait(&self) -> bool {
        matches!(self, Self::RuleFired { .. } | Self::Said { .. })
    }
}

/// What a delivery says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// What it is headed with; nothing for what tells of several, or tries a target out.
    pub title: Option<String>,
    /// The playbook that asked for it.
    pub playbook: Option<PlaybookId>,
    /// The enrolment in that playbook.
    pub enrolment: Option<EnrolmentId>,
    /// The account it is about, where it is about no contact.
    pub account: Option<AccountId>,
}

/// What a delivery says of itself; nothing if that cannot be read.
pub fn head(delivery: &delivery::Model) -> Head {
    let payload = serde_json::from_value::<Payload>(delivery.payload.clone());
    payload.map_or_else(
        |_| Head::default(),
        |payload| Head {
            title: payload.title().map(str::to_owned),
            playbook: payload.playbook(),
            enrolment: payload.enrolment(),
            account: payload.account(),
        },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stored_payloads_of_every_kind_keep_decoding() {
        let message = "message_00000000000000000000000000000001";
        for stored in [
            json!({ "kind": "ruleFired", "title": null, "ruleName": "VIP", "messageId": message }),
            json!({ "kind": "ruleFired", "title": "x", "ruleName": "VIP", "messageId": message,
                    "template": "{{ contact.name }}" }),
            json!({ "kind": "said", "title": "x", "by": "Onboarding" }),
            json!({ "kind": "said", "title": "x", "by": "Onboarding", "template": "y",
                    "conversationId": "conversation_00000000000000000000000000000001",
                    "messageId": message }),
            json!({ "kind": "said", "title": "x", "by": "Onboarding",
                    "accountId": "account_00000000000000000000000000000001" }),
            json!({ "kind": "said", "title": "x", "by": "Onboarding",
                    "playbookId": "playbook_00000000000000000000000000000001" }),
            json!({ "kind": "said", "title": "x", "by": "Onboarding",
                    "playbookId": "playbook_00000000000000000000000000000001",
                    "enrolmentId": "enrolment_00000000000000000000000000000001" }),
            json!({ "kind": "digest", "overBudget": true }),
            json!({ "kind": "test" }),
        ] {
            let payload: Payload = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(serde_json::to_value(payload).unwrap(), stored);
        }
    }
}
