//! A playbook in words: a line for each step and each thing around them, in three languages.

use entity::kind::Weekday;

use super::definition::{Again, Definition, SEGMENT, Source, Step, StepKind, Wait};
use crate::{
    condition::{
        band_label,
        reference::{IdKind, Names},
        sentence::{Phrasing, say},
    },
    locale::Locale,
    rule::sentence::held,
    text::counted,
};

/// The lines: what enrols, the steps in their order, the goals, the exits, whether somebody may come
/// again, and when notices wait.
pub fn outline(locale: Locale, names: &dyn Names, definition: &Definition) -> Vec<String> {
    let phrasing = Phrasing { locale, names };
    let mut lines = vec![sources(&phrasing, &definition.sources)];
    for (index, step) in definition.steps.iter().enumerate() {
        lines.push(line(&phrasing, definition, index, step));
    }
    for goal in &definition.goals {
        let (name, clause) = (
            phrasing.quote(&goal.name),
            clause(&phrasing, &goal.condition),
        );
        lines.push(say!(
            phrasing,
            format!("ゴール{name}：{clause}場合、達成として終了する。"),
            format!("Goal {name}: ends as reached when {clause}."),
            format!("目标{name}：当{clause}时，视为达成并结束。")
        ));
    }
    for exit in &definition.exits {
        let (name, clause) = (
            phrasing.quote(&exit.name),
            clause(&phrasing, &exit.condition),
        );
        lines.push(say!(
            phrasing,
            format!("離脱{name}：{clause}場合、途中で終了する。"),
            format!("Exit {name}: leaves when {clause}."),
            format!("退出{name}：当{clause}时，中途结束。")
        ));
    }
    lines.push(again(&phrasing, definition.again));
    let limits = &definition.limits;
    lines.extend(held(
        locale,
        limits.quiet_hours,
        limits.notify_in_business_hours,
    ));
    lines
}

fn clause(phrasing: &Phrasing<'_>, condition: &crate::condition::Condition) -> String {
    phrasing.condition(condition, true)
}

fn sources(phrasing: &Phrasing<'_>, sources: &[Source]) -> String {
    let named = |kind, ids: &[uuid::Uuid]| {
        let names: Vec<String> = ids.iter().map(|&id| phrasing.named(kind, id)).collect();
        phrasing.or(&names)
    };
    let mut clauses: Vec<String> = sources
        .iter()
        .map(|source| match source {
            Source::SegmentEntered { segment_ids } => {
                let names = named(SEGMENT, segment_ids);
                say!(
                    phrasing,
                    format!("セグメント{names}に入ったとき"),
                    format!("when somebody comes into the segment {names}"),
                    format!("当联系人进入细分{names}时")
                )
            }
            Source::HealthBand { bands } => {
                let bands: Vec<String> =
                    bands.iter().map(|&one| band_label(phrasing, one)).collect();
                let bands = phrasing.or(&bands);
                say!(
                    phrasing,
                    format!("健全度の区分が{bands}になったとき"),
                    format!("when the health band becomes {bands}"),
                    format!("当健康等级变为{bands}时")
                )
            }
            Source::TagAdded { tag_ids, .. } => {
                let names = named(IdKind::ContactTag, tag_ids);
                say!(
                    phrasing,
                    format!("タグ{names}が付いたとき"),
                    format!("when somebody is tagged {names}"),
                    format!("当联系人被添加标签{names}时")
                )
            }
        })
        .collect();
    clauses.push(
        say!(
            phrasing,
            "手動またはルールで",
            "by hand or by a rule",
            "手动或由规则"
        )
        .to_owned(),
    );
    let clauses = clauses.join(say!(phrasing, "、", "; ", "；"));
    say!(
        phrasing,
        format!("登録：{clauses}。"),
        format!("Enrols {clauses}."),
        format!("加入：{clauses}。")
    )
}

