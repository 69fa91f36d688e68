//! The distribution of a group over time, against tables made by hand.

use chrono::{NaiveDate, TimeDelta};
use domain::{
    account::{self, NewAccount},
    error::UserErrorCode,
    report::{
        Period,
        distribution::{Ask, Distribution, distribution},
    },
    store::Query,
    tag::{Request, catalogue, tagging},
};
use entity::{
    id::TagGroupId,
    kind::{TagSelection, TagTarget},
};

use super::support::{contacts, group, mistakes, one, put, tag, tag_in, take};
use crate::support::{World, on_both};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn ask(group: TagGroupId, period: Period, from: &str, to: &str) -> Ask {
    Ask {
        group,
        target: TagTarget::Contact,
        period,
        from: day(from),
        to: day(to),
    }
}

async fn read(world: &World, ask: Ask) -> Distribution {
    let found = distribution(&world.ctx, world.owner.workspace, ask).await;
    found.unwrap().expect("a group")
}

/// Total, those without, and those with each value, at the end of each period.
fn table(found: &Distribution) -> Vec<(i64, i64, Vec<i64>)> {
    let points = found.points.iter();
    points
        .map(|point| (point.total, point.without, point.counts.clone()))
        .collect()
}

/// Makes everything there is as old as the clock's start, for a past that contacts lived in.
async fn age_contacts(world: &World, days: i64) {
    Query::new("UPDATE contact SET created_at = $1")
        .bind(world.ctx.clock.now() - TimeDelta::days(days))
        .execute(world.ctx.db.writer())
        .await
        .unwrap();
}

/// The clock starts on 2026-03-01, noon in Tokyo.
#[test]
fn each_period_shows_what_held_at_its_end_whatever_came_later() {
    on_both(|world| async move {
        let industry = group(&world, "Industry", TagSelection::Single).await;
        let retail = tag_in(&world, "Retail", industry).await;
        let food = tag_in(&world, "Food", industry).await;
        let bakery = tag(&world, "Bakery", Some(food)).await;
        let people = contacts(&world, 4).await;
        age_contacts(&world, 40).await;
        // March: two in retail, one in food by way of bakery.
        put(&world, &[(people[0], retail), (people[1], retail)]).await;
        put(&world, &[(people[2], bakery)]).await;
        world.clock.advance(TimeDelta::days(35));
        // April: one changes from retail to food, which ends the other value.
        put(&world, &[(people[1], food)]).await;
        world.clock.advance(TimeDelta::days(30));
        // May: one more in retail, and the bakery's is taken off.
        put(&world, &[(people[3], retail)]).await;
        take(&world, &[(people[2], bakery)]).await;
        let found = read(
            &world,
            ask(industry, Period::Month, "2026-01-15", "2026-12-31"),
        )
        .await;
        let names: Vec<_> = found.values.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, ["Food", "Retail"]);
        assert_eq!(
            table(&found),
            [
                (4, 4, vec![0, 0]),
                (4, 4, vec![0, 0]),
                (4, 1, vec![1, 2]),
                (4, 1, vec![2, 1]),
                (4, 1, vec![1, 2]),
            ]
        );
        let last = found.points.last().unwrap();
        assert_eq!(last.at, world.ctx.clock.now(), "May has not ended");
        assert_eq!(last.span.first_day, day("2026-05-01"));
        let quarters = read(
            &world,
            ask(industry, Period::Quarter, "2026-01-15", "2026-12-31"),
        );
        assert_eq!(
            table(&quarters.await),
            [(4, 1, vec![1, 2]), (4, 1, vec![1, 2])]
        );
        world
    });
}

