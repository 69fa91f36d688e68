//! The purity of incoming leads, against tables made by hand.

use chrono::{NaiveDate, TimeDelta};
use domain::{
    contact::{self, NewContact, ProfileChanges},
    email::{NewCampaign, campaign},
    error::UserErrorCode,
    locale::Locale,
    report::{
        Period,
        purity::{self, Ask, By, Figures, Source, judgement, set_judgement},
    },
    tag::{
        catalogue::{self, Merge, UseKind},
        pack::{self, StarterPack},
    },
};
use entity::{
    id::{ContactId, TagId},
    kind::{Channel, TagKind, TagSelection},
};

use super::support::{group, mistakes, one, put, tag_in};
use crate::support::{World, on_both};

async fn person(world: &World, channel: Option<Channel>) -> ContactId {
    let new = NewContact {
        name: "Somebody".to_owned(),
        profile: ProfileChanges {
            source_channel: channel.map(Some),
            brought_by: Some(Some(world.owner.member)),
            ..ProfileChanges::default()
        },
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.unwrap().id
}

fn ask(by: Option<By>) -> Ask {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    Ask {
        period: Period::Month,
        from: day("2026-03-01"),
        to: day("2026-04-30"),
        by,
        as_of: None,
        sources: 20,
    }
}

fn figures(incoming: i64, judged: i64, target: i64) -> Figures {
    Figures {
        incoming,
        judged,
        target,
    }
}

/// The tag of the starter pack with this Japanese name.
async fn value(world: &World, name: &str) -> TagId {
    let forest = catalogue::forest(&world.ctx, world.owner.workspace)
        .await
        .unwrap();
    let mut tags = forest.list(catalogue::ForestFilter::default());
    tags.find(|tag| tag.name == name).expect("a value").id
}

#[test]
fn leads_count_for_the_month_they_came_in_and_for_where_they_came_from() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let refused = purity::purity(ctx, owner.workspace, ask(None)).await;
        assert_eq!(mistakes(refused), one("", UserErrorCode::Required));
        pack::apply(ctx, owner, StarterPack::B2bPortrait, Locale::Ja)
            .await
            .unwrap();
        let now = value(&world, "対象（今すぐ）").await;
        let later = value(&world, "対象（今ではない）").await;
        let competitor = value(&world, "競合").await;
        let email = Some(Channel::Email);
        // March: three by email, one of them a competitor, two targets; one by form, unjudged.
        let march = [
            person(&world, email).await,
            person(&world, email).await,
            person(&world, email).await,
            person(&world, Some(Channel::WebForm)).await,
        ];
        world.clock.advance(TimeDelta::days(40));
        // April: one of an unknown source, judged to be a target later.
        let april = person(&world, None).await;
        for pair in [
            (march[0], now),
            (march[1], later),
            (march[2], competitor),
            (april, competitor),
        ] {
            put(&world, &[pair]).await;
        }
        let before = ctx.clock.now();
        world.clock.advance(TimeDelta::days(1));
        put(&world, &[(april, now)]).await;

        let found = purity::purity(ctx, owner.workspace, ask(Some(By::Channel)))
            .await
            .unwrap();
        assert!(!found.judgement.is_chosen);
        assert_eq!(found.judgement.targets.len(), 2);
        assert_eq!(found.total.periods, [figures(4, 3, 2), figures(1, 1, 1)]);
        assert_eq!(found.total.total.unjudged(), 1);
        let share = found.total.total.purity();
        assert_eq!(
            (share.numerator, share.denominator, share.value),
            (3, 5, Some(0.6)),
            "of all that came in"
        );
        let judged = found.total.total.judged_share();
        assert_eq!((judged.numerator, judged.denominator), (4, 5));
        let share = found.total.total.purity_of_judged();
        assert_eq!((share.numerator, share.denominator), (3, 4));
        let sources: Vec<_> = found
            .sources
            .iter()
            .map(|one| (one.source, one.periods.clone()))
            .collect();
        assert_eq!(
            sources,
            [
                (
                    Source::Channel(Channel::Email),
                    vec![figures(3, 3, 2), figures(0, 0, 0)]
                ),
                (Source::Unknown, vec![figures(0, 0, 0), figures(1, 1, 1)]),
                (
                    Source::Channel(Channel::WebForm),
                    vec![figures(1, 0, 0), figures(0, 0, 0)]
                ),
            ]
        );
        // As it was judged a day before, and by who brought them.
        let past = Ask {
            as_of: Some(before),
            ..ask(Some(By::Member))
        };
        let past = purity::purity(ctx, owner.workspace, past).await.unwrap();
        assert_eq!(past.total.periods, [figures(4, 3, 2), figures(1, 1, 0)]);
        assert_eq!(past.sources.len(), 1);
        assert_eq!(past.sources[0].source, Source::Member(owner.member));
        world
    });
}

