//! Accounts over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    account::{self, AccountChanges, NewAccount},
    contact::{self, ContactFilter, ContactOrder},
    email::report::Period,
    error::UserError,
    page::PageRequest,
};

use entity::kind::EmailScope;

use super::{
    contact::{Contact, ContactOrderBy},
    context::{loader, reader, writer},
    email::EmailMetrics,
    error::{fault, settle},
    id,
    loader::TaggingsOf,
    page::{Connection, connection},
    scalar::Date,
    tag::Tagging,
};

/// A customer company.
#[derive(Debug, Clone)]
pub struct Account(pub(crate) entity::account::Model);

/// A customer company.
#[Object]
impl Account {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name shown.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The company's email domain; contacts who write from it join the account.
    async fn domain(&self) -> Option<&str> {
        self.0.domain.as_deref()
    }

    /// The id another system gave.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When its own data last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// The tags it carries now, oldest first.
    async fn taggings(&self, context: &Context<'_>) -> Result<Vec<Tagging>> {
        let found = loader(context)?.load_one(TaggingsOf(self.0.id.0)).await?;
        Ok(found
            .unwrap_or_default()
            .into_iter()
            .map(Tagging::from)
            .collect())
    }

    /// What became of the emails sent to the company's people.
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
        EmailMetrics::read(context, EmailScope::Account, self.0.id.0, from, to, period).await
    }

    /// The people of the company.
    async fn contacts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How to order them.", default)] order_by: ContactOrderBy,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Contact>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = ContactFilter {
            account: Some(self.0.id),
            ..ContactFilter::default()
        };
        let order = ContactOrder::from(order_by);
        let found = contact::list(ctx, actor.workspace, filter, order, &page)
            .await
            .map_err(fault)?;
        Ok(connection(
            found.map(|(cursor, contact)| (cursor, Contact::from(contact))),
        ))
    }
}

#[derive(Default)]
pub(crate) struct AccountQuery;

#[Object]
impl AccountQuery {
    /// One account; nothing when there is none of this id.
    async fn account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account's global id.")] id: ID,
    ) -> Result<Option<Account>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse(&id, &["id"]) else {
            return Ok(None);
        };
        Ok(account::find(ctx, actor.workspace, id)
            .await
            .map_err(fault)?
            .map(Account))
    }

    /// The workspace's accounts, by name.
    async fn accounts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Account>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = account::list(ctx, actor.workspace, &page)
            .await
            .map_err(fault)?;
        Ok(connection(
            found.map(|(cursor, account)| (cursor, Account(account))),
        ))
    }
}

/// An account to be made.
#[derive(InputObject)]
pub(crate) struct CreateAccountInput {
    /// The name shown, at most 200 characters.
    name: String,
    /// The company's email domain, such as `example.com`; unique in the workspace.
    domain: Option<String>,
    /// The id another system gave; unique in the workspace.
    external_id: Option<String>,
}

/// Changes to an account; what is left out stays.
#[derive(InputObject)]
pub(crate) struct UpdateAccountInput {
    /// The account's global id.
    id: ID,
    /// The name shown.
    name: Option<String>,
    /// The company's email domain.
    domain: Option<String>,
}

/// What became of `createAccount`.
#[derive(SimpleObject)]
pub(crate) struct CreateAccountPayload {
    /// The new account.
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
    async fn create_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateAccountInput,
    ) -> Result<CreateAccountPayload> {
        let (ctx, actor) = writer(context)?;
        let new = NewAccount {
            name: input.name,
            domain: input.domain,
            external_id: input.external_id,
        };
        let (account, user_errors) = settle(account::create(ctx, actor, new).await)?;
        Ok(CreateAccountPayload {
            account: account.map(Account),
            user_errors,
        })
    }

    /// Changes an account. Scope: WRITE.
    async fn update_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateAccountInput,
    ) -> Result<UpdateAccountPayload> {
        let (ctx, actor) = writer(context)?;
        let changes = AccountChanges {
            name: input.name,
            domain: input.domain,
        };
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            account::update(ctx, actor, id, changes).await
        };
        let (account, user_errors) = settle(result.await)?;
        Ok(UpdateAccountPayload {
            account: account.map(Account),
            user_errors,
        })
    }
}
