//! The members, attributes and tags that items name, looked up for the whole call in a fixed number of
//! statements. Nothing is made here: what is not there is a mistake of the item that names it.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{
    attribute_definition,
    id::{AttributeId, Id, MemberId, TagGroupId},
    kind::{SubjectKind, TagKind},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::item::{Common, MemberRef, Mistakes, TagRef};
use crate::{
    attribute::value::{self, Stored},
    error::{Result, UserErrorCode},
    store::{Query, Rows, Tx},
    tag::{Named, path},
};

/// What is named by the items of a call.
#[derive(Debug)]
pub(super) struct Around {
    members: HashSet<MemberId>,
    members_by_email: HashMap<String, MemberId>,
    definitions: HashMap<String, attribute_definition::Model>,
    tags: Option<Named>,
}

/// What one item names, found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) owner: Option<MemberId>,
    pub(super) attributes: Vec<(AttributeId, Option<Stored>)>,
    /// Places in the tree of tags, each once.
    pub(super) tags: Vec<usize>,
}

impl Around {
    /// Looks up what is said of things of a kind, and `others` who are named besides.
    pub(super) async fn load(
        tx: &Tx<'_>,
        subject: SubjectKind,
        said: &[&Common],
        others: &[&MemberRef],
    ) -> Result<Self> {
        let owners = || said.iter().filter_map(|one| one.owner.as_ref()?.as_ref());
        let members = || owners().chain(others.iter().copied());
        let ids = members().filter_map(|one| match one {
            MemberRef::Id(id) => Some(*id),
            MemberRef::Email(_) => None,
        });
        let emails = members().filter_map(|one| match one {
            MemberRef::Email(email) => Some(email.clone()),
            MemberRef::Id(_) => None,
        });
        let here = "AND x.removed_at IS NULL";
        Ok(Self {
            members: by_id(tx, "member", here, ids.collect()).await?,
            members_by_email: by_text(tx, "member", "email", here, emails.collect()).await?,
            definitions: definitions(tx, subject, said).await?,
            tags: if said.iter().any(|one| !one.tags.is_empty()) {
                Some(Named::load(tx, TagKind::Contact, None).await?)
            } else {
                None
            },
        })
    }

    /// The tree of tags, if any is named.
    pub(super) fn tags(&self) -> Option<&Named> {
        self.tags.as_ref()
    }

    /// The attributes that may be named.
    pub(super) fn attributes(&self) -> Vec<AttributeId> {
        self.definitions.values().map(|one| one.id).collect()
    }

    /// What an item names; what is not there or does not fit is noted.
    pub(super) fn find(&mut self, said: &Common, mistakes: &mut Mistakes) -> Found {
        Found {
            owner: self.member(
                said.owner.as_ref().and_then(Option::as_ref),
                "owner",
                mistakes,
            ),
            attributes: self.values(said, mistakes),
            tags: self.named(said, mistakes),
        }
    }

    /// The member whom an item names at `place`; one who is not there is noted.
    pub(super) fn member(
        &self,
        named: Option<&MemberRef>,
        place: &str,
        mistakes: &mut Mistakes,
    ) -> Option<MemberId> {
        let (found, field) = match named? {
            MemberRef::Id(id) => (self.members.get(id), "id"),
            MemberRef::Email(email) => (self.members_by_email.get(email), "email"),
        };
        if found.is_none() {
            let message = "There is no such member.";
            mistakes.refuse(&[place, field], UserErrorCode::NotFound, message);
        }
        found.copied()
    }