fn line(phrasing: &Phrasing<'_>, definition: &Definition, index: usize, step: &Step) -> String {
    let number = index + 1;
    let title = if step.name.is_empty() {
        String::new()
    } else {
        phrasing.quote(&step.name) + say!(phrasing, "：", ": ", "：")
    };
    let what = what(phrasing, definition, step);
    let then = match (&step.kind, &step.next) {
        // A branch says where everybody else goes.
        (StepKind::Branch(_), _) | (_, None) => String::new(),
        (_, Some(next)) => {
            let next = place(phrasing, definition, next);
            say!(
                phrasing,
                format!("その後{next}へ進む。"),
                format!(" Then goes on with {next}."),
                format!("然后转到{next}。")
            )
        }
    };
    let stop = say!(phrasing, "。", ".", "。");
    format!("{number}. {title}{what}{stop}{then}")
}

/// What people call a step: its number, and its name if it has one.
fn place(phrasing: &Phrasing<'_>, definition: &Definition, step: &str) -> String {
    let Some(index) = definition.place(step) else {
        return phrasing.quote(step);
    };
    let number = index + 1;
    let step = &definition.steps[index];
    let name = if step.name.is_empty() {
        String::new()
    } else {
        phrasing.quote(&step.name)
    };
    say!(
        phrasing,
        format!("ステップ{number}{name}"),
        format!("step {number} {name}").trim_end().to_owned(),
        format!("步骤{number}{name}")
    )
}

fn what(phrasing: &Phrasing<'_>, definition: &Definition, step: &Step) -> String {
    match &step.kind {
        StepKind::Actions(actions) => {
            let actions: Vec<String> = actions
                .iter()
                .map(|action| action.kind().phrase(phrasing))
                .collect();
            actions.join(say!(phrasing, "、", ", ", "，"))
        }
        StepKind::Wait(wait) => waiting(phrasing, wait),
        StepKind::WaitFor(wait) => {
            let clause = clause(phrasing, &wait.condition);
            let long = duration(phrasing, wait.timeout_seconds);
            let late = wait.on_timeout.as_deref().map(|step| {
                let step = place(phrasing, definition, step);
                say!(
                    phrasing,
                    format!("、過ぎたら{step}へ進む"),
                    format!(", then goes to {step}"),
                    format!("，超时则转到{step}")
                )
            });
            let late = late.unwrap_or_default();
            say!(
                phrasing,
                format!("次の条件を満たすまで最長{long}待つ（{clause}）{late}"),
                format!("waits until {clause}, for {long} at most{late}"),
                format!("等待直到{clause}，最长{long}{late}")
            )
        }
        StepKind::Branch(arms) => {
            let mut ways: Vec<String> = arms
                .iter()
                .map(|arm| {
                    let clause = clause(phrasing, &arm.condition);
                    let next = place(phrasing, definition, &arm.next);
                    say!(
                        phrasing,
                        format!("{clause}場合は{next}へ"),
                        format!("if {clause}, goes to {next}"),
                        format!("若{clause}，转到{next}")
                    )
                })
                .collect();
            let rest = step.next.as_deref().map_or_else(
                || say!(phrasing, "次のステップ", "the next step", "下一步").to_owned(),
                |next| place(phrasing, definition, next),
            );
            ways.push(say!(
                phrasing,
                format!("それ以外は{rest}へ"),
                format!("otherwise to {rest}"),
                format!("否则转到{rest}")
            ));
            ways.join(say!(phrasing, "、", "; ", "；"))
        }
        StepKind::End => say!(phrasing, "終了する", "ends", "结束").to_owned(),
    }
}

fn waiting(phrasing: &Phrasing<'_>, wait: &Wait) -> String {
    match wait {
        Wait::For { seconds } => {
            let long = duration(phrasing, *seconds);
            say!(
                phrasing,
                format!("{long}待つ"),
                format!("waits {long}"),
                format!("等待{long}")
            )
        }
        Wait::Until { minute, weekdays } => {
            let time = format!("{:02}:{:02}", minute / 60, minute % 60);
            let days: Vec<String> = weekdays
                .iter()
                .map(|&day| weekday(phrasing, day).to_owned())
                .collect();
            let days = match phrasing.locale {
                Locale::Ja => days.join("・"),
                Locale::En | Locale::Zh => phrasing.or(&days),
            };
            if weekdays.is_empty() {
                return say!(
                    phrasing,
                    format!("次の{time}まで待つ"),
                    format!("waits until {time}"),
                    format!("等到{time}")
                );
            }
            say!(
                phrasing,
                format!("次の{days}の{time}まで待つ"),
                format!("waits until {time} on {days}"),
                format!("等到{days}的{time}")
            )
        }
    }
}

