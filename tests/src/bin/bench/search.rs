//! How fast searches are: `bench search`, on a database of its own.
//!
//! Contacts and messages are written as rows, indexed by the index's own steps, and searched through
//! the use case, without HTTP.

use std::{collections::BTreeMap, time::Instant};

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    access::Actor,
    ctx::Ctx,
    page::PageRequest,
    search::{Kind, Needle, find, upkeep},
    store::{Query, Rows},
};
use entity::id::{ContactId, ConversationId, Id as _, InboxId, MessageId};

use crate::report::{count, quantile, row, say, table};

const BATCH: u64 = 5_000;
const RUNS: usize = 40;

const FAMILIES: [&str; 12] = [
    "田中", "佐藤", "鈴木", "高橋", "王", "李", "张", "陈", "Smith", "Garcia", "Taylor", "Tanaka",
];
const GIVEN: [&str; 12] = [
    "太郎", "花子", "健太", "美咲", "伟", "芳", "秀英", "磊", "James", "Marta", "Tanya", "Peter",
];
const HOSTS: [&str; 5] = [
    "gmail.com",
    "yahoo.co.jp",
    "outlook.com",
    "qq.com",
    "example.co.jp",
];
const SENTENCES: [&str; 6] = [
    "株式会社東京商事の田中です。お見積りをお願いできますでしょうか。",
    "いつもお世話になっております。契約の更新についてご相談があります。",
    "请问贵公司的产品在北京可以购买吗？谢谢。",
    "Could you tell me when the invoice for last month will be sent?",
    "パートナーシップの件、来週の火曜日に打ち合わせできますか。",
    "The export stops at 10,000 rows and the page shows an error.",
];

/// Searched by every run: frequent, rare, none, in several scripts, of one to many characters.
const QUERIES: [&str; 13] = [
    "ta",
    "gmail",
    "株式会社",
    "田中",
    "王",
    "秀英",
    "a",
    "tanaka",
    "契約の更新",
    "person777777",
    // In no sentence, though each of its pairs is in one of the two English ones.
    "portherror",
    "東京都港区",
    "zzqx",
];

/// Fills the workspace and measures.
pub(crate) async fn run(ctx: &Ctx, owner: &Actor, contacts: u64, messages: u64) -> Result<()> {
    let start = Instant::now();
    let inbox = domain::inbox::list(ctx, owner.workspace).await?[0].id;
    for first in (0..contacts).step_by(BATCH as usize) {
        write_contacts(ctx, owner, first..contacts.min(first + BATCH)).await?;
    }
    let conversation = write_conversation(ctx, owner, inbox).await?;
    for first in (0..messages).step_by(BATCH as usize) {
        let numbers = first..messages.min(first + BATCH);
        write_messages(ctx, owner, (inbox, conversation), numbers).await?;
    }
    say(format!(
        "\n{} contacts and {} messages, written in {:.1} s.",
        count(contacts as f64),
        count(messages as f64),
        start.elapsed().as_secs_f64()
    ));
    index(ctx, owner, contacts + messages).await?;
    searches(ctx, owner).await
}

/// Indexes everything as after an upgrade.
async fn index(ctx: &Ctx, owner: &Actor, things: u64) -> Result<()> {
    for kind in ["CONTACT", "MESSAGE"] {
        Query::new("INSERT INTO search_backfill (workspace_id, kind) VALUES ($1, $2)")
            .bind(owner.workspace)
            .bind(kind)
            .execute(ctx.db.writer())
            .await?;
    }
    let (start, mut steps) = (Instant::now(), Vec::new());
    loop {
        let step = Instant::now();
        let tx = ctx.begin(owner.workspace).await?;
        let more = upkeep::step(&tx, 1).await?;
        tx.commit().await?;
        steps.push(step.elapsed().as_secs_f64() * 1_000.0);
        if !more {
            break;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    steps.sort_unstable_by(f64::total_cmp);
    let bytes = Query::new("SELECT COALESCE(SUM(LENGTH(data)), 0) AS n FROM search_block");
    let bytes: Vec<i64> = bytes.column(ctx.reader()).await?;
    table(
        "Indexing, merges included",
        &[
            "things",
            "seconds",
            "things/s",
            "steps",
            "p50 ms",
            "p99 ms",
            "highest ms",
            "bytes a thing",
        ],
    );
    let each = bytes.first().copied().unwrap_or_default() as f64 / things as f64;
    row(&[
        count(things as f64),
        format!("{seconds:.1}"),
        count(things as f64 / seconds),
        steps.len().to_string(),
        format!("{:.1}", quantile(&steps, 0.5)),
        format!("{:.1}", quantile(&steps, 0.99)),
        format!("{:.1}", quantile(&steps, 1.0)),
        format!("{each:.0}"),
    ]);
    Ok(())
}

async fn searches(ctx: &Ctx, owner: &Actor) -> Result<()> {
    table(
        "First page of 20 (target < 20 ms)",
        &[
            "query",
            "hits on it",
            "first ms",
            "p50 ms",
            "p99 ms",
            "second page p50 ms",
        ],
    );
    for query in QUERIES {
        let Ok(Some(needle)) = Needle::parse(query, &["query"]) else {
            continue;
        };
        let (mut times, mut seconds) = (Vec::new(), Vec::new());
        let mut hits = 0;
        for _ in 0..RUNS {
            let start = Instant::now();
            let page = PageRequest::first(20);
            let found = find(ctx, owner.workspace, &needle, &Kind::ALL, &page).await?;
            times.push(start.elapsed().as_secs_f64() * 1_000.0);
            hits = found.rows.len();
            if let Some((cursor, _)) = found.rows.last().filter(|_| found.has_next) {
                let page = PageRequest {
                    after: Some(cursor.clone()),
                    ..page
                };
                let start = Instant::now();
                find(ctx, owner.workspace, &needle, &Kind::ALL, &page).await?;
                seconds.push(start.elapsed().as_secs_f64() * 1_000.0);
            }
        }
        // Told by itself: the first search of all also makes connections and plans.
        let first = times.remove(0);
        times.sort_unstable_by(f64::total_cmp);
        seconds.sort_unstable_by(f64::total_cmp);
        row(&[
            query.to_owned(),
            hits.to_string(),
            format!("{first:.1}"),
            format!("{:.1}", quantile(&times, 0.5)),
            format!("{:.1}", quantile(&times, 0.99)),
            format!("{:.1}", quantile(&seconds, 0.5)),
        ]);
    }
    Ok(())
}

fn at(ctx: &Ctx, number: u64, of: u64) -> DateTime<Utc> {
    ctx.clock.now() - TimeDelta::seconds((of - number.min(of)) as i64)
}

fn pick<'a>(list: &[&'a str], number: u64, salt: u64) -> &'a str {
    // A multiplicative hash: neighbours get different values.
    let hash = (number + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    list[hash as usize % list.len()]
}

