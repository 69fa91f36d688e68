//! Deleting facts that should never have been told: tests, doubles, what a system sent by mistake.
//!
//! Named by the ids of their source, in bulk, as they were told. What was added up of them follows by the
//! change log, as it does when they change. Repeating a call changes nothing, and a fact that is told again
//! afterwards is new. What somebody did by it stays done: when they were last active, what rules took from it.

use entity::{
    id::{AccountId, ContactId, Id, InvoiceId, OpportunityId, OrderId, TicketId},
    kind::FactKind,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use serde_json::json;
use uuid::Uuid;

use super::MAX_ITEMS;
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx, dialect},
    text,
    work::change::{Change, Fact},
};

/// One fact after the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The source's id of it.
    pub external_id: String,
    /// Our id of it, as it was; none of a fact that is not there.
    pub id: Option<String>,
}

#[derive(FromQueryResult)]
struct Gone {
    id: Uuid,
    external_id: String,
    contact_id: Option<ContactId>,
    account_id: Option<AccountId>,
}

/// Where facts of a kind are, and what their ids begin with.
fn place(kind: FactKind) -> (&'static str, &'static str) {
    match kind {
        FactKind::Order => ("sales_order", OrderId::PREFIX),
        FactKind::Invoice => ("invoice", InvoiceId::PREFIX),
        FactKind::Ticket => ("ticket", TicketId::PREFIX),
        FactKind::Opportunity => ("opportunity", OpportunityId::PREFIX),
    }
}

/// What an id of a fact of this kind begins with.
pub(crate) fn prefix(kind: FactKind) -> &'static str {
    place(kind).1
}

fn id_text(kind: FactKind, id: Uuid) -> String {
    format!("{}_{}", prefix(kind), id.as_simple())
}

/// Deletes the facts of a kind that have these ids of their source, at most [`MAX_ITEMS`]. Answers for each
/// in the order given; a fact that is not there is no mistake.
pub async fn delete(
    ctx: &Ctx,
    actor: &Actor,
    kind: FactKind,
    external_ids: &[String],
) -> Result<Vec<Deleted>> {
    actor.require(Scope::Ingest)?;
    let asked = check(external_ids)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    tx.plan_for(asked.len());
    let gone = take_away(&tx, kind, &asked).await?;
    for one in &gone {
        let fact = Fact::FactDeleted {
            fact: kind,
            fact_id: one.id,
            account_id: one.account_id,
        };
        tx.record(Change::new(actor.origin(), one.contact_id, fact));
        let said = json!({ "fact": kind, "externalId": one.external_id });
        let record = Record::ended("fact.delete", id_text(kind, one.id), said);
        tx.audit(actor, record.of(one.contact_id));
    }
    tx.commit().await?;
    let found = |external_id: &str| gone.iter().find(|one| one.external_id == external_id);
    Ok(asked
        .into_iter()
        .map(|external_id| Deleted {
            id: found(&external_id).map(|one| id_text(kind, one.id)),
            external_id,
        })
        .collect())
}

/// The ids as they are stored.
fn check(external_ids: &[String]) -> Result<Vec<String>> {
    if external_ids.len() > MAX_ITEMS {
        let message = format!("Name at most {MAX_ITEMS} at once.");
        let path = ["externalIds"];
        return Err(Error::refused(&path, UserErrorCode::LimitReached, message));
    }
    let (mut asked, mut errors) = (Vec::with_capacity(external_ids.len()), Vec::new());
    for (index, external_id) in external_ids.iter().enumerate() {
        match text::id(external_id, &["externalIds", &index.to_string()]) {
            Ok(external_id) => asked.push(external_id),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(asked)
    } else {
        Err(Error::Refused(errors))
    }
}

/// Holds and deletes what is there. In the order of the external ids, as taking facts in does it, so that
/// two calls never wait for each other in a circle.
async fn take_away(tx: &Tx<'_>, kind: FactKind, asked: &[String]) -> Result<Vec<Gone>> {
    let (table, _) = place(kind);
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let of = if lock.is_empty() { "" } else { "OF t" };
    let mut ids: Vec<&str> = asked.iter().map(String::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    let gone: Vec<Gone> = Query::new(format!(
        "SELECT t.id, t.external_id, t.contact_id, t.account_id
         FROM {{r}} CROSS JOIN {table} AS t
         WHERE t.workspace_id = $1 AND t.external_id = r.external_id
         ORDER BY t.external_id {lock} {of}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().texts("external_id", ids))
    .all(tx.connection())
    .await?;
    if gone.is_empty() {
        return Ok(gone);
    }
    let parts = (kind == FactKind::Order).then_some(("order_line", "order_id"));
    for (table, column) in parts.into_iter().chain([(table, "id")]) {
        Query::new(format!(
            "DELETE FROM {table} WHERE workspace_id = $1 AND {column} IN (SELECT r.id FROM {{r}})"
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", gone.iter().map(|one| one.id)))
        .execute(tx.connection())
        .await?;
    }
    Ok(gone)
}
