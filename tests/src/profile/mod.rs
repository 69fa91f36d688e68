//! Profiles of what customers do, on both databases.
//!
//! - `engagement`: active days as an index;
//! - `rfm`: recency, frequency and monetary value;
//! - `web`: visits to the web site.

mod engagement;
mod rfm;
mod web;

use domain::contact;
use entity::{id::ContactId, kind::IdentityKind};

use crate::support::World;

async fn contact_of(world: &World, address: &str) -> ContactId {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = contact::find_by_identity(ctx, workspace, IdentityKind::Email, address).await;
    found.unwrap().expect("a contact").id
}
