//! The quality audit of the tags: what it finds (`found`), what names a tag by its group (`grouped`), and the plan
//! that is made of what is found (`planned`). Here is a catalogue with one of each fault, and how a test has it
//! looked through.

mod found;
mod grouped;
mod planned;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::{
    fact::{ContactRef, Party, ingest::Head},
    operation::{self, Limits},
    opportunity::{self, NewOpportunity},
    page::PageRequest,
    report::quality::{self, Finding, FindingFilter, Plan},
    store::Query,
};
use entity::{
    id::{ContactId, TagId, TagQualityRunId},
    kind::{
        OperationState, OpportunityStatus, TagFindingKind as Kind, TagQualityCause, TagSelection,
    },
    operation::Model as Operation,
};

use super::support::{contacts, group, put, tag, tag_in};
use crate::support::World;

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
