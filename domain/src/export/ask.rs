//! Asking for a file, and opening it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{ExportId, WorkspaceId};
use sea_orm::FromQueryResult;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{Download, Wanted, What, choice};
use crate::{
    access::{Actor, Scope, token},
    attribute::definition,
    audit::Record,
    contact,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Tx},
    tag::tagging::Which,
};

/// How long a file can be opened after it was asked for.
pub const KEPT_FOR: TimeDelta = TimeDelta::minutes(10);

/// A file that can be downloaded.
#[derive(Debug)]
pub struct Asked {
    /// What opens it; shown once.
    pub ticket: SecretString,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

fn require(actor: &Actor, what: &What) -> Result<()> {
    actor.require(match what {
        What::AuditLog => Scope::Administer,
        What::Records(records) => records.scope(),
        What::Person(_) => Scope::Write,
        _ => Scope::Read,
    })
}

/// Asks for a file.
pub async fn ask(ctx: &Ctx, actor: &Actor, wanted: Wanted) -> Result<Asked> {
    require(actor, &wanted.what)?;
    if let What::Person(id) = &wanted.what
        && contact::find(ctx, actor.workspace, *id).await?.is_none()
    {
        return Err(Error::not_found(&["id"], "contact"));
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    refuse_unknown(ctx, &tx, &wanted.what).await?;
    choice::refuse_unknown(ctx, tx.workspace, &wanted.what, &wanted.columns).await?;
    let mut random = [0; 32];
    ctx.ids.fill(&mut random);
    let ticket = URL_SAFE_NO_PAD.encode(random);
    let id: ExportId = tx.id();
    let expires_at = tx.now + KEPT_FOR;
    Query::new(
        "INSERT INTO export (workspace_id, id, ticket, request, token_id, member_id, created_at,
                             expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(token::hash(&ticket).to_vec())
    .bind(serde_json::to_value(&wanted)?)
    .bind(actor.token)
    .bind(actor.member)
    .bind(tx.now)
    .bind(expires_at)
    .execute(tx.connection())
    .await?;
    let said = serde_json::json!({ "what": wanted.what.name(), "format": wanted.format });
    let record = Record::made("export.ask", id, said);
    tx.audit(
        actor,
        match wanted.what {
            What::Person(contact) => record.of(contact),
            _ => record,
        },
    );
    tx.commit().await?;
    Ok(Asked {
        ticket: ticket.into(),
        expires_at,
    })
}

/// Refuses a filter or an order that names what is not there: where a list would only be empty, a
/// request for a file says so.
async fn refuse_unknown(ctx: &Ctx, tx: &Tx<'_>, what: &What) -> Result<()> {
    let (which, attribute) = match what {
        What::Contacts(filter, order) => (Which::Contact(filter.clone()), order.attribute),
        What::Accounts(filter, order) => (Which::Account(filter.clone()), order.attribute),
        What::Conversations(filter, order) => {
            (Which::Conversation(filter.clone()), order.attribute)
        }
        What::Records(records) => return records.refuse_unknown(ctx, tx.workspace).await,
        _ => return Ok(()),
    };
    which.check_text(&["filter"])?;
    which.check(tx, &["filter"]).await?;
    match attribute {
        Some(order) => definition::check(ctx, tx.workspace, order.attribute).await,
        None => Ok(()),
    }
}

#[derive(FromQueryResult)]
struct Row {
    workspace_id: WorkspaceId,
    request: Value,
    hash: Vec<u8>,
}

/// Opens what `ticket` was given for, if the token that asked still may. The actor is told too, who
/// pays for it.
pub async fn open(ctx: &Ctx, ticket: &SecretString) -> Result<(Actor, Download)> {
    let closed = || {
        let message = "There is no such download, or its time is over. Ask for it again.";
        Error::refused(&["ticket"], UserErrorCode::NotFound, message)
    };
    let row: Option<Row> = Query::new(
        "SELECT e.workspace_id, e.request, t.hash FROM export e
         JOIN access_token t ON t.workspace_id = e.workspace_id AND t.id = e.token_id
         WHERE e.ticket = $1 AND e.expires_at > $2",
    )
    .bind(token::hash(ticket.expose_secret()).to_vec())
    .bind(ctx.clock.now())
    .one(ctx.reader())
    .await?;
    let row = row.ok_or_else(closed)?;
    let hash = row.hash.try_into().map_err(|_| closed())?;
    let actor = token::authenticate_hash(ctx, hash).await?;
    let actor = actor.filter(|actor| actor.workspace == row.workspace_id);
    let actor = actor.ok_or_else(closed)?;
    let wanted: Wanted = serde_json::from_value(row.request)?;
    require(&actor, &wanted.what)?;
    Ok((actor.clone(), Download::new(actor, wanted)))
}
