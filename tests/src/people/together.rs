//! Many who ask for a contact at the same moment.

use domain::contact::{ProfileChanges, merge};
use futures::future::join_all;
use serde_json::{Value, json};

use super::person;
use crate::{
    access::house::Door,
    support::{World, on_both},
};

const PEOPLE: usize = 12;

#[test]
fn each_of_many_gets_what_they_asked_for_and_nobody_elses() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stranger = &World::workspace(ctx, "Elsewhere", "elsewhere.example").await;
        let mut people = Vec::new();
        for n in 0..PEOPLE {
            let name = format!("Person {n}");
            let person = person(&world, &name, ProfileChanges::default()).await;
            people.push(person.id);
        }
        merge::merge(ctx, owner, people[0], people[1], "One person")
            .await
            .unwrap();

        let (door, people) = (&Door::new(ctx), &people);
        let one = |n: usize| async move {
            let wanted = n % PEOPLE;
            let id = people[wanted].to_string();
            let document = if n.is_multiple_of(2) {
                "query($id: ID!) { it: contact(id: $id) { id name } }"
            } else {
                "query($id: ID!) { it: node(id: $id) { ... on Contact { id name } } }"
            };
            let is_ours = !n.is_multiple_of(5);
            let actor = if is_ours { owner } else { stranger };
            let answer = door.ask(actor, document, &json!({ "id": id })).await;
            let expected = match (is_ours, wanted) {
                (false, _) => Value::Null,
                // Who was merged into another is answered with that other.
                (true, 0 | 1) => json!({ "id": people[0].to_string(), "name": "Person 0" }),
                (true, _) => json!({ "id": id, "name": format!("Person {wanted}") }),
            };
            assert_eq!(answer["data"]["it"], expected, "{n}: {answer}");
            assert_eq!(answer["errors"], Value::Null);
        };
        join_all((0..PEOPLE * 20).map(one)).await;
        world
    });
}
