//! Orders, invoices, tickets and opportunities: how many, how much, how long ago.
//!
//! `source` is what the database is asked.

mod source;

use async_graphql::{InputObject, SimpleObject};
use entity::kind::{InvoiceStatus, OpportunityStatus, OrderStatus, TicketPriority, TicketStatus};
use serde::{Deserialize, Serialize};

use self::source::{Counted, Records};
use super::{
    things::{Things, singular},
    words::Named,
};
use crate::{
    condition::{
        Leaf, Need, Whose,
        check::Checks,
        measure::{Holder, Measure, Source},
        path::Path,
        scalar::Natural,
        sentence::{Phrasing, last_days, say},
        test::{Ask, NumberTest, Test, check_days},
    },
    error::{UserError, UserErrorCode},
    fact::money,
};

pub(crate) use source::RecordSource;

/// The fields that all four have, and what each makes of them.
macro_rules! records {
    ($(
        $(#[$doc:meta])*
        $leaf:ident as $name:literal, $input:literal: $records:ident of $status:ty {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
        }
        said [$ja:literal, $en:literal, $zh:literal]
    )*) => {$(
        $(#[$doc])*
        #[derive(
            InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default,
        )]
        #[graphql(name = $name, input_name = $input)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $leaf {
            /// Whose: those of the contact, or those of the account.
            #[graphql(default)]
            pub of: Whose,
            /// Only those in one of these states.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub statuses: Option<Vec<$status>>,
            /// Only those that began in the last so many days, up to 3660.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub within_days: Option<Natural>,
            /// How many there must be. Without any test, one is enough.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub count: Option<NumberTest>,
            /// Days since the first began. Nothing when there is none.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub days_since_first: Option<NumberTest>,
            /// Days since the last began. Nothing when there is none.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub days_since_last: Option<NumberTest>,
            $(
                $(#[$field_doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }

        impl Leaf for $leaf {
            fn need(&self) -> Need {
                self.of.need()
            }

            fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
                self.common().check(at, refusals);
                Checks::new(at, refusals).list("statuses", self.statuses.as_ref());
                self.check_rest(at, refusals);
            }

            fn asks(&self) -> Vec<Ask> {
                self.common().asks(self.of.holder())
            }

            fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
                let names = [$ja, $en, $zh];
                let statuses = self.statuses.iter().flatten();
                let statuses: Vec<String> =
                    statuses.map(|&status| status.label(phrasing).to_owned()).collect();
                self.common().phrase(phrasing, self.of, names, &statuses)
            }
        }

        impl $leaf {
            fn common(&self) -> Common {
                let mut common = Common {
                    source: RecordSource {
                        table: Records::$records,
                        statuses: self.statuses.iter().flatten().map(|status| status.word()).collect(),
                        priorities: Vec::new(),
                        products: Vec::new(),
                        overdue: false,
                        currency: None,
                        within_days: self.within_days.map(Natural::get),
                        counted: Vec::new(),
                    },
                    tests: Vec::new(),
                    total: None,
                    satisfaction: None,
                };
                common.test(Counted::Count, self.count);
                common.test(Counted::DaysSinceFirst, self.days_since_first);
                common.test(Counted::DaysSinceLast, self.days_since_last);
                self.add_rest(&mut common);
                common
            }
        }
    )*};
}

records! {
    /// Tests the orders; every part given must hold of the same orders.
    Orders as "OrdersCondition", "OrdersConditionInput": Orders of OrderStatus {
        /// Only orders with one of these products, by the product ids of the order lines.
        product_ids: Vec<String>,
        /// What they cost together.
        total: TotalTest,
    } said ["注文", "orders", "订单"]

    /// Tests the invoices; every part given must hold of the same invoices.
    Invoices as "InvoicesCondition", "InvoicesConditionInput": Invoices of InvoiceStatus {
        /// Only open invoices whose due date has passed. `false` means the same as nothing.
        overdue: bool,
        /// What they amount to together.
        total: TotalTest,
    } said ["請求書", "invoices", "发票"]

    /// Tests the support tickets; every part given must hold of the same tickets.
    Tickets as "TicketsCondition", "TicketsConditionInput": Tickets of TicketStatus {
        /// Only tickets of one of these priorities.
        priorities: Vec<TicketPriority>,
        /// The mean of the satisfaction of those that were rated, from 1 to 5.
        satisfaction: NumberTest,
    } said ["チケット", "tickets", "工单"]

    /// Tests the opportunities; every part given must hold of the same opportunities.
    Opportunities as "OpportunitiesCondition", "OpportunitiesConditionInput": Opportunities of OpportunityStatus {
        /// What they amount to together.
        total: TotalTest,
    } said ["商談", "opportunities", "商机"]
}

