//! What is known of the conversation.

use async_graphql::{InputObject, SimpleObject};
use entity::{
    id::{InboxId, MemberId},
    kind::{ConversationStatus, Priority},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    field::{Asks, Kind, Table},
    words::Clauses,
};
use crate::{
    condition::{
        Leaf, Need,
        check::Checks,
        path::Path,
        reference::{self, IdKind, Reference},
        scalar::Ref,
        sentence::{Phrasing, say},
        test::{Ask, NumberTest, Test, TimeTest},
    },
    error::UserError,
};

/// Tests what is known of the conversation; every part given must hold.
#[derive(
    InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default,
)]
#[graphql(
    name = "ConversationCondition",
    input_name = "ConversationConditionInput"
)]
#[serde(rename_all = "camelCase", default)]
pub struct ConversationFields {
    /// In one of these states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statuses: Option<Vec<ConversationStatus>>,
    /// Of one of these priorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priorities: Option<Vec<Priority>>,
    /// Given to one of these members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee_ids: Option<Vec<Ref<MemberId>>>,
    /// Given to somebody (`true`) or to nobody (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_assignee: Option<bool>,
    /// In one of these inboxes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbox_ids: Option<Vec<Ref<InboxId>>>,
    /// How many messages it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<NumberTest>,
    /// Since when the contact has been waiting for an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<TimeTest>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<TimeTest>,
}

impl Leaf for ConversationFields {
    fn need(&self) -> Need {
        Need::Conversation
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let mut checks = Checks::new(at, refusals);
        checks.list("statuses", self.statuses.as_ref());
        checks.list("priorities", self.priorities.as_ref());
        let assignees = self.assignee_ids.as_ref();
        checks.choice("assigneeIds", assignees, "hasAssignee", self.has_assignee);
        checks.list("inboxIds", self.inbox_ids.as_ref());
        checks.count("messages", self.messages.as_ref());
        checks.past("waitingSince", self.waiting_since.as_ref());
        checks.past("created", self.created.as_ref());
        checks.something(*self == Self::default());
    }

    fn asks(&self) -> Vec<Ask> {
        let mut asks = Asks::new();
        let table = Table::Conversation;
        let statuses = self.statuses.as_ref();
        asks.words(table, "status", statuses, ConversationStatus::word);
        if let Some(priorities) = &self.priorities {
            let ranks = priorities.iter().map(|priority| NumberTest {
                equals: Some((priority.rank() as f64).into()),
                ..NumberTest::default()
            });
            let test = Test::AnyNumber(ranks.collect());
            asks.ask(table, "priority", Kind::Number, test);
        }
        asks.ids(table, "assignee_id", self.assignee_ids.as_ref());
        asks.set(table, "assignee_id", Kind::Id, self.has_assignee);
        asks.ids(table, "inbox_id", self.inbox_ids.as_ref());
        if let Some(test) = self.messages {
            let test = Test::Numbers(vec![test]);
            asks.ask(table, "messages", Kind::Number, test);
        }
        for (column, test) in [
            ("waiting_since", self.waiting_since),
            ("created_at", self.created),
        ] {
            if let Some(test) = test {
                asks.ask(table, column, Kind::Time, Test::Time(test));
            }
        }
        asks.0
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let subject = say!(phrasing, "会話", "the conversation", "会话");
        let mut clauses = Clauses::new(phrasing, subject);
        let status = ["状態", "status", "状态"];
        clauses.labels(self.statuses.as_ref(), status, status_label);
        let priority = ["優先度", "priority", "优先级"];
        clauses.labels(self.priorities.as_ref(), priority, priority_label);
        let assignee = ["担当者", "assignee", "负责人"];
        clauses.ids(self.assignee_ids.as_ref(), assignee, IdKind::Member);
        clauses.set(self.has_assignee, assignee);
        let inbox = ["受信箱", "inbox", "收件箱"];
        clauses.ids(self.inbox_ids.as_ref(), inbox, IdKind::Inbox);
        let messages = ["メッセージ数", "number of messages", "消息数"];
        clauses.number(self.messages.as_ref(), messages);
        let waiting = [
            "返信待ちの開始日時",
            "first unanswered message",
            "开始等待回复的时间",
        ];
        clauses.time(self.waiting_since.as_ref(), waiting);
        clauses.time(self.created.as_ref(), ["開始日時", "start", "开始时间"]);
        clauses.joined()
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        let assignees = self.assignee_ids.as_ref();
        reference::refs(at, "assigneeIds", IdKind::Member, assignees, found);
        reference::refs(
            at,
            "inboxIds",
            IdKind::Inbox,
            self.inbox_ids.as_ref(),
            found,
        );
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if let (IdKind::Inbox, Some(ids)) = (kind, &mut self.inbox_ids) {
            reference::replace_refs(ids, from, to);
        }
    }
}

/// The status's name in a sentence.
pub(crate) fn status_label(phrasing: &Phrasing<'_>, status: ConversationStatus) -> String {
    match status {
        ConversationStatus::Open => say!(phrasing, "対応中", "open", "处理中"),
        ConversationStatus::Pending => say!(phrasing, "保留中", "pending", "待定"),
        ConversationStatus::Snoozed => say!(phrasing, "スヌーズ中", "snoozed", "已搁置"),
        ConversationStatus::Closed => say!(phrasing, "完了", "closed", "已关闭"),
    }
    .to_owned()
}

/// The priority's name in a sentence.
pub(crate) fn priority_label(phrasing: &Phrasing<'_>, priority: Priority) -> String {
    match priority {
        Priority::Low => say!(phrasing, "低", "low", "低"),
        Priority::Normal => say!(phrasing, "通常", "normal", "普通"),
        Priority::High => say!(phrasing, "高", "high", "高"),
        Priority::Urgent => say!(phrasing, "緊急", "urgent", "紧急"),
    }
    .to_owned()
}
