//! The workspace, its members and access tokens over GraphQL.

mod mutation;
mod origin;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    access::{Actor, Scope, ScopeSet, member, token},
    email::report::Period,
    error::Error,
    locale::Locale,
    workspace,
};
use entity::{
    id::MemberId,
    kind::{EmailScope, Role, TagCreation},
};

use super::{
    context::{actor, administrator, business, loaded, reader},
    email::EmailMetrics,
    error::fault,
    scalar::Date,
};
use crate::boxed;

pub(crate) use mutation::AccessMutation;
pub use origin::ChangeOrigin;

/// A tenant: one company's graph.
pub struct Workspace(pub(crate) entity::workspace::Model);

/// A tenant: one company's graph.
#[Object]
impl Workspace {
    /// The global id.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name shown.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The IANA time zone that days are counted in and times of day are meant in; `updateWorkspace` changes
    /// it.
    fn time_zone(&self) -> &str {
        &self.0.time_zone
    }

    /// The language of the texts written for people.
    fn locale(&self) -> Locale {
        Locale::from_word(&self.0.locale).unwrap_or_default()
    }

    /// Our own addresses and domains (`sales@example.com`, `@example.com`); mail from them is
    /// outbound.
    fn own_addresses(&self) -> Vec<String> {
        serde_json::from_value(self.0.own_addresses.clone()).unwrap_or_default()
    }

    /// Who may make tags.
    fn tag_creation(&self) -> TagCreation {
        self.0.tag_creation
    }

    /// When it is open for business, by its own clocks: what the condition `businessHours` tests, and when
    /// notices of rules wait that are to be sent in business hours.
    fn business_hours(&self) -> BusinessHours {
        let hours = workspace::BusinessHours::from_stored(self.0.business_hours.clone());
        BusinessHours {
            spans: hours.spans,
            holidays: hours.holidays.into_iter().map(Date).collect(),
        }
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// What became of all emails.
    #[boxed]
    async fn email_metrics(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "The first day, in the workspace's time zone; left out, 29 days before \
                          the last."
        )]
        from: Option<Date>,
        #[graphql(desc = "The last day; left out, today.")] to: Option<Date>,
        #[graphql(
            desc = "How long the periods of the series are.",
            default_with = "Period::Day"
        )]
        period: Period,
    ) -> Result<EmailMetrics> {
        EmailMetrics::read(
            context,
            EmailScope::Workspace,
            self.0.id.0,
            from,
            to,
            period,
        )
        .await
    }
}

/// When a workspace is open for business.
#[derive(SimpleObject)]
pub(crate) struct BusinessHours {
    /// The spans of a week: Monday to Friday from 09:00 to 18:00, if nobody has said otherwise.
    spans: Vec<workspace::BusinessSpan>,
    /// The days on which no span begins, in their order.
    holidays: Vec<Date>,
}

/// A person of the company.
pub struct Member(pub(crate) entity::member::Model);

/// A person of the company.
#[Object]
impl Member {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The email address.
    fn email(&self) -> &str {
        &self.0.email
    }

    /// The name shown.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// What they may do.
    fn role(&self) -> Role {
        self.0.role
    }

    /// When they joined.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When they were removed; nothing as long as they belong to the workspace. What they did goes on
    /// naming them.
    fn removed_at(&self) -> Option<DateTime<Utc>> {
        self.0.removed_at
    }
}

/// The member of this id, if there is one; members who were removed are still named.
pub(crate) async fn find_member(
    context: &Context<'_>,
    id: Option<MemberId>,
) -> Result<Option<Member>> {
    loaded(context, id, Member).await
}

/// A credential of a member. The secret itself is shown once, when the token is made.
pub struct AccessToken(pub(crate) entity::access_token::Model);

/// A credential of a member. The secret itself is shown once, when the token is made.
#[Object]
impl AccessToken {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What it is for.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The last four characters, to tell tokens apart.
    fn hint(&self) -> &str {
        &self.0.hint
    }

    /// What it was made for. Its member's role bounds what of it holds: see `effectiveScopes`.
    fn scopes(&self) -> Result<Vec<Scope>> {
        self.made_for()
    }

