//! Which member wrote a message, as its sender says.

use std::collections::HashMap;

use entity::{
    id::{MemberId, WorkspaceId},
    kind::{Author, Direction},
};
use sea_orm::FromQueryResult;

use super::NewMessage;
use crate::{
    ctx::Ctx,
    error::{Result, UserError, UserErrorCode},
    mail::EmailAddress,
    store::Query,
    upsert::MemberRef,
};

/// A message, and the member who wrote it, if that is known.
#[derive(Debug, Clone)]
pub struct Written {
    /// The message.
    pub message: NewMessage,
    /// The member.
    pub member: Option<MemberRef>,
}

impl From<NewMessage> for Written {
    fn from(message: NewMessage) -> Self {
        Self {
            message,
            member: None,
        }
    }
}

#[derive(FromQueryResult)]
struct Known {
    id: MemberId,
    email: String,
}

/// The members of a workspace, also those who are removed: what they wrote they have written.
struct Members {
    by_email: HashMap<String, MemberId>,
    ids: Vec<MemberId>,
}

impl Members {
    async fn load(ctx: &Ctx, workspace: WorkspaceId) -> Result<Self> {
        // Who is removed may have left the address to somebody else, who comes last.
        let known: Vec<Known> = Query::new(
            "SELECT m.id, m.email FROM member m WHERE m.workspace_id = $1
             ORDER BY CASE WHEN m.removed_at IS NULL THEN 1 ELSE 0 END, m.id",
        )
        .bind(workspace)
        .all(ctx.reader())
        .await?;
        Ok(Self {
            ids: known.iter().map(|one| one.id).collect(),
            by_email: known.into_iter().map(|one| (one.email, one.id)).collect(),
        })
    }

    fn find(&self, named: &MemberRef, path: [&str; 3]) -> Result<MemberId, UserError> {
        let [list, index, member] = path;
        let missing = |field: &str| {
            let path = [list, index, member, field];
            UserError::new(&path, UserErrorCode::NotFound, "There is no such member.")
        };
        match named {
            MemberRef::Id(id) if self.ids.contains(id) => Ok(*id),
            MemberRef::Id(_) => Err(missing("id")),
            MemberRef::Email(raw) => {
                let email = EmailAddress::parse(raw).map_err(|error| {
                    let path = [list, index, member, "email"];
                    UserError::new(&path, UserErrorCode::Invalid, error.to_string())
                })?;
                let found = self.by_email.get(&email.to_string());
                found.copied().ok_or_else(|| missing("email"))
            }
        }
    }
}

/// Who wrote each of the messages; mistakes are noted with their place. One statement, and none where
/// nobody is named.
pub(super) async fn writers(
    ctx: &Ctx,
    workspace: WorkspaceId,
    written: &[Written],
    errors: &mut Vec<UserError>,
) -> Result<Vec<Option<MemberId>>> {
    if written.iter().all(|one| one.member.is_none()) {
        return Ok(vec![None; written.len()]);
    }
    let members = Members::load(ctx, workspace).await?;
    let mut writers = Vec::with_capacity(written.len());
    for (index, one) in written.iter().enumerate() {
        let index = index.to_string();
        let path = ["messages", index.as_str(), "member"];
        let Some(named) = &one.member else {
            writers.push(None);
            continue;
        };
        if !is_by_member(&one.message) {
            let text = "A member writes outbound messages whose author is MEMBER.";
            errors.push(UserError::new(&path, UserErrorCode::Contradictory, text));
        }
        match members.find(named, path) {
            Ok(member) => writers.push(Some(member)),
            Err(error) => {
                errors.push(error);
                writers.push(None);
            }
        }
    }
    Ok(writers)
}

fn is_by_member(message: &NewMessage) -> bool {
    message.direction == Direction::Outbound
        && message.author.is_none_or(|author| author == Author::Member)
}
