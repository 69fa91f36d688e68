//! What was acknowledged is there, and its effects happened once, whatever crashed meanwhile.
//!
//! A client brings messages in while a seeded nemesis kills servers and workers with SIGKILL, lets a
//! worker sleep past its leases, and empties Redis. Rules tag and notify, a segment follows the tags, a
//! playbook enrols by them. Afterwards the database and the log of the receiver are compared with what was
//! sent (`check`). `CHAOS_SEED` chooses another course of events, `CHAOS_KILLS` asks for more than a test run
//! has time for; `tests/chaos` sets them.

mod check;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use domain::store::{Db, Query};
use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};
use serde_json::{Value, json};

use self::check::check;
use crate::support::{
    client::{Client, message, text},
    installation::{Installation, TOKEN},
    process::{Process, free_port, until},
    receiver::Receiver,
    runtime::block_on,
};

/// Messages for each strike, so that there is something to disturb until the last.
const MESSAGES_PER_STRIKE: usize = 250;
/// Strikes in a usual run; `CHAOS_KILLS` in place of both.
const STRIKES_ON_SQLITE: usize = 8;
const STRIKES_ON_POSTGRES: usize = 12;
const BATCH: usize = 50;
const CONTACTS: usize = 200;
/// Important customers, each with a target of their own: a target takes one message a second.
const VIPS: usize = 5;
/// The important customer whose target is a webhook; those of the others are channels of Slack.
const VIP_OF_WEBHOOK: usize = 4;
/// Every this many messages, one is from an important customer.
const VIP_EVERY: usize = 75;
/// How long a batch may take through all crashes.
const BATCH_LIMIT: Duration = Duration::from_mins(2);
/// How long the work may take after the last crash: leases of 10 s, a channel's messages one by one.
const DRAIN_LIMIT: Duration = Duration::from_mins(5);
/// How long a Redis may take to answer on a busy machine; usually half a second is too long.
const REDIS_LIMIT: Duration = Duration::from_mins(1);

/// When somebody who calls receivers was struck: the moments before and after it.
type Blow = (Instant, Instant);

/// Chance that repeats with its seed.
struct Chance(u64);

impl Chance {
    fn from_environment() -> (u64, Self) {
        let seed = std::env::var("CHAOS_SEED").ok();
        let seed = seed.map_or(20_260_301, |seed| seed.parse().expect("a number"));
        (seed, Self(seed))
    }

    /// A number below `end` (`SplitMix64`).
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    async fn wait(&mut self, from_ms: usize, to_ms: usize) {
        let wait_ms = from_ms + self.below(to_ms - from_ms);
        tokio::time::sleep(Duration::from_millis(wait_ms as u64)).await;
    }
}

/// What was made before the storm.
struct Stage {
    inbox: String,
    partner: String,
    trial: String,
    /// The segment of everybody with the tag `trial`.
    triers: String,
    /// What the playbook puts on them.
    followed: String,
    about_partners: String,
    about_trials: String,
    /// The rule of each important customer.
    vips: Vec<String>,
}

/// One message, and what must follow from it.
struct Planned {
    id: String,
    email: String,
    is_about_partners: bool,
    is_about_trials: bool,
    vip: Option<usize>,
}

impl Planned {
    fn all(chance: &mut Chance, strikes: usize) -> Vec<Self> {
        (0..strikes * MESSAGES_PER_STRIKE)
            .map(|number| {
                let vip = (number % VIP_EVERY == 0).then_some(number / VIP_EVERY % VIPS);
                let email = match vip {
                    Some(vip) => vip_email(vip),
                    None => format!("c{}@customer.example", chance.below(CONTACTS)),
                };
                Self {
                    id: format!("m{number}"),
                    email,
                    is_about_partners: chance.below(10) == 0,
                    is_about_trials: chance.below(10) == 0,
                    vip,
                }
            })
            .collect()
    }

    fn message(&self) -> Value {
        let mut body = "こんにちは".to_owned();
        if self.is_about_partners {
            body.push_str("。パートナーシップについて");
        }
        if self.is_about_trials {
            body.push_str(" about a TRIAL");
        }
        message(&self.id, &self.email, &body)
    }
}

fn vip_email(vip: usize) -> String {
    format!("vip{vip}@customer.example")
}

