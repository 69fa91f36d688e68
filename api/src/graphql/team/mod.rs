//! Teams over GraphQL: members who are told together.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{error::UserError, team};

use super::{
    access::Member,
    context::{loaded_each, loader, reader, writer},
    error::{fault, settle},
    id,
    loader::MembersOf,
};
use crate::boxed;

/// Members who are told together: notification targets go to teams.
#[derive(Debug, Clone)]
pub struct Team(pub(crate) entity::team::Model);

/// Members who are told together: notification targets go to teams.
#[Object]
impl Team {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name; unique in the workspace, ignoring case and width.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Who is in it, without members who were removed.
    #[boxed]
    async fn members(&self, context: &Context<'_>) -> Result<Vec<Member>> {
        let members = loader(context)?.load_one(MembersOf(self.0.id)).await?;
        let ids = members.into_iter().flatten().map(|one| one.member_id);
        loaded_each(context, &ids.collect::<Vec<_>>(), Member).await
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

#[derive(Default)]
pub(crate) struct TeamQuery;

#[Object]
impl TeamQuery {
    /// The workspace's teams, by name.
    #[boxed]
    async fn teams(&self, context: &Context<'_>) -> Result<Vec<Team>> {
        let (ctx, actor) = reader(context)?;
        let teams = team::list(ctx, actor.workspace).await.map_err(fault)?;
        Ok(teams.into_iter().map(Team).collect())
    }
}

/// A team to be made.
#[derive(InputObject)]
pub(crate) struct CreateTeamInput {
    /// The name; unique in the workspace, at most 100 characters.
    name: String,
    /// The global ids of its members, at most 1,000.
    #[graphql(default)]
    member_ids: Vec<ID>,
}

/// Another name for a team.
#[derive(InputObject)]
pub(crate) struct RenameTeamInput {
    /// The team's global id.
    id: ID,
    /// The name; unique in the workspace, at most 100 characters.
    name: String,
}

/// Who is in a team from now on.
#[derive(InputObject)]
pub(crate) struct SetTeamMembersInput {
    /// The team's global id.
    id: ID,
    /// The global ids of all its members, at most 1,000. Who is not named leaves it.
    member_ids: Vec<ID>,
}

/// A team to be deleted.
#[derive(InputObject)]
pub(crate) struct DeleteTeamInput {
    /// The team's global id.
    id: ID,
}

macro_rules! team_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            /// The team as it is now.
            team: Option<Team>,
            /// What to mend in the input; empty when it worked.
            user_errors: Vec<UserError>,
        }
    };
}

team_payload!(CreateTeamPayload, "What became of `createTeam`.");
team_payload!(RenameTeamPayload, "What became of `renameTeam`.");
team_payload!(SetTeamMembersPayload, "What became of `setTeamMembers`.");

/// What became of `deleteTeam`.
#[derive(SimpleObject)]
pub(crate) struct DeleteTeamPayload {
    /// The id of the team that is gone.
    deleted_id: Option<ID>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct TeamMutation;

#[Object]
impl TeamMutation {
    /// Makes a team. Scope: CONFIGURE.
    #[boxed]
    async fn create_team(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateTeamInput,
    ) -> Result<CreateTeamPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let members = id::parse_all(&input.member_ids, &["memberIds"])?;
            team::create(ctx, actor, &input.name, members).await
        };
        let (team, user_errors) = settle(result.await)?;
        let team = team.map(Team);
        Ok(CreateTeamPayload { team, user_errors })
    }

    /// Gives a team another name. Scope: CONFIGURE.
    #[boxed]
    async fn rename_team(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RenameTeamInput,
    ) -> Result<RenameTeamPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            team::rename(ctx, actor, id, &input.name).await
        };
        let (team, user_errors) = settle(result.await)?;
        let team = team.map(Team);
        Ok(RenameTeamPayload { team, user_errors })
    }

    /// Says who is in a team. What is on its way goes to the new members already. Scope: CONFIGURE.
    #[boxed]
    async fn set_team_members(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SetTeamMembersInput,
    ) -> Result<SetTeamMembersPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let members = id::parse_all(&input.member_ids, &["memberIds"])?;
            team::set_members(ctx, actor, id, members).await
        };
        let (team, user_errors) = settle(result.await)?;
        let team = team.map(Team);
        Ok(SetTeamMembersPayload { team, user_errors })
    }

    /// Deletes a team that no notification target goes to. Scope: CONFIGURE.
    #[boxed]
    async fn delete_team(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeleteTeamInput,
    ) -> Result<DeleteTeamPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            team::delete(ctx, actor, id).await
        };
        let (team, user_errors) = settle(result.await)?;
        Ok(DeleteTeamPayload {
            deleted_id: team.map(|team| team.id.into()),
            user_errors,
        })
    }
}
