//! Email events and figures on both databases.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, TimeDelta};
use chrono_tz::Asia::Tokyo;
use domain::{
    access::ScopeSet,
    account::{self, NewAccount},
    contact::{self, ContactChanges},
    email::{
        self, EmailState, Figures,
        IngestStatus::{Created, Duplicate},
        NewCampaign, NewEmailEvent,
        fold::{UnitEvent, fold},
        origin::Reason,
        read,
        report::{self, RecencyTier},
    },
    error::Error,
    page::PageRequest,
    store::Query,
    work::change::Fact,
};
use entity::{
    Scoped as _, campaign, contact as contact_row, email_event,
    id::{AccountId, ContactId, WorkspaceId},
    kind::{BounceKind, EmailEventKind, EmailEventOrigin, EmailScope},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use sea_orm::PaginatorTrait as _;
use uuid::Uuid;

use crate::support::{World, on_both, world::start};

const BROWSER: &str = "Mozilla/5.0 (Macintosh) Safari/605.1.15";

fn event(id: &str, email: &str, to: &str, kind: EmailEventKind, second: i64) -> NewEmailEvent {
    NewEmailEvent {
        external_id: id.to_owned(),
        email_key: email.to_owned(),
        recipient: to.to_owned(),
        kind,
        occurred_at: start() - TimeDelta::days(1) + TimeDelta::seconds(second),
        campaign: None,
        origin: None,
        bounce: None,
        url: None,
        user_agent: None,
    }
}

fn in_campaign(key: &str, name: &str, event: NewEmailEvent) -> NewEmailEvent {
    let campaign = NewCampaign {
        external_id: key.to_owned(),
        name: name.to_owned(),
    };
    NewEmailEvent {
        campaign: Some(campaign),
        ..event
    }
}

async fn ingest(world: &World, events: Vec<NewEmailEvent>) -> email::IngestOutcome {
    email::ingest(&world.ctx, &world.owner, events)
        .await
        .unwrap()
}

/// Everything in the change log, whether or not other tests' transactions still hold it back.
async fn facts(world: &World) -> Vec<Fact> {
    let facts: Vec<serde_json::Value> =
        Query::new("SELECT data FROM change WHERE workspace_id = $1 ORDER BY tx, seq")
            .bind(world.owner.workspace)
            .column(world.ctx.reader())
            .await
            .unwrap();
    facts
        .into_iter()
        .map(|fact| serde_json::from_value(fact).unwrap())
        .collect()
}

async fn workspace_totals(world: &World, workspace: WorkspaceId) -> Figures {
    let day = start().with_timezone(&Tokyo).date_naive();
    let from = day - Days::new(60);
    report::totals(
        &world.ctx,
        workspace,
        EmailScope::Workspace,
        workspace.0,
        from,
        day,
    )
    .await
    .unwrap()
}

#[test]
fn an_event_told_twice_is_stored_once() {
    on_both(|world| async move {
        let sent = event("1", "m", "Ada@Example.com", EmailEventKind::Sent, 0);
        let opened = event("2", "m", "ada@example.com", EmailEventKind::Opened, 60);
        let outcome = ingest(&world, vec![sent.clone(), opened.clone(), sent.clone()]).await;
        let statuses: Vec<_> = outcome.items.iter().map(|item| item.status).collect();
        assert_eq!(statuses, [Created, Created, Duplicate]);
        assert_eq!((outcome.created, outcome.duplicates), (2, 1));
        assert_eq!(outcome.items[0].id, outcome.items[2].id);

        let again = ingest(&world, vec![opened, sent]).await;
        assert_eq!((again.created, again.duplicates), (0, 2));
        assert_eq!(again.items[0].id, outcome.items[1].id);

        let facts = facts(&world).await;
        let count = |name| facts.iter().filter(|fact| fact.name() == name).count();
        assert_eq!(count("email_event.recorded"), 2);
        assert_eq!(count("contact.created"), 1);
        world
    });
}

#[test]
fn one_bad_event_refuses_the_call_and_nothing_is_written() {
    on_both(|world| async move {
        let good = in_campaign(
            "c",
            "C",
            event("1", "m", "a@x.example", EmailEventKind::Sent, 0),
        );
        let bad = event("2", "m", "nobody", EmailEventKind::Sent, 0);
        let refused = email::ingest(&world.ctx, &world.owner, vec![good, bad]).await;
        let Err(Error::Refused(errors)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].path, ["events", "1", "recipient"]);
        let (db, workspace) = (world.ctx.reader(), world.owner.workspace);
        assert_eq!(
            email_event::Entity::of(workspace).count(db).await.unwrap(),
            0
        );
        assert_eq!(campaign::Entity::of(workspace).count(db).await.unwrap(), 0);
        assert_eq!(
            contact_row::Entity::of(workspace).count(db).await.unwrap(),
            0
        );
        world
    });
}

