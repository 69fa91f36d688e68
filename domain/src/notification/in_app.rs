//! The list of notifications each member has in Enishi.
//!
//! Entries come from deliveries to targets of kind `IN_APP`, and from Enishi itself when something needs
//! an owner (`tell_owners`). Each is its member's alone: nobody else sees or reads it.

use std::collections::BTreeSet;

use entity::{
    id::{ContactId, DeliveryId, InAppNotificationId, MemberId, WorkspaceId},
    in_app_notification as row,
    kind::Role,
};

use super::target::in_app::Entry;
use crate::{
    access::{Actor, Origin},
    ctx::Ctx,
    error::{Error, Result},
    page::{Keyset, Page, PageRequest},
    store::{Query, Rows, Tx},
    work::change::{Change, Fact},
};

/// Entries one call marks as read at most.
pub const READ_LIMIT: usize = 1_000;

/// Puts an entry on the lists of `members`.
pub(super) async fn add(
    tx: &mut Tx<'_>,
    members: &[MemberId],
    entry: &Entry,
    delivery: Option<DeliveryId>,
    contact: Option<ContactId>,
) -> Result<()> {
    if members.is_empty() {
        return Ok(());
    }
    let new: Vec<(InAppNotificationId, MemberId)> =
        members.iter().map(|&member| (tx.id(), member)).collect();
    Query::new(
        "INSERT INTO in_app_notification (workspace_id, id, member_id, delivery_id, contact_id,
                                          title, body, link, created_at)
         SELECT $1, r.id, r.member_id, $2, $3, $4, $5, $6, $7 FROM {r}",
    )
    .bind(tx.workspace)
    .bind(delivery)
    .bind(contact)
    .bind(entry.title.clone())
    .bind(entry.body.clone())
    .bind(entry.link.as_ref().map(|link| link.as_str().to_owned()))
    .bind(tx.now)
    .rows(
        "r",
        Rows::new()
            .ids("id", new.iter().map(|one| one.0))
            .ids("member_id", new.iter().map(|one| one.1)),
    )
    .execute(tx.connection())
    .await?;
    for (in_app_notification_id, member_id) in new {
        let fact = Fact::InAppNotified {
            in_app_notification_id,
            member_id,
        };
        tx.record(Change::new(Origin::System, contact, fact));
    }
    Ok(())
}

/// Tells the owners and admins of the workspace something that needs one of them.
pub(crate) async fn tell_owners(tx: &mut Tx<'_>, title: String, body: String) -> Result<()> {
    let members: Vec<MemberId> = Query::new(
        "SELECT m.id FROM member m WHERE m.workspace_id = $1 AND m.removed_at IS NULL
           AND m.role IN ($2, $3) ORDER BY m.id",
    )
    .bind(tx.workspace)
    .bind(Role::Owner.word())
    .bind(Role::Admin.word())
    .column(tx.connection())
    .await?;
    let entry = Entry {
        title,
        body,
        link: None,
    };
    add(tx, &members, &entry, None, None).await
}

const NEWEST: Keyset = Keyset {
    order: "in_app",
    key: None,
    id: "n.id",
    descending: true,
};

/// A page of the actor's own notifications, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    actor: &Actor,
    unread_only: bool,
    page: &PageRequest,
) -> Result<Page<(String, row::Model)>> {
    let unread = if unread_only {
        " AND n.read_at IS NULL"
    } else {
        ""
    };
    let query = Query::new(format!(
        "SELECT n.* FROM in_app_notification n WHERE n.workspace_id = $1 AND n.member_id = $2{unread}"
    ))
    .bind(actor.workspace)
    .bind(actor.member);
    NEWEST
        .list_by_id(ctx, query, page, |row: &row::Model| row.id)
        .await
}

/// How many of the actor's notifications are not read yet.
pub async fn unread(ctx: &Ctx, actor: &Actor) -> Result<i64> {
    let count = Query::new(
        "SELECT COUNT(*) FROM in_app_notification n
         WHERE n.workspace_id = $1 AND n.member_id = $2 AND n.read_at IS NULL",
    )
    .bind(actor.workspace)
    .bind(actor.member)
    .scalar(ctx.reader())
    .await?;
    Ok(count.unwrap_or_default())
}

/// One notification of `member`.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    member: MemberId,
    id: InAppNotificationId,
) -> Result<Option<row::Model>> {
    Ok(Query::new(
        "SELECT n.* FROM in_app_notification n
         WHERE n.workspace_id = $1 AND n.id = $2 AND n.member_id = $3",
    )
    .bind(workspace)
    .bind(id)
    .bind(member)
    .one(ctx.reader())
    .await?)
}

/// Marks notifications of the actor as read: those named, or all. Says how many were unread before.
pub async fn mark_read(
    ctx: &Ctx,
    actor: &Actor,
    ids: Option<&[InAppNotificationId]>,
) -> Result<u64> {
    let tx = ctx.begin(actor.workspace).await?;
    if let Some(ids) = ids {
        refuse_absent(&tx, actor, ids).await?;
    }
    let mut query = Query::new(
        "UPDATE in_app_notification SET read_at = $3
         WHERE workspace_id = $1 AND member_id = $2 AND read_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(actor.member)
    .bind(tx.now);
    if let Some(ids) = ids {
        query.push(" AND id IN (SELECT r.id FROM {r})");
        query = query.rows("r", Rows::new().ids("id", ids.iter().copied()));
    }
    let touched = query.execute(tx.connection()).await?;
    tx.commit().await?;
    Ok(touched)
}

/// Another's notifications read like some that are not there.
async fn refuse_absent(tx: &Tx<'_>, actor: &Actor, ids: &[InAppNotificationId]) -> Result<()> {
    let wanted: BTreeSet<InAppNotificationId> = ids.iter().copied().collect();
    let found: Option<i64> = Query::new(
        "SELECT COUNT(*) FROM {r} JOIN in_app_notification n
           ON n.workspace_id = $1 AND n.id = r.id AND n.member_id = $2",
    )
    .bind(tx.workspace)
    .bind(actor.member)
    .rows("r", Rows::new().ids("id", wanted.iter().copied()))
    .scalar(tx.connection())
    .await?;
    if found.unwrap_or_default() < wanted.len() as i64 {
        return Err(Error::not_found(&["ids"], "notification"));
    }
    Ok(())
}
