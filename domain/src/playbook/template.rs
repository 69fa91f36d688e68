//! Playbooks ready to be made, in three languages.
//!
//! They name nothing of a workspace: tasks go to whoever looks after the contact, and what they wait
//! for is told by stages, health and tasks. Once made they are playbooks like any other.

use async_graphql::Enum;
use entity::kind::{HealthBand, LifecycleStage, TaskPriority, Weekday};

use super::{
    definition::{Again, Definition, Ending, Source, Step, StepKind, Wait},
    write::NewPlaybook,
};
use crate::{
    action::{Action, CreateTask, SetContactStage, TaskAssignee},
    condition::{Condition, Health},
    locale::Locale,
};

/// A ready-made playbook.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[graphql(name = "PlaybookTemplateKind")]
pub enum Template {
    /// The first weeks of a new customer.
    Onboarding,
    /// What to do when a customer is in danger of being lost.
    ChurnRescue,
    /// The weeks before a contract ends.
    Renewal,
}

impl Template {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Onboarding, Self::ChurnRescue, Self::Renewal];
}

/// The playbook to be made; a draft unless the caller says otherwise.
pub fn playbook(template: Template, locale: Locale) -> NewPlaybook {
    let say = Say(locale);
    let (name, description) = title(template, &say);
    NewPlaybook {
        name,
        description,
        definition: match template {
            Template::Onboarding => onboarding(&say),
            Template::ChurnRescue => churn_rescue(&say),
            Template::Renewal => renewal(&say),
        },
        publish: false,
    }
}

/// Chooses by language.
struct Say(Locale);

impl Say {
    fn say(&self, ja: &str, en: &str, zh: &str) -> String {
        match self.0 {
            Locale::Ja => ja,
            Locale::En => en,
            Locale::Zh => zh,
        }
        .to_owned()
    }
}

fn title(template: Template, say: &Say) -> (String, String) {
    match template {
        Template::Onboarding => (
            say.say("オンボーディング", "Onboarding", "新客户引导"),
            say.say(
                "新しいお客様の最初の数週間を担当者が確実に見守ります。",
                "Sees to it that somebody looks after a new customer's first weeks.",
                "确保有人跟进新客户的最初几周。",
            ),
        ),
        Template::ChurnRescue => (
            say.say("解約防止", "Churn rescue", "流失挽回"),
            say.say(
                "健全度が危険になったお客様に、担当者がすぐに、そして続けて働きかけます。",
                "Has somebody reach out, at once and again, when a customer's health turns at risk.",
                "当客户健康等级转为有风险时，安排人员立即并持续跟进。",
            ),
        ),
        Template::Renewal => (
            say.say("契約更新", "Renewal", "续约"),
            say.say(
                "契約終了の60日前に登録します。更新の準備から確認までをタスクにします。",
                "Enrol 60 days before a contract ends. Makes the tasks from preparing the renewal to \
                 confirming it.",
                "在合同到期前60天加入。将从准备续约到确认的工作转为任务。",
            ),
        ),
    }
}

fn step(id: &str, name: String, kind: StepKind) -> Step {
    Step {
        id: id.to_owned(),
        name,
        kind,
        next: None,
    }
}

fn task(title: String, priority: TaskPriority, due_in_days: i64) -> Action {
    Action::CreateTask(CreateTask {
        title,
        description: String::new(),
        priority,
        due_in_minutes: Some(due_in_days * 24 * 60),
        assignee: TaskAssignee::Owner,
    })
}

fn days(days: i64) -> StepKind {
    StepKind::Wait(Wait::For {
        seconds: days * 86_400,
    })
}

/// Nine o'clock of the next working day.
fn morning() -> StepKind {
    StepKind::Wait(Wait::Until {
        minute: 9 * 60,
        weekdays: vec![
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
        ],
    })
}

