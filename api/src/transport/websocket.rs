//! `graphql-transport-ws` on a WebSocket: opening it, and the loop that serves it.
//!
//! Close codes: the protocol's 4400, 4401, 4403 (also when a token is revoked on the way), 4406,
//! 4408, 4409 and 4429; WebSocket's 1001 when the server drains, 1002, 1007 and 1009 for frames;
//! ours are 3008 (no sign of life), 4008 (the client does not read), 4029 (too many sockets of the
//! token or workspace) and 4500 (the token could not
//! be checked). One operation too many is no reason to close: it gets an `error` with the code
//! `TOO_MANY_OPERATIONS`. In the log alone there is 1006: the connection broke off and nobody said why.

use std::{net::IpAddr, rc::Rc};

use actix_web::{HttpRequest, HttpResponse, error::PayloadError, http::header, rt, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError};
use async_graphql::Executor;
use futures::{
    FutureExt as _,
    future::{self, LocalBoxFuture},
};
use serde_json::{Map, Value as Json};

use super::{
    code::Code,
    failure::Failure,
    figures::Open,
    log::RequestLog,
    operations::Operations,
    origin::Origin,
    outbox::Outbox,
    params::header_text,
    peer,
    protocol::{ClientMessage, Close, SUBPROTOCOL, ServerMessage},
    run::{Caller, Worker},
    seats::{Seat, SeatKind},
    session::{Authenticator, Refusal, header_credential, payload_credential},
    stream::every,
};

/// Pings without any sign of life in between, after which the peer counts as gone.
const SILENT_PINGS: u32 = 3;

