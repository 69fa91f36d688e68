//! How large the rules of a workspace may be together, since every worker has them all in its memory. Called
//! by `write`, behind the writing of a rule and in its transaction.

use super::definition::Definition;
use crate::{
    condition::Condition,
    error::{Error, Result, UserErrorCode},
    store::{Query, Tx},
};

/// Bytes the definitions of a workspace's rules may have together, since all their words share one
/// automaton in the memory of every worker.
const DEFINITIONS_LIMIT: i64 = 8 << 20;

/// Bytes that the compiled regular expressions of a workspace's rules may take together, in the memory
/// of every worker.
const PATTERNS_LIMIT: usize = 32 << 20;

/// Refuses a rule that was just written with this condition, if all rules together are too large now.
pub(super) async fn refuse_too_much(tx: &Tx<'_>, condition: &Condition) -> Result<()> {
    let bytes: Option<i64> = Query::new(
        "SELECT CAST(COALESCE(SUM(size), 0) AS bigint) FROM rule
         WHERE workspace_id = $1 AND deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .scalar(tx.connection())
    .await?;
    if bytes.unwrap_or_default() > DEFINITIONS_LIMIT {
        let message = "All rules together have too many words. Shorten or delete some first.";
        return Err(Error::refused(
            &["condition"],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    if condition.pattern_bytes() > 0 {
        refuse_too_many_patterns(tx).await?;
    }
    Ok(())
}

async fn refuse_too_many_patterns(tx: &Tx<'_>) -> Result<()> {
    // A word may say the same, which costs a look at its rule.
    let stored: Vec<serde_json::Value> = Query::new(
        "SELECT definition FROM rule WHERE workspace_id = $1 AND deleted_at IS NULL
           AND CAST(definition AS text) LIKE '%\"regex\"%'",
    )
    .bind(tx.workspace)
    .column(tx.connection())
    .await?;
    let mut bytes = 0;
    for one in stored {
        // One that cannot be read is left out by whoever compiles the rules, too.
        if let Ok(definition) = Definition::from_stored(one) {
            bytes += definition.condition.pattern_bytes();
        }
        if bytes > PATTERNS_LIMIT {
            let message = "The regular expressions of all rules together are too large. Use smaller \
                           repetitions, or delete some first.";
            let (path, code) = (&["condition"], UserErrorCode::LimitReached);
            return Err(Error::refused(path, code, message));
        }
    }
    Ok(())
}
