//! Tickets over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    fact::Filter,
    page::PageRequest,
    ticket::{self, NewTicket, TicketFilter},
};
use entity::{
    id::TicketId,
    kind::{TicketPriority, TicketStatus},
};

use super::{
    AccountReferenceInput, ContactReferenceInput, IngestedFact, account_of, contact_of, head, of,
    read_all, settle_all,
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

/// A case of the support desk.
#[derive(Debug, Clone)]
pub struct Ticket(pub(crate) entity::ticket::Model);

/// A case of the support desk.
#[Object]
impl Ticket {
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

    /// What it is about.
    fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Where it stands.
    fn status(&self) -> TicketStatus {
        self.0.status
    }

    /// How pressing it is.
    fn priority(&self) -> TicketPriority {
        self.0.priority
    }

    /// How satisfied the customer was, 1 (not at all) to 5; nothing when nobody answered.
    fn csat(&self) -> Option<i64> {
        self.0.csat
    }

    /// When it was opened.
    fn opened_at(&self) -> DateTime<Utc> {
        self.0.opened_at
    }

    /// When it was solved.
    fn solved_at(&self) -> Option<DateTime<Utc>> {
        self.0.solved_at
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

/// Which tickets a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct TicketFilterInput {
    /// About this contact.
    contact_id: Option<ID>,
    /// About this account or its people.
    account_id: Option<ID>,
    /// With one of these ids of the source, at most 100.
    external_ids: Option<Vec<String>>,
    /// In one of these states.
    statuses: Option<Vec<TicketStatus>>,
    /// Opened not before this moment.
    from: Option<DateTime<Utc>>,
    /// Opened before this moment.
    until: Option<DateTime<Utc>>,
    /// With one of these priorities.
    priorities: Option<Vec<TicketPriority>>,
}

impl TicketFilterInput {
    pub(crate) fn read(self) -> domain::error::Result<TicketFilter> {
        let common = Filter {
            statuses: few(self.statuses, &["filter", "statuses"])?,
            from: self.from,
            until: self.until,
            external_ids: few(self.external_ids, &["filter", "externalIds"])?,
            ..of(self.contact_id.as_ref(), self.account_id.as_ref())?
        };
        Ok(TicketFilter {
            common,
            priorities: few(self.priorities, &["filter", "priorities"])?,
        })
    }
}

#[derive(Default)]
pub(crate) struct TicketQuery;

#[Object]
impl TicketQuery {
    /// One ticket; nothing when there is none of this id.
    #[boxed]
    async fn ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The ticket's global id.")] id: ID,
    ) -> Result<Option<Ticket>> {
        loaded_by::<TicketId, _>(context, &id, Ticket).await
    }

    /// The workspace's tickets, newest first.
    #[boxed]
    async fn tickets(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which tickets.")] filter: Option<TicketFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Ticket>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read().map_err(fault)?;
        let found = ticket::list(ctx, actor.workspace, &filter, &page);
        let found = found.await.map_err(fault)?;
        Ok(connection(found, Ticket))
    }
}

/// A ticket to be taken in.
#[derive(InputObject)]
pub(crate) struct TicketInput {
    /// The source's own id, at most 200 characters; the same id is the same ticket.
    external_id: String,
    /// The person it is about. Name the contact, the account, or both.
    contact: Option<ContactReferenceInput>,
    /// The company it is about; left out, the contact's.
    account: Option<AccountReferenceInput>,
    /// What it is about, at most 1,000 characters.
    subject: String,
    /// Where it stands.
    status: TicketStatus,
    /// How pressing it is.
    #[graphql(default_with = "TicketPriority::Normal")]
    priority: TicketPriority,
    /// How satisfied the customer was, 1 (not at all) to 5.
    csat: Option<i64>,
    /// When it was opened.
    opened_at: DateTime<Utc>,
    /// When it was solved; only with `SOLVED` or `CLOSED`.
    solved_at: Option<DateTime<Utc>>,
    /// When the source last changed it; left out, now. What is told of an earlier moment than what
    /// is known already is left aside.
    updated_at: Option<DateTime<Utc>>,
}

impl TicketInput {
    fn read(self, index: usize) -> domain::error::Result<NewTicket> {
        let index = index.to_string();
        let at = ["tickets", index.as_str()];
        Ok(NewTicket {
            head: head(
                at,
                self.external_id,
                self.contact,
                self.account,
                self.updated_at,
            )?,
            subject: self.subject,
            status: self.status,
            priority: self.priority,
            csat: self.csat,
            opened_at: self.opened_at,
            solved_at: self.solved_at,
        })
    }
}

/// Tickets to be taken in.
#[derive(InputObject)]
pub(crate) struct IngestTicketsInput {
    /// The tickets, at most 1,000. When one is refused, none is taken.
    tickets: Vec<TicketInput>,
}

/// What became of `ingestTickets`.
#[derive(SimpleObject)]
pub(crate) struct IngestTicketsPayload {
    /// The tickets, in the order they were given; empty when the call was refused.
    tickets: Vec<IngestedFact>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct TicketMutation;

#[Object]
impl TicketMutation {
    /// Takes tickets in, in bulk; repeating a call changes nothing, and of several words about one
    /// ticket the latest by `updatedAt` counts. Scope: INGEST.
    #[boxed]
    async fn ingest_tickets(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: IngestTicketsInput,
    ) -> Result<IngestTicketsPayload> {
        let (ctx, actor) = writer(context)?;
        let told = read_all(input.tickets, |index, one| one.read(index));
        let result = async { ticket::ingest(ctx, actor, told?).await };
        let (tickets, user_errors) = settle_all(result.await)?;
        Ok(IngestTicketsPayload {
            tickets,
            user_errors,
        })
    }
}
