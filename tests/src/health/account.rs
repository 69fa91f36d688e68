//! How companies are doing: their people taken together.

use chrono::TimeDelta;
use domain::{
    account::{self, NewAccount},
    contact::{self, ContactChanges, NewContact},
    fact::{AccountRef, Party, ingest::Head},
    health::{
        self,
        model::{Definition, Missing, ModelSignal},
        signal,
    },
    invoice::{self, NewInvoice},
};
use entity::{
    id::ContactId,
    kind::{HealthBand, InvoiceStatus},
};
use serde_json::json;

use super::{
    count,
    data::{Data, thriving},
    first_night, score,
};
use crate::{access::house::Door, support::on_both};

#[test]
fn an_account_says_how_its_people_are_doing_and_how_they_were() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = |name: &str| NewAccount {
            name: name.to_owned(),
            ..NewAccount::default()
        };
        let one = account::create(ctx, owner, new("One")).await.unwrap().id;
        let empty = account::create(ctx, owner, new("Empty")).await.unwrap().id;
        let mut people: Vec<ContactId> = Vec::new();
        for name in ["Thrives", "Stopped", "Nobody"] {
            let new = NewContact {
                name: name.to_owned(),
                account: Some(one),
                ..NewContact::default()
            };
            people.push(contact::create(ctx, owner, new).await.unwrap().id);
        }
        let (thrives, stopped) = (people[0], people[1]);
        thriving(thrives).insert(&world).await;
        Data {
            events: (84..90).map(|day| (stopped, day)).collect(),
            emails: vec![(stopped, 60, 1, 0)],
            conversations: vec![(stopped, Some(10))],
            ..Data::default()
        }
        .insert(&world)
        .await;
        first_night(&world).await;
        world.drain().await;

        let door = Door::new(ctx);
        let document = "query($id: ID!) { account(id: $id) {
            healthScore healthBand health { score band people { band count } }
            healthHistory { totalCount nodes { score contact { name } } } } }";
        let asked = json!({ "id": one.to_string() });
        let found = door.must(owner, document, asked).await;
        // 100 of one, 26.82 of another.
        assert_eq!(found["healthScore"], 63.41);
        assert_eq!(found["healthBand"], "NEUTRAL");
        let people = [
            ("AT_RISK", 1),
            ("NEUTRAL", 0),
            ("HEALTHY", 1),
            ("UNKNOWN", 1),
        ];
        let people = people.map(|(band, count)| json!({ "band": band, "count": count }));
        let health = json!({ "score": 63.41, "band": "NEUTRAL", "people": people });
        assert_eq!(found["health"], health);
        let history = &found["healthHistory"];
        assert_eq!(history["totalCount"], count(&world, "health_history").await);
        let entries = history["nodes"].as_array().unwrap();
        for (score, name) in [(100.0, "Thrives"), (26.82, "Stopped")] {
            let entry = json!({ "score": score, "contact": { "name": name } });
            assert!(entries.contains(&entry), "{history}");
        }

        let found = door
            .must(owner, document, json!({ "id": empty.to_string() }))
            .await;
        assert_eq!(found["healthBand"], "UNKNOWN");
        assert_eq!(found["health"]["score"], json!(null));
        assert_eq!(found["healthHistory"]["nodes"], json!([]));
        world
    });
}

#[test]
fn whoever_goes_to_another_company_is_judged_by_its_bills_at_once() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let bills = signal::find("billing.overdue_share").unwrap().definition();
        let definition = Definition {
            signals: vec![ModelSignal {
                signal: bills.name.to_owned(),
                weight: 1,
                window_days: bills.window_days,
                curve: (bills.curve)(),
                missing: Missing::Skip,
            }],
            ..Definition::default()
        };
        health::save_model(ctx, owner, definition).await.unwrap();
        let new = NewAccount {
            name: "Late".to_owned(),
            ..NewAccount::default()
        };
        let late = account::create(ctx, owner, new).await.unwrap().id;
        let now = ctx.clock.now();
        let bill = NewInvoice {
            head: Head {
                external_id: "bill".to_owned(),
                party: Party {
                    contact: None,
                    account: Some(AccountRef::Id(late)),
                },
                updated_at: None,
            },
            number: None,
            status: InvoiceStatus::Open,
            amount: 1_250,
            currency: "JPY".to_owned(),
            issued_at: now - TimeDelta::days(40),
            due_at: Some(now - TimeDelta::days(10)),
            paid_at: None,
        };
        invoice::ingest(ctx, owner, vec![bill]).await.unwrap();
        let new = NewContact {
            name: "Goes".to_owned(),
            ..NewContact::default()
        };
        let goes = contact::create(ctx, owner, new).await.unwrap().id;
        world.drain().await;
        assert_eq!(score(&world, goes).await.score, None);

        for (account, expected) in [
            (Some(late), (Some(0.0), HealthBand::AtRisk)),
            (None, (None, HealthBand::Unknown)),
        ] {
            world.clock.advance(TimeDelta::minutes(1));
            let there = ContactChanges {
                account: Some(account),
                ..ContactChanges::default()
            };
            contact::update(ctx, owner, goes, there).await.unwrap();
            world.drain().await;
            let row = score(&world, goes).await;
            assert_eq!((row.score, row.band), expected);
        }
        world
    });
}
