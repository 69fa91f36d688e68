//! What came of a survey in a period: how many of those asked answered, and what they said. Of one period,
//! of each month or other period of a time, and of some people each by themselves.

use async_graphql::SimpleObject;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::{kind::SurveyKind, survey, tag};
use sea_orm::{DatabaseBackend, FromQueryResult};

use super::among::{self, Among, By};
use crate::{
    ctx::Ctx,
    email::rate::wilson,
    error::{Error, Result, UserErrorCode},
    report::{Period, stats::Share},
    segment::Segment,
    store::{Query, Rows},
    workspace,
};

/// Days a period has when nothing else is said.
pub const DAYS: i64 = 90;
/// The 97.5 % point of the standard normal distribution: two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;
/// Answers below which a margin, which takes the score for normally distributed, would be nonsense.
const MARGIN_ANSWERS: i64 = 30;

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
    /// Nothing below 30 answers and where all answered alike, which the formula does not hold for; `low`
    /// and `high` do.
    pub margin: Option<f64>,
    /// The lower end of the score's 95 % interval, which holds for few answers too. Nothing without an
    /// answer.
    pub low: Option<f64>,
    /// The upper end of that interval.
    pub high: Option<f64>,
    /// How many are content: 9 and 10 for `NPS`, 4 and 5 for `CSAT`.
    pub content: i64,
    /// How many are neither: 7 and 8 for `NPS`; nobody for `CSAT`.
    pub passive: i64,
    /// How many are not: 0 to 6 for `NPS`, 1 to 3 for `CSAT`.
    pub discontent: i64,
    /// How many gave each score, from the lowest on; scores that nobody gave are left out.
    pub scores: Vec<ScoreCount>,
}

/// How many answers have one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SimpleObject)]
#[graphql(name = "SurveyScoreCount")]
pub struct ScoreCount {
    /// The score.
    pub score: i64,
    /// How many answers have it.
    pub answers: i64,
}

/// What came of a survey with some people.
#[derive(Debug, Clone)]
pub struct Group {
    /// The segment whose members they are, if they are divided by segments.
    pub segment: Option<Segment>,
    /// The tag they carry, if they are divided by a tag group; nothing for those with none of its tags.
    pub tag: Option<tag::Model>,
    /// What came of it with them.
    pub figures: Figures,
}

#[derive(FromQueryResult)]
struct Asked {
    n: i64,
    sent: i64,
    answered: i64,
}