pub(crate) fn is_upgrade(request: &HttpRequest) -> bool {
    header_text(request, &header::UPGRADE)
        .is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

/// Opens the socket and leaves it to a task of its own on this worker thread.
pub(crate) fn upgrade<E: Executor, A: Authenticator>(
    worker: &Rc<Worker<E, A>>,
    request: &HttpRequest,
    payload: web::Payload,
    log: &RequestLog,
) -> Result<HttpResponse, Failure> {
    let transport = &worker.transport;
    if transport.drain.is_draining() {
        return Err(Failure::going_away());
    }
    if Origin::of(request, &transport.settings.allowed_origins) == Origin::Foreign {
        let message = "Pages of this origin may not open a socket here.";
        return Err(Failure::new(Code::Forbidden, message));
    }
    let credential = header_credential(request)?.map(str::to_owned);
    let (response, session, messages) =
        actix_ws::handle_with_protocols(request, payload, &[SUBPROTOCOL])
            .map_err(|_| Failure::new(Code::BadRequest, "This is no WebSocket handshake."))?;
    let limits = transport.settings.socket;
    let outbox = Outbox::new(session, limits.stall_timeout);
    let socket = Socket {
        has_subprotocol: response
            .headers()
            .contains_key(header::SEC_WEBSOCKET_PROTOCOL),
        operations: Operations::new(Rc::clone(worker), outbox.clone()),
        worker: Rc::clone(worker),
        credential,
        peer: peer::of(request),
        caller: None,
        revoked: future::pending().boxed_local(),
        seat: None,
        outbox,
        log: RequestLog::start(log.id().clone(), "websocket"),
        _open: Open::socket(),
    };
    let messages = messages
        .max_frame_size(limits.message_max_bytes)
        .aggregate_continuations()
        .max_continuation_size(limits.message_max_bytes);
    rt::spawn(socket.run(messages));
    Ok(response)
}

struct Socket<E, A: Authenticator> {
    worker: Rc<Worker<E, A>>,
    has_subprotocol: bool,
    /// From the handshake's headers; the payload of `connection_init` goes before it.
    credential: Option<String>,
    peer: Option<IpAddr>,
    /// Who is there, once `connection_init` was accepted.
    caller: Option<Rc<Caller<A::Session>>>,
    /// Ends when their session no longer stands.
    revoked: LocalBoxFuture<'static, ()>,
    /// Its place among the sockets of the caller.
    seat: Option<Seat>,
    operations: Operations<E, A>,
    outbox: Outbox,
    log: RequestLog,
    _open: Open,
}

impl<E: Executor, A: Authenticator> Socket<E, A> {
    async fn run(mut self, mut messages: AggregatedMessageStream) {
        let close = self.serve(&mut messages).await;
        self.operations.stop_all();
        self.log.status = close.code;
        let reason = (close != Close::gone()).then(|| CloseReason {
            code: CloseCode::from(close.code),
            description: Some(close.reason),
        });
        self.outbox.close(reason).await;
    }

    async fn serve(&mut self, messages: &mut AggregatedMessageStream) -> Close {
        if !self.has_subprotocol {
            return Close::no_subprotocol();
        }
        let settings = Rc::clone(&self.worker);
        let settings = &settings.transport.settings;
        let init_deadline = tokio::time::sleep(settings.socket.init_timeout);
        tokio::pin!(init_deadline);
        let mut ping = every(settings.socket.ping);
        let mut pings = 0;
        loop {
            let outcome = tokio::select! {
                biased;
                () = self.worker.transport.drain.started() => Err(Close::going_away()),
                () = self.outbox.stalled() => Err(Close::slow_reader()),
                () = &mut init_deadline, if self.caller.is_none() => Err(Close::init_timeout()),
                () = &mut self.revoked => Err(Close::forbidden()),
                _ = ping.tick() => {
                    pings += 1;
                    if pings > SILENT_PINGS {
                        Err(Close::silent())
                    } else {
                        self.outbox.ping().await
                    }
                }
                message = messages.recv() => {
                    pings = 0;
                    self.receive(message).await
                }
            };
            if let Err(close) = outcome {
                return close;
            }
        }
    }

    async fn receive(
        &mut self,
        message: Option<Result<AggregatedMessage, ProtocolError>>,
    ) -> Result<(), Close> {
        match message {
            None => Err(Close::gone()),
            Some(Ok(AggregatedMessage::Close(_))) => Err(Close::normal()),
            Some(Err(error)) => Err(frame_error(&error)),
            Some(Ok(AggregatedMessage::Ping(bytes))) => self.outbox.pong(&bytes).await,
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(()),
            Some(Ok(AggregatedMessage::Binary(_))) => Err(Close::bad_request("Messages are text")),
            Some(Ok(AggregatedMessage::Text(text))) => {
                let limits = &self.worker.transport.settings.socket;
                if self.caller.is_none() && text.len() > limits.init_max_bytes {
                    return Err(Close::too_big());
                }
                let message = ClientMessage::parse(&text, limits.id_max_bytes)?;
                self.obey(message).await
            }
        }
    }

    async fn obey(&mut self, message: ClientMessage) -> Result<(), Close> {
        match message {
            ClientMessage::ConnectionInit(payload) => self.init(&payload).await,
            ClientMessage::Ping(payload) => self.send(&ServerMessage::Pong { payload }).await,
            ClientMessage::Pong => Ok(()),
            ClientMessage::Complete { id } => {
                self.operations.stop(&id);
                Ok(())
            }
            ClientMessage::Subscribe { id, params } => {
                let caller = self.caller.as_ref().ok_or_else(Close::unauthorized)?;
                self.operations.start(id, params, caller).await
            }
        }
    }

    async fn init(&mut self, payload: &Map<String, Json>) -> Result<(), Close> {
        if self.caller.is_some() {
            return Err(Close::second_init());
        }
        let in_payload = payload_credential(payload).map_err(|_| Close::forbidden())?;
        let header = self.credential.take();
        let credential = in_payload.or(header.as_deref());
        let limit = self.worker.transport.settings.socket.init_timeout;
        let caller = self.worker.caller(credential, self.peer);
        match tokio::time::timeout(limit, caller).await {
            Ok(Ok(caller)) => {
                let seat = self.worker.seat(SeatKind::Socket, &caller);
                self.seat = Some(seat.map_err(|full| Close::full(full.0))?);
                let worker = Rc::clone(&self.worker);
                self.revoked = worker.revoked(caller.session.clone()).boxed_local();
                self.caller = Some(Rc::new(caller));
            }
            Ok(Err(failure)) if failure.code == Refusal::Unavailable.code() => {
                return Err(Close::unavailable());
            }
            Ok(Err(_)) => return Err(Close::forbidden()),
            Err(_) => return Err(Close::unavailable()),
        }
        self.send(&ServerMessage::ConnectionAck).await
    }

    async fn send(&self, message: &ServerMessage<'_>) -> Result<(), Close> {
        self.outbox.send(message.to_bytes()).await
    }
}

fn frame_error(error: &ProtocolError) -> Close {
    match error {
        ProtocolError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Close::not_utf8()
        }
        ProtocolError::Io(error)
            if error
                .get_ref()
                .is_some_and(<dyn std::error::Error + Send + Sync>::is::<PayloadError>) =>
        {
            Close::gone()
        }
        // What is left is too long in its pieces.
        ProtocolError::Overflow | ProtocolError::Io(_) => Close::too_big(),
        _ => Close::protocol_error(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_connection_that_breaks_off_is_told_from_a_message_that_is_too_long() {
        let code = |error| frame_error(&ProtocolError::Io(error)).code;
        assert_eq!(code(io::Error::other(PayloadError::Incomplete(None))), 1006);
        assert_eq!(code(io::Error::other("Exceeded the size")), 1009);
        assert_eq!(
            code(io::Error::new(io::ErrorKind::InvalidData, "no UTF-8")),
            1007
        );
        assert_eq!(frame_error(&ProtocolError::Overflow).code, 1009);
    }
}
