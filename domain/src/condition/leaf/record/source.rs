//! The part of the leaves that the database answers: a statement over one of the four tables, with what is counted
//! of its rows.

use sea_orm::DatabaseBackend;

use crate::condition::{
    age::{self, Age, Aging},
    measure::{Bind, Frag, Holder, Plan, Rows, frag},
    test::Test,
};

/// Which table, and what of its rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RecordSource {
    pub(super) table: Records,
    pub(super) statuses: Vec<&'static str>,
    pub(super) priorities: Vec<&'static str>,
    pub(super) products: Vec<String>,
    pub(super) overdue: bool,
    pub(super) currency: Option<String>,
    pub(super) within_days: Option<u32>,
    /// Which of count, total, days since the first and the last.
    pub(super) counted: Vec<Counted>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Records {
    Orders,
    Invoices,
    Tickets,
    Opportunities,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Counted {
    Count,
    Total,
    DaysSinceFirst,
    DaysSinceLast,
    Satisfaction,
}

impl Records {
    fn table(self) -> (&'static str, &'static str) {
        match self {
            Self::Orders => ("sales_order", "x.placed_at"),
            Self::Invoices => ("invoice", "x.issued_at"),
            Self::Tickets => ("ticket", "x.opened_at"),
            Self::Opportunities => ("opportunity", "x.opened_at"),
        }
    }

    fn aging(self) -> Aging {
        match self {
            Self::Orders => Aging::Order,
            Self::Invoices => Aging::Invoice,
            Self::Tickets => Aging::Ticket,
            Self::Opportunities => Aging::Opportunity,
        }
    }
}

impl Counted {
    /// Whether time alone changes it.
    fn is_an_age(self) -> bool {
        matches!(self, Self::DaysSinceFirst | Self::DaysSinceLast)
    }
}

impl RecordSource {
    /// One of its numbers by itself.
    pub(crate) fn number(&self, place: usize) -> Self {
        Self {
            counted: self.counted.get(place).copied().into_iter().collect(),
            ..self.clone()
        }
    }

    pub(crate) fn depends(&self) -> &'static [&'static str] {
        match self.table {
            Records::Orders => &["order.recorded", "fact.deleted"],
            Records::Invoices => &["invoice.recorded", "fact.deleted"],
            Records::Tickets => &["ticket.recorded", "fact.deleted"],
            Records::Opportunities => &["opportunity.recorded", "fact.deleted"],
        }
    }

    pub(crate) fn timed(&self) -> bool {
        let is_aged = self.counted.iter().any(|counted| counted.is_an_age());
        self.within_days.is_some() || self.overdue || is_aged
    }

    /// The ages at which `test` of it can get another answer.
    pub(crate) fn ages(&self, test: &Test) -> Vec<Age> {
        let mut ages: Vec<i64> = self.within_days.map(age::days).into_iter().collect();
        if let Test::Numbers(tests) = test {
            for (counted, test) in self.counted.iter().zip(tests) {
                if counted.is_an_age() {
                    ages.extend(age::of_days(test));
                }
            }
        }
        let mut ages = self.table.aging().aged(ages);
        if self.overdue {
            ages.extend(Aging::InvoiceDue.aged([0]));
        }
        ages
    }

    pub(crate) fn plan(&self, holder: Holder, backend: DatabaseBackend) -> Plan {
        let (table, at) = self.table.table();
        let owner = match holder {
            Holder::Account => "x.account_id",
            _ => "x.contact_id",
        };
        let mut plan = Plan::one(table, owner);
        plan.rows = Rows::Aggregate;
        plan.wheres.push(&format!(" AND {owner} IS NOT NULL"));
        for (column, words) in [
            ("x.status", &self.statuses),
            ("x.priority", &self.priorities),
        ] {
            if !words.is_empty() {
                plan.wheres.push(" AND ");
                let words = words.iter().map(|word| Bind::Text((*word).to_owned()));
                plan.wheres.append(Frag::one_of(column, words));
            }
        }
        if self.overdue {
            let overdue = " AND x.status = 'OPEN' AND x.due_at < ?";
            plan.wheres.append(Frag::new(overdue).with(Bind::Now));
        }
        if let Some(currency) = &self.currency {
            let currency = Bind::Text(currency.clone());
            plan.wheres
                .append(Frag::new(" AND x.currency = ?").with(currency));
        }
        if !self.products.is_empty() {
            plan.wheres.push(
                " AND EXISTS (SELECT 1 FROM order_line l
                    WHERE l.workspace_id = x.workspace_id AND l.order_id = x.id AND ",
            );
            let products = self.products.iter().cloned().map(Bind::Text);
            plan.wheres.append(Frag::one_of("l.product_id", products));
            plan.wheres.push(")");
        }
        if let Some(days) = self.within_days {
            let since = Frag::new(format!(" AND {at} >= ?")).with(Bind::DaysAgo(days));
            plan.wheres.append(since);
        }
        plan.base.push(("at", Frag::new(at)));
        if self.counted.contains(&Counted::Total) {
            plan.base.push(("amount", Frag::new("x.amount")));
        }
        if self.counted.contains(&Counted::Satisfaction) {
            plan.base.push(("csat", Frag::new("x.csat")));
        }
        for counted in &self.counted {
            plan.numbers.push(match counted {
                Counted::Count => (Frag::new("COUNT(*)"), Some(0.0)),
                // SQLite refuses a sum of integers that is no integer of its own any more.
                Counted::Total => (
                    Frag::new("COALESCE(SUM(CAST(b.amount AS double precision)), 0)"),
                    Some(0.0),
                ),
                Counted::DaysSinceFirst => (frag::days_since(backend, "MIN(b.at)"), None),
                Counted::DaysSinceLast => (frag::days_since(backend, "MAX(b.at)"), None),
                Counted::Satisfaction => (Frag::new("AVG(b.csat)"), None),
            });
        }
        plan
    }
}
