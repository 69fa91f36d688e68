//! What became of emails, as numbers that say what they are made of.

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use domain::{
    email::{
        Figures,
        rate::{ComplaintLevel, Rate},
        report::{self, EmailDay, Period, RecencyTier},
    },
    error::{Error, UserErrorCode},
};
use entity::{id::ContactId, kind::EmailScope};
use uuid::Uuid;

use crate::graphql::{
    context::{business, loader},
    error::fault,
    loader::{EmailDaysOf, RecencyOf, ZoneInUse},
    scalar::Date,
};

/// Days a series may span.
const MAX_DAYS: i64 = 1_100;

/// What became of the emails sent in a span of days. Emails count on the day they were sent, whenever
/// the rest happened.
#[derive(SimpleObject)]
pub(crate) struct EmailMetrics {
    /// The first day, in the workspace's time zone.
    from: Date,
    /// The last day.
    to: Date,
    /// The whole span.
    total: EmailFigures,
    /// The span in periods, in order; periods without emails are left out.
    series: Vec<EmailPeriodFigures>,
}

/// What became of the emails sent in one period.
#[derive(SimpleObject)]
pub(crate) struct EmailPeriodFigures {
    /// The period's first day.
    start: Date,
    /// The figures.
    figures: EmailFigures,
}

impl EmailMetrics {
    pub(crate) async fn read(
        context: &Context<'_>,
        scope: EmailScope,
        id: Uuid,
        from: Option<Date>,
        to: Option<Date>,
        period: Period,
    ) -> Result<Self> {
        let to = match to {
            Some(to) => to.0,
            None => today(context).await?,
        };
        let from = from
            .map(|from| from.0)
            .or_else(|| to.checked_sub_days(Days::new(29)))
            .unwrap_or(to);
        let span = (to - from).num_days();
        if !(0..MAX_DAYS).contains(&span) {
            let message = format!("Choose a first day before the last, at most {MAX_DAYS} days.");
            return Err(fault(Error::refused(
                &["from"],
                UserErrorCode::Invalid,
                message,
            )));
        }
        let key = EmailDaysOf {
            scope,
            id,
            from,
            to,
        };
        let days = loader(context)?.load_one(key).await?.unwrap_or_default();
        let mut total = Figures::default();
        for day in &days {
            total += day.figures;
        }
        let series = report::by_period(&days, period)
            .into_iter()
            .map(Into::into)
            .collect();
        Ok(Self {
            from: Date(from),
            to: Date(to),
            total: EmailFigures(total),
            series,
        })
    }
}

impl From<EmailDay> for EmailPeriodFigures {
    fn from(day: EmailDay) -> Self {
        Self {
            start: Date(day.day),
            figures: EmailFigures(day.figures),
        }
    }
}

/// Today, by the clocks of the workspace.
async fn today(context: &Context<'_>) -> Result<NaiveDate> {
    let zone = loader(context)?.load_one(ZoneInUse).await?;
    let now = business(context)?.clock.now();
    Ok(now.with_timezone(&zone.unwrap_or(Tz::UTC)).date_naive())
}

/// Counts and rates over emails; one email to one recipient counts once in each unique count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EmailFigures(Figures);

/// Counts and rates over emails; one email to one recipient counts once in each unique count.
#[Object]
impl EmailFigures {
    /// Emails the sender or its provider accepted.
    fn attempted(&self) -> i64 {
        self.0.attempted
    }

    /// Emails that arrived: told by the provider, or implied by an open, a reply and the like.
    fn delivered(&self) -> i64 {
        self.0.delivered
    }

    /// Emails of which nothing says that they arrived or came back: `attempted` less `delivered`,
    /// `hardBounced`, `softBounced` and `blocked`, at least 0. They are under way; three days after
    /// sending, nothing more is to be expected. Where there are many, because deliveries are not
    /// reported, rates of delivered mean little.
    fn delivery_unknown(&self) -> i64 {
        self.0.unknown()
    }

    /// Emails whose opens are not tracked, as an event, the campaign or the email source said. They are left out of
    /// `humanOpenRate`, `openRate`, `machineOpenShare` and `clickToOpenRate`, which are null where there are no
    /// others. In `humanOpeners` and `openers` they count by their clicks, and by opens that are told nevertheless.
    fn opens_untracked(&self) -> i64 {
        self.0.untracked
    }

    /// Emails a person opened; a click by a person implies an open.
    fn human_openers(&self) -> i64 {
        self.0.human_openers
    }

