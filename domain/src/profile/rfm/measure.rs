//! What the orders of customers come to.

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::kind::CustomerKind;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{SalesByCurrency, WINDOW, column};
use crate::{
    error::Result,
    fact::money::MAX_AMOUNT,
    store::{Query, Rows, Tx},
};

/// What a customer bought in the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measures {
    /// The day of the last order, in the workspace's time zone.
    pub(super) last_order_on: NaiveDate,
    /// All orders, whatever their currency.
    pub(super) orders: i64,
    /// The currency of most of the orders.
    pub(super) currency: String,
    /// What the orders in that currency come to, in its minor unit.
    pub(super) revenue: i64,
}

/// What a customer bought in one currency.
#[derive(Debug, FromQueryResult)]
struct Bought {
    id: Uuid,
    currency: String,
    orders: i64,
    amount: f64,
    last_at: DateTime<Utc>,
}

/// What those of `ids` who bought in the window before `as_of` bought, and what that comes to.
pub(super) async fn measure(
    tx: &Tx<'_>,
    kind: CustomerKind,
    ids: &[Uuid],
    zone: Tz,
    as_of: DateTime<Utc>,
) -> Result<(BTreeMap<Uuid, Measures>, SalesByCurrency)> {
    let column = column(kind);
    // Summed up as floating point, which no amount makes fail; exact up to what an amount may be.
    let bought: Vec<Bought> = Query::new(format!(
        "SELECT o.{column} AS id, o.currency, COUNT(*) AS orders,
                SUM(CAST(o.amount AS double precision)) AS amount, MAX(o.placed_at) AS last_at
         FROM {{r}} CROSS JOIN sales_order AS o
         WHERE o.workspace_id = $1 AND o.{column} = r.id AND o.{column} IS NOT NULL
           AND o.placed_at >= $2 AND o.status IN ('PLACED', 'PAID', 'FULFILLED')
         GROUP BY o.{column}, o.currency"
    ))
    .bind(tx.workspace)
    .bind(as_of - WINDOW)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .all(tx.connection())
    .await?;
    Ok(summed(bought, zone))
}

/// The customers, and all of them together.
fn summed(bought: Vec<Bought>, zone: Tz) -> (BTreeMap<Uuid, Measures>, SalesByCurrency) {
    let mut customers: BTreeMap<Uuid, Vec<Bought>> = BTreeMap::new();
    let mut sales = SalesByCurrency::new();
    for one in bought {
        let all = sales.entry(one.currency.clone()).or_default();
        all.customers += 1;
        all.orders += one.orders;
        all.revenue = all.revenue.saturating_add(amount(one.amount));
        customers.entry(one.id).or_default().push(one);
    }
    let customers = customers.into_iter();
    let measured = customers.filter_map(|(id, bought)| Some((id, of_one(&bought, zone)?)));
    (measured.collect(), sales)
}

/// What one customer bought, in each currency; nothing of nothing.
fn of_one(bought: &[Bought], zone: Tz) -> Option<Measures> {
    let last_at = bought.iter().map(|one| one.last_at).max()?;
    // Of as many orders the first in the alphabet, so that the order of the rows means nothing.
    let main = bought
        .iter()
        .max_by_key(|one| (one.orders, Reverse(one.currency.as_str())))?;
    Some(Measures {
        last_order_on: last_at.with_timezone(&zone).date_naive(),
        orders: bought.iter().map(|one| one.orders).sum(),
        currency: main.currency.clone(),
        revenue: amount(main.amount),
    })
}

/// A sum as an amount: the nearest there may be.
fn amount(sum: f64) -> i64 {
    (sum as i64).clamp(-MAX_AMOUNT, MAX_AMOUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bought(id: u128, currency: &str, orders: i64, amount: f64, last_at: &str) -> Bought {
        Bought {
            id: Uuid::from_u128(id),
            currency: currency.to_owned(),
            orders,
            amount,
            last_at: last_at.parse().unwrap(),
        }
    }

    #[test]
    fn a_customers_value_is_that_in_the_currency_of_most_orders() {
        let (customers, sales) = summed(
            vec![
                bought(1, "USD", 1, 9_900.0, "2026-03-01T15:30:00Z"),
                bought(1, "JPY", 2, 3_000.0, "2026-02-01T00:00:00Z"),
                bought(2, "JPY", 1, 500.0, "2026-01-01T00:00:00Z"),
                bought(2, "EUR", 1, 700.0, "2026-01-02T00:00:00Z"),
            ],
            Tz::Asia__Tokyo,
        );
        let one = &customers[&Uuid::from_u128(1)];
        // Half past midnight in Tokyo.
        assert_eq!(one.last_order_on.to_string(), "2026-03-02");
        assert_eq!((one.orders, one.revenue), (3, 3_000));
        assert_eq!(one.currency, "JPY");
        assert_eq!(customers[&Uuid::from_u128(2)].currency, "EUR");
        let yen = sales["JPY"];
        assert_eq!((yen.customers, yen.orders, yen.revenue), (2, 3, 3_500));
    }

    #[test]
    fn no_sum_is_more_than_an_amount_may_be() {
        let much = bought(1, "JPY", 9, 1e300, "2026-03-01T15:30:00Z");
        let (customers, _) = summed(vec![much], Tz::UTC);
        assert_eq!(customers[&Uuid::from_u128(1)].revenue, MAX_AMOUNT);
    }
}
