//! Campaigns made, renamed and found by hand.

use domain::{
    access::ScopeSet,
    email::{CampaignChanges, NewCampaign, campaign},
    error::{
        Error,
        UserErrorCode::{NotFound, Required, Taken, TooLong},
    },
    store::Query,
};
use entity::{Scoped as _, campaign as campaign_row, id::CampaignId, kind::EmailEventKind};
use sea_orm::PaginatorTrait as _;
use uuid::Uuid;

use super::{event, in_campaign, ingest};
use crate::support::{World, on_both, refusal::mistakes};

fn named(external_id: &str, name: &str) -> NewCampaign {
    NewCampaign {
        external_id: external_id.to_owned(),
        name: name.to_owned(),
    }
}

async fn audited(world: &World) -> Vec<String> {
    Query::new(
        "SELECT action FROM audit_entry WHERE workspace_id = $1 AND action LIKE 'campaign.%'
         ORDER BY action",
    )
    .bind(world.owner.workspace)
    .column(world.ctx.reader())
    .await
    .unwrap()
}

#[test]
fn a_campaign_made_by_hand_is_the_one_that_events_name() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let made = campaign::create(ctx, owner, named(" spring ", "Spring"), true)
            .await
            .unwrap();
        assert_eq!(made.external_id, "spring");
        let sent = event("1", "m", "a@x.example", EmailEventKind::Sent, 0);
        ingest(&world, vec![in_campaign("spring", "", sent)]).await;
        let workspace = owner.workspace;
        let count = campaign_row::Entity::of(workspace).count(ctx.reader());
        assert_eq!(count.await.unwrap(), 1);
        let found = campaign::find_by_external_id(ctx, workspace, "spring").await;
        assert_eq!(found.unwrap(), Some(made));
        for other in ["Spring", "", "summer"] {
            let found = campaign::find_by_external_id(ctx, workspace, other).await;
            assert_eq!(found.unwrap(), None, "{other}");
        }
        world
    });
}

#[test]
fn a_campaign_can_be_given_another_name_and_id_and_what_changes_is_audited() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let made = campaign::create(ctx, owner, named("spring", "Spring"), true)
            .await
            .unwrap();
        let renamed = CampaignChanges {
            name: Some("Spring sale".to_owned()),
            ..CampaignChanges::default()
        };
        let other = campaign::update(ctx, owner, made.id, renamed.clone()).await;
        assert_eq!(other.unwrap().name, "Spring sale");
        // Said again, it changes nothing.
        campaign::update(ctx, owner, made.id, renamed)
            .await
            .unwrap();
        let moved = CampaignChanges {
            external_id: Some("spring-27".to_owned()),
            ..CampaignChanges::default()
        };
        campaign::update(ctx, owner, made.id, moved).await.unwrap();
        let stored = campaign::find_by_external_id(ctx, owner.workspace, "spring-27").await;
        let stored = stored.unwrap().unwrap();
        assert_eq!((stored.id, stored.name.as_str()), (made.id, "Spring sale"));
        assert_eq!(
            audited(&world).await,
            ["campaign.create", "campaign.update", "campaign.update"]
        );
        world
    });
}

#[test]
fn a_campaign_that_cannot_be_is_refused_where_it_is_wrong() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let spring = campaign::create(ctx, owner, named("spring", "Spring"), true)
            .await
            .unwrap();
        campaign::create(ctx, owner, named("summer", "Summer"), true)
            .await
            .unwrap();
        let empty = campaign::create(ctx, owner, named("", " "), true).await;
        assert_eq!(
            mistakes(empty),
            [
                ("name".to_owned(), Required),
                ("externalId".to_owned(), Required)
            ]
        );
        let long = campaign::create(ctx, owner, named(&"x".repeat(256), "X"), true).await;
        assert_eq!(mistakes(long), [("externalId".to_owned(), TooLong)]);
        let again = campaign::create(ctx, owner, named("summer", "Again"), true).await;
        assert_eq!(mistakes(again), [("externalId".to_owned(), Taken)]);
        let onto = CampaignChanges {
            name: Some("Onto".to_owned()),
            external_id: Some("summer".to_owned()),
            ..CampaignChanges::default()
        };
        let onto = campaign::update(ctx, owner, spring.id, onto).await;
        assert_eq!(mistakes(onto), [("externalId".to_owned(), Taken)]);
        let found = campaign::find_by_external_id(ctx, owner.workspace, "spring").await;
        assert_eq!(found.unwrap(), Some(spring));
        let nobodys = CampaignId(Uuid::from_u128(7));
        let missing = campaign::update(ctx, owner, nobodys, CampaignChanges::default()).await;
        assert_eq!(mistakes(missing), [("id".to_owned(), NotFound)]);
        let mut reader = owner.clone();
        reader.scopes = ScopeSet::default();
        let refused = campaign::create(ctx, &reader, named("autumn", "Autumn"), true).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
        world
    });
}
