//! Workspaces that take turns at what has come due in many of them, one batch each: the oldest first
//! would be all of one workspace's backlog before anything of another.
//!
//! For those who find the next workspace by an index on the times of all. They leave out [`Rounds::had`]
//! in their search, and tell [`Rounds::note`] what a workspace had done.

use entity::id::{Id as _, WorkspaceId};
use uuid::Uuid;

/// The round that is on.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    had: Vec<WorkspaceId>,
    done: usize,
}

impl Rounds {
    /// The workspaces that have had their batch in this round.
    pub(crate) fn had(&self) -> impl Iterator<Item = Uuid> {
        self.had.iter().map(|workspace| workspace.uuid())
    }

    /// Notes that `workspace` has had its batch, in which so much was done.
    pub(crate) fn note(&mut self, workspace: WorkspaceId, done: usize) {
        self.had.push(workspace);
        self.done += done;
    }

    /// Begins the next round, when no other workspace is left for this one. False if nothing was done in
    /// it: then there is nothing, or other workers have it.
    pub(crate) fn begin_next(&mut self) -> bool {
        self.had.clear();
        std::mem::take(&mut self.done) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_go_on_until_one_does_nothing() {
        let [one, other] = [1, 2].map(|number| WorkspaceId(Uuid::from_u128(number)));
        let mut rounds = Rounds::default();
        rounds.note(one, 9);
        rounds.note(other, 0);
        assert_eq!(rounds.had().collect::<Vec<_>>(), [one.0, other.0]);
        assert!(rounds.begin_next());
        assert_eq!(rounds.had().count(), 0);
        rounds.note(one, 0);
        assert!(!rounds.begin_next());
    }
}
