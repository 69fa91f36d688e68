//! A deleted account is gone for everybody; its people and what was told of it stay.

use domain::{
    account::{self, AccountFilter, merge},
    fact::{AccountRef, Party},
    note, order,
    segment::{self, NewSegment},
    subject::Subject,
    work::change::Fact,
};
use entity::kind::SegmentSubject;

use super::{account_of, carried, company, listed, members, rows, two};
use crate::{
    fact::an_order,
    people::{facts, refusals},
    segment::settle,
    support::on_both,
};

#[test]
fn an_account_is_deleted_once_its_usage_was_seen_and_its_people_stay() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let two = two(&world).await;
        let see = async || {
            let usage = account::usage::usage(ctx, owner.workspace, two.goes).await;
            usage.unwrap().expect("a usage")
        };
        let usage = see().await;
        let counted = ["contact", "sales_order", "note", "tagging", "task"];
        assert_eq!(counted.map(|table| usage.of(table)), [1, 1, 1, 2, 0]);
        assert!(usage.uses.is_empty());
        let condition = serde_json::json!({ "contact": { "accountIds": [two.goes.0] } });
        let new = NewSegment {
            name: "At KK".to_owned(),
            description: String::new(),
            subject: SegmentSubject::Contact,
            condition: Some(serde_json::from_value(condition).unwrap()),
        };
        let at = segment::create(ctx, owner, new).await.unwrap().id;
        settle(&world).await;
        let named = see().await;
        assert_eq!(named.uses.len(), 1);
        let preview = merge::preview(ctx, owner.workspace, two.stays, two.goes).await;
        assert_eq!(preview.unwrap().uses, named.uses);
        let refused = account::delete(ctx, owner, two.goes, &named.token).await;
        assert_eq!(refusals(refused), ["id InUse"]);
        segment::delete(ctx, owner, at).await.unwrap();
        let seen = see().await;
        note::add(ctx, owner, Subject::from(two.goes), &["id"], "More")
            .await
            .unwrap();
        let refused = account::delete(ctx, owner, two.goes, &seen.token).await;
        assert_eq!(refusals(refused), ["usageToken InUse"]);
        let before = rows(&world).await;

        let token = see().await.token;
        account::delete(ctx, owner, two.goes, &token).await.unwrap();
        let told = facts(&world).await;
        let deleted = Fact::AccountDeleted {
            account_id: two.goes,
        };
        assert!(told.contains(&deleted));
        assert_eq!(account_of(&world, two.hanako).await, None);
        assert_eq!(account_of(&world, two.taro).await, Some(two.stays));
        assert_eq!(listed(&world, &AccountFilter::default()).await, ["Acme"]);
        assert!(members(&world, two.list).await.is_empty());
        assert!(carried(&world, two.goes).await.is_empty());
        let found = account::find(ctx, owner.workspace, two.goes).await.unwrap();
        assert!(found.is_none());
        let asked = account::load_answering(ctx, owner.workspace, &[two.goes]).await;
        assert!(asked.unwrap().is_empty());
        let usage = account::usage::usage(ctx, owner.workspace, two.goes).await;
        assert!(usage.unwrap().is_none());
        let refused = account::delete(ctx, owner, two.goes, &token).await;
        assert_eq!(refusals(refused), ["id NotFound"]);
        let refused = merge::merge(ctx, owner, two.stays, two.goes, "").await;
        assert_eq!(refusals(refused), ["mergedId NotFound"]);
        let after = rows(&world).await;
        assert_eq!(after["message"], before["message"]);
        assert_eq!(after["sales_order"], before["sales_order"]);
        company(&world, "Acme KK", "acme-kk.example", Some("kk")).await;
        settle(&world).await;
        world
    });
}

#[test]
fn what_was_merged_into_a_deleted_account_goes_with_it() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let two = two(&world).await;
        let merged = merge::merge(ctx, owner, two.stays, two.goes, "")
            .await
            .unwrap();
        let usage = account::usage::usage(ctx, owner.workspace, two.stays).await;
        let token = usage.unwrap().expect("a usage").token;
        account::delete(ctx, owner, two.stays, &token)
            .await
            .unwrap();
        let found = account::find(ctx, owner.workspace, two.goes).await.unwrap();
        assert!(found.is_none());
        let refused = merge::unmerge(ctx, owner, merged.id).await;
        assert_eq!(refusals(refused), ["id Invalid"]);
        let party = Party {
            contact: None,
            account: Some(AccountRef::Id(two.goes)),
        };
        let late = vec![an_order(&world, "late", party, 1)];
        let refused = order::ingest(ctx, owner, late).await;
        assert_eq!(refusals(refused), ["orders.0.account.id NotFound"]);
        company(&world, "Acme KK", "acme-kk.example", Some("kk")).await;
        world
    });
}