impl Stage {
    async fn set(owner: &Client, slack: &Receiver) -> Self {
        let words = |word: &str| json!({ "keywords": { "mode": "ANY_OF", "words": [word] } });
        let partner = owner.tag("CONVERSATION", "Partner").await;
        let trial = owner.tag("CONTACT", "Trial").await;
        let action = json!({ "tagConversation": { "tagIds": [partner] } });
        let about_partners = owner
            .rule("Partner", &words("パートナーシップ"), &action)
            .await;
        let action = json!({ "tagContact": { "tagIds": [trial] } });
        let about_trials = owner.rule("Trial", &words("trial"), &action).await;
        let mut vips = Vec::new();
        for vip in 0..VIPS {
            let name = format!("VIP {vip}");
            let tag = owner.tag("CONTACT", &name).await;
            let input = json!({ "name": name, "email": vip_email(vip) });
            let contact = owner.change("createContact", input, "contact { id }").await;
            let input = json!({ "tagIds": [tag], "contactIds": [contact["contact"]["id"]] });
            owner.change("addTags", input, "added").await;
            let kind = if vip == VIP_OF_WEBHOOK {
                "WEBHOOK"
            } else {
                "SLACK"
            };
            let url = slack.url(&format!("services/T/B/{vip}"));
            let input = json!({ "name": name, "kind": kind, "url": url });
            let made = owner
                .change("createNotificationTarget", input, "target { id }")
                .await;
            let action = json!({ "notify": { "targetId": made["target"]["id"] } });
            let condition = json!({ "contactTags": { "mode": "ANY", "tagIds": [tag] } });
            vips.push(owner.rule(&name, &condition, &action).await);
        }
        let (triers, followed) = Self::follow(owner, &trial).await;
        Self {
            inbox: owner.inbox().await,
            partner,
            trial,
            triers,
            followed,
            about_partners,
            about_trials,
            vips,
        }
    }

    /// Makes a segment of everybody with the tag `trial`, and a playbook that tags them and has somebody call
    /// them; the ids of the segment and of that tag.
    async fn follow(owner: &Client, trial: &str) -> (String, String) {
        let has_trial = json!({ "contactTags": { "mode": "ANY", "tagIds": [trial] } });
        let input = json!({ "name": "Triers", "subject": "CONTACT", "condition": has_trial });
        let made = owner.change("createSegment", input, "segment { id }").await;
        let triers = text(&made["segment"]["id"]);
        let followed = owner.tag("CONTACT", "Followed").await;
        let tag = json!({ "actions": [{ "tagContact": { "tagIds": [followed] } }] });
        let call = json!({ "actions": [{ "createTask": { "title": "Call" } }] });
        let definition = json!({
            "steps": [{ "stepId": "tag", "kind": tag }, { "stepId": "call", "kind": call }],
            "sources": [{ "tagAdded": { "tagIds": [trial] } }],
        });
        let input = json!({ "name": "Follow up", "definition": definition });
        owner.change("savePlaybook", input, "playbook { id }").await;
        (triers, followed)
    }

    /// The rules that must fire on a message.
    fn firings<'a>(&'a self, planned: &'a Planned) -> impl Iterator<Item = &'a str> {
        let partners = planned
            .is_about_partners
            .then_some(self.about_partners.as_str());
        let trials = planned
            .is_about_trials
            .then_some(self.about_trials.as_str());
        let vip = planned.vip.map(|vip| self.vips[vip].as_str());
        [partners, trials, vip].into_iter().flatten()
    }
}

/// Brings everything in, each batch again until it is acknowledged. Says how often it had to repeat.
async fn bring_in(
    owners: Vec<Client>,
    inbox: String,
    messages: Vec<Value>,
    mut chance: Chance,
    acknowledged: Arc<AtomicUsize>,
) -> usize {
    let document = "mutation($input: IngestMessagesInput!) { ingestMessages(input: $input) \
        { messages { id } userErrors { message } } }";
    let mut repeats = 0;
    for batch in messages.chunks(BATCH) {
        let variables = json!({ "input": { "inboxId": inbox, "messages": batch } });
        let until = Instant::now() + BATCH_LIMIT;
        loop {
            let owner = &owners[chance.below(owners.len())];
            let answer = owner
                .try_ask(document, &variables)
                .await
                .unwrap_or_default();
            let taken = answer["data"]["ingestMessages"]["messages"].as_array();
            if taken.is_some_and(|all| all.len() == batch.len()) {
                acknowledged.fetch_add(1, Ordering::SeqCst);
                break;
            }
            assert!(Instant::now() < until, "a batch is never taken: {answer}");
            repeats += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        chance.wait(50, 250).await;
    }
    repeats
}

/// What the nemesis did.
#[derive(Debug, Default)]
struct Damage {
    servers_killed: usize,
    workers_killed: usize,
    workers_paused: usize,
    redis_emptied: usize,
}

/// One thing the nemesis does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strike {
    KillServer,
    KillWorker,
    PauseWorker,
    EmptyRedis,
}

