//! What was acknowledged is there, and its effects happened once, whatever crashed meanwhile.
//!
//! A client brings messages in while a seeded nemesis kills servers and workers with SIGKILL, lets a
//! worker sleep past its leases, and empties Redis. Afterwards the database and the log of the
//! receiver are compared with what was sent. `CHAOS_SEED` chooses another course of events,
//! `CHAOS_KILLS` asks for more than a test run has time for; `tests/chaos` sets them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use domain::store::Query;
use entity::{
    id::{DeliveryId, RuleId, TagId},
    kind::DeliveryState,
};
use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    client::{Client, message},
    installation::{Installation, TOKEN},
    process::{Process, free_port, until},
    receiver::{Call, Receiver},
    runtime::block_on,
};

/// Messages for each strike, so that there is something to disturb until the last.
const MESSAGES_PER_STRIKE: usize = 250;
/// Strikes in a usual run; `CHAOS_KILLS` in place of both.
const STRIKES_ON_SQLITE: usize = 8;
const STRIKES_ON_POSTGRES: usize = 12;
const BATCH: usize = 50;
const CONTACTS: usize = 200;
/// Important customers, each with a channel of their own: a channel takes one message a second.
const VIPS: usize = 4;
/// Every this many messages, one is from an important customer.
const VIP_EVERY: usize = 75;
/// How long a batch may take through all crashes.
const BATCH_LIMIT: Duration = Duration::from_mins(1);
/// How long the work may take after the last crash: leases of 10 s, a channel's messages one by one.
const DRAIN_LIMIT: Duration = Duration::from_mins(2);

