//! Two users with one address: whoever comes first, and when, they are two people who seem to be one.

use domain::track::Method;
use entity::{id::ContactId, kind::IdentityKind as I};
use futures::future::join_all;
use serde_json::{Value, json};

use super::{batch, one, who_has};
use crate::support::{World, engine::open_suspects, on_both};

fn user(id: &str, email: &str) -> Value {
    json!({ "type": "identify", "userId": id, "traits": { "email": email, "name": id } })
}

async fn id_of(world: &World, kind: I, value: &str) -> ContactId {
    who_has(world, kind, value).await.unwrap().id
}

/// Whether the two users are two contacts with a suspicion between them; the first has the address.
async fn are_two(world: &World, first: &str, second: &str, email: &str) {
    let [first, second] = [
        id_of(world, I::ExternalId, first).await,
        id_of(world, I::ExternalId, second).await,
    ];
    assert_ne!(first, second);
    assert_eq!(id_of(world, I::Email, email).await, first);
    let noted = open_suspects(world).await;
    let of_both = noted.iter().filter(|one| {
        let pair = [one.one_id, one.other_id];
        pair.contains(&first) && pair.contains(&second)
    });
    assert_eq!(of_both.count(), 1);
}

#[test]
fn a_second_user_with_the_address_of_a_first_is_somebody_else() {
    on_both(|world| async move {
        // Never seen before.
        one(&world, Method::Identify, user("s-1", "s@acme.example")).await;
        one(&world, Method::Identify, user("s-2", "s@acme.example")).await;
        are_two(&world, "s-1", "s-2", "s@acme.example").await;
        // Seen before.
        let done = json!({ "userId": "t-2", "event": "Signed In" });
        one(&world, Method::Track, done).await;
        one(&world, Method::Identify, user("t-1", "t@acme.example")).await;
        one(&world, Method::Identify, user("t-2", "t@acme.example")).await;
        are_two(&world, "t-1", "t-2", "t@acme.example").await;
        // Both in one request, and once more.
        for _ in 0..2 {
            let calls = [user("v-1", "v@acme.example"), user("v-2", "v@acme.example")];
            batch(&world, json!(calls)).await;
            are_two(&world, "v-1", "v-2", "v@acme.example").await;
        }
        // Somebody of whom only the address is known becomes the first user.
        let call = json!({ "anonymousId": "a-1", "traits": { "email": "w@acme.example" } });
        one(&world, Method::Identify, call).await;
        let visitor = id_of(&world, I::Email, "w@acme.example").await;
        one(&world, Method::Identify, user("w-1", "w@acme.example")).await;
        assert_eq!(id_of(&world, I::ExternalId, "w-1").await, visitor);
        one(&world, Method::Identify, user("w-2", "w@acme.example")).await;
        are_two(&world, "w-1", "w-2", "w@acme.example").await;
        assert_eq!(open_suspects(&world).await.len(), 4);
        world.drain().await;
        world
    });
}

#[test]
fn users_who_say_the_same_address_at_once_are_suspects() {
    on_both(|world| async move {
        let calls = (0..6).map(|number| {
            let call = user(&format!("u-{}", number % 2), "u@acme.example");
            one(&world, Method::Identify, call)
        });
        for taken in join_all(calls).await {
            assert_eq!(taken.accepted, 1);
        }
        let holder = id_of(&world, I::Email, "u@acme.example").await;
        let mut users = ["u-0", "u-1"];
        if id_of(&world, I::ExternalId, "u-1").await == holder {
            users.reverse();
        }
        are_two(&world, users[0], users[1], "u@acme.example").await;
        world
    });
}

#[test]
fn whom_nobody_has_named_is_called_after_the_surest_identity() {
    on_both(|world| async move {
        one(&world, Method::Page, json!({ "anonymousId": "a-1" })).await;
        let name = async |kind, value: &str| who_has(&world, kind, value).await.unwrap().name;
        assert_eq!(name(I::AnonymousId, "a-1").await, "Visitor");
        for (traits, expected) in [
            (json!({}), "u-1"),
            (json!({ "phone": "+81 3-1234-5678" }), "u-1"),
            (json!({ "email": "taro@acme.example" }), "taro"),
            (json!({ "name": "Taro" }), "Taro"),
            // A name that was told stays, whatever it looks like.
            (json!({ "name": "u-1" }), "u-1"),
            (json!({}), "u-1"),
        ] {
            let call = json!({ "userId": "u-1", "anonymousId": "a-1", "traits": traits });
            one(&world, Method::Identify, call.clone()).await;
            assert_eq!(name(I::ExternalId, "u-1").await, expected, "{call}");
        }
        // At once, too.
        let call = json!({ "userId": "u-2", "traits": { "email": "hana@acme.example" } });
        one(&world, Method::Identify, call).await;
        assert_eq!(name(I::ExternalId, "u-2").await, "hana");
        world.drain().await;
        world
    });
}
