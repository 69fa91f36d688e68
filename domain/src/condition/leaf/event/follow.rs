//! What has to have come after an event, or not: the second step of a sequence.

use async_graphql::{InputObject, SimpleObject};
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};

use super::{
    check_names,
    property::{PropertyTest, check_all},
    what,
};
use crate::{
    condition::{
        Whose,
        measure::{Bind, Frag},
        path::Path,
        scalar::Natural,
        sentence::{Phrasing, say},
        test::check_days,
    },
    error::{UserError, UserErrorCode},
    store::dialect,
    text::counted,
};

/// What the same contact has to have done after an event, or not to have done.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Hash)]
#[graphql(name = "EventFollowUp", input_name = "EventFollowUpInput")]
#[serde(rename_all = "camelCase")]
pub struct FollowUp {
    /// The names of the events that count as it, up to 50; empty for every event.
    #[serde(default)]
    #[graphql(default)]
    pub names: Vec<String>,
    /// What their properties must be; all of these must hold.
    #[serde(rename = "where", default, skip_serializing_if = "Vec::is_empty")]
    #[graphql(name = "where", default)]
    pub conditions: Vec<PropertyTest>,
    /// Within so many days after the first event, counted by the second, from 1 to 3660. What happened at
    /// the very same moment did not come after it.
    pub within_days: Natural,
    /// Whether it must have happened (`true`) or must not (`false`). What did not happen is known only when
    /// the days have passed: until then the first event does not count.
    #[serde(default = "happened")]
    #[graphql(default = true)]
    pub happened: bool,
}

fn happened() -> bool {
    true
}

impl FollowUp {
    /// `within` is how old the first event may be, in days.
    pub(super) fn check(&self, within: Option<Natural>, at: &Path, refusals: &mut Vec<UserError>) {
        check_names(&self.names, &at.at("names"), refusals);
        check_all(&self.conditions, &at.at("where"), refusals);
        let at = at.at("withinDays");
        check_days(self.within_days.get(), &at, refusals);
        let is_too_soon = within.is_some_and(|within| within <= self.within_days);
        if !self.happened && is_too_soon {
            let message = "What did not follow is known only after these days, when the first event is too \
                           old for the other withinDays. Make that one longer.";
            refusals.push(at.refuse(UserErrorCode::Contradictory, message));
        }
    }

    /// Appends that it came after the event `x`; or that it did not, and now would be too late.
    pub(super) fn append(&self, backend: DatabaseBackend, wheres: &mut Frag) {
        let days = self.within_days.get();
        if !self.happened {
            let over = Frag::new(" AND x.occurred_at <= ?").with(Bind::DaysAgo(days));
            wheres.append(over);
        }
        let not = if self.happened { "" } else { "NOT " };
        let end = dialect::days_after(backend, "x.occurred_at", days);
        wheres.push(&format!(
            " AND {not}EXISTS (SELECT 1 FROM event y
                WHERE y.workspace_id = x.workspace_id AND y.contact_id = x.contact_id
                  AND y.occurred_at > x.occurred_at AND y.occurred_at <= {end}"
        ));
        if !self.names.is_empty() {
            wheres.push(" AND ");
            let names = self.names.iter().cloned().map(Bind::Text);
            wheres.append(Frag::one_of("y.name", names));
        }
        for test in &self.conditions {
            test.append(backend, "y", wheres);
        }
        wheres.push(")");
    }