#[test]
fn quarters_and_years_are_the_workspaces_and_leads_are_told_apart_by_campaign() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        pack::apply(ctx, owner, StarterPack::B2bPortrait, Locale::Ja)
            .await
            .unwrap();
        let target = value(&world, "対象（今すぐ）").await;
        let competitor = value(&world, "競合").await;
        let fair = NewCampaign {
            external_id: "fair".to_owned(),
            name: "Fair".to_owned(),
        };
        let fair = campaign::create(ctx, owner, fair, true).await.unwrap().id;
        for (came, by_fair, verdict) in [
            ("2025-02-10T00:00:00Z", true, Some(target)),
            ("2025-11-30T00:00:00Z", false, None),
            // The first half hour of the year in Tokyo.
            ("2025-12-31T15:30:00Z", true, Some(target)),
            ("2026-02-05T00:00:00Z", true, Some(competitor)),
        ] {
            let new = NewContact {
                name: "Somebody".to_owned(),
                profile: ProfileChanges {
                    source_campaign: by_fair.then_some(Some(fair)),
                    arrived_at: Some(Some(came.parse().unwrap())),
                    ..ProfileChanges::default()
                },
                ..NewContact::default()
            };
            let id = contact::create(ctx, owner, new).await.unwrap().id;
            if let Some(tag) = verdict {
                put(&world, &[(id, tag)]).await;
            }
        }
        let nobody = figures(0, 0, 0);
        for (period, of_fair, of_nobody) in [
            (
                Period::Quarter,
                [nobody, figures(2, 2, 1)],
                [figures(1, 0, 0), nobody],
            ),
            (
                Period::Year,
                [figures(1, 1, 1), figures(2, 2, 1)],
                [figures(1, 0, 0), nobody],
            ),
        ] {
            let ask = Ask {
                period,
                from: "2025-10-05".parse().unwrap(),
                to: "2026-02-28".parse().unwrap(),
                ..ask(Some(By::Campaign))
            };
            let found = purity::purity(ctx, owner.workspace, ask).await.unwrap();
            let sources: Vec<_> = found
                .sources
                .iter()
                .map(|one| (one.source, one.periods.clone()))
                .collect();
            let expected = [
                (Source::Campaign(fair), of_fair.to_vec()),
                (Source::Unknown, of_nobody.to_vec()),
            ];
            assert_eq!(sources, expected, "{period:?}");
        }
        world
    });
}

#[test]
fn the_judgement_that_counts_is_told_before_one_of_its_values_is_deleted() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        pack::apply(ctx, owner, StarterPack::B2bPortrait, Locale::Ja)
            .await
            .unwrap();
        let target = value(&world, "対象（今すぐ）").await;
        let competitor = value(&world, "競合").await;
        let uses = async |tag: TagId| {
            let usage = catalogue::usage(ctx, owner.workspace, tag).await;
            let uses = usage.unwrap().unwrap().uses.into_iter();
            uses.map(|one| {
                assert_eq!(one.kind, UseKind::Report);
                one.name
            })
            .collect::<Vec<_>>()
        };
        let as_target = ["Lead judgement, as a target lead"];
        let as_other = ["Lead judgement, as no target lead"];
        // Nobody has chosen one yet: the starter pack's counts.
        assert_eq!(uses(target).await, as_target);
        assert_eq!(uses(competitor).await, as_other, "it judges too");
        let packed = judgement(ctx, owner.workspace).await.unwrap().unwrap();
        set_judgement(ctx, owner, packed.group.id, &[competitor])
            .await
            .unwrap();
        assert_eq!(uses(target).await, as_other);
        assert_eq!(uses(competitor).await, as_target);
        world
    });
}

#[test]
fn a_chosen_judgement_counts_and_follows_its_tags_when_they_are_merged() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let fit = group(&world, "Fit", TagSelection::Multi).await;
        let yes = tag_in(&world, "Yes", fit).await;
        let sure = tag_in(&world, "Sure", fit).await;
        let no = tag_in(&world, "No", fit).await;
        let elsewhere = world.tag(TagKind::Contact, "Elsewhere", None).await;
        let wrong = set_judgement(ctx, owner, fit, &[yes, elsewhere]).await;
        assert_eq!(
            mistakes(wrong),
            one("targetTagIds.1", UserErrorCode::NotFound)
        );
        let none = set_judgement(ctx, owner, fit, &[]).await;
        assert_eq!(mistakes(none), one("targetTagIds", UserErrorCode::Required));
        set_judgement(ctx, owner, fit, &[yes]).await.unwrap();
        let people = [person(&world, None).await, person(&world, None).await];
        put(
            &world,
            &[(people[0], yes), (people[0], no), (people[1], sure)],
        )
        .await;
        let total = async || {
            let found = purity::purity(ctx, owner.workspace, ask(None)).await;
            found.unwrap().total.total
        };
        assert_eq!(
            total().await,
            figures(2, 2, 1),
            "one target value is enough"
        );
        let usage = catalogue::usage(ctx, owner.workspace, yes).await.unwrap();
        let uses = usage.unwrap().uses;
        assert_eq!(
            uses.len(),
            1,
            "the report is told before the tag is deleted"
        );
        let merge = Merge {
            sources: vec![yes],
            target: sure,
            keep_newest: false,
        };
        catalogue::merge(ctx, owner, merge).await.unwrap();
        let judgement = judgement(ctx, owner.workspace).await.unwrap().unwrap();
        let targets: Vec<_> = judgement.targets.iter().map(|tag| tag.id).collect();
        assert_eq!(targets, [sure]);
        assert_eq!(total().await, figures(2, 2, 2));
        world
    });
}
