//! Playbooks over GraphQL.

mod definition;
mod enrolment;
mod input;
mod mutation;
mod overall;
mod query;
mod shift;
mod template;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    locale::Locale,
    page::PageRequest,
    playbook::{self, EnrolmentFilter, Tally, Version, definition::Limits},
    scalar::AsInput,
};
use entity::kind::{EnrolmentState, PlaybookState};

use super::{
    access::ChangeOrigin,
    condition::Called,
    context::{loader, reader},
    error::fault,
    loader::{OverallOf, TalliesOf, VersionOf},
    page::{Connection, connection},
};
use crate::boxed;

use self::input::PlaybookDefinitionInput;
pub(crate) use definition::{PlaybookAgain, PlaybookEnding, PlaybookSource, PlaybookStep};
pub(crate) use enrolment::{Enrolment, EnrolmentStep, enrolments};
pub(crate) use mutation::{EnrolmentMutation, PlaybookMutation};
use overall::PlaybookStepTally;
pub(crate) use query::PlaybookQuery;
pub(crate) use shift::EnrolmentVersionMutation;

/// A sequence of steps that contacts are enrolled in.
#[derive(Debug, Clone)]
pub struct Playbook(pub(crate) entity::playbook::Model);

/// How many enrolments are, or were, somewhere in a playbook.
#[derive(SimpleObject, Debug, Clone, Copy, Default)]
pub(crate) struct PlaybookTally {
    /// All who were ever enrolled, of a version also those who were taken to it from another; 0 for a single
    /// step.
    enrolled: i64,
    /// Those who are here now.
    here: i64,
    /// Those who went on from here; of a whole version, those who came to the end.
    passed: i64,
    /// Those for whom a goal was reached here.
    goal: i64,
    /// Those who left because a condition for leaving came to hold here.
    exited: i64,
    /// Those whom somebody took out here.
    cancelled: i64,
    /// Those whom an error stopped here.
    failed: i64,
    /// Those who were taken to another version while they were here, by `moveEnrolmentsToVersion`.
    moved: i64,
    /// How many times an action could not be done here, because what it names is gone: a tag archived, a
    /// target switched off, a member removed. Those who came went on.
    not_done: i64,
}

impl From<Tally> for PlaybookTally {
    fn from(tally: Tally) -> Self {
        Self {
            enrolled: tally.enrolled,
            here: tally.here,
            passed: tally.passed,
            goal: tally.goal,
            exited: tally.exited,
            cancelled: tally.cancelled,
            failed: tally.failed,
            moved: tally.moved,
            not_done: tally.not_done,
        }
    }
}

/// Which part of a playbook's history a list of enrolments shows.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EnrolmentProgress {
    /// Those under way.
    Active,
    /// Those that have ended, however they did.
    Ended,
}

impl EnrolmentProgress {
    pub(crate) fn states(self) -> Vec<EnrolmentState> {
        match self {
            Self::Active => vec![EnrolmentState::Waiting, EnrolmentState::Running],
            Self::Ended => vec![
                EnrolmentState::Done,
                EnrolmentState::Goal,
                EnrolmentState::Exited,
                EnrolmentState::Failed,
                EnrolmentState::Cancelled,
            ],
        }
    }
}

/// A sequence of steps with waits and branches that contacts are enrolled in (an SOP).
#[Object]
impl Playbook {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name shown.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is for; may be empty.
    fn description(&self) -> &str {
        &self.0.description
    }

    /// Whether it is at work.
    fn state(&self) -> PlaybookState {
        self.0.state
    }

    /// The published version, which new enrolments take; nothing before the first is published.
    #[boxed]
    async fn published(&self, context: &Context<'_>) -> Result<Option<PlaybookVersion>> {
        if self.0.version == 0 {
            return Ok(None);
        }
        version(context, self.0.id, self.0.version).await
    }

    /// The newest version, published or not.
    #[boxed]
    async fn latest(&self, context: &Context<'_>) -> Result<Option<PlaybookVersion>> {
        version(context, self.0.id, self.0.latest_version).await
    }

