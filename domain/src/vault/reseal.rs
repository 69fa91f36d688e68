//! Changing the master key: everything the old one sealed is sealed again with the current one.
//!
//! May run while everything else does, and again after it was broken off: a text is only replaced while
//! it is still the one that was read.

use base64::Engine as _;
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use super::{
    MasterKey, Sealed, URL_SAFE_NO_PAD, VERSION, VaultError,
    lasting::{self, LastingError},
};
use crate::{
    ctx::Ctx,
    email, idempotency, notification,
    store::{Query, Rows},
    survey,
};

/// Texts sealed again in one statement.
const BATCH: usize = 200;
/// Characters of a sealed text that tell its key: the version, the key's id, and two bits more.
const START: usize = 7;

/// A column of sealed texts.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The table, whose rows belong to workspaces.
    pub table: &'static str,
    /// The column; what is empty or missing in it is not sealed.
    pub column: &'static str,
    /// What its texts are sealed for.
    pub purpose: &'static str,
    /// How its rows are named.
    pub named: Named,
}

/// How a row is named within its workspace, and what its texts are bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// By its `id`, to which they are bound as well.
    ById,
    /// By its `name`; they are bound to the beginning of its `fingerprint`.
    ByName,
}

impl Named {
    fn column(self) -> &'static str {
        match self {
            Self::ById => "id",
            Self::ByName => "name",
        }
    }

    fn bound_to(self) -> &'static str {
        match self {
            Self::ById => "id",
            Self::ByName => "fingerprint",
        }
    }
}

/// Every column of sealed texts, but for the row of [`lasting`].
pub const PLACES: [Place; 6] = [
    notification::address::SEALED,
    notification::key::SEALED_SECRET,
    notification::key::SEALED_SEED,
    survey::invite::SEALED,
    idempotency::SEALED,
    email::source::SEALED,
];

/// What [`reseal`] came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Texts sealed again.
    pub again: u64,
    /// Texts that no configured key opens.
    pub lost: u64,
}

/// Which keys sealed what is stored, in texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// The current key.
    pub current: i64,
    /// An older one that is configured.
    pub older: i64,
    /// None that is configured.
    pub unknown: i64,
}

impl Census {
    /// Whether there is something, and none of it is ours.
    pub fn is_foreign(&self) -> bool {
        self.unknown > 0 && self.current == 0 && self.older == 0
    }
}

/// Counts what is stored by its key. Only reads.
pub async fn census(ctx: &Ctx) -> Result<Census, DbErr> {
    let mut census = Census::default();
    for Place { table, column, .. } in PLACES {
        let rows = Query::new(format!(
            "SELECT substr({column}, 1, {START}), COUNT(*) FROM {table}
             WHERE {column} <> '' GROUP BY 1"
        ))
        .raw(ctx.reader())
        .await?;
        for row in rows {
            let start: String = row.try_get_by_index(0)?;
            let count: i64 = row.try_get_by_index(1)?;
            let mut keys = ctx.vault.keys.iter();
            match keys.position(|key| starts(key).contains(&start)) {
                Some(0) => census.current += count,
                Some(_) => census.older += count,
                None => census.unknown += count,
            }
        }
    }
    Ok(census)
}

/// Seals again what was not sealed with the current key.
pub async fn reseal(ctx: &Ctx) -> Result<Resealed, LastingError> {
    let mut done = Resealed::default();
    for place in &PLACES {
        reseal_place(ctx, place, &mut done).await?;
    }
    // Last of all: until then no process starts without the old key.
    if lasting::seal_again(ctx).await? {
        done.again += 1;
    }
    Ok(done)
}

/// A row, as it is named.
#[derive(Debug, Clone, Default)]
struct Row {
    workspace: Uuid,
    /// What its texts are bound to.
    bound_to: Uuid,
    /// Empty where rows are named by their ids.
    name: String,
}

async fn reseal_place(ctx: &Ctx, place: &Place, done: &mut Resealed) -> Result<(), DbErr> {
    let mut after = Row::default();
    loop {
        let found = outdated(ctx, place, &after).await?;
        let Some((last, _)) = found.last() else {
            return Ok(());
        };
        after = last.clone();
        let mut again = Vec::with_capacity(found.len());
        for (row, old) in found {
            match seal_again(ctx, place, &row, &old) {
                Ok(new) => again.push((row, old, new)),
                Err(error) => {
                    let (table, id) = (place.table, row.bound_to);
                    tracing::debug!(table, %id, %error, "cannot be sealed again");
                    done.lost += 1;
                }
            }
        }
        done.again += put(ctx, place, &again).await?;
    }
}

