//! Where the key of the vault comes from (the settings, or a file made at the first start), that it is the
//! right one, and that it stays so while the process runs.

use std::{
    fs::read_to_string,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use domain::{
    ctx::Ctx,
    port::Ids,
    vault::{
        MasterKey, Vault,
        lasting::{self, LastingError},
        replaced,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::NamedTempFile;
use tokio_util::task::AbortOnDropHandle;

/// The keys that were given, and the file that stands in for the current one.
#[derive(Debug)]
pub struct Keys {
    /// The current key.
    pub current: Option<MasterKey>,
    /// The former one.
    pub old: Option<MasterKey>,
    /// Where a key is kept that was made here.
    pub file: PathBuf,
}

/// What is done where no key was given and the file is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// One is made, in the file: the database is new.
    Make,
    /// It is an error: what is in the database was sealed with a key that has to be found, and another one in
    /// the file would mislead whoever looks for it.
    Refuse,
    /// It goes on with a key that is kept nowhere: nothing is to be sealed.
    Ignore,
}

impl Keys {
    /// The vault. Without a given key it is the one in the file, or what `lacking` says.
    pub fn open(self, ids: &dyn Ids, lacking: Lacking) -> anyhow::Result<Vault> {
        let current = match self.current {
            Some(key) => {
                warn_of_another(&self.file, &key);
                key
            }
            None if self.file.exists() || lacking == Lacking::Make => {
                read_or_make(&self.file, ids)?
            }
            None if lacking == Lacking::Ignore => random(ids),
            None => bail!(
                "ENISHI_SECRET_KEY: there is no key. It is not set, {} is not there, and the database is \
                 not new: give the key it was sealed with, as the setting or in that file. If it is lost \
                 for good, see \"The secret key\" in docs/operations.md",
                self.file.display()
            ),
        };
        let vault = Vault::new(current);
        Ok(match self.old {
            Some(old) => vault.with_older(old),
            None => vault,
        })
    }
}

/// Refuses to go on with a key that is not the one this database was sealed with, or that was replaced. To be
/// called at every start, before anything is sealed.
pub async fn require(ctx: &Ctx) -> anyhow::Result<()> {
    require_opening(ctx).await?;
    let is_replaced = replaced::is_replaced(ctx).await;
    if is_replaced.context("reading which secret keys were replaced")? {
        bail!(
            "ENISHI_SECRET_KEY: this key was replaced by `enishi reseal`. Give the new one; if that is given \
             as ENISHI_SECRET_KEY_OLD, exchange the two"
        );
    }
    Ok(())
}

/// The same for who is about to change the key: one that was replaced can be gone back to.
pub async fn require_opening(ctx: &Ctx) -> anyhow::Result<()> {
    lasting::open(ctx).await.map_err(|error| match error {
        LastingError::Database(error) => {
            anyhow::Error::new(error).context("reading what the secret key opens")
        }
        error => anyhow!(
            "ENISHI_SECRET_KEY: this key does not open what is sealed in the database ({error}). Give \
             the key it was sealed with; without the setting it is in the file secret.key of the data \
             folder. While you change keys, give the former one as ENISHI_SECRET_KEY_OLD until \
             `enishi reseal` is done. If the key is lost for good, see \"The secret key\" in \
             docs/operations.md"
        ),
    })
}

/// Looks every few seconds whether the key was replaced while the process runs, and says so; until dropped.
/// What follows from it is with whoever asks the vault.
pub fn watch(ctx: Ctx) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut was_replaced = false;
        loop {
            tokio::time::sleep(replaced::LOOK_EVERY).await;
            let is_replaced = match replaced::look(&ctx).await {
                Ok(is_replaced) => is_replaced,
                Err(error) => {
                    tracing::debug!(%error, "cannot tell whether the secret key was replaced");
                    continue;
                }
            };
            if is_replaced && !was_replaced {
                tracing::error!(
                    "the secret key of this process was replaced by `enishi reseal`: it stores no \
                     credentials and does no background work any more. Start it again with the new key as \
                     ENISHI_SECRET_KEY"
                );
            } else if was_replaced && !is_replaced {
                tracing::info!("the secret key of this process is the current one again");
            }
            was_replaced = is_replaced;
        }
    }))
}

