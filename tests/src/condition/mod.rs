//! Conditions on both databases: every way of asking gives the same answer.

mod record;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    account::{self, NewAccount},
    condition::{
        self, Condition, Context, Moment, Use,
        evaluate::evaluate,
        facts::Holders,
        sql::{Asked, select},
    },
    contact::{self, ContactFilter, ContactOrder, NewContact, ProfileChanges},
    page::PageRequest,
    stage::NewStage,
    store::{Query, Rows},
    tag::{NewGroup, NewTag, Request, catalogue, group, tagging},
};
use entity::{
    id::{AttributeId, ContactId, Id as _, TagId},
    kind::{AttributeType, LifecycleStage, SubjectKind, TagKind, TagSelection},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{World, on_both};

/// The people of the tests, by name.
struct People {
    world: World,
    ids: BTreeMap<&'static str, ContactId>,
    account: Uuid,
    vip: TagId,
    group: Uuid,
    plan: AttributeId,
    seats: AttributeId,
}

const NAMES: [&str; 6] = ["aki", "ben", "chen", "dai", "eri", "田中"];

fn id(number: u128) -> Uuid {
    Uuid::from_u128((1 << 100) + number)
}

impl People {
    async fn new(world: World) -> Self {
        let (ctx, owner) = (world.ctx.clone(), world.owner.clone());
        let new = NewAccount {
            name: "Customer Inc".to_owned(),
            domain: Some("customer.example".to_owned()),
            external_id: None,
            details: account::DetailChanges::default(),
        };
        let account = account::create(&ctx, &owner, new)
            .await
            .expect("an account");
        let mut ids = BTreeMap::new();
        for (n, name) in NAMES.into_iter().enumerate() {
            let stage = match n {
                0 | 1 => Some(LifecycleStage::Lead),
                2 => Some(LifecycleStage::Customer),
                _ => None,
            };
            let new = NewContact {
                name: name.to_owned(),
                email: (n < 4).then(|| format!("p{n}@{}.example", ["customer", "other"][n % 2])),
                account: (n == 0 || n == 4).then_some(account.id),
                profile: ProfileChanges {
                    stage: stage.map(|stage| NewStage {
                        stage: Some(stage),
                        reason: String::new(),
                    }),
                    owner: (n == 1).then_some(Some(owner.member)),
                    ..ProfileChanges::default()
                },
                ..NewContact::default()
            };
            let made = contact::create(&ctx, &owner, new).await.expect("a contact");
            ids.insert(name, made.id);
        }
        let new = NewGroup {
            kind: TagKind::Contact,
            name: "Industry".to_owned(),
            description: String::new(),
            selection: TagSelection::Multi,
            stage: None,
        };
        let industry = group::create(&ctx, &owner, new).await.expect("a group").id;
        let tag = |name: &str, parent, group| NewTag {
            kind: TagKind::Contact,
            name: name.to_owned(),
            description: String::new(),
            colour: None,
            parent,
            group,
        };
        let vip = catalogue::create(&ctx, &owner, tag("VIP", None, None)).await;
        let vip = vip.expect("a tag").id;
        let gold = catalogue::create(&ctx, &owner, tag("Gold", Some(vip), None)).await;
        let food = catalogue::create(&ctx, &owner, tag("Food", None, Some(industry))).await;
        let (gold, food) = (gold.expect("a tag").id, food.expect("a tag").id);
        let put = [
            Request::contact(ids["aki"], vip),
            Request::contact(ids["ben"], gold),
            Request::contact(ids["chen"], food),
        ];
        let tagged = tagging::tag_many(&ctx, &owner, &put, "").await;
        tagged.expect("tags");
        let plan = define(&world, "plan", AttributeType::Select).await;
        let seats = define(&world, "seats", AttributeType::Number).await;
        let people = Self {
            world,
            ids,
            account: account.id.uuid(),
            vip,
            group: industry.uuid(),
            plan,
            seats,
        };
        people.fill().await;
        people
    }

    async fn run(&self, statement: &'static str, rows: Rows) {
        Query::new(statement)
            .bind(self.world.owner.workspace)
            .bind(self.world.ctx.clock.now())
            .rows("r", rows)
            .execute(self.world.ctx.db.writer())
            .await
            .expect(statement);
    }

    fn days_ago(&self, days: i64) -> DateTime<Utc> {
        self.world.ctx.clock.now() - TimeDelta::days(days)
    }

    async fn fill(&self) {
        // Who, what, with what, how many days ago.
        let mut events: Vec<(&str, &str, Value, i64)> = Vec::new();
        for n in 0..4 {
            events.push((
                "aki",
                "article_read",
                json!({"article": "a", "minutes": 6}),
                n + 1,
            ));
            events.push((
                "ben",
                "article_read",
                json!({"article": "a", "minutes": 1.5}),
                n + 1,
            ));
            let scattered = json!({"article": format!("x{n}"), "minutes": 60, "paid": n == 0});
            events.push(("chen", "article_read", scattered, n + 1));
            events.push((
                "eri",
                "article_read",
                json!({"article": "a", "minutes": "6"}),
                n + 1,
            ));
        }
        events.push(("ben", "trial_started", json!({}), 1));
        for n in 0..6 {
            events.push(("dai", "purchase", json!({"product": "tea"}), 100 + n));
            events.push(("chen", "purchase", json!({"product": "tea"}), 10 + n));
        }
        events.push(("田中", "group_joined", json!({}), 70));
        let rows = Rows::new()
            .uuids("id", (0..events.len()).map(|n| id(n as u128)))
            .ids("contact_id", events.iter().map(|event| self.ids[event.0]))
            .texts("name", events.iter().map(|event| event.1))
            .json("properties", events.iter().map(|event| event.2.clone()))
            .times("at", events.iter().map(|event| self.days_ago(event.3)));
        self.run(
            "INSERT INTO event (workspace_id, id, contact_id, external_id, name, properties,
                                occurred_at, created_at)
             SELECT $1, r.id, r.contact_id, 'e' || CAST(r.at AS text) || r.name || CAST(r.contact_id AS text),
                    r.name, r.properties, r.at, $2 FROM {r} WHERE true",
            rows,
        )
        .await;
        let scores = [
            ("aki", 80.0, "HEALTHY"),
            ("ben", 30.0, "AT_RISK"),
            ("chen", 55.5, "NEUTRAL"),
        ];
        let rows = Rows::new()
            .ids("id", scores.iter().map(|score| self.ids[score.0]))
            .reals("score", scores.iter().map(|score| score.1))
            .texts("band", scores.iter().map(|score| score.2));
        self.run(
            "UPDATE contact_health SET score = r.score, band = r.band, as_of = $2 FROM {r}
             WHERE contact_health.workspace_id = $1 AND contact_health.contact_id = r.id",
            rows,
        )
        .await;
        let rows = Rows::new()
            .ids("contact_id", [self.ids["aki"], self.ids["ben"]])
            .uuids("id", [id(900), id(901)])
            .reals("score", [50.0, 60.0])
            .times("at", [self.days_ago(40), self.days_ago(10)]);
        self.run(
            "INSERT INTO health_history (workspace_id, contact_id, as_of, id, model_version, score,
                                         band, coverage, inputs, cause)
             SELECT $1, r.contact_id, r.at, r.id, 1, r.score, 'NEUTRAL', 1, '{}', 'test'
             FROM {r} WHERE $2 IS NOT NULL",
            rows,
        )
        .await;
        let mails = [("aki", 10, 8, 5), ("ben", 10, 1, 0), ("dai", 3, 0, 0)];
        let days = mails.map(|_| self.days_ago(3).date_naive());
        let rows = Rows::new()
            .ids("id", mails.iter().map(|mail| self.ids[mail.0]))
            .dates("day", days)
            .ints("sent", mails.iter().map(|mail| mail.1))
            .ints("opened", mails.iter().map(|mail| mail.2))
            .ints("clicked", mails.iter().map(|mail| mail.3));
        self.run(
            "INSERT INTO email_day (workspace_id, scope, scope_id, day, attempted, delivered,
                human_openers, openers, human_clickers, clickers, replied, hard_bounced, soft_bounced,
                blocked, complained, unsubscribed, human_opens, machine_opens, human_clicks,
                machine_clicks, timed_replies, reply_seconds)
             SELECT $1, 'CONTACT', r.id, r.day, r.sent, r.sent, r.opened, r.opened, r.clicked,
                    r.clicked, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM {r} WHERE $2 IS NOT NULL",
            rows,
        )
        .await;
        let days: Vec<_> = (1..6).map(|n| self.days_ago(n).date_naive()).collect();
        let rows = Rows::new()
            .ids("id", days.iter().map(|_| self.ids["aki"]))
            .dates("day", days.iter().copied());
        self.run(
            "INSERT INTO email_active_day (workspace_id, contact_id, day, acts)
             SELECT $1, r.id, r.day, 2 FROM {r} WHERE $2 IS NOT NULL",
            rows,
        )
        .await;
        let orders = [
            ("aki", "PAID", 12_000, 20),
            ("aki", "PAID", 8_000, 200),
            ("ben", "CANCELLED", 500, 5),
        ];
        let rows = Rows::new()
            .uuids("id", (0..orders.len()).map(|n| id(2_000 + n as u128)))
            .ids("contact_id", orders.iter().map(|order| self.ids[order.0]))
            .texts("status", orders.iter().map(|order| order.1))
            .ints("amount", orders.iter().map(|order| order.2))
            .times("at", orders.iter().map(|order| self.days_ago(order.3)));
        self.run(
            "INSERT INTO sales_order (workspace_id, id, external_id, contact_id, account_told, digest,
                status, amount, currency, placed_at, updated_at, created_at, recorded_at)
             SELECT $1, r.id, CAST(r.id AS text), r.contact_id, false, '', r.status, r.amount, 'JPY',
                    r.at, r.at, r.at, $2 FROM {r} WHERE true",
            rows,
        )
        .await;
        let answers = [
            ("aki", "NPS", 9, 30),
            ("ben", "NPS", 10, 60),
            ("ben", "NPS", 3, 2),
            ("chen", "CSAT", 5, 1),
        ];
        let rows = Rows::new()
            .uuids("id", (0..answers.len()).map(|n| id(3_000 + n as u128)))
            .ids(
                "contact_id",
                answers.iter().map(|answer| self.ids[answer.0]),
            )
            .texts("kind", answers.iter().map(|answer| answer.1))
            .ints("score", answers.iter().map(|answer| answer.2))
            .times("at", answers.iter().map(|answer| self.days_ago(answer.3)));
        self.run(
            "INSERT INTO survey_answer (workspace_id, id, external_id, contact_id, account_told,
                digest, survey_key, kind, score, answered_at, updated_at, created_at, recorded_at)
             SELECT $1, r.id, CAST(r.id AS text), r.contact_id, false, '', 'q1', r.kind, r.score, r.at,
                    r.at, r.at, $2 FROM {r} WHERE true",
            rows,
        )
        .await;
        let rows = Rows::new()
            .ids("contact_id", [self.ids["aki"], self.ids["dai"]])
            .texts("state", ["SUBSCRIBED", "UNSUBSCRIBED"]);
        self.run(
            "INSERT INTO subscription (workspace_id, contact_id, channel, topic, state, source, reason,
                                       changed_at, changed_by)
             SELECT $1, r.contact_id, 'EMAIL', '*', r.state, 'MEMBER', '', $2, '{}' FROM {r}
             WHERE true",
            rows,
        )
        .await;
        let rows = Rows::new()
            .ids(
                "attribute_id",
                [self.plan, self.plan, self.seats, self.seats],
            )
            .ids(
                "contact_id",
                ["aki", "ben", "aki", "dai"].map(|name| self.ids[name]),
            )
            .opt_reals("number", [None, None, Some(5.0), Some(50.0)])
            .json(
                "options",
                [json!(["a"]), json!(["b"]), json!([]), json!([])],
            );
        self.run(
            "INSERT INTO attribute_value (workspace_id, attribute_id, subject_id, sort_key, number,
                                          options, updated_at)
             SELECT $1, r.attribute_id, r.contact_id, 'x', r.number, r.options, $2 FROM {r}
             WHERE true",
            rows,
        )
        .await;
    }

    fn moment(&self) -> Moment {
        Moment::usual(self.world.ctx.clock.now(), chrono_tz::Asia::Tokyo)
    }

    /// Of whom the condition holds, by each way of asking; all must agree.
    async fn found(&self, condition: &Condition) -> BTreeSet<&'static str> {
        let (ctx, workspace) = (&self.world.ctx, self.world.owner.workspace);
        let (reader, moment) = (ctx.reader(), self.moment());
        let name_of: BTreeMap<Uuid, &'static str> = self
            .ids
            .iter()
            .map(|(name, id)| (id.uuid(), *name))
            .collect();
        let everybody: Vec<Uuid> = name_of.keys().copied().collect();
        let named = |ids: Vec<Uuid>| -> BTreeSet<&'static str> {
            ids.iter().map(|id| name_of[id]).collect()
        };
        let mut ways = Vec::new();
        let query = select(
            ctx.db.backend(),
            workspace,
            &moment,
            condition,
            SubjectKind::Contact,
            &everybody,
        );
        let ids: Vec<Uuid> = query
            .column(reader)
            .await
            .unwrap_or_else(|error| panic!("{condition:?}: {error}"));
        ways.push(named(ids));
        let accounts: BTreeMap<Uuid, Option<Uuid>> = ["aki", "eri"]
            .into_iter()
            .map(|name| (self.ids[name].uuid(), Some(self.account)))
            .collect();
        let cases: Vec<(&Condition, Holders)> = everybody
            .iter()
            .map(|&contact| {
                let holders = Holders {
                    contact: Some(contact),
                    account: accounts.get(&contact).copied().flatten(),
                    conversation: None,
                };
                (condition, holders)
            })
            .collect();
        let verdicts = evaluate(reader, workspace, &moment, &cases).await.unwrap();
        let held = everybody.iter().zip(verdicts).filter(|(_, holds)| *holds);
        ways.push(named(held.map(|(&id, _)| id).collect()));
        let filter = ContactFilter {
            condition: Some(Asked::new(condition.clone(), &moment)),
            ..ContactFilter::default()
        };
        let page = PageRequest::first(50);
        let listed = contact::list(ctx, workspace, filter, ContactOrder::default(), &page).await;
        let listed = listed.unwrap().rows.into_iter();
        ways.push(named(
            listed.map(|(_, contact)| contact.id.uuid()).collect(),
        ));
        for way in &ways[1..] {
            assert_eq!(way, &ways[0], "{condition:?}");
        }
        ways.swap_remove(0)
    }

    fn leaves(&self) -> Vec<(Value, &'static str)> {
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
                json!({"events": {"tests": [{"measure": "COUNT", "is": {"atMost": 1}}]}}),
                "田中",
            ),
            (
                json!({"events": {"of": "ACCOUNT", "tests": [{"measure": "COUNT", "is": {"atLeast": 5}}]}}),
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

async fn define(world: &World, key: &str, value_type: AttributeType) -> AttributeId {
    use domain::attribute::{AttributeOption, NewAttribute, definition};
    let options = match value_type {
        AttributeType::Select => ["a", "b", "c"].as_slice(),
        _ => &[],
    };
    let new = NewAttribute {
        subject: SubjectKind::Contact,
        key: key.to_owned(),
        name: key.to_owned(),
        description: String::new(),
        value_type,
        options: options
            .iter()
            .map(|key| AttributeOption {
                key: (*key).to_owned(),
                label: (*key).to_owned(),
            })
            .collect(),
    };
    let made = definition::create(&world.ctx, &world.owner, new).await;
    made.expect("an attribute").id
}

fn condition(stored: &Value) -> Condition {
    serde_json::from_value(stored.clone()).unwrap_or_else(|error| panic!("{stored}: {error}"))
}

fn names(list: &str) -> BTreeSet<&str> {
    list.split_whitespace().collect()
}

#[test]
fn every_leaf_finds_whom_it_means_by_every_way_of_asking() {
    on_both(|world| async move {
        let people = People::new(world).await;
        for (stored, expected) in people.leaves() {
            let condition = condition(&stored);
            let refused = condition::check(&condition, Context::Contact, Use::Segment);
            assert!(refused.is_empty(), "{stored}: {refused:?}");
            assert_eq!(people.found(&condition).await, names(expected), "{stored}");
        }
        people.world
    });
}

#[test]
fn the_three_questions_about_behaviour_are_one_condition_each() {
    on_both(|world| async move {
        let people = People::new(world).await;
        let read_often = json!({"all": [
            {"events": {"names": ["article_read"], "sameProperty": "article", "tests": [
                {"measure": "COUNT", "is": {"atLeast": 4}},
                {"measure": "SUM", "property": "minutes", "is": {"moreThan": 20}},
            ]}},
            {"not": {"events": {"names": ["trial_started"]}}},
        ]});
        assert_eq!(people.found(&condition(&read_often)).await, names("aki"));
        let bought_and_left = json!({"events": {"names": ["purchase"], "sameProperty": "product", "tests": [
            {"measure": "COUNT", "is": {"moreThan": 5}},
            {"measure": "DAYS_SINCE_LAST", "is": {"atLeast": 90}},
        ]}});
        assert_eq!(
            people.found(&condition(&bought_and_left)).await,
            names("dai")
        );
        let silent_member = json!({"all": [
            {"events": {"names": ["group_joined"]}},
            {"not": {"events": {"withinDays": 60}}},
        ]});
        assert_eq!(
            people.found(&condition(&silent_member)).await,
            names("田中")
        );
        people.world
    });
}

#[test]
fn sums_of_whatever_was_told_fail_no_statement() {
    on_both(|world| async move {
        let people = People::new(world).await;
        let rows = Rows::new()
            .uuids("id", [id(800), id(801)])
            .ids("contact_id", [people.ids["aki"]; 2])
            .json(
                "properties",
                [json!({"amount": 1e308}), json!({"amount": 1e308})],
            )
            .times("at", [people.days_ago(1), people.days_ago(2)]);
        people
            .run(
                "INSERT INTO event (workspace_id, id, contact_id, external_id, name, properties,
                                    occurred_at, created_at)
                 SELECT $1, r.id, r.contact_id, 'huge' || CAST(r.at AS text), 'donated', r.properties,
                        r.at, $2 FROM {r} WHERE true",
                rows,
            )
            .await;
        // 2000 of the largest amount there may be are more than an integer holds.
        let orders = 2_000_i64;
        let rows = Rows::new()
            .uuids("id", (0..orders).map(|n| id(10_000 + n as u128)))
            .ints("n", 0..orders)
            .ids("contact_id", (0..orders).map(|_| people.ids["ben"]))
            .times("at", (0..orders).map(|_| people.days_ago(1)));
        people
            .run(
                "INSERT INTO sales_order (workspace_id, id, external_id, contact_id, account_told,
                    digest, status, amount, currency, placed_at, updated_at, created_at, recorded_at)
                 SELECT $1, r.id, 'big' || CAST(r.n AS text), r.contact_id, false, '', 'PAID',
                        9007199254740991, 'JPY', r.at, r.at, r.at, $2 FROM {r} WHERE true",
                rows,
            )
            .await;
        for (asked, expected) in [
            (
                json!({"events": {"names": ["donated"], "tests": [
                    {"measure": "SUM", "property": "amount", "is": {"moreThan": 1000}},
                ]}}),
                "aki",
            ),
            (
                json!({"events": {"names": ["donated"], "where": [
                    {"property": "amount", "number": {"moreThan": 1e100}},
                ]}}),
                "aki",
            ),
            (
                json!({"orders": {"total": {"currency": "JPY", "amount": {"atLeast": 1e18}}}}),
                "ben",
            ),
        ] {
            assert_eq!(
                people.found(&condition(&asked)).await,
                names(expected),
                "{asked}"
            );
        }
        people.world
    });
}

