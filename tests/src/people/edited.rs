//! Setting owner, stage and subscriptions of everything a filter finds: what a dry run says, what is
//! written, what people have ended themselves, what is refused.

use domain::{
    account::{self, AccountFilter, NewAccount},
    contact::{
        self, ContactFilter, NewContact, ProfileChanges,
        subscription::{self, NewState},
    },
    edit::{NewEdit, NewOwner, update_by_filter},
    operation::{self, Limits},
    page::PageRequest,
    stage::{self, NewStage},
    store::Query,
    tag::tagging::Which,
    work::change::Fact,
};
use entity::{
    id::{ContactId, Id as _, MemberId},
    kind::{
        Channel, EmailEventKind, LifecycleStage, OperationState, SubscriptionSource,
        SubscriptionState as State,
    },
    operation::Model,
};
use serde_json::json;

use super::{facts, merge::record};
use crate::support::{World, engine::contact_of, on_both, refusal::refusals};

const BOUNCES: &str = "a@x.example";

/// Asks for it and does it.
async fn run(world: &World, edit: NewEdit, dry_run: bool) -> Model {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let asked = update_by_filter(ctx, owner, edit, dry_run).await.unwrap();
    let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
    turn.unwrap();
    let found = operation::find(ctx, owner.workspace, asked.id).await;
    found.unwrap().unwrap()
}

async fn entries(world: &World, action: &str) -> i64 {
    let count =
        Query::new("SELECT COUNT(*) FROM audit_entry WHERE workspace_id = $1 AND action = $2")
            .bind(world.owner.workspace)
            .bind(action)
            .scalar(world.ctx.reader())
            .await;
    count.unwrap().unwrap_or_default()
}

async fn made(world: &World, email: &str, owner: Option<MemberId>) -> ContactId {
    let new = NewContact {
        name: email.to_owned(),
        email: Some(email.to_owned()),
        profile: ProfileChanges {
            owner: owner.map(Some),
            ..ProfileChanges::default()
        },
        ..NewContact::default()
    };
    contact::create(&world.ctx, &world.owner, new)
        .await
        .unwrap()
        .id
}

fn all_of_it(world: &World) -> NewEdit {
    NewEdit {
        which: Which::Contact(ContactFilter::default()),
        owner: Some(NewOwner {
            member: Some(world.owner.member),
        }),
        stage: Some(NewStage {
            stage: Some(LifecycleStage::Customer),
            reason: "signed at the fair".to_owned(),
        }),
        subscriptions: vec![NewState {
            channel: Channel::Email,
            topic: subscription::EVERYTHING.to_owned(),
            state: State::Subscribed,
            reason: "asked for it at the fair".to_owned(),
        }],
    }
}

