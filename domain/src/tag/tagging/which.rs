//! Everything a filter finds, for work that goes through all of it.
//!
//! A step takes the next things in the order of their ids. What a text in the filter finds is what the
//! search says, exactly as in lists: the rest of the filter is the database's, and each part of what
//! that finds is asked about the text.

use entity::{
    id::{Id, MemberId, SegmentId, TagId},
    kind::TagTarget,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{
    account::AccountFilter,
    attribute::AttributeTest,
    contact::ContactFilter,
    conversation::ConversationFilter,
    error::{Error, Result},
    operation::Step,
    search::{Kind, Needle, narrow},
    segment,
    store::{Query, Rows, Tx},
    tag::TagFilter,
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

/// Ids of a filter that must be there.
struct Named {
    /// The table they must be in.
    table: &'static str,
    /// What its rows are called.
    what: &'static str,
    /// Where they stand in the filter.
    at: &'static [&'static str],
    /// Where each of a list stands in its item; nothing where there is no list.
    item: Option<&'static [&'static str]>,
    /// How many stand in each list, where they stand in lists of a list.
    lists: Vec<usize>,
    ids: Vec<Uuid>,
}

impl Named {
    fn one<I: Id>(
        table: &'static str,
        what: &'static str,
        at: &'static [&'static str],
        id: Option<I>,
    ) -> Self {
        Self {
            item: None,
            ..Self::list(table, what, at, id)
        }
    }

    fn list<I: Id>(
        table: &'static str,
        what: &'static str,
        at: &'static [&'static str],
        ids: impl IntoIterator<Item = I>,
    ) -> Self {
        Self {
            table,
            what,
            at,
            item: Some(&[]),
            lists: Vec::new(),
            ids: ids.into_iter().map(Id::uuid).collect(),
        }
    }

    fn members(at: &'static [&'static str], ids: &[MemberId]) -> Self {
        Self::list("member", "member", at, ids.iter().copied())
    }

    fn tags(filter: &TagFilter) -> [Self; 5] {
        let tags = |at: &'static [&'static str], ids: &[TagId]| {
            Self::list("tag", "tag", at, ids.iter().copied())
        };
        let each = filter.any_of_each.iter();
        let each = Self {
            lists: each.clone().map(Vec::len).collect(),
            ..Self::list(
                "tag",
                "tag",
                &["tags", "anyOfEach"],
                each.flatten().copied(),
            )
        };
        let groups = filter.group_empty.iter().copied();
        [
            tags(&["tags", "any"], &filter.any),
            tags(&["tags", "all"], &filter.all),
            each,
            tags(&["tags", "none"], &filter.none),
            Self::list("tag_group", "tag group", &["tags", "groupEmpty"], groups),
        ]
    }

    fn segments(filter: &segment::Filter) -> [Self; 3] {
        let segments = |at: &'static [&'static str], ids: &[SegmentId]| {
            Self::list("segment", "segment", at, ids.iter().copied())
        };
        [
            segments(&["segments", "any"], &filter.any),
            segments(&["segments", "all"], &filter.all),
            segments(&["segments", "none"], &filter.none),
        ]
    }

    fn attributes(tests: &[AttributeTest]) -> Self {
        let ids = tests.iter().map(|test| test.attribute);
        Self {
            item: Some(&["attributeId"]),
            ..Self::list("attribute_definition", "attribute", &["attributes"], ids)
        }
    }

    /// The place of the id of this number in the list, or of its list and in that.
    fn numbers(&self, number: usize) -> Vec<String> {
        let mut within = number;
        for (list, &length) in self.lists.iter().enumerate() {
            if within < length {
                return vec![list.to_string(), within.to_string()];
            }
            within -= length;
        }
        vec![number.to_string()]
    }

    /// The first of them that is not there, told with its place behind `path`.
    async fn refuse_missing(&self, tx: &Tx<'_>, path: &[&str]) -> Result<()> {
        if self.ids.is_empty() {
            return Ok(());
        }
        let missing: Vec<Uuid> = Query::new(format!(
            "SELECT r.id FROM {{r}} WHERE NOT EXISTS (
                 SELECT 1 FROM {} x WHERE x.workspace_id = $1 AND x.id = r.id)",
            self.table
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", self.ids.iter().copied()))
        .column(tx.connection())
        .await?;
        let Some(first) = self.ids.iter().position(|id| missing.contains(id)) else {
            return Ok(());
        };
        let numbers = self.numbers(first);
        let mut at = [path, self.at].concat();
        if let Some(item) = self.item {
            at.extend(numbers.iter().map(String::as_str));
            at.extend_from_slice(item);
        }
        Err(Error::not_found(&at, self.what))
    }
}

