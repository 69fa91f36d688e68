//! Orders, invoices, tickets, opportunities and survey answers on both databases.
//!
//! - `arrival`: whose word counts;
//! - `deleted`: what is taken back;
//! - `party`: whose facts they are;
//! - `kind`: what each kind has of its own.

mod arrival;
mod deleted;
mod kind;
mod party;

use chrono::TimeDelta;
use domain::{
    account::{self, NewAccount},
    fact::{ContactRef, Outcome, Party, ingest::Head},
    order::{self, NewLine, NewOrder},
    work::change::{self, Position},
};
use entity::{
    id::{AccountId, ContactId},
    kind::OrderStatus,
};

use crate::support::{World, engine::contact_of};

pub(crate) fn email(address: &str) -> Party {
    Party {
        contact: Some(ContactRef::Email(address.to_owned())),
        account: None,
    }
}

pub(crate) fn an_order(world: &World, id: &str, party: Party, minutes: i64) -> NewOrder {
    let at = world.ctx.clock.now() + TimeDelta::minutes(minutes);
    NewOrder {
        head: Head {
            external_id: id.to_owned(),
            party,
            updated_at: Some(at),
        },
        number: Some(format!("No. {id}")),
        status: OrderStatus::Placed,
        amount: 3_000_000_000,
        currency: "jpy".to_owned(),
        placed_at: at,
        lines: vec![NewLine {
            product_id: "tea".to_owned(),
            product_name: "お茶".to_owned(),
            quantity: 2.0,
            unit_price: 1_500_000_000,
        }],
    }
}

async fn outcomes(world: &World, orders: Vec<NewOrder>) -> Vec<Outcome> {
    let ingested = order::ingest(&world.ctx, &world.owner, orders).await;
    let ingested = ingested.unwrap().into_iter();
    ingested.map(|one| one.outcome).collect()
}

async fn an_account(world: &World, name: &str, domain: Option<&str>) -> AccountId {
    let new = NewAccount {
        name: name.to_owned(),
        domain: domain.map(str::to_owned),
        external_id: Some(format!("crm {name}")),
        ..NewAccount::default()
    };
    let made = account::create(&world.ctx, &world.owner, new).await;
    made.unwrap().id
}

/// The names of everything recorded so far whose name ends like this.
async fn recorded(world: &World, ending: &str) -> Vec<(String, Option<ContactId>)> {
    let start = Position::default();
    let read =
        async || change::read(world.ctx.reader(), world.owner.workspace, start, 10_000).await;
    world.drain().await;
    let entries = read().await.unwrap().into_iter();
    let entries = entries.map(|entry| entry.expect("a readable entry"));
    entries
        .map(|entry| (entry.fact.name().to_owned(), entry.contact))
        .filter(|(name, _)| name.ends_with(ending))
        .collect()
}
