//! How customers are scored by their purchases, and when.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{
    account::{self, NewAccount},
    contact::merge,
    fact::Party,
    order::{self, NewOrder},
    profile::rfm::night::NightlyRfm,
    store::Query,
    work::schedule,
};
use entity::{id::ContactId, kind::OrderStatus};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use uuid::Uuid;

use super::contact_of;
use crate::{
    access::house::Door,
    fact::{an_order, email},
    support::{World, on_both, world::start},
};

const DAY: i64 = 24 * 60;

fn address(number: i64) -> String {
    format!("c{number:02}@x.example")
}

/// One order of `amount` yen, so many minutes from now.
fn an_order_of(world: &World, id: &str, party: Party, minutes: i64, amount: i64) -> NewOrder {
    NewOrder {
        amount,
        ..an_order(world, id, party, minutes)
    }
}

/// Customers of whom each bought later than the one before and for more, and each dozen more often.
fn ladder(world: &World, customers: i64) -> Vec<NewOrder> {
    let mut orders = Vec::new();
    for number in 0..customers {
        for time in 0..=number / 12 {
            let (id, party) = (format!("{number}-{time}"), email(&address(number)));
            let minutes = (number - customers) * DAY;
            orders.push(an_order_of(world, &id, party, minutes, 100 * (number + 1)));
        }
    }
    orders
}

async fn ingest(world: &World, orders: Vec<NewOrder>) {
    order::ingest(&world.ctx, &world.owner, orders)
        .await
        .unwrap();
    world.drain().await;
}

/// Runs the night whose tick is the latest.
async fn night(world: &World) {
    let tick: DateTime<Utc> = world.ctx.clock.now();
    let ran = schedule::run_tick(&world.ctx, &NightlyRfm, world.owner.workspace, tick).await;
    assert!(ran.unwrap());
}

const FIELDS: &str = "rfm { lastOrderOn recencyDays orders revenue { amount currency }
    recencyScore frequencyScore monetaryScore segment }";

async fn rfm(world: &World, contact: ContactId) -> Value {
    let document = format!("query($id: ID!) {{ contact(id: $id) {{ {FIELDS} }} }}");
    let asked = json!({ "id": contact.to_string() });
    let door = Door::new(&world.ctx);
    door.must(&world.owner, &document, asked).await["rfm"].clone()
}

async fn report(world: &World, of: &str) -> Value {
    let document = "query($of: CustomerKind!) { rfmReport(of: $of) {
        of asOf windowDays customers minimumCustomers isScored
        segments { segment customers { value numerator denominator } }
        revenue { customers orders revenue { amount currency } perCustomer { amount }
                  perOrder { amount } } } }";
    let door = Door::new(&world.ctx);
    door.must(&world.owner, document, json!({ "of": of })).await
}

fn scores(rfm: &Value) -> [&Value; 4] {
    ["recencyScore", "frequencyScore", "monetaryScore", "segment"].map(|name| &rfm[name])
}

