//! Relay connections over the business's pages.

use async_graphql::{
    OutputType, SchemaBuilder,
    connection::{Connection, Edge},
};
use domain::page::Page;

use super::{
    account::Account,
    contact::Contact,
    conversation::{Conversation, Message},
    email::{Campaign, EmailEvent},
    event::Event,
    health::HealthEntry,
    tag::Tagging,
};

/// A page of `T` as a Relay connection.
pub(crate) fn connection<T: OutputType>(page: Page<(String, T)>) -> Connection<String, T> {
    let mut connection = Connection::new(page.has_previous, page.has_next);
    connection.edges.extend(
        page.rows
            .into_iter()
            .map(|(cursor, node)| Edge::new(cursor, node)),
    );
    connection
}

/// Says what each connection is, which the library leaves out. A test finds the line that is missing.
pub(crate) fn describe<Q, M, S>(builder: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S> {
    builder
        .override_output_type_description::<Connection<String, Account>>("A page of accounts.")
        .override_output_type_description::<Connection<String, Campaign>>("A page of campaigns.")
        .override_output_type_description::<Connection<String, Contact>>("A page of contacts.")
        .override_output_type_description::<Connection<String, Conversation>>(
            "A page of conversations.",
        )
        .override_output_type_description::<Connection<String, EmailEvent>>(
            "A page of email events.",
        )
        .override_output_type_description::<Connection<String, Event>>("A page of events.")
        .override_output_type_description::<Connection<String, HealthEntry>>(
            "A page of a health history.",
        )
        .override_output_type_description::<Connection<String, Message>>("A page of messages.")
        .override_output_type_description::<Connection<String, Tagging>>("A page of taggings.")
}
