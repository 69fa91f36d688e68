//! Bodies that are long, packed, or both.

use std::io::Write as _;

use actix_web::test::TestRequest;
use flate2::{Compression, write::GzEncoder};

use super::{
    fixture::{Door, door, quick},
    http::send,
};

/// What is read from anybody ends at 1,000 bytes, what is read at all at 4,096.
fn narrow() -> Door {
    let mut settings = quick();
    settings.body_short_bytes = 1_000;
    door(settings)
}

/// A request of about `bytes`.
fn request(bytes: usize) -> String {
    format!(r#"{{"query":"{{hello}}","pad":"{}"}}"#, "x".repeat(bytes))
}

fn plain(body: impl Into<Vec<u8>>) -> TestRequest {
    TestRequest::post()
        .uri("/graphql")
        .insert_header(("Content-Type", "application/json"))
        .set_payload(body.into())
}

fn packed(body: &str) -> TestRequest {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body.as_bytes()).unwrap();
    plain(encoder.finish().unwrap()).insert_header(("Content-Encoding", "gzip"))
}

#[actix_web::test]
async fn what_is_long_is_read_only_from_callers_who_are_known() {
    let door = narrow();
    for (bytes, is_packed, good, bad) in [
        (10, false, 200, 401),
        (10, true, 200, 401),
        (2_000, false, 200, 401),
        (2_000, true, 200, 401),
        // What is announced to be too long need not be read to be refused, whoever sends it.
        (5_000, false, 413, 413),
        (5_000, true, 413, 401),
    ] {
        for (token, expected) in [("good", good), ("bad", bad)] {
            let body = request(bytes);
            let request = if is_packed {
                packed(&body)
            } else {
                plain(body)
            };
            let token = ("Authorization", format!("Bearer {token}"));
            let reply = send(&door, request.insert_header(token)).await;
            let what = format!("{bytes} {is_packed} {expected}: {}", reply.body);
            assert_eq!(reply.status, expected, "{what}");
            if expected == 200 {
                assert_eq!(reply.body["data"]["hello"], "Hello you", "{what}");
            }
        }
    }
}

#[actix_web::test]
async fn a_packed_body_that_unpacks_to_too_much_is_refused() {
    let reply = send(&narrow(), packed(&request(5_000_000))).await;
    assert_eq!((reply.status, reply.code()), (413, "PAYLOAD_TOO_LARGE"));
}

#[actix_web::test]
async fn only_gzip_is_unpacked() {
    for (encoding, status) in [
        ("identity", 200),
        ("br", 415),
        ("gzip, gzip", 415),
        ("gzip", 400),
    ] {
        let request = plain(request(1)).insert_header(("Content-Encoding", encoding));
        assert_eq!(send(&narrow(), request).await.status, status, "{encoding}");
    }
}

#[actix_web::test]
async fn a_body_of_very_many_values_is_refused() {
    let mut settings = quick();
    settings.body_max_bytes = 4_000_000;
    let body = format!(
        r#"{{"query":"{{hello}}","variables":{{"a":[{}1]}}}}"#,
        "1,".repeat(600_000)
    );
    let reply = send(&door(settings), plain(body)).await;
    assert_eq!((reply.status, reply.code()), (413, "PAYLOAD_TOO_LARGE"));
}

#[actix_web::test]
async fn nothing_is_parsed_for_callers_who_are_not_known() {
    for (token, status) in [("good", 400), ("bad", 401)] {
        let token = ("Authorization", format!("Bearer {token}"));
        let reply = send(&narrow(), plain("{").insert_header(token)).await;
        assert_eq!(reply.status, status, "{}", reply.body);
    }
}
