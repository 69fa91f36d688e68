//! Searches and lists beside a plain reading of everything, in pages.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    contact::{self, ContactChanges, ContactFilter, ContactOrder},
    page::PageRequest,
    search::{Kind, Match},
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use uuid::Uuid;

use super::{add, message, needle, page, settle, write};
use crate::support::{World, on_both};

#[test]
fn a_list_of_very_many_who_answer_is_read_in_pages_and_counted() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        // Every tenth does not answer; those that do are too many to be told one by one.
        let name = |n: usize| format!("{n:04}{}", if n.is_multiple_of(10) { "別" } else { "客" });
        let everybody: Vec<usize> = (0..4_600).collect();
        for part in everybody.chunks(1_000) {
            let messages = part.iter().map(|&n| {
                let email = format!("c{n}@customer.example");
                message(&world, n, &email, Some(name(n)))
            });
            write(&world, messages.collect()).await;
        }
        settle(&world).await;
        let answering: Vec<String> = everybody
            .into_iter()
            .filter(|n| n % 10 != 0)
            .map(name)
            .collect();
        let filter = ContactFilter {
            text: Some("客".to_owned()),
            ..ContactFilter::default()
        };
        let list = async |page: PageRequest| {
            let order = ContactOrder::NameAsc;
            let found = contact::list(ctx, workspace, filter.clone(), order, &page).await;
            found.unwrap()
        };
        let shown = |rows: &[(String, contact::Contact)]| -> Vec<String> {
            rows.iter().map(|(_, row)| row.name.clone()).collect()
        };
        let first = list(PageRequest::first(100)).await;
        assert_eq!(shown(&first.rows), answering[..100]);
        assert!(first.has_next && !first.has_previous);
        assert_eq!(
            first.total.count(ctx).await.unwrap(),
            answering.len() as i64
        );
        let next = PageRequest {
            after: first.rows.last().map(|(cursor, _)| cursor.clone()),
            ..PageRequest::first(100)
        };
        let second = list(next).await;
        assert_eq!(shown(&second.rows), answering[100..200]);
        let back = PageRequest {
            backward: true,
            before: second.rows.first().map(|(cursor, _)| cursor.clone()),
            ..PageRequest::first(3)
        };
        assert_eq!(shown(&list(back).await.rows), answering[97..100]);
        world
    });
}

/// Names and queries of such forms, the same in every run.
fn generated(name: &'static str, query: &'static str) -> (Vec<String>, Vec<String>) {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let texts = (
        proptest::collection::vec(name, 30..60),
        proptest::collection::vec(query, 25),
    );
    texts.new_tree(&mut runner).unwrap().current()
}

#[test]
fn a_search_finds_what_reading_everything_finds_in_pages_in_every_state_of_the_index() {
    on_both(|world| async move {
        // Out of few characters of several scripts, so that many of them meet.
        let (names, queries) = generated(
            "[東京田中王ァあｱｶﾞａA a@.ß%1]{1,8}",
            "[東京田中王アあァガａA@.s%1]{1,4}",
        );
        compare(&world, &names, &queries).await;
        world
    });
}

#[test]
fn names_that_share_nearly_everything_are_told_apart() {
    on_both(|world| async move {
        let (names, queries) = generated("person[17]{1,6}(@[ab])?", "(person|rson|n)?[17]{2,7}a?");
        compare(&world, &names, &queries).await;
        world
    });
}

/// Writes contacts with such names, and compares what searches and lists say with a plain reading.
async fn compare(world: &World, names: &[String], queries: &[String]) {
    let mut all: BTreeMap<Uuid, String> = BTreeMap::new();
    for (n, name) in names.iter().enumerate() {
        if name.trim().is_empty() {
            continue;
        }
        let id = add(world, name, None).await;
        all.insert(id.0, name.clone());
        match n % 8 {
            // Many small segments, so that there are merges; some renamed in a later segment.
            3 => settle(world).await,
            5 => {
                let changes = ContactChanges {
                    name: Some(format!("{name}王")),
                    ..ContactChanges::default()
                };
                contact::update(&world.ctx, &world.owner, id, changes)
                    .await
                    .unwrap();
                all.insert(id.0, format!("{name}王"));
            }
            _ => {}
        }
    }
    for query in queries {
        let needle = needle(query);
        let mut expected: Vec<(Match, std::cmp::Reverse<Uuid>)> = all
            .iter()
            .filter_map(|(id, name)| Some((needle.judge_name(name)?, std::cmp::Reverse(*id))))
            .collect();
        // Ids carry the time they were made at.
        expected.sort_unstable();
        let expected: Vec<Uuid> = expected.into_iter().map(|(_, id)| id.0).collect();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let request = PageRequest {
                after,
                ..PageRequest::first(3)
            };
            let rows = page(world, query, &[Kind::Contact], request).await;
            found.extend(rows.iter().map(|(_, hit)| hit.id));
            match rows.last() {
                Some((cursor, _)) => after = Some(cursor.clone()),
                None => break,
            }
        }
        assert_eq!(found, expected, "{query}");
        let filter = ContactFilter {
            text: Some(query.clone()),
            ..ContactFilter::default()
        };
        let everybody = PageRequest::first(100);
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let list = contact::list(ctx, workspace, filter, ContactOrder::NameAsc, &everybody);
        let list = list.await.unwrap().rows;
        let list: BTreeSet<Uuid> = list.iter().map(|(_, row)| row.id.0).collect();
        assert_eq!(list, expected.into_iter().collect(), "{query} in a list");
    }
}
