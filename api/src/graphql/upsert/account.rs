//! What is said of accounts in bulk, and what is told of each.

use async_graphql::{ID, InputObject, MaybeUndefined, SimpleObject};
use domain::{
    error::UserError,
    upsert::{AccountItem, Outcome, Told, Upserted},
};
use entity::{id::AccountId, kind::LifecycleStage};

use super::{KeyedAttributeValueInput, MemberReferenceInput, Reader, TagReferenceInput};
use crate::graphql::given::optional;

const LIST: &str = "accounts";

/// An account as another system knows it. What is left out stays as it is. `null` takes away where the
/// field says so, and is the same as leaving the field out elsewhere. At least one of `id`, `externalId`
/// and `domain` is needed.
#[derive(InputObject)]
pub(crate) struct AccountUpsertInput {
    /// The account's global id, if the other system keeps it: there must be such an account.
    id: Option<ID>,
    /// The other system's id, at most 200 characters. An account that is named by its domain keeps the id
    /// another item gave it, which is a `CONFLICT`; one that is named by `id` gets the new one.
    external_id: Option<String>,
    /// The company's email domain, such as `example.com`; contacts who write from it join the account.
    domain: Option<String>,
    /// The name shown, at most 200 characters. A new account without one is named after its domain.
    name: Option<String>,
    /// The company's web site; `null` takes it away.
    website: MaybeUndefined<String>,
    /// The company's phone number, read as in `createAccount`; `null` takes it away.
    phone: MaybeUndefined<String>,
    /// What the company is and does, at most 2,000 characters; `null` takes it away.
    description: MaybeUndefined<String>,
    /// The member who looks after the account; `null` for nobody.
    owner: MaybeUndefined<MemberReferenceInput>,
    /// How far the relationship has come; `null` takes the account out of the lifecycle.
    stage: MaybeUndefined<LifecycleStage>,
    /// Values of custom attributes; those left out stay.
    attributes: Option<Vec<KeyedAttributeValueInput>>,
    /// Tags to put on, which must be there, at most 50; the account keeps all others. Of a group that takes
    /// one value the new one replaces what the account carries.
    tags: Option<Vec<TagReferenceInput>>,
}

impl AccountUpsertInput {
    fn read(self, index: usize) -> Told<AccountItem> {
        let mut reader = Reader::new(LIST, index);
        let id = reader.id(self.id.as_ref());
        let common = reader.common(self.owner, self.stage, self.attributes, self.tags);
        let item = AccountItem {
            id,
            external_id: self.external_id,
            domain: self.domain,
            name: self.name,
            website: optional(self.website),
            phone: optional(self.phone),
            description: optional(self.description),
            common,
        };
        Told {
            item,
            errors: reader.errors,
        }
    }
}

/// Accounts as another system knows them.
#[derive(InputObject)]
pub(crate) struct UpsertAccountsInput {
    /// The accounts, at most 1,000.
    accounts: Vec<AccountUpsertInput>,
    /// Why stages change and tags are put on, at most 255 characters.
    #[graphql(default)]
    reason: String,
}

impl UpsertAccountsInput {
    pub(super) fn read(self) -> (Vec<Told<AccountItem>>, String) {
        let accounts = self.accounts.into_iter().enumerate();
        let items = accounts.map(|(index, one)| one.read(index)).collect();
        (items, self.reason)
    }
}

/// One account after the call.
#[derive(SimpleObject)]
pub(crate) struct UpsertedAccount {
    /// The other system's id, if it gave one.
    external_id: Option<String>,
    /// The account's global id, whether it is new or not; null where nothing was kept.
    id: Option<ID>,
    /// What became of the item.
    outcome: Outcome,
    /// With `CONFLICT`: the global ids of the accounts that have what the item names.
    conflicting_ids: Vec<ID>,
    /// Why nothing was kept, with the place in the input; empty where the item was taken.
    errors: Vec<UserError>,
}

impl From<Upserted<AccountId>> for UpsertedAccount {
    fn from(done: Upserted<AccountId>) -> Self {
        Self {
            external_id: done.external_id,
            id: done.id.map(ID::from),
            outcome: done.outcome,
            conflicting_ids: done.conflicting.into_iter().map(ID::from).collect(),
            errors: done.errors,
        }
    }
}

/// What became of `upsertAccounts`.
#[derive(SimpleObject)]
pub(crate) struct UpsertAccountsPayload {
    /// The accounts, one for each given and in the same order; empty when the whole call was refused.
    accounts: Vec<UpsertedAccount>,
    /// Why the whole call was refused; empty when it was done, whatever became of each item.
    user_errors: Vec<UserError>,
}

impl UpsertAccountsPayload {
    pub(super) fn of(done: Option<Vec<Upserted<AccountId>>>, user_errors: Vec<UserError>) -> Self {
        let accounts = done.into_iter().flatten();
        Self {
            accounts: accounts.map(UpsertedAccount::from).collect(),
            user_errors,
        }
    }
}
