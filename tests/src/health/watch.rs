//! Watching scores change.

use std::time::Duration;

use domain::{
    access::Origin,
    account::{self, NewAccount},
    contact::{self, NewContact},
    work::change::{Change, Fact},
};
use entity::kind::HealthBand;
use futures::StreamExt as _;
use serde_json::json;

use crate::{access::house::Door, support::on_both};

#[test]
fn scores_are_told_of_the_people_of_one_account() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewAccount {
            name: "Example Inc.".to_owned(),
            ..NewAccount::default()
        };
        let account = account::create(ctx, owner, new).await.unwrap().id;
        let mut people = Vec::new();
        for (name, account) in [("Hanako", None), ("Taro", Some(account))] {
            let new = NewContact {
                name: name.to_owned(),
                account,
                ..NewContact::default()
            };
            people.push(contact::create(ctx, owner, new).await.unwrap().id);
        }
        let mut tx = ctx.begin(owner.workspace).await.unwrap();
        for contact_id in people {
            let fact = Fact::HealthChanged {
                contact_id,
                score: Some(40.0),
                previous_score: None,
                band: HealthBand::AtRisk,
                previous_band: HealthBand::Unknown,
            };
            tx.record(Change::new(Origin::System, Some(contact_id), fact));
        }
        tx.commit().await.unwrap();

        let door = Door::new(ctx);
        let document = "subscription($account: ID) { \
            healthChanged(accountId: $account, after: \"0.0\") { contact { name } score } }";
        let variables = json!({ "account": account.to_string() });
        let stream = door.follow(owner, document, &variables);
        let mut stream = std::pin::pin!(stream);
        let told = tokio::time::timeout(Duration::from_mins(1), stream.next()).await;
        let told = told.expect("a change").expect("a change");
        let expected = json!({ "contact": { "name": "Taro" }, "score": 40.0 });
        assert_eq!(told["data"]["healthChanged"], expected, "{told}");
        world
    });
}