/// What amounts of one currency must come to together.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Hash)]
#[graphql(input_name = "TotalTestInput")]
#[serde(rename_all = "camelCase")]
pub struct TotalTest {
    /// The ISO 4217 code, such as `JPY`; only amounts of this currency are summed.
    pub currency: String,
    /// The sum in minor units, such as cents; in yen for the yen. Nothing sums to 0: `lessThan` holds
    /// also of those who have none. Ask with `count: { atLeast: 1 }` for those who do.
    pub amount: NumberTest,
}

impl Orders {
    fn add_rest(&self, common: &mut Common) {
        common.source.products = self.product_ids.clone().unwrap_or_default();
        common.sum(self.total.as_ref());
    }

    fn check_rest(&self, at: &Path, refusals: &mut Vec<UserError>) {
        Checks::new(at, refusals).keys("productIds", self.product_ids.as_ref());
    }
}

impl Invoices {
    fn add_rest(&self, common: &mut Common) {
        common.source.overdue = self.overdue == Some(true);
        common.sum(self.total.as_ref());
    }

    fn check_rest(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let open = |status: &InvoiceStatus| *status == InvoiceStatus::Open;
        let statuses = self.statuses.as_ref();
        let excluded = statuses.is_some_and(|statuses| !statuses.iter().any(open));
        if self.overdue == Some(true) && excluded {
            let message = "Only open invoices are overdue. Add OPEN to statuses.";
            refusals.push(
                at.at("overdue")
                    .refuse(UserErrorCode::Contradictory, message),
            );
        }
    }
}

impl Tickets {
    fn add_rest(&self, common: &mut Common) {
        let priorities = self.priorities.iter().flatten();
        common.source.priorities = priorities.map(|priority| priority.word()).collect();
        common.test(Counted::Satisfaction, self.satisfaction);
        common.satisfaction = self.satisfaction;
    }

    fn check_rest(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let mut checks = Checks::new(at, refusals);
        checks.list("priorities", self.priorities.as_ref());
        checks.number("satisfaction", self.satisfaction.as_ref(), 1.0, 5.0);
    }
}

impl Opportunities {
    fn add_rest(&self, common: &mut Common) {
        common.sum(self.total.as_ref());
    }

    #[expect(
        clippy::unused_self,
        reason = "it stands beside those of the other three"
    )]
    fn check_rest(&self, _at: &Path, _refusals: &mut Vec<UserError>) {}
}

/// What the four conditions have in common.
struct Common {
    source: RecordSource,
    tests: Vec<NumberTest>,
    total: Option<TotalTest>,
    satisfaction: Option<NumberTest>,
}

impl Common {
    fn test(&mut self, counted: Counted, test: Option<NumberTest>) {
        if let Some(test) = test {
            self.source.counted.push(counted);
            self.tests.push(test);
        }
    }

    fn sum(&mut self, total: Option<&TotalTest>) {
        if let Some(total) = total {
            let code = money::find(&total.currency).map(|currency| currency.code.to_owned());
            self.source.currency = Some(code.unwrap_or_else(|| total.currency.clone()));
            self.test(Counted::Total, Some(total.amount));
            self.total = Some(total.clone());
        }
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        if let Some(days) = self.source.within_days {
            check_days(days, &at.at("withinDays"), refusals);
        }
        for (counted, test) in self.source.counted.iter().zip(&self.tests) {
            let name = match counted {
                Counted::Count => {
                    test.check_count(0.0, f64::INFINITY, &at.at("count"), refusals);
                    continue;
                }
                Counted::DaysSinceFirst => "daysSinceFirst",
                Counted::DaysSinceLast => "daysSinceLast",
                Counted::Total | Counted::Satisfaction => continue,
            };
            test.check(-1.0, f64::INFINITY, &at.at(name), refusals);
        }
        if let Some(total) = &self.total {
            let at = at.at("total");
            let max = money::MAX_AMOUNT as f64;
            total
                .amount
                .check(f64::NEG_INFINITY, max, &at.at("amount"), refusals);
            if money::find(&total.currency).is_none() {
                let message = "Give an ISO 4217 code such as JPY.";
                refusals.push(at.at("currency").refuse(UserErrorCode::Invalid, message));
            }
        }
    }

    fn asks(mut self, holder: Holder) -> Vec<Ask> {
        if self.tests.is_empty() {
            self.test(Counted::Count, Some(NumberTest::min(1.0)));
        }
        let measure = Measure::new(holder, Source::Records(self.source));
        vec![Ask::new(measure, Test::Numbers(self.tests))]
    }

