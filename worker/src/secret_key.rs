//! Where the key of the vault comes from: the settings, or a file made at the first start.

use std::{
    fs::{File, OpenOptions, read_to_string},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use domain::{
    port::Ids,
    vault::{MasterKey, Vault},
};
use secrecy::{ExposeSecret as _, SecretString};

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

fn read_or_make(path: &Path, ids: &dyn Ids) -> anyhow::Result<MasterKey> {
    let shown = path.display();
    match owner_only().open(path) {
        Ok(file) => {
            make(file, ids).with_context(|| format!("writing the secret key to {shown}"))?;
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => warn_if_open_to_others(path),
        Err(error) => {
            return Err(error).with_context(|| format!("making the secret key file {shown}"));
        }
    }
    let text = read_to_string(path).map(SecretString::from);
    let text = text.with_context(|| format!("reading the secret key file {shown}"))?;
    text.expose_secret()
        .parse()
        .with_context(|| format!("the secret key file {shown} holds no key"))
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make(mut file: File, ids: &dyn Ids) -> std::io::Result<()> {
    let mut bytes = [0; 32];
    ids.fill(&mut bytes);
    writeln!(file, "{}", hex::encode(bytes))?;
    // What is sealed with a key that a power cut took away is lost.
    file.sync_all()
}

fn warn_if_open_to_others(path: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = path.metadata()
        && std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
    {
        tracing::warn!(file = %path.display(), "other users may read the secret key; chmod it to 600");
    }
}
