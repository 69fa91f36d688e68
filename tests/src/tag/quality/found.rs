//! What the audit finds, and when it runs.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{
    page::PageRequest,
    report::quality::{self, FindingFilter, NightlyQuality},
    store::Query,
    work::schedule,
};
use entity::{
    id::TagId,
    kind::{TagFindingKind as Kind, TagFindingSeverity as Severity, TagKind, TagQualityCause},
};

use super::{Scene, figure, findings, of_kind, run};
use crate::support::{
    World,
    engine::{contact_has, notify},
    on_both,
};

#[test]
fn every_fault_is_found_with_its_numbers() {
    on_both(|world| async move {
        let scene = Scene::set(&world).await;
        scene.win(&world).await;
        let slack = world.target("sales").await;
        let condition = contact_has(
            domain::condition::TagMode::Any,
            &[scene.tag("Partner"), scene.tag("Parent")],
        );
        world.rule("partners", condition, vec![notify(slack)]).await;
        let run = run(&world).await;
        let tag = |name| scene.tag(name);

        let unused = of_kind(&world, run, Kind::Unused).await;
        let of = |name| unused.iter().find(|one| one.tags == [tag(name)]).unwrap();
        assert_eq!(of("Never").severity, Severity::High);
        assert!((figure(of("Never"), "daysSinceMade") - 120.0).abs() < 1e-9);
        assert_eq!(of("Old").severity, Severity::Low);
        assert!((figure(of("Old"), "daysSincePutOn") - 120.0).abs() < 1e-9);
        assert!((figure(of("Old"), "things") - 3.0).abs() < 1e-9);
        assert!(
            unused.iter().all(|one| one.tags != [tag("Parent")]),
            "a tag below it is used"
        );

        let once = of_kind(&world, run, Kind::OneOff).await;
        assert_eq!(once.len(), 1);
        assert_eq!(once[0].tags, [tag("Once")]);

        let everyone = of_kind(&world, run, Kind::OnNearlyEveryone).await;
        assert_eq!(everyone.len(), 1);
        assert_eq!(everyone[0].tags, [tag("Everyone")]);
        assert!((figure(&everyone[0], "share") - 1.0).abs() < 1e-9);

        let similar = of_kind(&world, run, Kind::SimilarName).await;
        let pairs: BTreeSet<Vec<TagId>> = similar.iter().map(|one| one.tags.clone()).collect();
        let expected = [
            vec![tag("Partner"), tag("Partnar")],
            vec![tag("HOT-LEADS"), tag("Hot lead")],
            vec![tag("Gold"), tag("Golds")],
        ];
        assert_eq!(pairs, BTreeSet::from(expected), "the one to keep first");

        let same = of_kind(&world, run, Kind::SameMembers).await;
        assert_eq!(same.len(), 1, "{same:?}");
        assert_eq!(same[0].tags, [tag("HOT-LEADS"), tag("Hot lead")]);
        assert!((figure(&same[0], "jaccard") - 0.9).abs() < 1e-9);
        assert!((figure(&same[0], "both") - 9.0).abs() < 1e-9);

        let together = of_kind(&world, run, Kind::AlwaysTogether).await;
        let of = |pair: [&'static str; 2]| {
            let pair = pair.map(|name| scene.tag(name));
            together.iter().find(|one| one.tags == pair)
        };
        let subset = of(["Subset", "Superset"]).unwrap();
        assert!((figure(subset, "share") - 1.0).abs() < 1e-9);
        assert!((figure(subset, "lift") - 8.0).abs() < 1e-9);
        assert!(
            of(["Subset", "Everyone"]).is_none(),
            "that is no more than chance"
        );

        let broken = of_kind(&world, run, Kind::GroupViolation).await;
        let misplaced = broken.iter().find(|one| {
            one.tags == [tag("Child")] && one.evidence[0].name == "inAnotherGroupThanParent"
        });
        assert!(misplaced.is_some(), "{broken:?}");
        let detailed = of_kind(&world, run, Kind::OverDetailed).await;
        assert_eq!(detailed.len(), 1);
        assert!((figure(&detailed[0], "values") - 30.0).abs() < 1e-9);

        let unnamed = of_kind(&world, run, Kind::Unreferenced).await;
        let unnamed: BTreeSet<TagId> = unnamed.iter().flat_map(|one| one.tags.clone()).collect();
        for (name, expected) in [
            ("Partner", false),
            ("Parent", false),
            ("Child", false),
            ("Old", true),
        ] {
            assert_eq!(unnamed.contains(&tag(name)), expected, "{name}");
        }

        let unrelated = of_kind(&world, run, Kind::NoOutcome).await;
        assert_eq!(unrelated.len(), 1, "{unrelated:?}");
        assert_eq!(unrelated[0].tags, [tag("Coin")]);
        assert!((figure(&unrelated[0], "wonShare") - 1.0 / 3.0).abs() < 1e-9);
        assert!((figure(&unrelated[0], "wonLift") - 1.0).abs() < 1e-9);

        // What is read by tag is found wherever the tag stands.
        let filter = FindingFilter {
            tag: Some(tag("Partnar")),
            ..FindingFilter::default()
        };
        let about = findings(&world, run, &filter).await;
        let kinds: Vec<Kind> = about.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [Kind::SimilarName, Kind::Unreferenced]);
        let all = findings(&world, run, &FindingFilter::default()).await;
        assert!(all.is_sorted_by_key(|one| one.severity));
        let tally = quality::tally(&world.ctx, world.owner.workspace, run)
            .await
            .unwrap();
        assert_eq!(
            tally.iter().map(|one| one.findings).sum::<i64>(),
            all.len() as i64
        );
        for table in ["tag_quality_thing", "tag_quality_carried"] {
            let left: Option<i64> = Query::new(format!("SELECT COUNT(*) FROM {table}"))
                .scalar(world.ctx.reader())
                .await
                .unwrap();
            assert_eq!(left, Some(0), "the sample is gone from {table}");
        }
        world
    });
}

#[test]
fn the_audit_runs_every_night_where_there_are_tags_and_its_history_is_kept() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let other = World::workspace(ctx, "Without tags", "other.example").await;
        world.tag(TagKind::Contact, "VIP", None).await;
        for night in 1..=2 {
            world.clock.advance(TimeDelta::days(1));
            assert!(schedule::run_due(ctx, &[&NightlyQuality]).await.unwrap());
            assert!(!schedule::run_due(ctx, &[&NightlyQuality]).await.unwrap());
            let runs = quality::list(ctx, owner.workspace, &PageRequest::first(10)).await;
            let runs = runs.unwrap().rows;
            assert_eq!(runs.len(), night);
            assert!(runs.iter().all(|(_, run)| run.finished_at.is_some()));
            assert_eq!(runs[0].1.cause, TagQualityCause::Nightly);
        }
        assert!(
            quality::latest(ctx, other.workspace)
                .await
                .unwrap()
                .is_none()
        );
        world
    });
}
