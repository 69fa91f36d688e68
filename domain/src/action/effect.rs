//! What an action comes down to, and what became of it. Stored with firings as JSON: variants and
//! fields are added, never renamed.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{DeliveryId, EnrolmentId, RuleId, SegmentId, SurveyInvitationId, TaskId},
    kind::{ConversationStatus, LifecycleStage, Priority, SubjectKind, TagTarget, TaskPriority},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::TaskAssignee;
use crate::task::Unassigned;

/// One thing to carry out. Two equal effects on the same case are the same thing asked for twice.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Hash)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(
    missing_docs,
    reason = "the fields are those of the action of that name"
)]
pub enum Effect {
    /// Put a tag on the conversation.
    TagConversation {
        tag_id: Uuid,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_in_seconds: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        while_in_segment_id: Option<Uuid>,
    },
    /// Put a tag on the contact.
    TagContact {
        tag_id: Uuid,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_in_seconds: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        while_in_segment_id: Option<Uuid>,
    },
    /// Put a tag on the account.
    TagAccount {
        tag_id: Uuid,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_in_seconds: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        while_in_segment_id: Option<Uuid>,
    },
    /// Take a tag off the conversation.
    UntagConversation {
        tag_id: Uuid,
        even_if_set_by_member: bool,
    },
    /// Take a tag off the contact.
    UntagContact {
        tag_id: Uuid,
        even_if_set_by_member: bool,
    },
    /// Take a tag off the account.
    UntagAccount {
        tag_id: Uuid,
        even_if_set_by_member: bool,
    },
    /// Give the conversation to a member, to whoever looks after the contact, or to nobody.
    Assign {
        member_id: Option<Uuid>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        to_owner: bool,
    },
    /// Open, close or put aside the conversation.
    SetStatus {
        status: ConversationStatus,
        snooze_minutes: Option<i64>,
    },
    /// Say how urgent the conversation is.
    SetPriority { priority: Priority },
    /// Have a member watch the conversation.
    Watch { member_id: Uuid },
    /// Give the contact, the account or the conversation a value, or take it away.
    SetAttribute {
        #[serde(default = "contact", skip_serializing_if = "is_contact")]
        of: SubjectKind,
        attribute_id: Uuid,
        value: Option<serde_json::Value>,
    },
    /// Move the contact or the account to a stage.
    SetStage {
        #[serde(default = "contact", skip_serializing_if = "is_contact")]
        of: SubjectKind,
        stage: Option<LifecycleStage>,
    },
    /// Have a member look after the contact or the account, or nobody.
    SetOwner {
        of: SubjectKind,
        member_id: Option<Uuid>,
    },
    /// Tell a target.
    #[serde(alias = "notifySlack")]
    Notify {
        target_id: Uuid,
        title: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Make a task for a member.
    CreateTask {
        title: String,
        description: String,
        priority: TaskPriority,
        due_in_minutes: Option<i64>,
        assignee: TaskAssignee,
    },
    /// Enrol the contact in a playbook.
    StartPlaybook { playbook_id: Uuid },
    /// End the contact's enrolment in a playbook.
    StopPlaybook { playbook_id: Uuid },
    /// Ask the contact to answer a survey.
    SendSurvey { survey_id: Uuid },
}

/// What the first releases changed, and said nothing of.
fn contact() -> SubjectKind {
    SubjectKind::Contact
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_contact(of: &SubjectKind) -> bool {
    *of == SubjectKind::Contact
}

/// A tag to be put on or taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tagging {
    pub(crate) target: TagTarget,
    pub(crate) tag_id: Uuid,
    pub(crate) act: TagAct,
    /// The segment that the thing has to be in for the tag to be put on, and to stay.
    pub(crate) while_in: Option<SegmentId>,
}

/// What is to happen to a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagAct {
    /// On; off again after so long, if at all.
    Put(Option<TimeDelta>),
    /// Off, unless a person set it.
    Take,
    /// Off, whoever set it.
    TakeAnyway,
}

impl TagAct {
    /// Whether the tag is put on.
    pub(crate) fn puts(self) -> bool {
        matches!(self, Self::Put(_))
    }
}

impl Effect {
    /// The tag and what is to happen to it, if it is about one.
    pub(crate) fn tagging(&self) -> Option<Tagging> {
        // Ten years of seconds at most: `ActionKind::check`.
        let put = |seconds: Option<i64>| TagAct::Put(seconds.and_then(TimeDelta::try_seconds));
        let take = |force: bool| {
            if force {
                TagAct::TakeAnyway
            } else {
                TagAct::Take
            }
        };
        let (target, tag_id, act) = match *self {
            Self::TagConversation {
                tag_id,
                expires_in_seconds,
                ..
            } => (TagTarget::Conversation, tag_id, put(expires_in_seconds)),
            Self::TagContact {
                tag_id,
                expires_in_seconds,
                ..
            } => (TagTarget::Contact, tag_id, put(expires_in_seconds)),
            Self::TagAccount {
                tag_id,
                expires_in_seconds,
                ..
            } => (TagTarget::Account, tag_id, put(expires_in_seconds)),
            Self::UntagConversation {
                tag_id,
                even_if_set_by_member,
            } => (TagTarget::Conversation, tag_id, take(even_if_set_by_member)),
            Self::UntagContact {
                tag_id,
                even_if_set_by_member,
            } => (TagTarget::Contact, tag_id, take(even_if_set_by_member)),
            Self::UntagAccount {
                tag_id,
                even_if_set_by_member,
            } => (TagTarget::Account, tag_id, take(even_if_set_by_member)),
            _ => return None,
        };
        let while_in = match *self {
            Self::TagContact {
                while_in_segment_id,
                ..
            }
            | Self::TagAccount {
                while_in_segment_id,
                ..
            } => while_in_segment_id,
            _ => None,
        };
        Some(Tagging {
            target,
            tag_id,
            act,
            while_in: while_in.map(SegmentId),
        })
    }

    /// Whether it changes something about the account.
    pub(crate) fn is_of_account(&self) -> bool {
        match self {
            Self::SetAttribute { of, .. }
            | Self::SetStage { of, .. }
            | Self::SetOwner { of, .. } => *of == SubjectKind::Account,
            _ => self
                .tagging()
                .is_some_and(|one| one.target == TagTarget::Account),
        }
    }

    /// Whether quiet hours and business hours hold it.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self, Self::Notify { .. } | Self::SendSurvey { .. })
    }

    /// Whether people notice it beyond what is shown about the thing: somebody is told, asked or given
    /// something to do.
    pub(crate) fn reaches_people(&self) -> bool {
        matches!(
            self,
            Self::Notify { .. }
                | Self::SendSurvey { .. }
                | Self::CreateTask { .. }
                | Self::StartPlaybook { .. }
        )
    }
}

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