#[test]
fn taking_events_in_needs_the_scope() {
    on_both(|world| async move {
        let mut reader = world.owner.clone();
        reader.scopes = ScopeSet::default();
        let refused = email::ingest(&world.ctx, &reader, Vec::new()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
        world
    });
}

#[test]
fn campaigns_are_made_once_and_follow_their_newest_name() {
    on_both(|world| async move {
        let mail = |id| event(id, id, "a@x.example", EmailEventKind::Sent, 0);
        let first = vec![
            in_campaign("spring", "", mail("1")),
            in_campaign("summer", "Summer", mail("2")),
        ];
        ingest(&world, first).await;
        let second = vec![
            in_campaign("spring", "Spring", mail("3")),
            in_campaign("summer", "", mail("4")),
        ];
        ingest(&world, second).await;
        let mut campaigns: Vec<_> = campaign::Entity::of(world.owner.workspace)
            .all(world.ctx.reader())
            .await
            .unwrap()
            .into_iter()
            .map(|row| (row.external_id, row.name))
            .collect();
        campaigns.sort();
        let named = |key: &str, name: &str| (key.to_owned(), name.to_owned());
        assert_eq!(
            campaigns,
            [named("spring", "Spring"), named("summer", "Summer")]
        );
        world
    });
}

#[test]
fn figures_count_people_and_stay_within_their_workspace() {
    on_both(|world| async move {
        let to = |n: usize| format!("c{n}@x.example");
        let mut events = Vec::new();
        for n in 0..10 {
            events.push(event(
                &format!("s{n}"),
                "m",
                &to(n),
                EmailEventKind::Sent,
                0,
            ));
        }
        for n in 0..8 {
            let id = format!("d{n}");
            events.push(event(&id, "m", &to(n), EmailEventKind::Delivered, 10));
        }
        let bounced = event("b8", "m", &to(8), EmailEventKind::Bounced, 10);
        events.push(NewEmailEvent {
            bounce: Some(BounceKind::Hard),
            ..bounced
        });
        // A person opens twice and clicks; a second person only clicks; a relay opens.
        for (id, second) in [("o0", 600), ("o1", 700)] {
            events.push(event(id, "m", &to(0), EmailEventKind::Opened, second));
        }
        for (id, n) in [("k0", 0), ("k1", 1)] {
            events.push(NewEmailEvent {
                url: Some("https://x.example/offer".to_owned()),
                user_agent: Some(BROWSER.to_owned()),
                ..event(id, "m", &to(n), EmailEventKind::Clicked, 800)
            });
        }
        events.push(NewEmailEvent {
            user_agent: Some("Mozilla/5.0".to_owned()),
            ..event("p", "m", &to(2), EmailEventKind::Opened, 900)
        });
        events.push(event("r", "m", &to(1), EmailEventKind::Replied, 3_600));
        ingest(&world, events.clone()).await;
        let stranger = World::workspace(&world.ctx, "Other", "other.example").await;
        email::ingest(&world.ctx, &stranger, events[..1].to_vec())
            .await
            .unwrap();
        world.drain().await;

        let figures = workspace_totals(&world, world.owner.workspace).await;
        let expected = Figures {
            attempted: 10,
            delivered: 8,
            human_openers: 2,
            openers: 3,
            human_clickers: 2,
            clickers: 2,
            replied: 1,
            hard_bounced: 1,
            human_opens: 2,
            machine_opens: 1,
            human_clicks: 2,
            timed_replies: 1,
            reply_seconds: 3_600,
            ..Figures::default()
        };
        assert_eq!(figures, expected);
        let value = |rate: email::rate::Rate| rate.value.unwrap();
        assert!((value(figures.delivery_rate()) - 0.8).abs() < 1e-9);
        assert!((value(figures.click_to_open_rate()) - 1.0).abs() < 1e-9);
        let stranger_reads = report::totals(
            &world.ctx,
            stranger.workspace,
            EmailScope::Workspace,
            world.owner.workspace.0,
            NaiveDate::MIN,
            NaiveDate::MAX,
        )
        .await
        .unwrap();
        assert!(stranger_reads.is_zero());
        world
    });
}

#[test]
fn a_late_sending_moves_the_email_to_its_own_day() {
    on_both(|world| async move {
        let opened = event("o", "m", "a@x.example", EmailEventKind::Opened, 0);
        ingest(&world, vec![opened]).await;
        world.drain().await;
        let sent = event("s", "m", "a@x.example", EmailEventKind::Sent, -3 * 86_400);
        ingest(&world, vec![sent]).await;
        world.drain().await;
        let today = start().with_timezone(&Tokyo).date_naive();
        let workspace = world.owner.workspace;
        let days = report::daily(
            &world.ctx,
            workspace,
            EmailScope::Workspace,
            workspace.0,
            today - Days::new(30),
            today,
        )
        .await
        .unwrap();
        let days: Vec<_> = days
            .iter()
            .map(|day| (day.day, day.figures.openers))
            .collect();
        assert_eq!(days, [(today - Days::new(4), 1)]);
        world
    });
}

#[test]
fn a_burst_changes_a_contacts_figures_once() {
    on_both(|world| async move {
        let mut events: Vec<_> = (0..20)
            .map(|n| {
                let mail = event(
                    &n.to_string(),
                    &n.to_string(),
                    "a@x.example",
                    EmailEventKind::Sent,
                    n,
                );
                in_campaign("c", "C", mail)
            })
            .collect();
        events.push(event("b", "b", "b@x.example", EmailEventKind::Sent, 0));
        ingest(&world, events.clone()).await;
        world.drain().await;
        ingest(&world, events).await;
        // A repetition under another id brings nothing new either.
        ingest(
            &world,
            vec![event("x", "b", "b@x.example", EmailEventKind::Sent, 0)],
        )
        .await;
        world.drain().await;
        let told: Vec<bool> = facts(&world)
            .await
            .into_iter()
            .filter_map(|fact| match fact {
                Fact::EmailMetricsChanged { campaign_id, .. } => Some(campaign_id.is_some()),
                _ => None,
            })
            .collect();
        assert_eq!(told.len(), 2);
        assert_eq!(told.iter().filter(|in_campaign| **in_campaign).count(), 1);
        world
    });
}

#[test]
fn an_email_explains_which_of_its_events_were_a_machines() {
    on_both(|world| async move {
        let click = |id: &str, second| NewEmailEvent {
            url: Some(format!("https://x.example/{id}")),
            ..event(id, "m", "a@x.example", EmailEventKind::Clicked, second)
        };
        let sent = event("s", "m", "a@x.example", EmailEventKind::Sent, 0);
        let mail = in_campaign("c", "C", sent);
        ingest(&world, vec![click("late", 900), mail, click("early", 2)]).await;
        world.drain().await;
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let explained = read::explain(ctx, workspace, "m", "a@x.example")
            .await
            .unwrap()
            .unwrap();
        assert!(explained.state.human_clicked);
        let reasons: Vec<_> = explained
            .events
            .iter()
            .map(|(event, verdict)| (event.external_id.as_str(), verdict.reason))
            .collect();
        assert_eq!(
            reasons,
            [
                ("s", Reason::NoSign),
                ("early", Reason::ClickAtDelivery),
                ("late", Reason::NoSign),
            ]
        );
        let nothing = read::explain(ctx, workspace, "m", "b@x.example").await;
        assert_eq!(nothing.unwrap(), None);

        let contact = contacts(&world).await["a@x.example"];
        let first = read::of_contact(ctx, workspace, contact, &PageRequest::first(2))
            .await
            .unwrap();
        assert!(first.has_next);
        let newest: Vec<_> = first.rows.iter().map(|(_, row)| &row.external_id).collect();
        assert_eq!(newest, ["late", "early"]);
        let rest = PageRequest {
            after: Some(first.rows[1].0.clone()),
            ..PageRequest::first(2)
        };
        let rest = read::of_contact(ctx, workspace, contact, &rest)
            .await
            .unwrap();
        assert_eq!(rest.rows[0].1.external_id, "s");
        let ids = [rest.rows[0].1.id];
        assert_eq!(read::load(ctx, workspace, &ids).await.unwrap().len(), 1);

        let campaigns = read::campaigns(ctx, workspace, &PageRequest::first(2))
            .await
            .unwrap();
        let id = campaigns.rows[0].1.id;
        let loaded = read::load_campaigns(ctx, workspace, &[id]).await.unwrap();
        assert_eq!(loaded[0].name, "C");
        let stranger = World::workspace(ctx, "Other", "other.example").await;
        let hidden = read::load_campaigns(ctx, stranger.workspace, &[id]).await;
        assert!(hidden.unwrap().is_empty());
        world
    });
}

#[test]
fn the_recency_tier_counts_days_on_which_a_person_acted() {
    on_both(|world| async move {
        let mut events = Vec::new();
        for day in 0..12 {
            let id = format!("o{day}");
            let second = -day * 2 * 86_400;
            events.push(event(
                &id,
                &id,
                "often@x.example",
                EmailEventKind::Opened,
                second,
            ));
            events.push(NewEmailEvent {
                origin: Some(EmailEventOrigin::MachinePrivacy),
                ..event(
                    &format!("m{day}"),
                    &id,
                    "relay@x.example",
                    EmailEventKind::Opened,
                    second,
                )
            });
        }
        let long_ago = event(
            "old",
            "old",
            "once@x.example",
            EmailEventKind::Opened,
            -40 * 86_400,
        );
        events.push(long_ago);
        ingest(&world, events).await;
        world.drain().await;
        let contacts = contacts(&world).await;
        let today = start().with_timezone(&Tokyo).date_naive();
        let ids: Vec<ContactId> = contacts.values().copied().collect();
        let recency = report::recency(&world.ctx, world.owner.workspace, &ids, today)
            .await
            .unwrap();
        let of = |address: &str| recency[&contacts[address]];
        assert_eq!(of("often@x.example").active_days, 12);
        assert_eq!(of("often@x.example").tier, RecencyTier::Daily);
        assert_eq!(of("relay@x.example").tier, RecencyTier::Lapsed);
        assert_eq!(of("once@x.example").tier, RecencyTier::Lapsed);
        world
    });
}

#[test]
fn roll_ups_equal_a_recount_whatever_the_order_batches_and_repetitions() {
    on_both(|world| async move {
        let accounts = [
            make_account(&world, "One", "one.example").await,
            make_account(&world, "Two", "two.example").await,
        ];
        for seed in 0..4 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut events: Vec<NewEmailEvent> =
                (0..160).map(|n| random_event(&mut rng, seed, n)).collect();
            let repeated: Vec<NewEmailEvent> = (0..40)
                .map(|_| events[rng.random_range(0..160)].clone())
                .collect();
            events.extend(repeated);
            events.shuffle(&mut rng);
            while !events.is_empty() {
                let size = rng.random_range(1..=40).min(events.len());
                ingest(&world, events.split_off(events.len() - size)).await;
                if rng.random_bool(0.2) {
                    move_somebody(&world, &mut rng, &accounts).await;
                }
                if rng.random_bool(0.5) {
                    world.drain().await;
                }
            }
            world.drain().await;
            check_roll_ups(&world).await;
        }
        world
    });
}

