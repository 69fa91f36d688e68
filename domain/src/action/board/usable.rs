//! Which of the things that effects name can be had, looked up in a statement for each kind.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    attribute_definition,
    id::{Id as _, MemberId, TagId},
    kind::SubjectKind,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::Wanted;
use crate::{
    action::Effect,
    attribute::{
        self,
        value::{self, Stored},
    },
    conversation::Changes,
    error::Result,
    store::{Query, Rows, Tx},
};

/// What an effect names is not there any more.
pub(super) struct Gone;

/// Those things that effects name which can be had: neither archived, switched off nor removed since.
#[derive(Debug, Default)]
pub(crate) struct Usable {
    pub(super) tags: HashSet<Uuid>,
    /// The tags that follow from each, itself included; also of those that may have to give way.
    pub(super) above: HashMap<Uuid, Vec<Uuid>>,
    /// The SINGLE group of each tag that is in one that an effect names.
    pub(super) groups: HashMap<Uuid, Uuid>,
    pub(super) targets: HashSet<Uuid>,
    pub(super) members: HashSet<Uuid>,
    pub(super) attributes: HashMap<Uuid, attribute_definition::Model>,
    /// How many days lie between two invitations to each survey.
    pub(super) surveys: HashMap<Uuid, i64>,
    pub(super) now: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Survey {
    id: Uuid,
    wave_days: i64,
}

#[derive(FromQueryResult)]
struct Link {
    tag_id: Uuid,
    ancestor_id: Uuid,
    group_id: Option<Uuid>,
    usable: bool,
}

impl Usable {
    /// Looks up what is wanted, in a statement for each kind of thing.
    pub(crate) async fn load(tx: &Tx<'_>, wanted: &Wanted) -> Result<Self> {
        let mut usable = Self {
            now: tx.now,
            ..Self::default()
        };
        if !wanted.tags.is_empty() {
            usable.load_tags(tx, &wanted.tags).await?;
        }
        usable.targets = present(
            tx,
            &wanted.targets,
            "notification_target",
            "x.disabled_at IS NULL",
        )
        .await?;
        usable.members = present(tx, &wanted.members, "member", "x.removed_at IS NULL").await?;
        if !wanted.attributes.is_empty() {
            let definitions: Vec<attribute_definition::Model> = Query::new(
                "SELECT d.* FROM {r} JOIN attribute_definition d
                   ON d.workspace_id = $1 AND d.id = r.id AND d.archived_at IS NULL",
            )
            .bind(tx.workspace)
            .rows(
                "r",
                Rows::new().uuids("id", wanted.attributes.iter().copied()),
            )
            .all(tx.connection())
            .await?;
            let definitions = definitions.into_iter();
            usable.attributes = definitions.map(|one| (one.id.uuid(), one)).collect();
        }
        if !wanted.surveys.is_empty() {
            let surveys: Vec<Survey> = Query::new(
                "SELECT s.id, s.wave_days FROM {r} JOIN survey s
                   ON s.workspace_id = $1 AND s.id = r.id AND s.archived_at IS NULL",
            )
            .bind(tx.workspace)
            .rows("r", Rows::new().uuids("id", wanted.surveys.iter().copied()))
            .all(tx.connection())
            .await?;
            let surveys = surveys.into_iter();
            usable.surveys = surveys.map(|one| (one.id, one.wave_days)).collect();
        }
        Ok(usable)
    }

