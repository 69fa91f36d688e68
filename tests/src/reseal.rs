//! Changing the master key, losing it, and starting with a wrong one.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use domain::{
    contact::{self, NewContact, erase},
    ctx::Ctx,
    error::{Error, UserErrorCode},
    notification::manage::NewTarget,
    store::Query,
    vault::{
        Sealed, Vault, VaultError,
        lasting::{self, LastingError},
        reseal::{self, Census, PLACES},
    },
};
use entity::{
    id::{Id as _, TargetId},
    kind::TargetKind,
};
use sea_orm::DatabaseBackend;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::support::{
    World,
    client::text,
    installation::{Installation, on_each},
    on_both,
    process::free_port,
    world::MASTER_KEY,
};

const NEW_KEY: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const URL: &str = "https://receiver.example/hook";
const EMAIL: &str = "leftover@customer.example";
/// How long a start may take that is refused.
const START: Duration = Duration::from_mins(1);

/// The business with another key.
fn with_keys(ctx: &Ctx, current: &str, older: Option<&str>) -> Ctx {
    let vault = Vault::new(current.parse().unwrap());
    let vault = match older {
        Some(older) => vault.with_older(older.parse().unwrap()),
        None => vault,
    };
    Ctx {
        vault: Arc::new(vault),
        ..ctx.clone()
    }
}

fn leftover() -> NewContact {
    NewContact {
        name: "Leftover".to_owned(),
        email: Some(EMAIL.to_owned()),
        ..NewContact::default()
    }
}

/// Whether the address of who was erased is refused.
async fn is_refused(world: &World, ctx: &Ctx) -> bool {
    match contact::create(ctx, &world.owner, leftover()).await {
        Err(Error::Refused(errors)) => errors[0].code == UserErrorCode::Erased,
        Err(error) => panic!("{error}"),
        Ok(_) => false,
    }
}

/// The URL of the target as these keys open it.
async fn url(ctx: &Ctx, target: TargetId) -> Result<String, VaultError> {
    let sealed: Option<String> =
        Query::new("SELECT sealed_url FROM notification_target WHERE id = $1")
            .bind(target)
            .scalar(ctx.reader())
            .await
            .unwrap();
    let sealed = Sealed::from_stored(sealed.unwrap());
    let opened = ctx
        .vault
        .open(target.uuid(), "notification_target.url", &sealed)?;
    Ok(opened.expose_secret().to_owned())
}

fn is_wrong_key(outcome: &Result<(), LastingError>) -> bool {
    matches!(
        outcome,
        Err(LastingError::Vault(VaultError::UnknownKey { .. }))
    )
}

#[test]
fn a_key_is_changed_and_the_former_one_is_needed_no_more() {
    on_both(|world| async move {
        let target = NewTarget::at(TargetKind::Webhook, "crm", URL);
        let target = world.target_of(target).await;
        // Under the master key, as before there was a secret of its own.
        let person = contact::create(&world.ctx, &world.owner, leftover()).await;
        let person = person.unwrap().id;
        erase::erase(&world.ctx, &world.owner, person)
            .await
            .unwrap();
        let foreign = lasting::open(&with_keys(&world.ctx, NEW_KEY, None)).await;
        assert!(matches!(foreign, Err(LastingError::Foreign)), "{foreign:?}");
        lasting::open(&world.ctx).await.unwrap();
        assert!(is_refused(&world, &world.ctx).await);

        let new_alone = || with_keys(&world.ctx, NEW_KEY, None);
        let refused = lasting::open(&new_alone()).await;
        assert!(is_wrong_key(&refused), "{refused:?}");
        let both = with_keys(&world.ctx, NEW_KEY, Some(MASTER_KEY));
        lasting::open(&both).await.unwrap();
        assert!(is_refused(&world, &both).await);
        assert!(!lasting::is_current(&both).await.unwrap());
        let before = reseal::census(&both).await.unwrap();
        assert!(before.older >= 3, "a URL, a secret, a seed: {before:?}");
        assert_eq!((before.current, before.unknown), (0, 0));

        let first = reseal::reseal(&both).await.unwrap();
        let and_its_own = before.older as u64 + 1;
        assert_eq!((first.again, first.lost), (and_its_own, 0));
        let second = reseal::reseal(&both).await.unwrap();
        assert_eq!((second.again, second.lost), (0, 0));

        let new = new_alone();
        lasting::open(&new).await.unwrap();
        assert!(lasting::is_current(&new).await.unwrap());
        let after = Census {
            current: before.older,
            ..Census::default()
        };
        assert_eq!(reseal::census(&new).await.unwrap(), after);
        assert_eq!(url(&new, target).await.unwrap(), URL);
        assert!(is_refused(&world, &new).await);
        let old = with_keys(&world.ctx, MASTER_KEY, None);
        assert!(is_wrong_key(&lasting::open(&old).await));
        assert!(url(&old, target).await.is_err());
        world
    });
}

