//! What rules put on: taken over by a member, withdrawn with the rule, taken back after a change of
//! it.

use domain::{
    account::{self, NewAccount},
    action::{Action, TagAccount},
    contact::{self, NewContact},
    operation::{self, Limits},
    rule::{self, RuleChanges},
    tag::tagging,
};
use entity::{
    id::TagId,
    kind::{OperationState, TaggingEnd},
};
use uuid::Uuid;

use super::{
    recount::assert_recounted,
    steps::{active, active_tags, history, put, single_group, tag},
};
use crate::support::{
    engine::{contact_of, tag_contact, words},
    on_both,
};

#[test]
fn what_a_rule_set_can_be_taken_over_and_withdrawn_and_it_takes_nothing_away() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let hot = tag(&world, "Hot", None).await;
        let cold = tag(&world, "Cold", None).await;
        let free = tag(&world, "Free", None).await;
        single_group(&world, &[hot, cold]).await;
        let heats = world
            .rule(
                "Heat",
                words(&["buy"]),
                vec![tag_contact(hot), tag_contact(free)],
            )
            .await;
        world
            .receive(&[("1", "a@x.example", "buy"), ("2", "b@x.example", "buy")])
            .await;
        world.drain().await;
        let a = contact_of(&world, "a@x.example").await;
        let b = contact_of(&world, "b@x.example").await;
        assert_eq!(active(&world, a).await.len(), 2);

        // A member makes one theirs; the interval of the rule ends, the tag stays.
        assert_eq!(put(&world, a, free, None).await, 1);
        let taken = history(&world, a).await;
        let taken = taken.iter().find(|one| one.ended.is_some()).unwrap();
        assert_eq!(taken.ended, Some(TaggingEnd::TakenOver));
        assert_eq!(active(&world, a).await.len(), 2);
        // A member's value stays whatever the rule says.
        put(&world, b, cold, None).await;
        world.receive(&[("3", "b@x.example", "buy")]).await;
        world.drain().await;
        assert!(active_tags(&world, b).await.contains(&cold));
        assert_recounted(&world).await;

        let asked = tagging::withdraw(ctx, owner, heats.id).await.unwrap();
        let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
        assert!(turn.unwrap().steps > 0);
        let done = operation::find(ctx, owner.workspace, asked.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (done.state, done.total, done.done),
            (OperationState::Done, Some(2), 2)
        );
        assert_eq!(active_tags(&world, a).await, [free]);
        assert_eq!(active_tags(&world, b).await, [cold]);
        let withdrawn = history(&world, b).await;
        let withdrawn = withdrawn
            .iter()
            .filter(|one| one.ended == Some(TaggingEnd::Withdrawn));
        assert_eq!(withdrawn.count(), 1);
        assert_recounted(&world).await;

        // Deleting a rule can do the same.
        world.receive(&[("4", "c@x.example", "buy")]).await;
        world.drain().await;
        rule::delete_and_withdraw(ctx, owner, heats.id)
            .await
            .unwrap();
        let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
        assert!(turn.unwrap().steps > 0);
        assert!(
            active(&world, contact_of(&world, "c@x.example").await)
                .await
                .is_empty()
        );
        world
    });
}

#[test]
fn what_a_changed_rule_does_not_put_on_any_more_is_taken_back_if_somebody_asks_for_it() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let old = tag(&world, "Old", None).await;
        let both = tag(&world, "Both", None).await;
        let new = tag(&world, "New", None).await;
        let act = vec![tag_contact(old), tag_contact(both)];
        let rule = world.rule("Buyers", words(&["buy"]), act).await;
        world
            .receive(&[("1", "a@x.example", "buy"), ("2", "b@x.example", "buy")])
            .await;
        world.drain().await;
        let a = contact_of(&world, "a@x.example").await;
        let b = contact_of(&world, "b@x.example").await;
        // A member makes one of them theirs.
        put(&world, b, old, None).await;
        let work = async || {
            let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
            turn.unwrap().steps
        };
        let changed = |withdraw| RuleChanges {
            actions: Some(vec![tag_contact(new), tag_contact(both)]),
            withdraw,
            ..RuleChanges::default()
        };
        // Neither a change nor a pause says anything about what was tagged.
        rule::update(ctx, owner, rule.id, changed(false))
            .await
            .unwrap();
        rule::set_active(ctx, owner, rule.id, false).await.unwrap();
        assert_eq!(work().await, 0);
        let sorted = |mut tags: Vec<TagId>| {
            tags.sort_unstable();
            tags
        };
        let tags = async |who| sorted(active_tags(&world, who).await);
        assert_eq!(tags(a).await, sorted(vec![old, both]));
        rule::update(ctx, owner, rule.id, changed(true))
            .await
            .unwrap();
        assert!(work().await > 0);
        assert_eq!(tags(a).await, [both]);
        assert_eq!(tags(b).await, sorted(vec![old, both]));
        assert_recounted(&world).await;
        world
    });
}

#[test]
fn a_tag_that_a_rule_now_puts_on_something_else_is_taken_back_from_what_it_was_on() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let buyer = tag(&world, "Buyer", None).await;
        let on_account = Action::TagAccount(TagAccount {
            tag_ids: vec![buyer.0],
            expires_in_seconds: None,
            while_in_segment_id: None,
        });
        let both = vec![tag_contact(buyer), on_account.clone()];
        let rule = world.rule("Buyers", words(&["buy"]), both).await;
        let acme = NewAccount {
            name: "Acme".to_owned(),
            ..NewAccount::default()
        };
        let acme = account::create(ctx, owner, acme).await.unwrap().id;
        let taro = NewContact {
            name: "Taro".to_owned(),
            email: Some("taro@x.example".to_owned()),
            account: Some(acme),
            ..NewContact::default()
        };
        let taro = contact::create(ctx, owner, taro).await.unwrap().id;
        world.receive(&[("1", "taro@x.example", "buy")]).await;
        world.drain().await;
        let carried = async |thing: Uuid| {
            let found = tagging::load_active(ctx, owner.workspace, &[thing]).await;
            found.unwrap().len()
        };
        assert_eq!((carried(taro.0).await, carried(acme.0).await), (1, 1));

        let changes = RuleChanges {
            actions: Some(vec![on_account]),
            withdraw: true,
            ..RuleChanges::default()
        };
        rule::update(ctx, owner, rule.id, changes).await.unwrap();
        let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
        assert!(turn.unwrap().steps > 0);
        assert_eq!(carried(taro.0).await, 0, "it tags no contact any more");
        assert_eq!(carried(acme.0).await, 1, "it tags accounts still");
        assert_recounted(&world).await;
        world
    });
}
