//! Finding contacts and accounts that seem to be one, before somebody stumbles over them.

use chrono::TimeDelta;
use domain::{
    account::{self, AccountChanges, DetailChanges, NewAccount},
    contact::{
        self, ContactChanges, NewContact, ProfileChanges, erase,
        identity::{self, Given, Identify},
        merge,
    },
    page::PageRequest,
    store::Query,
    suspect::{self, CROWD, FirstLook, SuspectFilter, SuspectOrder, Suspicion, reasons},
    work::schedule,
};
use entity::{
    id::{AccountId, AccountSuspectId, ContactId, Id as _, SuspectId},
    kind::{DuplicateReason as R, DuplicateState, IdentityKind},
};

use super::refusals;
use crate::support::{World, on_both};

async fn add(world: &World, new: NewContact) -> ContactId {
    let made = contact::create(&world.ctx, &world.owner, new).await;
    world.clock.advance(TimeDelta::milliseconds(1));
    made.unwrap().id
}

fn named(name: &str) -> NewContact {
    NewContact {
        name: name.to_owned(),
        ..NewContact::default()
    }
}

fn mailed(name: &str, email: &str) -> NewContact {
    NewContact {
        email: Some(email.to_owned()),
        ..named(name)
    }
}

fn phoned(name: &str, phone: &str) -> NewContact {
    NewContact {
        profile: ProfileChanges {
            phone: Some(Some(phone.to_owned())),
            ..ProfileChanges::default()
        },
        ..named(name)
    }
}

fn read(name: &str, kana: &str) -> NewContact {
    NewContact {
        profile: ProfileChanges {
            kana: Some(Some(kana.to_owned())),
            ..ProfileChanges::default()
        },
        ..named(name)
    }
}

async fn rename(world: &World, id: ContactId, name: &str) {
    let changes = ContactChanges {
        name: Some(name.to_owned()),
        ..ContactChanges::default()
    };
    let done = contact::update(&world.ctx, &world.owner, id, changes).await;
    done.unwrap();
}

async fn company(world: &World, name: &str, domain: Option<&str>, site: Option<&str>) -> AccountId {
    let new = NewAccount {
        name: name.to_owned(),
        domain: domain.map(str::to_owned),
        details: DetailChanges {
            website: site.map(|site| Some(site.to_owned())),
            ..DetailChanges::default()
        },
        ..NewAccount::default()
    };
    let made = account::create(&world.ctx, &world.owner, new).await;
    world.clock.advance(TimeDelta::milliseconds(1));
    made.unwrap().id
}

async fn found(world: &World, filter: SuspectFilter) -> Vec<Suspicion<SuspectId>> {
    world.drain().await;
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let page = PageRequest::first(50);
    let order = SuspectOrder::Strongest;
    let page = suspect::list::<SuspectId>(ctx, workspace, &filter, order, &page).await;
    page.unwrap().rows.into_iter().map(|(_, one)| one).collect()
}

/// The reasons of the open suspicions, the strongest first.
async fn open(world: &World) -> Vec<Vec<R>> {
    let found = found(world, SuspectFilter::default()).await;
    found.iter().map(|one| reasons(one.evidence)).collect()
}

/// The only suspicion about a contact, whatever became of it.
async fn about(
    world: &World,
    id: ContactId,
    state: DuplicateState,
) -> Option<Suspicion<SuspectId>> {
    let filter = SuspectFilter {
        state: Some(state),
        about: Some(id.uuid()),
        ..SuspectFilter::default()
    };
    let mut found = found(world, filter).await;
    assert!(found.len() < 2, "{found:?}");
    found.pop()
}

