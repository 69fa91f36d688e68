//! Orders: what customers bought, as shops and other systems tell it.
//!
//! Taken in by `ingest` (see [`fact`](crate::fact) for what all kinds of facts have in common). The
//! lines of an order say which products; they are replaced together with it.

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, Id as _, OrderId, WorkspaceId},
    kind::OrderStatus,
    order_line, sales_order,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    access::Actor,
    ctx::Ctx,
    error::{Result, UserErrorCode},
    fact::{
        Checker, Filter, Ingested, Money,
        ingest::{self, Head, Told},
        money::MAX_AMOUNT,
        read::{Listed, Table},
    },
    page::{Page, PageRequest},
    search::narrow,
    store::{Query, Rows, Tx, rows_by_id},
    work::change::Fact,
};

/// Lines one order may have.
pub const MAX_LINES: usize = 500;
/// The most a line may have of its product.
const MAX_QUANTITY: f64 = 1e12;

/// An order as its source tells it.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Its id, whose it is, and how new this is.
    pub head: Head,
    /// The number people know it by.
    pub number: Option<String>,
    /// Where it stands.
    pub status: OrderStatus,
    /// What it comes to, in the currency's minor unit.
    pub amount: i64,
    /// The currency's ISO 4217 code.
    pub currency: String,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// What was bought.
    pub lines: Vec<NewLine>,
}

/// One product in an order.
#[derive(Debug, Clone)]
pub struct NewLine {
    /// The source's id of the product.
    pub product_id: String,
    /// What it is called.
    pub product_name: String,
    /// How many, in the product's unit.
    pub quantity: f64,
    /// The price of one, in the currency's minor unit; below 0 for a discount.
    pub unit_price: i64,
}

/// An order's own part, checked.
#[derive(Debug, Serialize)]
pub(crate) struct Order {
    number: Option<String>,
    status: OrderStatus,
    money: Money,
    placed_at: DateTime<Utc>,
    lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    product_id: String,
    product_name: String,
    quantity: f64,
    unit_price: i64,
}

/// Takes orders in, at most a thousand; the latest by the source's own time counts.
pub async fn ingest(
    ctx: &Ctx,
    actor: &Actor,
    orders: Vec<NewOrder>,
) -> Result<Vec<Ingested<OrderId>>> {
    ingest::ingest::<Order>(ctx, actor, orders).await
}

impl Told for Order {
    type Id = OrderId;
    type New = NewOrder;

    const TABLE: &'static str = "sales_order";
    const LIST: &'static str = "orders";
    const COLUMNS: &'static [&'static str] =
        &["number", "status", "amount", "currency", "placed_at"];

    fn head(new: &NewOrder) -> Head {
        new.head.clone()
    }

    fn check(new: NewOrder, checker: &mut Checker<'_>) -> Self {
        if new.lines.len() > MAX_LINES {
            let message = format!("An order has at most {MAX_LINES} lines.");
            checker.refuse(&["lines"], UserErrorCode::LimitReached, &message);
        }
        let lines = new.lines.iter().take(MAX_LINES).enumerate();
        let lines = lines.map(|(index, line)| check_line(index, line, checker));
        let lines = lines.collect();
        Self {
            number: checker.text(new.number.as_deref(), &["number"], 100),
            status: new.status,
            money: checker.money(new.amount, &new.currency),
            placed_at: checker.past(new.placed_at, &["placedAt"]),
            lines,
        }
    }

    fn rows(rows: Rows, told: &[&Self]) -> Rows {
        rows.opt_texts("number", told.iter().map(|order| order.number.clone()))
            .texts("status", told.iter().map(|order| order.status.word()))
            .ints("amount", told.iter().map(|order| order.money.amount))
            .texts(
                "currency",
                told.iter().map(|order| order.money.currency.as_str()),
            )
            .times("placed_at", told.iter().map(|order| order.placed_at))
    }

    fn fact(&self, id: OrderId, account: Option<AccountId>, previous: Option<&str>) -> Fact {
        Fact::OrderRecorded {
            order_id: id,
            account_id: account,
            status: self.status,
            previous_status: previous.and_then(OrderStatus::from_word),
        }
    }

    fn act_at(&self) -> Option<DateTime<Utc>> {
        Some(self.placed_at)
    }

    async fn write_parts(tx: &Tx<'_>, written: &[(OrderId, &Self)]) -> Result<()> {
        if written.is_empty() {
            return Ok(());
        }
        Query::new(
            "DELETE FROM order_line WHERE workspace_id = $1
               AND order_id IN (SELECT r.id FROM {r})",
        )
        .bind(tx.workspace)
        .rows(
            "r",
            Rows::new().ids("id", written.iter().map(|(id, _)| *id)),
        )
        .execute(tx.connection())
        .await?;
        write_lines(tx, written).await
    }
}

