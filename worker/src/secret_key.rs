//! Where the key of the vault comes from (the settings, or a file made at the first start), and that it is
//! the right one.

use std::{
    fs::read_to_string,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use domain::{
    ctx::Ctx,
    port::Ids,
    vault::{
        MasterKey, Vault,
        lasting::{self, LastingError},
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::NamedTempFile;

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

impl Keys {
    /// The vault. Without a given key it is the one in the file, which is made when it is not there.
    pub fn open(self, ids: &dyn Ids) -> anyhow::Result<Vault> {
        let current = match self.current {
            Some(key) => key,
            None => read_or_make(&self.file, ids)?,
        };
        let vault = Vault::new(current);
        Ok(match self.old {
            Some(old) => vault.with_older(old),
            None => vault,
        })
    }
}

/// Refuses to go on with a key that is not the one this database was sealed with. To be called at every
/// start, before anything is sealed.
pub async fn require(ctx: &Ctx) -> anyhow::Result<()> {
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