#[test]
fn people_who_seem_to_be_one_are_found_with_their_reasons() {
    on_both(|world| async move {
        let acme = Some(company(&world, "Acme", None, None).await);
        for name in ["田中 太郎", "太郎 田中", "田中 次郎"] {
            let account = acme;
            add(
                &world,
                NewContact {
                    account,
                    ..named(name)
                },
            )
            .await;
        }
        let hanako = add(&world, read("山田 花子", "ヤマダ ハナコ")).await;
        let kana = add(&world, named("やまだ　はなこ")).await;
        add(&world, phoned("Ann Lee", "+81 90-1234-5678")).await;
        add(&world, phoned("LEE, Ann", "+1 201-234-5678")).await;
        add(&world, mailed("Mia Wong", "mia.w@a.example")).await;
        add(&world, mailed("Mia Wong", "mia.w@b.example")).await;
        // Called after their addresses: nothing else is known of them.
        add(&world, mailed("info", "info@a.example")).await;
        add(&world, mailed("info", "info@b.example")).await;
        let who = Identify {
            identities: vec![Given {
                kind: IdentityKind::AnonymousId,
                value: "cookie".to_owned(),
            }],
            name: Some("やまだ はなこ".to_owned()),
        };
        identity::identify(&world.ctx, &world.owner, who)
            .await
            .unwrap();
        assert_eq!(
            open(&world).await,
            [
                vec![R::NameAndPhone],
                vec![R::NameAndAccount],
                vec![R::NameAndEmail],
                vec![R::Reading]
            ]
        );
        let one = about(&world, kana, DuplicateState::Open).await.unwrap();
        assert_eq!((one.one_id, one.other_id), (hanako, kana));
        for (filter, count) in [
            (
                SuspectFilter {
                    min_strength: Some(70),
                    ..SuspectFilter::default()
                },
                3,
            ),
            (
                SuspectFilter {
                    reasons: vec![R::Reading, R::NameAndEmail],
                    ..SuspectFilter::default()
                },
                2,
            ),
        ] {
            assert_eq!(
                found(&world, filter.clone()).await.len(),
                count,
                "{filter:?}"
            );
        }
        // Nothing is found twice.
        assert_eq!(open(&world).await.len(), 4);
        world
    });
}

#[test]
fn a_dismissed_pair_comes_back_for_new_reasons_only_and_an_outdated_one_goes() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let account = Some(company(&world, "Acme", None, None).await);
        let mut pair = Vec::new();
        for email in ["taro@a.example", "t@b.example"] {
            let new = mailed("Taro Yamada", email);
            pair.push(add(&world, NewContact { account, ..new }).await);
        }
        let [first, second] = [pair[0], pair[1]];
        let one = about(&world, first, DuplicateState::Open).await.unwrap();
        assert_eq!(reasons(one.evidence), [R::NameAndAccount]);
        // As long as the name is another, nothing makes it seem so.
        rename(&world, second, "Jiro Yamada").await;
        assert!(open(&world).await.is_empty());
        let gone = about(&world, first, DuplicateState::Outdated).await;
        assert_eq!(gone.map(|one| one.id), Some(one.id));
        rename(&world, second, "Yamada Taro").await;
        assert_eq!(open(&world).await.len(), 1);

        let dismissed = suspect::dismiss(ctx, owner, one.id).await.unwrap();
        assert_eq!(dismissed.settlement, Some(DuplicateState::Dismissed));
        let again = suspect::dismiss(ctx, owner, one.id).await;
        assert_eq!(refusals(again), ["id NotFound"]);
        for name in ["Jiro Yamada", "Taro Yamada"] {
            rename(&world, second, name).await;
            assert!(open(&world).await.is_empty(), "{name}");
        }
        let changes = ContactChanges {
            email: Some(Some("taro@b.example".to_owned())),
            ..ContactChanges::default()
        };
        contact::update(ctx, owner, second, changes).await.unwrap();
        let both = vec![R::NameAndAccount, R::NameAndEmail];
        assert_eq!(open(&world).await, [both]);

        world.clock.advance(TimeDelta::seconds(1));
        let merged = merge::merge(ctx, owner, first, second, "").await.unwrap();
        assert!(open(&world).await.is_empty());
        assert!(about(&world, first, DuplicateState::Merged).await.is_some());
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        assert_eq!(open(&world).await.len(), 1);
        erase::erase(ctx, owner, second).await.unwrap();
        assert!(open(&world).await.is_empty());
        let keys: Vec<ContactId> = Query::new("SELECT subject_id FROM duplicate_key")
            .column(ctx.db.writer())
            .await
            .unwrap();
        assert!(!keys.contains(&second));
        world
    });
}

