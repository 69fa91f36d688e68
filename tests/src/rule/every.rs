//! That every trigger and every action of the API is tried by some test, and those that no story is about.

use domain::{
    action::{Action, OutcomeResult},
    condition::{AccountTags, Condition, TagMode, TagTest},
    contact::{self, NewContact},
    conversation,
    email::{self, NewCampaign, NewEmailEvent},
    rule::{Limits, trigger::Trigger},
    segment::{self, NewSegment},
    store::Query,
    tag::{Request, tagging},
    work::change::{Change, Fact},
};
use entity::{
    id::{AccountId, CampaignId, ConversationId, TagId},
    kind::{EmailEventKind, SegmentSubject, SurveyKind, TagKind},
};
use serde_json::{Value, json};

use super::{contact_of, firings, limited, on, results, tag_with, tags_of};
use crate::support::{
    World,
    engine::{email_event, words},
    on_both,
    repository::{has_word, rust_files},
    sdl::Sdl,
};

const EMAIL: &str = "taro@customer.example";

fn trigger(stored: Value) -> Trigger {
    serde_json::from_value(stored).expect("a trigger")
}

fn actions(stored: Value) -> Vec<Action> {
    serde_json::from_value(stored).expect("actions")
}

async fn company(world: &World) -> AccountId {
    let new = domain::account::NewAccount {
        name: "Acme".to_owned(),
        ..domain::account::NewAccount::default()
    };
    let made = domain::account::create(&world.ctx, &world.owner, new).await;
    made.expect("an account").id
}

/// What a rule with these actions makes of a message with its word.
async fn done(world: &World, word: &str, actions: Vec<Action>) -> Vec<OutcomeResult> {
    let condition = words(&[word]);
    let rule = limited(
        world,
        Trigger::default(),
        condition,
        actions,
        Limits::default(),
    )
    .await;
    world.receive(&[(word, EMAIL, word)]).await;
    world.drain().await;
    results(world, rule.id).await.concat()
}

/// Someone at an account, their conversation, and a tag for each of these two.
async fn furnish(world: &World) -> (AccountId, ConversationId, TagId, TagId) {
    let acme = company(world).await;
    let new = NewContact {
        name: "Taro".to_owned(),
        email: Some(EMAIL.to_owned()),
        account: Some(acme),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.expect("a contact");
    let message = world.receive(&[("first", EMAIL, "hello")]).await[0];
    let found = conversation::find_message(&world.ctx, world.owner.workspace, message).await;
    let id = found.expect("a look").expect("a message").conversation_id;
    let topic = world.tag(TagKind::Conversation, "Topic", None).await;
    let key = world.tag(TagKind::Contact, "Key account", None).await;
    (acme, id, topic, key)
}

#[test]
fn tags_come_off_conversations_and_accounts_as_off_contacts() {
    use OutcomeResult::{NotTagged, SetByMember, Tagged, Untagged};
    on_both(|world| async move {
        let (acme, id, topic, key) = furnish(&world).await;
        let put = json!([
            {"tagConversation": {"tagIds": [topic.0]}}, {"tagAccount": {"tagIds": [key.0]}},
        ]);
        let take = |anyway: bool| {
            actions(json!([
                {"untagConversation": {"tagIds": [topic.0], "evenIfSetByMember": anyway}},
                {"untagAccount": {"tagIds": [key.0], "evenIfSetByMember": anyway}},
            ]))
        };
        let found = done(&world, "alpha", actions(put)).await;
        assert_eq!(found, [Tagged, Tagged]);
        assert_eq!(tags_of(&world, acme.0).await, [key]);
        assert_eq!(
            done(&world, "beta", take(false)).await,
            [Untagged, Untagged]
        );
        assert_eq!(tags_of(&world, id.0).await, []);
        assert_eq!(tags_of(&world, acme.0).await, []);
        let found = done(&world, "gamma", take(false)).await;
        assert_eq!(found, [NotTagged, NotTagged]);

        let mine = [
            Request::conversation(id, topic),
            Request::account(acme, key),
        ];
        let tagged = tagging::tag_many(&world.ctx, &world.owner, &mine, "").await;
        tagged.expect("tags");
        let found = done(&world, "delta", take(false)).await;
        assert_eq!(found, [SetByMember, SetByMember]);
        assert_eq!(tags_of(&world, id.0).await, [topic]);
        let found = done(&world, "epsilon", take(true)).await;
        assert_eq!(found, [Untagged, Untagged]);
        assert_eq!(tags_of(&world, acme.0).await, []);
        world
    });
}

#[test]
fn accounts_are_looked_at_as_they_enter_and_leave_segments() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let greeted = world.tag(TagKind::Contact, "Greeted", None).await;
        let missed = world.tag(TagKind::Contact, "Missed", None).await;
        let acme = company(&world).await;
        let tagged = Condition::AccountTags(AccountTags(TagTest {
            mode: TagMode::Any,
            tag_ids: vec![vip.0],
            with_descendants: true,
        }));
        let new = NewSegment {
            name: "VIPs".to_owned(),
            description: String::new(),
            subject: SegmentSubject::Account,
            condition: Some(tagged),
        };
        let id = segment::create(ctx, owner, new)
            .await
            .expect("a segment")
            .id;
        crate::segment::settle(&world).await;
        for (kind, tag) in [
            ("accountEnteredSegment", greeted),
            ("accountLeftSegment", missed),
        ] {
            let trigger = trigger(json!({kind: {"segmentIds": [id.0]}}));
            let act = actions(json!([{"tagAccount": {"tagIds": [tag.0]}}]));
            on(&world, trigger, act).await;
        }
        let put = [Request::account(acme, vip)];
        let tagged = tagging::tag_many(ctx, owner, &put, "").await;
        tagged.expect("a tag");
        crate::segment::settle(&world).await;
        assert_eq!(tags_of(&world, acme.0).await.len(), 2);
        let taken = tagging::untag_many(ctx, owner, &put, "").await;
        taken.expect("no tag");
        crate::segment::settle(&world).await;
        let mut expected = vec![greeted, missed];
        expected.sort_unstable();
        assert_eq!(tags_of(&world, acme.0).await, expected);
        world
    });
}

