//! The rows of a kind of fact: what is there, held, and the one upsert of what is new.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use entity::id::{AccountId, ContactId};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::{Item, Told, state::State};
use crate::{
    error::Result,
    store::{Query, Rows, Tx, dialect},
};

#[derive(FromQueryResult)]
struct Stored {
    external_id: String,
    id: Uuid,
    updated_at: DateTime<Utc>,
    digest: String,
    status: String,
    contact_id: Option<ContactId>,
}

/// What is there of the items at `open`, held until the transaction ends.
pub(super) async fn stored<T: Told>(
    tx: &Tx<'_>,
    items: &[Item<T>],
    open: &[usize],
) -> Result<BTreeMap<String, State<T::Id>>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let of = if lock.is_empty() { "" } else { "OF t" };
    let rows: Vec<Stored> = Query::new(format!(
        "SELECT t.external_id, t.id, t.updated_at, t.digest, {} AS status, t.contact_id
         FROM {{r}} CROSS JOIN {} AS t
         WHERE t.workspace_id = $1 AND t.external_id = r.external_id
         ORDER BY t.external_id {lock} {of}",
        T::BEFORE,
        T::TABLE
    ))
    .bind(tx.workspace)
    .rows("r", id_rows(items, open))
    .all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let state = State {
                id: T::Id::from(row.id),
                contact: row.contact_id,
                updated_at: row.updated_at,
                digest: row.digest,
                before: Some((row.status, row.contact_id)),
                write: None,
                news: false,
            };
            (row.external_id, state)
        })
        .collect())
}

fn id_rows<T>(items: &[Item<T>], open: &[usize]) -> Rows {
    let ids = open.iter().map(|&index| items[index].external_id.as_str());
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    Rows::new().texts("external_id", ids)
}

/// What a written row came to: its id, and its account as it was resolved.
#[derive(Clone, Copy)]
pub(super) struct Kept<I> {
    pub(super) id: I,
    pub(super) account: Option<AccountId>,
}

#[derive(FromQueryResult)]
struct Written {
    external_id: String,
    id: Uuid,
    account_id: Option<AccountId>,
}

/// Writes what is to be written, unless somebody else has brought it in since it was found missing;
/// that is held then. Gives the rows that were written.
pub(super) async fn write<T: Told>(
    tx: &Tx<'_>,
    items: &[Item<T>],
    states: &BTreeMap<String, State<T::Id>>,
) -> Result<HashMap<String, Kept<T::Id>>> {
    let writes: Vec<(usize, &State<T::Id>)> = states
        .values()
        .filter_map(|state| Some((state.write?, state)))
        .collect();
    if writes.is_empty() {
        return Ok(HashMap::new());
    }
    let told: Vec<&T> = writes
        .iter()
        .map(|(index, _)| &items[*index].told)
        .collect();
    let of = |index: &usize| &items[*index];
    let rows = Rows::new()
        .ids("id", writes.iter().map(|(_, state)| state.id))
        .texts(
            "external_id",
            writes
                .iter()
                .map(|(index, _)| of(index).external_id.as_str()),
        )
        .opt_ids(
            "contact_id",
            writes.iter().map(|(index, _)| of(index).found.contact),
        )
        .opt_ids(
            "account_id",
            writes.iter().map(|(index, _)| of(index).found.account),
        )
        .flags(
            "account_told",
            writes
                .iter()
                .map(|(index, _)| of(index).found.account.is_some()),
        )
        .texts(
            "digest",
            writes.iter().map(|(index, _)| of(index).digest.as_str()),
        )
        .times(
            "updated_at",
            writes.iter().map(|(index, _)| of(index).updated_at),
        );
    let rows = T::rows(rows, &told);
    let table = T::TABLE;
    let columns = T::COLUMNS.join(", ");
    let given = T::COLUMNS.join(", r.");
    let news: Vec<String> = [
        "contact_id",
        "account_id",
        "account_told",
        "digest",
        "updated_at",
        "recorded_at",
    ]
    .iter()
    .chain(T::COLUMNS)
    .map(|column| format!("{column} = excluded.{column}"))
    .collect();
    let news = news.join(", ");
    // In the order of the external ids, so that two calls never wait for each other in a circle. What
    // was there when it was looked for is held and has its own id; any other is somebody else's.
    let written: Vec<Written> = Query::new(format!(
        "INSERT INTO {table} (workspace_id, id, external_id, contact_id, account_id, account_told,
                              digest, updated_at, created_at, recorded_at, {columns})
         SELECT $1, r.id, r.external_id, r.contact_id,
                COALESCE(r.account_id, (SELECT c.account_id FROM contact c
                                        WHERE c.workspace_id = $1 AND c.id = r.contact_id)),
                r.account_told, r.digest, r.updated_at, $2, $2, r.{given}
         FROM {{r}} WHERE true ORDER BY r.external_id
         ON CONFLICT (workspace_id, external_id) DO UPDATE SET {news}
         WHERE {table}.id = excluded.id
         RETURNING external_id, id, account_id"
    ))
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    Ok(written
        .into_iter()
        .map(|row| {
            let (id, account) = (T::Id::from(row.id), row.account_id);
            (row.external_id, Kept { id, account })
        })
        .collect())
}
