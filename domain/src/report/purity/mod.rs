//! The purity of incoming leads: which share of the contacts that came in were worth having.
//!
//! The contacts of a period are those who came in in it (`contact::arrival`); anonymous visitors are no leads yet. Each is judged by the values of one tag group, the
//! lead judgement (`setting`): those with a value that counts as target are target leads, those
//! without any value are counted apart. The judgement that holds at the moment asked for counts, so
//! that a contact judged weeks later still counts for the period it came in.

mod setting;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    id::{CampaignId, MemberId, TagId, WorkspaceId},
    kind::Channel,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    bucket::bucket,
    period::{Period, Span},
    stats::Share,
};
use crate::{
    contact::{VISITORS, arrival::CAME_AT},
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows},
    workspace,
};

pub(crate) use setting::Judgements;
pub use setting::{LeadJudgement, judgement, set_judgement};

/// Sources a report tells apart at most.
pub const MAX_SOURCES: usize = 100;

/// What the contacts are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, async_graphql::Enum)]
#[graphql(name = "LeadSourceKind")]
pub enum By {
    /// The channel they came through.
    Channel,
    /// The campaign that brought them.
    Campaign,
    /// The member who brought them.
    Member,
}

impl By {
    fn column(self) -> &'static str {
        match self {
            Self::Channel => "c.source_channel",
            Self::Campaign => "c.source_campaign_id",
            Self::Member => "c.brought_by_id",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// How long a period is.
    pub period: Period,
    /// A day of the first period.
    pub from: NaiveDate,
    /// A day of the last period.
    pub to: NaiveDate,
    /// What the contacts are told apart by, if by anything.
    pub by: Option<By>,
    /// The moment whose judgements count; left out, now.
    pub as_of: Option<DateTime<Utc>>,
    /// How many sources are told apart: those that brought most contacts.
    pub sources: usize,
}

/// How many contacts came in, and what they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Contacts that came in.
    pub incoming: i64,
    /// Those that were judged.
    pub judged: i64,
    /// Those judged to be target leads.
    pub target: i64,
}

impl Figures {
    /// Those nobody has judged.
    pub fn unjudged(&self) -> i64 {
        self.incoming - self.judged
    }

    /// Target leads among all that came in, judged or not.
    pub fn purity(&self) -> Share {
        Share::new(self.target, self.incoming)
    }

    /// Target leads among those that were judged.
    pub fn purity_of_judged(&self) -> Share {
        Share::new(self.target, self.judged)
    }

    /// Those that were judged, among all that came in.
    pub fn judged_share(&self) -> Share {
        Share::new(self.judged, self.incoming)
    }

    fn add(&mut self, other: Self) {
        self.incoming += other.incoming;
        self.judged += other.judged;
        self.target += other.target;
    }
}

/// Where contacts came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Not told apart.
    All,
    /// Nobody said.
    Unknown,
    /// A channel.
    Channel(Channel),
    /// A campaign.
    Campaign(CampaignId),
    /// A member.
    Member(MemberId),
}

/// The figures of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfSource {
    /// The source.
    pub source: Source,
    /// Over all periods.
    pub total: Figures,
    /// For each period, in order.
    pub periods: Vec<Figures>,
}

/// The purity of the incoming leads.
#[derive(Debug, Clone)]
pub struct Purity {
    /// What counts as a target lead.
    pub judgement: LeadJudgement,
    /// The periods, in order.
    pub spans: Vec<Span>,
    /// The sources told apart, the one that brought most contacts first.
    pub sources: Vec<OfSource>,
    /// Sources there are, those that are left out included.
    pub all_sources: usize,
    /// The figures of all sources together.
    pub total: OfSource,
}

#[derive(FromQueryResult)]
struct Row {
    at: i64,
    channel: Option<Channel>,
    source_id: Option<Uuid>,
    incoming: i64,
    judged: i64,
    target: i64,
}

