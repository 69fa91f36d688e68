//! The quality audit of the tags: a catalogue with one of each fault, and what is made of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::{
    fact::{ContactRef, Party, ingest::Head},
    operation::{self, Limits},
    opportunity::{self, NewOpportunity},
    page::PageRequest,
    report::quality::{
        self, Confidence, Finding, FindingFilter, NightlyQuality, Plan,
        apply::{NewApplication, apply},
    },
    store::Query,
    tag::catalogue,
    work::schedule,
};
use entity::{
    id::{ContactId, TagId, TagQualityRunId},
    kind::{
        OperationState, OpportunityStatus, TagFindingKind as Kind, TagFindingSeverity as Severity,
        TagKind, TagQualityCause, TagSelection,
    },
    operation::Model as Operation,
};

use super::support::{carries, check, contacts, group, put, tag, tag_in};
use crate::support::{
    World,
    engine::{contact_has, notify},
    on_both,
};

/// A workspace with one of each fault, by the tags' names.
struct Scene {
    people: Vec<ContactId>,
    tags: BTreeMap<&'static str, TagId>,
}

impl Scene {
    fn tag(&self, name: &str) -> TagId {
        self.tags[name]
    }

    async fn set(world: &World) -> Self {
        let people = contacts(world, 120).await;
        let mut tags = BTreeMap::new();
        for name in [
            "Partner",
            "Partnar",
            "Hot lead",
            "HOT-LEADS",
            "Everyone",
            "Once",
            "Never",
            "Old",
            "Subset",
            "Superset",
            "Coin",
            "Golds",
            "Parent",
        ] {
            tags.insert(name, tag(world, name, None).await);
        }
        tags.insert("Child", tag(world, "Child", Some(tags["Parent"])).await);
        let level = group(world, "Level", TagSelection::Single).await;
        for name in ["Gold", "Silver"] {
            tags.insert(name, tag_in(world, name, level).await);
        }
        let alone = group(world, "Alone", TagSelection::Multi).await;
        tags.insert("Only", tag_in(world, "Only", alone).await);
        let long = group(world, "Long", TagSelection::Multi).await;
        for n in 0..30 {
            tag_in(world, &format!("Value {n}"), long).await;
        }
        let on = |name: &str, range: std::ops::Range<usize>| -> Vec<(ContactId, TagId)> {
            people[range]
                .iter()
                .map(|person| (*person, tags[name]))
                .collect()
        };
        put(world, &on("Old", 60..63)).await;
        world.clock.advance(TimeDelta::days(80));
        put(world, &on("Once", 50..51)).await;
        world.clock.advance(TimeDelta::days(40));
        let even = people.iter().step_by(2);
        let coin: Vec<_> = even.map(|person| (*person, tags["Coin"])).collect();
        for pairs in [
            on("Partner", 0..10),
            on("Partnar", 10..13),
            on("Hot lead", 40..49),
            on("HOT-LEADS", 40..50),
            on("Everyone", 0..120),
            on("Subset", 15..25),
            on("Superset", 15..30),
            on("Gold", 70..80),
            on("Silver", 80..85),
            on("Golds", 80..82),
            on("Child", 90..95),
            coin,
        ] {
            put(world, &pairs).await;
            world.clock.advance(TimeDelta::seconds(1));
        }
        // As if a fault had left the tag in a group its parent is not in.
        Query::new("UPDATE tag SET group_id = $1 WHERE id = $2")
            .bind(alone)
            .bind(tags["Child"])
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        outdate_tree(world).await;
        Self { people, tags }
    }

    /// Deals won with every third contact: as often with the tag "Coin" as without.
    async fn win(&self, world: &World) {
        let deals = self.people.iter().step_by(3).enumerate();
        let deals = deals.map(|(n, person)| NewOpportunity {
            head: Head {
                external_id: format!("deal {n}"),
                party: Party {
                    contact: Some(ContactRef::Id(*person)),
                    account: None,
                },
                updated_at: None,
            },
            name: "Deal".to_owned(),
            status: OpportunityStatus::Won,
            stage: None,
            amount: None,
            currency: None,
            probability: None,
            expected_close: None,
            opened_at: world.ctx.clock.now(),
            closed_at: None,
        });
        opportunity::ingest(&world.ctx, &world.owner, deals.collect())
            .await
            .unwrap();
    }
}

/// Has what is remembered of the tree read again, after a change that went around the use cases.
async fn outdate_tree(world: &World) {
    Query::new("UPDATE workspace SET tags_version = tags_version + 1")
        .execute(world.ctx.db.writer())
        .await
        .unwrap();
}

/// Lets the audit run; gives its run.
async fn run(world: &World) -> TagQualityRunId {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let (asked, run) = quality::start(ctx, owner, None).await.unwrap();
    assert!(run.finished_at.is_none());
    let done = finish(world, &asked).await;
    assert_eq!(done.state, OperationState::Done, "{done:?}");
    let latest = quality::latest(ctx, owner.workspace)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((latest.id, latest.cause), (run.id, TagQualityCause::Asked));
    run.id
}

async fn finish(world: &World, asked: &Operation) -> Operation {
    let ctx = &world.ctx;
    operation::run_due(ctx, domain::operations(), None, Limits::none())
        .await
        .unwrap();
    let found = operation::find(ctx, world.owner.workspace, asked.id).await;
    found.unwrap().unwrap()
}

async fn findings(world: &World, run: TagQualityRunId, filter: &FindingFilter) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut page = PageRequest::first(7);
    loop {
        let found = quality::findings(&world.ctx, world.owner.workspace, run, filter, &page);
        let found = found.await.unwrap();
        let last = found.rows.last().map(|(cursor, _)| cursor.clone());
        let rows = found.rows.into_iter();
        findings.extend(rows.map(|(_, row)| Finding::try_from(row).unwrap()));
        match last.filter(|_| found.has_next) {
            Some(after) => {
                page = PageRequest {
                    after: Some(after),
                    ..PageRequest::first(7)
                }
            }
            None => return findings,
        }
    }
}

async fn of_kind(world: &World, run: TagQualityRunId, kind: Kind) -> Vec<Finding> {
    let filter = FindingFilter {
        kinds: vec![kind],
        ..FindingFilter::default()
    };
    findings(world, run, &filter).await
}

fn figure(finding: &Finding, name: &str) -> f64 {
    let mut figures = finding.evidence.iter();
    let found = figures.find(|figure| figure.name == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {finding:?}"))
        .value
}

async fn plan(world: &World, run: TagQualityRunId) -> Plan {
    let found = quality::find(&world.ctx, world.owner.workspace, run).await;
    serde_json::from_value(found.unwrap().unwrap().plan).unwrap()
}

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
