//! Answers to surveys over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    fact::Filter,
    page::PageRequest,
    survey::{self, NewSurveyAnswer, SurveyAnswerFilter},
};
use entity::{id::SurveyAnswerId, kind::SurveyKind};

use super::{
    AccountReferenceInput, ContactReferenceInput, IngestedFact, account_of, contact_of, head, of,
    read_all, settle_all,
};
use crate::boxed;
use crate::graphql::{
    account::Account,
    contact::Contact,
    context::{loaded_by, reader, writer},
    error::fault,
    few::few,
    page::{Connection, connection},
};

/// An answer to a survey.
#[derive(Debug, Clone)]
pub struct SurveyAnswer(pub(crate) entity::survey_answer::Model);

/// An answer to a survey.
#[Object]
impl SurveyAnswer {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The source's own id.
    fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// The person who answered.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        contact_of(context, self.0.contact_id).await
    }

    /// The company it speaks for: the one the source named, or else the contact's.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        account_of(context, self.0.account_id).await
    }

    /// The name of the survey in its source.
    fn survey_key(&self) -> &str {
        &self.0.survey_key
    }

    /// What kind of question it was.
    fn kind(&self) -> SurveyKind {
        self.0.kind
    }

    /// The score: 0 to 10 for `NPS`, 1 to 5 for `CSAT`.
    fn score(&self) -> i64 {
        self.0.score
    }

    /// What was said besides.
    fn comment(&self) -> Option<&str> {
        self.0.comment.as_deref()
    }

    /// When it was answered.
    fn answered_at(&self) -> DateTime<Utc> {
        self.0.answered_at
    }

    /// When the source last changed it.
    fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// When it was first told of here.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// Which answers a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct SurveyAnswerFilterInput {
    /// Given by this contact.
    contact_id: Option<ID>,
    /// For this account or by its people.
    account_id: Option<ID>,
    /// With one of these ids of the source, at most 100.
    external_ids: Option<Vec<String>>,
    /// To questions of these kinds.
    kinds: Option<Vec<SurveyKind>>,
    /// Answered not before this moment.
    from: Option<DateTime<Utc>>,
    /// Answered before this moment.
    until: Option<DateTime<Utc>>,
    /// To the survey of this name.
    survey_key: Option<String>,
}

impl SurveyAnswerFilterInput {
    pub(crate) fn read(self) -> domain::error::Result<SurveyAnswerFilter> {
        let common = Filter {
            statuses: few(self.kinds, &["filter", "kinds"])?,
            from: self.from,
            until: self.until,
            external_ids: few(self.external_ids, &["filter", "externalIds"])?,
            ..of(self.contact_id.as_ref(), self.account_id.as_ref())?
        };
        Ok(SurveyAnswerFilter {
            common,
            survey_key: self.survey_key,
        })
    }
}

#[derive(Default)]
pub(crate) struct SurveyQuery;

#[Object]
impl SurveyQuery {
    /// One answer to a survey; nothing when there is none of this id.
    #[boxed]
    async fn survey_answer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The answer's global id.")] id: ID,
    ) -> Result<Option<SurveyAnswer>> {
        loaded_by::<SurveyAnswerId, _>(context, &id, SurveyAnswer).await
    }

    /// The workspace's answers to surveys, newest first.
    #[boxed]
    async fn survey_answers(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which answers.")] filter: Option<SurveyAnswerFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, SurveyAnswer>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read().map_err(fault)?;
        let found = survey::list(ctx, actor.workspace, &filter, &page);
        let found = found.await.map_err(fault)?;
        Ok(connection(found, SurveyAnswer))
    }
}

/// An answer to a survey to be taken in.
#[derive(InputObject)]
pub(crate) struct SurveyAnswerInput {
    /// The source's own id, at most 200 characters; the same id is the same answer.
    external_id: String,
    /// The person who answered. Name the contact, the account, or both.
    contact: Option<ContactReferenceInput>,
    /// The company it speaks for; left out, the contact's.
    account: Option<AccountReferenceInput>,
    /// The name of the survey in its source, such as `onboarding`; at most 100 characters.
    survey_key: String,
    /// What kind of question it was.
    kind: SurveyKind,
    /// The score: 0 to 10 for `NPS`, 1 to 5 for `CSAT`.
    score: i64,
    /// What was said besides, at most 10,000 characters.
    comment: Option<String>,
    /// When it was answered.
    answered_at: DateTime<Utc>,
    /// When the source last changed it; left out, now. What is told of an earlier moment than what
    /// is known already is left aside.
    updated_at: Option<DateTime<Utc>>,
}

impl SurveyAnswerInput {
    fn read(self, index: usize) -> domain::error::Result<NewSurveyAnswer> {
        let index = index.to_string();
        let at = ["answers", index.as_str()];
        Ok(NewSurveyAnswer {
            head: head(
                at,
                self.external_id,
                self.contact,
                self.account,
                self.updated_at,
            )?,
            survey_key: self.survey_key,
            kind: self.kind,
            score: self.score,
            comment: self.comment,
            answered_at: self.answered_at,
        })
    }
}

/// Answers to surveys to be taken in.
#[derive(InputObject)]
pub(crate) struct IngestSurveyAnswersInput {
    /// The answers, at most 1,000. When one is refused, none is taken.
    answers: Vec<SurveyAnswerInput>,
}

/// What became of `ingestSurveyAnswers`.
#[derive(SimpleObject)]
pub(crate) struct IngestSurveyAnswersPayload {
    /// The answers, in the order they were given; empty when the call was refused.
    answers: Vec<IngestedFact>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct SurveyMutation;

#[Object]
impl SurveyMutation {
    /// Takes answers to surveys in, in bulk; repeating a call changes nothing, and of several words
    /// about one answer the latest by `updatedAt` counts. Scope: INGEST.
    #[boxed]
    async fn ingest_survey_answers(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: IngestSurveyAnswersInput,
    ) -> Result<IngestSurveyAnswersPayload> {
        let (ctx, actor) = writer(context)?;
        let told = read_all(input.answers, |index, one| one.read(index));
        let result = async { survey::ingest(ctx, actor, told?).await };
        let (answers, user_errors) = settle_all(result.await)?;
        Ok(IngestSurveyAnswersPayload {
            answers,
            user_errors,
        })
    }
}
