//! What rules put on for a time: it comes off by itself, later for each firing, and members have the last
//! word.

use chrono::TimeDelta;
use domain::{
    action::{Action, OutcomeResult, TagContact},
    condition::{Condition, TagMode},
    error::UserErrorCode,
    page::PageRequest,
    rule::{
        self, Limits, NewRule,
        definition::Definition,
        firing::{self, FiringsOf},
        rehearse::{Subject, rehearse},
        trigger::Trigger,
    },
};
use entity::{
    id::{RuleId, TagId},
    kind::TaggingEnd,
};

use super::{
    recount::assert_recounted,
    steps::{active, active_tags, expire, history, put, tag},
};
use crate::support::{
    World,
    engine::{contact_has, contact_of, tag_contact, words},
    on_both,
    refusal::refusals,
};

const DAY: i64 = 24 * 60 * 60;

fn for_days(tag: TagId, days: i64) -> Action {
    Action::TagContact(TagContact {
        tag_ids: vec![tag.0],
        expires_in_seconds: Some(days * DAY),
        while_in_segment_id: None,
    })
}

/// What became of the rule's one effect, oldest first.
async fn results(world: &World, rule: RuleId) -> Vec<OutcomeResult> {
    let page = PageRequest::first(100);
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = firing::list(ctx, workspace, FiringsOf::Rule(rule), &page).await;
    let rows = found.unwrap().rows.into_iter().rev();
    rows.flat_map(|(_, row)| firing::outcomes(&row).unwrap())
        .map(|one| one.result)
        .collect()
}

#[test]
fn what_a_rule_puts_on_for_a_time_stays_so_long_after_its_last_firing() {
    on_both(|world| async move {
        let hot = tag(&world, "Hot", None).await;
        let act = vec![for_days(hot, 14)];
        let rule = world.rule("Heat", words(&["visit"]), act).await;
        world.receive(&[("1", "a@x.example", "visit")]).await;
        world.drain().await;
        let a = contact_of(&world, "a@x.example").await;
        let end = async || active(&world, a).await[0].expires_at.unwrap();
        let first = end().await;

        world.clock.advance(TimeDelta::days(10));
        world.receive(&[("2", "a@x.example", "visit")]).await;
        world.drain().await;
        let second = end().await;
        assert_eq!((second - first).num_days(), 10);
        assert_eq!(
            results(&world, rule.id).await,
            [OutcomeResult::Tagged, OutcomeResult::TaggingRenewed]
        );
        let told = history(&world, a).await;
        assert_eq!(told.len(), 2, "both ends are told");
        assert_eq!(told[0].ended, Some(TaggingEnd::Renewed));
        assert_eq!(told[1].rule_id, Some(rule.id));
        assert_recounted(&world).await;

        world.clock.advance(TimeDelta::days(10));
        assert_eq!(expire(&world).await, 0);
        world.clock.advance(TimeDelta::days(5));
        assert_eq!(expire(&world).await, 1);
        assert_eq!(active_tags(&world, a).await, []);
        assert_recounted(&world).await;
        world
    });
}

#[test]
fn of_two_rules_the_later_end_counts_and_what_a_member_has_put_on_keeps_its_own() {
    on_both(|world| async move {
        let hot = tag(&world, "Hot", None).await;
        let short = world
            .rule("Short", words(&["visit"]), vec![for_days(hot, 1)])
            .await;
        let long = world
            .rule("Long", words(&["visit"]), vec![for_days(hot, 14)])
            .await;
        let ever = world
            .rule("Ever", words(&["buy"]), vec![tag_contact(hot)])
            .await;
        let now = world.ctx.clock.now();
        let member_ends = now + TimeDelta::hours(1);
        world.receive(&[("0", "b@x.example", "hello")]).await;
        world.drain().await;
        let b = contact_of(&world, "b@x.example").await;
        put(&world, b, hot, Some(member_ends)).await;

        world
            .receive(&[("1", "a@x.example", "visit"), ("2", "b@x.example", "visit")])
            .await;
        world.drain().await;
        let a = contact_of(&world, "a@x.example").await;
        let carried = active(&world, a).await;
        assert_eq!(carried[0].rule_id, Some(long.id), "in one batch too");
        let left = carried[0].expires_at.unwrap() - now;
        assert_eq!(left.num_days(), 14);
        assert_eq!(active(&world, b).await[0].expires_at, Some(member_ends));
        let kept = OutcomeResult::AlreadyTagged;
        let mut of_short = results(&world, short.id).await;
        of_short.retain(|one| *one != kept);
        assert_eq!(of_short, [OutcomeResult::Tagged]);
        let mut of_long = results(&world, long.id).await;
        of_long.retain(|one| *one != kept);
        assert_eq!(of_long, [OutcomeResult::TaggingRenewed]);

        // For good is later than any end, and no end is later than that.
        world.receive(&[("3", "a@x.example", "buy")]).await;
        world.drain().await;
        assert_eq!(active(&world, a).await[0].expires_at, None);
        world.receive(&[("4", "a@x.example", "visit")]).await;
        world.drain().await;
        let carried = active(&world, a).await;
        assert_eq!(
            (carried[0].rule_id, carried[0].expires_at),
            (Some(ever.id), None)
        );
        assert_recounted(&world).await;
        world
    });
}

#[test]
fn a_rehearsal_lets_tags_run_out() {
    on_both(|world| async move {
        let hot = tag(&world, "Hot", None).await;
        // On the first, not on the second, which finds the tag, and again on the third.
        for (id, days) in [("1", 1), ("2", 1), ("3", 1)] {
            world.receive(&[(id, "a@x.example", "visit")]).await;
            world.clock.advance(TimeDelta::days(days));
        }
        world.drain().await;
        let lacks = contact_has(TagMode::None, &[hot]);
        let draft = |days| Definition {
            trigger: Trigger::default(),
            condition: Condition::All(vec![words(&["visit"]), lacks.clone()]),
            actions: vec![for_days(hot, days)],
            limits: Limits::default(),
        };
        for (days, expected) in [(2, 2), (1, 3), (30, 1)] {
            let subject = Subject::Draft(Box::new(draft(days)));
            let found = rehearse(&world.ctx, &world.owner, subject, 7)
                .await
                .unwrap();
            assert_eq!(found.matches, expected, "for {days} days");
        }
        world
    });
}

#[test]
fn an_end_that_is_none_is_refused_where_it_stands() {
    on_both(|world| async move {
        let hot = tag(&world, "Hot", None).await;
        let new = NewRule {
            name: "Heat".to_owned(),
            trigger: Trigger::default(),
            condition: words(&["visit"]),
            actions: vec![for_days(hot, 0)],
            limits: Limits::default(),
        };
        let made = rule::create(&world.ctx, &world.owner, new).await;
        let code = UserErrorCode::Invalid;
        assert_eq!(
            refusals(made),
            [format!("actions.0.tagContact.expiresInSeconds {code:?}")]
        );
        world
    });
}
