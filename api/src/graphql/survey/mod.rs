//! Surveys of our own over GraphQL. Answers are in `fact/survey.rs`.

mod figures;
mod invitation;
mod mutation;
mod query;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    locale::Locale,
    naming::By,
    page::PageRequest,
    report::Period,
    survey::{
        self, Figures, OwnTexts, Texts,
        read::{self, InvitationFilter},
        words,
    },
};
use entity::kind::{SurveyInvitationState, SurveyKind};

use super::{
    access::ChangeOrigin,
    context::reader,
    error::fault,
    few::few,
    id,
    page::{Connection, connection},
    scalar::Date,
};
use crate::boxed;

use figures::{SurveyFiguresGroup, SurveySplitInput};
pub(crate) use invitation::SurveyInvitation;
pub(crate) use mutation::SurveyMutation;
pub(crate) use query::SurveyQuery;

/// A question that is sent to contacts.
#[derive(Debug, Clone)]
pub struct Survey(pub(crate) entity::survey::Model);

/// Everything a survey says in one language.
#[derive(SimpleObject)]
pub(crate) struct SurveyTexts {
    /// The language.
    locale: Locale,
    /// The question.
    question: String,
    /// What the lowest score means.
    lowest: String,
    /// What the highest score means.
    highest: String,
    /// What stands above the field for a comment.
    comment_prompt: String,
    /// What is said after an answer.
    thanks: String,
    /// The subject of the mail.
    mail_subject: String,
    /// What the mail says above the question.
    mail_text: String,
}

impl From<Texts> for SurveyTexts {
    fn from(texts: Texts) -> Self {
        Self {
            locale: texts.locale,
            question: texts.question,
            lowest: texts.lowest.to_owned(),
            highest: texts.highest.to_owned(),
            comment_prompt: texts.comment_prompt,
            thanks: texts.thanks,
            mail_subject: texts.mail_subject,
            mail_text: texts.mail_text,
        }
    }
}

/// Texts of a workspace's own in one language. What is left out, or empty, is ready-made.
#[derive(InputObject)]
pub(crate) struct SurveyTextsInput {
    /// The language.
    locale: Locale,
    /// The question, at most 500 characters.
    question: Option<String>,
    /// What stands above the field for a comment, at most 500 characters.
    comment_prompt: Option<String>,
    /// What is said after an answer, at most 500 characters.
    thanks: Option<String>,
    /// The subject of the mail, at most 150 characters.
    mail_subject: Option<String>,
    /// What the mail says above the question, at most 5,000 characters.
    mail_text: Option<String>,
}

impl From<SurveyTextsInput> for OwnTexts {
    fn from(input: SurveyTextsInput) -> Self {
        Self {
            locale: input.locale,
            question: input.question,
            comment_prompt: input.comment_prompt,
            thanks: input.thanks,
            mail_subject: input.mail_subject,
            mail_text: input.mail_text,
        }
    }
}

/// The kind of thing that sends a survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "By")]
pub(crate) enum SurveyUseKind {
    /// A rule, by one of its actions.
    Rule,
    /// A playbook, in one of its steps.
    Playbook,
}

/// Something that sends a survey.
#[derive(SimpleObject)]
pub(crate) struct SurveyUse {
    /// What kind of thing it is.
    kind: SurveyUseKind,
    /// Its global id.
    id: ID,
    /// Its name.
    name: String,
}

/// A question that is sent to contacts, who answer it on a form without a login. Its answers are those
/// of `surveyAnswers` that have its key, whoever told of them.
#[Object]
impl Survey {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name under which its answers are kept; unique in the workspace, for good.
    fn key(&self) -> &str {
        &self.0.key
    }

    /// What kind of question it is.
    fn kind(&self) -> SurveyKind {
        self.0.kind
    }

    /// The name shown to members.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// What it says, in each language; ready-made where the workspace has no text of its own. A
    /// contact is asked in their own language, or else in the workspace's.
    fn texts(&self) -> Vec<SurveyTexts> {
        let own = words::from_stored(&self.0.texts);
        let each = Locale::ALL.into_iter();
        each.map(|locale| words::texts(self.0.kind, locale, &own).into())
            .collect()
    }

    /// How many days lie between two invitations of one person; with 0, nothing does.
    fn wave_days(&self) -> i64 {
        self.0.wave_days
    }

