//! The part of the change log that is read: the newest entries of the facts a trigger waits for. The log has
//! no index by what its entries tell, so it also says where looking for them ends.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

use super::MAX_CHANGES;
use crate::{
    error::Result,
    store::{Query, Rows, Tx, dialect},
    work::change::{self, Position},
};

/// Entries of all facts that are looked at for those of some.
const MAX_LOOKED_AT: i64 = 200_000;

/// What of the log is read.
pub(super) struct Window {
    pub(super) after: Position,
    pub(super) upto: Position,
    /// From when on.
    pub(super) since: DateTime<Utc>,
    /// Whether that is as far back as was asked for.
    pub(super) complete: bool,
}

#[derive(FromQueryResult)]
struct Place {
    tx: i64,
    seq: i64,
    at: DateTime<Utc>,
}

impl Place {
    fn position(&self) -> Position {
        Position {
            tx: self.tx,
            seq: self.seq,
        }
    }
}

/// Where to begin with entries of `facts` from `asked` on, and where to end.
pub(super) async fn window(
    tx: &Tx<'_>,
    asked: DateTime<Utc>,
    facts: &[&'static str],
) -> Result<Window> {
    let upto = change::end(tx.connection(), tx.workspace).await?;
    let edge = edge(tx).await?;
    let from = edge.as_ref().map(Place::position).unwrap_or_default();
    let too_many = too_many(tx, from, asked, facts).await?;
    if let Some(place) = too_many.or(edge.filter(|edge| edge.at > asked)) {
        return Ok(Window {
            after: place.position(),
            upto,
            since: place.at,
            complete: false,
        });
    }
    let forgotten = begins(tx).await?.filter(|place| place.at > asked);
    let first = first(tx, from, asked, facts).await?;
    // What is read begins behind a place.
    let before = |place: Place| Position {
        seq: place.seq - 1,
        ..place.position()
    };
    Ok(Window {
        after: first.map_or(upto, before),
        upto,
        complete: forgotten.is_none(),
        since: forgotten.map_or(asked, |place| place.at),
    })
}

/// The entry before the newest that are looked at, if there are so many.
async fn edge(tx: &Tx<'_>) -> Result<Option<Place>> {
    Ok(Query::new(
        "SELECT tx, seq, at FROM change WHERE workspace_id = $1
         ORDER BY tx DESC, seq DESC LIMIT 1 OFFSET $2",
    )
    .bind(tx.workspace)
    .bind(MAX_LOOKED_AT)
    .one(tx.connection())
    .await?)
}

/// The entry before the newest of these facts that are read, if there are so many.
async fn too_many(
    tx: &Tx<'_>,
    from: Position,
    asked: DateTime<Utc>,
    facts: &[&'static str],
) -> Result<Option<Place>> {
    let order = "ORDER BY tx DESC, seq DESC LIMIT 1 OFFSET $5";
    let query = of_facts(tx, order, from, asked).bind(MAX_CHANGES);
    let kinds = Rows::new().texts("kind", facts.iter().copied());
    Ok(query.rows("r", kinds).one(tx.connection()).await?)
}

/// The first entry of these facts.
async fn first(
    tx: &Tx<'_>,
    from: Position,
    asked: DateTime<Utc>,
    facts: &[&'static str],
) -> Result<Option<Place>> {
    let query = of_facts(tx, "ORDER BY tx, seq LIMIT 1", from, asked);
    let kinds = Rows::new().texts("kind", facts.iter().copied());
    Ok(query.rows("r", kinds).one(tx.connection()).await?)
}

/// Asks for entries behind `from`, from `asked` on, of the kinds that `r` names.
fn of_facts(tx: &Tx<'_>, order: &str, from: Position, asked: DateTime<Utc>) -> Query {
    let place = dialect::place(tx.connection().get_database_backend(), "$2", "$3");
    Query::new(format!(
        "SELECT tx, seq, at FROM change
         WHERE workspace_id = $1 AND (tx, seq) > {place} AND at >= $4
           AND kind IN (SELECT r.kind FROM {{r}}) {order}"
    ))
    .bind(tx.workspace)
    .bind(from.tx)
    .bind(from.seq)
    .bind(asked)
}

/// The first entry that is kept, if earlier ones were forgotten.
async fn begins(tx: &Tx<'_>) -> Result<Option<Place>> {
    Ok(Query::new(
        "SELECT tx, seq, at FROM change WHERE workspace_id = $1
           AND EXISTS (SELECT 1 FROM change_floor f WHERE f.workspace_id = $1)
         ORDER BY tx, seq LIMIT 1",
    )
    .bind(tx.workspace)
    .one(tx.connection())
    .await?)
}
