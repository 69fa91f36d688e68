//! What happens after something comes in: ingestion over HTTP, everything that follows from it, and
//! how soon.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    access::Actor,
    action::{Action, TagConversation},
    condition::{
        Condition, ContactTags, Field, KeywordMatch, KeywordMode, Keywords, TagMode, TagTest,
    },
    ctx::Ctx,
    rule::{self, NewRule, trigger::Trigger, write::RULE_LIMIT},
    store::Query,
    tag::{NewTag, catalogue},
};
use entity::{
    id::{InboxId, TagId},
    kind::TagKind,
};
use futures::{SinkExt as _, StreamExt as _};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};

use crate::seed::{email, popular, tag_id};

/// Messages or events of one request.
const BATCH: usize = 500;
/// Requests on their way at once.
const CLIENTS: usize = 4;
/// How long a subscriber waits for a message.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same while other work goes on.
const LONGEST: Duration = Duration::from_mins(10);
/// Between two messages that are timed while other work goes on.
const EVERY: Duration = Duration::from_millis(100);
/// Rules that every workspace has, beside the stopwatch's.
pub(crate) const RULES: usize = 100;
/// The word that starts the stopwatch's rule; no other message has it.
const STOPWATCH: &str = "計時開始";

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) address: String,
    pub(crate) token: String,
}

impl Client {
    /// Asks and takes nothing but a good answer.
    pub(crate) async fn post(&self, body: String) -> Result<Value> {
        let answer = self
            .http
            .post(format!("http://{}/graphql", self.address))
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.token))
            .body(body)
            .send()
            .await?
            .text()
            .await?;
        let value: Value = serde_json::from_str(&answer).context("the answer is no JSON")?;
        let refused = value["data"]
            .as_object()
            .into_iter()
            .flatten()
            .any(|(_, part)| {
                part["userErrors"]
                    .as_array()
                    .is_some_and(|all| !all.is_empty())
            });
        if value.get("errors").is_some() || refused {
            bail!("refused: {}", answer.chars().take(500).collect::<String>());
        }
        Ok(value)
    }
}

fn keyword(number: usize) -> String {
    match number % 3 {
        0 => format!("契約更新{number}番"),
        1 => format!("续约申请{number}号"),
        _ => format!("renewal{number}x"),
    }
}

fn keywords(words: Vec<String>) -> Condition {
    Condition::Keywords(Keywords {
        fields: vec![Field::Subject, Field::Body],
        mode: KeywordMode::AnyOf,
        matching: KeywordMatch::Substring,
        words,
    })
}

/// Makes [`RULES`] rules, and the stopwatch's; returns the tags that they put on conversations, the last of
/// them the stopwatch's.
pub(crate) async fn rules(ctx: &Ctx, actor: &Actor) -> Result<Vec<TagId>> {
    let mut tags = Vec::new();
    for number in 0..=10 {
        let new = NewTag::named(TagKind::Conversation, format!("about {number}"));
        tags.push(catalogue::create(ctx, actor, new).await?.id);
    }
    more_rules(ctx, actor, &tags, 0..RULES).await?;
    let words = vec![STOPWATCH.to_owned()];
    make(ctx, actor, RULE_LIMIT as usize, keywords(words), tags[10]).await?;
    Ok(tags)
}

/// Makes the rules of these numbers, a third of them with a condition on the contact's tags.
pub(crate) async fn more_rules(
    ctx: &Ctx,
    actor: &Actor,
    tags: &[TagId],
    numbers: Range<usize>,
) -> Result<()> {
    for number in numbers {
        let words = vec![keyword(number), format!("{}/b", keyword(number))];
        let mut condition = keywords(words);
        if number % 3 == 0 {
            let test = TagTest {
                mode: TagMode::Any,
                tag_ids: vec![tag_id(popular(number as u64 % 10)).0],
                with_descendants: true,
            };
            condition = Condition::All(vec![condition, Condition::ContactTags(ContactTags(test))]);
        }
        make(ctx, actor, number, condition, tags[number % 10]).await?;
    }
    Ok(())
}

async fn make(
    ctx: &Ctx,
    actor: &Actor,
    number: usize,
    condition: Condition,
    tag: TagId,
) -> Result<()> {
    let new = NewRule {
        name: format!("rule {number}"),
        trigger: Trigger::default(),
        condition,
        actions: vec![Action::TagConversation(TagConversation {
            tag_ids: vec![tag.0],
            expires_in_seconds: None,
            while_in_segment_id: None,
        })],
        limits: rule::Limits::default(),
    };
    rule::create(ctx, actor, new).await?;
    Ok(())
}

/// Projections that have not read everything yet.
pub(crate) async fn behind(ctx: &Ctx, actor: &Actor) -> Result<Vec<String>> {
    let done: Vec<String> = Query::new(
        "SELECT c.projection FROM projection_cursor c WHERE c.workspace_id = $1
           AND NOT EXISTS (SELECT 1 FROM change x WHERE x.workspace_id = $1
                           AND (x.tx, x.seq) > (c.tx, c.seq))",
    )
    .bind(actor.workspace)
    .column(ctx.reader())
    .await?;
    let names = domain::projections()
        .iter()
        .map(|one| one.name().to_owned());
    Ok(names.filter(|name| !done.contains(name)).collect())
}

