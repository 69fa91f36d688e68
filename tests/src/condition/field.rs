//! Every field of every leaf, and every way to test a value: the rows that those of `leaf` and `record` leave over,
//! with what has to be there for them.

use async_graphql::parser::types::TypeKind;
use domain::{
    attribute::{self, Setting, Value as Given},
    segment::{
        self, NewSegment,
        hand::{self, Things},
    },
    store::Rows,
    subject::Subject,
    tag::{Request, tagging},
};
use entity::{
    id::{AccountId, AttributeId, Id as _},
    kind::{AttributeType, SegmentSubject, SubjectKind},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    leaf::ELSEWHERE,
    people::{People, define, id},
    record::tell,
};
use crate::support::{on_both, sdl::Sdl};

/// Attributes of the types that `leaf` has no rows for.
struct Attributes {
    note: AttributeId,
    vetted: AttributeId,
    renewal: AttributeId,
    ends: AttributeId,
    talks: AttributeId,
}

/// What is known of aki, ben and the account besides.
async fn equip(people: &People) -> Attributes {
    tell(people).await;
    describe(people).await;
    rank(people).await;
    trade(people).await;
    hear(people).await;
    let vip = Request::account(AccountId(people.account), people.vip);
    let (ctx, owner) = (&people.world.ctx, &people.world.owner);
    let tagged = tagging::tag_many(ctx, owner, &[vip], "").await;
    tagged.expect("a tag");
    set(people).await
}

/// Where they came from, when they were active, and whose the account is.
async fn describe(people: &People) {
    let member = people.world.owner.member;
    let campaign = Rows::new().uuids("id", [id(20_000)]);
    people
        .run(
            "INSERT INTO campaign (workspace_id, id, name, external_id, created_at)
             SELECT $1, r.id, 'Spring', 'spring', $2 FROM {r} WHERE true",
            campaign,
        )
        .await;
    let rows = Rows::new()
        .ids("id", [people.ids["aki"], people.ids["ben"]])
        .texts("phone", ["+81312345678", "+14155550100"])
        .texts("channel", ["LINE", "EMAIL"])
        .opt_uuids("campaign", [Some(id(20_000)), None])
        .opt_ids("member", [None, Some(member)]);
    people
        .run(
            "UPDATE contact SET phone = r.phone, source_channel = r.channel, source_campaign_id = r.campaign,
                 brought_by_id = r.member
             FROM {r} WHERE contact.workspace_id = $1 AND contact.id = r.id AND $2 IS NOT NULL",
            rows,
        )
        .await;
    let rows = Rows::new()
        .ids("id", [people.ids["aki"], people.ids["eri"]])
        .times("at", [people.days_ago(90), people.days_ago(40)]);
    people
        .run(
            "UPDATE contact_activity SET last_activity_at = r.at FROM {r}
             WHERE contact_activity.workspace_id = $1 AND contact_activity.contact_id = r.id
               AND $2 IS NOT NULL",
            rows,
        )
        .await;
    let rows = Rows::new()
        .uuids("id", [people.account])
        .ids("member", [member]);
    people
        .run(
            "UPDATE account SET stage = 'CUSTOMER', owner_id = r.member FROM {r}
             WHERE account.workspace_id = $1 AND account.id = r.id AND $2 IS NOT NULL",
            rows,
        )
        .await;
}

/// Scores of purchases, active days, and a score of health long ago.
async fn rank(people: &People) {
    let (aki, ben) = (people.ids["aki"].0, people.ids["ben"].0);
    let rows = Rows::new()
        .texts("scope", ["CONTACT", "CONTACT", "ACCOUNT"])
        .uuids("id", [aki, ben, people.account])
        .ints("recency", [5, 1, 3])
        .ints("frequency", [4, 1, 3])
        .ints("monetary", [5, 2, 3])
        .texts("segment", ["CHAMPIONS", "HIBERNATING", "CHAMPIONS"])
        .dates("day", [people.days_ago(20).date_naive(); 3]);
    people
        .run(
            "INSERT INTO rfm (workspace_id, scope, subject_id, last_order_on, orders, currency, revenue,
                              recency_score, frequency_score, monetary_score, segment)
             SELECT $1, r.scope, r.id, r.day, 1, 'JPY', 1, r.recency, r.frequency, r.monetary, r.segment
             FROM {r} WHERE $2 IS NOT NULL",
            rows,
        )
        .await;
    let rows = Rows::new().uuids("id", [aki]);
    people
        .run(
            "INSERT INTO engagement (workspace_id, contact_id, active_days, web_days, email_days,
                                     social_days, messaging_days, product_days)
             SELECT $1, r.id, 12, 12, 0, 0, 0, 0 FROM {r} WHERE $2 IS NOT NULL",
            rows,
        )
        .await;
    let rows = Rows::new()
        .uuids("contact_id", [aki])
        .uuids("id", [id(20_100)])
        .times("at", [people.days_ago(100)]);
    people
        .run(
            "INSERT INTO health_history (workspace_id, contact_id, as_of, id, model_version, score,
                                         band, coverage, inputs, cause)
             SELECT $1, r.contact_id, r.at, r.id, 1, 20, 'AT_RISK', 1, '{}', 'test'
             FROM {r} WHERE $2 IS NOT NULL",
            rows,
        )
        .await;
}

