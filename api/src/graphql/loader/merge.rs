//! Merges, by their ids, which do not say whether contacts or accounts were merged. The type of the key does.

use std::collections::HashMap;

use async_graphql::{Error, dataloader::Loader as Load};
use domain::{account, contact};
use entity::id::MergeId;

use super::{Loader, by};
use crate::graphql::error::fault;

/// Asks for a merge of contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ContactMergeOf(pub(crate) MergeId);

#[async_trait::async_trait]
impl Load<ContactMergeOf> for Loader {
    type Value = contact::merge::Merge;
    type Error = Error;

    async fn load(
        &self,
        keys: &[ContactMergeOf],
    ) -> Result<HashMap<ContactMergeOf, Self::Value>, Error> {
        let ids: Vec<MergeId> = keys.iter().map(|key| key.0).collect();
        let rows = contact::merge::load(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| ContactMergeOf(row.id)))
    }
}

/// Asks for a merge of accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AccountMergeOf(pub(crate) MergeId);

#[async_trait::async_trait]
impl Load<AccountMergeOf> for Loader {
    type Value = account::merge::Merge;
    type Error = Error;

    async fn load(
        &self,
        keys: &[AccountMergeOf],
    ) -> Result<HashMap<AccountMergeOf, Self::Value>, Error> {
        let ids: Vec<MergeId> = keys.iter().map(|key| key.0).collect();
        let rows = account::merge::load(&self.ctx, self.workspace, &ids)
            .await
            .map_err(fault)?;
        Ok(by(rows, |row| AccountMergeOf(row.id)))
    }
}
