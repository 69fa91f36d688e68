//! Asking for email events, whoever got the emails.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    email::{self, EmailEventFilter},
    page::PageRequest,
};
use entity::{id::ContactId, kind::EmailEventKind};

use super::EmailEvent;
use crate::boxed;
use crate::graphql::{
    context::reader,
    error::fault,
    few::few,
    id,
    page::{Connection, connection},
};

/// Which email events a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct EmailEventFilterInput {
    /// About emails to this contact. Left out below a contact, whose own emails are meant.
    contact_id: Option<ID>,
    /// Of one of these kinds.
    kinds: Option<Vec<EmailEventKind>>,
    /// With one of these ids of whoever told of them, at most 100.
    external_ids: Option<Vec<String>>,
    /// Happened not before this moment.
    from: Option<DateTime<Utc>>,
    /// Happened before this moment.
    until: Option<DateTime<Utc>>,
}

impl EmailEventFilterInput {
    pub(crate) fn read(self) -> domain::error::Result<EmailEventFilter> {
        Ok(EmailEventFilter {
            contact: id::parse_opt(self.contact_id.as_ref(), &["filter", "contactId"])?,
            kinds: few(self.kinds, &["filter", "kinds"])?,
            external_ids: few(self.external_ids, &["filter", "externalIds"])?,
            from: self.from,
            until: self.until,
            taken_in_from: None,
        })
    }

    /// The same below a contact.
    pub(crate) fn read_below(self, contact: ContactId) -> domain::error::Result<EmailEventFilter> {
        id::absent(self.contact_id.as_ref(), &["filter", "contactId"])?;
        Ok(EmailEventFilter {
            contact: Some(contact),
            ..self.read()?
        })
    }
}

#[derive(Default)]
pub(crate) struct EmailEventQuery;

#[Object]
impl EmailEventQuery {
    /// What providers and senders told about emails, newest first; a page costs the same at any depth. For
    /// all of it at once, and for what came in since the last time, there is `exportRecords`.
    #[boxed]
    async fn email_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which events.")] filter: Option<EmailEventFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, EmailEvent>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read().map_err(fault)?;
        let found = email::list(ctx, actor.workspace, &filter, &page);
        let found = found.await.map_err(fault)?;
        Ok(connection(found, EmailEvent))
    }
}
