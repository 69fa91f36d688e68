//! Opportunities over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    fact::Filter,
    opportunity::{self, NewOpportunity},
    page::PageRequest,
};
use entity::{id::OpportunityId, kind::OpportunityStatus};

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
    scalar::Date,
};

/// A deal that may come about, came about or did not.
#[derive(Debug, Clone)]
pub struct Opportunity(pub(crate) entity::opportunity::Model);

/// A deal that may come about, came about or did not.
#[Object]
impl Opportunity {
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

    /// What it is called.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Where it stands.
    fn status(&self) -> OpportunityStatus {
        self.0.status
    }

    /// The source's own name for the step it is at.
    fn stage(&self) -> Option<&str> {
        self.0.stage.as_deref()
    }

    /// What it would come to.
    fn amount(&self) -> Option<Money> {
        let (amount, currency) = (self.0.amount?, self.0.currency.as_deref()?);
        Some(Money::new(amount, currency))
    }

    /// How likely it is, in per cent.
    fn probability(&self) -> Option<i64> {
        self.0.probability
    }

    /// The day it is expected to be decided.
    fn expected_close(&self) -> Option<Date> {
        self.0.expected_close.map(Date)
    }

    /// When it was opened.
    fn opened_at(&self) -> DateTime<Utc> {
        self.0.opened_at
    }

    /// When it was decided.
    fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.0.closed_at
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

/// Which opportunities a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct OpportunityFilterInput {
    /// About this contact.
    contact_id: Option<ID>,
    /// About this account or its people.
    account_id: Option<ID>,
    /// With one of these ids of the source, at most 100.
    external_ids: Option<Vec<String>>,
    /// In one of these states.
    statuses: Option<Vec<OpportunityStatus>>,
    /// Opened not before this moment.
    from: Option<DateTime<Utc>>,
    /// Opened before this moment.
    until: Option<DateTime<Utc>>,
}

impl OpportunityFilterInput {
    pub(crate) fn read(self) -> domain::error::Result<Filter<OpportunityStatus>> {
        let common = Filter {
            statuses: few(self.statuses, &["filter", "statuses"])?,
            from: self.from,
            until: self.until,
            external_ids: few(self.external_ids, &["filter", "externalIds"])?,
            ..of(self.contact_id.as_ref(), self.account_id.as_ref())?
        };
        Ok(common)
    }
}

#[derive(Default)]
pub(crate) struct OpportunityQuery;

#[Object]
impl OpportunityQuery {
    /// One opportunity; nothing when there is none of this id.
    #[boxed]
    async fn opportunity(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The opportunity's global id.")] id: ID,
    ) -> Result<Option<Opportunity>> {
        loaded_by::<OpportunityId, _>(context, &id, Opportunity).await
    }

    /// The workspace's opportunities, newest first.
    #[boxed]
    async fn opportunities(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which opportunities.")] filter: Option<OpportunityFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Opportunity>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read().map_err(fault)?;
        let found = opportunity::list(ctx, actor.workspace, &filter, &page);
        let found = found.await.map_err(fault)?;
        Ok(connection(found, Opportunity))
    }
}

/// An opportunity to be taken in.
#[derive(InputObject)]
pub(crate) struct OpportunityInput {
    /// The source's own id, at most 200 characters; the same id is the same opportunity.
    external_id: String,
    /// The person it is about. Name the contact, the account, or both.
    contact: Option<ContactReferenceInput>,
    /// The company it is about; left out, the contact's.
    account: Option<AccountReferenceInput>,
    /// What it is called, at most 200 characters.
    name: String,
    /// Where it stands.
    status: OpportunityStatus,
    /// The source's own name for the step it is at, at most 100 characters.
    stage: Option<String>,
    /// What it would come to, in the currency's minor unit: 0 or more.
    amount: Option<MinorUnits>,
    /// The currency's ISO 4217 code; together with the amount.
    currency: Option<String>,
    /// How likely it is, in per cent, 0 to 100.
    probability: Option<i64>,
    /// The day it is expected to be decided.
    expected_close: Option<Date>,
    /// When it was opened.
    opened_at: DateTime<Utc>,
    /// When it was decided; not with `OPEN`.
    closed_at: Option<DateTime<Utc>>,
    /// When the source last changed it; left out, now. What is told of an earlier moment than what
    /// is known already is left aside.
    updated_at: Option<DateTime<Utc>>,
}

impl OpportunityInput {
    fn read(self, index: usize) -> domain::error::Result<NewOpportunity> {
        let index = index.to_string();
        let at = ["opportunities", index.as_str()];
        Ok(NewOpportunity {
            head: head(
                at,
                self.external_id,
                self.contact,
                self.account,
                self.updated_at,
            )?,
            name: self.name,
            status: self.status,
            stage: self.stage,
            amount: self.amount.map(|amount| amount.0),
            currency: self.currency,
            probability: self.probability,
            expected_close: self.expected_close.map(|day| day.0),
            opened_at: self.opened_at,
            closed_at: self.closed_at,
        })
    }
}

/// Opportunities to be taken in.
#[derive(InputObject)]
pub(crate) struct IngestOpportunitiesInput {
    /// The opportunities, at most 1,000. When one is refused, none is taken.
    opportunities: Vec<OpportunityInput>,
}

/// What became of `ingestOpportunities`.
#[derive(SimpleObject)]
pub(crate) struct IngestOpportunitiesPayload {
    /// The opportunities, in the order they were given; empty when the call was refused.
    opportunities: Vec<IngestedFact>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct OpportunityMutation;

#[Object]
impl OpportunityMutation {
    /// Takes opportunities in, in bulk; repeating a call changes nothing, and of several words about one
    /// opportunity the latest by `updatedAt` counts. Scope: INGEST.
    #[boxed]
    async fn ingest_opportunities(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: IngestOpportunitiesInput,
    ) -> Result<IngestOpportunitiesPayload> {
        let (ctx, actor) = writer(context)?;
        let told = read_all(input.opportunities, |index, one| one.read(index));
        let result = async { opportunity::ingest(ctx, actor, told?).await };
        let (opportunities, user_errors) = settle_all(result.await)?;
        Ok(IngestOpportunitiesPayload {
            opportunities,
            user_errors,
        })
    }
}
