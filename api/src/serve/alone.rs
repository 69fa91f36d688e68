//! One server at a time works on a SQLite file: a second one would take up the work of the first as that of
//! a process that was killed. Commands that run beside the server do not ask.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt as _,
};

use anyhow::{Context as _, bail};
use domain::store::Location;

/// Holds SQLite's file for as long as what this gives is kept and the process lives, however it ends.
/// Refuses while another process holds it. On PostgreSQL there is nothing to hold.
pub fn hold(location: &Location) -> anyhow::Result<Option<File>> {
    let Location::Sqlite(path) = location else {
        return Ok(None);
    };
    // By whatever name it is reached, it is the same file.
    let path = path.canonicalize().unwrap_or_else(|_| path.clone());
    // A file of its own: locks of SQLite's are lost when somebody else in the process closes the file.
    let mut name = path.clone().into_os_string();
    name.push(".lock");
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&name)
        .with_context(|| format!("making the lock file {}", name.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => bail!(
            "another `enishi` is serving {} already, and on SQLite one process does everything: \
             stop that one first, or give this one a folder of its own with ENISHI_DATA_DIR or \
             --data-dir",
            path.display()
        ),
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, "cannot tell whether another `enishi` works on the same file");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_holds_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("enishi.db"));
        let first = hold(&location).unwrap();
        assert!(first.is_some());
        let refused = hold(&location).unwrap_err().to_string();
        assert!(refused.contains("another `enishi`"), "{refused}");
        drop(first);
        assert!(hold(&location).unwrap().is_some());
    }

    #[test]
    fn a_file_is_held_by_all_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("enishi.db"), folder.path().join("link"));
        File::create(&file).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let first = hold(&Location::Sqlite(file)).unwrap();
        assert!(hold(&Location::Sqlite(link)).is_err());
        drop(first);
    }
}
