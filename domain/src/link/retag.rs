//! Links as things that name tags: listed before a tag is deleted, rewritten when one is merged.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, TagId, TrackedLinkId, WorkspaceId},
    kind::TagKind,
};
use sea_orm::FromQueryResult;
use serde_json::json;

use super::read::LinkTag;
use crate::{
    access::Origin,
    audit::Record,
    error::Result,
    store::{Query, Rows, Transaction, Tx},
    tag::catalogue::{Merged, Referrer, Replaced, Sought, Use, UseKind},
};

/// All links of a workspace.
pub(crate) struct Links;

#[derive(FromQueryResult)]
struct Named {
    id: TrackedLinkId,
    name: String,
    updated_at: DateTime<Utc>,
    archived_at: Option<DateTime<Utc>>,
}

impl From<Named> for Use {
    fn from(link: Named) -> Self {
        Self {
            kind: UseKind::TrackedLink,
            id: link.id.to_string(),
            name: link.name,
            version: link.updated_at.timestamp_micros(),
            // Nobody follows one that is archived, and a tag that is gone is put on nobody.
            active: link.archived_at.is_none(),
        }
    }
}

#[async_trait]
impl Referrer for Links {
    async fn uses(
        &self,
        connection: &Transaction,
        workspace: WorkspaceId,
        sought: Sought<'_>,
    ) -> Result<Vec<Use>> {
        // A link names tags, and no group.
        let Sought::Tags(tags) = sought else {
            return Ok(Vec::new());
        };
        let found: Vec<Named> = Query::new(
            "SELECT l.id, l.name, l.updated_at, l.archived_at FROM tracked_link l
             WHERE l.workspace_id = $1 AND l.id IN (
                 SELECT g.link_id FROM tracked_link_tag g WHERE g.workspace_id = $1 AND {theirs})
             ORDER BY l.id",
        )
        .bind(workspace)
        .among("theirs", "g.tag_id", tags.iter().map(|tag| tag.uuid()))
        .all(connection)
        .await?;
        Ok(found.into_iter().map(Use::from).collect())
    }

    async fn replace(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        _kind: TagKind,
        merged: &[Merged],
    ) -> Result<Vec<Replaced>> {
        let sources: Vec<TagId> = merged.iter().map(|pair| pair.source).collect();
        let before = tags_of_links(tx, &sources).await?;
        let mut replaced = Vec::with_capacity(before.len());
        for (link, before) in before {
            let mut after = before.clone();
            for pair in merged {
                if after.remove(&pair.source) {
                    after.insert(pair.target);
                }
            }
            save(tx, origin, link, (&before, &after)).await?;
            replaced.push(Replaced {
                kind: UseKind::TrackedLink,
                id: link.uuid(),
                version: 0,
                before: json!(before),
                after: json!(after),
            });
        }
        Ok(replaced)
    }

    fn kind(&self) -> UseKind {
        UseKind::TrackedLink
    }

    async fn give_back(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        _since: DateTime<Utc>,
        replaced: &[Replaced],
    ) -> Result<Vec<Use>> {
        let mut left = Vec::new();
        for one in replaced {
            let link = TrackedLinkId(one.id);
            let named: Option<Named> = Query::new(
                "SELECT l.id, l.name, l.updated_at, l.archived_at FROM tracked_link l
                 WHERE l.workspace_id = $1 AND l.id = $2",
            )
            .bind(tx.workspace)
            .bind(link)
            .one(tx.connection())
            .await?;
            let Some(named) = named else {
                continue;
            };
            let before: BTreeSet<TagId> = serde_json::from_value(one.before.clone())?;
            let after: BTreeSet<TagId> = serde_json::from_value(one.after.clone())?;
            if tags_of_link(tx, link).await? == after {
                save(tx, origin, link, (&after, &before)).await?;
            } else {
                left.push(Use::from(named));
            }
        }
        Ok(left)
    }
}

/// Lets a link put on other tags after a merge of tags or its undoing.
async fn save(
    tx: &mut Tx<'_>,
    origin: Origin,
    link: TrackedLinkId,
    (was, is): (&BTreeSet<TagId>, &BTreeSet<TagId>),
) -> Result<()> {
    write(tx, link, is).await?;
    let (was, is) = (json!({ "tagIds": was }), json!({ "tagIds": is }));
    tx.audit(
        origin,
        Record::changed("tracked_link.update", link, was, is),
    );
    Ok(())
}

/// The tags that a link puts on.
async fn tags_of_link(tx: &Tx<'_>, link: TrackedLinkId) -> Result<BTreeSet<TagId>> {
    let tags: Vec<TagId> = Query::new(
        "SELECT g.tag_id FROM tracked_link_tag g WHERE g.workspace_id = $1 AND g.link_id = $2",
    )
    .bind(tx.workspace)
    .bind(link)
    .column(tx.connection())
    .await?;
    Ok(tags.into_iter().collect())
}

/// The links that name any of `tags`, each with all its tags.
async fn tags_of_links(
    tx: &Tx<'_>,
    tags: &[TagId],
) -> Result<BTreeMap<TrackedLinkId, BTreeSet<TagId>>> {
    let found: Vec<LinkTag> = Query::new(
        "SELECT g.link_id, g.tag_id FROM tracked_link_tag g
         WHERE g.workspace_id = $1 AND g.link_id IN (
             SELECT o.link_id FROM tracked_link_tag o WHERE o.workspace_id = $1 AND {theirs})",
    )
    .bind(tx.workspace)
    .among("theirs", "o.tag_id", tags.iter().map(|tag| tag.uuid()))
    .all(tx.connection())
    .await?;
    let mut links: BTreeMap<TrackedLinkId, BTreeSet<TagId>> = BTreeMap::new();
    for row in found {
        links.entry(row.link_id).or_default().insert(row.tag_id);
    }
    Ok(links)
}

/// Lets a link put on exactly `tags`.
pub(super) async fn write(tx: &Tx<'_>, link: TrackedLinkId, tags: &BTreeSet<TagId>) -> Result<()> {
    Query::new("DELETE FROM tracked_link_tag WHERE workspace_id = $1 AND link_id = $2")
        .bind(tx.workspace)
        .bind(link)
        .execute(tx.connection())
        .await?;
    if tags.is_empty() {
        return Ok(());
    }
    Query::new(
        "INSERT INTO tracked_link_tag (workspace_id, link_id, tag_id)
         SELECT $1, $2, r.id FROM {r} WHERE true",
    )
    .bind(tx.workspace)
    .bind(link)
    .rows("r", Rows::new().ids("id", tags.iter().copied()))
    .execute(tx.connection())
    .await?;
    Ok(())
}