/// An order of the account, and a line of one of aki's.
async fn trade(people: &People) {
    let rows = Rows::new()
        .uuids("id", [id(20_200)])
        .uuids("account_id", [people.account])
        .times("at", [people.days_ago(50)]);
    people
        .run(
            "INSERT INTO sales_order (workspace_id, id, external_id, account_id, account_told, digest,
                status, amount, currency, placed_at, updated_at, created_at, recorded_at)
             SELECT $1, r.id, CAST(r.id AS text), r.account_id, true, '', 'PAID', 300, 'JPY', r.at, r.at,
                    r.at, $2 FROM {r} WHERE true",
            rows,
        )
        .await;
    let rows = Rows::new().uuids("order_id", [id(2_000)]);
    people
        .run(
            "INSERT INTO order_line (workspace_id, order_id, position, product_id, product_name,
                                     quantity, unit_price)
             SELECT $1, r.order_id, 0, 'tea', 'Tea', 1, 12000 FROM {r} WHERE $2 IS NOT NULL",
            rows,
        )
        .await;
}

/// Emails to the account, an answer of its people, and a wish about one topic.
async fn hear(people: &People) {
    let rows = Rows::new()
        .uuids("id", [people.account])
        .dates("day", [people.days_ago(3).date_naive()]);
    people
        .run(
            "INSERT INTO email_day (workspace_id, scope, scope_id, day, attempted, delivered,
                human_openers, openers, human_clickers, clickers, replied, hard_bounced, soft_bounced,
                blocked, complained, unsubscribed, human_opens, machine_opens, human_clicks,
                machine_clicks, timed_replies, reply_seconds)
             SELECT $1, 'ACCOUNT', r.id, r.day, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
             FROM {r} WHERE $2 IS NOT NULL",
            rows,
        )
        .await;
    let rows = Rows::new()
        .uuids("id", [id(20_300)])
        .ids("contact_id", [people.ids["eri"]])
        .uuids("account_id", [people.account])
        .times("at", [people.days_ago(4)]);
    people
        .run(
            "INSERT INTO survey_answer (workspace_id, id, external_id, contact_id, account_id,
                account_told, digest, survey_key, kind, score, answered_at, updated_at, created_at,
                recorded_at)
             SELECT $1, r.id, CAST(r.id AS text), r.contact_id, r.account_id, false, '', 'q2', 'CSAT', 2,
                    r.at, r.at, r.at, $2 FROM {r} WHERE true",
            rows,
        )
        .await;
    let rows = Rows::new().ids("contact_id", [people.ids["aki"]]);
    people
        .run(
            "INSERT INTO subscription (workspace_id, contact_id, channel, topic, state, source, reason,
                                       changed_at, changed_by)
             SELECT $1, r.contact_id, 'EMAIL', 'news', 'UNSUBSCRIBED', 'MEMBER', '', $2, '{}' FROM {r}
             WHERE true",
            rows,
        )
        .await;
}

