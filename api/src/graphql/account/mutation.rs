//! Making, changing and archiving accounts.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::{
    account::{self, AccountChanges, DetailChanges, NewAccount},
    error::UserError,
    stage::NewStage,
};
use entity::kind::LifecycleStage;

use super::Account;
use crate::boxed;
use crate::graphql::{
    attribute::{AttributeValueInput, settings},
    context::writer,
    error::settle,
    given::{kept, optional},
    id,
    stage::new_stage,
};

/// An account to be made.
#[derive(InputObject)]
pub(crate) struct CreateAccountInput {
    /// The name shown, at most 200 characters.
    name: String,
    /// The company's email domain, such as `example.com`; unique in the workspace. Of the address of a web site
    /// the domain is read, without `www`.
    domain: Option<String>,
    /// The id another system gave; unique in the workspace.
    external_id: Option<String>,
    /// The company's web site.
    website: Option<String>,
    /// The company's phone number. Without a country code it is read as one of Japan in a Japanese
    /// workspace and of China in a Chinese one.
    phone: Option<String>,
    /// What the company is and does, at most 2,000 characters.
    description: Option<String>,
    /// The member who looks after the account.
    owner_id: Option<ID>,
    /// How far the relationship has come.
    stage: Option<LifecycleStage>,
    /// Why the account is in that stage, at most 255 characters.
    stage_reason: Option<String>,
    /// Values of custom attributes.
    attributes: Option<Vec<AttributeValueInput>>,
}

/// Changes to an account; what is left out stays. `null` is refused where a field does not say what
/// it means.
#[derive(InputObject)]
pub(crate) struct UpdateAccountInput {
    /// The account's global id.
    id: ID,
    /// The name shown.
    name: MaybeUndefined<String>,
    /// The company's email domain; `null` takes it away.
    domain: MaybeUndefined<String>,
    /// The id another system gave, unique in the workspace; `null` takes it away.
    external_id: MaybeUndefined<String>,
    /// The company's web site; `null` takes it away.
    website: MaybeUndefined<String>,
    /// The company's phone number; `null` takes it away.
    phone: MaybeUndefined<String>,
    /// What the company is and does, at most 2,000 characters; `null` takes it away.
    description: MaybeUndefined<String>,
    /// The member who looks after the account; `null` for nobody.
    owner_id: MaybeUndefined<ID>,
    /// How far the relationship has come; `null` takes the account out of the lifecycle.
    stage: MaybeUndefined<LifecycleStage>,
    /// Why the stage changes, at most 255 characters.
    stage_reason: Option<String>,
    /// Values of custom attributes; those left out stay.
    attributes: MaybeUndefined<Vec<AttributeValueInput>>,
}

/// What became of `createAccount`.
#[derive(SimpleObject)]
pub(crate) struct CreateAccountPayload {
    /// The new account.
    account: Option<Account>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// An account to be put away.
#[derive(InputObject)]
pub(crate) struct ArchiveAccountInput {
    /// The account's global id.
    id: ID,
}

/// What became of `archiveAccount`.
#[derive(SimpleObject)]
pub(crate) struct ArchiveAccountPayload {
    /// The account as it is now.
    account: Option<Account>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// An account to be brought back.
#[derive(InputObject)]
pub(crate) struct RestoreAccountInput {
    /// The account's global id.
    id: ID,
}

/// What became of `restoreAccount`.
#[derive(SimpleObject)]
pub(crate) struct RestoreAccountPayload {
    /// The account as it is now.
    account: Option<Account>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `updateAccount`.
#[derive(SimpleObject)]
pub(crate) struct UpdateAccountPayload {
    /// The account as it is now.
    account: Option<Account>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Makes an account. Scope: WRITE.
    #[boxed]
    async fn create_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateAccountInput,
    ) -> Result<CreateAccountPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let details = DetailChanges {
                website: input.website.map(Some),
                phone: input.phone.map(Some),
                description: input.description.map(Some),
                owner: id::parse_opt(input.owner_id.as_ref(), &["ownerId"])?.map(Some),
                stage: input.stage.map(|stage| NewStage {
                    stage: Some(stage),
                    reason: input.stage_reason.unwrap_or_default(),
                }),
                attributes: settings(input.attributes, "attributes")?,
            };
            let new = NewAccount {
                name: input.name,
                domain: input.domain,
                external_id: input.external_id,
                details,
            };
            account::create(ctx, actor, new).await
        };
        let (account, user_errors) = settle(result.await)?;
        Ok(CreateAccountPayload {
            account: account.map(Account),
            user_errors,
        })
    }

    /// Changes an account. Scope: WRITE.
    #[boxed]
    async fn update_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateAccountInput,
    ) -> Result<UpdateAccountPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let details = DetailChanges {
                website: optional(input.website),
                phone: optional(input.phone),
                description: optional(input.description),
                owner: id::parse_change(input.owner_id, &["ownerId"])?,
                stage: new_stage(input.stage, input.stage_reason),
                attributes: settings(kept(input.attributes, "attributes")?, "attributes")?,
            };
            let changes = AccountChanges {
                name: kept(input.name, "name")?,
                domain: optional(input.domain),
                external_id: optional(input.external_id),
                details,
            };
            account::update(ctx, actor, id, changes).await
        };
        let (account, user_errors) = settle(result.await)?;
        Ok(UpdateAccountPayload {
            account: account.map(Account),
            user_errors,
        })
    }
    /// Archives an account: it keeps everything and is answered by its id, but leaves lists, searches and live
    /// segments. Scope: WRITE.
    #[boxed]
    async fn archive_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ArchiveAccountInput,
    ) -> Result<ArchiveAccountPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            account::set_archived(ctx, actor, id, true).await
        };
        let (account, user_errors) = settle(result.await)?;
        Ok(ArchiveAccountPayload {
            account: account.map(Account),
            user_errors,
        })
    }

    /// Restores an archived account. Scope: WRITE.
    #[boxed]
    async fn restore_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RestoreAccountInput,
    ) -> Result<RestoreAccountPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            account::set_archived(ctx, actor, id, false).await
        };
        let (account, user_errors) = settle(result.await)?;
        Ok(RestoreAccountPayload {
            account: account.map(Account),
            user_errors,
        })
    }
}
