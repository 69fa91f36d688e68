//! The plan of merges that the audit makes: what it merges, and what comes of carrying it out.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    report::quality::{
        Confidence,
        apply::{NewApplication, apply},
    },
    store::Query,
    tag::catalogue,
};
use entity::{
    id::{ContactId, TagId},
    kind::{OperationState, TagFindingKind as Kind, TagFindingSeverity as Severity, TagSelection},
};

use super::{Scene, finish, of_kind, outdate_tree, plan, run};
use crate::{
    support::on_both,
    tag::support::{carries, check, contacts, group, put, tag, tag_in},
};

#[test]
fn a_plan_is_carried_out_once_and_a_refused_merge_leaves_everything_as_it_was() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let scene = Scene::set(&world).await;
        let tag = |name| scene.tag(name);
        // Things it put in a group by force have no place in what follows.
        Query::new("UPDATE tag SET group_id = NULL WHERE id = $1")
            .bind(tag("Child"))
            .execute(ctx.db.writer())
            .await
            .unwrap();
        outdate_tree(&world).await;
        let run = run(&world).await;
        let merges: Vec<_> = plan(&world, run)
            .await
            .merges
            .into_iter()
            .map(|merge| (merge.target, merge.sources, merge.confidence, merge.things))
            .collect();
        assert_eq!(
            merges,
            [
                (tag("HOT-LEADS"), vec![tag("Hot lead")], Confidence::High, 9),
                (tag("Gold"), vec![tag("Golds")], Confidence::High, 2),
                (tag("Partner"), vec![tag("Partnar")], Confidence::Medium, 3),
            ]
        );
        let ask = |targets: Option<Vec<TagId>>, keep_newest| NewApplication {
            run,
            targets,
            keep_newest,
        };
        let counts = async |new: NewApplication| {
            let asked = apply(ctx, owner, new).await.unwrap();
            let done = finish(&world, &asked).await;
            assert_eq!(done.state, OperationState::Done, "{done:?}");
            let count = |name: &str| done.progress["counts"][name].as_i64().unwrap();
            (count("merged"), count("skipped"), count("refused"))
        };
        // Two people carry Silver and Golds: as Gold they would carry two values of one group.
        assert_eq!(counts(ask(None, false)).await, (1, 0, 1));
        check(&world).await;
        let everyone = tag("Everyone");
        carries(
            &world,
            scene.people[81],
            &[everyone, tag("Silver"), tag("Golds")],
        )
        .await;
        carries(&world, scene.people[41], &[everyone, tag("HOT-LEADS")]).await;
        let refusals: Vec<_> = plan(&world, run)
            .await
            .merges
            .into_iter()
            .filter_map(|merge| merge.outcome?.refusal)
            .collect();
        assert_eq!(refusals.len(), 1);

        assert_eq!(
            counts(ask(None, true)).await,
            (1, 1, 0),
            "the other is done already"
        );
        check(&world).await;
        carries(&world, scene.people[81], &[everyone, tag("Gold")]).await;
        assert_eq!(counts(ask(None, true)).await, (0, 2, 0));
        assert_eq!(
            counts(ask(Some(vec![tag("Partner")]), false)).await,
            (1, 0, 0)
        );
        let stranger = apply(ctx, owner, ask(Some(vec![tag("Old")]), false)).await;
        assert!(stranger.is_err(), "the plan merges nothing into it");
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        for name in ["Hot lead", "Golds", "Partnar"] {
            assert!(forest.get(tag(name)).is_none(), "{name} is merged");
        }
        check(&world).await;
        world
    });
}

