//! What one call puts on things: until when, in whose name, and with tags it makes itself.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{
    access::{Origin, token},
    error::Error,
    store::Query,
    tag::{NewTag, NewTaggings, Request, tagging},
};
use entity::{
    id::Id as _,
    kind::{TagKind, TagTarget, TaggingEnd},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, TransactionTrait as _};

use super::{
    recount::assert_recounted,
    steps::{active, active_tags, expire, history, people, put, tag},
};
use crate::support::on_both;

#[test]
fn tags_come_off_at_their_time_once_however_many_look() {
    on_both(|world| async move {
        let who = people(&world, 2).await;
        let trial = tag(&world, "Trial", None).await;
        let at = world.ctx.clock.now() + TimeDelta::hours(1);
        for &who in &who {
            put(&world, who, trial, Some(at)).await;
        }
        assert_eq!(expire(&world).await, 0);
        // A person may set another end.
        let later = at + TimeDelta::hours(1);
        assert_eq!(put(&world, who[1], trial, Some(later)).await, 0);
        world.clock.advance(TimeDelta::minutes(61));
        let ended = futures::future::join_all((0..4).map(|_| expire(&world))).await;
        assert_eq!(ended.iter().sum::<usize>(), 1);
        assert!(active(&world, who[0]).await.is_empty());
        let ended = &history(&world, who[0]).await[0];
        assert_eq!(
            (ended.ended, ended.removed_at),
            (Some(TaggingEnd::Expired), Some(at))
        );
        assert_eq!(active_tags(&world, who[1]).await, [trial]);
        world.clock.advance(TimeDelta::hours(1));
        // Taking it off by hand and its own end do not both happen.
        let request = [Request::contact(who[1], trial)];
        let by_hand = tagging::untag_many(&world.ctx, &world.owner, &request, "");
        let (by_hand, by_itself) = futures::future::join(by_hand, expire(&world)).await;
        assert_eq!(by_hand.unwrap() + by_itself, 1);
        assert_recounted(&world).await;
        let past = NewTaggings {
            things: vec![(TagTarget::Contact, who[0].uuid())],
            tags: vec![trial],
            expires_at: Some(world.ctx.clock.now()),
            ..NewTaggings::default()
        };
        assert!(
            tagging::tag_things(&world.ctx, &world.owner, past)
                .await
                .is_err()
        );
        world
    });
}

#[test]
fn what_a_program_does_is_done_by_its_token() {
    on_both(|world| async move {
        use secrecy::ExposeSecret as _;
        let who = people(&world, 1).await[0];
        let vip = tag(&world, "VIP", None).await;
        let new = token::NewToken {
            member: None,
            name: "CRM".to_owned(),
            scopes: vec![domain::access::Scope::Write],
            expires_at: None,
            integration: true,
        };
        let (made, secret) = token::create(&world.ctx, &world.owner, new).await.unwrap();
        let actor = token::authenticate(&world.ctx, secret.expose_secret()).await;
        let actor = actor.unwrap().unwrap();
        let request = [Request::contact(who, vip)];
        tagging::tag_many(&world.ctx, &actor, &request, "")
            .await
            .unwrap();
        let origin = Origin::Integration { token_id: made.id };
        assert_eq!(active(&world, who).await[0].added_by, origin.json());
        world
    });
}

#[test]
fn a_tag_is_made_and_put_on_in_one_go_or_not_at_all() {
    on_both(|world| async move {
        let who = people(&world, 1).await[0];
        let new = |name: &str| NewTag::named(TagKind::Contact, name);
        let ask = |create| NewTaggings {
            things: vec![(TagTarget::Contact, who.uuid())],
            create,
            ..NewTaggings::default()
        };
        let (ctx, owner) = (&world.ctx, &world.owner);
        let made = tagging::tag_things(ctx, owner, ask(vec![new("New"), new("Newer")])).await;
        let made = made.unwrap();
        assert_eq!((made.added, made.created.len()), (2, 2));
        let refused = tagging::tag_things(ctx, owner, ask(vec![new("Third"), new("NEW")])).await;
        let Err(Error::Refused(errors)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(errors[0].path, ["create", "1", "name"]);
        let third = Query::new("SELECT name FROM tag WHERE name = 'Third'");
        let third: Option<String> = third.scalar(ctx.db.writer()).await.unwrap();
        assert_eq!(third, None);
        world
    });
}

#[test]
fn putting_a_tag_on_again_sets_its_end_anew_or_takes_it_away_and_the_history_tells_who_did() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let who = people(&world, 1).await[0];
        let vip = tag(&world, "VIP", None).await;
        let friday = ctx.clock.now() + TimeDelta::days(5);
        put(&world, who, vip, Some(friday)).await;
        world.clock.advance(TimeDelta::days(4));
        let again = |expires_at| NewTaggings {
            things: vec![(TagTarget::Contact, who.uuid())],
            tags: vec![vip],
            reason: "For good".to_owned(),
            expires_at,
            ..NewTaggings::default()
        };
        let done = tagging::tag_things(ctx, owner, again(None)).await.unwrap();
        assert_eq!((done.added, done.renewed), (0, 1));
        let done = tagging::tag_things(ctx, owner, again(None)).await.unwrap();
        assert_eq!((done.added, done.renewed), (0, 0), "it has no end already");
        let rows = history(&world, who).await;
        assert_eq!(rows.len(), 2);
        let (former, goes_on) = (&rows[0], &rows[1]);
        assert_eq!(
            (former.ended, former.successor_id, former.expires_at),
            (Some(TaggingEnd::Renewed), Some(goes_on.id), Some(friday))
        );
        assert_eq!(
            (goes_on.added_reason.as_str(), goes_on.expires_at),
            ("For good", None)
        );
        world.clock.advance(TimeDelta::days(2));
        assert_eq!(expire(&world).await, 0);
        assert_eq!(active_tags(&world, who).await, [vip]);
        assert_recounted(&world).await;
        let kinds: Vec<String> = Query::new(
            "SELECT kind FROM change WHERE workspace_id = $1 AND kind LIKE 'tagging.%'
             ORDER BY tx, seq",
        )
        .bind(owner.workspace)
        .column(ctx.reader())
        .await
        .unwrap();
        assert_eq!(kinds, ["tagging.added", "tagging.renewed"]);
        world
    });
}

#[test]
fn a_tag_that_ends_by_itself_while_it_is_given_another_end_is_put_on_anew() {
    on_both(|world| async move {
        let ctx = &world.ctx;
        if ctx.db.backend() == DatabaseBackend::Sqlite {
            // There is one writer at a time.
            return world;
        }
        let who = people(&world, 1).await[0];
        let trial = tag(&world, "Trial", None).await;
        let friday = ctx.clock.now() + TimeDelta::days(5);
        put(&world, who, trial, Some(friday)).await;
        // A worker that has ended it, of which nobody else knows yet.
        let worker = ctx.db.owner().begin().await.unwrap();
        let ended = "UPDATE tagging SET removed_at = expires_at, removed_by = added_by,
                         removed_reason = '', ended = 'EXPIRED'
                     WHERE removed_at IS NULL AND expires_at IS NOT NULL";
        worker.execute_unprepared(ended).await.unwrap();
        let asked = put(&world, who, trial, Some(friday + TimeDelta::days(7)));
        let told = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            worker.commit().await.unwrap();
        };
        let (added, ()) = futures::future::join(asked, told).await;
        assert_eq!(added, 1);
        assert_eq!(active_tags(&world, who).await, [trial]);
        world
    });
}
