//! How companies are doing: their people taken together.

use domain::{
    account::{self, NewAccount},
    contact::{self, NewContact},
};
use entity::id::ContactId;
use serde_json::json;

use super::{
    count,
    data::{Data, thriving},
    first_night,
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
