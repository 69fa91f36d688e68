//! G10: receivers that misbehave hurt only themselves.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{
    notification::{
        deliver::{self, Limits},
        manage::{self, NewTarget},
        send_test,
    },
    port::SystemClock,
    store::Query,
};
use entity::kind::{DeliveryState, TargetKind};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use worker::egress::{EgressClient, EgressSettings};

use super::stored;
use crate::support::{World, on_both, process::until};

/// How long a call may take in this test. On a machine that stands still for as long, calls are given up before
/// anybody was called: then all of it is done once more, with more time.
const TIMEOUTS: [Duration; 2] = [Duration::from_secs(6), Duration::from_mins(1)];
/// How long receivers may take to notice that somebody has hung up.
const LIMIT: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    Good,
    /// Takes the connection and never answers.
    Blackhole,
    /// A byte at a time.
    Drip,
    /// A body without end.
    Endless,
    Reset,
    /// Sends elsewhere.
    Redirect,
    /// Speaks no TLS where it should.
    BadTls,
}

/// Receivers that never answer.
const SILENT: usize = 50;
const BAD: [(Manners, usize); 6] = [
    (Manners::Blackhole, SILENT),
    (Manners::Drip, 10),
    (Manners::Endless, 10),
    (Manners::Reset, 10),
    (Manners::Redirect, 10),
    (Manners::BadTls, 10),
];
const GOOD: usize = 20;

/// How often all of it is done; `RECEIVERS_ROUNDS` asks for more than a test run has time for.
fn rounds() -> usize {
    let asked = std::env::var("RECEIVERS_ROUNDS").ok();
    asked.map_or(1, |asked| {
        asked.parse().expect("RECEIVERS_ROUNDS is a number")
    })
}

#[derive(Clone, Default)]
struct Watch {
    /// How often good receivers were called.
    called: Arc<AtomicUsize>,
    /// Calls under way to receivers that never answer.
    hanging: Arc<AtomicUsize>,
    /// The most there were at once.
    most_hanging: Arc<AtomicUsize>,
    /// How often good receivers had been called when the first of these was given up.
    called_before: Arc<OnceLock<usize>>,
    /// How often somebody followed a redirect.
    followed: Arc<AtomicUsize>,
    /// The most any receiver could send of a body without end.
    most: Arc<AtomicUsize>,
}

async fn behave(mut stream: TcpStream, manners: Manners, canary: u16, watch: Watch) {
    if manners == Manners::Reset {
        let _ = stream.set_zero_linger();
        return;
    }
    let mut request = Vec::new();
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
        if manners == Manners::BadTls {
            break;
        }
    }
    let fine = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    match manners {
        Manners::Good => {
            watch.called.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(fine.as_bytes()).await;
        }
        Manners::Blackhole => {
            let hanging = watch.hanging.fetch_add(1, Ordering::SeqCst) + 1;
            watch.most_hanging.fetch_max(hanging, Ordering::SeqCst);
            // Until the client hangs up.
            while stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
            let called = watch.called.load(Ordering::SeqCst);
            let _ = watch.called_before.set(called);
            watch.hanging.fetch_sub(1, Ordering::SeqCst);
        }
        Manners::Drip => {
            let mut drip = tokio::time::interval(Duration::from_millis(100));
            for byte in fine.bytes().cycle() {
                drip.tick().await;
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
        }
        Manners::Endless => {
            let head = b"HTTP/1.1 500 Broken\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(head).await;
            let mut sent = 0;
            while stream.write_all(&[b'x'; 4_096]).await.is_ok() {
                sent += 4_096;
                watch.most.fetch_max(sent, Ordering::SeqCst);
            }
        }
        Manners::Redirect => {
            let answer = format!(
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{canary}/\r\n\
                 content-length: 0\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        Manners::Reset | Manners::BadTls => {
            let _ = stream.write_all(fine.as_bytes()).await;
        }
    }
}

/// Starts a receiver; its URL.
async fn receive(manners: Manners, canary: u16, watch: &Watch, all: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let watch = watch.clone();
    all.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(behave(stream, manners, canary, watch.clone()));
        }
    });
    let scheme = if manners == Manners::BadTls {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://127.0.0.1:{port}/hook")
}

