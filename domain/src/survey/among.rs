//! Of whom figures are: of everybody, of those in a segment or with a tag, or of some such groups each by
//! themselves. People are in them as they are now, whenever they answered.

use entity::{
    id::{Id as _, SegmentId, TagGroupId, TagId, WorkspaceId},
    kind::{SegmentSubject, TagKind},
    tag, tag_group,
};
use sea_orm::EntityTrait as _;

use crate::{
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    segment::{self, Segment},
    store::Query,
};

/// Segments that figures may be divided by at once.
pub const MAX_SEGMENTS: usize = 20;
/// Tags of a group that figures may be divided by.
pub const MAX_TAGS: usize = 50;

/// Of whom figures are; every part given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Among {
    /// In this segment; in one of accounts, by their account.
    segment: Option<(SegmentId, SegmentSubject)>,
    /// With this tag or one below it.
    tag: Option<TagId>,
    /// With none of these tags, nor one below them.
    without: Vec<TagId>,
}

/// What figures are divided by.
#[derive(Debug, Clone)]
pub enum By {
    /// By segments, in this order. Who is in several counts in each.
    Segments(Vec<SegmentId>),
    /// By the tags at the top of a group of contact tags.
    TagGroup(TagGroupId),
}

/// One of the groups that figures are divided by.
pub(super) struct Part {
    pub(super) segment: Option<Segment>,
    pub(super) tag: Option<tag::Model>,
    pub(super) among: Among,
}

impl Among {
    /// Those in a segment, and with a tag, as far as they are given.
    pub async fn find(
        ctx: &Ctx,
        workspace: WorkspaceId,
        segment: Option<SegmentId>,
        tag: Option<TagId>,
    ) -> Result<Self> {
        let segment = match segment {
            Some(id) => {
                let found = segment::find(ctx, workspace, id).await?;
                let found = found.ok_or_else(|| Error::not_found(&["segmentId"], "segment"))?;
                Some((found.id, found.subject))
            }
            None => None,
        };
        if let Some(id) = tag {
            let found: Option<tag::Model> = tag::Entity::find_by_id((workspace, id))
                .one(ctx.reader())
                .await?;
            let is_there =
                found.is_some_and(|tag| tag.kind == TagKind::Contact && tag.deleted_at.is_none());
            if !is_there {
                return Err(Error::not_found(&["tagId"], "tag for contacts"));
            }
        }
        Ok(Self {
            segment,
            tag,
            without: Vec::new(),
        })
    }

    /// Appends that the people are among them whose id the SQL `contact` is, at the account `account`, in a
    /// statement whose `$1` is the workspace.
    pub(super) fn apply(&self, query: &mut Query, contact: &str, account: &str) {
        if let Some((segment, subject)) = self.segment {
            let member = match subject {
                SegmentSubject::Contact => contact,
                SegmentSubject::Account => account,
            };
            let segment = query.arg(segment);
            query.push(&format!(
                " AND EXISTS (SELECT 1 FROM segment_member m WHERE m.workspace_id = $1
                    AND m.segment_id = {segment} AND m.subject_id = {member})"
            ));
        }
        let tag: Vec<TagId> = self.tag.into_iter().collect();
        for (not, tags) in [("", &tag), ("NOT ", &self.without)] {
            if tags.is_empty() {
                continue;
            }
            let tags: Vec<String> = tags.iter().map(|tag| query.arg(tag.uuid())).collect();
            query.push(&format!(
                " AND {not}EXISTS (SELECT 1 FROM tag_rank k WHERE k.workspace_id = $1
                    AND k.target_id = {contact} AND k.tag_id IN ({}))",
                tags.join(", ")
            ));
        }
    }
}

/// The groups that figures are divided by; of a tag group last those with none of its tags.
pub(super) async fn parts(ctx: &Ctx, workspace: WorkspaceId, by: &By) -> Result<Vec<Part>> {
    match by {
        By::Segments(ids) => of_segments(ctx, workspace, ids).await,
        By::TagGroup(id) => of_group(ctx, workspace, *id).await,
    }
}

async fn of_segments(ctx: &Ctx, workspace: WorkspaceId, ids: &[SegmentId]) -> Result<Vec<Part>> {
    let path = ["by", "segmentIds"];
    if ids.len() > MAX_SEGMENTS {
        let message = format!("Name at most {MAX_SEGMENTS} segments.");
        return Err(Error::refused(&path, UserErrorCode::LimitReached, message));
    }
    let found = segment::load(ctx, workspace, ids).await?;
    let mut parts = Vec::new();
    for (place, id) in ids.iter().enumerate() {
        let here = found
            .iter()
            .find(|one| one.id == *id && one.deleted_at.is_none());
        let Some(here) = here else {
            let path = ["by", "segmentIds", &place.to_string()];
            return Err(Error::not_found(&path, "segment"));
        };
        parts.push(Part {
            among: Among {
                segment: Some((here.id, here.subject)),
                ..Among::default()
            },
            segment: Some(here.clone()),
            tag: None,
        });
    }
    Ok(parts)
}

async fn of_group(ctx: &Ctx, workspace: WorkspaceId, id: TagGroupId) -> Result<Vec<Part>> {
    let path = ["by", "tagGroupId"];
    let group = tag_group::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?;
    if group.is_none_or(|group| group.kind != TagKind::Contact) {
        return Err(Error::not_found(&path, "group of contact tags"));
    }
    let tags: Vec<tag::Model> = Query::new(
        "SELECT t.* FROM tag t WHERE t.workspace_id = $1 AND t.group_id = $2
           AND t.deleted_at IS NULL AND t.merged_into IS NULL
           AND NOT EXISTS (SELECT 1 FROM tag p WHERE p.workspace_id = $1 AND p.id = t.parent_id
             AND p.group_id = $2)
         ORDER BY t.position, t.name_key, t.id",
    )
    .bind(workspace)
    .bind(id)
    .all(ctx.reader())
    .await?;
    if tags.len() > MAX_TAGS {
        let message = format!("Choose a group of at most {MAX_TAGS} tags at the top.");
        return Err(Error::refused(&path, UserErrorCode::LimitReached, message));
    }
    let none = Part {
        segment: None,
        tag: None,
        among: Among {
            without: tags.iter().map(|tag| tag.id).collect(),
            ..Among::default()
        },
    };
    let parts = tags.into_iter().map(|tag| Part {
        segment: None,
        among: Among {
            tag: Some(tag.id),
            ..Among::default()
        },
        tag: Some(tag),
    });
    Ok(parts.chain([none]).collect())
}
