//! What is told beside a score: how it changed, and when it was last computed.

use chrono::{DateTime, TimeDelta, Utc};
use domain::contact::{self, NewContact};
use serde_json::json;

use super::{
    data::{Data, thriving},
    first_night, night, set_clock, tick, touch,
};
use crate::{access::house::Door, support::on_both};

#[test]
fn a_score_says_how_it_changed_and_when_it_was_last_computed() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewContact {
            name: "Taro".to_owned(),
            ..NewContact::default()
        };
        let id = contact::create(ctx, owner, new).await.unwrap().id;
        thriving(id).insert(&world).await;
        let door = Door::new(ctx);
        let document = "query($id: ID!) { contact(id: $id) { health { score asOf computedAt
            trend { in7Days in30Days in90Days } } } }";
        let variables = json!({ "id": id.to_string() });
        let after = |days| tick() + TimeDelta::days(days);

        first_night(&world).await;
        let found = door.must(owner, document, variables.clone()).await;
        let nothing = json!({ "in7Days": null, "in30Days": null, "in90Days": null });
        assert_eq!(found["health"]["trend"], nothing, "{found}");

        // 100, then 40, then 0, where it stays.
        for days in [30, 100, 105] {
            set_clock(&world, after(days));
            night(&world, after(days)).await;
        }
        let found = door.must(owner, document, variables).await;
        let health = &found["health"];
        assert_eq!(health["score"], 0.0);
        let trend = json!({ "in7Days": -40.0, "in30Days": -40.0, "in90Days": -100.0 });
        assert_eq!(health["trend"], trend);
        let at = |field: &str| -> DateTime<Utc> {
            let text = health[field].as_str().expect("a time");
            text.parse().expect("a time")
        };
        assert_eq!((at("asOf"), at("computedAt")), (after(100), after(105)));
        world
    });
}

#[test]
fn a_change_says_that_only_what_is_usual_is_another() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewContact {
            name: "Taro".to_owned(),
            ..NewContact::default()
        };
        let id = contact::create(ctx, owner, new).await.unwrap().id;
        let used = Data {
            events: (0..6).chain(30..50).map(|day| (id, day)).collect(),
            active: (0..12).map(|day| (id, day)).collect(),
            ..Data::default()
        };
        used.insert(&world).await;
        first_night(&world).await;
        // Days of two months ago are told late.
        let late = Data {
            events: (50..54).map(|day| (id, day)).collect(),
            ..Data::default()
        };
        late.insert(&world).await;
        world.clock.advance(TimeDelta::minutes(1));
        touch(&world, &[id]).await;

        let document = "query($id: ID!) { contact(id: $id) { healthHistory(first: 1) { nodes {
            change { difference signals {
              signal before after baselineBefore baselineAfter points } } } } } }";
        let door = Door::new(ctx);
        let found = door
            .must(owner, document, json!({ "id": id.to_string() }))
            .await;
        let change = &found["healthHistory"]["nodes"][0]["change"];
        let signals = change["signals"].as_array().unwrap();
        let usage = signals
            .iter()
            .find(|one| one["signal"] == "product.active_days");
        let expected = json!({
            "signal": "product.active_days", "before": 6.0, "after": 6.0,
            "baselineBefore": 10.0, "baselineAfter": 12.0, "points": change["difference"],
        });
        assert_eq!(usage, Some(&expected), "{change}");
        assert!(change["difference"].as_f64().unwrap() < 0.0, "{change}");
        world
    });
}
