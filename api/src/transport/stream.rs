//! The body of an answer that goes on: the responses of one operation, signs of life in between,
//! and an end when the server drains or the session no longer stands.

use std::{convert::Infallible, rc::Rc};

use actix_web::rt;
use async_graphql::{Executor, Response};
use bytes::Bytes;
use futures::{
    FutureExt, Stream, StreamExt,
    stream::{self, LocalBoxStream},
};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::task::AbortOnDropHandle;

use super::{
    answer::{self, Answer},
    bill::Bill,
    code::Code,
    failure::Failure,
    figures::Open,
    log::RequestLog,
    rate::Bucket,
    run::{Caller, Job, Worker},
    seats::Seat,
    session::{Authenticator, Refusal},
};

/// How events are written: event stream or multipart.
pub(crate) trait Format: 'static {
    /// What comes before the first event.
    fn open(&self) -> Bytes;
    /// One response.
    fn next(&self, payload: &[u8]) -> Bytes;
    /// The operation has ended; nothing follows.
    fn complete(&self) -> Bytes;
    /// A sign of life.
    fn heartbeat(&self) -> Bytes;
}

/// A job whose stream has been started.
pub(crate) struct Started {
    responses: LocalBoxStream<'static, Response>,
    first: Option<Response>,
    bill: Bill,
    /// A subscription's place among those of the caller.
    _seat: Option<Seat>,
}

impl Started {
    /// Starts the job. What the schema refuses at once becomes a failure, which can still have a
    /// status of its own; a stream that has begun cannot.
    pub(crate) fn start<E: Executor, A: Authenticator>(
        worker: &Rc<Worker<E, A>>,
        job: Job,
        caller: &Caller<A::Session>,
    ) -> Result<Self, Failure> {
        let seat = worker.seat_for(&job, caller)?;
        let bill = job.bill;
        let mut responses = worker.responses(job.request, job.kind);
        let first = responses.next().now_or_never().flatten();
        if let Some(response) = &first
            && !answer::was_executed(response)
        {
            let errors = response.errors.clone();
            let code = errors.first().and_then(Code::of);
            let code = code.unwrap_or(Code::GraphqlValidationFailed);
            let mut failure = Failure::with_errors(code, errors);
            failure.cost = Some(bill.cost);
            failure.bucket = Some(bill.bucket);
            return Err(failure);
        }
        Ok(Self {
            responses,
            first,
            bill,
            _seat: seat,
        })
    }

    pub(crate) fn bucket(&self) -> Bucket {
        self.bill.bucket
    }
}

struct Live<E, A, F> {
    worker: Rc<Worker<E, A>>,
    format: F,
    started: Started,
    heartbeat: Interval,
    /// Ends when the session no longer stands. It is a task of its own, because while the client takes nothing
    /// nobody asks for events: a check that only then began would let those pass that come first.
    revoked: AbortOnDropHandle<()>,
    phase: Phase,
    log: RequestLog,
    _open: Open,
}

enum Phase {
    Opening,
    Running,
    /// The last event was written.
    Over,
}

enum Event {
    Response(Option<Box<Response>>),
    Heartbeat,
    Revoked,
    Drain,
}

/// The bytes of the answer's body.
pub(crate) fn body<E: Executor, A: Authenticator, F: Format>(
    worker: &Rc<Worker<E, A>>,
    session: A::Session,
    format: F,
    started: Started,
    log: RequestLog,
) -> impl Stream<Item = Result<Bytes, Infallible>> + use<E, A, F> {
    let settings = &worker.transport.settings;
    let live = Live {
        heartbeat: every(settings.heartbeat),
        revoked: AbortOnDropHandle::new(rt::spawn(Rc::clone(worker).revoked(session))),
        worker: Rc::clone(worker),
        format,
        started,
        phase: Phase::Opening,
        log,
        _open: Open::stream(),
    };
    stream::unfold(live, |mut live| async move {
        let bytes = live.next().await?;
        Some((Ok(bytes), live))
    })
}

pub(crate) fn every(period: std::time::Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

impl<E: Executor, A: Authenticator, F: Format> Live<E, A, F> {
    async fn next(&mut self) -> Option<Bytes> {
        match self.phase {
            Phase::Over => return None,
            Phase::Opening => {
                self.phase = Phase::Running;
                let opening = self.format.open();
                if !opening.is_empty() {
                    return Some(opening);
                }
            }
            Phase::Running => {}
        }
        match self.event().await {
            Event::Response(Some(response)) => Some(self.write(*response)),
            Event::Response(None) => Some(self.end(Bytes::new())),
            Event::Heartbeat => Some(self.format.heartbeat()),
            Event::Revoked => {
                self.log.status = 401;
                Some(self.refuse())
            }
            // Without a last event, so that the client connects again.
            Event::Drain => None,
        }
    }

    async fn event(&mut self) -> Event {
        if let Some(first) = self.started.first.take() {
            return Event::Response(Some(Box::new(first)));
        }
        let transport = &self.worker.transport;
        let Started {
            responses, bill, ..
        } = &mut self.started;
        let next = async {
            bill.be_paid().await;
            responses.next().await
        };
        tokio::select! {
            biased;
            () = transport.drain.started() => Event::Drain,
            _ = &mut self.revoked => Event::Revoked,
            response = next => Event::Response(response.map(Box::new)),
            _ = self.heartbeat.tick() => Event::Heartbeat,
        }
    }

    fn write(&mut self, mut response: Response) -> Bytes {
        self.heartbeat.reset();
        self.worker.finish(&mut response, &mut self.log);
        let bill = &mut self.started.bill;
        bill.settle(&self.worker.transport.rate, &response);
        let payload = Answer::to_response(&response, bill).to_bytes();
        self.format.next(&payload)
    }

    fn refuse(&mut self) -> Bytes {
        let mut failure = Failure::from(Refusal::Unauthenticated);
        self.worker.finish_failure(&mut failure, &mut self.log);
        let last = self.format.next(&Answer::to_failure(&failure).to_bytes());
        self.end(last)
    }

    fn end(&mut self, last: Bytes) -> Bytes {
        self.phase = Phase::Over;
        let complete = self.format.complete();
        if last.is_empty() {
            return complete;
        }
        [last, complete].concat().into()
    }
}
