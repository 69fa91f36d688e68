//! Conditions in words that a person can check against what they meant.

use uuid::Uuid;

use super::{
    Condition, Mode, Shape,
    reference::{IdKind, Names},
};
use crate::locale::Locale;

/// Chooses by language: Japanese, English, Chinese.
macro_rules! say {
    ($phrasing:expr, $ja:expr, $en:expr, $zh:expr $(,)?) => {
        match $phrasing.locale {
            $crate::locale::Locale::Ja => $ja,
            $crate::locale::Locale::En => $en,
            $crate::locale::Locale::Zh => $zh,
        }
    };
}
pub(crate) use say;

/// The language to speak and the names to use.
pub(crate) struct Phrasing<'a> {
    pub(crate) locale: Locale,
    pub(crate) names: &'a dyn Names,
}

/// The condition as a clause, such as “the contact is tagged “VIP””.
pub fn clause(locale: Locale, names: &dyn Names, condition: &Condition) -> String {
    Phrasing { locale, names }.condition(condition, true)
}

impl Phrasing<'_> {
    /// The condition as a clause; with `outermost`, without brackets around a group.
    pub(crate) fn condition(&self, condition: &Condition, outermost: bool) -> String {
        let group = |children: &[Condition], joined_by: &str| {
            let clauses: Vec<String> = children
                .iter()
                .map(|child| self.condition(child, children.len() == 1 && outermost))
                .collect();
            let joined = clauses.join(joined_by);
            if outermost || children.len() == 1 {
                joined
            } else {
                say!(
                    self,
                    format!("（{joined}）"),
                    format!("({joined})"),
                    format!("（{joined}）")
                )
            }
        };
        match condition.shape() {
            Shape::All(children) => group(children, say!(self, "、かつ", " and ", "，且")),
            Shape::Any(children) => group(children, say!(self, "、または", " or ", "，或")),
            Shape::Not(child) => {
                let inner = self.condition(child, true);
                say!(
                    self,
                    format!("（{inner}）ことがない"),
                    format!("not ({inner})"),
                    format!("并非（{inner}）")
                )
            }
            Shape::Leaf(leaf) => leaf.phrase(self),
        }
    }

    /// What someone wrote, in quotation marks.
    pub(crate) fn quote(&self, text: &str) -> String {
        say!(
            self,
            format!("「{text}」"),
            format!("“{text}”"),
            format!("“{text}”")
        )
    }

    /// The quoted name of a thing, or words that say it is gone.
    pub(crate) fn named(&self, kind: IdKind, id: Uuid) -> String {
        match self.names.name(kind, id) {
            Some(name) => self.quote(&name),
            None => say!(self, "（削除済み）", "(deleted)", "（已删除）").to_owned(),
        }
    }

    /// Clauses that must all hold.
    pub(crate) fn both(&self, clauses: &[String]) -> String {
        clauses.join(say!(self, "、かつ", " and ", "，且"))
    }

    /// There is something, or there is not.
    pub(crate) fn is_set(&self, subject: &str, wanted: bool) -> String {
        if wanted {
            say!(
                self,
                format!("{subject}がある"),
                format!("{subject} is known"),
                format!("有{subject}")
            )
        } else {
            say!(
                self,
                format!("{subject}がない"),
                format!("{subject} is not known"),
                format!("没有{subject}")
            )
        }
    }

    /// A list has any, all or none of some items.
    pub(crate) fn has(&self, subject: &str, mode: Mode, items: &[String]) -> String {
        match mode {
            Mode::Any => {
                let items = self.or(items);
                say!(
                    self,
                    format!("{subject}に{items}が含まれる"),
                    format!("{subject} has {items}"),
                    format!("{subject}包含{items}")
                )
            }
            Mode::All => {
                let items = self.and(items);
                say!(
                    self,
                    format!("{subject}に{items}のすべてが含まれる"),
                    format!("{subject} has {items}"),
                    format!("{subject}同时包含{items}")
                )
            }
            Mode::None => {
                let items = self.or(items);
                say!(
                    self,
                    format!("{subject}に{items}が含まれない"),
                    format!("{subject} does not have {items}"),
                    format!("{subject}不包含{items}")
                )
            }
        }
    }

    /// Somebody is in any, all or none of some segments.
    pub(crate) fn member_of(&self, subject: &str, mode: Mode, segments: &[String]) -> String {
        let segments = match mode {
            Mode::All => self.and(segments),
            _ => self.or(segments),
        };
        match mode {
            Mode::None => say!(
                self,
                format!("{subject}がセグメント{segments}に入っていない"),
                format!("{subject} is not in the segment {segments}"),
                format!("{subject}不在细分{segments}中")
            ),
            _ => say!(
                self,
                format!("{subject}がセグメント{segments}に入っている"),
                format!("{subject} is in the segment {segments}"),
                format!("{subject}在细分{segments}中")
            ),
        }
    }

    /// Items of which one is enough.
    pub(crate) fn or(&self, items: &[String]) -> String {
        match self.locale {
            Locale::Ja => items.join("または"),
            Locale::En => listed(items, ", ", " or "),
            Locale::Zh => listed(items, "、", "或"),
        }
    }

    /// Items that belong together.
    pub(crate) fn and(&self, items: &[String]) -> String {
        match self.locale {
            Locale::Ja => items.join("と"),
            Locale::En => listed(items, ", ", " and "),
            Locale::Zh => listed(items, "、", "和"),
        }
    }
}

