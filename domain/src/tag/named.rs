//! Tags by their paths, as files name them: found in the workspace's tree, and made where they are
//! missing, if that is allowed.
//!
//! Called by imports and bulk calls inside a transaction. Resolving only looks, and may name tags that are not there
//! yet; [`Named::make`] makes those that are really wanted. It never puts a tag on anything.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{
    id::{TagGroupId, TagId},
    kind::TagKind,
};
use sea_orm::FromQueryResult;

use super::{
    NewTag,
    catalogue::{
        DEPTH_LIMIT, NAME_LIMIT, TAG_LIMIT,
        create::{audited, insert},
        hold,
    },
    path::{self, Start, Way},
};
use crate::{
    access::Origin,
    audit::Record,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Tx},
    text::{self, name_key},
};

/// The workspace's tags of one kind, by name.
#[derive(Debug)]
pub(crate) struct Named {
    kind: TagKind,
    nodes: Vec<Node>,
    places: HashMap<Place, usize>,
    ids: HashMap<TagId, usize>,
    /// All tags of a name, wherever they stand.
    by_name: HashMap<String, Vec<usize>>,
    groups: HashMap<String, Group>,
    /// Tags that may still be made; nothing when none may.
    room: Option<usize>,
}

/// Where a tag stands, and what it is called.
type Place = (Option<TagGroupId>, Option<usize>, String);

#[derive(Debug)]
struct Node {
    id: Option<TagId>,
    name: String,
    parent: Option<usize>,
    group: Option<TagGroupId>,
    depth: usize,
    archived: bool,
}

#[derive(Debug, FromQueryResult)]
struct Group {
    id: TagGroupId,
    name: String,
    name_key: String,
    archived_at: Option<DateTime<Utc>>,
    selection: String,
}

#[derive(FromQueryResult)]
struct Row {
    id: TagId,
    parent_id: Option<TagId>,
    group_id: Option<TagGroupId>,
    name: String,
    archived_at: Option<DateTime<Utc>>,
}

impl Named {
    /// Reads the tree in two statements. `room` is how many tags may be made at most.
    pub(crate) async fn load(tx: &Tx<'_>, kind: TagKind, room: Option<usize>) -> Result<Self> {
        let groups: Vec<Group> = Query::new(
            "SELECT id, name, name_key, archived_at, selection FROM tag_group
             WHERE workspace_id = $1 AND kind = $2",
        )
        .bind(tx.workspace)
        .bind(kind.word())
        .all(tx.connection())
        .await?;
        let rows: Vec<Row> = Query::new(
            "SELECT t.id, t.parent_id, t.group_id, t.name, t.archived_at FROM tag t
             WHERE t.workspace_id = $1 AND t.kind = $2 AND t.deleted_at IS NULL ORDER BY t.id",
        )
        .bind(tx.workspace)
        .bind(kind.word())
        .all(tx.connection())
        .await?;
        let left = usize::try_from(TAG_LIMIT).unwrap_or_default();
        let left = left.saturating_sub(rows.len());
        let groups = groups.into_iter();
        let mut named = Self {
            kind,
            nodes: Vec::with_capacity(rows.len()),
            places: HashMap::with_capacity(rows.len()),
            ids: HashMap::with_capacity(rows.len()),
            by_name: HashMap::with_capacity(rows.len()),
            groups: groups.map(|one| (one.name_key.clone(), one)).collect(),
            room: room.map(|room| room.min(left)),
        };
        let places: HashMap<TagId, usize> = rows.iter().map(|row| row.id).zip(0..).collect();
        let parents: Vec<Option<usize>> = rows
            .iter()
            .map(|row| row.parent_id.and_then(|id| places.get(&id).copied()))
            .collect();
        for (row, &parent) in rows.iter().zip(&parents) {
            named.put(Node {
                id: Some(row.id),
                name: row.name.clone(),
                parent,
                group: row.group_id,
                depth: depth(&parents, parent),
                archived: row.archived_at.is_some(),
            });
        }
        Ok(named)
    }

    fn put(&mut self, node: Node) -> usize {
        let place = self.nodes.len();
        let key = name_key(&node.name);
        if let Some(id) = node.id {
            self.ids.insert(id, place);
        }
        self.places
            .insert((node.group, node.parent, key.clone()), place);
        self.by_name.entry(key).or_default().push(place);
        self.nodes.push(node);
        place
    }

    /// The tag of an id. The refusal has no path.
    pub(crate) fn place(&self, id: TagId) -> Result<usize, UserError> {
        let Some(&place) = self.ids.get(&id) else {
            let message = "There is no such tag.".to_owned();
            return Err(refusal(UserErrorCode::NotFound, message));
        };
        self.usable(place)
    }

