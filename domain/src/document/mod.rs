//! Documents: requests of the API that were registered beforehand, so that clients name them
//! instead of sending them. A document is known by the SHA-256 of its text and never changes; what
//! it may do is decided when it is run, not here.

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    document,
    id::{DocumentId, WorkspaceId},
};
use sea_orm::FromQueryResult;
use sha2::{Digest as _, Sha256};

use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    page::{Keyset, Page, PageRequest},
    store::{Query, Rows, Tx, rows_by_id},
    work::change::{Change, Fact},
};

/// Documents that can be registered in one call.
pub const MAX_AT_ONCE: usize = 100;
/// Documents a workspace may have.
pub const MAX_KEPT: i64 = 10_000;
/// Bytes a text may have: as many as one that is sent.
pub const MAX_BYTES: usize = 64 * 1024;

const NEWEST: Keyset = Keyset {
    order: "document",
    key: None,
    id: "d.id",
    descending: true,
};

/// Registers `texts` and returns their documents, in their order. What is registered already stays
/// as it is.
pub async fn register(ctx: &Ctx, actor: &Actor, texts: &[String]) -> Result<Vec<document::Model>> {
    actor.require(Scope::Configure)?;
    refuse_too_much(texts)?;
    let hashes: Vec<String> = texts.iter().map(|text| hash(text)).collect();
    let by_hash: BTreeMap<&str, &str> = hashes
        .iter()
        .map(String::as_str)
        .zip(texts.iter().map(String::as_str))
        .collect();
    let mut tx = ctx.begin(actor.workspace).await?;
    let added = insert(&tx, actor, &by_hash).await?;
    if !added.is_empty() && count(&tx).await? > MAX_KEPT {
        tx.rollback().await?;
        let message = format!("A workspace has at most {MAX_KEPT} documents. Remove some first.");
        return Err(Error::refused(
            &["documents"],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    let new: BTreeSet<DocumentId> = added.iter().copied().collect();
    for document_id in added {
        let fact = Fact::DocumentRegistered { document_id };
        tx.record(Change::new(actor.origin(), None, fact));
    }
    let rows = Rows::new().texts("hash", by_hash.into_keys());
    let kept: Vec<document::Model> = Query::new(
        "SELECT d.* FROM {r} JOIN document d ON d.workspace_id = $1 AND d.hash = r.hash",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    for one in kept.iter().filter(|one| new.contains(&one.id)) {
        let said = serde_json::json!({ "hash": one.hash });
        tx.audit(actor, Record::made("document.register", one.id, said));
    }
    tx.commit().await?;
    let of = |hash: &String| kept.iter().find(|one| one.hash == *hash).cloned();
    Ok(hashes.iter().filter_map(of).collect())
}

fn refuse_too_much(texts: &[String]) -> Result<()> {
    if texts.len() > MAX_AT_ONCE {
        let message = format!("Register at most {MAX_AT_ONCE} documents at once.");
        return Err(Error::refused(
            &["documents"],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    let Some(place) = texts.iter().position(|text| text.len() > MAX_BYTES) else {
        return Ok(());
    };
    let message = format!("A document has at most {MAX_BYTES} bytes.");
    let path = ["documents", &place.to_string()];
    Err(Error::refused(&path, UserErrorCode::TooLong, message))
}

#[derive(FromQueryResult)]
struct Added {
    id: DocumentId,
}

/// Writes the texts that are not there yet.
async fn insert(
    tx: &Tx<'_>,
    actor: &Actor,
    by_hash: &BTreeMap<&str, &str>,
) -> Result<Vec<DocumentId>> {
    let rows = Rows::new()
        .ids("id", by_hash.keys().map(|_| tx.id::<DocumentId>()))
        .texts("hash", by_hash.keys().copied())
        .texts("text", by_hash.values().copied())
        .json("created_by", by_hash.keys().map(|_| actor.origin().json()));
    let added: Vec<Added> = Query::new(
        "INSERT INTO document (workspace_id, id, hash, text, created_by, created_at)
         SELECT $1, r.id, r.hash, r.text, r.created_by, $2 FROM {r} WHERE true
         ORDER BY r.hash ON CONFLICT (workspace_id, hash) DO NOTHING RETURNING id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    Ok(added.into_iter().map(|row| row.id).collect())
}

async fn count(tx: &Tx<'_>) -> Result<i64> {
    let kept: Option<i64> = Query::new("SELECT COUNT(*) FROM document WHERE workspace_id = $1")
        .bind(tx.workspace)
        .scalar(tx.connection())
        .await?;
    Ok(kept.unwrap_or_default())
}

/// Removes a document. Processes that have it in memory know it for a few seconds more.
pub async fn remove(ctx: &Ctx, actor: &Actor, id: DocumentId) -> Result<document::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let removed: Option<document::Model> =
        Query::new("DELETE FROM document WHERE workspace_id = $1 AND id = $2 RETURNING *")
            .bind(tx.workspace)
            .bind(id)
            .one(tx.connection())
            .await?;
    let Some(removed) = removed else {
        return Err(Error::not_found(&["id"], "document"));
    };
    let said = serde_json::json!({ "hash": removed.hash });
    tx.audit(actor, Record::ended("document.remove", id, said));
    let fact = Fact::DocumentRemoved { document_id: id };
    tx.record(Change::new(actor.origin(), None, fact));
    tx.commit().await?;
    Ok(removed)
}

/// A page of the workspace's documents, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    page: &PageRequest,
) -> Result<Page<(String, document::Model)>> {
    let query = Query::new("SELECT d.* FROM document d WHERE d.workspace_id = $1").bind(workspace);
    NEWEST
        .list_by_id(ctx, query, page, |row: &document::Model| row.id)
        .await
}

/// The documents among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[DocumentId],
) -> Result<Vec<document::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// The text registered under `hash`, 64 hexadecimal digits in lower case.
pub async fn find(ctx: &Ctx, workspace: WorkspaceId, hash: &str) -> Result<Option<String>> {
    Ok(
        Query::new("SELECT text FROM document WHERE workspace_id = $1 AND hash = $2")
            .bind(workspace)
            .bind(hash)
            .scalar(ctx.reader())
            .await?,
    )
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
