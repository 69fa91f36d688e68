//! Tags are not merged where a rule or a playbook would contradict itself by it.

use domain::{
    error::{Error, UserErrorCode},
    playbook::{self, NewPlaybook},
    rule::{self, NewRule, Rule, definition::Definition},
    tag::catalogue::{self, Merge},
};
use entity::id::TagId;
use serde_json::{Value, json};

use super::support::{mistakes, tag};
use crate::support::{World, on_both};

async fn try_rule(world: &World, name: &str, told: &Value) -> domain::error::Result<Rule> {
    let mut stored = told.clone();
    stored["version"] = json!(1);
    let definition = Definition::from_stored(stored).expect("a definition");
    let new = NewRule {
        name: name.to_owned(),
        trigger: definition.trigger,
        condition: definition.condition,
        actions: definition.actions,
        limits: definition.limits,
    };
    rule::create(&world.ctx, &world.owner, new).await
}

async fn merged(world: &World, source: TagId, target: TagId) -> domain::error::Result<()> {
    let merge = Merge {
        sources: vec![source],
        target,
        keep_newest: false,
    };
    let merged = catalogue::merge(&world.ctx, &world.owner, merge).await;
    merged.map(|_| ())
}

/// Expects the merge to be refused with a message that has all of `words`.
#[track_caller]
fn tells(refused: domain::error::Result<()>, words: &[&str]) {
    let errors = match refused {
        Err(Error::Refused(errors)) => errors,
        other => panic!("{other:?}"),
    };
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].path, ["sourceIds"]);
    assert_eq!(errors[0].code, UserErrorCode::Contradictory);
    for word in words {
        assert!(errors[0].message.contains(word), "{errors:?}");
    }
}

#[test]
fn a_rule_whose_trigger_would_exclude_its_condition_keeps_tags_apart() {
    on_both(|world| async move {
        let (one, two) = (
            tag(&world, "One", None).await,
            tag(&world, "Two", None).await,
        );
        let other = tag(&world, "Other", None).await;
        let told = json!({
            "trigger": { "contactTagAdded": { "tagIds": [two.0] } },
            "condition": { "contactTags": { "mode": "NONE", "tagIds": [one.0] } },
            "actions": [{ "tagContact": { "tagIds": [other.0] } }],
        });
        let made = try_rule(&world, "Only two", &told).await.expect("a rule");
        tells(
            merged(&world, two, one).await,
            &[
                "The rule “Only two”",
                " condition:",
                "trigger.contactTagAdded",
            ],
        );
        let kept = rule::find(&world.ctx, world.owner.workspace, made.id).await;
        assert_eq!(kept.unwrap().unwrap().definition, made.definition);
        // One that is paused does nothing, and can be changed before it does again.
        let (ctx, owner) = (&world.ctx, &world.owner);
        rule::set_active(ctx, owner, made.id, false).await.unwrap();
        merged(&world, two, one).await.expect("a merge");
        world
    });
}

#[test]
fn a_rule_whose_actions_would_undo_each_other_keeps_tags_apart() {
    on_both(|world| async move {
        let (one, two) = (
            tag(&world, "One", None).await,
            tag(&world, "Two", None).await,
        );
        let swap = |puts: TagId, takes: TagId| {
            json!({ "actions": [
                { "tagContact": { "tagIds": [puts.0] } },
                { "untagContact": { "tagIds": [takes.0] } },
            ] })
        };
        assert_eq!(
            mistakes(try_rule(&world, "In vain", &swap(one, one)).await),
            [(
                "actions.1.untagContact.tagIds.0".to_owned(),
                UserErrorCode::Contradictory
            )]
        );
        try_rule(&world, "Swap", &swap(two, one))
            .await
            .expect("a rule");
        tells(
            merged(&world, two, one).await,
            &["The rule “Swap”", "actions.1.untagContact.tagIds.0"],
        );
        world
    });
}

#[test]
fn a_playbook_that_everybody_would_leave_at_once_keeps_tags_apart() {
    on_both(|world| async move {
        let (one, two) = (
            tag(&world, "One", None).await,
            tag(&world, "Two", None).await,
        );
        let book = |name: &str, enrols: TagId, ends: TagId| {
            let ends = json!({ "contactTags": { "mode": "ANY", "tagIds": [ends.0] } });
            let stored = json!({
                "form": 1,
                "steps": [{ "id": "rest", "kind": { "wait": { "for": { "seconds": 60 } } } }],
                "sources": [{ "tagAdded": { "tagIds": [enrols.0] } }],
                "exits": [{ "name": "Left", "condition": ends }],
            });
            NewPlaybook {
                name: name.to_owned(),
                description: String::new(),
                definition: playbook::Definition::from_stored(stored).expect("a definition"),
                publish: true,
            }
        };
        let (ctx, owner) = (&world.ctx, &world.owner);
        assert_eq!(
            mistakes(playbook::create(ctx, owner, book("In vain", one, one)).await),
            [(
                "definition.exits.0.condition".to_owned(),
                UserErrorCode::Contradictory
            )]
        );
        let made = playbook::create(ctx, owner, book("Welcome", two, one)).await;
        made.expect("a playbook");
        tells(
            merged(&world, two, one).await,
            &["The playbook “Welcome”", "exits.0.condition"],
        );
        world
    });
}
