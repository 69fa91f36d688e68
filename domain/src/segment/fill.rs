//! Putting everything a filter finds into a segment that is kept by hand, as an operation.
//!
//! A step takes the next ones in the order of their ids, as the filter finds them then.

use async_trait::async_trait;
use entity::{
    id::SegmentId,
    kind::{OperationKind, SegmentSubject},
    operation,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    cause::Cause,
    hand::{by_hand, put_because},
};
use crate::{
    access::{Actor, Origin, Scope},
    account::AccountFilter,
    contact::ContactFilter,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    operation::{Kind, NewOperation, Step, start},
    store::Tx,
    tag::tagging::Which,
};

/// Things looked at in one step.
const BATCH: i64 = 5_000;

/// What is to be put in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Found {
    /// Contacts.
    Contacts(ContactFilter),
    /// Accounts.
    Accounts(AccountFilter),
}

impl Found {
    fn subject(&self) -> SegmentSubject {
        match self {
            Self::Contacts(_) => SegmentSubject::Contact,
            Self::Accounts(_) => SegmentSubject::Account,
        }
    }

    fn which(&self) -> Which {
        match self.clone() {
            Self::Contacts(filter) => Which::Contact(filter),
            Self::Accounts(filter) => Which::Account(filter),
        }
    }
}

/// Stored as JSON with the operation: fields are added, never renamed.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    segment: SegmentId,
    found: Found,
}

/// Asks for it: checked now, done by workers.
pub async fn fill(
    ctx: &Ctx,
    actor: &Actor,
    segment: SegmentId,
    found: Found,
) -> Result<operation::Model> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let row = by_hand(&tx, segment).await?;
    if row.subject != found.subject() {
        let message = "The members of this segment are of the other kind.";
        let code = UserErrorCode::KindMismatch;
        return Err(Error::refused(&["things"], code, message));
    }
    let which = found.which();
    let things = ["things", which.field()];
    which.check_text(&things)?;
    which.check(&tx, &things).await?;
    let asked = begin(ctx, &mut tx, actor.origin(), segment, found).await?;
    tx.commit().await?;
    Ok(asked)
}

/// Asks for it in a transaction of the caller, who has looked at what is asked for.
pub(super) async fn begin(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    segment: SegmentId,
    found: Found,
) -> Result<operation::Model> {
    let new = NewOperation {
        kind: OperationKind::FillSegment,
        request: serde_json::to_value(Request { segment, found })?,
        total: None,
        dry_run: false,
        origin,
    };
    start(ctx, tx, new).await
}

/// Puts everything a filter finds into a segment.
#[derive(Debug, Clone, Copy)]
pub struct FillSegment;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    after: Option<Uuid>,
    counts: Counts,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Counts {
    added: i64,
}

#[async_trait]
impl Kind for FillSegment {
    fn kind(&self) -> OperationKind {
        OperationKind::FillSegment
    }

    async fn step(
        &self,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
        operation: &operation::Model,
    ) -> Result<Step> {
        let request: Request = serde_json::from_value(operation.request.clone())?;
        let mut progress: Progress =
            serde_json::from_value(operation.progress.clone()).unwrap_or_default();
        let row = by_hand(tx, request.segment).await?;
        let part = request
            .found
            .which()
            .next(tx, progress.after, BATCH)
            .await?;
        let origin = serde_json::from_value(operation.created_by.clone())?;
        let cause = Cause::Hand { origin };
        let things = part.ids.iter().copied().collect();
        progress.counts.added += put_because(tx, &row, things, true, &cause).await?;
        progress.after = part.last.or(progress.after);
        Ok(part.step(&progress, BATCH))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stored_requests_keep_decoding() {
        for found in [
            json!({ "CONTACTS": { "tags": { "any": ["tag_01900000000070008000000000000001"] } } }),
            json!({ "ACCOUNTS": { "tags": { "any": ["tag_01900000000070008000000000000001"] } } }),
        ] {
            let stored = json!({
                "segment": "segment_01900000000070008000000000000002", "found": found,
            });
            let request: Request = serde_json::from_value(stored).unwrap();
            let again: Request = serde_json::from_value(json!(request)).unwrap();
            assert_eq!(again.found, request.found);
        }
    }
}