    /// What it may be used for: those of its scopes that the role its member has now allows. TRACK is a part
    /// of WRITE and INGEST together.
    #[boxed]
    async fn effective_scopes(&self, context: &Context<'_>) -> Result<Vec<Scope>> {
        let member = find_member(context, Some(self.0.member_id)).await?;
        let allowed = member.map(|member| ScopeSet::of_role(member.0.role));
        let allowed = allowed.unwrap_or_default();
        let scopes: ScopeSet = self.made_for()?.into_iter().collect();
        Ok(scopes.with_parts().and(allowed).iter().collect())
    }

    /// The global id of whose it is.
    fn member_id(&self) -> ID {
        self.0.member_id.into()
    }

    /// Whose it is, also when they were removed since.
    #[boxed]
    async fn member(&self, context: &Context<'_>) -> Result<Option<Member>> {
        find_member(context, Some(self.0.member_id)).await
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it stops working; nothing when it does not by itself.
    fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// Whether a program uses it: what it does is then said to be done by the token.
    fn integration(&self) -> bool {
        self.0.integration
    }

    /// When it was last used, to within about five minutes; an open subscription uses it all the time.
    /// Nothing when it never was.
    fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }

    /// When it was taken back.
    fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.0.revoked_at
    }
}

impl AccessToken {
    fn made_for(&self) -> Result<Vec<Scope>> {
        serde_json::from_value(self.0.scopes.clone()).map_err(|error| fault(Error::Decode(error)))
    }
}

/// Whom the access token of this request belongs to.
pub struct Viewer(Actor);

/// Whom the access token of this request belongs to.
#[Object]
impl Viewer {
    /// The member's global id.
    fn member_id(&self) -> ID {
        self.0.member.into()
    }

    /// The member. Every token may ask, whatever its scopes.
    #[boxed]
    async fn member(&self, context: &Context<'_>) -> Result<Member> {
        // Not through the loaders, which are for those who may read.
        let found = member::load(business(context)?, self.0.workspace, &[self.0.member]).await;
        let found = found.map_err(fault)?.into_iter().next();
        let missing = || fault(Error::Internal("a token has no member".to_owned()));
        found.map(Member).ok_or_else(missing)
    }

    /// The token's global id.
    fn access_token_id(&self) -> ID {
        self.0.token.into()
    }

    /// The member's role.
    fn role(&self) -> Role {
        self.0.role
    }

    /// What the token may be used for, within the role.
    fn scopes(&self) -> Vec<Scope> {
        self.0.scopes.iter().collect()
    }
}

#[derive(Default)]
pub(crate) struct AccessQuery;

#[Object]
impl AccessQuery {
    /// Whom the access token of this request belongs to.
    #[expect(clippy::unused_self, reason = "the derive calls it as a method")]
    fn viewer(&self, context: &Context<'_>) -> Result<Viewer> {
        Ok(Viewer(actor(context)?.clone()))
    }

    /// The workspace of the access token.
    #[boxed]
    async fn workspace(&self, context: &Context<'_>) -> Result<Workspace> {
        let (ctx, actor) = reader(context)?;
        workspace::find(ctx, actor.workspace)
            .await
            .map(Workspace)
            .map_err(fault)
    }

    /// The members, oldest first, without those who were removed: whom work can be given to, and who
    /// did what.
    #[boxed]
    async fn members(&self, context: &Context<'_>) -> Result<Vec<Member>> {
        let (ctx, actor) = reader(context)?;
        let members = member::list(ctx, actor.workspace).await.map_err(fault)?;
        Ok(members.into_iter().map(Member).collect())
    }

    /// The access tokens, oldest first, revoked ones included. Scope: ADMINISTER; to others `null` and
    /// an error.
    #[boxed]
    async fn access_tokens(&self, context: &Context<'_>) -> Option<Result<Vec<AccessToken>>> {
        Some(access_tokens(context).await)
    }
}

async fn access_tokens(context: &Context<'_>) -> Result<Vec<AccessToken>> {
    let (ctx, actor) = administrator(context)?;
    let tokens = token::list(ctx, actor.workspace).await.map_err(fault)?;
    Ok(tokens.into_iter().map(AccessToken).collect())
}
