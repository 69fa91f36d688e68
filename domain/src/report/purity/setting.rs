//! Which tag group says what a target lead is, and which of its values do.
//!
//! Until a workspace says so itself, the lead judgement of the starter pack for B2B counts, with the
//! two values that fit: target now, and target but not now.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{Id, TagGroupId, TagId, WorkspaceId},
    kind::TagKind,
    tag, tag_group,
};
use sea_orm::{ConnectionTrait, EntityTrait as _, FromQueryResult};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Transaction, Tx},
    tag::catalogue::{self, Merged, Referrer, Replaced, Sought, Use, UseKind},
};

/// The lead judgement of the starter pack, and its values that are targets.
const PACK_GROUP: &str = "b2b/lead";
const PACK_TARGETS: [&str; 2] = ["b2b/lead/target-now", "b2b/lead/target-later"];

/// What counts as a target lead.
#[derive(Debug, Clone)]
pub struct LeadJudgement {
    /// The group whose values judge.
    pub group: tag_group::Model,
    /// Its values that mean a target lead; what is below them does too.
    pub targets: Vec<tag::Model>,
    /// Whether the workspace chose it, or it is the starter pack's.
    pub is_chosen: bool,
}

#[derive(FromQueryResult)]
struct Stored {
    group_id: TagGroupId,
    target_tag_ids: Value,
}

/// What counts as a target lead; nothing when neither the workspace has said so nor the starter pack
/// was applied. A target that was moved out of the group is one still: nobody said that it is not.
pub async fn judgement(ctx: &Ctx, workspace: WorkspaceId) -> Result<Option<LeadJudgement>> {
    let Some(standing) = standing(ctx.reader(), workspace).await? else {
        return Ok(None);
    };
    let group = tag_group::Entity::find_by_id((workspace, standing.group))
        .one(ctx.reader())
        .await?;
    let Some(group) = group else {
        return Ok(None);
    };
    let mut targets = catalogue::load(ctx, workspace, &standing.targets).await?;
    targets.retain(|tag| tag.deleted_at.is_none());
    targets.sort_by(|a, b| (a.position, &a.name_key, a.id).cmp(&(b.position, &b.name_key, b.id)));
    Ok(Some(LeadJudgement {
        group,
        targets,
        is_chosen: standing.is_chosen,
    }))
}

