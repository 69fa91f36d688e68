//! One change and many subscribers: `bench fanout`.
//!
//! - `crowd`: the sockets, as a client sees them.
//! - `bare`: a server that only sends, to compare with.
//! - `told`: what was measured, and the report.
//!
//! Every subscriber is on a socket of its own, follows the same workspace and hears of each change once. A
//! few never read, and a few follow another workspace. The client shares the processors with what it
//! measures, and does the same work for the bare server.

pub(crate) mod bare;
mod crowd;
mod told;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use domain::{
    access::{
        Scope,
        token::{self, NewToken},
    },
    inbox,
    locale::Locale,
    workspace::{self, NewWorkspace},
};
use entity::id::InboxId;
use secrecy::ExposeSecret as _;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::{
    flows::{self, Client},
    process::{Program, memory_mib},
    run::Run,
};

use bare::Bare;
use crowd::{Crowd, Receipt, Socket, close_code, open_deaf, tally};
use told::{Cut, Heard, Measured, Round, Spread};

/// What a frontend holds open, and what is read for each change.
const DOCUMENTS: [(&str, &str); 2] = [
    (
        "changes: nothing",
        "subscription { changes(kinds: [\"message.received\"]) { cursor kind subjectId at } }",
    ),
    (
        "messageReceived: a row",
        "subscription { messageReceived { cursor message { id subject sentAt } } }",
    ),
];
/// Tokens that the subscribers have in turn.
const TOKENS: usize = 1_000;
/// One of so many subscribers never reads.
const DEAF: usize = 100;
/// Subscribers of the other workspace.
const OTHERS: usize = 10;
/// Between two changes, and between two frames of the bare server.
const EVERY: Duration = Duration::from_secs(1);
const BARE_EVERY: Duration = Duration::from_millis(500);
/// How long a change may take to reach everybody.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a change is sent until everybody has heard of one.
const ATTEMPTS: usize = 30;
/// How long an attempt may take.
const SHORTLY: Duration = Duration::from_secs(5);
/// How long is looked at what open sockets cost that hear nothing.
const IDLE: Duration = Duration::from_secs(10);
/// Whoever answers no ping is cut off a minute later.
const CUT_OFF: Duration = Duration::from_secs(90);

/// A workspace as a client sees it.
struct Place {
    client: Client,
    /// Those who subscribe, each with a token of their own.
    members: Vec<Client>,
    inbox: InboxId,
}

/// Measures and reports.
pub(crate) async fn run(run: &Run) -> Result<()> {
    let (token, inbox) = other_workspace(run).await?;
    let tokens = tokens(run).await?;
    let mut all = Vec::new();
    for (number, (name, document)) in DOCUMENTS.into_iter().enumerate() {
        let (programs, client) = run.start_programs_with(&seats(run)).await?;
        let with = |token: &String| Client {
            token: token.clone(),
            ..client.clone()
        };
        let (members, other) = (tokens.iter().map(with).collect(), with(&token));
        let hall = Hall {
            run,
            programs,
            document,
            name: format!("fanout-{number}"),
            ours: Place {
                client,
                members,
                inbox: run.inbox,
            },
            other: Place {
                members: vec![other.clone()],
                client: other,
                inbox,
            },
        };
        let (mut measured, text) = hall.measure(name).await?;
        // Its sockets are closed, and the programs ended.
        drop(hall);
        measured.bare = bare_rounds(run, measured.heard.size, &text).await?;
        all.push(measured);
    }
    told::report(&all);
    Ok(())
}

