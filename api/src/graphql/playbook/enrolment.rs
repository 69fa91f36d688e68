//! Who is where in a playbook.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    locale::Locale,
    page::PageRequest,
    playbook::{self, EnrolmentFilter, FailureCode},
};
use entity::kind::{EnrolmentSource, EnrolmentState, StepOutcome};

use super::{Playbook, PlaybookVersion, version};
use crate::boxed;
use crate::graphql::{
    access::ChangeOrigin,
    contact::Contact,
    context::{loader, reader},
    error::fault,
    page::{Connection, connection},
    rule::RuleOutcome,
};

/// Why an enrolment does not go on at the moment, or has stopped.
#[derive(SimpleObject)]
pub(crate) struct EnrolmentFailure {
    /// What kept it from going on.
    code: FailureCode,
    /// What happened and what to do, in words.
    message: String,
    /// How often in a row it was tried in vain.
    failures: i64,
    /// When it is tried next; absent if it has stopped, and `retryEnrolment` is what helps.
    next_try_at: Option<DateTime<Utc>>,
}

/// One contact's way through a playbook.
#[derive(Debug, Clone)]
pub struct Enrolment(pub(crate) entity::enrolment::Model);

/// One contact's way through a playbook.
#[Object]
impl Enrolment {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The playbook.
    #[boxed]
    async fn playbook(&self, context: &Context<'_>) -> Result<Option<Playbook>> {
        let found = loader(context)?.load_one(self.0.playbook_id).await?;
        Ok(found.map(Playbook))
    }

    /// The version it is on: the one it began with, unless `moveEnrolmentsToVersion` took it to another.
    #[boxed]
    async fn version(&self, context: &Context<'_>) -> Result<Option<PlaybookVersion>> {
        version(context, self.0.playbook_id, self.0.version).await
    }

    /// Who is enrolled.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        let found = loader(context)?.load_one(self.0.contact_id).await?;
        Ok(found.map(Contact::from))
    }

    /// Where it stands.
    fn state(&self) -> EnrolmentState {
        self.0.state
    }

    /// The id of the step it is at, or was at when it ended.
    fn step(&self) -> &str {
        &self.0.step
    }

    /// When it came to that step.
    fn step_at(&self) -> DateTime<Utc> {
        self.0.step_at
    }

    /// When the wait at its step is over at the latest, if it waits.
    fn waits_until(&self) -> Option<DateTime<Utc>> {
        self.0.wait_until
    }

    /// What enrolled the contact.
    fn source(&self) -> EnrolmentSource {
        self.0.source
    }

    /// Who or what caused that.
    fn enrolled_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.enrolled_by)
    }

    /// When it began.
    fn entered_at(&self) -> DateTime<Utc> {
        self.0.entered_at
    }

    /// When it ended.
    fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ended_at
    }

    /// The goal that was reached, the exit that was taken, the rule or playbook that ended it, or another reason
    /// in words.
    fn ending(
        &self,
        #[graphql(desc = "The language of reasons.", default)] locale: Locale,
    ) -> Option<&str> {
        playbook::ending(locale, &self.0)
    }

    /// Whether an error keeps it from going on at the moment, or has stopped it.
    fn has_error(&self) -> bool {
        self.0.error.is_some()
    }

    /// Why it does not go on at the moment, or has stopped; absent while nothing is wrong.
    fn failure(&self) -> Option<EnrolmentFailure> {
        let failure = playbook::failure(&self.0)?;
        Some(EnrolmentFailure {
            code: failure.code,
            message: failure.code.message().to_owned(),
            failures: failure.failures,
            next_try_at: failure.next_try_at,
        })
    }

    /// The steps it has left behind, the latest first.
    #[boxed]
    async fn history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, EnrolmentStep>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = playbook::history(ctx, actor.workspace, self.0.id, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, EnrolmentStep))
    }
}

/// A step that an enrolment has left behind.
#[derive(Debug, Clone)]
pub(crate) struct EnrolmentStep(pub(crate) entity::enrolment_step::Model);

/// A step that an enrolment has left behind.
#[Object]
impl EnrolmentStep {
    /// The id of the step.
    fn step(&self) -> &str {
        &self.0.step
    }

    /// How it was left.
    fn outcome(&self) -> StepOutcome {
        self.0.outcome
    }

    /// The id of the step that came after; nothing at the end.
    fn next(&self) -> Option<&str> {
        self.0.next.as_deref()
    }

    /// For a branch: which of its arms was taken, counted from 0; nothing if none was.
    fn arm(&self) -> Option<i64> {
        self.0.detail["arm"].as_i64()
    }

    /// The goal that was reached or the exit that was taken at this step.
    fn ending(&self) -> Option<&str> {
        self.0.detail["ending"].as_str()
    }

    /// The version the enrolment was taken to, if `moveEnrolmentsToVersion` did that at this step.
    fn to_version(&self) -> Option<i64> {
        self.0.detail["toVersion"].as_i64()
    }

    /// Who moved or ended the enrolment at this step, if somebody did.
    fn by(&self) -> Result<Option<ChangeOrigin>> {
        let by = &self.0.detail["by"];
        (!by.is_null()).then(|| ChangeOrigin::read(by)).transpose()
    }

    /// What became of what each action of the step asked for, as with rules.
    fn effects(&self) -> Result<Vec<RuleOutcome>> {
        let outcomes = playbook::outcomes(&self.0).map_err(fault)?;
        Ok(outcomes.into_iter().map(RuleOutcome::from).collect())
    }

    /// Whether an action of the step could not be done, because what it names is gone: a tag archived, a
    /// target switched off, a member removed.
    fn not_done(&self) -> Result<bool> {
        let outcomes = playbook::outcomes(&self.0).map_err(fault)?;
        Ok(outcomes.iter().any(|outcome| outcome.result.failed()))
    }

    /// What became of each effect of the step's actions, in the words of programs, such as `tagged`.
    #[graphql(
        deprecation = "Ask for `effects`, which have the outcomes of rules. Removed after 2027-06-30."
    )]
    fn outcomes(&self) -> Vec<String> {
        let outcomes = self.0.detail["outcomes"].as_array();
        let results = outcomes.into_iter().flatten().filter_map(|outcome| {
            let result = &outcome["result"];
            let word = result.as_str();
            word.or_else(|| Some(result.as_object()?.keys().next()?.as_str()))
        });
        results.map(str::to_owned).collect()
    }

    /// When the enrolment came to the step.
    fn entered_at(&self) -> DateTime<Utc> {
        self.0.entered_at
    }

    /// When the enrolment left it.
    fn left_at(&self) -> DateTime<Utc> {
        self.0.left_at
    }
}

/// A page of enrolments, newest first.
pub(crate) async fn enrolments(
    context: &Context<'_>,
    filter: &EnrolmentFilter,
    page: &PageRequest,
) -> Result<Connection<String, Enrolment>> {
    let (ctx, actor) = reader(context)?;
    let found = playbook::enrolments(ctx, actor.workspace, filter, page)
        .await
        .map_err(fault)?;
    Ok(connection(found, Enrolment))
}
