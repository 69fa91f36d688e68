//! Making a task for a member.

use entity::kind::TaskPriority;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    action::{ActionKind, Effect, Needs},
    condition::{
        Context,
        path::Path,
        reference::{IdKind, Reference},
        sentence::{Phrasing, say},
    },
    error::{UserError, UserErrorCode},
    task, text,
};

/// The longest time until a task is due, in minutes: a year.
const MAX_DUE_MINUTES: i64 = 366 * 24 * 60;

/// Makes a task about the contact, and the conversation if there is one; or about the account alone.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CreateTask {
    /// What is to be done, in a line.
    pub title: String,
    /// More about it.
    #[serde(default)]
    pub description: String,
    /// How pressing it is.
    #[serde(default = "normal")]
    pub priority: TaskPriority,
    /// In how many minutes it is due; never if nothing.
    #[serde(default)]
    pub due_in_minutes: Option<i64>,
    /// Whose it is.
    #[serde(default)]
    pub assignee: TaskAssignee,
}

/// Whose a task is that an action makes.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[serde(rename_all = "camelCase")]
pub enum TaskAssignee {
    /// Nobody's in particular.
    #[default]
    Nobody,
    /// Of the member who looks after the contact, or the account where there is no contact; if somebody
    /// does.
    Owner,
    /// Of this member, as long as they are here.
    Member(Uuid),
    /// Of this team, for whichever of its members takes it.
    Team(Uuid),
}

fn normal() -> TaskPriority {
    TaskPriority::Normal
}

impl CreateTask {
    /// When it is due, in brackets behind its title; nothing if it never is.
    fn phrase_due(&self, phrasing: &Phrasing<'_>) -> String {
        let Some(minutes) = self.due_in_minutes else {
            return String::new();
        };
        let (count, ja, en, zh) = match minutes {
            0 => {
                return say!(phrasing, "（期限：すぐ）", " (due at once)", "（立即到期）")
                    .to_owned();
            }
            days if days % (24 * 60) == 0 => (days / (24 * 60), "日", "day", "天"),
            hours if hours % 60 == 0 => (hours / 60, "時間", "hour", "小时"),
            minutes => (minutes, "分", "minute", "分钟"),
        };
        say!(
            phrasing,
            format!("（期限：{count}{ja}後）"),
            format!(" (due in {})", text::counted(count, en)),
            format!("（{count}{zh}后到期）")
        )
    }
}

impl ActionKind for CreateTask {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let steps = |field: &str| at.at(field).steps().to_vec();
        for (field, result) in [
            ("title", text::name(&self.title, &[], task::MAX_TITLE)),
            (
                "description",
                text::long_text(&self.description, &[], task::MAX_DESCRIPTION),
            ),
        ] {
            if let Err(mut error) = result {
                error.path = steps(field);
                refusals.push(error);
            }
        }
        let due = self.due_in_minutes;
        if due.is_some_and(|minutes| !(0..=MAX_DUE_MINUTES).contains(&minutes)) {
            let message = "Choose from now to a year from then.";
            let at = at.at("dueIn");
            refusals.push(at.refuse(UserErrorCode::Invalid, message));
        }
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        self.phrase_in(phrasing, Context::Contact)
    }

    fn phrase_in(&self, phrasing: &Phrasing<'_>, context: Context) -> String {
        let title = phrasing.quote(&self.title) + &self.phrase_due(phrasing);
        match self.assignee {
            TaskAssignee::Nobody => say!(
                phrasing,
                format!("タスク{title}を作る"),
                format!("create the task {title}"),
                format!("创建任务{title}")
            ),
            TaskAssignee::Owner if context == Context::Account => say!(
                phrasing,
                format!("会社の担当者にタスク{title}を作る"),
                format!("create the task {title} for the account's owner"),
                format!("为公司的负责人创建任务{title}")
            ),
            TaskAssignee::Owner => say!(
                phrasing,
                format!("コンタクトの担当者にタスク{title}を作る"),
                format!("create the task {title} for the contact's owner"),
                format!("为联系人的负责人创建任务{title}")
            ),
            TaskAssignee::Member(id) | TaskAssignee::Team(id) => {
                let kind = match self.assignee {
                    TaskAssignee::Team(_) => IdKind::Team,
                    _ => IdKind::Member,
                };
                let member = phrasing.named(kind, id);
                say!(
                    phrasing,
                    format!("{member}にタスク{title}を作る"),
                    format!("create the task {title} for {member}"),
                    format!("为{member}创建任务{title}")
                )
            }
        }
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        wanted.push(Effect::CreateTask {
            title: self.title.trim().to_owned(),
            description: self.description.clone(),
            priority: self.priority,
            due_in_minutes: self.due_in_minutes,
            assignee: self.assignee,
        });
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        let (field, kind, id) = match self.assignee {
            TaskAssignee::Nobody | TaskAssignee::Owner => return,
            TaskAssignee::Member(id) => ("memberId", IdKind::Member, id),
            TaskAssignee::Team(id) => ("teamId", IdKind::Team, id),
        };
        found.push(Reference::new(&at.at("assignee").at(field), kind, id));
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if kind == IdKind::Member && self.assignee == TaskAssignee::Member(from) {
            self.assignee = TaskAssignee::Member(to);
        }
    }

    fn needs(&self) -> Needs {
        Needs::Anything
    }
}