async fn write_contacts(ctx: &Ctx, owner: &Actor, numbers: std::ops::Range<u64>) -> Result<()> {
    let rows: BTreeMap<ContactId, u64> = numbers.map(|number| (ctx.id(), number)).collect();
    let names: Vec<String> = rows
        .values()
        .map(|&n| format!("{} {}", pick(&FAMILIES, n, 1), pick(&GIVEN, n, 7)))
        .collect();
    let emails: Vec<String> = rows
        .values()
        .map(|n| format!("person{n}@{}", pick(&HOSTS, *n, 3)))
        .collect();
    let tx = ctx.begin(owner.workspace).await?;
    Query::new(
        "INSERT INTO contact (workspace_id, id, name, name_key, email, created_at, updated_at)
         SELECT $1, r.id, r.name, r.name_key, r.email, r.at, r.at FROM {r}",
    )
    .bind(owner.workspace)
    .rows(
        "r",
        Rows::new()
            .ids("id", rows.keys().copied())
            .texts("name", names.iter().map(String::as_str))
            .texts(
                "name_key",
                names.iter().map(|name| domain::text::name_key(name)),
            )
            .texts("email", emails.iter().map(String::as_str))
            .times("at", rows.values().map(|&n| at(ctx, n, 2_000_000))),
    )
    .execute(tx.connection())
    .await?;
    Query::new(
        "INSERT INTO contact_identity (workspace_id, kind, value, contact_id, created_at)
         SELECT $1, 'EMAIL', r.email, r.id, $2 FROM {r}",
    )
    .bind(owner.workspace)
    .bind(ctx.clock.now())
    .rows(
        "r",
        Rows::new()
            .ids("id", rows.keys().copied())
            .texts("email", emails.iter().map(String::as_str)),
    )
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(())
}

async fn write_conversation(ctx: &Ctx, owner: &Actor, inbox: InboxId) -> Result<ConversationId> {
    let contact: Option<ContactId> = Query::new("SELECT id FROM contact LIMIT 1")
        .scalar(ctx.reader())
        .await?;
    let id: ConversationId = ctx.id();
    Query::new(
        "INSERT INTO conversation (workspace_id, id, inbox_id, contact_id, subject, status,
             created_at, first_message_at, last_message_at, last_message_id, messages)
         VALUES ($1, $2, $3, $4, '', 'OPEN', $5, $5, $5, $2, 0)",
    )
    .bind(owner.workspace)
    .bind(id)
    .bind(inbox)
    .bind(contact.unwrap_or_else(|| ctx.id()))
    .bind(ctx.clock.now())
    .execute(ctx.db.writer())
    .await?;
    Ok(id)
}

async fn write_messages(
    ctx: &Ctx,
    owner: &Actor,
    (inbox, conversation): (InboxId, ConversationId),
    numbers: std::ops::Range<u64>,
) -> Result<()> {
    let rows: BTreeMap<MessageId, u64> = numbers.map(|number| (ctx.id(), number)).collect();
    let bodies = rows.values().map(|&n| {
        let sentences = (0..4).map(|salt| pick(&SENTENCES, n, salt * 11));
        format!("{} {n}", sentences.collect::<Vec<_>>().join("\n"))
    });
    let tx = ctx.begin(owner.workspace).await?;
    Query::new(
        "INSERT INTO message (workspace_id, id, conversation_id, contact_id, inbox_id, external_id,
             direction, author, automatic, subject, body, sent_at, created_at)
         SELECT $1, r.id, $2, $4, $3, r.external_id, 'INBOUND', 'CONTACT', $5, '', r.body, r.at, r.at
         FROM {r}",
    )
    .bind(owner.workspace)
    .bind(conversation)
    .bind(inbox)
    .bind(conversation.uuid())
    .bind(false)
    .rows(
        "r",
        Rows::new()
            .ids("id", rows.keys().copied())
            .texts("external_id", rows.values().map(ToString::to_string))
            .texts("body", bodies)
            .times("at", rows.values().map(|&n| at(ctx, n, 5_000_000))),
    )
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(())
}
