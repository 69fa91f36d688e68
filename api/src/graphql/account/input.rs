//! How lists of accounts are asked for.

use async_graphql::{ID, InputObject};
use domain::{
    account::AccountFilter,
    condition::{ConditionInput, Context as Place},
    ctx::Ctx,
};
use entity::{id::WorkspaceId, kind::LifecycleStage};

use crate::graphql::{
    attribute::{AttributeFilterInput, TimeRangeInput},
    condition::asked,
    few::{few, few_ids},
    segment::SegmentFilterInput,
    tag::TagFilterInput,
};

/// Which accounts a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct AccountFilterInput {
    /// By their tags; a tag's descendants count as the tag.
    tags: Option<TagFilterInput>,
    /// Whose name, domain or external id contains each of these words, whatever their width, case and
    /// kana.
    text: Option<String>,
    /// In one of these lifecycle stages.
    stages: Option<Vec<LifecycleStage>>,
    /// Looked after by one of these members.
    owner_ids: Option<Vec<ID>>,
    /// Looked after by somebody (`true`) or by nobody (`false`).
    has_owner: Option<bool>,
    /// Made at a moment of this range.
    created: Option<TimeRangeInput>,
    /// Last changed at a moment of this range, by `changedAt`.
    changed: Option<TimeRangeInput>,
    /// By the segments they are in.
    segments: Option<SegmentFilterInput>,
    /// By custom attributes; every test must hold.
    attributes: Option<Vec<AttributeFilterInput>>,
    /// Of which this condition holds, as it is asked.
    condition: Option<ConditionInput>,
    /// `true`: only those that are archived; otherwise only those that are not.
    #[graphql(default)]
    archived: bool,
}

impl AccountFilterInput {
    pub(crate) async fn read(
        self,
        ctx: &Ctx,
        workspace: WorkspaceId,
    ) -> domain::error::Result<AccountFilter> {
        let condition = asked(ctx, workspace, self.condition, Place::Account).await?;
        let tags = self.tags.map(TagFilterInput::read).transpose()?;
        let created = self.created.unwrap_or_default();
        Ok(AccountFilter {
            tags: tags.unwrap_or_default(),
            text: self.text.filter(|text| !text.trim().is_empty()),
            stages: few(self.stages, &["filter", "stages"])?,
            owners: few_ids(self.owner_ids, &["filter", "ownerIds"])?,
            has_owner: self.has_owner,
            created_from: created.from,
            created_until: created.until,
            changed: self.changed.unwrap_or_default().into(),
            segments: self
                .segments
                .map(SegmentFilterInput::read)
                .transpose()?
                .unwrap_or_default(),
            attributes: AttributeFilterInput::read_all(self.attributes)?,
            condition,
            archived: self.archived,
        })
    }
}
