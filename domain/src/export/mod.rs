//! Lists, and everything of one person, as files: asked for over GraphQL, downloaded by a ticket.
//!
//! Asking ([`ask`]) stores what is wanted and answers a secret that opens exactly this download for a
//! few minutes; a browser follows the link without being trusted with an access token. The download
//! ([`open`]) looks at the token that asked again, so that one that was revoked opens nothing, and reads
//! page after page ([`Download::next`]), so that its size does not matter to anybody's memory.
//!
//! - `contact`, `account`, `conversation`, `tags`: the rows of each list; `attached` is what goes with things
//!   of any kind, `page` how a list is read on;
//! - `record`: what happened, what was written down and what the product did, a table of columns each;
//! - `person`: everything of one person;
//! - `choice`: the columns that were asked for;
//! - `table`: rows as CSV and as JSON Lines;
//! - `prune`: forgetting downloads whose time is over.
//!
//! Each page is what the database holds when it is read; nothing holds the database still for a whole file.
//!
//! To add a list of records: a variant of [`Records`], its columns, and its line in `record`.

mod account;
mod ask;
mod attached;
mod choice;
mod contact;
mod conversation;
mod page;
mod person;
mod prune;
mod record;
mod table;
mod tags;

use entity::{
    id::ContactId,
    kind::{ExportEncoding, ExportFormat},
};
use serde::{Deserialize, Serialize};

use crate::{
    access::Actor,
    account::{AccountFilter, AccountOrder},
    attribute::AttributeOrder,
    audit::AuditFilter,
    contact::{ContactFilter, ContactOrder},
    conversation::{ConversationFilter, ConversationOrder},
    ctx::Ctx,
    error::Result,
    fact::Filter,
    invoice::InvoiceFilter,
    order::OrderFilter,
    ticket::TicketFilter,
};
use table::{Rows, Writer};

pub use ask::{Asked, KEPT_FOR, ask, open};
pub use prune::ExportPrune;
pub use record::Records;
pub(crate) use table::camel_case;

/// Rows read at once.
const PAGE: i64 = 500;

/// How a list is ordered.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(from = "StoredOrder<O>")]
pub struct Ordered<O> {
    /// By what.
    pub by: O,
    /// Or by an attribute.
    pub attribute: Option<AttributeOrder>,
}

/// An order as it may be stored: of conversations, which could not be ordered by an attribute once, what they
/// are ordered by may stand alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredOrder<O> {
    Whole {
        by: O,
        #[serde(default)]
        attribute: Option<AttributeOrder>,
    },
    By(O),
}

impl<O> From<StoredOrder<O>> for Ordered<O> {
    fn from(stored: StoredOrder<O>) -> Self {
        match stored {
            StoredOrder::Whole { by, attribute } => Self { by, attribute },
            StoredOrder::By(by) => Self {
                by,
                attribute: None,
            },
        }
    }
}

/// What is exported. Stored as JSON for some minutes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum What {
    /// Contacts.
    Contacts(ContactFilter, Ordered<ContactOrder>),
    /// Accounts.
    Accounts(AccountFilter, Ordered<AccountOrder>),
    /// Conversations.
    Conversations(ConversationFilter, Ordered<ConversationOrder>),
    /// All tags with their counters.
    Tags,
    /// All orders.
    Orders,
    /// All invoices.
    Invoices,
    /// All tickets.
    Tickets,
    /// All opportunities.
    Opportunities,
    /// The audit log; for administrators.
    AuditLog,
    /// Records, which ones a filter says.
    Records(Records),
    /// Everything of one person, always as JSON Lines.
    Person(ContactId),
}

impl What {
    /// The file's name without its ending.
    fn name(&self) -> &'static str {
        match self {
            Self::Contacts(..) => "contacts",
            Self::Accounts(..) => "accounts",
            Self::Conversations(..) => "conversations",
            Self::Tags => "tags",
            Self::Orders => "orders",
            Self::Invoices => "invoices",
            Self::Tickets => "tickets",
            Self::Opportunities => "opportunities",
            Self::AuditLog => "audit-log",
            Self::Records(records) => records.name(),
            Self::Person(_) => "person",
        }
    }
}

