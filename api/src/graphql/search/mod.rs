//! Search over GraphQL.

use async_graphql::{
    Context, Object, Result, SimpleObject, Union,
    connection::{Connection, Edge},
};
use domain::{
    error::Error as Fault,
    page::PageRequest,
    search::{self, Field, Fragment, Hit, Kind, Match, Needle},
};
use entity::id::{AccountId, ContactId, ConversationId, MessageId};

use super::{
    account::Account,
    contact::Contact,
    context::{loader, reader},
    conversation::{Conversation, Message},
    error::fault,
    few::few,
};
use crate::boxed;

/// Something that can be found by a search.
#[derive(Union)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one field, and most of what is found are contacts"
)]
pub enum SearchResult {
    /// A customer person.
    Contact(Contact),
    /// A customer company.
    Account(Account),
    /// A thread with a contact.
    Conversation(Conversation),
    /// A piece of a conversation.
    Message(Message),
}

/// Something found, and why.
pub struct SearchHit(Hit);

/// Something found, and why.
#[Object]
impl SearchHit {
    /// What was found; nothing if it was deleted a moment ago.
    #[boxed]
    async fn result(&self, context: &Context<'_>) -> Result<Option<SearchResult>> {
        let loader = loader(context)?;
        let id = self.0.id;
        Ok(match self.0.kind {
            Kind::Contact => loader
                .load_one(ContactId(id))
                .await?
                .map(Contact::from)
                .map(SearchResult::Contact),
            Kind::Account => loader
                .load_one(AccountId(id))
                .await?
                .map(Account)
                .map(SearchResult::Account),
            Kind::Conversation => loader
                .load_one(ConversationId(id))
                .await?
                .map(Conversation::from)
                .map(SearchResult::Conversation),
            Kind::Message => loader
                .load_one(MessageId(id))
                .await?
                .map(Message)
                .map(SearchResult::Message),
        })
    }

    /// What kind of thing it is.
    #[graphql(name = "type")]
    fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Why it was found and stands where it does.
    fn reason(&self) -> SearchReason {
        SearchReason {
            field: self.0.field,
            matched: self.0.level,
        }
    }

    /// The texts in which words of the query stand, at most three, those with the most words first.
    fn fragments(&self) -> Vec<SearchFragment> {
        self.0.fragments.iter().map(SearchFragment::from).collect()
    }
}

/// Why something was found.
#[derive(SimpleObject)]
pub struct SearchReason {
    /// The field with the most words of the query.
    field: Field,
    /// How well it answers: the better, the further ahead.
    #[graphql(name = "match")]
    matched: Match,
}

/// A piece of text with what was found in it.
#[derive(SimpleObject)]
pub struct SearchFragment {
    /// The field it is of.
    field: Field,
    /// The text as written, cut around the first matches; an ellipsis stands where it was cut.
    text: String,
    /// What of `text` was found, in order, not overlapping.
    ranges: Vec<SearchRange>,
}

/// A part of a text, counted in UTF-16 code units as JavaScript counts.
#[derive(SimpleObject)]
pub struct SearchRange {
    /// Where it begins.
    start: i32,
    /// How long it is.
    length: i32,
}

impl From<&Fragment> for SearchFragment {
    fn from(fragment: &Fragment) -> Self {
        let units = |text: &str| text.encode_utf16().count() as i32;
        let ranges = fragment.ranges.iter().map(|range| SearchRange {
            start: units(&fragment.text[..range.start]),
            length: units(&fragment.text[range.clone()]),
        });
        Self {
            field: fragment.field,
            text: fragment.text.clone(),
            ranges: ranges.collect(),
        }
    }
}

#[derive(Default)]
pub(crate) struct SearchQuery;

#[Object]
impl SearchQuery {
    /// Contacts by name, reading and identities, accounts by name, domain and external id,
    /// conversations by subject, messages by text. Finds every part of a text in any script, of one
    /// character too, whatever its width, case and kana. Words between spaces must all stand in the
    /// thing; every character is meant as it stands, there are no operators.
    ///
    /// Contacts and accounts come first, then conversations, then messages; among each, exact matches,
    /// then beginnings, beginnings of words, and the rest; then the newest first. A query of nothing
    /// but spaces finds nothing; one of more than 200 characters or 8 words is refused.
    ///
    /// Pages go forwards only and without a total: what follows is looked for when it is asked for.
    #[boxed]
    async fn search(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to look for.")] query: String,
        #[graphql(
            desc = "Only things of these kinds; everything, if left out. An empty list is refused."
        )]
        types: Option<Vec<Kind>>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor, which must be of the same query.")]
        after: Option<String>,
    ) -> Result<Connection<String, SearchHit>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, None, None).map_err(fault)?;
        let needle = Needle::parse(&query, &["query"])
            .map_err(|error| fault(Fault::Refused(vec![error])))?;
        let Some(needle) = needle else {
            return Ok(Connection::new(false, false));
        };
        let kinds = match types {
            Some(types) => few(Some(types), &["types"]).map_err(fault)?,
            None => Kind::ALL.to_vec(),
        };
        let found = search::find(ctx, actor.workspace, &needle, &kinds, &page)
            .await
            .map_err(fault)?;
        let mut connection = Connection::new(found.has_previous, found.has_next);
        let hits = found.rows.into_iter();
        connection
            .edges
            .extend(hits.map(|(cursor, hit)| Edge::new(cursor, SearchHit(hit))));
        Ok(connection)
    }
}
