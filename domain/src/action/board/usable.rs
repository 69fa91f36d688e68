//! What has to be known to decide about effects, and the decision.
//!
//! The board is read once for any number of effects and kept up to date while they are decided one
//! after the other: what one puts on, the next finds there. Nothing is written here.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    attribute_definition,
    id::{
        AttributeId, ContactId, ConversationId, Id as _, MemberId, PlaybookId, SurveyId, TagId,
        TargetId, WorkspaceId,
    },
    kind::{LifecycleStage, TagTarget, TaskPriority},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    Case, Effect, OutcomeResult, TaskAssignee,
    effect::{TagAct, Tagging},
};
use crate::{
    attribute::{
        self,
        value::{self, Stored},
    },
    condition::facts::TagSet,
    conversation::Changes,
    error::Result,
    store::{Query, Rows, Tx},
    tag::Request,
};

/// The ids that effects name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    tags: BTreeSet<Uuid>,
    targets: BTreeSet<Uuid>,
    members: BTreeSet<Uuid>,
    attributes: BTreeSet<Uuid>,
    surveys: BTreeSet<Uuid>,
}

impl Wanted {
    /// How many ids are named.
    pub(crate) fn len(&self) -> usize {
        self.tags.len()
            + self.targets.len()
            + self.members.len()
            + self.attributes.len()
            + self.surveys.len()
    }

    pub(crate) fn note(&mut self, effect: &Effect) {
        if let Some(tagging) = effect.tagging() {
            self.tags.insert(tagging.tag_id);
        }
        match effect {
            Effect::Notify { target_id, .. } => drop(self.targets.insert(*target_id)),
            Effect::Assign { member_id } => self.members.extend(member_id),
            Effect::SetAttribute { attribute_id, .. } => {
                self.attributes.insert(*attribute_id);
            }
            Effect::SendSurvey { survey_id } => drop(self.surveys.insert(*survey_id)),
            _ => {}
        }
    }
}

/// What is to be written for an effect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    /// Nothing.
    Nothing(OutcomeResult),
    /// The tag is put on.
    Put(Request),
    /// The tag is taken off; if so told, also when a person set it.
    Take(Request, bool),
    /// The conversation is changed.
    Conversation(ConversationId, Changes),
    /// The contact gets a value, or loses it.
    Attribute(ContactId, AttributeId, Option<Stored>),
    /// The contact moves to a stage.
    Stage(ContactId, Option<LifecycleStage>),
    /// The target is told.
    Notify {
        target: TargetId,
        title: Option<String>,
        text: Option<String>,
    },
    /// A task is made.
    Task {
        title: String,
        description: String,
        priority: TaskPriority,
        due_in_minutes: Option<i64>,
        assignee: TaskAssignee,
    },
    /// The contact is taken into the playbook.
    Start(ContactId, PlaybookId),
    /// The contact is taken out of the playbook.
    Stop(ContactId, PlaybookId),
    /// The contact is asked to answer the survey.
    Ask(ContactId, SurveyId),
}

/// Decides about one effect on one case, with the tags as they stand, and keeps those up to date.
pub(crate) fn decide(effect: &Effect, case: &Case, tags: &mut Tags, usable: &Usable) -> Decision {
    if let Some(tagging) = effect.tagging() {
        return decide_tag(tagging, case, tags, usable);
    }
    let nothing = Decision::Nothing;
    match effect {
        Effect::Notify {
            target_id,
            title,
            text,
        } => {
            if !usable.targets.contains(target_id) {
                return nothing(OutcomeResult::TargetUnavailable);
            }
            Decision::Notify {
                target: TargetId(*target_id),
                title: title.clone(),
                text: text.clone(),
            }
        }
        Effect::SetAttribute {
            attribute_id,
            value,
        } => match case.contact {
            None => nothing(OutcomeResult::NothingToActOn),
            Some(contact) => match usable.value(*attribute_id, value.as_ref()) {
                Err(Gone) => nothing(OutcomeResult::Unavailable),
                Ok(stored) => Decision::Attribute(contact, AttributeId(*attribute_id), stored),
            },
        },
        Effect::CreateTask {
            title,
            description,
            priority,
            due_in_minutes,
            assignee,
        } => Decision::Task {
            title: title.clone(),
            description: description.clone(),
            priority: *priority,
            due_in_minutes: *due_in_minutes,
            assignee: *assignee,
        },
        Effect::StartPlaybook { playbook_id } => case
            .contact
            .map_or(nothing(OutcomeResult::NothingToActOn), |contact| {
                Decision::Start(contact, PlaybookId(*playbook_id))
            }),
        Effect::StopPlaybook { playbook_id } => case
            .contact
            .map_or(nothing(OutcomeResult::NothingToActOn), |contact| {
                Decision::Stop(contact, PlaybookId(*playbook_id))
            }),
        Effect::SendSurvey { survey_id } => match case.contact {
            None => nothing(OutcomeResult::NothingToActOn),
            Some(_) if usable.wave(*survey_id).is_none() => nothing(OutcomeResult::Unavailable),
            Some(contact) => Decision::Ask(contact, SurveyId(*survey_id)),
        },
        Effect::SetStage { stage } => match case.contact {
            None => nothing(OutcomeResult::NothingToActOn),
            Some(contact) => Decision::Stage(contact, *stage),
        },
        _ => match (case.conversation, usable.changes(effect)) {
            (None, _) => nothing(OutcomeResult::NothingToActOn),
            (_, None) => nothing(OutcomeResult::Unavailable),
            (Some(id), Some(changes)) => Decision::Conversation(id, changes),
        },
    }
}