/// How long a receiver's answer may take to be written down on a busy machine: who is struck meanwhile has to
/// call again.
const WRITTEN_DOWN: Duration = Duration::from_secs(2);
/// How long a call may be on its way to where its moment is noted.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

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
            let input = json!({ "name": name, "url": slack.url(&format!("services/T/B/{vip}")) });
            let made = owner
                .change("createNotificationTarget", input, "target { id }")
                .await;
            let action = json!({ "notify": { "targetId": made["target"]["id"] } });
            let condition = json!({ "contactTags": { "mode": "ANY", "tagIds": [tag] } });
            vips.push(owner.rule(&name, &condition, &action).await);
        }
        Self {
            inbox: owner.inbox().await,
            partner,
            trial,
            about_partners,
            about_trials,
            vips,
        }
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
            let acknowledged = &answer["data"]["ingestMessages"]["messages"];
            if acknowledged
                .as_array()
                .is_some_and(|all| all.len() == batch.len())
            {
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
                let mut connection = redis
                    .get_multiplexed_async_connection()
                    .await
                    .expect("a connection");
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

async fn storm(mut installation: Installation, redis: Option<redis::Client>, usual: usize) {
    let asked = std::env::var("CHAOS_KILLS").ok();
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
    let bringing = tokio::spawn(bring_in(owners, stage.inbox.clone(), messages, clients));
    let mut damage = Damage::default();
    let mut struck: Vec<Blow> = Vec::new();
    let mut dealt = Vec::new();
    while !bringing.is_finished() || damage.total() < strikes {
        chance.wait(400, 1_500).await;
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
    installation.drain(DRAIN_LIMIT).await;
    let took = calm.elapsed();
    let calls = check(&installation, &stage, &planned, &slack, &struck).await;
    println!(
        "chaos: seed {seed}, {} messages, {damage:?}, {repeats} batches repeated, {calls}; \
         drained {took:.1?} after the last crash, {:.1?} in all",
        planned.len(),
        began.elapsed()
    );
    installation.end().await;
}

#[derive(Debug, FromQueryResult)]
struct Fired {
    external_id: String,
    rule_id: RuleId,
    times: i64,
}

#[derive(Debug, FromQueryResult)]
struct Tagged {
    tag_id: TagId,
    target_id: Uuid,
    times: i64,
}

#[derive(Debug, FromQueryResult)]
struct Delivered {
    id: DeliveryId,
    state: DeliveryState,
}

/// Compares what is there with what was planned; says what the receiver saw.
async fn check(
    installation: &Installation,
    stage: &Stage,
    planned: &[Planned],
    slack: &Receiver,
    struck: &[Blow],
) -> String {
    let database = installation.database();
    let reader = database.reader();

    let stored: Vec<String> = Query::new("SELECT external_id FROM message")
        .column(reader)
        .await
        .expect("messages");
    let once: BTreeSet<&str> = stored.iter().map(String::as_str).collect();
    let sent: BTreeSet<&str> = planned.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(stored.len(), once.len(), "a message is there twice");
    assert_eq!(
        once, sent,
        "the messages are not those that were acknowledged"
    );

    let fired: Vec<Fired> = Query::new(
        "SELECT m.external_id, f.rule_id, COUNT(*) AS times FROM rule_firing f
         JOIN message m ON m.workspace_id = f.workspace_id AND m.id = f.message_id
         GROUP BY m.external_id, f.rule_id",
    )
    .all(reader)
    .await
    .expect("firings");
    let fired: BTreeMap<(String, String), i64> = fired
        .into_iter()
        .map(|one| ((one.external_id, one.rule_id.to_string()), one.times))
        .collect();
    let wanted: BTreeMap<(String, String), i64> = planned
        .iter()
        .flat_map(|one| {
            stage
                .firings(one)
                .map(|rule| ((one.id.clone(), rule.to_owned()), 1))
        })
        .collect();
    let missing: Vec<_> = wanted
        .keys()
        .filter(|key| !fired.contains_key(*key))
        .collect();
    assert!(
        missing.is_empty(),
        "{} firings are missing: {missing:?}",
        missing.len()
    );
    assert_eq!(fired, wanted, "a rule fired twice, or where it should not");

    let tagged: Vec<Tagged> = Query::new(
        "SELECT tag_id, target_id, COUNT(*) AS times FROM tagging GROUP BY tag_id, target_id",
    )
    .all(reader)
    .await
    .expect("taggings");
    assert!(
        tagged.iter().all(|one| one.times == 1),
        "a tag is on something twice"
    );
    let carriers = |tag: &str| {
        let things = tagged.iter().filter(|one| one.tag_id.to_string() == tag);
        things
            .map(|one| one.target_id)
            .collect::<BTreeSet<_>>()
            .len()
    };
    let emails = |wanted: fn(&Planned) -> bool| {
        let those = planned.iter().filter(|one| wanted(one));
        those.map(|one| &one.email).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(
        carriers(&stage.partner),
        emails(|one| one.is_about_partners)
    );
    assert_eq!(carriers(&stage.trial), emails(|one| one.is_about_trials));

    let delivered: Vec<Delivered> = Query::new("SELECT id, state FROM delivery")
        .all(reader)
        .await
        .expect("deliveries");
    let wanted = planned.iter().filter(|one| one.vip.is_some()).count();
    assert_eq!(delivered.len(), wanted, "deliveries");
    let lost: Vec<_> = delivered
        .iter()
        .filter(|one| one.state != DeliveryState::Delivered)
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    let calls = slack.calls();
    let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for call in &calls {
        keys.entry(call.delivery()).or_default().insert(call.key());
    }
    let ids: BTreeSet<String> = delivered.iter().map(|one| one.id.to_string()).collect();
    let received: BTreeSet<String> = keys.keys().map(|&id| id.to_owned()).collect();
    assert_eq!(received, ids, "what was received is not what was asked for");
    let changed: Vec<_> = keys.values().filter(|keys| keys.len() != 1).collect();
    assert!(
        changed.is_empty(),
        "a repetition came under another key: {changed:?}"
    );
    let repeated = check_repetitions(&calls, struck);
    format!(
        "{} deliveries received, {repeated} of them again under the same id",
        ids.len()
    )
}

/// A receiver hears of a delivery again only where somebody was struck with the call under way: each target is
/// called once at a time, so that a strike finds one call to each. Says how many calls came again.
fn check_repetitions(calls: &[Call], struck: &[Blow]) -> usize {
    let mut deliveries: BTreeMap<&str, Vec<Instant>> = BTreeMap::new();
    for call in calls {
        deliveries.entry(call.delivery()).or_default().push(call.at);
    }
    let mut repeated = 0;
    for (id, moments) in &mut deliveries {
        moments.sort();
        // All but the last call were followed by another.
        for at in &moments[..moments.len() - 1] {
            let is_explained = struck
                .iter()
                .any(|(from, to)| *from <= *at + WRITTEN_DOWN && *at <= *to + ON_ITS_WAY);
            assert!(is_explained, "{id} was sent again without a strike");
            repeated += 1;
        }
    }
    let most = struck.len() * VIPS;
    assert!(repeated <= most, "{repeated} repetitions, {most} explained");
    // Calls take moments: most are not under way when somebody is struck.
    assert!(
        repeated <= deliveries.len() / 2,
        "{repeated} repetitions of {} deliveries",
        deliveries.len()
    );
    repeated
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
        let (url, port) = (format!("redis://127.0.0.1:{port}"), port.to_string());
        // One of its own: emptying it must not disturb the other tests.
        let _server = Process::start(
            "redis",
            "redis-server".as_ref(),
            &[
                "--port",
                &port,
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ],
            &[],
            folder.path(),
        );
        let redis = redis::Client::open(url.as_str()).expect("a URL");
        until("Redis", Duration::from_secs(20), async || {
            redis
                .get_multiplexed_async_connection()
                .await
                .ok()
                .map(drop)
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
