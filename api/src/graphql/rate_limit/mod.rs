//! What a request costs and what is left, asked for in the request itself.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, TimeDelta, Utc};

use super::context::business;
use crate::transport::{Bucket, Cost};

/// The points of the access token, and what this request takes of them.
pub(crate) struct RateLimit {
    cost: Cost,
    bucket: Bucket,
    now: DateTime<Utc>,
}

/// The points of the access token, and what this request takes of them.
///
/// An object costs 1, a value 0, a `totalCount` 20, a mutation 10, the whole schema 1000. A list costs what is asked
/// of each thing in it, so many times as its `first`, `last`, `limit` or `ids` says. Without one it counts as 20, or as
/// less where it is short, such as `taggings`; what it turns out to be shorter is given back. Of each message of a
/// subscription 20 points are free. The rest is taken from points that only messages use, as many as these; when they
/// are used up, the next message comes later.
///
/// What reads far more than it shows costs more: `previewHealthModel` 200, `tryRule` 200, `exportContactData` 50,
/// `leadPurity` 50, `previewSegment` 50, `tagGroupDistribution` 50, `accountUsage` 20, `previewAccountMerge` 20,
/// `previewMerge` 20, `previewTagMerge` 20, `tagUsage` 20.
#[Object]
impl RateLimit {
    /// Points this request is charged before it runs; what it does not use is given back. See
    /// `extensions.cost.actual` of the answer.
    fn cost(&self) -> i32 {
        int(self.cost.requested)
    }

    /// Points one request may cost at most.
    fn cost_limit(&self) -> i32 {
        int(self.cost.limit)
    }

    /// Points the token has when it has not been used for a minute.
    fn limit(&self) -> i32 {
        int(u64::from(self.bucket.limit))
    }

    /// Points the token has left, after the charge of this request.
    fn remaining(&self) -> i32 {
        int(u64::from(self.bucket.remaining))
    }

    /// When the token has all its points again, if it is not used until then.
    fn reset_at(&self) -> DateTime<Utc> {
        self.now + TimeDelta::seconds(i64::from(int(self.bucket.reset_s)))
    }
}

fn int(points: u64) -> i32 {
    i32::try_from(points).unwrap_or(i32::MAX)
}

#[derive(Default)]
pub(crate) struct RateLimitQuery;

#[Object]
impl RateLimitQuery {
    /// What this request costs, and what the access token has left. Every token may ask, whatever its
    /// scopes. What fields cost is said at `RateLimit`.
    #[expect(clippy::unused_self, reason = "the derive calls it as a method")]
    fn rate_limit(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Only tell what the request would cost: nothing else of it is run, the answer has no other field, and it is charged one point. Put the field at the root of the operation, not in a fragment.",
            default = false
        )]
        dry_run: bool,
    ) -> Result<RateLimit> {
        // The transport has taken the other fields out before the request came here.
        let _ = dry_run;
        Ok(RateLimit {
            cost: *context.data::<Cost>()?,
            bucket: *context.data::<Bucket>()?,
            now: business(context)?.clock.now(),
        })
    }
}
