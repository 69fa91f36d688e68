//! Customers who are gone stay at risk, whatever time does to what is known of them.

use chrono::TimeDelta;
use entity::{id::ContactId, kind::HealthBand};

use super::{
    contacts,
    data::{Data, thriving},
    first_night, night, score, set_clock, tick,
};
use crate::support::{World, on_both};

/// The night so many days after the first.
async fn night_after(world: &World, days: i64) {
    let at = tick() + TimeDelta::days(days);
    set_clock(world, at);
    night(world, at).await;
}

async fn standing(world: &World, id: ContactId) -> (Option<f64>, HealthBand, f64) {
    let row = score(world, id).await;
    (row.score, row.band, row.coverage)
}

#[test]
fn a_customer_who_fell_silent_neither_recovers_nor_is_forgotten() {
    on_both(|world| async move {
        let id = contacts(&world, 1).await[0];
        thriving(id).insert(&world).await;
        first_night(&world).await;
        let first = standing(&world, id).await;
        assert_eq!(first, (Some(100.0), HealthBand::Healthy, 1.0));

        // They use and read nothing any more; what was clicked and answered is still in its window.
        night_after(&world, 30).await;
        let (fallen, ..) = standing(&world, id).await;
        assert_eq!(fallen, Some(40.0));
        // Then that is gone too, and nothing was sent for long: 0 of the two things they once did.
        for days in [100, 101, 200, 400, 800] {
            night_after(&world, days).await;
            let now = standing(&world, id).await;
            assert_eq!(now, (Some(0.0), HealthBand::AtRisk, 0.6), "{days} days");
        }
        world
    });
}

#[test]
fn help_long_ago_counts_no_more_and_who_still_waits_does() {
    on_both(|world| async move {
        let ids = contacts(&world, 2).await;
        let [answered, waits] = ids[..] else {
            unreachable!()
        };
        Data {
            conversations: vec![(answered, None), (waits, Some(1))],
            ..Data::default()
        }
        .insert(&world)
        .await;
        first_night(&world).await;
        let zero = serde_json::json!({ "support.waiting_hours": 0.0 });
        assert_eq!(score(&world, answered).await.inputs, zero);
        night_after(&world, 100).await;
        let nothing = serde_json::json!({});
        assert_eq!(score(&world, answered).await.inputs, nothing);
        let hours = serde_json::json!({ "support.waiting_hours": 2401.0 });
        assert_eq!(score(&world, waits).await.inputs, hours);
        world
    });
}

#[test]
fn a_better_band_is_not_come_into_because_a_bad_signal_is_gone() {
    on_both(|world| async move {
        let id = contacts(&world, 1).await[0];
        // Uses the product every day and reads none of the mails, the last of which was long ago.
        Data {
            events: (0..84).map(|day| (id, day)).collect(),
            emails: vec![(id, 80, 1, 0)],
            conversations: vec![(id, None)],
            ..Data::default()
        }
        .insert(&world)
        .await;
        first_night(&world).await;
        let first = standing(&world, id).await;
        assert_eq!(first, (Some(64.71), HealthBand::Neutral, 0.85));

        for days in [5, 6, 7] {
            night_after(&world, days).await;
            let (score, band, coverage) = standing(&world, id).await;
            assert!(score > Some(90.0), "{score:?}");
            assert_eq!((band, coverage), (HealthBand::Neutral, 0.55));
        }
        // Something they do is another matter.
        Data {
            active: vec![(id, 0)],
            ..Data::default()
        }
        .insert(&world)
        .await;
        night_after(&world, 8).await;
        let (score, band, _) = standing(&world, id).await;
        assert!(score < Some(90.0), "{score:?}");
        assert_eq!(band, HealthBand::Healthy);
        world
    });
}
