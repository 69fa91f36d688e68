//! Lists of conversations: filtered, ordered, in pages.
//!
//! Called by the API and by exports. A filter's text is asked of the search.

use chrono::{DateTime, Utc};
use entity::{
    conversation,
    id::{AccountId, ContactId, Id as _, InboxId, MemberId, WorkspaceId},
    kind::{Channel, ConversationStatus, Priority, SubjectKind},
};
use sea_orm::{ConnectionTrait, DatabaseBackend, FromQueryResult as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::order::ConversationOrder;
use crate::{
    attribute::{self, AttributeOrder, AttributeTest},
    condition::sql::Asked,
    contact::{one_of, one_of_few},
    ctx::Ctx,
    error::Result,
    fact::Of,
    latest::ChangedWithin,
    page::{Page, PageRequest, by_value},
    search::{self, narrow},
    store::{Query, Rows},
    tag::TagFilter,
};

/// Which conversations a list has; every part given must hold. Stored as JSON with operations: fields
/// are added, never renamed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConversationFilter {
    /// By their tags.
    pub tags: TagFilter,
    /// Of one inbox.
    pub inbox: Option<InboxId>,
    /// Through one of these media.
    pub channels: Vec<Channel>,
    /// Standing in one of these ways.
    pub statuses: Vec<ConversationStatus>,
    /// As urgent as one of these.
    pub priorities: Vec<Priority>,
    /// Of one of these members; with `unassigned`, of one of them or of nobody.
    pub assignees: Vec<MemberId>,
    /// Of nobody.
    pub unassigned: bool,
    /// Watched by this member.
    pub watcher: Option<MemberId>,
    /// In which the contact has waited for an answer since this moment or longer.
    pub waiting_since: Option<DateTime<Utc>>,
    /// Whose newest message was sent at this moment or later.
    pub active_after: Option<DateTime<Utc>>,
    /// Whose newest message was sent before this moment.
    pub active_before: Option<DateTime<Utc>>,
    /// By when they last changed.
    pub changed: ChangedWithin,
    /// Whose subject, messages or contact answer to a search for this.
    pub text: Option<String>,
    /// By their custom attributes.
    pub attributes: Vec<AttributeTest>,
    /// Of this contact, as lists below a contact have them.
    pub contact: Option<ContactId>,
    /// Of this account's people, as lists below an account have them.
    pub account: Option<AccountId>,
    /// With one of these contacts.
    pub contacts: Vec<ContactId>,
    /// With people of one of these accounts.
    pub accounts: Vec<AccountId>,
    /// Of which this condition holds.
    pub condition: Option<Asked>,
}

impl narrow::Listed for conversation::Model {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }
}

impl ConversationFilter {
    /// The same of one contact or one account, whatever else it asks for.
    #[must_use]
    pub fn below(mut self, of: Of) -> Self {
        match of {
            Of::Contact(id) => self.contact = Some(id),
            Of::Account(id) => self.account = Some(id),
        }
        self
    }

    /// Appends the filter on the conversation `cv`, but for its text: which answer to that is for the
    /// search to say. `is_given` says that `query` begins with given ones.
    fn apply(&self, query: &mut Query, connection: &impl ConnectionTrait, is_given: bool) {
        self.tags.apply(query, "cv.id");
        self.apply_place(query);
        self.apply_customers(query, connection.get_database_backend(), is_given);
        self.apply_people(query);
        self.apply_times(query);
        self.changed
            .apply(query, SubjectKind::Conversation, "cv.id");
        for test in &self.attributes {
            attribute::test::apply(query, connection, "cv.id", test);
        }
        if let Some(asked) = &self.condition {
            let backend = connection.get_database_backend();
            asked.apply(query, backend, SubjectKind::Conversation, "cv");
        }
    }

