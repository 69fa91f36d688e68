//! Shows suspicions, and lets somebody say that two are two.

use async_graphql::Enum;
use chrono::{DateTime, Utc};
use entity::{
    id::WorkspaceId,
    kind::{DuplicateReason, DuplicateState},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{SuspicionId, book, reason::bits};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result},
    merge::Things,
    page::{Column, Key, Keyset, Page, PageRequest},
    store::{Query, Rows, Tx},
};

/// Two contacts, or two accounts, that seem to be one.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct Suspicion<I: SuspicionId> {
    /// The id.
    pub id: I,
    /// One of the two: which was made first.
    pub one_id: I::Thing,
    /// The other.
    pub other_id: I::Thing,
    /// What makes it seem so; see [`reasons`](super::reasons).
    pub evidence: i64,
    /// How much the strongest reason says, 1 to 100.
    pub strength: i64,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it was decided.
    pub settled_at: Option<DateTime<Utc>>,
    /// What was decided.
    pub settlement: Option<DuplicateState>,
}

/// Which suspicions a list has; every part given must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SuspectFilter {
    /// What became of them; open ones where nothing is given.
    pub state: Option<DuplicateState>,
    /// With one of these reasons at least; any where it is empty.
    pub reasons: Vec<DuplicateReason>,
    /// With a reason that says as much as this, 1 to 100.
    pub min_strength: Option<i64>,
    /// About this contact or account.
    pub about: Option<Uuid>,
}

/// How to order suspicions.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[graphql(name = "DuplicateSuspectOrderBy")]
pub enum SuspectOrder {
    /// The oldest first.
    #[default]
    #[graphql(name = "CREATED_ASC")]
    Oldest,
    /// Those whose reasons say most first; of equal ones the newest.
    #[graphql(name = "STRENGTH_DESC")]
    Strongest,
}

impl SuspectOrder {
    fn keyset(self) -> Keyset {
        match self {
            Self::Oldest => Keyset {
                order: "suspect",
                key: None,
                id: "s.id",
                descending: false,
            },
            Self::Strongest => Keyset {
                order: "suspect_strength",
                key: Some(Column::Int("s.strength")),
                id: "s.id",
                descending: true,
            },
        }
    }

    fn key(self, strength: i64) -> Key {
        match self {
            Self::Oldest => Key::Id(()),
            Self::Strongest => Key::Int(strength),
        }
    }
}

/// What every suspicion has.
fn columns(things: Things) -> String {
    let names = book(things);
    format!(
        "s.id, s.{} AS one_id, s.{} AS other_id, s.evidence, s.strength, s.created_at,
         s.settled_at, s.settlement",
        names.one, names.other
    )
}

/// A page of the suspicions that `filter` lets through, each with its cursor. Open ones about somebody who is not
/// there to be merged are left out.
pub async fn list<I: SuspicionId>(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &SuspectFilter,
    order: SuspectOrder,
    page: &PageRequest,
) -> Result<Page<(String, Suspicion<I>)>> {
    let names = book(I::THINGS);
    let mut query = Query::new(format!(
        "SELECT {} FROM {} s WHERE s.workspace_id = $1",
        columns(I::THINGS),
        names.table
    ))
    .bind(workspace);
    match filter.state.unwrap_or(DuplicateState::Open) {
        DuplicateState::Open => query.push(&format!(
            " AND s.settled_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM {} t WHERE t.workspace_id = $1 AND t.id IN (s.{}, s.{}) AND {})",
            names.things, names.one, names.other, names.gone
        )),
        settled => {
            let settled = query.arg(settled.word());
            query.push(&format!(" AND s.settlement = {settled}"));
        }
    }
    if !filter.reasons.is_empty() {
        let bits = query.arg(bits(&filter.reasons));
        query.push(&format!(" AND (s.evidence & {bits}) <> 0"));
    }
    if let Some(strength) = filter.min_strength {
        let strength = query.arg(strength);
        query.push(&format!(" AND s.strength >= {strength}"));
    }
    if let Some(about) = filter.about {
        let about = query.arg(about);
        query.push(&format!(
            " AND (s.{} = {about} OR s.{} = {about})",
            names.one, names.other
        ));
    }
    let place = |row: &Suspicion<I>| (order.key(row.strength), row.id.uuid());
    order.keyset().list(ctx, query, page, place).await
}

/// The suspicions among `ids`, in no particular order.
pub async fn load<I: SuspicionId>(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[I],
) -> Result<Vec<Suspicion<I>>> {
    Ok(Query::new(format!(
        "SELECT {} FROM {{r}} JOIN {} s ON s.workspace_id = $1 AND s.id = r.id",
        columns(I::THINGS),
        book(I::THINGS).table
    ))
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// Says of an open suspicion that the two are two.
pub async fn dismiss<I: SuspicionId>(ctx: &Ctx, actor: &Actor, id: I) -> Result<Suspicion<I>> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    settle(&tx, I::THINGS, id.uuid()).await?;
    let said = serde_json::json!({ "settlement": "DISMISSED" });
    tx.audit(actor, Record::made(book(I::THINGS).dismissed, id, said));
    tx.commit().await?;
    load(ctx, actor.workspace, &[id])
        .await?
        .pop()
        .ok_or_else(|| Error::not_found(&["id"], "suspicion"))
}

/// Writes down that an open suspicion is dismissed.
async fn settle(tx: &Tx<'_>, things: Things, id: Uuid) -> Result<()> {
    let dismissed = Query::new(format!(
        "UPDATE {} SET settled_at = $3, settlement = $4
         WHERE workspace_id = $1 AND id = $2 AND settled_at IS NULL",
        book(things).table
    ))
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .bind(DuplicateState::Dismissed.word())
    .execute(tx.connection())
    .await?;
    if dismissed == 0 {
        return Err(Error::not_found(&["id"], "open suspicion"));
    }
    Ok(())
}