#[derive(FromQueryResult)]
struct Given {
    n: i64,
    score: i64,
    answers: i64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Said {
    answers: i64,
    content: i64,
    discontent: i64,
}

/// From when until when.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// What came of a survey between two moments; without them, in the last [`DAYS`].
pub async fn figures(
    ctx: &Ctx,
    survey: &survey::Model,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    among: &Among,
) -> Result<Figures> {
    let span = span(ctx, from, until)?;
    one(ctx, survey, span, among).await
}

/// What came of a survey in each of the periods that the days from `from` to `to` lie in, by the calendar of
/// the workspace; in order. Three statements, however many there are.
pub async fn series(
    ctx: &Ctx,
    survey: &survey::Model,
    period: Period,
    (from, to): (NaiveDate, NaiveDate),
    among: &Among,
) -> Result<Vec<Figures>> {
    let zone = workspace::time_zone(&workspace::find(ctx, survey.workspace_id).await?);
    let spans = period.spans(from, to, zone, ctx.clock.now())?;
    let spans: Vec<Span> = spans.iter().map(|span| (span.start, span.end)).collect();
    of_spans(ctx, survey, &spans, among).await
}

/// What came of a survey with some people each by themselves; without moments, in the last [`DAYS`].
pub async fn split(
    ctx: &Ctx,
    survey: &survey::Model,
    by: &By,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Result<Vec<Group>> {
    let span = span(ctx, from, until)?;
    let mut groups = Vec::new();
    for part in among::parts(ctx, survey.workspace_id, by).await? {
        groups.push(Group {
            figures: one(ctx, survey, span, &part.among).await?,
            segment: part.segment,
            tag: part.tag,
        });
    }
    Ok(groups)
}

fn span(ctx: &Ctx, from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> Result<Span> {
    let until = until.unwrap_or_else(|| ctx.clock.now());
    let from = from.or_else(|| until.checked_sub_signed(TimeDelta::days(DAYS)));
    let from = from.unwrap_or(DateTime::<Utc>::MIN_UTC);
    if from >= until {
        let message = "The period ends before it begins. Change one of the two.";
        let code = UserErrorCode::Contradictory;
        return Err(Error::refused(&["until"], code, message));
    }
    Ok((from, until))
}

async fn one(ctx: &Ctx, survey: &survey::Model, span: Span, among: &Among) -> Result<Figures> {
    let mut found = of_spans(ctx, survey, &[span], among).await?;
    found
        .pop()
        .ok_or_else(|| Error::Internal("a period had no figures".to_owned()))
}

async fn of_spans(
    ctx: &Ctx,
    survey: &survey::Model,
    spans: &[Span],
    among: &Among,
) -> Result<Vec<Figures>> {
    let asked = asked(ctx, survey, spans, among).await?;
    let given = given(ctx, survey, spans, among).await?;
    let figures = (0_i64..).zip(spans).map(|(n, &(from, until))| {
        let of_span = asked.iter().find(|asked| asked.n == n);
        let (answered, sent) = of_span.map_or((0, 0), |asked| (asked.answered, asked.sent));
        let scores = given.iter().filter(|given| given.n == n);
        let scores: Vec<ScoreCount> = scores
            .map(|given| ScoreCount {
                score: given.score,
                answers: given.answers,
            })
            .collect();
        let said = said(survey.kind, &scores);
        let score = score(survey.kind, &said);
        Figures {
            from,
            until,
            response: Share::new(answered, sent),
            answers: said.answers,
            score: score.map(|score| score.value),
            margin: score.and_then(|score| score.margin),
            low: score.map(|score| score.low),
            high: score.map(|score| score.high),
            content: said.content,
            passive: said.answers - said.content - said.discontent,
            discontent: said.discontent,
            scores,
        }
    });
    Ok(figures.collect())
}

fn rows(spans: &[Span]) -> Rows {
    Rows::new()
        .ints("n", (0_i64..).zip(spans).map(|(n, _)| n))
        .times("since", spans.iter().map(|(from, _)| *from))
        .times("until", spans.iter().map(|(_, until)| *until))
}

/// The invitations sent in each period, and how many of them were answered.
async fn asked(
    ctx: &Ctx,
    survey: &survey::Model,
    spans: &[Span],
    among: &Among,
) -> Result<Vec<Asked>> {
    let mut query = Query::new(
        "SELECT r.n, COUNT(*) AS sent, COUNT(i.answered_at) AS answered
         FROM {r} JOIN survey_invitation i ON i.workspace_id = $1 AND i.survey_id = $2
           AND i.sent_at IS NOT NULL AND i.sent_at >= r.since AND i.sent_at < r.until
         WHERE true",
    )
    .bind(survey.workspace_id)
    .bind(survey.id);
    let account = "(SELECT c.account_id FROM contact c
                    WHERE c.workspace_id = $1 AND c.id = i.contact_id)";
    among.apply(&mut query, "i.contact_id", account);
    query.push(" GROUP BY r.n");
    Ok(query.rows("r", rows(spans)).all(ctx.reader()).await?)
}

/// How many gave each score in each period, without answers that the same person took back by another
/// within a wave.
async fn given(
    ctx: &Ctx,
    survey: &survey::Model,
    spans: &[Span],
    among: &Among,
) -> Result<Vec<Given>> {
    let wave = match ctx.db.backend() {
        DatabaseBackend::Postgres => "a.next_at >= a.answered_at + $4 * interval '1 day'",
        _ => "julianday(a.next_at) - julianday(a.answered_at) >= $4",
    };
    let mut query = Query::new(
        "SELECT a.n, a.score, COUNT(*) AS answers
         FROM (SELECT r.n, t.contact_id, t.score, t.answered_at,
                      LEAD(t.answered_at) OVER (PARTITION BY r.n, t.contact_id
                                                ORDER BY t.answered_at, t.id) AS next_at
               FROM {r} JOIN survey_answer t ON t.workspace_id = $1 AND t.survey_key = $2
                 AND t.kind = $3 AND t.answered_at >= r.since AND t.answered_at < r.until
               WHERE true",
    )
    .bind(survey.workspace_id)
    .bind(survey.key.clone())
    .bind(survey.kind.word())
    .bind(survey.wave_days as f64);
    among.apply(&mut query, "t.contact_id", "t.account_id");
    query.push(&format!(
        ") a WHERE a.contact_id IS NULL OR a.next_at IS NULL OR {wave}
         GROUP BY a.n, a.score ORDER BY a.n, a.score"
    ));
    Ok(query.rows("r", rows(spans)).all(ctx.reader()).await?)
}

fn said(kind: SurveyKind, scores: &[ScoreCount]) -> Said {
    let (content, discontent) = match kind {
        SurveyKind::Nps => (9, 6),
        SurveyKind::Csat => (4, 3),
    };
    let mut said = Said::default();
    for one in scores {
        said.answers += one.answers;
        if one.score >= content {
            said.content += one.answers;
        } else if one.score <= discontent {
            said.discontent += one.answers;
        }
    }
    said
}

/// A score and what chance may have done to it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Score {
    value: f64,
    margin: Option<f64>,
    low: f64,
    high: f64,
}

/// The score with its margin and its interval; nothing without an answer.
///
/// NPS is 100 (p - d), where p and d are the shares of the content and the others; its standard error is
/// 100 sqrt((p + d - (p - d)^2) / n). CSAT is 100 p with that of a share. The interval is Wilson's for a
/// share; for the difference of two shares of the same answers it is made of their two by squaring and
/// adding (Newcombe), with their correlation as parts of one whole.
fn score(kind: SurveyKind, said: &Said) -> Option<Score> {
    let n = said.answers as f64;
    let (p_low, p_high) = wilson(said.content, said.answers)?;
    let p = said.content as f64 / n;
    let (d, low, high) = match kind {
        SurveyKind::Nps => {
            let (d_low, d_high) = wilson(said.discontent, said.answers)?;
            let d = said.discontent as f64 / n;
            let others = (1.0 - p) * (1.0 - d);
            let correlation = if others > 0.0 {
                -(p * d / others).sqrt()
            } else {
                0.0
            };
            let reach = |one: f64, other: f64| {
                let square = one * one + other * other - 2.0 * correlation * one * other;
                square.max(0.0).sqrt()
            };
            let low = p - d - reach(p - p_low, d_high - d);
            let high = p - d + reach(p_high - p, d - d_low);
            (d, low.max(-1.0), high.min(1.0))
        }
        SurveyKind::Csat => (0.0, p_low, p_high),
    };
    let variance = (p + d - (p - d).powi(2)).max(0.0);
    let is_sound = said.answers >= MARGIN_ANSWERS && variance > 1e-12;
    Some(Score {
        value: 100.0 * (p - d),
        margin: is_sound.then(|| Z * 100.0 * (variance / n).sqrt()),
        low: 100.0 * low,
        high: 100.0 * high,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(kind: SurveyKind, content: i64, discontent: i64, answers: i64) -> Option<Score> {
        let said = Said {
            answers,
            content,
            discontent,
        };
        score(kind, &said)
    }

    #[test]
    fn every_score_is_one_of_those_who_are_content_or_not_or_neither() {
        let scores: Vec<ScoreCount> = (0..=10)
            .map(|score| ScoreCount { score, answers: 2 })
            .collect();
        let nps = said(SurveyKind::Nps, &scores);
        assert_eq!((nps.answers, nps.content, nps.discontent), (22, 4, 14));
        let csat = said(SurveyKind::Csat, &scores[1..=5]);
        assert_eq!((csat.answers, csat.content, csat.discontent), (10, 4, 6));
    }

    fn is_near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-4
    }

    #[test]
    fn scores_and_margins_are_those_of_the_definitions() {
        for (kind, content, discontent, answers, value, margin) in [
            // p = 0.5, d = 0.2: 30, and 1.96 * 100 * sqrt(0.61 / 100).
            (SurveyKind::Nps, 50, 20, 100, 30.0, Some(15.307_808)),
            // p = 0.8: 80, and 1.96 * 100 * sqrt(0.16 / 100).
            (SurveyKind::Csat, 80, 20, 100, 80.0, Some(7.839_856)),
            // Too few, and all alike.
            (SurveyKind::Nps, 10, 0, 10, 100.0, None),
            (SurveyKind::Nps, 1, 1, 2, 0.0, None),
            (SurveyKind::Nps, 0, 4, 4, -100.0, None),
            (SurveyKind::Nps, 40, 0, 40, 100.0, None),
        ] {
            let found = scored(kind, content, discontent, answers).unwrap();
            let is_right = match (found.margin, margin) {
                (Some(found), Some(wanted)) => is_near(found, wanted),
                (found, wanted) => found == wanted,
            };
            assert!(is_right && is_near(found.value, value), "{found:?}");
        }
        assert_eq!(scored(SurveyKind::Nps, 0, 0, 0), None);
    }

    #[test]
    fn an_interval_holds_the_score_and_stays_on_the_scale() {
        for (kind, content, discontent, answers, low, high) in [
            // Wilson's for 1 of 1 begins at 0.206 549, and for 0 of 1 ends at 0.793 451.
            (SurveyKind::Nps, 1, 0, 1, -12.210_872, 100.0),
            (SurveyKind::Csat, 1, 0, 1, 20.654_931, 100.0),
        ] {
            let found = scored(kind, content, discontent, answers).unwrap();
            assert!(
                is_near(found.low, low) && is_near(found.high, high),
                "{found:?}"
            );
        }
        for answers in 1..60 {
            for content in 0..=answers {
                for discontent in 0..=answers - content {
                    let found = scored(SurveyKind::Nps, content, discontent, answers).unwrap();
                    assert!(
                        (-100.0..=found.value + 1e-9).contains(&found.low)
                            && (found.value - 1e-9..=100.0).contains(&found.high)
                            && found.high - found.low > 1.0,
                        "{content} {discontent} of {answers}: {found:?}"
                    );
                }
            }
        }
    }
}