#[test]
fn customers_are_scored_by_fifths_at_night_and_from_then_on_at_once() {
    on_both(|world| async move {
        ingest(&world, ladder(&world, 60)).await;
        let last = contact_of(&world, &address(59)).await;
        let new = rfm(&world, last).await;
        assert_eq!(new["orders"], 5);
        assert_eq!(
            new["revenue"],
            json!({ "amount": 30_000, "currency": "JPY" })
        );
        assert_eq!(new["recencyDays"], 1);
        assert_eq!(
            scores(&new),
            [&Value::Null; 4],
            "nobody is scored before the night"
        );
        assert_eq!(report(&world, "CONTACT").await["asOf"], Value::Null);

        night(&world).await;
        for number in [0, 11, 12, 35, 47, 48, 59] {
            let found = rfm(&world, contact_of(&world, &address(number)).await).await;
            let score = json!(1 + number / 12);
            let segment = match number / 12 {
                0 | 1 => json!("HIBERNATING"),
                3 | 4 => json!("CHAMPIONS"),
                _ => Value::Null,
            };
            assert_eq!(
                scores(&found),
                [&score, &score, &score, &segment],
                "{number}"
            );
        }
        let all = report(&world, "CONTACT").await;
        assert_ne!(all["asOf"], Value::Null);
        assert_eq!(all["customers"], 60);
        assert_eq!(all["isScored"], true);
        let counts = [("CHAMPIONS", 24), ("AT_RISK", 0), ("HIBERNATING", 24)];
        for (index, (segment, count)) in counts.into_iter().enumerate() {
            assert_eq!(all["segments"][index]["segment"], segment);
            assert_eq!(all["segments"][index]["customers"]["numerator"], count);
            assert_eq!(all["segments"][index]["customers"]["denominator"], 60);
        }
        let revenue: i64 = (0..60).map(|n| (1 + n / 12) * 100 * (n + 1)).sum();
        assert_eq!(
            all["revenue"],
            json!([{
                "customers": 60, "orders": 180,
                "revenue": { "amount": revenue, "currency": "JPY" },
                "perCustomer": { "amount": (revenue as f64 / 60.0).round() as i64 },
                "perOrder": { "amount": (revenue as f64 / 180.0).round() as i64 },
            }])
        );

        let listed = "{ contacts(filter: { condition: { profile: {
            rfmSegments: [CHAMPIONS], monetaryScore: { atLeast: 5 } } } }) { totalCount } }";
        let door = Door::new(&world.ctx);
        let found = door.must(&world.owner, listed, json!({})).await;
        assert_eq!(found["totalCount"], 12);

        // Somebody who has not bought for long does it again, by the fifths of the night.
        let first = contact_of(&world, &address(0)).await;
        let again = an_order_of(&world, "again", email(&address(0)), 0, 50_000);
        ingest(&world, vec![again.clone()]).await;
        let found = rfm(&world, first).await;
        assert_eq!(
            scores(&found),
            [&json!(5), &json!(2), &json!(5), &Value::Null]
        );
        assert_eq!(found["recencyDays"], 0);
        let mut cancelled = again;
        cancelled.status = OrderStatus::Cancelled;
        cancelled.head.updated_at = Some(world.ctx.clock.now() + TimeDelta::minutes(1));
        ingest(&world, vec![cancelled]).await;
        let found = rfm(&world, first).await;
        assert_eq!(
            (&found["orders"], &found["recencyDays"]),
            (&json!(1), &json!(60))
        );
        world
    });
}

#[test]
fn among_few_customers_nobody_is_scored_and_the_report_says_why() {
    on_both(|world| async move {
        ingest(&world, ladder(&world, 49)).await;
        let last = contact_of(&world, &address(48)).await;
        night(&world).await;
        assert_eq!(scores(&rfm(&world, last).await), [&Value::Null; 4]);
        let all = report(&world, "CONTACT").await;
        assert_eq!(
            (&all["customers"], &all["isScored"]),
            (&json!(49), &json!(false))
        );
        assert_eq!(all["minimumCustomers"], 50);

        // One more is enough, but not for a currency of which there is one.
        let party = email("dollars@x.example");
        let mut dollars = an_order_of(&world, "dollars", party, 0, 9_900);
        dollars.currency = "USD".to_owned();
        let party = email(&address(49));
        let yen = an_order_of(&world, "yen", party, 0, 1);
        ingest(&world, vec![dollars, yen]).await;
        night_after(&world, TimeDelta::days(1)).await;
        let payer = contact_of(&world, "dollars@x.example").await;
        let found = rfm(&world, payer).await;
        assert_eq!(found["monetaryScore"], Value::Null);
        assert_eq!(found["recencyScore"], 5);
        assert_eq!(rfm(&world, last).await["monetaryScore"], 5);
        world
    });
}

async fn night_after(world: &World, time: TimeDelta) {
    world.clock.advance(time);
    night(world).await;
}

#[test]
fn orders_of_more_than_a_year_ago_are_left_out_by_the_night() {
    on_both(|world| async move {
        let old = an_order_of(&world, "old", email(&address(1)), -300 * DAY, 700);
        ingest(&world, vec![old]).await;
        let one = contact_of(&world, &address(1)).await;
        night(&world).await;
        assert_eq!(rfm(&world, one).await["recencyDays"], 300);
        night_after(&world, TimeDelta::days(100)).await;
        assert_eq!(rfm(&world, one).await, Value::Null);
        assert_eq!(report(&world, "CONTACT").await["customers"], 0);
        world
    });
}

