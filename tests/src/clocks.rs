//! The clocks of servers, of workers and of the database are moved while they work, one after the other: by an
//! hour and by a day, ahead and behind, and right again. Everything goes on at each clock, nothing that was
//! acknowledged is lost, everything is followed up once, and every tick is run.
//!
//! Only the long form does so (`CLOCK_ROUNDS`, which `tests/chaos clocks` sets): it takes minutes, and a library
//! that stands between programs and the machine's clock. What follows from wrong moments in the database is in the
//! tests of what has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    port::{Clock as _, SystemClock},
    store::{Db, Query},
    work::schedule::latest_tick,
};
use serde_json::{Value, json};

use crate::support::{
    client::{Client, message},
    clock::Clock,
    cluster::Cluster,
    database::TestDatabase,
    installation::Installation,
    load::{Load, RECOVERY},
    process::{Process, until},
    receiver::{Call, Receiver},
    runtime::block_on,
};

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;
/// Where each clock is moved to, and right again after each of these.
const PLACES_S: [i64; 4] = [HOUR_S, -HOUR_S, DAY_S, -DAY_S];
/// How far the time of a webhook may be from a receiver's, as the specification of the signatures has it.
const TOLERANCE_S: i64 = 300;
/// How long a call may be on its way, from when it is signed to where its moment is noted, on a busy machine.
const ON_ITS_WAY: Duration = Duration::from_secs(15);

/// How often the clocks are moved through all places; none in a usual run.
fn rounds() -> Option<usize> {
    let asked = std::env::var("CLOCK_ROUNDS").ok();
    if asked.is_none() {
        println!("clocks are moved by `tests/chaos clocks` only");
    }
    asked.map(|asked| asked.parse().expect("CLOCK_ROUNDS is a number"))
}

/// What has a clock of its own.
struct Part {
    name: &'static str,
    clock: Clock,
    /// Whether webhooks are signed and ticks are run by it.
    works: bool,
    /// Whether leases go by it.
    leases: bool,
}

/// What was done to the clocks.
struct Course {
    /// A moment by both: this process's clock is never moved.
    began: (Instant, DateTime<Utc>),
    /// From when on the clock by which webhooks are signed was how many seconds ahead.
    signed: Vec<(Instant, i64)>,
    /// When the clock of the leases went ahead: all there were ran out.
    leaps: Vec<Instant>,
    /// How far ahead each clock is.
    ahead_s: BTreeMap<&'static str, i64>,
}

impl Course {
    fn begin() -> Self {
        let now = Instant::now();
        Self {
            began: (now, SystemClock.now()),
            signed: vec![(now, 0)],
            leaps: Vec::new(),
            ahead_s: BTreeMap::new(),
        }
    }

    /// Moves a clock.
    fn turn(&mut self, part: &Part, ahead_s: i64) {
        let now = Instant::now();
        part.clock.set(ahead_s);
        let before_s = self.ahead_s.insert(part.name, ahead_s).unwrap_or_default();
        if part.leases && ahead_s > before_s {
            self.leaps.push(now);
        }
        if part.works {
            self.signed.push((now, ahead_s));
        }
    }

    /// How far ahead the clock of the workers is.
    fn works_ahead(&self) -> TimeDelta {
        let last = self.signed.last();
        TimeDelta::seconds(last.map_or(0, |&(_, ahead_s)| ahead_s))
    }

    /// How many seconds ahead the time is that a call was signed with.
    fn signed_ahead_s(&self, call: &Call) -> i64 {
        let (began, time) = self.began;
        let at = time + (call.at - began);
        let signed = call.headers["webhook-timestamp"].parse::<i64>();
        signed.expect("a number") - at.timestamp()
    }

    /// Whether the clock of the workers was so far ahead when the call was made.
    fn explains(&self, call: &Call, ahead_s: i64) -> bool {
        let ends = self.signed.iter().skip(1).map(|&(from, _)| Some(from));
        let ends = ends.chain([None]);
        self.signed.iter().zip(ends).any(|(&(from, was_s), end)| {
            from <= call.at
                && end.is_none_or(|end| call.at <= end + ON_ITS_WAY)
                && (was_s - ahead_s).abs() < TOLERANCE_S
        })
    }
}

/// Makes a target there; the action that notifies it.
async fn notify(owner: &Client, name: &str, url: &str) -> Value {
    let input = json!({ "name": name, "kind": "WEBHOOK", "url": url });
    let made = owner
        .change("createNotificationTarget", input, "target { id }")
        .await;
    json!({ "notify": { "targetId": made["target"]["id"] } })
}

