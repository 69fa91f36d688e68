//! Health scores on both databases: from roll-ups to scores, their explanation and their history.

use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::async_trait::async_trait;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use domain::{
    access::{Origin, Scope, ScopeSet},
    ctx::Ctx,
    error::{Error, Result},
    health::{
        self,
        model::{Category, Definition, Model},
        nightly::NightlyHealth,
        points::Points,
    },
    page::PageRequest,
    port::Clock as _,
    store::{Query, Rows, Tx},
    work::{
        change::{Change, Fact},
        schedule::{self, Schedule},
    },
};
use entity::{
    contact_health,
    id::{ContactId, EventId, Id as _, WorkspaceId},
    kind::{HealthBand, Role},
};

use crate::support::{World, on_both};

/// The first tick after the test's clock starts: two in the night, in Tokyo.
fn tick() -> DateTime<Utc> {
    "2026-03-01T17:00:00Z".parse().unwrap()
}

fn today() -> NaiveDate {
    "2026-03-02".parse().unwrap()
}

/// Numbers that look random and are the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What is in the roll-ups, day by day.
#[derive(Default)]
struct Data {
    events: Vec<(ContactId, u64)>,
    active: Vec<(ContactId, u64)>,
    emails: Vec<(ContactId, u64, i64, i64)>,
    /// Hours waited; nothing for an answered conversation.
    conversations: Vec<(ContactId, Option<i64>)>,
}

fn ago(days: u64) -> NaiveDate {
    today() - Days::new(days)
}

impl Data {
    fn random(contacts: &[ContactId], seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut data = Self::default();
        for &contact in contacts {
            let (usage, activity, rate) = (dice.below(4), dice.below(4), dice.below(4));
            for day in 0..100 {
                if usage > 0 && dice.below(4) < usage {
                    data.events.push((contact, day));
                }
                if activity > 0 && dice.below(8) < activity {
                    data.active.push((contact, day));
                }
                if day % 10 == 0 && rate > 0 {
                    let clicks = i64::from(dice.below(4) < rate);
                    data.emails.push((contact, day, 1, clicks));
                }
            }
            match dice.below(4) {
                0 => {}
                1 => data.conversations.push((contact, None)),
                _ => data
                    .conversations
                    .push((contact, Some(dice.below(100) as i64))),
            }
        }
        data
    }

    async fn insert(self, world: &World) {
        let tx = world.ctx.begin(world.owner.workspace).await.unwrap();
        let (events, active, emails) = (&self.events, &self.active, &self.emails);
        for statement in [
            Query::new(
                "INSERT INTO event_day (workspace_id, contact_id, day, events)
                 SELECT $1, r.id, r.day, 1 FROM {r}",
            )
            .bind(tx.workspace)
            .rows(
                "r",
                Rows::new()
                    .ids("id", events.iter().map(|row| row.0))
                    .dates("day", events.iter().map(|row| ago(row.1))),
            ),
            Query::new(
                "INSERT INTO email_active_day (workspace_id, contact_id, day, acts)
                 SELECT $1, r.id, r.day, 1 FROM {r}",
            )
            .bind(tx.workspace)
            .rows(
                "r",
                Rows::new()
                    .ids("id", active.iter().map(|row| row.0))
                    .dates("day", active.iter().map(|row| ago(row.1))),
            ),
            Query::new(
                "INSERT INTO email_day (workspace_id, scope, scope_id, day, attempted, delivered,
                     human_openers, openers, human_clickers, clickers, replied, hard_bounced,
                     soft_bounced, blocked, complained, unsubscribed, human_opens, machine_opens,
                     human_clicks, machine_clicks, timed_replies, reply_seconds)
                 SELECT $1, 'CONTACT', r.id, r.day, r.sent, r.sent, 0, 0, r.clicks, 0, 0, 0, 0, 0,
                     0, 0, 0, 0, 0, 0, 0, 0 FROM {r}",
            )
            .bind(tx.workspace)
            .rows(
                "r",
                Rows::new()
                    .ids("id", emails.iter().map(|row| row.0))
                    .dates("day", emails.iter().map(|row| ago(row.1)))
                    .ints("sent", emails.iter().map(|row| row.2))
                    .ints("clicks", emails.iter().map(|row| row.3)),
            ),
            self.conversation_rows(&tx),
        ] {
            statement.execute(tx.connection()).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    fn conversation_rows(&self, tx: &Tx<'_>) -> Query {
        let rows = &self.conversations;
        let since = rows
            .iter()
            .map(|row| row.1.map(|hours| tick() - TimeDelta::hours(hours)));
        Query::new(
            "INSERT INTO conversation (workspace_id, id, inbox_id, contact_id, subject, status,
                 created_at, first_message_at, last_message_at, last_message_id, waiting_since,
                 messages)
             SELECT $1, r.id, i.id, r.contact_id, '', 'OPEN', $2, $2, $2, r.id, r.since, 1
             FROM {r} JOIN inbox AS i ON i.workspace_id = $1",
        )
        .bind(tx.workspace)
        .bind(tx.now)
        .rows(
            "r",
            Rows::new()
                .uuids("id", rows.iter().map(|_| tx.id::<ContactId>().uuid()))
                .ids("contact_id", rows.iter().map(|row| row.0))
                .opt_times("since", since),
        )
    }
}

