//! The workspace's email events in pages, whoever got the emails.

use chrono::{DateTime, Utc};
use entity::{
    email_event,
    id::{ContactId, Id as _, WorkspaceId},
    kind::EmailEventKind,
};
use sea_orm::Iterable as _;
use serde::{Deserialize, Serialize};

use crate::{
    contact::{one_of, one_of_few},
    ctx::Ctx,
    error::Result,
    page::{Column, Key, Keyset, Page, PageRequest, taken_in, within},
    store::Query,
};

/// Which email events a list has; every part given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EmailEventFilter {
    /// About emails to this contact.
    pub contact: Option<ContactId>,
    /// Of one of these kinds.
    pub kinds: Vec<EmailEventKind>,
    /// With one of these ids of whoever told of them.
    pub external_ids: Vec<String>,
    /// Not before this moment.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Taken in at this moment or later; the list is in the order in which they came in then.
    pub taken_in_from: Option<DateTime<Utc>>,
}

const NEWEST: Keyset = Keyset {
    order: "occurred",
    key: Some(Column::Time("e.occurred_at")),
    id: "e.id",
    descending: true,
};

/// A page of the workspace's email events, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &EmailEventFilter,
    page: &PageRequest,
) -> Result<Page<(String, email_event::Model)>> {
    let backend = ctx.db.backend();
    let select = |query: &mut Query, kinds: &[EmailEventKind]| {
        let workspace = query.arg(workspace);
        query.push(&format!(
            "SELECT e.* FROM email_event e WHERE e.workspace_id = {workspace}"
        ));
        one_of_few(query, backend, "e.contact_id", filter.contact.into_iter());
        one_of(query, "e.kind", kinds.iter().map(|kind| kind.word()));
        let ids = filter.external_ids.iter().map(|id| id.trim());
        one_of_few(query, backend, "e.external_id", ids);
        within(query, "e.occurred_at", filter.from, filter.until);
    };
    if let Some(from) = filter.taken_in_from {
        let mut query = Query::new("");
        select(&mut query, &filter.kinds);
        let columns = ["e.id", "e.created_at"];
        let id = |row: &email_event::Model| row.id;
        return taken_in(ctx, query, columns, from, page, id).await;
    }
    let kinds: Vec<EmailEventKind> = EmailEventKind::iter()
        .filter(|kind| filter.kinds.is_empty() || filter.kinds.contains(kind))
        .collect();
    // The emails to one contact have an index of their own, and so have the ids of tellers; of all others,
    // each kind has its run.
    let is_narrow = filter.contact.is_some() || !filter.external_ids.is_empty();
    let runs: Vec<&[EmailEventKind]> = if is_narrow {
        vec![filter.kinds.as_slice()]
    } else {
        kinds.chunks(1).collect()
    };
    let select = |query: &mut Query, kinds: &&[EmailEventKind]| select(query, kinds);
    let place = |row: &email_event::Model| (Key::Time(row.occurred_at), row.id.uuid());
    NEWEST.merge(ctx, "e", &runs, select, page, place).await
}