/// Sends one notification to each of the receivers; how many of the last ones, which are the good ones, were told.
async fn send_all(world: &World, urls: &[String], timeout: Duration) -> usize {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let mut sent = Vec::new();
    for (n, url) in urls.iter().enumerate() {
        let name = format!("{timeout:?} {n}");
        let new = NewTarget::at(TargetKind::Slack, name, url.as_str());
        let target = world.target_of(new).await;
        sent.push(send_test(ctx, owner, target).await.unwrap().id);
    }
    let settings = EgressSettings {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        timeout,
        ..EgressSettings::default()
    };
    let egress = EgressClient::new(settings, Arc::new(SystemClock)).unwrap();
    let start = Instant::now();
    let limits = Limits::items(urls.len());
    deliver::run_due(ctx, &egress, None, limits).await.unwrap();
    println!("{:.1?} for all, {timeout:?} for each", start.elapsed());
    let mut told = 0;
    for id in sent.iter().rev().take(GOOD) {
        let state = stored(world, *id).await.state;
        told += usize::from(state == DeliveryState::Delivered);
    }
    // Nothing is left waiting for what comes next.
    Query::new("UPDATE due_item SET state = 'DONE'")
        .execute(ctx.db.writer())
        .await
        .unwrap();
    told
}

/// Tells a hundred that misbehave, and behind them the good ones; whether these waited for none of the others.
async fn is_apart(world: &World, timeout: Duration) -> bool {
    let watch = Watch::default();
    let mut all = JoinSet::new();
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();
    let followed = watch.followed.clone();
    all.spawn(async move {
        while canary.accept().await.is_ok() {
            followed.fetch_add(1, Ordering::SeqCst);
        }
    });
    let mut urls = Vec::new();
    for (manners, count) in BAD.into_iter().chain([(Manners::Good, GOOD)]) {
        for _ in 0..count {
            urls.push(receive(manners, port, &watch, &mut all).await);
        }
    }
    let told = send_all(world, &urls, timeout).await;
    until("the calls to be given up", LIMIT, async || {
        (watch.hanging.load(Ordering::SeqCst) == 0).then_some(())
    })
    .await;
    assert_eq!(watch.followed.load(Ordering::SeqCst), 0);
    // What lies in buffers of both ends comes on top of what is read.
    let most = watch.most.load(Ordering::SeqCst);
    assert!(most < 8 * 1024 * 1024, "{most} bytes were taken");
    let before = watch.called_before.get().copied();
    let at_once = watch.most_hanging.load(Ordering::SeqCst);
    println!(
        "{told} good receivers were told, {before:?} of them before a call was given up; {at_once} calls hung at once"
    );
    (told, before, at_once) == (GOOD, Some(GOOD), SILENT)
}

async fn misbehave(world: World) -> World {
    let [usual, patient] = TIMEOUTS;
    // In the order of events, not by the clock: all are called at once, and nobody waits until others are given up.
    let holds = is_apart(&world, usual).await || is_apart(&world, patient).await;
    assert!(holds, "good receivers wait for those that misbehave");

    let kept: Option<i64> =
        Query::new("SELECT CAST(MAX(LENGTH(response)) AS bigint) FROM delivery_attempt")
            .scalar(world.ctx.reader())
            .await
            .unwrap();
    assert!(kept.unwrap() <= 2_000);
    let targets = manage::list(&world.ctx, world.owner.workspace)
        .await
        .unwrap();
    assert!(targets.iter().all(|target| target.disabled_at.is_none()));
    world
}

#[test]
fn receivers_that_misbehave_hurt_only_themselves() {
    for _ in 0..rounds() {
        on_both(misbehave);
    }
}
