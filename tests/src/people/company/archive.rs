//! An archived account is out of sight with all it has, until it is restored.

use domain::{
    account::{self, AccountFilter, merge},
    page::PageRequest,
    search::{self, Kind, Needle},
    segment::{self, NewSegment},
};
use entity::kind::SegmentSubject;

use super::{listed, members, rows, two};
use crate::{people::refusals, segment::settle, support::on_both};

#[test]
fn an_archived_account_leaves_lists_searches_and_live_segments_until_it_is_restored() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let two = two(&world).await;
        let condition = serde_json::json!({
            "accountTags": { "mode": "ANY", "tagIds": [two.tags[1].0] }
        });
        let new = NewSegment {
            name: "KK".to_owned(),
            description: String::new(),
            subject: SegmentSubject::Account,
            condition: Some(serde_json::from_value(condition).unwrap()),
        };
        let live = segment::create(ctx, owner, new).await.unwrap().id;
        settle(&world).await;
        assert_eq!(members(&world, live).await, [two.goes]);
        let archived = AccountFilter {
            archived: true,
            ..AccountFilter::default()
        };
        let by_name = AccountFilter {
            text: Some("kk".to_owned()),
            ..AccountFilter::default()
        };
        let archived_by_name = AccountFilter {
            archived: true,
            ..by_name.clone()
        };
        let search = async || {
            let needle = Needle::parse("kk", &["query"]).unwrap().expect("words");
            let page = PageRequest::first(10);
            let kinds = [Kind::Account];
            let found = search::find(ctx, owner.workspace, &needle, &kinds, &page).await;
            found.unwrap().rows.len()
        };
        assert_eq!(search().await, 1);

        let before = rows(&world).await;
        let away = account::set_archived(ctx, owner, two.goes, true)
            .await
            .unwrap();
        assert!(away.archived_at.is_some());
        world.drain().await;
        assert_eq!(listed(&world, &AccountFilter::default()).await, ["Acme"]);
        assert_eq!(listed(&world, &archived).await, ["Acme KK"]);
        assert!(listed(&world, &by_name).await.is_empty());
        assert_eq!(listed(&world, &archived_by_name).await, ["Acme KK"]);
        assert_eq!(search().await, 0);
        assert!(members(&world, live).await.is_empty());
        assert_eq!(members(&world, two.list).await, [two.goes]);
        let found = account::find(ctx, owner.workspace, two.goes).await.unwrap();
        assert_eq!(found.map(|one| one.id), Some(two.goes));
        let refused = merge::merge(ctx, owner, two.goes, two.stays, "").await;
        assert_eq!(refusals(refused), ["survivorId Invalid"]);

        account::set_archived(ctx, owner, two.goes, false)
            .await
            .unwrap();
        world.drain().await;
        let all = listed(&world, &AccountFilter::default()).await;
        assert_eq!(all, ["Acme", "Acme KK"]);
        assert_eq!(search().await, 1);
        assert_eq!(members(&world, live).await, [two.goes]);
        let mut after = rows(&world).await;
        // Its own row says that it changed.
        after.remove("account");
        for (table, rows) in after {
            assert_eq!(before[&table], rows, "{table}");
        }
        world
    });
}
