//! Health scores, bands and their change.

use async_graphql::{InputObject, SimpleObject};
use entity::kind::HealthBand;
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};

use super::words::{Clauses, band_label};
use crate::{
    condition::{
        Leaf, Need, Whose,
        check::Checks,
        measure::{Bind, Frag, Holder, Measure, Plan, Rows, Source},
        path::Path,
        sentence::{Phrasing, say},
        test::{Ask, Element, NumberTest, Test},
    },
    error::UserError,
    health::model::Definition,
};

/// Tests how the relationship is doing; every part given must hold. A contact of whom too little is
/// known has no score and passes no test of numbers; an account is as its contacts are on average.
#[derive(
    InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default,
)]
#[graphql(name = "HealthCondition", input_name = "HealthConditionInput")]
#[serde(rename_all = "camelCase", default)]
pub struct Health {
    /// Whose: the contact's score, or the mean of the scores of the account's contacts.
    #[graphql(default)]
    pub of: Whose,
    /// In one of these bands. An account's is that of its score, by the edges of the health model in use;
    /// one without contacts is in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bands: Option<Vec<HealthBand>>,
    /// The score, from 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<NumberTest>,
    /// By how many points the score rose in 7 days; negative if it fell. Of an account, by how many those
    /// of its contacts did on average that have a score now and had one then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_in7_days: Option<NumberTest>,
    /// By how many points the score rose in 30 days; negative if it fell. Of an account, by how many those
    /// of its contacts did on average that have a score now and had one then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_in30_days: Option<NumberTest>,
    /// By how many points the score rose in 90 days; negative if it fell. Of an account, by how many those
    /// of its contacts did on average that have a score now and had one then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_in90_days: Option<NumberTest>,
}

/// What is asked about health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum HealthSource {
    Score,
    Band,
    /// The change over so many days.
    Change(u32),
}

impl HealthSource {
    /// Whether time alone changes it; the band of a mean also changes with the model, of which nobody tells.
    pub(crate) fn timed(self, holder: Holder) -> bool {
        match self {
            Self::Score => false,
            Self::Band => holder == Holder::Account,
            Self::Change(_) => true,
        }
    }

    pub(crate) fn plan(self, holder: Holder, backend: DatabaseBackend) -> Plan {
        let mut plan = Plan::one("contact_health", "x.contact_id");
        let of_people = holder == Holder::Account;
        if of_people {
            plan.from = "contact k CROSS JOIN contact_health x".to_owned();
            plan.workspace = "k.workspace_id";
            plan.owner = "k.account_id";
            plan.wheres.push(
                " AND x.workspace_id = k.workspace_id AND x.contact_id = k.id
                  AND k.merged_into_id IS NULL",
            );
            plan.rows = Rows::Aggregate;
        }
        let value = match self {
            Self::Score => Frag::new("x.score"),
            Self::Band if of_people => {
                mean_band(&mut plan, backend);
                return plan;
            }
            Self::Band => {
                plan.base.push(("v", Frag::new("x.band")));
                plan.text = Some((Frag::new("b.v"), Frag::new("b.v")));
                return plan;
            }
            Self::Change(days) => Frag::new(
                "x.score - (SELECT y.score FROM health_history y
                   WHERE y.workspace_id = x.workspace_id AND y.contact_id = x.contact_id
                     AND y.as_of <= ? ORDER BY y.as_of DESC, y.id DESC LIMIT 1)",
            )
            .with(Bind::DaysAgo(days)),
        };
        plan.base.push(("v", value));
        let number = if of_people { "AVG(b.v)" } else { "b.v" };
        plan.numbers.push((Frag::new(number), None));
        plan
    }
}

/// The band of the mean of the scores, as `Standing::band` of an account says it.
fn mean_band(plan: &mut Plan, backend: DatabaseBackend) {
    let bands = Definition::default().bands;
    plan.base.push(("v", Frag::new("x.score")));
    for (column, name, usual) in [
        ("healthy", "healthy_from", bands.healthy_from),
        ("neutral", "neutral_from", bands.neutral_from),
    ] {
        let edge = match backend {
            DatabaseBackend::Postgres => {
                format!("CAST(m.definition #>> '{{bands,{name}}}' AS double precision)")
            }
            _ => format!("json_extract(m.definition, '$.bands.{name}')"),
        };
        let edge = format!(
            "COALESCE((SELECT {edge} FROM health_model m WHERE m.workspace_id = x.workspace_id
                       ORDER BY m.version DESC LIMIT 1), {usual})"
        );
        plan.base.push((column, Frag::new(edge)));
    }
    // Scores have two decimals.
    let mean = "ROUND(CAST(AVG(b.v) AS numeric), 2)";
    let band = format!(
        "CASE WHEN {mean} >= MAX(b.healthy) THEN '{}' WHEN {mean} >= MAX(b.neutral) THEN '{}'
              WHEN {mean} IS NOT NULL THEN '{}' WHEN COUNT(*) > 0 THEN '{}' END",
        HealthBand::Healthy.word(),
        HealthBand::Neutral.word(),
        HealthBand::AtRisk.word(),
        HealthBand::Unknown.word(),
    );
    plan.text = Some((Frag::new(band.clone()), Frag::new(band)));
}

impl Health {
    fn changes(&self) -> [(&'static str, u32, Option<NumberTest>); 3] {
        [
            ("changeIn7Days", 7, self.change_in7_days),
            ("changeIn30Days", 30, self.change_in30_days),
            ("changeIn90Days", 90, self.change_in90_days),
        ]
    }

    fn ask(&self, source: HealthSource, test: Test) -> Ask {
        Ask::new(Measure::new(self.of.holder(), Source::Health(source)), test)
    }
}

impl Leaf for Health {
    fn need(&self) -> Need {
        self.of.need()
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let mut checks = Checks::new(at, refusals);
        checks.list("bands", self.bands.as_ref());
        checks.number("score", self.score.as_ref(), 0.0, 100.0);
        for (name, _, test) in self.changes() {
            checks.number(name, test.as_ref(), -100.0, 100.0);
        }
        let asks = self.score.is_some() || self.bands.is_some();
        checks.something(!asks && self.changes().iter().all(|(_, _, test)| test.is_none()));
    }

    fn asks(&self) -> Vec<Ask> {
        let mut asks = Vec::new();
        if let Some(bands) = &self.bands {
            let bands = bands.iter();
            let bands = bands.map(|band| Element::Word(band.word().to_owned()));
            asks.push(self.ask(HealthSource::Band, Test::OneOf(bands.collect())));
        }
        if let Some(score) = self.score {
            asks.push(self.ask(HealthSource::Score, Test::Numbers(vec![score])));
        }
        for (_, days, test) in self.changes() {
            if let Some(test) = test {
                asks.push(self.ask(HealthSource::Change(days), Test::Numbers(vec![test])));
            }
        }
        asks
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let mut clauses = Clauses::new(phrasing, self.of.subject(phrasing));
        let band = ["健全度の区分", "health band", "健康等级"];
        clauses.labels(self.bands.as_ref(), band, band_label);
        clauses.number(
            self.score.as_ref(),
            ["健全度スコア", "health score", "健康分"],
        );
        for (_, days, test) in self.changes() {
            let Some(test) = test else { continue };
            let number = test.phrase(phrasing);
            let subject = self.of.subject(phrasing);
            clauses.push(say!(
                phrasing,
                format!("{subject}の健全度スコアの{days}日間の変化が{number}である"),
                format!("the change of {subject}'s health score in {days} days is {number}"),
                format!("{subject}的健康分{days}天内的变化{number}")
            ));
        }
        clauses.joined()
    }
}
