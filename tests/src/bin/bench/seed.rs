//! A workspace of the size to be measured, written set by set.
//!
//! Ids are counted up, so that a load generator can name a random contact or tag without asking for
//! it. Everything else is drawn from a generator that starts the same each time.

use std::collections::BTreeSet;

use anyhow::Result;
use chrono::{DateTime, Days, TimeDelta, Utc};
use domain::{
    access::Actor,
    ctx::Ctx,
    inbox,
    store::{Query, Rows},
    text::name_key,
};
use entity::{
    id::{ContactId, InboxId, TagId},
    kind::{
        Author, ConversationStatus, Direction, EmailScope, HealthBand, IdentityKind, TagKind,
        TagTarget,
    },
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use uuid::Uuid;

/// The first part of counted ids, up to the group that tells what is counted.
const PREFIX: u128 = 0x0190_0000_0000_7000_8000_0000_0000_0000;
const STEP: u64 = 5_000;
/// Tags of contacts: 12 trees of 56.
pub(crate) const TAGS: u64 = 672;
/// What has the shape of a sentence people write.
const SUBJECTS: [&str; 6] = [
    "請求書の送付先変更について",
    "Question about our invoice",
    "关于发票抬头的问题",
    "導入のご相談",
    "Webhook delivery is delayed",
    "账户无法登录",
];
const FAMILY: [&str; 6] = ["佐藤", "鈴木", "王", "李", "Smith", "Garcia"];
const GIVEN: [&str; 6] = ["陽菜", "蓮", "伟", "芳", "Alice", "Bruno"];

fn counted(group: u128, number: u64) -> Uuid {
    Uuid::from_u128(PREFIX + (group << 48) + u128::from(number))
}

/// The contact of this number.
pub(crate) fn contact_id(number: u64) -> ContactId {
    counted(0, number).into()
}

/// The tag of this number.
pub(crate) fn tag_id(number: u64) -> TagId {
    counted(1, number).into()
}

/// The tag that is the `rank`-th most used one, from zero.
pub(crate) fn popular(rank: u64) -> u64 {
    rank * 397 % TAGS
}

/// The address of the contact of this number.
pub(crate) fn email(number: u64) -> String {
    format!("p{number}@customer{}.example", number % 997)
}

/// Writes `contacts` contacts with all that belongs to them.
pub(crate) async fn fill(ctx: &Ctx, actor: &Actor, contacts: u64) -> Result<()> {
    let inbox = inbox::list(ctx, actor.workspace).await?[0].id;
    let mut chance = StdRng::seed_from_u64(7);
    tags(ctx, actor).await?;
    let weights: Vec<f64> = (0..TAGS)
        .scan(0.0, |sum, rank| {
            *sum += 1.0 / (rank + 1) as f64;
            Some(*sum)
        })
        .collect();
    let mut from = 0;
    while from < contacts {
        let numbers: Vec<u64> = (from..contacts.min(from + STEP)).collect();
        people(ctx, actor, &numbers, &mut chance).await?;
        talk(ctx, actor, inbox, &numbers, &mut chance).await?;
        taggings(ctx, actor, &numbers, &weights, &mut chance).await?;
        emails(ctx, actor, &numbers, &mut chance).await?;
        from += STEP;
    }
    derive(ctx, actor).await
}

async fn tags(ctx: &Ctx, actor: &Actor) -> Result<()> {
    let parent = |number: u64| match number % 56 {
        0 => None,
        1..=5 => Some(number - number % 56),
        below => Some(number - below + 1 + (below - 6) / 10),
    };
    let name = |number: u64| format!("札{number:03} tag 标签");
    // A tag must be there before those below it.
    for level in [0..1, 1..6, 6..56] {
        let numbers: Vec<u64> = (0..TAGS).filter(|n| level.contains(&(n % 56))).collect();
        let rows = Rows::new()
            .ids("id", numbers.iter().map(|&n| tag_id(n)))
            .opt_ids("parent_id", numbers.iter().map(|&n| parent(n).map(tag_id)))
            .texts("name", numbers.iter().map(|&n| name(n)))
            .texts("name_key", numbers.iter().map(|&n| name_key(&name(n))));
        run(
            ctx,
            Query::new(
                "INSERT INTO tag (workspace_id, id, kind, parent_id, name, name_key, description,
                                  colour, created_by, created_at, updated_at)
                 SELECT $1, r.id, $2, r.parent_id, r.name, r.name_key, '', '#808080', $3, $4, $4
                 FROM {r}",
            )
            .bind(actor.workspace)
            .bind(TagKind::Contact.word())
            .bind(actor.origin().json())
            .bind(ctx.clock.now())
            .rows("r", rows),
        )
        .await?;
    }
    let mut links = Vec::new();
    for number in 0..TAGS {
        let (mut above, mut distance) = (Some(number), 0);
        while let Some(ancestor) = above {
            links.push((number, ancestor, distance));
            (above, distance) = (parent(ancestor), distance + 1);
        }
    }
    let rows = Rows::new()
        .ids("tag_id", links.iter().map(|link| tag_id(link.0)))
        .ids("ancestor_id", links.iter().map(|link| tag_id(link.1)))
        .ints("distance", links.iter().map(|link| link.2));
    let query = Query::new(
        "INSERT INTO tag_closure (workspace_id, tag_id, ancestor_id, distance)
         SELECT $1, r.tag_id, r.ancestor_id, r.distance FROM {r}",
    );
    run(ctx, query.bind(actor.workspace).rows("r", rows)).await
}

