//! The feed of changes that the first subscription of a workspace starts in a process.

use std::{sync::Arc, thread, time::Duration};

use api::graphql::{Hub, LoaderCell, Schema};
use async_graphql::{Request, Response};
use futures::StreamExt as _;
use serde_json::Value;
use tokio::{runtime::Builder, sync::broadcast, time::timeout};

use crate::support::{World, on_both};

const CHANGES: &str =
    "subscription { changes(after: \"0.0\", kinds: [\"contact.created\"]) { subjectId } }";

fn request(world: &World, document: &str) -> Request {
    Request::new(document)
        .data(Arc::new(world.owner.clone()))
        .data(LoaderCell::default())
}

fn plain(response: &Response) -> Value {
    serde_json::to_value(response).expect("a response")
}

/// Makes a contact, and waits until it may be read from the log.
async fn make(schema: &Schema, world: &World) -> Value {
    let document = "mutation { createContact(input: { name: \"Somebody\" }) \
        { contact { id } userErrors { message } } }";
    let made = plain(&schema.execute(request(world, document)).await);
    world.settle().await;
    made["data"]["createContact"]["contact"]["id"].clone()
}

#[test]
fn what_is_written_before_a_feed_comes_to_its_turn_reaches_its_subscriber() {
    on_both(|world| async move {
        // What is spawned on it waits until somebody drives it, as on a busy machine.
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let hints = broadcast::channel(64).0;
        let hub = Hub::new(world.ctx.clone(), hints, runtime.handle().clone());
        let schema = api::graphql::schema(world.ctx.clone(), hub);
        let before = make(&schema, &world).await;
        let mut changes = Box::pin(schema.execute_stream(request(&world, CHANGES)));
        let first = plain(&changes.next().await.expect("a change"));
        assert_eq!(first["data"]["changes"]["subjectId"], before, "{first}");

        // The subscriber has read to the end of the log, and from here on relies on the feed.
        let meanwhile = make(&schema, &world).await;
        // Never stopped: connections that it opens go back to the pool of the test.
        thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        let next = timeout(Duration::from_secs(30), changes.next()).await;
        let next = plain(&next.expect("it is not lost").expect("a change"));
        assert_eq!(next["data"]["changes"]["subjectId"], meanwhile, "{next}");
        drop(changes);
        world
    });
}
