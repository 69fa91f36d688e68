//! The secret that outlives every master key: what fingerprints are made with.
//!
//! A fingerprint cannot be made anew, because what it stands for is gone, so its key must not change
//! with the master key. It lies sealed in the one row of `vault_secret`. Whether that row opens also
//! tells at the start whether the master key is the one the database was sealed with.
//!
//! An installation from before that row has fingerprints under its master keys; those are put in, as
//! they are at that moment, and go on being used. Every other gets random bytes.

use entity::id::WorkspaceId;
use sea_orm::DbErr;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::{MasterKey, Sealed, Vault, VaultError, key_id, replaced, reseal};
use crate::{ctx::Ctx, store::Query};

/// There is one row, so it needs no name of its own.
const ROW: Uuid = Uuid::nil();
const PURPOSE: &str = "vault_secret.sealed";

/// Why the secret is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum LastingError {
    /// The configured keys do not open it.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// There is none yet, and the configured keys open nothing else either.
    #[error("everything sealed in the database was sealed with another key")]
    Foreign,
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// To be called by every process at its start, before anything is sealed: reads the secret, and makes
/// it when there is none. One that is there is never replaced: a wrong key is an error.
pub async fn open(ctx: &Ctx) -> Result<(), LastingError> {
    let sealed = match stored(ctx).await? {
        Some(sealed) => sealed,
        None => make(ctx).await?,
    };
    let keys = read(&ctx.vault, &sealed)?;
    // Whoever called before has set the same.
    let _ = ctx.vault.lasting.set(keys);
    Ok(())
}

/// Whether the secret is sealed with the current key, or not made yet. Only reads.
pub async fn is_current(ctx: &Ctx) -> Result<bool, LastingError> {
    let Some(sealed) = stored(ctx).await? else {
        return Ok(true);
    };
    read(&ctx.vault, &sealed)?;
    Ok(!ctx.vault.is_outdated(&sealed))
}

/// Goes on without a master key that is lost for good: what does not open is replaced, and fingerprints
/// made with it are never found again. False when nothing is lost.
pub async fn give_up(ctx: &Ctx) -> Result<bool, LastingError> {
    let Some(old) = stored(ctx).await? else {
        let keys = master_keys(&ctx.vault);
        insert(ctx, &seal(ctx, &keys)?).await?;
        return Ok(true);
    };
    if read(&ctx.vault, &old).is_ok() {
        return Ok(false);
    }
    // Lost here, it may live on in a process that runs.
    if let Some(id) = key_id(&old) {
        replaced::replace_key(ctx, id).await?;
    }
    replace(ctx, &old, &seal(ctx, &random(ctx))?).await?;
    Ok(true)
}

/// Seals it again with the current master key, if another sealed it; says whether it did.
pub(super) async fn seal_again(ctx: &Ctx) -> Result<bool, LastingError> {
    let Some(old) = stored(ctx).await? else {
        return Ok(false);
    };
    if !ctx.vault.is_outdated(&old) {
        return Ok(false);
    }
    let keys = ctx.vault.open(ROW, PURPOSE, &old)?;
    Ok(replace(ctx, &old, &seal(ctx, &keys)?).await?)
}

/// As the tables' owner: a worker may come before the role of the programs has its rights on the table.
async fn stored(ctx: &Ctx) -> Result<Option<Sealed>, DbErr> {
    let sealed: Option<String> = Query::new("SELECT sealed FROM vault_secret")
        .scalar(ctx.db.owner())
        .await?;
    Ok(sealed.map(Sealed::from_stored))
}

/// Of several who start at once the first one's stays.
async fn make(ctx: &Ctx) -> Result<Sealed, LastingError> {
    let workspace: Option<WorkspaceId> = Query::new("SELECT id FROM workspace LIMIT 1")
        .scalar(ctx.db.owner())
        .await?;
    let keys = if workspace.is_none() {
        random(ctx)
    } else if reseal::census(ctx).await?.is_foreign() {
        return Err(LastingError::Foreign);
    } else {
        master_keys(&ctx.vault)
    };
    insert(ctx, &seal(ctx, &keys)?).await?;
    let sealed = stored(ctx).await?;
    sealed.ok_or_else(|| DbErr::RecordNotFound("the row of vault_secret".to_owned()).into())
}

async fn insert(ctx: &Ctx, sealed: &Sealed) -> Result<(), DbErr> {
    Query::new(
        "INSERT INTO vault_secret (one, sealed, created_at) VALUES (1, $1, $2)
         ON CONFLICT DO NOTHING",
    )
    .bind(sealed.as_str())
    .bind(ctx.clock.now())
    .execute(ctx.db.owner())
    .await?;
    Ok(())
}

async fn replace(ctx: &Ctx, old: &Sealed, new: &Sealed) -> Result<bool, DbErr> {
    let replaced = Query::new("UPDATE vault_secret SET sealed = $1 WHERE sealed = $2")
        .bind(new.as_str())
        .bind(old.as_str())
        .execute(ctx.db.owner())
        .await?;
    Ok(replaced == 1)
}

fn random(ctx: &Ctx) -> SecretString {
    let mut bytes = [0; 32];
    ctx.ids.fill(&mut bytes);
    hex::encode(bytes).into()
}

/// As fingerprints were made before there was a secret of their own.
fn master_keys(vault: &Vault) -> SecretString {
    let keys = vault.keys.iter().map(|key| hex::encode(key.expose()));
    keys.collect::<Vec<_>>().join(" ").into()
}

fn seal(ctx: &Ctx, keys: &SecretString) -> Result<Sealed, VaultError> {
    ctx.vault.seal(&*ctx.ids, ROW, PURPOSE, keys)
}

/// The keys of fingerprints, the one for new ones first.
fn read(vault: &Vault, sealed: &Sealed) -> Result<Vec<MasterKey>, VaultError> {
    let text = vault.open(ROW, PURPOSE, sealed)?;
    let keys = text.expose_secret().split(' ');
    let keys: Result<Vec<_>, _> = keys.map(str::parse::<MasterKey>).collect();
    keys.map_err(|_| VaultError::Malformed)
}