/// Values of attributes.
async fn set(people: &People) -> Attributes {
    let world = &people.world;
    let attributes = Attributes {
        note: define(world, "note", AttributeType::Text).await,
        vetted: define(world, "vetted", AttributeType::Boolean).await,
        renewal: define(world, "renewal", AttributeType::DateTime).await,
        ends: define(world, "ends", AttributeType::DateTime).await,
        talks: define(world, "talks", AttributeType::MultiSelect).await,
    };
    let chosen =
        |keys: &[&str]| -> Vec<String> { keys.iter().map(|&key| key.to_owned()).collect() };
    for (name, note, vetted, days, ahead, talks) in [
        ("aki", "Ｇold plan", true, 3, 20, chosen(&["a", "b"])),
        ("ben", "Silver", false, 400, 40, chosen(&["b"])),
    ] {
        let values = [
            (attributes.note, Given::Text(note.to_owned())),
            (attributes.vetted, Given::Boolean(vetted)),
            (attributes.renewal, Given::DateTime(people.days_ago(days))),
            (attributes.ends, Given::DateTime(people.days_ago(-ahead))),
            (attributes.talks, Given::MultiSelect(talks)),
        ];
        let settings = values.map(|(attribute, value)| Setting {
            attribute,
            value: Some(value),
        });
        let subject = Subject::new(SubjectKind::Contact, people.ids[name].0);
        let (ctx, owner) = (&world.ctx, &world.owner);
        let done = attribute::set(ctx, owner, subject, &["id"], Vec::from(settings)).await;
        done.expect("values");
    }
    attributes
}

fn of_contacts(people: &People) -> Vec<(Value, &'static str)> {
    let member = people.world.owner.member.uuid();
    let (long, lately) = (json!({"moreThanDaysAgo": 60}), json!({"withinDays": 60}));
    let before = people.days_ago(5);
    vec![
        (
            json!({"contact": {"phone": {"startsWith": ["+81"]}}}),
            "aki",
        ),
        (json!({"contact": {"sourceChannels": ["LINE"]}}), "aki"),
        (
            json!({"contact": {"sourceCampaignIds": [id(20_000)]}}),
            "aki",
        ),
        (json!({"contact": {"broughtByIds": [member]}}), "ben"),
        (json!({"contact": {"lastActivity": long}}), "aki"),
        (
            json!({"contact": {"lastActivity": lately}}),
            "ben chen dai eri 田中",
        ),
        (
            json!({"contact": {"lastActivity": {"until": before}}}),
            "aki eri",
        ),
        (
            json!({"contact": {"lastActivity": {"from": before}}}),
            "ben chen dai 田中",
        ),
        (
            json!({"contact": {"hasAccount": true, "hasStage": true}}),
            "aki",
        ),
        (
            json!({"contactTags": {"mode": "ALL", "tagIds": [people.vip.uuid()]}}),
            "aki ben",
        ),
        (
            json!({"subscription": {"channel": "EMAIL", "topic": "news", "states": ["UNSUBSCRIBED"]}}),
            "aki",
        ),
        (
            json!({"timeOfDay": {"within": false}}),
            "aki ben chen dai eri 田中",
        ),
    ]
}

fn of_attributes(people: &People, attributes: &Attributes) -> Vec<(Value, &'static str)> {
    let before = people.days_ago(5);
    let note = |test: Value| json!({"attribute": {"attributeId": attributes.note.uuid(), "of": "CONTACT", "text": test}});
    let vetted = |wanted: bool| json!({"attribute": {"attributeId": attributes.vetted.uuid(), "of": "CONTACT", "boolean": wanted}});
    let renewal = |test: Value| json!({"attribute": {"attributeId": attributes.renewal.uuid(), "of": "CONTACT", "time": test}});
    let ends = |test: Value| json!({"attribute": {"attributeId": attributes.ends.uuid(), "of": "CONTACT", "time": test}});
    let talks = |mode: &str| json!({"attribute": {"attributeId": attributes.talks.uuid(), "of": "CONTACT", "options": ["a", "b"], "mode": mode}});
    vec![
        (note(json!({"anyOf": ["GOLD PLAN"]})), "aki"),
        (note(json!({"contains": ["l"]})), "aki ben"),
        (
            note(json!({"noneOf": ["gold plan"]})),
            "ben chen dai eri 田中",
        ),
        (note(json!({"isSet": false})), "chen dai eri 田中"),
        (vetted(true), "aki"),
        (vetted(false), "ben"),
        (renewal(json!({"withinDays": 30})), "aki"),
        (renewal(json!({"moreThanDaysAgo": 30})), "ben"),
        (renewal(json!({"from": before})), "aki"),
        (renewal(json!({"until": before})), "ben"),
        (renewal(json!({"isSet": true})), "aki ben"),
        (renewal(json!({"withinNextDays": 30})), ""),
        (ends(json!({"withinNextDays": 30})), "aki"),
        (ends(json!({"atLeastDaysAhead": 30})), "ben"),
        (
            ends(json!({"withinNextDays": 50, "atLeastDaysAhead": 30})),
            "ben",
        ),
        (ends(json!({"withinDays": 1})), "aki ben"),
        (ends(json!({"moreThanDaysAgo": 1})), ""),
        (talks("ALL"), "aki"),
        (talks("ANY"), "aki ben"),
        (talks("NONE"), "chen dai eri 田中"),
    ]
}