/// Seats for all subscribers of a workspace.
fn seats(run: &Run) -> [(&'static str, String); 4] {
    let seats = run.plan.subscribers.to_string();
    [
        ("ENISHI_SOCKETS_PER_TOKEN", seats.clone()),
        ("ENISHI_SOCKETS_PER_WORKSPACE", seats.clone()),
        ("ENISHI_SUBSCRIPTIONS_PER_TOKEN", seats.clone()),
        ("ENISHI_SUBSCRIPTIONS_PER_WORKSPACE", seats),
    ]
}

/// Makes tokens of the owner.
async fn tokens(run: &Run) -> Result<Vec<String>> {
    let mut tokens = Vec::new();
    for number in 0..TOKENS.min(run.plan.subscribers) {
        let new = NewToken {
            member: None,
            name: format!("Subscriber {number}"),
            scopes: vec![Scope::Read],
            expires_at: None,
            integration: false,
        };
        let (_, secret) = token::create(&run.ctx, &run.owner, new).await?;
        tokens.push(secret.expose_secret().to_owned());
    }
    Ok(tokens)
}

/// Makes another workspace: its token and its inbox.
async fn other_workspace(run: &Run) -> Result<(String, InboxId)> {
    let new = NewWorkspace {
        name: "Other".to_owned(),
        time_zone: chrono_tz::UTC,
        locale: Locale::En,
        own_addresses: vec!["@other.example".to_owned()],
        owner_email: "owner@other.example".to_owned(),
        owner_name: "Owner".to_owned(),
        owner_token: None,
    };
    let created = workspace::create(&run.ctx, new).await?;
    let inboxes = inbox::list(&run.ctx, created.workspace.id).await?;
    let inbox = inboxes.first().context("an inbox")?.id;
    Ok((created.owner_token.expose_secret().to_owned(), inbox))
}

/// Everything that is measured with one document.
struct Hall<'r> {
    run: &'r Run,
    programs: Vec<(&'static str, Program)>,
    document: &'static str,
    /// What its messages are named after.
    name: String,
    ours: Place,
    other: Place,
}

impl Hall<'_> {
    /// What was measured, and what a subscriber was sent last.
    async fn measure(&self, name: &'static str) -> Result<(Measured, String)> {
        let subscribers = self.run.plan.subscribers;
        let deaf = subscribers / DEAF;
        // What is made when it is first needed is there before the sockets are.
        self.change(&self.ours, "first").await?;
        sleep(SHORTLY).await;
        let before = self.memory()?.0;
        let start = Instant::now();
        let mut others = self.crowd(&self.other, OTHERS).await?;
        let mut deaf = open_deaf(&self.ours.members[0], self.document, deaf).await?;
        let deaf_since = Instant::now();
        let mut crowd = self.crowd(&self.ours, subscribers - deaf.len()).await?;
        let opening = start.elapsed();
        self.gather(&mut others, &self.other, "other").await?;
        self.gather(&mut crowd, &self.ours, "ours").await?;
        sleep(SHORTLY).await;
        let open = self.memory()?.0;
        let idle = self.cost_of_idling().await?;
        // What came late of the gathering.
        crowd.heard();
        others.heard();

        let mut heard = Heard::of(crowd.size());
        let used = self.run.used(&self.programs)?;
        let (rounds, text) = self.rounds(&mut crowd, &mut heard).await?;
        let cpu = self.used_since(&used)?;

        heard.foreign = others.heard().len();
        self.change(&self.other, "of-other").await?;
        let (times, _) = tally(&others.hear(PATIENCE).await, OTHERS)?;
        heard.own = times.iter().filter(|&&times| times == 1).count();
        let cut = self.cut(&mut deaf, &crowd, deaf_since).await?;
        heard.closed = crowd.closed()?;
        let (end, peak) = self.memory()?;
        let measured = Measured {
            name,
            sockets: subscribers + OTHERS,
            opening,
            memory: [before, open, end, peak],
            idle,
            cpu,
            bytes: text.len(),
            rounds,
            heard,
            cut,
            bare: Vec::new(),
        };
        Ok((measured, text))
    }

    async fn crowd(&self, place: &Place, size: usize) -> Result<Crowd> {
        Crowd::open(&place.members, self.document, size).await
    }

    /// Brings a message.
    async fn change(&self, place: &Place, name: &str) -> Result<()> {
        let id = format!("{}-{name}", self.name);
        let now = self.run.ctx.clock.now();
        let message = flows::message(&id, 0, "ありがとうございます。Thank you.", now);
        let body = flows::ingest_messages(place.inbox, &[message]);
        place.client.post(body).await?;
        Ok(())
    }

    /// Sends changes until each subscriber has heard of one: that one follows is not acknowledged.
    async fn gather(&self, crowd: &mut Crowd, place: &Place, name: &str) -> Result<()> {
        let mut has_heard = vec![false; crowd.size()];
        for attempt in 0..ATTEMPTS {
            self.change(place, &format!("{name}-{attempt}")).await?;
            for receipt in crowd.hear(SHORTLY).await {
                has_heard[receipt.subscriber] = true;
            }
            if has_heard.iter().all(|&heard| heard) {
                return Ok(());
            }
        }
        let missing = has_heard.iter().filter(|&&heard| !heard).count();
        bail!("{missing} never hear: {:?}", crowd.closed()?.first())
    }

    /// The changes that are timed, and what a subscriber was sent last.
    async fn rounds(&self, crowd: &mut Crowd, heard: &mut Heard) -> Result<(Vec<Round>, String)> {
        let mut clock = interval(EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut rounds, mut text) = (Vec::new(), String::new());
        for number in 0..self.run.plan.changes {
            clock.tick().await;
            let asked = Instant::now();
            self.change(&self.ours, &number.to_string()).await?;
            let answered = Instant::now();
            let receipts = crowd.hear(PATIENCE).await;
            heard.count(&receipts)?;
            rounds.push(Round {
                asked: Spread::of(&receipts, asked),
                answered: Spread::of(&receipts, answered),
            });
            if let Some(last) = receipts.last() {
                text = last.text.as_str().to_owned();
            }
        }
        ensure!(!text.is_empty(), "nobody heard anything");
        Ok((rounds, text))
    }

    /// Milliseconds of processor time a second while nothing happens, of each program and the database.
    async fn cost_of_idling(&self) -> Result<Vec<f64>> {
        let before = self.run.used(&self.programs)?;
        sleep(IDLE).await;
        let used = self.used_since(&before)?.into_iter();
        Ok(used
            .map(|us| us as f64 / 1e3 / IDLE.as_secs_f64())
            .collect())
    }

    /// Microseconds of processor time, of each program and the database.
    fn used_since(&self, before: &[u64]) -> Result<Vec<u64>> {
        let now = self.run.used(&self.programs)?.into_iter();
        Ok(now.zip(before).map(|(now, before)| now - before).collect())
    }

    /// The server's memory now and at its highest, in MiB.
    fn memory(&self) -> Result<(f64, f64)> {
        memory_mib(self.programs[0].1.pid())
    }

    /// Waits until nobody is left who does not read, or long enough.
    async fn cut(&self, deaf: &mut [Socket], crowd: &Crowd, since: Instant) -> Result<Cut> {
        let left = crowd.size() + OTHERS;
        while self.open_sockets().await? > left && since.elapsed() < CUT_OFF {
            sleep(Duration::from_millis(500)).await;
        }
        let at_most = since.elapsed();
        let mut codes = Vec::new();
        for socket in &mut *deaf {
            codes.extend(close_code(socket).await);
        }
        Ok(Cut {
            of: deaf.len(),
            codes,
            at_most,
        })
    }

    /// How many sockets the server has open.
    async fn open_sockets(&self) -> Result<usize> {
        let client = &self.ours.client;
        let url = format!("http://{}/metrics", client.address);
        let figures = client.http.get(url).send().await?.text().await?;
        let mut lines = figures.lines();
        let open = lines.find_map(|line| line.strip_prefix("enishi_sockets_open "));
        let open: f64 = open.context("a count of sockets")?.parse()?;
        Ok(open as usize)
    }
}

/// The same text to as many sockets, from a server that only sends.
async fn bare_rounds(run: &Run, size: usize, text: &str) -> Result<Vec<Spread>> {
    let mut bare = Bare::start(run, size).await?;
    let mut rounds = Vec::new();
    for _ in 0..run.plan.changes {
        sleep(BARE_EVERY).await;
        let asked = Instant::now();
        bare.send(text).await?;
        let receipts: Vec<Receipt> = bare.crowd.hear(PATIENCE).await;
        ensure!(receipts.len() == size, "the bare server lost some");
        rounds.push(Spread::of(&receipts, asked));
    }
    Ok(rounds)
}
