//! A business transaction.

use chrono::{DateTime, Utc};
use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait as _, DbErr};

use super::{Transaction, dialect};
use crate::{
    audit::{self, Record, Who},
    ctx::Ctx,
    error::Result,
    port::{Hint, Work},
    work::{
        change::{self, Change, Fact},
        projection,
    },
};

/// One transaction of one workspace. What it did is written to the change log in the same
/// transaction, at its end, and the workers are told after the commit. Dropping it undoes everything.
#[derive(Debug)]
pub struct Tx<'c> {
    ctx: &'c Ctx,
    inner: Transaction,
    /// The workspace everything in it belongs to.
    pub workspace: WorkspaceId,
    /// The moment it happens at, the same for all its rows.
    pub now: DateTime<Utc>,
    changes: Vec<Change>,
    audits: Vec<(Who, Record)>,
    wakes: Vec<Work>,
    /// The facts a statement has appended to the log.
    appended: Vec<&'static str>,
    only_reads: bool,
}

/// A place in a transaction.
#[derive(Debug)]
pub(crate) struct Mark {
    changes: usize,
    audits: usize,
    wakes: usize,
    appended: usize,
}

impl<'c> Tx<'c> {
    pub(crate) async fn begin(ctx: &'c Ctx, workspace: WorkspaceId) -> Result<Self, DbErr> {
        Ok(Self::new(
            ctx,
            workspace,
            ctx.db.walled_to(workspace).begin().await?,
        ))
    }

    /// A transaction that writes nothing: all its statements see one state of the database, and on
    /// SQLite it keeps nobody from writing. To be rolled back.
    pub(crate) async fn reading(ctx: &'c Ctx, workspace: WorkspaceId) -> Result<Self, DbErr> {
        let mut tx = Self::new(
            ctx,
            workspace,
            ctx.db.walled_to(workspace).snapshot().await?,
        );
        tx.only_reads = true;
        Ok(tx)
    }

    /// What keeps the rows read as `t` from being held until the transaction ends; nothing in one that
    /// only reads, which keeps nobody from anything.
    pub(crate) fn reference_lock(&self) -> &'static str {
        if self.only_reads {
            ""
        } else {
            dialect::reference_lock(self.inner.get_database_backend())
        }
    }

    /// What keeps the rows read from being changed until the transaction ends; nothing in one that only
    /// reads.
    pub(crate) fn share_lock(&self) -> &'static str {
        if self.only_reads {
            ""
        } else {
            dialect::share_lock(self.inner.get_database_backend())
        }
    }

    fn new(ctx: &'c Ctx, workspace: WorkspaceId, inner: Transaction) -> Self {
        Self {
            ctx,
            inner,
            workspace,
            now: ctx.clock.now(),
            changes: Vec::new(),
            audits: Vec::new(),
            wakes: Vec::new(),
            appended: Vec::new(),
            only_reads: false,
        }
    }

    /// Says that the statements to come are given about `rows` rows: the more they are, the more plans
    /// made for them are worth.
    pub fn plan_for(&self, rows: usize) {
        self.inner.plan_for(rows);
    }

    /// The connection statements run on.
    pub fn connection(&self) -> &Transaction {
        &self.inner
    }

    /// What the transaction was opened with.
    pub(crate) fn ctx(&self) -> &'c Ctx {
        self.ctx
    }

    /// A new id.
    pub fn id<I: entity::id::Id>(&self) -> I {
        I::from(self.ctx.ids.uuid(self.now))
    }

    /// Notes what happened, to be appended to the change log at the commit.
    pub fn record(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Notes a change of the configuration or of a person's data, to be entered in the audit log at
    /// the commit. One that changes nothing is not entered.
    pub fn audit(&mut self, who: impl Into<Who>, record: Record) {
        if record.says_something() {
            self.audits.push((who.into(), record));
        }
    }

    /// Notes that a statement has appended facts of this name to the log by itself, so that whoever
    /// reads them is woken after the commit.
    pub(crate) fn appended(&mut self, fact: &'static str) {
        if !self.appended.contains(&fact) {
            self.appended.push(fact);
        }
    }

    /// Notes that work of this kind was made, so that workers are woken after the commit.
    pub fn wake(&mut self, work: Work) {
        if !self.wakes.contains(&work) {
            self.wakes.push(work);
        }
    }

    /// Appends the noted changes to the log, claims the request's idempotency key, commits, and
    /// wakes the workers.
    pub async fn commit(mut self) -> Result<()> {
        if let Some(once) = &self.ctx.once {
            once.claim(&self.inner, self.now).await?;
        }
        self.enter_audits().await?;
        if !self.changes.is_empty() {
            change::append(&self.inner, self.workspace, self.now, &self.changes).await?;
        }
        self.inner.commit().await?;
        let workspace = self.workspace.0;
        if !self.changes.is_empty() || !self.appended.is_empty() {
            self.ctx.hints.send(Hint {
                workspace,
                work: Work::Changes,
            });
        }
        for projection in crate::projections() {
            let reads = projection.facts();
            let mut changes = self.changes.iter();
            if changes.any(|change| projection::is_read_by(*projection, &change.fact))
                || self.appended.iter().any(|fact| reads.contains(fact))
            {
                self.ctx.hints.send(Hint {
                    workspace,
                    work: projection.work(),
                });
            }
        }
        for work in self.wakes {
            self.ctx.hints.send(Hint { workspace, work });
        }
        Ok(())
    }

    /// Writes the noted audit entries, and that there are some to be sealed.
    async fn enter_audits(&mut self) -> Result<()> {
        let audits = std::mem::take(&mut self.audits);
        if let Some((who, _)) = audits.last()
            && let Some(audit_entry_id) = audit::write(self, &audits).await?
        {
            let fact = Fact::AuditWritten { audit_entry_id };
            self.changes.push(Change::new(who.origin, None, fact));
        }
        Ok(())
    }

    /// Marks this place, so that what is done from here on can be undone alone.
    pub(crate) async fn mark(&self) -> Result<Mark, DbErr> {
        self.inner.mark("mark").await?;
        Ok(Mark {
            changes: self.changes.len(),
            audits: self.audits.len(),
            wakes: self.wakes.len(),
            appended: self.appended.len(),
        })
    }

    /// Undoes what was done since the mark; the transaction goes on.
    pub(crate) async fn undo_to(&mut self, mark: Mark) -> Result<(), DbErr> {
        self.inner.rollback_to("mark").await?;
        self.changes.truncate(mark.changes);
        self.audits.truncate(mark.audits);
        self.wakes.truncate(mark.wakes);
        self.appended.truncate(mark.appended);
        Ok(())
    }

    /// Keeps what was done since the mark.
    pub(crate) async fn keep(&self, _mark: Mark) -> Result<(), DbErr> {
        self.inner.release("mark").await
    }

    /// Undoes everything.
    pub async fn rollback(self) -> Result<(), DbErr> {
        self.inner.rollback().await
    }
}
