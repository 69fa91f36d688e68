//! What other systems tell of somebody at the moment they are erased.

use std::collections::BTreeMap;

use domain::{contact::erase, error::Error, event, fact::ContactRef, note, survey};

use super::{CANARY, answer, by_email, login, traces, write};
use crate::support::on_both;

#[test]
fn what_comes_while_somebody_is_erased_goes_with_them_or_is_left_out() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        for round in 0..8 {
            let email = format!("{CANARY}{round}@customer.example");
            write(&world, &format!("first {round}"), &email).await;
            let id = by_email(&world, &email).await.unwrap();
            let login = login(&world, &format!("event {round}"), &email);
            let by_email = ContactRef::Email(email.clone());
            let by_email = answer(&world, &format!("mail {round}"), by_email);
            let by_id = answer(&world, &format!("id {round}"), ContactRef::Id(id));
            let (erased, event, told, named, noted) = tokio::join!(
                erase::erase(ctx, owner, id),
                event::ingest(ctx, owner, vec![login]),
                survey::ingest(ctx, owner, vec![by_email]),
                survey::ingest(ctx, owner, vec![by_id]),
                note::add(ctx, owner, id.into(), &["id"], CANARY),
            );
            erased.unwrap();
            event.unwrap();
            told.unwrap();
            for refused in [named.err(), noted.err()].into_iter().flatten() {
                assert!(matches!(refused, Error::Refused(_)), "{refused:?}");
            }
        }
        world.drain().await;
        assert_eq!(traces(&world).await, BTreeMap::new());
        world
    });
}
