//! Notifications of every kind, on both databases: webhooks and their keys, email, the lists of
//! members, teams, digests and budgets, and the retry schedule.

#[cfg(test)]
mod charge;
#[cfg(test)]
mod email;
#[cfg(test)]
mod erasing;
#[cfg(test)]
mod fired;
#[cfg(test)]
mod hours;
#[cfg(test)]
mod in_app;
#[cfg(test)]
mod listed;
#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod pace;
#[cfg(test)]
mod receivers;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod smtp;
#[cfg(test)]
mod template;
#[cfg(test)]
mod told;
#[cfg(test)]
mod webhook;

use domain::{
    notification::{delivery, delivery::DeliveryFilter},
    page::PageRequest,
};
use entity::id::{AttemptId, DeliveryId, TargetId};

use crate::support::{
    World,
    engine::{notify, words},
    refusal::mistakes,
};

/// Makes a rule that notifies `target` and lets as many messages come in; the deliveries, oldest
/// first.
async fn greeted(world: &World, target: TargetId, count: usize) -> Vec<DeliveryId> {
    world
        .rule("greeting", words(&["hello"]), vec![notify(target)])
        .await;
    greet(world, count, "m").await
}

/// Lets as many more messages come in.
async fn greet(world: &World, count: usize, prefix: &str) -> Vec<DeliveryId> {
    let before = deliveries(world).await;
    let names: Vec<String> = (0..count).map(|n| format!("{prefix}{n}")).collect();
    let messages: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), "taro@customer.example", "hello"))
        .collect();
    world.receive(&messages).await;
    world.drain().await;
    let mut ids = deliveries(world).await;
    ids.retain(|id| !before.contains(id));
    ids
}

async fn deliveries(world: &World) -> Vec<DeliveryId> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let page = PageRequest::first(100);
    let page = delivery::list(ctx, workspace, DeliveryFilter::default(), &page).await;
    let mut ids: Vec<_> = page.unwrap().rows.iter().map(|(_, row)| row.id).collect();
    ids.sort();
    ids
}

async fn stored(world: &World, id: DeliveryId) -> entity::delivery::Model {
    let found = delivery::find(&world.ctx, world.owner.workspace, id).await;
    found.unwrap().unwrap()
}

async fn attempts(world: &World, id: DeliveryId) -> Vec<entity::attempt::Attempt<AttemptId>> {
    let page = PageRequest::first(100);
    let page = delivery::attempts(&world.ctx, world.owner.workspace, id, &page).await;
    let rows = page.unwrap().rows.into_iter();
    rows.map(|(_, attempt)| attempt).collect()
}
