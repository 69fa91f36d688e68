//! Notes: what members write down about a contact, an account or a conversation, for themselves.
//!
//! Never shown to the contact. A deleted note keeps its row, without its text.

use chrono::{DateTime, Utc};
use entity::{
    id::{NoteId, WorkspaceId},
    note,
};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, Set};
use serde::{Deserialize, Serialize};

use crate::{
    access::{Actor, Scope},
    audit::Record,
    contact::one_of,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    page::{Keyset, Page, PageRequest, within, written_from},
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
    tx.audit(actor, record.of(contact));
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
    tx.audit(actor, record.of(contact));
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
    tx.audit(actor, record.of(contact));
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

const NEWEST: Keyset = Keyset {
    order: "note",
    key: None,
    id: "n.id",
    descending: true,
};

/// A page of the notes about a thing, newest first.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    subject: Subject,
    page: &PageRequest,
) -> Result<Page<(String, note::Model)>> {
    let filter = NoteFilter {
        subject: Some(subject),
        ..NoteFilter::default()
    };
    list_all(ctx, workspace, &filter, page).await
}

/// Which notes a list has; every part given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NoteFilter {
    /// About this thing.
    pub subject: Option<Subject>,
    /// Written at this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Written before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Written, changed or deleted at this moment or later; without it, what was deleted is in no list.
    pub changed_from: Option<DateTime<Utc>>,
}

/// A page of the workspace's notes, newest first, each with its cursor.
pub async fn list_all(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &NoteFilter,
    page: &PageRequest,
) -> Result<Page<(String, note::Model)>> {
    let mut query = Query::new("SELECT n.* FROM note n WHERE n.workspace_id = $1").bind(workspace);
    let subject = filter.subject.map(|subject| subject.id);
    one_of(&mut query, "n.subject_id", subject.into_iter());
    if let Some(from) = filter.from {
        written_from(&mut query, "n.id", "n.created_at", from);
    }
    within(&mut query, "n.created_at", None, filter.until);
    match filter.changed_from {
        None => query.push(" AND n.deleted_at IS NULL"),
        Some(at) => {
            let at = query.arg(at);
            query.push(&format!(
                " AND (n.updated_at >= {at} OR n.deleted_at >= {at})"
            ));
        }
    }
    NEWEST
        .list_by_id(ctx, query, page, |row: &note::Model| row.id)
        .await
}