/// Messages that a receiver is told of, one after the other.
struct Probe {
    owner: Client,
    inbox: String,
    receiver: Receiver,
    sent: usize,
}

impl Probe {
    async fn new(owner: Client) -> Self {
        let receiver = Receiver::answering(&[]).await;
        let action = notify(&owner, "probe", &receiver.url("probe")).await;
        let words = json!({ "keywords": { "mode": "ANY_OF", "words": ["probe"] } });
        owner.rule("probe", &words, &action).await;
        Self {
            inbox: owner.inbox().await,
            owner,
            receiver,
            sent: 0,
        }
    }

    /// Sends one more, and waits until the receiver is told.
    async fn send(&mut self) {
        let document = "mutation($input: IngestMessagesInput!) { ingestMessages(input: $input) \
            { messages { id } userErrors { message } } }";
        let id = format!("probe {}", self.sent);
        let one = message(&id, "probe@customer.example", "probe");
        let variables = json!({ "input": { "inboxId": self.inbox, "messages": [one] } });
        until("a message to be taken", RECOVERY, async || {
            let answer = self.owner.try_ask(document, &variables).await?;
            let taken = &answer["data"]["ingestMessages"]["messages"];
            taken.is_array().then_some(())
        })
        .await;
        self.sent += 1;
        until("the receiver to be told", RECOVERY, async || {
            let calls = self.receiver.calls();
            let probes = calls.iter().filter(|call| call.path == "/probe");
            let told: BTreeSet<&str> = probes.map(Call::delivery).collect();
            (told.len() == self.sent).then_some(())
        })
        .await;
    }
}

/// Waits until of every schedule the latest tick by the clock of the workers is over.
async fn ticked(database: &Db, ahead: TimeDelta) {
    let reader = database.reader();
    let created: Option<DateTime<Utc>> = Query::new("SELECT created_at FROM workspace")
        .scalar(reader)
        .await
        .expect("a look");
    let created = created.expect("a workspace");
    for schedule in domain::schedules() {
        until(schedule.name(), RECOVERY, async || {
            let now = SystemClock.now() + ahead;
            let (zone, since) = (chrono_tz::Asia::Tokyo, now - schedule.lookback());
            let latest = latest_tick(schedule.cron(), zone, since, now).expect("a schedule");
            let Some(at) = latest.filter(|at| *at > created) else {
                return Some(());
            };
            let done: Option<i64> = Query::new(
                "SELECT COUNT(*) FROM schedule_tick
                 WHERE schedule = $1 AND tick_at = $2 AND state = 'DONE'",
            )
            .bind(schedule.name())
            .bind(at)
            .scalar(reader)
            .await
            .ok()?;
            (done == Some(1)).then_some(())
        })
        .await;
    }
}

/// Waits until no tick is under way; one that was set aside would be for ever.
async fn over(database: &Db) {
    until("the ticks to be over", RECOVERY, async || {
        let left = Query::new("SELECT COUNT(*) FROM schedule_tick WHERE state <> 'DONE'");
        let left: Option<i64> = left.scalar(database.reader()).await.ok()?;
        (left == Some(0)).then_some(())
    })
    .await;
}

/// Every program lives, and none has lost a thread.
fn all_live(installation: &mut Installation) {
    let servers = installation.servers.iter_mut().map(|(server, _)| server);
    for process in servers.chain(&mut installation.workers) {
        assert!(process.ended().is_none(), "it ended:\n{}", process.said());
        assert!(!process.said().contains("panicked"), "{}", process.said());
    }
}

/// Ends a program in good order: killed, it would leave the memory of its clock behind.
async fn end(mut process: Process) {
    process.terminate();
    let status = process.end(RECOVERY).await;
    assert!(status.success(), "{status}:\n{}", process.said());
    assert!(!process.said().contains("panicked"), "{}", process.said());
}

