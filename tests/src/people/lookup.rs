//! Contacts, companies and facts by the keys other systems know them by.

use domain::{
    account::{self, AccountChanges, NewAccount},
    contact::{ContactRef, ProfileChanges, identity},
    fact::{AccountRef, Filter, Outcome, Party, ingest::Head},
    page::PageRequest,
    survey::{self, NewSurveyAnswer, SurveyAnswerFilter},
};
use entity::kind::{IdentityKind as I, SurveyKind};

use super::{person, refusals};
use crate::support::{World, on_both};

fn answer(world: &World, id: &str, party: Party) -> NewSurveyAnswer {
    NewSurveyAnswer {
        head: Head {
            external_id: id.to_owned(),
            party,
            updated_at: None,
        },
        survey_key: "onboarding".to_owned(),
        kind: SurveyKind::Nps,
        score: 9,
        comment: None,
        answered_at: world.ctx.clock.now(),
    }
}

#[test]
fn an_account_made_by_hand_gets_the_id_another_system_knows_it_by() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = |name: &str, domain: &str| NewAccount {
            name: name.to_owned(),
            domain: Some(domain.to_owned()),
            ..NewAccount::default()
        };
        let kumo = account::create(ctx, owner, new("Kumo", "kumo.example")).await;
        let kumo = kumo.unwrap().id;
        let umi = account::create(ctx, owner, new("Umi", "umi.example")).await;
        let umi = umi.unwrap().id;
        let known_as = |id: Option<&str>| AccountChanges {
            external_id: Some(id.map(str::to_owned)),
            ..AccountChanges::default()
        };
        let found = async |id: &str| {
            let found = account::find_by_external_id(ctx, owner.workspace, id).await;
            found.unwrap().map(|one| one.id)
        };
        assert_eq!(found("crm 7").await, None);
        let changed = account::update(ctx, owner, kumo, known_as(Some(" crm 7 "))).await;
        assert_eq!(changed.unwrap().external_id.as_deref(), Some("crm 7"));
        assert_eq!(found("crm 7").await, Some(kumo));
        let theirs = Party {
            contact: None,
            account: Some(AccountRef::ExternalId("crm 7".to_owned())),
        };
        let told = survey::ingest(ctx, owner, vec![answer(&world, "1", theirs)]).await;
        assert_eq!(told.unwrap()[0].outcome, Outcome::Created);

        let taken = account::update(ctx, owner, umi, known_as(Some("crm 7"))).await;
        assert_eq!(refusals(taken), ["externalId Taken"]);
        let empty = account::update(ctx, owner, umi, known_as(Some(" "))).await;
        assert_eq!(refusals(empty), ["externalId Required"]);
        // One's own is no one else's, and what is not said stays.
        let again = account::update(ctx, owner, kumo, known_as(Some("crm 7"))).await;
        again.unwrap();
        let changes = AccountChanges::default();
        account::update(ctx, owner, kumo, changes).await.unwrap();
        assert_eq!(found("crm 7").await, Some(kumo));
        let gone = account::update(ctx, owner, kumo, known_as(None)).await;
        assert_eq!(gone.unwrap().external_id, None);
        let now = account::update(ctx, owner, umi, known_as(Some("crm 7"))).await;
        now.unwrap();
        assert_eq!(found("crm 7").await, Some(umi));

        for (domain, expected) in [
            (" KUMO.example ", Some(kumo)),
            ("umi.example", Some(umi)),
            ("nobody.example", None),
            ("no domain", None),
            ("", None),
        ] {
            let found = account::find_by_domain(ctx, owner.workspace, domain).await;
            assert_eq!(found.unwrap().map(|one| one.id), expected, "{domain:?}");
        }
        world
    });
}

#[test]
fn a_contact_is_found_by_any_identity_however_it_is_written() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let profile = ProfileChanges {
            phone: Some(Some("03-1234-5678".to_owned())),
            ..ProfileChanges::default()
        };
        let taro = person(&world, "Taro", profile).await.id;
        for (kind, value) in [
            (I::Email, "taro@customer.example"),
            (I::Handle, "x:taro"),
            (I::ExternalId, "crm-7"),
            (I::AnonymousId, "c-1"),
        ] {
            let value = value.to_owned();
            let given = identity::Given { kind, value };
            identity::attach(ctx, owner, taro, &given).await.unwrap();
        }
        for (kind, value, is_his) in [
            (I::Email, " TARO@customer.example", true),
            (I::Phone, "03 1234 5678", true),
            (I::Phone, "+81312345678", true),
            (I::Handle, "X:Taro", true),
            (I::ExternalId, "crm-7", true),
            (I::AnonymousId, "c-1", true),
            (I::ExternalId, "crm-77", false),
            (I::ExternalId, "CRM-7", false),
            (I::AnonymousId, "crm-7", false),
            (I::Email, "nobody", false),
            (I::Phone, "call me", false),
            (I::Handle, "taro", false),
            (I::ExternalId, "", false),
        ] {
            let given = identity::Given {
                kind,
                value: value.to_owned(),
            };
            let found = identity::find_holder(ctx, owner.workspace, &given).await;
            let found = found.unwrap().map(|one| one.id);
            assert_eq!(found, is_his.then_some(taro), "{kind:?} {value:?}");
        }
        world
    });
}

#[test]
fn facts_are_found_by_the_ids_of_their_source() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let theirs = |email: &str| Party {
            contact: Some(ContactRef::Email(email.to_owned())),
            account: None,
        };
        let answers = ["a", "b", "c"].map(|id| answer(&world, id, theirs("taro@c.example")));
        survey::ingest(ctx, owner, answers.to_vec()).await.unwrap();
        for (asked, expected) in [
            (vec!["b"], vec!["b"]),
            (vec![" c ", "a", "a", "z"], vec!["a", "c"]),
            (vec!["z"], vec![]),
        ] {
            let filter = SurveyAnswerFilter {
                common: Filter {
                    external_ids: asked.iter().map(|&id| id.to_owned()).collect(),
                    statuses: vec![SurveyKind::Nps],
                    ..Filter::default()
                },
                survey_key: None,
            };
            let page = PageRequest::first(10);
            let page = survey::list(ctx, owner.workspace, &filter, &page).await;
            let rows = page.unwrap().rows.into_iter();
            let mut ids: Vec<String> = rows.map(|(_, row)| row.external_id).collect();
            ids.sort();
            assert_eq!(ids, expected, "{asked:?}");
        }
        world
    });
}