#[test]
fn an_open_pair_loses_a_reason_that_has_gone() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let account = Some(company(&world, "Acme", None, None).await);
        let mut pair = Vec::new();
        for email in ["mia.w@a.example", "mia.w@b.example"] {
            let new = mailed("Mia Wong", email);
            pair.push(add(&world, NewContact { account, ..new }).await);
        }
        let both = vec![R::NameAndAccount, R::NameAndEmail];
        assert_eq!(open(&world).await, [both]);
        let leaves = ContactChanges {
            account: Some(None),
            ..ContactChanges::default()
        };
        contact::update(ctx, owner, pair[1], leaves).await.unwrap();
        let one = about(&world, pair[0], DuplicateState::Open).await.unwrap();
        assert_eq!(reasons(one.evidence), [R::NameAndEmail]);
        assert_eq!(one.strength, 70);
        // The last one takes the suspicion with it.
        rename(&world, pair[1], "Mia Chen").await;
        assert!(open(&world).await.is_empty());
        world
    });
}

#[test]
fn two_names_that_are_only_read_alike_are_outdated() {
    on_both(|world| async move {
        add(&world, read("山田 花子", "ヤマダ ハナコ")).await;
        let kana = add(&world, named("やまだ はなこ")).await;
        assert_eq!(open(&world).await, [[R::Reading]]);
        let changes = ContactChanges {
            name: Some("山田 華子".to_owned()),
            profile: ProfileChanges {
                kana: Some(Some("ヤマダ ハナコ".to_owned())),
                ..ProfileChanges::default()
            },
            ..ContactChanges::default()
        };
        let done = contact::update(&world.ctx, &world.owner, kana, changes).await;
        done.unwrap();
        assert!(open(&world).await.is_empty());
        world
    });
}

#[test]
fn a_common_name_is_not_compared() {
    on_both(|world| async move {
        let account = Some(company(&world, "Acme", None, None).await);
        for _ in 0..=CROWD {
            let new = named("Taro Yamada");
            add(&world, NewContact { account, ..new }).await;
        }
        // Read in pieces, the first would be few who are called alike.
        world.settle().await;
        assert!(open(&world).await.is_empty());
        world
    });
}

#[test]
fn a_suspicion_about_the_first_of_a_crowd_goes_when_the_crowd_comes_and_is_back_when_it_thins_out()
{
    on_both(|world| async move {
        let account = Some(company(&world, "Acme", None, None).await);
        let one_more = async || {
            let new = named("Taro Yamada");
            add(&world, NewContact { account, ..new }).await
        };
        let first = one_more().await;
        one_more().await;
        assert_eq!(open(&world).await, [[R::NameAndAccount]]);
        // What is known of two in another way stays.
        for phone in ["+81 90-1234-5678", "+1 201-234-5678"] {
            let new = phoned("Taro Yamada", phone);
            add(&world, NewContact { account, ..new }).await;
        }
        assert_eq!(open(&world).await.len(), 6);
        for _ in 4..=CROWD {
            one_more().await;
        }
        assert_eq!(open(&world).await, [[R::NameAndPhone]]);
        let gone = about(&world, first, DuplicateState::Open).await;
        assert!(gone.is_none());

        rename(&world, first, "Jiro Yamada").await;
        let back = open(&world).await;
        // A page of the pairs of those who are left.
        assert_eq!(back.len(), 50);
        assert_eq!(back[0], [R::NameAndPhone, R::NameAndAccount]);
        assert_eq!(back[1], [R::NameAndAccount]);
        world
    });
}

