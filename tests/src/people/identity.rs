//! Recognising people: visitors who become known, and two who seem to be one.

use chrono::TimeDelta;
use domain::{
    contact::{
        self,
        identity::{self, Given, Identify},
        merge,
    },
    suspect,
};
use entity::kind::IdentityKind as I;

use super::refusals;
use crate::support::{engine::open_suspects, on_both};

const TARO: &str = "taro@customer.example";
const HANAKO: &str = "hanako@customer.example";

#[test]
fn an_anonymous_visitor_becomes_known_and_two_known_people_stay_two() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let given = |kind, value: &str| Given {
            kind,
            value: value.to_owned(),
        };
        let identify = async |identities: Vec<Given>| {
            let who = Identify {
                identities,
                name: None,
            };
            identity::identify(ctx, owner, who).await.unwrap()
        };
        let visitor = identify(vec![given(I::AnonymousId, "cookie 1")]).await;
        assert!(visitor.created);
        // The visitor says who they are, and nobody knew them: the same contact is known now.
        let known = identify(vec![
            given(I::AnonymousId, "cookie 1"),
            given(I::Email, TARO),
        ])
        .await;
        assert_eq!(
            (known.contact.id, known.created),
            (visitor.contact.id, false)
        );
        assert_eq!(known.contact.email.as_deref(), Some(TARO));
        // Whom nobody has named is called after the surest identity.
        assert_eq!(visitor.contact.name, "Visitor");
        assert_eq!(TARO.split('@').next(), Some(known.contact.name.as_str()));
        // On another device: two contacts, one of them anonymous. They become one.
        let other = identify(vec![given(I::AnonymousId, "cookie 2")]).await;
        let joined = identify(vec![
            given(I::AnonymousId, "cookie 2"),
            given(I::Email, TARO),
        ])
        .await;
        assert_eq!(joined.contact.id, known.contact.id);
        let found = contact::find(ctx, owner.workspace, other.contact.id)
            .await
            .unwrap();
        assert_eq!(found.map(|one| one.id), Some(known.contact.id));
        assert!(joined.suspects.is_empty());
        // Two known people with one phone: only a person decides.
        let hanako = identify(vec![
            given(I::Email, HANAKO),
            given(I::Phone, "03-1234-5678"),
        ])
        .await;
        let told = vec![given(I::Email, TARO), given(I::Phone, "03-1234-5678")];
        let seems = identify(told.clone()).await;
        assert_eq!(seems.contact.id, known.contact.id);
        assert_eq!(seems.suspects.len(), 1);
        assert_eq!(
            identify(told).await.suspects,
            seems.suspects,
            "once for each pair"
        );
        let open = async || open_suspects(&world).await.len();
        assert_eq!(open().await, 1);
        // Merges are told apart by when they were made.
        world.clock.advance(TimeDelta::seconds(1));
        let merged = merge::merge(ctx, owner, known.contact.id, hanako.contact.id, "").await;
        assert_eq!(open().await, 0);
        merge::unmerge(ctx, owner, merged.unwrap().id)
            .await
            .unwrap();
        assert_eq!(open().await, 1);
        suspect::dismiss(ctx, owner, seems.suspects[0])
            .await
            .unwrap();
        assert_eq!(open().await, 0);

        let taken = identity::attach(ctx, owner, known.contact.id, &given(I::Email, HANAKO)).await;
        assert_eq!(refusals(taken), ["value Taken"]);
        let handle = given(I::Handle, "X:Enishi");
        identity::attach(ctx, owner, known.contact.id, &handle)
            .await
            .unwrap();
        let found = contact::find_by_identity(ctx, owner.workspace, I::Handle, "x:enishi").await;
        assert!(found.unwrap().is_some());
        identity::detach(ctx, owner, known.contact.id, &handle)
            .await
            .unwrap();
        let refused = identity::detach(ctx, owner, known.contact.id, &handle).await;
        assert_eq!(refusals(refused), ["value NotFound"]);
        let without = identity::detach(ctx, owner, known.contact.id, &given(I::Email, TARO)).await;
        assert_eq!(without.unwrap().email, None);
        world
    });
}

#[test]
fn whom_nobody_has_named_is_called_by_the_first_name_that_is_told() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let named = async |kind, value: &str, name: Option<&str>| {
            let who = Identify {
                identities: vec![Given {
                    kind,
                    value: value.to_owned(),
                }],
                name: name.map(str::to_owned),
            };
            let found = identity::identify(ctx, owner, who).await.unwrap();
            found.contact.name
        };
        for (kind, value, unnamed) in [
            (I::AnonymousId, "cookie 1", "Visitor"),
            (I::Email, TARO, "taro"),
        ] {
            assert_eq!(named(kind, value, None).await, unnamed);
            assert_eq!(named(kind, value, None).await, unnamed);
            assert_eq!(named(kind, value, Some("Yamada Taro")).await, "Yamada Taro");
            assert_eq!(named(kind, value, Some("Somebody")).await, "Yamada Taro");
        }
        world
    });
}
