//! Which contacts a list has, and in which order.

use async_graphql::{ID, InputObject};
use domain::{
    condition::{ConditionInput, Context as Place},
    contact::ContactFilter,
    ctx::Ctx,
};
use entity::{
    id::WorkspaceId,
    kind::{Channel, HealthBand, LifecycleStage},
};

use crate::graphql::{
    attribute::{AttributeFilterInput, TimeRangeInput},
    condition::asked,
    few::{few, few_ids},
    id,
    segment::SegmentFilterInput,
    tag::TagFilterInput,
};

/// Which contacts a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct ContactFilterInput {
    /// By their tags; a tag's descendants count as the tag.
    tags: Option<TagFilterInput>,
    /// Of this account.
    account_id: Option<ID>,
    /// In one of these health bands.
    health_bands: Option<Vec<HealthBand>>,
    /// Whose name, reading or one of whose identities contains each of these words, whatever their
    /// width, case and kana.
    text: Option<String>,
    /// In one of these lifecycle stages.
    stages: Option<Vec<LifecycleStage>>,
    /// Looked after by one of these members.
    owner_ids: Option<Vec<ID>>,
    /// Looked after by somebody (`true`) or by nobody (`false`).
    has_owner: Option<bool>,
    /// People who are known (`true`), or anonymous visitors, of whom there is nothing but an anonymous
    /// id (`false`).
    is_known: Option<bool>,
    /// Who came through one of these channels.
    source_channels: Option<Vec<Channel>>,
    /// Who came from one of these campaigns.
    source_campaign_ids: Option<Vec<ID>>,
    /// Whom one of these members brought.
    brought_by_ids: Option<Vec<ID>>,
    /// Made at a moment of this range.
    created: Option<TimeRangeInput>,
    /// Who came in at a moment of this range.
    arrived: Option<TimeRangeInput>,
    /// Last active, or made since, at a moment of this range.
    last_activity: Option<TimeRangeInput>,
    /// Last changed at a moment of this range, by `changedAt`.
    changed: Option<TimeRangeInput>,
    /// By the segments they are in.
    segments: Option<SegmentFilterInput>,
    /// By custom attributes; every test must hold.
    attributes: Option<Vec<AttributeFilterInput>>,
    /// Of whom this condition holds, as it is asked.
    condition: Option<ConditionInput>,
}

impl ContactFilterInput {
    pub(crate) async fn read(
        self,
        ctx: &Ctx,
        workspace: WorkspaceId,
    ) -> domain::error::Result<ContactFilter> {
        let condition = asked(ctx, workspace, self.condition, Place::Contact).await?;
        let created = self.created.unwrap_or_default();
        let arrived = self.arrived.unwrap_or_default();
        let active = self.last_activity.unwrap_or_default();
        let changed = self.changed.unwrap_or_default();
        Ok(ContactFilter {
            tags: self
                .tags
                .map(TagFilterInput::read)
                .transpose()?
                .unwrap_or_default(),
            account: id::parse_opt(self.account_id.as_ref(), &["filter", "accountId"])?,
            bands: few(self.health_bands, &["filter", "healthBands"])?,
            text: self.text.filter(|text| !text.trim().is_empty()),
            stages: few(self.stages, &["filter", "stages"])?,
            owners: few_ids(self.owner_ids, &["filter", "ownerIds"])?,
            has_owner: self.has_owner,
            is_known: self.is_known,
            source_channels: few(self.source_channels, &["filter", "sourceChannels"])?,
            source_campaigns: few_ids(self.source_campaign_ids, &["filter", "sourceCampaignIds"])?,
            brought_by: few_ids(self.brought_by_ids, &["filter", "broughtByIds"])?,
            created_from: created.from,
            created_until: created.until,
            arrived_from: arrived.from,
            arrived_until: arrived.until,
            active_from: active.from,
            active_until: active.until,
            changed: changed.into(),
            segments: self
                .segments
                .map(SegmentFilterInput::read)
                .transpose()?
                .unwrap_or_default(),
            attributes: AttributeFilterInput::read_all(self.attributes)?,
            condition,
        })
    }
}
