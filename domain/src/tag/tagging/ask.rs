//! Tagging and untagging on a member's behalf: checked before anything is written.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    id::{ContactId, TagGroupId, TagId},
    kind::{TagKind, TagTarget},
    tag,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::{
    Reason, Request,
    hold::keep_things,
    remove,
    write::{Addition, put},
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    contact,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Tx, dialect},
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
    let mut created = Vec::with_capacity(new.create.len());
    if !new.create.is_empty() {
        require_creation(&tx, actor).await?;
    }
    for (place, tag) in new.create.into_iter().enumerate() {
        let made = insert(&mut tx, actor.origin(), tag).await;
        let at = place.to_string();
        let made = made.map_err(|error| error.below(&["create", &at]))?;
        tx.audit(actor, Record::made("tag.create", made.id, audited(&made)));
        created.push(made);
    }
    let tags = new.tags.iter().copied();
    let tags = tags.chain(created.iter().map(|tag| tag.id));
    let requests: Vec<Request> = tags
        .flat_map(|tag| {
            new.things.iter().map(move |&(target, target_id)| Request {
                target,
                target_id,
                tag,
            })
        })
        .collect();
    check(&tx, &requests, true).await?;
    let reason = Reason {
        origin: actor.origin(),
        text,
        cause: None,
    };
    let additions = requests.into_iter().map(|request| Addition {
        request,
        reason: &reason,
        expires_at: new.expires_at,
        while_in: None,
        renews: false,
    });
    let done = put(ctx, &mut tx, additions.collect()).await?;
    tx.commit().await?;
    Ok(Tagged {
        added: done.added.len(),
        renewed: done.renewed,
        created,
    })
}

/// Puts tags on things on a member's behalf, after checking that all of them exist here and fit.
pub async fn tag_many(
    ctx: &Ctx,
    actor: &Actor,
    requests: &[Request],
    reason: &str,
) -> Result<usize> {
    let (mut tx, requests, reason) = begin(ctx, actor, requests, reason, true).await?;
    let count = super::add(ctx, &mut tx, &reason, &requests).await?;
    tx.commit().await?;
    Ok(count)
}

/// Takes tags off things on a member's behalf.
pub async fn untag_many(
    ctx: &Ctx,
    actor: &Actor,
    requests: &[Request],
    reason: &str,
) -> Result<usize> {
    let (mut tx, requests, reason) = begin(ctx, actor, requests, reason, false).await?;
    let count = remove(ctx, &mut tx, &reason, &requests).await?;
    tx.commit().await?;
    Ok(count)
}

/// A transaction for what is asked, with the requests as they are meant, after everything was checked.
async fn begin<'c>(
    ctx: &'c Ctx,
    actor: &Actor,
    requests: &[Request],
    reason: &str,
    adding: bool,
) -> Result<(Tx<'c>, Vec<Request>, Reason<'static>)> {
    actor.require(Scope::Write)?;
    let text = reason_text(reason)?;
    let tx = ctx.begin(actor.workspace).await?;
    let requests = resolved(&tx, requests).await?;
    check(&tx, &requests, adding).await?;
    let reason = Reason {
        origin: actor.origin(),
        text,
        cause: None,
    };
    Ok((tx, requests, reason))
}

/// The requests, with whoever stands for a contact that was merged away.
async fn resolved(tx: &Tx<'_>, requests: &[Request]) -> Result<Vec<Request>> {
    let things = requests.iter().map(|one| (one.target, one.target_id));
    let survivors = survivors(tx, things).await?;
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
    Ok(resolved)
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

#[derive(FromQueryResult)]
struct TagFacts {
    id: TagId,
    kind: TagKind,
    archived_at: Option<DateTime<Utc>>,
    single_group_id: Option<TagGroupId>,
}

/// The refusals of one request, each once.
#[derive(Default)]
struct Refusals(Vec<UserError>);

impl Refusals {
    fn add(&mut self, path: &str, code: UserErrorCode, message: &str) {
        let error = UserError::new(&[path], code, message);
        if !self.0.contains(&error) {
            self.0.push(error);
        }
    }

    fn result(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::Refused(self.0))
        }
    }
}

