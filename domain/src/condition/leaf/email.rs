//! How a contact takes our email: figures and rates over a window, and how regularly they read.

use async_graphql::{Enum, InputObject, SimpleObject};
use serde::{Deserialize, Serialize};

use super::words::{Clauses, Named};
use crate::{
    condition::{
        Leaf, Need, Whose,
        check::Checks,
        measure::{Bind, Frag, Holder, Measure, Plan, Rows, Source},
        path::Path,
        scalar::Natural,
        sentence::{Phrasing, last_days, say},
        test::{Ask, NumberTest, Test, check_days},
    },
    email::report::RecencyTier,
    error::{UserError, UserErrorCode},
};

/// What is counted over emails. A click implies an open, and opens and clicks are those of people;
/// machines are left out. Rates are from 0 to 1.
#[derive(Enum, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[graphql(name = "EmailMeasure")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EmailMeasure {
    /// Emails the sender or its provider accepted.
    Sent,
    /// Emails that arrived.
    Delivered,
    /// Emails a person opened.
    Opened,
    /// Emails in which a person followed a link.
    Clicked,
    /// Emails a person answered.
    Replied,
    /// Emails that came back for good.
    HardBounced,
    /// Emails the recipient called spam.
    Complained,
    /// Emails after which the recipient asked for no more.
    Unsubscribed,
    /// Opened / delivered, of emails whose opens are tracked.
    OpenRate,
    /// Clicked / delivered.
    ClickRate,
    /// Clicked / opened, of emails whose opens are tracked.
    ClickToOpenRate,
    /// Replied / delivered.
    ReplyRate,
    /// Hard bounces / sent.
    BounceRate,
    /// Complaints / delivered.
    ComplaintRate,
}

const TRACKED_DELIVERED: &str = "x.delivered - x.untracked_delivered";
const TRACKED_OPENED: &str = "x.human_openers - x.untracked_human_openers";
const TRACKED_CLICKED: &str = "x.human_clickers - x.untracked_human_clickers";

impl EmailMeasure {
    /// What is counted of a row `x` of `email_day`, and of what it is a share. Emails whose opens are not
    /// tracked are left out of the shares that are made of opens.
    fn columns(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Sent => ("x.attempted", None),
            Self::Delivered => ("x.delivered", None),
            Self::Opened => ("x.human_openers", None),
            Self::Clicked => ("x.human_clickers", None),
            Self::Replied => ("x.replied", None),
            Self::HardBounced => ("x.hard_bounced", None),
            Self::Complained => ("x.complained", None),
            Self::Unsubscribed => ("x.unsubscribed", None),
            Self::OpenRate => (TRACKED_OPENED, Some(TRACKED_DELIVERED)),
            Self::ClickRate => ("x.human_clickers", Some("x.delivered")),
            Self::ClickToOpenRate => (TRACKED_CLICKED, Some(TRACKED_OPENED)),
            Self::ReplyRate => ("x.replied", Some("x.delivered")),
            Self::BounceRate => ("x.hard_bounced", Some("x.attempted")),
            Self::ComplaintRate => ("x.complained", Some("x.delivered")),
        }
    }

    fn is_rate(self) -> bool {
        self.columns().1.is_some()
    }

    fn label(self) -> Named {
        match self {
            Self::Sent => ["送信メール数", "number of emails sent", "已发送邮件数"],
            Self::Delivered => ["到達メール数", "number of emails delivered", "已送达邮件数"],
            Self::Opened => ["開封メール数", "number of emails opened", "已打开邮件数"],
            Self::Clicked => [
                "クリックメール数",
                "number of emails clicked",
                "已点击邮件数",
            ],
            Self::Replied => [
                "返信メール数",
                "number of emails replied to",
                "已回复邮件数",
            ],
            Self::HardBounced => ["ハードバウンス数", "number of hard bounces", "硬退信数"],
            Self::Complained => [
                "迷惑メール報告数",
                "number of spam complaints",
                "垃圾邮件投诉数",
            ],
            Self::Unsubscribed => ["配信停止数", "number of unsubscriptions", "退订数"],
            Self::OpenRate => ["開封率", "open rate", "打开率"],
            Self::ClickRate => ["クリック率", "click rate", "点击率"],
            Self::ClickToOpenRate => ["開封者クリック率", "click-to-open rate", "打开点击率"],
            Self::ReplyRate => ["返信率", "reply rate", "回复率"],
            Self::BounceRate => ["バウンス率", "bounce rate", "退信率"],
            Self::ComplaintRate => ["苦情率", "complaint rate", "投诉率"],
        }
    }
}

