//! Every kind of leaf, and whom it means: a row for each. A new kind gets its row here.

use async_graphql::parser::types::TypeKind;
use entity::id::Id as _;
use serde_json::{Value, json};

use super::people::People;
use crate::support::{on_both, sdl::Sdl};

impl People {
    pub(super) fn leaves(&self) -> Vec<(Value, &'static str)> {
        let (account, vip, group) = (self.account, self.vip.uuid(), self.group);
        let (plan, seats) = (self.plan.uuid(), self.seats.uuid());
        let owner = self.world.owner.member.uuid();
        vec![
            (
                json!({"contact": {"name": {"contains": ["E", "ＡＫ"]}}}),
                "aki ben chen eri",
            ),
            (json!({"contact": {"name": {"anyOf": ["田中"]}}}), "田中"),
            (
                json!({"contact": {"name": {"noneOf": ["aki"], "startsWith": ["a", "b"]}}}),
                "ben",
            ),
            (json!({"contact": {"email": {"isSet": false}}}), "eri 田中"),
            (
                json!({"contact": {"emailDomain": {"anyOf": ["customer.example"]}}}),
                "aki chen",
            ),
            (
                json!({"contact": {"emailDomain": {"noneOf": ["customer.example"]}}}),
                "ben dai eri 田中",
            ),
            (
                json!({"contact": {"locale": {"startsWith": ["EN"]}}}),
                "aki ben",
            ),
            (
                json!({"contact": {"locale": {"anyOf": ["en-gb", "ja"]}}}),
                "aki 田中",
            ),
            (
                json!({"contact": {"locale": {"isSet": false}}}),
                "chen dai eri",
            ),
            (
                json!({"contact": {"externalId": {"anyOf": ["crm-7"]}}}),
                "dai",
            ),
            (
                json!({"contact": {"stages": ["LEAD", "CUSTOMER"]}}),
                "aki ben chen",
            ),
            (json!({"contact": {"hasStage": false}}), "dai eri 田中"),
            (json!({"contact": {"ownerIds": [owner]}}), "ben"),
            (
                json!({"contact": {"hasOwner": false, "stages": ["LEAD"]}}),
                "aki",
            ),
            (json!({"contact": {"accountIds": [account]}}), "aki eri"),
            (
                json!({"contact": {"hasAccount": false}}),
                "ben chen dai 田中",
            ),
            (
                json!({"contact": {"created": {"withinDays": 1}}}),
                "aki ben chen dai eri 田中",
            ),
            (json!({"contact": {"created": {"moreThanDaysAgo": 1}}}), ""),
            (
                json!({"contact": {"created": {"withinMinutes": 30}}}),
                "aki ben chen dai eri 田中",
            ),
            (
                json!({"contact": {"created": {"moreThanMinutesAgo": 30}}}),
                "",
            ),
            (
                json!({"contact": {"lastMessage": {"isSet": false}}}),
                "aki ben chen dai eri 田中",
            ),
            (
                json!({"account": {"domain": {"anyOf": ["customer.example"]}}}),
                "aki eri",
            ),
            (
                json!({"account": {"hasStage": false}}),
                "aki ben chen dai eri 田中",
            ),
            (
                json!({"account": {"name": {"noneOf": ["customer inc"]}}}),
                "ben chen dai 田中",
            ),
            (
                json!({"contactTags": {"mode": "ANY", "tagIds": [vip], "withDescendants": true}}),
                "aki ben",
            ),
            (
                json!({"contactTags": {"mode": "ANY", "tagIds": [vip], "withDescendants": false}}),
                "aki",
            ),
            (
                json!({"contactTags": {"mode": "NONE", "tagIds": [vip], "withDescendants": true}}),
                "chen dai eri 田中",
            ),
            (
                json!({"accountTags": {"mode": "NONE", "tagIds": [vip]}}),
                "aki ben chen dai eri 田中",
            ),
            (
                json!({"tagGroup": {"of": "CONTACT", "groupId": group}}),
                "aki ben dai eri 田中",
            ),
            (
                json!({"tagGroup": {"of": "CONTACT", "groupId": group, "empty": false}}),
                "chen",
            ),
            (
                json!({"attribute": {"attributeId": plan, "of": "CONTACT", "options": ["a", "c"]}}),
                "aki",
            ),
            (
                json!({"attribute": {"attributeId": plan, "of": "CONTACT", "options": ["a"], "mode": "NONE"}}),
                "ben chen dai eri 田中",
            ),
            (
                json!({"attribute": {"attributeId": plan, "of": "CONTACT", "isSet": true}}),
                "aki ben",
            ),
            (
                json!({"attribute": {"attributeId": seats, "of": "CONTACT", "number": {"moreThan": 5}}}),
                "dai",
            ),
            (
                json!({"events": {"names": ["article_read"]}}),
                "aki ben chen eri",
            ),
            (
                json!({"events": {"names": ["article_read"], "where": [{"property": "paid", "anyOf": ["true"]}]}}),
                "chen",
            ),
            (
                json!({"events": {"names": ["article_read"], "where": [{"property": "minutes", "number": {"atLeast": 6}}]}}),
                "aki chen",
            ),
            (
                json!({"events": {"names": ["article_read"], "where": [{"property": "article", "noneOf": ["a"]}], "withinDays": 2}}),
                "chen",
            ),
            (
                json!({"events": {"names": ["article_read"], "tests": [{"measure": "DISTINCT", "property": "article", "is": {"equals": 1}}]}}),
                "aki ben eri",
            ),
            (
                json!({"events": {"names": ["article_read"], "tests": [{"measure": "SUM", "property": "minutes", "is": {"lessThan": 10}}]}}),
                "ben dai eri 田中",
            ),
            (
                json!({"events": {"names": ["article_read"], "tests": [{"measure": "DAYS", "is": {"atLeast": 4}}]}}),
                "aki ben chen eri",
            ),
            (
                json!({"events": {"tests": [{"measure": "DAYS_SINCE_LAST", "is": {"atLeast": 60}}]}}),
                "dai 田中",
            ),
            (
                json!({"events": {"names": ["purchase"], "tests": [{"measure": "DAYS_SINCE_FIRST", "is": {"atLeast": 90}}]}}),
                "dai",
            ),
            (
                json!({"events": {"tests": [{"measure": "COUNT", "is": {"atMost": 1}}]}}),
                "田中",
            ),
            (
                json!({"events": {"of": "ACCOUNT", "tests": [{"measure": "COUNT", "is": {"atLeast": 5}}]}}),
                "aki eri",
            ),
            (
                json!({"profile": {"activeDays": {"atMost": 28}}}),
                "aki ben chen dai eri 田中",
            ),
            (json!({"profile": {"rfmSegments": ["CHAMPIONS"]}}), ""),
            (
                json!({"profile": {"of": "ACCOUNT", "recencyScore": {"atLeast": 1}}}),
                "",
            ),
            (
                json!({"events": {"names": ["purchase"], "from": self.days_ago(103), "until": self.days_ago(50)}}),
                "dai",
            ),
            (
                json!({"events": {"names": ["purchase"], "from": self.days_ago(14),
                    "tests": [{"measure": "COUNT", "is": {"equals": 0}}]}}),
                "aki ben dai eri 田中",
            ),
            (
                json!({"events": {"names": ["purchase"], "followedBy": {"names": ["article_read"], "withinDays": 8}}}),
                "chen",
            ),
            (
                json!({"events": {"names": ["article_read"], "followedBy": {"names": ["trial_started"], "withinDays": 30}}}),
                "ben",
            ),
            // Of what chen bought ten days ago it is not known yet.
            (
                json!({"events": {"names": ["purchase"], "followedBy":
                    {"names": ["article_read"], "withinDays": 30, "happened": false}}}),
                "dai",
            ),
            (
                json!({"events": {"names": ["group_joined"], "followedBy": {"withinDays": 60, "happened": false}}}),
                "田中",
            ),
            (
                json!({"events": {"names": ["purchase"], "followedBy": {"names": ["article_read"], "withinDays": 20,
                    "where": [{"property": "paid", "anyOf": ["true"]}]}}}),
                "chen",
            ),
            (
                json!({"events": {"of": "ACCOUNT", "names": ["article_read"],
                    "followedBy": {"names": ["article_read"], "withinDays": 2}}}),
                "aki eri",
            ),
            (json!({"health": {"score": {"atLeast": 55.5}}}), "aki chen"),
            (
                json!({"health": {"bands": ["AT_RISK", "NEUTRAL"]}}),
                "ben chen",
            ),
            (
                json!({"health": {"changeIn30Days": {"moreThan": 0}}}),
                "aki",
            ),
            (json!({"health": {"changeIn7Days": {"atMost": -30}}}), "ben"),
            (
                json!({"health": {"of": "ACCOUNT", "score": {"atLeast": 80}}}),
                "aki eri",
            ),
            (
                json!({"email": {"withinDays": 7, "tests": [{"measure": "OPEN_RATE", "is": {"atLeast": 0.5}}]}}),
                "aki",
            ),
            (
                json!({"email": {"tests": [{"measure": "CLICK_TO_OPEN_RATE", "is": {"equals": 0}}]}}),
                "ben",
            ),
            (
                json!({"email": {"withinDays": 2, "tests": [{"measure": "SENT", "is": {"equals": 0}}]}}),
                "aki ben chen dai eri 田中",
            ),
            (
                json!({"email": {"tests": [{"measure": "SENT", "is": {"atLeast": 3}}, {"measure": "OPENED", "is": {"equals": 0}}]}}),
                "dai",
            ),
            (
                json!({"email": {"tests": [{"measure": "DELIVERED", "is": {"equals": 3}}]}}),
                "dai",
            ),
            (
                json!({"email": {"tests": [{"measure": "CLICKED", "is": {"atLeast": 1}}]}}),
                "aki",
            ),
            (
                json!({"email": {"tests": [{"measure": "REPLIED", "is": {"atLeast": 1}}]}}),
                "aki",
            ),
            (
                json!({"email": {"tests": [{"measure": "HARD_BOUNCED", "is": {"atLeast": 1}}]}}),
                "ben",
            ),
            (
                json!({"email": {"tests": [{"measure": "COMPLAINED", "is": {"atLeast": 1}}]}}),
                "ben",
            ),
            (
                json!({"email": {"tests": [{"measure": "UNSUBSCRIBED", "is": {"atLeast": 1}}]}}),
                "dai",
            ),
            (
                json!({"email": {"tests": [{"measure": "CLICK_RATE", "is": {"atLeast": 0.5}}]}}),
                "aki",
            ),
            (
                json!({"email": {"tests": [{"measure": "REPLY_RATE", "is": {"moreThan": 0}}]}}),
                "aki",
            ),
            (
                json!({"email": {"tests": [{"measure": "BOUNCE_RATE", "is": {"atLeast": 0.15}}]}}),
                "ben",
            ),
            (
                json!({"email": {"tests": [{"measure": "COMPLAINT_RATE", "is": {"atLeast": 0.05}}]}}),
                "ben",
            ),
            (json!({"email": {"tiers": ["WEEKLY"]}}), "aki"),
            (
                json!({"email": {"tiers": ["LAPSED", "DAILY"]}}),
                "ben chen dai eri 田中",
            ),
            (json!({"orders": {"statuses": ["PAID"]}}), "aki"),
            (json!({"orders": {"withinDays": 30}}), "aki ben"),
            (
                json!({"orders": {"count": {"equals": 0}}}),
                "chen dai eri 田中",
            ),
            (
                json!({"orders": {"total": {"currency": "JPY", "amount": {"atLeast": 20000}}}}),
                "aki",
            ),
            // Who never bought has a total of 0.
            (
                json!({"orders": {"total": {"currency": "JPY", "amount": {"lessThan": 20000}}}}),
                "ben chen dai eri 田中",
            ),
            (
                json!({"orders": {"count": {"atLeast": 1},
                    "total": {"currency": "JPY", "amount": {"lessThan": 20000}}}}),
                "ben",
            ),
            (
                json!({"orders": {"daysSinceLast": {"lessThan": 10}}}),
                "ben",
            ),
            (json!({"orders": {"productIds": ["tea"]}}), ""),
            (json!({"invoices": {"overdue": true}}), ""),
            (
                json!({"tickets": {"priorities": ["URGENT"], "count": {"lessThan": 1}}}),
                "aki ben chen dai eri 田中",
            ),
            (json!({"tickets": {"satisfaction": {"atLeast": 1}}}), ""),
            (
                json!({"opportunities": {"of": "ACCOUNT", "count": {"equals": 0}}}),
                "aki ben chen dai eri 田中",
            ),
            (
                json!({"subscription": {"channel": "EMAIL", "states": ["SUBSCRIBED", "PENDING"]}}),
                "aki",
            ),
            (
                json!({"survey": {"kind": "NPS", "latestScore": {"atMost": 6}}}),
                "ben",
            ),
            (
                json!({"survey": {"kind": "NPS", "meanScore": {"atLeast": 6.5}}}),
                "aki ben",
            ),
            (
                json!({"survey": {"kind": "NPS", "withinDays": 7, "count": {"equals": 0}}}),
                "aki chen dai eri 田中",
            ),
            (
                json!({"survey": {"kind": "CSAT", "surveyKey": "q1"}}),
                "chen",
            ),
            // Whom a part of it means is in `chance`.
            (
                json!({"randomShare": {"key": "spring", "place": {"atLeast": 0}}}),
                "aki ben chen dai eri 田中",
            ),
            (
                json!({"randomShare": {"of": "ACCOUNT", "key": "spring", "place": {"lessThan": 100}}}),
                "aki eri",
            ),
            (
                json!({"timeOfDay": {"weekdays": ["SUNDAY"], "from": "11:00", "until": "13:00"}}),
                "aki ben chen dai eri 田中",
            ),
            (json!({"timeOfDay": {}}), ""),
            (json!({"businessHours": {}}), ""),
            (
                json!({"businessHours": {"within": false}}),
                "aki ben chen dai eri 田中",
            ),
        ]
    }
}

