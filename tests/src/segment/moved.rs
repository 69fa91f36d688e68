//! Segments that ask for the orders of the account: these follow whoever changes company, in steps of
//! their own, and both companies and their people are looked at again.

use std::collections::BTreeSet;

use domain::{
    condition::Condition,
    contact::{self, ContactChanges, merge},
    order,
    segment::{self, NewSegment},
};
use entity::{
    id::{AccountId, ContactId, SegmentId},
    kind::SegmentSubject,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    colleague::{company, employee},
    holds, made, members, new, settle,
};
use crate::{
    fact::{an_order, email},
    support::{World, on_both},
};

/// Two companies, and the segments of whoever is at one that ordered, and of those that did.
struct Stage<'w> {
    world: &'w World,
    acme: AccountId,
    other: AccountId,
    ann: ContactId,
    bob: ContactId,
    carl: ContactId,
    people: SegmentId,
    accounts: SegmentId,
}

impl<'w> Stage<'w> {
    /// Ann and Bob are at Acme, Carl at the other; Ann ordered something.
    async fn new(world: &'w World) -> Self {
        let (acme, other) = (company(world, "Acme").await, company(world, "Other").await);
        let ann = employee(world, "ann", acme).await;
        let bob = employee(world, "bob", acme).await;
        let carl = employee(world, "carl", other).await;
        let ordered = json!({"orders": {"of": "ACCOUNT"}});
        let ordered: Condition = serde_json::from_value(ordered).expect("a condition");
        let people = made(world, "At customers", Some(ordered.clone())).await;
        let accounts = NewSegment {
            subject: SegmentSubject::Account,
            ..new("Customers", Some(ordered))
        };
        let accounts = segment::create(&world.ctx, &world.owner, accounts).await;
        let accounts = accounts.expect("a segment").id;
        settle(world).await;
        let bought = an_order(world, "first", email("ann@customer.example"), 0);
        let told = order::ingest(&world.ctx, &world.owner, vec![bought]).await;
        told.expect("an order");
        world.drain().await;
        Self {
            world,
            acme,
            other,
            ann,
            bob,
            carl,
            people,
            accounts,
        }
    }

    async fn sends_ann_to(&self, account: Option<AccountId>) {
        let changes = ContactChanges {
            account: Some(account),
            ..ContactChanges::default()
        };
        let (ctx, owner) = (&self.world.ctx, &self.world.owner);
        let changed = contact::update(ctx, owner, self.ann, changes).await;
        changed.expect("a change");
        self.world.drain().await;
    }

    /// Fails unless these, and nobody else, are in the two segments.
    async fn has(&self, people: &[ContactId], accounts: &[AccountId]) {
        holds(self.world, self.people, people).await;
        let accounts: BTreeSet<Uuid> = accounts.iter().map(|account| account.0).collect();
        assert_eq!(members(self.world, self.accounts).await, accounts);
    }
}

#[test]
fn orders_follow_whoever_changes_company() {
    on_both(|world| async move {
        let stage = Stage::new(&world).await;
        stage.has(&[stage.ann, stage.bob], &[stage.acme]).await;
        stage.sends_ann_to(Some(stage.other)).await;
        stage.has(&[stage.ann, stage.carl], &[stage.other]).await;
        stage.sends_ann_to(None).await;
        stage.has(&[], &[]).await;
        stage.sends_ann_to(Some(stage.acme)).await;
        stage.has(&[stage.ann, stage.bob], &[stage.acme]).await;
        world
    });
}

#[test]
fn orders_follow_whoever_is_merged_into_somebody_of_another_company_and_come_back() {
    on_both(|world| async move {
        let stage = Stage::new(&world).await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let merged = merge::merge(ctx, owner, stage.carl, stage.ann, "").await;
        let merged = merged.expect("a merge");
        world.drain().await;
        stage.has(&[stage.carl], &[stage.other]).await;
        let undone = merge::unmerge(ctx, owner, merged.id).await;
        undone.expect("a merge undone");
        world.drain().await;
        stage.has(&[stage.ann, stage.bob], &[stage.acme]).await;
        world
    });
}
