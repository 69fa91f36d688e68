//! For whom of many contacts a condition holds, asked in one statement however many there are.

use std::collections::HashSet;

use entity::{
    id::{ContactId, Id as _},
    kind::SubjectKind,
};
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use crate::{
    condition::{Condition, moment::Moment, sql},
    error::Result,
    store::Tx,
};

/// The contacts among `contacts` for whom `condition` holds now.
pub(super) async fn holding(
    tx: &Tx<'_>,
    condition: &Condition,
    contacts: &[ContactId],
    moment: &Moment,
) -> Result<HashSet<ContactId>> {
    let ids: Vec<Uuid> = contacts.iter().map(|id| id.uuid()).collect();
    let backend = tx.connection().get_database_backend();
    let subject = SubjectKind::Contact;
    let query = sql::select(backend, tx.workspace, moment, condition, subject, &ids);
    let holding: Vec<ContactId> = query.column(tx.connection()).await?;
    Ok(holding.into_iter().collect())
}

/// Whether `condition` may come to hold without anything being told of the contact: by time alone, or
/// by what happens to the account and its other contacts.
pub(super) fn timed(condition: &Condition) -> bool {
    condition.timed() || condition.asks_account()
}