/// What a figure over emails must be.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Hash)]
#[graphql(input_name = "EmailTestInput")]
#[serde(rename_all = "camelCase")]
pub struct EmailTest {
    /// What is counted.
    pub measure: EmailMeasure,
    /// What it must be. A rate of nothing is no number and passes no test.
    pub is: NumberTest,
}

/// Tests how our email is taken; every part given must hold. An email counts on the day it was sent.
#[derive(
    InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default,
)]
#[graphql(name = "EmailCondition", input_name = "EmailConditionInput")]
#[serde(rename_all = "camelCase", default)]
pub struct Email {
    /// Whose emails: those to the contact, or those to all contacts of the account.
    #[graphql(default)]
    pub of: Whose,
    /// Emails sent today and on the days before, so many days in all, up to 3660; of all time if not
    /// given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_days: Option<Natural>,
    /// Figures over these emails, up to 6; all must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[graphql(default)]
    pub tests: Vec<EmailTest>,
    /// How regularly the contact reads: in one of these tiers. Of contacts only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Vec<RecencyTier>>,
}

/// The parts of [`Email`] that the database answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum EmailSource {
    Figures {
        within_days: Option<u32>,
        measures: Vec<EmailMeasure>,
    },
    /// Distinct active days in the 28 that end with today.
    ActiveDays,
}

const COLUMNS: [(&str, &str); 6] = [
    ("a0", "z0"),
    ("a1", "z1"),
    ("a2", "z2"),
    ("a3", "z3"),
    ("a4", "z4"),
    ("a5", "z5"),
];

impl EmailSource {
    /// One of its numbers by itself.
    pub(crate) fn number(&self, place: usize) -> Self {
        let mut one = self.clone();
        if let Self::Figures { measures, .. } = &mut one {
            *measures = measures.get(place).copied().into_iter().collect();
        }
        one
    }

    /// Whether time alone changes it: the day it is does, except of all time.
    pub(crate) fn timed(&self) -> bool {
        match self {
            Self::Figures { within_days, .. } => within_days.is_some(),
            Self::ActiveDays => true,
        }
    }

    pub(crate) fn plan(&self, holder: Holder) -> Plan {
        match self {
            Self::ActiveDays => {
                let mut plan = Plan::one("email_active_day", "x.contact_id");
                plan.rows = Rows::Aggregate;
                let window = " AND x.acts > 0 AND x.day >= ? AND x.day <= ?";
                plan.wheres = Frag::new(window)
                    .with(Bind::DayAgo(27))
                    .with(Bind::DayAgo(0));
                plan.numbers.push((Frag::new("COUNT(*)"), Some(0.0)));
                plan
            }
            Self::Figures {
                within_days,
                measures,
            } => {
                let mut plan = Plan::one("email_day", "x.scope_id");
                plan.rows = Rows::Aggregate;
                let scope = match holder {
                    Holder::Account => "ACCOUNT",
                    _ => "CONTACT",
                };
                plan.wheres = Frag::new(format!(" AND x.scope = '{scope}'"));
                if let Some(days) = within_days {
                    let from = Bind::DayAgo(days.saturating_sub(1));
                    plan.wheres.append(Frag::new(" AND x.day >= ?").with(from));
                }
                for (measure, (above, below)) in measures.iter().zip(COLUMNS) {
                    let (counted, base) = measure.columns();
                    plan.base.push((above, Frag::new(counted)));
                    let number = match base {
                        None => format!("SUM(b.{above})"),
                        Some(base) => {
                            plan.base.push((below, Frag::new(base)));
                            format!(
                                "CAST(SUM(b.{above}) AS double precision)
                                 / NULLIF(SUM(b.{below}), 0)"
                            )
                        }
                    };
                    let nothing = (!measure.is_rate()).then_some(0.0);
                    plan.numbers.push((Frag::new(number), nothing));
                }
                plan
            }
        }
    }
}