fn listed(items: &[String], between: &str, last: &str) -> String {
    match items.split_last() {
        Some((end, rest)) if !rest.is_empty() => format!("{}{last}{end}", rest.join(between)),
        _ => items.concat(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(stored: &Value, ja: &str, en: &str, zh: &str) {
        let condition: Condition = serde_json::from_value(stored.clone()).unwrap();
        let names: HashMap<Uuid, String> = HashMap::new();
        for (locale, expected) in [(Locale::Ja, ja), (Locale::En, en), (Locale::Zh, zh)] {
            assert_eq!(clause(locale, &names, &condition), expected);
        }
    }

    #[test]
    fn deep_conditions_read_naturally_in_three_languages() {
        check(
            &json!({"events": {"names": ["article_read"], "withinDays": 90, "sameProperty": "article",
                "tests": [{"measure": "COUNT", "is": {"atLeast": 4}}]}}),
            "コンタクトが過去90日間に同じ「article」について「article_read」を行った（回数が4以上）",
            "the contact did “article_read” in the last 90 days with the same “article”: the count is at least 4",
            "联系人在最近90天内针对同一“article”做了“article_read”（次数不少于4）",
        );
        check(
            &json!({"health": {"bands": ["AT_RISK"], "score": {"lessThan": 40}}}),
            "コンタクトの健全度の区分が危険である、かつコンタクトの健全度スコアが40未満である",
            "the contact's health band is at risk and the contact's health score is less than 40",
            "联系人的健康等级为有风险，且联系人的健康分少于40",
        );
        check(
            &json!({"contact": {"hasOwner": false, "lastActivity": {"moreThanDaysAgo": 60}}}),
            "コンタクトの担当者がない、かつコンタクトの最終活動日時が60日より前である",
            "the contact's owner is not known and the contact's last activity is more than 60 days ago",
            "没有联系人的负责人，且联系人的最近活动时间早于60天前",
        );
        check(
            &json!({"orders": {"statuses": ["PAID"], "withinDays": 30}}),
            "コンタクトの過去30日間の支払済みの注文がある",
            "the contact has paid orders of the last 30 days",
            "联系人有最近30天的已付款的订单",
        );
        check(
            &json!({"contact": {"created": {"withinDays": 1}}}),
            "コンタクトの登録日時が過去1日以内である",
            "the contact's creation is within the last 1 day",
            "联系人的创建时间在最近1天内",
        );
    }

    #[test]
    fn what_is_counted_reads_as_people_say_it() {
        check(
            &json!({"orders": {"count": {"atLeast": 1}}}),
            "コンタクトの注文が1件以上ある",
            "the contact has at least 1 order",
            "联系人有不少于1个订单",
        );
        check(
            &json!({"opportunities": {"of": "ACCOUNT", "count": {"atMost": 3}}}),
            "会社の商談が3件以下である",
            "the account has at most 3 opportunities",
            "公司有不超过3个商机",
        );
        check(
            &json!({"orders": {"withinDays": 90, "total":
                {"currency": "JPY", "amount": {"atLeast": 5000}}}}),
            "コンタクトの過去90日間の注文の合計金額が5000以上である（JPYの最小単位）",
            "the total of the contact's orders of the last 90 days is at least 5000 (in minor units of JPY)",
            "联系人最近90天的订单的总金额不少于5000（以JPY最小单位计）",
        );
        check(
            &json!({"orders": {"total": {"currency": "JPY", "amount": {"lessThan": 100}}}}),
            "コンタクトの注文の合計金額が100未満である（JPYの最小単位、ないときは0とする）",
            "the total of the contact's orders is less than 100 (in minor units of JPY, 0 without any)",
            "联系人订单的总金额少于100（以JPY最小单位计，没有则为0）",
        );
        check(
            &json!({"orders": {"daysSinceFirst": {"moreThan": 365}, "daysSinceLast": {"lessThan": 1}}}),
            "コンタクトの注文の最初のものが365日超前である、かつコンタクトの注文の最後のものが1日未満前である",
            "the contact's first order was more than 365 days ago and the contact's last order was less than 1 day ago",
            "联系人订单中的首个距今超过365天，且联系人订单中的最近一个距今少于1天",
        );
        check(
            &json!({"survey": {"kind": "NPS", "count": {"atLeast": 2}, "meanScore": {"lessThan": 7}}}),
            "コンタクトのNPSの回答が2件以上ある、かつコンタクトのNPSの回答の平均スコアが7未満である",
            "the contact has at least 2 NPS answers and the mean score of the contact's NPS answers is less than 7",
            "联系人有不少于2个NPS回答，且联系人NPS回答的平均评分少于7",
        );
        check(
            &json!({"survey": {"kind": "NPS", "surveyKey": "x", "count": {"atLeast": 2}}}),
            "コンタクトのNPS「x」の回答が2件以上ある",
            "the contact has at least 2 NPS “x” answers",
            "联系人有不少于2个NPS“x”回答",
        );
    }
}
