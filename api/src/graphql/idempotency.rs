//! Mutations under an idempotency key: carried out once, answered alike every time.
//!
//! The key comes in the header `Idempotency-Key`, or on sockets in the request's extension
//! `idempotencyKey`. This wraps the schema instead of extending it: an extension would cost something
//! at every field of every request.

use std::{any::TypeId, sync::Arc, time::Duration};

use async_graphql::{Data, Executor, Request, Response, ServerError, Value};
use chrono::TimeDelta;
use domain::{
    access::Actor,
    ctx::{Caller, Ctx},
    error::Error,
    idempotency::{Known, MAX_KEY, Once},
};
use futures::stream::BoxStream;

use super::{
    Schema,
    error::{coded, fault},
};
use crate::transport::{Code, IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, RequestId};

/// How long a repetition waits for the first request to be answered.
const PATIENCE: TimeDelta = TimeDelta::seconds(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The schema on the connections of one thread, with idempotency keys.
#[derive(Clone)]
pub struct Door {
    schema: Schema,
    ctx: Ctx,
}

impl Door {
    /// Wraps `schema`, which may be shared between threads; resolvers and keys use `ctx`.
    pub fn new(schema: Schema, ctx: Ctx) -> Self {
        Self { schema, ctx }
    }

    /// The business, for this request: of the caller's workspace alone.
    fn ctx_of(&self, data: &Data) -> Ctx {
        let id = data.get(&TypeId::of::<RequestId>());
        let id = id.and_then(|id| id.downcast_ref::<RequestId>());
        let actor = actor(data);
        let caller = id.zip(actor).map(|(id, actor)| Caller {
            request_id: id.as_str().into(),
            token: actor.token,
        });
        let ctx = match actor {
            Some(actor) => self.ctx.walled_to(actor.workspace),
            None => self.ctx.clone(),
        };
        Ctx { caller, ..ctx }
    }

    async fn once(&self, once: Once, request: Request) -> Result<Response, async_graphql::Error> {
        let ctx = self.ctx_of(&request.data);
        if let Some(answer) = known(&ctx, &once).await? {
            return Ok(answer);
        }
        let once = Arc::new(once);
        let request = request.data(Ctx {
            once: Some(Arc::clone(&once)),
            ..ctx.clone()
        });
        let response = self.schema.execute(request).await;
        // Somebody with the same key was first; theirs is the answer. That it was so may also show in
        // a refusal, such as of a name that is taken now.
        if !once.has_committed()
            && let Some(answer) = known(&ctx, &once).await?
        {
            return Ok(answer);
        }
        if once.is_lost() {
            return Err(coded(Code::Unavailable, "Try again in a moment."));
        }
        if once.has_committed()
            && let Ok(answer) = serde_json::to_string(&response)
        {
            once.keep(&ctx, answer).await.map_err(fault)?;
        }
        Ok(response)
    }
}

/// The answer given before, waiting a while for one that is still being made.
async fn known(ctx: &Ctx, once: &Once) -> Result<Option<Response>, async_graphql::Error> {
    loop {
        match once.look_up(ctx).await.map_err(fault)? {
            Known::Fresh => return Ok(None),
            Known::Answered(answer) => {
                let mut answer = read(&answer).map_err(|error| fault(Error::Decode(error)))?;
                let replayed = (IDEMPOTENCY_REPLAYED.to_owned(), Value::Boolean(true));
                answer.extensions.extend([replayed]);
                return Ok(Some(answer));
            }
            Known::Unanswered(at) if ctx.clock.now() - at < PATIENCE => {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Known::Unanswered(_) => {
                let message = "This request was carried out, but its answer was lost. Read what \
                               it changed instead of sending it again.";
                return Err(coded(Code::AnswerLost, message));
            }
        }
    }
}

/// Reads a kept answer back; its fields keep their order.
fn read(answer: &str) -> serde_json::Result<Response> {
    #[derive(serde::Deserialize)]
    struct Kept {
        data: Value,
        #[serde(default)]
        errors: Vec<ServerError>,
    }
    let kept: Kept = serde_json::from_str(answer)?;
    let mut response = Response::new(kept.data);
    response.errors = kept.errors;
    Ok(response)
}

fn actor(data: &Data) -> Option<&Arc<Actor>> {
    data.get(&TypeId::of::<Arc<Actor>>())?.downcast_ref()
}

fn key(request: &Request) -> Option<Result<String, async_graphql::Error>> {
    let value = request.extensions.get(IDEMPOTENCY_KEY)?;
    Some(match value {
        Value::String(key) if !key.trim().is_empty() && key.chars().count() <= MAX_KEY => {
            Ok(clean(key))
        }
        _ => {
            let message = format!("Give an idempotency key of 1 to {MAX_KEY} characters.");
            Err(coded(Code::BadUserInput, message))
        }
    })
}

fn clean(key: &str) -> String {
    key.chars()
        .filter(|character| !character.is_control())
        .collect()
}

#[async_trait::async_trait]
impl Executor for Door {
    async fn execute(&self, request: Request) -> Response {
        let ctx = self.ctx_of(&request.data);
        let request = request.data(ctx);
        let Some(key) = key(&request) else {
            return self.schema.execute(request).await;
        };
        let once = key.map(|key| {
            let variables = serde_json::to_string(&request.variables).unwrap_or_default();
            let name = request.operation_name.as_deref().unwrap_or_default();
            let parts = [request.query.as_str(), name, variables.as_str()];
            actor(&request.data).map(|actor| Once::new(actor, &key, &parts))
        });
        let result = match once {
            Ok(Some(once)) => self.once(once, request).await,
            Ok(None) => Ok(self.schema.execute(request).await),
            Err(error) => Err(error),
        };
        result.unwrap_or_else(|error| {
            let mut error = error.into_server_error(async_graphql::Pos::default());
            // It is about the request, not about a place in the document.
            error.locations.clear();
            Response::from_errors(vec![error])
        })
    }

    fn execute_stream(
        &self,
        request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        let ctx = self.ctx_of(&request.data);
        let request = request.data(ctx);
        Executor::execute_stream(&self.schema, request, session_data)
    }
}
