//! Every order of the lists, page by page in both directions, with values missing and rows coming.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{
    access::Origin,
    account::{self, AccountFilter, AccountOrder, DetailChanges, NewAccount},
    attribute::{AttributeOrder, AttributeTest, Setting, Test, Value},
    contact::{
        self, Contact, ContactChanges, ContactFilter, ContactOrder, NewContact, ProfileChanges,
    },
    error::Result,
    page::{Page, PageRequest},
    stage::NewStage,
    store::Query,
    tag::{Request, TagFilter, tagging},
    work::change::{Change, Fact},
};
use entity::{
    id::ContactId,
    kind::{
        AttributeType as T, Channel, HealthBand, LifecycleStage as S, SubjectKind as K, TagKind,
    },
};

use super::{define, person};
use crate::support::{World, on_both};

type Found = Page<(String, String)>;

/// Walks a list in pages of three, forwards and backwards, and checks that both give what one page
/// of everything gives; returns it.
async fn walk(list: impl AsyncFn(PageRequest) -> Result<Found>) -> Vec<String> {
    let all = list(PageRequest::first(100)).await.unwrap();
    assert!(!all.has_next && !all.has_previous);
    let all: Vec<String> = all.rows.into_iter().map(|(_, name)| name).collect();
    for backward in [false, true] {
        let mut walked: Vec<String> = Vec::new();
        let mut cursor = None;
        loop {
            let mut request = PageRequest::first(3);
            request.backward = backward;
            if backward {
                request.before = cursor.take();
            } else {
                request.after = cursor.take();
            }
            let page = list(request).await.unwrap();
            let more = if backward {
                page.has_previous
            } else {
                page.has_next
            };
            let names = page.rows.iter().map(|(_, name)| name.clone());
            if backward {
                walked = names.chain(walked).collect();
                cursor = page.rows.first().map(|(cursor, _)| cursor.clone());
            } else {
                walked.extend(names);
                cursor = page.rows.last().map(|(cursor, _)| cursor.clone());
            }
            if !more {
                break;
            }
        }
        assert_eq!(walked, all, "backward: {backward}");
    }
    all
}

fn named(page: Page<(String, Contact)>) -> Found {
    page.map(|(cursor, contact)| (cursor, contact.name))
}

/// Ten people, each with something missing.
async fn people(world: &World) {
    let stages = [None, Some(S::Customer), Some(S::Lead)];
    let channels = [
        Some(Channel::Email),
        None,
        Some(Channel::Line),
        Some(Channel::X),
    ];
    let readings = [Some("うえの"), None, Some("アイダ")];
    for index in 0..10 {
        let profile = ProfileChanges {
            stage: stages[index % 3].map(|stage| NewStage {
                stage: Some(stage),
                reason: String::new(),
            }),
            owner: (index % 2 == 0).then_some(Some(world.owner.member)),
            source_channel: channels[index % 4].map(Some),
            kana: readings[index % 3].map(|kana| Some(kana.to_owned())),
            ..ProfileChanges::default()
        };
        person(world, &format!("p{index}"), profile).await;
    }
}

#[test]
fn contacts_are_listed_in_every_order_whatever_is_missing() {
    on_both(|world| async move {
        use ContactOrder as O;
        people(&world).await;
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let list = async |order: O| {
            let names = walk(async |page| {
                let filter = ContactFilter::default();
                Ok(named(
                    contact::list(ctx, workspace, filter, order, &page).await?,
                ))
            });
            names.await.concat()
        };
        let forwards = [
            (O::CreatedAsc, O::CreatedDesc, "p0p1p2p3p4p5p6p7p8p9"),
            (O::NameAsc, O::NameDesc, "p0p1p2p3p4p5p6p7p8p9"),
            (O::StageAsc, O::StageDesc, "p0p3p6p9p2p5p8p1p4p7"),
            (O::OwnerAsc, O::OwnerDesc, "p1p3p5p7p9p0p2p4p6p8"),
            (O::SourceAsc, O::SourceDesc, "p1p5p9p0p4p8p2p6p3p7"),
            // Latin names stand before kana.
            (O::KanaAsc, O::KanaDesc, "p1p4p7p2p5p8p0p3p6p9"),
        ];
        for (ascending, descending, expected) in forwards {
            assert_eq!(list(ascending).await, expected, "{ascending:?}");
            let reversed: Vec<&str> = expected
                .as_bytes()
                .rchunks(2)
                .map(|name| std::str::from_utf8(name).unwrap())
                .collect();
            assert_eq!(list(descending).await, reversed.concat(), "{descending:?}");
        }
        for order in [O::HealthAsc, O::HealthDesc, O::ActivityAsc, O::ActivityDesc] {
            assert_eq!(list(order).await.len(), 20, "{order:?}");
        }
        world
    });
}

