//! Merging accounts and taking them apart: every row comes back, and whatever names the merged one is led
//! to the survivor meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::{
    account::{
        self, AccountChanges, AccountFilter, AccountOrder, DetailChanges, NewAccount,
        merge::{self, MERGED_TABLES},
    },
    attribute::{self, Setting, Value},
    contact,
    error::{Error, UserErrorCode},
    fact::{AccountRef, Of, Party},
    note, order,
    page::PageRequest,
    search::{self, Kind, Needle},
    segment::{self, NewSegment, hand},
    store::Query,
    subject::Subject,
    tag::{Request, tagging},
    timeline,
    work::change::Fact,
};
use entity::{
    id::{AccountId, ContactId, SegmentId, TagId},
    kind::{AttributeType, IdentityKind, SegmentSubject, SubjectKind, TagKind},
};

use super::{
    define,
    dump::{columns, dump, tables},
    facts, refusals,
};
use crate::{
    fact::an_order,
    segment::settle,
    support::{World, on_both},
};

const TARO: &str = "taro@acme.example";
const HANAKO: &str = "hanako@acme-kk.example";

/// Two accounts with something of everything; both carry the first tag, the second one another below it.
struct Two {
    stays: AccountId,
    goes: AccountId,
    taro: ContactId,
    hanako: ContactId,
    tags: [TagId; 2],
    list: SegmentId,
}

async fn by_email(world: &World, email: &str) -> ContactId {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = contact::find_by_identity(ctx, workspace, IdentityKind::Email, email).await;
    found.unwrap().expect("a contact").id
}

async fn company(world: &World, name: &str, domain: &str, external_id: Option<&str>) -> AccountId {
    let new = NewAccount {
        name: name.to_owned(),
        domain: Some(domain.to_owned()),
        external_id: external_id.map(str::to_owned),
        details: DetailChanges {
            website: external_id.map(|_| Some("https://acme-kk.example/".to_owned())),
            ..DetailChanges::default()
        },
    };
    let made = account::create(&world.ctx, &world.owner, new).await;
    world.clock.advance(TimeDelta::milliseconds(1));
    made.unwrap().id
}

async fn two(world: &World) -> Two {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let stays = company(world, "Acme", "acme.example", None).await;
    let goes = company(world, "Acme KK", "acme-kk.example", Some("kk")).await;
    let both = world.tag(TagKind::Contact, "both", None).await;
    let tags = [both, world.tag(TagKind::Contact, "kk", Some(both)).await];
    world
        .receive(&[("1", TARO, "Hello"), ("2", HANAKO, "Good day")])
        .await;
    let text = define(world, SubjectKind::Account, "text", AttributeType::Text).await;
    for (index, id) in [stays, goes].into_iter().enumerate() {
        let value = Some(Value::Text(format!("value {index}")));
        let attributes = vec![Setting {
            attribute: text,
            value,
        }];
        let changes = AccountChanges {
            details: DetailChanges {
                attributes,
                ..DetailChanges::default()
            },
            ..AccountChanges::default()
        };
        account::update(ctx, owner, id, changes).await.unwrap();
        note::add(
            ctx,
            owner,
            Subject::from(id),
            &["id"],
            &format!("note {index}"),
        )
        .await
        .unwrap();
        let put = tags[..=index].iter().map(|tag| Request::account(id, *tag));
        let put: Vec<Request> = put.collect();
        tagging::tag_many(ctx, owner, &put, "").await.unwrap();
    }
    let party = Party {
        contact: None,
        account: Some(AccountRef::ExternalId("kk".to_owned())),
    };
    let orders = vec![an_order(world, "o1", party, 0)];
    order::ingest(ctx, owner, orders).await.unwrap();
    let new = NewSegment {
        name: "Guests".to_owned(),
        description: String::new(),
        subject: SegmentSubject::Account,
        condition: None,
    };
    let list = segment::create(ctx, owner, new).await.unwrap().id;
    hand::add(ctx, owner, list, &hand::Things::Accounts(vec![goes]))
        .await
        .unwrap();
    world.clock.advance(TimeDelta::minutes(1));
    world.drain().await;
    Two {
        stays,
        goes,
        taro: by_email(world, TARO).await,
        hanako: by_email(world, HANAKO).await,
        tags,
        list,
    }
}

/// Every row that has to come back. What is left out records that there was a merge, or when something was
/// last computed.
async fn rows(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut rows = dump(world).await;
    for table in [
        "account_merge",
        "account_merge_row",
        "account_standing_note",
        "audit_entry",
        "change",
        "contact_health",
        "health_history",
        "projection_cursor",
        "search_state",
        "search_tail",
        "segment",
        "segment_member",
        "segment_move",
        "tag_count",
    ] {
        rows.remove(table);
    }
    let timeline = rows.get_mut("timeline_entry").expect("the timeline");
    timeline.retain(|row| !row.contains("HEALTH_CHANGED"));
    rows
}

async fn account_of(world: &World, contact: ContactId) -> Option<AccountId> {
    let found = contact::find(&world.ctx, world.owner.workspace, contact).await;
    found.unwrap().expect("a contact").account_id
}

async fn listed(world: &World, filter: &AccountFilter) -> Vec<String> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let page = PageRequest::first(10);
    let found = account::list(ctx, workspace, filter, AccountOrder::NameAsc, &page).await;
    let rows = found.unwrap().rows.into_iter();
    rows.map(|(_, account)| account.name).collect()
}

async fn members(world: &World, list: SegmentId) -> Vec<AccountId> {
    let members = Query::new(
        "SELECT subject_id FROM segment_member WHERE workspace_id = $1 AND segment_id = $2",
    )
    .bind(world.owner.workspace)
    .bind(list);
    members.column(world.ctx.reader()).await.unwrap()
}

async fn carried(world: &World, id: AccountId) -> BTreeSet<TagId> {
    let found = tagging::load_active(&world.ctx, world.owner.workspace, &[id.0]).await;
    found.unwrap().into_iter().map(|one| one.tag_id).collect()
}

async fn happened(world: &World, id: AccountId) -> usize {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let page = PageRequest::first(100);
    let found = timeline::list(ctx, workspace, Of::Account(id), &[], &page).await;
    found.unwrap().rows.len()
}

#[test]
fn what_was_merged_comes_apart_row_by_row() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let two = two(&world).await;
        let before = rows(&world).await;
        let apart = [
            happened(&world, two.stays).await,
            happened(&world, two.goes).await,
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
        assert_eq!(happened(&world, two.goes).await, 0);
        let together = happened(&world, two.stays).await;
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
        let jiro = by_email(&world, jiro).await;
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

#[test]
fn every_table_that_names_an_account_has_its_line() {
    on_both(|world| async move {
        let listed: BTreeSet<(String, String)> = MERGED_TABLES
            .iter()
            .map(|line| (line.table.to_owned(), line.column.to_owned()))
            .collect();
        let mut found = BTreeSet::new();
        let names = [
            "account_id",
            "subject_id",
            "target_id",
            "survivor_id",
            "loser_id",
        ];
        for table in tables(&world).await {
            for column in columns(&world, &table).await {
                if names.contains(&column.as_str()) || column.ends_with("_account_id") {
                    found.insert((table.clone(), column));
                }
            }
        }
        let missing: Vec<_> = found.difference(&listed).collect();
        let gone: Vec<_> = listed.difference(&found).collect();
        assert!(
            missing.is_empty(),
            "add a line to MERGED_TABLES for {missing:?}"
        );
        assert!(gone.is_empty(), "there is no {gone:?}");
        world
    });
}
