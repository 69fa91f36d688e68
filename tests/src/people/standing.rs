//! How the people of accounts are doing, kept beside the accounts.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{
    access::Origin,
    account::{self, NewAccount},
    contact::{self, NewContact},
    order,
    store::Query,
    work::{
        change::{Change, Fact},
        projection::{self, Outcome},
    },
};
use entity::{
    id::{AccountId, ContactId},
    kind::HealthBand,
};

use crate::{
    fact::{an_order, email},
    support::{World, on_both, process::until},
};

/// How long it may take on a busy machine until the log is read.
const LIMIT: Duration = Duration::from_mins(1);

/// An account, and somebody there.
async fn somebody(world: &World) -> (AccountId, ContactId) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let new = NewAccount {
        name: "Acme".to_owned(),
        ..NewAccount::default()
    };
    let account = account::create(ctx, owner, new).await.unwrap().id;
    let new = NewContact {
        name: "Taro".to_owned(),
        email: Some("taro@customer.example".to_owned()),
        account: Some(account),
        ..NewContact::default()
    };
    let contact = contact::create(ctx, owner, new).await.unwrap().id;
    world.drain().await;
    (account, contact)
}

/// Lets nothing follow but what is kept of accounts, and the rules, which go first.
async fn keep(world: &World) {
    until("the log to be read", LIMIT, async || {
        let mut idle = true;
        for projection in domain::projections() {
            if ["rules", "standing"].contains(&projection.name()) {
                let workspace = world.owner.workspace;
                let outcome = projection::run(&world.ctx, *projection, workspace).await;
                idle &= outcome.unwrap() == Outcome::Idle;
            }
        }
        idle.then_some(())
    })
    .await;
}

#[test]
fn whoever_orders_is_active_at_their_account_whatever_becomes_of_their_health() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (account, _) = somebody(&world).await;
        world.clock.advance(TimeDelta::hours(1));
        let taro = email("taro@customer.example");
        let placed = an_order(&world, "a", taro, 0);
        order::ingest(ctx, owner, vec![placed]).await.unwrap();
        keep(&world).await;
        let standing = account::load_standing(ctx, owner.workspace, &[account]).await;
        let standing = standing.unwrap();
        assert_eq!(standing[0].people_active_at, Some(ctx.clock.now()));
        world
    });
}

async fn notes(world: &World) -> i64 {
    let count: Option<i64> =
        Query::new("SELECT COUNT(*) FROM account_standing_note WHERE workspace_id = $1")
            .bind(world.owner.workspace)
            .scalar(world.ctx.reader())
            .await
            .unwrap();
    count.unwrap()
}

/// Says in the change log that somebody's health changed, and lets what is kept of accounts follow.
async fn changed(world: &World, contact_id: ContactId) {
    let mut tx = world.ctx.begin(world.owner.workspace).await.unwrap();
    let fact = Fact::HealthChanged {
        contact_id,
        score: None,
        previous_score: None,
        band: HealthBand::Healthy,
        previous_band: HealthBand::AtRisk,
    };
    tx.record(Change::new(Origin::System, Some(contact_id), fact));
    tx.commit().await.unwrap();
    keep(world).await;
}

#[test]
fn however_many_people_are_noted_a_transaction_reads_some_and_the_next_goes_on() {
    on_both(|world| async move {
        let (_, contact) = somebody(&world).await;
        Query::new(
            "INSERT INTO account_standing_note (workspace_id, contact_id)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000)
             SELECT c.workspace_id, c.id FROM n
             JOIN contact c ON c.workspace_id = $1 AND c.id = $2",
        )
        .bind(world.owner.workspace)
        .bind(contact)
        .execute(world.ctx.db.writer())
        .await
        .unwrap();
        changed(&world, contact).await;
        assert_eq!(notes(&world).await, 5_000);
        changed(&world, contact).await;
        assert_eq!(notes(&world).await, 0);
        world
    });
}
