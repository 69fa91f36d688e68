//! Recency, frequency and monetary value: how lately, how often and for how much customers bought
//! in the last 365 days, each as a score from 1 (least) to 5 among all customers of the workspace.
//! Definitions, "RFM".
//!
//! - [`cut`]: where the fifths begin, the scores and the segments they make. Pure.
//! - `measure`: what a customer's orders come to.
//! - `keep`: brings rows (`rfm`) in line with the orders, scored by the cuts of the last night.
//! - [`projection`] calls it for those whose orders changed, [`night`] for everybody; only the night
//!   moves the cuts and makes the [`report`](Report) of all customers (`rfm_run`).
//! - [`read`]: reads it back.
//!
//! Orders that were cancelled or refunded do not count. Amounts of different currencies are never
//! added up or compared: a customer's value is that in the currency of most of their orders, and is
//! ranked among the customers of that currency.

pub mod cut;
mod keep;
mod measure;
pub mod night;
pub mod projection;
pub mod read;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use entity::kind::{CustomerKind, RfmSegment};
use serde::{Deserialize, Serialize};

/// For how long an order counts, in days.
pub const WINDOW_DAYS: i64 = 365;

/// For how long an order counts.
const WINDOW: TimeDelta = TimeDelta::days(WINDOW_DAYS);

/// The column of orders that names a customer.
fn column(kind: CustomerKind) -> &'static str {
    match kind {
        CustomerKind::Contact => "contact_id",
        CustomerKind::Account => "account_id",
    }
}

/// What was sold in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sales {
    /// Customers who bought in the currency.
    pub customers: i64,
    /// Their orders.
    pub orders: i64,
    /// What these come to, in the currency's minor unit.
    pub revenue: i64,
}

impl Sales {
    /// The mean revenue of a customer, in the currency's minor unit, rounded; nothing without any.
    pub fn per_customer(&self) -> Option<i64> {
        mean(self.revenue, self.customers)
    }

    /// The mean revenue of an order, in the currency's minor unit, rounded; nothing without any.
    pub fn per_order(&self) -> Option<i64> {
        mean(self.revenue, self.orders)
    }
}

fn mean(sum: i64, count: i64) -> Option<i64> {
    (count > 0).then(|| (sum as f64 / count as f64).round() as i64)
}

/// What was sold, by currency.
pub type SalesByCurrency = BTreeMap<String, Sales>;

/// Everybody who bought in the window, as the last night found them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// How many customers bought.
    pub customers: i64,
    /// What they bought. A customer who pays in several currencies counts in each.
    pub sales: SalesByCurrency,
    /// How many are in each segment; those in none are in none of these.
    pub segments: BTreeMap<RfmSegment, i64>,
}

impl Report {
    /// Adds what was measured of some more customers.
    fn add(&mut self, sales: &SalesByCurrency) {
        for (currency, more) in sales {
            let all = self.sales.entry(currency.clone()).or_default();
            all.customers += more.customers;
            all.orders += more.orders;
            all.revenue = all.revenue.saturating_add(more.revenue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_rounded_and_nothing_is_the_mean_of_nobody() {
        let sales = Sales {
            customers: 2,
            orders: 4,
            revenue: 2_001,
        };
        assert_eq!(sales.per_customer(), Some(1_001));
        assert_eq!(sales.per_order(), Some(500));
        assert_eq!(Sales::default().per_customer(), None);
    }
}
