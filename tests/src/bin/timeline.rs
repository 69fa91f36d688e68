//! How long a page of a timeline takes, whatever its depth, on both databases.
//!
//! `cargo run -p tests --bin timeline` fills the timeline of one contact with a million entries and
//! reads pages of 50; PostgreSQL is the one of `TEST_DATABASE_URL`. Figures: docs/performance.md.

use chrono::{DateTime, Utc};
use domain::{
    contact,
    fact::Of,
    page::{Cursor, Key, PageRequest},
    store::Query,
    timeline,
};
use entity::{id::ContactId, kind::TimelineKind};
use sea_orm::FromQueryResult;
use tests::support::{World, on_both};
use uuid::Uuid;

#[derive(FromQueryResult)]
struct Place {
    kind: String,
    at: DateTime<Utc>,
    subject_id: Uuid,
}

/// A million entries of one contact, through the triggers; half of them events, half email events.
async fn fill(world: &World, contact: ContactId) {
    let is_postgres = world.ctx.db.backend() == sea_orm::DatabaseBackend::Postgres;
    let (id, at) = if is_postgres {
        (
            "('00000001-0000-0000-0000-' || lpad(to_hex(i), 12, '0'))::uuid",
            "$3::timestamptz - i * interval '1 minute'",
        )
    } else {
        (
            "unhex(printf('%032x', i))",
            "strftime('%Y-%m-%dT%H:%M:%S+00:00', $3, '-' || i || ' minutes')",
        )
    };
    for (table, own, values) in [
        ("event", "name, properties", "'login', '{}'"),
        (
            "email_event",
            "email_key, recipient, kind, origin",
            "CAST(i AS text), 'a@b.example', 'SENT', 'UNKNOWN'",
        ),
    ] {
        Query::new(format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000)
             INSERT INTO {table} (workspace_id, id, contact_id, external_id, occurred_at,
                                  created_at, {own})
             SELECT $1, {id}, $2, CAST(i AS text), {at}, $3, {values} FROM n"
        ))
        .bind(world.owner.workspace)
        .bind(contact)
        .bind(world.ctx.clock.now())
        .execute(world.ctx.db.writer())
        .await
        .expect("an answer");
    }
}

fn main() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        world
            .receive(&[("a", "taro@customer.example", "Hello")])
            .await;
        let filter = contact::ContactFilter::default();
        let order = contact::ContactOrder::default();
        let found = contact::list(ctx, workspace, filter, order, &PageRequest::first(1)).await;
        let taro = found.expect("an answer").rows.remove(0).1.id;
        let started = std::time::Instant::now();
        fill(&world, taro).await;
        tracing::warn!(backend = ?ctx.db.backend(), seconds = ?started.elapsed(), "filled");
        let deep: Option<Place> = Query::new(
            "SELECT kind, at, subject_id FROM timeline_entry
             WHERE workspace_id = $1 AND contact_id = $2
             ORDER BY at DESC, subject_id DESC LIMIT 1 OFFSET 900000",
        )
        .bind(workspace)
        .bind(taro)
        .one(ctx.reader())
        .await
        .expect("an answer");
        let deep = deep.expect("an answer");
        let at = deep.at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        let cursor = Cursor {
            order: "timeline".to_owned(),
            key: Key::Text(format!("{at} {}", deep.kind)),
            id: deep.subject_id,
        };
        let rare = [TimelineKind::Message];
        for (what, kinds, after) in [
            ("first page of all kinds", &[][..], None),
            ("page at depth 900,000", &[][..], Some(cursor.encode())),
            ("first page of a rare kind", &rare[..], None),
        ] {
            let mut times = Vec::new();
            for _ in 0..101 {
                let page = PageRequest {
                    after: after.clone(),
                    ..PageRequest::first(50)
                };
                let started = std::time::Instant::now();
                let of = Of::Contact(taro);
                let read = timeline::list(ctx, workspace, of, kinds, &page).await;
                times.push(started.elapsed());
                let wanted = if kinds.is_empty() { 50 } else { 1 };
                assert_eq!(read.expect("an answer").rows.len(), wanted);
            }
            times.sort_unstable();
            tracing::warn!(median = ?times[50], p95 = ?times[95], "{what}");
        }
        world
    });
}
