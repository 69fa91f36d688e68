//! Invoices: what customers owe or have paid, as billing systems tell it.
//!
//! Taken in by `ingest` (see [`fact`](crate::fact) for what all kinds of facts have in common).
//! Whether an invoice is overdue is nobody's to tell: it follows from its status and due date.

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, Id as _, InvoiceId, WorkspaceId},
    invoice,
    kind::InvoiceStatus,
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
        read::{Listed, Table},
    },
    page::{Page, PageRequest},
    store::{Query, Rows, rows_by_id},
    work::change::Fact,
};

/// An invoice as its source tells it.
#[derive(Debug, Clone)]
pub struct NewInvoice {
    /// Its id, whose it is, and how new this is.
    pub head: Head,
    /// The number people know it by.
    pub number: Option<String>,
    /// Where it stands.
    pub status: InvoiceStatus,
    /// What it comes to, in the currency's minor unit.
    pub amount: i64,
    /// The currency's ISO 4217 code.
    pub currency: String,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// When it must be paid.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
}

/// An invoice's own part, checked.
#[derive(Debug, Serialize)]
pub(crate) struct Invoice {
    number: Option<String>,
    status: InvoiceStatus,
    money: Money,
    issued_at: DateTime<Utc>,
    due_at: Option<DateTime<Utc>>,
    paid_at: Option<DateTime<Utc>>,
}

/// Takes invoices in, at most a thousand; the latest by the source's own time counts.
pub async fn ingest(
    ctx: &Ctx,
    actor: &Actor,
    invoices: Vec<NewInvoice>,
) -> Result<Vec<Ingested<InvoiceId>>> {
    ingest::ingest::<Invoice>(ctx, actor, invoices).await
}

/// Whether it should have been paid by `now` and was not.
pub fn is_overdue(invoice: &invoice::Model, now: DateTime<Utc>) -> bool {
    invoice.status == InvoiceStatus::Open && invoice.due_at.is_some_and(|due| due < now)
}

impl Told for Invoice {
    type Id = InvoiceId;
    type New = NewInvoice;

    const TABLE: &'static str = "invoice";
    const LIST: &'static str = "invoices";
    const COLUMNS: &'static [&'static str] = &[
        "number",
        "status",
        "amount",
        "currency",
        "issued_at",
        "due_at",
        "paid_at",
    ];

    fn head(new: &NewInvoice) -> Head {
        new.head.clone()
    }

    fn check(new: NewInvoice, checker: &mut Checker<'_>) -> Self {
        if new.paid_at.is_some() && new.status != InvoiceStatus::Paid {
            let message = "Only a paid invoice has a moment of payment.";
            checker.refuse(&["paidAt"], UserErrorCode::Contradictory, message);
        }
        Self {
            number: checker.text(new.number.as_deref(), &["number"], 100),
            status: new.status,
            money: checker.money(new.amount, &new.currency),
            issued_at: checker.past(new.issued_at, &["issuedAt"]),
            due_at: new.due_at.map(|at| checker.moment(at, &["dueAt"])),
            paid_at: new.paid_at.map(|at| checker.past(at, &["paidAt"])),
        }
    }

    fn rows(rows: Rows, told: &[&Self]) -> Rows {
        rows.opt_texts("number", told.iter().map(|one| one.number.clone()))
            .texts("status", told.iter().map(|one| one.status.word()))
            .ints("amount", told.iter().map(|one| one.money.amount))
            .texts(
                "currency",
                told.iter().map(|one| one.money.currency.as_str()),
            )
            .times("issued_at", told.iter().map(|one| one.issued_at))
            .opt_times("due_at", told.iter().map(|one| one.due_at))
            .opt_times("paid_at", told.iter().map(|one| one.paid_at))
    }

    fn fact(&self, id: InvoiceId, account: Option<AccountId>, previous: Option<&str>) -> Fact {
        Fact::InvoiceRecorded {
            invoice_id: id,
            account_id: account,
            status: self.status,
            previous_status: previous.and_then(InvoiceStatus::from_word),
        }
    }
}

/// Which invoices a list has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InvoiceFilter {
    /// What all kinds of facts can be chosen by.
    pub common: Filter<InvoiceStatus>,
    /// Only those that are overdue, or only those that are not.
    pub overdue: Option<bool>,
}

const TABLE: Table<InvoiceStatus> =
    Table::new("invoice", "issued", "t.issued_at", InvoiceStatus::word);

impl Listed for invoice::Model {
    fn place(&self) -> (DateTime<Utc>, Uuid) {
        (self.issued_at, self.id.uuid())
    }
}

/// A page of invoices by when they were issued, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &InvoiceFilter,
    page: &PageRequest,
) -> Result<Page<(String, invoice::Model)>> {
    let mut common = filter.common.clone();
    if filter.overdue == Some(true) && common.statuses.is_empty() {
        // No others are overdue, and the open ones have an index.
        common.statuses.push(InvoiceStatus::Open);
    }
    let now = ctx.clock.now();
    let also = |query: &mut Query| {
        if let Some(overdue) = filter.overdue {
            let now = query.arg(now);
            query.push(&if overdue {
                format!(" AND t.status = 'OPEN' AND t.due_at < {now}")
            } else {
                format!(" AND (t.status <> 'OPEN' OR t.due_at IS NULL OR t.due_at >= {now})")
            });
        }
    };
    TABLE
        .list(ctx, workspace, (&common, None), also, page)
        .await
}

/// The invoices among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[InvoiceId],
) -> Result<Vec<invoice::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}