    /// The tag of a way. A single name may be that of a tag anywhere, if there is only one. What could
    /// be either of two tags is refused, and what is archived. The refusal has no path.
    pub(crate) fn resolve(&mut self, way: &Way) -> Result<usize, UserError> {
        let place = self.resolve_any(way)?;
        self.refuse_archived(place)?;
        Ok(place)
    }

    /// The same, also of a tag that is archived: what carries it may go on being named with it.
    pub(crate) fn resolve_any(&mut self, way: &Way) -> Result<usize, UserError> {
        let Some((first, below)) = way.names.split_first() else {
            return Err(refusal(UserErrorCode::Required, "Name a tag.".to_owned()));
        };
        let group = self.group_of(way, first, below)?;
        let names = if group.is_some() { below } else { &way.names };
        if let ([name], None, Start::Either) = (names, group, way.from)
            && let Some(only) = self.anywhere(name)?
        {
            return Ok(only);
        }
        let mut at = None;
        for name in names {
            let found = self.places.get(&(group, at, name_key(name))).copied();
            at = Some(if let Some(found) = found {
                found
            } else {
                self.refuse_archived_in(group, at)?;
                self.imagine(group, at, name, &way.names)?
            });
        }
        at.ok_or_else(|| refusal(UserErrorCode::Required, "Name a tag.".to_owned()))
    }

    /// The group a way begins at; nothing when it begins at a tag.
    fn group_of(
        &self,
        way: &Way,
        first: &str,
        below: &[String],
    ) -> Result<Option<TagGroupId>, UserError> {
        let group = self.groups.get(&name_key(first));
        let Some(group) = group.filter(|_| way.from != Start::Top) else {
            if way.from == Start::Group {
                let message = format!("There is no group {}.", text::printable(first));
                return Err(refusal(UserErrorCode::NotFound, message));
            }
            return Ok(None);
        };
        if below.is_empty() {
            if way.from == Start::Either && self.is_tag(first) {
                return Ok(None);
            }
            let message = format!(
                "{} is a group of tags. Write one of its tags behind it: {0}/Tag.",
                group.name
            );
            return Err(refusal(UserErrorCode::Invalid, message));
        }
        if way.from == Start::Either && !self.is_meant(group, &way.names, below)? {
            return Ok(None);
        }
        Ok(Some(group.id))
    }

    /// Whether a way that may begin at a group or at a tag begins at this group: the one that has the
    /// rest of the way is meant. Where nothing has it yet, nobody knows below which it belongs.
    fn is_meant(
        &self,
        group: &Group,
        names: &[String],
        below: &[String],
    ) -> Result<bool, UserError> {
        let is_in_group = self.find(Some(group.id), below).is_some();
        let is_in_tree = self.find(None, names).is_some();
        let has_top = self.find(None, &names[..1]).is_some();
        if is_in_group == is_in_tree && has_top && (is_in_tree || self.room.is_some()) {
            let message = format!(
                "{0} is a group and a tag. Write {1} for a tag of the group, or {2} for one below \
                 the tag.",
                group.name,
                path::written_exactly(Some(&group.name), below),
                path::written_exactly(None, names),
            );
            return Err(refusal(UserErrorCode::Invalid, message));
        }
        Ok(is_in_group || !is_in_tree)
    }

    /// The tag at the end of these names, if all of them are there.
    fn find(&self, group: Option<TagGroupId>, names: &[String]) -> Option<usize> {
        let mut at = None;
        for name in names {
            let place = (group, at, name_key(name));
            at = Some(*self.places.get(&place)?);
        }
        at
    }

