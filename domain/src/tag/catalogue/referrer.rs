//! What names tags and their groups from outside the tree: it is listed before one is deleted, and follows
//! when a tag is merged.
//!
//! A new noun that names tags (a segment, a report) implements [`Referrer`] and adds its line to
//! [`REFERRERS`]; nothing else here changes.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, TagGroupId, TagId, TagMergeId, WorkspaceId},
    kind::TagKind,
};
use serde_json::Value;
use uuid::Uuid;

use super::merge_note;

use crate::{
    access::Origin,
    condition::reference::{IdKind, Reference},
    error::{Error, Result, UserError, UserErrorCode},
    link, playbook, report, rule, segment,
    store::{Transaction, Tx},
};

/// The kind of thing that names a tag or a tag group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum, serde::Serialize)]
#[graphql(name = "TagUseKind")]
pub enum UseKind {
    /// A rule, in its trigger, its condition or its actions.
    Rule,
    /// A report, in what it counts.
    Report,
    /// A segment, in its condition.
    Segment,
    /// A playbook, in a version that is published, newest, or that somebody is enrolled in.
    Playbook,
    /// A tracked link, which puts it on whoever follows it.
    TrackedLink,
}

impl UseKind {
    /// The word that is stored.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Rule => "RULE",
            Self::Report => "REPORT",
            Self::Segment => "SEGMENT",
            Self::Playbook => "PLAYBOOK",
            Self::TrackedLink => "TRACKED_LINK",
        }
    }
}

/// One thing that names a tag or a group.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Use {
    /// What kind of thing.
    pub kind: UseKind,
    /// Its id, in text form.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version, so that a changed one is told from an unchanged one.
    pub version: i64,
    /// Whether it is at work, so that what it names cannot be deleted.
    pub active: bool,
}

/// What everything is asked whether it names it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sought<'a> {
    /// Any of these tags, all of one kind.
    Tags(&'a [TagId]),
    /// Any of these groups of tags themselves, not the tags in them.
    Groups(&'a [TagGroupId]),
}

impl Sought<'_> {
    /// Whether `reference` names it.
    pub(crate) fn is_named_by(self, reference: &Reference) -> bool {
        match self {
            Self::Tags(tags) => reference.is_tag_of(tags),
            Self::Groups(groups) => {
                matches!(reference.kind, IdKind::TagGroup(_))
                    && groups.iter().any(|group| group.uuid() == reference.id)
            }
        }
    }

    fn ids(self) -> Vec<Uuid> {
        match self {
            Self::Tags(tags) => tags.iter().map(|tag| tag.uuid()).collect(),
            Self::Groups(groups) => groups.iter().map(|group| group.uuid()).collect(),
        }
    }

    fn halves(self) -> [Self; 2] {
        match self {
            Self::Tags(tags) => {
                let (left, right) = tags.split_at(tags.len() / 2);
                [Self::Tags(left), Self::Tags(right)]
            }
            Self::Groups(groups) => {
                let (left, right) = groups.split_at(groups.len() / 2);
                [Self::Groups(left), Self::Groups(right)]
            }
        }
    }
}

/// A tag that went, and the one that stands in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Merged {
    /// The one that went.
    pub(crate) source: TagId,
    /// The one that stays, unless a later pair says that it went too.
    pub(crate) target: TagId,
}

/// What a merge made of one thing that named a tag that went.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Replaced {
    /// What kind of thing.
    pub(crate) kind: UseKind,
    /// Its id.
    pub(crate) id: Uuid,
    /// Which version of it, where each is stored by itself; else 0.
    pub(crate) version: i64,
    /// What it said before, in its stored form.
    pub(crate) before: Value,
    /// What it says since.
    pub(crate) after: Value,
}

/// Refuses a merge by which something comes to contradict itself, such as a condition that asks for one of the
/// tags and for the other not to be there. `what` has this name; what its own check, which it had to pass to be
/// saved, says of it now and would say after the merge is compared.
pub(crate) fn refuse_contradiction(
    what: &str,
    name: &str,
    before: &[UserError],
    after: &[UserError],
) -> Result<()> {
    let is_told = |one: &UserError| before.iter().any(|told| told.path == one.path);
    let mut contradictions = after
        .iter()
        .filter(|one| one.code == UserErrorCode::Contradictory);
    let Some(new) = contradictions.find(|one| !is_told(one)) else {
        return Ok(());
    };
    let message = format!(
        "The {what} “{name}” tells these tags apart, and after the merge it would contradict itself at {}: \
         {} Change it first.",
        new.path.join("."),
        new.message
    );
    Err(Error::refused(
        &["sourceIds"],
        UserErrorCode::Contradictory,
        message,
    ))
}

/// Names a refusal tells of what uses a tag or a group.
const NAMES_TOLD: usize = 5;

