//! The questions about behaviour that a workspace must answer over millions of events: `bench behaviour`.
//!
//! Events are written by `generate_series`, into the table and the roll-ups that taking them in keeps
//! (days, and when somebody was last active); their entries on timelines, which no condition reads, are left
//! out, so the trigger that writes them is dropped for it. The change log does not hear of them either: nobody
//! was there to be told. Each question is then asked as rules ask it, as segments follow a change, and as a
//! preview of everybody, beside the same answer by one plain statement.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use domain::{
    condition::{
        Condition, Moment,
        facts::{Holders, MessageFacts, TagSet},
        known::Known,
        matcher::{Gate, Matcher, RuleSource, Scratch, Wanted},
    },
    event::{self, NewEvent},
    segment::{self, NewSegment, preview::preview},
    store::Query,
};
use entity::{
    id::Id as _,
    kind::{Author, Channel, SegmentSubject},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    psql::psql,
    report::{count, quantile, row, say, table},
    run::Run,
    seed::{contact_id, email, popular, tag_id},
    segment::{Place, follow, settle},
};

/// Events of one statement.
const STEP: usize = 1_000_000;
/// How often each question is asked of one contact.
const TIMES: usize = 500;
/// How often everybody is looked at.
const PREVIEWS: usize = 31;
/// The tag of the user group, by how many use it.
const GROUP: u64 = 3;

/// A question, as it is stored and as a plain statement about the contact `c`.
struct Question {
    name: &'static str,
    condition: Condition,
    plain: String,
}

/// Fills and measures.
pub(crate) async fn run(run: &Run) -> Result<()> {
    let events = run.plan.events.unwrap_or(10_000_000);
    fill(run, events).await?;
    let questions = questions()?;
    one_contact(run, &questions).await?;
    everybody(run, &questions).await?;
    segments(run, &questions).await
}

fn questions() -> Result<Vec<Question>> {
    let group = tag_id(popular(GROUP)).0;
    let told = |stored: Value| -> Result<Condition> { Ok(serde_json::from_value(stored)?) };
    let own = "e.workspace_id = c.workspace_id AND e.contact_id = c.id";
    Ok(vec![
        Question {
            name: "read the same article 4 times and more than 20 minutes, no trial",
            condition: told(json!({"all": [
                {"events": {"names": ["article_read"], "sameProperty": "article", "tests": [
                    {"measure": "COUNT", "is": {"atLeast": 4}},
                    {"measure": "SUM", "property": "minutes", "is": {"moreThan": 20}},
                ]}},
                {"not": {"events": {"names": ["trial_started"]}}},
            ]}))?,
            plain: format!(
                "EXISTS (SELECT 1 FROM event e WHERE {own} AND e.name = 'article_read'
                         GROUP BY e.properties ->> 'article' HAVING COUNT(*) >= 4
                            AND SUM(CAST(e.properties ->> 'minutes' AS double precision)) > 20)
                 AND NOT EXISTS (SELECT 1 FROM event e WHERE {own} AND e.name = 'trial_started')"
            ),
        },
        Question {
            name: "bought the same more than 5 times, then not for 3 months",
            condition: told(json!({"events": {
                "names": ["purchase"], "sameProperty": "product", "tests": [
                    {"measure": "COUNT", "is": {"moreThan": 5}},
                    {"measure": "DAYS_SINCE_LAST", "is": {"atLeast": 90}},
                ],
            }}))?,
            plain: format!(
                "EXISTS (SELECT 1 FROM event e WHERE {own} AND e.name = 'purchase'
                         GROUP BY e.properties ->> 'product' HAVING COUNT(*) > 5
                            AND MAX(e.occurred_at) <= now() - interval '90 days')"
            ),
        },
        Question {
            name: "in the user group, nothing for 60 days",
            condition: told(json!({"all": [
                {"contactTags": {"mode": "ANY", "tagIds": [group], "withDescendants": true}},
                {"not": {"events": {"withinDays": 60}}},
            ]}))?,
            plain: format!(
                "EXISTS (SELECT 1 FROM tag_rank r WHERE r.workspace_id = c.workspace_id
                           AND r.target_id = c.id AND r.tag_id = '{group}')
                 AND NOT EXISTS (SELECT 1 FROM event e WHERE {own}
                                   AND e.occurred_at >= now() - interval '60 days')"
            ),
        },
    ])
}

