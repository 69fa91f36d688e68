//! From parameters to responses: the steps that HTTP, event streams and sockets share.
//!
//! Everything here runs on the worker thread that serves the connection; nothing is spawned to
//! another runtime.

use std::{net::IpAddr, panic::AssertUnwindSafe, rc::Rc, sync::Arc, time::Duration};

use async_graphql::{Executor, Name, Request, Response, ServerError, parser::types::OperationType};
use futures::{
    FutureExt, StreamExt,
    stream::{self, LocalBoxStream},
};

use super::{
    Transport, answer,
    bill::{Bill, Share},
    body::LongBodies,
    budget::{Budget, Cost},
    code::Code,
    documents::{self, DocumentHash, Given},
    failure::Failure,
    inspect::Inspector,
    log::RequestLog,
    params::Params,
    request_id::RequestId,
    seats::{Full, Seat, SeatKind},
    session::Authenticator,
    stream::every,
};

/// The door as one worker thread holds it.
pub(crate) struct Worker<E, A> {
    pub(crate) transport: Transport<E, A>,
    pub(crate) budget: Budget,
    inspector: Arc<Inspector>,
    pub(crate) long_bodies: LongBodies,
}

/// A caller, for as long as a request or a socket lasts.
pub(crate) struct Caller<S> {
    pub(crate) session: S,
    pub(crate) rate_key: u128,
    pub(crate) workspace_key: u128,
}

/// An operation that has passed every check and is paid for.
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) kind: OperationType,
    pub(crate) name: Option<Name>,
    pub(crate) bill: Bill,
}

/// The text to execute, and what follows from the way it was given.
struct Document {
    text: String,
    share: Share,
    /// To be remembered under this hash, if it turns out to be good.
    persist: Option<DocumentHash>,
}

impl<E: Executor, A: Authenticator> Worker<E, A> {
    pub(crate) fn new(transport: Transport<E, A>) -> Self {
        let settings = &transport.settings;
        Self {
            budget: Budget::new(
                transport.table.clone(),
                settings.document.clone(),
                settings.plans_kept,
            ),
            inspector: Arc::new(Inspector::new(&transport)),
            long_bodies: LongBodies::new(settings),
            transport,
        }
    }

    pub(crate) async fn caller(
        &self,
        credential: Option<&str>,
        peer: Option<IpAddr>,
    ) -> Result<Caller<A::Session>, Failure> {
        let authenticator = &self.transport.authenticator;
        let session = authenticator.authenticate(credential).await?;
        Ok(Caller {
            rate_key: authenticator.rate_key(&session, peer),
            workspace_key: authenticator.workspace_key(&session),
            session,
        })
    }

    /// Checks the operation, asks `is_allowed` about its kind, charges the caller and makes the
    /// request that the schema will run.
    pub(crate) async fn prepare(
        &self,
        mut params: Params,
        caller: &Caller<A::Session>,
        id: &RequestId,
        is_allowed: impl FnOnce(OperationType) -> Result<(), Failure>,
    ) -> Result<Job, Failure> {
        let document = self.document(params.document()?, caller).await?;
        let name = params.operation_name.as_deref();
        let approved = self
            .budget
            .approve(&document.text, name, &mut params.variables)?;
        is_allowed(approved.kind)?;
        let cost = Cost {
            requested: document.share.of(approved.cost.requested),
            ..approved.cost
        };
        // A dry run tells what it would cost, and pays for asking.
        let charged = Cost {
            requested: if approved.is_dry_run {
                1
            } else {
                cost.requested
            },
            ..cost
        };
        let bucket = self
            .transport
            .rate
            .charge(caller.rate_key, charged.requested)
            .map_err(|mut failure| {
                failure.cost = Some(charged);
                failure
            })?;
        if let Some(hash) = document.persist {
            let text = document.text.as_str().into();
            self.transport
                .persisted
                .put(caller.workspace_key, hash, text);
        }
        let bill = Bill {
            cost: charged,
            actual: None,
            next_at: None,
            bucket,
            deprecations: approved.deprecations,
            meter: Some(approved.meter),
            goes_on: approved.kind == OperationType::Subscription,
            share: document.share,
            rate_key: caller.rate_key,
        };
        let mut request = Request::new(document.text)
            .variables(params.variables)
            .data(id.clone())
            .data(Arc::clone(&self.inspector))
            .data(cost)
            .data(bucket);
        request.operation_name = approved.name.as_ref().map(Name::to_string);
        request.extensions = params.extensions.unwrap_or_default();
        request.set_parsed_query(approved.document);
        Ok(Job {
            request: self
                .transport
                .authenticator
                .attach(&caller.session, request),
            kind: approved.kind,
            name: approved.name,
            bill,
        })
    }

