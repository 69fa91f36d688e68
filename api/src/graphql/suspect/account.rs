//! Accounts that seem to be one company, over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{
    error::UserError,
    page::PageRequest,
    suspect::{self, SuspectFilter, SuspectOrder, Suspicion},
};
use entity::id::{AccountId, AccountSuspectId, Id};

use super::{SuspicionFields, SuspicionFilterInput};
use crate::boxed;
use crate::graphql::{
    account::Account,
    context::{loader, reader, writer},
    error::{fault, settle},
    id,
    page::{Connection, connection},
};

/// Two accounts that seem to be one company.
pub struct AccountDuplicateSuspect(pub(crate) Suspicion<AccountSuspectId>);

/// Two accounts that seem to be one company. What merging them would do says
/// `previewAccountMerge(survivorId:, mergedId:)` of the two ids; `mergeAccounts` does it,
/// `dismissAccountDuplicateSuspect` says that they are two.
#[Object]
impl AccountDuplicateSuspect {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// One of them: which was made first.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        let found = loader(context)?.load_one(self.0.one_id).await?;
        Ok(found.map(Account))
    }

    /// The other.
    #[boxed]
    async fn other(&self, context: &Context<'_>) -> Result<Option<Account>> {
        let found = loader(context)?.load_one(self.0.other_id).await?;
        Ok(found.map(Account))
    }

    /// The reasons, and what became of it.
    #[graphql(flatten)]
    fn said(&self) -> SuspicionFields {
        SuspicionFields::from(&self.0)
    }
}

/// Which suspicions a list has; every part given must hold.
#[derive(InputObject, Default)]
pub(crate) struct AccountDuplicateSuspectFilterInput {
    /// The reasons, and what became of them.
    #[graphql(flatten)]
    common: SuspicionFilterInput,
    /// About this account.
    account_id: Option<ID>,
}

impl AccountDuplicateSuspectFilterInput {
    fn read(self) -> domain::error::Result<SuspectFilter> {
        let path = ["filter", "accountId"];
        let about: Option<AccountId> = id::parse_opt(self.account_id.as_ref(), &path)?;
        self.common.read(about.map(Id::uuid))
    }
}

/// A suspicion to be dismissed: they are two companies.
#[derive(InputObject)]
pub(crate) struct DismissAccountDuplicateSuspectInput {
    /// The suspicion's global id.
    id: ID,
}

/// What became of `dismissAccountDuplicateSuspect`.
#[derive(SimpleObject)]
pub(crate) struct DismissAccountDuplicateSuspectPayload {
    /// The suspicion as it is now.
    suspect: Option<AccountDuplicateSuspect>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct AccountSuspectQuery;

#[Object]
impl AccountSuspectQuery {
    /// Accounts that seem to be one company, by their names without legal forms and by their domains. Left to
    /// themselves, those nobody has decided, oldest first. What more than 20 accounts share is not compared, and
    /// archived accounts are left out.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments, filter and order"
    )]
    #[boxed]
    async fn account_duplicate_suspects(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which ones; the open ones when left out.")] filter: Option<
            AccountDuplicateSuspectFilterInput,
        >,
        #[graphql(desc = "How to order them.", default)] order_by: SuspectOrder,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, AccountDuplicateSuspect>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read().map_err(fault)?;
        let found =
            suspect::list::<AccountSuspectId>(ctx, actor.workspace, &filter, order_by, &page)
                .await
                .map_err(fault)?;
        Ok(connection(found, AccountDuplicateSuspect))
    }
}

#[derive(Default)]
pub(crate) struct AccountSuspectMutation;

#[Object]
impl AccountSuspectMutation {
    /// Says that two accounts that seem to be one are two companies. They are suspected again only for a reason
    /// that is not there yet. Scope: WRITE.
    #[boxed]
    async fn dismiss_account_duplicate_suspect(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DismissAccountDuplicateSuspectInput,
    ) -> Result<DismissAccountDuplicateSuspectPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id: AccountSuspectId = id::parse(&input.id, &["id"])?;
            suspect::dismiss(ctx, actor, id).await
        };
        let (suspect, user_errors) = settle(result.await)?;
        Ok(DismissAccountDuplicateSuspectPayload {
            suspect: suspect.map(AccountDuplicateSuspect),
            user_errors,
        })
    }
}
