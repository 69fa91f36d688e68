//! Merging accounts and taking them apart: every row comes back, and whatever names the merged one is led
//! to the survivor meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::{
    account::{
        self, AccountChanges, AccountFilter, DetailChanges, NewAccount,
        merge::{self, MERGED_TABLES},
    },
    attribute::{self, Setting, Value},
    error::{Error, UserErrorCode},
    fact::{AccountRef, Of, Party},
    note, order,
    page::PageRequest,
    segment,
    store::Query,
    timeline,
    work::change::Fact,
};
use entity::{
    id::AccountId,
    kind::{AttributeType, SubjectKind, TimelineKind},
};

use super::{account_of, carried, company, listed, members, rows, two};
use crate::{
    fact::an_order,
    people::{
        define,
        dump::{assert_complete, naming},
        facts, refusals,
    },
    support::{World, engine::contact_of, on_both},
};

async fn happened(world: &World, id: AccountId) -> Vec<TimelineKind> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let page = PageRequest::first(100);
    let found = timeline::list(ctx, workspace, Of::Account(id), &[], &page).await;
    let entries = found.unwrap().rows.into_iter();
    entries.map(|(_, entry)| entry.kind).collect()
}

#[test]
fn what_was_merged_comes_apart_row_by_row() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let two = two(&world).await;
        let before = rows(&world).await;
        let apart = [
            happened(&world, two.stays).await.len(),
            happened(&world, two.goes).await.len(),
        ];

        let preview = merge::preview(ctx, owner.workspace, two.stays, two.goes);
        let preview = preview.await.unwrap();
        assert_eq!(preview.filled, ["external_id", "website"]);
        let follows: BTreeMap<_, _> = preview.rows.into_iter().collect();
        let of = |table: &str| follows.get(table).copied().unwrap_or_default();
        let follow = ["contact", "note", "sales_order", "tagging"].map(of);
        assert_eq!(follow, [1, 1, 1, 2]);
        assert_eq!(rows(&world).await, before, "a preview changes nothing");

        let merged = merge::merge(ctx, owner, two.stays, two.goes, "One company").await;
        let merged = merged.unwrap();
        let told = facts(&world).await;
        let is_merge = |fact: &Fact| {
            matches!(fact, Fact::AccountMerged { account_id, loser_id, .. }
            if *account_id == two.stays && *loser_id == two.goes)
        };
        assert!(told.iter().any(is_merge));
        let is_moved = |fact: &Fact| {
            matches!(fact, Fact::ContactChanged { contact_id, left_account_id, .. }
            if *contact_id == two.hanako && *left_account_id == Some(two.goes))
        };
        assert!(told.iter().any(is_moved));
        assert_eq!(account_of(&world, two.hanako).await, Some(two.stays));
        assert_eq!(account_of(&world, two.taro).await, Some(two.stays));
        let one = account::find(ctx, owner.workspace, two.goes).await.unwrap();
        let one = one.expect("the survivor");
        assert_eq!(
            one.id, two.stays,
            "the merged id is answered with the survivor"
        );
        assert_eq!(one.external_id.as_deref(), Some("kk"));
        assert_eq!(listed(&world, &AccountFilter::default()).await, ["Acme"]);
        assert_eq!(carried(&world, two.stays).await, BTreeSet::from(two.tags));
        assert_eq!(members(&world, two.list).await, [two.stays]);
        // All that is left there is that it is in its list no more.
        let left = happened(&world, two.goes).await;
        assert_eq!(left, [TimelineKind::SegmentLeft]);
        let together = happened(&world, two.stays).await.len();
        assert!(together >= apart[0] + apart[1], "{together} of {apart:?}");
        for (survivor, merged, refusal) in [
            (two.stays, two.goes, "mergedId NotFound"),
            (two.goes, two.stays, "survivorId NotFound"),
            (two.stays, two.stays, "mergedId Contradictory"),
        ] {
            let refused = merge::merge(ctx, owner, survivor, merged, "").await;
            assert_eq!(refusals(refused), [refusal]);
        }
        let refused = account::update(ctx, owner, two.goes, AccountChanges::default()).await;
        assert_eq!(refusals(refused), ["id NotFound"]);

        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        world.drain().await;
        let after = rows(&world).await;
        for (table, rows) in &before {
            assert_eq!(&after[table], rows, "{table}");
        }
        assert_eq!(members(&world, two.list).await, [two.goes]);
        assert_eq!(
            carried(&world, two.stays).await,
            BTreeSet::from([two.tags[0]])
        );
        let refused = merge::unmerge(ctx, owner, merged.id).await;
        assert_eq!(refusals(refused), ["id Invalid"]);
        world
    });
}

