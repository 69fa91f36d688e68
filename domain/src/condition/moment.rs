//! When a condition is judged: the moment itself, and what day and hour that is in the workspace.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Offset as _, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::{
    error::{Error, Result},
    store::Query,
    workspace::BusinessHours,
};

/// A moment in a workspace. Windows such as “within 30 days” end with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The moment.
    pub now: DateTime<Utc>,
    /// The workspace's time zone.
    pub zone: Tz,
    /// When the workspace is open for business.
    pub hours: Arc<BusinessHours>,
}

#[derive(FromQueryResult)]
struct Clock {
    time_zone: String,
    business_hours: Option<serde_json::Value>,
}

impl Moment {
    /// The moment in the workspace's time zone. One statement.
    pub async fn of(
        connection: &impl ConnectionTrait,
        workspace: WorkspaceId,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let clock: Clock =
            Query::new("SELECT w.time_zone, w.business_hours FROM workspace w WHERE w.id = $1")
                .bind(workspace)
                .one(connection)
                .await?
                .ok_or_else(|| Error::Internal("a moment of no workspace".to_owned()))?;
        Ok(Self {
            now,
            zone: clock.time_zone.parse().unwrap_or(Tz::UTC),
            hours: Arc::new(BusinessHours::from_stored(clock.business_hours)),
        })
    }

    /// The moment in a zone, with the usual business hours.
    pub fn usual(now: DateTime<Utc>, zone: Tz) -> Self {
        Self {
            now,
            zone,
            hours: Arc::default(),
        }
    }

    /// Another moment in the same workspace.
    pub(crate) fn at(&self, now: DateTime<Utc>) -> Self {
        Self {
            now,
            ..self.clone()
        }
    }

    /// What the clocks in the workspace show.
    pub fn local(&self) -> NaiveDateTime {
        self.now.with_timezone(&self.zone).naive_local()
    }

    /// The day it is in the workspace.
    pub fn today(&self) -> NaiveDate {
        self.local().date()
    }

    /// As many days before now.
    pub(crate) fn days_ago(&self, days: u32) -> DateTime<Utc> {
        self.now - TimeDelta::days(i64::from(days))
    }

    /// Seconds by which the workspace's clocks are ahead of UTC.
    pub(crate) fn offset_seconds(&self) -> i64 {
        let local = self.now.with_timezone(&self.zone);
        i64::from(local.offset().fix().local_minus_utc())
    }
}