#[test]
fn contacts_are_listed_by_an_attribute_and_those_without_it_come_last() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let size = define(&world, K::Contact, "size", T::Number).await;
        let plan = define(&world, K::Contact, "plan", T::Select).await;
        for (index, number) in [
            Some(-5.0),
            None,
            Some(100.0),
            Some(7.0),
            None,
            Some(7.0),
            None,
        ]
        .into_iter()
        .enumerate()
        {
            let mut attributes: Vec<Setting> = number
                .map(|number| Setting {
                    attribute: size,
                    value: Some(Value::Number(number)),
                })
                .into_iter()
                .collect();
            if index % 2 == 1 {
                attributes.push(Setting {
                    attribute: plan,
                    value: Some(Value::Select(["c", "a"][index / 2 % 2].to_owned())),
                });
            }
            let profile = ProfileChanges {
                attributes,
                ..ProfileChanges::default()
            };
            person(&world, &format!("p{index}"), profile).await;
        }
        let list = async |filter: &ContactFilter, attribute, descending| {
            let order = AttributeOrder {
                attribute,
                descending,
            };
            let names = walk(async |page| {
                let found = contact::list_by_attribute(ctx, workspace, filter, order, &page);
                Ok(named(found.await?))
            });
            names.await.concat()
        };
        let everybody = ContactFilter::default();
        assert_eq!(list(&everybody, size, false).await, "p0p3p5p2p1p4p6");
        assert_eq!(list(&everybody, size, true).await, "p2p5p3p0p6p4p1");
        assert_eq!(list(&everybody, plan, false).await, "p3p1p5p0p2p4p6");

        // Filters hold for both parts of the list.
        let filter = ContactFilter {
            attributes: vec![AttributeTest {
                attribute: plan,
                test: Test::IsSet(false),
            }],
            ..ContactFilter::default()
        };
        assert_eq!(list(&filter, size, false).await, "p0p2p4p6");

        // A person who comes while somebody reads neither repeats nor hides another.
        let order = AttributeOrder {
            attribute: size,
            descending: false,
        };
        let mut request = PageRequest::first(4);
        let page = contact::list_by_attribute(ctx, workspace, &everybody, order, &request);
        let page = page.await.unwrap();
        request.after = page.rows.last().map(|(cursor, _)| cursor.clone());
        let between = ProfileChanges {
            attributes: vec![Setting {
                attribute: size,
                value: Some(Value::Number(0.0)),
            }],
            ..ProfileChanges::default()
        };
        person(&world, "p7", between).await;
        person(&world, "p8", ProfileChanges::default()).await;
        let rest = contact::list_by_attribute(ctx, workspace, &everybody, order, &request);
        let rest = named(rest.await.unwrap()).rows.into_iter();
        let rest: Vec<String> = rest.map(|(_, name)| name).collect();
        assert_eq!(rest.concat(), "p1p4p6p8");
        let other = AttributeOrder {
            attribute: plan,
            descending: false,
        };
        let refused = contact::list_by_attribute(ctx, workspace, &everybody, other, &request);
        assert!(refused.await.is_err(), "a cursor belongs to one attribute");
        world
    });
}

