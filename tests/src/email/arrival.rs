//! Taking email events in: once each, all or none, with their campaigns.

use domain::{
    access::ScopeSet,
    email::{
        self,
        IngestStatus::{Created, Duplicate},
    },
    error::Error,
};
use entity::{Scoped as _, campaign, contact as contact_row, email_event, kind::EmailEventKind};
use sea_orm::PaginatorTrait as _;

use super::{event, facts, in_campaign, ingest};
use crate::support::on_both;

#[test]
fn an_event_told_twice_is_stored_once() {
    on_both(|world| async move {
        let sent = event("1", "m", "Ada@Example.com", EmailEventKind::Sent, 0);
        let opened = event("2", "m", "ada@example.com", EmailEventKind::Opened, 60);
        let outcome = ingest(&world, vec![sent.clone(), opened.clone(), sent.clone()]).await;
        let statuses: Vec<_> = outcome.items.iter().map(|item| item.status).collect();
        assert_eq!(statuses, [Created, Created, Duplicate]);
        assert_eq!((outcome.created, outcome.duplicates), (2, 1));
        assert_eq!(outcome.items[0].id, outcome.items[2].id);

        let again = ingest(&world, vec![opened, sent]).await;
        assert_eq!((again.created, again.duplicates), (0, 2));
        assert_eq!(again.items[0].id, outcome.items[1].id);

        let facts = facts(&world).await;
        let count = |name| facts.iter().filter(|fact| fact.name() == name).count();
        assert_eq!(count("email_event.recorded"), 2);
        assert_eq!(count("contact.created"), 1);
        world
    });
}

#[test]
fn one_bad_event_refuses_the_call_and_nothing_is_written() {
    on_both(|world| async move {
        let good = in_campaign(
            "c",
            "C",
            event("1", "m", "a@x.example", EmailEventKind::Sent, 0),
        );
        let bad = event("2", "m", "nobody", EmailEventKind::Sent, 0);
        let refused = email::ingest(&world.ctx, &world.owner, vec![good, bad]).await;
        let Err(Error::Refused(errors)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].path, ["events", "1", "recipient"]);
        let (db, workspace) = (world.ctx.reader(), world.owner.workspace);
        assert_eq!(
            email_event::Entity::of(workspace).count(db).await.unwrap(),
            0
        );
        assert_eq!(campaign::Entity::of(workspace).count(db).await.unwrap(), 0);
        assert_eq!(
            contact_row::Entity::of(workspace).count(db).await.unwrap(),
            0
        );
        world
    });
}

#[test]
fn taking_events_in_needs_the_scope() {
    on_both(|world| async move {
        let mut reader = world.owner.clone();
        reader.scopes = ScopeSet::default();
        let refused = email::ingest(&world.ctx, &reader, Vec::new()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
        world
    });
}

#[test]
fn campaigns_are_made_once_and_follow_their_newest_name() {
    on_both(|world| async move {
        let mail = |id| event(id, id, "a@x.example", EmailEventKind::Sent, 0);
        let first = vec![
            in_campaign("spring", "", mail("1")),
            in_campaign("summer", "Summer", mail("2")),
        ];
        ingest(&world, first).await;
        let second = vec![
            in_campaign("spring", "Spring", mail("3")),
            in_campaign("summer", "", mail("4")),
        ];
        ingest(&world, second).await;
        let mut campaigns: Vec<_> = campaign::Entity::of(world.owner.workspace)
            .all(world.ctx.reader())
            .await
            .unwrap()
            .into_iter()
            .map(|row| (row.external_id, row.name))
            .collect();
        campaigns.sort();
        let named = |key: &str, name: &str| (key.to_owned(), name.to_owned());
        assert_eq!(
            campaigns,
            [named("spring", "Spring"), named("summer", "Summer")]
        );
        world
    });
}