async fn people(ctx: &Ctx, actor: &Actor, numbers: &[u64], chance: &mut StdRng) -> Result<()> {
    let now = ctx.clock.now();
    let ids = || Rows::new().ids("id", numbers.iter().map(|&n| contact_id(n)));
    let name = |n: u64| {
        let (family, given) = (FAMILY[n as usize % 6], GIVEN[n as usize / 6 % 6]);
        format!("{family} {given} {n}")
    };
    let made: Vec<_> = numbers
        .iter()
        .map(|_| now - TimeDelta::minutes(chance.random_range(200_000..400_000)))
        .collect();
    let rows = ids()
        .texts("name", numbers.iter().map(|&n| name(n)))
        .texts("name_key", numbers.iter().map(|&n| name_key(&name(n))))
        .texts("email", numbers.iter().map(|&n| email(n)))
        .times("made", made);
    for (table, columns, cells) in [
        (
            "contact",
            "id, name, name_key, email, created_at, updated_at",
            "r.id, r.name, r.name_key, r.email, r.made, r.made".to_owned(),
        ),
        (
            "contact_identity",
            "kind, value, contact_id, created_at",
            format!("'{}', r.email, r.id, r.made", IdentityKind::Email.word()),
        ),
    ] {
        let query = Query::new(format!(
            "INSERT INTO {table} (workspace_id, {columns}) SELECT $1, {cells} FROM {{r}}"
        ));
        run(ctx, query.bind(actor.workspace).rows("r", rows.clone())).await?;
    }
    let query = Query::new(
        "INSERT INTO contact_health (workspace_id, contact_id, model_version, rank, band,
                                     band_streak, coverage, inputs, as_of)
         SELECT $1, r.id, 0, -1, $2, 0, 0, $3, r.made FROM {r}",
    );
    let query = query
        .bind(actor.workspace)
        .bind(HealthBand::Unknown.word())
        .bind(json!({}));
    run(ctx, query.rows("r", rows)).await
}

