//! What would follow a rule that is tried: rules, playbooks and segments that wait for what it would change.

use domain::{
    action::{Action, Effect},
    condition::Condition,
    playbook::{self, Definition as Book, NewPlaybook},
    rule::{
        Limits,
        definition::{Definition, always},
        rehearse::{Follower, Following, Subject, rehearse},
        trigger::Trigger,
    },
    segment::{self, NewSegment},
};
use entity::{
    id::{PlaybookId, RuleId, SegmentId, TagId},
    kind::{SegmentSubject, TagKind, TagSelection},
};
use serde_json::{Value, json};

use super::{on, tag_with};
use crate::{
    segment::settle,
    support::{World, on_both},
};

fn actions(stored: Value) -> Vec<Action> {
    serde_json::from_value(stored).expect("actions")
}

/// A rule that waits for something, and tags.
async fn waits(world: &World, trigger: Value, tag: TagId) -> RuleId {
    let trigger: Trigger = serde_json::from_value(trigger).expect("a trigger");
    on(world, trigger, tag_with(tag)).await.id
}

async fn segment(world: &World, name: &str, condition: Value) -> SegmentId {
    let condition: Condition = serde_json::from_value(condition).expect("a condition");
    let new = NewSegment {
        name: name.to_owned(),
        description: String::new(),
        subject: SegmentSubject::Contact,
        condition: Some(condition),
    };
    let made = segment::create(&world.ctx, &world.owner, new).await;
    let id = made.expect("a segment").id;
    settle(world).await;
    id
}

async fn enrolling(world: &World, name: &str, source: &Value) -> PlaybookId {
    let stored = json!({
        "form": 1,
        "steps": [{ "id": "wait", "kind": { "wait": { "for": { "seconds": 3_600 } } } }],
        "sources": [source],
    });
    let new = NewPlaybook {
        name: name.to_owned(),
        description: String::new(),
        definition: Book::from_stored(stored).expect("a playbook"),
        publish: true,
    };
    let made = playbook::create(&world.ctx, &world.owner, new).await;
    made.expect("a playbook").id
}

async fn follow(world: &World, stored: Value) -> Vec<Follower> {
    let draft = Definition {
        trigger: Trigger::default(),
        condition: always(),
        actions: actions(stored),
        limits: Limits::default(),
    };
    let subject = Subject::Draft(Box::new(draft));
    let found = rehearse(&world.ctx, &world.owner, subject, 7).await;
    found.expect("a rehearsal").followers
}

fn what(followers: &[Follower]) -> Vec<Following> {
    followers.iter().map(|one| one.what).collect()
}

#[test]
fn whatever_waits_for_an_effect_follows_by_that_effect() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let closed = waits(&world, json!({ "conversationClosed": {} }), seen).await;
        let assigned = json!({ "conversationAssigned": { "toNobody": true } });
        let assigned = waits(&world, assigned, seen).await;
        let customer = json!({ "contactStageChanged": { "to": ["CUSTOMER"] } });
        let customer = waits(&world, customer, seen).await;
        let lead = json!({ "contactStageChanged": { "to": ["LEAD"] } });
        waits(&world, lead, seen).await;
        let changed = json!({ "contactChanged": { "fields": ["STAGE"] } });
        let changed = waits(&world, changed, seen).await;

        let closes = json!([{ "setConversationStatus": { "status": "CLOSED" } }]);
        assert_eq!(
            what(&follow(&world, closes).await),
            [Following::Rule(closed)]
        );
        let leaves = json!([{ "assignConversation": {} }]);
        assert_eq!(
            what(&follow(&world, leaves).await),
            [Following::Rule(assigned)]
        );
        let moves = json!([
            { "setConversationPriority": { "priority": "HIGH" } },
            { "setContactStage": { "stage": "CUSTOMER" } },
        ]);
        let found = follow(&world, moves).await;
        assert_eq!(what(&found), [customer, changed].map(Following::Rule));
        for one in &found {
            assert!(
                matches!(one.effects[..], [Effect::SetStage { .. }]),
                "{one:?}"
            );
        }
        world
    });
}

