//! What other systems tell of the customers: orders, invoices, tickets, deals and answers to surveys.
//! How much of it follows a customer's habits, so that health and the reports have something to show.

use chrono::{DateTime, TimeDelta, Utc};
use entity::kind::{
    InvoiceStatus, OpportunityStatus, OrderStatus, SurveyKind, TicketPriority, TicketStatus,
};

use super::{Person, activity::Habit, chance::Chance};
use crate::{
    access::Actor,
    ctx::Ctx,
    error::Result,
    fact::{ContactRef, Party, ingest::Head},
    invoice::{self, NewInvoice},
    opportunity::{self, NewOpportunity},
    order::{self, NewLine, NewOrder},
    survey::{self, NewSurveyAnswer},
    ticket::{self, NewTicket},
};

/// The products: id, name, price of one in yen.
const PRODUCTS: [(&str, &str, i64); 3] = [
    ("seat", "利用ライセンス / Seat", 2_800),
    ("storage", "追加ストレージ / Storage", 9_600),
    ("onboarding", "導入支援 / Onboarding", 180_000),
];

const SUBJECTS: [&str; 4] = [
    "ログインできません",
    "Invoice address is wrong",
    "数据导出失败",
    "CSV の取り込みについて",
];

/// Takes it all in.
pub(super) async fn tell(
    ctx: &Ctx,
    actor: &Actor,
    people: &[Person],
    now: DateTime<Utc>,
) -> Result<()> {
    let (mut orders, mut invoices, mut tickets) = (Vec::new(), Vec::new(), Vec::new());
    let (mut deals, mut answers) = (Vec::new(), Vec::new());
    for (number, person) in people.iter().enumerate() {
        let mut teller = Teller {
            person,
            number,
            now,
            chance: Chance::new(number as u64 + 5_000),
        };
        for n in 0..person.orders(number) {
            let order = teller.order(n);
            invoices.push(teller.invoice(&order, n));
            orders.push(order);
        }
        tickets.extend(teller.ticket());
        deals.extend(teller.deal());
        answers.extend(teller.answers());
    }
    order::ingest(ctx, actor, orders).await?;
    invoice::ingest(ctx, actor, invoices).await?;
    ticket::ingest(ctx, actor, tickets).await?;
    opportunity::ingest(ctx, actor, deals).await?;
    survey::ingest(ctx, actor, answers).await?;
    Ok(())
}

impl Person {
    /// How often they bought. Every other one of those who fade bought often before.
    fn orders(&self, number: usize) -> usize {
        match self.habit {
            Habit::Vip => 5,
            Habit::Regular => 2,
            Habit::Fading if number % 10 == 3 => 4,
            Habit::Occasional | Habit::Fading => 1,
            Habit::Trial => 0,
        }
    }
}

/// Tells of one person.
struct Teller<'p> {
    person: &'p Person,
    number: usize,
    now: DateTime<Utc>,
    chance: Chance,
}

