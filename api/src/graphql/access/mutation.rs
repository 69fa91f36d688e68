//! Managing the workspace, members and access tokens.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    access::{
        Scope,
        member::{self, MemberChanges, NewMember},
        token::{self, NewToken},
    },
    error::UserError,
    locale::Locale,
    workspace::{self, BusinessHours, BusinessSpan, WorkspaceChanges},
};
use entity::kind::{Role, TagCreation};
use secrecy::ExposeSecret as _;

use super::{AccessToken, Member, Workspace};
use crate::boxed;
use crate::graphql::{
    context::writer,
    error::settle,
    given::{emptied, kept},
    id,
    scalar::Date,
};

/// Changes to the workspace; what is left out stays. `null` is refused where a field does not say
/// what it means.
#[derive(InputObject)]
pub(crate) struct UpdateWorkspaceInput {
    /// The name shown.
    name: MaybeUndefined<String>,
    /// Our own addresses and domains (`sales@example.com`, `@example.com`); `null` for none.
    own_addresses: MaybeUndefined<Vec<String>>,
    /// The language of the texts written for people.
    locale: MaybeUndefined<Locale>,
    /// The name of an IANA time zone, such as `Asia/Tokyo`. From now on days begin and end by it; business
    /// hours, quiet hours, schedules of rules and nightly work keep their times of day, by the new clocks.
    /// A rule for the clock is not run for a time that passed before the change. What is made of the
    /// moments themselves (distribution and purity reports, conditions) follows at once, also for the
    /// past. What was counted by day stays on the day it was counted for (figures of emails until
    /// something new is told of that email, events per day), and what already waits for a moment keeps
    /// it: notices, snoozed conversations, steps of playbooks, tasks.
    time_zone: MaybeUndefined<String>,
    /// Who may make tags.
    tag_creation: MaybeUndefined<TagCreation>,
    /// When it is open for business, by its own clocks.
    business_hours: MaybeUndefined<BusinessHoursInput>,
}

/// When a workspace is open for business.
#[derive(InputObject)]
pub(crate) struct BusinessHoursInput {
    /// The spans of a week.
    spans: Vec<BusinessSpan>,
    /// The days on which it is closed all the same; those given replace all there were.
    #[graphql(default)]
    holidays: Vec<Date>,
}

/// What became of `updateWorkspace`.
#[derive(SimpleObject)]
pub(crate) struct UpdateWorkspacePayload {
    /// The workspace as it is now.
    workspace: Option<Workspace>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// A member to be added.
#[derive(InputObject)]
pub(crate) struct AddMemberInput {
    /// The email address.
    email: String,
    /// The name shown.
    name: String,
    /// What they may do. Only owners make owners.
    role: Role,
}

/// Changes to a member; what is left out stays. `null` is refused where a field does not say what it
/// means.
#[derive(InputObject)]
pub(crate) struct UpdateMemberInput {
    /// The member's global id; left out, yours.
    id: Option<ID>,
    /// The name shown, at most 100 characters.
    name: MaybeUndefined<String>,
    /// The email address, where notices go from now on. No two members have the same.
    email: MaybeUndefined<String>,
}

/// A member's new role.
#[derive(InputObject)]
pub(crate) struct SetMemberRoleInput {
    /// The member's global id.
    id: ID,
    /// What they may do. Only owners make owners, and a workspace keeps at least one.
    role: Role,
}

/// A member to be removed.
#[derive(InputObject)]
pub(crate) struct RemoveMemberInput {
    /// The member's global id.
    id: ID,
}

macro_rules! member_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            /// The member.
            member: Option<Member>,
            /// What to mend in the input; empty when it worked.
            user_errors: Vec<UserError>,
        }
    };
}

member_payload!(AddMemberPayload, "What became of `addMember`.");
member_payload!(UpdateMemberPayload, "What became of `updateMember`.");
member_payload!(SetMemberRolePayload, "What became of `setMemberRole`.");
member_payload!(RemoveMemberPayload, "What became of `removeMember`.");

/// An access token to be made.
#[derive(InputObject)]
pub(crate) struct CreateAccessTokenInput {
    /// What it is for, at most 100 characters.
    name: String,
    /// What it may be used for; no more than the token of this request. What its member's role does
    /// not allow has no effect as long as they have that role: see `AccessToken.effectiveScopes`.
    scopes: Vec<Scope>,
    /// When it stops working; left out, it does not by itself.
    expires_at: Option<DateTime<Utc>>,
    /// Whose it is to be; left out, yours. Their role bounds what it may be used for.
    member_id: Option<ID>,
    /// Whether a program is to use it: what it does is then said to be done by the token, not by the
    /// member.
    #[graphql(default)]
    integration: bool,
}