/// Makes contacts, without the health rows that belong to them.
async fn contacts(world: &World, count: usize) -> Vec<ContactId> {
    let tx = world.ctx.begin(world.owner.workspace).await.unwrap();
    let mut ids: Vec<ContactId> = (0..count).map(|_| tx.id()).collect();
    ids.sort_unstable();
    Query::new(
        "INSERT INTO contact (workspace_id, id, name, name_key, created_at, updated_at)
         SELECT $1, r.id, '', '', $2, $2 FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .execute(tx.connection())
    .await
    .unwrap();
    tx.commit().await.unwrap();
    ids
}

/// A contact of whom everything is known, and that is doing well.
fn thriving(contact: ContactId) -> Data {
    Data {
        events: (0..84).map(|day| (contact, day)).collect(),
        active: (0..12).map(|day| (contact, day)).collect(),
        emails: vec![(contact, 1, 10, 2)],
        conversations: vec![(contact, None)],
    }
}

async fn night(world: &World, tick: DateTime<Utc>) {
    let ran = schedule::run_tick(&world.ctx, &NightlyHealth, world.owner.workspace, tick).await;
    assert!(ran.unwrap());
}

fn set_clock(world: &World, to: DateTime<Utc>) {
    world.clock.advance(to - world.clock.now());
}

/// Moves the clock to the first tick and runs it.
async fn first_night(world: &World) {
    set_clock(world, tick());
    night(world, tick()).await;
}

async fn scores(world: &World, ids: &[ContactId]) -> Vec<contact_health::Model> {
    let workspace = world.owner.workspace;
    let mut rows = health::load(&world.ctx, workspace, ids).await.unwrap();
    rows.sort_by_key(|row| row.contact_id);
    rows
}

async fn score(world: &World, id: ContactId) -> contact_health::Model {
    scores(world, &[id]).await.remove(0)
}

async fn count(world: &World, table: &str) -> i64 {
    Query::new(format!(
        "SELECT COUNT(*) FROM {table} WHERE workspace_id = $1"
    ))
    .bind(world.owner.workspace)
    .scalar(world.ctx.reader())
    .await
    .unwrap()
    .unwrap()
}

/// Says of each contact that something happened, as the use cases that fill the roll-ups do.
async fn touch(world: &World, ids: &[ContactId]) {
    let mut tx = world.ctx.begin(world.owner.workspace).await.unwrap();
    for &id in ids {
        let event_id: EventId = tx.id();
        let fact = Fact::EventRecorded {
            event_id,
            name: None,
        };
        tx.record(Change::new(Origin::System, Some(id), fact));
    }
    tx.commit().await.unwrap();
    world.drain().await;
}

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
fn a_second_night_over_the_same_data_changes_nothing() {
    on_both(|world| async move {
        let ids = contacts(&world, 40).await;
        Data::random(&ids, 11).insert(&world).await;
        first_night(&world).await;
        world.drain().await;
        let before = scores(&world, &ids).await;
        let (entries, facts) = (
            count(&world, "health_history").await,
            count(&world, "change").await,
        );
        night(&world, tick() + TimeDelta::seconds(1)).await;
        assert_eq!(scores(&world, &ids).await, before);
        assert_eq!(count(&world, "health_history").await, entries);
        assert_eq!(count(&world, "change").await, facts);
        // The tick itself ran, and is not run again.
        let again = schedule::run_due(&world.ctx, &[&NightlyHealth]).await;
        assert!(!again.unwrap());
        world
    });
}

#[test]
fn the_same_data_as_of_the_same_moment_gives_the_same_rows() {
    on_both(|world| async move {
        let ids = contacts(&world, 40).await;
        Data::random(&ids, 13).insert(&world).await;
        first_night(&world).await;
        let first = scores(&world, &ids).await;
        for table in ["contact_health", "health_history"] {
            Query::new(format!("DELETE FROM {table} WHERE workspace_id = $1"))
                .bind(world.owner.workspace)
                .execute(world.ctx.db.writer())
                .await
                .unwrap();
        }
        // Caught up in the morning: still as of two o'clock.
        set_clock(&world, tick() + TimeDelta::hours(7));
        night(&world, tick() + TimeDelta::seconds(1)).await;
        assert_eq!(scores(&world, &ids).await, first);
        world
    });
}

#[test]
fn following_the_changes_comes_to_what_a_full_night_comes_to() {
    on_both(|world| async move {
        let ids = contacts(&world, 80).await;
        set_clock(&world, tick() - TimeDelta::hours(2));
        for (round, part) in ids.chunks(40).enumerate() {
            Data::random(part, 17 + round as u64).insert(&world).await;
            world.clock.advance(TimeDelta::hours(1));
            // Each several times, and some that nothing happened to.
            touch(&world, &[part, &ids[..10], part].concat()).await;
        }
        assert_eq!(world.ctx.clock.now(), tick());
        touch(&world, &ids).await;
        let followed = scores(&world, &ids).await;
        assert!(followed.iter().any(|row| row.score.is_some()));
        let entries = count(&world, "health_history").await;
        night(&world, tick()).await;
        assert_eq!(scores(&world, &ids).await, followed);
        assert_eq!(count(&world, "health_history").await, entries);
        world
    });
}

#[test]
fn a_late_night_does_not_take_back_a_newer_score() {
    on_both(|world| async move {
        let id = contacts(&world, 1).await[0];
        thriving(id).insert(&world).await;
        set_clock(&world, tick() + TimeDelta::hours(3));
        touch(&world, &[id]).await;
        let newer = score(&world, id).await;
        night(&world, tick()).await;
        assert_eq!(score(&world, id).await, newer);
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

/// The nightly run, whose worker fails once after its second step.
#[derive(Debug, Default)]
struct FailingOnce(AtomicBool);

#[async_trait]
impl Schedule for FailingOnce {
    fn name(&self) -> &'static str {
        NightlyHealth.name()
    }

    fn cron(&self) -> &'static str {
        NightlyHealth.cron()
    }

    fn lookback(&self) -> TimeDelta {
        NightlyHealth.lookback()
    }

    async fn step(
        &self,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
        progress: serde_json::Value,
    ) -> Result<Option<serde_json::Value>> {
        let first = progress == serde_json::json!({});
        let next = NightlyHealth.step(ctx, tx, progress).await?;
        if first || self.0.swap(true, Ordering::Relaxed) {
            return Ok(next);
        }
        Err(Error::Internal("the power went".to_owned()))
    }
}

/// More contacts than one step takes; of every twentieth, something is known.
async fn crowd(world: &World) -> Vec<ContactId> {
    let ids = contacts(world, health::nightly::STEP as usize + 200).await;
    let some: Vec<_> = ids.iter().copied().step_by(20).collect();
    Data::random(&some, 23).insert(world).await;
    ids
}

#[test]
fn a_night_that_was_cut_short_goes_on_where_it_was() {
    on_both(|world| async move {
        let ids = crowd(&world).await;
        set_clock(&world, tick());
        let schedule = FailingOnce::default();
        let workspace = world.owner.workspace;
        let cut = schedule::run_tick(&world.ctx, &schedule, workspace, tick()).await;
        assert!(cut.is_err());
        let done = health::nightly::STEP as usize;
        assert_eq!(scores(&world, &ids).await.len(), done);

        // The pause before the next try is by the database's clock; end it.
        Query::new("UPDATE schedule_tick SET lease_until = NULL WHERE workspace_id = $1")
            .bind(workspace)
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        world.clock.advance(TimeDelta::hours(1));
        assert!(
            schedule::run_tick(&world.ctx, &schedule, workspace, tick())
                .await
                .unwrap()
        );
        let rows = scores(&world, &ids).await;
        assert_eq!(rows.len(), ids.len());
        let known = rows.iter().filter(|row| row.score.is_some()).count();
        assert_eq!(count(&world, "health_history").await, known as i64);
        // Also the rest was evaluated for the tick, not for when it was resumed.
        let scored = rows.iter().filter(|row| row.score.is_some());
        assert!(scored.into_iter().all(|row| row.as_of == tick()));
        world
    });
}

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
