//! Reading facts: lists by contact, by account and of the whole workspace.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::id::{AccountId, ContactId, Id, WorkspaceId};
use sea_orm::{DatabaseBackend, FromQueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    contact::{one_of, one_of_few},
    ctx::Ctx,
    error::Result,
    page::{Column, Key, Keyset, Page, PageRequest, within},
    store::{Query, Rows, dialect},
};

/// Whose facts a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Those about a person.
    Contact(ContactId),
    /// Those about a company, its people's included.
    Account(AccountId),
}

/// Which facts a list has, as far as all kinds agree; every part given must hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter<S> {
    /// Of this contact.
    pub contact: Option<ContactId>,
    /// Of this account.
    pub account: Option<AccountId>,
    /// With one of these ids of the source.
    pub external_ids: Vec<String>,
    /// In one of these states.
    pub statuses: Vec<S>,
    /// Not before this moment.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Taken in or changed here at this moment or later, whatever the source says of itself.
    pub recorded_from: Option<DateTime<Utc>>,
}

impl<S> Default for Filter<S> {
    fn default() -> Self {
        Self {
            contact: None,
            account: None,
            external_ids: Vec::new(),
            statuses: Vec::new(),
            from: None,
            until: None,
            recorded_from: None,
        }
    }
}

impl<S> Filter<S> {
    /// Those of one contact or account.
    pub fn of(of: Of) -> Self {
        let (contact, account) = match of {
            Of::Contact(id) => (Some(id), None),
            Of::Account(id) => (None, Some(id)),
        };
        Self {
            contact,
            account,
            ..Self::default()
        }
    }

    /// Whether it names something that leads to few facts by itself.
    pub(crate) fn is_narrow(&self) -> bool {
        self.contact.is_some() || self.account.is_some() || !self.external_ids.is_empty()
    }

    /// The same of one contact or one account, whatever else it asks for.
    #[must_use]
    pub fn below(mut self, of: Of) -> Self {
        match of {
            Of::Contact(id) => self.contact = Some(id),
            Of::Account(id) => self.account = Some(id),
        }
        self
    }
}

/// A table of facts as lists see it.
pub(crate) struct Table<S> {
    pub(crate) name: &'static str,
    /// The order lists are in, newest first; its key is the time of the fact itself.
    pub(crate) keyset: Keyset,
    /// The column of the status.
    pub(crate) status: &'static str,
    /// A status as stored.
    pub(crate) word: fn(S) -> &'static str,
}

/// A row that a list can be made of.
pub(crate) trait Listed: FromQueryResult {
    /// The time of the fact itself, and its id.
    fn place(&self) -> (DateTime<Utc>, Uuid);
}

impl<S> Table<S> {
    /// A table whose lists have the latest by `time` first, and whose status is `status`.
    pub(crate) const fn new(
        name: &'static str,
        order: &'static str,
        time: &'static str,
        word: fn(S) -> &'static str,
    ) -> Self {
        Self {
            name,
            keyset: Keyset {
                order,
                key: Some(Column::Time(time)),
                id: "t.id",
                descending: true,
            },
            status: "status",
            word,
        }
    }
}

impl<S: Copy> Table<S> {
    /// The statement of a list in any states, to which a kind may add conditions of its own on `t`.
    ///
    /// Given `ids`, or ids of the source, it begins with these, whatever else it is asked: SQLite would rather
    /// go through all facts in their order and compare.
    fn select(
        &self,
        workspace: WorkspaceId,
        backend: DatabaseBackend,
        filter: &Filter<S>,
        ids: Option<Vec<Uuid>>,
    ) -> Query {
        let external_ids: BTreeSet<&str> = filter.external_ids.iter().map(|id| id.trim()).collect();
        let given = match ids {
            Some(ids) => Some(("id", Rows::new().uuids("id", ids))),
            None if external_ids.is_empty() => None,
            None => Some((
                "external_id",
                Rows::new().texts("external_id", external_ids),
            )),
        };
        let table = self.name;
        let is_given = given.is_some();
        let mut query = match given {
            Some((column, rows)) => Query::new(format!(
                "SELECT t.* FROM {{mine}}
                 JOIN {table} t ON t.workspace_id = $1 AND t.{column} = mine.{column} WHERE true"
            ))
            .rows("mine", rows),
            None => Query::new(format!(
                "SELECT t.* FROM {table} t WHERE t.workspace_id = $1"
            )),
        }
        .bind(workspace);
        for (column, id) in [
            ("t.contact_id", filter.contact.map(Id::uuid)),
            ("t.account_id", filter.account.map(Id::uuid)),
        ] {
            if is_given {
                // SQLite would go through all of theirs for each given one.
                one_of(&mut query, column, id.into_iter());
            } else {
                one_of_few(&mut query, backend, column, id.into_iter());
            }
        }
        self.apply_times(&mut query, filter);
        if filter.statuses.is_empty() {
            return query;
        }
        query.push(&format!(
            " AND t.{} IN (SELECT s.status FROM {{s}})",
            self.status
        ));
        let words = filter.statuses.iter().map(|status| (self.word)(*status));
        query.rows("s", Rows::new().texts("status", words))
    }

