//! Contacts and accounts as other systems know them, in bulk: each item for itself, repeated, at once.

use domain::{
    account,
    attribute::{self, Value},
    contact::{
        self, NewContact, ProfileChanges, erase,
        identity::{self, Given},
    },
    email::{NewCampaign, campaign},
    fact::AccountRef,
    store::Query,
    tag::{self, NewGroup, NewTag},
    upsert::{
        self, AccountItem, AttributeItem, CampaignRef, Common, ContactItem, MemberRef,
        Outcome as O, TagRef, Told, Upserted,
    },
    work::change::Fact,
};
use entity::{
    id::{AccountId, ContactId, TagId},
    kind::{
        AttributeType, Channel, ContactField, IdentityKind as I, LifecycleStage, SubjectKind,
        TagKind, TagSelection,
    },
};
use futures::future::join_all;

use super::{define, facts, person};
use crate::support::{
    World, on_both,
    refusal::{in_short, refusals},
};

/// An item of these keys, as far as they are not empty.
pub(super) fn item(external_id: &str, email: &str, name: &str) -> ContactItem {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ContactItem {
        external_id: given(external_id),
        email: given(email),
        name: given(name),
        ..ContactItem::default()
    }
}

fn as_told<T>(items: Vec<T>) -> Vec<Told<T>> {
    let items = items.into_iter();
    items
        .map(|item| Told {
            item,
            errors: Vec::new(),
        })
        .collect()
}

pub(super) async fn contacts(world: &World, items: Vec<ContactItem>) -> Vec<Upserted<ContactId>> {
    let items = as_told(items);
    let done = upsert::contacts(&world.ctx, &world.owner, items, "From the CRM").await;
    done.expect("the call is taken")
}

pub(super) async fn accounts(world: &World, items: Vec<AccountItem>) -> Vec<Upserted<AccountId>> {
    let items = as_told(items);
    let done = upsert::accounts(&world.ctx, &world.owner, items, "From the CRM").await;
    done.expect("the call is taken")
}

pub(super) fn outcomes<I>(done: &[Upserted<I>]) -> Vec<O> {
    done.iter().map(|one| one.outcome).collect()
}

/// What was wrong with an item, as (path, code).
pub(super) fn wrong<I>(done: &Upserted<I>) -> Vec<String> {
    done.errors.iter().map(in_short).collect()
}

pub(super) async fn known(world: &World, external_id: &str) -> contact::Contact {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = contact::find_by_identity(ctx, workspace, I::ExternalId, external_id).await;
    found.expect("a look-up").expect("a contact")
}

async fn count(world: &World, what: &str) -> i64 {
    let found = Query::new(format!(
        "SELECT COUNT(*) FROM {what} WHERE workspace_id = $1"
    ))
    .bind(world.owner.workspace)
    .scalar(world.ctx.reader())
    .await;
    found.expect("a count").unwrap_or_default()
}

async fn carried(world: &World, thing: uuid::Uuid) -> Vec<TagId> {
    let found = Query::new(
        "SELECT tag_id FROM tagging WHERE target_id = $1 AND removed_at IS NULL ORDER BY tag_id",
    )
    .bind(thing)
    .column(world.ctx.reader())
    .await;
    found.expect("tags")
}

