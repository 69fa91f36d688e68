//! What the GraphQL door is made of.
//!
//! PLACEHOLDER: becomes `crate::graphql::{Hub, Schema, schema, sdl}` and `crate::session::Sessions`.

use std::net::IpAddr;

use async_graphql::{EmptyMutation, EmptySubscription, Object, Request};
use domain::{
    access::{Actor, token},
    ctx::Ctx,
    port::Hint,
};
use tokio::{runtime::Handle, sync::broadcast};

use crate::transport::{Authenticator, Refusal};

/// The process's reader of the change log.
#[derive(Debug, Clone)]
pub struct Hub;

impl Hub {
    /// Reads through `ctx` on `runtime`, woken by `hints`.
    pub fn new(_ctx: Ctx, _hints: broadcast::Sender<Hint>, _runtime: Handle) -> Self {
        Self
    }
}

/// The only query.
#[derive(Debug, Default)]
pub struct Query;

#[Object]
impl Query {
    /// The release that answers.
    async fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

/// The schema.
pub type Schema = async_graphql::Schema<Query, EmptyMutation, EmptySubscription>;

/// The schema on one thread's connections.
pub fn schema(ctx: Ctx, hub: Hub) -> Schema {
    let builder = Schema::build(Query, EmptyMutation, EmptySubscription);
    builder.data(ctx).data(hub).finish()
}

/// The schema's text.
pub fn sdl() -> String {
    Schema::build(Query, EmptyMutation, EmptySubscription)
        .finish()
        .sdl()
}

/// Who is calling.
#[derive(Debug)]
pub struct Sessions(Ctx);

impl Sessions {
    /// Looks tokens up through `ctx`.
    pub fn new(ctx: Ctx) -> Self {
        Self(ctx)
    }
}

impl Authenticator for Sessions {
    type Session = Actor;

    async fn authenticate(&self, credential: Option<&str>) -> Result<Actor, Refusal> {
        let secret = credential.ok_or(Refusal::Unauthenticated)?;
        let actor = token::authenticate(&self.0, secret).await;
        actor
            .map_err(|_| Refusal::Unavailable)?
            .ok_or(Refusal::Unauthenticated)
    }

    async fn still_valid(&self, _session: &Actor) -> bool {
        true
    }

    fn rate_key(&self, session: &Actor, _peer: Option<IpAddr>) -> u128 {
        session.token.0.as_u128()
    }

    fn attach(&self, session: &Actor, request: Request) -> Request {
        request.data(session.clone())
    }
}
