//! Against a listener on this host. Every wait ends with the client's own time limits.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use chrono::DateTime;
use domain::port::ManualClock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};

use super::*;

/// Hands out prepared answers in turn; the last one stays.
struct Answers(Mutex<Vec<Vec<IpAddr>>>);

#[async_trait]
impl Lookup for Answers {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        Ok(if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0].clone()
        })
    }
}

fn answers(turns: &[&[&str]]) -> Arc<dyn Lookup> {
    let parse = |turn: &&[&str]| turn.iter().map(|ip| ip.parse().unwrap()).collect();
    Arc::new(Answers(Mutex::new(turns.iter().map(parse).collect())))
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::new(
        DateTime::from_timestamp(784_111_777, 0).unwrap(),
    ))
}

/// Bounds that no test reaches, for answers that must arrive.
fn patient() -> EgressSettings {
    EgressSettings {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        connect_timeout: Duration::from_mins(1),
        timeout: Duration::from_mins(1),
        ..EgressSettings::default()
    }
}

/// For answers that never end. Only the bound under test is short, so that a slow machine cannot
/// reach the other one first.
fn impatient() -> EgressSettings {
    EgressSettings {
        timeout: Duration::from_millis(500),
        ..patient()
    }
}

fn request(url: &str) -> OutgoingRequest {
    OutgoingRequest {
        url: Url::parse(url).unwrap(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::from_static(b"{}"),
    }
}

/// A receiver on this host: how many connections it had, and what it was told first.
struct Receiver {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    /// Listens; reads each request's head and hands the connection to `answer`.
    async fn start<F, Fut>(answer: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            heard: Arc::default(),
        };
        let (connections, heard) = (receiver.connections.clone(), receiver.heard.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let mut request = Vec::new();
                // The two bytes of the body end every request of these tests that has one.
                let ended = |request: &[u8]| {
                    let bare = request.starts_with(b"GET ") && request.ends_with(b"\r\n\r\n");
                    bare || request.ends_with(b"{}")
                };
                while !ended(&request) && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
                let request = String::from_utf8_lossy(&request).into_owned();
                heard.lock().unwrap().push(request);
                tokio::spawn(answer(stream));
            }
        });
        receiver
    }

    /// Gives every request the same whole answer.
    async fn answering(answer: &'static str) -> Self {
        Self::start(move |mut stream| async move {
            let _ = stream.write_all(answer.as_bytes()).await;
        })
        .await
    }

    async fn post(&self, settings: EgressSettings) -> Result<OutgoingResponse, EgressError> {
        let client = EgressClient::new(settings, clock()).unwrap();
        client
            .post(request(&format!("http://{}/hook", self.address)))
            .await
    }
}

#[tokio::test]
async fn a_good_call_carries_the_headers_and_returns_the_answer() {
    let receiver = Receiver::answering(
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: Sun, 06 Nov 1994 08:50:07 GMT\r\n\
         set-cookie: a=b\r\ncontent-length: 4\r\nconnection: close\r\n\r\na\0\u{a9}",
    )
    .await;
    let response = receiver.post(patient()).await.unwrap();
    assert_eq!(response.status, 429);
    assert_eq!(response.retry_after_s, Some(30));
    assert_eq!(response.body, "a\u{fffd}\u{a9}");

    let heard = receiver.heard.lock().unwrap().join("").to_lowercase();
    assert!(heard.starts_with("post /hook http/1.1\r\n"), "{heard}");
    assert!(heard.contains("content-type: application/json\r\n"));
    assert!(heard.contains(&format!(
        "user-agent: enishi/{}\r\n",
        env!("CARGO_PKG_VERSION")
    )));
    for absent in ["accept-encoding", "cookie", "referer"] {
        assert!(!heard.contains(absent), "{heard}");
    }
    assert!(heard.ends_with("\r\n\r\n{}"));
}

