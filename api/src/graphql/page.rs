//! Relay connections over the business's pages.

use async_graphql::{
    OutputType,
    connection::{Connection, Edge},
};
use domain::page::Page;

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