#[test]
fn filters_hold_together_with_tags() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let text = define(&world, K::Contact, "text", T::Text).await;
        let many = define(&world, K::Contact, "many", T::MultiSelect).await;
        let number = define(&world, K::Contact, "number", T::Number).await;
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let set = |attribute, value| Setting {
            attribute,
            value: Some(value),
        };
        let mut ids = Vec::new();
        for (index, (words, options)) in [
            ("ＧＯＬＤ plan", vec!["a"]),
            ("gold", vec!["a", "b"]),
            ("50% silver", vec!["c"]),
        ]
        .into_iter()
        .enumerate()
        {
            let options = options.into_iter().map(str::to_owned).collect();
            let profile = ProfileChanges {
                owner: (index > 0).then_some(Some(owner.member)),
                brought_by: (index == 2).then_some(Some(owner.member)),
                attributes: vec![
                    set(text, Value::Text(words.to_owned())),
                    set(many, Value::MultiSelect(options)),
                    set(number, Value::Number(index as f64)),
                ],
                ..ProfileChanges::default()
            };
            ids.push(person(&world, &format!("p{index}"), profile).await.id);
        }
        let requests = [Request::contact(ids[0], vip), Request::contact(ids[1], vip)];
        tagging::tag_many(ctx, owner, &requests, "").await.unwrap();
        let list = async |filter: ContactFilter| {
            let page = PageRequest::first(10);
            let order = ContactOrder::CreatedAsc;
            let found = contact::list(ctx, owner.workspace, filter, order, &page).await;
            let found = named(found.unwrap()).rows.into_iter();
            found.map(|(_, name)| name).collect::<BTreeSet<_>>()
        };
        let by = |attribute, test| ContactFilter {
            attributes: vec![AttributeTest { attribute, test }],
            ..ContactFilter::default()
        };
        let keys = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect();
        let range = |min, max| Test::Number { min, max };
        for (filter, expected) in [
            (by(text, Test::Text("GOLD".to_owned())), "p1"),
            (by(text, Test::TextContains("gold".to_owned())), "p0 p1"),
            (by(text, Test::TextContains("0% s".to_owned())), "p2"),
            (by(text, Test::TextContains("%".to_owned())), "p2"),
            (by(text, Test::Boolean(true)), ""),
            (by(many, Test::Options(keys(&["b", "c"]))), "p1 p2"),
            (by(many, Test::Options(Vec::new())), ""),
            (by(number, range(Some(1.0), None)), "p1 p2"),
            (by(number, range(None, Some(0.5))), "p0"),
            (by(number, range(Some(1.0), Some(1.0))), "p1"),
            (by(number, Test::IsSet(true)), "p0 p1 p2"),
            (by(number, Test::IsSet(false)), ""),
        ] {
            let found: Vec<String> = list(filter.clone()).await.into_iter().collect();
            assert_eq!(found.join(" "), expected, "{filter:?}");
            let tagged = ContactFilter {
                tags: TagFilter {
                    any: vec![vip],
                    ..TagFilter::default()
                },
                ..filter
            };
            let found: Vec<String> = list(tagged).await.into_iter().collect();
            let expected: Vec<&str> = expected.split_whitespace().filter(|n| *n != "p2").collect();
            assert_eq!(found, expected);
        }
        let nobodys = ContactFilter {
            has_owner: Some(false),
            ..ContactFilter::default()
        };
        assert_eq!(list(nobodys).await.into_iter().collect::<String>(), "p0");
        let brought = ContactFilter {
            brought_by: vec![owner.member],
            owners: vec![owner.member],
            ..ContactFilter::default()
        };
        assert_eq!(list(brought).await.into_iter().collect::<String>(), "p2");
        world
    });
}