/// A duration in its largest whole unit.
fn duration(phrasing: &Phrasing<'_>, seconds: i64) -> String {
    let (number, ja, en, zh) = match seconds {
        s if s % 86_400 == 0 => (s / 86_400, "日", "day", "天"),
        s if s % 3_600 == 0 => (s / 3_600, "時間", "hour", "小时"),
        s if s % 60 == 0 => (s / 60, "分", "minute", "分钟"),
        s => (s, "秒", "second", "秒"),
    };
    say!(
        phrasing,
        format!("{number}{ja}"),
        counted(number, en),
        format!("{number}{zh}")
    )
}

fn weekday(phrasing: &Phrasing<'_>, day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => say!(phrasing, "月曜日", "Monday", "周一"),
        Weekday::Tuesday => say!(phrasing, "火曜日", "Tuesday", "周二"),
        Weekday::Wednesday => say!(phrasing, "水曜日", "Wednesday", "周三"),
        Weekday::Thursday => say!(phrasing, "木曜日", "Thursday", "周四"),
        Weekday::Friday => say!(phrasing, "金曜日", "Friday", "周五"),
        Weekday::Saturday => say!(phrasing, "土曜日", "Saturday", "周六"),
        Weekday::Sunday => say!(phrasing, "日曜日", "Sunday", "周日"),
    }
}

fn again(phrasing: &Phrasing<'_>, again: Again) -> String {
    match again {
        Again::Never => say!(
            phrasing,
            "再登録：しない。".to_owned(),
            "Enrols each contact once.".to_owned(),
            "每位联系人只加入一次。".to_owned()
        ),
        Again::AfterEnd => say!(
            phrasing,
            "再登録：終了後いつでも。".to_owned(),
            "Enrols again once the last enrolment has ended.".to_owned(),
            "上次结束后可再次加入。".to_owned()
        ),
        Again::AfterDays(days) => say!(
            phrasing,
            format!("再登録：終了の{days}日後から。"),
            format!(
                "Enrols again {} after the last enrolment has ended.",
                counted(days, "day")
            ),
            format!("上次结束{days}天后可再次加入。")
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use uuid::Uuid;

    use super::*;
    use crate::playbook::{
        definition::WaitFor,
        samples::{always, step},
    };

    #[test]
    fn waits_read_as_people_say_them() {
        let names: HashMap<Uuid, String> = HashMap::new();
        let definition = Definition {
            steps: vec![
                step(
                    "for",
                    StepKind::WaitFor(WaitFor {
                        condition: always(),
                        timeout_seconds: 7_200,
                        on_timeout: None,
                    }),
                    None,
                ),
                step(
                    "until",
                    StepKind::Wait(Wait::Until {
                        minute: 540,
                        weekdays: vec![Weekday::Monday, Weekday::Friday],
                    }),
                    None,
                ),
            ],
            ..Definition::default()
        };
        for (locale, expected) in [
            (
                Locale::Ja,
                [
                    "1. 次の条件を満たすまで最長2時間待つ（コンタクトにタグ（削除済み）が付いている）。",
                    "2. 次の月曜日・金曜日の09:00まで待つ。",
                ],
            ),
            (
                Locale::En,
                [
                    "1. waits until the contact is tagged (deleted), for 2 hours at most.",
                    "2. waits until 09:00 on Monday or Friday.",
                ],
            ),
            (
                Locale::Zh,
                [
                    "1. 等待直到联系人带有标签（已删除），最长2小时。",
                    "2. 等到周一或周五的09:00。",
                ],
            ),
        ] {
            let lines = outline(locale, &names, &definition);
            assert_eq!(lines[1..3], expected);
        }
    }
}
