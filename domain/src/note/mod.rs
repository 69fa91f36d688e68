//! Notes: what members write down about a contact, an account or a conversation, for themselves.
//!
//! Never shown to the contact. A deleted note keeps its row, without its text.

use entity::{
    id::{ContactId, NoteId, WorkspaceId},
    note,
};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, Set};

use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    page::{Keyset, Page, PageRequest},
    store::{Query, Rows, Tx},
    subject::Subject,
    text,
    work::change::{Change, Fact},
};

/// Characters a note has at most.
pub const MAX_LENGTH: usize = 20_000;

/// Writes a note about `subject`; `field` is where its id stands in the input.
pub async fn add(
    ctx: &Ctx,
    actor: &Actor,
    subject: Subject,
    field: &[&str],
    body: &str,
) -> Result<note::Model> {
    actor.require(Scope::Write)?;
    let body = check_body(body)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let contact = subject.check(&tx, field).await?;
    let note = note::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        subject: subject.kind,
        subject_id: subject.id,
        author: actor.origin().json(),
        body,
        created_at: tx.now,
        updated_at: tx.now,
        deleted_at: None,
    };
    note::Entity::insert(note.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    let fact = Fact::NoteAdded {
        note_id: note.id,
        subject: note.subject,
        subject_id: note.subject_id,
    };
    tx.record(Change::new(actor.origin(), contact, fact));
    let record = Record::made("note.add", note.id, audited(&note));
    tx.audit(actor, about(record, contact));
    tx.commit().await?;
    Ok(note)
}

/// Rewrites a note.
pub async fn update(ctx: &Ctx, actor: &Actor, id: NoteId, body: &str) -> Result<note::Model> {
    actor.require(Scope::Write)?;
    let body = check_body(body)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let found = current(&tx, id).await?;
    let contact = Subject::new(found.subject, found.subject_id)
        .check(&tx, &["id"])
        .await?;
    let before = audited(&found);
    let mut active = found.into_active_model();
    active.body = Set(body);
    active.updated_at = Set(tx.now);
    let note = active.update(tx.connection()).await?;
    let fact = Fact::NoteChanged {
        note_id: note.id,
        subject: note.subject,
        subject_id: note.subject_id,
    };
    tx.record(Change::new(actor.origin(), contact, fact));
    let record = Record::changed("note.update", note.id, before, audited(&note));
    tx.audit(actor, about(record, contact));
    tx.commit().await?;
    Ok(note)
}

/// Deletes a note: its text is gone, that it was there is not.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: NoteId) -> Result<note::Model> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let found = current(&tx, id).await?;
    let contact = Subject::new(found.subject, found.subject_id)
        .check(&tx, &["id"])
        .await?;
    let before = audited(&found);
    let mut active = found.into_active_model();
    active.body = Set(String::new());
    active.updated_at = Set(tx.now);
    active.deleted_at = Set(Some(tx.now));
    let note = active.update(tx.connection()).await?;
    let fact = Fact::NoteDeleted {
        note_id: note.id,
        subject: note.subject,
        subject_id: note.subject_id,
    };
    tx.record(Change::new(actor.origin(), contact, fact));
    let record = Record::ended("note.delete", note.id, before);
    tx.audit(actor, about(record, contact));
    tx.commit().await?;
    Ok(note)
}

/// What the audit log says of a note: how long it was, and not what it said. What is sealed stays for
/// good, and deleting a note deletes its text.
fn audited(note: &note::Model) -> serde_json::Value {
    let subject = Subject::new(note.subject, note.subject_id);
    serde_json::json!({
        "on": subject.to_string(),
        "characters": note.body.chars().count(),
        // So that another text of the same length is told from no change.
        "updatedAt": note.updated_at,
    })
}

fn about(record: Record, contact: Option<ContactId>) -> Record {
    match contact {
        Some(contact) => record.of(contact),
        None => record,
    }
}

fn check_body(body: &str) -> Result<String> {
    let body = text::long_text(body, &["body"], MAX_LENGTH).map_err(|e| Error::Refused(vec![e]))?;
    if body.trim().is_empty() {
        let message = "Write something.";
        return Err(Error::refused(&["body"], UserErrorCode::Required, message));
    }
    Ok(body)
}

async fn current(tx: &Tx<'_>, id: NoteId) -> Result<note::Model> {
    note::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .filter(|note| note.deleted_at.is_none())
        .ok_or_else(|| Error::not_found(&["id"], "note"))
}

/// The notes among `ids` that are not deleted, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[NoteId]) -> Result<Vec<note::Model>> {
    Ok(Query::new(
        "SELECT n.* FROM {r} JOIN note n ON n.workspace_id = $1 AND n.id = r.id
           AND n.deleted_at IS NULL",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// A page of the notes about a thing, newest first.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    subject: Subject,
    page: &PageRequest,
) -> Result<Page<(String, note::Model)>> {
    let keyset = Keyset {
        order: "note",
        key: None,
        id: "n.id",
        descending: true,
    };
    let query = Query::new(
        "SELECT n.* FROM note n
         WHERE n.workspace_id = $1 AND n.subject_id = $2 AND n.deleted_at IS NULL",
    )
    .bind(workspace)
    .bind(subject.id);
    keyset
        .list_by_id(ctx, query, page, |row: &note::Model| row.id)
        .await
}
