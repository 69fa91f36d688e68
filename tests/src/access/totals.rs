//! How many rows the lists say they have: every connection of the schema, asked for by its owner, also for more
//! than a page.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    house::{Door, House, clear},
    nodes::{Nodes, ask_too_much},
    table::rows,
};
use crate::support::{
    World, on_both,
    sdl::{Root, Sdl},
};

/// Looks at every list in an answer, and notes those that have rows.
fn check(answer: &Value, seen: &mut BTreeSet<String>) {
    match answer {
        Value::Array(items) => items.iter().for_each(|item| check(item, seen)),
        Value::Object(members) => {
            let edges = members.get("edges").and_then(Value::as_array);
            if let (Some(total), Some(edges)) = (members.get("totalCount"), edges) {
                let name = members["__typename"].as_str().expect("a name");
                if members["pageInfo"]["hasNextPage"] == true {
                    assert!(
                        total.as_u64() > Some(edges.len() as u64),
                        "{name}: {answer}"
                    );
                } else {
                    assert_eq!(*total, json!(edges.len()), "{name}: {answer}");
                }
                if !edges.is_empty() {
                    seen.insert(name.to_owned());
                }
            }
            members.values().for_each(|value| check(value, seen));
        }
        _ => {}
    }
}

#[test]
fn every_list_says_how_many_rows_it_has_and_every_id_finds_what_it_is_of() {
    on_both(|world| async move {
        let sdl = Sdl::current();
        let door = Door::new(&world.ctx);
        let mut house = House::furnish(&world, &door, &world.owner, "a").await;
        let stranger = World::workspace(&world.ctx, "Stranger", "stranger.example").await;
        House::furnish(&world, &door, &stranger, "b").await;
        clear(&world).await;
        let mut seen = BTreeSet::new();
        let mut nodes = Nodes::default();
        for row in rows().into_iter().filter(|row| row.root == Root::Query) {
            let field = sdl.root(Root::Query, row.field).expect("a field");
            let document = sdl.operation(Root::Query, field, 2);
            let variables = house.fill(&row.variables);
            let answer = door.ask(&world.owner, &document, &variables).await;
            check(&answer["data"], &mut seen);
            nodes.note(&sdl, &answer["data"]);
            if field
                .arguments
                .iter()
                .any(|one| one.node.name.node == "first")
            {
                ask_too_much(&door, &world.owner, &document, &variables).await;
            }
        }
        nodes.check(&door, &world.owner, &sdl).await;
        let lists = sdl.types.keys().filter(|name| name.ends_with("Connection"));
        // What a search finds is tested in `search`; the house has no text that is found whatever
        // the table asks. What did not fire is a sample, tested in `rule`.
        let elsewhere = ["SearchHitConnection", "RuleMissConnection"];
        let lists = lists.filter(|name| !elsewhere.contains(&name.as_str()));
        let unseen: Vec<_> = lists.filter(|name| !seen.contains(*name)).collect();
        assert!(unseen.is_empty(), "no list with rows among {unseen:?}");
        world
    });
}