fn click(world: &World, key: &str, campaign: Option<&str>) -> NewEmailEvent {
    let now = world.ctx.clock.now();
    NewEmailEvent {
        campaign: campaign.map(|id| NewCampaign {
            external_id: id.to_owned(),
            name: String::new(),
        }),
        ..email_event(key, key, EMAIL, EmailEventKind::Clicked, now)
    }
}

#[test]
fn emails_are_narrowed_by_campaign_and_answers_by_the_lowest_score() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let before = vec![click(&world, "before", Some("spring"))];
        email::ingest(ctx, owner, before).await.expect("an event");
        world.drain().await;
        let spring: Option<CampaignId> = Query::new("SELECT id FROM campaign")
            .scalar(world.ctx.reader())
            .await
            .expect("a look");
        let spring = spring.expect("a campaign");
        let of_spring = json!({"emailEvent": {"kinds": ["CLICKED"], "campaignIds": [spring.0]}});
        let of_spring = on(&world, trigger(of_spring), tag_with(seen)).await;
        let told = vec![
            click(&world, "1", Some("spring")),
            click(&world, "2", Some("autumn")),
            click(&world, "3", None),
        ];
        email::ingest(ctx, owner, told).await.expect("events");
        world.drain().await;
        assert_eq!(firings(&world, of_spring.id).await.len(), 1);

        let happy = json!({"surveyAnswered": {"kinds": ["NPS"], "minScore": 9}});
        let happy = on(&world, trigger(happy), tag_with(seen)).await;
        let taro = contact_of(&world, EMAIL).await;
        for score in [8, 9] {
            let fact = Fact::SurveyAnswered {
                answer_id: ctx.id(),
                account_id: None,
                survey_key: "onboarding".to_owned(),
                survey: SurveyKind::Nps,
                score,
                is_new: true,
                previous_score: None,
            };
            let mut tx = ctx.begin(owner.workspace).await.expect("a transaction");
            tx.record(Change::new(owner.origin(), Some(taro), fact));
            tx.commit().await.expect("a commit");
        }
        world.drain().await;
        assert_eq!(firings(&world, happy.id).await.len(), 1);
        world
    });
}

/// What the two kinds are called in code that are not called as in the API.
fn in_code(kind: &str) -> String {
    match kind {
        "emailEvent" => "EmailEventSeen".to_owned(),
        "schedule" => "OnSchedule".to_owned(),
        kind => kind[..1].to_uppercase() + &kind[1..],
    }
}

#[test]
fn every_trigger_and_every_action_of_the_schema_is_tried() {
    let files = rust_files("tests/src");
    let sdl = Sdl::current();
    for (input, code) in [("RuleTriggerInput", "Trigger"), ("ActionInput", "Action")] {
        let kinds = sdl.input_fields(input);
        assert!(kinds.len() > 20, "{input}");
        for kind in kinds {
            let kind = kind.name.node.as_str();
            let (stored, built) = (
                format!("\"{kind}\":"),
                format!("{code}::{}(", in_code(kind)),
            );
            let told = format!("(\"{kind}\", ");
            let is_tried = files.iter().flat_map(|(_, text)| text.lines()).any(|line| {
                line.contains(&stored) || has_word(line, &built) || line.trim().starts_with(&told)
            });
            assert!(is_tried, "no test tries {input}.{kind}");
        }
    }
}
