//! Orders, invoices, tickets, opportunities and survey answers over GraphQL: what they have in common, and their
//! lists on contacts and accounts.

mod delete;
mod invoice;
mod opportunity;
mod order;
mod survey;
mod ticket;

use async_graphql::{
    Context, ID, InputValueError, InputValueResult, MergedObject, Object, OneofObject, Result,
    Scalar, ScalarType, SimpleObject, Value,
};
use chrono::{DateTime, Utc};
use domain::{
    contact::{ContactRef, Whose},
    error::{self, UserError},
    fact::{self, AccountRef, Filter, Ingested, Of, Outcome, Party, ingest::Head},
    page::PageRequest,
    timeline,
};
use entity::{
    id::{AccountId, ContactId, Id},
    kind::TimelineKind,
};

use super::{
    account::Account,
    contact::Contact,
    context::{loaded, reader},
    error::{fault, settle},
    few::few,
    id,
    page::{Connection, connection},
    timeline::TimelineEntry,
};
use crate::boxed;

pub use invoice::Invoice;
pub(crate) use invoice::InvoiceFilterInput;
pub use opportunity::Opportunity;
pub(crate) use opportunity::OpportunityFilterInput;
pub use order::Order;
pub(crate) use order::OrderFilterInput;
pub use survey::SurveyAnswer;
pub(crate) use survey::SurveyAnswerFilterInput;
pub use ticket::Ticket;
pub(crate) use ticket::TicketFilterInput;

/// What can be asked about facts.
#[derive(MergedObject, Default)]
pub struct FactQuery(
    order::OrderQuery,
    invoice::InvoiceQuery,
    ticket::TicketQuery,
    opportunity::OpportunityQuery,
    survey::SurveyQuery,
);

/// How facts are brought in, and taken back.
#[derive(MergedObject, Default)]
pub struct FactMutation(
    order::OrderMutation,
    invoice::InvoiceMutation,
    ticket::TicketMutation,
    opportunity::OpportunityMutation,
    survey::SurveyMutation,
    delete::DeleteMutation,
);

/// A whole number of a currency's minor unit, such as cents, from -9007199254740991 to
/// 9007199254740991: what every JSON reader keeps exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MinorUnits(pub(crate) i64);

/// A whole number of a currency's minor unit, such as cents, from -9007199254740991 to
/// 9007199254740991: what every JSON reader keeps exactly.
#[Scalar(
    name = "MinorUnits",
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259#section-6"
)]
impl ScalarType for MinorUnits {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => number
                .as_i64()
                .filter(|units| units.abs() <= fact::money::MAX_AMOUNT)
                .map(Self)
                .ok_or_else(|| InputValueError::expected_type(value.clone())),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}

/// An amount of money.
#[derive(SimpleObject)]
pub(crate) struct Money {
    /// The amount in the currency's minor unit, such as cents; in yen for the yen, which has none.
    amount: MinorUnits,
    /// The currency's ISO 4217 code.
    currency: String,
    /// How many decimals the currency has: the minor unit is 10 to the power of minus this.
    exponent: i32,
    /// The amount as people write it, such as `1234.50`.
    decimal: String,
}

impl Money {
    pub(crate) fn new(amount: i64, currency: &str) -> Self {
        let money = fact::Money {
            amount,
            currency: currency.to_owned(),
        };
        Self {
            amount: MinorUnits(amount),
            exponent: i32::from(money.exponent()),
            decimal: money.decimal(),
            currency: money.currency,
        }
    }
}

/// A way to name a contact: exactly one of these.
#[derive(OneofObject)]
pub(crate) enum ContactReferenceInput {
    /// By global id.
    Id(ID),
    /// By the id another system gave. When it is nobody's, messages and events make a contact; orders
    /// and other facts are refused.
    ExternalId(String),
    /// By email address; a contact is made when it is nobody's.
    Email(String),
    /// By phone number, read as in `createContact`; a contact is made when it is nobody's.
    Phone(String),
    /// By handle, with its network before a colon, such as `x:enishi`; a contact is made when it is
    /// nobody's.
    Handle(String),
    /// By the id of a visitor nobody knows yet, such as a cookie's; a contact is made when it is nobody's.
    /// `identifyContact` says later who it is.
    AnonymousId(String),
}