/// What keeps something from being deleted, and what can be done about it: `what` is said to be
/// named by those of `uses` that are at work, and `way` is what helps besides changing them. Nothing when
/// none of them is.
pub(in crate::tag) fn told(uses: &[Use], what: &str, way: &str) -> Option<String> {
    let active: Vec<&Use> = uses.iter().filter(|one| one.active).collect();
    if active.is_empty() {
        return None;
    }
    let said = |one: &&Use| {
        let kind = match one.kind {
            UseKind::Rule => "rule",
            UseKind::Report => "report",
            UseKind::Segment => "segment",
            UseKind::Playbook => "playbook",
            UseKind::TrackedLink => "tracked link",
        };
        format!("{kind} “{}”", one.name)
    };
    let names: Vec<String> = active.iter().take(NAMES_TOLD).map(said).collect();
    let more = match active.len().saturating_sub(NAMES_TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    // Nothing else can be paused.
    let pauses = |one: &&Use| matches!(one.kind, UseKind::Rule | UseKind::Playbook);
    let change = if active.iter().any(pauses) {
        "Change them, pause the rules and playbooks"
    } else {
        "Change them"
    };
    let names = names.join(", ");
    Some(format!("{what} named by: {names}{more}. {change}{way}."))
}

/// A kind of thing that names tags.
#[async_trait]
pub(crate) trait Referrer: Send + Sync {
    /// What names what is sought, in a lasting order.
    async fn uses(
        &self,
        connection: &Transaction,
        workspace: WorkspaceId,
        sought: Sought<'_>,
    ) -> Result<Vec<Use>>;

    /// The ids of those of what is sought that anything names.
    async fn named(
        &self,
        connection: &Transaction,
        workspace: WorkspaceId,
        sought: Sought<'_>,
    ) -> Result<BTreeSet<Uuid>> {
        // Halves of what is named are asked about again: few of many tags cost few questions.
        let mut named = BTreeSet::new();
        let mut parts = vec![sought];
        while let Some(part) = parts.pop() {
            let ids = part.ids();
            if ids.is_empty() || self.uses(connection, workspace, part).await?.is_empty() {
                continue;
            }
            if let [id] = ids.as_slice() {
                named.insert(*id);
            } else {
                parts.extend(part.halves());
            }
        }
        Ok(named)
    }

    /// Names the targets wherever the sources were named, pair after pair; all are of one kind. The
    /// workspace's tree and rules are held. Tells what was changed.
    async fn replace(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        kind: TagKind,
        merged: &[Merged],
    ) -> Result<Vec<Replaced>>;

    /// What its things are called.
    fn kind(&self) -> UseKind;

    /// Lets what [`replace`](Self::replace) changed say again what it said before, if it still says what it was
    /// made to say then, at `since`. Tells which of it says something else by now, and was left as it is; what is
    /// gone is not told.
    async fn give_back(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        since: DateTime<Utc>,
        replaced: &[Replaced],
    ) -> Result<Vec<Use>>;
}

/// Everything that names tags.
const REFERRERS: &[&dyn Referrer] = &[
    &rule::retag::Rules,
    &report::purity::Judgements,
    &segment::retag::Segments,
    &playbook::retag::Playbooks,
    &link::retag::Links,
];

/// Everything that names what is sought.
pub(in crate::tag) async fn uses(
    connection: &Transaction,
    workspace: WorkspaceId,
    sought: Sought<'_>,
) -> Result<Vec<Use>> {
    let mut uses = Vec::new();
    for referrer in REFERRERS {
        uses.extend(referrer.uses(connection, workspace, sought).await?);
    }
    Ok(uses)
}

/// The ids of those of what is sought that anything names.
pub(crate) async fn named(
    connection: &Transaction,
    workspace: WorkspaceId,
    sought: Sought<'_>,
) -> Result<BTreeSet<Uuid>> {
    let mut named = BTreeSet::new();
    for referrer in REFERRERS {
        named.extend(referrer.named(connection, workspace, sought).await?);
    }
    Ok(named)
}

/// Lets everything that named a source name its target, and tells what was changed.
pub(super) async fn replace(
    tx: &mut Tx<'_>,
    origin: Origin,
    kind: TagKind,
    merged: &[Merged],
) -> Result<Vec<Replaced>> {
    let mut replaced = Vec::new();
    for referrer in REFERRERS {
        replaced.extend(referrer.replace(tx, origin, kind, merged).await?);
    }
    Ok(replaced)
}

/// Lets what `merge` changed at `since` say again what it said before; tells what was changed after that, and left
/// as it is.
pub(super) async fn give_back(
    tx: &mut Tx<'_>,
    origin: Origin,
    (merge, since): (TagMergeId, DateTime<Utc>),
) -> Result<Vec<Use>> {
    let mut left = Vec::new();
    for referrer in REFERRERS {
        let replaced = merge_note::replaced(tx, merge, referrer.kind()).await?;
        if !replaced.is_empty() {
            left.extend(referrer.give_back(tx, origin, since, &replaced).await?);
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: UseKind, name: &str) -> Use {
        Use {
            kind,
            id: name.to_owned(),
            name: name.to_owned(),
            version: 1,
            active: true,
        }
    }

    #[test]
    fn a_refusal_says_what_kinds_of_things_name_the_tag_and_what_helps_with_them() {
        let segment = of(UseKind::Segment, "VIPs");
        let paused = Use {
            active: false,
            ..of(UseKind::Rule, "Paused")
        };
        assert_eq!(
            told(
                &[paused.clone(), segment.clone()],
                "This tag is",
                ", or merge it"
            )
            .unwrap(),
            "This tag is named by: segment “VIPs”. Change them, or merge it."
        );
        let rule = of(UseKind::Rule, "Greeting");
        let playbook = of(UseKind::Playbook, "Onboarding");
        let mut many = vec![rule.clone(), segment, playbook];
        many.extend(std::iter::repeat_n(rule, 4));
        assert_eq!(
            told(&many, "This group is", "").unwrap(),
            "This group is named by: rule “Greeting”, segment “VIPs”, playbook “Onboarding”, rule \
             “Greeting”, rule “Greeting” and 2 more. Change them, pause the rules and playbooks."
        );
        assert_eq!(told(&[paused], "This group is", ""), None);
    }
}