impl Which {
    pub(super) fn target(&self) -> TagTarget {
        match self {
            Self::Contact(_) => TagTarget::Contact,
            Self::Account(_) => TagTarget::Account,
            Self::Conversation(_) => TagTarget::Conversation,
        }
    }

    /// The field of the input that has the filter.
    pub(crate) fn field(&self) -> &'static str {
        match self {
            Self::Contact(_) => "contacts",
            Self::Account(_) => "accounts",
            Self::Conversation(_) => "conversations",
        }
    }

    /// Everything the filter names.
    fn names(&self) -> Vec<Named> {
        match self {
            Self::Contact(filter) => {
                let campaigns = filter.source_campaigns.iter().copied();
                let mut names = vec![
                    Named::one("account", "account", &["accountId"], filter.account),
                    Named::members(&["ownerIds"], &filter.owners),
                    Named::members(&["broughtByIds"], &filter.brought_by),
                    Named::list("campaign", "campaign", &["sourceCampaignIds"], campaigns),
                    Named::attributes(&filter.attributes),
                ];
                names.extend(Named::segments(&filter.segments));
                names.extend(Named::tags(&filter.tags));
                names
            }
            Self::Account(filter) => {
                let mut names = vec![
                    Named::members(&["ownerIds"], &filter.owners),
                    Named::attributes(&filter.attributes),
                ];
                names.extend(Named::segments(&filter.segments));
                names.extend(Named::tags(&filter.tags));
                names
            }
            Self::Conversation(filter) => {
                let contacts = filter.contacts.iter().copied();
                let accounts = filter.accounts.iter().copied();
                let mut names = vec![
                    Named::one("inbox", "inbox", &["inboxId"], filter.inbox),
                    Named::members(&["assigneeIds"], &filter.assignees),
                    Named::one("member", "member", &["watcherId"], filter.watcher),
                    Named::list("contact", "contact", &["contactIds"], contacts),
                    Named::list("account", "account", &["accountIds"], accounts),
                    Named::attributes(&filter.attributes),
                ];
                names.extend(Named::tags(&filter.tags));
                names
            }
        }
    }

    /// Refuses a text that cannot be searched for. `path` is where the filter stands in the input.
    pub(crate) fn check_text(&self, path: &[&str]) -> Result<()> {
        let path = [path, &["text"]].concat();
        let parsed = Needle::parse(self.text().unwrap_or_default(), &path);
        parsed.map_err(|error| Error::Refused(vec![error]))?;
        Ok(())
    }

    /// Refuses a filter that names what is not there: where a list would only be empty, a request for
    /// work says so. `path` is where the filter stands in the input.
    pub(crate) async fn check(&self, tx: &Tx<'_>, path: &[&str]) -> Result<()> {
        for named in self.names() {
            named.refuse_missing(tx, path).await?;
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
    /// the search calls them. Tags may have been merged since the work was asked for.
    async fn ids(&self, tx: &Tx<'_>) -> Result<(Query, &'static str, Kind)> {
        let (workspace, connection) = (tx.workspace, tx.connection());
        let mut current = self.clone();
        let tags = match &mut current {
            Self::Contact(filter) => &mut filter.tags,
            Self::Account(filter) => &mut filter.tags,
            Self::Conversation(filter) => &mut filter.tags,
        };
        tags.follow_merges(connection, workspace).await?;
        Ok(match &current {
            Self::Contact(filter) => (filter.ids(workspace, connection), "c.id", Kind::Contact),
            Self::Account(filter) => (filter.ids(workspace, connection), "a.id", Kind::Account),
            Self::Conversation(filter) => (
                filter.ids(workspace, connection),
                "cv.id",
                Kind::Conversation,
            ),
        })
    }

    /// How many there are to look at: all that are found whatever the text says.
    pub(crate) async fn count(&self, tx: &Tx<'_>) -> Result<i64> {
        let (mut query, _, _) = self.ids(tx).await?;
        query.wrap("SELECT COUNT(*) FROM (", ") counted");
        let count: Option<i64> = query.scalar(tx.connection()).await?;
        Ok(count.unwrap_or_default())
    }

    /// Looks at the next `limit` in the order of their ids.
    pub(crate) async fn next(&self, tx: &Tx<'_>, after: Option<Uuid>, limit: i64) -> Result<Part> {
        let (mut query, id, kind) = self.ids(tx).await?;
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

impl Part {
    /// What an operation's step came to that looked at these, of which it asked for `limit`.
    pub(crate) fn step(&self, progress: &impl Serialize, limit: i64) -> Step {
        Step {
            progress: json!(progress),
            total: None,
            done: self.seen,
            failed: 0,
            is_last: self.seen < limit,
        }
    }
}