    fn phrase(
        &self,
        phrasing: &Phrasing<'_>,
        of: Whose,
        [ja, en, zh]: Named,
        statuses: &[String],
    ) -> String {
        let subject = of.subject(phrasing);
        let statuses = phrasing.or(statuses);
        let statuses = if statuses.is_empty() {
            statuses
        } else {
            // One of them stands before the noun as it is.
            let of = if self.source.statuses.len() > 1 {
                "的"
            } else {
                ""
            };
            say!(
                phrasing,
                format!("{statuses}の"),
                format!("{statuses} "),
                format!("{statuses}{of}")
            )
        };
        let overdue = if self.source.overdue {
            say!(phrasing, "期限切れの", "overdue ", "逾期的")
        } else {
            ""
        };
        let window = self.source.within_days.map_or_else(String::new, |days| {
            say!(
                phrasing,
                format!("過去{days}日間の"),
                format!(" of the {}", last_days(days)),
                format!("最近{days}天的")
            )
        });
        let products: Vec<String> = self
            .source
            .products
            .iter()
            .map(|id| phrasing.quote(id))
            .collect();
        let products = if products.is_empty() {
            String::new()
        } else {
            let products = phrasing.or(&products);
            say!(
                phrasing,
                format!("商品{products}の"),
                format!(" with the product {products}"),
                format!("含产品{products}的")
            )
        };
        let named = |en: &str| {
            say!(
                phrasing,
                format!("{window}{products}{overdue}{statuses}{ja}"),
                format!("{overdue}{statuses}{en}{products}{window}"),
                format!("{window}{products}{overdue}{statuses}{zh}")
            )
        };
        let things = Things::new(phrasing, subject, named(en), named(&singular(en)));
        if self.tests.is_empty() {
            return things.some();
        }
        let tests = self.source.counted.iter().zip(&self.tests);
        let clauses: Vec<String> = tests
            .map(|(counted, test)| match counted {
                Counted::Count => things.count(test),
                Counted::DaysSinceFirst => things.days_since(false, test),
                Counted::DaysSinceLast => things.days_since(true, test),
                Counted::Satisfaction => {
                    things.figure(["平均満足度", "mean satisfaction", "平均满意度"], test)
                }
                Counted::Total => {
                    let total = self.phrase_total(&things, test);
                    // Nobody would take those who never bought for people with a total below 100.
                    let none = if test.holds(0.0) {
                        say!(
                            phrasing,
                            "（ないときは0とする）",
                            " (0 without any)",
                            "（没有则为0）"
                        )
                    } else {
                        ""
                    };
                    total + none
                }
            })
            .collect();
        phrasing.both(&clauses)
    }

    /// The total in the unit people count in.
    fn phrase_total(&self, things: &Things<'_>, test: &NumberTest) -> String {
        let name = ["合計金額", "total", "总金额"];
        let told = self.total.as_ref();
        let told = told.map_or("", |total| total.currency.as_str());
        match money::find(told) {
            Some(currency) => {
                let unit = format!(" {}", currency.code);
                let factor = 10_f64.powi(i32::from(currency.exponent));
                things.figure_in(name, &test.in_units_of(factor), &unit)
            }
            // What is no currency is refused, but said before.
            None => things.figure_in(name, test, &format!(" {told}")),
        }
    }
}

/// What a state is called in a sentence.
trait Labelled {
    fn label(self, phrasing: &Phrasing<'_>) -> &'static str;
}

macro_rules! labels {
    ($($kind:ident { $($value:ident: $ja:literal, $en:literal, $zh:literal;)* })*) => {$(
        impl Labelled for $kind {
            fn label(self, phrasing: &Phrasing<'_>) -> &'static str {
                match self {
                    $(Self::$value => say!(phrasing, $ja, $en, $zh),)*
                }
            }
        }
    )*};
}

labels! {
    OrderStatus {
        Placed: "注文済み", "placed", "已下单";
        Paid: "支払済み", "paid", "已付款";
        Fulfilled: "納品済み", "fulfilled", "已交付";
        Cancelled: "キャンセル済み", "cancelled", "已取消";
        Refunded: "返金済み", "refunded", "已退款";
    }
    InvoiceStatus {
        Draft: "下書き", "draft", "草稿";
        Open: "未払い", "open", "未付";
        Paid: "支払済み", "paid", "已付";
        Void: "無効", "void", "作废";
        Uncollectible: "回収不能", "uncollectible", "无法收回";
    }
    TicketStatus {
        Open: "対応中", "open", "处理中";
        Pending: "保留中", "pending", "待定";
        Solved: "解決済み", "solved", "已解决";
        Closed: "完了", "closed", "已关闭";
    }
    OpportunityStatus {
        Open: "進行中", "open", "进行中";
        Won: "受注", "won", "赢单";
        Lost: "失注", "lost", "丢单";
    }
}
