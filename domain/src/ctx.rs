//! What every use case is handed first.

use std::{fmt, sync::Arc};

use entity::id::{AccessTokenId, Id, WorkspaceId};
use sea_orm::DbErr;
use url::Url;

use crate::{
    idempotency::Once,
    port::{Clock, Hints, Ids, Reach},
    store::{Connection, Db, Tx},
    vault::Vault,
};

/// The database, the clock, the ids, and the ports: everything the business needs from outside.
/// Cheap to clone.
#[derive(Clone)]
pub struct Ctx {
    /// The database.
    pub db: Db,
    /// The only source of the current time.
    pub clock: Arc<dyn Clock>,
    /// The only source of ids and random bytes.
    pub ids: Arc<dyn Ids>,
    /// Wakes workers after a commit.
    pub hints: Arc<dyn Hints>,
    /// Says which URLs are never called.
    pub reach: Arc<dyn Reach>,
    /// Encrypts credentials at rest.
    pub vault: Arc<Vault>,
    /// The request everything is done for, when it is to be done once.
    pub once: Option<Arc<Once>>,
    /// Where people see this installation; links in notifications begin with it. Without one there
    /// are no links.
    pub public_url: Option<Arc<Url>>,
    /// The request everything is done for, when it came from outside.
    pub caller: Option<Caller>,
}

/// A request from outside, as the audit log names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The id that ties it to the answer and to the program's log.
    pub request_id: Arc<str>,
    /// The credential it came with.
    pub token: AccessTokenId,
}

impl Ctx {
    /// The business of one workspace: nothing of another is seen or written through it, where the
    /// database keeps a wall ([`Db::walled_to`]).
    #[must_use]
    pub fn walled_to(&self, workspace: WorkspaceId) -> Self {
        Self {
            db: self.db.walled_to(workspace),
            ..self.clone()
        }
    }

    /// The same business, for what each row of a list has: what is read of several of them at one moment is
    /// read together ([`Db::gathering`]).
    #[must_use]
    pub fn gathering(&self) -> Self {
        Self {
            db: self.db.gathering(),
            ..self.clone()
        }
    }

    /// The connection for statements that only read.
    pub fn reader(&self) -> &Connection {
        self.db.reader()
    }

    /// Opens a transaction of `workspace`.
    pub async fn begin(&self, workspace: WorkspaceId) -> Result<Tx<'_>, DbErr> {
        Tx::begin(self, workspace).await
    }

    /// The public address of something, such as `contacts/contact_...`.
    pub fn link(&self, path: &str) -> Option<Url> {
        let mut url = Url::clone(self.public_url.as_ref()?);
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{path}"));
        Some(url)
    }

    /// A new id that carries the current time.
    pub fn id<I: Id>(&self) -> I {
        I::from(self.ids.uuid(self.clock.now()))
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx")
            .field("db", &self.db)
            .finish_non_exhaustive()
    }
}
