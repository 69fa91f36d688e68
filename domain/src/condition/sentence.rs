//! Conditions in words that a person can check against what they meant.

use chrono::{DateTime, Utc};
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
                    format!("（{inner}）に該当しない"),
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

    /// A moment as the clocks of the workspace show it, with what people call their time.
    pub(crate) fn moment(&self, at: DateTime<Utc>) -> String {
        let at = at.with_timezone(&self.names.zone());
        at.format("%Y-%m-%d %H:%M %Z").to_string()
    }

    /// Clauses that must all hold.
    pub(crate) fn both(&self, clauses: &[String]) -> String {
        clauses.join(say!(self, "、かつ", " and ", "，且"))
    }

    /// A value is there, or it is not.
    pub(crate) fn is_set(&self, subject: &str, wanted: bool) -> String {
        if wanted {
            say!(
                self,
                format!("{subject}が空ではない"),
                format!("{subject} is known"),
                format!("{subject}不为空")
            )
        } else {
            say!(
                self,
                format!("{subject}が空である"),
                format!("{subject} is not known"),
                format!("{subject}为空")
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

/// “last day”, “last 30 days”: a window that ends now, in English.
pub(crate) fn last_days(days: u32) -> String {
    match days {
        1 => "last day".to_owned(),
        days => format!("last {days} days"),
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

    use chrono_tz::Tz;
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
            "コンタクトが過去90日間に同じ「article」について「article_read」を行った（回数が4回以上）",
            "the contact did “article_read” in the last 90 days with the same “article”: the count is at least 4",
            "联系人在最近90天内针对同一“article”做了“article_read”（次数至少4次）",
        );
        check(
            &json!({"health": {"bands": ["AT_RISK"], "score": {"lessThan": 40}}}),
            "コンタクトの健全度の区分が危険である、かつコンタクトの健全度スコアが40未満である",
            "the contact's health band is at risk and the contact's health score is less than 40",
            "联系人的健康等级为有风险，且联系人的健康分低于40",
        );
        check(
            &json!({"contact": {"hasOwner": false, "lastActivity": {"moreThanDaysAgo": 60}}}),
            "コンタクトに担当者が設定されていない、かつコンタクトの最終活動日時が60日より前である",
            "the contact has no owner and the contact's last activity is more than 60 days ago",
            "联系人没有负责人，且联系人的最近活动时间早于60天前",
        );
        check(
            &json!({"orders": {"statuses": ["PAID"], "withinDays": 30}}),
            "コンタクトに過去30日間の支払済みの注文がある",
            "the contact has paid orders of the last 30 days",
            "联系人有最近30天的已付款订单",
        );
        check(
            &json!({"contact": {"created": {"withinDays": 1}}}),
            "コンタクトの登録日時が過去1日以内である",
            "the contact's creation date is within the last day",
            "联系人的创建时间在最近1天内",
        );
    }

    #[test]
    fn how_long_ahead_and_for_how_long_read_as_people_say_it() {
        let id = Uuid::nil();
        check(
            &json!({"attribute": {"attributeId": id, "of": "CONTACT",
                "time": {"withinNextDays": 30, "atLeastDaysAhead": 1}}}),
            "コンタクトの（削除済み）が今後30日以内である、かつコンタクトの（削除済み）が1日以上先である",
            "the contact's (deleted) is within the next 30 days and the contact's (deleted) is at least 1 day ahead",
            "联系人的（已删除）在未来30天内，且联系人的（已删除）至少在1天之后",
        );
        check(
            &json!({"segments": {"segmentIds": [id], "since": {"moreThanDaysAgo": 14}}}),
            "コンタクトがセグメント（削除済み）に入っている（入った日時が14日より前である場合だけを数える）",
            "the contact is in the segment (deleted) (counting only where the moment of entry is more than 14 days ago)",
            "联系人在细分（已删除）中（仅限进入时间早于14天前的情况）",
        );
    }

    #[test]
    fn what_is_counted_reads_as_people_say_it() {
        check(
            &json!({"orders": {"count": {"atLeast": 1}}}),
            "コンタクトに注文が1件以上ある",
            "the contact has at least 1 order",
            "联系人有至少1个订单",
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
            "コンタクトの過去90日間の注文の合計金額が5000 JPY以上である",
            "the total of the contact's orders of the last 90 days is at least 5000 JPY",
            "联系人最近90天的订单的总金额不低于5000 JPY",
        );
        check(
            &json!({"orders": {"total": {"currency": "usd", "amount": {"lessThan": 12_345}}}}),
            "コンタクトの注文の合計金額が123.45 USD未満である（ないときは0とする）",
            "the total of the contact's orders is less than 123.45 USD (0 without any)",
            "联系人订单的总金额低于123.45 USD（没有则为0）",
        );
        check(
            &json!({"orders": {"daysSinceFirst": {"moreThan": 365}, "daysSinceLast": {"lessThan": 1}}}),
            "コンタクトの最初の注文からの経過日数が365日超である、かつコンタクトの最後の注文からの経過日数が1日未満である",
            "the contact's first order was more than 365 days ago and the contact's last order was less than 1 day ago",
            "联系人订单中首个距今超过365天，且联系人订单中最近一个距今少于1天",
        );
        check(
            &json!({"survey": {"kind": "NPS", "count": {"atLeast": 2}, "meanScore": {"lessThan": 7}}}),
            "コンタクトにNPSの回答が2件以上ある、かつコンタクトのNPSの回答の平均スコアが7未満である",
            "the contact has at least 2 NPS answers and the mean score of the contact's NPS answers is less than 7",
            "联系人有至少2个NPS回答，且联系人NPS回答的平均评分低于7",
        );
        check(
            &json!({"survey": {"kind": "NPS", "surveyKey": "x", "count": {"atLeast": 2}}}),
            "コンタクトにNPS「x」の回答が2件以上ある",
            "the contact has at least 2 NPS “x” answers",
            "联系人有至少2个NPS“x”回答",
        );
        check(
            &json!({"randomShare": {"key": "spring", "place": {"lessThan": 50}}}),
            "コンタクトの「spring」の抽選での位置（0～100）が50未満である",
            "the contact's random place in “spring”, from 0 to 100, is less than 50",
            "联系人在“spring”抽签中的位置（0到100）低于50",
        );
    }

    #[test]
    fn what_is_there_or_not_reads_as_people_say_it() {
        check(
            &json!({"contact": {"hasAccount": true, "email": {"isSet": false}}}),
            "コンタクトのメールアドレスが空である、かつコンタクトに会社が設定されている",
            "the contact's email address is not known and the contact has an account",
            "联系人的邮箱地址为空，且联系人有公司",
        );
        check(
            &json!({"not": {"contact": {"name": {"noneOf": ["a", "b"]}}}}),
            "（コンタクトの名前が「a」または「b」のいずれでもない）に該当しない",
            "not (the contact's name is not “a” or “b”)",
            "并非（联系人的姓名不为“a”或“b”）",
        );
        check(
            &json!({"subscription": {"channel": "EMAIL", "states": ["SUBSCRIBED", "PENDING"]}}),
            "コンタクトのメールの購読状態が購読中または確認待ちである",
            "the contact's subscription to email is active or pending",
            "联系人对邮件的订阅状态为已订阅或待确认",
        );
        check(
            &json!({"health": {"of": "ACCOUNT", "changeIn30Days": {"lessThan": -10}}}),
            "会社の健全度スコアの30日間の変化が-10未満である",
            "the change of the account's health score in 30 days is less than -10",
            "公司的健康分30天内的变化低于-10",
        );
        check(
            &json!({"tickets": {"count": {"lessThan": 5}}}),
            "コンタクトのチケットが5件未満である",
            "the contact has fewer than 5 tickets",
            "联系人有少于5个工单",
        );
    }

    struct Zoned(Tz);

    impl Names for Zoned {
        fn name(&self, _kind: IdKind, _id: Uuid) -> Option<String> {
            None
        }

        fn zone(&self) -> Tz {
            self.0
        }
    }

    #[test]
    fn moments_are_those_of_the_workspace() {
        let since: Condition = serde_json::from_value(json!({"events": {
            "names": ["started"], "from": "2026-03-28T15:00:00Z", "until": "2026-03-29T15:00:00Z"}}))
        .unwrap();
        let created: Condition = serde_json::from_value(
            json!({"contact": {"created": {"from": "2026-03-28T15:00:00Z"}}}),
        )
        .unwrap();
        for (zone, from, until) in [
            (Tz::UTC, "2026-03-28 15:00 UTC", "2026-03-29 15:00 UTC"),
            (
                Tz::Asia__Tokyo,
                "2026-03-29 00:00 JST",
                "2026-03-30 00:00 JST",
            ),
            // Between the two, clocks are set to summer time.
            (
                Tz::Europe__Berlin,
                "2026-03-28 16:00 CET",
                "2026-03-29 17:00 CEST",
            ),
        ] {
            let said = clause(Locale::En, &Zoned(zone), &since);
            assert_eq!(
                said,
                format!("the contact did “started” between {from} and {until}")
            );
            let said = clause(Locale::Ja, &Zoned(zone), &created);
            assert_eq!(said, format!("コンタクトの登録日時が{from}以降である"));
        }
    }

    #[test]
    fn the_clock_reads_as_people_say_it() {
        check(
            &json!({"timeOfDay": {"weekdays": ["MONDAY", "FRIDAY"], "from": "09:00", "until": "12:00"}}),
            "日時が月・金曜日の09:00から12:00までの間である",
            "it is Mon or Fri between 09:00 and 12:00",
            "时间在周一、周五的09:00至12:00之间",
        );
        let week = [
            "MONDAY",
            "TUESDAY",
            "WEDNESDAY",
            "THURSDAY",
            "FRIDAY",
            "SATURDAY",
            "SUNDAY",
        ];
        check(
            &json!({"timeOfDay": {"within": false, "weekdays": week, "from": "22:00", "until": "07:00"}}),
            "日時が22:00から07:00までの間ではない",
            "it is not between 22:00 and 07:00",
            "时间不在22:00至07:00之间",
        );
    }
}
