//! The second wall between workspaces, which PostgreSQL keeps.
//!
//! Every statement names its workspace: that is the first wall. Behind it, each table has a policy
//! (`migration/src/wall.rs`) that shows a session only the rows of the workspace it was set to. Whom a
//! connection works for is its [`Wall`]; before a session works for somebody else it is set anew, and
//! while it works for the same workspace that costs nothing.
//!
//! Behind a policy PostgreSQL finds rows by an index only if it knows that the test gives nothing away
//! about rows that are not to be seen. It knows that of the usual comparisons of ids, numbers, texts and
//! times, also between rows, and of `CASE`, but not of `COALESCE`, `lower` or `LIKE` around a column:
//! statements and indexes say `CASE WHEN x IS NULL THEN y ELSE x END` where rows are found by it.

use entity::id::WorkspaceId;

/// Whose rows are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wall {
    /// Everybody's: for what goes through all workspaces, such as sweeps, and for finding out whose a
    /// request is.
    #[default]
    Open,
    /// Those of one workspace.
    Around(WorkspaceId),
}

impl Wall {
    /// Around `workspace`, unless it stands around another already: a wall is never widened, so that
    /// whoever was let in for one workspace finds nothing of another, whatever they ask for.
    #[must_use]
    pub fn narrowed(self, workspace: WorkspaceId) -> Self {
        match self {
            Self::Open => Self::Around(workspace),
            Self::Around(_) => self,
        }
    }

    /// What the policies read.
    pub(super) fn setting(self) -> String {
        match self {
            Self::Open => "all".to_owned(),
            Self::Around(workspace) => workspace.0.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_wall_is_narrowed_and_never_widened() {
        let [one, other] = [1, 2].map(|number| WorkspaceId(Uuid::from_u128(number)));
        let wall = Wall::Open.narrowed(one);
        assert_eq!(wall, Wall::Around(one));
        assert_eq!(wall.narrowed(other), wall);
        assert_eq!(Wall::Open.setting(), "all");
        assert_eq!(wall.setting(), "00000000-0000-0000-0000-000000000001");
    }
}
