//! What only the tree of tags and their groups tell to be impossible is refused where it is saved, with its place.

use domain::{
    condition::Condition,
    error::Result,
    playbook::{self, Definition, NewPlaybook, PlaybookChange},
    rule::{
        self, Limits, NewRule, RuleChanges,
        trigger::{ContactTagAdded, Trigger},
    },
    segment::{self, NewSegment},
    tag::{Place, catalogue},
};
use entity::{
    id::TagId,
    kind::{SegmentSubject, TagKind, TagSelection},
};
use serde_json::{Value, json};

use super::people::condition;
use crate::support::{World, engine::tag_contact, on_both, refusal::refusals};

fn tags(mode: &str, tag: TagId) -> Value {
    json!({"contactTags": {"mode": mode, "tagIds": [tag.0], "withDescendants": true}})
}

/// What is refused; nothing, if it was saved.
fn told<T>(saved: Result<T>) -> Vec<String> {
    match saved {
        Ok(_) => Vec::new(),
        Err(error) => refusals::<()>(Err(error)),
    }
}

async fn rule(world: &World, trigger: Trigger, condition: Condition, tag: TagId) -> Vec<String> {
    let new = NewRule {
        name: "Rule".to_owned(),
        trigger,
        condition,
        actions: vec![tag_contact(tag)],
        limits: Limits::default(),
    };
    told(rule::create(&world.ctx, &world.owner, new).await)
}

async fn segment(world: &World, condition: Condition) -> Vec<String> {
    let new = NewSegment {
        name: "Segment".to_owned(),
        description: String::new(),
        subject: SegmentSubject::Contact,
        condition: Some(condition),
    };
    told(segment::create(&world.ctx, &world.owner, new).await)
}

/// A playbook that puts on a tag.
fn reaching(goal: &Value, tag: TagId) -> NewPlaybook {
    let stored = json!({
        "form": 1,
        "steps": [{"id": "act", "kind": {"actions": [{"tagContact": {"tagIds": [tag.0]}}]}}],
        "goals": [{"name": "Goal", "condition": goal}],
    });
    NewPlaybook {
        name: "Playbook".to_owned(),
        description: String::new(),
        definition: Definition::from_stored(stored).expect("a definition"),
        publish: true,
    }
}

async fn playbook(world: &World, goal: &Value, tag: TagId) -> Vec<String> {
    told(playbook::create(&world.ctx, &world.owner, reaching(goal, tag)).await)
}

#[test]
fn a_tag_without_the_one_above_it_is_refused_wherever_it_is_asked_for() {
    on_both(|world| async move {
        let customer = world.tag(TagKind::Contact, "Customer", None).await;
        let gold = world.tag(TagKind::Contact, "Gold", Some(customer)).await;
        let vip = world.tag(TagKind::Contact, "VIP", Some(gold)).await;
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let never = json!({"all": [tags("ANY", vip), tags("NONE", customer)]});
        let refused = rule(&world, Trigger::default(), condition(&never), seen).await;
        assert_eq!(refused, ["condition.all.1 Contradictory"]);
        let refused = segment(&world, condition(&never)).await;
        assert_eq!(refused, ["condition.all.1 Contradictory"]);
        let refused = playbook(&world, &never, seen).await;
        assert_eq!(
            refused,
            ["definition.goals.0.condition.all.1 Contradictory"]
        );
        // Whoever was just given the tag has it.
        let given = Trigger::ContactTagAdded(ContactTagAdded {
            tag_ids: vec![vip.0],
            direct_only: false,
        });
        let none = condition(&tags("NONE", customer));
        let refused = rule(&world, given.clone(), none, seen).await;
        assert_eq!(refused, ["condition Contradictory"]);

        // The one above without the one below, and those beside each other.
        let may = json!({"all": [tags("ANY", customer), tags("NONE", vip), tags("NONE", seen)]});
        let none = rule(&world, Trigger::default(), condition(&may), seen).await;
        assert!(none.is_empty(), "{none:?}");
        assert!(segment(&world, condition(&may)).await.is_empty());
        assert!(playbook(&world, &may, seen).await.is_empty());
        let above = condition(&tags("ANY", customer));
        assert!(rule(&world, given, above, seen).await.is_empty());
        crate::segment::settle(&world).await;
        world
    });
}

#[test]
fn two_values_of_a_single_group_are_refused_wherever_they_are_asked_for() {
    on_both(|world| async move {
        let rank = world.group("Rank", TagSelection::Single).await;
        let needs = world.group("Needs", TagSelection::Multi).await;
        let mut made = Vec::new();
        for (name, of) in [("A", rank), ("B", rank), ("C", needs), ("D", needs)] {
            made.push(world.value(of, name).await);
        }
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let both = json!({"all": [tags("ANY", made[0]), tags("ANY", made[1])]});
        let refused = rule(&world, Trigger::default(), condition(&both), seen).await;
        assert_eq!(refused, ["condition.all.1 Contradictory"]);
        let refused = segment(&world, condition(&both)).await;
        assert_eq!(refused, ["condition.all.1 Contradictory"]);
        let either = json!({"any": [tags("ANY", made[0]), tags("ANY", made[1])]});
        assert!(segment(&world, condition(&either)).await.is_empty());
        let several = json!({"all": [tags("ANY", made[2]), tags("ANY", made[3])]});
        let saved = rule(&world, Trigger::default(), condition(&several), seen).await;
        assert!(saved.is_empty(), "{saved:?}");
        crate::segment::settle(&world).await;
        world
    });
}

#[test]
fn what_stays_as_it_was_saved_keeps_nobody_from_changing_the_rest_after_a_move() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let customer = world.tag(TagKind::Contact, "Customer", None).await;
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let greeted = world.tag(TagKind::Contact, "Greeted", None).await;
        let never = json!({"all": [tags("ANY", vip), tags("NONE", customer)]});
        let turned = json!({"all": [tags("NONE", customer), tags("ANY", vip)]});
        let saved = world
            .rule("Rule", condition(&never), vec![tag_contact(seen)])
            .await;
        let made = playbook::create(ctx, owner, reaching(&never, seen)).await;
        let book = made.expect("a playbook").id;
        let place = Place {
            parent: Some(customer),
            group: None,
        };
        let moved = catalogue::move_to(ctx, owner, vip, place, false).await;
        moved.expect("a move");

        let changes = RuleChanges {
            actions: Some(vec![tag_contact(greeted)]),
            ..RuleChanges::default()
        };
        let refused = told(rule::update(ctx, owner, saved.id, changes).await);
        assert!(refused.is_empty(), "{refused:?}");
        let changes = RuleChanges {
            condition: Some(condition(&turned)),
            ..RuleChanges::default()
        };
        let refused = told(rule::update(ctx, owner, saved.id, changes).await);
        assert_eq!(refused, ["condition.all.1 Contradictory"]);

        let change = |goal: &Value| PlaybookChange {
            definition: Some(reaching(goal, greeted).definition),
            publish: true,
            ..PlaybookChange::default()
        };
        let refused = told(playbook::update(ctx, owner, book, change(&never)).await);
        assert!(refused.is_empty(), "{refused:?}");
        let back = told(playbook::publish(ctx, owner, book, 1).await);
        assert!(back.is_empty(), "{back:?}");
        let refused = told(playbook::update(ctx, owner, book, change(&turned)).await);
        assert_eq!(
            refused,
            ["definition.goals.0.condition.all.1 Contradictory"]
        );
        world
    });
}