impl ContactReferenceInput {
    /// Reads it. `item` is the place in the input of what names it.
    pub(crate) fn read(self, item: [&str; 2]) -> error::Result<ContactRef> {
        Ok(match self {
            Self::Id(id) => ContactRef::Id(id::parse(&id, &[item[0], item[1], "contact", "id"])?),
            Self::ExternalId(id) => ContactRef::ExternalId(id),
            Self::Email(email) => ContactRef::Email(email),
            Self::Phone(phone) => ContactRef::Phone(phone),
            Self::Handle(handle) => ContactRef::Handle(handle),
            Self::AnonymousId(id) => ContactRef::AnonymousId(id),
        })
    }

    /// Reads whose the thing at `item` is: named by this, or by an email address of its own field.
    pub(crate) fn whose(
        contact: Option<Self>,
        email: Option<String>,
        item: [&str; 2],
    ) -> error::Result<Whose> {
        let contact = contact.map(|contact| contact.read(item)).transpose()?;
        Ok(Whose { email, contact })
    }
}

/// A way to name an account: exactly one of these.
#[derive(OneofObject)]
pub(crate) enum AccountReferenceInput {
    /// By global id.
    Id(ID),
    /// By the id another system gave.
    ExternalId(String),
    /// By the company's email domain.
    Domain(String),
}

/// Reads the part every fact of an input has. `at` is the place of the fact in the input.
fn head(
    at: [&str; 2],
    external_id: String,
    contact: Option<ContactReferenceInput>,
    account: Option<AccountReferenceInput>,
    updated_at: Option<DateTime<Utc>>,
) -> error::Result<Head> {
    let contact = contact.map(|contact| contact.read(at));
    let account = account.map(|account| {
        Ok::<_, error::Error>(match account {
            AccountReferenceInput::Id(id) => {
                AccountRef::Id(id::parse(&id, &[at[0], at[1], "account", "id"])?)
            }
            AccountReferenceInput::ExternalId(id) => AccountRef::ExternalId(id),
            AccountReferenceInput::Domain(domain) => AccountRef::Domain(domain),
        })
    });
    Ok(Head {
        external_id,
        party: Party {
            contact: contact.transpose()?,
            account: account.transpose()?,
        },
        updated_at,
    })
}

/// The person a fact is about.
async fn contact_of(context: &Context<'_>, id: Option<ContactId>) -> Result<Option<Contact>> {
    loaded(context, id, Contact::from).await
}

/// The company a fact is about.
async fn account_of(context: &Context<'_>, id: Option<AccountId>) -> Result<Option<Account>> {
    loaded(context, id, Account).await
}

/// The part of a filter that says whose the facts are.
fn of<S>(contact: Option<&ID>, account: Option<&ID>) -> error::Result<Filter<S>> {
    Ok(Filter {
        contact: id::parse_opt(contact, &["filter", "contactId"])?,
        account: id::parse_opt(account, &["filter", "accountId"])?,
        ..Filter::default()
    })
}

/// Reads the facts of an input, each with its place in it.
fn read_all<I, T>(
    inputs: Vec<I>,
    read: impl Fn(usize, I) -> error::Result<T>,
) -> error::Result<Vec<T>> {
    let inputs = inputs.into_iter().enumerate();
    inputs.map(|(index, one)| read(index, one)).collect()
}

/// What a payload shows of a call: the facts in the order they were given, or the mistakes to mend.
fn settle_all<I: Id>(
    result: error::Result<Vec<Ingested<I>>>,
) -> Result<(Vec<IngestedFact>, Vec<UserError>)> {
    let (ingested, user_errors) = settle(result)?;
    let facts = ingested.into_iter().flatten();
    Ok((facts.map(IngestedFact::from).collect(), user_errors))
}

/// One fact after a call.
#[derive(SimpleObject)]
pub(crate) struct IngestedFact {
    /// The source's id of it.
    external_id: String,
    /// Its global id, whether it is new or not; null for `ERASED`.
    id: Option<ID>,
    /// What became of it.
    outcome: Outcome,
}

impl<I: Id> From<Ingested<I>> for IngestedFact {
    fn from(ingested: Ingested<I>) -> Self {
        Self {
            external_id: ingested.external_id,
            id: ingested.id.map(|id| ID(id.to_string())),
            outcome: ingested.outcome,
        }
    }
}