    fn apply_times(&self, query: &mut Query, filter: &Filter<S>) {
        let time = self.keyset.key.map_or("t.created_at", Column::sql);
        within(query, time, filter.from, filter.until);
        within(query, "t.recorded_at", filter.recorded_from, None);
    }

    /// A page of the facts that answer to `filter` and to what `also` appends on `t`, newest first, each with its
    /// cursor. Given `ids`, of these.
    pub(crate) async fn list<R: Listed>(
        &self,
        ctx: &Ctx,
        workspace: WorkspaceId,
        (filter, ids): (&Filter<S>, Option<Vec<Uuid>>),
        also: impl Fn(&mut Query),
        page: &PageRequest,
    ) -> Result<Page<(String, R)>> {
        let backend = ctx.db.backend();
        let place = |row: &R| {
            let (at, id) = row.place();
            (Key::Time(at), id)
        };
        if filter.statuses.is_empty() || filter.is_narrow() || ids.is_some() {
            let mut query = self.select(workspace, backend, filter, ids);
            also(&mut query);
            return self.keyset.list(ctx, query, page, place).await;
        }
        // The index has each state for itself.
        let statuses: BTreeSet<&'static str> = filter
            .statuses
            .iter()
            .map(|&one| (self.word)(one))
            .collect();
        let statuses: Vec<&'static str> = statuses.into_iter().collect();
        let select = |query: &mut Query, status: &&'static str| {
            self.select_in_state(query, workspace, backend, filter, status);
            also(query);
        };
        self.keyset
            .merge(ctx, "t", &statuses, select, page, place)
            .await
    }

    /// Appends the statement of the facts in one state; the filter is not narrow.
    fn select_in_state(
        &self,
        query: &mut Query,
        workspace: WorkspaceId,
        backend: DatabaseBackend,
        filter: &Filter<S>,
        status: &str,
    ) {
        let workspace = query.arg(workspace);
        let status = query.arg(status);
        query.push(&format!(
            "SELECT t.* FROM {} t WHERE t.workspace_id = {workspace} AND {} = {status}",
            self.name,
            dialect::listed(backend, &format!("t.{}", self.status))
        ));
        self.apply_times(query, filter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_facts_are_not_looked_for_among_those_of_a_contact() {
        const TABLE: Table<()> = Table::new("ticket", "opened", "t.opened_at", |()| "OPEN");
        let workspace = Uuid::nil().into();
        for (external_ids, says_few) in [(vec!["a".to_owned()], false), (Vec::new(), true)] {
            for of in [
                Of::Contact(Uuid::nil().into()),
                Of::Account(Uuid::nil().into()),
            ] {
                let filter = Filter {
                    external_ids: external_ids.clone(),
                    ..Filter::of(of)
                };
                let query = TABLE.select(workspace, DatabaseBackend::Sqlite, &filter, None);
                let text = format!("{query:?}");
                assert_eq!(text.contains("likelihood"), says_few, "{text}");
            }
        }
    }

    #[test]
    fn facts_in_a_state_are_asked_for_as_their_index_has_it() {
        const TABLE: Table<()> = Table::new("ticket", "opened", "t.opened_at", |()| "OPEN");
        for (backend, column) in [
            (DatabaseBackend::Sqlite, "(t.status || '') = "),
            (DatabaseBackend::Postgres, " AND t.status = "),
        ] {
            let mut query = Query::new("");
            let filter = Filter::default();
            TABLE.select_in_state(&mut query, Uuid::nil().into(), backend, &filter, "OPEN");
            let text = format!("{query:?}");
            assert!(text.contains(column), "{text}");
        }
    }
}