/// The next of a row of numbers without much order.
fn draw(state: &mut u64, below: usize) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    ((*state >> 33) as usize) % below
}

fn tree(state: &mut u64, leaves: &[Value], depth: usize) -> Value {
    match draw(state, if depth == 0 { 1 } else { 4 }) {
        0 => leaves[draw(state, leaves.len())].clone(),
        1 => json!({"not": tree(state, leaves, depth - 1)}),
        kind => {
            let count = 1 + draw(state, 3);
            let children: Vec<Value> = (0..count).map(|_| tree(state, leaves, depth - 1)).collect();
            json!({(if kind == 2 { "all" } else { "any" }): children})
        }
    }
}

#[test]
fn memory_and_sql_agree_on_trees_of_all_leaves() {
    on_both(|world| async move {
        let people = People::new(world).await;
        let leaves: Vec<Value> = people.leaves().into_iter().map(|(leaf, _)| leaf).collect();
        let mut state = 7;
        for _ in 0..60 {
            let stored = tree(&mut state, &leaves, 3);
            people.found(&condition(&stored)).await;
        }
        people.world
    });
}

#[test]
fn a_rule_asks_the_database_about_the_contact_and_says_what_it_heard() {
    on_both(|world| async move {
        use domain::rule::{self, firing::FiringsOf};
        let people = People::new(world).await;
        let world = people.world;
        let tag = world.tag(TagKind::Contact, "Reader", None).await;
        let stored = json!({"all": [
            {"regex": {"fields": ["BODY"], "pattern": "price[ds]?"}},
            {"events": {"names": ["article_read"], "tests": [
                {"measure": "COUNT", "is": {"atLeast": 4}},
            ]}},
        ]});
        let rule = world
            .rule(
                "readers",
                condition(&stored),
                vec![crate::support::engine::tag_contact(tag)],
            )
            .await;
        let messages = world
            .receive(&[
                ("1", "p0@customer.example", "Your Prices?"),
                ("2", "p3@other.example", "Your prices?"),
                ("3", "p0@customer.example", "hello"),
            ])
            .await;
        world.drain().await;
        let of = FiringsOf::Rule(rule.id);
        let (ctx, workspace, page) = (&world.ctx, world.owner.workspace, PageRequest::first(9));
        let fired = rule::firing::list(ctx, workspace, of, &page);
        let fired = fired.await.unwrap().rows;
        assert_eq!(fired.len(), 1);
        assert_eq!(fired[0].1.message_id, Some(messages[0]));
        let matched = rule::firing::matched(&fired[0].1).unwrap();
        let matched = serde_json::to_value(&matched).unwrap();
        assert_eq!(matched[0]["matched"]["keyword"]["text"], "Prices");
        assert_eq!(matched[1]["matched"]["values"], json!(["4"]));

        let gate = rule
            .definition
            .trigger
            .gate()
            .expect("it waits for messages");
        let why = condition::explain::explain(
            &world.ctx,
            world.owner.workspace,
            &gate,
            &rule.definition.condition,
            messages[1],
        );
        let why = serde_json::to_value(why.await.unwrap().unwrap()).unwrap();
        assert_eq!(why["fires"], false);
        assert_eq!(why["nodes"][1]["holds"], true);
        assert_eq!(why["nodes"][2]["holds"], false);
        assert_eq!(why["nodes"][2]["actual"], json!({"values": ["0"]}));
        world
    });
}
