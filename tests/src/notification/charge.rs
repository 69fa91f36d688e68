//! Notifications to whoever is in charge of what they are about.

use domain::{
    access::{Actor, member},
    account::{self, DetailChanges, NewAccount},
    action::Action,
    contact::{self, ContactChanges, ProfileChanges},
    conversation::{self, Changes},
    error::UserErrorCode::{Contradictory, NotFound},
    notification::{
        Receivers,
        delivery::{self, NewDelivery, Payload},
        in_app,
        manage::{self, NewTarget, TargetChanges},
    },
    page::PageRequest,
    port::{MailReceipt, MailRefusal},
    rule::{self, Limits, NewRule, definition::always, trigger::Trigger},
    team,
};
use entity::{
    id::{ContactId, ConversationId, MemberId, TargetId, TeamId},
    kind::{Role, TargetKind},
};
use serde_json::json;
use uuid::Uuid;

use super::mistakes;
use crate::{
    access::house::member_of,
    support::{
        World,
        engine::{Receiver, contact_of},
        on_both,
    },
};

async fn titles(world: &World, actor: &Actor) -> usize {
    let page = PageRequest::first(50);
    let found = in_app::list(&world.ctx, actor, false, &page).await;
    found.expect("a list").rows.len()
}

/// A rule that tells the target of every message.
async fn telling(world: &World, target: TargetId) {
    let notify = json!({"notify": {"targetId": target.0, "title": null}});
    let action: Action = serde_json::from_value(notify).expect("an action");
    let new = NewRule {
        name: "tell".to_owned(),
        trigger: Trigger::default(),
        condition: always(),
        actions: vec![action],
        limits: Limits::default(),
    };
    rule::create(&world.ctx, &world.owner, new)
        .await
        .expect("a rule");
}

/// A message of Taro's, told as it came in.
async fn message(world: &World, id: &str, receiver: &Receiver) -> (ContactId, ConversationId) {
    let received = world
        .receive(&[(id, "taro@customer.example", "hello")])
        .await[0];
    world.drain().await;
    world.hurry().await;
    world.deliver(receiver).await;
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let contact = contact_of(world, "taro@customer.example").await;
    let message = conversation::find_message(ctx, workspace, received).await;
    let conversation = message
        .expect("a look-up")
        .expect("a message")
        .conversation_id;
    (contact, conversation)
}

async fn own(world: &World, contact: ContactId, owner: Option<MemberId>) {
    let changes = ContactChanges {
        profile: ProfileChanges {
            owner: Some(owner),
            ..ProfileChanges::default()
        },
        ..ContactChanges::default()
    };
    let changed = contact::update(&world.ctx, &world.owner, contact, changes).await;
    changed.expect("an owner");
}

#[test]
fn a_list_gets_what_its_member_is_in_charge_of_and_a_team_the_rest() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let lead = member_of(ctx, owner, Role::Viewer).await;
        let leads = team::create(ctx, owner, "Leads", vec![lead.member]).await;
        let receivers = Receivers {
            owner: true,
            assignee: true,
            otherwise: Some(leads.expect("a team").id),
            ..Receivers::default()
        };
        let list = NewTarget::to(TargetKind::InApp, "list", receivers);
        let list = world.target_of(list).await;
        telling(&world, list).await;
        let receiver = Receiver::default();
        let (taro, conversation) = message(&world, "1", &receiver).await;
        assert_eq!(
            (titles(&world, &agent).await, titles(&world, &lead).await),
            (0, 1)
        );
        own(&world, taro, Some(agent.member)).await;
        message(&world, "2", &receiver).await;
        assert_eq!(
            (titles(&world, &agent).await, titles(&world, &lead).await),
            (1, 1)
        );
        // Whoever is both hears of it once.
        let assign = |member| Changes {
            assignee: Some(Some(member)),
            ..Changes::default()
        };
        let given = assign(agent.member);
        let changed = conversation::update(ctx, owner, &[conversation], "id", &given).await;
        changed.expect("an assignee");
        message(&world, "3", &receiver).await;
        assert_eq!(titles(&world, &agent).await, 2);
        // Nobody is in charge who is not there any more.
        member::remove(ctx, owner, agent.member)
            .await
            .expect("a removal");
        message(&world, "4", &receiver).await;
        assert_eq!(titles(&world, &lead).await, 2);
        world
    });
}

#[test]
fn mail_goes_to_the_owner_of_each_contact() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let receivers = Receivers {
            owner: true,
            addresses: vec!["desk@partner.example".to_owned()],
            ..Receivers::default()
        };
        let mail = NewTarget::to(TargetKind::Email, "mail", receivers);
        let mail = world.target_of(mail).await;
        telling(&world, mail).await;
        let receiver = Receiver::default();
        let (taro, _) = message(&world, "1", &receiver).await;
        own(&world, taro, Some(agent.member)).await;
        message(&world, "2", &receiver).await;
        let to: Vec<Vec<String>> = receiver.mails().into_iter().map(|one| one.to).collect();
        let desk = "desk@partner.example".to_owned();
        let both = vec!["agent@staff.example".to_owned(), desk.clone()];
        assert_eq!(to, [vec![desk], both]);
        world
    });
}