#[test]
fn accounts_are_listed_in_every_order_and_by_attributes() {
    on_both(|world| async move {
        use AccountOrder as O;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let size = define(&world, K::Account, "size", T::Number).await;
        let stages = [None, Some(S::Customer), Some(S::Lead)];
        for index in 0..7 {
            let new = NewAccount {
                name: format!("a{index}"),
                details: DetailChanges {
                    owner: (index % 2 == 0).then_some(Some(owner.member)),
                    stage: stages[index % 3].map(|stage| NewStage {
                        stage: Some(stage),
                        reason: String::new(),
                    }),
                    attributes: (index % 2 == 0)
                        .then_some(Setting {
                            attribute: size,
                            value: Some(Value::Number(-(index as f64))),
                        })
                        .into_iter()
                        .collect(),
                    ..DetailChanges::default()
                },
                ..NewAccount::default()
            };
            account::create(ctx, owner, new).await.unwrap();
            world.clock.advance(TimeDelta::milliseconds(1));
        }
        let list = async |filter: AccountFilter, order: O| {
            let names = walk(async |page| {
                let found = account::list(ctx, owner.workspace, &filter, order, &page).await?;
                Ok(found.map(|(cursor, account)| (cursor, account.name)))
            });
            names.await.concat()
        };
        for (order, expected) in [
            (O::NameAsc, "a0a1a2a3a4a5a6"),
            (O::NameDesc, "a6a5a4a3a2a1a0"),
            (O::CreatedDesc, "a6a5a4a3a2a1a0"),
            (O::StageAsc, "a0a3a6a2a5a1a4"),
            (O::StageDesc, "a4a1a5a2a6a3a0"),
            (O::OwnerAsc, "a1a3a5a0a2a4a6"),
            (O::OwnerDesc, "a6a4a2a0a5a3a1"),
        ] {
            let found = list(AccountFilter::default(), order).await;
            assert_eq!(found, expected, "{order:?}");
        }
        // A tag or a value that few have: the list is made of them, in whatever order.
        let rare = world.tag(TagKind::Contact, "Rare", None).await;
        let (all, page) = (AccountFilter::default(), PageRequest::first(100));
        let accounts = account::list(ctx, owner.workspace, &all, O::NameAsc, &page).await;
        let accounts = accounts.unwrap().rows;
        let tagged = [5, 1, 4].map(|place| Request::account(accounts[place].1.id, rare));
        tagging::tag_many(ctx, owner, &tagged, "").await.unwrap();
        let by_tag = AccountFilter {
            tags: TagFilter {
                any: vec![rare],
                ..TagFilter::default()
            },
            ..AccountFilter::default()
        };
        let by_value = AccountFilter {
            attributes: vec![AttributeTest {
                attribute: size,
                test: Test::Number {
                    min: Some(-4.0),
                    max: Some(-2.0),
                },
            }],
            ..AccountFilter::default()
        };
        for (filter, order, expected) in [
            (&by_tag, O::NameAsc, "a1a4a5"),
            (&by_tag, O::CreatedDesc, "a5a4a1"),
            (&by_tag, O::HealthDesc, "a5a4a1"),
            (&by_tag, O::ActivityAsc, "a1a4a5"),
            (&by_value, O::NameDesc, "a4a2"),
            (&by_value, O::ActivityAsc, "a2a4"),
        ] {
            assert_eq!(list(filter.clone(), order).await, expected, "{order:?}");
        }
        let leads = AccountFilter {
            stages: vec![S::Lead],
            has_owner: Some(true),
            ..AccountFilter::default()
        };
        assert_eq!(list(leads, O::NameAsc).await, "a2");
        let order = AttributeOrder {
            attribute: size,
            descending: false,
        };
        let filter = AccountFilter {
            text: Some("Ａ".to_owned()),
            ..AccountFilter::default()
        };
        let names = walk(async |page| {
            let found =
                account::list_by_attribute(ctx, owner.workspace, &filter, order, &page).await?;
            Ok(found.map(|(cursor, account)| (cursor, account.name)))
        });
        assert_eq!(names.await.concat(), "a6a4a2a0a1a3a5");
        world
    });
}

