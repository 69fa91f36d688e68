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

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use entity::id::WorkspaceId;
use sqlx::{Executor as _, PgConnection, Row as _, postgres::PgPoolOptions};

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

/// What is known of a session, and what it has to be when it is handed out. Whoever holds the place of
/// the connection says what is wanted; the pool's hooks, which run while it waits, see to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Session(Arc<Mutex<Sides>>);

#[derive(Debug, Default)]
struct Sides {
    wanted: Wall,
    /// Nothing while it is being set: somebody may give up waiting in the middle.
    set: Option<Wall>,
    /// It was opened before the tables had their policies, and is not to be kept.
    is_early: bool,
}

/// What makes a new session one of the programs': without the rights of the owner of the tables, whom
/// policies bind only as long as the owner likes, if there is a role for that and we are in it. Without
/// it the policies hold all the same, unless the user is one they do not bind.
const OPEN_SESSION: &str = "
SELECT set_config('enishi.workspace', $1, false),
       (SELECT set_config('role', r.rolname, false) FROM pg_roles r
        WHERE r.rolname = CAST('enishi_app_' || current_database() AS name)
          AND pg_has_role(session_user, r.oid,
              CASE WHEN current_setting('server_version_num')::int >= 160000
                   THEN 'SET' ELSE 'MEMBER' END)
          AND has_table_privilege(r.oid, to_regclass('workspace'), 'UPDATE')) AS role,
       COALESCE((SELECT c.relforcerowsecurity FROM pg_class c
                 WHERE c.oid = to_regclass('workspace')), false) AS is_walled,
       (SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r
        WHERE r.rolname = session_user) AS is_above";

impl Session {
    fn sides<T>(&self, with: impl FnOnce(&mut Sides) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks for `wall` at the next hand-out.
    pub(super) fn want(&self, wall: Wall) {
        self.sides(|sides| sides.wanted = wall);
    }

    /// Whether it is set for `wall` as it is.
    pub(super) fn is_set_for(&self, wall: Wall) -> bool {
        self.sides(|sides| sides.set == Some(wall))
    }

    /// Puts the hooks on a pool of one connection, whose session this becomes.
    pub(super) fn watch(&self, options: PgPoolOptions) -> PgPoolOptions {
        let (opened, acquired, released) = (self.clone(), self.clone(), self.clone());
        options
            .after_connect(move |connection, _| {
                let session = opened.clone();
                Box::pin(async move { session.open(connection).await })
            })
            .before_acquire(move |connection, _| {
                let session = acquired.clone();
                Box::pin(async move { session.turn(connection).await.map(|()| true) })
            })
            .after_release(move |_, _| {
                let is_early = released.sides(|sides| sides.is_early);
                Box::pin(async move { Ok(!is_early) })
            })
    }

    async fn open(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let wanted = self.sides(|sides| {
            sides.set = None;
            sides.wanted
        });
        let state = sqlx::query(OPEN_SESSION).bind(wanted.setting());
        let state = state.fetch_one(connection).await?;
        let role: Option<String> = state.try_get("role")?;
        let is_walled = state.try_get("is_walled")?;
        if is_walled && role.is_none() {
            tell_once(state.try_get("is_above")?);
        }
        self.sides(|sides| {
            sides.set = Some(wanted);
            sides.is_early = !is_walled;
        });
        Ok(())
    }

    /// Sets it for whoever comes next, if it is set for another.
    async fn turn(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let wanted = self.sides(|sides| {
            let is_right = sides.set == Some(sides.wanted);
            (!is_right).then(|| {
                sides.set = None;
                sides.wanted
            })
        });
        let Some(wanted) = wanted else {
            return Ok(());
        };
        // Outside a transaction, so that no rollback takes it back; the text is a word or an id.
        let statement = format!("SET enishi.workspace = '{}'", wanted.setting());
        connection.execute(sqlx::AssertSqlSafe(statement)).await?;
        self.sides(|sides| sides.set = Some(wanted));
        Ok(())
    }
}

/// Says how far the second wall reaches without a role of its own: once in the life of the process.
fn tell_once(is_above: bool) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if TOLD.swap(true, Ordering::Relaxed) {
        return;
    }
    if is_above {
        tracing::warn!(
            "row-level security does not bind this database user, and the role for the programs is \
             not there or not granted to it; see docs/operations.md"
        );
    } else {
        tracing::info!(
            "the role for the programs is not there or not granted to this database user, which owns \
             the tables: row-level security binds it as long as it does not lift it; see \
             docs/operations.md"
        );
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
