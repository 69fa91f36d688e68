//! The quality audit of the tags: its runs, what they found, and their plans.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    page::PageRequest,
    report::quality::{
        self, Confidence, Figure, FindingFilter, Plan, PlannedMerge, Sample,
        apply::{NewApplication, apply},
    },
};
use entity::{
    id::{TagId, TagQualityRunId},
    kind::{TagFindingKind, TagFindingSeverity, TagQualityCause},
};

use crate::boxed;
use crate::graphql::{
    context::{loaded, loaded_each, loader, reader, writer},
    error::{fault, settle},
    few::few,
    id,
    operation::Operation,
    page::{Connection, connection},
    tag::{Tag, TagGroup},
};

/// One run of the quality audit of the tags.
#[derive(Debug, Clone)]
pub struct TagQualityRun(pub(crate) entity::tag_quality_run::Model);

/// One run of the quality audit of the tags: every night, and whenever somebody asks.
#[Object]
impl TagQualityRun {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What it was run for.
    fn cause(&self) -> TagQualityCause {
        self.0.cause
    }

    /// When it began.
    fn started_at(&self) -> DateTime<Utc> {
        self.0.started_at
    }

    /// When it had found everything; nothing while it goes on.
    fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// How many things it looked at; nothing while it goes on.
    fn sample(&self) -> Result<Option<TagQualitySample>> {
        let sample = self.0.sample.clone().map(serde_json::from_value::<Sample>);
        Ok(sample.transpose()?.map(TagQualitySample::from))
    }

    /// How many findings of each kind and severity it has, the gravest first.
    #[boxed]
    async fn tally(&self, context: &Context<'_>) -> Result<Vec<TagFindingTally>> {
        let (ctx, actor) = reader(context)?;
        let tally = quality::tally(ctx, actor.workspace, self.0.id).await;
        let tally = tally.map_err(fault)?.into_iter();
        Ok(tally
            .map(|one| TagFindingTally {
                kind: one.kind,
                severity: one.severity,
                findings: one.findings,
            })
            .collect())
    }

    /// What it found, the gravest first.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the API")]
    #[boxed]
    async fn findings(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only of these kinds; an empty list is refused.")] kinds: Option<
            Vec<TagFindingKind>,
        >,
        #[graphql(desc = "Only of these severities; an empty list is refused.")] severities: Option<
            Vec<TagFindingSeverity>,
        >,
        #[graphql(desc = "Only about this tag.")] tag_id: Option<ID>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, TagFinding>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = FindingFilter {
            kinds: few(kinds, &["kinds"]).map_err(fault)?,
            severities: few(severities, &["severities"]).map_err(fault)?,
            tag: id::parse_opt(tag_id.as_ref(), &["tagId"]).map_err(fault)?,
        };
        let found = quality::findings(ctx, actor.workspace, self.0.id, &filter, &page);
        let found = found.await.map_err(fault)?;
        Ok(connection(found, TagFinding))
    }

    /// Which tags it proposes to merge, the surest first; `applyTagPlan` carries merges out.
    fn plan(&self) -> Result<Vec<PlannedTagMerge>> {
        let plan: Plan = serde_json::from_value(self.0.plan.clone())?;
        Ok(plan.merges.into_iter().map(PlannedTagMerge).collect())
    }
}

/// How many things a run looked at. On more than about 30,000 things it draws a sample for what needs
/// every thing's tags; counts of single tags are always exact.
#[derive(SimpleObject)]
pub(crate) struct TagQualitySample {
    /// Whether it looked at all of them.
    is_exact: bool,
    /// Contacts looked at.
    contacts: i64,
    /// Accounts looked at.
    accounts: i64,
    /// Conversations looked at.
    conversations: i64,
    /// Contacts there were; anonymous visitors are not counted.
    all_contacts: i64,
    /// Accounts there were.
    all_accounts: i64,
    /// Conversations there were.
    all_conversations: i64,
}

impl From<Sample> for TagQualitySample {
    fn from(sample: Sample) -> Self {
        Self {
            is_exact: sample.is_exact(),
            contacts: sample.things.contacts,
            accounts: sample.things.accounts,
            conversations: sample.things.conversations,
            all_contacts: sample.all.contacts,
            all_accounts: sample.all.accounts,
            all_conversations: sample.all.conversations,
        }
    }
}

/// How many findings of one kind and severity there are.
#[derive(SimpleObject)]
pub(crate) struct TagFindingTally {
    /// The kind.
    kind: TagFindingKind,
    /// The severity.
    severity: TagFindingSeverity,
    /// How many.
    findings: i64,
}

/// Something the audit found about tags.
#[derive(Debug, Clone)]
pub struct TagFinding(pub(crate) entity::tag_quality_finding::Model);

/// Something the audit found about tags.
#[Object]
impl TagFinding {
    /// What was found.
    fn kind(&self) -> TagFindingKind {
        self.0.kind
    }

    /// How much it matters.
    fn severity(&self) -> TagFindingSeverity {
        self.0.severity
    }

    /// The tags it is about; of two that may be one, the one to keep comes first. Those that are
    /// deleted or merged by now are as they were then.
    #[boxed]
    async fn tags(&self, context: &Context<'_>) -> Result<Vec<Tag>> {
        let ids: Vec<TagId> = serde_json::from_value(self.0.tag_ids.clone())?;
        loaded_each(context, &ids, Tag::from).await
    }

    /// The group it is about.
    #[boxed]
    async fn group(&self, context: &Context<'_>) -> Result<Option<TagGroup>> {
        loaded(context, self.0.group_id, TagGroup).await
    }