fn read_or_make(path: &Path, ids: &dyn Ids) -> anyhow::Result<MasterKey> {
    let shown = path.display();
    if path.exists() {
        warn_if_open_to_others(path);
    } else {
        make(path, ids).with_context(|| format!("making the secret key file {shown}"))?;
    }
    let text = read_to_string(path).map(SecretString::from);
    let text = text.with_context(|| format!("reading the secret key file {shown}"))?;
    text.expose_secret()
        .parse()
        .with_context(|| format!("the secret key file {shown} holds no key"))
}

/// Makes the file whole or not at all, readable for its owner alone. Of two processes that start at once
/// the second leaves the key of the first.
fn make(path: &Path, ids: &dyn Ids) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    let mut bytes = [0; 32];
    ids.fill(&mut bytes);
    writeln!(file, "{}", hex::encode(bytes))?;
    // What is sealed with a key that a power cut took away is lost.
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(failed) if failed.error.kind() != ErrorKind::AlreadyExists => Err(failed.error),
        _ => Ok(()),
    }
}

fn random(ids: &dyn Ids) -> MasterKey {
    let mut bytes = [0; 32];
    ids.fill(&mut bytes);
    MasterKey::from_bytes(bytes)
}

/// A file that is not used is left behind, or was forgotten: the next start without the setting would take it.
fn warn_of_another(path: &Path, given: &MasterKey) {
    let Ok(text) = read_to_string(path).map(SecretString::from) else {
        return;
    };
    let kept = text.expose_secret().parse::<MasterKey>();
    if !kept.is_ok_and(|kept| kept.id() == given.id()) {
        tracing::warn!(
            file = %path.display(),
            "ENISHI_SECRET_KEY is given, so that this file is not used, and it holds another key. Keep it \
             while you change keys and as long as there are backups from its time; then put the given key \
             into it, or take it away"
        );
    }
}

fn warn_if_open_to_others(path: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = path.metadata()
        && std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
    {
        tracing::warn!(file = %path.display(), "other users may read the secret key; chmod it to 600");
    }
}

#[cfg(test)]
mod tests {
    use domain::port::RandomIds;

    use super::*;

    fn keys(current: Option<&str>, file: PathBuf) -> Keys {
        Keys {
            current: current.map(|text| text.parse().unwrap()),
            old: None,
            file,
        }
    }

    #[test]
    fn a_key_is_made_for_a_new_database_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let refused = keys(None, path.clone()).open(&RandomIds, Lacking::Refuse);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("secret.key is not there"), "{refused}");
        keys(None, path.clone())
            .open(&RandomIds, Lacking::Ignore)
            .unwrap();
        let given = "ab".repeat(32);
        keys(Some(&given), path.clone())
            .open(&RandomIds, Lacking::Make)
            .unwrap();
        assert!(!path.exists(), "nobody has made a file");

        keys(None, path.clone())
            .open(&RandomIds, Lacking::Make)
            .unwrap();
        let made = read_to_string(&path).unwrap();
        keys(None, path.clone())
            .open(&RandomIds, Lacking::Refuse)
            .unwrap();
        assert_eq!(read_to_string(&path).unwrap(), made);
    }

    #[test]
    fn whoever_starts_at_the_same_time_gets_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let keys: Vec<String> = std::thread::scope(|scope| {
            let open = || {
                read_or_make(&path, &RandomIds).unwrap();
                read_to_string(&path).unwrap()
            };
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        let left = folder.path().read_dir().unwrap().count();
        assert_eq!(left, 1, "only the key is left");
    }
}
