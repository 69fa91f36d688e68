//! What was answered to surveys.

use async_graphql::{InputObject, SimpleObject};
use entity::kind::SurveyKind;
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};

use super::things::Things;
use crate::{
    condition::{
        Leaf, Need, Whose, age,
        check::Checks,
        measure::{Bind, Frag, Holder, Measure, Plan, Rows, Source, frag},
        path::Path,
        reference::Reference,
        scalar::Natural,
        sentence::{Phrasing, last_days, say},
        test::{Ask, NumberTest, Test, check_days},
    },
    error::{UserError, UserErrorCode},
};

/// Tests the answers to surveys; every part given must hold of the same answers.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[graphql(name = "SurveyCondition", input_name = "SurveyConditionInput")]
#[serde(rename_all = "camelCase")]
pub struct Survey {
    /// Whose answers: those of the contact, or those of all contacts of the account.
    #[serde(default)]
    #[graphql(default)]
    pub of: Whose,
    /// The kind of survey.
    pub kind: SurveyKind,
    /// Only answers to this survey, by the key it was told with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey_key: Option<String>,
    /// Only answers of the last so many days, up to 3660.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_days: Option<Natural>,
    /// How many answers there must be. Without any test, one is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<NumberTest>,
    /// The score of the latest answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_score: Option<NumberTest>,
    /// The mean of the scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_score: Option<NumberTest>,
    /// Days since the latest answer. Nothing when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_since_last: Option<NumberTest>,
}

/// What is asked about answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SurveySource {
    kind: SurveyKind,
    survey_key: Option<String>,
    within_days: Option<u32>,
    counted: Vec<Counted>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    Count,
    Latest,
    Mean,
    DaysSinceLast,
}

impl SurveySource {
    /// One of its numbers by itself.
    pub(crate) fn number(&self, place: usize) -> Self {
        Self {
            counted: self.counted.get(place).copied().into_iter().collect(),
            ..self.clone()
        }
    }

    pub(crate) fn timed(&self) -> bool {
        self.within_days.is_some() || self.counted.contains(&Counted::DaysSinceLast)
    }

    /// The ages of answers, in seconds, at which `test` of it can get another answer.
    pub(crate) fn ages(&self, test: &Test) -> Vec<i64> {
        let mut ages: Vec<i64> = self.within_days.map(age::days).into_iter().collect();
        if let Test::Numbers(tests) = test {
            for (counted, test) in self.counted.iter().zip(tests) {
                if *counted == Counted::DaysSinceLast {
                    ages.extend(age::of_days(test));
                }
            }
        }
        ages
    }

    pub(crate) fn plan(&self, holder: Holder, backend: DatabaseBackend) -> Plan {
        let owner = match holder {
            Holder::Account => "x.account_id",
            _ => "x.contact_id",
        };
        let mut plan = Plan::one("survey_answer", owner);
        plan.rows = Rows::Aggregate;
        plan.wheres.push(&format!(" AND {owner} IS NOT NULL"));
        if let Some(survey) = &self.survey_key {
            let survey = Bind::Text(survey.clone());
            plan.wheres
                .append(Frag::new(" AND x.survey_key = ?").with(survey));
        }
        let kind = Bind::Text(self.kind.word().to_owned());
        plan.wheres.append(Frag::new(" AND x.kind = ?").with(kind));
        if let Some(days) = self.within_days {
            let since = Frag::new(" AND x.answered_at >= ?").with(Bind::DaysAgo(days));
            plan.wheres.append(since);
        }
        plan.base.push(("at", Frag::new("x.answered_at")));
        plan.base.push(("score", Frag::new("x.score")));
        // A place in the order of time, so that the latest can be found by an aggregate.
        let place = format!(
            "ROW_NUMBER() OVER (PARTITION BY {owner} ORDER BY x.answered_at DESC, x.id DESC)"
        );
        plan.base.push(("place", Frag::new(place)));
        for counted in &self.counted {
            plan.numbers.push(match counted {
                Counted::Count => (Frag::new("COUNT(*)"), Some(0.0)),
                Counted::Latest => (
                    Frag::new("MAX(CASE WHEN b.place = 1 THEN b.score END)"),
                    None,
                ),
                Counted::Mean => (Frag::new("AVG(b.score)"), None),
                Counted::DaysSinceLast => (frag::days_since(backend, "MAX(b.at)"), None),
            });
        }
        plan
    }
}

