//! How many files the process may have open: each connection is one.

/// From here on nobody who connects as often as seats allow keeps others out.
const ENOUGH: u64 = 16_384;

/// Asks for as many as the system lets the process have, and says so when they are few.
pub(super) fn raise_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) if files < ENOUGH => tracing::warn!(
            files,
            enough = ENOUGH,
            "few files may be open at once, and each connection is one: raise the hard limit \
             (LimitNOFILE= of systemd, --ulimit nofile= of a container, ulimit -Hn of a shell)"
        ),
        Ok(files) => tracing::debug!(files, "files that may be open at once"),
        Err(error) => tracing::warn!(%error, "asking for more open files"),
    }
}