    /// How many days an invitation can be answered.
    fn valid_days(&self) -> i64 {
        self.0.valid_days
    }

    /// Who was asked, newest first.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments and two filters"
    )]
    #[boxed]
    async fn invitations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only those of this contact.")] contact_id: Option<ID>,
        #[graphql(desc = "Only those that stand in one of these ways; an empty list is refused.")]
        states: Option<Vec<SurveyInvitationState>>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, SurveyInvitation>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = InvitationFilter {
            survey: Some(self.0.id),
            contact: id::parse_opt(contact_id.as_ref(), &["contactId"]).map_err(fault)?,
            states: few(states, &["states"]).map_err(fault)?,
        };
        let found = read::invitations(ctx, actor.workspace, &filter, &page).await;
        Ok(connection(found.map_err(fault)?, SurveyInvitation))
    }

    /// What came of it in a period: how many answered, and the NPS or the CSAT with its margin. Without
    /// moments, in the last 90 days.
    #[boxed]
    async fn figures(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The beginning; left out, 90 days before the end.")] from: Option<
            DateTime<Utc>,
        >,
        #[graphql(desc = "The end, which is not in it; left out, now.")] until: Option<
            DateTime<Utc>,
        >,
        #[graphql(
            desc = "Only with those who are in this segment now; in one of accounts, by their \
                    account."
        )]
        segment_id: Option<ID>,
        #[graphql(desc = "Only with those who carry this tag, or one below it, now.")]
        tag_id: Option<ID>,
    ) -> Result<Figures> {
        let (ctx, _) = reader(context)?;
        let among = figures::among(context, segment_id, tag_id).await?;
        survey::figures(ctx, &self.0, from, until, &among)
            .await
            .map_err(fault)
    }

    /// The same for each month, or other period of the workspace's calendar, in order; none of the future. Of
    /// answers that one person gave within one wave the latest of each period counts.
    #[boxed]
    async fn figure_series(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How long a period is.", default_with = "Period::Month")] period: Period,
        #[graphql(desc = "A day of the first period.")] from: Date,
        #[graphql(desc = "A day of the last period; at most 400 periods.")] to: Date,
        #[graphql(
            desc = "Only with those who are in this segment now; in one of accounts, by their \
                    account."
        )]
        segment_id: Option<ID>,
        #[graphql(desc = "Only with those who carry this tag, or one below it, now.")]
        tag_id: Option<ID>,
    ) -> Result<Vec<Figures>> {
        let (ctx, _) = reader(context)?;
        let among = figures::among(context, segment_id, tag_id).await?;
        survey::series(ctx, &self.0, period, (from.0, to.0), &among)
            .await
            .map_err(fault)
    }

    /// What came of it in a period with some people each by themselves: those in each of some segments, or
    /// with each tag of a group and with none. People are there as they are now. Without moments, in the last
    /// 90 days.
    #[boxed]
    async fn figures_by(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the people are divided by.")] by: SurveySplitInput,
        #[graphql(desc = "The beginning; left out, 90 days before the end.")] from: Option<
            DateTime<Utc>,
        >,
        #[graphql(desc = "The end, which is not in it; left out, now.")] until: Option<
            DateTime<Utc>,
        >,
    ) -> Result<Vec<SurveyFiguresGroup>> {
        let (ctx, _) = reader(context)?;
        let by = by.read().map_err(fault)?;
        let found = survey::split(ctx, &self.0, &by, from, until).await;
        let found = found.map_err(fault)?.into_iter();
        Ok(found.map(SurveyFiguresGroup::from).collect())
    }

    /// What sends it. As long as there is something, the survey cannot be archived.
    #[boxed]
    async fn uses(&self, context: &Context<'_>) -> Result<Vec<SurveyUse>> {
        let (ctx, actor) = reader(context)?;
        let found = survey::uses::list(ctx, actor.workspace, self.0.id)
            .await
            .map_err(fault)?;
        let uses = found.into_iter().map(|one| SurveyUse {
            kind: one.by.into(),
            id: one.id.into(),
            name: one.name,
        });
        Ok(uses.collect())
    }

    /// Who made it.
    fn created_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.created_by)
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed.
    fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// Since when nobody is asked any more; nothing while it is in use.
    fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at
    }
}
