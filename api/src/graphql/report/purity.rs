//! The purity of incoming leads.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    report::{
        Period,
        purity::{self, Ask, By, Figures, OfSource, Source},
        stats::Share,
    },
};
use entity::kind::Channel;

use super::ReportSpan;
use crate::boxed;
use crate::graphql::{
    access::Member,
    context::{loader, reader, writer},
    email::Campaign,
    error::{fault, settle},
    id,
    scalar::Date,
    tag::{Tag, TagGroup},
};

/// What counts as a target lead.
pub(crate) struct LeadJudgement(purity::LeadJudgement);

/// What counts as a target lead.
#[Object]
impl LeadJudgement {
    /// The group whose values judge leads.
    fn group(&self) -> TagGroup {
        TagGroup(self.0.group.clone())
    }

    /// The values that mean a target lead; tags below them do too.
    fn targets(&self) -> Vec<Tag> {
        self.0.targets.iter().cloned().map(Tag::from).collect()
    }

    /// Whether the workspace chose it; otherwise it is the starter pack's.
    fn is_chosen(&self) -> bool {
        self.0.is_chosen
    }
}

/// How many contacts came in, and what they were judged to be.
#[derive(SimpleObject)]
pub(crate) struct LeadFigures {
    /// Contacts that came in; anonymous visitors are not counted until they are known.
    incoming: i64,
    /// Those that carry a value of the lead judgement.
    judged: i64,
    /// Those that carry none.
    unjudged: i64,
    /// Those judged to be target leads.
    target: i64,
    /// Target leads of all that came in, judged or not: low while few are judged, which `judgedShare`
    /// tells.
    purity: Share,
    /// Target leads of those that were judged.
    purity_of_judged: Share,
    /// Those that were judged, of all that came in.
    judged_share: Share,
    /// The same as `purity`.
    #[graphql(deprecation = "Ask for `purity`. Removed after 2027-06-30.")]
    target_share: Share,
}

impl From<Figures> for LeadFigures {
    fn from(figures: Figures) -> Self {
        Self {
            incoming: figures.incoming,
            judged: figures.judged,
            unjudged: figures.unjudged(),
            target: figures.target,
            purity: figures.purity(),
            purity_of_judged: figures.purity_of_judged(),
            judged_share: figures.judged_share(),
            target_share: figures.purity(),
        }
    }
}

/// The figures of one period.
#[derive(SimpleObject)]
pub(crate) struct LeadPurityPeriod {
    /// The period.
    span: ReportSpan,
    /// The contacts that came in in it.
    figures: LeadFigures,
}

/// Where contacts came from, with their figures.
#[derive(Clone)]
pub(crate) struct LeadSource {
    of: OfSource,
    spans: Vec<domain::report::period::Span>,
}

/// Where contacts came from, with their figures.
#[Object]
impl LeadSource {
    /// The channel, if channels are told apart; nothing when nobody said.
    fn channel(&self) -> Option<Channel> {
        match self.of.source {
            Source::Channel(channel) => Some(channel),
            _ => None,
        }
    }

    /// The campaign, if campaigns are told apart; nothing when nobody said.
    #[boxed]
    async fn campaign(&self, context: &Context<'_>) -> Result<Option<Campaign>> {
        let Source::Campaign(id) = self.of.source else {
            return Ok(None);
        };
        Ok(loader(context)?.load_one(id).await?.map(Campaign))
    }

    /// The member who brought them, if members are told apart; nothing when nobody said.
    #[boxed]
    async fn member(&self, context: &Context<'_>) -> Result<Option<Member>> {
        let Source::Member(id) = self.of.source else {
            return Ok(None);
        };
        Ok(loader(context)?.load_one(id).await?.map(Member))
    }

    /// Over all periods.
    fn total(&self) -> LeadFigures {
        self.of.total.into()
    }