    /// The conversations that may be found, where they are few: see [`narrow::few_of`].
    async fn few(&self, ctx: &Ctx, workspace: WorkspaceId) -> Result<Option<Vec<Uuid>>> {
        if let Some(few) = self.tags.few(ctx, workspace).await? {
            return Ok(Some(few));
        }
        if let Some(few) = self.few_of_accounts(ctx, workspace).await? {
            return Ok(Some(few));
        }
        if let Some(few) = self.few_of_contacts(ctx, workspace).await? {
            return Ok(Some(few));
        }
        attribute::test::few(ctx, workspace, &self.attributes).await
    }

    /// The same by the accounts asked for: no index has conversations by account, and most accounts have
    /// few. Those of one contact have an index.
    async fn few_of_accounts(
        &self,
        ctx: &Ctx,
        workspace: WorkspaceId,
    ) -> Result<Option<Vec<Uuid>>> {
        let mut accounts = match self.account {
            Some(account) => vec![account],
            None => self.accounts.clone(),
        };
        if accounts.is_empty() {
            return Ok(None);
        }
        accounts.sort_unstable();
        accounts.dedup();
        let query = Query::new(
            "SELECT cv.id FROM {r}
             JOIN contact z ON z.workspace_id = $1 AND z.account_id = r.id
              AND z.account_id IS NOT NULL
             JOIN conversation cv ON cv.workspace_id = $1 AND cv.contact_id = z.id WHERE true",
        )
        .bind(workspace)
        .rows("r", Rows::new().ids("id", accounts));
        narrow::few_of(ctx, query).await
    }

    /// The same by the contacts asked for, where they are several: an index has each one's in order, and not all
    /// theirs together.
    async fn few_of_contacts(
        &self,
        ctx: &Ctx,
        workspace: WorkspaceId,
    ) -> Result<Option<Vec<Uuid>>> {
        let mut contacts = self.contacts.clone();
        contacts.sort_unstable();
        contacts.dedup();
        if contacts.len() < 2 || self.contact.is_some() {
            return Ok(None);
        }
        let query = Query::new(
            "SELECT cv.id FROM {r}
             JOIN conversation cv ON cv.workspace_id = $1 AND cv.contact_id = r.id WHERE true",
        )
        .bind(workspace)
        .rows("r", Rows::new().ids("id", contacts));
        narrow::few_of(ctx, query).await
    }

    /// The ids of all conversations it finds whatever its text says, in a statement that goes on after
    /// a condition on `cv.id`; [`narrow::keep`] says which of them answer to the text.
    pub(crate) fn ids(&self, workspace: WorkspaceId, connection: &impl ConnectionTrait) -> Query {
        let mut query = Query::new("SELECT cv.id FROM conversation cv WHERE cv.workspace_id = $1")
            .bind(workspace);
        self.apply(&mut query, connection, false);
        query
    }

