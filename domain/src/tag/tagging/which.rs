//! Everything a filter finds, for work that goes through all of it.
//!
//! A step takes the next things in the order of their ids. What a text in the filter finds is what the
//! search says, exactly as in lists: the rest of the filter is the database's, and each part of what
//! that finds is asked about the text.

use entity::{id::Id, kind::TagTarget};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    account::AccountFilter,
    attribute::AttributeTest,
    contact::ContactFilter,
    conversation::ConversationFilter,
    error::{Error, Result},
    search::{Kind, Needle, narrow},
    store::{Query, Rows, Tx},
};

/// Which things are meant, by what lists of them are filtered by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Which {
    /// Contacts.
    Contact(ContactFilter),
    /// Accounts.
    Account(AccountFilter),
    /// Conversations.
    Conversation(ConversationFilter),
}

/// A table, what its rows are called, and ids that must be in it.
type Named = (&'static str, &'static str, Vec<Uuid>);

fn named<I: Id>(
    table: &'static str,
    what: &'static str,
    ids: impl IntoIterator<Item = I>,
) -> Named {
    (
        table,
        what,
        ids.into_iter().map(entity::id::Id::uuid).collect(),
    )
}

impl Which {
    pub(super) fn target(&self) -> TagTarget {
        match self {
            Self::Contact(_) => TagTarget::Contact,
            Self::Account(_) => TagTarget::Account,
            Self::Conversation(_) => TagTarget::Conversation,
        }
    }

    /// Everything the filter names.
    fn names(&self) -> Vec<Named> {
        let attributes = |tests: &[AttributeTest]| {
            let ids = tests.iter().map(|test| test.attribute);
            named("attribute_definition", "attribute", ids)
        };
        let (tags, mut names) = match self {
            Self::Contact(filter) => (
                &filter.tags,
                vec![
                    named("account", "account", filter.account),
                    named("member", "member", filter.owners.clone()),
                    named("member", "member", filter.brought_by.clone()),
                    named("campaign", "campaign", filter.source_campaigns.clone()),
                    named("segment", "segment", filter.segments.names()),
                    attributes(&filter.attributes),
                ],
            ),
            Self::Account(filter) => (
                &filter.tags,
                vec![
                    named("member", "member", filter.owners.clone()),
                    named("segment", "segment", filter.segments.names()),
                    attributes(&filter.attributes),
                ],
            ),
            Self::Conversation(filter) => (
                &filter.tags,
                vec![
                    named("inbox", "inbox", filter.inbox),
                    named("member", "member", filter.assignees.clone()),
                    named("member", "member", filter.watcher),
                    named("contact", "contact", filter.contacts.clone()),
                    named("account", "account", filter.accounts.clone()),
                    attributes(&filter.attributes),
                ],
            ),
        };
        let (tags, groups) = tags.names();
        names.push(named("tag", "tag", tags));
        names.push(named("tag_group", "tag group", groups));
        names
    }

    /// Refuses a text that cannot be searched for. `path` is where the filter stands in the input.
    pub(crate) fn check_text(&self, path: &[&str]) -> Result<()> {
        let path = [path, &["text"]].concat();
        let parsed = Needle::parse(self.text().unwrap_or_default(), &path);
        parsed.map_err(|error| Error::Refused(vec![error]))?;
        Ok(())
    }

    /// Refuses a filter that names what is not there: where a list would only be empty, a request for
    /// work says so. `path` is where the things stand in the input.
    pub(crate) async fn check(&self, tx: &Tx<'_>, path: &[&str]) -> Result<()> {
        for (table, what, ids) in self.names() {
            if ids.is_empty() {
                continue;
            }
            let missing: Option<i64> = Query::new(format!(
                "SELECT COUNT(*) FROM {{r}} WHERE NOT EXISTS (
                     SELECT 1 FROM {table} x WHERE x.workspace_id = $1 AND x.id = r.id)"
            ))
            .bind(tx.workspace)
            .rows("r", Rows::new().uuids("id", ids))
            .scalar(tx.connection())
            .await?;
            if missing.unwrap_or_default() > 0 {
                return Err(Error::not_found(path, what));
            }
        }
        Ok(())
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Contact(filter) => filter.text.as_deref(),
            Self::Account(filter) => filter.text.as_deref(),
            Self::Conversation(filter) => filter.text.as_deref(),
        }
    }

    /// The statement that finds their ids whatever the text says, the column those are in, and what
    /// the search calls them.
    fn ids(&self, tx: &Tx<'_>) -> (Query, &'static str, Kind) {
        let (workspace, connection) = (tx.workspace, tx.connection());
        match self {
            Self::Contact(filter) => (filter.ids(workspace, connection), "c.id", Kind::Contact),
            Self::Account(filter) => (filter.ids(workspace, connection), "a.id", Kind::Account),
            Self::Conversation(filter) => (
                filter.ids(workspace, connection),
                "cv.id",
                Kind::Conversation,
            ),
        }
    }

    /// How many there are to look at: all that are found whatever the text says.
    pub(crate) async fn count(&self, tx: &Tx<'_>) -> Result<i64> {
        let (mut query, _, _) = self.ids(tx);
        query.wrap("SELECT COUNT(*) FROM (", ") counted");
        let count: Option<i64> = query.scalar(tx.connection()).await?;
        Ok(count.unwrap_or_default())
    }

    /// Looks at the next `limit` in the order of their ids.
    pub(crate) async fn next(&self, tx: &Tx<'_>, after: Option<Uuid>, limit: i64) -> Result<Part> {
        let (mut query, id, kind) = self.ids(tx);
        if let Some(after) = after {
            let after = query.arg(after);
            query.push(&format!(" AND {id} > {after}"));
        }
        query.push(&format!(" ORDER BY {id} LIMIT {limit}"));
        let ids: Vec<Uuid> = query.column(tx.connection()).await?;
        let (seen, last) = (ids.len() as i64, ids.last().copied());
        let ids = match self.text() {
            Some(text) => narrow::keep(tx.connection(), tx.workspace, kind, text, ids).await?,
            None => ids,
        };
        Ok(Part { seen, last, ids })
    }
}

/// What was found in one step.
#[derive(Debug)]
pub(crate) struct Part {
    /// How many were looked at; fewer than asked for at the end.
    pub(crate) seen: i64,
    /// The last one looked at.
    pub(crate) last: Option<Uuid>,
    /// Those that are meant.
    pub(crate) ids: Vec<Uuid>,
}