#[tokio::test]
async fn what_is_asked_for_is_answered_and_guarded_alike() {
    let receiver =
        Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            .await;
    let url = Url::parse(&format!("http://{}/file.pem", receiver.address)).unwrap();
    let client = EgressClient::new(patient(), clock()).unwrap();
    let response = client.get(url.clone()).await.unwrap();
    assert_eq!((response.status, response.body.as_str()), (200, "ok"));
    let heard = receiver.heard.lock().unwrap().join("").to_lowercase();
    assert!(heard.starts_with("get /file.pem http/1.1\r\n"), "{heard}");

    let client = EgressClient::new(EgressSettings::default(), clock()).unwrap();
    let outcome = client.get(url).await;
    assert_eq!(outcome.unwrap_err(), EgressError::Forbidden);
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_redirect_is_the_answer_and_is_not_followed() {
    let canary = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let target = canary.address;
    let receiver = Receiver::start(move |mut stream| async move {
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{target}/\r\n\
             content-length: 0\r\nconnection: close\r\n\r\n"
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await;
    let response = receiver.post(patient()).await.unwrap();
    assert_eq!(response.status, 307);
    assert_eq!(canary.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_limit() {
    let receiver = Receiver::start(|mut stream| async move {
        let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(head).await;
        // Ends when the client hangs up.
        while stream.write_all(&[b'x'; 1000]).await.is_ok() {}
    })
    .await;
    let response = receiver.post(patient()).await.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.body.len(), 64 * 1024);
}

#[tokio::test]
async fn a_packed_body_is_kept_packed_and_within_the_limit() {
    let receiver = Receiver::start(|mut stream| async move {
        let head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(head).await;
        while stream.write_all(&[0xff; 1000]).await.is_ok() {}
    })
    .await;
    let response = receiver.post(patient()).await.unwrap();
    assert!(response.body.len() <= 64 * 1024);
    assert!(response.body.chars().all(|char| char == '\u{fffd}'));
}

#[tokio::test]
async fn endless_headers_are_given_up() {
    let receiver = Receiver::start(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"x-more: and more\r\n").await.is_ok() {}
    })
    .await;
    let outcome = receiver.post(patient()).await;
    assert_eq!(outcome.unwrap_err(), EgressError::Unreachable);
}

#[tokio::test]
async fn a_receiver_that_drips_its_answer_is_timed_out() {
    for head in [
        "HTTP/1.1 200 ",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
    ] {
        let receiver = Receiver::start(move |mut stream| async move {
            let _ = stream.write_all(head.as_bytes()).await;
            let mut drip = tokio::time::interval(Duration::from_millis(20));
            while stream.write_all(b"O").await.is_ok() {
                drip.tick().await;
            }
        })
        .await;
        let outcome = receiver.post(impatient()).await;
        assert_eq!(outcome.unwrap_err(), EgressError::TimedOut, "{head:?}");
    }
}

#[tokio::test]
async fn a_silent_receiver_is_timed_out() {
    let receiver = Receiver::start(|mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let outcome = receiver.post(impatient()).await;
    assert_eq!(outcome.unwrap_err(), EgressError::TimedOut);
}

#[tokio::test]
async fn refused_reset_and_broken_connections_read_the_same() {
    // Bound, so that nobody else gets the port, and not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = Receiver {
        address: socket.local_addr().unwrap(),
        connections: Arc::default(),
        heard: Arc::default(),
    };
    let reset = Receiver::start(|stream| async move {
        let _ = stream.set_zero_linger();
    })
    .await;
    let garbage = Receiver::answering("SSH-2.0-OpenSSH_9.2\r\n").await;
    let cut_short =
        Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
    for receiver in [closed, reset, garbage, cut_short] {
        let outcome = receiver.post(patient()).await;
        assert_eq!(outcome.unwrap_err(), EgressError::Unreachable);
    }
}

#[tokio::test]
async fn a_receiver_that_does_not_speak_tls_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    });
    let client = EgressClient::new(patient(), clock()).unwrap();
    let outcome = client.post(request(&format!("https://{address}/"))).await;
    assert_eq!(outcome.unwrap_err(), EgressError::Unreachable);
}

#[tokio::test]
async fn a_receiver_that_is_silent_before_it_is_asked_reads_like_a_closed_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = EgressSettings {
        connect_timeout: Duration::from_millis(300),
        ..patient()
    };
    let client = EgressClient::new(settings, clock()).unwrap();
    // Nobody accepts, so TLS never begins.
    let outcome = client.post(request(&format!("https://{address}/"))).await;
    assert_eq!(outcome.unwrap_err(), EgressError::Unreachable);
}

#[tokio::test]
async fn nothing_reaches_a_forbidden_address_by_number_or_by_name() {
    let canary = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let port = canary.address.port();
    let settings = EgressSettings::default();
    let client = EgressClient::new(settings.clone(), clock()).unwrap();
    for host in ["127.0.0.1", "2130706433", "[::ffff:7f00:1]", "localhost"] {
        let outcome = client
            .post(request(&format!("http://{host}:{port}/")))
            .await;
        assert_eq!(outcome.unwrap_err(), EgressError::Forbidden, "{host}");
    }
    for turn in [
        &["127.0.0.1"][..],
        &["127.0.0.1", "10.0.0.1", "::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
    ] {
        let lookup = answers(&[turn]);
        let client = EgressClient::with_lookup(settings.clone(), clock(), lookup).unwrap();
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://receiver.example:{port}/");
            let outcome = client.post(request(&url)).await;
            assert_eq!(outcome.unwrap_err(), EgressError::Forbidden, "{turn:?}");
        }
    }
    assert_eq!(canary.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_turns_inward_after_the_first_call_is_refused() {
    let receiver =
        Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            .await;
    let canary = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    // 127.0.0.1 stands for the public address; 127.0.0.2 is the same host and stays forbidden.
    let settings = EgressSettings {
        allow: vec!["127.0.0.1/32".parse().unwrap()],
        ..patient()
    };
    let lookup = answers(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let client = EgressClient::with_lookup(settings, clock(), lookup).unwrap();
    let url = format!("http://receiver.example:{}/", receiver.address.port());
    assert_eq!(client.post(request(&url)).await.unwrap().body, "ok");
    let url = format!("http://receiver.example:{}/", canary.address.port());
    let outcome = client.post(request(&url)).await;
    assert_eq!(outcome.unwrap_err(), EgressError::Forbidden);
    assert_eq!(canary.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_a_mixed_answer_only_the_permitted_addresses_are_used() {
    let receiver =
        Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            .await;
    let lookup = answers(&[&["10.0.0.1", "169.254.169.254", "127.0.0.1"]]);
    let client = EgressClient::with_lookup(patient(), clock(), lookup).unwrap();
    let url = format!("http://receiver.example:{}/", receiver.address.port());
    assert_eq!(client.post(request(&url)).await.unwrap().status, 200);
}

#[tokio::test]
async fn headers_that_would_break_the_request_are_refused() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let client = EgressClient::new(patient(), clock()).unwrap();
    for (name, value) in [
        ("x-note", "a\r\nx-forged: b"),
        ("x-note", "a\nb"),
        ("x-note\r\nx-forged", "b"),
        ("x note", "b"),
        ("", "b"),
        ("Host", "other.example"),
        ("Transfer-Encoding", "chunked"),
        ("content-length", "0"),
    ] {
        let mut request = request(&format!("http://{}/", receiver.address));
        request.headers.push((name.to_owned(), value.to_owned()));
        let outcome = client.post(request).await;
        assert!(matches!(outcome, Err(EgressError::BadUrl(_))), "{name:?}");
    }
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 0);
}
