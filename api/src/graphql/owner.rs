//! Who looked after contacts and accounts, over GraphQL.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::owner_change;

use super::{
    access::{ChangeOrigin, Member},
    context::loaded,
};
use crate::boxed;

/// A change of who looks after a contact or an account.
pub(crate) struct OwnerChange(pub(crate) owner_change::Model);

/// A change of who looks after a contact or an account.
#[Object]
impl OwnerChange {
    /// Who looked after it before; nothing when nobody did.
    #[boxed]
    async fn from(&self, context: &Context<'_>) -> Result<Option<Member>> {
        loaded(context, self.0.from_owner_id, Member).await
    }

    /// Who looks after it since; nothing when nobody does.
    #[boxed]
    async fn to(&self, context: &Context<'_>) -> Result<Option<Member>> {
        loaded(context, self.0.to_owner_id, Member).await
    }

    /// When.
    fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// Who changed it.
    fn changed_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.by_origin)
    }
}
