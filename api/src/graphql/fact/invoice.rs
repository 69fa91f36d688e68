//! Invoices over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    fact::Filter,
    invoice::{self, InvoiceFilter, NewInvoice},
    page::PageRequest,
};
use entity::{id::InvoiceId, kind::InvoiceStatus};

use super::{
    AccountReferenceInput, ContactReferenceInput, IngestedFact, MinorUnits, Money, account_of,
    contact_of, head, of, read_all, settle_all,
};
use crate::boxed;
use crate::graphql::{
    account::Account,
    contact::Contact,
    context::{loaded_by, reader, writer},
    error::fault,
    few::few,
    page::{Connection, connection},
};

/// A bill.
#[derive(Debug, Clone)]
pub struct Invoice(pub(crate) entity::invoice::Model);

/// A bill.
#[Object]
impl Invoice {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The source's own id.
    fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// The person it is about.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        contact_of(context, self.0.contact_id).await
    }

    /// The company it is about: the one the source named, or else the contact's.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        account_of(context, self.0.account_id).await
    }

    /// The number people know it by.
    fn number(&self) -> Option<&str> {
        self.0.number.as_deref()
    }

    /// Where it stands.
    fn status(&self) -> InvoiceStatus {
        self.0.status
    }

    /// Whether it is open and should have been paid by now.
    fn is_overdue(&self, context: &Context<'_>) -> Result<bool> {
        let (ctx, _) = reader(context)?;
        Ok(invoice::is_overdue(&self.0, ctx.clock.now()))
    }

    /// What it comes to.
    fn amount(&self) -> Money {
        Money::new(self.0.amount, &self.0.currency)
    }

    /// When it was issued.
    fn issued_at(&self) -> DateTime<Utc> {
        self.0.issued_at
    }

    /// When it must be paid.
    fn due_at(&self) -> Option<DateTime<Utc>> {
        self.0.due_at
    }

    /// When it was paid.
    fn paid_at(&self) -> Option<DateTime<Utc>> {
        self.0.paid_at
    }

    /// When the source last changed it.
    fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// When it was first told of here.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// Which invoices a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct InvoiceFilterInput {
    /// About this contact.
    contact_id: Option<ID>,
    /// About this account or its people.
    account_id: Option<ID>,
    /// With one of these ids of the source, at most 100.
    external_ids: Option<Vec<String>>,
    /// In one of these states.
    statuses: Option<Vec<InvoiceStatus>>,
    /// Issued not before this moment.
    from: Option<DateTime<Utc>>,
    /// Issued before this moment.
    until: Option<DateTime<Utc>>,
    /// Only those that are open and past their due date, or only the others.
    overdue: Option<bool>,
}

impl InvoiceFilterInput {
    pub(crate) fn read(self) -> domain::error::Result<InvoiceFilter> {
        let common = Filter {
            statuses: few(self.statuses, &["filter", "statuses"])?,
            from: self.from,
            until: self.until,
            external_ids: few(self.external_ids, &["filter", "externalIds"])?,
            ..of(self.contact_id.as_ref(), self.account_id.as_ref())?
        };
        Ok(InvoiceFilter {
            common,
            overdue: self.overdue,
        })
    }
}

#[derive(Default)]
pub(crate) struct InvoiceQuery;

#[Object]
impl InvoiceQuery {
    /// One invoice; nothing when there is none of this id.
    #[boxed]
    async fn invoice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The invoice's global id.")] id: ID,
    ) -> Result<Option<Invoice>> {
        loaded_by::<InvoiceId, _>(context, &id, Invoice).await
    }

    /// The workspace's invoices, newest first.
    #[boxed]
    async fn invoices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which invoices.")] filter: Option<InvoiceFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Invoice>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read().map_err(fault)?;
        let found = invoice::list(ctx, actor.workspace, &filter, &page);
        let found = found.await.map_err(fault)?;
        Ok(connection(found, Invoice))
    }
}

/// An invoice to be taken in.
#[derive(InputObject)]
pub(crate) struct InvoiceInput {
    /// The source's own id, at most 200 characters; the same id is the same invoice.
    external_id: String,
    /// The person it is about. Name the contact, the account, or both.
    contact: Option<ContactReferenceInput>,
    /// The company it is about; left out, the contact's.
    account: Option<AccountReferenceInput>,
    /// The number people know it by.
    number: Option<String>,
    /// Where it stands. Overdue is not told: it follows from `OPEN` and the due date.
    status: InvoiceStatus,
    /// What it comes to, in the currency's minor unit: 0 or more.
    amount: MinorUnits,
    /// The currency's ISO 4217 code.
    currency: String,
    /// When it was issued.
    issued_at: DateTime<Utc>,
    /// When it must be paid.
    due_at: Option<DateTime<Utc>>,
    /// When it was paid; only with `PAID`.
    paid_at: Option<DateTime<Utc>>,
    /// When the source last changed it; left out, now. What is told of an earlier moment than what
    /// is known already is left aside.
    updated_at: Option<DateTime<Utc>>,
}

impl InvoiceInput {
    fn read(self, index: usize) -> domain::error::Result<NewInvoice> {
        let index = index.to_string();
        let at = ["invoices", index.as_str()];
        Ok(NewInvoice {
            head: head(
                at,
                self.external_id,
                self.contact,
                self.account,
                self.updated_at,
            )?,
            number: self.number,
            status: self.status,
            amount: self.amount.0,
            currency: self.currency,
            issued_at: self.issued_at,
            due_at: self.due_at,
            paid_at: self.paid_at,
        })
    }
}

/// Invoices to be taken in.
#[derive(InputObject)]
pub(crate) struct IngestInvoicesInput {
    /// The invoices, at most 1,000. When one is refused, none is taken.
    invoices: Vec<InvoiceInput>,
}

/// What became of `ingestInvoices`.
#[derive(SimpleObject)]
pub(crate) struct IngestInvoicesPayload {
    /// The invoices, in the order they were given; empty when the call was refused.
    invoices: Vec<IngestedFact>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct InvoiceMutation;

#[Object]
impl InvoiceMutation {
    /// Takes invoices in, in bulk; repeating a call changes nothing, and of several words about one
    /// invoice the latest by `updatedAt` counts. Scope: INGEST.
    #[boxed]
    async fn ingest_invoices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: IngestInvoicesInput,
    ) -> Result<IngestInvoicesPayload> {
        let (ctx, actor) = writer(context)?;
        let told = read_all(input.invoices, |index, one| one.read(index));
        let result = async { invoice::ingest(ctx, actor, told?).await };
        let (invoices, user_errors) = settle_all(result.await)?;
        Ok(IngestInvoicesPayload {
            invoices,
            user_errors,
        })
    }
}