#[test]
fn playbooks_and_segments_follow_and_what_waits_for_those() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let gold = world.tag(TagKind::Contact, "Gold", Some(vip)).await;
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let has = json!({ "contactTags":
            { "mode": "ANY", "tagIds": [vip.0], "withDescendants": true } });
        let vips = segment(&world, "VIPs", has).await;
        let members = json!({ "segments": { "mode": "ANY", "segmentIds": [vips.0] } });
        let made_of = segment(&world, "of VIPs", members).await;
        let stage = json!({ "contact": { "stages": ["LEAD"] } });
        segment(&world, "leads", stage).await;
        let enters = json!({ "contactEnteredSegment": { "segmentIds": [made_of.0] } });
        let enters = waits(&world, enters, seen).await;
        let by_tag = json!({ "tagAdded": { "tagIds": [vip.0], "withDescendants": true } });
        let by_tag = enrolling(&world, "by the tag", &by_tag).await;
        let by_itself = json!({ "tagAdded": { "tagIds": [vip.0] } });
        enrolling(&world, "by the tag itself", &by_itself).await;
        let by_segment = json!({ "segmentEntered": { "segmentIds": [vips.0] } });
        let by_segment = enrolling(&world, "by the segment", &by_segment).await;
        let by_band = json!({ "healthBand": { "bands": ["AT_RISK"] } });
        let by_band = enrolling(&world, "started", &by_band).await;

        let puts = json!([
            { "tagContact": { "tagIds": [gold.0] } },
            { "startPlaybook": { "playbookId": by_band.0 } },
        ]);
        let found = follow(&world, puts).await;
        let expected = [
            (Following::Rule(enters), Some(made_of)),
            (Following::Playbook(by_tag), None),
            (Following::Playbook(by_segment), Some(vips)),
            (Following::Playbook(by_band), None),
            (Following::Segment(vips), None),
            (Following::Segment(made_of), None),
        ];
        let told: Vec<_> = found.iter().map(|one| (one.what, one.segment)).collect();
        // Playbooks and segments of one moment are in no order.
        assert_eq!(told.len(), expected.len(), "{found:?}");
        assert_eq!(told[0], expected[0]);
        for one in &expected {
            assert!(told.contains(one), "{one:?} in {found:?}");
        }
        let started = |one: &&Follower| one.what == Following::Playbook(by_band);
        let started = found.iter().find(started).expect("what is started");
        assert!(matches!(
            started.effects[..],
            [Effect::StartPlaybook { .. }]
        ));
        world
    });
}

#[test]
fn what_waits_for_a_value_that_gives_way_follows() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let warmth = world.group("Warmth", TagSelection::Single).await;
        let hot = world.value(warmth, "Hot").await;
        let cold = world.value(warmth, "Cold").await;
        let frozen = world.tag(TagKind::Contact, "Frozen", Some(cold)).await;
        let tastes = world.group("Tastes", TagSelection::Multi).await;
        let tea = world.value(tastes, "Tea").await;
        let sake = world.value(tastes, "Sake").await;

        let gone = |kind: &str, tag: TagId| json!({ kind: { "tagIds": [tag.0] } });
        let not_cold = waits(&world, gone("contactTagRemoved", cold), seen).await;
        let not_hot = waits(&world, gone("contactTagRemoved", hot), seen).await;
        let not_frozen = json!({ "contactTagRemoved":
            { "tagIds": [frozen.0], "directOnly": true } });
        let not_frozen = waits(&world, not_frozen, seen).await;
        let of_accounts = serde_json::from_value(gone("accountTagRemoved", cold)).unwrap();
        let tags = json!([{ "tagAccount": { "tagIds": [seen.0] } }]);
        on(&world, of_accounts, serde_json::from_value(tags).unwrap()).await;
        waits(&world, gone("contactTagAdded", cold), seen).await;
        waits(&world, gone("contactTagRemoved", sake), seen).await;
        let has = json!({ "contactTags":
            { "mode": "ANY", "tagIds": [cold.0], "withDescendants": true } });
        let cold_ones = segment(&world, "cold", has).await;

        let puts = |tag: TagId| json!([{ "tagContact": { "tagIds": [tag.0] } }]);
        let found = follow(&world, puts(hot)).await;
        let expected = [
            Following::Rule(not_cold),
            Following::Rule(not_frozen),
            Following::Segment(cold_ones),
        ];
        assert_eq!(what(&found), expected);
        for one in &found {
            let [Effect::TagContact { tag_id, .. }] = &one.effects[..] else {
                panic!("{one:?}");
            };
            assert_eq!(*tag_id, hot.0);
        }
        // A tag that is taken off makes no room, and values of a group for several stay beside each other.
        let takes = json!([{ "untagContact": { "tagIds": [hot.0] } }]);
        assert_eq!(
            what(&follow(&world, takes).await),
            [Following::Rule(not_hot)]
        );
        assert!(follow(&world, puts(tea)).await.is_empty());
        world
    });
}
