//! Taking what the log says of people out of it.

use entity::id::ContactId;
use sea_orm::DbErr;
use serde_json::json;

use super::{ERASED, Record, Who};
use crate::store::{Query, Rows, Tx};

/// Takes the texts out of every entry that holds data of one of `contacts`, in the transaction of
/// their erasure, and notes for each that it was done, and whether their addresses are kept out. Who, when
/// and what kind of change stay; the chain holds. The one way sealed entries are ever touched. Says how
/// many entries were.
pub async fn erase(
    tx: &mut Tx<'_>,
    who: Who,
    contacts: &[ContactId],
    kept_out: bool,
) -> Result<u64, DbErr> {
    let touched = Query::new(
        "UPDATE audit_entry SET before = NULL, after = NULL, salt = NULL, erased_at = $2
         WHERE workspace_id = $1 AND erased_at IS NULL AND action <> $3
           AND contact_id IN (SELECT r.id FROM {r})",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(ERASED)
    .rows("r", Rows::new().ids("id", contacts.iter().copied()))
    .execute(tx.connection())
    .await?;
    for &contact in contacts {
        let said = json!({ "erased": true, "keptOut": kept_out });
        let record = Record::made(ERASED, contact, said);
        tx.audit(who, record.of(contact));
    }
    Ok(touched)
}