    /// For each period, in order.
    fn periods(&self) -> Vec<LeadPurityPeriod> {
        let periods = self.spans.iter().zip(&self.of.periods);
        periods
            .map(|(span, figures)| LeadPurityPeriod {
                span: (*span).into(),
                figures: (*figures).into(),
            })
            .collect()
    }
}

/// Which share of the contacts that came in were target leads.
#[derive(SimpleObject)]
pub(crate) struct LeadPurity {
    /// What counts as a target lead.
    judgement: LeadJudgement,
    /// All contacts together, whatever their source.
    total: LeadSource,
    /// The sources told apart, the one that brought most contacts first; empty without `by`.
    sources: Vec<LeadSource>,
    /// How many sources there are, those beyond `limit` included.
    source_count: usize,
}

#[derive(Default)]
pub(crate) struct PurityQuery;

#[Object]
impl PurityQuery {
    /// What counts as a target lead: what the workspace chose, or the lead judgement of the starter
    /// pack for B2B; nothing when there is neither.
    #[boxed]
    async fn lead_judgement(&self, context: &Context<'_>) -> Result<Option<LeadJudgement>> {
        let (ctx, actor) = reader(context)?;
        let found = purity::judgement(ctx, actor.workspace).await;
        Ok(found.map_err(fault)?.map(LeadJudgement))
    }

    /// Which share of the contacts who came in in each period (`Contact.arrivedAt`) were target leads, by what they are judged
    /// to be; those nobody has judged are counted apart. Refused while there is no lead judgement.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the API")]
    #[boxed]
    async fn lead_purity(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How long a period is.", default_with = "Period::Month")] period: Period,
        #[graphql(desc = "A day of the first period.")] from: Date,
        #[graphql(desc = "A day of the last period; at most 400 periods.")] to: Date,
        #[graphql(desc = "What the contacts are told apart by; left out, nothing.")] by: Option<By>,
        #[graphql(desc = "The moment whose judgements count; left out, now.")] as_of: Option<
            DateTime<Utc>,
        >,
        #[graphql(desc = "How many sources are told apart, 1 to 100.", default = 20)] limit: i32,
    ) -> Result<LeadPurity> {
        let (ctx, actor) = reader(context)?;
        let ask = Ask {
            period,
            from: from.0,
            to: to.0,
            by,
            as_of,
            sources: usize::try_from(limit.clamp(1, 100)).unwrap_or(1),
        };
        let found = purity::purity(ctx, actor.workspace, ask).await;
        let found = found.map_err(fault)?;
        let with_spans = |of| LeadSource {
            of,
            spans: found.spans.clone(),
        };
        Ok(LeadPurity {
            sources: found.sources.into_iter().map(with_spans).collect(),
            source_count: found.all_sources,
            total: with_spans(found.total),
            judgement: LeadJudgement(found.judgement),
        })
    }
}

/// What is to count as a target lead.
#[derive(InputObject)]
pub(crate) struct SetLeadJudgementInput {
    /// The group whose values judge leads; of tags for contacts.
    group_id: ID,
    /// The values of it that mean a target lead.
    target_tag_ids: Vec<ID>,
}

/// What became of `setLeadJudgement`.
#[derive(SimpleObject)]
pub(crate) struct SetLeadJudgementPayload {
    /// What counts as a target lead now.
    judgement: Option<LeadJudgement>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct PurityMutation;

#[Object]
impl PurityMutation {
    /// Chooses what counts as a target lead in reports. It follows when its tags are merged. Scope:
    /// CONFIGURE.
    #[boxed]
    async fn set_lead_judgement(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SetLeadJudgementInput,
    ) -> Result<SetLeadJudgementPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let group = id::parse(&input.group_id, &["groupId"])?;
            let targets = id::parse_each(&input.target_tag_ids, "targetTagIds")?;
            purity::set_judgement(ctx, actor, group, &targets).await
        };
        let (judgement, user_errors) = settle(result.await)?;
        Ok(SetLeadJudgementPayload {
            judgement: judgement.map(LeadJudgement),
            user_errors,
        })
    }
}
