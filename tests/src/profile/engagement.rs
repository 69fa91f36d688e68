//! How engaged contacts, companies and the workspace are, as the API tells it.

use chrono::TimeDelta;
use domain::{
    account::{self, NewAccount},
    contact::{self, NewContact},
    conversation::{self, NewMessage},
    email::{self, NewEmailEvent},
    event::{self, NewEvent},
    inbox::{self, NewInbox},
    profile::{engagement::night::NightlyEngagement, web::PAGE_VIEWED},
    work::schedule,
};
use entity::kind::{Channel, Direction, EmailEventKind};
use serde_json::{Value, json};

use super::contact_of;
use crate::{
    access::house::Door,
    support::{World, engine::email_event, on_both, world::start},
};

const TARO: &str = "taro@x.example";

fn act(name: &str, days: i64) -> NewEvent {
    NewEvent {
        external_id: format!("{name} {days}"),
        whose: TARO.to_owned().into(),
        name: name.to_owned(),
        properties: json!({}),
        occurred_at: start() - TimeDelta::days(days),
    }
}

fn mail(kind: EmailEventKind, days: i64) -> NewEmailEvent {
    let at = start() - TimeDelta::days(days);
    email_event(&format!("{kind:?}"), "m", TARO, kind, at)
}

fn message(id: &str, days: i64, automatic: bool) -> NewMessage {
    NewMessage {
        external_id: id.to_owned(),
        thread_keys: Vec::new(),
        whose: TARO.to_owned().into(),
        name: None,
        direction: Direction::Inbound,
        author: None,
        automatic,
        subject: String::new(),
        body: "Hello".to_owned(),
        sent_at: start() - TimeDelta::days(days),
    }
}

/// Taro logs in on three days, views pages on two, opens an email and writes on X; an answer that his
/// program gave is none of his acts, nor is what he did long ago.
async fn tell(world: &World) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let events = vec![
        act("login", 0),
        act("login", 1),
        act("login", 2),
        act("login", 28),
        act(PAGE_VIEWED, 2),
        act(PAGE_VIEWED, 3),
    ];
    event::ingest(ctx, owner, events).await.unwrap();
    let mails = vec![
        mail(EmailEventKind::Sent, 20),
        mail(EmailEventKind::Opened, 1),
    ];
    email::ingest(ctx, owner, mails).await.unwrap();
    let new = NewInbox {
        name: "X".to_owned(),
        channel: Channel::X,
        address: None,
    };
    let inbox = inbox::create(ctx, owner, new).await.unwrap();
    let messages = vec![message("1", 0, false), message("2", 5, true)];
    conversation::ingest(ctx, owner, inbox.id, messages)
        .await
        .unwrap();
    world.drain().await;
}

async fn night(world: &World) {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let tick = ctx.clock.now();
    let ran = schedule::run_tick(ctx, &NightlyEngagement, workspace, tick).await;
    assert!(ran.unwrap());
}

async fn of_taro(world: &World) -> Value {
    let document = "query($id: ID!) { contact(id: $id) { engagement {
        index activeDays parts { channel index activeDays } } } }";
    let asked = json!({ "id": contact_of(world, TARO).await.to_string() });
    let door = Door::new(&world.ctx);
    let found = door.must(&world.owner, document, asked).await;
    found["engagement"].clone()
}

/// The active days in each channel: web, email, social, messaging, product.
fn days(engagement: &Value) -> Vec<i64> {
    let parts = engagement["parts"].as_array().expect("parts").iter();
    parts
        .map(|part| part["activeDays"].as_i64().expect("days"))
        .collect()
}

#[test]
fn a_contact_is_as_engaged_as_it_is_active_and_a_company_as_its_people() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewAccount {
            name: "X".to_owned(),
            domain: Some("x.example".to_owned()),
            ..NewAccount::default()
        };
        let account = account::create(ctx, owner, new).await.unwrap().id;
        let quiet = NewContact {
            name: "Hanako".to_owned(),
            account: Some(account),
            ..NewContact::default()
        };
        contact::create(ctx, owner, quiet).await.unwrap();
        tell(&world).await;

        let taro = of_taro(&world).await;
        assert_eq!(taro["activeDays"], 4, "{taro}");
        assert_eq!(days(&taro), [2, 1, 1, 0, 3], "{taro}");
        assert_eq!(taro["parts"][4]["channel"], "PRODUCT");
        assert_eq!(taro["parts"][4]["index"], 25.0);

        let listed = "{ contacts(filter: { condition: { profile: {
            activeDays: { lessThan: 4 } } } }) { nodes { name } } }";
        let found = Door::new(ctx).must(owner, listed, json!({})).await;
        assert_eq!(found["nodes"], json!([{ "name": "Hanako" }]));

        let group = "index people engagedPeople parts { channel index }";
        let document =
            format!("query($id: ID!) {{ account(id: $id) {{ engagement {{ {group} }} }} }}");
        let door = Door::new(ctx);
        let asked = json!({ "id": account.to_string() });
        let found = door.must(owner, &document, asked).await;
        let company = &found["engagement"];
        assert_eq!(
            (&company["people"], &company["engagedPeople"]),
            (&json!(2), &json!(1))
        );
        assert_eq!(company["parts"][4]["index"], 12.5);

        night(&world).await;
        world.clock.advance(TimeDelta::days(40));
        night(&world).await;
        let quiet = of_taro(&world).await;
        assert_eq!(
            (&quiet["index"], &quiet["activeDays"]),
            (&json!(0.0), &json!(0))
        );
        let document = format!(
            "{{ engagementDays(from: \"2026-02-01\", to: \"2026-12-31\") {{
                day engagement {{ {group} }} }} }}"
        );
        let nights = door.must(owner, &document, json!({})).await;
        assert_eq!(nights[0]["day"], "2026-03-01");
        assert_eq!(nights[0]["engagement"], *company);
        assert_eq!(nights[1]["day"], "2026-04-10");
        assert_eq!(nights[1]["engagement"]["index"], 0.0);
        assert_eq!(nights[1]["engagement"]["people"], 2);
        world
    });
}

#[test]
fn a_night_that_is_caught_up_late_takes_nothing_back() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        tell(&world).await;
        // Half past midnight; the night whose turn it is was that of yesterday.
        world.clock.advance(TimeDelta::minutes(12 * 60 + 30));
        let login = NewEvent {
            occurred_at: ctx.clock.now(),
            ..act("login", -1)
        };
        event::ingest(ctx, owner, vec![login]).await.unwrap();
        world.drain().await;
        let early = of_taro(&world).await;
        assert_eq!(early["activeDays"], 5, "{early}");
        night(&world).await;
        assert_eq!(of_taro(&world).await, early);
        let document = "{ engagementDays(from: \"2026-02-01\", to: \"2026-12-31\") { day } }";
        let nights = Door::new(ctx).must(owner, document, json!({})).await;
        assert_eq!(nights, json!([{ "day": "2026-03-02" }]));
        world
    });
}