async fn stored(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<Option<Stored>> {
    Ok(
        Query::new("SELECT group_id, target_tag_ids FROM lead_judgement WHERE workspace_id = $1")
            .bind(workspace)
            .one(connection)
            .await?,
    )
}

/// The group that judges, and the tags that mean a target lead, of which some may be gone.
struct Standing {
    group: TagGroupId,
    targets: Vec<TagId>,
    is_chosen: bool,
}

/// What the workspace chose, or else the starter pack's: of a tag of the pack that was merged, the one
/// that stands in its place.
async fn standing(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<Option<Standing>> {
    if let Some(stored) = stored(connection, workspace).await? {
        return Ok(Some(Standing {
            group: stored.group_id,
            targets: serde_json::from_value(stored.target_tag_ids)?,
            is_chosen: true,
        }));
    }
    let group: Option<TagGroupId> =
        Query::new("SELECT p.id FROM tag_group p WHERE p.workspace_id = $1 AND p.pack_key = $2")
            .bind(workspace)
            .bind(PACK_GROUP)
            .scalar(connection)
            .await?;
    let Some(group) = group else {
        return Ok(None);
    };
    let [now, later] = PACK_TARGETS;
    let targets: Vec<TagId> = Query::new(
        "SELECT DISTINCT CASE WHEN t.merged_into IS NULL THEN t.id ELSE t.merged_into END
         FROM tag t WHERE t.workspace_id = $1 AND t.pack_key IN ($2, $3)",
    )
    .bind(workspace)
    .bind(now)
    .bind(later)
    .column(connection)
    .await?;
    Ok(Some(Standing {
        group,
        targets,
        is_chosen: false,
    }))
}

/// Chooses the group that judges and its values that mean a target lead.
pub async fn set_judgement(
    ctx: &Ctx,
    actor: &Actor,
    group: TagGroupId,
    targets: &[TagId],
) -> Result<LeadJudgement> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    check(&tx, group, targets).await?;
    let before = stored(tx.connection(), tx.workspace).await?;
    write(&tx, group, targets).await?;
    let said =
        |group: TagGroupId, targets: &Value| json!({ "groupId": group, "targetTagIds": targets });
    let after = said(group, &json!(targets));
    let record = match before {
        Some(before) => {
            let before = said(before.group_id, &before.target_tag_ids);
            Record::changed("lead_judgement.set", tx.workspace, before, after)
        }
        None => Record::made("lead_judgement.set", tx.workspace, after),
    };
    tx.audit(actor, record);
    tx.commit().await?;
    judgement(ctx, actor.workspace)
        .await?
        .ok_or_else(|| Error::not_found(&["groupId"], "group"))
}

async fn write(tx: &Tx<'_>, group: TagGroupId, targets: &[TagId]) -> Result<()> {
    Query::new(
        "INSERT INTO lead_judgement (workspace_id, group_id, target_tag_ids, updated_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (workspace_id) DO UPDATE SET group_id = excluded.group_id,
             target_tag_ids = excluded.target_tag_ids, updated_at = excluded.updated_at",
    )
    .bind(tx.workspace)
    .bind(group)
    .bind(json!(targets))
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn check(tx: &Tx<'_>, group: TagGroupId, targets: &[TagId]) -> Result<()> {
    let found = tag_group::Entity::find_by_id((tx.workspace, group))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["groupId"], "group"))?;
    if found.kind != TagKind::Contact {
        let message = "Leads are judged by a group of tags for contacts.";
        return Err(Error::refused(
            &["groupId"],
            UserErrorCode::KindMismatch,
            message,
        ));
    }
    if targets.is_empty() {
        let message = "Name at least one value that means a target lead.";
        return Err(Error::refused(
            &["targetTagIds"],
            UserErrorCode::Required,
            message,
        ));
    }
    let members: Vec<TagId> = Query::new(
        "SELECT t.id FROM tag t WHERE t.workspace_id = $1 AND t.group_id = $2
           AND t.deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(group)
    .column(tx.connection())
    .await?;
    for (index, target) in targets.iter().enumerate() {
        if !members.contains(target) {
            let index = index.to_string();
            let message = "There is no such tag in this group.";
            return Err(Error::refused(
                &["targetTagIds", &index],
                UserErrorCode::NotFound,
                message,
            ));
        }
    }
    Ok(())
}

/// The tags of the group and the targets with what is below them, and whether each means a target lead:
/// by itself or by a tag above it.
pub(super) async fn verdicts(
    ctx: &Ctx,
    workspace: WorkspaceId,
    judgement: &LeadJudgement,
) -> Result<Vec<(TagId, bool)>> {
    #[derive(FromQueryResult)]
    struct Link {
        tag_id: TagId,
        ancestor_id: TagId,
    }
    let links: Vec<Link> = Query::new(
        "SELECT l.tag_id, l.ancestor_id FROM tag t
         JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = t.id
         WHERE t.workspace_id = $1 AND t.deleted_at IS NULL AND (t.group_id = $2 OR t.id IN (
             SELECT b.tag_id FROM {r}
             JOIN tag_closure b ON b.workspace_id = $1 AND b.ancestor_id = r.id))
         ORDER BY l.tag_id",
    )
    .bind(workspace)
    .bind(judgement.group.id)
    .rows(
        "r",
        Rows::new().ids("id", judgement.targets.iter().map(|tag| tag.id)),
    )
    .all(ctx.reader())
    .await?;
    let mut verdicts: Vec<(TagId, bool)> = Vec::new();
    for link in links {
        let is_target = judgement
            .targets
            .iter()
            .any(|tag| tag.id == link.ancestor_id);
        match verdicts.last_mut() {
            Some((tag, verdict)) if *tag == link.tag_id => *verdict |= is_target,
            _ => verdicts.push((link.tag_id, is_target)),
        }
    }
    Ok(verdicts)
}

/// Those of `tags` that are values of the group: each of them judges, whether as a target or not.
async fn values_among(
    connection: &Transaction,
    workspace: WorkspaceId,
    group: TagGroupId,
    tags: &[TagId],
) -> Result<Vec<TagId>> {
    Ok(Query::new(
        "SELECT t.id FROM {r} JOIN tag t ON t.workspace_id = $1 AND t.id = r.id
           AND t.group_id = $2 AND t.deleted_at IS NULL ORDER BY t.id",
    )
    .bind(workspace)
    .bind(group)
    .rows("r", Rows::new().ids("id", tags.iter().copied()))
    .column(connection)
    .await?)
}

/// What is sought is to the lead judgement, if it is anything to it.
async fn role(
    connection: &Transaction,
    workspace: WorkspaceId,
    standing: &Standing,
    sought: Sought<'_>,
) -> Result<Option<&'static str>> {
    let tags = match sought {
        Sought::Groups(groups) => {
            let judges = groups.contains(&standing.group);
            return Ok(judges.then_some("Lead judgement, as what judges"));
        }
        Sought::Tags(tags) => tags,
    };
    if tags.iter().any(|tag| standing.targets.contains(tag)) {
        return Ok(Some("Lead judgement, as a target lead"));
    }
    let values = values_among(connection, workspace, standing.group, tags).await?;
    Ok((!values.is_empty()).then_some("Lead judgement, as no target lead"))
}

