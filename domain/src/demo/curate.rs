//! Tags that were put in order: one that stood beside another of the same meaning and is merged into it, one that
//! is not used any more and was archived, and one below another below another.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{ContactId, TagId},
    kind::TagKind,
};

use super::{Person, back_then, review::id_of, tags};
use crate::{
    access::Actor,
    ctx::Ctx,
    error::Result,
    tag::{
        NewTag, Request,
        catalogue::{self, Merge},
        tagging,
    },
};

/// Days ago when they were put on.
const BEFORE: i64 = 40;
/// Whom they were put on, by the places among the people.
const FAMILIAR: [usize; 3] = [1, 3, 23];
const BY_SUBSCRIPTION: [usize; 3] = [10, 20, 56];

/// Makes the tags, puts them on and orders them, each at its time.
pub(super) async fn put_in_order(
    ctx: &Ctx,
    actor: &Actor,
    people: &[Person],
    tags: &HashMap<&'static str, TagId>,
    now: DateTime<Utc>,
) -> Result<()> {
    let past = back_then(ctx, now - TimeDelta::days(BEFORE));
    let branch = NewTag {
        parent: Some(tags[tags::SOFTWARE]),
        ..NewTag::named(TagKind::Contact, "SaaS")
    };
    let branch = catalogue::create(&past, actor, branch).await?.id;
    put(&past, actor, people, &BY_SUBSCRIPTION, branch).await?;

    let forest = catalogue::forest(ctx, actor.workspace).await?;
    let target = tags[tags::REGULAR];
    let twin = NewTag {
        parent: forest.get(target).and_then(|tag| tag.parent_id),
        ..NewTag::named(TagKind::Contact, "常連さん")
    };
    let twin = catalogue::create(&past, actor, twin).await?.id;
    put(&past, actor, people, &FAMILIAR, twin).await?;
    let merge = Merge {
        sources: vec![twin],
        target,
        keep_newest: false,
    };
    catalogue::merge(ctx, actor, merge).await?;

    let former = NewTag {
        description: "終了したキャンペーン / a campaign that is over / 已结束的活动".to_owned(),
        ..NewTag::named(TagKind::Contact, "春の乗り換え割")
    };
    let former = catalogue::create(&past, actor, former).await?.id;
    put(&past, actor, people, &FAMILIAR, former).await?;
    catalogue::archive(ctx, actor, former).await?;
    Ok(())
}

async fn put(
    ctx: &Ctx,
    actor: &Actor,
    people: &[Person],
    places: &[usize],
    tag: TagId,
) -> Result<()> {
    let mut requests = Vec::new();
    for person in places.iter().filter_map(|&place| people.get(place)) {
        let id: ContactId = id_of(ctx, actor, &person.email).await?;
        requests.push(Request::contact(id, tag));
    }
    tagging::tag_many(ctx, actor, &requests, "").await?;
    Ok(())
}