    /// The only tag of this name, unless there is one at the top, which is meant first.
    fn anywhere(&self, name: &str) -> Result<Option<usize>, UserError> {
        let key = name_key(name);
        if self.places.contains_key(&(None, None, key.clone())) {
            return Ok(None);
        }
        match self.by_name.get(&key).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([only]) => Ok(Some(*only)),
            Some([one, ..]) => {
                let group = self.nodes[*one].group;
                let mut groups = self.groups.values();
                let group = groups.find(|known| Some(known.id) == group);
                let group = group.map(|group| group.name.as_str());
                let message = format!(
                    "There are several tags of this name. Write the way to the one you mean, such \
                     as {}.",
                    path::written(group, &self.names(*one))
                );
                Err(refusal(UserErrorCode::Invalid, message))
            }
        }
    }

    fn is_tag(&self, name: &str) -> bool {
        self.by_name.contains_key(&name_key(name))
    }

    fn usable(&self, place: usize) -> Result<usize, UserError> {
        if self.nodes[place].archived {
            let message = format!("The tag {} is archived.", self.shown(place));
            return Err(refusal(UserErrorCode::Invalid, message));
        }
        Ok(place)
    }

    /// Refuses a tag that is archived, or whose group is: nothing more is given it. The refusal has no path.
    pub(crate) fn refuse_archived(&self, place: usize) -> Result<(), UserError> {
        self.refuse_archived_in(self.nodes[place].group, Some(place))
    }

    fn refuse_archived_in(
        &self,
        group: Option<TagGroupId>,
        place: Option<usize>,
    ) -> Result<(), UserError> {
        let is_archived = |one: &&Group| Some(one.id) == group && one.archived_at.is_some();
        if let Some(group) = self.groups.values().find(is_archived) {
            let message = format!("The group {} is archived.", group.name);
            return Err(refusal(UserErrorCode::Invalid, message));
        }
        place.map_or(Ok(()), |place| self.usable(place).map(drop))
    }

    /// A tag that is not there yet.
    fn imagine(
        &mut self,
        group: Option<TagGroupId>,
        parent: Option<usize>,
        name: &str,
        whole: &[String],
    ) -> Result<usize, UserError> {
        let Some(room) = self.room else {
            let message = format!(
                "There is no tag {}. Make it first, or let the import make tags.",
                path::shown(None, whole)
            );
            return Err(refusal(UserErrorCode::NotFound, message));
        };
        if room == 0 {
            let message = "No more tags can be made. Is this the column of the tags?".to_owned();
            return Err(refusal(UserErrorCode::LimitReached, message));
        }
        let depth = parent.map_or(1, |parent| self.nodes[parent].depth + 1);
        if depth > DEPTH_LIMIT {
            let message = format!("A tree of tags has at most {DEPTH_LIMIT} levels.");
            return Err(refusal(UserErrorCode::LimitReached, message));
        }
        let name = text::name(name, &[], NAME_LIMIT)?;
        self.room = Some(room - 1);
        Ok(self.put(Node {
            id: None,
            name,
            parent,
            group,
            depth,
            archived: false,
        }))
    }

    /// The tag's id, if it is there.
    pub(crate) fn id(&self, place: usize) -> Option<TagId> {
        self.nodes[place].id
    }

    /// The group of which a thing carries only one value, if the tag is in one.
    pub(crate) fn single_group(&self, place: usize) -> Option<TagGroupId> {
        let id = self.nodes[place].group?;
        let mut groups = self.groups.values();
        groups
            .find(|group| group.id == id && group.selection == "SINGLE")
            .map(|group| group.id)
    }

    /// The tag's name behind those above it.
    pub(crate) fn shown(&self, place: usize) -> String {
        path::shown(None, &self.names(place))
    }

    fn names(&self, place: usize) -> Vec<String> {
        let (mut names, mut at) = (Vec::new(), Some(place));
        while let Some(place) = at {
            names.push(self.nodes[place].name.clone());
            at = self.nodes[place].parent;
        }
        names.reverse();
        names
    }

    /// Those of `wanted` and above that are not there yet, by what tells them apart.
    pub(crate) fn missing(&self, wanted: &BTreeSet<usize>) -> Vec<(usize, String)> {
        let mut missing = BTreeSet::new();
        for &place in wanted {
            let mut at = Some(place);
            while let Some(place) = at
                && self.nodes[place].id.is_none()
                && missing.insert(place)
            {
                at = self.nodes[place].parent;
            }
        }
        let key = |place: usize| {
            let group = self.nodes[place].group;
            let group = group.map(|group| group.to_string()).unwrap_or_default();
            format!("{group} {}", name_key(&self.shown(place)))
        };
        missing.into_iter().map(|one| (one, key(one))).collect()
    }

    /// Makes those of `wanted` and above that are not there yet; says how many.
    pub(crate) async fn make(
        &mut self,
        tx: &mut Tx<'_>,
        origin: Origin,
        wanted: &BTreeSet<usize>,
    ) -> Result<usize> {
        let missing = self.missing(wanted);
        if missing.is_empty() {
            return Ok(0);
        }
        hold(tx).await?;
        // A tag is imagined after the one above it, so this is the order to make them in.
        for &(place, _) in &missing {
            let node = &self.nodes[place];
            let parent = node.parent.and_then(|parent| self.nodes[parent].id);
            let new = NewTag {
                parent,
                group: node.group.filter(|_| parent.is_none()),
                ..NewTag::named(self.kind, node.name.clone())
            };
            let made = match insert(tx, origin, new).await {
                // Somebody else changed the tree meanwhile: what was resolved does not hold any more.
                Err(Error::Refused(errors)) => {
                    return Err(Error::Internal(format!("a tag vanished: {errors:?}")));
                }
                made => made?,
            };
            tx.audit(origin, Record::made("tag.create", made.id, audited(&made)));
            self.nodes[place].id = Some(made.id);
            self.ids.insert(made.id, place);
        }
        Ok(missing.len())
    }
}

fn depth(parents: &[Option<usize>], mut above: Option<usize>) -> usize {
    let mut depth = 1;
    while let Some(place) = above
        && depth <= parents.len()
    {
        depth += 1;
        above = parents[place];
    }
    depth
}

fn refusal(code: UserErrorCode, message: String) -> UserError {
    UserError::new(&[], code, message)
}
