//! What customers do, as it compares: scores of their purchases, and on how many days they were active.

use async_graphql::{InputObject, SimpleObject};
use entity::kind::RfmSegment;
use serde::{Deserialize, Serialize};

use super::words::Clauses;
use crate::{
    condition::{
        Leaf, Need, Whose,
        check::Checks,
        measure::{Frag, Holder, Measure, Plan, Rows, Source},
        path::Path,
        sentence::{Phrasing, say},
        test::{Ask, Element, NumberTest, Test},
    },
    error::{UserError, UserErrorCode},
};

/// Tests how lately, how often and for how much somebody bought among all customers, and how active a
/// contact is; every part given must hold. Who bought nothing in 365 days has no scores, and who is not
/// scored passes no test of scores. Segments follow within the hour.
#[derive(
    InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default,
)]
#[graphql(name = "ProfileCondition", input_name = "ProfileConditionInput")]
#[serde(rename_all = "camelCase", default)]
pub struct Profile {
    /// Whose: the contact's purchases, or those of the account and its people.
    #[graphql(default)]
    pub of: Whose,
    /// In one of these segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rfm_segments: Option<Vec<RfmSegment>>,
    /// The score of how lately they bought, from 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recency_score: Option<NumberTest>,
    /// The score of how often they bought, from 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_score: Option<NumberTest>,
    /// The score of for how much they bought, from 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monetary_score: Option<NumberTest>,
    /// On how many of the last 28 days they chose to do something, as `engagement` counts them. Of
    /// contacts only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_days: Option<NumberTest>,
}

/// What is asked about profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ProfileSource {
    Segment,
    RecencyScore,
    FrequencyScore,
    MonetaryScore,
    /// Distinct active days in the 28 that end with today.
    ActiveDays,
}

impl ProfileSource {
    pub(crate) fn depends(self) -> &'static [&'static str] {
        match self {
            Self::ActiveDays => &["email_metrics.changed", "message.received"],
            _ => &["order.recorded", "fact.deleted"],
        }
    }

    pub(crate) fn plan(self, holder: Holder) -> Plan {
        let column = match self {
            Self::Segment => "x.segment",
            Self::RecencyScore => "x.recency_score",
            Self::FrequencyScore => "x.frequency_score",
            Self::MonetaryScore => "x.monetary_score",
            Self::ActiveDays => return active_days(),
        };
        let mut plan = Plan::one("rfm", "x.subject_id");
        let scope = match holder {
            Holder::Account => "ACCOUNT",
            _ => "CONTACT",
        };
        plan.wheres = Frag::new(format!(" AND x.scope = '{scope}'"));
        plan.base.push(("v", Frag::new(column)));
        if self == Self::Segment {
            plan.text = Some((Frag::new("b.v"), Frag::new("b.v")));
        } else {
            plan.numbers.push((Frag::new("b.v"), None));
        }
        plan
    }
}

/// Nobody's row says that there are none.
fn active_days() -> Plan {
    let mut plan = Plan::one("engagement", "x.contact_id");
    plan.rows = Rows::Aggregate;
    plan.base.push(("v", Frag::new("x.active_days")));
    plan.numbers.push((Frag::new("MAX(b.v)"), Some(0.0)));
    plan
}

impl Profile {
    fn scores(&self) -> [(&'static str, ProfileSource, Option<NumberTest>); 3] {
        [
            (
                "recencyScore",
                ProfileSource::RecencyScore,
                self.recency_score,
            ),
            (
                "frequencyScore",
                ProfileSource::FrequencyScore,
                self.frequency_score,
            ),
            (
                "monetaryScore",
                ProfileSource::MonetaryScore,
                self.monetary_score,
            ),
        ]
    }

    fn ask(&self, source: ProfileSource, test: Test) -> Ask {
        Ask::new(
            Measure::new(self.of.holder(), Source::Profile(source)),
            test,
        )
    }
}

impl Leaf for Profile {
    fn need(&self) -> Need {
        self.of.need()
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let mut checks = Checks::new(at, refusals);
        checks.list("rfmSegments", self.rfm_segments.as_ref());
        for (name, _, test) in self.scores() {
            checks.number(name, test.as_ref(), 1.0, 5.0);
        }
        checks.number("activeDays", self.active_days.as_ref(), 0.0, 28.0);
        let asks = self.rfm_segments.is_some() || self.active_days.is_some();
        checks.something(!asks && self.scores().iter().all(|(_, _, test)| test.is_none()));
        if self.of == Whose::Account && self.active_days.is_some() {
            let message = "Accounts have no active days. Remove this, or ask of CONTACT.";
            let at = at.at("activeDays");
            refusals.push(at.refuse(UserErrorCode::Invalid, message));
        }
    }

    fn asks(&self) -> Vec<Ask> {
        let mut asks = Vec::new();
        if let Some(segments) = &self.rfm_segments {
            let segments = segments.iter();
            let segments = segments.map(|one| Element::Word(one.word().to_owned()));
            let test = Test::OneOf(segments.collect());
            asks.push(self.ask(ProfileSource::Segment, test));
        }
        for (_, source, test) in self.scores() {
            if let Some(test) = test {
                asks.push(self.ask(source, Test::Numbers(vec![test])));
            }
        }
        if let Some(days) = self.active_days {
            let test = Test::Numbers(vec![days]);
            asks.push(self.ask(ProfileSource::ActiveDays, test));
        }
        asks
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let mut clauses = Clauses::new(phrasing, self.of.subject(phrasing));
        let segment = ["RFMセグメント", "RFM segment", "RFM分群"];
        clauses.labels(self.rfm_segments.as_ref(), segment, segment_label);
        clauses.number(
            self.recency_score.as_ref(),
            ["最新購買スコア", "recency score", "最近购买评分"],
        );
        clauses.number(
            self.frequency_score.as_ref(),
            ["購買頻度スコア", "frequency score", "购买频次评分"],
        );
        clauses.number(
            self.monetary_score.as_ref(),
            ["購買金額スコア", "monetary score", "购买金额评分"],
        );
        clauses.number(
            self.active_days.as_ref(),
            [
                "過去28日間の活動日数",
                "number of active days in 28",
                "最近28天的活跃天数",
            ],
        );
        clauses.joined()
    }
}

fn segment_label(phrasing: &Phrasing<'_>, segment: RfmSegment) -> String {
    match segment {
        RfmSegment::Champions => say!(phrasing, "最優良", "champions", "冠军客户"),
        RfmSegment::AtRisk => say!(phrasing, "離反懸念", "at risk", "有流失风险"),
        RfmSegment::Hibernating => say!(phrasing, "休眠", "hibernating", "沉睡"),
    }
    .to_owned()
}
