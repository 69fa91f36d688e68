//! Two accounts with something of everything: merged and taken apart (`merge`), archived (`archive`) and
//! deleted (`delete`). Here is what they have, and how a test looks at it.

mod archive;
mod delete;
mod merge;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::{
    account::{self, AccountChanges, AccountFilter, AccountOrder, DetailChanges, NewAccount},
    attribute::{Setting, Value},
    contact,
    fact::{AccountRef, Party},
    note, order,
    page::PageRequest,
    segment::{self, NewSegment, hand},
    store::Query,
    subject::Subject,
    tag::{Request, tagging},
};
use entity::{
    id::{AccountId, ContactId, SegmentId, TagId},
    kind::{AttributeType, SegmentSubject, SubjectKind, TagKind},
};

use super::{define, dump::dump};
use crate::{
    fact::an_order,
    support::{World, engine::contact_of},
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
        taro: contact_of(world, TARO).await,
        hanako: contact_of(world, HANAKO).await,
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
        "latest_change",
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
    let left_out = ["HEALTH_CHANGED", "ACCOUNT_", "SEGMENT_"];
    timeline.retain(|row| !left_out.iter().any(|kind| row.contains(kind)));
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