    fn apply_place(&self, query: &mut Query) {
        if let Some(inbox) = self.inbox {
            let inbox = query.arg(inbox);
            query.push(&format!(" AND cv.inbox_id = {inbox}"));
        }
        if !self.channels.is_empty() {
            let channels = args(query, self.channels.iter().map(|channel| channel.word()));
            query.push(&format!(
                " AND cv.inbox_id IN (SELECT i.id FROM inbox i
                    WHERE i.workspace_id = $1 AND i.channel IN ({channels}))"
            ));
        }
        if !self.statuses.is_empty() {
            let statuses = args(query, self.statuses.iter().map(|status| status.word()));
            query.push(&format!(" AND cv.status IN ({statuses})"));
        }
        if !self.priorities.is_empty() {
            let ranks = args(
                query,
                self.priorities.iter().map(|priority| priority.rank()),
            );
            query.push(&format!(" AND cv.priority IN ({ranks})"));
        }
    }

    /// Whom they are with.
    fn apply_customers(&self, query: &mut Query, backend: DatabaseBackend, is_given: bool) {
        let column = "cv.contact_id";
        for contacts in [self.contact.as_slice(), self.contacts.as_slice()] {
            let contacts = contacts.iter().copied();
            if is_given {
                // SQLite would go through all of theirs for each given one.
                one_of(query, column, contacts);
            } else {
                one_of_few(query, backend, column, contacts);
            }
        }
        for accounts in [self.account.as_slice(), self.accounts.as_slice()] {
            if !accounts.is_empty() {
                let accounts = args(query, accounts.iter().copied());
                query.push(&format!(
                    " AND EXISTS (SELECT 1 FROM contact z WHERE z.workspace_id = $1
                        AND z.id = cv.contact_id AND z.account_id IN ({accounts}))"
                ));
            }
        }
    }

    /// Who of us deals with them.
    fn apply_people(&self, query: &mut Query) {
        let assignees = args(query, self.assignees.iter().copied());
        match (self.assignees.is_empty(), self.unassigned) {
            (true, false) => {}
            (true, true) => query.push(" AND cv.assignee_id IS NULL"),
            (false, false) => query.push(&format!(" AND cv.assignee_id IN ({assignees})")),
            (false, true) => query.push(&format!(
                " AND (cv.assignee_id IN ({assignees}) OR cv.assignee_id IS NULL)"
            )),
        }
        if let Some(watcher) = self.watcher {
            let watcher = query.arg(watcher);
            query.push(&format!(
                " AND EXISTS (SELECT 1 FROM conversation_watcher w WHERE w.workspace_id = $1
                    AND w.member_id = {watcher} AND w.conversation_id = cv.id)"
            ));
        }
    }

    fn apply_times(&self, query: &mut Query) {
        for (condition, moment) in [
            (" AND cv.waiting_since <= ", self.waiting_since),
            (" AND cv.last_message_at >= ", self.active_after),
            (" AND cv.last_message_at < ", self.active_before),
        ] {
            if let Some(moment) = moment {
                let moment = query.arg(moment);
                query.push(&format!("{condition}{moment}"));
            }
        }
    }
}

/// Binds `values` and returns their placeholders, separated by commas.
fn args<V: Into<sea_orm::Value>>(query: &mut Query, values: impl Iterator<Item = V>) -> String {
    let places: Vec<String> = values.map(|value| query.arg(value)).collect();
    places.join(", ")
}

/// A page of the workspace's conversations, each with its cursor. Without a text it is one statement;
/// with one, the search says which answer.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &ConversationFilter,
    order: ConversationOrder,
    page: &PageRequest,
) -> Result<Page<(String, conversation::Model)>> {
    let mut filter = filter.clone();
    filter.tags.follow_merges(ctx.reader(), workspace).await?;
    let Some(text) = filter.text.take() else {
        return read(ctx, workspace, &filter, order, page, None).await;
    };
    let read = move |ctx: Ctx, page: PageRequest, only| -> narrow::Read<conversation::Model> {
        let filter = filter.clone();
        Box::pin(async move { read(&ctx, workspace, &filter, order, &page, only).await })
    };
    search::talk::list(ctx, workspace, &text, page, read).await
}

async fn read(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &ConversationFilter,
    order: ConversationOrder,
    page: &PageRequest,
    only: Option<Vec<Uuid>>,
) -> Result<Page<(String, conversation::Model)>> {
    let only = match only {
        None => filter.few(ctx, workspace).await?,
        only => only,
    };
    let of_changes = order.is_of_changes();
    let is_given = only.is_some();
    let text = match (of_changes, is_given) {
        (false, true) => {
            "SELECT cv.* FROM {mine}
             JOIN conversation cv ON cv.workspace_id = $1 AND cv.id = mine.id WHERE true"
        }
        (false, false) => "SELECT cv.* FROM conversation cv WHERE cv.workspace_id = $1",
        (true, true) => {
            "SELECT cv.*, l.changed_at FROM {mine}
             JOIN conversation cv ON cv.workspace_id = $1 AND cv.id = mine.id
             JOIN latest_change l ON l.workspace_id = $1 AND l.subject_id = cv.id WHERE true"
        }
        (true, false) => {
            "SELECT cv.*, l.changed_at FROM latest_change l CROSS JOIN conversation AS cv
             WHERE l.workspace_id = $1 AND l.subject = 'CONVERSATION'
               AND cv.workspace_id = $1 AND cv.id = l.subject_id"
        }
    };
    let mut query = Query::new(text).bind(workspace);
    if let Some(only) = only {
        query = query.rows("mine", Rows::new().uuids("id", only));
    }
    let mut filter = filter.clone();
    if of_changes {
        std::mem::take(&mut filter.changed).apply_beside(&mut query);
    }
    filter.apply(&mut query, ctx.reader(), is_given);
    if order == ConversationOrder::WaitingLongest {
        query.push(" AND cv.waiting_since IS NOT NULL");
    }
    read_page(ctx, query, order, page, is_given).await
}

