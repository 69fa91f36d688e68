//! `graphql-transport-ws` with a real client on a real connection.

use std::{sync::Arc, time::Duration};

use futures::SinkExt;
use serde_json::json;
use tokio::{net::TcpStream, sync::Notify, time::timeout};
use tokio_tungstenite::tungstenite::{
    self, Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use super::{
    super::Settings,
    client::{Client, Seen},
    fixture::{Door, Server, door, quick},
};

fn serve(settings: Settings) -> (Door, Server) {
    let door = door(settings);
    let server = Server::start(&door);
    (door, server)
}

fn start() -> Server {
    serve(quick()).1
}

#[actix_web::test]
async fn a_subscription_gives_next_messages_and_completes() {
    let server = start();
    let mut client = Client::accepted(&server, json!({})).await;
    client.subscribe("1", "subscription { count(to: 2) }").await;
    for n in 0..2 {
        let message = client.message().await;
        assert_eq!(
            (&message["type"], &message["id"]),
            (&json!("next"), &json!("1"))
        );
        assert_eq!(message["payload"]["data"]["count"], n);
        assert_eq!(message["payload"]["extensions"]["cost"]["requested"], 1);
    }
    client.expect(&json!({"type": "complete", "id": "1"})).await;
}

#[actix_web::test]
async fn queries_and_mutations_work_and_their_id_can_be_used_again() {
    let server = start();
    let mut client = Client::accepted(&server, json!({"Authorization": "Bearer t"})).await;
    for (query, data) in [
        ("{ caller }", json!({"caller": "t"})),
        ("mutation { bump }", json!({"bump": 1})),
    ] {
        client.subscribe("1", query).await;
        assert_eq!(client.message().await["payload"]["data"], data);
        client.expect(&json!({"type": "complete", "id": "1"})).await;
    }
}

#[actix_web::test]
async fn a_refused_operation_gets_an_error_message_and_the_socket_stays() {
    let server = start();
    let mut client = Client::accepted(&server, json!({})).await;
    let bomb = "query { ...A } fragment A on Query { ...A ...A }";
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nope }", "GRAPHQL_VALIDATION_FAILED"),
        (bomb, "GRAPHQL_VALIDATION_FAILED"),
        ("{ hangs }", "TIMEOUT"),
        ("{ panics }", "INTERNAL"),
        ("subscription { broken }", "INTERNAL"),
    ] {
        client.subscribe("1", query).await;
        let message = client.message().await;
        assert_eq!(
            (&message["type"], &message["id"]),
            (&json!("error"), &json!("1")),
            "{query}"
        );
        assert_eq!(message["payload"][0]["extensions"]["code"], code, "{query}");
        assert!(message["payload"][0]["extensions"]["requestId"].is_string());
    }
}

#[actix_web::test]
async fn an_error_on_the_way_is_part_of_a_result() {
    let server = start();
    let mut client = Client::accepted(&server, json!({})).await;
    client.subscribe("1", "subscription { failing }").await;
    assert_eq!(client.message().await["payload"]["data"]["failing"], 1);
    let message = client.message().await;
    assert_eq!(message["type"], "next");
    assert_eq!(
        message["payload"]["errors"][0]["extensions"]["code"],
        "FORBIDDEN"
    );
}

#[actix_web::test]
async fn pings_are_answered_before_and_after_the_ack() {
    let server = start();
    let mut client = Client::connect(&server).await;
    client.send(&json!({"type": "ping"})).await;
    client.expect(&json!({"type": "pong"})).await;
    client
        .send(&json!({"type": "ping", "payload": {"a": 1}}))
        .await;
    client
        .expect(&json!({"type": "pong", "payload": {"a": 1}}))
        .await;
    client.send(&json!({"type": "pong"})).await;
    client.send(&json!({"type": "connection_init"})).await;
    client.expect(&json!({"type": "connection_ack"})).await;
}

#[actix_web::test]
async fn no_init_in_time_is_4408() {
    let mut settings = quick();
    settings.socket.init_timeout = Duration::from_millis(20);
    let (_door, server) = serve(settings);
    let mut client = Client::connect(&server).await;
    assert_eq!(client.close_code().await, 4408);
}

#[actix_web::test]
async fn a_second_init_is_4429() {
    let server = start();
    let mut client = Client::accepted(&server, json!({})).await;
    client.send(&json!({"type": "connection_init"})).await;
    assert_eq!(client.close_code().await, 4429);
}

