//! Surveys: how likely somebody is to recommend us (NPS), and how satisfied somebody was (CSAT).
//!
//! Answers are facts, whoever asked: other systems tell theirs through [`ingest`](fn@ingest) (see
//! [`fact`](crate::fact) for what all kinds of facts have in common), and what is sent from a form of
//! ours is taken in the same way. What follows from an answer, such as a rule that fires, reads
//! `survey.answered` in the change log.
//!
//! A [`Survey`](entity::survey) is a workspace's own question. Its key is that of its answers:
//! - [`words`]: what it says in each language, purely;
//! - [`write`](mod@write): members making and changing surveys; [`uses`]: what sends them;
//! - [`invite`]: asking contacts, by a link or by email, once in each wave; `send`: a member who does;
//! - [`mail`]: the worker's turn, which hands the mails over; `job`: what they are made of; [`attempt`]: the
//!   log of the tries;
//! - [`form`]: what is behind a link, without a login;
//! - [`read`]: looking at surveys and invitations;
//! - [`figures`](mod@figures): what came of them in a period; [`among`]: with whom.

pub mod among;
pub mod attempt;
pub mod figures;
pub mod form;
pub mod invite;
mod job;
pub mod mail;
pub mod read;
mod send;
pub mod uses;
pub mod words;
pub mod write;

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, Id as _, SurveyAnswerId, WorkspaceId},
    kind::SurveyKind,
    survey_answer,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use among::{Among, By};
pub use figures::{Figures, Group, figures, series, split};
pub use send::send;
pub use words::{OwnTexts, Texts};
pub use write::{NewSurvey, SurveyChanges, create, set_archived, update};

use crate::{
    access::Actor,
    ctx::Ctx,
    error::{Result, UserErrorCode},
    fact::{
        Checker, Filter, Ingested,
        ingest::{self, Head, Told},
        read::{Listed, Table},
    },
    page::{Page, PageRequest},
    store::{Query, Rows, dialect, rows_by_id},
    work::change::Fact,
};

/// An answer as its source tells it.
#[derive(Debug, Clone)]
pub struct NewSurveyAnswer {
    /// Its id, whose it is, and how new this is.
    pub head: Head,
    /// The name of the survey in its source, such as `onboarding`.
    pub survey_key: String,
    /// What kind of question it was.
    pub kind: SurveyKind,
    /// The score: 0 to 10 for NPS, 1 to 5 for CSAT.
    pub score: i64,
    /// What was said besides.
    pub comment: Option<String>,
    /// When it was answered.
    pub answered_at: DateTime<Utc>,
}

/// An answer's own part, checked.
#[derive(Debug, Serialize)]
pub(crate) struct SurveyAnswer {
    survey_key: String,
    kind: SurveyKind,
    score: i64,
    comment: Option<String>,
    answered_at: DateTime<Utc>,
}

/// Takes answers in, at most a thousand; the latest by the source's own time counts.
pub async fn ingest(
    ctx: &Ctx,
    actor: &Actor,
    answers: Vec<NewSurveyAnswer>,
) -> Result<Vec<Ingested<SurveyAnswerId>>> {
    ingest::ingest::<SurveyAnswer>(ctx, actor, answers).await
}

/// The scores that answers of a kind can have.
pub fn scale(kind: SurveyKind) -> RangeInclusive<i64> {
    match kind {
        SurveyKind::Nps => 0..=10,
        SurveyKind::Csat => 1..=5,
    }
}

impl Told for SurveyAnswer {
    type Id = SurveyAnswerId;
    type New = NewSurveyAnswer;

    const TABLE: &'static str = "survey_answer";
    const LIST: &'static str = "answers";
    const BEFORE: &'static str = "CAST(t.score AS text)";
    const COLUMNS: &'static [&'static str] =
        &["survey_key", "kind", "score", "comment", "answered_at"];

    fn head(new: &NewSurveyAnswer) -> Head {
        new.head.clone()
    }

    fn check(new: NewSurveyAnswer, checker: &mut Checker<'_>) -> Self {
        let message = match new.kind {
            SurveyKind::Nps => "Give the score of an NPS answer, from 0 to 10.",
            SurveyKind::Csat => "Give the score of a CSAT answer, from 1 to 5.",
        };
        if !scale(new.kind).contains(&new.score) {
            checker.refuse(&["score"], UserErrorCode::Invalid, message);
        }
        Self {
            survey_key: checker.name(&new.survey_key, &["surveyKey"], 100),
            kind: new.kind,
            score: new.score,
            comment: checker.text(new.comment.as_deref(), &["comment"], 10_000),
            answered_at: checker.past(new.answered_at, &["answeredAt"]),
        }
    }

    fn rows(rows: Rows, told: &[&Self]) -> Rows {
        rows.texts("survey_key", told.iter().map(|one| one.survey_key.as_str()))
            .texts("kind", told.iter().map(|one| one.kind.word()))
            .ints("score", told.iter().map(|one| one.score))
            .opt_texts("comment", told.iter().map(|one| one.comment.clone()))
            .times("answered_at", told.iter().map(|one| one.answered_at))
    }

    fn fact(&self, id: SurveyAnswerId, account: Option<AccountId>, previous: Option<&str>) -> Fact {
        Fact::SurveyAnswered {
            answer_id: id,
            account_id: account,
            survey_key: self.survey_key.clone(),
            survey: self.kind,
            score: self.score,
            is_new: previous.is_none(),
            previous_score: previous.and_then(|score| score.parse().ok()),
        }
    }

    fn act_at(&self) -> Option<DateTime<Utc>> {
        Some(self.answered_at)
    }
}

/// Which answers a list has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SurveyAnswerFilter {
    /// What all kinds of facts can be chosen by; the states are the kinds of survey.
    pub common: Filter<SurveyKind>,
    /// To the survey of this name.
    pub survey_key: Option<String>,
}

const TABLE: Table<SurveyKind> = Table {
    status: "kind",
    ..Table::new(
        "survey_answer",
        "answered",
        "t.answered_at",
        SurveyKind::word,
    )
};

impl Listed for survey_answer::Model {
    fn place(&self) -> (DateTime<Utc>, Uuid) {
        (self.answered_at, self.id.uuid())
    }
}

/// A page of answers by when they were given, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &SurveyAnswerFilter,
    page: &PageRequest,
) -> Result<Page<(String, survey_answer::Model)>> {
    let also = |query: &mut Query| {
        if let Some(key) = &filter.survey_key {
            let key = query.arg(key.trim());
            let mut test = format!("t.survey_key = {key}");
            if !filter.common.is_narrow() {
                // Its answers are fewer than those to all surveys of its kind.
                test = dialect::few(ctx.db.backend(), &test);
            }
            query.push(&format!(" AND {test}"));
        }
    };
    TABLE
        .list(ctx, workspace, (&filter.common, None), also, page)
        .await
}

/// The answers among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[SurveyAnswerId],
) -> Result<Vec<survey_answer::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}
