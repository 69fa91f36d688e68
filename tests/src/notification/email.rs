//! Email: who is told, and that each address is told once.

use domain::{
    notification::{
        DisableReason, Receivers,
        manage::{self, NewTarget},
    },
    port::{MailError, MailReceipt, MailRefusal},
    team,
};
use entity::{
    id::TargetId,
    kind::{DeliveryState, Role, TargetKind},
};

use super::{attempts, greeted, stored};
use crate::{
    access::house::member_of,
    support::{World, engine::Receiver, on_both},
};

async fn make(world: &World, addresses: &[&str]) -> TargetId {
    let receivers = Receivers {
        addresses: addresses.iter().map(|&one| one.to_owned()).collect(),
        ..Receivers::default()
    };
    world
        .target_of(NewTarget::to(TargetKind::Email, "mail", receivers))
        .await
}

fn no(address: &str, status: u16) -> MailRefusal {
    MailRefusal {
        address: address.to_owned(),
        status,
        said: "no".to_owned(),
    }
}

fn receipt(
    accepted: &[&str],
    refused: Vec<MailRefusal>,
    deferred: Vec<MailRefusal>,
) -> Result<MailReceipt, MailError> {
    Ok(MailReceipt {
        status: 250,
        said: "ok".to_owned(),
        accepted: accepted.iter().map(|&one| one.to_owned()).collect(),
        refused,
        deferred,
    })
}

#[test]
fn mail_goes_to_addresses_members_and_teams_each_once() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let viewer = member_of(ctx, owner, Role::Viewer).await;
        let sales = team::create(ctx, owner, "Sales", vec![agent.member, viewer.member]).await;
        let receivers = Receivers {
            teams: vec![sales.unwrap().id],
            members: vec![agent.member],
            addresses: vec![
                "desk@partner.example".to_owned(),
                "agent@staff.example".to_owned(),
            ],
            ..Receivers::default()
        };
        let new = NewTarget::to(TargetKind::Email, "mail", receivers);
        let target = world.target_of(new).await;
        let ids = greeted(&world, target, 1).await;
        let receiver = Receiver::default();
        world.deliver(&receiver).await;
        let mails = receiver.mails();
        assert_eq!(mails.len(), 1);
        assert_eq!(
            mails[0].to,
            [
                "agent@staff.example",
                "desk@partner.example",
                "viewer@staff.example"
            ]
        );
        assert_eq!(mails[0].id, ids[0].to_string());
        assert_eq!(mails[0].subject, "greeting");
        assert!(mails[0].text.contains("taro@customer.example"));
        assert!(mails[0].text.contains("hello") && mails[0].html.contains("hello"));
        assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Delivered);
        world
    });
}

#[test]
fn who_was_told_is_not_told_again_when_another_address_has_to_wait() {
    on_both(|world| async move {
        let target = make(&world, &["a@x.example", "b@x.example", "c@x.example"]).await;
        let ids = greeted(&world, target, 1).await;
        let receiver = Receiver::mailing([
            receipt(
                &["a@x.example"],
                vec![no("b@x.example", 550)],
                vec![no("c@x.example", 450)],
            ),
            Err(MailError::Unreachable),
            receipt(&["c@x.example"], vec![], vec![]),
        ]);
        for _ in 0..3 {
            assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Pending);
            world.deliver(&receiver).await;
            world.hurry().await;
        }
        let to: Vec<_> = receiver.mails().into_iter().map(|mail| mail.to).collect();
        let all = ["a@x.example", "b@x.example", "c@x.example"];
        assert_eq!(to[0], all);
        assert_eq!(to[1..], [["c@x.example"], ["c@x.example"]]);
        assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Delivered);
        let attempts = attempts(&world, ids[0]).await;
        let errors: Vec<_> = attempts.iter().map(|one| one.error.as_deref()).collect();
        assert_eq!(
            errors,
            [
                Some("the mail server did not take 2 of 3 addresses"),
                Some("the mail server could not be reached"),
                None,
            ]
        );
        assert!(attempts[0].response.contains("b@x.example: 550 no"));
        world
    });
}

#[test]
fn what_is_refused_for_good_fails_and_refused_addresses_switch_the_target_off() {
    on_both(|world| async move {
        let target = make(&world, &["a@x.example"]).await;
        let ids = greeted(&world, target, 2).await;
        let refused = Err(MailError::Refused {
            status: 554,
            said: "spam".to_owned(),
        });
        let receiver =
            Receiver::mailing([refused, receipt(&[], vec![no("a@x.example", 550)], vec![])]);
        let (ctx, owner) = (&world.ctx, &world.owner);
        for is_on in [true, false] {
            world.hurry().await;
            assert_eq!(world.deliver(&receiver).await.failed, 1);
            let found = manage::find(ctx, owner.workspace, target).await.unwrap();
            let found = found.unwrap();
            assert_eq!(found.disabled_at.is_none(), is_on);
            if !is_on {
                let reason = manage::disabled_because(&found);
                assert_eq!(reason, Some(DisableReason::RecipientsRefused));
            }
        }
        for id in ids {
            assert_eq!(stored(&world, id).await.state, DeliveryState::Failed);
        }
        world
    });
}

#[test]
fn without_a_mail_server_mail_waits_and_says_why() {
    on_both(|world| async move {
        let target = make(&world, &["a@x.example"]).await;
        let ids = greeted(&world, target, 1).await;
        let receiver = Receiver::mailing([Err(MailError::NotSetUp)]);
        world.deliver(&receiver).await;
        let waiting = stored(&world, ids[0]).await;
        assert_eq!(waiting.state, DeliveryState::Pending);
        assert!(waiting.last_error.unwrap().contains("ENISHI_SMTP_URL"));
        world.hurry().await;
        world.deliver(&receiver).await;
        assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Delivered);
        world
    });
}