#[test]
fn who_is_in_charge_of_an_account_that_was_merged_is_whoever_looks_after_the_one_that_stays() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let lead = member_of(ctx, owner, Role::Viewer).await;
        let receivers = Receivers {
            owner: true,
            ..Receivers::default()
        };
        let list = NewTarget::to(TargetKind::InApp, "list", receivers);
        let target = world.target_of(list).await;
        let mut accounts = Vec::new();
        for (name, owner) in [("Stays", &lead), ("Goes", &agent)] {
            let new = NewAccount {
                name: name.to_owned(),
                details: DetailChanges {
                    owner: Some(Some(owner.member)),
                    ..DetailChanges::default()
                },
                ..NewAccount::default()
            };
            let made = account::create(ctx, &world.owner, new).await;
            accounts.push(made.expect("an account").id);
        }
        let mut tx = ctx.begin(owner.workspace).await.expect("a transaction");
        let said = NewDelivery {
            id: tx.id(),
            target,
            rule: None,
            firing: None,
            contact: None,
            payload: Payload::Said {
                title: "Call".to_owned(),
                by: "Save".to_owned(),
                template: None,
                conversation_id: None,
                account_id: Some(accounts[1]),
                message_id: None,
                playbook_id: None,
                enrolment_id: None,
            },
            not_before: None,
        };
        delivery::enqueue(ctx, &mut tx, &[said])
            .await
            .expect("a delivery");
        tx.commit().await.expect("a commit");
        account::merge::merge(ctx, owner, accounts[0], accounts[1], "")
            .await
            .expect("a merge");
        world.drain().await;
        world.hurry().await;
        world.deliver(&Receiver::default()).await;
        assert_eq!(
            (titles(&world, &agent).await, titles(&world, &lead).await),
            (0, 1)
        );
        world
    });
}

#[test]
fn a_mailbox_that_is_gone_does_not_switch_off_what_others_are_told_by() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let lead = member_of(ctx, owner, Role::Viewer).await;
        let receivers = Receivers {
            owner: true,
            ..Receivers::default()
        };
        let mail = NewTarget::to(TargetKind::Email, "mail", receivers);
        let mail = world.target_of(mail).await;
        let (taro, _) = message(&world, "1", &Receiver::default()).await;
        own(&world, taro, Some(agent.member)).await;
        telling(&world, mail).await;
        let refused = MailRefusal {
            address: "agent@staff.example".to_owned(),
            status: 550,
            said: "no such mailbox".to_owned(),
        };
        let receiver = Receiver::mailing([Ok(MailReceipt {
            status: 250,
            said: "ok".to_owned(),
            accepted: Vec::new(),
            refused: vec![refused],
            deferred: Vec::new(),
        })]);
        message(&world, "2", &receiver).await;
        let found = manage::find(ctx, owner.workspace, mail).await;
        let found = found.expect("a look-up").expect("a target");
        assert_eq!(found.disabled_at, None);
        own(&world, taro, Some(lead.member)).await;
        message(&world, "3", &receiver).await;
        let to: Vec<Vec<String>> = receiver.mails().into_iter().map(|one| one.to).collect();
        let both = ["agent@staff.example", "viewer@staff.example"];
        assert_eq!(to, both.map(|one| vec![one.to_owned()]));
        world
    });
}

#[test]
fn a_team_stands_in_for_somebody_and_nothing_is_collected_for_different_people() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let nobody = Some(TeamId(Uuid::nil()));
        let receivers = |owner, otherwise| Receivers {
            owner,
            everybody: !owner,
            otherwise,
            ..Receivers::default()
        };
        let to = |receivers| NewTarget::to(TargetKind::InApp, "list", receivers);
        let team = team::create(ctx, owner, "Sales", vec![])
            .await
            .expect("a team")
            .id;
        for (new, path, code) in [
            (
                to(receivers(true, nobody)),
                "receivers.otherwiseTeamId",
                NotFound,
            ),
            (
                to(receivers(false, Some(team))),
                "receivers.otherwiseTeamId",
                Contradictory,
            ),
            (
                NewTarget {
                    digest_minutes: Some(10),
                    ..to(receivers(true, None))
                },
                "receivers",
                Contradictory,
            ),
        ] {
            let found = mistakes(manage::create(ctx, owner, new).await);
            assert_eq!(found, [(path.to_owned(), code)]);
        }
        let list = world.target_of(to(receivers(true, Some(team)))).await;
        let lists = [list];
        let known = domain::notification::receiver::load(ctx.reader(), owner.workspace, &lists);
        let known = known.await.expect("receivers");
        assert_eq!(known[&list], receivers(true, Some(team)));
        let hourly = TargetChanges {
            hourly_limit: Some(Some(5)),
            ..TargetChanges::default()
        };
        let found = mistakes(manage::update(ctx, owner, list, hourly).await);
        assert_eq!(found, [("receivers".to_owned(), Contradictory)]);
        world
    });
}
