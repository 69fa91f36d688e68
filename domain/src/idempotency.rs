//! Doing a request once, however often it is sent.
//!
//! A client may give a mutation a key. The key is claimed in the transaction of the mutation's own
//! effects: whoever commits first did it, everybody else's transaction is undone. The answer is kept
//! beside the key, sealed, since it may show a secret that is shown once; it is given again to the
//! member who repeats the request, with a token that may do what the first could (which `api` looks
//! at). Another request under the same key is refused; the same key of
//! another member is another key. Of a key only a hash is stored: clients put into it what the request is
//! about, such as an address. Called by `api`; keys are forgotten after [`KEPT_FOR`].

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, FromQueryResult};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{
    access::Actor,
    ctx::Ctx,
    error::{Error, Result},
    store::Query,
    vault::{
        Sealed, VaultError,
        reseal::{Named, Place},
    },
};

/// How long a key and its answer are kept.
pub const KEPT_FOR: TimeDelta = TimeDelta::hours(24);
/// Keys forgotten in one statement.
const PRUNE_STEP: i64 = 5_000;
/// Characters a key may have.
pub const MAX_KEY: usize = 255;

/// What an answer is sealed for.
const PURPOSE: &str = "idempotency_key.result";
/// Where the sealed answers are.
pub(crate) const SEALED: Place = Place {
    table: "idempotency_key",
    column: "result",
    purpose: PURPOSE,
    named: Named::ByName,
};

/// A request that is to be done once; lives as long as the request.
#[derive(Debug)]
pub struct Once {
    workspace: WorkspaceId,
    /// The hash of the member and the key they gave.
    name: String,
    /// What the name was in an earlier release: these two as they are. Rows of that time count until
    /// they are forgotten.
    former_name: String,
    fingerprint: Vec<u8>,
    commits: AtomicU32,
    lost: AtomicBool,
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Known {
    /// Nobody has used it.
    Fresh,
    /// The request was carried out; this was the answer.
    Answered(String),
    /// The request was carried out at this time, and its answer is not there (yet).
    Unanswered(DateTime<Utc>),
}

impl Once {
    /// The request `parts` of `actor` under `key`.
    pub fn new(actor: &Actor, key: &str, parts: &[&str]) -> Self {
        let former_name = format!("{} {key}", actor.member);
        let mut hash = Sha256::new();
        for part in [former_name.as_str()].iter().chain(parts) {
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self {
            workspace: actor.workspace,
            name: hex::encode(Sha256::digest(former_name.as_bytes())),
            former_name,
            fingerprint: hash.finalize().to_vec(),
            commits: AtomicU32::new(0),
            lost: AtomicBool::new(false),
        }
    }

    /// Whether this request has changed anything under the key.
    pub fn has_committed(&self) -> bool {
        self.commits.load(Ordering::Relaxed) > 0 && !self.is_lost()
    }

    /// Whether somebody else was first.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Claims the key in the transaction of `connection`. A request with several mutations claims it
    /// once per transaction.
    pub(crate) async fn claim(
        &self,
        connection: &impl ConnectionTrait,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        let name = if number == 0 {
            self.name.clone()
        } else {
            format!("{}\u{1}{number}", self.name)
        };
        let claimed = Query::new(
            "INSERT INTO idempotency_key (workspace_id, name, fingerprint, created_at)
             SELECT $1, $2, $3, $4
             WHERE NOT EXISTS (SELECT 1 FROM idempotency_key WHERE workspace_id = $1 AND name = $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(self.workspace)
        .bind(name)
        .bind(self.fingerprint.clone())
        .bind(now)
        .bind(self.former_name.clone())
        .execute(connection)
        .await?;
        if claimed == 1 {
            return Ok(());
        }
        self.lost.store(true, Ordering::Relaxed);
        Err(Error::IdempotencyBusy)
    }

    /// What is known of the key; refuses when it was used for another request.
    pub async fn look_up(&self, ctx: &Ctx) -> Result<Known> {
        #[derive(FromQueryResult)]
        struct Row {
            fingerprint: Vec<u8>,
            result: Option<String>,
            created_at: DateTime<Utc>,
        }
        let row: Option<Row> = Query::new(
            "SELECT fingerprint, result, created_at FROM idempotency_key
             WHERE workspace_id = $1 AND name IN ($2, $3)",
        )
        .bind(self.workspace)
        .bind(self.name.clone())
        .bind(self.former_name.clone())
        .one(ctx.reader())
        .await?;
        let Some(row) = row else {
            return Ok(Known::Fresh);
        };
        if row.fingerprint != self.fingerprint {
            return Err(Error::IdempotencyMismatch);
        }
        // Sealed with a key that is gone, an answer is as good as lost.
        let answer = row.result.map(Sealed::from_stored);
        let answer = answer.and_then(|sealed| ctx.vault.open(self.row(), PURPOSE, &sealed).ok());
        Ok(answer.map_or(Known::Unanswered(row.created_at), |answer| {
            Known::Answered(answer.expose_secret().to_owned())
        }))
    }

    /// What the answer is bound to.
    fn row(&self) -> Uuid {
        let (row, _) = self.fingerprint.split_first_chunk().expect("a SHA-256");
        Uuid::from_bytes(*row)
    }

    /// Keeps the answer of the request that claimed the key. One that this process cannot seal any more is
    /// lost to whoever repeats the request, but not to whoever waits for it.
    pub async fn keep(&self, ctx: &Ctx, answer: String) -> Result<()> {
        let sealed = ctx
            .vault
            .seal(&*ctx.ids, self.row(), PURPOSE, &answer.into());
        let sealed = match sealed {
            Err(VaultError::Replaced) => return Ok(()),
            sealed => sealed?,
        };
        Query::new(
            "UPDATE idempotency_key SET result = $3
             WHERE workspace_id = $1 AND name = $2 AND result IS NULL",
        )
        .bind(self.workspace)
        .bind(self.name.clone())
        .bind(sealed.as_str())
        .execute(ctx.db.writer())
        .await?;
        Ok(())
    }
}

/// Forgets keys older than [`KEPT_FOR`], in statements of at most `PRUNE_STEP` rows; says how many.
pub async fn prune(ctx: &Ctx) -> Result<u64> {
    let before = ctx.clock.now() - KEPT_FOR;
    let mut forgotten = 0;
    loop {
        let step = Query::new(
            "DELETE FROM idempotency_key WHERE (workspace_id, name) IN (
                 SELECT workspace_id, name FROM idempotency_key
                 WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
        )
        .bind(before)
        .bind(PRUNE_STEP)
        .execute(ctx.db.writer())
        .await?;
        forgotten += step;
        if step < PRUNE_STEP as u64 {
            return Ok(forgotten);
        }
    }
}