fn onboarding(say: &Say) -> Definition {
    let normal = TaskPriority::Normal;
    let welcome = say.say("お礼とご案内の連絡", "Welcome call", "致欢迎电话");
    let first = say.say(
        "初期設定が済んでいるか確認",
        "Check that the set-up is done",
        "确认初始设置已完成",
    );
    let month = say.say(
        "1か月の振り返りの打ち合わせ",
        "Meet to look back on the first month",
        "安排首月回顾会议",
    );
    Definition {
        steps: vec![
            step(
                "welcome",
                welcome.clone(),
                StepKind::Actions(vec![
                    Action::SetContactStage(SetContactStage {
                        stage: Some(LifecycleStage::Customer),
                    }),
                    task(welcome, TaskPriority::High, 1),
                ]),
            ),
            step("week", String::new(), days(7)),
            step("week-morning", String::new(), morning()),
            step(
                "set-up",
                first.clone(),
                StepKind::Actions(vec![task(first, normal, 2)]),
            ),
            step("month", String::new(), days(23)),
            step("month-morning", String::new(), morning()),
            step(
                "look-back",
                month.clone(),
                StepKind::Actions(vec![task(month, normal, 5)]),
            ),
        ],
        ..Definition::default()
    }
}

fn churn_rescue(say: &Say) -> Definition {
    let call = say.say(
        "状況を伺う連絡",
        "Call and ask how things are",
        "致电了解情况",
    );
    let plan = say.say(
        "改善案を一緒に決める打ち合わせ",
        "Agree on what will be mended",
        "开会商定改进方案",
    );
    let check = say.say(
        "改善したか確認し、必要なら上長に相談",
        "Check whether it got better; ask for help if not",
        "确认是否改善，必要时上报",
    );
    Definition {
        steps: vec![
            step(
                "call",
                call.clone(),
                StepKind::Actions(vec![task(call, TaskPriority::Urgent, 1)]),
            ),
            step("days", String::new(), days(3)),
            step("days-morning", String::new(), morning()),
            step(
                "plan",
                plan.clone(),
                StepKind::Actions(vec![task(plan, TaskPriority::High, 3)]),
            ),
            step("weeks", String::new(), days(14)),
            step("weeks-morning", String::new(), morning()),
            step(
                "check",
                check.clone(),
                StepKind::Actions(vec![task(check, TaskPriority::High, 2)]),
            ),
        ],
        goals: vec![Ending {
            name: say.say("健全度が回復", "Healthy again", "健康等级恢复"),
            condition: Condition::Health(Box::new(Health {
                bands: Some(vec![HealthBand::Healthy]),
                ..Health::default()
            })),
        }],
        sources: vec![Source::HealthBand {
            bands: vec![HealthBand::AtRisk],
        }],
        again: Again::AfterDays(30),
        ..Definition::default()
    }
}

fn renewal(say: &Say) -> Definition {
    let normal = TaskPriority::Normal;
    let prepare = say.say(
        "利用状況をまとめ、更新の提案を用意",
        "Sum up how they use it and prepare the offer",
        "汇总使用情况并准备续约方案",
    );
    let talk = say.say("更新の打ち合わせ", "Talk about the renewal", "洽谈续约");
    let confirm = say.say(
        "更新の意思を確認し、手続きを進める",
        "Have the renewal confirmed and signed",
        "确认续约意向并办理手续",
    );
    Definition {
        steps: vec![
            step(
                "prepare",
                prepare.clone(),
                StepKind::Actions(vec![task(prepare, normal, 10)]),
            ),
            step("to-talk", String::new(), days(15)),
            step("talk-morning", String::new(), morning()),
            step(
                "talk",
                talk.clone(),
                StepKind::Actions(vec![task(talk, normal, 10)]),
            ),
            step("to-confirm", String::new(), days(25)),
            step("confirm-morning", String::new(), morning()),
            step(
                "confirm",
                confirm.clone(),
                StepKind::Actions(vec![task(confirm, TaskPriority::High, 7)]),
            ),
        ],
        again: Again::AfterEnd,
        ..Definition::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_saved_as_it_is_in_every_language() {
        for template in Template::ALL {
            for locale in [Locale::Ja, Locale::En, Locale::Zh] {
                let new = playbook(template, locale);
                assert_eq!(new.definition.check(), [], "{template:?} {locale:?}");
                assert_eq!(new.definition.references(), []);
                let stored = new.definition.to_stored().unwrap();
                let again = Definition::from_stored(stored).unwrap();
                assert_eq!(again, new.definition);
            }
        }
    }
}