#[test]
fn accounts_are_listed_by_the_health_and_activity_of_their_people() {
    on_both(|world| async move {
        use AccountOrder as O;
        let (ctx, owner) = (&world.ctx, &world.owner);
        // Scores of the people of each account, and how many hours ago they were last active.
        let people: [(&str, &[(Option<f64>, i64)]); 5] = [
            ("a0", &[(Some(80.0), 5), (Some(20.0), 9)]),
            ("a1", &[(Some(90.0), 7)]),
            ("a2", &[]),
            ("a3", &[(None, 1)]),
            ("a4", &[(Some(30.0), 8), (None, 3), (Some(71.0), 20)]),
        ];
        let mut made = Vec::new();
        for (name, scores) in people {
            let new = NewAccount {
                name: name.to_owned(),
                ..NewAccount::default()
            };
            let account = account::create(ctx, owner, new).await.unwrap();
            for (score, hours) in scores {
                let new = NewContact {
                    name: name.to_owned(),
                    account: Some(account.id),
                    ..NewContact::default()
                };
                let id = contact::create(ctx, owner, new).await.unwrap().id;
                made.push((id, name, *score, *hours));
            }
            world.clock.advance(TimeDelta::milliseconds(1));
        }
        world.drain().await;
        for &(id, _, score, hours) in &made {
            let at = ctx.clock.now() - TimeDelta::hours(hours);
            for query in [
                Query::new("UPDATE contact_health SET score = $2 WHERE contact_id = $1")
                    .bind(id)
                    .bind(score),
                Query::new(
                    "UPDATE contact_activity SET last_activity_at = $2 WHERE contact_id = $1",
                )
                .bind(id)
                .bind(at),
            ] {
                assert_eq!(query.execute(ctx.db.writer()).await.unwrap(), 1);
            }
        }
        changed(&world, made[0].0).await;
        let list = async |order: O| {
            let filter = AccountFilter::default();
            let names = walk(async |page| {
                let found = account::list(ctx, owner.workspace, &filter, order, &page).await?;
                Ok(found.map(|(cursor, account)| (cursor, account.name)))
            });
            names.await.concat()
        };
        // Means: a0 50, a1 90, a2 and a3 unknown, a4 50.5. Of those unknown the newer comes first when
        // the greatest do.
        assert_eq!(list(O::HealthDesc).await, "a1a4a0a3a2");
        assert_eq!(list(O::HealthAsc).await, "a2a3a0a4a1");
        // a2 has nobody: made just now.
        assert_eq!(list(O::ActivityDesc).await, "a2a3a4a0a1");
        assert_eq!(list(O::ActivityAsc).await, "a1a0a4a3a2");

        // Whoever changes their company takes health and activity with them, whoever is erased is
        // counted no more.
        let company = |name: &str| made.iter().position(|(_, of, _, _)| *of == name).unwrap();
        let (best, of_a0, silent) = (made[2].0, made[0].0, made[1].0);
        assert_eq!((company("a1"), company("a0")), (2, 0));
        let found = contact::find(ctx, owner.workspace, of_a0).await.unwrap();
        let a0 = found.unwrap().account_id;
        let moved = ContactChanges {
            account: Some(a0),
            ..ContactChanges::default()
        };
        contact::update(ctx, owner, best, moved).await.unwrap();
        contact::erase::erase(ctx, owner, silent).await.unwrap();
        world.drain().await;
        // Who moves is judged anew, by what is really there.
        let judged = Query::new("UPDATE contact_health SET score = 90 WHERE contact_id = $1")
            .bind(best)
            .execute(ctx.db.writer())
            .await;
        assert_eq!(judged.unwrap(), 1);
        changed(&world, best).await;
        // a0 has 80 and 90 now, a1 nobody.
        assert_eq!(list(O::HealthDesc).await, "a0a4a3a2a1");
        assert_eq!(list(O::ActivityDesc).await, "a2a1a3a4a0");
        let standing = account::load_standing(ctx, owner.workspace, &[a0.unwrap()]).await;
        assert_eq!(standing.unwrap()[0].score, Some(85.0));
        world
    });
}

/// Says in the change log that somebody's health changed, and lets what follows happen.
async fn changed(world: &World, contact_id: ContactId) {
    let mut tx = world.ctx.begin(world.owner.workspace).await.unwrap();
    let fact = Fact::HealthChanged {
        contact_id,
        score: None,
        previous_score: None,
        band: HealthBand::Healthy,
        previous_band: HealthBand::AtRisk,
    };
    tx.record(Change::new(Origin::System, Some(contact_id), fact));
    tx.commit().await.unwrap();
    world.drain().await;
}
