//! The live operations of one socket.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use actix_web::rt::{self, task::JoinHandle};
use async_graphql::{Executor, Response};
use futures::StreamExt;

use super::{
    answer::{self, Answer},
    code::Code,
    failure::Failure,
    log::RequestLog,
    outbox::Outbox,
    params::Params,
    protocol::{Close, ServerMessage},
    request_id::RequestId,
    run::{Caller, Job, Worker},
    seats::Seat,
    session::Authenticator,
};

/// Each operation is a task on the socket's worker thread. A task that ends takes itself out of
/// the list; one that is stopped is dropped where it waits.
pub(crate) struct Operations<E, A> {
    worker: Rc<Worker<E, A>>,
    outbox: Outbox,
    live: Rc<RefCell<HashMap<Box<str>, JoinHandle<()>>>>,
}

impl<E: Executor, A: Authenticator> Operations<E, A> {
    pub(crate) fn new(worker: Rc<Worker<E, A>>, outbox: Outbox) -> Self {
        Self {
            worker,
            outbox,
            live: Rc::default(),
        }
    }

    /// Starts an operation, or answers with an `error` message why not.
    pub(crate) async fn start(
        &mut self,
        id: Box<str>,
        params: Params,
        caller: &Rc<Caller<A::Session>>,
    ) -> Result<(), Close> {
        if self.live.borrow().contains_key(&id) {
            return Err(Close::duplicate(&id));
        }
        let mut log = RequestLog::start(self.worker.fresh_id(), "websocket-operation");
        let (job, seat) = match self.prepare(params, caller, log.id()).await {
            Ok(prepared) => prepared,
            Err(mut failure) => {
                log.status = failure.code.status().as_u16();
                self.worker.finish_failure(&mut failure, &mut log);
                let message = ServerMessage::failure(&id, &failure).to_bytes();
                return self.outbox.send(message).await;
            }
        };
        log.runs(job.name.clone(), job.bill.cost);
        let running = Running {
            worker: Rc::clone(&self.worker),
            outbox: self.outbox.clone(),
            live: Rc::clone(&self.live),
            id: id.clone(),
            log,
            _seat: seat,
        };
        // The task first runs after this returns, when it is in the list it will leave.
        let task = rt::spawn(running.run(job));
        self.live.borrow_mut().insert(id, task);
        Ok(())
    }

    async fn prepare(
        &self,
        params: Params,
        caller: &Rc<Caller<A::Session>>,
        id: &RequestId,
    ) -> Result<(Job, Option<Seat>), Failure> {
        self.has_room()?;
        let job = self.worker.prepare(params, caller, id, |_| Ok(())).await?;
        let seat = self.worker.seat_for(&job, caller)?;
        Ok((job, seat))
    }

    /// The client wants no more of it. An unknown id is one that has just ended.
    pub(crate) fn stop(&mut self, id: &str) {
        if let Some(task) = self.live.borrow_mut().remove(id) {
            task.abort();
        }
    }

    pub(crate) fn stop_all(&mut self) {
        for (_, task) in self.live.borrow_mut().drain() {
            task.abort();
        }
    }

    fn has_room(&self) -> Result<(), Failure> {
        let limit = self.worker.transport.settings.socket.operations;
        if self.live.borrow().len() < limit {
            return Ok(());
        }
        let message = format!("{limit} operations are live on this socket; complete one first.");
        Err(Failure::new(Code::TooManyOperations, message))
    }
}

struct Running<E, A> {
    worker: Rc<Worker<E, A>>,
    outbox: Outbox,
    live: Rc<RefCell<HashMap<Box<str>, JoinHandle<()>>>>,
    id: Box<str>,
    log: RequestLog,
    /// A subscription's place among those of the caller.
    _seat: Option<Seat>,
}

impl<E: Executor, A: Authenticator> Running<E, A> {
    async fn run(mut self, job: Job) {
        let mut bill = job.bill;
        let mut responses = self.worker.responses(job.request, job.kind);
        while let Some(mut response) = responses.next().await {
            self.worker.finish(&mut response, &mut self.log);
            if !answer::was_executed(&response) {
                return self.fail(&response).await;
            }
            bill.settle(&self.worker.transport.rate, &response);
            let payload = Answer::to_response(&response, &bill);
            let message = ServerMessage::Next {
                id: &self.id,
                payload: &payload,
            };
            // A reader that is gone or given up ends the socket, and this task with it.
            if self.outbox.send(message.to_bytes()).await.is_err() {
                return;
            }
            bill.be_paid().await;
        }
        self.forget();
        let message = ServerMessage::Complete { id: &self.id };
        let _ = self.outbox.send(message.to_bytes()).await;
    }

    async fn fail(mut self, response: &Response) {
        self.log.status = 400;
        self.forget();
        let message = ServerMessage::Error {
            id: &self.id,
            payload: &response.errors,
        };
        let _ = self.outbox.send(message.to_bytes()).await;
    }

    /// Before the last message, so that the client can use the id again at once.
    fn forget(&self) {
        self.live.borrow_mut().remove(&self.id);
    }
}
