//! With whom figures are asked for.

use async_graphql::{Context, ID, OneofObject, Result, SimpleObject};
use domain::survey::{Among, By, Figures, Group};

use crate::graphql::{context::reader, error::fault, few::few_ids, id, segment::Segment, tag::Tag};

/// What people are divided by. Set exactly one field.
#[derive(OneofObject)]
pub(crate) enum SurveySplitInput {
    /// Global ids of segments, 1 to 20. Who is in several counts in each. Segments of accounts have those at
    /// their accounts.
    SegmentIds(Vec<ID>),
    /// Global id of a group of contact tags: the tags at its top, each with those below it, at most 50.
    TagGroupId(ID),
}

impl SurveySplitInput {
    pub(super) fn read(self) -> domain::error::Result<By> {
        Ok(match self {
            Self::SegmentIds(ids) => By::Segments(few_ids(Some(ids), &["by", "segmentIds"])?),
            Self::TagGroupId(id) => By::TagGroup(id::parse(&id, &["by", "tagGroupId"])?),
        })
    }
}

/// What came of a survey with some people.
#[derive(SimpleObject)]
pub(crate) struct SurveyFiguresGroup {
    /// The segment they are in; nothing when they are divided by tags.
    segment: Option<Segment>,
    /// The tag they carry; nothing when they are divided by segments, and for those with none of the tags,
    /// who come last.
    tag: Option<Tag>,
    /// What came of it with them.
    figures: Figures,
}

impl From<Group> for SurveyFiguresGroup {
    fn from(group: Group) -> Self {
        Self {
            segment: group.segment.map(Segment),
            tag: group.tag.map(Tag::from),
            figures: group.figures,
        }
    }
}

/// Those in a segment, and with a tag, as far as they are given.
pub(super) async fn among(
    context: &Context<'_>,
    segment: Option<ID>,
    tag: Option<ID>,
) -> Result<Among> {
    let (ctx, actor) = reader(context)?;
    let segment = id::parse_opt(segment.as_ref(), &["segmentId"]).map_err(fault)?;
    let tag = id::parse_opt(tag.as_ref(), &["tagId"]).map_err(fault)?;
    let found = Among::find(ctx, actor.workspace, segment, tag).await;
    found.map_err(fault)
}
