//! What refers to an account, and deleting it after that was shown.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{
    account::{
        self,
        usage::{Usage, Use, UseKind},
    },
    error::UserError,
};

use crate::boxed;
use crate::graphql::{
    context::{reader, writer},
    error::{fault, settle},
    id,
};

/// What refers to an account.
#[derive(SimpleObject)]
pub(crate) struct AccountUsage {
    /// Stands for exactly this state; `deleteAccount` takes it as the proof that the state was seen.
    token: String,
    /// People at the account; they would stay, and be at no account.
    contacts: i64,
    /// Its orders. Those of its people stay with them; what is the account's alone would not be shown with
    /// any account any more. So it is with the four below.
    orders: i64,
    /// Its invoices.
    invoices: i64,
    /// Its tickets.
    tickets: i64,
    /// Its opportunities.
    opportunities: i64,
    /// Its answers to surveys.
    survey_answers: i64,
    /// Tasks about it.
    tasks: i64,
    /// Notes about it.
    notes: i64,
    /// Tags it carries or ever carried.
    taggings: i64,
    /// What names the account in a condition. As long as there is anything, it cannot be deleted.
    uses: Vec<AccountUse>,
}

/// Something that names an account.
#[derive(SimpleObject)]
pub(crate) struct AccountUse {
    /// What kind of thing it is.
    kind: UseKind,
    /// Its global id.
    id: ID,
    /// Its name.
    name: String,
}

impl From<Use> for AccountUse {
    fn from(one: Use) -> Self {
        Self {
            kind: one.kind,
            id: one.id.into(),
            name: one.name,
        }
    }
}

impl From<Usage> for AccountUsage {
    fn from(usage: Usage) -> Self {
        Self {
            contacts: usage.of("contact"),
            orders: usage.of("sales_order"),
            invoices: usage.of("invoice"),
            tickets: usage.of("ticket"),
            opportunities: usage.of("opportunity"),
            survey_answers: usage.of("survey_answer"),
            tasks: usage.of("task"),
            notes: usage.of("note"),
            taggings: usage.of("tagging"),
            uses: usage.uses.into_iter().map(AccountUse::from).collect(),
            token: usage.token,
        }
    }
}

/// An account to be deleted.
#[derive(InputObject)]
pub(crate) struct DeleteAccountInput {
    /// The account's global id.
    id: ID,
    /// The `token` of `accountUsage`, which shows what is lost. Refused with `IN_USE` when anything in it
    /// has changed since.
    usage_token: String,
}

/// What became of `deleteAccount`.
#[derive(SimpleObject)]
pub(crate) struct DeleteAccountPayload {
    /// The id of the account that was deleted; nothing answers to it any more.
    deleted_id: Option<ID>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct AccountUsageQuery;

#[Object]
impl AccountUsageQuery {
    /// What refers to an account: read before it is deleted. Nothing when there is no such account, or it was
    /// merged into another. Counted afresh.
    #[boxed]
    async fn account_usage(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account's global id.")] id: ID,
    ) -> Result<Option<AccountUsage>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse(&id, &["id"]) else {
            return Ok(None);
        };
        let usage = account::usage::usage(ctx, actor.workspace, id).await;
        Ok(usage.map_err(fault)?.map(AccountUsage::from))
    }
}

#[derive(Default)]
pub(crate) struct AccountDeleteMutation;

#[Object]
impl AccountDeleteMutation {
    /// Deletes an account, and what was merged into it. Its people stay and are at no account. Look at
    /// `accountUsage` first: its token is needed. Rules, segments and playbooks whose conditions name the
    /// account forbid it. Scope: CONFIGURE.
    #[boxed]
    async fn delete_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeleteAccountInput,
    ) -> Result<DeleteAccountPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            account::delete(ctx, actor, id, &input.usage_token).await
        };
        let (deleted, user_errors) = settle(result.await)?;
        Ok(DeleteAccountPayload {
            deleted_id: deleted.map(ID::from),
            user_errors,
        })
    }
}
