//! The workspace's messages in pages, whatever conversations they are of.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::{
    id::{ContactId, ConversationId, Id as _, InboxId, WorkspaceId},
    kind::{Author, Channel, Direction},
    message,
};
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};

use crate::{
    contact::{one_of, one_of_few},
    ctx::Ctx,
    error::Result,
    inbox,
    page::{Column, Key, Keyset, Page, PageRequest, taken_in, within},
    store::Query,
};

/// How many inboxes are read each on its own; of more, nearly all messages are wanted, and those of the
/// others are passed over.
const MAX_RUNS: usize = 100;

/// Which messages a list has; every part given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageFilter {
    /// With this contact.
    pub contact: Option<ContactId>,
    /// Of this conversation.
    pub conversation: Option<ConversationId>,
    /// Through one of these inboxes.
    pub inboxes: Vec<InboxId>,
    /// Through one of these media.
    pub channels: Vec<Channel>,
    /// Going one of these ways.
    pub directions: Vec<Direction>,
    /// Written by one of these.
    pub authors: Vec<Author>,
    /// Sent at this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Sent before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Taken in at this moment or later; the list is in the order in which they came in then.
    pub taken_in_from: Option<DateTime<Utc>>,
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run<'r> {
    /// Through one of these inboxes; of none, through any.
    Through(&'r [InboxId]),
    /// Written by this author, who is no contact.
    By(Author),
}

impl MessageFilter {
    /// The inboxes that messages must have come through, each once; nothing when any will do.
    async fn inboxes(&self, ctx: &Ctx, workspace: WorkspaceId) -> Result<Option<Vec<InboxId>>> {
        if self.channels.is_empty() {
            let mut inboxes = self.inboxes.clone();
            inboxes.sort_unstable();
            inboxes.dedup();
            return Ok((!inboxes.is_empty()).then_some(inboxes));
        }
        let inboxes = inbox::list(ctx, workspace).await?.into_iter();
        let inboxes = inboxes
            .filter(|inbox| self.channels.contains(&inbox.channel))
            .map(|inbox| inbox.id)
            .filter(|id| self.inboxes.is_empty() || self.inboxes.contains(id));
        Ok(Some(inboxes.collect()))
    }

    /// The parts of the list, each of which an index has in its order.
    fn runs<'r>(&self, inboxes: &'r [InboxId]) -> Vec<Run<'r>> {
        // A contact's and a conversation's messages have indexes of their own.
        let is_of_one = self.contact.is_some() || self.conversation.is_some();
        if is_of_one || inboxes.len() > MAX_RUNS {
            return vec![Run::Through(inboxes)];
        }
        if !inboxes.is_empty() {
            return inboxes.chunks(1).map(Run::Through).collect();
        }
        let authors: BTreeSet<Author> = self.authors.iter().copied().collect();
        // Contacts have written so many that a page of theirs is soon full.
        if authors.is_empty() || authors.contains(&Author::Contact) {
            return vec![Run::Through(&[])];
        }
        authors.into_iter().map(Run::By).collect()
    }

    /// Appends the statement of one part.
    fn select(
        &self,
        query: &mut Query,
        backend: DatabaseBackend,
        workspace: WorkspaceId,
        run: Run<'_>,
    ) {
        let workspace = query.arg(workspace);
        query.push(&format!(
            "SELECT m.* FROM message m WHERE m.workspace_id = {workspace}"
        ));
        one_of_few(query, backend, "m.contact_id", self.contact.into_iter());
        let conversation = self.conversation.into_iter();
        one_of_few(query, backend, "m.conversation_id", conversation);
        match run {
            Run::Through(inboxes) => {
                one_of(query, "m.inbox_id", inboxes.iter().copied());
                one_of(query, "m.author", self.authors.iter().map(|one| one.word()));
            }
            Run::By(author) => {
                let author = query.arg(author.word());
                // Said in the text: the index has no others, and is found by nothing else.
                query.push(&format!(
                    " AND m.author = {author} AND m.author <> 'CONTACT'"
                ));
            }
        }
        let directions = self.directions.iter().map(|one| one.word());
        one_of(query, "m.direction", directions);
        within(query, "m.sent_at", self.from, self.until);
    }
}

const NEWEST: Keyset = Keyset {
    order: "sent-",
    key: Some(Column::Time("m.sent_at")),
    id: "m.id",
    descending: true,
};

/// A page of the workspace's messages, newest first, each with its cursor.
pub async fn list_messages(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &MessageFilter,
    page: &PageRequest,
) -> Result<Page<(String, message::Model)>> {
    let inboxes = filter.inboxes(ctx, workspace).await?;
    let all = inboxes.as_deref().unwrap_or_default();
    if inboxes.is_some() && all.is_empty() {
        return Ok(Page::empty());
    }
    let backend = ctx.db.backend();
    if let Some(from) = filter.taken_in_from {
        let mut query = Query::new("");
        filter.select(&mut query, backend, workspace, Run::Through(all));
        let columns = ["m.id", "m.created_at"];
        let id = |row: &message::Model| row.id;
        return taken_in(ctx, query, columns, from, page, id).await;
    }
    let runs = filter.runs(all);
    let select = |query: &mut Query, run: &Run<'_>| {
        filter.select(query, backend, workspace, *run);
    };
    let place = |row: &message::Model| (Key::Time(row.sent_at), row.id.uuid());
    NEWEST.merge(ctx, "m", &runs, select, page, place).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_in_the_parts_that_an_index_has_in_order() {
        let inboxes = [1, 2].map(|n| InboxId(uuid::Uuid::from_u128(n)));
        let by = |authors: &[Author]| MessageFilter {
            authors: authors.to_vec(),
            ..MessageFilter::default()
        };
        let ours = by(&[Author::Automation, Author::Member, Author::Automation]);
        let each = [Run::By(Author::Member), Run::By(Author::Automation)];
        assert_eq!(ours.runs(&[]), each);
        let any = by(&[Author::Contact, Author::Member]);
        assert_eq!(any.runs(&[]), [Run::Through(&[])]);
        let through = [Run::Through(&inboxes[..1]), Run::Through(&inboxes[1..])];
        assert_eq!(ours.runs(&inboxes), through);
        let of_one = MessageFilter {
            contact: Some(ContactId(uuid::Uuid::nil())),
            ..ours
        };
        assert_eq!(of_one.runs(&inboxes), [Run::Through(&inboxes)]);
    }
}
