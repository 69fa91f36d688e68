//! What a file of contacts says of each beyond their own fields.

use domain::{
    contact::{
        self, ContactFilter, NewContact,
        identity::{self, Given},
        subscription::{self, NewState},
    },
    export::{Ordered, Wanted, What},
};
use entity::kind::{Channel, ExportEncoding, ExportFormat, IdentityKind, SubscriptionState};
use serde_json::{Value, json};

use crate::{
    export::{csv, export, wanted},
    support::on_both,
};

fn everybody() -> What {
    What::Contacts(ContactFilter::default(), Ordered::default())
}

#[test]
fn contacts_are_exported_with_all_they_are_known_by_and_what_they_want_to_hear_of() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewContact {
            name: "Taro".to_owned(),
            email: Some("taro@example.com".to_owned()),
            ..NewContact::default()
        };
        let taro = contact::create(ctx, owner, new).await.unwrap().id;
        let private = Given {
            kind: IdentityKind::Email,
            value: "private@example.com".to_owned(),
        };
        let known = identity::attach(ctx, owner, taro, &private).await;
        known.unwrap();
        let unwanted = NewState {
            channel: Channel::Email,
            topic: "*".to_owned(),
            state: SubscriptionState::Unsubscribed,
            reason: "asked; twice".to_owned(),
        };
        let told = subscription::set(ctx, owner, taro, unwanted).await;
        told.unwrap();

        let names = ["identities", "subscriptions"];
        let chosen = |format| Wanted {
            columns: names.map(str::to_owned).to_vec(),
            ..wanted(everybody(), format, ExportEncoding::Utf8)
        };
        let line = export(&world, chosen(ExportFormat::JsonLines)).await;
        let line: Value = serde_json::from_slice(&line).unwrap();
        let identities = json!([
            { "kind": "EMAIL", "value": "private@example.com" },
            { "kind": "EMAIL", "value": "taro@example.com" },
        ]);
        assert_eq!(line["identities"], identities);
        let subscriptions = line["subscriptions"].as_array().unwrap();
        assert_eq!(subscriptions.len(), 1);
        for (field, expected) in [
            ("channel", "EMAIL"),
            ("topic", "*"),
            ("state", "UNSUBSCRIBED"),
            ("source", "MEMBER"),
            ("reason", "asked; twice"),
        ] {
            assert_eq!(subscriptions[0][field], expected);
        }
        let rows = csv(&export(&world, chosen(ExportFormat::Csv)).await);
        assert_eq!(rows[0], ["Identities", "Subscriptions"]);
        for (cell, name) in rows[1].iter().zip(names) {
            let cell: Value = serde_json::from_str(cell).unwrap();
            assert_eq!(
                cell, line[name],
                "a list of several fields is in a cell as JSON"
            );
        }
        world
    });
}