impl Strike {
    /// The next ones, in an order of chance: beside workers six, among them one of each kind at least, so that no
    /// run goes without one.
    fn deal(has_workers: bool, chance: &mut Chance) -> Vec<Self> {
        if !has_workers {
            return vec![Self::KillServer];
        }
        let mut dealt = vec![
            Self::KillServer,
            Self::KillServer,
            Self::KillWorker,
            Self::KillWorker,
            Self::PauseWorker,
            Self::EmptyRedis,
        ];
        for last in (1..dealt.len()).rev() {
            dealt.swap(last, chance.below(last + 1));
        }
        dealt
    }
}

impl Damage {
    fn total(&self) -> usize {
        self.servers_killed + self.workers_killed + self.workers_paused + self.redis_emptied
    }

    /// Does one thing. Says whether it struck somebody who calls receivers: the workers or, where there are none,
    /// the servers.
    async fn strike(
        &mut self,
        strike: Strike,
        installation: &mut Installation,
        redis: Option<&redis::Client>,
        chance: &mut Chance,
    ) -> bool {
        let workers = installation.workers.len();
        match strike {
            Strike::KillServer => {
                let index = chance.below(installation.servers.len());
                installation.crash_server(index);
                self.servers_killed += 1;
                workers == 0
            }
            Strike::KillWorker => {
                installation.crash_worker(chance.below(workers));
                self.workers_killed += 1;
                true
            }
            Strike::PauseWorker => {
                // Longer than every lease: it wakes up believing that its claims still stand.
                let worker = &installation.workers[chance.below(workers)];
                worker.signal("STOP");
                tokio::time::sleep(Duration::from_secs(11)).await;
                worker.signal("CONT");
                self.workers_paused += 1;
                true
            }
            Strike::EmptyRedis => {
                let redis = redis.expect("a Redis beside workers");
                let mut connection = connect(redis).await.expect("a connection");
                let () = redis::cmd("FLUSHALL")
                    .query_async(&mut connection)
                    .await
                    .expect("to flush");
                self.redis_emptied += 1;
                false
            }
        }
    }
}

async fn connect(redis: &redis::Client) -> redis::RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(REDIS_LIMIT))
        .set_response_timeout(Some(REDIS_LIMIT));
    redis
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

/// When who was struck.
struct Course {
    struck: Vec<Blow>,
    /// When everything had been taken in: from then on it may be that nobody has anything to call about.
    brought: Instant,
}

/// Waits until nobody is on the way through a playbook, and until what follows from that is done.
async fn come_to_rest(installation: &Installation, database: &Db) {
    installation.drain(DRAIN_LIMIT).await;
    let under_way = "SELECT COUNT(*) FROM enrolment WHERE state IN ('WAITING', 'RUNNING')";
    until("the playbook to be gone through", DRAIN_LIMIT, async || {
        let left = Query::new(under_way).scalar::<i64>(database.reader()).await;
        (left.ok().flatten() == Some(0)).then_some(())
    })
    .await;
    installation.drain(DRAIN_LIMIT).await;
}

/// Waits while something was under way, by itself, at the last death. If it is again it is set aside as what takes
/// programs down, and rightly so: on a slow machine it would be the same work each time.
async fn spare(database: &Db) {
    until(
        "what was hit twice to get through",
        DRAIN_LIMIT,
        async || {
            let hit: Option<i64> = Query::new(
                "SELECT (SELECT COUNT(*) FROM projection_cursor WHERE crashes >= 1)
                  + (SELECT COUNT(*) FROM due_item
                     WHERE crashes >= 1 AND state IN ('WAITING', 'RUNNING'))",
            )
            .scalar(database.reader())
            .await
            .ok()?;
            (hit == Some(0)).then_some(())
        },
    )
    .await;
}

