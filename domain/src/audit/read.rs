//! Reading the audit log, an entry or a page at a time. Called by the API and by exports, for administrators.

use chrono::{DateTime, Utc};
use entity::{
    audit_entry::Model,
    id::{AuditEntryId, ContactId, MemberId},
};
use serde::{Deserialize, Serialize};

use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::Result,
    page::{Keyset, Page, PageRequest, written_from, written_until},
    store::{Query, dialect},
};

/// Which entries a list has; every part given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditFilter {
    /// Of one of these actions.
    pub actions: Vec<String>,
    /// Done to the thing with this id, in its text form.
    pub subject: Option<String>,
    /// Holding data of this person.
    pub contact: Option<ContactId>,
    /// Done by this member.
    pub member: Option<MemberId>,
    /// Done at this moment or later.
    pub since: Option<DateTime<Utc>>,
    /// Done before this moment.
    pub until: Option<DateTime<Utc>>,
}

const NEWEST: Keyset = Keyset {
    order: "audit",
    key: None,
    id: "e.id",
    descending: true,
};

/// The entry of this id, if the workspace has it.
pub async fn find(ctx: &Ctx, actor: &Actor, id: AuditEntryId) -> Result<Option<Model>> {
    actor.require(Scope::Administer)?;
    let query = Query::new("SELECT e.* FROM audit_entry e WHERE e.workspace_id = $1 AND e.id = $2");
    let query = query.bind(actor.workspace).bind(id);
    Ok(query.one(ctx.reader()).await?)
}

/// A page of the workspace's audit log, newest first, each entry with its cursor.
pub async fn list(
    ctx: &Ctx,
    actor: &Actor,
    filter: &AuditFilter,
    page: &PageRequest,
) -> Result<Page<(String, Model)>> {
    actor.require(Scope::Administer)?;
    let mut query =
        Query::new("SELECT e.* FROM audit_entry e WHERE e.workspace_id = $1").bind(actor.workspace);
    if !filter.actions.is_empty() {
        let actions: Vec<String> = filter
            .actions
            .iter()
            .map(|action| query.arg(action.as_str()))
            .collect();
        query.push(&format!(" AND e.action IN ({})", actions.join(", ")));
    }
    if let Some(subject) = &filter.subject {
        let subject = query.arg(subject.as_str());
        query.push(&format!(" AND e.subject = {subject}"));
    }
    if let Some(contact) = filter.contact {
        let contact = query.arg(contact);
        let test = dialect::few(ctx.db.backend(), &format!("e.contact_id = {contact}"));
        query.push(&format!(" AND {test}"));
    }
    if let Some(member_id) = filter.member {
        // The stored form is ours, to the letter.
        let origin = crate::access::Origin::Member { member_id };
        let origin = query.arg(origin.json().to_string());
        query.push(&format!(" AND e.actor = {origin}"));
    }
    if let Some(since) = filter.since {
        written_from(&mut query, "e.id", "e.at", since);
    }
    if let Some(until) = filter.until {
        written_until(&mut query, "e.id", "e.at", until);
    }
    NEWEST
        .list_by_id(ctx, query, page, |row: &Model| row.id)
        .await
}
