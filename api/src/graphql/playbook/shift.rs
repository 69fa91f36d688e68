//! Taking enrolments under way to another version.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{
    error::UserError,
    playbook::{self, Landing, Shift, StepMove},
};

use crate::boxed;
use crate::graphql::{context::writer, error::settle, id, operation::Operation};

/// Where those who are at a step come to in another version.
#[derive(InputObject)]
pub(crate) struct EnrolmentStepMoveInput {
    /// The id of the step they are at. One that no version of the playbook has is refused.
    from: String,
    /// The id of the step they come to, in the version they go to.
    to: String,
}

/// Enrolments to be taken to another version.
#[derive(InputObject)]
pub(crate) struct MoveEnrolmentsToVersionInput {
    /// The playbook; it must not be archived.
    playbook_id: ID,
    /// The version they go to. It was published at some time; it may be older than theirs.
    version: i64,
    /// Only those who are on one of these versions, at most 100; left out or empty, on any other.
    #[graphql(default)]
    from_versions: Vec<i64>,
    /// Where those come to who are at these steps, at most 100. Everybody else goes on at the step of the
    /// same id, or stays on their version if there is none.
    #[graphql(default)]
    steps: Vec<EnrolmentStepMoveInput>,
    /// Only say who would come where; nobody is moved.
    #[graphql(default)]
    dry_run: bool,
}

/// What becomes of those who are at one step of one version.
#[derive(SimpleObject)]
pub(crate) struct EnrolmentLanding {
    /// The version they are on.
    from_version: i64,
    /// The id of the step they are at.
    from_step: String,
    /// How many they are now.
    here: i64,
    /// The id of the step they come to; nothing for those who stay where they are, because the version has no
    /// such step.
    to_step: Option<String>,
    /// Whether they come to that step anew. Otherwise they go on with a step they are at: a wait ends when it
    /// would have ended had they come to it, when they did, in the version they go to; that may be at once.
    is_anew: bool,
}

impl From<Landing> for EnrolmentLanding {
    fn from(landing: Landing) -> Self {
        Self {
            from_version: landing.version,
            from_step: landing.step,
            here: landing.here,
            to_step: landing.to,
            is_anew: landing.is_anew,
        }
    }
}

/// What became of `moveEnrolmentsToVersion`.
#[derive(SimpleObject)]
pub(crate) struct MoveEnrolmentsToVersionPayload {
    /// Who comes where, by version and step, as it is now.
    landings: Vec<EnrolmentLanding>,
    /// The operation that moves them, whose `counts` are `moved` and `stayed`; nothing with `dryRun`.
    operation: Option<Operation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct EnrolmentVersionMutation;

#[Object]
impl EnrolmentVersionMutation {
    /// Takes enrolments under way to another version of their playbook, such as one in which a step was
    /// mended; with `dryRun` it only says who would come where. By themselves they stay on the version they
    /// began with. Scope: CONFIGURE.
    #[boxed]
    async fn move_enrolments_to_version(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: MoveEnrolmentsToVersionInput,
    ) -> Result<MoveEnrolmentsToVersionPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let steps = input.steps.into_iter().map(|step| StepMove {
                from: step.from,
                to: step.to,
            });
            let asked = Shift {
                playbook: id::parse(&input.playbook_id, &["playbookId"])?,
                version: input.version,
                from: input.from_versions,
                steps: steps.collect(),
            };
            playbook::shift(ctx, actor, asked, input.dry_run).await
        };
        let (shifted, user_errors) = settle(result.await)?;
        let (landings, operation) = shifted
            .map(|shifted| (shifted.landings, shifted.operation))
            .unwrap_or_default();
        Ok(MoveEnrolmentsToVersionPayload {
            landings: landings.into_iter().map(Into::into).collect(),
            operation: operation.map(Operation),
            user_errors,
        })
    }
}