    /// Finds the text of what was given. To ask for one that is not there costs a point, so that
    /// guessing hashes ends with an empty bucket.
    async fn document(
        &self,
        given: Given,
        caller: &Caller<A::Session>,
    ) -> Result<Document, Failure> {
        match given {
            Given::Text(text) => Ok(Document {
                text,
                share: Share::Whole,
                persist: None,
            }),
            Given::Persisted(hash, Some(text)) => {
                if documents::hash(&text) != hash {
                    return Err(documents::mismatch());
                }
                Ok(Document {
                    text,
                    share: Share::Whole,
                    persist: Some(hash),
                })
            }
            Given::Persisted(hash, None) => {
                let persisted = &self.transport.persisted;
                match persisted.get(caller.workspace_key, hash) {
                    Some(text) => Ok(Document {
                        text: text.as_ref().to_owned(),
                        share: Share::Whole,
                        persist: None,
                    }),
                    None => {
                        self.registered(hash, caller, documents::not_persisted)
                            .await
                    }
                }
            }
            Given::Registered(hash) => self.registered(hash, caller, documents::unregistered).await,
        }
    }

    async fn registered(
        &self,
        hash: DocumentHash,
        caller: &Caller<A::Session>,
        missing: fn() -> Failure,
    ) -> Result<Document, Failure> {
        let Transport {
            authenticator,
            rate,
            ..
        } = &self.transport;
        rate.charge(caller.rate_key, 1)?;
        let found = authenticator.registered_document(&caller.session, hash);
        let text = found.await?.ok_or_else(missing)?;
        rate.refund(caller.rate_key, 1);
        Ok(Document {
            text: text.as_ref().to_owned(),
            share: Share::Half,
            persist: None,
        })
    }

    /// A place for the caller among those who have something open.
    pub(crate) fn seat(&self, kind: SeatKind, caller: &Caller<A::Session>) -> Result<Seat, Full> {
        let seats = &self.transport.seats;
        seats.take(kind, caller.rate_key, caller.workspace_key)
    }

    /// A place for `job`, if it stays open.
    pub(crate) fn seat_for(
        &self,
        job: &Job,
        caller: &Caller<A::Session>,
    ) -> Result<Option<Seat>, Failure> {
        if job.kind != OperationType::Subscription {
            return Ok(None);
        }
        Ok(Some(self.seat(SeatKind::Subscription, caller)?))
    }

    /// Runs a query or mutation within its time.
    pub(crate) async fn execute(&self, request: Request) -> Result<Response, Failure> {
        let limit = self.transport.settings.request_timeout;
        execute(&self.transport.executor, request, limit).await
    }

    /// Runs any operation as a stream: one response for a query or mutation, many for a
    /// subscription. Failures come as responses in which nothing was executed.
    pub(crate) fn responses(
        self: &Rc<Self>,
        request: Request,
        kind: OperationType,
    ) -> LocalBoxStream<'static, Response> {
        if kind == OperationType::Subscription {
            let responses = self.transport.executor.execute_stream(request, None);
            return AssertUnwindSafe(responses)
                .catch_unwind()
                .map(|response| response.unwrap_or_else(|_| failed(panicked())))
                .boxed_local();
        }
        let worker = Rc::clone(self);
        stream::once(async move { worker.execute(request).await.unwrap_or_else(failed) })
            .boxed_local()
    }

    /// Comes to its end when the session no longer stands. What is open goes on meanwhile: a check may
    /// take its time.
    pub(crate) async fn revoked(self: Rc<Self>, session: A::Session) {
        let mut recheck = every(self.transport.settings.session_recheck);
        loop {
            recheck.tick().await;
            if !self.is_still_valid(&session).await {
                return;
            }
        }
    }

    /// Whether the session still stands. A check that takes too long says nothing.
    async fn is_still_valid(&self, session: &A::Session) -> bool {
        let check = self.transport.authenticator.still_valid(session);
        tokio::time::timeout(Duration::from_secs(1), check)
            .await
            .unwrap_or(true)
    }

    pub(crate) fn finish(&self, response: &mut Response, log: &mut RequestLog) {
        answer::finish_response(response, log.id(), self.transport.settings.errors_max);
        log.failed(response.errors.first().and_then(Code::of));
    }

    pub(crate) fn finish_failure(&self, failure: &mut Failure, log: &mut RequestLog) {
        answer::finish_failure(failure, log.id(), self.transport.settings.errors_max);
        log.failed(Some(failure.code));
    }

    pub(crate) fn fresh_id(&self) -> RequestId {
        RequestId::fresh(&*self.transport.ids, &*self.transport.clock)
    }
}

async fn execute<E: Executor>(
    executor: &E,
    request: Request,
    limit: Duration,
) -> Result<Response, Failure> {
    let run = AssertUnwindSafe(executor.execute(request)).catch_unwind();
    match tokio::time::timeout(limit, run).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(_)) => Err(panicked()),
        Err(_) => Err(Failure::timeout()),
    }
}

/// The panic hook has written the place; here only the caller has to be told.
fn panicked() -> Failure {
    tracing::error!("A resolver panicked");
    Failure::internal()
}

/// A failure in the shape of a response.
fn failed(failure: Failure) -> Response {
    with_code(failure.errors, failure.code)
}

fn with_code(mut errors: Vec<ServerError>, code: Code) -> Response {
    for error in &mut errors {
        error
            .extensions
            .get_or_insert_default()
            .set("code", code.as_str());
    }
    Response::from_errors(errors)
}
