//! Changes, merges and erasures of the same people at once: on PostgreSQL they really run so.

use domain::{
    account::{self, AccountChanges, DetailChanges, NewAccount},
    contact::{
        self, ContactChanges, NewContact, ProfileChanges, erase,
        identity::{self, Given, Identified, Identify},
        merge,
    },
    error::{Error, Result},
    store::Query,
};
use entity::{id::ContactId, kind::IdentityKind};
use futures::future::join_all;

use super::person;
use crate::support::{World, on_both};

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
                locale: Some(Some(text.clone())),
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
                email: Some(Some(format!("goes{round}@customer.example"))),
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

/// Eight callers say at once that all of these are one person's, each in another order; gives whom
/// they got, who has to be the same for all, and how many of them made the person.
async fn identified_at_once(
    world: &World,
    identities: &[(IdentityKind, String)],
) -> (ContactId, usize) {
    let calls = (0..8).map(|turn| {
        let mut identities: Vec<Given> = identities
            .iter()
            .map(|(kind, value)| Given {
                kind: *kind,
                value: value.clone(),
            })
            .collect();
        let number = identities.len();
        identities.rotate_left(turn % number);
        let who = Identify {
            identities,
            name: Some("Hanako".to_owned()),
        };
        identity::identify(&world.ctx, &world.owner, who)
    });
    let found: Vec<Identified> = join_all(calls)
        .await
        .into_iter()
        .collect::<Result<_>>()
        .expect("nobody is refused");
    let id = found[0].contact.id;
    assert!(found.iter().all(|one| one.contact.id == id), "{found:?}");
    (id, found.iter().filter(|one| one.created).count())
}

#[test]
fn who_is_identified_by_several_at_once_is_made_once_and_found_by_the_others() {
    on_both(|world| async move {
        for round in 0..6 {
            let email = (IdentityKind::Email, format!("new{round}@customer.example"));
            let cookie = (IdentityKind::AnonymousId, format!("cookie-{round}"));
            let number = (IdentityKind::ExternalId, format!("crm-{round}"));
            for identities in [vec![email.clone()], vec![cookie, email, number]] {
                let (_, made) = identified_at_once(&world, &identities).await;
                assert_eq!(made, usize::from(identities.len() == 1), "{identities:?}");
            }
            let other = (IdentityKind::ExternalId, format!("shop-{round}"));
            let cookie = (IdentityKind::AnonymousId, format!("phone-{round}"));
            let (_, made) = identified_at_once(&world, &[cookie, other]).await;
            assert_eq!(made, 1);
        }
        world
    });
}

#[test]
fn a_visitor_who_is_identified_by_several_at_once_becomes_who_they_are() {
    on_both(|world| async move {
        for round in 0..6 {
            let cookie = (IdentityKind::AnonymousId, format!("cookie-{round}"));
            let email = format!("known{round}@customer.example");
            let (visitor, _) = identified_at_once(&world, std::slice::from_ref(&cookie)).await;
            let new = NewContact {
                name: "Known".to_owned(),
                email: Some(email.clone()),
                ..NewContact::default()
            };
            let known = contact::create(&world.ctx, &world.owner, new).await;
            let known = known.expect("a contact").id;
            let both = [cookie, (IdentityKind::Email, email)];
            assert_eq!(identified_at_once(&world, &both).await, (known, 0));
            let means = merge::survivors(&world.ctx, world.owner.workspace, &[visitor]).await;
            assert_eq!(means.expect("survivors"), [(visitor, known)]);
        }
        world
    });
}

#[test]
fn a_visitor_who_becomes_known_meanwhile_is_not_merged_into_somebody_else() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let given = |kind, value: &str| Given {
            kind,
            value: value.to_owned(),
        };
        for round in 0..10 {
            let cookie = (IdentityKind::AnonymousId, format!("cookie-{round}"));
            let (visitor, _) = identified_at_once(&world, std::slice::from_ref(&cookie)).await;
            let other = format!("other{round}@customer.example");
            let known = (IdentityKind::Email, other.clone());
            let (known, _) = identified_at_once(&world, &[known]).await;
            let who = |email: &str| Identify {
                identities: vec![
                    given(IdentityKind::AnonymousId, &cookie.1),
                    given(IdentityKind::Email, email),
                ],
                name: None,
            };
            let own = format!("own{round}@customer.example");
            let (first, second) = tokio::join!(
                identity::identify(ctx, owner, who(&own)),
                identity::identify(ctx, owner, who(&other)),
            );
            let (first, second) = (first.unwrap(), second.unwrap());
            let means = merge::survivors(ctx, owner.workspace, &[visitor]).await;
            let means = means.unwrap();
            if first.contact.id == visitor {
                // The visitor has an address of their own: that both are one, a person has to say.
                assert!(means.is_empty(), "{means:?}");
                assert_eq!(second.suspects.len(), 1);
            } else {
                assert_eq!((first.contact.id, means), (known, vec![(visitor, known)]));
            }
        }
        world
    });
}

#[test]
fn nobody_is_given_an_identity_while_they_are_erased() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        for round in 0..12 {
            let email = (IdentityKind::Email, format!("goes{round}@customer.example"));
            let (id, _) = identified_at_once(&world, std::slice::from_ref(&email)).await;
            let number = Given {
                kind: IdentityKind::ExternalId,
                value: format!("attached-{round}"),
            };
            let changes = ContactChanges {
                email: Some(Some(format!("other{round}@customer.example"))),
                ..ContactChanges::default()
            };
            let who = Identify {
                identities: vec![
                    Given {
                        kind: email.0,
                        value: email.1.clone(),
                    },
                    Given {
                        kind: IdentityKind::AnonymousId,
                        value: format!("cookie-{round}"),
                    },
                ],
                name: None,
            };
            let (erased, attached, changed, identified) = tokio::join!(
                erase::erase(ctx, owner, id),
                identity::attach(ctx, owner, id, &number),
                contact::update(ctx, owner, id, changes),
                identity::identify(ctx, owner, who),
            );
            erased.unwrap();
            was_done(attached);
            was_done(changed);
            was_done(identified);
        }
        let lost: Option<i64> = Query::new(
            "SELECT COUNT(*) FROM contact_identity i WHERE NOT EXISTS (
                 SELECT 1 FROM contact c
                 WHERE c.workspace_id = i.workspace_id AND c.id = i.contact_id)",
        )
        .scalar(ctx.reader())
        .await
        .unwrap();
        assert_eq!(lost, Some(0), "identities of nobody");
        world
    });
}
