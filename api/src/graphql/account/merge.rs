//! Merging accounts, and undoing it.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    account::merge::{self, Merge, Preview},
    error::UserError,
};

use super::{Account, delete::AccountUse};
use crate::boxed;
use crate::graphql::{
    access::ChangeOrigin,
    contact::{MergeConflict, MergeCount, MergeTagConflict},
    context::{loader, reader, writer},
    error::{fault, settle},
    id,
};

/// Two accounts made one; it can be undone.
pub(crate) struct AccountMerge(pub(crate) Merge);

/// Two accounts made one; it can be undone.
#[Object]
impl AccountMerge {
    /// The global id.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Which account stayed.
    #[boxed]
    async fn survivor(&self, context: &Context<'_>) -> Result<Option<Account>> {
        let found = loader(context)?.load_one(self.0.survivor_id).await?;
        Ok(found.map(Account))
    }

    /// The id of the account that was merged into the survivor. While the merge holds, this id is answered
    /// with the survivor.
    fn merged_id(&self) -> ID {
        self.0.loser_id.into()
    }

    /// Why, in words; may be empty.
    fn reason(&self) -> &str {
        &self.0.reason
    }

    /// When.
    fn merged_at(&self) -> DateTime<Utc> {
        self.0.merged_at
    }

    /// By whom.
    fn merged_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.merged_by)
    }

    /// When it was undone.
    fn undone_at(&self) -> Option<DateTime<Utc>> {
        self.0.undone_at
    }

    /// By whom it was undone.
    fn undone_by(&self) -> Result<Option<ChangeOrigin>> {
        let by = self.0.undone_by.as_ref();
        by.map(ChangeOrigin::read).transpose()
    }
}

/// What merging two accounts would do.
pub(crate) struct AccountMergePreview(Preview);

/// What merging two accounts would do.
#[Object]
impl AccountMergePreview {
    /// Which account would stay.
    fn survivor(&self) -> Account {
        Account(self.0.survivor.clone())
    }

    /// Which one would be merged into the survivor.
    fn merged(&self) -> Account {
        Account(self.0.loser.clone())
    }

    /// What the survivor lacks and would take over, such as `website`.
    fn filled(&self) -> &[&'static str] {
        &self.0.filled
    }

    /// What both have, of which the survivor keeps its own: the other value would be lost, as long as the
    /// merge holds.
    fn conflicts(&self) -> Vec<MergeConflict> {
        let conflicts = self.0.conflicts.iter().cloned();
        conflicts.map(MergeConflict::from).collect()
    }

    /// Groups of one value of which both carry another tag: one of the two would end.
    fn tag_conflicts(&self) -> Vec<MergeTagConflict> {
        let conflicts = self.0.tag_conflicts.iter().cloned();
        conflicts.map(MergeTagConflict).collect()
    }

    /// How much would follow to the survivor, such as `contact`.
    fn follows(&self) -> Vec<MergeCount> {
        MergeCount::all(&self.0.rows)
    }

    /// Rules, segments and playbooks whose conditions name the account that would go. They would go on naming
    /// it, and nobody would be at it: let them name the survivor.
    fn uses(&self) -> Vec<AccountUse> {
        let uses = self.0.uses.iter().cloned();
        uses.map(AccountUse::from).collect()
    }
}

/// Two accounts that are one company.
#[derive(InputObject)]
pub(crate) struct MergeAccountsInput {
    /// Which account stays.
    survivor_id: ID,
    /// Which one is merged into the survivor, with everything.
    merged_id: ID,
    /// Why, at most 255 characters.
    #[graphql(default)]
    reason: String,
}

/// A merge of accounts to be undone.
#[derive(InputObject)]
pub(crate) struct UnmergeAccountsInput {
    /// The merge's global id.
    id: ID,
}

/// What became of a merge of accounts.
#[derive(SimpleObject)]
pub(crate) struct AccountMergePayload {
    /// The merge.
    merge: Option<AccountMerge>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

impl AccountMergePayload {
    fn of(result: domain::error::Result<Merge>) -> Result<Self> {
        let (merge, user_errors) = settle(result)?;
        Ok(Self {
            merge: merge.map(AccountMerge),
            user_errors,
        })
    }
}

#[derive(Default)]
pub(crate) struct AccountMergeQuery;

#[Object]
impl AccountMergeQuery {
    /// What merging two accounts would do, without doing it.
    #[boxed]
    async fn preview_account_merge(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which account would stay.")] survivor_id: ID,
        #[graphql(desc = "Which one would be merged into the survivor.")] merged_id: ID,
    ) -> Result<AccountMergePreview> {
        let (ctx, actor) = reader(context)?;
        let survivor = id::parse(&survivor_id, &["survivorId"]).map_err(fault)?;
        let merged = id::parse(&merged_id, &["mergedId"]).map_err(fault)?;
        merge::preview(ctx, actor.workspace, survivor, merged)
            .await
            .map(AccountMergePreview)
            .map_err(fault)
    }
}

#[derive(Default)]
pub(crate) struct AccountMergeMutation;

#[Object]
impl AccountMergeMutation {
    /// Merges one account into another, with everything that names it: its people, orders, invoices, tickets,
    /// opportunities, answers, tasks, notes, tags and attributes. The survivor keeps its own fields and takes those
    /// it lacks; the merged account's id, domain and external id lead to it. It can be undone. Scope: WRITE.
    #[boxed]
    async fn merge_accounts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: MergeAccountsInput,
    ) -> Result<AccountMergePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let survivor = id::parse(&input.survivor_id, &["survivorId"])?;
            let merged = id::parse(&input.merged_id, &["mergedId"])?;
            merge::merge(ctx, actor, survivor, merged, &input.reason).await
        };
        AccountMergePayload::of(result.await)
    }

    /// Undoes a merge: what the merged account had before it, its people among that, goes back to it. What came
    /// since stays with the survivor: people who were new then, and orders and other facts, also those told with
    /// the merged account's id, domain or external id. Merges are undone from the newest. Scope: WRITE.
    #[boxed]
    async fn unmerge_accounts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UnmergeAccountsInput,
    ) -> Result<AccountMergePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            merge::unmerge(ctx, actor, id).await
        };
        AccountMergePayload::of(result.await)
    }
}