#[test]
fn who_comes_back_to_a_list_is_in_it_since_they_had_come_in() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let two = two(&world).await;
        let since = async || {
            let found = segment::memberships(ctx, owner.workspace, &[two.goes.0]).await;
            let found = found.unwrap();
            assert_eq!(found.len(), 1, "{found:?}");
            found[0].entered_at
        };
        let before = since().await;
        let merged = merge::merge(ctx, owner, two.stays, two.goes, "")
            .await
            .unwrap();
        world.drain().await;
        assert_eq!(members(&world, two.list).await, [two.stays]);
        world.clock.advance(TimeDelta::hours(1));
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        world.drain().await;
        assert_eq!(members(&world, two.list).await, [two.goes]);
        assert_eq!(since().await, before);
        world
    });
}

#[test]
fn what_cannot_be_done_to_a_merged_account_says_into_which_it_was_merged() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let two = two(&world).await;
        merge::merge(ctx, owner, two.stays, two.goes, "")
            .await
            .unwrap();
        let restored = account::set_archived(ctx, owner, two.goes, false).await;
        let merged = merge::merge(ctx, owner, two.stays, two.goes, "").await;
        let shown = merge::preview(ctx, owner.workspace, two.goes, two.stays).await;
        let noted = note::add(ctx, owner, two.goes.into(), &["subjectId"], "Hello").await;
        let survivor = format!("merged into “Acme”. Name that one: {}.", two.stays);
        for told in [restored.err(), merged.err(), shown.err(), noted.err()] {
            let Some(Error::Refused(errors)) = &told else {
                panic!("{told:?}");
            };
            assert_eq!(errors[0].code, UserErrorCode::NotFound);
            assert!(errors[0].message.contains(&survivor), "{errors:?}");
        }
        world
    });
}

#[test]
fn whatever_names_the_merged_account_is_led_to_the_survivor() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let two = two(&world).await;
        let merged = merge::merge(ctx, owner, two.stays, two.goes, "")
            .await
            .unwrap();
        let jiro = "jiro@acme-kk.example";
        world.receive(&[("3", jiro, "Good evening")]).await;
        let jiro = contact_of(&world, jiro).await;
        assert_eq!(account_of(&world, jiro).await, Some(two.stays));
        let names = [
            AccountRef::Id(two.goes),
            AccountRef::ExternalId("kk".to_owned()),
            AccountRef::Domain("acme-kk.example".to_owned()),
        ];
        let parties = names.into_iter().enumerate().map(|(index, named)| {
            let party = Party {
                contact: None,
                account: Some(named),
            };
            an_order(&world, &format!("later {index}"), party, 1)
        });
        order::ingest(ctx, owner, parties.collect()).await.unwrap();
        let orders = async |account: AccountId| -> Option<i64> {
            Query::new(
                "SELECT COUNT(*) FROM sales_order WHERE workspace_id = $1 AND account_id = $2",
            )
            .bind(owner.workspace)
            .bind(account)
            .scalar(ctx.reader())
            .await
            .unwrap()
        };
        assert_eq!(orders(two.stays).await, Some(4));
        let domain = "acme-kk.example";
        let found = account::find_by_domain(ctx, owner.workspace, domain).await;
        assert_eq!(found.unwrap().map(|one| one.id), Some(two.stays));
        let twice = NewAccount {
            name: "Acme again".to_owned(),
            domain: Some(domain.to_owned()),
            ..NewAccount::default()
        };
        let refused = account::create(ctx, owner, twice).await;
        assert_eq!(refusals(refused), ["domain Taken"]);
        let filter = AccountFilter {
            text: Some("kk".to_owned()),
            ..AccountFilter::default()
        };
        assert_eq!(listed(&world, &filter).await, ["Acme"]);

        // What came since stays with the survivor.
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        assert_eq!(account_of(&world, jiro).await, Some(two.stays));
        assert_eq!(account_of(&world, two.hanako).await, Some(two.goes));
        let both = (orders(two.stays).await, orders(two.goes).await);
        assert_eq!(both, (Some(3), Some(1)));
        let found = account::find_by_domain(ctx, owner.workspace, domain).await;
        assert_eq!(found.unwrap().map(|one| one.id), Some(two.goes));
        world
    });
}

