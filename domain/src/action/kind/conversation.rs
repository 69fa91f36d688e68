//! Working on the conversation: who deals with it, who watches it, where it stands, how urgent it is.

use entity::kind::{ConversationStatus, Priority};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    action::{ActionKind, Effect, Needs},
    condition::{
        check::{self, MAX_IDS},
        path::Path,
        reference::{self, IdKind, Reference},
        sentence::{Phrasing, say},
    },
    error::{UserError, UserErrorCode},
    text::counted,
};

/// The longest snooze, in minutes: a year.
const MAX_SNOOZE_MINUTES: i64 = 366 * 24 * 60;

/// Gives the conversation to a member, to whoever looks after the contact, or to nobody.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct AssignConversation {
    /// The member; nobody if left out.
    #[serde(default)]
    pub member_id: Option<Uuid>,
    /// To the member who looks after the contact; it stays where it is if nobody does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub to_owner: bool,
}

impl ActionKind for AssignConversation {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        if self.to_owner && self.member_id.is_some() {
            let message = "Give it to the member or to the contact's owner. Remove one of the two.";
            refusals.push(
                at.at("toOwner")
                    .refuse(UserErrorCode::Contradictory, message),
            );
        }
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        if self.to_owner {
            return say!(
                phrasing,
                "会話の担当をコンタクトの担当者にする",
                "assign the conversation to the contact's owner",
                "将会话分配给联系人的负责人"
            )
            .to_owned();
        }
        let Some(id) = self.member_id else {
            return say!(
                phrasing,
                "会話の担当を外す",
                "assign the conversation to nobody",
                "取消会话的负责人"
            )
            .to_owned();
        };
        let member = phrasing.named(IdKind::Member, id);
        say!(
            phrasing,
            format!("会話の担当を{member}にする"),
            format!("assign the conversation to {member}"),
            format!("将会话分配给{member}")
        )
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        wanted.push(Effect::Assign {
            member_id: self.member_id,
            to_owner: self.to_owner,
        });
    }

    names_member! {}

    fn needs(&self) -> Needs {
        Needs::Conversation
    }
}

/// Opens, closes or puts aside the conversation.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SetConversationStatus {
    /// Where it is to stand.
    pub status: ConversationStatus,
    /// For how long it is put aside; only with `SNOOZED`.
    #[serde(default)]
    pub snooze_minutes: Option<i64>,
}

impl ActionKind for SetConversationStatus {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let at = at.at("snoozeMinutes");
        let snoozes = self.status == ConversationStatus::Snoozed;
        let (code, message) = match self.snooze_minutes {
            None if snoozes => (
                UserErrorCode::Required,
                "Say for how many minutes the conversation is to be put aside.",
            ),
            Some(_) if !snoozes => (
                UserErrorCode::Contradictory,
                "Only a conversation whose status becomes SNOOZED is put aside for a time.",
            ),
            Some(minutes) if !(1..=MAX_SNOOZE_MINUTES).contains(&minutes) => (
                UserErrorCode::Invalid,
                "Choose from one minute to a year of minutes.",
            ),
            _ => return,
        };
        refusals.push(at.refuse(code, message));
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let minutes = self.snooze_minutes.unwrap_or_default();
        match self.status {
            ConversationStatus::Open => say!(
                phrasing,
                "会話を対応中にする".to_owned(),
                "open the conversation".to_owned(),
                "重新打开会话".to_owned()
            ),
            ConversationStatus::Pending => say!(
                phrasing,
                "会話を保留にする".to_owned(),
                "set the conversation to pending".to_owned(),
                "将会话设为等待中".to_owned()
            ),
            ConversationStatus::Snoozed => say!(
                phrasing,
                format!("会話を{minutes}分間後回しにする"),
                format!("snooze the conversation for {}", counted(minutes, "minute")),
                format!("将会话推迟{minutes}分钟")
            ),
            ConversationStatus::Closed => say!(
                phrasing,
                "会話を完了にする".to_owned(),
                "close the conversation".to_owned(),
                "关闭会话".to_owned()
            ),
        }
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        wanted.push(Effect::SetStatus {
            status: self.status,
            snooze_minutes: self.snooze_minutes,
        });
    }

    names_nothing! {}

    fn needs(&self) -> Needs {
        Needs::Conversation
    }
}

/// Says how urgent the conversation is.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SetConversationPriority {
    /// How urgent.
    pub priority: Priority,
}

impl ActionKind for SetConversationPriority {
    fn check(&self, _at: &Path, _refusals: &mut Vec<UserError>) {}

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let priority = match self.priority {
            Priority::Low => say!(phrasing, "低", "low", "低"),
            Priority::Normal => say!(phrasing, "通常", "normal", "普通"),
            Priority::High => say!(phrasing, "高", "high", "高"),
            Priority::Urgent => say!(phrasing, "緊急", "urgent", "紧急"),
        };
        say!(
            phrasing,
            format!("会話の優先度を{priority}にする"),
            format!("set the conversation's priority to {priority}"),
            format!("将会话优先级设为{priority}")
        )
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        wanted.push(Effect::SetPriority {
            priority: self.priority,
        });
    }

    names_nothing! {}

    fn needs(&self) -> Needs {
        Needs::Conversation
    }
}

/// Has members watch the conversation.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct WatchConversation {
    /// Who; those who watch it already go on.
    pub member_ids: Vec<Uuid>,
}

impl ActionKind for WatchConversation {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let at = at.at("memberIds");
        check::list(&self.member_ids, MAX_IDS, &at, refusals, "member");
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let members = self.member_ids.iter();
        let members: Vec<String> = members
            .map(|&id| phrasing.named(IdKind::Member, id))
            .collect();
        let members = phrasing.and(&members);
        say!(
            phrasing,
            format!("{members}を会話のウォッチャーにする"),
            format!("have {members} watch the conversation"),
            format!("让{members}关注会话")
        )
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        let members = self.member_ids.iter();
        wanted.extend(members.map(|&member_id| Effect::Watch { member_id }));
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        let at = at.at("memberIds");
        reference::list(&at, IdKind::Member, &self.member_ids, found);
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if kind == IdKind::Member {
            reference::replace(&mut self.member_ids, from, to);
        }
    }

    fn needs(&self) -> Needs {
        Needs::Conversation
    }
}
