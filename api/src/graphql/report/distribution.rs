//! How things were spread over the values of a tag group.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::report::{
    Period,
    distribution::{Ask, Distribution, Point, distribution},
    stats::Share,
};
use entity::kind::TagTarget;

use super::ReportSpan;
use crate::boxed;
use crate::graphql::{
    context::reader,
    error::fault,
    id,
    scalar::Date,
    tag::{Tag, TagGroup},
};

/// How many things carried each value of a tag group, period by period.
pub(crate) struct TagGroupDistribution(Arc<Distribution>, TagTarget);

/// How many things carried each value of a tag group, period by period.
#[Object]
impl TagGroupDistribution {
    /// The group.
    fn group(&self) -> TagGroup {
        TagGroup(self.0.group.clone())
    }

    /// Which things are counted.
    fn target(&self) -> TagTarget {
        self.1
    }

    /// The values, in their order: the tags at the top of the group; archived ones too, and deleted
    /// ones that something carried.
    fn values(&self) -> Vec<Tag> {
        self.0.values.iter().cloned().map(Tag::from).collect()
    }

    /// The periods, in order; none of the future.
    fn periods(&self) -> Vec<TagGroupDistributionPeriod> {
        let points = self.0.points.iter();
        points
            .map(|point| TagGroupDistributionPeriod {
                span: point.span.into(),
                at: point.at,
                total: point.total,
                without: Share::new(point.without, point.total),
                values: self.counts(point),
            })
            .collect()
    }
}

impl TagGroupDistribution {
    fn counts(&self, point: &Point) -> Vec<TagValueCount> {
        let values = self.0.values.iter().zip(&point.counts);
        values
            .map(|(tag, count)| TagValueCount {
                tag: tag.clone().into(),
                carried: Share::new(*count, point.total),
            })
            .collect()
    }
}

/// How things stood at the end of a period.
#[derive(SimpleObject)]
pub(crate) struct TagGroupDistributionPeriod {
    /// The period.
    span: ReportSpan,
    /// The moment: the period's end, or now when it has not ended.
    at: DateTime<Utc>,
    /// How many things there were, of those there are today; anonymous visitors are not counted.
    total: i64,
    /// Those that carried no value of the group.
    without: Share,
    /// Those that carried each value, or a tag below it; in the order of the values. In a `MULTI`
    /// group a thing counts for each value it carried.
    values: Vec<TagValueCount>,
}

/// How many things carried one value.
#[derive(SimpleObject)]
pub(crate) struct TagValueCount {
    /// The value.
    tag: Tag,
    /// How many things carried it, of all there were.
    carried: Share,
}

#[derive(Default)]
pub(crate) struct DistributionQuery;

#[Object]
impl DistributionQuery {
    /// How many contacts, accounts or conversations carried each value of a tag group at the end of
    /// each period, from the history of the taggings; nothing when there is no such group. Contacts
    /// that were erased and accounts that were deleted since are not in it; what was merged counts as what
    /// it is now.
    #[boxed]
    async fn tag_group_distribution(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The group's global id.")] group_id: ID,
        #[graphql(
            desc = "Which things are counted.",
            default_with = "TagTarget::Contact"
        )]
        target: TagTarget,
        #[graphql(desc = "How long a period is.", default_with = "Period::Month")] period: Period,
        #[graphql(desc = "A day of the first period.")] from: Date,
        #[graphql(desc = "A day of the last period; at most 400 periods.")] to: Date,
    ) -> Result<Option<TagGroupDistribution>> {
        let (ctx, actor) = reader(context)?;
        let Ok(group) = id::parse(&group_id, &["groupId"]) else {
            return Ok(None);
        };
        let ask = Ask {
            group,
            target,
            period,
            from: from.0,
            to: to.0,
        };
        let found = distribution(ctx, actor.workspace, ask).await;
        let found = found.map_err(fault)?;
        Ok(found.map(|found| TagGroupDistribution(Arc::new(found), target)))
    }
}
