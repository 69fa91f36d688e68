//! A value of each workspace, made of what the database holds and kept in the process until that
//! changes. Whoever asks has read the version it must be of, so nothing old is ever found.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use entity::id::WorkspaceId;

/// The values of so many workspaces at most; beyond that, the one unused for longest is forgotten.
/// One for each database and type: see `Db::remembered`.
pub(crate) struct Kept<T, const WORKSPACES: usize>(Mutex<Slots<T>>);

struct Slots<T> {
    by_workspace: HashMap<WorkspaceId, Slot<T>>,
    uses: u64,
}

struct Slot<T> {
    version: i64,
    used: u64,
    value: Arc<T>,
}

impl<T, const WORKSPACES: usize> Default for Kept<T, WORKSPACES> {
    fn default() -> Self {
        Self(Mutex::new(Slots {
            by_workspace: HashMap::new(),
            uses: 0,
        }))
    }
}

impl<T, const WORKSPACES: usize> fmt::Debug for Kept<T, WORKSPACES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl<T, const WORKSPACES: usize> Kept<T, WORKSPACES> {
    /// The workspace's value, if it is of this version.
    pub(crate) fn get(&self, workspace: WorkspaceId, version: i64) -> Option<Arc<T>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.uses += 1;
        let used = slots.uses;
        let slot = slots.by_workspace.get_mut(&workspace)?;
        slot.used = used;
        (slot.version == version).then(|| slot.value.clone())
    }

    /// Keeps the workspace's value, in the place of the one before.
    pub(crate) fn put(&self, workspace: WorkspaceId, version: i64, value: Arc<T>) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.uses += 1;
        let used = slots.uses;
        let kept = &mut slots.by_workspace;
        if kept.len() >= WORKSPACES && !kept.contains_key(&workspace) {
            let oldest = kept.iter().min_by_key(|(_, slot)| slot.used);
            if let Some(oldest) = oldest.map(|(&workspace, _)| workspace) {
                kept.remove(&oldest);
            }
        }
        let slot = Slot {
            version,
            used,
            value,
        };
        kept.insert(workspace, slot);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn workspace(number: u128) -> WorkspaceId {
        WorkspaceId(Uuid::from_u128(number))
    }

    #[test]
    fn only_the_version_that_was_kept_is_found() {
        let kept = Kept::<(), 4>::default();
        kept.put(workspace(1), 4, Arc::default());
        assert!(kept.get(workspace(1), 4).is_some());
        assert!(kept.get(workspace(1), 5).is_none());
        assert!(kept.get(workspace(2), 4).is_none());
    }

    #[test]
    fn the_workspace_unused_for_longest_is_forgotten() {
        let kept = Kept::<(), 4>::default();
        for number in 0..4 {
            kept.put(workspace(number), 1, Arc::default());
        }
        assert!(kept.get(workspace(0), 1).is_some());
        kept.put(workspace(1_000), 1, Arc::default());
        assert!(kept.get(workspace(0), 1).is_some());
        assert!(kept.get(workspace(1), 1).is_none());
        assert!(kept.get(workspace(1_000), 1).is_some());
    }
}
