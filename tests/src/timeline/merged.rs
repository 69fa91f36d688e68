//! What timelines say of merges, which name whom they are about for good: it is led on by later merges, given
//! back when these are undone, and gone with whoever is erased. And of tasks that name an account.

use domain::{
    account::{self, NewAccount},
    contact::{self, ContactChanges, erase},
    fact::Of,
    page::PageRequest,
    store::Query,
    task, timeline,
};
use entity::{
    id::{AccountId, ContactId, ConversationId, Id as _, MergeId},
    kind::{TagKind, TimelineKind as K},
};
use uuid::Uuid;

use crate::support::{
    World,
    engine::{a_task, contact_of, tag_contact, words},
    on_both,
};

/// The entries about merges on a timeline, those of one merge together.
async fn merges(world: &World, of: Of) -> Vec<(Uuid, K)> {
    let kinds = [
        K::ContactMerged,
        K::ContactUnmerged,
        K::ContactSeparated,
        K::AccountMerged,
        K::AccountUnmerged,
        K::AccountSeparated,
    ];
    let page = PageRequest::first(100);
    let found = timeline::list(&world.ctx, world.owner.workspace, of, &kinds, &page).await;
    let rows = found.unwrap().rows.into_iter();
    let mut entries: Vec<_> = rows
        .map(|(_, entry)| (entry.subject_id, entry.kind))
        .collect();
    entries.sort_unstable();
    entries
}

fn of(merge: MergeId, kind: K) -> (Uuid, K) {
    (merge.uuid(), kind)
}

/// Three people who wrote.
pub(super) async fn three(world: &World) -> [ContactId; 3] {
    let [a, b, c] = ["a@x.example", "b@x.example", "c@x.example"];
    world
        .receive(&[("1", a, ""), ("2", b, ""), ("3", c, "")])
        .await;
    [
        contact_of(world, a).await,
        contact_of(world, b).await,
        contact_of(world, c).await,
    ]
}

#[test]
fn merges_of_contacts_are_led_on_given_back_and_erased() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let [a, b, c] = three(&world).await;
        let first = contact::merge::merge(ctx, owner, b, a, "").await.unwrap();
        let first = first.id;
        let on = [of(first, K::ContactMerged)];
        assert_eq!(merges(&world, Of::Contact(b)).await, on);
        world.clock.advance(chrono::TimeDelta::seconds(1));
        let second = contact::merge::merge(ctx, owner, c, b, "").await.unwrap();
        let second = second.id;
        let both = [of(first, K::ContactMerged), of(second, K::ContactMerged)];
        assert_eq!(merges(&world, Of::Contact(c)).await, both);
        assert!(merges(&world, Of::Contact(b)).await.is_empty());

        world.clock.advance(chrono::TimeDelta::seconds(1));
        contact::merge::unmerge(ctx, owner, second).await.unwrap();
        contact::merge::unmerge(ctx, owner, first).await.unwrap();
        let hers = [of(second, K::ContactMerged), of(second, K::ContactUnmerged)];
        assert_eq!(merges(&world, Of::Contact(c)).await, hers);
        let his = [
            of(first, K::ContactMerged),
            of(first, K::ContactUnmerged),
            of(second, K::ContactSeparated),
        ];
        assert_eq!(merges(&world, Of::Contact(b)).await, his);
        let apart = [of(first, K::ContactSeparated)];
        assert_eq!(merges(&world, Of::Contact(a)).await, apart);

        // What was said of both goes with either.
        erase::erase(ctx, owner, c).await.unwrap();
        assert!(merges(&world, Of::Contact(c)).await.is_empty());
        assert_eq!(merges(&world, Of::Contact(b)).await, his[..2]);
        world
    });
}

async fn company(world: &World, name: &str) -> AccountId {
    let new = NewAccount {
        name: name.to_owned(),
        ..NewAccount::default()
    };
    let made = account::create(&world.ctx, &world.owner, new).await;
    made.unwrap().id
}