/// A conversation each, of a question and an answer.
async fn talk(
    ctx: &Ctx,
    actor: &Actor,
    inbox: InboxId,
    numbers: &[u64],
    chance: &mut StdRng,
) -> Result<()> {
    let now = ctx.clock.now();
    let asked: Vec<DateTime<Utc>> = numbers
        .iter()
        .map(|_| now - TimeDelta::seconds(chance.random_range(9_000..7_000_000)))
        .collect();
    let subject = |n: u64| SUBJECTS[n as usize % SUBJECTS.len()];
    let rows = Rows::new()
        .uuids("id", numbers.iter().map(|&n| counted(2, n)))
        .ids("contact_id", numbers.iter().map(|&n| contact_id(n)))
        .uuids("question_id", numbers.iter().map(|&n| counted(3, n)))
        .uuids("answer_id", numbers.iter().map(|&n| counted(4, n)))
        .texts("key", numbers.iter().map(|n| format!("seed-{n}")))
        .texts("subject", numbers.iter().map(|&n| subject(n)))
        .texts(
            "body",
            numbers
                .iter()
                .map(|&n| format!("{}。{}", subject(n), subject(n + 1)).repeat(3)),
        )
        .times("asked", asked.iter().copied())
        .times(
            "answered",
            asked.iter().map(|&at| at + TimeDelta::minutes(90)),
        );
    let conversation = Query::new(
        "INSERT INTO conversation (workspace_id, id, inbox_id, contact_id, subject, status,
             created_at, first_message_at, last_message_at, last_message_id, messages)
         SELECT $1, r.id, $2, r.contact_id, r.subject, $3, r.asked, r.asked, r.answered,
                r.answer_id, 2 FROM {r}",
    );
    let conversation = conversation
        .bind(actor.workspace)
        .bind(inbox)
        .bind(ConversationStatus::Open.word());
    run(ctx, conversation.rows("r", rows.clone())).await?;
    for (id, at, direction, author) in [
        ("question_id", "asked", Direction::Inbound, Author::Contact),
        ("answer_id", "answered", Direction::Outbound, Author::Member),
    ] {
        let message = Query::new(format!(
            "INSERT INTO message (workspace_id, id, conversation_id, contact_id, inbox_id,
                 external_id, direction, author, automatic, subject, body, sent_at, created_at)
             SELECT $1, r.{id}, r.id, r.contact_id, $2, r.key || $3, $3, $4, $5, r.subject, r.body,
                    r.{at}, r.{at} FROM {{r}}"
        ));
        let message = message
            .bind(actor.workspace)
            .bind(inbox)
            .bind(direction.word())
            .bind(author.word())
            .bind(false);
        run(ctx, message.rows("r", rows.clone())).await?;
    }
    let activity = Query::new(
        "INSERT INTO contact_activity (workspace_id, contact_id, last_activity_at,
                                       last_message_id, last_message_at)
         SELECT $1, r.contact_id, r.asked, r.answer_id, r.answered FROM {r}",
    );
    run(ctx, activity.bind(actor.workspace).rows("r", rows)).await
}

/// About four tags each; a few tags have most of them.
async fn taggings(
    ctx: &Ctx,
    actor: &Actor,
    numbers: &[u64],
    weights: &[f64],
    chance: &mut StdRng,
) -> Result<()> {
    let mut pairs = Vec::new();
    for &number in numbers {
        let count = chance.random_range(2..=6);
        let mut chosen = BTreeSet::new();
        while chosen.len() < count {
            let point = chance.random_range(0.0..weights[weights.len() - 1]);
            chosen.insert(weights.partition_point(|&sum| sum <= point) as u64);
        }
        pairs.extend(chosen.into_iter().map(|rank| (number, popular(rank))));
    }
    let rows = Rows::new()
        .uuids(
            "id",
            pairs.iter().map(|(n, tag)| counted(5, n * TAGS + tag)),
        )
        .ids("tag_id", pairs.iter().map(|pair| tag_id(pair.1)))
        .ids("target_id", pairs.iter().map(|pair| contact_id(pair.0)));
    let query = Query::new(
        "INSERT INTO tagging (workspace_id, id, tag_id, target, target_id, added_at, added_by,
                              added_reason)
         SELECT $1, r.id, r.tag_id, $2, r.target_id, $3, $4, '' FROM {r}",
    );
    let query = query
        .bind(actor.workspace)
        .bind(TagTarget::Contact.word())
        .bind(ctx.clock.now())
        .bind(actor.origin().json());
    run(ctx, query.rows("r", rows)).await
}

