//! Event streams and multipart answers, read from a real connection.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    fixture::{Door, Server, door, quick},
    http::{plain, post, send},
};

/// A raw connection with one request on it.
struct Connection {
    stream: TcpStream,
    text: String,
}

impl Connection {
    async fn post(server: &Server, accept: &str, query: &str, token: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let body = json!({ "query": query }).to_string();
        let credential = token.map_or(String::new(), |t| format!("Authorization: Bearer {t}\r\n"));
        let request = format!(
            "POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n{credential}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        Self {
            stream,
            text: String::new(),
        }
    }

    /// Reads until `end` has been seen, within a bound that only a failure reaches.
    async fn read_until(&mut self, end: &str) -> &str {
        let reading = async {
            let mut bytes = [0; 4096];
            while !self.text.contains(end) {
                let count = self.stream.read(&mut bytes).await.unwrap();
                assert!(count > 0, "the answer ended with {:?}", self.text);
                self.text
                    .push_str(std::str::from_utf8(&bytes[..count]).unwrap());
            }
        };
        timeout(Duration::from_mins(1), reading).await.unwrap();
        &self.text
    }
}

fn serve() -> (Door, Server) {
    let door = plain();
    let server = Server::start(&door);
    (door, server)
}

/// The end of a chunked body.
const END: &str = "\r\n0\r\n\r\n";

#[actix_web::test]
async fn an_event_stream_has_next_and_complete() {
    let (_door, server) = serve();
    let query = "subscription { count(to: 2) }";
    let mut connection = Connection::post(&server, "text/event-stream", query, None).await;
    let text = connection.read_until(END).await;
    assert!(text.contains("content-type: text/event-stream; charset=utf-8"));
    assert!(text.contains("event: next\ndata: {\"data\":{\"count\":0},"));
    assert!(text.contains("event: next\ndata: {\"data\":{\"count\":1},"));
    assert!(text.contains("event: complete\ndata:\n\n"));
}

#[actix_web::test]
async fn a_query_can_be_answered_as_an_event_stream() {
    let (_door, server) = serve();
    let mut connection = Connection::post(&server, "text/event-stream", "{ hello }", None).await;
    let text = connection.read_until(END).await;
    assert!(text.contains("event: next\ndata: {\"data\":{\"hello\":\"Hello you\"}"));
    assert!(text.contains("event: complete"));
}

#[actix_web::test]
async fn parts_carry_the_payload_envelope() {
    let (_door, server) = serve();
    let accept = "multipart/mixed;subscriptionSpec=\"1.0\", application/json";
    let query = "subscription { count(to: 2) }";
    let mut connection = Connection::post(&server, accept, query, None).await;
    let text = connection.read_until(END).await;
    assert!(text.contains("boundary=\"graphql\""));
    assert!(text.contains("{\"payload\":{\"data\":{\"count\":1},"));
    // The last delimiter, split by the framing of the body.
    assert!(text.contains("--graphql\r\n4\r\n--\r\n"));
}

#[actix_web::test]
async fn quiet_streams_show_that_they_live() {
    let (_door, server) = serve();
    let query = "subscription { never }";
    let mut events = Connection::post(&server, "text/event-stream", query, None).await;
    events.read_until(":\n\n\r\n3\r\n:\n\n").await;
    let mut parts = Connection::post(&server, "multipart/mixed", query, None).await;
    parts.read_until("\r\n\r\n{}\r\n--graphql").await;
}

#[actix_web::test]
async fn a_revoked_token_ends_its_stream() {
    let (door, server) = serve();
    let query = "subscription { never }";
    let mut connection = Connection::post(&server, "text/event-stream", query, Some("token")).await;
    connection.read_until(":\n\n").await;
    door.authenticator.revoke("token");
    let text = connection.read_until(END).await;
    assert!(text.contains("UNAUTHENTICATED") && text.contains("event: complete"));
}

#[actix_web::test]
async fn a_stream_goes_on_while_its_token_is_checked() {
    let (door, server) = serve();
    let query = "subscription { never }";
    let mut connection = Connection::post(&server, "text/event-stream", query, Some("slow")).await;
    // The machine may stand still for as long as a check takes, but not each time.
    for _ in 0..30 {
        let given_up = door.authenticator.checking().await;
        // More signs of life than may be on their way from before the check.
        for _ in 0..4 {
            connection.text.clear();
            connection.read_until(":\n\n").await;
        }
        if door.authenticator.given_up() == given_up {
            return;
        }
    }
    panic!("it waits for the check");
}

#[actix_web::test]
async fn the_token_of_a_stream_is_checked_while_nobody_reads() {
    let (door, server) = serve();
    let query = "subscription { large }";
    let mut connection = Connection::post(&server, "text/event-stream", query, Some("slow")).await;
    connection.read_until("event: next").await;
    // What fits into the buffers of the system is written sooner than these are given up.
    let checking = async {
        while door.authenticator.given_up() < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let checked = timeout(Duration::from_mins(1), checking).await;
    assert!(checked.is_ok(), "no check ends");
}

#[actix_web::test]
async fn draining_ends_streams_and_refuses_new_ones() {
    let (door, server) = serve();
    let query = "subscription { never }";
    let mut connection = Connection::post(&server, "text/event-stream", query, None).await;
    connection.read_until(":\n\n").await;
    door.drain.start();
    let text = connection.read_until(END).await;
    assert!(!text.contains("event: complete"));
    let request = post(&json!({ "query": query })).insert_header(("Accept", "text/event-stream"));
    let reply = send(&door, request).await;
    assert_eq!((reply.status, reply.code()), (503, "UNAVAILABLE"));
    server.stop_gracefully().await;
}

#[actix_web::test]
async fn a_refused_operation_is_told_in_the_events_of_an_event_stream() {
    let (_door, server) = serve();
    for query in [
        "subscription { nope }",
        "subscription {",
        "subscription { count }",
        "{ ...A } fragment A on Query { ...A }",
    ] {
        let mut connection = Connection::post(&server, "text/event-stream", query, None).await;
        let text = connection.read_until("event: complete\ndata:\n\n").await;
        assert!(text.starts_with("HTTP/1.1 200"), "{query}");
        assert!(text.contains("event: next\ndata: {\"errors\":["), "{query}");
    }
}

#[actix_web::test]
async fn a_refused_operation_has_a_status_where_parts_were_asked_for() {
    let request = post(&json!({"query": "subscription { nope }"}))
        .insert_header(("Accept", "multipart/mixed"));
    let reply = send(&plain(), request).await;
    assert_eq!(
        (reply.status, reply.code()),
        (400, "GRAPHQL_VALIDATION_FAILED")
    );
}

#[actix_web::test]
async fn a_stream_that_panics_at_its_start_is_our_fault() {
    let (_door, server) = serve();
    let query = "subscription { broken }";
    let mut connection = Connection::post(&server, "text/event-stream", query, None).await;
    let text = connection.read_until("INTERNAL").await;
    assert!(text.starts_with("HTTP/1.1 500"));
    assert!(!text.contains("on purpose"));
}

#[actix_web::test]
async fn a_chunked_body_is_counted_while_it_is_read() {
    let mut settings = quick();
    settings.body_max_bytes = 1000;
    let server = Server::start(&door(settings));
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("1f4\r\n{}\r\n", " ".repeat(500));
    stream.write_all(chunk.repeat(3).as_bytes()).await.unwrap();
    let mut connection = Connection {
        stream,
        text: String::new(),
    };
    let text = connection.read_until("PAYLOAD_TOO_LARGE").await;
    assert!(text.starts_with("HTTP/1.1 413"));
}