async fn make_account(world: &World, name: &str, domain: &str) -> AccountId {
    let new = NewAccount {
        name: name.to_owned(),
        domain: Some(domain.to_owned()),
        ..NewAccount::default()
    };
    account::create(&world.ctx, &world.owner, new)
        .await
        .unwrap()
        .id
}

async fn contacts(world: &World) -> BTreeMap<String, ContactId> {
    contact_row::Entity::of(world.owner.workspace)
        .all(world.ctx.reader())
        .await
        .unwrap()
        .into_iter()
        .filter_map(|contact| Some((contact.email?, contact.id)))
        .collect()
}

async fn move_somebody(world: &World, rng: &mut StdRng, accounts: &[AccountId]) {
    let contacts: Vec<ContactId> = contacts(world).await.into_values().collect();
    let somebody = contacts[rng.random_range(0..contacts.len())];
    let changes = ContactChanges {
        account: Some(accounts.get(rng.random_range(0..3)).copied()),
        ..ContactChanges::default()
    };
    contact::update(&world.ctx, &world.owner, somebody, changes)
        .await
        .unwrap();
}

/// Few emails with many events each, close enough together for every heuristic to bite.
fn random_event(rng: &mut StdRng, seed: u64, number: usize) -> NewEmailEvent {
    use EmailEventKind::{
        Bounced, Clicked, Complained, Delivered, Opened, Replied, Sent, Unsubscribed,
    };
    fn pick<T: Copy>(rng: &mut StdRng, among: &[T]) -> T {
        among[rng.random_range(0..among.len())]
    }
    let kinds = [
        Sent,
        Delivered,
        Opened,
        Opened,
        Clicked,
        Clicked,
        Clicked,
        Replied,
        Bounced,
        Complained,
        Unsubscribed,
    ];
    let kind = pick(rng, &kinds);
    let domain = pick(rng, &["one.example", "two.example", "none.example"]);
    let recipient = format!("c{}@{domain}", rng.random_range(0..2));
    let email = format!("m{}", rng.random_range(0..6));
    let base = rng.random_range(0..3) * 40_000;
    let second = base + rng.random_range(0..1_200);
    let campaign = pick(rng, &[None, Some("a"), Some("b")]).map(|key| NewCampaign {
        external_id: key.to_owned(),
        name: key.to_owned(),
    });
    let machine = Some(EmailEventOrigin::MachinePrivacy);
    let link = pick(rng, &[None, Some("a"), Some("b"), Some("unsubscribe")]);
    let agent = pick(
        rng,
        &[None, Some(BROWSER), Some("Mozilla/5.0"), Some("curl/8")],
    );
    let reason = pick(
        rng,
        &[
            None,
            Some(BounceKind::Soft),
            Some(BounceKind::Hard),
            Some(BounceKind::Block),
        ],
    );
    NewEmailEvent {
        campaign,
        origin: pick(rng, &[None, None, Some(EmailEventOrigin::Human), machine]),
        bounce: reason.filter(|_| kind == Bounced),
        url: link.map(|link| format!("https://x.example/{link}")),
        user_agent: agent.map(str::to_owned),
        ..event(
            &format!("{seed}-{number}"),
            &email,
            &recipient,
            kind,
            second,
        )
    }
}

