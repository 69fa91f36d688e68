//! Taking enrolments under way to another version.

use chrono::TimeDelta;
use domain::{
    playbook::{self, Landing, PlaybookChange, Shift, Shifted, StepMove},
    store::Query,
};
use entity::{id::PlaybookId, kind::PlaybookState, playbook::Model};
use serde_json::{Value, json};

use super::{Stage, refusals, wait_days};
use crate::support::{World, on_both};

impl Stage {
    /// Gives a playbook another version, published or not.
    async fn next(&self, book: &Model, told: &Value, publish: bool) -> i64 {
        let change = PlaybookChange {
            definition: Some(self.definition(told)),
            publish,
            ..PlaybookChange::default()
        };
        let changed = playbook::update(&self.world.ctx, &self.world.owner, book.id, change).await;
        changed.expect("a version").latest_version
    }

    async fn shift(&self, asked: Shift, dry_run: bool) -> domain::error::Result<Shifted> {
        playbook::shift(&self.world.ctx, &self.world.owner, asked, dry_run).await
    }

    /// Whether what is counted is what there is, in each version and at each step.
    async fn counts_are_right(&self, book: PlaybookId, versions: i64) {
        for version in 1..=versions {
            let count = Query::new(
                "SELECT COUNT(*) FROM enrolment WHERE workspace_id = $1 AND playbook_id = $2
                   AND version = $3 AND ended_at IS NULL",
            )
            .bind(self.world.owner.workspace)
            .bind(book)
            .bind(version)
            .scalar(self.world.ctx.reader())
            .await;
            let there: Option<i64> = count.expect("a count");
            let whole = self.tally(book, version, "").await;
            assert_eq!(Some(whole.here), there, "version {version}");
            let gone = whole.passed + whole.goal + whole.exited + whole.cancelled + whole.failed;
            assert_eq!(whole.enrolled, whole.here + gone + whole.moved, "{version}");
        }
    }
}

fn to(book: &Model, version: i64, steps: &[(&str, &str)]) -> Shift {
    let steps = steps.iter().map(|(from, to)| StepMove {
        from: (*from).to_owned(),
        to: (*to).to_owned(),
    });
    Shift {
        playbook: book.id,
        version,
        from: Vec::new(),
        steps: steps.collect(),
    }
}

fn landing(step: &str, here: i64, to: Option<&str>, is_anew: bool) -> Landing {
    Landing {
        version: 1,
        step: step.to_owned(),
        here,
        to: to.map(str::to_owned),
        is_anew,
    }
}

#[test]
fn nobody_goes_by_themselves_and_whoever_is_taken_lands_where_it_was_said() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let first = json!({ "steps": [
            { "id": "which", "kind": { "branch": [{ "condition": "has vip", "next": "call" }] }, "next": "rest" },
            { "id": "call", "kind": wait_days(20), "next": "end" },
            { "id": "rest", "kind": wait_days(10) },
            { "id": "act", "kind": { "actions": ["tag hot"] } },
            { "id": "end", "kind": "end" },
        ] });
        let book = stage.book("Book", &first).await;
        let (taro, hana) = (stage.person("Taro").await, stage.person("Hana").await);
        stage.tag(hana, stage.vip).await;
        let resting = stage.enrol(&book, taro).await;
        let called = stage.enrol(&book, hana).await;
        stage.settle().await;
        stage.pass(TimeDelta::days(4)).await;
        // The wait becomes five days, the call goes, and another tag is put on.
        let second = json!({ "steps": [
            { "id": "rest", "kind": wait_days(5) },
            { "id": "act", "kind": { "actions": ["tag done"] } },
        ] });
        assert_eq!(stage.next(&book, &second, true).await, 2);
        stage.settle().await;
        for id in [resting, called] {
            assert_eq!(stage.now(id).await.version, 1);
        }
        let asked = to(&book, 2, &[]);
        let said = stage.shift(asked.clone(), true).await.unwrap();
        let expected = [
            landing("call", 1, None, false),
            landing("rest", 1, Some("rest"), false),
        ];
        assert_eq!(said.landings, expected);
        assert!(said.operation.is_none());
        stage.operate().await;
        assert_eq!(stage.now(resting).await.version, 1);

        let done = stage.shift(asked, false).await.unwrap();
        assert_eq!(done.landings, expected);
        let operation = done.operation.unwrap().id;
        stage.operate().await;
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        let operation = domain::operation::find(ctx, owner.workspace, operation).await;
        let counts = operation.unwrap().unwrap().progress["counts"].clone();
        assert_eq!(counts, json!({ "moved": 1, "stayed": 1 }));
        stage.settle().await;
        assert_eq!(stage.now(called).await.version, 1);
        assert_eq!(stage.now(resting).await.version, 2);
        assert_eq!(stage.stands(resting).await, "WAITING rest");
        stage.counts_are_right(book.id, 2).await;
        // Five days from when they came, not ten, and not five from now.
        stage.pass(TimeDelta::hours(23)).await;
        assert_eq!(stage.stands(resting).await, "WAITING rest");
        stage.pass(TimeDelta::hours(1)).await;
        assert_eq!(stage.stands(resting).await, "DONE act");
        assert_eq!(stage.tags(taro).await, [stage.done]);
        let history = stage.history(resting).await;
        assert_eq!(
            history,
            ["which BRANCHED", "rest MOVED", "rest WAITED", "act ACTED"]
        );

        // Those who had no place are given one, and come to it anew.
        let asked = to(&book, 2, &[("call", "act")]);
        let done = stage.shift(asked, false).await.unwrap();
        assert_eq!(done.landings, [landing("call", 1, Some("act"), true)]);
        stage.operate().await;
        stage.settle().await;
        assert_eq!(stage.stands(called).await, "DONE act");
        assert!(stage.tags(hana).await.contains(&stage.done));
        stage.counts_are_right(book.id, 2).await;
        let overall = playbook::load_overall(ctx, owner.workspace, &[book.id]).await;
        let overall = overall.unwrap().remove(&book.id).unwrap();
        assert_eq!((overall.whole.enrolled, overall.whole.passed), (2, 2));
        assert_eq!((overall.whole.here, overall.whole.moved), (0, 0));
        assert_eq!(overall.steps["rest"].tally.moved, 1);
        assert_eq!(
            (
                overall.steps["act"].newest,
                overall.steps["act"].tally.passed
            ),
            (2, 2)
        );
        assert_eq!(overall.steps["call"].newest, 1);
        stage.world
    });
}

