//! What an item says of a contact or an account is so afterwards, and what it leaves out stays.

use domain::{
    account,
    attribute::{self, Value},
    contact::{self, identity::Given},
    email::{NewCampaign, campaign},
    fact::AccountRef,
    upsert::{
        AccountItem, AttributeItem, CampaignRef, Common, ContactItem, MemberRef, Outcome as O,
        TagRef,
    },
    work::change::Fact,
};
use entity::kind::{AttributeType, Channel, IdentityKind as I, LifecycleStage, SubjectKind};

use super::{accounts, carried, contacts, count, item, known, outcomes, tags, wrong};
use crate::{
    people::{define, facts},
    support::on_both,
};

#[test]
fn a_contact_is_made_with_everything_an_item_says_and_a_repetition_changes_nothing() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let [one, _, vip] = tags(&world).await;
        let seats = define(&world, SubjectKind::Contact, "seats", AttributeType::Number).await;
        let spring = NewCampaign {
            external_id: "spring".to_owned(),
            name: "Spring".to_owned(),
        };
        let spring = campaign::create(ctx, owner, spring, true).await.unwrap().id;
        let company = AccountItem {
            external_id: Some("c-1".to_owned()),
            name: Some("Kumo".to_owned()),
            ..AccountItem::default()
        };
        let company = accounts(&world, vec![company]).await[0].id;
        let whole = || ContactItem {
            phone: Some("03-1234-5678".to_owned()),
            identities: vec![Given {
                kind: I::Handle,
                value: "X:Tanaka".to_owned(),
            }],
            kana: Some(Some("タナカ".to_owned())),
            locale: Some(Some("ja".to_owned())),
            account: Some(Some(AccountRef::ExternalId("c-1".to_owned()))),
            source_channel: Some(Some(Channel::Line)),
            source_campaign: Some(Some(CampaignRef::ExternalId("spring".to_owned()))),
            common: Common {
                owner: Some(Some(MemberRef::Email("Owner@example.com".to_owned()))),
                stage: Some(Some(LifecycleStage::Lead)),
                attributes: vec![AttributeItem {
                    key: "seats".to_owned(),
                    value: Some(Value::Number(12.0)),
                }],
                tags: vec![TagRef::Path("Industry/One".to_owned()), TagRef::Id(vip)],
            },
            ..item("crm-1", "Tanaka@customer.example", "田中")
        };
        let done = contacts(&world, vec![whole()]).await;
        assert_eq!(outcomes(&done), [O::Created], "{done:?}");
        assert_eq!(done[0].external_id.as_deref(), Some("crm-1"));
        let tanaka = known(&world, "crm-1").await;
        assert_eq!(done[0].id, Some(tanaka.id));
        assert_eq!(tanaka.email.as_deref(), Some("tanaka@customer.example"));
        assert_eq!(tanaka.phone.as_deref(), Some("+81312345678"));
        assert_eq!(
            (tanaka.account_id, tanaka.owner_id),
            (company, Some(owner.member))
        );
        assert_eq!(tanaka.source_campaign_id, Some(spring));
        assert_eq!(tanaka.stage, Some(LifecycleStage::Lead));
        let by_handle =
            contact::find_by_identity(ctx, owner.workspace, I::Handle, "x:tanaka").await;
        assert_eq!(by_handle.unwrap().map(|found| found.id), Some(tanaka.id));
        let mut expected = vec![one, vip];
        expected.sort();
        assert_eq!(carried(&world, tanaka.id.0).await, expected);
        let values = attribute::load(ctx, owner.workspace, &[tanaka.id.0]).await;
        let values = values.unwrap();
        assert_eq!(
            (values[0].attribute_id, values[0].number),
            (seats, Some(12.0))
        );

        let before = (
            facts(&world).await.len(),
            count(&world, "audit_entry").await,
        );
        let done = contacts(&world, vec![whole()]).await;
        assert_eq!(outcomes(&done), [O::Unchanged]);
        let after = (
            facts(&world).await.len(),
            count(&world, "audit_entry").await,
        );
        assert_eq!(after, before, "a repetition is no news");
        world
    });
}

