//! Making a segment like another. What is kept by hand gets its members from the other one, by the operation
//! that fills segments.

use std::collections::HashSet;

use entity::{
    id::{SegmentId, WorkspaceId},
    kind::SegmentSubject,
    operation,
};

use super::{
    NAME_LIMIT, fill,
    read::{Filter, Segment, find},
    write::{NewSegment, finish, make},
};
use crate::{
    access::{Actor, Scope},
    account::AccountFilter,
    contact::ContactFilter,
    ctx::Ctx,
    duplicate,
    error::{Error, Result},
    locale::Locale,
    store::Query,
};

/// A segment made like another.
#[derive(Debug, Clone)]
pub struct Duplicate {
    /// The new one.
    pub segment: Segment,
    /// The operation that puts in the members of the other one, where those are kept by hand and there are
    /// any.
    pub filling: Option<operation::Model>,
}

/// Makes a segment like another. A live one is evaluated in the background like any other. Without a name it
/// is called after the other one, in the language of `locale`.
pub async fn duplicate(
    ctx: &Ctx,
    actor: &Actor,
    id: SegmentId,
    name: Option<String>,
    locale: Locale,
) -> Result<Duplicate> {
    actor.require(Scope::Configure)?;
    let like = find(ctx, actor.workspace, id).await?;
    let like = like.ok_or_else(|| Error::not_found(&["id"], "segment"))?;
    let taken = taken(ctx, actor.workspace);
    let name = duplicate::chosen(name, &like.name, locale, NAME_LIMIT, taken).await?;
    let made = copy(ctx, actor, like, name).await;
    made.map_err(duplicate::refused)
}

async fn copy(ctx: &Ctx, actor: &Actor, like: Segment, name: String) -> Result<Duplicate> {
    let fills = like.condition.is_none() && like.member_count > 0;
    let found = members(like.id, like.subject);
    let new = NewSegment {
        name,
        description: like.description,
        subject: like.subject,
        condition: like.condition,
    };
    let mut tx = ctx.begin(actor.workspace).await?;
    let id = make(ctx, &mut tx, actor, new).await?;
    let filling = if fills {
        Some(fill::begin(ctx, &mut tx, actor.origin(), id, found).await?)
    } else {
        None
    };
    let segment = finish(tx, id).await?;
    Ok(Duplicate { segment, filling })
}

/// Everybody in a segment.
fn members(id: SegmentId, subject: SegmentSubject) -> fill::Found {
    let segments = Filter {
        all: vec![id],
        ..Filter::default()
    };
    match subject {
        SegmentSubject::Contact => fill::Found::Contacts(ContactFilter {
            segments,
            ..ContactFilter::default()
        }),
        SegmentSubject::Account => fill::Found::Accounts(AccountFilter {
            segments,
            ..AccountFilter::default()
        }),
    }
}

/// The names that no copy may have.
async fn taken(ctx: &Ctx, workspace: WorkspaceId) -> Result<HashSet<String>> {
    let names: Vec<String> =
        Query::new("SELECT name_key FROM segment WHERE workspace_id = $1 AND deleted_at IS NULL")
            .bind(workspace)
            .column(ctx.reader())
            .await?;
    Ok(names.into_iter().collect())
}
