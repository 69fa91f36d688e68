//! Tagging and untagging on a member's behalf: checked before anything is written.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    id::{ContactId, TagId},
    kind::TagTarget,
    tag,
};
use uuid::Uuid;

use super::{
    Reason, Request,
    fit::{Places, check},
    remove,
    write::{Addition, put},
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    contact,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::Tx,
    tag::{
        NewTag,
        catalogue::create::{audited, insert, require_creation},
    },
    text,
};

/// Tags for things, asked for at once: every tag on every thing.
#[derive(Debug, Clone, Default)]
pub struct NewTaggings {
    /// The things.
    pub things: Vec<(TagTarget, Uuid)>,
    /// Tags that are there already.
    pub tags: Vec<TagId>,
    /// Tags to be made first.
    pub create: Vec<NewTag>,
    /// Why, in words.
    pub reason: String,
    /// When the taggings end by themselves.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What came of [`tag_things`].
#[derive(Debug, Clone, Default)]
pub struct Tagged {
    /// Taggings made.
    pub added: usize,
    /// Taggings that were there and go on with another end, or with none.
    pub renewed: usize,
    /// The tags that were made, in the order asked for.
    pub created: Vec<tag::Model>,
}

/// Makes tags and puts them and others on things, all in one transaction.
pub async fn tag_things(ctx: &Ctx, actor: &Actor, mut new: NewTaggings) -> Result<Tagged> {
    actor.require(Scope::Write)?;
    let text = reason_text(&new.reason)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let survivors = survivors(&tx, new.things.iter().copied()).await?;
    for (_, thing) in &mut new.things {
        *thing = survivors.get(thing).copied().unwrap_or(*thing);
    }
    let mut places = Places::of(&new.things);
    places.tags("tagIds", &new.tags);
    let mut seen = HashSet::new();
    new.things.retain(|thing| seen.insert(*thing));
    if new.expires_at.is_some_and(|at| at <= tx.now) {
        let message = "Choose a moment in the future.";
        return Err(Error::refused(
            &["expiresAt"],
            UserErrorCode::Invalid,
            message,
        ));
    }
    let created = make(&mut tx, actor, new.create).await?;
    let made: Vec<TagId> = created.iter().map(|tag| tag.id).collect();
    places.tags("create", &made);
    let requests = each_on_each(&[new.tags, made].concat(), &new.things);
    check(&tx, &requests, &places, true).await?;
    let reason = Reason {
        origin: actor.origin(),
        text,
        cause: None,
    };
    let additions = requests.into_iter();
    let additions = additions.map(|request| Addition::new(request, &reason, new.expires_at));
    let done = put(ctx, &mut tx, additions.collect()).await?;
    tx.commit().await?;
    Ok(Tagged {
        added: done.added.len(),
        renewed: done.renewed,
        created,
    })
}

/// Makes the tags of an input's field `create`, for those who may make tags.
pub(super) async fn make(
    tx: &mut Tx<'_>,
    actor: &Actor,
    create: Vec<NewTag>,
) -> Result<Vec<tag::Model>> {
    let mut created = Vec::with_capacity(create.len());
    if !create.is_empty() {
        require_creation(tx, actor).await?;
    }
    for (place, tag) in create.into_iter().enumerate() {
        let made = insert(tx, actor.origin(), tag).await;
        let at = place.to_string();
        let made = made.map_err(|error| error.below(&["create", &at]))?;
        tx.audit(actor, Record::made("tag.create", made.id, audited(&made)));
        created.push(made);
    }
    Ok(created)
}

/// Puts tags on things on a member's behalf, after checking that all of them exist here and fit.
pub async fn tag_many(
    ctx: &Ctx,
    actor: &Actor,
    requests: &[Request],
    reason: &str,
) -> Result<usize> {
    let places = Places::default();
    let (mut tx, requests, reason) = begin(ctx, actor, requests, places, reason, true).await?;
    let count = super::add(ctx, &mut tx, &reason, &requests).await?;
    tx.commit().await?;
    Ok(count)
}

/// Takes every one of `tags` off every one of `things` on a member's behalf.
pub async fn untag_things(
    ctx: &Ctx,
    actor: &Actor,
    tags: &[TagId],
    things: &[(TagTarget, Uuid)],
    reason: &str,
) -> Result<usize> {
    let mut places = Places::of(things);
    places.tags("tagIds", tags);
    let requests = each_on_each(tags, things);
    untag(ctx, actor, &requests, places, reason).await
}

/// Takes tags off things on a member's behalf.
pub async fn untag_many(
    ctx: &Ctx,
    actor: &Actor,
    requests: &[Request],
    reason: &str,
) -> Result<usize> {
    untag(ctx, actor, requests, Places::default(), reason).await
}

async fn untag(
    ctx: &Ctx,
    actor: &Actor,
    requests: &[Request],
    places: Places,
    reason: &str,
) -> Result<usize> {
    let (mut tx, requests, reason) = begin(ctx, actor, requests, places, reason, false).await?;
    let count = remove(ctx, &mut tx, &reason, &requests).await?;
    tx.commit().await?;
    Ok(count)
}

fn each_on_each(tags: &[TagId], things: &[(TagTarget, Uuid)]) -> Vec<Request> {
    let mut requests = Vec::with_capacity(tags.len() * things.len());
    for &tag in tags {
        requests.extend(things.iter().map(|&(target, target_id)| Request {
            target,
            target_id,
            tag,
        }));
    }
    requests
}

/// A transaction for what is asked, with the requests as they are meant, after everything was checked.
async fn begin<'c>(
    ctx: &'c Ctx,
    actor: &Actor,
    requests: &[Request],
    mut places: Places,
    reason: &str,
    adding: bool,
) -> Result<(Tx<'c>, Vec<Request>, Reason<'static>)> {
    actor.require(Scope::Write)?;
    let text = reason_text(reason)?;
    let tx = ctx.begin(actor.workspace).await?;
    let things = requests.iter().map(|one| (one.target, one.target_id));
    let survivors = survivors(&tx, things).await?;
    places.follow(&survivors);
    let requests = resolved(&survivors, requests);
    check(&tx, &requests, &places, adding).await?;
    let reason = Reason {
        origin: actor.origin(),
        text,
        cause: None,
    };
    Ok((tx, requests, reason))
}

/// The requests, with whoever stands for a contact that was merged away.
fn resolved(survivors: &HashMap<Uuid, Uuid>, requests: &[Request]) -> Vec<Request> {
    let mut resolved: Vec<Request> = Vec::with_capacity(requests.len());
    let mut seen = HashSet::new();
    for request in requests {
        let target_id = survivors.get(&request.target_id);
        let request = Request {
            target_id: target_id.copied().unwrap_or(request.target_id),
            ..*request
        };
        if seen.insert(request) {
            resolved.push(request);
        }
    }
    resolved
}

/// Whom the contacts among `things` mean: of those that were merged away, who stands for them now.
/// What somebody who saw the old contact wants tagged is the person.
async fn survivors(
    tx: &Tx<'_>,
    things: impl Iterator<Item = (TagTarget, Uuid)>,
) -> Result<HashMap<Uuid, Uuid>> {
    let contacts = things.filter(|(target, _)| *target == TagTarget::Contact);
    let means = contact::living(tx, contacts.map(|(_, id)| ContactId(id))).await?;
    let means = means.into_iter();
    Ok(means.map(|(asked, means)| (asked.0, means.0)).collect())
}

/// A reason as given, at most 255 characters.
pub(crate) fn reason_text(reason: &str) -> Result<String> {
    text::short_text(reason, &["reason"], 255).map_err(|error| Error::Refused(vec![error]))
}
