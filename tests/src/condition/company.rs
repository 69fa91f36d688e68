//! Conditions about an account, which its people make together: on accounts, and on the people.

use chrono::TimeDelta;
use domain::{
    account::{self, NewAccount},
    condition::{self, Context, Moment, Use, evaluate::evaluate, facts::Holders, sql::select},
    store::{Query, Rows},
};
use entity::{
    id::{AccountId, Id as _},
    kind::SubjectKind,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::people::{People, condition, id};
use crate::support::on_both;

/// Whether a condition holds of an account, by both ways of asking, which must agree.
async fn holds(people: &People, account: Uuid, stored: &Value) -> bool {
    let (ctx, workspace) = (&people.world.ctx, people.world.owner.workspace);
    let moment = Moment::usual(ctx.clock.now(), chrono_tz::Asia::Tokyo);
    let condition = condition(stored);
    let refused = condition::check(&condition, Context::Account, Use::Segment);
    assert!(refused.is_empty(), "{stored}: {refused:?}");
    let (backend, subject) = (ctx.db.backend(), SubjectKind::Account);
    let query = select(backend, workspace, &moment, &condition, subject, &[account]);
    let found: Vec<Uuid> = query.column(ctx.reader()).await.unwrap();
    let holders = Holders {
        account: Some(account),
        ..Holders::default()
    };
    let cases = [(&condition, holders)];
    let verdicts = evaluate(ctx.reader(), workspace, &moment, &cases).await;
    assert_eq!(verdicts.unwrap(), [!found.is_empty()], "{stored}");
    !found.is_empty()
}

async fn company(people: &People) -> AccountId {
    let new = NewAccount {
        name: "Nobody Inc".to_owned(),
        ..NewAccount::default()
    };
    let (ctx, owner) = (&people.world.ctx, &people.world.owner);
    account::create(ctx, owner, new).await.unwrap().id
}

async fn score(people: &People, who: &str, score: f64) {
    let rows = Rows::new()
        .ids("id", [people.ids[who]])
        .reals("score", [score]);
    people
        .run(
            "UPDATE contact_health SET score = r.score, as_of = $2 FROM {r}
             WHERE contact_health.workspace_id = $1 AND contact_health.contact_id = r.id",
            rows,
        )
        .await;
}

/// The edges of the bands, as a new version of the model.
async fn edges(people: &People, version: i64, healthy: f64, neutral: f64) {
    let (ctx, workspace) = (&people.world.ctx, people.world.owner.workspace);
    let bands =
        json!({"healthy_from": healthy, "neutral_from": neutral, "margin": 2.0, "evaluations": 2});
    Query::new(
        "INSERT INTO health_model (workspace_id, id, version, definition, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(workspace)
    .bind(id(80_000 + version as u128))
    .bind(version)
    .bind(json!({"version": 1, "signals": [], "min_coverage": 0.3, "bands": bands}))
    .bind(json!({}))
    .bind(ctx.clock.now())
    .execute(ctx.db.writer())
    .await
    .unwrap();
}

#[test]
fn an_account_is_in_the_band_of_its_mean_by_the_edges_in_use() {
    on_both(|world| async move {
        let people = People::new(world).await;
        let band = |band: &str| json!({"health": {"of": "ACCOUNT", "bands": [band]}});
        let nobody = company(&people).await.uuid();
        for word in ["HEALTHY", "NEUTRAL", "AT_RISK", "UNKNOWN"] {
            assert!(!holds(&people, nobody, &band(word)).await, "{word}");
        }
        assert!(holds(&people, people.account, &band("HEALTHY")).await);
        // One is well and one is not: together they are neither.
        score(&people, "eri", 20.0).await;
        assert!(holds(&people, people.account, &band("NEUTRAL")).await);
        edges(&people, 1, 50.0, 20.0).await;
        assert!(holds(&people, people.account, &band("HEALTHY")).await);
        edges(&people, 2, 90.0, 50.01).await;
        assert!(holds(&people, people.account, &band("AT_RISK")).await);
        assert!(!holds(&people, people.account, &band("HEALTHY")).await);
        people.world
    });
}

#[test]
fn an_account_did_something_when_any_of_its_people_did() {
    on_both(|world| async move {
        let people = People::new(world).await;
        let nobody = company(&people).await.uuid();
        let now = people.world.ctx.clock.now();
        let ago = |days: i64| now - TimeDelta::days(days);
        let rows = Rows::new()
            .ids("id", [people.ids["aki"], people.ids["eri"]])
            .times("at", [ago(90), ago(40)]);
        people
            .run(
                "UPDATE contact_activity SET last_activity_at = r.at FROM {r}
                 WHERE contact_activity.workspace_id = $1 AND contact_activity.contact_id = r.id
                   AND $2 IS NOT NULL",
                rows,
            )
            .await;
        let silent = |days: i64| json!({"account": {"lastActivity": {"moreThanDaysAgo": days}}});
        let known = json!({"account": {"lastActivity": {"isSet": true}}});
        assert!(holds(&people, people.account, &silent(30)).await);
        assert!(!holds(&people, people.account, &silent(60)).await);
        assert!(holds(&people, people.account, &known).await);
        assert!(!holds(&people, nobody, &known).await);
        assert!(!holds(&people, nobody, &silent(30)).await);
        people.world
    });
}
