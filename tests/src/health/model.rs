//! Models, and how a history explains itself by them.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::{
    access::{Scope, ScopeSet},
    error::Error,
    health::{
        self,
        model::{Category, Definition, Model},
        points::Points,
    },
    page::PageRequest,
};
use entity::{
    contact_health,
    id::{Id as _, WorkspaceId},
    kind::Role,
};
use serde_json::json;

use super::{contacts, count, crowd, data::thriving, first_night, night, scores, set_clock, tick};
use crate::{access::house::Door, support::on_both};

#[test]
fn a_new_model_is_applied_to_everybody_and_explains_itself() {
    on_both(|world| async move {
        let ids = crowd(&world).await;
        first_night(&world).await;
        world.clock.advance(TimeDelta::minutes(5));
        let mut definition = Definition::default();
        definition.categories.insert(Category::Email, 300);
        definition.min_coverage = 0.3;
        let saved = health::save_model(&world.ctx, &world.owner, definition)
            .await
            .unwrap();
        assert_eq!((saved.model.version, saved.applied_at), (1, None));
        world.drain().await;
        let workspace = world.owner.workspace;
        let current = health::current_model(&world.ctx, workspace).await.unwrap();
        assert_eq!(current.applied_at, Some(world.ctx.clock.now()));
        let rows = scores(&world, &ids).await;
        assert!(rows.iter().all(|row| row.model_version == 1));

        let mut explained = 0;
        for row in rows.iter().filter(|row| row.score.is_some()) {
            let page = PageRequest::first(10);
            let page = health::history(&world.ctx, workspace, row.contact_id, &page)
                .await
                .unwrap();
            let entry = &page.rows[0].1;
            assert_eq!(
                (entry.score, entry.cause.as_str()),
                (row.score, "health_model.changed")
            );
            let delta = health::change(&world.ctx, workspace, entry).await.unwrap();
            let Some(delta) = delta.filter(|delta| delta.difference.is_some()) else {
                continue;
            };
            assert_eq!(Some(delta.model), delta.difference);
            explained += i32::from(delta.model != Points(0));
        }
        assert!(explained > 50, "{explained}");
        world
    });
}

#[test]
fn what_a_model_would_make_of_everybody_is_shown_before_it_is_saved() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let ids = crowd(&world).await;
        first_night(&world).await;
        let before = scores(&world, &ids).await;
        let mut definition = Definition::default();
        definition.categories.insert(Category::Email, 300);
        definition.bands.healthy_from = 90.0;
        let tried = health::preview_model(ctx, owner, definition.clone()).await;
        let tried = tried.unwrap();
        assert!(tried.is_exact);
        assert_eq!(tried.evaluated, ids.len() as i64);
        assert_eq!(tried.population, ids.len() as i64);
        assert_eq!(scores(&world, &ids).await, before, "nothing is written");
        assert_eq!(count(&world, "health_model").await, 0);

        health::save_model(ctx, owner, definition).await.unwrap();
        world.drain().await;
        let after = scores(&world, &ids).await;
        let mut moves = BTreeMap::new();
        for (before, after) in before.iter().zip(&after) {
            *moves.entry((before.band, after.band)).or_insert(0) += 1;
        }
        assert_eq!(tried.moves, moves);
        assert!(moves.keys().any(|(from, to)| from != to), "{moves:?}");
        let mean = |rows: &[contact_health::Model]| {
            let known = rows.iter().filter_map(|row| row.score);
            known.clone().sum::<f64>() / known.count() as f64
        };
        for (told, rows) in [(tried.previous_mean, &before), (tried.mean, &after)] {
            let told = told.unwrap().as_f64();
            assert!((told - mean(rows)).abs() < 0.006, "{told}");
        }
        assert_eq!(tried.effects.len(), health::preview::SHOWN);
        let mut last = i64::MAX;
        for effect in &tried.effects {
            let place = ids.binary_search(&effect.contact).unwrap();
            let (before, after) = (&before[place], &after[place]);
            assert_eq!(before.score, Some(effect.previous_score.as_f64()));
            assert_eq!(after.score, Some(effect.score.as_f64()));
            assert_eq!(
                (before.band, after.band),
                (effect.previous_band, effect.band)
            );
            let points: Points = effect.contributions.iter().map(|part| part.points).sum();
            assert_eq!(points, effect.score);
            let difference = (effect.score - effect.previous_score).0.abs();
            assert!(difference > 0 && difference <= last);
            last = difference;
        }
        // What cannot be saved is refused in the same way.
        let mut unsound = Definition::default();
        unsound.signals[0].weight = 0;
        unsound.min_coverage = 2.0;
        let saved = health::save_model(ctx, owner, unsound.clone()).await;
        let tried = health::preview_model(ctx, owner, unsound).await;
        let (Err(Error::Refused(saved)), Err(Error::Refused(tried))) = (saved, tried) else {
            panic!("it was taken");
        };
        assert_eq!(tried, saved);
        world
    });
}

