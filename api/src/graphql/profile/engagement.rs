//! How engaged customers are.

use async_graphql::{Context, Object, Result, SimpleObject};
use domain::profile::engagement::{ActiveDays, Channel, Group, index, read};
use entity::id::{AccountId, ContactId};

use crate::boxed;
use crate::graphql::{
    context::{loader, reader},
    error::fault,
    loader::{EngagementOf, EngagementOfAccount},
    scalar::Date,
};

/// How engaged a contact is: on how many of the last 28 days it chose to do something. The unit is the same
/// in every channel, so that channels, people and companies compare. Deliveries, machine opens,
/// impressions and automatic answers do not count.
#[derive(SimpleObject)]
pub(crate) struct Engagement {
    /// The index, 0 to 100: 100 from 12 active days on, in proportion below.
    index: f64,
    /// The distinct active days, whatever the channel.
    active_days: i64,
    /// The same in each channel. A day can be active in several.
    parts: Vec<EngagementPart>,
}

/// How engaged a contact is in one channel.
#[derive(SimpleObject)]
pub(crate) struct EngagementPart {
    /// The channel.
    channel: Channel,
    /// The index in it, 0 to 100.
    index: f64,
    /// The active days in it.
    active_days: i64,
}

impl From<ActiveDays> for Engagement {
    fn from(days: ActiveDays) -> Self {
        let parts = Channel::ALL.map(|channel| EngagementPart {
            channel,
            index: index(days.of(channel)),
            active_days: days.of(channel),
        });
        Self {
            index: index(days.any),
            active_days: days.any,
            parts: parts.into(),
        }
    }
}

/// How engaged a contact is.
pub(crate) async fn engagement_of(context: &Context<'_>, id: ContactId) -> Result<Engagement> {
    let found = loader(context)?.load_one(EngagementOf(id)).await?;
    Ok(found.unwrap_or_default().into())
}

/// How engaged several people are, taken together.
#[derive(SimpleObject)]
pub(crate) struct GroupEngagement {
    /// The mean of their indexes, 0 to 100; null when there is nobody.
    index: Option<f64>,
    /// How many people they are.
    people: i64,
    /// How many of them did anything in the 28 days.
    engaged_people: i64,
    /// The same in each channel.
    parts: Vec<GroupEngagementPart>,
}

/// How engaged several people are in one channel.
#[derive(SimpleObject)]
pub(crate) struct GroupEngagementPart {
    /// The channel.
    channel: Channel,
    /// The mean of their indexes in it, 0 to 100; null when there is nobody.
    index: Option<f64>,
}

impl From<Group> for GroupEngagement {
    fn from(group: Group) -> Self {
        let parts = Channel::ALL.map(|channel| GroupEngagementPart {
            channel,
            index: group.index_in(channel),
        });
        Self {
            index: group.index(),
            people: group.people,
            engaged_people: group.engaged,
            parts: parts.into(),
        }
    }
}

/// How engaged the people of a company are.
pub(crate) async fn engagement_of_account(
    context: &Context<'_>,
    id: AccountId,
) -> Result<GroupEngagement> {
    let found = loader(context)?.load_one(EngagementOfAccount(id)).await?;
    Ok(found.unwrap_or_default().into())
}

/// How engaged all contacts of the workspace were on a day.
#[derive(SimpleObject)]
pub(crate) struct EngagementDay {
    /// The day, in the workspace's time zone; counted in its night.
    day: Date,
    /// All contacts together.
    engagement: GroupEngagement,
}

#[derive(Default)]
pub(crate) struct EngagementQuery;

#[Object]
impl EngagementQuery {
    /// How engaged all contacts of the workspace were, night by night, in order. It is counted at a quarter
    /// to three; days without a night are left out.
    #[boxed]
    async fn engagement_days(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Date,
        #[graphql(desc = "The last day; at most 1,100 days.")] to: Date,
    ) -> Result<Vec<EngagementDay>> {
        let (ctx, actor) = reader(context)?;
        let found = read::days(ctx, actor.workspace, from.0, to.0).await;
        let found = found.map_err(fault)?.into_iter();
        Ok(found
            .map(|(day, group)| EngagementDay {
                day: Date(day),
                engagement: group.into(),
            })
            .collect())
    }
}
