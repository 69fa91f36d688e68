//! What became of what actions asked for. Stored with firings, and with the steps of enrolments, as JSON: variants
//! and fields are added, never renamed.

use chrono::{DateTime, Utc};
use entity::id::{DeliveryId, EnrolmentId, RuleId, SurveyInvitationId, TaskId};
use serde::{Deserialize, Serialize};

use super::Effect;
use crate::task::Unassigned;

/// What became of one effect of one action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Which of the actions asked for it, counted from 0.
    pub action: usize,
    /// What it asked for.
    pub effect: Effect,
    /// What became of it.
    pub result: OutcomeResult,
}

/// What became of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum OutcomeResult {
    /// The tag was put on.
    Tagged,
    /// The tag was there already.
    AlreadyTagged,
    /// The tag was there already, and comes off later than it would have.
    TaggingRenewed,
    /// The tag's group takes one value, and somebody else than a rule has set another.
    OtherValueKept,
    /// The tag was to stay while the thing is in a segment, and it is not in it.
    NotInSegment,
    /// The tag was archived or deleted since the action was written.
    TagUnavailable,
    /// The tag was taken off.
    Untagged,
    /// The tag was not there.
    NotTagged,
    /// A person has set the tag, so it stays.
    SetByMember,
    /// The value was written.
    Changed,
    /// The value was there already.
    Unchanged,
    /// The member, attribute, option, playbook or survey it names is gone.
    Unavailable,
    /// There is nothing of the kind it acts on, such as a contact without an account.
    NothingToActOn,
    /// It was meant for whoever looks after the contact, and nobody does.
    NoOwner,
    /// A notification is on its way; the delivery tells the rest.
    Queued {
        /// The delivery.
        delivery_id: DeliveryId,
        /// When it sets off, if it waits for quiet hours to end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    },
    /// The target is switched off or deleted.
    TargetUnavailable,
    /// The task was made.
    TaskCreated {
        /// The task.
        task_id: TaskId,
        /// Why it is nobody's, if the action meant it for somebody.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unassigned: Option<Unassigned>,
    },
    /// The contact was enrolled.
    Enrolled {
        /// The enrolment.
        enrolment_id: EnrolmentId,
    },
    /// The contact is enrolled in the playbook already.
    AlreadyEnrolled,
    /// The contact was enrolled before, and the playbook does not take anybody again, or not yet.
    NotEnrolledAgain,
    /// The playbook is paused or has no published version.
    PlaybookUnavailable,
    /// Rules and playbooks have led to each other too often for the contact to be enrolled.
    ChainTooLong,
    /// The contact's enrolment was ended.
    EnrolmentEnded,
    /// The contact is not enrolled in the playbook.
    NotEnrolled,
    /// The contact is asked to answer the survey; the invitation tells the rest.
    Invited {
        /// The invitation.
        invitation_id: SurveyInvitationId,
        /// When the mail sets off, if it waits for quiet hours to end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    },
    /// The contact was asked in this wave of the survey already.
    InvitedAlready,
    /// The contact does not want email, or no surveys by it.
    Unsubscribed,
    /// The contact has no email address.
    NoEmailAddress,
    /// Nobody has said where this installation is seen, so no mail can lead to its form.
    NoPublicUrl,
    /// It reaches people, and the message is an old one that an import brought in from an archive.
    FromArchive,
    /// Another rule, or an earlier action of this one, had asked for the same.
    Repeated {
        /// The rule that owns the effect.
        rule_id: RuleId,
    },
}

impl OutcomeResult {
    /// Whether the action could not be done because what it names is gone.
    pub fn failed(&self) -> bool {
        matches!(
            self,
            Self::TagUnavailable | Self::Unavailable | Self::TargetUnavailable
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn stored_outcomes_of_every_kind_keep_decoding() {
        let tag = json!({"tagContact": {"tagId": Uuid::from_u128(1)}});
        let for_a_day = json!({"tagContact": {
            "tagId": Uuid::from_u128(1), "expiresInSeconds": 86_400,
        }});
        let in_segment = json!({"tagContact": {
            "tagId": Uuid::from_u128(1), "whileInSegmentId": Uuid::from_u128(10),
        }});
        let untag = json!({"untagAccount": {
            "tagId": Uuid::from_u128(1), "evenIfSetByMember": true,
        }});
        let notice = json!({"notify": {"targetId": Uuid::from_u128(2), "title": null}});
        let assign = json!({"assign": {"memberId": null}});
        let snooze = json!({"setStatus": {"status": "SNOOZED", "snoozeMinutes": 60}});
        let urgent = json!({"setPriority": {"priority": "URGENT"}});
        let watch = json!({"watch": {"memberId": Uuid::from_u128(4)}});
        let value = json!({"setAttribute": {
            "attributeId": Uuid::from_u128(3), "value": {"number": 1.5},
        }});
        let of_account = json!({"setAttribute": {
            "of": "ACCOUNT", "attributeId": Uuid::from_u128(3), "value": null,
        }});
        let to_owner = json!({"assign": {"memberId": null, "toOwner": true}});
        let owner = json!({"setOwner": {"of": "ACCOUNT", "memberId": Uuid::from_u128(4)}});
        let stage = json!({"setStage": {"stage": "CUSTOMER"}});
        let stage_of_account = json!({"setStage": {"of": "ACCOUNT", "stage": "CUSTOMER"}});
        let task = json!({"createTask": {
            "title": "Call", "description": "", "priority": "HIGH", "dueInMinutes": 60,
            "assignee": {"member": Uuid::from_u128(4)},
        }});
        let start = json!({"startPlaybook": {"playbookId": Uuid::from_u128(5)}});
        let stop = json!({"stopPlaybook": {"playbookId": Uuid::from_u128(5)}});
        let survey = json!({"sendSurvey": {"surveyId": Uuid::from_u128(8)}});
        let invitation = "surveyinvitation_00000000000000000000000000000009";
        let enrolment = "enrolment_00000000000000000000000000000006";
        let made = "task_00000000000000000000000000000007";
        let delivery = "delivery_00000000000000000000000000000003";
        let rule = "rule_00000000000000000000000000000004";
        for (effect, result) in [
            (&tag, json!("tagged")),
            (&tag, json!("alreadyTagged")),
            (&for_a_day, json!("taggingRenewed")),
            (&tag, json!("otherValueKept")),
            (&in_segment, json!("tagged")),
            (&in_segment, json!("notInSegment")),
            (&tag, json!("tagUnavailable")),
            (&untag, json!("untagged")),
            (&untag, json!("notTagged")),
            (&untag, json!("setByMember")),
            (&assign, json!("changed")),
            (&snooze, json!("unchanged")),
            (&urgent, json!("nothingToActOn")),
            (&watch, json!("changed")),
            (&value, json!("unavailable")),
            (&of_account, json!("changed")),
            (&to_owner, json!("noOwner")),
            (&owner, json!("changed")),
            (&stage, json!("changed")),
            (&stage_of_account, json!("unchanged")),
            (&notice, json!({"queued": {"deliveryId": delivery}})),
            (&notice, json!("targetUnavailable")),
            (&task, json!({"taskCreated": {"taskId": made}})),
            (
                &task,
                json!({"taskCreated": {"taskId": made, "unassigned": "MEMBER_REMOVED"}}),
            ),
            (&start, json!({"enrolled": {"enrolmentId": enrolment}})),
            (&start, json!("alreadyEnrolled")),
            (&start, json!("notEnrolledAgain")),
            (&start, json!("playbookUnavailable")),
            (&start, json!("chainTooLong")),
            (&stop, json!("enrolmentEnded")),
            (&stop, json!("notEnrolled")),
            (&survey, json!({"invited": {"invitationId": invitation}})),
            (&survey, json!("invitedAlready")),
            (&survey, json!("unsubscribed")),
            (&survey, json!("noEmailAddress")),
            (&survey, json!("noPublicUrl")),
            (&survey, json!("fromArchive")),
            (&notice, json!({"repeated": {"ruleId": rule}})),
        ] {
            let stored = json!({"action": 0, "effect": effect, "result": result});
            let outcome: Outcome = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(serde_json::to_value(outcome).unwrap(), stored);
        }
        let old = json!({"notifySlack": {"targetId": Uuid::from_u128(2), "title": "VIP"}});
        let effect: Effect = serde_json::from_value(old).unwrap();
        assert!(matches!(effect, Effect::Notify { text: None, .. }));
    }
}