impl Leaf for Email {
    fn need(&self) -> Need {
        self.of.need()
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        if let Some(days) = self.within_days {
            check_days(days.get(), &at.at("withinDays"), refusals);
        }
        if !self.tests.is_empty() {
            let at = at.at("tests");
            super::super::check::list(&self.tests, COLUMNS.len(), &at, refusals, "test");
            for (index, test) in self.tests.iter().enumerate().take(COLUMNS.len()) {
                let at = at.nth(index).at("is");
                if test.measure.is_rate() {
                    test.is.check(0.0, 1.0, &at, refusals);
                } else {
                    test.is.check_count(0.0, f64::INFINITY, &at, refusals);
                }
            }
        }
        if self.of == Whose::Account && self.tiers.is_some() {
            let message = "Accounts have no tier. Remove this, or ask of CONTACT.";
            refusals.push(at.at("tiers").refuse(UserErrorCode::Invalid, message));
        }
        let mut checks = Checks::new(at, refusals);
        checks.list("tiers", self.tiers.as_ref());
        checks.something(self.tests.is_empty() && self.tiers.is_none());
    }

    fn asks(&self) -> Vec<Ask> {
        let mut asks = Vec::new();
        if !self.tests.is_empty() {
            let source = EmailSource::Figures {
                within_days: self.within_days.map(Natural::get),
                measures: self.tests.iter().map(|test| test.measure).collect(),
            };
            let tests = self.tests.iter().map(|test| test.is).collect();
            let measure = Measure::new(self.of.holder(), Source::Email(source));
            asks.push(Ask::new(measure, Test::Numbers(tests)));
        }
        if let Some(tiers) = &self.tiers {
            let days = tiers.iter().map(|tier| match tier {
                RecencyTier::Daily => NumberTest::min(12.0),
                RecencyTier::Weekly => NumberTest::between(4.0, 11.0),
                RecencyTier::Monthly => NumberTest::between(1.0, 3.0),
                RecencyTier::Lapsed => NumberTest::max(0.0),
            });
            let test = Test::AnyNumber(days.collect());
            let source = Source::Email(EmailSource::ActiveDays);
            asks.push(Ask::new(Measure::new(self.of.holder(), source), test));
        }
        asks
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let mut clauses = Clauses::new(phrasing, self.of.subject(phrasing));
        for test in &self.tests {
            clauses.number(Some(&test.is), test.measure.label());
        }
        let tier = ["メールを読む頻度", "reading habit", "阅读频率"];
        clauses.labels(self.tiers.as_ref(), tier, tier_label);
        let clauses = clauses.joined();
        match self.within_days {
            Some(days) if !self.tests.is_empty() => say!(
                phrasing,
                format!("過去{days}日間に{clauses}"),
                format!("in the {} {clauses}", last_days(days.get())),
                format!("在最近{days}天内{clauses}")
            ),
            _ => clauses,
        }
    }
}

fn tier_label(phrasing: &Phrasing<'_>, tier: RecencyTier) -> String {
    match tier {
        RecencyTier::Daily => say!(phrasing, "毎日", "daily", "每天"),
        RecencyTier::Weekly => say!(phrasing, "毎週", "weekly", "每周"),
        RecencyTier::Monthly => say!(phrasing, "毎月", "monthly", "每月"),
        RecencyTier::Lapsed => say!(phrasing, "休眠", "lapsed", "已流失"),
    }
    .to_owned()
}
