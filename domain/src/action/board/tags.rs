//! The tags of things, as they stand before the effect at hand.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::id::WorkspaceId;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Usable, Wanted, decision::Stay};
use crate::{
    condition::facts::TagSet,
    error::Result,
    store::{Query, Rows, Tx},
    tag::tagging::ends_later,
};

/// The tags of things, as they stand before the effect at hand.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    sets: HashMap<Uuid, TagSet>,
    none: TagSet,
    /// Of each thing and tag, how many taggings on the thing make it count as tagged.
    counts: HashMap<(Uuid, Uuid), i64>,
    /// The things and tags that others than rules and playbooks have put on them.
    kept: HashSet<(Uuid, Uuid)>,
    /// When tags come off things by themselves.
    ends: HashMap<(Uuid, Uuid), DateTime<Utc>>,
    /// The segments that things have to be in for tags to stay on them.
    whiles: HashMap<(Uuid, Uuid), BTreeSet<Uuid>>,
    /// The things and the segments they are in, of those that effects name.
    members: HashSet<(Uuid, Uuid)>,
}

#[derive(FromQueryResult)]
struct Carried {
    target_id: Uuid,
    tag_id: Uuid,
    direct: bool,
    automatic: bool,
    taggings: i64,
    expires_at: Option<DateTime<Utc>>,
    segment_id: Option<Uuid>,
}

#[derive(FromQueryResult)]
struct Inside {
    subject_id: Uuid,
    segment_id: Uuid,
}

/// What became of a tag that was to be put on.
pub(super) enum Put {
    Done,
    /// It is there already, and is to come off later.
    Renewed,
    ThereAlready,
    OtherValueKept,
}

/// What became of a tag that was to be taken off.
pub(super) enum Take {
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
    /// Reads the tags of `things` in one statement and, if `wanted` names segments, in another which of these
    /// they are in.
    pub(crate) async fn load(tx: &Tx<'_>, things: HashSet<Uuid>, wanted: &Wanted) -> Result<Self> {
        if things.is_empty() {
            return Ok(Self::default());
        }
        let members = members(tx, &things, &wanted.segments).await?;
        // The rank index also has a row for each tag above one that was put on.
        let carried: Vec<Carried> = Query::new(
            "WITH t AS (SELECT r.workspace_id, r.id FROM {r})
             SELECT g.target_id, g.tag_id, TRUE AS direct,
                    (g.rule_id IS NOT NULL
                     OR g.added_by ->> 'kind' IN ('PLAYBOOK', 'TRACKED_LINK')) AS automatic,
                    0 AS taggings, g.expires_at, w.segment_id
             FROM t CROSS JOIN tagging g
             LEFT JOIN tagging_segment w ON w.workspace_id = g.workspace_id AND w.tagging_id = g.id
               AND w.left_at IS NULL
             WHERE g.workspace_id = t.workspace_id AND g.target_id = t.id AND g.removed_at IS NULL
             UNION ALL
             SELECT k.target_id, k.tag_id, FALSE AS direct, FALSE AS automatic, k.taggings,
                    NULL AS expires_at, NULL AS segment_id
             FROM t CROSS JOIN tag_rank k
             WHERE k.workspace_id = t.workspace_id AND k.target_id = t.id",
        )
        .rows("r", ids_here(tx.workspace, things.into_iter()))
        .all(tx.connection())
        .await?;
        let mut gathered: HashMap<Uuid, (Vec<Uuid>, Vec<Uuid>)> = HashMap::new();
        let (mut counts, mut kept, mut ends) = (HashMap::new(), HashSet::new(), HashMap::new());
        let mut whiles: HashMap<(Uuid, Uuid), BTreeSet<Uuid>> = HashMap::new();
        for row in carried {
            let (direct, above) = gathered.entry(row.target_id).or_default();
            let pair = (row.target_id, row.tag_id);
            if row.direct {
                // What stays while its thing is in several segments has a row for each.
                let is_known = direct.contains(&row.tag_id);
                if let Some(segment) = row.segment_id {
                    whiles.entry(pair).or_default().insert(segment);
                }
                if is_known {
                    continue;
                }
                direct.push(row.tag_id);
                ends.extend(row.expires_at.map(|at| (pair, at)));
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
            ends,
            whiles,
            members,
        })
    }

