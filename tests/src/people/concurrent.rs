//! Changes, merges and erasures of the same people at once: on PostgreSQL they really run so.

use domain::{
    account::{self, AccountChanges, DetailChanges, NewAccount},
    contact::{self, ContactChanges, ProfileChanges, merge},
    error::{Error, Result},
};

use super::person;
use crate::support::on_both;

/// Whether it was done; whatever else than being refused went wrong is a failure.
fn was_done<T>(result: Result<T>) -> bool {
    match result {
        Ok(_) => true,
        Err(Error::Refused(_)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn of_two_changes_at_once_neither_is_lost() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let one = person(&world, "Taro", ProfileChanges::default()).await.id;
        let new = NewAccount {
            name: "Acme".to_owned(),
            ..NewAccount::default()
        };
        let company = account::create(ctx, owner, new).await.unwrap().id;
        for round in 0..20 {
            let (name, text) = (format!("Name {round}"), format!("text-{round}"));
            let named = ContactChanges {
                name: Some(name.clone()),
                ..ContactChanges::default()
            };
            let placed = ContactChanges {
                locale: Some(text.clone()),
                ..ContactChanges::default()
            };
            let renamed = AccountChanges {
                name: Some(name.clone()),
                ..AccountChanges::default()
            };
            let described = AccountChanges {
                details: DetailChanges {
                    description: Some(Some(text.clone())),
                    ..DetailChanges::default()
                },
                ..AccountChanges::default()
            };
            let (first, second, third, fourth) = tokio::join!(
                contact::update(ctx, owner, one, named),
                contact::update(ctx, owner, one, placed),
                account::update(ctx, owner, company, renamed),
                account::update(ctx, owner, company, described),
            );
            assert!(was_done(first) && was_done(second));
            assert!(was_done(third) && was_done(fourth));
            let now = contact::find(ctx, owner.workspace, one).await.unwrap();
            let now = now.unwrap();
            assert_eq!((&now.name, now.locale.as_ref()), (&name, Some(&text)));
            let now = account::find(ctx, owner.workspace, company).await.unwrap();
            let now = now.unwrap();
            assert_eq!((&now.name, now.description.as_ref()), (&name, Some(&text)));
        }
        world
    });
}

#[test]
fn a_change_beside_a_merge_leaves_the_merged_contact_merged() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        for round in 0..10 {
            let stays = person(&world, "Stays", ProfileChanges::default()).await.id;
            let goes = person(&world, "Goes", ProfileChanges::default()).await.id;
            let changes = ContactChanges {
                email: Some(format!("goes{round}@customer.example")),
                ..ContactChanges::default()
            };
            let (merged, changed) = tokio::join!(
                merge::merge(ctx, owner, stays, goes, ""),
                contact::update(ctx, owner, goes, changes),
            );
            let merged = merged.unwrap();
            was_done(changed);
            let means = merge::survivors(ctx, owner.workspace, &[goes]).await;
            assert_eq!(means.unwrap(), [(goes, stays)]);
            merge::unmerge(ctx, owner, merged.id).await.unwrap();
        }
        world
    });
}
