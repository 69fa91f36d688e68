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

#[derive(FromQueryResult)]
struct TagFacts {
    id: TagId,
    kind: TagKind,
    archived_at: Option<DateTime<Utc>>,
    single_group_id: Option<TagGroupId>,
}

/// Where the lists of the input name tags and things: a field, and the place in its list. Of what a list names
/// twice, the first place counts.
#[derive(Default)]
struct Places {
    tags: HashMap<TagId, (&'static str, usize)>,
    things: HashMap<(TagTarget, Uuid), usize>,
}

impl Places {
    /// Where `things` are, each in the list of its kind.
    fn of(things: &[(TagTarget, Uuid)]) -> Self {
        let mut places = Self::default();
        let mut lengths: HashMap<TagTarget, usize> = HashMap::new();
        for thing in things {
            let length = lengths.entry(thing.0).or_default();
            places.things.entry(*thing).or_insert(*length);
            *length += 1;
        }
        places
    }

    fn tags(&mut self, field: &'static str, tags: &[TagId]) {
        for (place, tag) in tags.iter().enumerate() {
            self.tags.entry(*tag).or_insert((field, place));
        }
    }

    /// Whoever stands for a contact that was merged away is where that is named.
    fn follow(&mut self, survivors: &HashMap<Uuid, Uuid>) {
        for (asked, means) in survivors {
            let contact = |id: Uuid| (TagTarget::Contact, id);
            if let Some(place) = self.things.get(&contact(*asked)).copied() {
                self.things.entry(contact(*means)).or_insert(place);
            }
        }
    }

    /// The path of a tag; `field` where no list names it.
    fn tag(&self, tag: TagId, field: &str) -> Vec<String> {
        match self.tags.get(&tag) {
            Some((field, place)) => vec![(*field).to_owned(), place.to_string()],
            None => vec![field.to_owned()],
        }
    }

    fn thing(&self, thing: (TagTarget, Uuid)) -> Option<usize> {
        self.things.get(&thing).copied()
    }
}

/// The refusals of one request, each once.
#[derive(Default)]
struct Refusals(Vec<UserError>);

impl Refusals {
    fn add(&mut self, path: Vec<String>, code: UserErrorCode, message: &str) {
        let message = message.to_owned();
        let error = UserError {
            path,
            code,
            message,
        };
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
async fn check(tx: &Tx<'_>, requests: &[Request], places: &Places, adding: bool) -> Result<()> {
    let mut refusals = Refusals::default();
    let mut seen = HashSet::new();
    let tags = requests.iter().map(|one| (one.tag, one.target));
    let tags: Vec<(TagId, TagTarget)> = tags.filter(|tag| seen.insert(*tag)).collect();
    let at = |tag| places.tag(tag, "tagIds");
    check_tags(tx, &tags, adding, &at, &mut refusals).await?;
    check_things(tx, requests, places, &mut refusals).await?;
    refusals.result()
}

/// Refuses tags that are not there or do not fit things of `target`, at their places in the list that is the
/// input field `field`.
pub(crate) async fn refuse_unfit(
    tx: &Tx<'_>,
    tags: &[TagId],
    target: TagTarget,
    adding: bool,
    field: &'static str,
) -> Result<()> {
    refuse_unfit_of(tx, &[(field, tags)], target, adding).await
}

/// The same of tags that several lists of the input name together, each told by its field.
pub(super) async fn refuse_unfit_of(
    tx: &Tx<'_>,
    lists: &[(&'static str, &[TagId])],
    target: TagTarget,
    adding: bool,
) -> Result<()> {
    let mut refusals = Refusals::default();
    let mut places = Places::default();
    let mut wanted: Vec<(TagId, TagTarget)> = Vec::new();
    for &(field, tags) in lists {
        places.tags(field, tags);
        wanted.extend(tags.iter().map(|&tag| (tag, target)));
    }
    let at = |tag| places.tag(tag, "tagIds");
    check_tags(tx, &wanted, adding, &at, &mut refusals).await?;
    refusals.result()
}

/// `wanted` in the order of the input; `at` says where a tag stands there.
async fn check_tags(
    tx: &Tx<'_>,
    wanted: &[(TagId, TagTarget)],
    adding: bool,
    at: &(dyn Fn(TagId) -> Vec<String> + Sync),
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
    let facts: HashMap<TagId, TagFacts> = facts.into_iter().map(|tag| (tag.id, tag)).collect();
    let mut values: HashMap<TagGroupId, TagId> = HashMap::new();
    for (tag, _) in wanted {
        let group = facts.get(tag).and_then(|fact| fact.single_group_id);
        if adding
            && let Some(group) = group
            && *values.entry(group).or_insert(*tag) != *tag
        {
            let message = "Two of these tags are values of a group that takes one. Choose one.";
            refusals.add(at(*tag), UserErrorCode::Contradictory, message);
        }
    }
    for (tag, target) in wanted {
        let needed = match target {
            TagTarget::Conversation => TagKind::Conversation,
            TagTarget::Contact | TagTarget::Account => TagKind::Contact,
        };
        match facts.get(tag) {
            None => refusals.add(at(*tag), UserErrorCode::NotFound, "There is no such tag."),
            Some(fact) if fact.kind != needed => refusals.add(
                at(*tag),
                UserErrorCode::KindMismatch,
                "Contacts and accounts take contact tags, conversations take conversation tags.",
            ),
            Some(fact) if adding && fact.archived_at.is_some() => refusals.add(
                at(*tag),
                UserErrorCode::Invalid,
                "This tag is archived. Restore it first.",
            ),
            Some(_) => {}
        }
    }
    Ok(())
}

async fn check_things(
    tx: &Tx<'_>,
    requests: &[Request],
    places: &Places,
    refusals: &mut Refusals,
) -> Result<()> {
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
        let missing = wanted.difference(&found);
        let missing: BTreeSet<Option<usize>> =
            missing.map(|id| places.thing((target, *id))).collect();
        for place in missing {
            let place = place.map(|place| place.to_string());
            let path = [field.to_owned()].into_iter().chain(place);
            refusals.add(path.collect(), UserErrorCode::NotFound, what);
        }
    }
    Ok(())
}
