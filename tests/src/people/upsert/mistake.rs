//! An item that is wrong is refused by itself, in words that fit.

use domain::{
    account,
    contact::{
        self, NewContact, ProfileChanges, erase,
        identity::{self, Given},
    },
    fact::AccountRef,
    upsert::{
        self, AccountItem, AttributeItem, CampaignRef, ContactItem, MemberRef, Outcome as O, TagRef,
    },
};
use entity::kind::IdentityKind as I;
use futures::future::join_all;

use super::{accounts, as_told, contacts, count, item, outcomes, wrong};
use crate::{
    people::person,
    support::{on_both, refusal::refusals},
};

#[test]
fn an_item_that_is_wrong_harms_no_other() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let taro = person(&world, "Taro", ProfileChanges::default()).await.id;
        let hanako = person(&world, "Hanako", ProfileChanges::default()).await.id;
        for (id, kind, value) in [
            (taro, I::ExternalId, "crm-taro"),
            (hanako, I::Email, "hanako@customer.example"),
        ] {
            let given = Given {
                kind,
                value: value.to_owned(),
            };
            identity::attach(ctx, owner, id, &given).await.unwrap();
        }
        let new = NewContact {
            name: "Gone".to_owned(),
            email: Some("gone@customer.example".to_owned()),
            ..NewContact::default()
        };
        let gone = contact::create(ctx, owner, new).await.unwrap().id;
        erase::erase(ctx, owner, gone).await.unwrap();

        let mut many = item("crm-many", "not an address", "");
        many.phone = Some("12".to_owned());
        many.common.tags = vec![TagRef::Path("Nowhere".to_owned())];
        let mut lost = item("crm-lost", "", "Lost");
        lost.account = Some(Some(AccountRef::Domain("nobody.example".to_owned())));
        lost.source_campaign = Some(Some(CampaignRef::ExternalId("none".to_owned())));
        lost.common.owner = Some(Some(MemberRef::Email("none@example.com".to_owned())));
        lost.common.tags = vec![TagRef::Path("Nowhere".to_owned())];
        lost.common.attributes = vec![AttributeItem {
            key: "none".to_owned(),
            value: None,
        }];
        let nobody = ContactItem {
            id: Some(gone),
            ..item("crm-none", "", "None")
        };
        let done = contacts(
            &world,
            vec![
                item("crm-1", "one@customer.example", "One"),
                many,
                item("crm-taro", "hanako@customer.example", "Both"),
                item("crm-gone", "gone@customer.example", "Gone"),
                lost,
                item("", "", "Unknown"),
                nobody,
                item("crm-2", "two@customer.example", "Two"),
            ],
        )
        .await;
        let expected = [
            O::Created,
            O::Rejected,
            O::Conflict,
            O::Erased,
            O::Rejected,
            O::Rejected,
            O::Rejected,
            O::Created,
        ];
        assert_eq!(outcomes(&done), expected, "{done:?}");
        assert_eq!(
            wrong(&done[1]),
            ["contacts.1.email Invalid", "contacts.1.phone Invalid"]
        );
        assert_eq!(wrong(&done[2]), ["contacts.2 Contradictory"]);
        assert_eq!(done[2].conflicting, [taro, hanako]);
        assert_eq!(wrong(&done[3]), ["contacts.3.email Erased"]);
        assert_eq!(
            wrong(&done[4]),
            [
                "contacts.4.account.domain NotFound",
                "contacts.4.sourceCampaign.externalId NotFound",
                "contacts.4.owner.email NotFound",
                "contacts.4.attributes.0.key NotFound",
                "contacts.4.tags.0.path NotFound",
            ]
        );
        assert_eq!(wrong(&done[5]), ["contacts.5 Required"]);
        assert_eq!(wrong(&done[6]), ["contacts.6.id NotFound"]);
        for left_out in &done[1..7] {
            assert_eq!(left_out.id, None);
        }
        let names = [taro, hanako].map(|id| contact::find(ctx, owner.workspace, id));
        let names = join_all(names).await.into_iter();
        let names: Vec<String> = names.map(|found| found.unwrap().unwrap().name).collect();
        assert_eq!(names, ["Taro", "Hanako"], "nobody was merged or changed");
        assert_eq!(count(&world, "contact").await, 4);

        let many = (0..=upsert::MAX_ITEMS).map(|n| item(&n.to_string(), "", "N"));
        let refused = upsert::contacts(ctx, owner, as_told(many.collect()), "").await;
        assert_eq!(refusals(refused), ["contacts LimitReached"]);
        world
    });
}

#[test]
fn what_is_wrong_is_said_in_words_that_fit_the_field() {
    on_both(|world| async move {
        let item = ContactItem {
            external_id: Some(" ".to_owned()),
            email: Some("nobody".to_owned()),
            ..ContactItem::default()
        };
        let done = contacts(&world, vec![item]).await;
        let said = |errors: &[domain::error::UserError]| -> Vec<String> {
            errors.iter().map(|error| error.message.clone()).collect()
        };
        let expected = ["Give an id.", "An e-mail address has the form name@domain."];
        assert_eq!(said(&done[0].errors), expected);
        assert_eq!(
            wrong(&done[0]),
            ["contacts.0.externalId Required", "contacts.0.email Invalid"]
        );
        let item = AccountItem {
            external_id: Some(String::new()),
            domain: Some("https://www.acme.example/ja".to_owned()),
            ..AccountItem::default()
        };
        let done = accounts(&world, vec![item]).await;
        assert_eq!(said(&done[0].errors), ["Give an id."]);
        // The address of a web site is its domain.
        let item = AccountItem {
            domain: Some("https://www.acme.example/ja".to_owned()),
            name: Some("Acme".to_owned()),
            ..AccountItem::default()
        };
        let done = accounts(&world, vec![item]).await;
        let found = account::find(&world.ctx, world.owner.workspace, done[0].id.unwrap());
        let found = found.await.unwrap().unwrap();
        assert_eq!(found.domain.as_deref(), Some("acme.example"));
        world
    });
}