    /// What stands behind the first event in a sentence. Of an account it is said that both are of one
    /// person.
    pub(super) fn phrase(&self, phrasing: &Phrasing<'_>, of: Whose) -> String {
        let days = self.within_days.get();
        let en_days = counted(days, "day");
        let what = what(phrasing, &self.names, &self.conditions);
        let [ja, en, en_not, zh, zh_not] = match of {
            Whose::Contact => ["", "", "not", "", ""],
            Whose::Account => [
                "同じ人が",
                "the same person did ",
                "the same person did not do",
                "且同一人",
                "同一人",
            ],
        };
        if self.happened {
            return say!(
                phrasing,
                format!("、その後{days}日以内に{ja}{what}を行った"),
                format!(" and then {en}{what} within {en_days}"),
                format!("，并{zh}在其后{days}天内做了{what}")
            );
        }
        if self.names.is_empty() && self.conditions.is_empty() {
            return say!(
                phrasing,
                format!("、その後{days}日間{ja}何も行わなかった"),
                format!(" and then {en}nothing within {en_days}"),
                format!("，但{zh_not}在其后{days}天内未做任何事")
            );
        }
        say!(
            phrasing,
            format!("、その後{days}日以内に{ja}{what}を行わなかった"),
            format!(" but {en_not} {what} within {en_days} after it"),
            format!("，但{zh_not}在其后{days}天内未做{what}")
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::{
        condition::{Condition, Context, Use, check, sentence::clause},
        error::UserErrorCode::{self, Contradictory, Invalid, Required},
        locale::Locale,
    };

    fn condition(events: &Value) -> Condition {
        serde_json::from_value(json!({ "events": events })).unwrap()
    }

    fn refused(events: &Value) -> Vec<(String, UserErrorCode)> {
        let found = check(&condition(events), Context::Contact, Use::Segment);
        let found = found.into_iter();
        found
            .map(|refusal| (refusal.path.join("."), refusal.code))
            .collect()
    }

    fn trial(happened: bool, days: i64) -> Value {
        json!({"names": ["invited"], "withinDays": days, "happened": happened})
    }

    #[test]
    fn what_makes_no_sense_is_refused_where_it_stands() {
        let at = |path: &str, code| vec![(format!("condition.events.{path}"), code)];
        let started = |more: &Value| {
            let mut events = json!({"names": ["started"]});
            let fields = more.as_object().unwrap().clone();
            events.as_object_mut().unwrap().extend(fields);
            refused(&events)
        };
        assert_eq!(started(&json!({"followedBy": trial(true, 7)})), []);
        let days = "followedBy.withinDays";
        let found = started(&json!({"followedBy": trial(true, 0)}));
        assert_eq!(found, at(days, Invalid));
        let found = started(&json!({"followedBy": {"names": [" "], "withinDays": 7}}));
        assert_eq!(found, at("followedBy.names.0", Required));
        // What did not follow within seven days is not known of events of the last seven.
        let lately = json!({"followedBy": trial(false, 7), "withinDays": 7});
        assert_eq!(started(&lately), at(days, Contradictory));
        let lately = json!({"followedBy": trial(false, 7), "withinDays": 14});
        assert_eq!(started(&lately), []);
        let young = json!({"followedBy": trial(false, 7), "tests": [
            {"measure": "DAYS_SINCE_LAST", "is": {"lessThan": 7}}]});
        assert_eq!(started(&young), at("tests.0.is", Contradictory));
        let none = json!({"from": "2026-02-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"});
        assert_eq!(started(&none), at("until", Contradictory));
        let days = json!({"from": "2026-02-01T00:00:00Z", "until": "2026-02-03T00:00:00Z",
            "tests": [{"measure": "DAYS", "is": {"atLeast": 5}}]});
        assert_eq!(started(&days), at("tests.0.is", Contradictory));
        // The same steps cannot have been taken and not been taken; others can.
        let steps =
            |days: i64| json!({"events": {"names": ["started"], "followedBy": trial(true, days)}});
        for (other, expected) in [(7, 1), (14, 0)] {
            let both = json!({"all": [steps(7), {"not": steps(other)}]});
            let both: Condition = serde_json::from_value(both).unwrap();
            let found = check(&both, Context::Contact, Use::Segment);
            assert_eq!(found.len(), expected, "{other}");
        }
    }

    #[test]
    fn an_older_program_left_the_steps_out_and_a_client_may_leave_out_that_it_happened() {
        let stored = json!({"of": "CONTACT", "names": ["started"],
            "followedBy": {"names": ["invited"], "withinDays": 7}});
        let read = condition(&stored);
        let again = serde_json::to_value(&read).unwrap();
        assert_eq!(again["events"]["followedBy"]["happened"], json!(true));
        let before = condition(&json!({"of": "CONTACT", "names": ["started"]}));
        let before = serde_json::to_value(before).unwrap();
        assert_eq!(
            before,
            json!({"events": {"of": "CONTACT", "names": ["started"]}})
        );
    }

    #[test]
    fn what_can_change_the_answer_is_known() {
        let names = |events: &Value| condition(events).event_names();
        let both = names(&json!({"names": ["started"], "followedBy": trial(true, 7)}));
        assert_eq!(both, Some(["invited", "started"].map(str::to_owned).into()));
        let any = names(&json!({"names": ["started"], "followedBy": {"withinDays": 7}}));
        assert_eq!(any, None);
        let ages = |events: &Value| {
            let ages = condition(events).ages().unwrap().into_iter();
            ages.map(|age| age.is / 86_400).collect::<Vec<_>>()
        };
        let followed = json!({"names": ["started"], "followedBy": trial(true, 7)});
        assert!(!condition(&followed).timed());
        let not = json!({"names": ["started"], "followedBy": trial(false, 7), "withinDays": 30});
        assert!(condition(&not).timed());
        assert_eq!(ages(&not), [7, 30]);
    }

    #[test]
    fn a_sequence_reads_as_people_say_it() {
        let names: HashMap<Uuid, String> = HashMap::new();
        for (events, ja, en, zh) in [
            (
                json!({"names": ["started"], "withinDays": 90, "followedBy": trial(true, 7)}),
                "コンタクトが過去90日間に「started」を行い、その後7日以内に「invited」を行った",
                "the contact did “started” in the last 90 days and then “invited” within 7 days",
                "联系人在最近90天内做了“started”，并在其后7天内做了“invited”",
            ),
            (
                json!({"names": ["started"], "followedBy": trial(false, 1)}),
                "コンタクトが「started」を行い、その後1日以内に「invited」を行わなかった",
                "the contact did “started” but not “invited” within 1 day after it",
                "联系人做了“started”，但在其后1天内未做“invited”",
            ),
            (
                json!({"names": ["started"], "followedBy": {"withinDays": 30, "happened": false}}),
                "コンタクトが「started」を行い、その後30日間何も行わなかった",
                "the contact did “started” and then nothing within 30 days",
                "联系人做了“started”，但在其后30天内未做任何事",
            ),
            (
                json!({"names": ["started"], "from": "2025-10-01T00:00:00Z",
                    "until": "2026-01-01T00:00:00Z"}),
                "コンタクトが2025-10-01 00:00 UTCから2026-01-01 00:00 UTCまでの間に「started」を行った",
                "the contact did “started” between 2025-10-01 00:00 UTC and 2026-01-01 00:00 UTC",
                "联系人在2025-10-01 00:00 UTC至2026-01-01 00:00 UTC之间做了“started”",
            ),
            (
                json!({"from": "2025-10-01T00:00:00Z"}),
                "コンタクトが2025-10-01 00:00 UTC以降に何らかの行動を行った",
                "the contact did something since 2025-10-01 00:00 UTC",
                "联系人自2025-10-01 00:00 UTC起做了某项行为",
            ),
        ] {
            let condition = condition(&events);
            for (locale, expected) in [(Locale::Ja, ja), (Locale::En, en), (Locale::Zh, zh)] {
                assert_eq!(clause(locale, &names, &condition), expected);
            }
        }
    }

    #[test]
    fn a_sequence_at_an_account_is_of_one_person() {
        let names: HashMap<Uuid, String> = HashMap::new();
        let counted = json!([{"measure": "COUNT", "is": {"atLeast": 2}}]);
        for (events, ja, en, zh) in [
            (
                json!({"of": "ACCOUNT", "names": ["started"], "followedBy": trial(true, 7)}),
                "会社の誰かが「started」を行い、その後7日以内に同じ人が「invited」を行った",
                "somebody at the account did “started” and then the same person did “invited” within 7 days",
                "公司的某人做了“started”，并且同一人在其后7天内做了“invited”",
            ),
            (
                json!({"of": "ACCOUNT", "names": ["started"], "followedBy": trial(false, 1)}),
                "会社の誰かが「started」を行い、その後1日以内に同じ人が「invited」を行わなかった",
                "somebody at the account did “started” but the same person did not do “invited” within 1 day after it",
                "公司的某人做了“started”，但同一人在其后1天内未做“invited”",
            ),
            (
                json!({"of": "ACCOUNT", "names": ["started"],
                    "followedBy": {"withinDays": 30, "happened": false}}),
                "会社の誰かが「started」を行い、その後30日間同じ人が何も行わなかった",
                "somebody at the account did “started” and then the same person did nothing within 30 days",
                "公司的某人做了“started”，但同一人在其后30天内未做任何事",
            ),
            (
                json!({"of": "ACCOUNT", "names": ["started"], "followedBy": trial(true, 7),
                    "tests": counted}),
                "会社の人が「started」を行い、その後7日以内に同じ人が「invited」を行った（回数が2回以上）",
                "people at the account did “started” and then the same person did “invited” within 7 days: the count is at least 2",
                "公司的人做了“started”，并且同一人在其后7天内做了“invited”（次数至少2次）",
            ),
            (
                json!({"of": "ACCOUNT", "names": ["started"]}),
                "会社が「started」を行った",
                "the account did “started”",
                "公司做了“started”",
            ),
        ] {
            let condition = condition(&events);
            for (locale, expected) in [(Locale::Ja, ja), (Locale::En, en), (Locale::Zh, zh)] {
                assert_eq!(clause(locale, &names, &condition), expected);
            }
        }
    }
}