impl Survey {
    fn tests(&self) -> Vec<(Counted, &'static str, NumberTest)> {
        [
            (Counted::Count, "count", self.count),
            (Counted::Latest, "latestScore", self.latest_score),
            (Counted::Mean, "meanScore", self.mean_score),
            (
                Counted::DaysSinceLast,
                "daysSinceLast",
                self.days_since_last,
            ),
        ]
        .into_iter()
        .filter_map(|(counted, name, test)| Some((counted, name, test?)))
        .collect()
    }
}

impl Leaf for Survey {
    fn need(&self) -> Need {
        self.of.need()
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        if let Some(days) = self.within_days {
            check_days(days.get(), &at.at("withinDays"), refusals);
        }
        if let Some(survey) = &self.survey_key
            && (survey.trim().is_empty() || survey.len() > 800 || survey.contains('\0'))
        {
            let at = at.at("surveyKey");
            refusals.push(at.refuse(UserErrorCode::Invalid, "Give the key of a survey."));
        }
        let scores = match self.kind {
            SurveyKind::Nps => (0.0, 10.0),
            SurveyKind::Csat => (1.0, 5.0),
        };
        let mut checks = Checks::new(at, refusals);
        for (counted, name, test) in self.tests() {
            match counted {
                Counted::Latest | Counted::Mean => {
                    checks.number(name, Some(&test), scores.0, scores.1);
                }
                Counted::Count => checks.count(name, Some(&test)),
                Counted::DaysSinceLast => checks.number(name, Some(&test), -1.0, f64::INFINITY),
            }
        }
    }

    fn asks(&self) -> Vec<Ask> {
        let mut counted = Vec::new();
        let mut tests = Vec::new();
        for (one, _, test) in self.tests() {
            counted.push(one);
            tests.push(test);
        }
        if tests.is_empty() {
            counted.push(Counted::Count);
            tests.push(NumberTest::min(1.0));
        }
        let source = SurveySource {
            kind: self.kind,
            survey_key: self.survey_key.clone(),
            within_days: self.within_days.map(Natural::get),
            counted,
        };
        let measure = Measure::new(self.of.holder(), Source::Surveys(source));
        vec![Ask::new(measure, Test::Numbers(tests))]
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        if let Some(key) = &self.survey_key {
            found.push(Reference::to_survey(&at.at("surveyKey"), self.kind, key));
        }
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let subject = self.of.subject(phrasing);
        let mut kind = self.kind.word().to_owned();
        if let Some(survey) = &self.survey_key {
            kind.push_str(say!(phrasing, "", " ", ""));
            kind.push_str(&phrasing.quote(survey));
        }
        let window = self.within_days.map_or_else(String::new, |days| {
            say!(
                phrasing,
                format!("過去{days}日間の"),
                format!(" of the {}", last_days(days.get())),
                format!("最近{days}天的")
            )
        });
        let named = |en: &str| {
            say!(
                phrasing,
                format!("{window}{kind}の回答"),
                format!("{kind} {en}{window}"),
                format!("{window}{kind}回答")
            )
        };
        let things = Things::new(phrasing, subject, named("answers"), named("answer"));
        let tests = self.tests();
        if tests.is_empty() {
            return things.some();
        }
        let clauses: Vec<String> = tests
            .iter()
            .map(|(counted, _, test)| match counted {
                Counted::Count => things.count(test),
                Counted::DaysSinceLast => things.days_since(true, test),
                Counted::Latest => {
                    things.figure(["最新のスコア", "latest score", "最新评分"], test)
                }
                Counted::Mean => things.figure(["平均スコア", "mean score", "平均评分"], test),
            })
            .collect();
        phrasing.both(&clauses)
    }
}