    /// The tags of a thing.
    pub(crate) fn of(&self, thing: Uuid) -> &TagSet {
        self.sets.get(&thing).unwrap_or(&self.none)
    }

    /// Whether a thing is in a segment that an effect names, and that was complete once.
    pub(super) fn is_in(&self, thing: Uuid, segment: Uuid) -> bool {
        self.members.contains(&(thing, segment))
    }

    /// Notes that a tag was put on for so long, and that another value of its SINGLE group gave way. What
    /// others than rules and playbooks have set gives way to neither, and keeps its end.
    pub(super) fn put(&mut self, thing: Uuid, tag: Uuid, stay: Stay, usable: &Usable) -> Put {
        let pair = (thing, tag);
        let set = self.sets.entry(thing).or_default();
        if set.has(tag, false) {
            if self.kept.contains(&pair) || !self.stays_longer(pair, stay) {
                return Put::ThereAlready;
            }
            self.prolong(pair, stay);
            return Put::Renewed;
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
        self.begin(pair, stay);
        Put::Done
    }

    /// Whether a tag that a rule, a playbook or a tracked link has put on has another reason to stay by this. Of a
    /// moment and a segment none can say which ends later: it stays until both have.
    fn stays_longer(&self, pair: (Uuid, Uuid), stay: Stay) -> bool {
        let ends = self.ends.get(&pair).copied();
        let Some(whiles) = self.whiles.get(&pair) else {
            return match stay.while_in {
                Some(_) => ends.is_some(),
                None => ends_later(stay.until, ends),
            };
        };
        match stay {
            Stay {
                while_in: Some(segment),
                ..
            } => !whiles.contains(&segment.0),
            Stay { until: None, .. } => true,
            Stay { until, .. } => ends.is_none() || ends_later(until, ends),
        }
    }

    fn prolong(&mut self, pair: (Uuid, Uuid), stay: Stay) {
        if let Some(segment) = stay.while_in {
            self.whiles.entry(pair).or_default().insert(segment.0);
            return;
        }
        if stay.until.is_none() {
            self.whiles.remove(&pair);
        }
        self.set_end(pair, stay.until);
    }

    fn begin(&mut self, pair: (Uuid, Uuid), stay: Stay) {
        self.set_end(pair, stay.until);
        let whiles: BTreeSet<Uuid> = stay.while_in.iter().map(|id| id.0).collect();
        if whiles.is_empty() {
            self.whiles.remove(&pair);
        } else {
            self.whiles.insert(pair, whiles);
        }
    }

    /// Notes that a tag was taken off.
    pub(super) fn take(&mut self, thing: Uuid, tag: Uuid, anyway: bool, usable: &Usable) -> Take {
        if !self.of(thing).has(tag, false) {
            return Take::NotThere;
        }
        if !anyway && self.kept.contains(&(thing, tag)) {
            return Take::Kept;
        }
        self.lose(thing, tag, usable);
        Take::Done
    }

    fn set_end(&mut self, pair: (Uuid, Uuid), until: Option<DateTime<Utc>>) {
        match until {
            Some(until) => self.ends.insert(pair, until),
            None => self.ends.remove(&pair),
        };
    }

    fn lose(&mut self, thing: Uuid, tag: Uuid, usable: &Usable) {
        self.kept.remove(&(thing, tag));
        self.ends.remove(&(thing, tag));
        self.whiles.remove(&(thing, tag));
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

/// Which of `segments`, of those that were complete once, each of `things` is in.
async fn members(
    tx: &Tx<'_>,
    things: &HashSet<Uuid>,
    segments: &BTreeSet<Uuid>,
) -> Result<HashSet<(Uuid, Uuid)>> {
    if segments.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<Inside> = Query::new(
        "SELECT m.subject_id, m.segment_id FROM {s}
         JOIN segment g ON g.workspace_id = $1 AND g.id = s.id AND g.filled_at IS NOT NULL
           AND g.deleted_at IS NULL
         JOIN segment_member m ON m.workspace_id = $1 AND m.segment_id = g.id
         WHERE {things}",
    )
    .bind(tx.workspace)
    .rows("s", Rows::new().uuids("id", segments.iter().copied()))
    .among("things", "m.subject_id", things.iter().copied())
    .all(tx.connection())
    .await?;
    let found = found.into_iter();
    Ok(found.map(|one| (one.subject_id, one.segment_id)).collect())
}