fn of_accounts(people: &People) -> Vec<(Value, &'static str)> {
    let (member, vip) = (people.world.owner.member.uuid(), people.vip.uuid());
    vec![
        (json!({"account": {"stages": ["CUSTOMER"]}}), "aki eri"),
        (json!({"account": {"stages": ["LEAD"]}}), ""),
        (json!({"account": {"ownerIds": [member]}}), "aki eri"),
        (json!({"account": {"hasOwner": true}}), "aki eri"),
        (json!({"account": {"hasOwner": false}}), "ben chen dai 田中"),
        (
            json!({"account": {"created": {"withinDays": 1}}}),
            "aki eri",
        ),
        (
            json!({"account": {"lastActivity": {"moreThanDaysAgo": 30}}}),
            "aki eri",
        ),
        (
            json!({"account": {"lastActivity": {"moreThanDaysAgo": 60}}}),
            "",
        ),
        (
            json!({"accountTags": {"mode": "ANY", "tagIds": [vip], "withDescendants": false}}),
            "aki eri",
        ),
        (
            json!({"email": {"of": "ACCOUNT", "tests": [{"measure": "SENT", "is": {"atLeast": 7}}]}}),
            "aki eri",
        ),
        (
            json!({"survey": {"of": "ACCOUNT", "kind": "CSAT", "latestScore": {"atMost": 2}}}),
            "aki eri",
        ),
        (
            json!({"profile": {"of": "ACCOUNT", "recencyScore": {"atLeast": 3}}}),
            "aki eri",
        ),
        (
            json!({"orders": {"of": "ACCOUNT", "count": {"atLeast": 1}}}),
            "aki eri",
        ),
    ]
}

fn of_deeds() -> Vec<(Value, &'static str)> {
    vec![
        (
            json!({"events": {"names": ["article_read"], "sameProperty": "article",
                "tests": [{"measure": "COUNT", "is": {"atLeast": 4}}]}}),
            "aki ben eri",
        ),
        (
            json!({"events": {"names": ["article_read"], "where": [{"property": "paid", "isSet": true}]}}),
            "chen",
        ),
        (
            json!({"events": {"names": ["article_read"], "where": [{"property": "article", "startsWith": ["x"]}]}}),
            "chen",
        ),
        (
            json!({"events": {"names": ["article_read"], "where": [{"property": "article", "contains": ["a", "?"]}]}}),
            "aki ben eri",
        ),
        (
            json!({"health": {"changeIn90Days": {"atLeast": 60}}}),
            "aki",
        ),
        (json!({"profile": {"rfmSegments": ["CHAMPIONS"]}}), "aki"),
        (json!({"profile": {"recencyScore": {"atLeast": 4}}}), "aki"),
        (
            json!({"profile": {"frequencyScore": {"lessThan": 3}}}),
            "ben",
        ),
        (json!({"profile": {"monetaryScore": {"equals": 2}}}), "ben"),
        (json!({"profile": {"activeDays": {"atLeast": 10}}}), "aki"),
        (
            json!({"orders": {"daysSinceFirst": {"atLeast": 199}}}),
            "aki",
        ),
        (json!({"orders": {"productIds": ["tea"]}}), "aki"),
        (
            json!({"tickets": {"daysSinceFirst": {"atLeast": 49}}}),
            "ben chen",
        ),
        (
            json!({"opportunities": {"daysSinceLast": {"atLeast": 50}}}),
            "ben",
        ),
        (
            json!({"survey": {"kind": "NPS", "daysSinceLast": {"atLeast": 20}}}),
            "aki",
        ),
    ]
}

#[test]
fn every_field_finds_whom_it_means_by_every_way_of_asking() {
    on_both(|world| async move {
        let people = People::new(world).await;
        let attributes = equip(&people).await;
        let rows = [
            of_contacts(&people),
            of_attributes(&people, &attributes),
            of_accounts(&people),
            of_deeds(),
        ];
        people.check(rows.into_iter().flatten()).await;
        people.world
    });
}