#[actix_web::test]
async fn one_socket_too_many_of_a_token_is_4029_until_one_has_ended() {
    let mut settings = quick();
    settings.seats.sockets_per_token = 1;
    let (_door, server) = serve(settings);
    let init = json!({"Authorization": "Bearer t"});
    let first = Client::accepted(&server, init.clone()).await;
    let mut second = Client::connect(&server).await;
    second
        .send(&json!({"type": "connection_init", "payload": init}))
        .await;
    match second.next().await {
        Seen::Closed(4029, reason) => assert!(reason.contains("access token has 1 sockets")),
        other => panic!("expected 4029, saw {other:?}"),
    }
    // A token of another length is another caller.
    Client::accepted(&server, json!({"Authorization": "Bearer tt"})).await;
    drop(first);
    let again = async {
        loop {
            let mut third = Client::connect(&server).await;
            third
                .send(&json!({"type": "connection_init", "payload": init}))
                .await;
            if matches!(third.next().await, Seen::Message(_)) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), again)
        .await
        .unwrap();
}

#[actix_web::test]
async fn one_subscription_too_many_is_an_error_and_the_socket_stays() {
    let mut settings = quick();
    settings.seats.subscriptions_per_workspace = 1;
    let (_door, server) = serve(settings);
    let mut client = Client::accepted(&server, json!({})).await;
    client.subscribe("1", "subscription { never }").await;
    client.subscribe("2", "subscription { never }").await;
    let message = client.message().await;
    assert_eq!(
        (&message["type"], &message["id"]),
        (&json!("error"), &json!("2"))
    );
    let code = &message["payload"][0]["extensions"]["code"];
    assert_eq!(code, "TOO_MANY_OPERATIONS");
    client.send(&json!({"type": "complete", "id": "1"})).await;
    client.subscribe("3", "subscription { count(to: 1) }").await;
    assert_eq!(client.message().await["type"], "next");
}

#[actix_web::test]
async fn documents_can_be_named_by_their_hash_on_a_socket() {
    let server = start();
    let mut client = Client::accepted(&server, json!({"Authorization": "Bearer owner"})).await;
    let text = "subscription { count(to: 1) }";
    let named = super::documents::extension(text);
    let known = json!({"query": text, "extensions": named});
    for (payload, kind) in [
        (json!({"extensions": named}), "error"),
        (known, "next"),
        (json!({"extensions": named}), "next"),
        (
            json!({"documentId": super::documents::registered_id()}),
            "next",
        ),
    ] {
        client
            .send(&json!({"type": "subscribe", "id": "1", "payload": payload}))
            .await;
        let message = client.message().await;
        assert_eq!(message["type"], kind, "{payload}: {message}");
        if kind == "error" {
            let code = &message["payload"][0]["extensions"]["code"];
            assert_eq!(code, "PERSISTED_QUERY_NOT_FOUND");
        } else {
            assert_eq!(client.message().await["type"], "complete");
        }
    }
}

#[actix_web::test]
async fn a_subscribe_before_the_ack_is_4401() {
    let server = start();
    let mut client = Client::connect(&server).await;
    client.subscribe("1", "{ hello }").await;
    assert_eq!(
        client.next().await,
        Seen::Closed(4401, "Unauthorized".to_owned())
    );
}

#[actix_web::test]
async fn a_bad_token_at_init_is_4403() {
    let server = start();
    for payload in [
        json!({"authorization": "Bearer bad"}),
        json!({"accessToken": "barred"}),
        json!({"Authorization": "Basic x"}),
        json!({"authorization": 1}),
    ] {
        let mut client = Client::connect(&server).await;
        client
            .send(&json!({"type": "connection_init", "payload": payload}))
            .await;
        assert_eq!(client.close_code().await, 4403, "{payload}");
    }
    let mut client = Client::connect(&server).await;
    client
        .send(&json!({"type": "connection_init", "payload": {"accessToken": "down"}}))
        .await;
    assert_eq!(client.close_code().await, 4500);
}

