//! Mutations under an idempotency key: carried out once, answered alike every time.
//!
//! The key comes in the header `Idempotency-Key`, or on sockets in the request's extension
//! `idempotencyKey`. This wraps the schema instead of extending it: an extension would cost something
//! at every field of every request.

use std::{
    any::TypeId,
    sync::Arc,
    time::{Duration, Instant},
};

use async_graphql::{Data, Executor, Request, Response, ServerError, Value};
use domain::{
    access::{Actor, Scope, ScopeSet},
    ctx::{Caller, Ctx},
    error::Error,
    idempotency::{Known, MAX_KEY, Once},
};
use futures::stream::BoxStream;

use super::{
    Schema,
    error::{coded, fault},
};
use crate::transport::{Code, IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, INTERNAL_MESSAGE, RequestId};

/// How long a repetition waits for the first request to be answered.
const PATIENCE: Duration = Duration::from_secs(10);
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

    async fn once(
        &self,
        once: Once,
        scopes: ScopeSet,
        request: Request,
    ) -> Result<Response, async_graphql::Error> {
        let ctx = self.ctx_of(&request.data);
        if let Some(answer) = known(&ctx, &once, scopes).await? {
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
            && let Some(answer) = known(&ctx, &once, scopes).await?
        {
            return Ok(answer);
        }
        if once.is_lost() {
            return Err(coded(Code::Unavailable, "Try again in a moment."));
        }
        if once.has_committed()
            && let Ok(answer) = serde_json::to_string(&Kept::of(&response, scopes))
        {
            once.keep(&ctx, answer).await.map_err(fault)?;
        }
        Ok(response)
    }
}

/// The answer given before, waiting a while for one that is still being made.
async fn known(
    ctx: &Ctx,
    once: &Once,
    scopes: ScopeSet,
) -> Result<Option<Response>, async_graphql::Error> {
    let asked = Instant::now();
    loop {
        match once.look_up(ctx).await.map_err(fault)? {
            Known::Fresh => return Ok(None),
            Known::Answered(answer) => {
                let kept: Kept =
                    serde_json::from_str(&answer).map_err(|error| fault(Error::Decode(error)))?;
                return kept.again(scopes).map(Some);
            }
            Known::Unanswered(at) => {
                // One of the future was noted by a clock that was ahead, and says nothing of its age.
                let age = (ctx.clock.now() - at).to_std().unwrap_or_default();
                if age.max(asked.elapsed()) < PATIENCE {
                    tokio::time::sleep(LOOK_EVERY).await;
                    continue;
                }
                let message = "This request was carried out, but its answer was lost. Read what \
                               it changed instead of sending it again.";
                return Err(coded(Code::AnswerLost, message));
            }
        }
    }
}

/// An answer as it is kept; its fields keep their order.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    data: Value,
    #[serde(default)]
    errors: Vec<ServerError>,
    /// What the token could do that was answered first; nothing in answers kept by earlier builds.
    #[serde(default)]
    scopes: Vec<Scope>,
}

impl Kept {
    fn of(response: &Response, scopes: ScopeSet) -> Self {
        Self {
            data: response.data.clone(),
            errors: response.errors.iter().map(told).collect(),
            scopes: scopes.iter().collect(),
        }
    }

    /// The answer for whoever repeats the request. The key is the member's, who may have tokens of little
    /// power in programs of others: what the answer shows, such as a new token, is not for those.
    fn again(self, scopes: ScopeSet) -> Result<Response, async_graphql::Error> {
        if !self.scopes.iter().all(|&scope| scopes.contains(scope)) {
            let message = "This request was carried out for an access token with more scopes. \
                           Repeat it with one that has as many.";
            return Err(coded(Code::Forbidden, message));
        }
        let mut response = Response::new(self.data);
        response.errors = self.errors;
        let replayed = (IDEMPOTENCY_REPLAYED.to_owned(), Value::Boolean(true));
        response.extensions.extend([replayed]);
        Ok(response)
    }
}

/// The error as its caller is told it. That it is a fault of ours, which only the log is told, shows by a
/// source, which cannot be kept.
fn told(error: &ServerError) -> ServerError {
    let mut error = error.clone();
    let extensions = error.extensions.get_or_insert_default();
    if error.source.is_some() && extensions.get("code").is_none() {
        INTERNAL_MESSAGE.clone_into(&mut error.message);
        extensions.set("code", Code::Internal.as_str());
    }
    error
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
            let actor = actor(&request.data);
            actor.map(|actor| (Once::new(actor, &key, &parts), actor.scopes))
        });
        let result = match once {
            Ok(Some((once, scopes))) => self.once(once, scopes, request).await,
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

#[cfg(test)]
mod tests {
    use async_graphql::Pos;

    use super::*;

    #[test]
    fn what_a_fault_of_ours_says_is_not_kept() {
        let fault = async_graphql::Error::new_with_source("SELECT secret".to_owned());
        let mistake = coded(Code::BadUserInput, "No such row.");
        let errors = [fault, mistake].map(|error| error.into_server_error(Pos::default()));
        let response = Response::from_errors(errors.into());
        let kept = serde_json::to_value(Kept::of(&response, ScopeSet::default())).unwrap();
        let code = |at: usize| &kept["errors"][at]["extensions"]["code"];
        assert_eq!(code(0), Code::Internal.as_str());
        assert_eq!(kept["errors"][0]["message"], INTERNAL_MESSAGE);
        assert_eq!(code(1), Code::BadUserInput.as_str());
        assert_eq!(kept["errors"][1]["message"], "No such row.");
    }
}
