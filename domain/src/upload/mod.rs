//! Files sent to be imported, kept in the database in pieces until they expire, so that any worker can
//! go on with an import.
//!
//! A file arrives in order: each piece says where it begins, and is stored in a transaction of its own,
//! so that a sender who lost the connection asks how much arrived and goes on from there. Called by
//! `api` for `POST /v1/uploads` and by `enishi import csv`. It never looks at what is in a file.

mod prune;

use chrono::TimeDelta;
use entity::{
    id::{UploadId, WorkspaceId},
    upload::{self, Model},
};
use sea_orm::{ConnectionTrait, EntityTrait as _, FromQueryResult, IntoActiveModel as _};

use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx, dialect},
    text,
};

pub use prune::UploadPrune;

/// Bytes one stored piece has at most.
pub const CHUNK: usize = 256 * 1024;
/// Files a workspace may keep at once.
pub const MAX_UPLOADS: i64 = 1_000;

/// How large a file may be and how long it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes one file may have.
    pub max_bytes: i64,
    /// How long a file is kept after its sending began.
    pub keep: TimeDelta,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 512 * 1024 * 1024,
            keep: TimeDelta::hours(48),
        }
    }
}

/// Begins to take in a file.
pub async fn create(ctx: &Ctx, actor: &Actor, limits: Limits, name: &str) -> Result<Model> {
    actor.require(Scope::Write)?;
    let name = text::short_text(name, &["name"], 255).map_err(|e| Error::Refused(vec![e]))?;
    let tx = ctx.begin(actor.workspace).await?;
    let kept: Option<i64> = Query::new("SELECT COUNT(*) FROM upload WHERE workspace_id = $1")
        .bind(tx.workspace)
        .scalar(tx.connection())
        .await?;
    if kept.unwrap_or_default() >= MAX_UPLOADS {
        let message = format!("{MAX_UPLOADS} uploads are kept already. Delete one first.");
        return Err(Error::refused(&[], UserErrorCode::LimitReached, message));
    }
    let row = Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        name,
        size: 0,
        completed_at: None,
        created_by: actor.origin().json(),
        created_at: tx.now,
        expires_at: tx.now + limits.keep,
    };
    upload::Entity::insert(row.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    tx.commit().await?;
    Ok(row)
}

/// What became of a piece.
#[derive(Debug, Clone, PartialEq)]
pub enum Appended {
    /// It is stored; the upload as it is now.
    Stored(Model),
    /// It does not begin where the file ends so far, or the file is complete; the upload as it is.
    Misplaced(Model),
}