type DayRows = BTreeMap<(String, Uuid, NaiveDate), Figures>;
type Acts = BTreeMap<(ContactId, NaiveDate), i64>;

/// Compares the stored roll-ups with what counting every stored event anew gives.
async fn check_roll_ups(world: &World) {
    let (days, acts) = recount(world).await;
    assert_eq!(stored_days(world).await, days);
    assert_eq!(stored_acts(world).await, acts);
}

async fn recount(world: &World) -> (DayRows, Acts) {
    let workspace = world.owner.workspace;
    let db = world.ctx.reader();
    let events = email_event::Entity::of(workspace).all(db).await.unwrap();
    let accounts: BTreeMap<ContactId, Option<AccountId>> = contact_row::Entity::of(workspace)
        .all(db)
        .await
        .unwrap()
        .into_iter()
        .map(|contact| (contact.id, contact.account_id))
        .collect();
    let mut units: BTreeMap<(String, ContactId), Vec<email_event::Model>> = BTreeMap::new();
    for event in events {
        let key = (event.email_key.clone(), event.contact_id);
        units.entry(key).or_default().push(event);
    }
    let (mut days, mut acts) = (DayRows::new(), Acts::new());
    for ((_, contact), events) in units {
        let state = state(&events);
        let campaign = events
            .iter()
            .filter(|event| event.campaign_id.is_some())
            .min_by_key(|event| (event.occurred_at, event.campaign_id))
            .and_then(|event| event.campaign_id);
        let scopes = [
            Some((EmailScope::Workspace, workspace.0)),
            Some((EmailScope::Contact, contact.0)),
            campaign.map(|id| (EmailScope::Campaign, id.0)),
            accounts[&contact].map(|id| (EmailScope::Account, id.0)),
        ];
        for (scope, id) in scopes.into_iter().flatten() {
            let key = (scope.word().to_owned(), id, state.day);
            *days.entry(key).or_default() += Figures::of(&state);
        }
        for (day, count) in &state.acts {
            *acts.entry((contact, *day)).or_default() += count;
        }
    }
    (days, acts)
}