/// The facts about one kind of thing, as fields of it. Contacts and accounts have a type each: while a
/// type is being described its fields cannot be taken over by another, and facts lead back to both.
macro_rules! facts_of {
    ($name:ident) => {
        /// The facts about the thing, as fields of it.
        pub struct $name(pub(crate) Of);

        /// The facts about the thing, as fields of it.
        #[Object]
        impl $name {
            /// Everything that happened, newest first, by the things' own times; on an account, what happened
            /// to its people included. A page costs the same at any depth.
            #[boxed]
            async fn timeline(
                &self,
                context: &Context<'_>,
                #[graphql(desc = "Only these kinds; left out, all. An empty list is refused.")]
                kinds: Option<Vec<TimelineKind>>,
                #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
                #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
                #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
                #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
            ) -> Result<Connection<String, TimelineEntry>> {
                let (ctx, actor) = reader(context)?;
                let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
                let kinds = few(kinds, &["kinds"]).map_err(fault)?;
                let found = timeline::list(ctx, actor.workspace, self.0, &kinds, &page);
                let found = found.await.map_err(fault)?;
                Ok(connection(found, TimelineEntry))
            }

            /// What was bought, newest first; on an account, its people's orders included.
            #[boxed]
            async fn orders(
                &self,
                context: &Context<'_>,
                #[graphql(desc = "Which of them.")] filter: Option<OrderFilterInput>,
                #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
                #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
                #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
                #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
            ) -> Result<Connection<String, Order>> {
                let (ctx, actor) = reader(context)?;
                let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
                let mut filter = filter.unwrap_or_default().read().map_err(fault)?;
                filter.common = filter.common.below(self.0);
                let found = domain::order::list(ctx, actor.workspace, &filter, &page);
                let found = found.await.map_err(fault)?;
                Ok(connection(found, Order))
            }

            /// The bills, newest first; on an account, its people's invoices included.
            #[boxed]
            async fn invoices(
                &self,
                context: &Context<'_>,
                #[graphql(desc = "Which of them.")] filter: Option<InvoiceFilterInput>,
                #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
                #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
                #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
                #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
            ) -> Result<Connection<String, Invoice>> {
                let (ctx, actor) = reader(context)?;
                let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
                let mut filter = filter.unwrap_or_default().read().map_err(fault)?;
                filter.common = filter.common.below(self.0);
                let found = domain::invoice::list(ctx, actor.workspace, &filter, &page);
                let found = found.await.map_err(fault)?;
                Ok(connection(found, Invoice))
            }

            /// The cases of the support desk, newest first; on an account, its people's tickets included.
            #[boxed]
            async fn tickets(
                &self,
                context: &Context<'_>,
                #[graphql(desc = "Which of them.")] filter: Option<TicketFilterInput>,
                #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
                #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
                #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
                #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
            ) -> Result<Connection<String, Ticket>> {
                let (ctx, actor) = reader(context)?;
                let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
                let mut filter = filter.unwrap_or_default().read().map_err(fault)?;
                filter.common = filter.common.below(self.0);
                let found = domain::ticket::list(ctx, actor.workspace, &filter, &page);
                let found = found.await.map_err(fault)?;
                Ok(connection(found, Ticket))
            }

            /// The deals that may come about, came about or did not, newest first; on an account, its
            /// people's included.
            #[boxed]
            async fn opportunities(
                &self,
                context: &Context<'_>,
                #[graphql(desc = "Which of them.")] filter: Option<OpportunityFilterInput>,
                #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
                #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
                #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
                #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
            ) -> Result<Connection<String, Opportunity>> {
                let (ctx, actor) = reader(context)?;
                let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
                let filter = filter
                    .unwrap_or_default()
                    .read()
                    .map_err(fault)?
                    .below(self.0);
                let found = domain::opportunity::list(ctx, actor.workspace, &filter, &page);
                let found = found.await.map_err(fault)?;
                Ok(connection(found, Opportunity))
            }

            /// The answers to surveys, newest first; on an account, its people's included.
            #[boxed]
            async fn survey_answers(
                &self,
                context: &Context<'_>,
                #[graphql(desc = "Which of them.")] filter: Option<SurveyAnswerFilterInput>,
                #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
                #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
                #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
                #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
            ) -> Result<Connection<String, SurveyAnswer>> {
                let (ctx, actor) = reader(context)?;
                let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
                let mut filter = filter.unwrap_or_default().read().map_err(fault)?;
                filter.common = filter.common.below(self.0);
                let found = domain::survey::list(ctx, actor.workspace, &filter, &page);
                let found = found.await.map_err(fault)?;
                Ok(connection(found, SurveyAnswer))
            }
        }
    };
}

facts_of!(ContactFacts);
facts_of!(AccountFacts);
