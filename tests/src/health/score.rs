//! From what is known to scores, and the lists they order.

use chrono::Days;
use domain::{
    health::{self, model::Model, points::Points},
    store::{Query, Rows},
};
use entity::{id::ContactId, kind::HealthBand};

use super::{
    contacts, count,
    data::{Data, thriving},
    first_night, score, scores, today,
};
use crate::support::on_both;

#[test]
fn what_is_shown_of_each_signal_adds_up_to_the_score() {
    on_both(|world| async move {
        let ids = contacts(&world, 60).await;
        Data::random(&ids, 7).insert(&world).await;
        first_night(&world).await;
        let rows = scores(&world, &ids).await;
        assert_eq!(rows.len(), 60);
        let known = rows.iter().filter(|row| row.score.is_some()).count();
        assert!((20..60).contains(&known), "{known}");
        for row in rows {
            let parts = health::contributions(&Model::default(), &row.inputs).unwrap();
            let sum: Points = parts.iter().map(|part| part.points).sum();
            assert_eq!(sum, Points::from_f64(row.score.unwrap_or_default()));
            assert_eq!(Some(row.rank), row.score.or(Some(-1.0)));
        }
        world
    });
}

#[test]
fn missing_data_is_unknown_and_having_stopped_is_bad() {
    on_both(|world| async move {
        let ids = contacts(&world, 4).await;
        let [nobody, thrives, stopped, talked] = ids[..] else {
            unreachable!()
        };
        thriving(thrives).insert(&world).await;
        Data {
            events: (84..90).map(|day| (stopped, day)).collect(),
            emails: vec![(stopped, 60, 1, 0)],
            conversations: vec![(talked, Some(100)), (talked, Some(3)), (stopped, Some(10))],
            ..Data::default()
        }
        .insert(&world)
        .await;
        first_night(&world).await;

        let row = score(&world, nobody).await;
        assert_eq!(
            (row.score, row.rank, row.band),
            (None, -1.0, HealthBand::Unknown)
        );
        assert_eq!(row.inputs, serde_json::json!({}));

        let row = score(&world, thrives).await;
        assert_eq!((row.score, row.coverage), (Some(100.0), 1.0));
        assert_eq!(row.band, HealthBand::Healthy);

        let row = score(&world, stopped).await;
        // Email 0 of 30, product 0 of 30, support (72 - 10) / 68 of 25.
        assert_eq!((row.score, row.coverage), (Some(26.82), 0.85));
        assert_eq!(row.band, HealthBand::AtRisk);

        // One area alone says too little, and the oldest of two conversations counts.
        let row = score(&world, talked).await;
        assert_eq!((row.score, row.coverage), (None, 0.25));
        assert_eq!(
            row.inputs,
            serde_json::json!({ "support.waiting_hours": 100.0 })
        );

        assert_eq!(count(&world, "health_history").await, 2);
        world
    });
}

#[test]
fn silence_after_emails_whose_opens_are_not_tracked_says_nothing() {
    on_both(|world| async move {
        let ids = contacts(&world, 5).await;
        let [never, silent, read, stopped, unwritten] = ids[..] else {
            unreachable!()
        };
        // Those of five days ago are not tracked, but that of the silent one is; so are all others.
        let emails = vec![
            (never, 5, 1, 0),
            (silent, 5, 1, 0),
            (read, 5, 1, 0),
            (read, 40, 1, 0),
            (stopped, 5, 1, 0),
            (stopped, 6, 1, 0),
            (unwritten, 40, 1, 0),
        ];
        Data {
            emails,
            active: vec![(read, 40), (stopped, 40), (unwritten, 40)],
            ..Data::default()
        }
        .insert(&world)
        .await;
        Query::new(
            "UPDATE email_day SET untracked = attempted
             WHERE workspace_id = $1 AND scope = 'CONTACT' AND scope_id <> $2 AND day = $3",
        )
        .bind(world.owner.workspace)
        .bind(silent)
        .bind(today() - Days::new(5))
        .execute(world.ctx.db.writer())
        .await
        .unwrap();
        first_night(&world).await;
        // Whether those who read before go on reading what is not tracked is not known either.
        for unknown in [never, read] {
            let row = score(&world, unknown).await;
            assert_eq!(row.inputs, serde_json::json!({}));
        }
        let expected = serde_json::json!({ "email.active_days": 0.0 });
        for known in [silent, stopped, unwritten] {
            assert_eq!(score(&world, known).await.inputs, expected);
        }
        world
    });
}

#[test]
fn lists_by_tag_follow_the_score() {
    on_both(|world| async move {
        let ids = contacts(&world, 30).await;
        Data::random(&ids, 19).insert(&world).await;
        let tags: [ContactId; 2] = [world.ctx.id(), world.ctx.id()];
        for tag in tags {
            Query::new(
                "INSERT INTO tag_rank (workspace_id, tag_id, target_id, score, taggings)
                 SELECT $1, $2, r.id, -1, 1 FROM {r}",
            )
            .bind(world.owner.workspace)
            .bind(tag)
            .rows("r", Rows::new().ids("id", ids.iter().copied()))
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        }
        first_night(&world).await;
        let wrong: Option<i64> = Query::new(
            "SELECT COUNT(*) FROM tag_rank AS t JOIN contact_health AS h
               ON h.workspace_id = t.workspace_id AND h.contact_id = t.target_id
             WHERE t.workspace_id = $1 AND t.score <> h.rank",
        )
        .bind(world.owner.workspace)
        .scalar(world.ctx.reader())
        .await
        .unwrap();
        assert_eq!(wrong, Some(0));
        world
    });
}
