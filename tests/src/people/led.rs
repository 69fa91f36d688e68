//! What other systems send about accounts that were merged: it comes to the one that stayed.

use domain::{
    account::{self, NewAccount, merge},
    fact::AccountRef,
    upsert::{AccountItem, ContactItem, Outcome as O},
};
use entity::id::AccountId;

use super::upsert::{accounts, contacts, item, known, outcomes, wrong};
use crate::support::{World, on_both};

async fn company(world: &World, name: &str, domain: &str, external_id: &str) -> AccountId {
    let new = NewAccount {
        name: name.to_owned(),
        domain: Some(domain.to_owned()),
        external_id: Some(external_id.to_owned()),
        ..NewAccount::default()
    };
    let made = account::create(&world.ctx, &world.owner, new).await;
    made.expect("an account").id
}

/// The one that stays, and the one that is to be merged into it.
async fn two(world: &World) -> [AccountId; 2] {
    [
        company(world, "Acme", "acme.example", "a").await,
        company(world, "Acme KK", "acme-kk.example", "kk").await,
    ]
}

/// Somebody at an account that is named so.
fn at(external_id: &str, account: AccountRef) -> ContactItem {
    ContactItem {
        account: Some(Some(account)),
        ..item(external_id, "", "Somebody")
    }
}

#[test]
fn accounts_told_by_what_a_merged_one_had_are_the_survivor() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let [stays, goes] = two(&world).await;
        merge::merge(ctx, owner, stays, goes, "").await.unwrap();
        let said = |external_id: Option<&str>, domain: Option<&str>, text: &str| AccountItem {
            external_id: external_id.map(str::to_owned),
            domain: domain.map(str::to_owned),
            description: Some(Some(text.to_owned())),
            ..AccountItem::default()
        };
        let items = vec![
            said(Some("kk"), None, "by the id it had"),
            said(None, Some("acme-kk.example"), "by the domain it had"),
            said(Some("a"), Some("acme-kk.example"), "by both"),
            said(Some("kk"), Some("acme.example"), "the other way round"),
            AccountItem {
                id: Some(goes),
                ..said(None, None, "by our id")
            },
            said(Some("new"), Some("acme-kk.example"), "known otherwise"),
        ];
        let done = accounts(&world, items).await;
        let expected = [
            O::Updated,
            O::Updated,
            O::Updated,
            O::Updated,
            O::Updated,
            O::Conflict,
        ];
        assert_eq!(outcomes(&done), expected, "{done:?}");
        assert!(done[..5].iter().all(|one| one.id == Some(stays)));
        let row = account::find(ctx, owner.workspace, stays).await.unwrap();
        let row = row.unwrap();
        assert_eq!(row.description.as_deref(), Some("by our id"));
        let own = (row.external_id.as_deref(), row.domain.as_deref());
        assert_eq!(own, (Some("a"), Some("acme.example")));
        let found = account::find_by_external_id(ctx, owner.workspace, "kk").await;
        assert_eq!(found.unwrap().map(|one| one.id), Some(stays));
        world
    });
}

#[test]
fn people_told_to_be_at_a_merged_account_are_at_the_survivor_and_at_none_that_was_deleted() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let [stays, goes] = two(&world).await;
        merge::merge(ctx, owner, stays, goes, "").await.unwrap();
        let people = || {
            vec![
                at("p-1", AccountRef::Id(goes)),
                at("p-2", AccountRef::ExternalId("kk".to_owned())),
                at("p-3", AccountRef::Domain("acme-kk.example".to_owned())),
                item("p-4", "hanako@acme-kk.example", "Hanako"),
            ]
        };
        let done = contacts(&world, people()).await;
        assert_eq!(outcomes(&done), [O::Created; 4], "{done:?}");
        for id in ["p-1", "p-2", "p-3", "p-4"] {
            assert_eq!(known(&world, id).await.account_id, Some(stays), "{id}");
        }
        let again = contacts(&world, people()).await;
        assert_eq!(outcomes(&again), [O::Unchanged; 4], "{again:?}");

        let usage = account::usage::usage(ctx, owner.workspace, stays).await;
        let token = usage.unwrap().unwrap().token;
        account::delete(ctx, owner, stays, &token).await.unwrap();
        for gone in [stays, goes] {
            let done = contacts(&world, vec![at("p-1", AccountRef::Id(gone))]).await;
            assert_eq!(wrong(&done[0]), ["contacts.0.account.id NotFound"]);
        }
        assert_eq!(known(&world, "p-1").await.account_id, None);
        world
    });
}

#[test]
fn nobody_is_left_at_an_account_that_is_merged_meanwhile() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let [stays, goes] = two(&world).await;
        for round in 0..10 {
            let name = format!("p-{round}");
            let (merged, done) = tokio::join!(
                merge::merge(ctx, owner, stays, goes, ""),
                contacts(&world, vec![at(&name, AccountRef::Id(goes))]),
            );
            assert_eq!(outcomes(&done), [O::Created], "{done:?}");
            assert_eq!(known(&world, &name).await.account_id, Some(stays));
            let merged = merged.unwrap();
            merge::unmerge(ctx, owner, merged.id).await.unwrap();
        }
        world
    });
}