impl Teller<'_> {
    fn head(&self, what: &str, n: usize) -> Head {
        Head {
            external_id: format!("demo-{what}-{}-{n}", self.number + 1),
            party: Party {
                contact: Some(ContactRef::Email(self.person.email.clone())),
                account: None,
            },
            updated_at: None,
        }
    }

    /// Some day before the person went quiet.
    fn day(&mut self, within: usize) -> DateTime<Utc> {
        let days = self.person.habit.quiet_days() + self.chance.below(within) as i64;
        self.now - TimeDelta::days(days) - TimeDelta::minutes(self.chance.below(600) as i64)
    }

    fn order(&mut self, n: usize) -> NewOrder {
        let (product_id, product_name, unit_price) = PRODUCTS[(self.number + n) % PRODUCTS.len()];
        let quantity = 1 + self.chance.below(4) as i64;
        NewOrder {
            head: self.head("order", n),
            number: Some(format!("SO-{:04}", self.number * 10 + n)),
            status: OrderStatus::Paid,
            amount: unit_price * quantity,
            currency: "JPY".to_owned(),
            placed_at: self.day(55),
            lines: vec![NewLine {
                product_id: product_id.to_owned(),
                product_name: product_name.to_owned(),
                quantity: quantity as f64,
                unit_price,
            }],
        }
    }

    /// The bill of an order; those who went quiet have not paid theirs.
    fn invoice(&self, order: &NewOrder, n: usize) -> NewInvoice {
        let is_paid = self.person.habit != Habit::Fading;
        NewInvoice {
            head: self.head("invoice", n),
            number: order
                .number
                .as_ref()
                .map(|number| number.replace("SO", "INV")),
            status: if is_paid {
                InvoiceStatus::Paid
            } else {
                InvoiceStatus::Open
            },
            amount: order.amount,
            currency: order.currency.clone(),
            issued_at: order.placed_at,
            due_at: Some(order.placed_at + TimeDelta::days(14)),
            paid_at: is_paid.then_some(order.placed_at),
        }
    }

    fn ticket(&mut self) -> Option<NewTicket> {
        if !self.chance.percent(40) {
            return None;
        }
        let is_open = self.person.habit == Habit::Fading;
        let opened_at = self.day(40);
        Some(NewTicket {
            head: self.head("ticket", 0),
            subject: SUBJECTS[self.number % SUBJECTS.len()].to_owned(),
            status: if is_open {
                TicketStatus::Open
            } else {
                TicketStatus::Solved
            },
            priority: if is_open {
                TicketPriority::Urgent
            } else {
                TicketPriority::Normal
            },
            csat: (!is_open).then_some(if self.person.habit == Habit::Vip {
                5
            } else {
                4
            }),
            opened_at,
            solved_at: (!is_open).then_some(self.now),
        })
    }

    fn deal(&mut self) -> Option<NewOpportunity> {
        let (status, stage, probability) = match self.person.habit {
            Habit::Vip => (OpportunityStatus::Won, "契約 / Won", 100),
            Habit::Trial => (OpportunityStatus::Open, "提案 / Proposal", 40),
            Habit::Fading => (OpportunityStatus::Lost, "失注 / Lost", 0),
            Habit::Regular | Habit::Occasional => return None,
        };
        let is_open = status == OpportunityStatus::Open;
        Some(NewOpportunity {
            head: self.head("deal", 0),
            name: format!("{} – {}", self.person.company.name, stage),
            status,
            stage: Some(stage.to_owned()),
            amount: Some(600_000 + 50_000 * (self.number as i64 % 9)),
            currency: Some("JPY".to_owned()),
            probability: Some(probability),
            expected_close: is_open.then(|| (self.now + TimeDelta::days(30)).date_naive()),
            opened_at: self.day(20) - TimeDelta::days(20),
            closed_at: (!is_open).then_some(self.now),
        })
    }

    /// How likely they are to recommend us, and how satisfied they were with the beginning.
    fn answers(&mut self) -> Vec<NewSurveyAnswer> {
        let (nps, csat) = match self.person.habit {
            Habit::Vip => (10, 5),
            Habit::Regular => (9, 4),
            Habit::Occasional => (7, 4),
            Habit::Trial => (8, 3),
            Habit::Fading => (3, 2),
        };
        let mut answers = Vec::new();
        for (key, kind, score) in [
            ("nps", SurveyKind::Nps, nps),
            ("onboarding", SurveyKind::Csat, csat),
        ] {
            if self.chance.percent(60) {
                answers.push(NewSurveyAnswer {
                    head: self.head(key, 0),
                    survey_key: key.to_owned(),
                    kind,
                    score,
                    comment: (score <= 3).then(|| "もう少し使いやすくしてほしいです。".to_owned()),
                    answered_at: self.day(30),
                });
            }
        }
        answers
    }
}