/// The next rows after `after` that the current key did not seal.
async fn outdated(ctx: &Ctx, place: &Place, after: &Row) -> Result<Vec<(Row, Sealed)>, DbErr> {
    let Place { table, column, .. } = place;
    let (name, bound_to) = (place.named.column(), place.named.bound_to());
    let [a, b, c, d] = starts(&ctx.vault.keys[0]);
    let query = Query::new(format!(
        "SELECT workspace_id, {column}, {bound_to}, {name} FROM {table}
         WHERE {column} <> '' AND substr({column}, 1, {START}) NOT IN ($1, $2, $3, $4)
           AND (workspace_id, {name}) > ($5, $6)
         ORDER BY workspace_id, {name} LIMIT {BATCH}"
    ))
    .bind(a)
    .bind(b)
    .bind(c)
    .bind(d)
    .bind(after.workspace);
    let query = match place.named {
        Named::ById => query.bind(after.bound_to),
        Named::ByName => query.bind(after.name.clone()),
    };
    let rows = query.raw(ctx.db.writer()).await?;
    rows.iter().map(|row| read(place, row)).collect()
}

fn read(place: &Place, row: &QueryResult) -> Result<(Row, Sealed), DbErr> {
    let (bound_to, name) = match place.named {
        Named::ById => (row.try_get_by_index(2)?, String::new()),
        Named::ByName => {
            let fingerprint: Vec<u8> = row.try_get_by_index(2)?;
            let bytes: [u8; 16] = fingerprint.first_chunk().copied().unwrap_or_default();
            (Uuid::from_bytes(bytes), row.try_get_by_index(3)?)
        }
    };
    let workspace = row.try_get_by_index(0)?;
    let sealed = Sealed::from_stored(row.try_get_by_index(1)?);
    let row = Row {
        workspace,
        bound_to,
        name,
    };
    Ok((row, sealed))
}

fn seal_again(ctx: &Ctx, place: &Place, row: &Row, old: &Sealed) -> Result<Sealed, VaultError> {
    let secret = ctx.vault.open(row.bound_to, place.purpose, old)?;
    ctx.vault
        .seal(&*ctx.ids, row.bound_to, place.purpose, &secret)
}

/// Writes new texts in the place of old ones that are still there; says how many were.
async fn put(ctx: &Ctx, place: &Place, again: &[(Row, Sealed, Sealed)]) -> Result<u64, DbErr> {
    if again.is_empty() {
        return Ok(0);
    }
    let Place { table, column, .. } = place;
    let name = place.named.column();
    let rows = Rows::new()
        .uuids("workspace_id", again.iter().map(|(row, ..)| row.workspace))
        .texts("was", again.iter().map(|(_, old, _)| old.as_str()))
        .texts("sealed", again.iter().map(|(.., new)| new.as_str()));
    let rows = match place.named {
        Named::ById => rows.uuids("named", again.iter().map(|(row, ..)| row.bound_to)),
        Named::ByName => rows.texts("named", again.iter().map(|(row, ..)| row.name.as_str())),
    };
    Query::new(format!(
        "UPDATE {table} SET {column} = r.sealed FROM {{r}}
         WHERE {table}.workspace_id = r.workspace_id AND {table}.{name} = r.named
           AND {table}.{column} = r.was"
    ))
    .rows("r", rows)
    .execute(ctx.db.writer())
    .await
}

/// How texts sealed with `key` begin: the last character holds two bits of the nonce.
fn starts(key: &MasterKey) -> [String; 4] {
    let [a, b, c, d] = key.id_bytes();
    [0_u8, 1, 2, 3].map(|bits| {
        let mut text = URL_SAFE_NO_PAD.encode([VERSION, a, b, c, d, bits << 6]);
        text.truncate(START);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{port::SeededIds, vault::Vault};

    #[test]
    fn a_sealed_text_begins_as_its_key_says() {
        let key = |byte| MasterKey::from_bytes([byte; 32]);
        let ids = SeededIds::new(7);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..64 {
            let vault = Vault::new(key(1));
            let sealed = vault.seal(&ids, Uuid::nil(), "x", &"s3cr3t".into());
            let start = sealed.unwrap().as_str()[..START].to_owned();
            assert!(starts(&key(1)).contains(&start));
            assert!(!starts(&key(2)).contains(&start));
            seen.insert(start);
        }
        assert_eq!(seen.len(), 4, "each of them is met");
    }
}
