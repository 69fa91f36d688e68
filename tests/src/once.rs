//! Requests under one idempotency key, as the API takes them.

use std::sync::Arc;

use api::{
    graphql::{Door, Hub, LoaderCell},
    transport::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED},
};
use async_graphql::{Executor as _, Request, Response, Value};
use domain::access::{Actor, Scope};
use futures::future::join_all;
use tokio::{runtime::Handle, sync::broadcast};

use crate::support::{World, on_both};

const CREATE: &str = "mutation { createTag(input: { name: \"Once\", kind: CONTACT }) \
    { tag { id } userErrors { code } } }";

fn door(world: &World) -> Door {
    let hints = broadcast::channel(64).0;
    let hub = Hub::new(world.ctx.clone(), hints, Handle::current());
    Door::new(
        api::graphql::schema(world.ctx.clone(), hub),
        world.ctx.clone(),
    )
}

async fn ask(door: &Door, world: &World, document: &str, key: &str) -> Response {
    ask_as(door, &world.owner, document, key).await
}

async fn ask_as(door: &Door, actor: &Actor, document: &str, key: &str) -> Response {
    let mut request = Request::new(document)
        .data(Arc::new(actor.clone()))
        .data(LoaderCell::default());
    let key = Value::String(key.to_owned());
    request.extensions.insert(IDEMPOTENCY_KEY.to_owned(), key);
    door.execute(request).await
}

#[test]
fn whoever_comes_while_the_first_is_running_gets_its_answer() {
    on_both(|world| async move {
        let door = door(&world);
        // The name is taken once the first is through: a repetition must not be told that.
        let answers = join_all((0..32).map(|_| ask(&door, &world, CREATE, "k"))).await;
        for answer in &answers {
            assert!(answer.errors.is_empty(), "{answer:?}");
            assert_eq!(answer.data, answers[0].data);
        }
        let text = answers[0].data.to_string();
        assert!(text.contains("userErrors: []"), "{text}");
        world
    });
}

#[test]
fn another_request_under_the_key_is_refused_without_a_place_in_the_document() {
    on_both(|world| async move {
        let door = door(&world);
        ask(&door, &world, CREATE, "k").await;
        let other = CREATE.replace("Once", "Other");
        let refused = ask(&door, &world, &other, "k").await;
        let answer = serde_json::to_value(&refused).expect("an answer");
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "IDEMPOTENCY_MISMATCH");
        assert!(error.get("locations").is_none(), "{error}");
        world
    });
}

#[test]
fn an_answer_that_is_given_again_says_so() {
    on_both(|world| async move {
        let door = door(&world);
        let first = ask(&door, &world, CREATE, "k").await;
        assert!(first.extensions.is_empty(), "{first:?}");
        let again = ask(&door, &world, CREATE, "k").await;
        let said = again.extensions.get(IDEMPOTENCY_REPLAYED);
        assert_eq!(said, Some(&Value::Boolean(true)), "{again:?}");
        assert_eq!(again.data, first.data);
        world
    });
}

#[test]
fn an_answer_is_not_given_again_to_a_token_that_may_do_less() {
    const TOKEN: &str = "mutation { createAccessToken(input: { name: \"All\", \
        scopes: [READ, ADMINISTER] }) { secret userErrors { code } } }";
    on_both(|world| async move {
        let door = door(&world);
        let first = ask(&door, &world, TOKEN, "k").await;
        assert!(first.errors.is_empty(), "{first:?}");
        let narrow = Actor {
            scopes: [Scope::Read].into_iter().collect(),
            ..world.owner.clone()
        };
        let refused = ask_as(&door, &narrow, TOKEN, "k").await;
        let refused = serde_json::to_value(&refused).expect("an answer");
        assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
        assert!(refused["data"].is_null(), "{refused}");
        let again = ask(&door, &world, TOKEN, "k").await;
        assert_eq!(again.data, first.data);
        world
    });
}
