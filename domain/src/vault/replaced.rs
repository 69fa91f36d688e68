//! The master keys that have been replaced, by their ids, beside the secret of [`lasting`](super::lasting).
//!
//! Whoever changes the key says so first ([`replace`]), waits [`NOTICED_WITHIN`], and seals again then: the
//! processes that still have the old key look every [`LOOK_EVERY`] ([`look`]) and seal nothing more with
//! it, so that nothing new is left under it. By the keys alone nobody could tell: while keys are changed,
//! some processes have the new one first and the old one behind it, and others the reverse.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use sea_orm::{ConnectionTrait, DbErr};

use super::Vault;
use crate::{ctx::Ctx, store::Query};

/// How often processes look.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long after [`replace`] every process that reaches the database has noticed, and what it had begun
/// to write before is written.
pub const NOTICED_WITHIN: Duration = Duration::from_secs(12);

/// Whether the current key was replaced. The vault seals nothing while that is so; a key that somebody
/// went back to seals again.
pub async fn look(ctx: &Ctx) -> Result<bool, DbErr> {
    let replaced = read(ctx.reader()).await?;
    let is_replaced = ids(replaced).contains(&ctx.vault.keys[0].id());
    ctx.vault.is_replaced.store(is_replaced, Ordering::Relaxed);
    Ok(is_replaced)
}

/// Whether the current key was replaced, for who is about to start: a worker may come before the role of
/// the programs has its rights on the table.
pub async fn is_replaced(ctx: &Ctx) -> Result<bool, DbErr> {
    let replaced = read(ctx.db.owner()).await?;
    Ok(ids(replaced).contains(&ctx.vault.keys[0].id()))
}

/// Says that the current key takes the place of the older ones that are configured, also where it was
/// replaced itself before. False when that was said already.
pub async fn replace(ctx: &Ctx) -> Result<bool, DbErr> {
    let older = ctx.vault.keys.iter().skip(1).map(super::MasterKey::id);
    say(ctx, older.collect()).await
}

/// Says that the key with this id is replaced by the current one.
pub(super) async fn replace_key(ctx: &Ctx, id: String) -> Result<bool, DbErr> {
    say(ctx, BTreeSet::from([id])).await
}

async fn say(ctx: &Ctx, older: BTreeSet<String>) -> Result<bool, DbErr> {
    let owner = ctx.db.owner();
    // Until nobody else has said something at the same moment, or there is no secret yet.
    while let Some(text) = read(owner).await? {
        let was = ids(Some(text.clone()));
        let now = with_replaced(&was, &older, &ctx.vault);
        if now == was {
            return Ok(false);
        }
        let now: Vec<String> = now.into_iter().collect();
        let written = Query::new("UPDATE vault_secret SET replaced = $1 WHERE replaced = $2")
            .bind(now.join(" "))
            .bind(text)
            .execute(owner)
            .await?;
        if written > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The ids that are replaced once `older` are, and the current key is not.
fn with_replaced(
    was: &BTreeSet<String>,
    older: &BTreeSet<String>,
    vault: &Vault,
) -> BTreeSet<String> {
    let mut now = was | older;
    now.remove(&vault.keys[0].id());
    now
}

/// The ids as they are stored; nothing while there is no secret.
async fn read(connection: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    Query::new("SELECT replaced FROM vault_secret")
        .scalar(connection)
        .await
}

fn ids(stored: Option<String>) -> BTreeSet<String> {
    let stored = stored.unwrap_or_default();
    stored.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::MasterKey;

    fn key(byte: u8) -> MasterKey {
        MasterKey::from_bytes([byte; 32])
    }

    fn ids_of(bytes: &[u8]) -> BTreeSet<String> {
        bytes.iter().map(|byte| key(*byte).id()).collect()
    }

    #[test]
    fn a_key_takes_the_place_of_others_and_gives_up_none_of_its_own() {
        let vault = Vault::new(key(2)).with_older(key(1));
        let of = |was: &[u8]| with_replaced(&ids_of(was), &ids_of(&[1]), &vault);
        assert_eq!(of(&[]), ids_of(&[1]));
        assert_eq!(of(&[1]), ids_of(&[1]));
        assert_eq!(of(&[9]), ids_of(&[1, 9]));
        assert_eq!(of(&[2]), ids_of(&[1]), "it is gone back to");
    }
}