/// What is there after all: each delivery told under one key, again only where leases ran out, and signed by the
/// clock as it was. Says how many calls a receiver would have refused for their time.
async fn check(database: &Db, calls: &[Call], course: &Course) -> usize {
    let reader = database.reader();
    let wanted: Option<i64> =
        Query::new("SELECT COUNT(*) FROM message WHERE external_id NOT LIKE 'hello %'")
            .scalar(reader)
            .await
            .expect("messages");
    let wanted = usize::try_from(wanted.unwrap_or_default()).expect("a count");
    let states: Vec<String> = Query::new("SELECT state FROM delivery")
        .column(reader)
        .await
        .expect("deliveries");
    assert_eq!(states.len(), wanted, "deliveries");
    assert!(
        states.iter().all(|state| state == "DELIVERED"),
        "{states:?}"
    );
    let mut told: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        told.entry(call.delivery()).or_default().push(call);
    }
    assert_eq!(told.len(), wanted, "what was received");
    for (id, calls) in &mut told {
        calls.sort_by_key(|call| call.at);
        for pair in calls.windows(2) {
            assert_eq!(pair[0].key(), pair[1].key(), "{id} under another key");
            let is_explained = course
                .leaps
                .iter()
                .any(|&leap| leap <= pair[1].at && pair[0].at <= leap + ON_ITS_WAY);
            assert!(is_explained, "{id} was sent again without a reason");
        }
    }
    let mut refused = 0;
    for call in calls {
        let ahead_s = course.signed_ahead_s(call);
        assert!(course.explains(call, ahead_s), "signed {ahead_s} s ahead");
        refused += usize::from(ahead_s.abs() > TOLERANCE_S);
    }
    refused
}

/// Moves the clocks of `parts` through all places while messages come in.
async fn trouble(mut installation: Installation, parts: &[Part], rounds: usize) {
    let mut course = Course::begin();
    let (owner, database) = (installation.owner(), installation.database());
    let mut probe = Probe::new(owner.clone()).await;
    let called = notify(&owner, "called", &probe.receiver.url("called")).await;
    // Few, so that the targets have time for them: each is called once a second.
    let calling = Load::of(owner.clone(), "call", &called, Duration::from_secs(2)).await;
    let load = Load::start(owner).await;
    for _ in 0..rounds {
        for part in parts {
            for place_s in PLACES_S {
                for ahead_s in [place_s, 0] {
                    course.turn(part, ahead_s);
                    load.goes_on().await;
                    probe.send().await;
                    ticked(&database, course.works_ahead()).await;
                    all_live(&mut installation);
                }
            }
        }
    }
    // What was put off while the database's clock was ahead comes due when it is there again.
    for part in parts {
        course.turn(part, DAY_S + HOUR_S);
    }
    probe.send().await;
    let failures = load.failures.load(Ordering::SeqCst);
    let messages = load.end(&installation).await;
    let told = probe.sent + calling.end(&installation).await;
    ticked(&database, course.works_ahead()).await;
    over(&database).await;
    all_live(&mut installation);
    let calls = probe.receiver.calls();
    let refused = check(&database, &calls, &course).await;
    assert!(refused > 0, "no clock was moved");
    let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
    println!(
        "clocks: of {names:?}, {rounds} rounds, {messages} messages, {failures} tries failed, \
         {told} deliveries in {} calls, {refused} signed outside of a receiver's tolerance",
        calls.len()
    );
    drop(database);
    let servers = std::mem::take(&mut installation.servers);
    for process in std::mem::take(&mut installation.workers) {
        end(process).await;
    }
    for (process, _) in servers {
        end(process).await;
    }
    installation
        .left_undone("the programs have ended, after everything was done")
        .await;
}

fn part(name: &'static str, works: bool, leases: bool) -> Part {
    Part {
        name,
        clock: Clock::new(),
        works,
        leases,
    }
}

/// Has programs that start from now on go by a clock.
fn go_by(installation: &mut Installation, clock: &Clock) {
    for (name, value) in clock.settings() {
        installation.set(&name, &value);
    }
}

#[test]
fn on_sqlite_a_clock_that_is_moved_loses_and_doubles_nothing() {
    let Some(rounds) = rounds() else { return };
    block_on(async {
        let all = part("everything", true, true);
        let settings = all.clock.settings();
        let settings: Vec<(&str, &str)> = settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let alone = Installation::alone_with(&settings).await;
        trouble(alone, &[all], rounds).await;
    });
}

#[test]
fn on_postgres_clocks_that_are_moved_lose_and_double_nothing() {
    let Some(rounds) = rounds() else { return };
    block_on(async {
        let Ok(redis) = std::env::var("TEST_REDIS_URL") else {
            println!("TEST_REDIS_URL is not set");
            return;
        };
        let parts = [
            part("server", false, false),
            part("workers", true, false),
            part("database", false, true),
        ];
        let [server, workers, database] = &parts;
        let Some(mut cluster) = Cluster::start_under(&database.clock).await else {
            println!("there are no PostgreSQL programs here");
            return;
        };
        let made = TestDatabase::postgres_on(&cluster.url()).await;
        let mut installation = Installation::cluster_in(made, &redis, 0, 0).await;
        go_by(&mut installation, &server.clock);
        installation.start_server().await;
        go_by(&mut installation, &workers.clock);
        installation.start_workers(2).await;
        trouble(installation, &parts, rounds).await;
        cluster.stop("INT").await;
    });
}
