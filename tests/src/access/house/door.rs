//! A door to the schema without a network.

use std::sync::Arc;

use api::{
    graphql::{Hub, LoaderCell, Schema, Together},
    transport::{Bucket, Cost},
};
use async_graphql::{Request, Response, Variables};
use domain::{access::Actor, ctx::Ctx, port::Hint};
use futures::{Stream, StreamExt as _};
use serde_json::Value;
use tokio::sync::broadcast;

use crate::support::client::only_field;

/// The schema, asked as anybody.
pub(crate) struct Door {
    pub(super) ctx: Ctx,
    schema: Schema,
    together: Arc<Together>,
    pub(in crate::access) hints: broadcast::Sender<Hint>,
}

impl Door {
    pub(crate) fn new(ctx: &Ctx) -> Self {
        let hints = broadcast::channel(64).0;
        let runtime = tokio::runtime::Handle::current();
        let hub = Hub::new(ctx.clone(), hints.clone(), runtime);
        let schema = api::graphql::schema(ctx.clone(), hub);
        let ctx = ctx.clone();
        Self {
            ctx,
            schema,
            together: Arc::default(),
            hints,
        }
    }

    fn request(&self, actor: &Actor, document: &str, variables: &Value) -> Request {
        Request::new(document)
            .variables(Variables::from_json(variables.clone()))
            .data(Arc::new(actor.clone()))
            .data(LoaderCell::new(Arc::clone(&self.together)))
            // What the transport would have found and charged.
            .data(Cost {
                requested: 1,
                limit: 1,
            })
            .data(Bucket {
                limit: 1,
                remaining: 1,
                reset_s: 0,
            })
    }

    /// Runs a query or a mutation.
    pub(crate) async fn ask(&self, actor: &Actor, document: &str, variables: &Value) -> Value {
        let request = self.request(actor, document, variables);
        plain(&self.schema.execute(request).await)
    }

    /// Runs a subscription.
    pub(crate) fn follow(
        &self,
        actor: &Actor,
        document: &str,
        variables: &Value,
    ) -> impl Stream<Item = Value> + use<> {
        let request = self.request(actor, document, variables);
        self.schema
            .execute_stream(request)
            .map(|response| plain(&response))
    }

    /// Runs what must work, and gives back its one field.
    pub(crate) async fn must(&self, actor: &Actor, document: &str, variables: Value) -> Value {
        let answer = self.ask(actor, document, &variables).await;
        only_field(answer, document, &variables)
    }
}

fn plain(response: &Response) -> Value {
    serde_json::to_value(response).expect("a response")
}