fn check_line(index: usize, line: &NewLine, checker: &mut Checker<'_>) -> Line {
    let index = index.to_string();
    let at = |field: &'static str| ["lines", index.as_str(), field];
    if !(line.quantity > 0.0 && line.quantity <= MAX_QUANTITY) {
        let message = "Give how many were bought: more than 0.";
        checker.refuse(&at("quantity"), UserErrorCode::Invalid, message);
    }
    if !(-MAX_AMOUNT..=MAX_AMOUNT).contains(&line.unit_price) {
        let message = "Give the price of one in minor units, up to 9007199254740991.";
        checker.refuse(&at("unitPrice"), UserErrorCode::Invalid, message);
    }
    Line {
        product_id: checker.id(&line.product_id, &at("productId")),
        product_name: checker.name(&line.product_name, &at("productName"), 200),
        quantity: line.quantity,
        unit_price: line.unit_price,
    }
}

async fn write_lines(tx: &Tx<'_>, written: &[(OrderId, &Order)]) -> Result<()> {
    let lines: Vec<(OrderId, i64, &Line)> = written
        .iter()
        .flat_map(|(id, order)| {
            let lines = (0_i64..).zip(&order.lines);
            lines.map(move |(position, line)| (*id, position, line))
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids("order_id", lines.iter().map(|(id, ..)| *id))
        .ints("position", lines.iter().map(|(_, position, _)| *position))
        .texts(
            "product_id",
            lines.iter().map(|(.., line)| line.product_id.as_str()),
        )
        .texts(
            "product_name",
            lines.iter().map(|(.., line)| line.product_name.as_str()),
        )
        .reals("quantity", lines.iter().map(|(.., line)| line.quantity))
        .ints("unit_price", lines.iter().map(|(.., line)| line.unit_price));
    Query::new(
        "INSERT INTO order_line (workspace_id, order_id, position, product_id, product_name,
                                 quantity, unit_price)
         SELECT $1, r.order_id, r.position, r.product_id, r.product_name, r.quantity, r.unit_price
         FROM {r}",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Which orders a list has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderFilter {
    /// What all kinds of facts can be chosen by.
    pub common: Filter<OrderStatus>,
    /// With this product among their lines.
    pub product: Option<String>,
}

impl OrderFilter {
    /// The orders with the product asked for, where they are few: see [`narrow::few_of`]. What else leaves few
    /// leads to them by itself.
    async fn few(&self, ctx: &Ctx, workspace: WorkspaceId) -> Result<Option<Vec<Uuid>>> {
        let Some(product) = self.product.as_ref().filter(|_| !self.common.is_narrow()) else {
            return Ok(None);
        };
        let query = Query::new(
            "SELECT l.order_id FROM order_line l WHERE l.workspace_id = $1 AND l.product_id = $2",
        )
        .bind(workspace)
        .bind(product.trim());
        let mut few = narrow::few_of(ctx, query).await?;
        // An order may have the product in several lines.
        if let Some(few) = &mut few {
            few.sort_unstable();
            few.dedup();
        }
        Ok(few)
    }
}

const TABLE: Table<OrderStatus> =
    Table::new("sales_order", "placed", "t.placed_at", OrderStatus::word);

impl Listed for sales_order::Model {
    fn place(&self) -> (DateTime<Utc>, Uuid) {
        (self.placed_at, self.id.uuid())
    }
}

/// A page of orders by when they were placed, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &OrderFilter,
    page: &PageRequest,
) -> Result<Page<(String, sales_order::Model)>> {
    let few = filter.few(ctx, workspace).await?;
    let also = |query: &mut Query| {
        if let Some(product) = &filter.product {
            let product = query.arg(product.trim());
            query.push(&format!(
                " AND EXISTS (SELECT 1 FROM order_line l WHERE l.workspace_id = t.workspace_id
                    AND l.order_id = t.id AND l.product_id = {product})"
            ));
        }
    };
    TABLE
        .list(ctx, workspace, (&filter.common, few), also, page)
        .await
}

/// The orders among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[OrderId],
) -> Result<Vec<sales_order::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// The lines of the orders among `ids`, in their order; for loaders.
pub async fn load_lines(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[OrderId],
) -> Result<Vec<order_line::Model>> {
    Ok(Query::new(
        "SELECT l.* FROM {r} CROSS JOIN order_line AS l
         WHERE l.workspace_id = $1 AND l.order_id = r.id ORDER BY l.order_id, l.position",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}
