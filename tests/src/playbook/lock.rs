//! In which order rows are held.

use std::time::Duration;

use domain::{
    access::Origin,
    action::{
        Action, Case, OutcomeResult, Performed, SendSurvey, StartPlaybook, perform, perform::By,
    },
    store::{Query, dialect},
    survey::{self, NewSurvey},
};
use entity::{
    id::{ContactId, RuleId},
    kind::SurveyKind,
};
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use uuid::Uuid;

use super::{Stage, wait_days};
use crate::support::on_both;

#[test]
fn who_is_asked_is_held_before_the_counts_of_a_playbook() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        let steps = json!({ "steps": [{ "id": "rest", "kind": wait_days(1) }] });
        let book = stage.book("Rest", &steps).await;
        let (enrolled, new) = (stage.person("Enrolled").await, stage.person("New").await);
        stage.enrol(&book, enrolled).await;
        stage.settle().await;
        let asks = NewSurvey {
            key: "rest".to_owned(),
            kind: SurveyKind::Nps,
            name: "Rested?".to_owned(),
            texts: Vec::new(),
            wave_days: 90,
            valid_days: 30,
        };
        let asks = survey::create(ctx, owner, asks).await.unwrap().id;
        let start = Action::StartPlaybook(StartPlaybook {
            playbook_id: book.id.0,
        });
        let ask = Action::SendSurvey(SendSurvey { survey_id: asks.0 });
        let performed = [(&start, new), (&ask, enrolled)].map(|(action, contact)| Performed {
            action,
            case: Case {
                contact: Some(contact),
                ..Case::default()
            },
            by: By {
                origin: Origin::Rule {
                    rule_id: RuleId(Uuid::nil()),
                    version: 1,
                },
                name: "Start and ask",
                cause: None,
                firing: None,
                not_before: None,
            },
        });

        // A batch of the playbook has somebody in hand whom a rule is about to ask.
        let batch = ctx.begin(owner.workspace).await.unwrap();
        let lock = dialect::row_lock(batch.connection().get_database_backend());
        let held: Option<ContactId> = Query::new(format!(
            "SELECT id FROM contact WHERE workspace_id = $1 AND id = $2 {lock}"
        ))
        .bind(owner.workspace)
        .bind(enrolled)
        .scalar(batch.connection())
        .await
        .unwrap();
        assert_eq!(held, Some(enrolled));
        let mut performing = Box::pin(async {
            let mut tx = ctx.begin(owner.workspace).await.unwrap();
            let outcomes = perform(ctx, &mut tx, &performed).await.unwrap();
            tx.commit().await.unwrap();
            outcomes
        });
        let early = tokio::time::timeout(Duration::from_millis(300), &mut performing).await;
        assert!(early.is_err(), "it has to wait: {early:?}");
        // The batch ends with its counts, which the rule must not have.
        Query::new(
            "UPDATE playbook_count SET number = number WHERE workspace_id = $1 AND playbook_id = $2",
        )
        .bind(owner.workspace)
        .bind(book.id)
        .execute(batch.connection())
        .await
        .unwrap();
        batch.commit().await.unwrap();
        let results: Vec<_> = performing.await.concat();
        let results: Vec<_> = results.into_iter().map(|one| one.result).collect();
        assert!(
            matches!(
                results[..],
                [
                    OutcomeResult::Enrolled { .. },
                    OutcomeResult::NoEmailAddress
                ]
            ),
            "{results:?}"
        );
        assert_eq!(stage.tally(book.id, 1, "").await.enrolled, 2);
        stage.world
    });
}
