//! The audit log over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    audit::{self, AuditFilter},
    page::PageRequest,
};
use entity::audit_entry::Model;

use super::{
    access::{AccessToken, ChangeOrigin},
    context::{administrator, loaded},
    error::fault,
    few::few,
    id,
    page::{Connection, connection},
    scalar::Json,
};
use crate::boxed;

/// Who changed what of the configuration or of a person's data. Secrets are never part of it.
#[derive(Debug, Clone)]
pub struct AuditEntry(pub(crate) Model);

/// The stored text as a value. It was written as JSON and is covered by the chain; if it is damaged all
/// the same, it is shown as it stands, because that is what whoever looks for the damage wants to see.
fn json(text: Option<&str>) -> Option<Json> {
    text.map(|text| {
        let value = serde_json::from_str(text);
        Json(value.unwrap_or_else(|_| serde_json::Value::String(text.to_owned())))
    })
}

/// Who changed what of the configuration or of a person's data. Secrets are never part of it.
#[Object]
impl AuditEntry {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// When it was done.
    fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// Who did it.
    fn origin(&self) -> Result<ChangeOrigin> {
        let stored = serde_json::from_str(&self.0.actor)
            .map_err(|error| fault(domain::error::Error::Decode(error)))?;
        ChangeOrigin::read(&stored)
    }

    /// The global id of the access token it was done through; nothing for commands at the server and for what
    /// Enishi did by itself.
    fn access_token_id(&self) -> Option<ID> {
        self.0.token_id.map(Into::into)
    }

    /// The access token itself.
    #[boxed]
    async fn access_token(&self, context: &Context<'_>) -> Result<Option<AccessToken>> {
        loaded(context, self.0.token_id, AccessToken).await
    }

    /// The request it was done in, if that is known.
    fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// What was done, such as `tag.update`.
    fn action(&self) -> &str {
        &self.0.action
    }

    /// The global id of what it was done to.
    fn subject_id(&self) -> ID {
        ID::from(&self.0.subject)
    }

    /// The person whose data the entry holds, if it holds one's.
    fn contact_id(&self) -> Option<ID> {
        self.0.contact_id.map(Into::into)
    }

    /// What differed before; nothing for what was made, and when it was erased.
    fn before(&self) -> Option<Json> {
        json(self.0.before.as_deref())
    }

    /// What differed afterwards; nothing for what came to its end, and when it was erased.
    fn after(&self) -> Option<Json> {
        json(self.0.after.as_deref())
    }

    /// When what it said of a person was erased.
    fn erased_at(&self) -> Option<DateTime<Utc>> {
        self.0.erased_at
    }

    /// Its place in the chain, from 1; nothing in the moment before it is sealed.
    fn number(&self) -> Option<i64> {
        self.0.number
    }

    /// The SHA-256 over the entry and the hash of the one before, in hexadecimal digits; with
    /// `number` before it and a colon between, a head to keep elsewhere.
    fn hash(&self) -> Option<String> {
        self.0.hash.as_deref().map(audit::digits)
    }
}

/// Which entries a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct AuditLogFilterInput {
    /// Of one of these actions, such as `rule.update`.
    actions: Option<Vec<String>>,
    /// Done to the thing with this global id.
    subject_id: Option<ID>,
    /// Holding data of this contact.
    contact_id: Option<ID>,
    /// Done by this member.
    member_id: Option<ID>,
    /// Done at this moment or later.
    since: Option<DateTime<Utc>>,
    /// Done before this moment.
    until: Option<DateTime<Utc>>,
}

impl AuditLogFilterInput {
    pub(crate) fn read(self) -> domain::error::Result<AuditFilter> {
        Ok(AuditFilter {
            actions: few(self.actions, &["filter", "actions"])?,
            subject: self.subject_id.map(|id| id.to_string()),
            contact: id::parse_opt(self.contact_id.as_ref(), &["filter", "contactId"])?,
            member: id::parse_opt(self.member_id.as_ref(), &["filter", "memberId"])?,
            since: self.since,
            until: self.until,
        })
    }
}

#[derive(Default)]
pub(crate) struct AuditQuery;

#[Object]
impl AuditQuery {
    /// Every change of the configuration and of people's data, newest first: who, what, before,
    /// after. Entries are chained by hashes; `enishi audit verify` checks the chain. Scope:
    /// ADMINISTER; to others `null` and an error.
    #[boxed]
    async fn audit_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which entries.")] filter: Option<AuditLogFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Option<Result<Connection<String, AuditEntry>>> {
        let page = PageRequest::relay(first, after, last, before);
        Some(entries(context, filter.unwrap_or_default(), page).await)
    }
}

async fn entries(
    context: &Context<'_>,
    filter: AuditLogFilterInput,
    page: domain::error::Result<PageRequest>,
) -> Result<Connection<String, AuditEntry>> {
    let (ctx, actor) = administrator(context)?;
    let page = page.map_err(fault)?;
    let filter = filter.read().map_err(fault)?;
    let found = audit::list(ctx, actor, &filter, &page)
        .await
        .map_err(fault)?;
    Ok(connection(found, AuditEntry))
}
