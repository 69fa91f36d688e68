//! Whether tags fit the things they are asked for, each mistake told at its place in the input.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    id::{TagGroupId, TagId},
    kind::{TagKind, TagTarget},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::{Request, hold::keep_things};
use crate::{
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Tx, dialect},
};

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
pub(super) struct Places {
    tags: HashMap<TagId, (&'static str, usize)>,
    things: HashMap<(TagTarget, Uuid), usize>,
}

impl Places {
    /// Where `things` are, each in the list of its kind.
    pub(super) fn of(things: &[(TagTarget, Uuid)]) -> Self {
        let mut places = Self::default();
        let mut lengths: HashMap<TagTarget, usize> = HashMap::new();
        for thing in things {
            let length = lengths.entry(thing.0).or_default();
            places.things.entry(*thing).or_insert(*length);
            *length += 1;
        }
        places
    }

    pub(super) fn tags(&mut self, field: &'static str, tags: &[TagId]) {
        for (place, tag) in tags.iter().enumerate() {
            self.tags.entry(*tag).or_insert((field, place));
        }
    }

    /// Whoever stands for a contact that was merged away is where that is named.
    pub(super) fn follow(&mut self, survivors: &HashMap<Uuid, Uuid>) {
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
pub(super) async fn check(
    tx: &Tx<'_>,
    requests: &[Request],
    places: &Places,
    adding: bool,
) -> Result<()> {
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
