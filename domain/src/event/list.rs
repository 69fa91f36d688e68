//! The workspace's events in pages, whoever they are of.

use chrono::{DateTime, Utc};
use entity::{
    event,
    id::{ContactId, Id as _, WorkspaceId},
};
use serde::{Deserialize, Serialize};

use crate::{
    contact::{one_of, one_of_few},
    ctx::Ctx,
    error::Result,
    page::{Column, Key, Keyset, Page, PageRequest, taken_in, within},
    store::Query,
};

/// Which events a list has; every part given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventFilter {
    /// Of this contact.
    pub contact: Option<ContactId>,
    /// Of one of these names.
    pub names: Vec<String>,
    /// With one of these ids of their senders.
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

/// A page of the workspace's events, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &EventFilter,
    page: &PageRequest,
) -> Result<Page<(String, event::Model)>> {
    let backend = ctx.db.backend();
    let mut names = filter.names.clone();
    names.sort_unstable();
    names.dedup();
    let select = |query: &mut Query, names: &[String]| {
        let workspace = query.arg(workspace);
        query.push(&format!(
            "SELECT e.* FROM event e WHERE e.workspace_id = {workspace}"
        ));
        one_of_few(query, backend, "e.contact_id", filter.contact.into_iter());
        one_of(query, "e.name", names.iter().map(String::as_str));
        let ids = filter.external_ids.iter().map(|id| id.trim());
        one_of_few(query, backend, "e.external_id", ids);
        within(query, "e.occurred_at", filter.from, filter.until);
    };
    if let Some(from) = filter.taken_in_from {
        let mut query = Query::new("");
        select(&mut query, &names);
        let columns = ["e.id", "e.created_at"];
        let id = |row: &event::Model| row.id;
        return taken_in(ctx, query, columns, from, page, id).await;
    }
    // One contact's events have an index of their own, and so have the ids of senders.
    let is_narrow = filter.contact.is_some() || !filter.external_ids.is_empty();
    let runs: Vec<&[String]> = if is_narrow || names.is_empty() {
        vec![names.as_slice()]
    } else {
        names.chunks(1).collect()
    };
    let select = |query: &mut Query, names: &&[String]| select(query, names);
    let place = |row: &event::Model| (Key::Time(row.occurred_at), row.id.uuid());
    NEWEST.merge(ctx, "e", &runs, select, page, place).await
}