#[test]
fn a_key_that_is_lost_can_be_given_up() {
    on_both(|world| async move {
        let target = NewTarget::at(TargetKind::Webhook, "crm", URL);
        let target = world.target_of(target).await;
        lasting::open(&world.ctx).await.unwrap();
        let new = with_keys(&world.ctx, NEW_KEY, None);
        assert!(is_wrong_key(&lasting::open(&new).await));
        assert!(lasting::give_up(&new).await.unwrap());
        lasting::open(&new).await.unwrap();
        assert!(!lasting::give_up(&new).await.unwrap(), "nothing is lost");
        let done = reseal::reseal(&new).await.unwrap();
        assert_eq!(done.again, 0);
        assert!(done.lost >= 3, "{done:?}");
        assert!(url(&new, target).await.is_err());
        world
    });
}

#[test]
fn every_sealed_column_has_a_place() {
    on_both(|world| async move {
        let statement = match world.ctx.db.backend() {
            DatabaseBackend::Postgres => {
                "SELECT CAST(table_name AS text) || '.' || CAST(column_name AS text)
                 FROM information_schema.columns
                 WHERE table_schema = 'public' AND column_name LIKE 'sealed_%'"
            }
            _ => {
                "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND c.name LIKE 'sealed_%'"
            }
        };
        let query = Query::new(statement);
        let columns: Vec<String> = query.column(world.ctx.reader()).await.unwrap();
        let columns: BTreeSet<String> = columns.into_iter().collect();
        let places = PLACES.map(|place| format!("{}.{}", place.table, place.column));
        let missing: Vec<&String> = columns
            .iter()
            .filter(|column| !places.contains(column))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        world
    });
}

/// What somebody who starts with this key is told.
async fn refusal(installation: &mut Installation) -> String {
    let address = ([127, 0, 0, 1], free_port()).into();
    let mut server = installation.spawn_server(address);
    assert!(!server.end(START).await.success(), "{}", server.said());
    if !installation.is_alone() {
        let mut worker = installation.spawn_worker();
        assert!(!worker.end(START).await.success(), "{}", worker.said());
        assert!(worker.said().contains("ENISHI_SECRET_KEY_OLD"));
    }
    server.said()
}

async fn start(installation: &mut Installation) {
    installation.start_server().await;
    if !installation.is_alone() {
        installation.start_workers(1).await;
    }
}

/// An answer that a process with another key has kept.
async fn seal_with_another_key(installation: &Installation) {
    let database = installation.database();
    let made = Query::new(
        "INSERT INTO idempotency_key (workspace_id, name, fingerprint, result, created_at)
         SELECT id, 'of another key', $1, 'AAAAAAAAAAAAAAAA', created_at FROM workspace",
    )
    .bind(vec![0_u8; 32])
    .execute(database.writer())
    .await;
    assert_eq!(made.expect("a row"), 1);
}

async fn forget_answers(installation: &Installation) {
    let database = installation.database();
    let query = Query::new("DELETE FROM idempotency_key");
    query.execute(database.writer()).await.expect("a deletion");
}

#[test]
fn programs_start_with_the_right_key_only_and_erased_people_stay_erased() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        let input = json!({ "name": "Leftover", "email": EMAIL });
        let made = owner
            .change("createContact", input.clone(), "contact { id }")
            .await;
        let id = text(&made["contact"]["id"]);
        owner
            .change("eraseContact", json!({ "id": id }), "erasedId")
            .await;
        installation.drain(START).await;

        installation.stop();
        installation.set("ENISHI_SECRET_KEY", NEW_KEY);
        let said = refusal(&mut installation).await;
        assert!(said.contains("ENISHI_SECRET_KEY"), "{said}");
        let (ended, said) = installation.command(&["check"]).await;
        assert!(!ended.success() && said.contains("secret key"), "{said}");
        installation.set("ENISHI_SECRET_KEY_OLD", MASTER_KEY);
        start(&mut installation).await;
        let (ended, said) = installation.command(&["check"]).await;
        assert!(!ended.success() && said.contains("enishi reseal"), "{said}");
        let (ended, said) = installation.command(&["reseal"]).await;
        assert!(ended.success() && said.contains("sealed again"), "{said}");

        installation.stop();
        installation.set("ENISHI_SECRET_KEY_OLD", "");
        start(&mut installation).await;
        // Somebody went on with another key.
        seal_with_another_key(&installation).await;
        let (ended, said) = installation.command(&["check"]).await;
        assert!(!ended.success(), "{said}");
        assert!(
            said.contains("sealed with another key: 1 text; give it as ENISHI_SECRET_KEY_OLD"),
            "{said}"
        );
        forget_answers(&installation).await;
        let (_, said) = installation.command(&["check"]).await;
        assert!(said.contains("secret key\tok"), "{said}");
        let document = "mutation($input: CreateContactInput!) { createContact(input: $input) \
            { contact { id } userErrors { code } } }";
        let answer = installation
            .owner()
            .ask(document, &json!({ "input": input }))
            .await;
        let code = &answer["data"]["createContact"]["userErrors"][0]["code"];
        assert_eq!(code, "ERASED", "{answer}");
        installation
    });
}
