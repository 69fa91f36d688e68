//! Teams: members who are told together, and who have tasks together.
//!
//! Called by the API. Notification targets and tasks name a team and never keep a copy of its members: a
//! notification goes to those who are in the team when it is sent.

use entity::{
    Scoped as _,
    id::{MemberId, TeamId, WorkspaceId},
    team,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, FromQueryResult,
    IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _,
};
use serde_json::{Value, json};

use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx, dialect, rows_by_id},
    task, text,
    work::change::{Change, Fact},
};

/// Characters a name may have.
pub const NAME_LIMIT: usize = 100;
/// Teams a workspace may have.
pub const TEAM_LIMIT: u64 = 500;
/// Members a team may have.
pub const MEMBER_LIMIT: usize = 1_000;

/// Makes a team.
pub async fn create(
    ctx: &Ctx,
    actor: &Actor,
    name: &str,
    members: Vec<MemberId>,
) -> Result<team::Model> {
    actor.require(Scope::Configure)?;
    let name = checked_name(name)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let count = team::Entity::of(tx.workspace)
        .count(tx.connection())
        .await?;
    if count >= TEAM_LIMIT {
        let message = format!("A workspace has at most {TEAM_LIMIT} teams.");
        return Err(Error::refused(&[], UserErrorCode::LimitReached, message));
    }
    refuse_taken(&tx, &name, None).await?;
    let team = team::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        name_key: text::name_key(&name),
        name,
        created_at: tx.now,
    };
    team::Entity::insert(team.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    let members = put_members(&tx, team.id, members).await?;
    record(&mut tx, actor, team.id);
    tx.audit(
        actor,
        Record::made("team.create", team.id, audited(&team, &members)),
    );
    tx.commit().await?;
    Ok(team)
}

/// Gives a team another name.
pub async fn rename(ctx: &Ctx, actor: &Actor, id: TeamId, name: &str) -> Result<team::Model> {
    actor.require(Scope::Configure)?;
    let name = checked_name(name)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let before = hold(&tx, id).await?;
    refuse_taken(&tx, &name, Some(id)).await?;
    let team = team::Model {
        name_key: text::name_key(&name),
        name,
        ..before.clone()
    };
    if team != before {
        Query::new("UPDATE team SET name = $3, name_key = $4 WHERE workspace_id = $1 AND id = $2")
            .bind(tx.workspace)
            .bind(id)
            .bind(team.name.clone())
            .bind(team.name_key.clone())
            .execute(tx.connection())
            .await?;
        record(&mut tx, actor, id);
        let (before, after) = (json!({ "name": before.name }), json!({ "name": team.name }));
        tx.audit(actor, Record::changed("team.rename", id, before, after));
    }
    tx.commit().await?;
    Ok(team)
}

/// Gives a team these members and no others.
pub async fn set_members(
    ctx: &Ctx,
    actor: &Actor,
    id: TeamId,
    members: Vec<MemberId>,
) -> Result<team::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let team = hold(&tx, id).await?;
    let before: Vec<MemberId> =
        Query::new("SELECT g.member_id FROM team_member g WHERE g.workspace_id = $1 AND g.team_id = $2 ORDER BY g.member_id")
            .bind(tx.workspace)
            .bind(id)
            .column(tx.connection())
            .await?;
    let after = put_members(&tx, id, members).await?;
    if before != after {
        record(&mut tx, actor, id);
        let (before, after) = (audited(&team, &before), audited(&team, &after));
        tx.audit(
            actor,
            Record::changed("team.set_members", id, before, after),
        );
    }
    tx.commit().await?;
    Ok(team)
}

/// Deletes a team that no notification target goes to. Its tasks are nobody's in particular afterwards,
/// unless a member has taken them.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: TeamId) -> Result<team::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let team = hold(&tx, id).await?;
    let targets: Vec<String> = Query::new(
        "SELECT n.name FROM notification_receiver v
         JOIN notification_target n
           ON n.workspace_id = v.workspace_id AND n.id = v.notification_target_id
         WHERE v.workspace_id = $1 AND v.team_id = $2 ORDER BY n.name LIMIT 5",
    )
    .bind(tx.workspace)
    .bind(id)
    .column(tx.connection())
    .await?;
    if !targets.is_empty() {
        let message = format!(
            "Notification targets go to this team: {}. Give them other receivers first.",
            targets.join(", ")
        );
        return Err(Error::refused(&["id"], UserErrorCode::InUse, message));
    }
    task::leave_team(&mut tx, actor.origin(), id).await?;
    for statement in [
        "DELETE FROM team_member WHERE workspace_id = $1 AND team_id = $2",
        "DELETE FROM team WHERE workspace_id = $1 AND id = $2",
    ] {
        Query::new(statement)
            .bind(tx.workspace)
            .bind(id)
            .execute(tx.connection())
            .await?;
    }
    record(&mut tx, actor, id);
    let before = json!({ "name": team.name });
    tx.audit(actor, Record::ended("team.delete", id, before));
    tx.commit().await?;
    Ok(team)
}