#[test]
fn every_leaf_finds_whom_it_means_by_every_way_of_asking() {
    on_both(|world| async move {
        let people = People::new(world).await;
        people.check(people.leaves()).await;
        people.world
    });
}

/// Kinds that are no row of the tables: groups, those about a message or a conversation, which have theirs in
/// `thread` and in `condition::matcher` of the domain, and those about segments, which need some
/// (`segment::nested`).
pub(super) const ELSEWHERE: [&str; 10] = [
    "all",
    "any",
    "not",
    "keywords",
    "regex",
    "channel",
    "fromAutomatic",
    "conversationTags",
    "conversation",
    "segments",
];

#[test]
fn every_kind_and_every_measure_of_the_schema_has_its_row() {
    let rows = include_str!("leaf.rs");
    let sdl = Sdl::current();
    let kinds = sdl.input_fields("ConditionInput");
    assert!(kinds.len() > ELSEWHERE.len());
    for kind in kinds {
        let kind = kind.name.node.as_str();
        let has_row = rows.contains(&format!("json!({{\"{kind}\""));
        assert_eq!(has_row, !ELSEWHERE.contains(&kind), "{kind}");
    }
    for name in ["EventMeasure", "EmailMeasure"] {
        let Some(TypeKind::Enum(measures)) = sdl.types.get(name).map(|one| &one.kind) else {
            panic!("{name} is no list of words");
        };
        for measure in &measures.values {
            let measure = measure.node.value.node.as_str();
            let row = format!("\"measure\": \"{measure}\"");
            assert!(rows.contains(&row), "{name} {measure}");
        }
    }
}
