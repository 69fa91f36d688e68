//! What an action comes down to. Stored with firings as JSON: variants and fields are added, never renamed; the
//! samples of what is stored are in `outcome`.

use chrono::TimeDelta;
use entity::{
    id::SegmentId,
    kind::{ConversationStatus, LifecycleStage, Priority, SubjectKind, TagTarget, TaskPriority},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::TaskAssignee;

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