/// The purity by period and source; refused while nothing says what a target lead is.
pub async fn purity(ctx: &Ctx, workspace: WorkspaceId, ask: Ask) -> Result<Purity> {
    let Some(judgement) = judgement(ctx, workspace).await? else {
        let message = "No tag group says yet what a target lead is. Set one with setLeadJudgement, \
                       or apply the starter pack for B2B.";
        return Err(Error::refused(&[], UserErrorCode::Required, message));
    };
    if judgement.targets.is_empty() {
        let message = "None of the tags that meant a target lead is there any more. Choose others with \
                       setLeadJudgement.";
        return Err(Error::refused(&[], UserErrorCode::Required, message));
    }
    let now = ctx.clock.now();
    let zone = workspace::time_zone(&workspace::find(ctx, workspace).await?);
    let spans = ask.period.spans(ask.from, ask.to, zone, now)?;
    let verdicts = setting::verdicts(ctx, workspace, &judgement).await?;
    let rows = read(ctx, workspace, ask, &spans, &verdicts, now).await?;
    let mut by_source: BTreeMap<Source, Vec<Figures>> = BTreeMap::new();
    let mut all = vec![Figures::default(); spans.len()];
    for row in rows {
        let Some(at) = usize::try_from(row.at).ok().filter(|at| *at < spans.len()) else {
            continue;
        };
        let figures = Figures {
            incoming: row.incoming,
            judged: row.judged,
            target: row.target,
        };
        all[at].add(figures);
        let source = row.source(ask.by);
        let of_source = by_source
            .entry(source)
            .or_insert_with(|| vec![Figures::default(); spans.len()]);
        of_source[at].add(figures);
    }
    let mut sources: Vec<OfSource> = by_source
        .into_iter()
        .map(|(source, periods)| OfSource::new(source, periods))
        .collect();
    sources.sort_by_key(|one| (std::cmp::Reverse(one.total.incoming), one.source));
    let all_sources = sources.len();
    sources.truncate(ask.sources.min(MAX_SOURCES));
    if ask.by.is_none() {
        sources.clear();
    }
    Ok(Purity {
        judgement,
        spans,
        sources,
        all_sources: if ask.by.is_some() { all_sources } else { 0 },
        total: OfSource::new(Source::All, all),
    })
}

impl OfSource {
    fn new(source: Source, periods: Vec<Figures>) -> Self {
        let mut total = Figures::default();
        for figures in &periods {
            total.add(*figures);
        }
        Self {
            source,
            total,
            periods,
        }
    }
}

impl Row {
    fn source(&self, by: Option<By>) -> Source {
        let found = match by {
            None => return Source::All,
            Some(By::Channel) => self.channel.map(Source::Channel),
            Some(By::Campaign) => self.source_id.map(|id| Source::Campaign(CampaignId(id))),
            Some(By::Member) => self.source_id.map(|id| Source::Member(MemberId(id))),
        };
        found.unwrap_or(Source::Unknown)
    }
}

/// One statement: the contacts of the periods, each with the best of its verdicts, by period and
/// source. It reads the taggings of the group once, and the contacts once.
async fn read(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ask: Ask,
    spans: &[Span],
    verdicts: &[(TagId, bool)],
    now: DateTime<Utc>,
) -> Result<Vec<Row>> {
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Ok(Vec::new());
    };
    let bounds: Vec<DateTime<Utc>> = spans.iter().skip(1).map(|span| span.start).collect();
    let mut query = Query::new("")
        .bind(workspace)
        .bind(first.start)
        .bind(last.end)
        .bind(ask.as_of.unwrap_or(now));
    let at = bucket(&mut query, "c.came_at", &bounds);
    // A column of each type, because a column has one.
    let (channel, id) = match ask.by {
        Some(By::Channel) => (By::Channel.column(), "NULL"),
        Some(by) => ("NULL", by.column()),
        None => ("NULL", "NULL"),
    };
    let id = format!("CASE WHEN c.id IS NULL THEN c.id ELSE {id} END");
    let channel = format!("CASE WHEN c.id IS NULL THEN c.name ELSE {channel} END");
    query.push(&format!(
        "WITH visitor AS MATERIALIZED ({VISITORS}), judged AS MATERIALIZED (
             SELECT g.target_id, MAX(v.target) AS verdict
             FROM {{v}} JOIN tagging g ON g.workspace_id = $1 AND g.tag_id = v.tag_id
             WHERE g.target = 'CONTACT' AND g.added_at <= $4
               AND (g.removed_at IS NULL OR g.removed_at > $4)
             GROUP BY g.target_id)
         SELECT CAST(x.at AS bigint) AS at, x.channel, x.source_id, COUNT(*) AS incoming,
                COUNT(x.verdict) AS judged, CAST(COALESCE(SUM(x.verdict), 0) AS bigint) AS target
         FROM (
             SELECT {at} AS at, {channel} AS channel, {id} AS source_id, j.verdict
             FROM (
                 SELECT c.id, c.name, c.source_channel, c.source_campaign_id, c.brought_by_id,
                        {CAME_AT} AS came_at
                 FROM contact c
                 WHERE c.workspace_id = $1 AND c.merged_into_id IS NULL
                   AND {CAME_AT} >= $2 AND {CAME_AT} < $3
             ) AS c LEFT JOIN judged j ON j.target_id = c.id
             LEFT JOIN visitor w ON w.contact_id = c.id
             WHERE w.contact_id IS NULL) AS x
         GROUP BY x.at, x.channel, x.source_id"
    ));
    let rows = Rows::new()
        .ids("tag_id", verdicts.iter().map(|(tag, _)| *tag))
        .ints(
            "target",
            verdicts.iter().map(|(_, target)| i64::from(*target)),
        );
    Ok(query.rows("v", rows).all(ctx.reader()).await?)
}
