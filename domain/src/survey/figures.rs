//! What came of a survey in a period: how many of those asked answered, and what they said.

use async_graphql::SimpleObject;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{kind::SurveyKind, survey};
use sea_orm::{DatabaseBackend, FromQueryResult};

use crate::{
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    report::stats::Share,
    store::Query,
};

/// Days a period has when nothing else is said.
pub const DAYS: i64 = 90;
/// The 97.5 % point of the standard normal distribution: two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// What came of a survey in a period.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
#[graphql(name = "SurveyFigures")]
pub struct Figures {
    /// The beginning of the period.
    pub from: DateTime<Utc>,
    /// Its end, which is not in it.
    pub until: DateTime<Utc>,
    /// How many of the invitations sent in the period were answered, whenever that was.
    pub response: Share,
    /// How many answers the score is made of: those given in the period under the survey's key, whoever
    /// told of them; of those that one person gave within one wave, the latest.
    pub answers: i64,
    /// For `NPS` the share of 9 and 10 less that of 0 to 6, from -100 to 100; for `CSAT` the share of 4
    /// and 5, from 0 to 100. Nothing without an answer.
    pub score: Option<f64>,
    /// How far chance alone may have moved the score, in either direction, with a certainty of 95 %.
    pub margin: Option<f64>,
    /// How many are content: 9 and 10 for `NPS`, 4 and 5 for `CSAT`.
    pub content: i64,
    /// How many are not: 0 to 6 for `NPS`, 1 to 3 for `CSAT`.
    pub discontent: i64,
}

#[derive(FromQueryResult)]
struct Asked {
    sent: i64,
    answered: i64,
}

#[derive(FromQueryResult)]
struct Said {
    answers: i64,
    content: i64,
    discontent: i64,
}

/// What came of a survey between two moments; without them, in the last [`DAYS`].
pub async fn figures(
    ctx: &Ctx,
    survey: &survey::Model,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Result<Figures> {
    let until = until.unwrap_or_else(|| ctx.clock.now());
    let from = from.or_else(|| until.checked_sub_signed(TimeDelta::days(DAYS)));
    let from = from.unwrap_or(DateTime::<Utc>::MIN_UTC);
    if from >= until {
        let message = "The period ends before it begins. Change one of the two.";
        let code = UserErrorCode::Contradictory;
        return Err(Error::refused(&["until"], code, message));
    }
    let asked: Option<Asked> = Query::new(
        "SELECT COUNT(*) AS sent, COUNT(i.answered_at) AS answered FROM survey_invitation i
         WHERE i.workspace_id = $1 AND i.survey_id = $2 AND i.sent_at IS NOT NULL
           AND i.sent_at >= $3 AND i.sent_at < $4",
    )
    .bind(survey.workspace_id)
    .bind(survey.id)
    .bind(from)
    .bind(until)
    .one(ctx.reader())
    .await?;
    let said = said(ctx, survey, from, until).await?;
    let (score, margin) = score(survey.kind, &said).unzip();
    let asked = asked.map_or((0, 0), |asked| (asked.answered, asked.sent));
    Ok(Figures {
        from,
        until,
        response: Share::new(asked.0, asked.1),
        answers: said.answers,
        score,
        margin,
        content: said.content,
        discontent: said.discontent,
    })
}

/// The answers of a period, without those that the same person took back by another within a wave.
async fn said(
    ctx: &Ctx,
    survey: &survey::Model,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Said> {
    let (content, discontent) = match survey.kind {
        SurveyKind::Nps => (9, 6),
        SurveyKind::Csat => (4, 3),
    };
    let wave = match ctx.db.backend() {
        DatabaseBackend::Postgres => "a.next_at >= a.answered_at + $6 * interval '1 day'",
        _ => "julianday(a.next_at) - julianday(a.answered_at) >= $6",
    };
    let found: Option<Said> = Query::new(format!(
        "SELECT COUNT(*) AS answers,
                COALESCE(SUM(CASE WHEN a.score >= {content} THEN 1 ELSE 0 END), 0) AS content,
                COALESCE(SUM(CASE WHEN a.score <= {discontent} THEN 1 ELSE 0 END), 0) AS discontent
         FROM (SELECT t.contact_id, t.score, t.answered_at,
                      LEAD(t.answered_at) OVER (PARTITION BY t.contact_id
                                                ORDER BY t.answered_at, t.id) AS next_at
               FROM survey_answer t
               WHERE t.workspace_id = $1 AND t.survey_key = $2 AND t.kind = $3
                 AND t.answered_at >= $4 AND t.answered_at < $5) a
         WHERE a.contact_id IS NULL OR a.next_at IS NULL OR {wave}"
    ))
    .bind(survey.workspace_id)
    .bind(survey.key.clone())
    .bind(survey.kind.word())
    .bind(from)
    .bind(until)
    .bind(survey.wave_days as f64)
    .one(ctx.reader())
    .await?;
    found.ok_or_else(|| Error::Internal("a count gave no row".to_owned()))
}

/// The score and its margin; nothing without an answer.
///
/// NPS is 100 (p - d), where p and d are the shares of the content and the others; its standard error is
/// 100 sqrt((p + d - (p - d)^2) / n). CSAT is 100 p with that of a share.
fn score(kind: SurveyKind, said: &Said) -> Option<(f64, f64)> {
    if said.answers <= 0 {
        return None;
    }
    let n = said.answers as f64;
    let p = said.content as f64 / n;
    let d = match kind {
        SurveyKind::Nps => said.discontent as f64 / n,
        SurveyKind::Csat => 0.0,
    };
    let variance = (p + d - (p - d).powi(2)).max(0.0);
    Some((100.0 * (p - d), Z * 100.0 * (variance / n).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_and_margins_are_those_of_the_definitions() {
        for (kind, content, discontent, answers, expected) in [
            (SurveyKind::Nps, 0, 0, 0, None),
            (SurveyKind::Nps, 10, 0, 10, Some((100.0, 0.0))),
            // p = 0.5, d = 0.2: 30, and 1.96 * 100 * sqrt(0.61 / 100).
            (SurveyKind::Nps, 50, 20, 100, Some((30.0, 15.307_808))),
            (SurveyKind::Nps, 0, 4, 4, Some((-100.0, 0.0))),
            // p = 0.8: 80, and 1.96 * 100 * sqrt(0.16 / 25).
            (SurveyKind::Csat, 20, 5, 25, Some((80.0, 15.679_712))),
        ] {
            let said = Said {
                answers,
                content,
                discontent,
            };
            let found = score(kind, &said);
            let is_near = match (found, expected) {
                (Some((score, margin)), Some((want, wide))) => {
                    let near = |a: f64, b: f64| (a - b).abs() < 1e-4;
                    near(score, want) && near(margin, wide)
                }
                (found, expected) => found == expected,
            };
            assert!(is_near, "{kind:?} {answers}: {found:?}");
        }
    }
}