    /// The numbers that show it; the description of the kind explains them.
    fn evidence(&self) -> Result<Vec<Figure>> {
        Ok(serde_json::from_value(self.0.evidence.clone())?)
    }
}

/// A merge that a run proposes.
pub(crate) struct PlannedTagMerge(PlannedMerge);

/// A merge that a run proposes.
#[Object]
impl PlannedTagMerge {
    /// The tag that would stay.
    #[boxed]
    async fn target(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        let target = loader(context)?.load_one(self.0.target).await?;
        Ok(target.map(Tag::from))
    }

    /// The tags that would go.
    #[boxed]
    async fn sources(&self, context: &Context<'_>) -> Result<Vec<Tag>> {
        loaded_each(context, &self.0.sources, Tag::from).await
    }

    /// How sure it is that they mean the same.
    fn confidence(&self) -> Confidence {
        self.0.confidence
    }

    /// Why.
    fn reasons(&self) -> Vec<TagMergeReason> {
        let reasons = self.0.reasons.iter();
        reasons
            .map(|reason| TagMergeReason {
                kind: reason.kind,
                tag_ids: reason.tags.iter().map(|tag| (*tag).into()).collect(),
            })
            .collect()
    }

    /// How many things carry the tags that would go.
    fn things(&self) -> i64 {
        self.0.things
    }

    /// When it was carried out, or tried to be.
    fn tried_at(&self) -> Option<DateTime<Utc>> {
        self.0.outcome.as_ref().map(|outcome| outcome.at)
    }

    /// Why it was refused then; nothing when it worked.
    fn refusal(&self) -> Option<&str> {
        self.0.outcome.as_ref()?.refusal.as_deref()
    }
}

/// Why two tags are to become one.
#[derive(SimpleObject)]
pub(crate) struct TagMergeReason {
    /// The kind of finding.
    kind: TagFindingKind,
    /// The global ids of the two tags.
    tag_ids: Vec<ID>,
}

#[derive(Default)]
pub(crate) struct QualityQuery;

#[Object]
impl QualityQuery {
    /// One run of the quality audit of the tags; without an id the last that has finished. Nothing
    /// when there is none.
    #[boxed]
    async fn tag_quality_run(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The run's global id.")] id: Option<ID>,
    ) -> Result<Option<TagQualityRun>> {
        let (ctx, actor) = reader(context)?;
        let found = match id {
            None => quality::latest(ctx, actor.workspace).await,
            Some(id) => match id::parse::<TagQualityRunId>(&id, &["id"]) {
                Ok(id) => quality::find(ctx, actor.workspace, id).await,
                Err(_) => return Ok(None),
            },
        };
        Ok(found.map_err(fault)?.map(TagQualityRun))
    }

    /// The runs of the quality audit of the tags that are kept, newest first.
    #[boxed]
    async fn tag_quality_runs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, TagQualityRun>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = quality::list(ctx, actor.workspace, &page).await;
        Ok(connection(found.map_err(fault)?, TagQualityRun))
    }
}

/// How the tags are to be audited.
#[derive(InputObject)]
pub(crate) struct StartTagQualityRunInput {
    /// Days without a tagging after which a tag counts as unused, 7 to 3650.
    #[graphql(default = 90)]
    unused_days: i64,
}

/// What became of `startTagQualityRun`.
#[derive(SimpleObject)]
pub(crate) struct StartTagQualityRunPayload {
    /// The operation that does it.
    operation: Option<Operation>,
    /// The run, which has findings when the operation is done.
    run: Option<TagQualityRun>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// Merges of a plan that are to be carried out.
#[derive(InputObject)]
pub(crate) struct ApplyTagPlanInput {
    /// The run whose plan it is.
    run_id: ID,
    /// The targets of the merges meant; left out, all of `HIGH` confidence.
    target_ids: Option<Vec<ID>>,
    /// Where things would carry several values of a `SINGLE` group: keep the one put on last and
    /// take the others off, instead of refusing that merge.
    #[graphql(default)]
    keep_newest: bool,
}

/// What became of `applyTagPlan`.
#[derive(SimpleObject)]
pub(crate) struct ApplyTagPlanPayload {
    /// The operation that does it; its `counts` are `merged`, `skipped` and `refused`.
    operation: Option<Operation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct QualityMutation;

#[Object]
impl QualityMutation {
    /// Audits the quality of the tags now, as an operation. Scope: CONFIGURE.
    #[boxed]
    async fn start_tag_quality_run(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: StartTagQualityRunInput,
    ) -> Result<StartTagQualityRunPayload> {
        let (ctx, actor) = writer(context)?;
        let started = quality::start(ctx, actor, Some(input.unused_days)).await;
        let (started, user_errors) = settle(started)?;
        let (operation, run) = started.unzip();
        Ok(StartTagQualityRunPayload {
            operation: operation.map(Operation),
            run: run.map(TagQualityRun),
            user_errors,
        })
    }

    /// Carries out merges that a run proposes, as an operation, one after another: what one merge
    /// does is told at `mergeTags`. Merges that were done before are passed over, so asking twice is
    /// harmless. Scope: CONFIGURE.
    #[boxed]
    async fn apply_tag_plan(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ApplyTagPlanInput,
    ) -> Result<ApplyTagPlanPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let targets = input.target_ids;
            let targets = targets.map(|ids| id::parse_each(&ids, "targetIds"));
            let new = NewApplication {
                run: id::parse(&input.run_id, &["runId"])?,
                targets: targets.transpose()?,
                keep_newest: input.keep_newest,
            };
            apply(ctx, actor, new).await
        };
        let (operation, user_errors) = settle(result.await)?;
        Ok(ApplyTagPlanPayload {
            operation: operation.map(Operation),
            user_errors,
        })
    }
}