/// A segment kept by hand, into which aki came long ago and ben just now.
async fn guests(people: &People) -> Uuid {
    let (ctx, owner) = (&people.world.ctx, &people.world.owner);
    let new = NewSegment {
        name: "Guests".to_owned(),
        description: String::new(),
        subject: SegmentSubject::Contact,
        condition: None,
    };
    let made = segment::create(ctx, owner, new).await;
    let id = made.expect("a segment").id;
    let both = Things::Contacts(vec![people.ids["aki"], people.ids["ben"]]);
    hand::add(ctx, owner, id, &both).await.expect("members");
    let rows = Rows::new()
        .ids("id", [people.ids["aki"]])
        .times("at", [people.days_ago(20)]);
    people
        .run(
            "UPDATE segment_member SET entered_at = r.at FROM {r}
             WHERE segment_member.workspace_id = $1 AND segment_member.subject_id = r.id
               AND $2 IS NOT NULL",
            rows,
        )
        .await;
    id.uuid()
}

#[test]
fn only_segments_that_somebody_has_been_in_since_then_count() {
    on_both(|world| async move {
        let people = People::new(world).await;
        let guests = guests(&people).await;
        let since = |mode: &str, since: Value| json!({"segments": {"mode": mode, "segmentIds": [guests], "since": since}});
        let rows = [
            (since("ANY", json!({"moreThanDaysAgo": 14})), "aki"),
            (since("ALL", json!({"withinDays": 14})), "ben"),
            (since("ANY", json!({"until": people.days_ago(25)})), ""),
            (
                since("NONE", json!({"moreThanDaysAgo": 14})),
                "ben chen dai eri 田中",
            ),
        ];
        people.check(rows).await;
        people.world
    });
}

/// The tables of rows.
const TABLES: [&str; 3] = [
    include_str!("field.rs"),
    include_str!("leaf.rs"),
    include_str!("record.rs"),
];

/// The rows of a kind, each up to the end of its `json!`.
fn rows_of(kind: &str) -> Vec<&'static str> {
    let begin = format!("json!({{\"{kind}\"");
    let mut rows = Vec::new();
    for table in TABLES {
        for (at, _) in table.match_indices(&begin) {
            let mut depth = 0;
            let end = table[at..].find(|char| {
                depth += i32::from(char == '(') - i32::from(char == ')');
                char == ')' && depth == 0
            });
            rows.push(&table[at..at + end.expect("an end")]);
        }
    }
    rows
}

#[test]
fn every_field_and_every_way_to_test_a_value_has_its_row() {
    let sdl = Sdl::current();
    let named = |rows: &[&str], field: &str| {
        let name = format!("\"{field}\":");
        rows.iter().any(|row| row.contains(&name))
    };
    let mut all = Vec::new();
    for kind in sdl.input_fields("ConditionInput") {
        let name = kind.name.node.as_str();
        if ELSEWHERE.contains(&name) {
            continue;
        }
        let rows = rows_of(name);
        let of = kind.ty.node.to_string();
        let fields = sdl.input_fields(of.trim_end_matches('!'));
        assert!(!fields.is_empty(), "{name}");
        for field in fields {
            let field = field.name.node.as_str();
            assert!(named(&rows, field), "{name}.{field}");
        }
        all.extend(rows);
    }
    // Those of attributes are made by closures.
    all.push(TABLES[0]);
    for test in [
        "EventTestInput",
        "EventFollowUpInput",
        "NumberTestInput",
        "PropertyTestInput",
        "TextTestInput",
        "TimeTestInput",
        "TotalTestInput",
    ] {
        let fields = sdl.input_fields(test);
        assert!(!fields.is_empty(), "{test}");
        for field in fields {
            let field = field.name.node.as_str();
            assert!(named(&all, field), "{test}.{field}");
        }
    }
    let Some(TypeKind::Enum(modes)) = sdl.types.get("TagMode").map(|one| &one.kind) else {
        panic!("TagMode is no list of words");
    };
    for mode in &modes.values {
        let mode = mode.node.value.node.as_str();
        let row = format!("\"mode\": \"{mode}\"");
        assert!(all.iter().any(|one| one.contains(&row)), "{mode}");
    }
}
