//! Calls that arrive after later ones: what was said last counts.

use domain::{
    account,
    attribute::{self, definition},
    contact::erase,
    store::Query,
    track::Method,
};
use entity::kind::{IdentityKind as I, SubjectKind};
use serde_json::{Value, json};

use super::{batch, declare, one, who_has};
use crate::support::{World, on_both};

/// The values of attributes by their keys.
async fn values(world: &World, id: uuid::Uuid, subject: SubjectKind) -> Value {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let definitions = definition::list(ctx, workspace, Some(subject)).await;
    let definitions = definitions.unwrap();
    let values = attribute::load(ctx, workspace, &[id]).await.unwrap();
    let named = values.into_iter().filter_map(|value| {
        let mut definitions = definitions.iter();
        let definition = definitions.find(|one| one.id == value.attribute_id)?;
        Some((definition.key.clone(), json!(value.text)))
    });
    Value::Object(named.collect())
}

async fn moments(world: &World) -> i64 {
    let found = Query::new("SELECT COUNT(*) FROM last_word WHERE workspace_id = $1")
        .bind(world.owner.workspace)
        .scalar(world.ctx.reader())
        .await;
    found.unwrap().unwrap_or_default()
}

#[test]
fn what_was_said_before_and_arrives_later_changes_nothing() {
    on_both(|world| async move {
        for key in ["plan", "city"] {
            declare(&world, SubjectKind::Contact, key).await;
        }
        let said = |day: &str, traits: Value| {
            let at = format!("2025-11-{day}T00:00:00Z");
            json!({ "type": "identify", "userId": "u-1", "timestamp": at, "traits": traits })
        };
        let new = said("20", json!({ "name": "New", "plan": "pro" }));
        one(&world, Method::Identify, new.clone()).await;
        // A trait of which nothing was said since is told, the others are not.
        let old = said(
            "01",
            json!({ "name": "Old", "plan": "free", "city": "Osaka" }),
        );
        one(&world, Method::Identify, old.clone()).await;
        let person = who_has(&world, I::ExternalId, "u-1").await.unwrap();
        assert_eq!(person.name, "New");
        let told = values(&world, person.id.0, SubjectKind::Contact).await;
        assert_eq!(told, json!({ "plan": "pro", "city": "Osaka" }));
        // In one request, in either order, and what takes a value away.
        let middle = said("10", json!({ "plan": "team", "city": "Kobe" }));
        let last = said("21", json!({ "plan": null }));
        batch(&world, json!([last, old, new, middle])).await;
        let told = values(&world, person.id.0, SubjectKind::Contact).await;
        assert_eq!(told, json!({ "city": "Kobe" }));
        // Without a time of its own a call is said as it arrives.
        let now = json!({ "userId": "u-1", "traits": { "plan": "solo", "name": "Now" } });
        one(&world, Method::Identify, now).await;
        let person = who_has(&world, I::ExternalId, "u-1").await.unwrap();
        assert_eq!(person.name, "Now");
        let told = values(&world, person.id.0, SubjectKind::Contact).await;
        assert_eq!(told, json!({ "plan": "solo", "city": "Kobe" }));

        assert_eq!(moments(&world).await, 1);
        erase::erase(&world.ctx, &world.owner, person.id)
            .await
            .unwrap();
        assert_eq!(moments(&world).await, 0);
        world
    });
}

#[test]
fn nobody_goes_back_to_a_company_they_were_at_before() {
    on_both(|world| async move {
        declare(&world, SubjectKind::Account, "plan").await;
        let said = |day: &str, group: &str, traits: Value| {
            let at = format!("2025-11-{day}T00:00:00Z");
            json!({ "userId": "u-1", "groupId": group, "timestamp": at, "traits": traits })
        };
        let acme = |plan: &str| json!({ "name": format!("Acme {plan}"), "plan": plan });
        for call in [
            said("20", "g-1", acme("pro")),
            said("01", "g-1", acme("free")),
            said("21", "g-2", json!({ "website": "new.example" })),
            said("10", "g-1", json!({})),
            said("02", "g-2", json!({ "website": "old.example" })),
        ] {
            one(&world, Method::Group, call).await;
        }
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let company = async |id: &str| {
            let found = account::find_by_external_id(ctx, workspace, id).await;
            found.unwrap().unwrap()
        };
        let (first, second) = (company("g-1").await, company("g-2").await);
        assert_eq!(first.name, "Acme pro");
        let told = values(&world, first.id.0, SubjectKind::Account).await;
        assert_eq!(told, json!({ "plan": "pro" }));
        assert_eq!(second.website.as_deref(), Some("https://new.example/"));
        let person = who_has(&world, I::ExternalId, "u-1").await.unwrap();
        assert_eq!(person.account_id, Some(second.id));
        world
    });
}