#[test]
fn companies_have_what_their_people_bought_and_merged_people_what_both_did() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewAccount {
            name: "X".to_owned(),
            domain: Some("x.example".to_owned()),
            ..NewAccount::default()
        };
        let account = account::create(ctx, owner, new).await.unwrap().id;
        let orders = [(1, 500), (2, 700)].map(|(number, amount)| {
            let party = email(&address(number));
            an_order_of(&world, &number.to_string(), party, -DAY, amount)
        });
        ingest(&world, orders.to_vec()).await;
        let [one, two] = [
            contact_of(&world, &address(1)).await,
            contact_of(&world, &address(2)).await,
        ];
        let of_account = async || {
            let document = format!("query($id: ID!) {{ account(id: $id) {{ {FIELDS} }} }}");
            let asked = json!({ "id": account.to_string() });
            Door::new(ctx).must(owner, &document, asked).await["rfm"].clone()
        };
        let found = of_account().await;
        assert_eq!(
            (&found["orders"], &found["revenue"]["amount"]),
            (&json!(2), &json!(1_200))
        );

        let merged = merge::merge(ctx, owner, one, two, "").await.unwrap();
        world.drain().await;
        assert_eq!(rfm(&world, one).await["revenue"]["amount"], 1_200);
        assert_eq!(of_account().await["orders"], 2);
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        world.drain().await;
        assert_eq!(rfm(&world, one).await["revenue"]["amount"], 500);
        assert_eq!(rfm(&world, two).await["revenue"]["amount"], 700);

        night(&world).await;
        let all = report(&world, "ACCOUNT").await;
        assert_eq!(
            (&all["of"], &all["customers"]),
            (&json!("ACCOUNT"), &json!(1))
        );
        assert_eq!(all["revenue"][0]["perCustomer"]["amount"], 1_200);
        assert_eq!(
            report(&world, "CONTACT").await["revenue"][0]["perCustomer"]["amount"],
            600
        );
        world
    });
}

#[derive(Debug, PartialEq, FromQueryResult)]
struct Measured {
    scope: String,
    subject_id: Uuid,
    last_order_on: NaiveDate,
    orders: i64,
    currency: String,
    revenue: i64,
}

async fn measured(world: &World) -> Vec<Measured> {
    Query::new(
        "SELECT t.scope, t.subject_id, t.last_order_on, t.orders, t.currency, t.revenue
         FROM rfm t WHERE t.workspace_id = $1 ORDER BY t.scope, t.subject_id",
    )
    .bind(world.owner.workspace)
    .all(world.ctx.reader())
    .await
    .unwrap()
}

#[test]
fn following_the_orders_comes_to_what_a_full_night_comes_to() {
    on_both(|world| async move {
        for domain in ["x.example", "y.example"] {
            let new = NewAccount {
                name: domain.to_owned(),
                domain: Some(domain.to_owned()),
                ..NewAccount::default()
            };
            account::create(&world.ctx, &world.owner, new)
                .await
                .unwrap();
        }
        let mut random = StdRng::seed_from_u64(7);
        for round in 0..6 {
            let orders = (0..40).map(|_| an_order_by_chance(&world, &mut random, round));
            ingest(&world, orders.collect()).await;
        }
        let followed = measured(&world).await;
        assert!(followed.len() > 10, "{followed:?}");
        Query::new("DELETE FROM rfm WHERE workspace_id = $1")
            .bind(world.owner.workspace)
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        night(&world).await;
        assert_eq!(measured(&world).await, followed);
        world
    });
}

/// One of a few orders, of one of a few people, as it stands in a round.
fn an_order_by_chance(world: &World, random: &mut StdRng, round: i64) -> NewOrder {
    let (number, person) = (random.random_range(0..60), random.random_range(0..12));
    let domain = ["x.example", "y.example", "z.example"][random.random_range(0..3)];
    let party = email(&format!("p{person}@{domain}"));
    let amount = random.random_range(0..10_000);
    let mut order = an_order_of(world, &number.to_string(), party, 0, amount);
    order.currency = ["JPY", "USD"][random.random_range(0..2)].to_owned();
    order.status = [
        OrderStatus::Paid,
        OrderStatus::Fulfilled,
        OrderStatus::Refunded,
        OrderStatus::Cancelled,
    ][random.random_range(0..4)];
    order.placed_at = start() - TimeDelta::days(random.random_range(0..340));
    order.head.updated_at = Some(start() - TimeDelta::hours(10 - round));
    order
}