/// Waits until the named projection, or every one, has read everything.
pub(crate) async fn settle(ctx: &Ctx, actor: &Actor, name: Option<&str>) -> Result<()> {
    let end = Instant::now() + Duration::from_mins(10);
    loop {
        let behind = behind(ctx, actor).await?;
        if behind
            .iter()
            .all(|one| name.is_some_and(|name| one != name))
        {
            return Ok(());
        }
        if Instant::now() > end {
            bail!("these never caught up: {behind:?}");
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// How long a flood took to come in, and to have had its effects.
#[derive(Debug)]
pub(crate) struct Flood {
    pub(crate) count: usize,
    pub(crate) ingested: Duration,
    pub(crate) evaluated: Duration,
    pub(crate) settled: Duration,
}

/// Sends all bodies and waits for `projection`, then for everything.
pub(crate) async fn flood(
    ctx: &Ctx,
    actor: &Actor,
    client: &Client,
    bodies: Vec<String>,
    projection: &str,
) -> Result<Flood> {
    let count = bodies.len() * BATCH;
    let bodies = Arc::new(bodies);
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (client, bodies, next) = (client.clone(), bodies.clone(), next.clone());
            tokio::spawn(async move {
                while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                    client.post(body.clone()).await?;
                }
                Ok::<_, anyhow::Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let ingested = start.elapsed();
    settle(ctx, actor, Some(projection)).await?;
    let evaluated = start.elapsed();
    settle(ctx, actor, None).await?;
    Ok(Flood {
        count,
        ingested,
        evaluated,
        settled: start.elapsed(),
    })
}

/// A message of one of the contacts.
pub(crate) fn message(id: &str, contact: u64, body: &str, sent_at: DateTime<Utc>) -> Value {
    json!({
        "externalId": id, "contactEmail": email(contact), "subject": "お問い合わせ / Question",
        "body": body, "sentAt": sent_at,
    })
}

/// The request that brings these messages.
pub(crate) fn ingest_messages(inbox: InboxId, messages: &[Value]) -> String {
    let document = "mutation($input: IngestMessagesInput!) { ingestMessages(input: $input) { userErrors { message } } }";
    json!({
        "query": document,
        "variables": { "input": { "inboxId": inbox.to_string(), "messages": messages } },
    })
    .to_string()
}

/// Requests that bring `count` messages whose ids begin with `name`, every other one with a word that one of
/// so many `rules` looks for.
pub(crate) fn message_bodies(
    name: &str,
    inbox: InboxId,
    count: usize,
    rules: usize,
    contacts: u64,
    now: DateTime<Utc>,
) -> Vec<String> {
    let mut chance = StdRng::seed_from_u64(11);
    let mut bodies = Vec::new();
    for batch in 0..count / BATCH {
        let mut messages = Vec::new();
        for number in 0..BATCH {
            let word = if chance.random_bool(0.5) {
                keyword(chance.random_range(0..rules))
            } else {
                String::new()
            };
            let body = format!(
                "お世話になっております。先日の件についてお伺いします。{word} 我们想了解一下具体的情况。\
                 Could you please let us know when the next delivery is planned? よろしくお願いいたします。"
            );
            let id = format!("{name}-{batch}-{number}");
            messages.push(message(&id, chance.random_range(0..contacts), &body, now));
        }
        bodies.push(ingest_messages(inbox, &messages));
    }
    bodies
}

/// Requests that bring `count` email events: sent, delivered and twice opened.
pub(crate) fn email_bodies(count: usize, contacts: u64, now: DateTime<Utc>) -> Vec<String> {
    let mut chance = StdRng::seed_from_u64(13);
    let document = "mutation($input: IngestEmailEventsInput!) { ingestEmailEvents(input: $input) { userErrors { message } } }";
    let mut bodies = Vec::new();
    for batch in 0..count / BATCH {
        let mut events = Vec::new();
        for number in 0..BATCH / 4 {
            let contact = chance.random_range(0..contacts);
            let sent = now - TimeDelta::minutes(chance.random_range(60..30_000));
            for (step, kind) in ["SENT", "DELIVERED", "OPENED", "OPENED"].iter().enumerate() {
                events.push(json!({
                    "externalId": format!("event-{batch}-{number}-{step}"),
                    "emailKey": format!("email-{batch}-{number}"), "recipient": email(contact),
                    "kind": kind, "occurredAt": sent + TimeDelta::minutes(step as i64 * 7),
                }));
            }
        }
        let input = json!({ "input": { "events": events } });
        bodies.push(json!({ "query": document, "variables": input }).to_string());
    }
    bodies
}

/// Listens to the taggings with one tag.
async fn subscribe(client: &Client, tag: TagId) -> Result<Socket> {
    let mut request = format!("ws://{}/graphql", client.address).into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", "graphql-transport-ws".parse()?);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
    let say = |value: Value| Message::text(value.to_string());
    let payload = json!({ "accessToken": client.token });
    socket
        .send(say(
            json!({ "type": "connection_init", "payload": payload }),
        ))
        .await?;
    hear(&mut socket, "connection_ack", PATIENCE).await?;
    let document = "subscription($tag: ID!) { taggingChanged(tagId: $tag) { act tagging { id } } }";
    let payload = json!({ "query": document, "variables": { "tag": tag.to_string() } });
    socket
        .send(say(
            json!({ "id": "1", "type": "subscribe", "payload": payload }),
        ))
        .await?;
    // A subscription is not acknowledged; the first message is sent until one is heard of.
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(socket)
}

/// The request that brings a message which starts the stopwatch.
fn stopwatch_body(inbox: InboxId, id: &str, contact: u64, now: DateTime<Utc>) -> String {
    let text = format!("{STOPWATCH} よろしくお願いします");
    ingest_messages(inbox, &[message(id, contact, &text, now)])
}

/// How long a message's tag took to reach a subscriber, in milliseconds, sorted: from the request
/// that brought the message, and from its answer.
pub(crate) async fn pick_up(
    client: &Client,
    inbox: InboxId,
    tag: TagId,
    times: usize,
    now: DateTime<Utc>,
) -> Result<[Vec<f64>; 2]> {
    let mut socket = subscribe(client, tag).await?;
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    for number in 0..times {
        let body = stopwatch_body(inbox, &format!("watch-{number}"), number as u64, now);
        let start = Instant::now();
        let posting = async {
            client.post(body).await?;
            Ok::<_, anyhow::Error>(Instant::now())
        };
        let hearing = async {
            hear(&mut socket, "next", PATIENCE).await?;
            Ok::<_, anyhow::Error>(Instant::now())
        };
        let (posted, heard) = tokio::try_join!(posting, hearing)?;
        let milliseconds =
            |from: Instant| heard.saturating_duration_since(from).as_secs_f64() * 1e3;
        asked.push(milliseconds(start));
        answered.push(milliseconds(posted));
    }
    asked.sort_by(f64::total_cmp);
    answered.sort_by(f64::total_cmp);
    Ok([asked, answered])
}

/// A message sent at a moment of its own, however long those before it take.
pub(crate) struct Tick {
    /// When it was to be sent.
    pub(crate) due: Instant,
    /// How long its tag took from then to a subscriber, in milliseconds.
    pub(crate) ms: f64,
}

/// Sends ten messages a second, each of another contact, as long as `goes_on` says, or there are contacts.
/// Tags reach the subscriber in the order of their messages.
pub(crate) async fn ticks(
    client: &Client,
    inbox: InboxId,
    tag: TagId,
    contacts: u64,
    now: DateTime<Utc>,
    goes_on: impl Fn() -> bool,
) -> Result<Vec<Tick>> {
    let mut socket = subscribe(client, tag).await?;
    let (heard, mut hearing) = tokio::sync::mpsc::unbounded_channel();
    let listening = tokio::spawn(async move {
        while hear(&mut socket, "next", LONGEST).await.is_ok() && heard.send(Instant::now()).is_ok()
        {
        }
    });
    let mut clock = tokio::time::interval(EVERY);
    let (mut posts, mut due) = (tokio::task::JoinSet::new(), Vec::new());
    for contact in 0..contacts {
        if !goes_on() {
            break;
        }
        let moment = clock.tick().await.into_std();
        let body = stopwatch_body(inbox, &format!("tick-{contact}"), contact, now);
        let client = client.clone();
        posts.spawn(async move { client.post(body).await });
        due.push(moment);
    }
    while let Some(posted) = posts.join_next().await {
        posted??;
    }
    let mut ticks = Vec::new();
    for due in due {
        let heard = hearing.recv().await.context("a tag was not heard of")?;
        let ms = heard.saturating_duration_since(due).as_secs_f64() * 1e3;
        ticks.push(Tick { due, ms });
    }
    listening.abort();
    Ok(ticks)
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// Waits for a message of this type, answering pings meanwhile.
async fn hear(socket: &mut Socket, kind: &str, patience: Duration) -> Result<()> {
    let listening = async {
        while let Some(message) = socket.next().await {
            let Message::Text(text) = message? else {
                continue;
            };
            let value: Value = serde_json::from_str(&text)?;
            match value["type"].as_str() {
                Some("ping") => socket.send(Message::text(r#"{"type":"pong"}"#)).await?,
                Some(heard) if heard == kind => return Ok(()),
                Some("error" | "complete") => bail!("the subscription ended: {text}"),
                _ => {}
            }
        }
        bail!("the socket was closed")
    };
    tokio::time::timeout(patience, listening)
        .await
        .with_context(|| format!("waiting for {kind}"))?
}