#[test]
fn what_was_there_before_is_looked_at_once() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        add(&world, mailed("Mia Wong", "mia.w@a.example")).await;
        add(&world, mailed("Mia Wong", "mia.w@b.example")).await;
        company(&world, "Acme Inc.", None, None).await;
        company(&world, "Acme", None, None).await;
        world.drain().await;
        // As an upgrade finds it.
        let writer = ctx.db.writer();
        for table in ["duplicate_key", "duplicate_suspect", "account_suspect"] {
            let all = Query::new(format!("DELETE FROM {table}"));
            all.execute(writer).await.unwrap();
        }
        for subject in ["CONTACT", "ACCOUNT"] {
            Query::new("INSERT INTO duplicate_look (workspace_id, subject) VALUES ($1, $2)")
                .bind(workspace)
                .bind(subject)
                .execute(writer)
                .await
                .unwrap();
        }
        assert!(open(&world).await.is_empty());
        let tick = ctx.clock.now();
        let ran = schedule::run_tick(ctx, &FirstLook, workspace, tick).await;
        assert!(ran.unwrap());
        assert_eq!(open(&world).await, [[R::NameAndEmail]]);
        assert_eq!(open_accounts(&world).await.len(), 1);
        let left = Query::new("SELECT subject FROM duplicate_look");
        assert!(left.raw(writer).await.unwrap().is_empty());
        world
    });
}

async fn open_accounts(world: &World) -> Vec<Suspicion<AccountSuspectId>> {
    world.drain().await;
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let (filter, page) = (SuspectFilter::default(), PageRequest::first(50));
    let order = SuspectOrder::Oldest;
    let page = suspect::list::<AccountSuspectId>(ctx, workspace, &filter, order, &page).await;
    page.unwrap().rows.into_iter().map(|(_, one)| one).collect()
}

#[test]
fn accounts_that_seem_to_be_one_are_found_and_drop_out_when_archived_or_merged() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let first = company(&world, "株式会社アクメ", None, None).await;
        let second = company(&world, "アクメ㈱", None, None).await;
        company(&world, "Blue", Some("blue.example"), None).await;
        let bleu = company(&world, "Bleu", None, Some("https://www.blue.example/")).await;
        let found = open_accounts(&world).await;
        let reasons: Vec<Vec<R>> = found.iter().map(|one| reasons(one.evidence)).collect();
        assert_eq!(reasons.len(), 2);
        for reason in [R::AccountName, R::AccountDomain] {
            assert!(reasons.contains(&vec![reason]), "{reasons:?}");
        }
        let one = found.iter().find(|one| one.one_id == first).unwrap();
        assert_eq!(one.other_id, second);

        account::set_archived(ctx, owner, second, true)
            .await
            .unwrap();
        assert_eq!(open_accounts(&world).await.len(), 1);
        account::set_archived(ctx, owner, second, false)
            .await
            .unwrap();
        assert_eq!(open_accounts(&world).await.len(), 2);
        world.clock.advance(TimeDelta::seconds(1));
        let merged = account::merge::merge(ctx, owner, first, second, "").await;
        assert_eq!(open_accounts(&world).await.len(), 1);
        account::merge::unmerge(ctx, owner, merged.unwrap().id)
            .await
            .unwrap();
        assert_eq!(open_accounts(&world).await.len(), 2);
        let dismissed = suspect::dismiss(ctx, owner, one.id).await;
        assert_eq!(
            dismissed.unwrap().settlement,
            Some(DuplicateState::Dismissed)
        );
        let changes = AccountChanges {
            details: DetailChanges {
                website: Some(None),
                ..DetailChanges::default()
            },
            ..AccountChanges::default()
        };
        account::update(ctx, owner, bleu, changes).await.unwrap();
        assert!(open_accounts(&world).await.is_empty());
        world
    });
}