fn decide_tag(tagging: Tagging, case: &Case, tags: &mut Tags, usable: &Usable) -> Decision {
    let Tagging {
        target,
        tag_id,
        act,
    } = tagging;
    let thing = match target {
        TagTarget::Conversation => case.conversation.map(|id| id.0),
        TagTarget::Contact => case.contact.map(|id| id.0),
        TagTarget::Account => case.account.map(|id| id.0),
    };
    let Some(target_id) = thing else {
        return Decision::Nothing(OutcomeResult::NothingToActOn);
    };
    let request = Request {
        target,
        target_id,
        tag: TagId(tag_id),
    };
    if act == TagAct::Put {
        if !usable.tags.contains(&tag_id) {
            return Decision::Nothing(OutcomeResult::TagUnavailable);
        }
        return match tags.put(target_id, tag_id, usable) {
            Put::ThereAlready => Decision::Nothing(OutcomeResult::AlreadyTagged),
            Put::OtherValueKept => Decision::Nothing(OutcomeResult::OtherValueKept),
            Put::Done => Decision::Put(request),
        };
    }
    let anyway = act == TagAct::TakeAnyway;
    match tags.take(target_id, tag_id, anyway, usable) {
        Take::NotThere => Decision::Nothing(OutcomeResult::NotTagged),
        Take::Kept => Decision::Nothing(OutcomeResult::SetByMember),
        Take::Done => Decision::Take(request, anyway),
    }
}

/// The tags of things, as they stand before the effect at hand.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    sets: HashMap<Uuid, TagSet>,
    none: TagSet,
    /// Of each thing and tag, how many taggings on the thing make it count as tagged.
    counts: HashMap<(Uuid, Uuid), i64>,
    /// The things and tags that others than rules and playbooks have put on them.
    kept: HashSet<(Uuid, Uuid)>,
}

#[derive(FromQueryResult)]
struct Carried {
    target_id: Uuid,
    tag_id: Uuid,
    direct: bool,
    automatic: bool,
    taggings: i64,
}

/// What became of a tag that was to be put on.
enum Put {
    Done,
    ThereAlready,
    OtherValueKept,
}

/// What became of a tag that was to be taken off.
enum Take {
    Done,
    NotThere,
    Kept,
}

/// The workspace beside every id. It travels as a column of the rows, not as one parameter, on
/// purpose: given as a constant, PostgreSQL is tempted to read all rows of the workspace as long as
/// it has no statistics of a table, as after a large import; given so, it looks each id up. SQLite
/// does the same when told by `CROSS JOIN` to begin with the ids.
pub(crate) fn ids_here(workspace: WorkspaceId, ids: impl ExactSizeIterator<Item = Uuid>) -> Rows {
    let workspaces = std::iter::repeat_n(workspace, ids.len());
    Rows::new().ids("workspace_id", workspaces).uuids("id", ids)
}

impl Tags {
    /// Reads the tags of `things`, in one statement.
    pub(crate) async fn load(tx: &Tx<'_>, things: HashSet<Uuid>) -> Result<Self> {
        if things.is_empty() {
            return Ok(Self::default());
        }
        // The rank index also has a row for each tag above one that was put on.
        let carried: Vec<Carried> = Query::new(
            "WITH t AS (SELECT r.workspace_id, r.id FROM {r})
             SELECT g.target_id, g.tag_id, TRUE AS direct,
                    (g.rule_id IS NOT NULL OR g.added_by ->> 'kind' = 'PLAYBOOK') AS automatic,
                    0 AS taggings
             FROM t CROSS JOIN tagging g
             WHERE g.workspace_id = t.workspace_id AND g.target_id = t.id AND g.removed_at IS NULL
             UNION ALL
             SELECT k.target_id, k.tag_id, FALSE AS direct, FALSE AS automatic, k.taggings
             FROM t CROSS JOIN tag_rank k
             WHERE k.workspace_id = t.workspace_id AND k.target_id = t.id",
        )
        .rows("r", ids_here(tx.workspace, things.into_iter()))
        .all(tx.connection())
        .await?;
        let mut gathered: HashMap<Uuid, (Vec<Uuid>, Vec<Uuid>)> = HashMap::new();
        let (mut counts, mut kept) = (HashMap::new(), HashSet::new());
        for row in carried {
            let (direct, above) = gathered.entry(row.target_id).or_default();
            let pair = (row.target_id, row.tag_id);
            if row.direct {
                direct.push(row.tag_id);
                if !row.automatic {
                    kept.insert(pair);
                }
            } else {
                above.push(row.tag_id);
                counts.insert(pair, row.taggings);
            }
        }
        let sets = gathered
            .into_iter()
            .map(|(target, (direct, above))| (target, TagSet::new(direct, above)))
            .collect();
        Ok(Self {
            sets,
            none: TagSet::default(),
            counts,
            kept,
        })
    }

