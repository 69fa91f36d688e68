//! A clock that a test moves under programs that run: libfaketime stands between them and the machine's. Time that
//! is only measured, such as that of timers, goes on as it does.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use tempfile::TempDir;

/// The clock; to be kept for as long as a program runs by it.
pub(crate) struct Clock {
    library: PathBuf,
    folder: TempDir,
}

impl Clock {
    /// One that is right. Fails where libfaketime is not installed.
    pub(crate) fn new() -> Self {
        let library =
            library().expect("libfaketime (package faketime), which `tests/chaos` installs");
        // Below /tmp, and to be read by the user that PostgreSQL runs as.
        let folder = TempDir::new_in("/tmp").expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("its rights");
        let clock = Self { library, folder };
        clock.set(0);
        clock
    }

    /// What programs that go by it have to find in their environment.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Moves it so many seconds ahead of the machine's, or behind it, at once.
    pub(crate) fn set(&self, ahead_s: i64) {
        // In one piece: it is read at any moment.
        let new = self.folder.path().join("new");
        fs::write(&new, format!("{ahead_s:+}\n")).expect("a file");
        fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).expect("its rights");
        fs::rename(&new, self.file()).expect("the file in its place");
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ahead")
    }
}

/// Where distributions put the library: in a folder for each architecture, or beside the others.
fn library() -> Option<PathBuf> {
    let all = fs::read_dir("/usr/lib").ok()?.flatten();
    let folders = all.map(|entry| entry.path());
    folders
        .chain(["/usr/lib", "/usr/lib64"].map(PathBuf::from))
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists())
}