#[test]
fn what_is_left_out_stays_and_null_takes_away() {
    on_both(|world| async move {
        let [one, two, _] = tags(&world).await;
        define(&world, SubjectKind::Contact, "plan", AttributeType::Text).await;
        let plan = |value: Option<&str>| AttributeItem {
            key: "plan".to_owned(),
            value: value.map(|text| Value::Text(text.to_owned())),
        };
        let mut first = item("crm-1", "a@customer.example", "A");
        first.kana = Some(Some("エー".to_owned()));
        first.common.stage = Some(Some(LifecycleStage::Lead));
        first.common.attributes = vec![plan(Some("free"))];
        first.common.tags = vec![TagRef::Id(one)];
        contacts(&world, vec![first]).await;
        let mut second = item("crm-1", "new@customer.example", "");
        second.kana = Some(None);
        second.common.attributes = vec![plan(None)];
        second.common.tags = vec![TagRef::Id(two)];
        let done = contacts(&world, vec![second]).await;
        assert_eq!(outcomes(&done), [O::Updated]);
        let now = known(&world, "crm-1").await;
        assert_eq!((now.name.as_str(), now.kana), ("A", None));
        assert_eq!(now.stage, Some(LifecycleStage::Lead));
        assert_eq!(now.email.as_deref(), Some("new@customer.example"));
        assert_eq!(carried(&world, now.id.0).await, [two]);
        assert_eq!(count(&world, "attribute_value").await, 0);
        // The former address goes on recognising them, and a second system's id comes beside the first.
        let again = item("shop-9", "a@customer.example", "");
        let done = contacts(&world, vec![again]).await;
        assert_eq!((done[0].outcome, done[0].id), (O::Updated, Some(now.id)));
        assert_eq!(
            known(&world, "shop-9").await.external_id.as_deref(),
            Some("crm-1")
        );
        let attached = facts(&world).await.into_iter().filter(|fact| {
            matches!(fact, Fact::IdentityAttached { identity, .. } if *identity == I::ExternalId)
        });
        assert_eq!(attached.count(), 1);
        world
    });
}

#[test]
fn accounts_are_found_by_their_id_and_domain_and_keep_what_is_theirs() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let [one, _, _] = tags(&world).await;
        let company = |external_id: &str, domain: &str, name: &str| {
            let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            AccountItem {
                external_id: given(external_id),
                domain: given(domain),
                name: given(name),
                ..AccountItem::default()
            }
        };
        let mut kumo = company("c-1", "KUMO.example", "Kumo");
        kumo.website = Some(Some("https://kumo.example".to_owned()));
        kumo.phone = Some(Some("03-1234-5678".to_owned()));
        kumo.common.stage = Some(Some(LifecycleStage::Customer));
        kumo.common.owner = Some(Some(MemberRef::Id(owner.member)));
        kumo.common.tags = vec![TagRef::Path("Industry/One".to_owned())];
        let first = vec![
            kumo,
            company("c-2", "umi.example", ""),
            company("c-3", "", ""),
        ];
        let done = accounts(&world, first.clone()).await;
        assert_eq!(outcomes(&done), [O::Created, O::Created, O::Rejected]);
        assert_eq!(wrong(&done[2]), ["accounts.2.name Required"]);
        let (kumo, umi) = (done[0].id.unwrap(), done[1].id.unwrap());
        let again = accounts(&world, first).await;
        assert_eq!(outcomes(&again), [O::Unchanged, O::Unchanged, O::Rejected]);
        assert_eq!(carried(&world, kumo.0).await, [one]);
        let row = account::find(ctx, owner.workspace, kumo)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.phone.as_deref(), Some("+81312345678"));
        assert_eq!(row.owner_id, Some(owner.member));

        let mut moved = company("c-1b", "", "");
        moved.id = Some(kumo);
        let done = accounts(
            &world,
            vec![
                company("c-1", "umi.example", ""),
                company("c-9", "umi.example", "Another"),
                company("", "umi.example", "Umi"),
                moved,
            ],
        )
        .await;
        let expected = [O::Conflict, O::Conflict, O::Updated, O::Updated];
        assert_eq!(outcomes(&done), expected, "{done:?}");
        assert_eq!(done[0].conflicting, [kumo, umi]);
        assert_eq!(wrong(&done[1]), ["accounts.1.domain Taken"]);
        assert_eq!(done[1].conflicting, [umi]);
        let row = account::find(ctx, owner.workspace, umi)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (row.name.as_str(), row.external_id.as_deref()),
            ("Umi", Some("c-2"))
        );
        let found = account::find_by_external_id(ctx, owner.workspace, "c-1b").await;
        assert_eq!(found.unwrap().map(|row| row.id), Some(kumo));
        world
    });
}