/// What the account has for attributes of texts, in the order in which these were made.
async fn texts(world: &World, of: AccountId) -> Vec<String> {
    let values = attribute::load(&world.ctx, world.owner.workspace, &[of.0]).await;
    let mut values = values.unwrap();
    values.sort_by_key(|one| one.attribute_id);
    values.into_iter().filter_map(|one| one.text).collect()
}

#[test]
fn what_was_said_of_the_survivor_since_stays_with_it() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let two = two(&world).await;
        let mut attributes = Vec::new();
        for key in ["kept", "changed"] {
            attributes.push(define(&world, SubjectKind::Account, key, AttributeType::Text).await);
            world.clock.advance(TimeDelta::milliseconds(1));
        }
        let set = async |id: AccountId, attribute, text: &str| {
            let value = Some(Value::Text(text.to_owned()));
            let details = DetailChanges {
                attributes: vec![Setting { attribute, value }],
                ..DetailChanges::default()
            };
            let changes = AccountChanges {
                details,
                ..AccountChanges::default()
            };
            account::update(ctx, owner, id, changes).await.unwrap();
            world.clock.advance(TimeDelta::minutes(1));
        };
        set(two.goes, attributes[0], "as it was").await;
        set(two.goes, attributes[1], "before").await;
        let merged = merge::merge(ctx, owner, two.stays, two.goes, "").await;
        world.clock.advance(TimeDelta::minutes(1));
        set(two.stays, attributes[1], "since").await;
        merge::unmerge(ctx, owner, merged.unwrap().id)
            .await
            .unwrap();
        assert_eq!(texts(&world, two.stays).await, ["value 0", "since"]);
        assert_eq!(
            texts(&world, two.goes).await,
            ["value 1", "as it was", "since"]
        );
        world
    });
}

#[test]
fn merges_are_undone_from_the_newest() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let a = company(&world, "A", "a.example", None).await;
        let b = company(&world, "B", "b.example", None).await;
        let c = company(&world, "C", "c.example", None).await;
        let first = merge::merge(ctx, owner, b, a, "").await.unwrap();
        world.clock.advance(TimeDelta::seconds(1));
        let second = merge::merge(ctx, owner, c, b, "").await.unwrap();
        let one = account::find(ctx, owner.workspace, a).await.unwrap();
        assert_eq!(one.map(|one| one.id), Some(c), "however long the way is");
        let asked = account::load_answering(ctx, owner.workspace, &[a, b, c]).await;
        let asked = asked.unwrap();
        assert!([a, b, c].iter().all(|id| asked[id].id == c));
        let refused = merge::unmerge(ctx, owner, first.id).await;
        assert_eq!(refusals(refused), ["id Invalid"]);
        merge::unmerge(ctx, owner, second.id).await.unwrap();
        merge::unmerge(ctx, owner, first.id).await.unwrap();
        let all = listed(&world, &AccountFilter::default()).await;
        assert_eq!(all, ["A", "B", "C"]);
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let refused = merge::merge(ctx, &stranger, a, b, "").await;
        assert_eq!(refusals(refused), ["survivorId NotFound"]);
        world
    });
}

#[test]
fn every_table_that_names_an_account_has_its_line() {
    on_both(|world| async move {
        let listed: BTreeSet<(String, String)> = MERGED_TABLES
            .iter()
            .map(|line| (line.table.to_owned(), line.column.to_owned()))
            .collect();
        let found = naming(&world, "account").await;
        assert_complete("MERGED_TABLES", &listed, &found);
        world
    });
}
