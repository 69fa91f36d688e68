//! The roll-ups beside a recount of everything, whatever the order of arrival.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Asia::Tokyo;
use domain::{
    account::{self, NewAccount},
    contact::{self, ContactChanges},
    email::{
        EmailState, Figures, NewCampaign, NewEmailEvent,
        fold::{UnitEvent, fold},
    },
    store::Query,
};
use entity::{
    Scoped as _, contact as contact_row, email_event,
    id::{AccountId, ContactId},
    kind::{BounceKind, EmailEventKind, EmailEventOrigin, EmailScope},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use uuid::Uuid;

use super::{BROWSER, contacts, event, ingest};
use crate::support::{World, on_both};

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
    let link = pick(
        rng,
        &[
            None,
            Some("a"),
            Some("b"),
            Some("unsubscribe"),
            Some("?enishi_hidden"),
        ],
    );
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
        ip: pick(rng, &[None, Some("192.0.2.1"), Some("2001:db8::1")]).map(str::to_owned),
        tracks_opens: pick(rng, &[None, None, None, Some(true), Some(false)]),
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
