//! Things and segments that do not go together: nothing is put on, or the rule is refused.

use chrono::TimeDelta;
use domain::{
    account::{self, NewAccount},
    action::{Action, OutcomeResult, TagAccount},
    error::UserErrorCode,
    page::PageRequest,
    rule::{
        self,
        firing::{self, FiringsOf},
        trigger::{AccountEnteredSegment, ContactTagAdded, Trigger},
    },
    segment::{
        self, NewSegment,
        hand::{self, Things},
    },
};
use entity::kind::{SegmentSubject, TagKind};

use super::{Stage, carried, draft, rule_on, while_in};
use crate::{
    segment::{new, person, put, refusals, settle},
    support::on_both,
};

#[test]
fn nothing_is_put_on_what_is_not_in_the_segment() {
    on_both(|world| async move {
        let stage = Stage::new(&world).await;
        let asks = world.tag(TagKind::Contact, "Asks", None).await;
        let asked = Trigger::ContactTagAdded(ContactTagAdded {
            tag_ids: vec![asks.0],
            direct_only: false,
        });
        let eager = world.tag(TagKind::Contact, "Eager", None).await;
        let rule = rule_on(&world, "Eager", asked, while_in(eager, stage.vips)).await;
        let (inside, outside) = (stage.comes_in("In").await, person(&world, "Out").await);
        put(&world, outside, asks).await;
        settle(&world).await;
        world.clock.advance(TimeDelta::seconds(1));
        put(&world, inside, asks).await;
        settle(&world).await;
        assert!(carried(&world, inside.0, eager).await.is_some());
        assert!(carried(&world, outside.0, eager).await.is_none());
        let page = PageRequest::first(100);
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let found = firing::list(ctx, workspace, FiringsOf::Rule(rule.id), &page).await;
        let rows = found.expect("firings").rows.into_iter().rev();
        let results: Vec<OutcomeResult> = rows
            .flat_map(|(_, row)| firing::outcomes(&row).expect("outcomes"))
            .map(|one| one.result)
            .collect();
        assert_eq!(
            results,
            [OutcomeResult::NotInSegment, OutcomeResult::Tagged]
        );
        world
    });
}

#[test]
fn accounts_lose_their_tags_when_they_leave_and_segments_have_to_fit() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let key = world.tag(TagKind::Contact, "Key", None).await;
        let acme = NewAccount {
            name: "Acme".to_owned(),
            ..NewAccount::default()
        };
        let acme = account::create(ctx, owner, acme)
            .await
            .expect("an account")
            .id;
        let top = NewSegment {
            subject: SegmentSubject::Account,
            ..new("Top", None)
        };
        let top = segment::create(ctx, owner, top)
            .await
            .expect("a segment")
            .id;
        let on_account = |expires_in_seconds| {
            Action::TagAccount(TagAccount {
                tag_ids: vec![key.0],
                expires_in_seconds,
                while_in_segment_id: Some(top.0),
            })
        };
        let comes = || {
            Trigger::AccountEnteredSegment(AccountEnteredSegment {
                segment_ids: vec![top.0],
            })
        };
        rule_on(&world, "Key", comes(), on_account(None)).await;
        let things = Things::Accounts(vec![acme]);
        hand::add(ctx, owner, top, &things).await.expect("a member");
        settle(&world).await;
        assert!(carried(&world, acme.0, key).await.is_some());
        hand::remove(ctx, owner, top, &things)
            .await
            .expect("an end");
        settle(&world).await;
        assert!(carried(&world, acme.0, key).await.is_none());

        let twice = rule::create(ctx, owner, draft("Twice", comes(), on_account(Some(60)))).await;
        let at = "actions.0.tagAccount.whileInSegmentId";
        let code = UserErrorCode::Contradictory;
        assert_eq!(refusals(twice), [format!("{at} {code:?}")]);
        let added = Trigger::ContactTagAdded(ContactTagAdded {
            tag_ids: vec![key.0],
            direct_only: false,
        });
        let unfit = rule::create(ctx, owner, draft("Unfit", added, while_in(key, top))).await;
        let at = "actions.0.tagContact.whileInSegmentId";
        let code = UserErrorCode::NotFound;
        assert_eq!(refusals(unfit), [format!("{at} {code:?}")]);
        world
    });
}
