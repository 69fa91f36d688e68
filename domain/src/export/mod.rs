//! Lists, and everything of one person, as files: asked for over GraphQL, downloaded by a ticket.
//!
//! Asking ([`ask`]) stores what is wanted and answers a secret that opens exactly this download for a
//! few minutes; a browser follows the link without being trusted with an access token. The download
//! ([`open`]) looks at the token that asked again, so that one that was revoked opens nothing, and reads
//! page after page ([`Download::next`]), so that its size does not matter to anybody's memory.
//!
//! - `contact`, `account`, `conversation`, `record`: the rows of each list; `attached` is what goes with
//!   things of any kind, `page` how a list is read on;
//! - `person`: everything of one person;
//! - `table`: rows as CSV and as JSON Lines.
//!
//! To add a list: a variant of [`What`], and its page of rows.

mod account;
mod ask;
mod attached;
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
    contact::{ContactFilter, ContactOrder},
    conversation::{ConversationFilter, ConversationOrder},
    ctx::Ctx,
    error::Result,
};
use table::{Rows, Writer};

pub use ask::{Asked, KEPT_FOR, ask, open};
pub use prune::ExportPrune;

/// Rows read at once.
const PAGE: i64 = 500;

/// How a list is ordered.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Ordered<O> {
    /// By what.
    pub by: O,
    /// Or by an attribute.
    #[serde(default)]
    pub attribute: Option<AttributeOrder>,
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
    Conversations(ConversationFilter, ConversationOrder),
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
            writer: Writer::new(wanted.format, wanted.encoding),
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
                conversation::page(ctx, workspace, filter, *order, after).await
            }
            What::Tags => tags::page(ctx, workspace).await,
            What::Orders => record::orders(ctx, workspace, after).await,
            What::Invoices => record::invoices(ctx, workspace, after).await,
            What::Tickets => record::tickets(ctx, workspace, after).await,
            What::Opportunities => record::opportunities(ctx, workspace, after).await,
            What::AuditLog => record::audit(ctx, actor, after).await,
            What::Person(id) => person::page(ctx, workspace, *id, after).await,
        }
    }
}