async fn storm(mut installation: Installation, redis: Option<redis::Client>, usual: usize) {
    let asked = std::env::var("CHAOS_KILLS").ok();
    let is_long = asked.is_some();
    let strikes = asked.map_or(usual, |asked| {
        asked.parse().expect("CHAOS_KILLS is a number")
    });
    let (seed, mut chance) = Chance::from_environment();
    let began = Instant::now();
    let slack = Receiver::answering(&[]).await;
    let stage = Stage::set(&installation.owner(), &slack).await;
    let planned = Planned::all(&mut chance, strikes);
    let addresses = installation.servers.iter().map(|(_, address)| *address);
    let owners = addresses
        .map(|address| Client::new(address, TOKEN))
        .collect();
    let messages = planned.iter().map(Planned::message).collect();
    let clients = Chance(chance.0 ^ 1);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let bringing = tokio::spawn(bring_in(
        owners,
        stage.inbox.clone(),
        messages,
        clients,
        Arc::clone(&acknowledged),
    ));
    let database = installation.database();
    let mut damage = Damage::default();
    let mut struck: Vec<Blow> = Vec::new();
    let mut brought = None;
    let mut dealt = Vec::new();
    while !bringing.is_finished() || damage.total() < strikes {
        let before = acknowledged.load(Ordering::SeqCst);
        chance.wait(400, 1_500).await;
        // Where starts take longer than that, processes would be killed for ever before they have done anything.
        while !bringing.is_finished() && acknowledged.load(Ordering::SeqCst) == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        spare(&database).await;
        if bringing.is_finished() {
            brought.get_or_insert_with(Instant::now);
        }
        if dealt.is_empty() {
            dealt = Strike::deal(!installation.workers.is_empty(), &mut chance);
        }
        let strike = dealt.pop().expect("a strike");
        let before = Instant::now();
        let blow = damage.strike(strike, &mut installation, redis.as_ref(), &mut chance);
        if blow.await {
            struck.push((before, Instant::now()));
        }
    }
    let repeats = bringing.await.expect("everything brought in");
    let calm = Instant::now();
    let brought = brought.unwrap_or(calm);
    come_to_rest(&installation, &database).await;
    let took = calm.elapsed();
    let course = Course { struck, brought };
    let calls = check(&database, &stage, &planned, &slack, &course, is_long).await;
    drop(database);
    println!(
        "chaos: seed {seed}, {} messages, {damage:?}, {repeats} batches repeated, {calls}; \
         drained {took:.1?} after the last crash, {:.1?} in all",
        planned.len(),
        began.elapsed()
    );
    installation.end().await;
}

#[test]
fn on_sqlite_nothing_is_lost_or_doubled_while_the_process_is_killed() {
    block_on(async {
        storm(Installation::alone().await, None, STRIKES_ON_SQLITE).await;
    });
}

#[test]
fn on_postgres_nothing_is_lost_or_doubled_while_everything_is_killed() {
    block_on(async {
        let folder = tempfile::TempDir::new().expect("a folder");
        let port = free_port();
        let url = format!("redis://127.0.0.1:{port}");
        // One of its own: emptying it must not disturb the other tests.
        let _server = Process::redis(port, folder.path());
        let redis = redis::Client::open(url.as_str()).expect("a URL");
        until("Redis", REDIS_LIMIT, async || {
            connect(&redis).await.ok().map(drop)
        })
        .await;
        match Installation::cluster_on(&url, 2, 2).await {
            Some(cluster) => storm(cluster, Some(redis), STRIKES_ON_POSTGRES).await,
            None => println!("TEST_DATABASE_URL is not set"),
        }
    });
}

#[test]
fn a_seed_repeats_its_course() {
    let course = |seed| {
        let mut chance = Chance(seed);
        (0..5).map(|_| chance.below(100)).collect::<Vec<_>>()
    };
    assert_eq!(course(7), course(7));
    assert_ne!(course(7), course(8));
}

#[test]
fn each_kind_of_strike_is_among_the_next_six() {
    for seed in 0..20 {
        let dealt = Strike::deal(true, &mut Chance(seed));
        let many = |kind: Strike| dealt.iter().filter(|&&strike| strike == kind).count();
        assert_eq!(
            (many(Strike::KillServer), many(Strike::KillWorker)),
            (2, 2),
            "{dealt:?}"
        );
        assert_eq!(
            (many(Strike::PauseWorker), many(Strike::EmptyRedis)),
            (1, 1),
            "{dealt:?}"
        );
    }
}