#[test]
fn goals_of_the_new_version_count_at_once_and_only_the_versions_named_are_left() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let rest = |goal: &str| {
            json!({
                "steps": [{ "id": "rest", "kind": wait_days(10) }],
                "goals": [{ "name": "Won", "condition": goal }],
            })
        };
        let book = stage.book("Book", &rest("has hot")).await;
        let (old, new) = (stage.person("Old").await, stage.person("New").await);
        let on_first = stage.enrol(&book, old).await;
        stage.settle().await;
        stage.next(&book, &rest("has hot"), true).await;
        let on_second = stage.enrol(&book, new).await;
        stage.settle().await;
        stage.next(&book, &rest("has vip"), true).await;
        for person in [old, new] {
            stage.tag(person, stage.vip).await;
        }
        stage.settle().await;
        assert_eq!(stage.stands(on_first).await, "WAITING rest");
        let asked = Shift {
            from: vec![2],
            ..to(&book, 3, &[])
        };
        stage.shift(asked, false).await.unwrap();
        stage.operate().await;
        stage.settle().await;
        assert_eq!(stage.stands(on_first).await, "WAITING rest");
        assert_eq!(stage.stands(on_second).await, "GOAL rest");
        // What the new version listens for, it hears from now on.
        stage.shift(to(&book, 3, &[]), false).await.unwrap();
        stage.operate().await;
        stage.settle().await;
        assert_eq!(stage.stands(on_first).await, "GOAL rest");
        stage.counts_are_right(book.id, 3).await;
        stage.world
    });
}

#[test]
fn what_makes_no_sense_is_refused_and_moves_nobody() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let told = json!({ "steps": [{ "id": "rest", "kind": wait_days(10) }] });
        let book = stage.book("Book", &told).await;
        stage.next(&book, &told, false).await;
        for (asked, expected) in [
            (to(&book, 9, &[]), "version NotFound"),
            (to(&book, 2, &[]), "version Invalid"),
            (to(&book, 1, &[("a", "b")]), "steps.0.to NotFound"),
            (
                to(&book, 1, &[("a", "rest"), ("a", "rest")]),
                "steps.1.from Invalid",
            ),
            (
                to(&book, 1, &[("rest", "rest"), ("nope", "rest")]),
                "steps.1.from NotFound",
            ),
            (
                Shift {
                    from: vec![1, 3],
                    ..to(&book, 1, &[])
                },
                "fromVersions.1 NotFound",
            ),
        ] {
            for dry_run in [true, false] {
                let refused = stage.shift(asked.clone(), dry_run).await;
                assert_eq!(refusals(refused), [expected]);
            }
        }
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let refused = playbook::shift(ctx, &stranger, to(&book, 1, &[]), true).await;
        assert_eq!(refusals(refused), ["playbookId NotFound"]);
        let archived = playbook::set_state(ctx, owner, book.id, PlaybookState::Archived).await;
        archived.unwrap();
        let refused = stage.shift(to(&book, 1, &[]), true).await;
        assert_eq!(refusals(refused), ["playbookId Invalid"]);
        stage.operate().await;
        stage.world
    });
}
