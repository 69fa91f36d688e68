//! Accounts that seem to be one company, over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    account::suspect,
    error::UserError,
    page::PageRequest,
    suspect::{SuspectFilter, in_words, reasons},
};
use entity::{
    id::{AccountId, Id},
    kind::{DuplicateReason, DuplicateState},
};

use super::Account;
use crate::boxed;
use crate::graphql::{
    contact::DuplicateSuspectOrderBy,
    context::{loader, reader, writer},
    error::{fault, settle},
    few::few,
    id,
    page::{Connection, connection},
};

/// Two accounts that seem to be one company.
pub struct AccountDuplicateSuspect(pub(crate) suspect::AccountSuspect);

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
        let found = loader(context)?.load_one(self.0.account_id).await?;
        Ok(found.map(Account))
    }

    /// The other.
    #[boxed]
    async fn other(&self, context: &Context<'_>) -> Result<Option<Account>> {
        let found = loader(context)?.load_one(self.0.other_account_id).await?;
        Ok(found.map(Account))
    }

    /// What makes it seem so, what says most first.
    fn reasons(&self) -> Vec<DuplicateReason> {
        reasons(self.0.evidence)
    }

    /// What makes it seem so, in words.
    fn reason(&self) -> String {
        in_words(self.0.evidence)
    }

    /// How much the first of the reasons says, 1 to 100.
    fn strength(&self) -> i64 {
        self.0.strength
    }

    /// What became of it.
    fn state(&self) -> DuplicateState {
        self.0.settlement.unwrap_or(DuplicateState::Open)
    }

    /// Since when.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When somebody decided, or it was outdated.
    fn settled_at(&self) -> Option<DateTime<Utc>> {
        self.0.settled_at
    }
}

/// Which suspicions a list has; every part given must hold.
#[derive(InputObject, Default)]
pub(crate) struct AccountDuplicateSuspectFilterInput {
    /// What became of them; left out, the open ones.
    state: Option<DuplicateState>,
    /// With one of these reasons at least. An empty list is refused.
    reasons: Option<Vec<DuplicateReason>>,
    /// With a reason that says as much as this at least, 1 to 100.
    min_strength: Option<i32>,
    /// About this account.
    account_id: Option<ID>,
}

impl AccountDuplicateSuspectFilterInput {
    fn read(self) -> domain::error::Result<SuspectFilter> {
        let path = ["filter", "accountId"];
        let about: Option<AccountId> = id::parse_opt(self.account_id.as_ref(), &path)?;
        Ok(SuspectFilter {
            state: self.state,
            reasons: few(self.reasons, &["filter", "reasons"])?,
            min_strength: self.min_strength.map(i64::from),
            about: about.map(Id::uuid),
        })
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
        #[graphql(desc = "How to order them.", default)] order_by: DuplicateSuspectOrderBy,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, AccountDuplicateSuspect>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read().map_err(fault)?;
        let order = order_by.into();
        let found = suspect::list_suspects(ctx, actor.workspace, &filter, order, &page)
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
            let id = id::parse(&input.id, &["id"])?;
            suspect::dismiss(ctx, actor, id).await
        };
        let (suspect, user_errors) = settle(result.await)?;
        Ok(DismissAccountDuplicateSuspectPayload {
            suspect: suspect.map(AccountDuplicateSuspect),
            user_errors,
        })
    }
}
