//! Which deliveries a list has.

use chrono::TimeDelta;
use domain::{
    notification::delivery::{self, DeliveryFilter},
    page::PageRequest,
};
use entity::id::DeliveryId;

use super::{greeted, stored};
use crate::support::{World, engine::Receiver, on_both};

async fn found(world: &World, filter: DeliveryFilter) -> Vec<DeliveryId> {
    let page = PageRequest::first(9);
    let page = delivery::list(&world.ctx, world.owner.workspace, filter, &page).await;
    page.unwrap().rows.iter().map(|(_, row)| row.id).collect()
}

#[test]
fn deliveries_are_found_by_contact_firing_and_time() {
    on_both(|world| async move {
        let target = world.target("sales").await;
        let ids = greeted(&world, target, 2).await;
        let all = DeliveryFilter::default();
        assert_eq!(found(&world, all).await.len(), 2);
        for id in ids {
            let row = stored(&world, id).await;
            assert!(row.contact_id.is_some() && row.firing_id.is_some());
            let (contact, firing) = (row.contact_id, row.firing_id);
            let about = DeliveryFilter { contact, ..all };
            assert!(found(&world, about).await.contains(&id));
            let of_firing = DeliveryFilter { firing, ..about };
            assert_eq!(found(&world, of_firing).await, [id]);
            let rule = row.rule_id;
            let of_rule = DeliveryFilter { rule, ..about };
            assert!(found(&world, of_rule).await.contains(&id));
            assert!(delivery::head(&row).title.is_some());
            let later = row.created_at + TimeDelta::seconds(1);
            let from = Some(later);
            let since = DeliveryFilter { from, ..of_firing };
            assert!(found(&world, since).await.is_empty());
            let until = Some(later);
            let before = DeliveryFilter { until, ..of_firing };
            assert_eq!(found(&world, before).await, [id]);
        }
        let receiver = Receiver::default();
        world.hurry().await;
        while world.deliver(&receiver).await.claimed > 0 {
            world.hurry().await;
        }
        world
    });
}

#[test]
fn deliveries_of_a_playbook_and_about_an_account_say_so_and_are_found() {
    on_both(|world| async move {
        let ctx = &world.ctx;
        let target = world.target("sales").await;
        let new = domain::account::NewAccount {
            name: "Acme".to_owned(),
            ..domain::account::NewAccount::default()
        };
        let acme = domain::account::create(ctx, &world.owner, new)
            .await
            .expect("an account")
            .id;
        let mut tx = ctx
            .begin(world.owner.workspace)
            .await
            .expect("a transaction");
        let playbook = entity::id::PlaybookId(uuid::Uuid::from_u128(7));
        let said = delivery::NewDelivery {
            id: tx.id(),
            target,
            rule: None,
            firing: None,
            contact: None,
            payload: delivery::Payload::Said {
                title: "Call".to_owned(),
                by: "Save".to_owned(),
                template: None,
                conversation_id: None,
                account_id: Some(acme),
                message_id: None,
                playbook_id: Some(playbook),
                enrolment_id: None,
            },
            not_before: None,
        };
        let id = said.id;
        delivery::enqueue(ctx, &mut tx, &[said])
            .await
            .expect("a delivery");
        tx.commit().await.expect("a commit");
        let all = DeliveryFilter::default();
        for filter in [
            DeliveryFilter {
                playbook: Some(playbook),
                ..all
            },
            DeliveryFilter {
                account: Some(acme),
                ..all
            },
        ] {
            assert_eq!(found(&world, filter).await, [id]);
        }
        let row = delivery::find(ctx, world.owner.workspace, id).await;
        let head = delivery::head(&row.expect("a look-up").expect("a delivery"));
        let expected = (Some("Call".to_owned()), Some(playbook), Some(acme));
        assert_eq!((head.title, head.playbook, head.account), expected);
        world.hurry().await;
        world.deliver(&Receiver::default()).await;
        world
    });
}
