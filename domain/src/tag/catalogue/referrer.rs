//! What names tags from outside the tree: it is listed before a tag is deleted, and follows when
//! one is merged.
//!
//! A new noun that names tags (a segment, a report) implements [`Referrer`] and adds its line to
//! [`REFERRERS`]; nothing else here changes.

use std::collections::BTreeSet;

use async_trait::async_trait;
use entity::{
    id::{TagId, WorkspaceId},
    kind::TagKind,
};

use crate::{
    access::Origin,
    error::{Error, Result, UserError, UserErrorCode},
    link, playbook, report, rule, segment,
    store::{Transaction, Tx},
};

/// The kind of thing that names a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum, serde::Serialize)]
#[graphql(name = "TagUseKind")]
pub enum UseKind {
    /// A rule, in its condition or its actions.
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

/// One thing that names a tag.
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
    /// Whether it is at work, so that the tag cannot be deleted.
    pub active: bool,
}

/// A tag that went, and the one that stands in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Merged {
    /// The one that went.
    pub(crate) source: TagId,
    /// The one that stays, unless a later pair says that it went too.
    pub(crate) target: TagId,
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

/// A kind of thing that names tags.
#[async_trait]
pub(crate) trait Referrer: Send + Sync {
    /// What names any of `tags`, all of one kind, in a lasting order.
    async fn uses(
        &self,
        connection: &Transaction,
        workspace: WorkspaceId,
        tags: &[TagId],
    ) -> Result<Vec<Use>>;

    /// Those of `tags` that anything names.
    async fn named(
        &self,
        connection: &Transaction,
        workspace: WorkspaceId,
        tags: &[TagId],
    ) -> Result<BTreeSet<TagId>> {
        // Halves of what is named are asked about again: few of many tags cost few questions.
        let mut named = BTreeSet::new();
        let mut parts = vec![tags];
        while let Some(part) = parts.pop() {
            if part.is_empty() || self.uses(connection, workspace, part).await?.is_empty() {
                continue;
            }
            if let [tag] = part {
                named.insert(*tag);
            } else {
                let (left, right) = part.split_at(part.len() / 2);
                parts.extend([left, right]);
            }
        }
        Ok(named)
    }

    /// Names the targets wherever the sources were named, pair after pair; all are of one kind. The
    /// workspace's tree and rules are held.
    async fn replace(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        kind: TagKind,
        merged: &[Merged],
    ) -> Result<()>;
}

/// Everything that names tags.
const REFERRERS: &[&dyn Referrer] = &[
    &rule::retag::Rules,
    &report::purity::Judgements,
    &segment::retag::Segments,
    &playbook::retag::Playbooks,
    &link::retag::Links,
];

/// Everything that names any of `tags`.
pub(super) async fn uses(
    connection: &Transaction,
    workspace: WorkspaceId,
    tags: &[TagId],
) -> Result<Vec<Use>> {
    let mut uses = Vec::new();
    for referrer in REFERRERS {
        uses.extend(referrer.uses(connection, workspace, tags).await?);
    }
    Ok(uses)
}

/// Those of `tags` that anything names.
pub(crate) async fn named(
    connection: &Transaction,
    workspace: WorkspaceId,
    tags: &[TagId],
) -> Result<BTreeSet<TagId>> {
    let mut named = BTreeSet::new();
    for referrer in REFERRERS {
        named.extend(referrer.named(connection, workspace, tags).await?);
    }
    Ok(named)
}

/// Lets everything that named a source name its target.
pub(super) async fn replace(
    tx: &mut Tx<'_>,
    origin: Origin,
    kind: TagKind,
    merged: &[Merged],
) -> Result<()> {
    for referrer in REFERRERS {
        referrer.replace(tx, origin, kind, merged).await?;
    }
    Ok(())
}
