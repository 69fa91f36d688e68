//! The quality audit of the tag system: what is wrong with the tags, with numbers, and a plan of
//! which of them to merge.
//!
//! A run goes in steps (`run`): it first draws a sample of things with what they carry and what
//! became of them (`sample`), then asks one `check` after another, then makes the plan (`plan`) and
//! keeps it all (`write`). It runs every night and whenever somebody asks, never twice for one tick;
//! readers see finished runs (`read`). [`apply`] carries out merges of a plan, each at most once.
//!
//! On up to `sample::BUDGET` things everything is exact. On more, what is about which things carry a
//! tag (same members, together, several values, outcomes) is measured on a sample of about that
//! many, the same for all checks, and says so; tags too rare to show in it are left out of those
//! checks.
//!
//! To add a check: a file in `check`, its kind in `TagFindingKind`, and its line in `check::CHECKS`.

pub mod apply;
mod check;
mod name;
mod plan;
mod read;
mod run;
mod sample;
mod write;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::{
    id::{TagGroupId, TagId, TagQualityRunId},
    kind::{TagFindingKind, TagFindingSeverity, TagKind, TagTarget},
    tag,
};
use sea_orm::Iterable as _;
use serde::{Deserialize, Serialize};

use crate::{
    store::Tx,
    tag::catalogue::{Counts, Forest, ForestFilter},
};

pub use plan::{Confidence, Outcome, Plan, PlannedMerge, Reason};
pub use read::{FindingFilter, Tally, find, findings, latest, list, tally};
pub use run::{NightlyQuality, TagQuality, start};
pub use sample::Sample;

/// Something that is wrong with tags, or may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What.
    pub kind: TagFindingKind,
    /// How much it matters.
    pub severity: TagFindingSeverity,
    /// The tags it is about; where one should go, the one that should stay comes first.
    pub tags: Vec<TagId>,
    /// The group it is about.
    pub group: Option<TagGroupId>,
    /// The numbers that show it.
    pub evidence: Vec<Figure>,
}

/// One number of the evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, async_graphql::SimpleObject)]
#[graphql(name = "TagFindingFigure")]
pub struct Figure {
    /// What the number says; the description of the kind of finding explains the names.
    pub name: String,
    /// The number: a count, a share from 0 to 1, a ratio, or days.
    pub value: f64,
}

impl Finding {
    fn new(kind: TagFindingKind, severity: TagFindingSeverity, tags: Vec<TagId>) -> Self {
        Self {
            kind,
            severity,
            tags,
            group: None,
            evidence: Vec::new(),
        }
    }

    fn of_group(mut self, group: Option<TagGroupId>) -> Self {
        self.group = group;
        self
    }

    fn with(mut self, name: &str, value: f64) -> Self {
        self.evidence.push(Figure {
            name: name.to_owned(),
            value,
        });
        self
    }

    fn count(self, name: &str, value: i64) -> Self {
        self.with(name, value as f64)
    }
}

/// What every check may look at.
struct Scope<'a> {
    tx: &'a Tx<'a>,
    run: TagQualityRunId,
    /// The moment the run is about.
    as_of: DateTime<Utc>,
    /// Days without a tagging after which a tag counts as unused.
    unused_days: i64,
    forest: &'a Forest,
    counts: &'a Counts,
    sample: &'a Sample,
}

impl Scope<'_> {
    /// The tags in use: not archived.
    fn tags(&self) -> impl Iterator<Item = &tag::Model> {
        self.forest.list(ForestFilter::default()).map(AsRef::as_ref)
    }

    /// How many things carry the tag itself, and how many it or one below it.
    fn carried(&self, tag: TagId) -> (i64, i64) {
        TagTarget::iter()
            .filter_map(|target| self.counts.get(&(tag, target)))
            .fold((0, 0), |(direct, total), count| {
                (direct + count.direct, total + count.total)
            })
    }

    /// The tags above a tag, the nearest first.
    fn above(&self, tag: TagId) -> Vec<TagId> {
        let mut above = Vec::new();
        let mut next = self.forest.get(tag).and_then(|tag| tag.parent_id);
        while let Some(id) = next
            && above.len() < crate::tag::catalogue::DEPTH_LIMIT * 2
        {
            above.push(id);
            next = self.forest.get(id).and_then(|tag| tag.parent_id);
        }
        above
    }

    /// Whether two tags are values of different dimensions, so that they cannot mean the same.
    fn differ_in_dimension(a: &tag::Model, b: &tag::Model) -> bool {
        a.kind != b.kind
            || (a.group_id != b.group_id && a.group_id.is_some() && b.group_id.is_some())
    }

    /// Whether two tags answer the same question, as far as their places tell: values of one group, of
    /// one tree, or tags that stand by themselves. Tags of different questions may well be on the same
    /// things, and still mean different things.
    fn answer_one_question(&self, a: &tag::Model, b: &tag::Model) -> bool {
        if a.kind != b.kind || a.group_id != b.group_id {
            return false;
        }
        a.group_id.is_some() || self.tree(a) == self.tree(b)
    }

    /// The tag at the top of a tag's tree; nothing for one that stands by itself.
    fn tree(&self, tag: &tag::Model) -> Option<TagId> {
        if let Some(top) = self.above(tag.id).last() {
            return Some(*top);
        }
        let all = ForestFilter {
            archived: true,
            ..ForestFilter::default()
        };
        let mut below = self.forest.list(all);
        below
            .any(|one| one.parent_id == Some(tag.id))
            .then_some(tag.id)
    }

    /// The tags of each group.
    fn by_group(&self) -> BTreeMap<TagGroupId, Vec<&tag::Model>> {
        let mut groups: BTreeMap<TagGroupId, Vec<&tag::Model>> = BTreeMap::new();
        for tag in self.tags() {
            if let Some(group) = tag.group_id {
                groups.entry(group).or_default().push(tag);
            }
        }
        groups
    }

    /// How many things of the kinds that tags of `kind` are on there are in the sample.
    fn sampled(&self, kind: TagKind) -> i64 {
        match kind {
            TagKind::Contact => self.sample.things.contacts + self.sample.things.accounts,
            TagKind::Conversation => self.sample.things.conversations,
        }
    }
}
