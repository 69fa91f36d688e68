//! What calls tell of companies, and what a key in a web page may not tell.

use domain::{
    access::{Actor, Scope, ScopeSet},
    account::{self, NewAccount},
    track::{self, Method, Sent, Taken},
};
use serde_json::{Value, json};

use super::one;
use crate::support::{World, on_both};

async fn group(world: &World, actor: &Actor, id: &str, traits: Value) -> Taken {
    let call = json!({ "userId": "u-1", "groupId": id, "traits": traits });
    let sent = Sent::one(Method::Group, call);
    track::take_in(&world.ctx, actor, sent).await.unwrap()
}

async fn known(world: &World, external_id: &str) -> entity::account::Model {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = account::find_by_external_id(ctx, workspace, external_id).await;
    found.unwrap().unwrap()
}

#[test]
fn a_key_for_tracking_alone_names_no_company_by_a_domain() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let with = |scopes: &[Scope]| Actor {
            scopes: scopes.iter().copied().collect::<ScopeSet>(),
            ..owner.clone()
        };
        let (page, server) = (with(&[Scope::Track]), with(&[Scope::Track, Scope::Ingest]));
        let new = NewAccount {
            name: "Victim".to_owned(),
            domain: Some("victim.example".to_owned()),
            ..NewAccount::default()
        };
        let victim = account::create(ctx, owner, new).await.unwrap().id;
        // Neither one that somebody has, nor one that is free.
        for (id, domain) in [("g-1", "victim.example"), ("g-2", "free.example")] {
            let traits = json!({ "name": "Evil", "domain": domain });
            let taken = group(&world, &page, id, traits).await;
            assert_eq!((taken.accepted, taken.traits_ignored), (1, 1), "{taken:?}");
            let evil = known(&world, id).await;
            assert_eq!((evil.name.as_str(), evil.domain), ("Evil", None));
            assert_ne!(evil.id, victim);
        }
        let found = account::find(ctx, owner.workspace, victim).await.unwrap();
        let found = found.unwrap();
        assert_eq!((found.name.as_str(), found.external_id), ("Victim", None));
        // A key that may send in may.
        let traits = json!({ "domain": "victim.example" });
        group(&world, &server, "g-3", traits).await;
        assert_eq!(known(&world, "g-3").await.id, victim);
        let traits = json!({ "domain": "https://free.example/" });
        group(&world, &server, "g-4", traits).await;
        let free = known(&world, "g-4").await;
        assert_eq!(free.domain.as_deref(), Some("free.example"));
        world
    });
}

#[test]
fn what_libraries_tell_of_companies_fills_the_fields_of_the_account() {
    on_both(|world| async move {
        let call = json!({
            "userId": "u-1", "groupId": "g-1",
            "traits": {
                "name": "Acme", "website": "acme.example", "phone": "+81 3-1234-5678",
                "description": "Makes anvils.",
            },
        });
        let taken = one(&world, Method::Group, call).await;
        assert_eq!((taken.traits_ignored, taken.traits_unfit), (0, 0));
        let acme = known(&world, "g-1").await;
        assert_eq!(acme.website.as_deref(), Some("https://acme.example/"));
        assert_eq!(acme.phone.as_deref(), Some("+81312345678"));
        assert_eq!(acme.description.as_deref(), Some("Makes anvils."));
        // What is not told stays.
        let call = json!({ "userId": "u-1", "groupId": "g-1", "traits": { "phone": "" } });
        one(&world, Method::Group, call).await;
        assert_eq!(known(&world, "g-1").await, acme);
        world
    });
}
