//! Triggers that ask about the very occasion: the properties of the event, the link of the click, why an email
//! bounced, the comment of the answer.

use domain::{
    condition::TagMode,
    email,
    event::{self, NewEvent},
    fact::ingest::Head,
    page::PageRequest,
    rule::{
        self, NewRule, RuleChanges,
        definition::{Definition, always},
        firing, miss,
        rehearse::{Subject, rehearse},
        trigger::Trigger,
    },
    survey::{self, NewSurveyAnswer},
};
use entity::{
    id::RuleId,
    kind::{BounceKind, EmailEventKind, MissReason, SurveyKind, TagKind},
};
use serde_json::{Value, json};

use super::{firings, limited, on, refused, tag_with};
use crate::{
    access::house::Door,
    support::{
        World,
        engine::{contact_has, email_event},
        on_both,
    },
};

fn trigger(stored: Value) -> Trigger {
    serde_json::from_value(stored).expect("a trigger")
}

fn sent_form(form: &str) -> Trigger {
    trigger(json!({"eventTracked": {
        "names": ["form_sent"],
        "where": [{"property": "form", "anyOf": [form]}],
    }}))
}

async fn send_forms(world: &World, forms: &[(&str, &str)]) {
    let events = forms.iter().map(|(id, form)| NewEvent {
        external_id: (*id).to_owned(),
        whose: "taro@customer.example".to_owned().into(),
        name: "form_sent".to_owned(),
        properties: json!({ "form": form }),
        occurred_at: world.ctx.clock.now(),
    });
    let told = event::ingest(&world.ctx, &world.owner, events.collect()).await;
    told.expect("events");
    world.drain().await;
}

#[test]
fn a_rule_on_an_event_looks_at_its_own_properties_and_not_at_earlier_events() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let rule = on(&world, sent_form("pricing"), tag_with(seen)).await;
        send_forms(&world, &[("1", "contact"), ("2", "pricing")]).await;
        // Whoever sent the one form sends others later.
        send_forms(&world, &[("3", "contact"), ("4", "demo")]).await;
        let found = firings(&world, rule.id).await;
        assert_eq!(found.len(), 1);
        let trace = firing::trace(&found[0]).expect("a trace");
        let verdict = &trace.expect("a trace").nodes[0];
        assert_eq!(verdict.path, ["trigger", "eventTracked", "where", "0"]);
        assert!(verdict.holds);
        let subject = Subject::Draft(Box::new(Definition {
            trigger: sent_form("contact"),
            condition: always(),
            actions: tag_with(seen),
            limits: rule::Limits::default(),
        }));
        let tried = rehearse(&world.ctx, &world.owner, subject, 7).await;
        let tried = tried.expect("a rehearsal");
        assert_eq!((tried.changes, tried.matches), (4, 2));
        world
    });
}

/// The firings of a rule with their verdicts in words, newest first.
async fn noted(world: &World, rule: RuleId, locale: &str) -> Value {
    let document = "query($id: ID!, $locale: Locale!) { rule(id: $id) { firings(first: 5) { nodes { \
                    ruleVersion verdicts(locale: $locale) { path sentence holds missing values } \
                    } } } }";
    let asked = json!({"id": rule.to_string(), "locale": locale});
    let door = Door::new(&world.ctx);
    let found = door.must(&world.owner, document, asked).await;
    found["firings"]["nodes"].clone()
}

#[test]
fn what_was_noted_is_told_in_words_as_the_rule_was_then() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let no_vip = contact_has(TagMode::None, &[vip]);
        let limits = rule::Limits::default();
        let rule = limited(&world, sent_form("pricing"), no_vip, tag_with(seen), limits).await;
        send_forms(&world, &[("1", "pricing")]).await;
        let changes = RuleChanges {
            name: Some("Another".to_owned()),
            trigger: Some(sent_form("contact")),
            condition: Some(always()),
            ..RuleChanges::default()
        };
        rule::update(ctx, owner, rule.id, changes)
            .await
            .expect("a change");
        send_forms(&world, &[("2", "contact")]).await;
        let english = noted(&world, rule.id, "EN").await;
        assert_eq!(english[0]["ruleVersion"], 2);
        // Without a condition the trigger's are all.
        let now = json!([{
            "path": ["trigger", "eventTracked", "where", "0"],
            "sentence": "when a contact does “form_sent” (“form” is “contact”)",
            "holds": true, "missing": [], "values": ["contact"],
        }]);
        assert_eq!(english[0]["verdicts"], now);
        let before = json!([
            {
                "path": ["trigger", "eventTracked", "where", "0"],
                "sentence": "when a contact does “form_sent” (“form” is “pricing”)",
                "holds": true, "missing": [], "values": ["pricing"],
            },
            {
                "path": ["condition", "contactTags"],
                "sentence": "the contact is not tagged “VIP”",
                "holds": true, "missing": ["VIP"], "values": [],
            },
        ]);
        assert_eq!(english[1]["verdicts"], before);
        let japanese = noted(&world, rule.id, "JA").await;
        let sentences = [0, 1].map(|at| japanese[1]["verdicts"][at]["sentence"].clone());
        let expected = [
            "コンタクトのイベント「form_sent」（「form」が「pricing」）が記録され次第",
            "コンタクトにタグ「VIP」が付いていない",
        ];
        assert_eq!(sentences, expected);
        world
    });
}