/// The workspace's teams, by name.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId) -> Result<Vec<team::Model>> {
    let mut teams = team::Entity::of(workspace).all(ctx.reader()).await?;
    teams.sort_by(|a, b| a.name_key.cmp(&b.name_key));
    Ok(teams)
}

/// The teams among `ids`, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[TeamId]) -> Result<Vec<team::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// That a member is in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Membership {
    /// The team.
    pub team_id: TeamId,
    /// The member.
    pub member_id: MemberId,
}

/// Who is in each of `teams`, without members who were removed; for loaders.
pub async fn memberships(
    ctx: &Ctx,
    workspace: WorkspaceId,
    teams: &[TeamId],
) -> Result<Vec<Membership>> {
    Ok(Query::new(
        "SELECT g.team_id, g.member_id
         FROM {r} JOIN team_member g ON g.workspace_id = $1 AND g.team_id = r.id
         JOIN member m ON m.workspace_id = g.workspace_id AND m.id = g.member_id
           AND m.removed_at IS NULL
         ORDER BY g.team_id, g.member_id",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", teams.iter().copied()))
    .all(ctx.reader())
    .await?)
}

fn checked_name(name: &str) -> Result<String> {
    text::name(name, &["name"], NAME_LIMIT).map_err(|error| Error::Refused(vec![error]))
}

async fn hold(tx: &Tx<'_>, id: TeamId) -> Result<team::Model> {
    let lock = dialect::exclusive_lock(tx.connection().get_database_backend());
    let found: Option<team::Model> = Query::new(format!(
        "SELECT t.* FROM team t WHERE t.workspace_id = $1 AND t.id = $2 {lock}"
    ))
    .bind(tx.workspace)
    .bind(id)
    .one(tx.connection())
    .await?;
    found.ok_or_else(|| Error::not_found(&["id"], "team"))
}

async fn refuse_taken(tx: &Tx<'_>, name: &str, except: Option<TeamId>) -> Result<()> {
    let mut same =
        team::Entity::of(tx.workspace).filter(team::Column::NameKey.eq(text::name_key(name)));
    if let Some(id) = except {
        same = same.filter(team::Column::Id.ne(id));
    }
    if same.count(tx.connection()).await? == 0 {
        return Ok(());
    }
    let message = "Another team already has this name.";
    Err(Error::refused(&["name"], UserErrorCode::Taken, message))
}

/// Puts these members in a team in place of those it has; says who they are, each once, in the order
/// of their ids.
async fn put_members(tx: &Tx<'_>, id: TeamId, members: Vec<MemberId>) -> Result<Vec<MemberId>> {
    let mut members = members;
    members.sort_unstable();
    members.dedup();
    if members.len() > MEMBER_LIMIT {
        let message = format!("A team has at most {MEMBER_LIMIT} members.");
        return Err(Error::refused(
            &["memberIds"],
            UserErrorCode::TooLong,
            message,
        ));
    }
    Query::new("DELETE FROM team_member WHERE workspace_id = $1 AND team_id = $2")
        .bind(tx.workspace)
        .bind(id)
        .execute(tx.connection())
        .await?;
    let touched = Query::new(
        "INSERT INTO team_member (workspace_id, team_id, member_id)
         SELECT $1, $2, m.id FROM {r} JOIN member m
           ON m.workspace_id = $1 AND m.id = r.id AND m.removed_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(id)
    .rows("r", Rows::new().ids("id", members.iter().copied()))
    .execute(tx.connection())
    .await?;
    if touched < members.len() as u64 {
        return Err(Error::not_found(&["memberIds"], "member"));
    }
    Ok(members)
}

/// What the audit log says of a team.
fn audited(team: &team::Model, members: &[MemberId]) -> Value {
    json!({ "name": team.name, "members": members })
}

fn record(tx: &mut Tx<'_>, actor: &Actor, team_id: TeamId) {
    let fact = Fact::TeamChanged { team_id };
    tx.record(Change::new(actor.origin(), None, fact));
}