/// Writes the events: somebody's reading, buying and logging in over a year, which ended a hundred days ago
/// for three in ten.
async fn fill(run: &Run, events: usize) -> Result<()> {
    let (workspace, contacts) = (run.owner.workspace.uuid(), run.plan.contacts);
    let start = Instant::now();
    // Six indexes are made in a third of the time that filling them row by row takes.
    let indexes = "FROM pg_indexes i WHERE i.tablename = 'event' AND i.indexname <> 'event_pkey'";
    let (_, names) = psql(
        &run.url,
        &format!("SELECT string_agg(i.indexname, ', ') {indexes}"),
    )?;
    let (_, made) = psql(&run.url, &format!("SELECT i.indexdef || ';' {indexes}"))?;
    let bare = format!("DROP TRIGGER timeline_event_added ON event; DROP INDEX {names}");
    psql(&run.url, &bare)?;
    let mut from = 0;
    while from < events {
        let to = (from + STEP).min(events) - 1;
        psql(
            &run.url,
            &format!(
                "INSERT INTO event (workspace_id, id, contact_id, external_id, name, properties,
                                    occurred_at, created_at)
                 SELECT '{workspace}',
                        CAST('01900000-0000-7000-8006-' || lpad(to_hex(e.n), 12, '0') AS uuid),
                        CAST('01900000-0000-7000-8000-' || lpad(to_hex(e.c), 12, '0') AS uuid),
                        'seed-' || e.n, e.name,
                        CASE e.name
                        WHEN 'article_read' THEN jsonb_build_object('article', 'a' || (e.c * 7 + e.thing) % 500,
                                                                    'minutes', round(e.chance * 8) / 4)
                        WHEN 'purchase' THEN jsonb_build_object('product', 'p' || (e.c * 3 + e.thing) % 40,
                                                                'amount', round(e.chance * 200))
                        ELSE '{{}}' END, e.at, e.at
                 FROM (SELECT d.n, d.c, d.chance, CAST(floor(d.few * d.few * 12) AS bigint) AS thing,
                              CASE WHEN d.kind < 0.55 THEN 'article_read' WHEN d.kind < 0.85 THEN 'login'
                                   WHEN d.kind < 0.998 OR d.c % 2 = 0 THEN 'purchase'
                                   ELSE 'trial_started' END AS name,
                              now() - d.since * interval '365 days'
                                    - CASE WHEN d.c % 10 < 3 THEN interval '100 days'
                                           ELSE interval '0' END AS at
                       FROM (SELECT n, n * {contacts} / {events} AS c, random() AS kind, random() AS few,
                                    random() AS chance, random() AS since
                             FROM generate_series(CAST({from} AS bigint), {to}) AS n) AS d) AS e"
            ),
        )?;
        from = to + 1;
    }
    psql(&run.url, &made)?;
    psql(
        &run.url,
        &format!(
            "INSERT INTO event_day (workspace_id, contact_id, day, events)
             SELECT e.workspace_id, e.contact_id, CAST(e.occurred_at AT TIME ZONE 'UTC' AS date), COUNT(*)
             FROM event e WHERE e.workspace_id = '{workspace}' GROUP BY 1, 2, 3;
             UPDATE contact_activity a SET last_activity_at = e.at
             FROM (SELECT contact_id, MAX(occurred_at) AS at FROM event
                   WHERE workspace_id = '{workspace}' GROUP BY contact_id) AS e
             WHERE a.workspace_id = '{workspace}' AND a.contact_id = e.contact_id
               AND a.last_activity_at < e.at"
        ),
    )?;
    run.analyze().await?;
    say(format!(
        "\n{} events of {} contacts with their days, written in {:.0} s; they have no entries on timelines \
         and are not in the change log.",
        count(events as f64),
        count(contacts as f64),
        start.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Each question about one contact, by chance: as a rule asks it, and as a statement of its own.
async fn one_contact(run: &Run, questions: &[Question]) -> Result<()> {
    table(
        "A question about one contact, as a rule's condition",
        &[
            "question",
            "p50 ms",
            "p99 ms",
            "the plain statement, p50 ms",
            "p99 ms",
            "p50 to that of the statement (no target was set)",
            "holds for, in a hundred",
        ],
    );
    for question in questions {
        let mut chance = StdRng::seed_from_u64(17);
        let matcher = Matcher::compile(vec![rule(&question.condition)])?;
        let (mut asked, mut plain, mut holding) = (Vec::new(), Vec::new(), 0);
        for _ in 0..TIMES {
            let contact = contact_id(chance.random_range(0..run.plan.contacts)).0;
            let start = Instant::now();
            let fires = as_rule(run, &matcher, contact).await?;
            asked.push(start.elapsed().as_secs_f64() * 1e3);
            let start = Instant::now();
            let holds = as_statement(run, question, contact).await?;
            plain.push(start.elapsed().as_secs_f64() * 1e3);
            ensure!(fires == holds, "{}: {contact}", question.name);
            holding += usize::from(fires);
        }
        asked.sort_by(f64::total_cmp);
        plain.sort_by(f64::total_cmp);
        let [half, most] = [0.5, 0.99].map(|share| quantile(&asked, share));
        let [plain_half, plain_most] = [0.5, 0.99].map(|share| quantile(&plain, share));
        row(&[
            question.name.to_owned(),
            format!("{half:.2}"),
            format!("{most:.2}"),
            format!("{plain_half:.2}"),
            format!("{plain_most:.2}"),
            format!("{:.1}", half / plain_half),
            format!("{:.1}", holding as f64 / TIMES as f64 * 100.0),
        ]);
    }
    Ok(())
}

fn rule(condition: &Condition) -> RuleSource {
    RuleSource {
        id: Uuid::from_u128(1),
        version: 1,
        position: 0,
        gate: Gate {
            inbox_ids: Vec::new(),
            channels: Vec::new(),
            authors: vec![Author::Contact],
        },
        condition: condition.clone(),
    }
}

/// Whether a rule with the condition fires on a message of the contact: the tags are read, the matcher says
/// what it has to know, and judges once it does.
async fn as_rule(run: &Run, matcher: &Matcher, contact: Uuid) -> Result<bool> {
    let (reader, workspace) = (run.ctx.reader(), run.owner.workspace);
    let now = Moment::of(reader, workspace, run.ctx.clock.now()).await?;
    let tags: Vec<Uuid> = Query::new(
        "SELECT r.tag_id FROM tag_rank r WHERE r.workspace_id = $1 AND r.target_id = $2",
    )
    .bind(workspace)
    .bind(contact)
    .column(reader)
    .await?;
    let (tags, none) = (TagSet::new(Vec::new(), tags), TagSet::default());
    let facts = MessageFacts {
        inbox_id: Uuid::from_u128(1),
        channel: Channel::Email,
        author: Author::Contact,
        automatic: false,
        subject: "",
        body: "",
        moment: now.clone(),
        holders: Holders {
            contact: Some(contact),
            ..Holders::default()
        },
        contact_tags: &tags,
        conversation_tags: &none,
    };
    let (mut known, mut scratch) = (Known::default(), Scratch::default());
    let mut fires = matcher.evaluate(&facts, &known, &now, &mut scratch);
    if scratch.is_undecided() {
        let mut wanted = Wanted::default();
        wanted.add(&scratch);
        matcher
            .learn(reader, workspace, &now, &wanted, &mut known)
            .await?;
        fires = matcher.evaluate(&facts, &known, &now, &mut scratch);
    }
    Ok(!fires.is_empty())
}

async fn as_statement(run: &Run, question: &Question, contact: Uuid) -> Result<bool> {
    let holds: Option<bool> = Query::new(format!(
        "SELECT {} FROM contact c WHERE c.workspace_id = $1 AND c.id = $2",
        question.plain
    ))
    .bind(run.owner.workspace)
    .bind(contact)
    .scalar(run.ctx.reader())
    .await?;
    holds.context("the contact")
}

/// Each question about everybody: the preview of a segment, which looks at an even part of many, and one
/// plain statement about all.
async fn everybody(run: &Run, questions: &[Question]) -> Result<()> {
    table(
        "A question about everybody, as the preview of a segment",
        &[
            "question",
            "p50 ms",
            "p99 ms",
            "contacts looked at",
            "found",
            "µs for each",
            "one plain statement about all, s",
            "found",
            "µs for each",
            "to that of the statement (no target was set)",
        ],
    );
    for question in questions {
        let mut asked = Vec::new();
        let mut last = None;
        for _ in 0..PREVIEWS {
            let start = Instant::now();
            let found = preview(
                &run.ctx,
                &run.owner,
                SegmentSubject::Contact,
                &question.condition,
            );
            last = Some(found.await?);
            asked.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let last = last.context("a preview")?;
        let (seconds, found) = psql(
            &run.url,
            &format!(
                "SELECT COUNT(*) FROM contact c WHERE c.workspace_id = '{}' AND {}",
                run.owner.workspace.uuid(),
                question.plain
            ),
        )?;
        asked.sort_by(f64::total_cmp);
        let each = quantile(&asked, 0.5) * 1e3 / last.evaluated as f64;
        let plain = seconds * 1e6 / run.plan.contacts as f64;
        row(&[
            question.name.to_owned(),
            format!("{:.0}", quantile(&asked, 0.5)),
            format!("{:.0}", quantile(&asked, 0.99)),
            count(last.evaluated as f64),
            count(last.count as f64),
            format!("{each:.1}"),
            format!("{seconds:.2}"),
            count(found.parse()?),
            format!("{plain:.1}"),
            format!("{:.1}", each / plain),
        ]);
    }
    Ok(())
}

/// Each question as a segment: filling it, and how soon all three are current after an event.
async fn segments(run: &Run, questions: &[Question]) -> Result<()> {
    let (ctx, owner) = (&run.ctx, &run.owner);
    let place = Place {
        ctx,
        owner,
        contacts: run.plan.contacts,
        postmaster: run.postmaster,
    };
    settle(ctx, owner).await?;
    table(
        "A question about everybody, as a segment that is filled",
        &["question", "members", "seconds", "contacts/s"],
    );
    for question in questions {
        let start = Instant::now();
        let new = NewSegment {
            name: question.name.to_owned(),
            description: String::new(),
            subject: SegmentSubject::Contact,
            condition: Some(question.condition.clone()),
        };
        let made = segment::create(ctx, owner, new).await?;
        settle(ctx, owner).await?;
        let seconds = start.elapsed().as_secs_f64();
        let members: Option<i64> = Query::new(
            "SELECT s.member_count FROM segment s WHERE s.workspace_id = $1 AND s.id = $2",
        )
        .bind(owner.workspace)
        .bind(made.id)
        .scalar(ctx.reader())
        .await?;
        row(&[
            question.name.to_owned(),
            count(members.unwrap_or_default() as f64),
            format!("{seconds:.1}"),
            count(run.plan.contacts as f64 / seconds),
        ]);
    }
    let mut chance = StdRng::seed_from_u64(19);
    let mut waits = Vec::new();
    for number in 0..TIMES {
        let name = ["article_read", "purchase", "trial_started"][number % 3];
        let told = NewEvent {
            external_id: format!("behaviour-{number}"),
            whose: email(chance.random_range(0..run.plan.contacts)).into(),
            name: name.to_owned(),
            properties: json!({ "article": "a1", "minutes": 3, "product": "p1" }),
            occurred_at: ctx.clock.now(),
        };
        event::ingest(ctx, owner, vec![told]).await?;
        let start = Instant::now();
        follow(&place).await?;
        waits.push(start.elapsed().as_secs_f64() * 1e3);
    }
    waits.sort_by(f64::total_cmp);
    table(
        "One event, until the three segments are current",
        &["p50 ms (no target was set)", "p99 ms"],
    );
    row(&[0.5, 0.99].map(|share| format!("{:.1}", quantile(&waits, share))));
    Ok(())
}