/// The lead judgement as a thing that names tags.
pub(crate) struct Judgements;

#[async_trait]
impl Referrer for Judgements {
    async fn uses(
        &self,
        connection: &Transaction,
        workspace: WorkspaceId,
        sought: Sought<'_>,
    ) -> Result<Vec<Use>> {
        let Some(standing) = standing(connection, workspace).await? else {
            return Ok(Vec::new());
        };
        let Some(name) = role(connection, workspace, &standing, sought).await? else {
            return Ok(Vec::new());
        };
        Ok(vec![Use {
            kind: UseKind::Report,
            id: standing.group.to_string(),
            name: name.to_owned(),
            version: 0,
            // Leads that carry a value that is gone are counted as not judged; nothing stops working. Without
            // the group that the workspace chose there is nothing to judge by.
            active: standing.is_chosen && matches!(sought, Sought::Groups(_)),
        }])
    }

    async fn named(
        &self,
        connection: &Transaction,
        workspace: WorkspaceId,
        sought: Sought<'_>,
    ) -> Result<BTreeSet<Uuid>> {
        let Some(standing) = standing(connection, workspace).await? else {
            return Ok(BTreeSet::new());
        };
        let tags = match sought {
            Sought::Tags(tags) => tags,
            Sought::Groups(groups) => {
                let judging = groups.iter().filter(|group| **group == standing.group);
                return Ok(judging.map(|group| group.uuid()).collect());
            }
        };
        let values = values_among(connection, workspace, standing.group, tags).await?;
        let targets = standing.targets.into_iter();
        let targets = targets.filter(|target| tags.contains(target));
        let named = values.into_iter().chain(targets);
        Ok(named.map(Id::uuid).collect())
    }

    async fn replace(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        _kind: TagKind,
        merged: &[Merged],
    ) -> Result<Vec<Replaced>> {
        let Some(stored) = stored(tx.connection(), tx.workspace).await? else {
            return Ok(Vec::new());
        };
        let before: Vec<TagId> = serde_json::from_value(stored.target_tag_ids)?;
        let mut after = before.clone();
        for pair in merged {
            for tag in &mut after {
                if *tag == pair.source {
                    *tag = pair.target;
                }
            }
        }
        let mut seen = BTreeSet::new();
        after.retain(|tag| seen.insert(*tag));
        if after == before {
            return Ok(Vec::new());
        }
        save(tx, origin, stored.group_id, (&before, &after)).await?;
        Ok(vec![Replaced {
            kind: UseKind::Report,
            id: stored.group_id.uuid(),
            version: 0,
            before: json!(before),
            after: json!(after),
        }])
    }

    fn kind(&self) -> UseKind {
        UseKind::Report
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
            let Some(stored) = stored(tx.connection(), tx.workspace).await? else {
                continue;
            };
            let group = stored.group_id;
            if group.uuid() == one.id && stored.target_tag_ids == one.after {
                let after: Vec<TagId> = serde_json::from_value(one.after.clone())?;
                let before: Vec<TagId> = serde_json::from_value(one.before.clone())?;
                save(tx, origin, group, (&after, &before)).await?;
            } else {
                left.push(Use {
                    kind: UseKind::Report,
                    id: group.to_string(),
                    name: "Lead judgement".to_owned(),
                    version: 0,
                    active: false,
                });
            }
        }
        Ok(left)
    }
}

/// Lets other tags mean a target lead after a merge of tags or its undoing.
async fn save(
    tx: &mut Tx<'_>,
    origin: Origin,
    group: TagGroupId,
    (was, is): (&[TagId], &[TagId]),
) -> Result<()> {
    write(tx, group, is).await?;
    let (was, is) = (
        json!({ "targetTagIds": was }),
        json!({ "targetTagIds": is }),
    );
    let record = Record::changed("lead_judgement.set", tx.workspace, was, is);
    tx.audit(origin, record);
    Ok(())
}
