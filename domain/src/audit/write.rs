//! Writing entries, in the transaction of what they tell.

use entity::id::AuditEntryId;
use sea_orm::DbErr;
use serde_json::Value;

use super::{Record, Who, chain};
use crate::store::{Query, Rows, Tx};

/// Random bytes that keep a digest from being guessed.
const SALT_BYTES: usize = 16;

/// Writes `records` in their order with one statement, and returns the id of the last.
pub(crate) async fn write(
    tx: &Tx<'_>,
    records: &[(Who, Record)],
) -> Result<Option<AuditEntryId>, DbErr> {
    let ids: Vec<AuditEntryId> = records.iter().map(|_| tx.id()).collect();
    let text = |value: &Option<Value>| value.as_ref().map(Value::to_string);
    let sealed: Vec<(Option<String>, Option<String>, [u8; SALT_BYTES])> = records
        .iter()
        .map(|(_, record)| {
            let mut salt = [0; SALT_BYTES];
            tx.ctx().ids.fill(&mut salt);
            (text(&record.before), text(&record.after), salt)
        })
        .collect();
    let digests = sealed
        .iter()
        .map(|(before, after, salt)| chain::digest(salt, before.as_deref(), after.as_deref()));
    let caller = tx.ctx().caller.as_ref();
    let each = || records.iter();
    let rows = Rows::new()
        .ids("id", ids.iter().copied())
        .texts(
            "actor",
            each().map(|(who, _)| who.origin.json().to_string()),
        )
        .opt_ids(
            "token_id",
            // What follows in a request's own transaction was done through its credential too.
            each().map(|(who, _)| who.token.or(caller.map(|caller| caller.token))),
        )
        .texts("action", each().map(|(_, record)| record.action))
        .texts("subject", each().map(|(_, record)| record.subject.as_str()))
        .opt_ids("contact_id", each().map(|(_, record)| record.contact))
        .opt_texts("before", sealed.iter().map(|(before, ..)| before.clone()))
        .opt_texts("after", sealed.iter().map(|(_, after, _)| after.clone()))
        .texts("salt", sealed.iter().map(|(.., salt)| hex::encode(salt)))
        .texts("digest", digests.map(hex::encode));
    let bytes = |column: &str| bytes(tx, column);
    Query::new(format!(
        "INSERT INTO audit_entry (workspace_id, id, at, actor, token_id, request_id, action,
                                  subject, contact_id, before, after, salt, digest)
         SELECT $1, r.id, $2, r.actor, r.token_id, $3, r.action, r.subject, r.contact_id, r.before,
                r.after, {}, {} FROM {{r}}",
        bytes("r.salt"),
        bytes("r.digest")
    ))
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(caller.map(|caller| caller.request_id.to_string()))
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(ids.last().copied())
}

/// The bytes a column of hexadecimal digits stands for.
pub(super) fn bytes(tx: &Tx<'_>, column: &str) -> String {
    use sea_orm::{ConnectionTrait as _, DatabaseBackend};
    match tx.connection().get_database_backend() {
        DatabaseBackend::Postgres => format!("decode({column}, 'hex')"),
        _ => format!("unhex({column})"),
    }
}