    /// Emails anybody or anything opened.
    fn openers(&self) -> i64 {
        self.0.openers
    }

    /// Emails in which a person followed a link; ways to unsubscribe do not count.
    fn human_clickers(&self) -> i64 {
        self.0.human_clickers
    }

    /// Emails in which anybody or anything followed a link.
    fn clickers(&self) -> i64 {
        self.0.clickers
    }

    /// Emails a person answered.
    fn replied(&self) -> i64 {
        self.0.replied
    }

    /// Emails that came back for good.
    fn hard_bounced(&self) -> i64 {
        self.0.hard_bounced
    }

    /// Emails that came back for a passing reason, without a later delivery.
    fn soft_bounced(&self) -> i64 {
        self.0.soft_bounced
    }

    /// Emails a policy or a filter refused.
    fn blocked(&self) -> i64 {
        self.0.blocked
    }

    /// Emails the recipient called spam.
    fn complained(&self) -> i64 {
        self.0.complained
    }

    /// Emails after which the recipient asked for no more.
    fn unsubscribed(&self) -> i64 {
        self.0.unsubscribed
    }

    /// Opens by people, each one counted.
    fn human_opens(&self) -> i64 {
        self.0.human_opens
    }

    /// Opens by privacy services, proxies and scanners, each one counted.
    fn machine_opens(&self) -> i64 {
        self.0.machine_opens
    }

    /// Clicks by people, each one counted.
    fn human_clicks(&self) -> i64 {
        self.0.human_clicks
    }

    /// Clicks by scanners and the like, each one counted.
    fn machine_clicks(&self) -> i64 {
        self.0.machine_clicks
    }

    /// Delivered of attempted.
    fn delivery_rate(&self) -> Rate {
        self.0.delivery_rate()
    }

    /// Hard bounces of attempted.
    fn hard_bounce_rate(&self) -> Rate {
        self.0.hard_bounce_rate()
    }

    /// Soft bounces of attempted.
    fn soft_bounce_rate(&self) -> Rate {
        self.0.soft_bounce_rate()
    }

    /// Blocked of attempted.
    fn block_rate(&self) -> Rate {
        self.0.block_rate()
    }

    /// Opened by a person, of delivered; of the emails whose opens are tracked.
    fn human_open_rate(&self) -> Rate {
        self.0.human_open_rate()
    }

    /// Opened by anybody or anything, of delivered; of the emails whose opens are tracked.
    fn open_rate(&self) -> Rate {
        self.0.open_rate()
    }

    /// Opened by machines alone, of opened by anybody or anything: how much of `openRate` says nothing of
    /// people.
    fn machine_open_share(&self) -> Rate {
        self.0.machine_open_share()
    }

    /// Clicked by a person, of delivered.
    fn click_rate(&self) -> Rate {
        self.0.click_rate()
    }

    /// Clicked by a person, of opened by a person; of the emails whose opens are tracked.
    fn click_to_open_rate(&self) -> Rate {
        self.0.click_to_open_rate()
    }

    /// Answered by a person, of delivered.
    fn reply_rate(&self) -> Rate {
        self.0.reply_rate()
    }

    /// Unsubscribed, of delivered.
    fn unsubscribe_rate(&self) -> Rate {
        self.0.unsubscribe_rate()
    }

    /// Complained, of delivered.
    fn complaint_rate(&self) -> Rate {
        self.0.complaint_rate()
    }

    /// How bad `complaintRate` is; null below 1,000 delivered emails, where one complaint says nothing.
    fn complaint_level(&self) -> Option<ComplaintLevel> {
        self.0.complaint_level()
    }

    /// The mean time to the first reply, in seconds, of the answered emails whose time is known.
    fn mean_reply_seconds(&self) -> Option<f64> {
        self.0.mean_reply_seconds()
    }
}

/// How regularly a contact reads email: distinct days with an open, a click or a reply of theirs in
/// the last 28.
#[derive(SimpleObject)]
pub(crate) struct EmailRecency {
    /// The tier.
    tier: RecencyTier,
    /// The distinct active days.
    active_days: i64,
}

impl EmailRecency {
    pub(crate) async fn read(context: &Context<'_>, contact: ContactId) -> Result<Self> {
        let key = RecencyOf(contact, today(context).await?);
        let recency = loader(context)?.load_one(key).await?;
        Ok(Self {
            tier: recency.map_or(RecencyTier::Lapsed, |recency| recency.tier),
            active_days: recency.map_or(0, |recency| recency.active_days),
        })
    }
}
