//! Tagging and untagging on a member's behalf: checked before anything is written.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    id::TagId,
    kind::{TagKind, TagTarget},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::{Reason, Request, add, remove};
use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Rows, Tx, dialect},
    text,
};

/// Puts tags on things on a member's behalf, after checking that all of them exist here and fit.
pub async fn tag_many(
    ctx: &Ctx,
    actor: &Actor,
    requests: &[Request],
    reason: &str,
) -> Result<usize> {
    change(ctx, actor, requests, reason, true).await
}

/// Takes tags off things on a member's behalf.
pub async fn untag_many(
    ctx: &Ctx,
    actor: &Actor,
    requests: &[Request],
    reason: &str,
) -> Result<usize> {
    change(ctx, actor, requests, reason, false).await
}

async fn change(
    ctx: &Ctx,
    actor: &Actor,
    requests: &[Request],
    reason: &str,
    adding: bool,
) -> Result<usize> {
    actor.require(Scope::Write)?;
    let text = text::short_text(reason, &["reason"], 255).map_err(|e| Error::Refused(vec![e]))?;
    let mut tx = ctx.begin(actor.workspace).await?;
    check(&tx, requests, adding).await?;
    let reason = Reason {
        origin: actor.origin(),
        text,
        cause: None,
    };
    let count = if adding {
        add(ctx, &mut tx, &reason, requests).await?
    } else {
        remove(ctx, &mut tx, &reason, requests).await?
    };
    tx.commit().await?;
    Ok(count)
}

#[derive(FromQueryResult)]
struct TagFacts {
    id: TagId,
    kind: TagKind,
    archived_at: Option<DateTime<Utc>>,
}

/// Refuses tags and things that are not there, and tags of the wrong kind.
async fn check(tx: &Tx<'_>, requests: &[Request], adding: bool) -> Result<()> {
    // Nobody moves, merges or deletes them from here on.
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    let tags: Vec<TagFacts> = Query::new(format!(
        "SELECT t.id, t.kind, t.archived_at FROM {{r}}
         JOIN tag t ON t.workspace_id = $1 AND t.id = r.id AND t.deleted_at IS NULL
         ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .rows(
        "r",
        Rows::new().ids("id", requests.iter().map(|request| request.tag)),
    )
    .all(tx.connection())
    .await?;
    let tags: HashMap<TagId, TagFacts> = tags.into_iter().map(|tag| (tag.id, tag)).collect();
    let mut errors: Vec<UserError> = Vec::new();
    let mut refuse = |path: &[&str], code, message: &str| {
        let error = UserError::new(path, code, message);
        if !errors.contains(&error) {
            errors.push(error);
        }
    };
    for request in requests {
        let needed = match request.target {
            TagTarget::Conversation => TagKind::Conversation,
            TagTarget::Contact | TagTarget::Account => TagKind::Contact,
        };
        match tags.get(&request.tag) {
            None => refuse(
                &["tagIds"],
                UserErrorCode::NotFound,
                "There is no such tag.",
            ),
            Some(tag) if tag.kind != needed => refuse(
                &["tagIds"],
                UserErrorCode::KindMismatch,
                "Contacts and accounts take contact tags, conversations take conversation tags.",
            ),
            Some(tag) if adding && tag.archived_at.is_some() => {
                refuse(
                    &["tagIds"],
                    UserErrorCode::Invalid,
                    "This tag is archived. Restore it first.",
                );
            }
            Some(_) => {}
        }
    }
    for (target, table, field, what) in [
        (
            TagTarget::Contact,
            "contact",
            "contactIds",
            "There is no such contact.",
        ),
        (
            TagTarget::Account,
            "account",
            "accountIds",
            "There is no such account.",
        ),
        (
            TagTarget::Conversation,
            "conversation",
            "conversationIds",
            "There is no such conversation.",
        ),
    ] {
        let wanted: HashSet<Uuid> = requests
            .iter()
            .filter(|r| r.target == target)
            .map(|r| r.target_id)
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let found: Vec<Uuid> = Query::new(format!(
            "SELECT x.id FROM {{r}} JOIN {table} x ON x.workspace_id = $1 AND x.id = r.id"
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", wanted.iter().copied()))
        .column(tx.connection())
        .await?;
        if found.len() < wanted.len() {
            refuse(&[field], UserErrorCode::NotFound, what);
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(errors))
    }
}
