//! Which tags and segments things are and were in.

use entity::{
    id::{AccountId, ContactId, ConversationId, WorkspaceId},
    kind::{SegmentSubject, TagTarget},
    tagging::Model as Tagging,
};
use serde_json::{Value, json};

use super::super::{
    page::split,
    table::{Columns, Rows, fields},
    tags::Ways,
};
use crate::{
    ctx::Ctx,
    error::Result,
    page::PageRequest,
    segment::Member,
    tag::{
        catalogue,
        tagging::{self, TaggingFilter},
    },
};

const TAGGING: Columns<'static, Tagging> = fields!(
    id: "Tagging",
    tag_id: "Tag",
    target_id: "On" => on,
    added_at: "Added at",
    added_by: "Added by",
    added_reason: "Added because",
    expires_at: "Expires at",
    removed_at: "Removed at",
    removed_by: "Removed by",
    removed_reason: "Removed because",
    ended: "Ended as",
    rule_id: "Rule",
    successor_id: "Followed by",
);

fn on(tagging: &Tagging) -> Value {
    let id = tagging.target_id;
    match tagging.target {
        TagTarget::Contact => json!(ContactId(id)),
        TagTarget::Account => json!(AccountId(id)),
        TagTarget::Conversation => json!(ConversationId(id)),
    }
}

pub(super) const SEGMENT_MEMBER: Columns<'static, Member> = fields!(
    segment_id: "Segment",
    name as "segmentName": "Segment name",
    subject_id: "Member" => |one| match one.subject {
        SegmentSubject::Contact => json!(ContactId(one.subject_id)),
        SegmentSubject::Account => json!(AccountId(one.subject_id)),
    },
    entered_at: "Since",
);

/// Taggings, each with the path of its tag as an import knows it.
pub(super) async fn taggings(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &TaggingFilter,
    page: &PageRequest,
) -> Result<Rows> {
    let (taggings, next) = split(tagging::list(ctx, workspace, filter, page).await?);
    let forest = catalogue::forest(ctx, workspace).await?;
    let ways = Ways::new(&forest);
    let paths = taggings.iter().map(|one| {
        let tag = forest.get(one.tag_id);
        json!(tag.map(|tag| ways.written(tag)))
    });
    let paths: Vec<Value> = paths.collect();
    Ok(Rows::of(&taggings, TAGGING, next).with("tag", "Tag path", paths))
}
