//! The keys by which an earlier line of the same file is recognised.

use std::collections::{BTreeSet, HashMap};

use entity::id::OperationId;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::line;
use crate::{error::Result, store::Tx};

/// What a key of a file is remembered by.
pub(super) fn key(kind: &str, value: &str) -> Uuid {
    let digest = Sha256::new()
        .chain_update(kind)
        .chain_update([0])
        .chain_update(value)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    // Not all zero, which stands for nothing in the database's lists.
    bytes[0] |= 1;
    Uuid::from_bytes(bytes)
}

/// Which keys earlier lines had.
#[derive(Debug, Default)]
pub(super) struct Seen {
    known: HashMap<Uuid, i64>,
    new: Vec<(Uuid, i64)>,
}

impl Seen {
    pub(super) async fn load(
        tx: &Tx<'_>,
        operation: OperationId,
        keys: impl IntoIterator<Item = Uuid>,
    ) -> Result<Self> {
        Ok(Self {
            known: line::earlier(tx, operation, keys).await?,
            new: Vec::new(),
        })
    }

    /// The line that had one of `keys` before; if there is none, `line` has them from now on, as far as
    /// this batch goes.
    pub(super) fn meet(
        &mut self,
        keys: impl Iterator<Item = Uuid> + Clone,
        line: i64,
    ) -> Result<(), i64> {
        if let Some(earlier) = keys.clone().find_map(|key| self.known.get(&key)) {
            return Err(*earlier);
        }
        self.known.extend(keys.map(|key| (key, line)));
        Ok(())
    }

    /// Lets later batches know that `line` had `keys`.
    pub(super) fn remember(&mut self, keys: impl IntoIterator<Item = Uuid>, line: i64) {
        self.new.extend(keys.into_iter().map(|key| (key, line)));
    }

    /// Both at once.
    pub(super) fn take(&mut self, keys: &[Uuid], line: i64) -> Result<(), i64> {
        self.meet(keys.iter().copied(), line)?;
        self.remember(keys.iter().copied(), line);
        Ok(())
    }

    pub(super) async fn keep(&self, tx: &Tx<'_>, operation: OperationId) -> Result<()> {
        line::remember(tx, operation, &self.new).await
    }
}

/// Of things that would be made, how many no earlier step has counted.
pub(super) async fn count_new(
    tx: &Tx<'_>,
    operation: OperationId,
    keys: BTreeSet<Uuid>,
) -> Result<i64> {
    let mut seen = Seen::load(tx, operation, keys.iter().copied()).await?;
    let new = keys.iter().filter(|&&key| seen.take(&[key], 0).is_ok());
    let count = new.count() as i64;
    seen.keep(tx, operation).await?;
    Ok(count)
}