#[test]
fn tags_of_different_groups_or_trees_are_not_to_be_merged_for_being_on_the_same_things() {
    on_both(|world| async move {
        let people = contacts(&world, 20).await;
        let mut tags = BTreeMap::new();
        for (top, below) in [
            ("Industry", ["Logistics", "Haulage"]),
            ("Judgement", ["Ecosystem", "Rival"]),
        ] {
            let top = tag(&world, top, None).await;
            for name in below {
                tags.insert(name, tag(&world, name, Some(top)).await);
            }
        }
        for (name, value) in [("Size", "Small"), ("Rank", "Minor")] {
            let group = group(&world, name, TagSelection::Multi).await;
            tags.insert(value, tag_in(&world, value, group).await);
        }
        for name in ["Loose", "Alone"] {
            tags.insert(name, tag(&world, name, None).await);
        }
        let on = |names: &[&str], range: std::ops::Range<usize>| -> Vec<(ContactId, TagId)> {
            let people = people[range].iter();
            let pairs = people.flat_map(|&who| names.iter().map(move |&name| (who, name)));
            pairs.map(|(who, name)| (who, tags[name])).collect()
        };
        put(
            &world,
            &on(&["Logistics", "Ecosystem", "Small", "Minor"], 0..8),
        )
        .await;
        put(&world, &on(&["Haulage"], 8..9)).await;
        put(&world, &on(&["Rival"], 9..10)).await;
        put(&world, &on(&["Loose", "Alone"], 10..18)).await;
        let run = run(&world).await;
        let same = of_kind(&world, run, Kind::SameMembers).await;
        assert!(same.len() > 1, "{same:?}");
        for finding in &same {
            let is_one = finding
                .tags
                .iter()
                .all(|tag| [tags["Loose"], tags["Alone"]].contains(tag));
            assert_eq!(finding.severity == Severity::Low, !is_one, "{finding:?}");
        }
        let merges = plan(&world, run).await.merges;
        assert_eq!(merges.len(), 1, "{merges:?}");
        assert_eq!(merges[0].confidence, Confidence::Medium);
        let planned = merges[0].sources.iter().chain([&merges[0].target]);
        let planned: BTreeSet<TagId> = planned.copied().collect();
        assert_eq!(planned, BTreeSet::from([tags["Loose"], tags["Alone"]]));
        world
    });
}

#[test]
fn values_of_two_groups_are_not_merged_through_a_tag_that_is_like_both() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let company = group(&world, "Company size", TagSelection::Single).await;
        let team = group(&world, "Team size", TagSelection::Single).await;
        let of_company = tag_in(&world, "51-200 people", company).await;
        let of_team = tag_in(&world, "51–200 people", team).await;
        let loose = tag(&world, "51~200 people", None).await;
        let both = contacts(&world, 3).await;
        put(
            &world,
            &[(both[0], of_company), (both[1], of_team), (both[2], loose)],
        )
        .await;
        let first = run(&world).await;
        let similar = of_kind(&world, first, Kind::SimilarName).await;
        let pairs: BTreeSet<BTreeSet<TagId>> = similar
            .iter()
            .map(|one| one.tags.iter().copied().collect())
            .collect();
        let expected = [of_company, of_team].map(|value| BTreeSet::from([value, loose]));
        assert_eq!(pairs, BTreeSet::from(expected));
        let merges = plan(&world, first).await.merges;
        assert!(merges.is_empty(), "it could mean either: {merges:?}");

        // Where it can mean one only, it is merged; but not into what has moved to the other group.
        let moved = tag(&world, "Larges", None).await;
        let large = tag_in(&world, "Large", company).await;
        put(&world, &[(both[0], moved)]).await;
        let second = run(&world).await;
        let merges = plan(&world, second).await.merges;
        let merges: Vec<_> = merges
            .iter()
            .map(|one| (one.target, &one.sources))
            .collect();
        assert_eq!(merges, [(large, &vec![moved])]);
        Query::new("UPDATE tag SET group_id = $1 WHERE id = $2")
            .bind(team)
            .bind(moved)
            .execute(ctx.db.writer())
            .await
            .unwrap();
        outdate_tree(&world).await;
        let new = NewApplication {
            run: second,
            targets: None,
            keep_newest: false,
        };
        let asked = apply(ctx, owner, new).await.unwrap();
        let done = finish(&world, &asked).await;
        assert_eq!(done.progress["counts"]["skipped"], 1, "{done:?}");
        carries(&world, both[0], &[of_company, moved]).await;
        world
    });
}
