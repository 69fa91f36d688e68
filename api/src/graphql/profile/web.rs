//! Visits to the web site.

use async_graphql::{Context, Object, Result, SimpleObject};
use domain::{
    profile::web::{
        figures::Traffic,
        read::{self, Profile},
        session::Visits,
    },
    report::{Period, stats::Share},
};
use entity::id::ContactId;

use crate::boxed;
use crate::graphql::{
    context::{loader, reader},
    error::fault,
    loader::WebProfileOf,
    report::ReportSpan,
    scalar::Date,
};

/// What visits to the web site come to. They are made of `page_viewed` events: a session ends when no page
/// is viewed for 30 minutes, and with the day. A late event is counted on its own day.
#[derive(SimpleObject)]
pub(crate) struct WebVisits {
    /// Sessions.
    sessions: i64,
    /// Pages that were viewed, each view counted.
    pages: i64,
    /// For how many seconds pages were looked at: as the events' property `dwellSeconds` tells, or else
    /// until the next page of the session. Nothing is known of the last page of a session where it is not
    /// told.
    dwell_seconds: i64,
    /// The mean number of pages of a session.
    pages_per_session: Option<f64>,
    /// The mean time pages were looked at in a session, in seconds.
    dwell_seconds_per_session: Option<f64>,
}

impl From<Visits> for WebVisits {
    fn from(visits: Visits) -> Self {
        Self {
            sessions: visits.sessions,
            pages: visits.pages,
            dwell_seconds: visits.dwell_seconds,
            pages_per_session: visits.pages_per_session(),
            dwell_seconds_per_session: visits.dwell_per_session(),
        }
    }
}

/// How a contact visits the web site. Days are those of the workspace's time zone.
#[derive(SimpleObject)]
pub(crate) struct WebProfile {
    /// The day of the first visit.
    first_visit_on: Date,
    /// The day of the last visit.
    last_visit_on: Date,
    /// How many days had a visit.
    days: i64,
    /// Whether the contact came back on another day than the first.
    is_returning: bool,
    /// All visits.
    total: WebVisits,
    /// How many of the last 28 days had a visit.
    recent_days: i64,
    /// The visits of the last 28 days.
    recent: WebVisits,
}

impl From<Profile> for WebProfile {
    fn from(profile: Profile) -> Self {
        Self {
            first_visit_on: Date(profile.first_on),
            last_visit_on: Date(profile.last_on),
            days: profile.days,
            is_returning: profile.is_returning(),
            total: profile.visits.into(),
            recent_days: profile.recent_days,
            recent: profile.recent.into(),
        }
    }
}

/// How a contact visits the web site; nothing when it never did.
pub(crate) async fn web_profile_of(
    context: &Context<'_>,
    id: ContactId,
) -> Result<Option<WebProfile>> {
    let found = loader(context)?.load_one(WebProfileOf(id)).await?;
    Ok(found.map(WebProfile::from))
}

/// The visits of one period.
#[derive(SimpleObject)]
pub(crate) struct WebTrafficPeriod {
    /// The period.
    span: ReportSpan,
    /// What was viewed.
    visits: WebVisits,
    /// Contacts who viewed something; each counts once, however long the period is. So the visitors of
    /// several periods are not to be added up.
    visitors: i64,
    /// Those of them who had never viewed anything before the period.
    new_visitors: i64,
    /// Those of them who had, and came back.
    returning_visitors: Share,
}

impl WebTrafficPeriod {
    fn new(span: ReportSpan, traffic: Traffic) -> Self {
        Self {
            span,
            visits: traffic.visits.into(),
            visitors: traffic.visitors,
            new_visitors: traffic.new_visitors,
            returning_visitors: Share::new(traffic.returning_visitors(), traffic.visitors),
        }
    }
}

#[derive(Default)]
pub(crate) struct WebQuery;

#[Object]
impl WebQuery {
    /// The visits to the web site of each day, week, month, quarter or year, in order; none of the future.
    #[boxed]
    async fn web_traffic(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How long a period is.", default_with = "Period::Day")] period: Period,
        #[graphql(desc = "A day of the first period.")] from: Date,
        #[graphql(desc = "A day of the last period; at most 400 periods.")] to: Date,
    ) -> Result<Vec<WebTrafficPeriod>> {
        let (ctx, actor) = reader(context)?;
        let found = read::traffic(ctx, actor.workspace, period, from.0, to.0).await;
        let found = found.map_err(fault)?.into_iter();
        Ok(found
            .map(|(span, traffic)| WebTrafficPeriod::new(span.into(), traffic))
            .collect())
    }
}
