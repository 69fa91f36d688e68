//! Brings the rows of customers in line with their orders, and moves the cuts they are scored by.
//!
//! Whoever writes holds the workspace's row of `rfm_run` first, so that nobody writes what an order
//! that was told meanwhile has outdated.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    id::ContactId,
    kind::{CustomerKind, RfmSegment},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult, TryGetable};
use serde_json::json;
use uuid::Uuid;

use super::{
    Report, SalesByCurrency, column,
    cut::{Cuts, Edges, MIN_CUSTOMERS},
    measure::{Measures, measure},
};
use crate::{
    contact::living,
    error::Result,
    store::{Query, Rows, Tx, dialect},
};

/// A customer's row.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub(super) struct Row {
    pub(super) subject_id: Uuid,
    last_order_on: NaiveDate,
    orders: i64,
    currency: String,
    revenue: i64,
    recency_score: Option<i64>,
    frequency_score: Option<i64>,
    monetary_score: Option<i64>,
    segment: Option<RfmSegment>,
}

const COLUMNS: &str = "t.subject_id, t.last_order_on, t.orders, t.currency, t.revenue,
    t.recency_score, t.frequency_score, t.monetary_score, t.segment";

impl Row {
    fn new(subject_id: Uuid, measures: Measures, cuts: &Cuts) -> Self {
        Self {
            subject_id,
            last_order_on: measures.last_order_on,
            orders: measures.orders,
            currency: measures.currency,
            revenue: measures.revenue,
            recency_score: None,
            frequency_score: None,
            monetary_score: None,
            segment: None,
        }
        .scored(cuts)
    }

    /// The same customer, scored by `cuts`.
    fn scored(mut self, cuts: &Cuts) -> Self {
        let scores = cuts.scores(
            self.last_order_on,
            self.orders,
            &self.currency,
            self.revenue,
        );
        self.recency_score = scores.recency;
        self.frequency_score = scores.frequency;
        self.monetary_score = scores.monetary;
        self.segment = scores.segment();
        self
    }
}

#[derive(FromQueryResult)]
struct Run {
    cuts: serde_json::Value,
}