/// What is wanted, and how it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wanted {
    /// What.
    pub what: What,
    /// As which kind of file.
    pub format: ExportFormat,
    /// In which encoding; JSON Lines are always UTF-8.
    pub encoding: ExportEncoding,
    /// The columns of contacts by their names in JSON, in their order; all, if there are none.
    #[serde(default)]
    pub columns: Vec<String>,
}

/// A file that is being read.
#[derive(Debug)]
pub struct Download {
    actor: Actor,
    what: What,
    writer: Writer,
    place: Place,
}

/// How far a download is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Start,
    After(String),
    End,
}

impl Download {
    fn new(actor: Actor, wanted: Wanted) -> Self {
        Self {
            actor,
            what: wanted.what,
            writer: Writer::new(wanted.format, wanted.encoding).with_columns(wanted.columns),
            place: Place::Start,
        }
    }

    /// The file's name.
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.what.name(), self.writer.ending())
    }

    /// The file's media type.
    pub fn media_type(&self) -> &'static str {
        self.writer.media_type()
    }

    /// The next piece of the file, until there is none.
    pub async fn next(&mut self, ctx: &Ctx) -> Result<Option<Vec<u8>>> {
        let after = match &self.place {
            Place::Start => None,
            Place::After(cursor) => Some(cursor.clone()),
            Place::End => return Ok(None),
        };
        let rows = self.rows(ctx, after).await?;
        self.place = match &rows.next {
            Some(cursor) => Place::After(cursor.clone()),
            None => Place::End,
        };
        Ok(Some(self.writer.write(&rows)))
    }

    async fn rows(&self, ctx: &Ctx, after: Option<String>) -> Result<Rows> {
        let (actor, workspace) = (&self.actor, self.actor.workspace);
        match &self.what {
            What::Contacts(filter, order) => {
                contact::page(ctx, workspace, filter, order, after).await
            }
            What::Accounts(filter, order) => {
                account::page(ctx, workspace, filter, order, after).await
            }
            What::Conversations(filter, order) => {
                conversation::page(ctx, workspace, filter, order, after).await
            }
            What::Tags => tags::page(ctx, workspace).await,
            What::Orders => {
                let all = Records::Orders(OrderFilter::default());
                record::page(ctx, actor, &all, after).await
            }
            What::Invoices => {
                let all = Records::Invoices(InvoiceFilter::default());
                record::page(ctx, actor, &all, after).await
            }
            What::Tickets => {
                let all = Records::Tickets(TicketFilter::default());
                record::page(ctx, actor, &all, after).await
            }
            What::Opportunities => {
                let all = Records::Opportunities(Filter::default());
                record::page(ctx, actor, &all, after).await
            }
            What::AuditLog => {
                let all = Records::AuditLog(AuditFilter::default());
                record::page(ctx, actor, &all, after).await
            }
            What::Records(records) => record::page(ctx, actor, records, after).await,
            What::Person(id) => person::page(ctx, workspace, *id, after).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde_json::json;

    use super::*;

    #[test]
    fn conversations_asked_for_before_they_could_be_ordered_by_an_attribute_are_still_read() {
        let filter = serde_json::to_value(ConversationFilter::default()).unwrap();
        let stored = json!({ "CONVERSATIONS": [filter, "WAITING_LONGEST"] });
        let What::Conversations(_, order) = serde_json::from_value(stored).unwrap() else {
            panic!("it is something else");
        };
        assert_eq!(order.by, ConversationOrder::WaitingLongest);
        assert_eq!(order.attribute, None);
        let again: Ordered<ConversationOrder> =
            serde_json::from_value(serde_json::to_value(order).unwrap()).unwrap();
        assert_eq!(again.by, order.by);
    }

    #[test]
    fn since_never_widens_what_a_filter_says() {
        let at = |seconds| DateTime::<Utc>::from_timestamp(seconds, 0).unwrap();
        let filter = AuditFilter {
            since: Some(at(100)),
            ..AuditFilter::default()
        };
        for (since, from) in [(50, 100), (200, 200)] {
            let records = Records::AuditLog(filter.clone()).since(at(since));
            let Records::AuditLog(filter) = records else {
                panic!("it is something else");
            };
            assert_eq!(filter.since, Some(at(from)));
        }
    }
}