    /// All versions, newest first.
    #[boxed]
    async fn versions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, PlaybookVersion>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = playbook::versions(ctx, actor.workspace, self.0.id, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, PlaybookVersion))
    }

    /// Who is or was enrolled, newest first.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments and two filters"
    )]
    #[boxed]
    async fn enrolments(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only those under way, or only those that have ended.")] progress: Option<
            EnrolmentProgress,
        >,
        #[graphql(desc = "Only those that are at the step of this id now.")] step: Option<String>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Enrolment>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = EnrolmentFilter {
            playbook: Some(self.0.id),
            states: progress.map(EnrolmentProgress::states).unwrap_or_default(),
            step,
            ..EnrolmentFilter::default()
        };
        enrolments(context, &filter, &page).await
    }

    /// How many were and are enrolled, over all versions. Whoever was taken from one version to another
    /// counts once.
    #[boxed]
    async fn tally(&self, context: &Context<'_>) -> Result<PlaybookTally> {
        let found = loader(context)?.load_one(OverallOf(self.0.id)).await?;
        Ok(found.unwrap_or_default().whole.into())
    }

    /// How many are and were at each step, over all versions: first the steps of the published version, or
    /// of the newest if none is published, in their order; then those that only other versions have.
    #[boxed]
    async fn step_tallies(&self, context: &Context<'_>) -> Result<Vec<PlaybookStepTally>> {
        overall::step_tallies(context, &self.0).await
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

    /// When it was paused because an action of one of its steps could not be done ten times in a row; nothing
    /// if it was not, or was resumed since.
    fn paused_at(&self) -> Option<DateTime<Utc>> {
        self.0.paused_at
    }

    /// Why it was paused then, in words.
    fn paused_reason(&self) -> Option<&str> {
        self.0.paused_reason.as_deref()
    }
}

/// What a playbook was defined as at a time.
#[derive(Debug, Clone)]
pub struct PlaybookVersion(pub(crate) Version);

/// What a playbook was defined as at a time. Enrolments stay on the version they began with, unless
/// `moveEnrolmentsToVersion` takes them to another.
#[Object]
impl PlaybookVersion {
    /// Which version, counted from 1.
    fn version(&self) -> i64 {
        self.0.version
    }

    /// The steps in their order; an enrolment begins with the first.
    fn steps(&self) -> Vec<PlaybookStep> {
        let version = (self.0.playbook_id, self.0.version);
        let steps = self.0.definition.steps.iter();
        steps
            .map(|step| PlaybookStep {
                version,
                step: step.clone(),
            })
            .collect()
    }

    /// What ends an enrolment as a success.
    fn goals(&self) -> Vec<PlaybookEnding> {
        self.0.definition.goals.iter().map(Into::into).collect()
    }

    /// What ends an enrolment otherwise before its last step.
    fn exits(&self) -> Vec<PlaybookEnding> {
        self.0.definition.exits.iter().map(Into::into).collect()
    }

    /// What enrols contacts by itself.
    fn sources(&self) -> Vec<PlaybookSource> {
        self.0.definition.sources.iter().map(Into::into).collect()
    }

    /// Whether somebody may be enrolled more than once.
    fn again(&self) -> PlaybookAgain {
        self.0.definition.again.into()
    }

    /// When its notices, and the mails of the surveys it sends, wait.
    fn limits(&self) -> Limits {
        self.0.definition.limits.clone()
    }

    /// The whole version as `SavePlaybookInput.definition` takes it: to change a part of it, or to make
    /// another playbook like it.
    fn definition_input(&self) -> AsInput<PlaybookDefinitionInput> {
        AsInput((&self.0.definition).into())
    }

    /// The whole version in words, a line for each step and each thing around them.
    #[boxed]
    async fn outline(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The language.", default)] locale: Locale,
    ) -> Result<Vec<String>> {
        let names = Called::of(context, &self.0.definition.references()).await?;
        Ok(playbook::outline(locale, &names, &self.0.definition))
    }

    /// How many were and are enrolled in this version.
    #[boxed]
    async fn tally(&self, context: &Context<'_>) -> Result<PlaybookTally> {
        let key = TalliesOf(self.0.playbook_id, self.0.version);
        let found = loader(context)?.load_one(key).await?;
        Ok(found.unwrap_or_default().whole.into())
    }

    /// Who made it.
    fn created_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.created_by)
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was first published; nothing for a draft.
    fn published_at(&self) -> Option<DateTime<Utc>> {
        self.0.published_at
    }
}

pub(crate) async fn version(
    context: &Context<'_>,
    id: entity::id::PlaybookId,
    version: i64,
) -> Result<Option<PlaybookVersion>> {
    let found = loader(context)?.load_one(VersionOf(id, version)).await?;
    Ok(found.map(PlaybookVersion))
}
