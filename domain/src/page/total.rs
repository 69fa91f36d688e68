//! How many rows a list has in all its pages: noted while a page is read, found out only when somebody asks.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;

use crate::{ctx::Ctx, error::Result, store::Query};

/// Where a list leaves how it is counted, between its statement and its page. A copy of a request
/// starts without.
#[derive(Debug, Default)]
pub struct Noted(Mutex<Option<Total>>);

impl Noted {
    pub(super) fn put(&self, total: Total) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(total);
    }

    pub(super) fn take(&self) -> Total {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.take().unwrap_or_default()
    }
}

impl Clone for Noted {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// How many rows a list has in all its pages; found out only when somebody asks.
#[derive(Debug, Clone)]
pub enum Total {
    /// Known already.
    Known(i64),
    /// A statement whose first column says it.
    Statement(Query),
    /// Something else that finds it out.
    Later(Later),
}

/// Finds a total out; see [`Total::later`].
#[derive(Clone)]
pub struct Later(Arc<dyn Fn(Ctx) -> BoxFuture<'static, Result<i64>> + Send + Sync>);

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later").finish_non_exhaustive()
    }
}

impl Default for Total {
    /// A list without rows.
    fn default() -> Self {
        Self::Known(0)
    }
}

impl Total {
    /// A total that `find` finds out when it is asked for.
    pub fn later(
        find: impl Fn(Ctx) -> BoxFuture<'static, Result<i64>> + Send + Sync + 'static,
    ) -> Self {
        Self::Later(Later(Arc::new(find)))
    }

    /// The rows `query` would give, whose text ends inside a `WHERE`.
    pub(super) fn of(query: &Query) -> Self {
        let mut query = query.clone();
        query.wrap("SELECT COUNT(*) FROM (", ") counted");
        Self::Statement(query)
    }

    /// The number. One statement, if it is not known.
    pub async fn count(&self, ctx: &Ctx) -> Result<i64> {
        match self {
            Self::Known(total) => Ok(*total),
            Self::Statement(query) => Ok(query
                .clone()
                .scalar(ctx.reader())
                .await?
                .unwrap_or_default()),
            Self::Later(later) => (later.0)(ctx.clone()).await,
        }
    }
}
