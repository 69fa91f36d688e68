//! What waits for the clocks of the workspace goes on in the minute they turn.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::Stage;
use crate::support::on_both;

#[test]
fn who_waits_for_business_hours_goes_on_when_they_begin() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let opens: DateTime<Utc> = "2026-03-02T00:00:00Z".parse().unwrap();
        let waits = |condition: serde_json::Value| {
            json!({ "steps": [
                { "id": "open", "kind": { "waitFor": {
                    "condition": condition, "timeoutSeconds": 7 * 86_400, "onTimeout": "late",
                } } },
                { "id": "act", "kind": { "actions": ["tag done"] } },
                { "id": "end", "kind": "end" },
                { "id": "late", "kind": "end" },
            ] })
        };
        let business = waits(json!({ "businessHours": { "within": true } }));
        let morning = waits(json!({ "timeOfDay": {
            "weekdays": ["MONDAY"], "from": "09:00", "until": "18:00" } }));
        let (business, morning) = (
            stage.book("Business", &business).await,
            stage.book("Morning", &morning).await,
        );
        let taro = stage.person("Taro").await;
        let enrolled = [
            stage.enrol(&business, taro).await,
            stage.enrol(&morning, taro).await,
        ];
        stage.settle().await;
        // The test's clock begins on a Sunday at noon in Tokyo: nobody knows more than to look again.
        let hour = stage.world.ctx.clock.now() + TimeDelta::hours(1);
        for id in enrolled {
            assert_eq!(stage.now(id).await.due_at, Some(hour));
        }
        let almost = opens - TimeDelta::seconds(1_799);
        stage.pass(almost - stage.world.ctx.clock.now()).await;
        for id in enrolled {
            assert_eq!(stage.now(id).await.due_at, Some(opens));
        }
        stage.pass(opens - stage.world.ctx.clock.now()).await;
        for id in enrolled {
            assert_eq!(stage.stands(id).await, "DONE end");
        }
        stage.world
    });
}
