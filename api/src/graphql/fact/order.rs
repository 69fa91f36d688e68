//! Orders over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    fact::Filter,
    order::{self, NewLine, NewOrder, OrderFilter},
    page::PageRequest,
};
use entity::{id::OrderId, kind::OrderStatus};

use super::{
    AccountReferenceInput, ContactReferenceInput, IngestedFact, MinorUnits, Money, account_of,
    contact_of, head, of, read_all, settle_all,
};
use crate::boxed;
use crate::graphql::{
    account::Account,
    contact::Contact,
    context::{loaded_by, loader, reader, writer},
    error::fault,
    few::few,
    loader::LinesOf,
    page::{Connection, connection},
};

/// A purchase.
#[derive(Debug, Clone)]
pub struct Order(pub(crate) entity::sales_order::Model);

/// A purchase.
#[Object]
impl Order {
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
    fn status(&self) -> OrderStatus {
        self.0.status
    }

    /// What it comes to.
    fn amount(&self) -> Money {
        Money::new(self.0.amount, &self.0.currency)
    }

    /// When it was placed.
    fn placed_at(&self) -> DateTime<Utc> {
        self.0.placed_at
    }

    /// What was bought, in the source's order.
    #[boxed]
    async fn lines(&self, context: &Context<'_>) -> Result<Vec<OrderLine>> {
        let found = loader(context)?.load_one(LinesOf(self.0.id)).await?;
        let lines = found.unwrap_or_default().into_iter();
        Ok(lines
            .map(|line| OrderLine {
                product_id: line.product_id,
                product_name: line.product_name,
                quantity: line.quantity,
                unit_price: Money::new(line.unit_price, &self.0.currency),
            })
            .collect())
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

/// One product in an order.
#[derive(SimpleObject)]
pub(crate) struct OrderLine {
    /// The source's id of the product.
    product_id: String,
    /// What it is called.
    product_name: String,
    /// How many, in the product's unit.
    quantity: f64,
    /// The price of one; below 0 for a discount.
    unit_price: Money,
}

/// Which orders a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct OrderFilterInput {
    /// About this contact.
    contact_id: Option<ID>,
    /// About this account or its people.
    account_id: Option<ID>,
    /// With one of these ids of the source, at most 100.
    external_ids: Option<Vec<String>>,
    /// In one of these states.
    statuses: Option<Vec<OrderStatus>>,
    /// Placed not before this moment.
    from: Option<DateTime<Utc>>,
    /// Placed before this moment.
    until: Option<DateTime<Utc>>,
    /// With the product of this id of the source's among their lines.
    product_id: Option<String>,
}

impl OrderFilterInput {
    pub(crate) fn read(self) -> domain::error::Result<OrderFilter> {
        let common = Filter {
            statuses: few(self.statuses, &["filter", "statuses"])?,
            from: self.from,
            until: self.until,
            external_ids: few(self.external_ids, &["filter", "externalIds"])?,
            ..of(self.contact_id.as_ref(), self.account_id.as_ref())?
        };
        Ok(OrderFilter {
            common,
            product: self.product_id,
        })
    }
}

#[derive(Default)]
pub(crate) struct OrderQuery;

#[Object]
impl OrderQuery {
    /// One order; nothing when there is none of this id.
    #[boxed]
    async fn order(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The order's global id.")] id: ID,
    ) -> Result<Option<Order>> {
        loaded_by::<OrderId, _>(context, &id, Order).await
    }

    /// The workspace's orders, newest first.
    #[boxed]
    async fn orders(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which orders.")] filter: Option<OrderFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Order>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read().map_err(fault)?;
        let found = order::list(ctx, actor.workspace, &filter, &page);
        let found = found.await.map_err(fault)?;
        Ok(connection(found, Order))
    }
}

/// An order to be taken in.
#[derive(InputObject)]
pub(crate) struct OrderInput {
    /// The source's own id, at most 200 characters; the same id is the same order.
    external_id: String,
    /// The person it is about. Name the contact, the account, or both.
    contact: Option<ContactReferenceInput>,
    /// The company it is about; left out, the contact's.
    account: Option<AccountReferenceInput>,
    /// The number people know it by.
    number: Option<String>,
    /// Where it stands.
    status: OrderStatus,
    /// What it comes to, in the currency's minor unit: 0 or more.
    amount: MinorUnits,
    /// The currency's ISO 4217 code.
    currency: String,
    /// When it was placed.
    placed_at: DateTime<Utc>,
    /// What was bought, at most 500 lines; they replace the lines told before.
    #[graphql(default)]
    lines: Vec<OrderLineInput>,
    /// When the source last changed it; left out, now. What is told of an earlier moment than what
    /// is known already is left aside.
    updated_at: Option<DateTime<Utc>>,
}

/// One product in an order.
#[derive(InputObject)]
pub(crate) struct OrderLineInput {
    /// The source's id of the product, at most 200 characters.
    product_id: String,
    /// What it is called, at most 200 characters.
    product_name: String,
    /// How many, in the product's unit: more than 0.
    #[graphql(default = 1.0)]
    quantity: f64,
    /// The price of one, in the currency's minor unit; below 0 for a discount.
    unit_price: MinorUnits,
}

impl From<OrderLineInput> for NewLine {
    fn from(line: OrderLineInput) -> Self {
        Self {
            product_id: line.product_id,
            product_name: line.product_name,
            quantity: line.quantity,
            unit_price: line.unit_price.0,
        }
    }
}

impl OrderInput {
    fn read(self, index: usize) -> domain::error::Result<NewOrder> {
        let index = index.to_string();
        let at = ["orders", index.as_str()];
        Ok(NewOrder {
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
            placed_at: self.placed_at,
            lines: self.lines.into_iter().map(NewLine::from).collect(),
        })
    }
}

/// Orders to be taken in.
#[derive(InputObject)]
pub(crate) struct IngestOrdersInput {
    /// The orders, at most 1,000. When one is refused, none is taken.
    orders: Vec<OrderInput>,
}

/// What became of `ingestOrders`.
#[derive(SimpleObject)]
pub(crate) struct IngestOrdersPayload {
    /// The orders, in the order they were given; empty when the call was refused.
    orders: Vec<IngestedFact>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct OrderMutation;

#[Object]
impl OrderMutation {
    /// Takes orders in, in bulk; repeating a call changes nothing, and of several words about one
    /// order the latest by `updatedAt` counts. Scope: INGEST.
    #[boxed]
    async fn ingest_orders(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: IngestOrdersInput,
    ) -> Result<IngestOrdersPayload> {
        let (ctx, actor) = writer(context)?;
        let told = read_all(input.orders, |index, one| one.read(index));
        let result = async { order::ingest(ctx, actor, told?).await };
        let (orders, user_errors) = settle_all(result.await)?;
        Ok(IngestOrdersPayload {
            orders,
            user_errors,
        })
    }
}
