//! The live segments of each workspace with what their conditions ask about, kept in the process
//! until they change.
//!
//! A workspace's `segments_version` is read in the transaction that evaluates; only when it differs
//! from the version read last are the segments read again.

use std::{collections::BTreeSet, sync::Arc};

use entity::{
    id::{SegmentId, WorkspaceId},
    kind::SegmentSubject,
};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{
    definition,
    evaluate::{self, Facts},
    graph::Names,
};
use crate::{
    condition::{Condition, age::Age},
    ctx::Ctx,
    error::{Error, Result},
    store::{Kept, Query},
};

/// Workspaces whose segments are kept.
type Cache = Kept<Catalogue, 256>;

/// A live segment.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) id: SegmentId,
    pub(super) subject: SegmentSubject,
    pub(super) version: i64,
    pub(super) condition: Condition,
    /// The facts that can change who is in it.
    pub(super) facts: Facts,
    /// The facts about somebody else at the account that can change who is in it, as they happen to
    /// that one; none of a segment of accounts.
    pub(super) of_people: Facts,
    /// Whether time alone can change who is in it.
    pub(super) is_timed: bool,
    /// The ages of what contacts have at which time can do so, if but for the day there is nothing else by
    /// which it can.
    pub(super) edges: Option<BTreeSet<Age>>,
    /// The segments it is made of.
    pub(super) names: BTreeSet<SegmentId>,
}

impl Live {
    pub(super) fn new(
        id: SegmentId,
        subject: SegmentSubject,
        version: i64,
        stored: serde_json::Value,
    ) -> Result<Self> {
        let condition = definition::from_stored(stored)?;
        Ok(Self {
            id,
            subject,
            version,
            facts: evaluate::facts(&condition, subject),
            of_people: evaluate::of_people(&condition, subject),
            is_timed: evaluate::is_timed(&condition, subject),
            edges: evaluate::edges(&condition, subject),
            names: evaluate::names(&condition),
            condition,
        })
    }
}

/// All live segments of a workspace that can be read, in the order of their ids.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    pub(super) live: Vec<Live>,
    /// Whether there are segments kept by hand.
    pub(super) has_static: bool,
}

impl Catalogue {
    /// Which segments each of them names.
    pub(super) fn names(&self) -> Names {
        let live = self.live.iter();
        live.map(|one| (one.id, one.names.clone())).collect()
    }

    pub(super) fn of(&self, subject: SegmentSubject) -> impl Iterator<Item = &Live> {
        self.live.iter().filter(move |one| one.subject == subject)
    }
}

/// The live segments as `connection` sees them. One statement, unless they changed.
pub(super) async fn current(
    ctx: &Ctx,
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<Arc<Catalogue>> {
    let version: i64 = Query::new("SELECT segments_version FROM workspace WHERE id = $1")
        .bind(workspace)
        .scalar(connection)
        .await?
        .ok_or_else(|| Error::Internal("segments of no workspace".to_owned()))?;
    let cache = ctx.db.remembered::<Cache>();
    if let Some(catalogue) = cache.get(workspace, version) {
        return Ok(catalogue);
    }
    let (version, catalogue) = load(connection, workspace).await?;
    let catalogue = Arc::new(catalogue);
    cache.put(workspace, version, catalogue.clone());
    Ok(catalogue)
}

/// The live segments as the transaction of `connection` sees them, which may change them: nothing of it
/// is kept, since the version it writes may yet be another's.
pub(super) async fn fresh(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<Catalogue> {
    Ok(load(connection, workspace).await?.1)
}

#[derive(FromQueryResult)]
struct Row {
    segments_version: i64,
    id: Option<SegmentId>,
    subject: Option<SegmentSubject>,
    version: Option<i64>,
    definition: Option<serde_json::Value>,
}

/// Reads version and segments in one statement, so that they belong together.
async fn load(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<(i64, Catalogue)> {
    let rows: Vec<Row> = Query::new(
        "SELECT w.segments_version, s.id, s.subject, s.version, s.definition
         FROM workspace w LEFT JOIN segment s ON s.workspace_id = w.id AND s.deleted_at IS NULL
         WHERE w.id = $1 ORDER BY s.id",
    )
    .bind(workspace)
    .all(connection)
    .await?;
    let version = rows.first().map_or(0, |row| row.segments_version);
    let mut catalogue = Catalogue::default();
    for row in rows {
        let (Some(id), Some(subject), Some(version)) = (row.id, row.subject, row.version) else {
            continue;
        };
        let Some(stored) = row.definition else {
            catalogue.has_static = true;
            continue;
        };
        match Live::new(id, subject, version, stored) {
            Ok(live) => catalogue.live.push(live),
            // One that a newer program wrote must not keep the others from being kept up.
            Err(error) => tracing::error!(workspace.id = %workspace, segment.id = %id,
                error = &error as &dyn std::error::Error, "left out a segment that cannot be read"),
        }
    }
    Ok((version, catalogue))
}