/// A page of the workspace's conversations ordered by an attribute, each with its cursor. One statement
/// finds the attribute, one the page. With a text, the search says which answer.
pub async fn list_by_attribute(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &ConversationFilter,
    order: AttributeOrder,
    page: &PageRequest,
) -> Result<Page<(String, conversation::Model)>> {
    attribute::definition::check(ctx, workspace, order.attribute).await?;
    let mut filter = filter.clone();
    filter.tags.follow_merges(ctx.reader(), workspace).await?;
    let Some(text) = filter.text.take() else {
        return read_by_attribute(ctx, workspace, &filter, order, page, None).await;
    };
    let read = move |ctx: Ctx, page: PageRequest, only| -> narrow::Read<conversation::Model> {
        let filter = filter.clone();
        Box::pin(
            async move { read_by_attribute(&ctx, workspace, &filter, order, &page, only).await },
        )
    };
    search::talk::list(ctx, workspace, &text, page, read).await
}

async fn read_by_attribute(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &ConversationFilter,
    order: AttributeOrder,
    page: &PageRequest,
    only: Option<Vec<Uuid>>,
) -> Result<Page<(String, conversation::Model)>> {
    let list = by_value::List {
        attribute: order.attribute,
        descending: order.descending,
        table: "conversation",
        alias: "cv",
        joins: "",
        columns: "cv.*",
    };
    let filter = |query: &mut Query| {
        filter.apply(query, ctx.reader(), false);
        narrow::apply(query, "cv.id", only.as_deref());
    };
    let query = list.query(workspace, page, filter)?;
    let rows = query.raw(ctx.reader()).await?;
    let found = rows
        .iter()
        .map(|row| {
            let conversation = conversation::Model::from_query_result(row, "")?;
            Ok((list.cursor(row)?, conversation))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(by_value::List::page(found, page))
}

async fn read_page(
    ctx: &Ctx,
    mut query: Query,
    order: ConversationOrder,
    page: &PageRequest,
    is_given: bool,
) -> Result<Page<(String, conversation::Model)>> {
    let keyset = order.keyset();
    if is_given {
        keyset.apply_to_given(&mut query, page, ctx.db.backend())?;
    } else {
        keyset.apply(&mut query, page)?;
    }
    let rows = query.raw(ctx.reader()).await?;
    let rows = rows
        .iter()
        .map(|row| {
            let changed_at: Option<DateTime<Utc>> = if order.is_of_changes() {
                Some(row.try_get("", "changed_at")?)
            } else {
                None
            };
            Ok((conversation::Model::from_query_result(row, "")?, changed_at))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(keyset.page(rows, page).map(|(row, changed_at)| {
        let cursor = keyset.cursor(order.key(&row, changed_at), row.id.uuid());
        (cursor, row)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_conversations_are_not_looked_for_among_those_of_a_contact() {
        let filter = ConversationFilter::default().below(Of::Contact(Uuid::nil().into()));
        for is_given in [true, false] {
            let mut query = Query::new("SELECT 1");
            filter.apply_customers(&mut query, DatabaseBackend::Sqlite, is_given);
            let text = format!("{query:?}");
            assert_eq!(text.contains("likelihood"), !is_given, "{text}");
        }
    }
}
