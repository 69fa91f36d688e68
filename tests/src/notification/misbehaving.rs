//! G10: receivers that misbehave hurt only themselves.

use std::{
    sync::{
        Arc, Mutex,
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
use crate::support::{World, on_both};

/// How long a call may take in this test: long enough to be told from what the database takes on a machine that
/// runs other tests as well.
const TIMEOUT: Duration = Duration::from_secs(6);
/// What writing 120 attempts down may take on such a machine.
const WRITING: Duration = Duration::from_secs(8);

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

const BAD: [(Manners, usize); 6] = [
    (Manners::Blackhole, 50),
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
    /// When good receivers were called.
    called: Arc<Mutex<Vec<Instant>>>,
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
            watch.called.lock().unwrap().push(Instant::now());
            let _ = stream.write_all(fine.as_bytes()).await;
        }
        Manners::Blackhole => {
            // Until the client hangs up.
            while stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
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

/// Sends one notification to each of the receivers, of which the last are those that are watched; how long the
/// slowest of these waited for its call, and how long the whole took.
async fn send_all(
    world: &World,
    round: &str,
    urls: &[String],
    watch: &Watch,
) -> (Duration, Duration) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let mut sent = Vec::new();
    for (n, url) in urls.iter().enumerate() {
        let name = format!("{round} {n}");
        let new = NewTarget::at(TargetKind::Slack, name, url.as_str());
        let target = world.target_of(new).await;
        sent.push(send_test(ctx, owner, target).await.unwrap().id);
    }
    let settings = EgressSettings {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        timeout: TIMEOUT,
        ..EgressSettings::default()
    };
    let egress = EgressClient::new(settings, Arc::new(SystemClock)).unwrap();
    watch.called.lock().unwrap().clear();
    let start = Instant::now();
    let limits = Limits::items(urls.len());
    deliver::run_due(ctx, &egress, None, limits).await.unwrap();
    let whole = start.elapsed();
    let called = watch.called.lock().unwrap().clone();
    assert_eq!(called.len(), GOOD);
    let slowest = called.into_iter().max().unwrap() - start;
    for id in sent.iter().rev().take(GOOD) {
        assert_eq!(stored(world, *id).await.state, DeliveryState::Delivered);
    }
    (slowest, whole)
}

async fn misbehave(world: World) -> World {
    let (watch, unwatched) = (Watch::default(), Watch::default());
    let mut all = JoinSet::new();
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();
    let followed = watch.followed.clone();
    all.spawn(async move {
        while canary.accept().await.is_ok() {
            followed.fetch_add(1, Ordering::SeqCst);
        }
    });
    let mut good = Vec::new();
    for _ in 0..GOOD {
        good.push(receive(Manners::Good, port, &watch, &mut all).await);
    }
    let (mut mannered, mut bad) = (Vec::new(), Vec::new());
    for (manners, count) in BAD {
        for _ in 0..count {
            mannered.push(receive(Manners::Good, port, &unwatched, &mut all).await);
            bad.push(receive(manners, port, &watch, &mut all).await);
        }
    }
    // The watched ones come last in line, behind as many others: these cost the database as much.
    for urls in [&mut mannered, &mut bad] {
        urls.extend(good.iter().cloned());
    }
    let (usual, _) = send_all(&world, "mannered", &mannered, &watch).await;
    let (beside, whole) = send_all(&world, "bad", &bad, &watch).await;
    println!(
        "the slowest good receiver: {usual:.1?} behind 100 others, {beside:.1?} behind 100 that misbehave"
    );
    // A second for what other tests take meanwhile.
    let most = usual * 2 + Duration::from_secs(1);
    assert!(
        beside <= most,
        "{beside:?} behind 100 that misbehave, {usual:?} behind 100 that do not"
    );
    assert!(beside < TIMEOUT, "{beside:?}: they waited for the others");
    // A single attempt ends within its time limit and a second.
    let most = TIMEOUT + Duration::from_secs(1) + WRITING;
    assert!(whole <= most, "{whole:?}");
    assert_eq!(watch.followed.load(Ordering::SeqCst), 0);
    // What lies in buffers of both ends comes on top of what is read.
    let most = watch.most.load(Ordering::SeqCst);
    assert!(most < 8 * 1024 * 1024, "{most} bytes were taken");

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
    // Nothing is left waiting for the next test.
    Query::new("UPDATE due_item SET state = 'DONE'")
        .execute(world.ctx.db.writer())
        .await
        .unwrap();
    world
}

#[test]
fn receivers_that_misbehave_hurt_only_themselves() {
    for _ in 0..rounds() {
        on_both(misbehave);
    }
}