#[test]
fn of_events_that_a_trigger_turned_away_a_sample_says_what_they_had() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let rule = on(&world, sent_form("pricing"), tag_with(seen)).await;
        for batch in 0..10 {
            let ids: Vec<String> = (0..30).map(|n| format!("{batch}-{n}")).collect();
            let forms: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "contact")).collect();
            send_forms(&world, &forms).await;
        }
        let page = PageRequest::first(100);
        let misses = miss::list(&world.ctx, world.owner.workspace, rule.id, &page).await;
        let misses = misses.expect("misses").rows;
        // One of sixteen of 300.
        assert!((1..60).contains(&misses.len()), "{}", misses.len());
        for (_, one) in &misses {
            assert_eq!(one.reason, MissReason::Trigger);
            let trace = miss::trace(one).expect("a trace").expect("a trace");
            assert_eq!(trace.nodes.len(), 1);
            let actual = json!(trace.nodes[0].actual);
            assert_eq!(actual, json!({"values": ["contact"]}));
        }
        world
    });
}

#[test]
fn clicks_and_bounces_are_told_apart_by_link_and_reason() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let pricing = trigger(json!({"emailEvent": {
            "kinds": ["CLICKED"], "url": {"contains": ["/pricing"]},
        }}));
        let pricing = on(&world, pricing, tag_with(seen)).await;
        let hard = trigger(json!({"emailEvent": {"kinds": ["BOUNCED"], "bounceKinds": ["HARD"]}}));
        let hard = on(&world, hard, tag_with(seen)).await;
        let told = |id: &str, kind, url: Option<&str>, bounce| email::NewEmailEvent {
            bounce,
            url: url.map(str::to_owned),
            ..email_event(id, id, "taro@customer.example", kind, ctx.clock.now())
        };
        let (click, bounce) = (EmailEventKind::Clicked, EmailEventKind::Bounced);
        let events = vec![
            told(
                "1",
                click,
                Some("https://shop.example/pricing?plan=2"),
                None,
            ),
            told("2", click, Some("https://shop.example/blog"), None),
            told("3", click, None, None),
            told("4", bounce, None, Some(BounceKind::Hard)),
            told("5", bounce, None, Some(BounceKind::Soft)),
        ];
        email::ingest(ctx, owner, events).await.expect("events");
        world.drain().await;
        assert_eq!(firings(&world, pricing.id).await.len(), 1);
        assert_eq!(firings(&world, hard.id).await.len(), 1);
        world
    });
}

#[test]
fn an_answer_is_looked_at_for_what_was_written_with_it() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let dear = trigger(json!({"surveyAnswered": {
            "kinds": ["NPS"], "maxScore": 6, "comment": {"contains": ["price", "高い"]},
        }}));
        let dear = on(&world, dear, tag_with(seen)).await;
        let now = world.ctx.clock.now();
        let answer = |id: &str, score, comment: Option<&str>| NewSurveyAnswer {
            head: Head {
                external_id: id.to_owned(),
                party: crate::fact::email(&format!("{id}@customer.example")),
                updated_at: Some(now),
            },
            survey_key: "onboarding".to_owned(),
            kind: SurveyKind::Nps,
            score,
            comment: comment.map(str::to_owned),
            answered_at: now,
        };
        let answers = vec![
            answer("a", 3, Some("The PRICE rose")),
            answer("b", 3, Some("It is slow")),
            answer("c", 3, None),
            answer("d", 9, Some("A fair price")),
            answer("e", 2, Some("値段が高い")),
        ];
        let told = survey::ingest(&world.ctx, &world.owner, answers).await;
        told.expect("answers");
        world.drain().await;
        assert_eq!(firings(&world, dear.id).await.len(), 2);
        world
    });
}

#[test]
fn what_no_occasion_can_have_is_refused_where_it_stands() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        for (given, path) in [
            (
                json!({"eventTracked": {"names": ["a"], "where": [{"property": "b"}]}}),
                "trigger.eventTracked.where.0",
            ),
            (
                json!({"emailEvent": {"kinds": ["OPENED"], "url": {"isSet": true}}}),
                "trigger.emailEvent.url",
            ),
            (
                json!({"surveyAnswered": {"comment": {}}}),
                "trigger.surveyAnswered.comment",
            ),
        ] {
            let new = NewRule {
                name: "impossible".to_owned(),
                trigger: trigger(given),
                condition: always(),
                actions: tag_with(seen),
                limits: rule::Limits::default(),
            };
            let error = rule::create(&world.ctx, &world.owner, new).await;
            let found = refused(error.unwrap_err()).into_iter();
            let paths: Vec<String> = found.map(|(path, _)| path).collect();
            assert_eq!(paths, [path]);
        }
        world
    });
}