/// Refuses tags and things that are not there, and tags of the wrong kind.
async fn check(tx: &Tx<'_>, requests: &[Request], adding: bool) -> Result<()> {
    let mut refusals = Refusals::default();
    let tags = requests.iter().map(|one| (one.tag, one.target));
    check_tags(tx, &tags.collect(), adding, "tagIds", &mut refusals).await?;
    check_things(tx, requests, &mut refusals).await?;
    refusals.result()
}

/// Refuses, at the input field `field`, tags that are not there or do not fit things of `target`.
pub(crate) async fn refuse_unfit(
    tx: &Tx<'_>,
    tags: &[TagId],
    target: TagTarget,
    adding: bool,
    field: &str,
) -> Result<()> {
    let mut refusals = Refusals::default();
    let tags = tags.iter().map(|&tag| (tag, target)).collect();
    check_tags(tx, &tags, adding, field, &mut refusals).await?;
    refusals.result()
}

async fn check_tags(
    tx: &Tx<'_>,
    wanted: &HashSet<(TagId, TagTarget)>,
    adding: bool,
    field: &str,
    refusals: &mut Refusals,
) -> Result<()> {
    let ids: BTreeSet<TagId> = wanted.iter().map(|(tag, _)| *tag).collect();
    // Nobody moves, merges or deletes them from here on.
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    let facts: Vec<TagFacts> = Query::new(format!(
        "SELECT t.id, t.kind, t.archived_at, s.id AS single_group_id FROM tag t
         LEFT JOIN tag_group s
           ON s.workspace_id = $1 AND s.id = t.group_id AND s.selection = 'SINGLE'
         WHERE t.workspace_id = $1 AND {{those}} AND t.deleted_at IS NULL
         ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .among("those", "t.id", ids.iter().map(|tag| tag.0))
    .all(tx.connection())
    .await?;
    let mut values: HashMap<TagGroupId, TagId> = HashMap::new();
    for fact in &facts {
        if let Some(group) = fact.single_group_id
            && values.insert(group, fact.id).is_some()
            && adding
        {
            let message = "Two of these tags are values of a group that takes one. Choose one.";
            refusals.add(field, UserErrorCode::Contradictory, message);
        }
    }
    let facts: HashMap<TagId, TagFacts> = facts.into_iter().map(|tag| (tag.id, tag)).collect();
    for (tag, target) in wanted {
        let needed = match target {
            TagTarget::Conversation => TagKind::Conversation,
            TagTarget::Contact | TagTarget::Account => TagKind::Contact,
        };
        match facts.get(tag) {
            None => refusals.add(field, UserErrorCode::NotFound, "There is no such tag."),
            Some(tag) if tag.kind != needed => refusals.add(
                field,
                UserErrorCode::KindMismatch,
                "Contacts and accounts take contact tags, conversations take conversation tags.",
            ),
            Some(tag) if adding && tag.archived_at.is_some() => refusals.add(
                field,
                UserErrorCode::Invalid,
                "This tag is archived. Restore it first.",
            ),
            Some(_) => {}
        }
    }
    Ok(())
}

async fn check_things(tx: &Tx<'_>, requests: &[Request], refusals: &mut Refusals) -> Result<()> {
    for (target, field, what) in [
        (
            TagTarget::Contact,
            "contactIds",
            "There is no such contact.",
        ),
        (
            TagTarget::Account,
            "accountIds",
            "There is no such account.",
        ),
        (
            TagTarget::Conversation,
            "conversationIds",
            "There is no such conversation.",
        ),
    ] {
        let wanted: BTreeSet<Uuid> = requests
            .iter()
            .filter(|one| one.target == target)
            .map(|one| one.target_id)
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let found = keep_things(tx, target, &wanted).await?;
        if found.len() < wanted.len() {
            refusals.add(field, UserErrorCode::NotFound, what);
        }
    }
    Ok(())
}
