//! Which invoices, tickets and opportunities say something about a contact, for the signals that are
//! made of them.

use async_trait::async_trait;
use chrono::TimeDelta;
use entity::id::ContactId;
use sea_orm::DbErr;

use super::{Signal, SignalDefinition, Source};
use crate::{health::input::Input, store::Query};

/// A signal that is nothing but what it asks.
#[derive(Debug)]
pub(super) struct FactSignal {
    pub(super) definition: &'static SignalDefinition,
    pub(super) ask: Ask,
}

#[async_trait]
impl Signal for FactSignal {
    fn definition(&self) -> &'static SignalDefinition {
        self.definition
    }

    async fn read(&self, source: &Source<'_>) -> Result<Vec<(ContactId, Input)>, DbErr> {
        measure(source, &self.ask).await
    }
}

/// What a signal asks of the facts of a contact.
#[derive(Debug)]
pub(super) struct Ask {
    /// The table.
    pub(super) table: &'static str,
    /// The columns that are needed, of the row `t`.
    pub(super) columns: &'static str,
    /// Which rows count. `$2` is the beginning of the window, `$3` the moment measured for.
    pub(super) holds: &'static str,
    /// What is made of them per contact, from the columns of `x`.
    pub(super) measures: &'static str,
}

/// Asks it of all contacts at once: of the facts about each, and of those about its company that name
/// no person, because a company's bill is everybody's there. A contact without any is not in the
/// answer.
async fn measure(source: &Source<'_>, ask: &Ask) -> Result<Vec<(ContactId, Input)>, DbErr> {
    let Ask {
        table,
        columns,
        holds,
        measures,
    } = ask;
    let since = source.as_of - TimeDelta::days(i64::from(source.window_days));
    let rows = Query::new(format!(
        "SELECT x.about, {measures} FROM (
             SELECT r.contact_id AS about, {columns} FROM {{r}} CROSS JOIN {table} AS t
             WHERE t.workspace_id = $1 AND t.contact_id = r.contact_id AND {holds}
             UNION ALL
             SELECT r.contact_id AS about, {columns} FROM {{r}} CROSS JOIN contact AS c
                 CROSS JOIN {table} AS t
             WHERE c.workspace_id = $1 AND c.id = r.contact_id AND t.workspace_id = $1
               AND t.account_id = c.account_id AND t.contact_id IS NULL AND {holds}
         ) AS x GROUP BY x.about"
    ))
    .bind(source.workspace)
    .bind(since)
    .bind(source.as_of)
    .rows("r", source.contacts.clone())
    .raw(source.connection)
    .await?;
    rows.iter()
        .map(|row| {
            let value: f64 = row.try_get_by_index(1)?;
            Ok((row.try_get_by_index(0)?, Input::plain(value)))
        })
        .collect()
}
