//! Processes that still have a secret key that was replaced: they find out, and mix no keys.

use std::{sync::Arc, time::Duration};

use domain::{
    ctx::Ctx,
    error::Error,
    notification::manage::{self, NewTarget},
    store::Query,
    vault::{MasterKey, Vault, lasting, replaced},
};
use entity::kind::TargetKind;
use serde_json::{Value, json};

use crate::support::{
    World,
    installation::{Installation, on_each},
    on_both,
    process::until,
    world::MASTER_KEY,
};

const NEW_KEY: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
/// How long anything may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// The business with these keys.
fn with_keys(ctx: &Ctx, current: &str, older: &str) -> Ctx {
    let vault = Vault::new(current.parse().unwrap());
    Ctx {
        vault: Arc::new(vault.with_older(older.parse().unwrap())),
        ..ctx.clone()
    }
}

/// Makes a target, whose URL and keys are sealed.
async fn seal(world: &World, ctx: &Ctx, name: &str) -> Result<(), Error> {
    let new = NewTarget::at(TargetKind::Webhook, name, "https://receiver.example/hook");
    manage::create(ctx, &world.owner, new).await.map(drop)
}

#[test]
fn a_key_that_was_replaced_seals_nothing_until_it_is_gone_back_to() {
    on_both(|world| async move {
        let old = &world.ctx;
        lasting::open(old).await.unwrap();
        let new = &with_keys(old, NEW_KEY, MASTER_KEY);
        // While keys are changed, each seals with its own.
        for (ctx, name) in [(old, "old"), (new, "new")] {
            assert!(!replaced::look(ctx).await.unwrap());
            seal(&world, ctx, name).await.unwrap();
        }
        assert!(replaced::replace(new).await.unwrap());
        assert!(!replaced::replace(new).await.unwrap(), "it is said once");
        // Also who has the new one behind it.
        let reverse = &with_keys(old, MASTER_KEY, NEW_KEY);
        for ctx in [old, reverse] {
            assert!(replaced::is_replaced(ctx).await.unwrap());
            assert!(replaced::look(ctx).await.unwrap());
            let refused = seal(&world, ctx, "late").await;
            assert!(matches!(refused, Err(Error::KeyReplaced)), "{refused:?}");
        }
        assert!(!replaced::look(new).await.unwrap());
        seal(&world, new, "after").await.unwrap();

        assert!(replaced::replace(reverse).await.unwrap());
        assert!(!replaced::look(old).await.unwrap());
        assert!(replaced::look(new).await.unwrap());
        seal(&world, old, "back").await.unwrap();
        world
    });
}

/// What a path of the first server answers.
async fn page(installation: &Installation, path: &str) -> String {
    let owner = installation.owner();
    let url = format!("http://{}{path}", owner.address);
    let answer = owner.http.get(url).send().await.expect("an answer");
    answer.text().await.expect("a text")
}

#[test]
fn a_running_process_finds_out_and_says_what_to_do() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        let document = "mutation($input: CreateNotificationTargetInput!) { \
            createNotificationTarget(input: $input) { target { id } userErrors { message } } }";
        let input = |name: &str| {
            let url = "https://127.0.0.1:8443/hook";
            json!({ "input": { "name": name, "kind": "WEBHOOK", "url": url } })
        };
        owner.must(document, input("before")).await;
        // Too early: the processes that run have not been started again with the new key.
        installation.set("ENISHI_SECRET_KEY", NEW_KEY);
        installation.set("ENISHI_SECRET_KEY_OLD", MASTER_KEY);
        let (ended, said) = installation.command(&["reseal"]).await;
        assert!(ended.success() && said.contains("sealed again"), "{said}");

        until("the server to notice", LIMIT, async || {
            let figures = page(&installation, "/metrics").await;
            figures
                .contains("enishi_secret_key_replaced 1\n")
                .then_some(())
        })
        .await;
        let answer = owner.ask(document, &input("after")).await;
        let code = &answer["errors"][0]["extensions"]["code"];
        assert_eq!(code, "UNAVAILABLE", "{answer}");
        let input_of_contact = json!({ "name": "Plain" });
        owner
            .change("createContact", input_of_contact, "contact { id }")
            .await;
        // On a busy machine something else may be missing for a moment.
        let wanted = json!({ "ready": true, "degraded": ["secret_key"] });
        until("readiness without the key", LIMIT, async || {
            let said = page(&installation, "/readyz").await;
            let said: Value = serde_json::from_str(&said).unwrap();
            (said == wanted).then_some(())
        })
        .await;
        let wanted = "Start it again with the new key as ENISHI_SECRET_KEY";
        let server = &installation.servers[0].0;
        until("the server to say so", LIMIT, async || {
            server.said().contains(wanted).then_some(())
        })
        .await;
        if let Some(worker) = installation.workers.first() {
            until("the worker to notice", LIMIT, async || {
                worker.said().contains(wanted).then_some(())
            })
            .await;
        }

        // Nothing was mixed.
        let (ended, said) = installation.command(&["check"]).await;
        assert!(said.contains("secret key\tok"), "{ended} {said}");
        let workers = installation.workers.len();
        installation.stop();
        installation.start_server().await;
        installation.start_workers(workers).await;
        installation.owner().must(document, input("after")).await;
        installation
    });
}

#[test]
fn a_reseal_that_was_broken_off_waits_once_more_and_a_finished_one_does_not() {
    on_each(|mut installation| async move {
        // As far as one comes that is broken off while it waits.
        let former: MasterKey = MASTER_KEY.parse().unwrap();
        let database = installation.database();
        let said = Query::new("UPDATE vault_secret SET replaced = $1")
            .bind(former.id())
            .execute(database.owner())
            .await;
        assert_eq!(said.unwrap(), 1);
        installation.set("ENISHI_SECRET_KEY", NEW_KEY);
        installation.set("ENISHI_SECRET_KEY_OLD", MASTER_KEY);
        for waits in [true, false] {
            let (ended, said) = installation.command(&["reseal"]).await;
            assert!(ended.success(), "{said}");
            assert_eq!(said.contains("waiting"), waits, "{said}");
        }
        let workers = installation.workers.len();
        installation.stop();
        installation.start_server().await;
        installation.start_workers(workers).await;
        installation
    });
}

#[test]
fn nothing_starts_with_a_key_that_was_replaced() {
    on_each(|mut installation| async move {
        installation.set("ENISHI_SECRET_KEY", NEW_KEY);
        installation.set("ENISHI_SECRET_KEY_OLD", MASTER_KEY);
        let (ended, said) = installation.command(&["reseal"]).await;
        assert!(ended.success(), "{said}");
        installation.set("ENISHI_SECRET_KEY", MASTER_KEY);
        installation.set("ENISHI_SECRET_KEY_OLD", NEW_KEY);
        let (ended, said) = installation.command(&["token", "create"]).await;
        assert!(!ended.success(), "{said}");
        assert!(said.contains("exchange the two"), "{said}");
        // Whoever wants to go back says so.
        let (ended, said) = installation.command(&["reseal"]).await;
        assert!(ended.success(), "{said}");
        let (ended, said) = installation.command(&["token", "create"]).await;
        assert!(ended.success(), "{said}");
        // The processes that run have that key as well, and notice.
        until("the key to be the current one", LIMIT, async || {
            let figures = page(&installation, "/metrics").await;
            figures
                .contains("enishi_secret_key_replaced 0\n")
                .then_some(())
        })
        .await;
        installation
    });
}