#[test]
fn a_thing_counts_once_for_a_value_however_its_taggings_overlap() {
    on_both(|world| async move {
        let interests = group(&world, "Interests", TagSelection::Multi).await;
        let sports = tag_in(&world, "Sports", interests).await;
        let tennis = tag(&world, "Tennis", Some(sports)).await;
        let golf = tag(&world, "Golf", Some(sports)).await;
        let music = tag_in(&world, "Music", interests).await;
        let people = contacts(&world, 2).await;
        let day_of = |n: i64| TimeDelta::days(n);
        // One person: tennis on days 0 to 4, golf on days 2 to 6, tennis again from day 8, music
        // from day 3.
        put(&world, &[(people[0], tennis)]).await;
        world.clock.advance(day_of(2));
        put(&world, &[(people[0], golf)]).await;
        world.clock.advance(day_of(1));
        put(&world, &[(people[0], music)]).await;
        world.clock.advance(day_of(1));
        take(&world, &[(people[0], tennis)]).await;
        world.clock.advance(day_of(2));
        take(&world, &[(people[0], golf)]).await;
        world.clock.advance(day_of(2));
        put(&world, &[(people[0], tennis)]).await;
        world.clock.advance(day_of(1));
        let found = read(
            &world,
            ask(interests, Period::Day, "2026-03-01", "2026-03-10"),
        )
        .await;
        let names: Vec<_> = found.values.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, ["Music", "Sports"]);
        let days: Vec<_> = table(&found)
            .into_iter()
            .map(|(_, without, counts)| (without, counts[0], counts[1]))
            .collect();
        let expected = [
            // (without, music, sports) at the end of day 0, 1, ..., 9
            (1, 0, 1),
            (1, 0, 1),
            (1, 0, 1),
            (1, 1, 1),
            (1, 1, 1),
            (1, 1, 1),
            (1, 1, 0),
            (1, 1, 0),
            (1, 1, 1),
            (1, 1, 1),
        ];
        assert_eq!(days, expected);
        world
    });
}

#[test]
fn a_deleted_value_shows_while_it_was_carried_and_other_kinds_of_things_are_refused() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let level = group(&world, "Level", TagSelection::Single).await;
        let old = tag_in(&world, "Old", level).await;
        let new = tag_in(&world, "New", level).await;
        let people = contacts(&world, 1).await;
        put(&world, &[(people[0], old)]).await;
        world.clock.advance(TimeDelta::days(2));
        let usage = catalogue::usage(ctx, owner.workspace, old).await.unwrap();
        catalogue::delete(ctx, owner, old, &usage.unwrap().token)
            .await
            .unwrap();
        world.clock.advance(TimeDelta::days(1));
        let found = read(&world, ask(level, Period::Day, "2026-03-01", "2026-03-04")).await;
        let carried: Vec<_> = found.points.iter().map(|point| point.without).collect();
        assert_eq!(carried, [0, 0, 1, 1]);
        assert_eq!(found.values.len(), 2);
        let later = read(&world, ask(level, Period::Day, "2026-03-04", "2026-03-04")).await;
        let ids: Vec<_> = later.values.iter().map(|tag| tag.id).collect();
        assert_eq!(
            ids,
            [new],
            "a deleted value that nothing carried is left out"
        );
        let wrong = Ask {
            target: TagTarget::Conversation,
            ..ask(level, Period::Day, "2026-03-04", "2026-03-04")
        };
        let refused = distribution(ctx, owner.workspace, wrong).await;
        assert_eq!(
            mistakes(refused),
            one("target", UserErrorCode::KindMismatch)
        );
        world
    });
}

#[test]
fn an_account_that_was_deleted_is_counted_neither_in_the_values_nor_in_the_total() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let industry = group(&world, "Industry", TagSelection::Single).await;
        let retail = tag_in(&world, "Retail", industry).await;
        let mut companies = Vec::new();
        for name in ["Acme", "Beta", "Gamma"] {
            let new = NewAccount {
                name: name.to_owned(),
                ..NewAccount::default()
            };
            companies.push(account::create(ctx, owner, new).await.unwrap().id);
        }
        let put = [companies[0], companies[1]].map(|id| Request::account(id, retail));
        tagging::tag_many(ctx, owner, &put, "").await.unwrap();
        world.clock.advance(TimeDelta::days(40));
        let usage = account::usage::usage(ctx, owner.workspace, companies[0]).await;
        let token = usage.unwrap().expect("a usage").token;
        account::delete(ctx, owner, companies[0], &token)
            .await
            .unwrap();
        let accounts = Ask {
            target: TagTarget::Account,
            ..ask(industry, Period::Month, "2026-03-01", "2026-04-30")
        };
        let found = read(&world, accounts).await;
        assert_eq!(table(&found), [(2, 1, vec![1]), (2, 1, vec![1])]);
        world
    });
}
