//! A [`Queue`] as an apalis backend.
//!
//! apalis-core also offers `Persisted`, a loop over register, heartbeat, fetch and acknowledge for
//! stores that hold serialised tasks. It is not used: acknowledging would share one state machine
//! with fetching, so that neither goes on while the other waits for Redis, results would pass
//! through a codec that has nothing to encode, and an empty fetch needs a timer of its own to be
//! tried again. A claim that settles itself when dropped needs none of this, and Monitor, layers
//! and graceful shutdown ask for no more than the three methods below.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    task::{Task, builder::TaskBuilder, task_id::RandomId},
    worker::context::WorkerContext,
};
use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::layer::util::Identity;

use super::{Claim, Queue};

/// Gives apalis one task per claim, never more than its worker has room for.
pub(crate) struct HintBackend {
    queue: Arc<dyn Queue>,
    concurrency: usize,
    stop: CancellationToken,
    taken: VecDeque<Claim>,
    taking: Option<JoinHandle<Vec<Claim>>>,
    closing: Option<BoxFuture<'static, ()>>,
}

impl HintBackend {
    /// Takes from `queue` until `stop`, for a worker that runs `concurrency` tasks at once.
    pub(crate) fn new(queue: Arc<dyn Queue>, concurrency: usize, stop: CancellationToken) -> Self {
        Self {
            queue,
            concurrency,
            stop,
            taken: VecDeque::new(),
            taking: None,
            closing: None,
        }
    }

    /// Takes in a task of its own: while a shutdown waits for running jobs apalis polls the
    /// backend no more, and a claim made at that moment must go back at once all the same.
    fn start_taking(&self, limit: usize) -> JoinHandle<Vec<Claim>> {
        let (queue, stop) = (self.queue.clone(), self.stop.clone());
        tokio::spawn(async move {
            let mut claims = queue.take(limit, &stop).await;
            if stop.is_cancelled() {
                claims.clear();
            }
            claims
        })
    }
}

impl Backend for HintBackend {
    type Task = Task<Claim>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _cx: &mut Context<'_>,
        _worker: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        loop {
            if let Some(claim) = self.taken.pop_front() {
                return Poll::Ready(Some(Ok(TaskBuilder::new(claim).build())));
            }
            // Claims wait nowhere: apalis asks only when a slot is free, and takes all of these
            // before it looks at anything else.
            let free = self.concurrency.saturating_sub(worker.task_count()).max(1);
            let taking = match self.taking.as_mut() {
                Some(taking) => taking,
                None => self.taking.insert(self.start_taking(free)),
            };
            let claims = ready!(Pin::new(taking).poll(cx)).unwrap_or_default();
            self.taking = None;
            if claims.is_empty() && self.stop.is_cancelled() {
                // The end of the stream: apalis waits for what runs, then closes.
                return Poll::Ready(None);
            }
            self.taken = claims.into();
        }
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        _worker: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        self.stop.cancel();
        self.taken.clear();
        if let Some(taking) = self.taking.as_mut() {
            let _ = ready!(Pin::new(taking).poll(cx));
            self.taking = None;
        }
        let queue = &self.queue;
        let closing = self.closing.get_or_insert_with(|| {
            let queue = queue.clone();
            Box::pin(async move { queue.close().await })
        });
        closing.as_mut().poll(cx).map(Ok)
    }
}

impl BackendConfig for HintBackend {
    type Args = Claim;
    type Id = RandomId;
    /// Claims are handed over as they are, without a wire form.
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _worker: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