/// Six emails in the last thirty days, half of them opened.
async fn emails(ctx: &Ctx, actor: &Actor, numbers: &[u64], chance: &mut StdRng) -> Result<()> {
    let today = ctx.clock.now().date_naive();
    let (mut contacts, mut days, mut opened) = (Vec::new(), Vec::new(), Vec::new());
    for &number in numbers {
        for slot in 0..6 {
            let back = slot * 5 + chance.random_range(0..5);
            contacts.push(contact_id(number));
            days.push(today - Days::new(back));
            opened.push(i64::from(chance.random_bool(0.5)));
        }
    }
    let rows = Rows::new()
        .ids("contact_id", contacts)
        .dates("day", days)
        .ints("opened", opened);
    let query = Query::new(
        "INSERT INTO email_day (workspace_id, scope, scope_id, day, attempted, delivered,
             human_openers, openers, human_clickers, clickers, replied, hard_bounced, soft_bounced,
             blocked, complained, unsubscribed, human_opens, machine_opens, human_clicks,
             machine_clicks, timed_replies, reply_seconds)
         SELECT $1, $2, r.contact_id, r.day, 1, 1, r.opened, r.opened, 0, 0, 0, 0, 0, 0, 0, 0,
                r.opened, 1, 0, 0, 0, 0 FROM {r}",
    );
    let query = query.bind(actor.workspace).bind(EmailScope::Contact.word());
    run(ctx, query.rows("r", rows.clone())).await?;
    let query = Query::new(
        "INSERT INTO email_active_day (workspace_id, contact_id, day, acts)
         SELECT $1, r.contact_id, r.day, 1 FROM {r} WHERE r.opened = 1",
    );
    run(ctx, query.bind(actor.workspace).rows("r", rows)).await
}

/// What follows from the taggings: the rank index and the counters, with all their shards.
async fn derive(ctx: &Ctx, actor: &Actor) -> Result<()> {
    let ranks = Query::new(
        "INSERT INTO tag_rank (workspace_id, tag_id, target_id, score, taggings)
         SELECT g.workspace_id, l.ancestor_id, g.target_id, -1.0, COUNT(*)
         FROM tagging g
         JOIN tag_closure l ON l.workspace_id = g.workspace_id AND l.tag_id = g.tag_id
         WHERE g.workspace_id = $1
         GROUP BY g.workspace_id, l.ancestor_id, g.target_id",
    );
    run(ctx, ranks.bind(actor.workspace)).await?;
    let shards = Rows::new().ints("shard", 0..4);
    let counts = Query::new(
        "INSERT INTO tag_count (workspace_id, tag_id, target, shard, direct, total)
         SELECT $1, t.tag_id, $2, r.shard,
                CASE WHEN r.shard = 0 THEN (SELECT COUNT(*) FROM tagging g
                    WHERE g.workspace_id = $1 AND g.tag_id = t.tag_id) ELSE 0 END,
                CASE WHEN r.shard = 0 THEN t.total ELSE 0 END
         FROM (SELECT tag_id, COUNT(*) AS total FROM tag_rank WHERE workspace_id = $1
               GROUP BY tag_id) AS t
         CROSS JOIN {r}",
    );
    let counts = counts.bind(actor.workspace).bind(TagTarget::Contact.word());
    run(ctx, counts.rows("r", shards)).await
}

async fn run(ctx: &Ctx, query: Query) -> Result<()> {
    query.execute(ctx.db.writer()).await?;
    Ok(())
}