#[test]
fn a_model_can_be_made_of_what_is_suggested_for_each_signal() {
    on_both(|world| async move {
        let door = Door::new(&world.ctx);
        let document = "{ healthSignals {
            name unit maxWindowDays suggestedWindowDays suggestedCurve {
              ... on HealthLinearCurve { bad good } ... on HealthBaselineCurve { grace } } } }";
        let signals = door.must(&world.owner, document, json!({})).await;
        let signal = |name: &str| {
            let mut all = signals.as_array().unwrap().iter();
            all.find(|signal| signal["name"] == name).unwrap().clone()
        };
        let expected = json!({
            "name": "billing.overdue_share", "unit": "overdue invoices per invoice",
            "maxWindowDays": 365, "suggestedWindowDays": 365,
            "suggestedCurve": { "bad": 0.5, "good": 0.0 },
        });
        assert_eq!(signal("billing.overdue_share"), expected);
        let waiting = signal("support.waiting_hours");
        assert_eq!(waiting["maxWindowDays"], json!(null));
        let used = signal("product.active_days");
        assert_eq!(used["maxWindowDays"], 180);
        assert_eq!(used["suggestedCurve"], json!({ "grace": 0.15 }));
        let save = "mutation($input: SaveHealthModelInput!) {
            saveHealthModel(input: $input) { healthModel { version } userErrors { path } } }";
        let input = json!({ "signals": [{
            "signal": "billing.overdue_share", "weight": 1, "windowDays": 365,
            "curve": { "linear": { "bad": 0.5, "good": 0.0 } },
        }] });
        let saved = door
            .must(&world.owner, save, json!({ "input": input }))
            .await;
        assert_eq!(saved["healthModel"], json!({ "version": 1 }));
        world
    });
}

#[test]
fn the_history_is_paged_and_every_change_adds_up() {
    on_both(|world| async move {
        let id = contacts(&world, 1).await[0];
        thriving(id).insert(&world).await;
        first_night(&world).await;
        // Nothing new happens: from night to night the days of use fall out of the window.
        for day in 1..=25 {
            set_clock(&world, tick() + TimeDelta::days(day));
            night(&world, tick() + TimeDelta::days(day)).await;
        }
        let workspace = world.owner.workspace;
        let (mut page, mut entries) = (PageRequest::first(4), Vec::new());
        loop {
            let part = health::history(&world.ctx, workspace, id, &page)
                .await
                .unwrap();
            page.after = part.rows.last().map(|(cursor, _)| cursor.clone());
            entries.extend(part.rows.into_iter().map(|(_, entry)| entry));
            if !part.has_next {
                break;
            }
        }
        assert_eq!(count(&world, "health_history").await, entries.len() as i64);
        assert!(entries.len() > 10, "{}", entries.len());
        assert!(entries.is_sorted_by(|a, b| a.as_of > b.as_of));
        for pair in entries.windows(2) {
            let delta = health::change(&world.ctx, workspace, &pair[0])
                .await
                .unwrap()
                .unwrap();
            let parts: Points = delta.signals.iter().map(|signal| signal.points).sum();
            let [new, old] =
                [&pair[0], &pair[1]].map(|entry| Points::from_f64(entry.score.unwrap()));
            assert_eq!(parts + delta.coverage + delta.model, new - old);
        }
        let first = entries.last().unwrap();
        assert!(
            health::change(&world.ctx, workspace, first)
                .await
                .unwrap()
                .is_none()
        );
        let found = health::find_entry(&world.ctx, workspace, id, first.id)
            .await
            .unwrap();
        assert_eq!(found.as_ref(), Some(first));
        let elsewhere = WorkspaceId(id.uuid());
        let found = health::find_entry(&world.ctx, elsewhere, id, first.id)
            .await
            .unwrap();
        assert!(found.is_none());
        world
    });
}

#[test]
fn a_model_is_saved_by_those_who_may_and_only_when_it_is_new_and_sound() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mut definition = Definition::default();
        let same = health::save_model(ctx, owner, definition.clone())
            .await
            .unwrap();
        assert_eq!((same.id, same.model.version), (None, 0));

        definition.min_coverage = 2.0;
        let refused = health::save_model(ctx, owner, definition.clone()).await;
        let Err(Error::Refused(errors)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(errors[0].path, ["minCoverage"]);

        definition.min_coverage = 0.5;
        let mut agent = owner.clone();
        agent.scopes = ScopeSet::of_role(Role::Agent);
        let refused = health::save_model(ctx, &agent, definition.clone()).await;
        assert!(matches!(refused, Err(Error::Forbidden(Scope::Configure))));

        let saved = health::save_model(ctx, owner, definition.clone())
            .await
            .unwrap();
        let again = health::save_model(ctx, owner, definition.clone())
            .await
            .unwrap();
        assert_eq!(again, saved);
        let found = health::load_models(ctx, owner.workspace, &[0, 1, 2])
            .await
            .unwrap();
        assert_eq!(found, [Model::default(), saved.model]);
        world
    });
}
