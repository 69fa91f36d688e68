//! The people of a workspace.

use entity::{
    Scoped as _, access_token,
    id::{MemberId, WorkspaceId},
    kind::Role,
    member,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, Set,
};

use super::{Actor, Scope};
use crate::{
    audit::Record,
    conversation,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    mail::EmailAddress,
    store::{Tx, rows_by_id},
    task, text,
};

/// A member about to be added.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// The email address.
    pub email: String,
    /// The name shown.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// What is to be changed of a member; what is not given stays.
#[derive(Debug, Clone, Default)]
pub struct MemberChanges {
    /// The name shown.
    pub name: Option<String>,
    /// The email address.
    pub email: Option<String>,
}

/// Adds a member. Only an owner makes owners.
pub async fn add(ctx: &Ctx, actor: &Actor, new: NewMember) -> Result<member::Model> {
    actor.require(Scope::Administer)?;
    may_grant(actor, new.role)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let member = insert(&tx, new).await?;
    tx.audit(
        actor,
        Record::made("member.add", member.id, audited(&member)),
    );
    tx.commit().await?;
    Ok(member)
}

pub(crate) async fn insert(tx: &Tx<'_>, new: NewMember) -> Result<member::Model> {
    let name = clean_name(&new.name)?;
    let id = tx.id();
    let email = free_address(tx, id, &new.email).await?;
    let member = member::Model {
        workspace_id: tx.workspace,
        id,
        email,
        name,
        role: new.role,
        created_at: tx.now,
        removed_at: None,
    };
    member::Entity::insert(member.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(member)
}

fn clean_name(raw: &str) -> Result<String> {
    text::name(raw, &["name"], 100).map_err(|error| Error::Refused(vec![error]))
}

/// The address as it is stored, if no other member than `id` has it.
async fn free_address(tx: &Tx<'_>, id: MemberId, raw: &str) -> Result<String> {
    let email = EmailAddress::parse(raw)
        .map_err(|error| Error::refused(&["email"], UserErrorCode::Invalid, error.to_string()))?
        .to_string();
    let taken = member::Entity::of(tx.workspace)
        .filter(member::Column::Email.eq(&email))
        .filter(member::Column::Id.ne(id))
        .filter(member::Column::RemovedAt.is_null())
        .count(tx.connection())
        .await?;
    if taken > 0 {
        let message = "A member with this address is already there.";
        return Err(Error::refused(&["email"], UserErrorCode::Taken, message));
    }
    Ok(email)
}

/// Changes a member's name or address; the actor's own, if nobody is named.
///
/// Who may write may give themselves another name. The address says where mail goes and whom imports
/// mean, so it is not one's own to change; nor does a program change the member whose token it has.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: Option<MemberId>,
    changes: MemberChanges,
) -> Result<member::Model> {
    let id = id.unwrap_or(actor.member);
    let is_own_name = id == actor.member && changes.email.is_none() && !actor.integration;
    if is_own_name && !actor.scopes.contains(Scope::Administer) {
        actor.require(Scope::Write)?;
    } else {
        actor.require(Scope::Administer)?;
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    let member = find(&tx, id, "id").await?;
    may_grant(actor, member.role)?;
    let before = audited(&member);
    let mut active = member.into_active_model();
    if let Some(name) = changes.name {
        active.name = Set(clean_name(&name)?);
    }
    if let Some(email) = changes.email {
        active.email = Set(free_address(&tx, id, &email).await?);
    }
    let member = active.update(tx.connection()).await?;
    let after = audited(&member);
    tx.audit(actor, Record::changed("member.update", id, before, after));
    tx.commit().await?;
    Ok(member)
}

/// Changes a member's role. The last owner stays one.
pub async fn set_role(ctx: &Ctx, actor: &Actor, id: MemberId, role: Role) -> Result<member::Model> {
    actor.require(Scope::Administer)?;
    may_grant(actor, role)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let member = find(&tx, id, "id").await?;
    may_grant(actor, member.role)?;
    let before = audited(&member);
    if member.role == Role::Owner && role != Role::Owner {
        keep_an_owner(&tx).await?;
    }
    let mut active = member.into_active_model();
    active.role = Set(role);
    let member = active.update(tx.connection()).await?;
    let after = audited(&member);
    tx.audit(actor, Record::changed("member.set_role", id, before, after));
    tx.commit().await?;
    Ok(member)
}

/// Removes a member, revokes their tokens and takes them off every conversation. The last owner
/// stays.
pub async fn remove(ctx: &Ctx, actor: &Actor, id: MemberId) -> Result<member::Model> {
    actor.require(Scope::Administer)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let member = find(&tx, id, "id").await?;
    may_grant(actor, member.role)?;
    if member.role == Role::Owner {
        keep_an_owner(&tx).await?;
    }
    access_token::Entity::update_many()
        .set(access_token::ActiveModel {
            revoked_at: Set(Some(tx.now)),
            ..Default::default()
        })
        .filter(access_token::Column::WorkspaceId.eq(tx.workspace))
        .filter(access_token::Column::MemberId.eq(id))
        .filter(access_token::Column::RevokedAt.is_null())
        .exec(tx.connection())
        .await?;
    let mut active = member.into_active_model();
    active.removed_at = Set(Some(tx.now));
    let member = active.update(tx.connection()).await?;
    // After the member's own row, so that whoever assigns meanwhile has either finished or is told.
    conversation::release(&mut tx, actor.origin(), id).await?;
    task::release(&mut tx, actor.origin(), id).await?;
    let record = Record::ended("member.remove", id, audited(&member));
    tx.audit(actor, record);
    tx.commit().await?;
    Ok(member)
}

/// The members who are not removed, oldest first.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId) -> Result<Vec<member::Model>> {
    let mut members = member::Entity::of(workspace)
        .filter(member::Column::RemovedAt.is_null())
        .all(ctx.reader())
        .await?;
    members.sort_by_key(|member| member.id);
    Ok(members)
}

/// The members among `ids`, removed ones included, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[MemberId],
) -> Result<Vec<member::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

pub(super) async fn find(tx: &Tx<'_>, id: MemberId, field: &str) -> Result<member::Model> {
    member::Entity::find_by_id((tx.workspace, id))
        .filter(member::Column::RemovedAt.is_null())
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&[field], "member"))
}

/// What the audit log says of a member.
fn audited(member: &member::Model) -> serde_json::Value {
    serde_json::json!({ "name": member.name, "email": member.email, "role": member.role })
}

/// Owners are made, changed, removed and locked out by owners only.
pub(super) fn may_grant(actor: &Actor, role: Role) -> Result<()> {
    if role == Role::Owner && actor.role != Role::Owner {
        return Err(Error::OwnersOnly);
    }
    Ok(())
}

async fn keep_an_owner(tx: &Tx<'_>) -> Result<()> {
    let owners = member::Entity::of(tx.workspace)
        .filter(member::Column::Role.eq(Role::Owner))
        .filter(member::Column::RemovedAt.is_null())
        .count(tx.connection())
        .await?;
    if owners > 1 {
        return Ok(());
    }
    let message = "A workspace keeps at least one owner. Make somebody else an owner first.";
    Err(Error::refused(
        &["id"],
        UserErrorCode::LimitReached,
        message,
    ))
}
