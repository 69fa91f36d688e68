//! Events over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    event::{self, EventFilter, Ingested, NewEvent, Outcome},
    page::PageRequest,
};
use entity::id::ContactId;

use super::{
    contact::Contact,
    context::{loader, reader, writer},
    error::{fault, settle},
    fact::ContactReferenceInput,
    few::few,
    id,
    page::{Connection, connection},
    scalar::Json,
};
use crate::boxed;

/// Something a contact did.
#[derive(Debug, Clone)]
pub struct Event(pub(crate) entity::event::Model);

/// Something a contact did.
#[Object]
impl Event {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The sender's own id: `externalId` of `ingestEvents`, `messageId` of the tracking API.
    fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// What was done, such as `page_viewed`.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// What else is known about it.
    fn properties(&self) -> Json {
        Json(self.0.properties.clone())
    }

    /// When it happened.
    fn occurred_at(&self) -> DateTime<Utc> {
        self.0.occurred_at
    }

    /// When it was taken in.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Who did it.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        Ok(loader(context)?
            .load_one(self.0.contact_id)
            .await?
            .map(Contact::from))
    }
}

/// Which events a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct EventFilterInput {
    /// Of this contact. Left out below a contact, whose own events are listed.
    contact_id: Option<ID>,
    /// With one of these names, such as `page_viewed`, at most 100.
    names: Option<Vec<String>>,
    /// With one of these ids of their senders, at most 100.
    external_ids: Option<Vec<String>>,
    /// Happened not before this moment.
    from: Option<DateTime<Utc>>,
    /// Happened before this moment.
    until: Option<DateTime<Utc>>,
}

impl EventFilterInput {
    pub(crate) fn read(self) -> domain::error::Result<EventFilter> {
        Ok(EventFilter {
            contact: id::parse_opt(self.contact_id.as_ref(), &["filter", "contactId"])?,
            names: few(self.names, &["filter", "names"])?
                .iter()
                .map(|name| name.trim().to_owned())
                .collect(),
            external_ids: few(self.external_ids, &["filter", "externalIds"])?,
            from: self.from,
            until: self.until,
            taken_in_from: None,
        })
    }

    /// The same below a contact.
    pub(crate) fn read_below(self, contact: ContactId) -> domain::error::Result<EventFilter> {
        id::absent(self.contact_id.as_ref(), &["filter", "contactId"])?;
        Ok(EventFilter {
            contact: Some(contact),
            ..self.read()?
        })
    }
}

#[derive(Default)]
pub(crate) struct EventQuery;

#[Object]
impl EventQuery {
    /// What the workspace's contacts did, newest first; a page costs the same at any depth. For all of
    /// it at once, and for what came in since the last time, there is `exportRecords`.
    #[boxed]
    async fn events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which events.")] filter: Option<EventFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Event>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read().map_err(fault)?;
        let found = event::list(ctx, actor.workspace, &filter, &page);
        let found = found.await.map_err(fault)?;
        Ok(connection(found, Event))
    }
}

/// An event to be taken in.
#[derive(InputObject)]
pub(crate) struct EventInput {
    /// The sender's own id; the same id is the same event.
    external_id: String,
    /// The contact who did it. Name them by this or by `contactEmail`.
    contact: Option<ContactReferenceInput>,
    /// The contact's email address; a contact is made when it is nobody's. The same as `contact` with
    /// `email`.
    contact_email: Option<String>,
    /// What was done, such as `page_viewed`; at most 100 characters.
    name: String,
    /// What else is known about it: an object of at most 32 KB.
    #[graphql(default_with = "Json::empty()")]
    properties: Json,
    /// When it happened: from 1900 on, and not in the future.
    occurred_at: DateTime<Utc>,
}

impl EventInput {
    fn read(self, index: usize) -> domain::error::Result<NewEvent> {
        let item = ["events", &index.to_string()];
        Ok(NewEvent {
            external_id: self.external_id,
            whose: ContactReferenceInput::whose(self.contact, self.contact_email, item)?,
            name: self.name,
            properties: self.properties.0,
            occurred_at: self.occurred_at,
        })
    }
}

/// Events to be taken in.
#[derive(InputObject)]
pub(crate) struct IngestEventsInput {
    /// The events, at most 1,000. When one is refused, none is taken.
    events: Vec<EventInput>,
}

/// One event after the call.
#[derive(SimpleObject)]
pub(crate) struct IngestedEvent {
    /// The sender's own id.
    external_id: String,
    /// The event's global id, whether it is new or not; null for `ERASED`.
    id: Option<ID>,
    /// What became of it.
    outcome: Outcome,
}

impl From<Ingested> for IngestedEvent {
    fn from(event: Ingested) -> Self {
        Self {
            external_id: event.external_id,
            id: event.id.map(ID::from),
            outcome: event.outcome,
        }
    }
}

/// What became of `ingestEvents`.
#[derive(SimpleObject)]
pub(crate) struct IngestEventsPayload {
    /// The events, one for each given and in the same order; empty when the call was refused.
    events: Vec<IngestedEvent>,
    /// How many were new.
    created: usize,
    /// How many were there before, or twice in the call.
    duplicates: usize,
    /// How many were of people who were erased.
    erased: usize,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct EventMutation;

#[Object]
impl EventMutation {
    /// Takes events in, in bulk; repeating a call changes nothing. Scope: INGEST.
    #[boxed]
    async fn ingest_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: IngestEventsInput,
    ) -> Result<IngestEventsPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let events = input.events.into_iter().enumerate();
            let events = events.map(|(index, event)| event.read(index));
            let events: Vec<NewEvent> = events.collect::<domain::error::Result<_>>()?;
            event::ingest(ctx, actor, events).await
        };
        let (ingested, user_errors) = settle(result.await)?;
        let ingested = ingested.unwrap_or_default();
        let count = |outcome: Outcome| ingested.iter().filter(|one| one.outcome == outcome).count();
        Ok(IngestEventsPayload {
            created: count(Outcome::Created),
            duplicates: count(Outcome::Duplicate),
            erased: count(Outcome::Erased),
            events: ingested.into_iter().map(IngestedEvent::from).collect(),
            user_errors,
        })
    }
}
