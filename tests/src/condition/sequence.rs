//! One thing after another, and days by the clocks of their time.

use chrono::{DateTime, Utc};
use domain::{
    condition::{Moment, sql::select},
    store::Rows,
};
use entity::{id::Id as _, kind::SubjectKind};
use serde_json::{Value, json};
use uuid::Uuid;

use super::people::{People, condition, id};
use crate::support::on_both;

/// Writes events of one contact: what, and when.
async fn tell(people: &People, who: &str, events: &[(&str, &str)]) {
    let times = events
        .iter()
        .map(|(_, at)| -> DateTime<Utc> { at.parse().unwrap() });
    let rows = Rows::new()
        .uuids("id", (0..events.len()).map(|n| id(70_000 + n as u128)))
        .ids("contact_id", events.iter().map(|_| people.ids[who]))
        .texts("name", events.iter().map(|event| event.0))
        .times("at", times);
    people
        .run(
            "INSERT INTO event (workspace_id, id, contact_id, external_id, name, properties,
                                occurred_at, created_at)
             SELECT $1, r.id, r.contact_id, 'sequence' || CAST(r.id AS text), r.name, '{}', r.at, $2
             FROM {r} WHERE true",
            rows,
        )
        .await;
}

/// Whether a condition holds of somebody at a moment in a zone.
async fn holds(people: &People, who: &str, at: &str, zone: chrono_tz::Tz, stored: &Value) -> bool {
    let (ctx, workspace) = (&people.world.ctx, people.world.owner.workspace);
    let moment = Moment::usual(at.parse().unwrap(), zone);
    let (backend, subject) = (ctx.db.backend(), SubjectKind::Contact);
    let ids = [people.ids[who].uuid()];
    let query = select(
        backend,
        workspace,
        &moment,
        &condition(stored),
        subject,
        &ids,
    );
    let found: Vec<Uuid> = query.column(ctx.reader()).await.unwrap();
    !found.is_empty()
}

#[test]
fn what_did_not_follow_is_known_when_its_days_have_passed() {
    on_both(|world| async move {
        let people = People::new(world).await;
        let events = [
            ("started", "2026-02-01T12:00:00Z"),
            // At the same moment is not after it.
            ("invited", "2026-02-01T12:00:00Z"),
            ("started", "2026-02-10T12:00:00Z"),
            // A second too late.
            ("invited", "2026-02-17T12:00:01Z"),
        ];
        tell(&people, "dai", &events).await;
        let after = |happened: bool, count: i64| {
            json!({"events": {"names": ["started"],
                "followedBy": {"names": ["invited"], "withinDays": 7, "happened": happened},
                "tests": [{"measure": "COUNT", "is": {"equals": count}}]}})
        };
        let tokyo = chrono_tz::Asia::Tokyo;
        for (at, happened, count) in [
            ("2026-02-08T11:59:59Z", false, 0),
            ("2026-02-08T12:00:00Z", false, 1),
            ("2026-02-17T11:59:59Z", false, 1),
            ("2026-02-17T12:00:00Z", false, 2),
            ("2026-03-01T00:00:00Z", true, 0),
        ] {
            let found = holds(&people, "dai", at, tokyo, &after(happened, count)).await;
            assert!(found, "{at} {happened} {count}");
        }
        let eight = json!({"events": {"names": ["started"],
            "followedBy": {"names": ["invited"], "withinDays": 8}}});
        assert!(holds(&people, "dai", "2026-03-01T00:00:00Z", tokyo, &eight).await);
        people.world
    });
}

#[test]
fn a_day_is_counted_by_the_clocks_of_that_day() {
    on_both(|world| async move {
        let people = People::new(world).await;
        // In New York both are on the first of November by summer time; by winter time, in which it is asked,
        // the first would be on the day before.
        let events = [
            ("visited", "2025-11-01T04:30:00Z"),
            ("visited", "2025-11-01T20:00:00Z"),
            ("visited", "2026-01-10T04:30:00Z"),
            ("visited", "2026-01-10T20:00:00Z"),
        ];
        tell(&people, "dai", &events).await;
        let days = |count: i64| {
            json!({"events": {"names": ["visited"],
                "tests": [{"measure": "DAYS", "is": {"equals": count}}]}})
        };
        for (zone, expected) in [
            (chrono_tz::America::New_York, 3),
            (chrono_tz::Asia::Tokyo, 4),
            (chrono_tz::UTC, 2),
        ] {
            for at in ["2026-02-01T00:00:00Z", "2026-07-01T00:00:00Z"] {
                let found = holds(&people, "dai", at, zone, &days(expected)).await;
                assert!(found, "{zone} {at}");
            }
        }
        people.world
    });
}