/// Stores the next piece of a file, at most [`CHUNK`] bytes, which begins at `offset`.
pub async fn append(
    ctx: &Ctx,
    actor: &Actor,
    limits: Limits,
    id: UploadId,
    offset: i64,
    bytes: Vec<u8>,
) -> Result<Appended> {
    actor.require(Scope::Write)?;
    let length = bytes.len() as i64;
    if offset + length > limits.max_bytes {
        let message = format!("A file may have at most {} bytes.", limits.max_bytes);
        return Err(Error::refused(&[], UserErrorCode::TooLong, message));
    }
    if bytes.is_empty() {
        let found = find(ctx, actor.workspace, id).await?;
        let row = found.ok_or_else(|| Error::not_found(&["id"], "upload"))?;
        return Ok(if row.size == offset && row.completed_at.is_none() {
            Appended::Stored(row)
        } else {
            Appended::Misplaced(row)
        });
    }
    let tx = ctx.begin(actor.workspace).await?;
    let grown: Option<Model> = Query::new(
        "UPDATE upload SET size = size + $4
         WHERE workspace_id = $1 AND id = $2 AND size = $3 AND completed_at IS NULL
           AND expires_at > $5 RETURNING *",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(offset)
    .bind(length)
    .bind(tx.now)
    .one(tx.connection())
    .await?;
    let Some(grown) = grown else {
        tx.rollback().await?;
        let found = find(ctx, actor.workspace, id).await?;
        return found
            .map(Appended::Misplaced)
            .ok_or_else(|| Error::not_found(&["id"], "upload"));
    };
    Query::new(
        "INSERT INTO upload_chunk (workspace_id, upload_id, start, bytes) VALUES ($1, $2, $3, $4)",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(offset)
    .bind(bytes)
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(Appended::Stored(grown))
}

/// Says that the file is complete.
pub async fn complete(ctx: &Ctx, actor: &Actor, id: UploadId) -> Result<Model> {
    actor.require(Scope::Write)?;
    let tx = ctx.begin(actor.workspace).await?;
    let row: Option<Model> = Query::new(
        "UPDATE upload SET completed_at = COALESCE(completed_at, $3)
         WHERE workspace_id = $1 AND id = $2 AND expires_at > $3 RETURNING *",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .one(tx.connection())
    .await?;
    let row = row.ok_or_else(|| Error::not_found(&["id"], "upload"))?;
    tx.commit().await?;
    Ok(row)
}

/// The upload, if it is one of the workspace and has not expired.
pub async fn find(ctx: &Ctx, workspace: WorkspaceId, id: UploadId) -> Result<Option<Model>> {
    let now = ctx.clock.now();
    Ok(upload::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?
        .filter(|row| row.expires_at > now))
}

/// Deletes a file that no import is reading.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: UploadId) -> Result<()> {
    actor.require(Scope::Write)?;
    let tx = ctx.begin(actor.workspace).await?;
    if upload::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .is_none()
    {
        return Err(Error::not_found(&["id"], "upload"));
    }
    if being_read(&tx).await?.contains(&id.to_string()) {
        let message = "An import is reading this file. Wait for it, or cancel it.";
        return Err(Error::refused(&["id"], UserErrorCode::InUse, message));
    }
    drop_all(&tx, &[id]).await?;
    tx.commit().await
}

/// The files that unfinished imports are of, by their global ids.
async fn being_read(tx: &Tx<'_>) -> Result<Vec<String>> {
    let kinds = crate::import::KIND_WORDS;
    let requests: Vec<serde_json::Value> = Query::new(format!(
        "SELECT request FROM operation
         WHERE workspace_id = $1 AND finished_at IS NULL AND kind IN ({kinds})"
    ))
    .bind(tx.workspace)
    .column(tx.connection())
    .await?;
    let files = requests.iter().filter_map(|one| one["upload"].as_str());
    Ok(files.map(str::to_owned).collect())
}

async fn drop_all(tx: &Tx<'_>, ids: &[UploadId]) -> Result<()> {
    for statement in [
        "DELETE FROM upload_chunk WHERE workspace_id = $1
           AND upload_id IN (SELECT r.id FROM {r})",
        "DELETE FROM upload WHERE workspace_id = $1 AND id IN (SELECT r.id FROM {r})",
    ] {
        Query::new(statement)
            .bind(tx.workspace)
            .rows("r", Rows::new().ids("id", ids.iter().copied()))
            .execute(tx.connection())
            .await?;
    }
    Ok(())
}

/// Waits for the steps of imports that read a file, and keeps others from reading one until the end of `tx`.
/// Before any person is held: imports hold their file first, too.
pub(crate) async fn hold_all(tx: &Tx<'_>) -> Result<()> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    if lock.is_empty() {
        return Ok(());
    }
    Query::new(format!(
        "SELECT id FROM upload WHERE workspace_id = $1 ORDER BY id {lock}"
    ))
    .bind(tx.workspace)
    .raw(tx.connection())
    .await?;
    Ok(())
}

/// Deletes every file that is whole and that no import is reading. The time of the others is over: the
/// schedule deletes them within the hour. For when a person must be in none of them.
pub(crate) async fn forget_all(tx: &Tx<'_>) -> Result<()> {
    let read = being_read(tx).await?;
    let whole: Vec<UploadId> = Query::new(
        "SELECT id FROM upload WHERE workspace_id = $1 AND completed_at IS NOT NULL ORDER BY id",
    )
    .bind(tx.workspace)
    .column(tx.connection())
    .await?;
    let idle: Vec<UploadId> = whole
        .into_iter()
        .filter(|id| !read.contains(&id.to_string()))
        .collect();
    drop_all(tx, &idle).await?;
    Query::new("UPDATE upload SET expires_at = $2 WHERE workspace_id = $1 AND expires_at > $2")
        .bind(tx.workspace)
        .bind(tx.now)
        .execute(tx.connection())
        .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Piece {
    start: i64,
    bytes: Vec<u8>,
}

/// Up to about `length` bytes of a file from `offset` on, in one statement.
pub(crate) async fn read(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    id: UploadId,
    offset: i64,
    length: usize,
) -> Result<Vec<u8>> {
    let pieces: Vec<Piece> = Query::new(
        "SELECT p.start, p.bytes FROM upload_chunk p
         WHERE p.workspace_id = $1 AND p.upload_id = $2 AND p.start > $3 AND p.start < $4
         ORDER BY p.start",
    )
    .bind(workspace)
    .bind(id)
    // No piece is longer, so the one with the first byte begins after this.
    .bind(offset - CHUNK as i64)
    .bind(offset + length as i64)
    .all(connection)
    .await?;
    let mut bytes = Vec::with_capacity(length + CHUNK);
    for piece in pieces {
        let known = usize::try_from(offset - piece.start).unwrap_or_default();
        bytes.extend_from_slice(piece.bytes.get(known..).unwrap_or_default());
    }
    Ok(bytes)
}