#[test]
fn everybody_a_filter_finds_is_set_as_by_hand_and_a_dry_run_changes_nothing() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        record(&world, "sent", BOUNCES, EmailEventKind::Sent).await;
        let a = contact_of(&world, BOUNCES).await;
        record(&world, "bounced", BOUNCES, EmailEventKind::Bounced).await;
        let b = made(&world, "b@x.example", Some(owner.member)).await;
        let c = made(&world, "c@x.example", None).await;
        let (updates, before) = (entries(&world, "contact.update").await, facts(&world).await);

        let dry = run(&world, all_of_it(&world), true).await;
        let counts = json!({ "owners": 2, "stages": 3, "subscriptions": 2, "kept": 1 });
        assert_eq!(dry.progress["counts"], counts);
        assert_eq!((dry.total, dry.done), (Some(3), 3));
        assert_eq!(entries(&world, "operation.update_by_filter").await, 0);
        assert_eq!(entries(&world, "contact.update").await, updates);

        let done = run(&world, all_of_it(&world), false).await;
        assert_eq!((done.state, done.done), (OperationState::Done, 3));
        assert_eq!(done.progress["counts"], counts);
        for id in [a, b, c] {
            let row = contact::find(ctx, owner.workspace, id).await;
            let row = row.unwrap().unwrap();
            assert_eq!(row.owner_id, Some(owner.member));
            assert_eq!(row.stage, Some(LifecycleStage::Customer));
            assert_eq!(row.stage_rank, stage::rank(row.stage));
            let page = PageRequest::first(10);
            let steps = stage::history(ctx, owner.workspace, id.uuid(), &page).await;
            let steps = steps.unwrap().rows;
            assert_eq!(steps.len(), 1);
            assert_eq!(steps[0].1.reason, "signed at the fair");
            let rows = subscription::load(ctx, owner.workspace, &[id]).await;
            let rows = rows.unwrap();
            let expected = if id == a {
                (State::Unsubscribed, SubscriptionSource::Bounce)
            } else {
                (State::Subscribed, SubscriptionSource::Member)
            };
            assert_eq!((rows[0].state, rows[0].source), expected);
        }
        assert_eq!(entries(&world, "operation.update_by_filter").await, 1);
        assert_eq!(entries(&world, "contact.update").await, updates + 5);
        assert_eq!(entries(&world, "subscription.set").await, 2);
        let told = facts(&world).await;
        let count = |test: fn(&Fact) -> bool| {
            let of = |facts: &[Fact]| facts.iter().filter(|fact| test(fact)).count();
            of(&told) - of(&before)
        };
        assert_eq!(count(|fact| matches!(fact, Fact::OwnerChanged { .. })), 2);
        assert_eq!(count(|fact| matches!(fact, Fact::StageChanged { .. })), 3);
        let subscribed = count(|fact| matches!(fact, Fact::SubscriptionChanged { .. }));
        assert_eq!(subscribed, 2);

        let again = run(&world, all_of_it(&world), false).await;
        let counts = json!({ "owners": 0, "stages": 0, "subscriptions": 0, "kept": 1 });
        assert_eq!(again.progress["counts"], counts);

        let mut to_news = all_of_it(&world);
        to_news.subscriptions[0].topic = "news".to_owned();
        let counts = json!({ "owners": 0, "stages": 0, "subscriptions": 2, "kept": 1 });
        for dry_run in [true, false] {
            let done = run(&world, to_news.clone(), dry_run).await;
            assert_eq!(
                done.progress["counts"], counts,
                "who cannot be reached, with no topic either"
            );
        }
        world
    });
}

#[test]
fn accounts_get_an_owner_and_a_stage_and_lose_them() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewAccount {
            name: "Acme".to_owned(),
            ..NewAccount::default()
        };
        let id = account::create(ctx, owner, new).await.unwrap().id;
        let set = |member, stage| NewEdit {
            which: Which::Account(AccountFilter::default()),
            owner: Some(NewOwner { member }),
            stage: Some(NewStage {
                stage,
                reason: String::new(),
            }),
            subscriptions: Vec::new(),
        };
        let member = Some(owner.member);
        for (member, stage) in [(member, Some(LifecycleStage::Customer)), (None, None)] {
            let done = run(&world, set(member, stage), false).await;
            assert_eq!(done.progress["counts"]["owners"], 1);
            assert_eq!(done.progress["counts"]["stages"], 1);
            let row = account::find(ctx, owner.workspace, id).await;
            let row = row.unwrap().unwrap();
            assert_eq!((row.owner_id, row.stage), (member, stage));
        }
        world
    });
}

#[test]
fn what_cannot_be_set_is_refused_before_anything_is_begun() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let nobody: MemberId = ctx.id();
        let missing = NewEdit {
            owner: Some(NewOwner {
                member: Some(nobody),
            }),
            ..all_of_it(&world)
        };
        let asked = update_by_filter(ctx, owner, missing, false).await;
        assert_eq!(refusals(asked), ["ownerId NotFound"]);
        let filter = ContactFilter {
            owners: vec![nobody],
            ..ContactFilter::default()
        };
        let unknown = NewEdit {
            which: Which::Contact(filter),
            ..all_of_it(&world)
        };
        let asked = update_by_filter(ctx, owner, unknown, false).await;
        assert_eq!(refusals(asked), ["things.contacts.ownerIds.0 NotFound"]);
        let page = PageRequest::first(10);
        let filter = operation::OperationFilter {
            state: None,
            kind: None,
        };
        let begun = operation::list(ctx, owner.workspace, filter, &page).await;
        assert_eq!(begun.unwrap().rows.len(), 0);
        world
    });
}