#[test]
fn merges_of_accounts_are_led_on_and_given_back() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mut made = Vec::new();
        for name in ["A", "B", "C"] {
            made.push(company(&world, name).await);
        }
        let first = account::merge::merge(ctx, owner, made[1], made[0], "").await;
        let first = first.unwrap().id;
        world.clock.advance(chrono::TimeDelta::seconds(1));
        let second = account::merge::merge(ctx, owner, made[2], made[1], "").await;
        let second = second.unwrap().id;
        let both = [of(first, K::AccountMerged), of(second, K::AccountMerged)];
        assert_eq!(merges(&world, Of::Account(made[2])).await, both);
        assert!(merges(&world, Of::Account(made[1])).await.is_empty());

        world.clock.advance(chrono::TimeDelta::seconds(1));
        account::merge::unmerge(ctx, owner, second).await.unwrap();
        let its = [of(second, K::AccountMerged), of(second, K::AccountUnmerged)];
        assert_eq!(merges(&world, Of::Account(made[2])).await, its);
        let back = [of(first, K::AccountMerged), of(second, K::AccountSeparated)];
        assert_eq!(merges(&world, Of::Account(made[1])).await, back);
        world
    });
}

/// How many tasks a timeline has that were made.
async fn tasks(world: &World, of: Of) -> usize {
    let page = PageRequest::first(10);
    let kinds = [K::TaskCreated];
    let found = timeline::list(&world.ctx, world.owner.workspace, of, &kinds, &page).await;
    found.unwrap().rows.len()
}

#[test]
fn a_task_that_names_an_account_stays_with_it_when_its_contact_goes() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let [taro, ..] = three(&world).await;
        let [named, joined] = [
            company(&world, "Named").await,
            company(&world, "Joined").await,
        ];
        for account in [None, Some(named)] {
            let mut new = a_task("Call");
            new.contact = Some(taro);
            new.account = account;
            task::create(ctx, owner, new).await.unwrap();
        }
        let changes = ContactChanges {
            account: Some(Some(joined)),
            ..ContactChanges::default()
        };
        contact::update(ctx, owner, taro, changes).await.unwrap();
        world.drain().await;
        let counted = (
            tasks(&world, Of::Contact(taro)).await,
            tasks(&world, Of::Account(named)).await,
            tasks(&world, Of::Account(joined)).await,
        );
        assert_eq!(counted, (2, 1, 1));
        world
    });
}

#[test]
fn what_came_about_a_thread_goes_back_with_it() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let [goes, stays, _] = three(&world).await;
        let thread: Option<ConversationId> = Query::new(
            "SELECT v.id FROM conversation v WHERE v.workspace_id = $1 AND v.contact_id = $2",
        )
        .bind(owner.workspace)
        .bind(goes)
        .scalar(ctx.reader())
        .await
        .unwrap();
        let thread = thread.unwrap();
        let merge = contact::merge::merge(ctx, owner, stays, goes, "")
            .await
            .unwrap();
        let mut new = a_task("Call");
        new.conversation = Some(thread);
        task::create(ctx, owner, new).await.unwrap();
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let rule = world.rule("greeting", words(&["hello"]), vec![tag_contact(seen)]);
        let rule = rule.await.id;
        let tx = ctx.begin(owner.workspace).await.unwrap();
        Query::new(
            "INSERT INTO rule_miss (workspace_id, id, rule_id, rule_version, subject_id,
                                    conversation_id, contact_id, reason, missed_at)
             VALUES ($1, $3, $2, 1, $3, $3, $4, 'CONDITION', $5)",
        )
        .bind(owner.workspace)
        .bind(rule)
        .bind(thread)
        .bind(stays)
        .bind(ctx.clock.now())
        .execute(tx.connection())
        .await
        .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(tasks(&world, Of::Contact(stays)).await, 1);

        contact::merge::unmerge(ctx, owner, merge.id).await.unwrap();
        assert_eq!(tasks(&world, Of::Contact(stays)).await, 0);
        assert_eq!(tasks(&world, Of::Contact(goes)).await, 1);
        let missed: Option<ContactId> =
            Query::new("SELECT m.contact_id FROM rule_miss m WHERE m.workspace_id = $1")
                .bind(owner.workspace)
                .scalar(ctx.reader())
                .await
                .unwrap();
        assert_eq!(missed, Some(goes));
        world
    });
}