#[actix_web::test]
async fn the_credential_of_the_handshake_counts_too() {
    let server = start();
    let headers = [
        ("sec-websocket-protocol", "graphql-ws, graphql-transport-ws"),
        ("authorization", "Bearer t"),
    ];
    let mut client = Client::open(&server, &headers).await.unwrap();
    client.send(&json!({"type": "connection_init"})).await;
    client.expect(&json!({"type": "connection_ack"})).await;
    client.subscribe("1", "{ caller }").await;
    assert_eq!(client.message().await["payload"]["data"]["caller"], "t");
}

#[actix_web::test]
async fn an_id_that_is_live_is_4409() {
    let server = start();
    let mut client = Client::accepted(&server, json!({})).await;
    client.subscribe("1", "subscription { never }").await;
    client.subscribe("1", "{ hello }").await;
    assert_eq!(
        client.next().await,
        Seen::Closed(4409, "Subscriber for 1 already exists".to_owned())
    );
}

#[actix_web::test]
async fn a_completed_operation_stops_and_frees_its_id() {
    let server = start();
    let mut client = Client::accepted(&server, json!({})).await;
    client.subscribe("1", "subscription { never }").await;
    client.send(&json!({"type": "complete", "id": "1"})).await;
    client
        .send(&json!({"type": "complete", "id": "unknown"}))
        .await;
    client.subscribe("1", "{ hello }").await;
    assert_eq!(client.message().await["type"], "next");
}