/// Tags `one` and `two` of a group that takes one, and `vip` beside it.
async fn tags(world: &World) -> [TagId; 3] {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let group = NewGroup {
        kind: TagKind::Contact,
        name: "Industry".to_owned(),
        description: String::new(),
        selection: TagSelection::Single,
        stage: None,
    };
    let group = tag::group::create(ctx, owner, group).await.unwrap().id;
    let mut made = Vec::new();
    for (name, group) in [("One", Some(group)), ("Two", Some(group)), ("VIP", None)] {
        let new = NewTag {
            kind: TagKind::Contact,
            name: name.to_owned(),
            description: String::new(),
            colour: None,
            parent: None,
            group,
        };
        made.push(tag::catalogue::create(ctx, owner, new).await.unwrap().id);
    }
    [made[0], made[1], made[2]]
}

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
        let spring = campaign::create(ctx, owner, spring).await.unwrap().id;
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
fn items_about_one_contact_follow_each_other() {
    on_both(|world| async move {
        let [one, two, vip] = tags(&world).await;
        define(&world, SubjectKind::Contact, "plan", AttributeType::Text).await;
        let turn = |name: &str, plan: &str, tag: TagId| {
            let mut turn = item("crm-1", "", name);
            turn.common.attributes = vec![AttributeItem {
                key: "plan".to_owned(),
                value: Some(Value::Text(plan.to_owned())),
            }];
            turn.common.tags = vec![TagRef::Id(tag), TagRef::Id(vip)];
            turn
        };
        let done = contacts(
            &world,
            vec![
                turn("First", "free", one),
                turn("First", "free", one),
                turn("Second", "paid", two),
                item("", "late@customer.example", "Stranger"),
                // Who was two people before this item is two people after it.
                item("crm-1", "late@customer.example", "Both"),
                item("crm-1", "known@customer.example", ""),
                item("", "known@customer.example", "Third"),
            ],
        )
        .await;
        let expected = [
            O::Created,
            O::Unchanged,
            O::Updated,
            O::Created,
            O::Conflict,
            O::Updated,
            O::Updated,
        ];
        assert_eq!(outcomes(&done), expected, "{done:?}");
        let now = known(&world, "crm-1").await;
        assert_eq!(now.name, "Third");
        assert_eq!(done[6].id, Some(now.id));
        let mut expected = vec![two, vip];
        expected.sort();
        assert_eq!(carried(&world, now.id.0).await, expected);
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let values = attribute::load(ctx, workspace, &[now.id.0]).await.unwrap();
        assert_eq!(values[0].text.as_deref(), Some("paid"));
        world
    });
}

#[test]
fn a_thousand_are_taken_at_once_and_again() {
    on_both(|world| async move {
        let many = |name: &str| -> Vec<ContactItem> {
            let items = (0..upsert::MAX_ITEMS).map(|n| {
                let email = format!("p{n}@customer.example");
                item(&format!("crm-{n}"), &email, &format!("{name} {n}"))
            });
            items.collect()
        };
        let all = |done: &[Upserted<ContactId>], outcome: O| {
            assert_eq!(done.len(), upsert::MAX_ITEMS);
            assert!(done.iter().all(|one| one.outcome == outcome), "{outcome:?}");
        };
        let first = contacts(&world, many("Name")).await;
        all(&first, O::Created);
        let again = contacts(&world, many("Name")).await;
        all(&again, O::Unchanged);
        let ids =
            |done: &[Upserted<ContactId>]| -> Vec<_> { done.iter().map(|one| one.id).collect() };
        assert_eq!(ids(&first), ids(&again));
        all(&contacts(&world, many("Other")).await, O::Updated);
        assert_eq!(count(&world, "contact").await, 1_000);
        assert_eq!(known(&world, "crm-999").await.name, "Other 999");
        let told = facts(&world).await;
        let made = told
            .iter()
            .filter(|fact| matches!(fact, Fact::ContactCreated { .. }));
        assert_eq!(made.count(), 1_000);
        let changed = told.iter().filter(|fact| {
            matches!(fact, Fact::ContactChanged { fields, .. } if *fields == [ContactField::Name])
        });
        assert_eq!(changed.count(), 1_000);
        world
    });
}

#[test]
fn of_several_calls_at_once_one_makes_each_contact_and_account() {
    on_both(|world| async move {
        for round in 0..4 {
            let people = |turn: usize| {
                let mut items: Vec<ContactItem> = (0..20)
                    .map(|n| {
                        let email = format!("p{round}-{n}@customer.example");
                        item(&format!("crm-{round}-{n}"), &email, "Name")
                    })
                    .collect();
                items.rotate_left(turn * 3);
                items
            };
            let companies = |turn: usize| {
                let mut items: Vec<AccountItem> = (0..20)
                    .map(|n| AccountItem {
                        external_id: Some(format!("crm-{round}-{n}")),
                        domain: Some(format!("c{round}-{n}.example")),
                        name: Some("Name".to_owned()),
                        ..AccountItem::default()
                    })
                    .collect();
                items.rotate_left(turn * 3);
                items
            };
            let done = join_all((0..6).map(|turn| contacts(&world, people(turn)))).await;
            let made = done.concat();
            let made = made.iter().filter(|one| one.outcome == O::Created);
            assert_eq!(made.count(), 20);
            let done = join_all((0..6).map(|turn| accounts(&world, companies(turn)))).await;
            let made = done.concat();
            assert!(made.iter().all(|one| one.id.is_some()), "{made:?}");
            let made = made.iter().filter(|one| one.outcome == O::Created);
            assert_eq!(made.count(), 20);
            assert_eq!(count(&world, "contact").await, 20 * (round + 1));
            assert_eq!(count(&world, "account").await, 20 * (round + 1));
        }
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
