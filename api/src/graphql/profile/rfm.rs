//! Recency, frequency and monetary value of customers.

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    profile::rfm::{
        self, WINDOW_DAYS,
        cut::MIN_CUSTOMERS,
        read::{self, Night},
    },
    report::stats::Share,
};
use entity::kind::{CustomerKind, RfmSegment};
use sea_orm::Iterable as _;
use uuid::Uuid;

use crate::boxed;
use crate::graphql::{
    context::{loader, reader},
    error::fault,
    fact::Money,
    loader::RfmOf,
    scalar::Date,
};

/// How lately, how often and for how much a customer bought in the last 365 days, each also as a score
/// from 1 (least) to 5: the fifth of all customers of the workspace that they are in. Orders that were
/// cancelled or refunded do not count. The scores are by the fifths of the last night, and null while the
/// workspace has fewer than 50 customers, among whom fifths say little.
#[derive(SimpleObject)]
pub(crate) struct Rfm {
    /// The day of the last order, in the workspace's time zone.
    last_order_on: Date,
    /// For how many days nothing was bought.
    recency_days: i64,
    /// How many orders there were, whatever their currency.
    orders: i64,
    /// What the orders come to in the currency of most of them. Amounts in other currencies are not in
    /// it, as they cannot be added.
    revenue: Money,
    /// How lately they bought.
    recency_score: Option<i64>,
    /// How often they bought.
    frequency_score: Option<i64>,
    /// For how much they bought, among those who pay in the same currency; also null while these are
    /// fewer than 50.
    monetary_score: Option<i64>,
    /// What the three scores together say; null where they say nothing in particular.
    segment: Option<RfmSegment>,
}

impl Rfm {
    fn new(rfm: &read::Rfm, today: NaiveDate) -> Self {
        Self {
            last_order_on: Date(rfm.last_order_on),
            // An order may be told with the date of a zone where it is tomorrow.
            recency_days: (today - rfm.last_order_on).num_days().max(0),
            orders: rfm.orders,
            revenue: Money::new(rfm.revenue, &rfm.currency),
            recency_score: rfm.recency_score,
            frequency_score: rfm.frequency_score,
            monetary_score: rfm.monetary_score,
            segment: rfm.segment,
        }
    }
}

/// What a customer bought in the last 365 days; nothing when it was nothing.
pub(crate) async fn rfm_of(
    context: &Context<'_>,
    kind: CustomerKind,
    id: Uuid,
) -> Result<Option<Rfm>> {
    let found = loader(context)?.load_one(RfmOf(kind, id)).await?;
    Ok(found.map(|(rfm, today)| Rfm::new(&rfm, today)))
}

/// All customers who bought in the last 365 days, as the last night found them.
pub(crate) struct RfmReport {
    kind: CustomerKind,
    night: Option<Night>,
}

/// All customers who bought in the last 365 days, as the last night found them.
#[Object]
impl RfmReport {
    /// Whose purchases these are.
    fn of(&self) -> CustomerKind {
        self.kind
    }

    /// The moment they were counted for; null before the first night.
    fn as_of(&self) -> Option<DateTime<Utc>> {
        self.night.as_ref().map(|night| night.as_of)
    }

    /// For how many days an order counts.
    fn window_days(&self) -> i64 {
        WINDOW_DAYS
    }

    /// How many customers bought.
    fn customers(&self) -> i64 {
        self.customers_counted()
    }

    /// How many customers there have to be for them to be scored.
    fn minimum_customers(&self) -> i64 {
        MIN_CUSTOMERS
    }

    /// Whether there were enough to be scored: `customers` is not below `minimumCustomers`.
    fn is_scored(&self) -> bool {
        self.night.as_ref().is_some_and(Night::is_scored)
    }

    /// How many customers are in each segment, of all who bought.
    fn segments(&self) -> Vec<RfmSegmentCount> {
        let counts = self.night.as_ref().map(|night| &night.report.segments);
        RfmSegment::iter()
            .map(|segment| {
                let count = counts.and_then(|counts| counts.get(&segment)).copied();
                let count = count.unwrap_or_default();
                RfmSegmentCount {
                    segment,
                    customers: Share::new(count, self.customers_counted()),
                }
            })
            .collect()
    }

    /// What they bought, by currency; with the average revenue per customer.
    fn revenue(&self) -> Vec<CustomerRevenue> {
        let sales = self.night.iter().flat_map(|night| &night.report.sales);
        sales
            .map(|(currency, sales)| CustomerRevenue::new(currency, sales))
            .collect()
    }
}

impl RfmReport {
    fn customers_counted(&self) -> i64 {
        self.night
            .as_ref()
            .map_or(0, |night| night.report.customers)
    }
}

/// How many customers are in a segment.
#[derive(SimpleObject)]
pub(crate) struct RfmSegmentCount {
    /// The segment.
    segment: RfmSegment,
    /// How many are in it, of all who bought.
    customers: Share,
}

/// What customers bought in one currency.
#[derive(SimpleObject)]
pub(crate) struct CustomerRevenue {
    /// How many customers bought in the currency. Whoever pays in several counts in each.
    customers: i64,
    /// How many orders there were.
    orders: i64,
    /// What they come to.
    revenue: Money,
    /// The average revenue per customer: of a person (`CONTACT`, also known as ARPU) or of a company
    /// (`ACCOUNT`).
    per_customer: Option<Money>,
    /// The average value of an order.
    per_order: Option<Money>,
}

impl CustomerRevenue {
    fn new(currency: &str, sales: &rfm::Sales) -> Self {
        let money = |amount| Money::new(amount, currency);
        Self {
            customers: sales.customers,
            orders: sales.orders,
            revenue: money(sales.revenue),
            per_customer: sales.per_customer().map(money),
            per_order: sales.per_order().map(money),
        }
    }
}

#[derive(Default)]
pub(crate) struct RfmQuery;

#[Object]
impl RfmQuery {
    /// All customers who bought in the last 365 days: their segments by recency, frequency and monetary
    /// value, and the average revenue per customer. Counted once a night.
    #[boxed]
    async fn rfm_report(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Whose purchases are looked at.",
            default_with = "CustomerKind::Contact"
        )]
        of: CustomerKind,
    ) -> Result<RfmReport> {
        let (ctx, actor) = reader(context)?;
        let night = read::last_night(ctx, actor.workspace, of).await;
        let night = night.map_err(fault)?;
        Ok(RfmReport { kind: of, night })
    }
}