    /// With the tags that are named, all other values of their groups that take one. Nobody moves,
    /// merges or deletes them from here on.
    async fn load_tags(&mut self, tx: &Tx<'_>, tags: &BTreeSet<Uuid>) -> Result<()> {
        let lock = tx.reference_lock();
        let links: Vec<Link> = Query::new(format!(
            "WITH n AS (SELECT t.id, t.group_id FROM {{r}}
                        JOIN tag t ON t.workspace_id = $1 AND t.id = r.id),
                  s AS (SELECT g.id FROM tag_group g WHERE g.workspace_id = $1
                          AND g.selection = 'SINGLE' AND g.id IN (SELECT n.group_id FROM n))
             SELECT l.tag_id, l.ancestor_id, s.id AS group_id,
                    t.archived_at IS NULL AND t.deleted_at IS NULL AS usable
             FROM tag t
             JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = t.id
             LEFT JOIN s ON s.id = t.group_id
             WHERE t.workspace_id = $1
               AND (t.id IN (SELECT n.id FROM n) OR t.group_id IN (SELECT s.id FROM s))
             ORDER BY t.id {lock}"
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", tags.iter().copied()))
        .all(tx.connection())
        .await?;
        for link in links {
            let above = self.above.entry(link.tag_id).or_default();
            above.push(link.ancestor_id);
            if let Some(group) = link.group_id {
                self.groups.insert(link.tag_id, group);
            }
            if link.usable {
                self.tags.insert(link.tag_id);
            }
        }
        Ok(())
    }

    pub(super) fn above(&self, tag: Uuid) -> &[Uuid] {
        self.above.get(&tag).map_or(&[], Vec::as_slice)
    }

    /// How many days lie between two invitations to a survey that is named, if it can be sent.
    pub(crate) fn wave(&self, survey: Uuid) -> Option<i64> {
        self.surveys.get(&survey).copied()
    }

    /// Whether a tag that is named can be put on.
    pub(crate) fn has_tag(&self, tag: Uuid) -> bool {
        self.tags.contains(&tag)
    }

    /// The group of a tag that takes one value, or the tag itself: what effects on it may collide in.
    pub(crate) fn slot(&self, tag: TagId) -> Uuid {
        self.groups.get(&tag.uuid()).copied().unwrap_or(tag.uuid())
    }

    /// The value as it is stored, or that the attribute of such things, or an option, is gone.
    pub(super) fn value(
        &self,
        of: SubjectKind,
        attribute: Uuid,
        value: Option<&serde_json::Value>,
    ) -> std::result::Result<Option<Stored>, Gone> {
        let definition = self.attributes.get(&attribute);
        let definition = definition.filter(|one| one.subject == of).ok_or(Gone)?;
        let Some(value) = value else {
            return Ok(None);
        };
        let value: attribute::Value = serde_json::from_value(value.clone()).map_err(|_| Gone)?;
        value::check(definition, value, &[])
            .map(Some)
            .map_err(|_| Gone)
    }

    /// The member that is named, if one is, or that this one is gone.
    pub(super) fn member(
        &self,
        named: Option<Uuid>,
    ) -> std::result::Result<Option<MemberId>, Gone> {
        let is_there = named.is_none_or(|member| self.members.contains(&member));
        is_there.then_some(named.map(MemberId)).ok_or(Gone)
    }

    /// What a conversation's effect changes; nothing if the member it names is gone.
    pub(super) fn changes(&self, effect: &Effect) -> Option<Changes> {
        Some(match effect {
            Effect::Assign { member_id, .. } => Changes {
                assignee: Some(self.member(*member_id).ok()?),
                ..Changes::default()
            },
            Effect::SetStatus {
                status,
                snooze_minutes,
            } => Changes {
                status: Some(*status),
                snoozed_until: snooze_minutes.map(|minutes| self.now + TimeDelta::minutes(minutes)),
                ..Changes::default()
            },
            Effect::SetPriority { priority } => Changes {
                priority: Some(*priority),
                ..Changes::default()
            },
            Effect::Watch { member_id } => Changes {
                watch: self.member(Some(*member_id)).ok()?.into_iter().collect(),
                ..Changes::default()
            },
            _ => return None,
        })
    }
}

/// Which of the ids there are in `table` that hold; they cannot be changed before the transaction
/// ends without its effects being seen.
async fn present(
    tx: &Tx<'_>,
    ids: &BTreeSet<Uuid>,
    table: &'static str,
    holds: &'static str,
) -> Result<HashSet<Uuid>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<Uuid> = Query::new(format!(
        "SELECT x.id FROM {{r}} JOIN {table} x ON x.workspace_id = $1 AND x.id = r.id AND {holds}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .column(tx.connection())
    .await?;
    Ok(found.into_iter().collect())
}