fn state(events: &[email_event::Model]) -> EmailState {
    let events: Vec<UnitEvent> = events.iter().map(UnitEvent::from).collect();
    fold(&events, Tokyo).unwrap()
}

async fn stored_days(world: &World) -> DayRows {
    let columns = Figures::COLUMNS.join(", ");
    let rows = Query::new(format!(
        "SELECT scope, scope_id, day, {columns} FROM email_day WHERE workspace_id = $1"
    ))
    .bind(world.owner.workspace)
    .raw(world.ctx.reader())
    .await
    .unwrap();
    rows.iter()
        .map(|row| {
            let key = (
                row.try_get_by_index(0).unwrap(),
                row.try_get_by_index(1).unwrap(),
                row.try_get_by_index(2).unwrap(),
            );
            let values = std::array::from_fn(|index| row.try_get_by_index(3 + index).unwrap());
            (key, Figures::from_values(values))
        })
        .collect()
}

async fn stored_acts(world: &World) -> Acts {
    Query::new("SELECT contact_id, day, acts FROM email_active_day WHERE workspace_id = $1")
        .bind(world.owner.workspace)
        .raw(world.ctx.reader())
        .await
        .unwrap()
        .iter()
        .map(|row| {
            let contact = row.try_get_by_index(0).unwrap();
            let day = row.try_get_by_index(1).unwrap();
            ((contact, day), row.try_get_by_index(2).unwrap())
        })
        .collect()
}
