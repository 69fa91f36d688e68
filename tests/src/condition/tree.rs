//! Random trees of all leaves: memory and SQL agree.

use serde_json::{Value, json};

use super::people::{People, condition};
use crate::support::on_both;

/// The next of a row of numbers without much order.
fn draw(state: &mut u64, below: usize) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    ((*state >> 33) as usize) % below
}

fn tree(state: &mut u64, leaves: &[Value], depth: usize) -> Value {
    match draw(state, if depth == 0 { 1 } else { 4 }) {
        0 => leaves[draw(state, leaves.len())].clone(),
        1 => json!({"not": tree(state, leaves, depth - 1)}),
        kind => {
            let count = 1 + draw(state, 3);
            let children: Vec<Value> = (0..count).map(|_| tree(state, leaves, depth - 1)).collect();
            json!({(if kind == 2 { "all" } else { "any" }): children})
        }
    }
}

#[test]
fn memory_and_sql_agree_on_trees_of_all_leaves() {
    on_both(|world| async move {
        let people = People::new(world).await;
        let leaves: Vec<Value> = people.leaves().into_iter().map(|(leaf, _)| leaf).collect();
        let mut state = 7;
        for _ in 0..60 {
            let stored = tree(&mut state, &leaves, 3);
            people.found(&condition(&stored)).await;
        }
        people.world
    });
}
