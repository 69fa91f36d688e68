//! Each try to hand something over, as it is kept: what was sent, what was answered, how long it took.
//!
//! Two tables of the same columns keep them, one for deliveries and one for the mails of surveys. The
//! turns of both ([`deliver`](super::deliver), [`mail`](crate::survey::mail)) write a try down in the
//! transaction of its outcome. Nothing here judges an answer or says whether there is another try.

use std::time::Instant;

use chrono::{DateTime, Utc};
use entity::{
    attempt::Attempt,
    id::{Id, WorkspaceId},
};

use crate::{
    ctx::Ctx,
    error::Result,
    page::{Key, Keyset, Page, PageRequest},
    store::{Query, Tx},
    text,
};

/// Characters of a receiver's answer that are kept.
const RESPONSE_CHARS: usize = 2_000;

/// What was sent: headers, none of which is a secret, and the body.
pub(crate) type Sent = (serde_json::Value, String);

/// The status and the words of an answer.
pub(crate) type Said = (Option<i64>, String);

/// A try that is being made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    pub(crate) at: DateTime<Utc>,
    start: Instant,
}

impl Begun {
    pub(crate) fn now(ctx: &Ctx) -> Self {
        Self {
            at: ctx.clock.now(),
            start: Instant::now(),
        }
    }

    /// It has come to its end, `sent` if anything was, and answered so.
    pub(crate) fn ended(self, sent: Option<Sent>, (status, response): Said) -> Tried {
        Tried {
            started_at: self.at,
            duration_ms: self.start.elapsed().as_millis() as i64,
            sent,
            status,
            response,
        }
    }
}

/// A try that has just been made.
#[derive(Debug)]
pub(crate) struct Tried {
    started_at: DateTime<Utc>,
    duration_ms: i64,
    sent: Option<Sent>,
    status: Option<i64>,
    response: String,
}

/// A table of tries.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) table: &'static str,
    /// Its column for what was tried.
    pub(crate) of: &'static str,
    /// The table of that, whose column `attempts` counts the tries.
    pub(crate) parent: &'static str,
    /// The order of its lists, by number.
    pub(crate) keyset: Keyset,
    /// The key of a number in that order.
    pub(crate) key: fn(i64) -> Key,
}

impl Log {
    /// Writes a try down as the next one of `of`, which does not count it yet.
    pub(crate) async fn write<I: Id>(
        &self,
        tx: &Tx<'_>,
        of: impl Id,
        tried: &Tried,
        error: Option<&str>,
    ) -> Result<()> {
        let Self {
            table, of: column, ..
        } = self;
        let (headers, body) = tried.sent.clone().unzip();
        let response = text::printable(&tried.response);
        let response: String = response.chars().take(RESPONSE_CHARS).collect();
        Query::new(format!(
            "INSERT INTO {table} (workspace_id, id, {column}, attempt, started_at, duration_ms,
                 status, error, response, request_headers, request_body)
             SELECT p.workspace_id, $3, p.id, p.attempts + 1, $4, $5, $6, $7, $8, $9, $10
             FROM {} p WHERE p.workspace_id = $1 AND p.id = $2",
            self.parent
        ))
        .bind(tx.workspace)
        .bind(of.uuid())
        .bind(tx.id::<I>().uuid())
        .bind(tried.started_at)
        .bind(tried.duration_ms)
        .bind(tried.status)
        .bind(error.map(str::to_owned))
        .bind(response)
        .bind(headers)
        .bind(body)
        .execute(tx.connection())
        .await?;
        Ok(())
    }

    /// A page of the tries of `of`, oldest first, each with its cursor.
    pub(crate) async fn page<I: Id>(
        &self,
        ctx: &Ctx,
        workspace: WorkspaceId,
        of: impl Id,
        page: &PageRequest,
    ) -> Result<Page<(String, Attempt<I>)>> {
        let Self { table, keyset, .. } = self;
        let query = Query::new(format!(
            "SELECT a.* FROM {table} a WHERE a.workspace_id = $1 AND a.{} = $2",
            self.of
        ))
        .bind(workspace)
        .bind(of.uuid());
        keyset
            .list(ctx, query, page, |row: &Attempt<I>| {
                ((self.key)(row.attempt), row.id.uuid())
            })
            .await
    }
}