#[actix_web::test]
async fn malformed_messages_are_4400_with_a_valid_close_frame() {
    let server = start();
    let long = format!(r#"{{"type":"{}"}}"#, "é".repeat(1000));
    for text in [
        "",
        "{",
        "[]",
        r#"{"type":"bogus"}"#,
        r#"{"type":"subscribe"}"#,
        &long,
    ] {
        let mut client = Client::accepted(&server, json!({})).await;
        client.send_text(text).await;
        match client.next().await {
            Seen::Closed(4400, reason) => assert!(reason.len() <= 123),
            other => panic!("{text}: {other:?}"),
        }
    }
    let mut client = Client::accepted(&server, json!({})).await;
    client.0.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(client.close_code().await, 4400);
}

#[actix_web::test]
async fn another_subprotocol_is_4406() {
    let server = start();
    let mut client = Client::open(&server, &[]).await.unwrap();
    assert_eq!(client.close_code().await, 4406);
}

#[actix_web::test]
async fn long_messages_are_1009_also_in_pieces() {
    let server = start();
    let mut client = Client::accepted(&server, json!({})).await;
    client.send_text(&"x".repeat(5_000)).await;
    assert_eq!(client.close_code().await, 1009);

    let mut client = Client::accepted(&server, json!({})).await;
    for opcode in [Data::Text, Data::Continue, Data::Continue] {
        let frame = Frame::message(vec![b'x'; 2_000], OpCode::Data(opcode), false);
        client.0.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(client.close_code().await, 1009);
}

#[actix_web::test]
async fn a_message_in_pieces_is_put_together() {
    let server = start();
    let mut client = Client::connect(&server).await;
    let pieces = [
        (r#"{"type":"#, Data::Text, false),
        (r#""connection_init"}"#, Data::Continue, true),
    ];
    for (text, opcode, is_last) in pieces {
        let frame = Frame::message(text.as_bytes().to_vec(), OpCode::Data(opcode), is_last);
        client.0.send(Message::Frame(frame)).await.unwrap();
    }
    client.expect(&json!({"type": "connection_ack"})).await;
}

#[actix_web::test]
async fn one_operation_too_many_gets_an_error_and_the_rest_go_on() {
    let mut settings = quick();
    settings.socket.operations = 2;
    let (_door, server) = serve(settings);
    let mut client = Client::accepted(&server, json!({})).await;
    for id in ["1", "2", "3"] {
        client.subscribe(id, "subscription { never }").await;
    }
    let message = client.message().await;
    assert_eq!(
        (&message["type"], &message["id"]),
        (&json!("error"), &json!("3"))
    );
    assert_eq!(
        message["payload"][0]["extensions"]["code"],
        "TOO_MANY_OPERATIONS"
    );
    client.send(&json!({"type": "complete", "id": "1"})).await;
    client.subscribe("3", "{ hello }").await;
    assert_eq!(client.message().await["type"], "next");
}

#[actix_web::test]
async fn pages_of_foreign_origins_are_refused_before_the_upgrade() {
    let server = start();
    let own = format!("http://{}", server.address);
    for (origin, is_let_in) in [
        ("https://app.example.com", true),
        (own.as_str(), true),
        ("https://evil.test", false),
        ("null", false),
    ] {
        let headers = [
            ("sec-websocket-protocol", "graphql-transport-ws"),
            ("origin", origin),
        ];
        match Client::open(&server, &headers).await {
            Ok(_) => assert!(is_let_in, "{origin}"),
            Err(tungstenite::Error::Http(response)) => {
                assert!(!is_let_in, "{origin}");
                assert_eq!(response.status(), 403);
            }
            Err(error) => panic!("{origin}: {error}"),
        }
    }
}

#[actix_web::test]
async fn a_revoked_token_closes_its_socket_with_4403() {
    let (door, server) = serve(quick());
    let mut client = Client::accepted(&server, json!({"accessToken": "t"})).await;
    client.subscribe("1", "subscription { never }").await;
    door.authenticator.revoke("t");
    assert_eq!(client.close_code().await, 4403);
}

#[actix_web::test]
async fn a_socket_is_served_while_its_token_is_checked() {
    let (door, server) = serve(quick());
    let mut client = Client::accepted(&server, json!({"accessToken": "slow"})).await;
    // The machine may stand still for as long as a check takes, but not each time.
    for _ in 0..30 {
        let given_up = door.authenticator.checking().await;
        client.send(&json!({"type": "ping"})).await;
        client.expect(&json!({"type": "pong"})).await;
        if door.authenticator.given_up() == given_up {
            return;
        }
    }
    panic!("it waits for the check");
}

#[actix_web::test]
async fn draining_closes_sockets_with_1001_and_shutdown_does_not_wait() {
    let (door, server) = serve(quick());
    let mut client = Client::accepted(&server, json!({})).await;
    client.subscribe("1", "subscription { never }").await;
    let mut fresh = Client::connect(&server).await;
    door.drain.start();
    assert_eq!(client.close_code().await, 1001);
    assert_eq!(fresh.close_code().await, 1001);
    drop((client, fresh));
    let headers = [("sec-websocket-protocol", "graphql-transport-ws")];
    assert!(Client::open(&server, &headers).await.is_err());
    timeout(Duration::from_mins(1), server.stop_gracefully())
        .await
        .unwrap();
}

#[actix_web::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let mut settings = quick();
    settings.socket.stall_timeout = Duration::from_millis(100);
    let (door, server) = serve(settings);
    let mut client = Client::accepted(&server, json!({"accessToken": "t"})).await;
    client.subscribe("1", "subscription { large }").await;
    // Nothing is read until the server has given up and dropped the stream.
    let dropped = door.executor.data::<Arc<Notify>>().unwrap().notified();
    timeout(Duration::from_mins(1), dropped).await.unwrap();
    let mut received = 0;
    loop {
        match client.next().await {
            Seen::Message(_) => received += 1,
            Seen::Closed(code, _) => {
                assert_eq!(code, 4008);
                break;
            }
            Seen::Gone => break,
        }
        assert!(received < 1_000, "the stream goes on");
    }
}

#[actix_web::test]
async fn a_silent_peer_is_given_up() {
    let mut settings = quick();
    settings.socket.ping = Duration::from_millis(10);
    let (_door, server) = serve(settings);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = "GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: graphql-transport-ws\r\n\
        Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
        .await
        .unwrap();
    let mut bytes = Vec::new();
    let reading = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut bytes);
    timeout(Duration::from_mins(1), reading)
        .await
        .unwrap()
        .unwrap();
    // The close frame: 3008 is 0x0BC0.
    assert!(bytes.windows(2).any(|pair| pair == [0x0b, 0xc0]));
}

#[actix_web::test]
async fn messages_are_short_until_it_is_known_who_sends_them() {
    let mut settings = quick();
    settings.socket.init_max_bytes = 1_000;
    let (_door, server) = serve(settings);
    let pad = "x".repeat(2_000);
    let mut client = Client::connect(&server).await;
    client
        .send(&json!({"type": "connection_init", "payload": {"pad": pad}}))
        .await;
    assert_eq!(client.close_code().await, 1009);
    let mut client = Client::accepted(&server, json!({})).await;
    client
        .send(&json!({"type": "ping", "payload": {"pad": pad}}))
        .await;
    client
        .expect(&json!({"type": "pong", "payload": {"pad": pad}}))
        .await;
}