    fn values(&self, said: &Common, mistakes: &mut Mistakes) -> Vec<(AttributeId, Option<Stored>)> {
        let mut found: Vec<(AttributeId, Option<Stored>)> = Vec::new();
        for (index, one) in said.attributes.iter().enumerate() {
            let index = index.to_string();
            let at_key = ["attributes", index.as_str(), "key"];
            let Some(definition) = self.definitions.get(one.key.trim()) else {
                let message = "There is no such attribute of this kind of thing.";
                mistakes.refuse(&at_key, UserErrorCode::NotFound, message);
                continue;
            };
            if found.iter().any(|(id, _)| *id == definition.id) {
                let message = "This attribute is in the list twice.";
                mistakes.refuse(&at_key, UserErrorCode::Contradictory, message);
                continue;
            }
            let Some(value) = &one.value else {
                found.push((definition.id, None));
                continue;
            };
            if definition.archived_at.is_some() {
                let message = "This attribute is archived. Restore it first.";
                mistakes.refuse(&at_key, UserErrorCode::Invalid, message);
                continue;
            }
            let path = mistakes.at(&["attributes", &index, "value"]);
            let checked = value::check(definition, value.clone(), &path);
            if let Some(stored) = mistakes.keep(checked) {
                found.push((definition.id, Some(stored)));
            }
        }
        found
    }

    fn named(&mut self, said: &Common, mistakes: &mut Mistakes) -> Vec<usize> {
        let Some(tree) = &mut self.tags else {
            return Vec::new();
        };
        let mut found: Vec<usize> = Vec::new();
        let mut groups: HashSet<TagGroupId> = HashSet::new();
        for (index, tag) in said.tags.iter().enumerate() {
            let index = index.to_string();
            let (resolved, field) = match tag {
                TagRef::Id(id) => (tree.place(*id), "id"),
                TagRef::Path(text) => (tree.resolve(&path::read(text)), "path"),
            };
            match resolved {
                Ok(place) if found.contains(&place) => {}
                Ok(place) => {
                    let group = tree.single_group(place);
                    if group.is_some_and(|group| !groups.insert(group)) {
                        let message = "Two of these tags are values of a group that takes one. \
                                       Keep one.";
                        let path = ["tags", index.as_str()];
                        mistakes.refuse(&path, UserErrorCode::Contradictory, message);
                    }
                    found.push(place);
                }
                Err(error) => {
                    let message = if error.code == UserErrorCode::NotFound {
                        "There is no such tag. Make it first.".to_owned()
                    } else {
                        error.message
                    };
                    mistakes.refuse(&["tags", &index, field], error.code, message);
                }
            }
        }
        found
    }
}

/// The attributes that are named, by their keys.
async fn definitions(
    tx: &Tx<'_>,
    subject: SubjectKind,
    said: &[&Common],
) -> Result<HashMap<String, attribute_definition::Model>> {
    let keys: HashSet<&str> = said
        .iter()
        .flat_map(|one| &one.attributes)
        .map(|one| one.key.trim())
        .collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<attribute_definition::Model> = Query::new(
        "SELECT d.* FROM attribute_definition d WHERE d.workspace_id = $1 AND d.subject = $2",
    )
    .bind(tx.workspace)
    .bind(subject.word())
    .all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .filter(|row| keys.contains(row.key.as_str()))
        .map(|row| (row.key.clone(), row))
        .collect())
}

/// Those of `ids` that are there: the rows `x` of `table` of which `test` holds.
pub(super) async fn by_id<I: Id + std::hash::Hash>(
    tx: &Tx<'_>,
    table: &'static str,
    test: &'static str,
    ids: BTreeSet<I>,
) -> Result<HashSet<I>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<Uuid> = Query::new(format!(
        "SELECT x.id FROM {{r}} JOIN {table} x ON x.workspace_id = $1 AND x.id = r.id {test}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids))
    .column(tx.connection())
    .await?;
    Ok(found.into_iter().map(I::from).collect())
}

#[derive(FromQueryResult)]
struct Row {
    name: String,
    id: Uuid,
}

/// The same by a text that names one of them at most.
pub(super) async fn by_text<I: Id>(
    tx: &Tx<'_>,
    table: &'static str,
    column: &'static str,
    test: &'static str,
    names: BTreeSet<String>,
) -> Result<HashMap<String, I>> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = Query::new(format!(
        "SELECT r.name, x.id FROM {{r}} JOIN {table} x
           ON x.workspace_id = $1 AND x.{column} = r.name {test}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().texts("name", names))
    .all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.name, I::from(row.id)))
        .collect())
}
