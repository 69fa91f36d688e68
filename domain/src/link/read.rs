//! Lists of links, how a link did day by day, and what loaders ask for.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use entity::{
    id::{CampaignId, TagId, TrackedLinkId, WorkspaceId},
    kind::Channel,
    tracked_link::Model,
};
use sea_orm::FromQueryResult;

use crate::{
    contact::{escape_like, one_of},
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    page::{Keyset, Page, PageRequest},
    store::{Query, Rows, rows_by_id},
    text, workspace,
};

/// Days that a series has at most.
pub const MAX_DAYS: u64 = 366;
/// Days before today that a series has when nothing is said.
const USUAL_DAYS: u64 = 29;

const NEWEST: Keyset = Keyset {
    order: "tracked_link",
    key: None,
    id: "l.id",
    descending: true,
};

/// Which links a list has; every part given must hold.
#[derive(Debug, Clone, Default)]
pub struct LinkFilter {
    /// Archived ones, or those that are not.
    pub archived: bool,
    /// Shown in one of these places.
    pub channels: Vec<Channel>,
    /// Of one of these campaigns.
    pub campaigns: Vec<CampaignId>,
    /// With one of these tags.
    pub tags: Vec<TagId>,
    /// With this in the name or the slug, whatever its case and width.
    pub text: Option<String>,
}

/// A page of the workspace's links, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &LinkFilter,
    page: &PageRequest,
) -> Result<Page<(String, Model)>> {
    let mut query =
        Query::new("SELECT l.* FROM tracked_link l WHERE l.workspace_id = $1").bind(workspace);
    query.push(if filter.archived {
        " AND l.archived_at IS NOT NULL"
    } else {
        " AND l.archived_at IS NULL"
    });
    let channels = filter.channels.iter().map(|one| one.word());
    one_of(&mut query, "l.channel", channels);
    one_of(
        &mut query,
        "l.campaign_id",
        filter.campaigns.iter().copied(),
    );
    if !filter.tags.is_empty() {
        query.push(
            " AND EXISTS (SELECT 1 FROM tracked_link_tag g WHERE g.workspace_id = l.workspace_id
                AND g.link_id = l.id",
        );
        one_of(&mut query, "g.tag_id", filter.tags.iter().copied());
        query.push(")");
    }
    let wanted = filter.text.as_deref().map(str::trim).unwrap_or_default();
    if !wanted.is_empty() {
        let key = escape_like(&text::name_key(wanted));
        let pattern = query.arg(format!("%{key}%"));
        query.push(&format!(
            " AND (l.name_key LIKE {pattern} ESCAPE '\\' OR l.slug LIKE {pattern} ESCAPE '\\')"
        ));
    }
    NEWEST
        .list_by_id(ctx, query, page, |row: &Model| row.id)
        .await
}

/// The links among `ids`, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[TrackedLinkId]) -> Result<Vec<Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// A tag that a link puts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct LinkTag {
    /// The link.
    pub link_id: TrackedLinkId,
    /// The tag.
    pub tag_id: TagId,
}

/// The tags of the links among `ids`, in a lasting order; for loaders.
pub async fn load_tags(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[TrackedLinkId],
) -> Result<Vec<LinkTag>> {
    Ok(Query::new(
        "SELECT g.link_id, g.tag_id FROM {r}
         JOIN tracked_link_tag g ON g.workspace_id = $1 AND g.link_id = r.id
         ORDER BY g.link_id, g.tag_id",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// How a link did on a day of the workspace's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Day {
    /// The day.
    pub day: NaiveDate,
    /// How often people followed it, not from its QR code.
    pub clicks: i64,
    /// How often people followed it from its QR code.
    pub scans: i64,
    /// How often machines did.
    pub machines: i64,
    /// How many contacts followed it for the first time.
    pub contacts: i64,
}

impl Day {
    /// A day on which nobody came.
    fn empty(day: NaiveDate) -> Self {
        Self {
            day,
            clicks: 0,
            scans: 0,
            machines: 0,
            contacts: 0,
        }
    }
}

/// How a link did on each day from `from` to `to`, both included; without them, on the last 30 days.
pub async fn series(
    ctx: &Ctx,
    link: &Model,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
) -> Result<Vec<Day>> {
    let (workspace, now) = (link.workspace_id, ctx.clock.now());
    let zone = workspace::time_zone(&workspace::find(ctx, workspace).await?);
    let days = days(from, to, now.with_timezone(&zone).date_naive())?;
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Ok(Vec::new());
    };
    let found: Vec<Day> = Query::new(
        "SELECT d.day, d.clicks, d.scans, d.machines, d.contacts FROM tracked_link_day d
         WHERE d.workspace_id = $1 AND d.link_id = $2 AND d.day >= $3 AND d.day <= $4",
    )
    .bind(workspace)
    .bind(link.id)
    .bind(*first)
    .bind(*last)
    .all(ctx.reader())
    .await?;
    let found: BTreeMap<NaiveDate, Day> = found.into_iter().map(|day| (day.day, day)).collect();
    let each = days.into_iter();
    Ok(each
        .map(|day| found.get(&day).copied().unwrap_or_else(|| Day::empty(day)))
        .collect())
}

/// Every day from `from` to `to`.
fn days(
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    today: NaiveDate,
) -> Result<Vec<NaiveDate>> {
    let to = to.unwrap_or(today);
    let from = from
        .or_else(|| to.checked_sub_days(Days::new(USUAL_DAYS)))
        .unwrap_or(to);
    if from > to {
        let message = "The first day lies after the last one.";
        return Err(Error::refused(&["from"], UserErrorCode::Invalid, message));
    }
    let days: Vec<NaiveDate> = from
        .iter_days()
        .take_while(|day| *day <= to)
        .take(MAX_DAYS as usize + 1)
        .collect();
    if days.len() > MAX_DAYS as usize {
        let message = format!("Ask for at most {MAX_DAYS} days at once.");
        return Err(Error::refused(
            &["from"],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_has_every_day_from_the_first_to_the_last() {
        let day = |text: &str| -> NaiveDate { text.parse().unwrap() };
        let today = day("2026-03-01");
        let spans = |from: Option<&str>, to: Option<&str>| {
            let found = days(from.map(day), to.map(day), today).ok()?;
            Some((*found.first()?, *found.last()?, found.len()))
        };
        assert_eq!(spans(None, None), Some((day("2026-01-31"), today, 30)));
        assert_eq!(
            spans(Some("2026-02-27"), None),
            Some((day("2026-02-27"), today, 3))
        );
        assert_eq!(
            spans(Some("2024-02-28"), Some("2024-03-01")),
            Some((day("2024-02-28"), day("2024-03-01"), 3))
        );
        assert_eq!(
            spans(Some("2025-03-01"), Some("2026-03-01")).map(|span| span.2),
            Some(366)
        );
        assert_eq!(spans(Some("2025-02-28"), Some("2026-03-01")), None);
        assert_eq!(spans(Some("2026-03-02"), None), None);
        assert_eq!(spans(Some("0001-01-01"), Some("9999-12-31")), None);
    }
}