/// Holds what customers are scored by until the transaction ends.
pub(super) async fn hold(tx: &Tx<'_>, kind: CustomerKind) -> Result<Cuts> {
    Query::new(
        "INSERT INTO rfm_run (workspace_id, scope, cuts, report) VALUES ($1, $2, $3, $4)
         ON CONFLICT (workspace_id, scope) DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .bind(json!(Cuts::default()))
    .bind(json!(Report::default()))
    .execute(tx.connection())
    .await?;
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let run: Option<Run> = Query::new(format!(
        "SELECT t.cuts FROM rfm_run t WHERE t.workspace_id = $1 AND t.scope = $2 {lock}"
    ))
    .bind(tx.workspace)
    .bind(kind.word())
    .one(tx.connection())
    .await?;
    Ok(match run {
        Some(run) => serde_json::from_value(run.cuts)?,
        None => Cuts::default(),
    })
}

/// Those of `ids` who ever ordered, or have a row.
pub(super) async fn concerned(
    tx: &Tx<'_>,
    kind: CustomerKind,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Uuid>> {
    let column = column(kind);
    Ok(Query::new(format!(
        "SELECT r.id FROM {{r}}
         WHERE EXISTS (SELECT 1 FROM sales_order o WHERE o.workspace_id = $1
                         AND o.{column} = r.id AND o.{column} IS NOT NULL)
            OR EXISTS (SELECT 1 FROM rfm t WHERE t.workspace_id = $1 AND t.scope = $2
                         AND t.subject_id = r.id)"
    ))
    .bind(tx.workspace)
    .bind(kind.word())
    .rows("r", Rows::new().uuids("id", ids))
    .column(tx.connection())
    .await?)
}

/// Brings the rows of `ids` in line with their orders. Says what those bought in all.
pub(super) async fn refresh(
    tx: &Tx<'_>,
    kind: CustomerKind,
    ids: &[Uuid],
    zone: Tz,
    as_of: DateTime<Utc>,
    cuts: &Cuts,
) -> Result<(i64, SalesByCurrency)> {
    let present = present(tx, kind, ids).await?;
    let (measured, sales) = measure(tx, kind, &present, zone, as_of).await?;
    let customers = measured.len() as i64;
    let stored: Vec<Row> = Query::new(format!(
        "SELECT {COLUMNS} FROM {{r}} CROSS JOIN rfm AS t
         WHERE t.workspace_id = $1 AND t.scope = $2 AND t.subject_id = r.id"
    ))
    .bind(tx.workspace)
    .bind(kind.word())
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .all(tx.connection())
    .await?;
    let stored: BTreeMap<Uuid, Row> = stored
        .into_iter()
        .map(|row| (row.subject_id, row))
        .collect();
    let gone: Vec<Uuid> = stored
        .keys()
        .copied()
        .filter(|id| !measured.contains_key(id))
        .collect();
    let rows = measured
        .into_iter()
        .map(|(id, measures)| Row::new(id, measures, cuts));
    let changed: Vec<Row> = rows
        .filter(|row| stored.get(&row.subject_id) != Some(row))
        .collect();
    write(tx, kind, &changed).await?;
    forget(tx, kind, &gone).await?;
    Ok((customers, sales))
}

/// Those of `ids` that are there and were not merged away; people stay so until the end.
async fn present(tx: &Tx<'_>, kind: CustomerKind, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    if kind == CustomerKind::Contact {
        let found = living(tx, ids.iter().map(|id| ContactId(*id))).await?;
        let found = found.into_iter().filter(|(asked, means)| asked == means);
        return Ok(found.map(|(id, _)| id.0).collect());
    }
    Ok(Query::new(
        "SELECT a.id FROM {r} JOIN account a ON a.workspace_id = $1 AND a.id = r.id
         WHERE a.merged_into_id IS NULL AND a.deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .column(tx.connection())
    .await?)
}

/// Scores the next customers after `after` by `cuts`: those whose scores have changed are written.
/// Gives all of them, in the order of their ids.
pub(super) async fn rescore(
    tx: &Tx<'_>,
    kind: CustomerKind,
    after: Uuid,
    limit: i64,
    cuts: &Cuts,
) -> Result<Vec<(Uuid, Option<RfmSegment>)>> {
    let stored: Vec<Row> = Query::new(format!(
        "SELECT {COLUMNS} FROM rfm t
         WHERE t.workspace_id = $1 AND t.scope = $2 AND t.subject_id > $3
         ORDER BY t.subject_id LIMIT $4"
    ))
    .bind(tx.workspace)
    .bind(kind.word())
    .bind(after)
    .bind(limit)
    .all(tx.connection())
    .await?;
    let (mut all, mut changed) = (Vec::with_capacity(stored.len()), Vec::new());
    for row in stored {
        let scored = row.clone().scored(cuts);
        all.push((scored.subject_id, scored.segment));
        if scored != row {
            changed.push(scored);
        }
    }
    write(tx, kind, &changed).await?;
    Ok(all)
}

async fn write(tx: &Tx<'_>, kind: CustomerKind, rows: &[Row]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let given = Rows::new()
        .uuids("subject_id", rows.iter().map(|row| row.subject_id))
        .dates("last_order_on", rows.iter().map(|row| row.last_order_on))
        .ints("orders", rows.iter().map(|row| row.orders))
        .texts("currency", rows.iter().map(|row| row.currency.as_str()))
        .ints("revenue", rows.iter().map(|row| row.revenue))
        .opt_ints("recency_score", rows.iter().map(|row| row.recency_score))
        .opt_ints(
            "frequency_score",
            rows.iter().map(|row| row.frequency_score),
        )
        .opt_ints("monetary_score", rows.iter().map(|row| row.monetary_score))
        .opt_texts(
            "segment",
            rows.iter()
                .map(|row| row.segment.map(|segment| segment.word().to_owned())),
        );
    Query::new(
        "INSERT INTO rfm (workspace_id, scope, subject_id, last_order_on, orders, currency, revenue,
                          recency_score, frequency_score, monetary_score, segment)
         SELECT $1, $2, r.subject_id, r.last_order_on, r.orders, r.currency, r.revenue,
                r.recency_score, r.frequency_score, r.monetary_score, r.segment
         FROM {r} WHERE true
         ON CONFLICT (workspace_id, scope, subject_id) DO UPDATE SET
             last_order_on = excluded.last_order_on, orders = excluded.orders,
             currency = excluded.currency, revenue = excluded.revenue,
             recency_score = excluded.recency_score, frequency_score = excluded.frequency_score,
             monetary_score = excluded.monetary_score, segment = excluded.segment",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .rows("r", given)
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn forget(tx: &Tx<'_>, kind: CustomerKind, ids: &[Uuid]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    Query::new(
        "DELETE FROM rfm WHERE workspace_id = $1 AND scope = $2
           AND subject_id IN (SELECT r.id FROM {r})",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Where the fifths of all rows begin now; keeps them as what customers are scored by from here on.
pub(super) async fn cut(tx: &Tx<'_>, kind: CustomerKind) -> Result<Cuts> {
    let cuts = find_cuts(tx, kind).await?;
    Query::new("UPDATE rfm_run SET cuts = $3 WHERE workspace_id = $1 AND scope = $2")
        .bind(tx.workspace)
        .bind(kind.word())
        .bind(json!(cuts))
        .execute(tx.connection())
        .await?;
    Ok(cuts)
}

#[derive(FromQueryResult)]
struct Payers {
    currency: String,
    customers: i64,
}

async fn find_cuts(tx: &Tx<'_>, kind: CustomerKind) -> Result<Cuts> {
    let payers: Vec<Payers> = Query::new(
        "SELECT t.currency, COUNT(*) AS customers FROM rfm t
         WHERE t.workspace_id = $1 AND t.scope = $2 GROUP BY t.currency",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .all(tx.connection())
    .await?;
    let customers: i64 = payers.iter().map(|one| one.customers).sum();
    if customers < MIN_CUSTOMERS {
        return Ok(Cuts::default());
    }
    let mut monetary = BTreeMap::new();
    for one in payers {
        if one.customers >= MIN_CUSTOMERS {
            let fifths = fifths(tx, kind, "revenue", Some(&one.currency)).await?;
            monetary.insert(one.currency, Edges::of(&fifths));
        }
    }
    Ok(Cuts {
        recency: Some(Edges::of(&fifths(tx, kind, "last_order_on", None).await?)),
        frequency: Some(Edges::of(&fifths(tx, kind, "orders", None).await?)),
        monetary,
    })
}

/// The least value of each fifth of a column that is not empty. Customers of the same value share the
/// average of their ranks, and with it the fifth: of `n` customers, `before` of them with less and
/// `same` with as much, it is `5 (before + same / 2) / n`, in whole numbers.
async fn fifths<T: TryGetable>(
    tx: &Tx<'_>,
    kind: CustomerKind,
    column: &str,
    currency: Option<&str>,
) -> Result<Vec<(i64, T)>> {
    let mut query = Query::new("").bind(tx.workspace).bind(kind.word());
    let only = match currency {
        Some(currency) => format!(" AND t.currency = {}", query.arg(currency)),
        None => String::new(),
    };
    query.push(&format!(
        "WITH d AS (SELECT t.{column} AS worth, COUNT(*) AS same FROM rfm t
                    WHERE t.workspace_id = $1 AND t.scope = $2{only} GROUP BY t.{column}),
              f AS (SELECT d.worth,
                           5 * (2 * (CAST(SUM(d.same) OVER (ORDER BY d.worth) AS bigint) - d.same)
                                + d.same)
                           / (2 * CAST(SUM(d.same) OVER () AS bigint)) AS fifth
                    FROM d)
         SELECT f.fifth, MIN(f.worth) AS least FROM f GROUP BY f.fifth ORDER BY f.fifth"
    ));
    let rows = query.raw(tx.connection()).await?;
    let rows = rows.iter();
    let rows = rows.map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
    rows.collect()
}

/// Keeps what the night found of all customers.
pub(super) async fn finish(
    tx: &Tx<'_>,
    kind: CustomerKind,
    as_of: DateTime<Utc>,
    report: &Report,
) -> Result<()> {
    Query::new("UPDATE rfm_run SET as_of = $3, report = $4 WHERE workspace_id = $1 AND scope = $2")
        .bind(tx.workspace)
        .bind(kind.word())
        .bind(as_of)
        .bind(json!(report))
        .execute(tx.connection())
        .await?;
    Ok(())
}