/// What became of `createAccessToken`.
#[derive(SimpleObject)]
pub(crate) struct CreateAccessTokenPayload {
    /// The new token.
    access_token: Option<AccessToken>,
    /// The secret: keep it now, it is never shown again.
    secret: Option<String>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// An access token to be taken back.
#[derive(InputObject)]
pub(crate) struct RevokeAccessTokenInput {
    /// The token's global id.
    id: ID,
}

/// What became of `revokeAccessToken`.
#[derive(SimpleObject)]
pub(crate) struct RevokeAccessTokenPayload {
    /// The token as it is now.
    access_token: Option<AccessToken>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct AccessMutation;

#[Object]
impl AccessMutation {
    /// Changes the workspace. Scope: ADMINISTER.
    #[boxed]
    async fn update_workspace(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateWorkspaceInput,
    ) -> Result<UpdateWorkspacePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let hours = kept(input.business_hours, "businessHours")?;
            let changes = WorkspaceChanges {
                name: kept(input.name, "name")?,
                own_addresses: emptied(input.own_addresses),
                locale: kept(input.locale, "locale")?,
                time_zone: kept(input.time_zone, "timeZone")?,
                tag_creation: kept(input.tag_creation, "tagCreation")?,
                business_hours: hours.map(|hours| BusinessHours {
                    spans: hours.spans,
                    holidays: hours.holidays.into_iter().map(|day| day.0).collect(),
                }),
            };
            workspace::update(ctx, actor, changes).await
        };
        let (workspace, user_errors) = settle(result.await)?;
        Ok(UpdateWorkspacePayload {
            workspace: workspace.map(Workspace),
            user_errors,
        })
    }

    /// Adds a member. Scope: ADMINISTER.
    #[boxed]
    async fn add_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AddMemberInput,
    ) -> Result<AddMemberPayload> {
        let (ctx, actor) = writer(context)?;
        let new = NewMember {
            email: input.email,
            name: input.name,
            role: input.role,
        };
        let (member, user_errors) = settle(member::add(ctx, actor, new).await)?;
        Ok(AddMemberPayload {
            member: member.map(Member),
            user_errors,
        })
    }

    /// Changes a member's name or email address. That of an owner is changed by owners only. Scope: WRITE
    /// for your own name, unless the token was made for a program; else ADMINISTER.
    #[boxed]
    async fn update_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateMemberInput,
    ) -> Result<UpdateMemberPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse_opt(input.id.as_ref(), &["id"])?;
            let changes = MemberChanges {
                name: kept(input.name, "name")?,
                email: kept(input.email, "email")?,
            };
            member::update(ctx, actor, id, changes).await
        };
        let (member, user_errors) = settle(result.await)?;
        Ok(UpdateMemberPayload {
            member: member.map(Member),
            user_errors,
        })
    }

    /// Changes what a member may do; open subscriptions of theirs end within seconds. Scope:
    /// ADMINISTER.
    #[boxed]
    async fn set_member_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SetMemberRoleInput,
    ) -> Result<SetMemberRolePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            member::set_role(ctx, actor, id, input.role).await
        };
        let (member, user_errors) = settle(result.await)?;
        Ok(SetMemberRolePayload {
            member: member.map(Member),
            user_errors,
        })
    }

    /// Removes a member and revokes their access tokens. Scope: ADMINISTER.
    #[boxed]
    async fn remove_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RemoveMemberInput,
    ) -> Result<RemoveMemberPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            member::remove(ctx, actor, id).await
        };
        let (member, user_errors) = settle(result.await)?;
        Ok(RemoveMemberPayload {
            member: member.map(Member),
            user_errors,
        })
    }

    /// Makes an access token and shows its secret, once. Scope: ADMINISTER.
    #[boxed]
    async fn create_access_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateAccessTokenInput,
    ) -> Result<CreateAccessTokenPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let new = NewToken {
                member: id::parse_opt(input.member_id.as_ref(), &["memberId"])?,
                name: input.name,
                scopes: input.scopes,
                expires_at: input.expires_at,
                integration: input.integration,
            };
            token::create(ctx, actor, new).await
        };
        let (made, user_errors) = settle(result.await)?;
        let (access_token, secret) = made.unzip();
        Ok(CreateAccessTokenPayload {
            access_token: access_token.map(AccessToken),
            secret: secret.map(|secret| secret.expose_secret().to_owned()),
            user_errors,
        })
    }

    /// Takes an access token back; it stops working within seconds, on open subscriptions too. That
    /// of an owner is taken back by owners only. Scope: ADMINISTER.
    #[boxed]
    async fn revoke_access_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RevokeAccessTokenInput,
    ) -> Result<RevokeAccessTokenPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            token::revoke(ctx, actor, id).await
        };
        let (token, user_errors) = settle(result.await)?;
        Ok(RevokeAccessTokenPayload {
            access_token: token.map(AccessToken),
            user_errors,
        })
    }
}