    /// The tags of a thing.
    pub(crate) fn of(&self, thing: Uuid) -> &TagSet {
        self.sets.get(&thing).unwrap_or(&self.none)
    }

    /// Notes that a tag was put on, and that another value of its SINGLE group gave way. What others
    /// than rules and playbooks have set gives way to neither.
    fn put(&mut self, thing: Uuid, tag: Uuid, usable: &Usable) -> Put {
        let set = self.sets.entry(thing).or_default();
        if set.has(tag, false) {
            return Put::ThereAlready;
        }
        let group = usable.groups.get(&tag);
        let other = group.and_then(|group| {
            let mut values = set.direct().iter().copied();
            values.find(|value| usable.groups.get(value) == Some(group))
        });
        if let Some(other) = other {
            if self.kept.contains(&(thing, other)) {
                return Put::OtherValueKept;
            }
            self.lose(thing, other, usable);
        }
        let set = self.sets.entry(thing).or_default();
        let mut direct = set.direct().to_vec();
        let mut expanded = set.expanded().to_vec();
        direct.push(tag);
        for &above in usable.above(tag) {
            *self.counts.entry((thing, above)).or_default() += 1;
            expanded.push(above);
        }
        *set = TagSet::new(direct, expanded);
        Put::Done
    }

    /// Notes that a tag was taken off.
    fn take(&mut self, thing: Uuid, tag: Uuid, anyway: bool, usable: &Usable) -> Take {
        if !self.of(thing).has(tag, false) {
            return Take::NotThere;
        }
        if !anyway && self.kept.contains(&(thing, tag)) {
            return Take::Kept;
        }
        self.lose(thing, tag, usable);
        Take::Done
    }

    fn lose(&mut self, thing: Uuid, tag: Uuid, usable: &Usable) {
        self.kept.remove(&(thing, tag));
        let set = self.sets.entry(thing).or_default();
        let mut direct = set.direct().to_vec();
        let mut expanded = set.expanded().to_vec();
        direct.retain(|&one| one != tag);
        for &above in usable.above(tag) {
            let count = self.counts.entry((thing, above)).or_default();
            *count -= 1;
            if *count <= 0 {
                expanded.retain(|&one| one != above);
            }
        }
        *set = TagSet::new(direct, expanded);
    }
}

/// What an effect names is not there any more.
struct Gone;

/// Those things that effects name which can be had: neither archived, switched off nor removed since.
#[derive(Debug, Default)]
pub(crate) struct Usable {
    tags: HashSet<Uuid>,
    /// The tags that follow from each, itself included; also of those that may have to give way.
    above: HashMap<Uuid, Vec<Uuid>>,
    /// The SINGLE group of each tag that is in one that an effect names.
    groups: HashMap<Uuid, Uuid>,
    targets: HashSet<Uuid>,
    members: HashSet<Uuid>,
    attributes: HashMap<Uuid, attribute_definition::Model>,
    /// How many days lie between two invitations to each survey.
    surveys: HashMap<Uuid, i64>,
    now: DateTime<Utc>,
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
                   ON d.workspace_id = $1 AND d.id = r.id
                  AND d.subject = 'CONTACT' AND d.archived_at IS NULL",
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

    fn above(&self, tag: Uuid) -> &[Uuid] {
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

    /// The value as it is stored, or that the attribute, or an option, is gone.
    fn value(
        &self,
        attribute: Uuid,
        value: Option<&serde_json::Value>,
    ) -> std::result::Result<Option<Stored>, Gone> {
        let definition = self.attributes.get(&attribute).ok_or(Gone)?;
        let Some(value) = value else {
            return Ok(None);
        };
        let value: attribute::Value = serde_json::from_value(value.clone()).map_err(|_| Gone)?;
        value::check(definition, value, &[])
            .map(Some)
            .map_err(|_| Gone)
    }

    /// What a conversation's effect changes; nothing if the member it names is gone.
    fn changes(&self, effect: &Effect) -> Option<Changes> {
        Some(match effect {
            Effect::Assign { member_id } => {
                if member_id.is_some_and(|member| !self.members.contains(&member)) {
                    return None;
                }
                Changes {
                    assignee: Some(member_id.map(MemberId)),
                    ..Changes::default()
                }
            }
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
