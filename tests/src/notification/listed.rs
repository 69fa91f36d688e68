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
