//! Too much and too little email, as the API tells it.

use domain::email::NewEmailEvent;
use entity::kind::EmailEventKind::{self, Delivered, Opened, Sent, Unsubscribed};
use serde_json::{Value, json};

use super::{contacts, event, ingest};
use crate::{
    access::house::Door,
    support::{World, on_both},
};

const DAY: i64 = 86_400;

/// What became of one email, sent so many days before yesterday.
fn email(to: &str, days: i64, kinds: &[EmailEventKind]) -> Vec<NewEmailEvent> {
    let name = format!("{to} {days}");
    let kinds = kinds.iter().zip(0..);
    kinds
        .map(|(kind, place)| {
            let id = format!("{name} {place}");
            event(&id, &name, to, *kind, place * 700 - days * DAY)
        })
        .collect()
}

async fn pressure(world: &World, address: &str) -> Value {
    let contact = contacts(world).await[address];
    let document = "query($id: ID!) { contact(id: $id) { emailPressure {
        level sentIn7Days sentIn28Days lastSentOn silentDays
        openRate { value denominator } openRateBefore { value } } } }";
    let asked = json!({ "id": contact.to_string() });
    let door = Door::new(&world.ctx);
    let found = door.must(&world.owner, document, asked).await;
    found["emailPressure"].clone()
}

#[test]
fn much_email_that_is_opened_less_is_too_much_and_silence_too_little() {
    on_both(|world| async move {
        let mut events = Vec::new();
        for days in 0..14 {
            events.extend(email("much@x.example", days, &[Sent, Delivered]));
            let kinds = [Sent, Delivered, Opened];
            events.extend(email("read@x.example", days, &kinds));
        }
        for days in 30..36 {
            for to in ["much@x.example", "read@x.example"] {
                events.extend(email(to, days, &[Sent, Delivered, Opened]));
            }
        }
        events.extend(email("silent@x.example", 60, &[Sent, Delivered]));
        ingest(&world, events).await;
        world.drain().await;

        let much = pressure(&world, "much@x.example").await;
        assert_eq!(much["level"], "TOO_MUCH", "{much}");
        assert_eq!(
            (&much["sentIn7Days"], &much["sentIn28Days"]),
            (&json!(6), &json!(14))
        );
        assert_eq!(much["openRate"], json!({ "value": 0.0, "denominator": 14 }));
        assert_eq!(much["openRateBefore"]["value"], 1.0);
        assert_eq!(
            (&much["lastSentOn"], &much["silentDays"]),
            (&json!("2026-02-28"), &json!(1))
        );
        assert_eq!(pressure(&world, "read@x.example").await["level"], "USUAL");

        let silent = pressure(&world, "silent@x.example").await;
        assert_eq!(silent["level"], "TOO_LITTLE", "{silent}");
        assert_eq!(silent["silentDays"], 61);
        let mut asked = email("silent@x.example", 60, &[Unsubscribed]);
        asked[0].external_id = "enough".to_owned();
        ingest(&world, asked).await;
        world.drain().await;
        assert_eq!(pressure(&world, "silent@x.example").await["level"], "USUAL");
        world
    });
}
