//! Asking for conversations.

use std::{collections::HashMap, convert::identity};

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    condition::{ConditionInput, Context as Place},
    contact,
    conversation::{self, ConversationFilter, ConversationOrder},
    ctx::Ctx,
    error::{Error, UserErrorCode},
    fact::Of,
    page::{Page, PageRequest},
    tag,
};
use entity::{
    id::{Id as _, WorkspaceId},
    kind::{Channel, ConversationStatus, Priority},
};

use super::Conversation;
use crate::boxed;
use crate::graphql::{
    attribute::{AttributeFilterInput, AttributeOrderInput, TimeRangeInput},
    condition::asked,
    contact::Contact,
    context::reader,
    error::fault,
    few::{few_ids, few_renamed},
    id,
    page::{Connection, connection},
    tag::{TagFilterInput, Tagging},
};

/// Which conversations a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct ConversationFilterInput {
    /// By their tags; a tag's descendants count as the tag.
    tags: Option<TagFilterInput>,
    /// Of this inbox.
    inbox_id: Option<ID>,
    /// Through one of these media.
    channels: Option<Vec<Channel>>,
    /// The earlier name of `channels`.
    #[graphql(deprecation = "Use `channels`. Removed after 2027-06-30.")]
    channel: Option<Vec<Channel>>,
    /// Standing in one of these ways.
    statuses: Option<Vec<ConversationStatus>>,
    /// The earlier name of `statuses`.
    #[graphql(deprecation = "Use `statuses`. Removed after 2027-06-30.")]
    status: Option<Vec<ConversationStatus>>,
    /// As urgent as one of these.
    priorities: Option<Vec<Priority>>,
    /// The earlier name of `priorities`.
    #[graphql(deprecation = "Use `priorities`. Removed after 2027-06-30.")]
    priority: Option<Vec<Priority>>,
    /// Assigned to one of these members.
    assignee_ids: Option<Vec<ID>>,
    /// Assigned to nobody; together with `assigneeIds`, to one of them or to nobody.
    #[graphql(default)]
    unassigned: bool,
    /// Watched by this member.
    watcher_id: Option<ID>,
    /// In which the contact has waited for an answer for this many seconds or longer.
    waiting_longer_than_seconds: Option<i64>,
    /// Whose newest message was sent at this moment or later.
    active_after: Option<DateTime<Utc>>,
    /// Whose newest message was sent before this moment.
    active_before: Option<DateTime<Utc>>,
    /// Last changed at a moment of this range, by `changedAt`.
    changed: Option<TimeRangeInput>,
    /// Whose subject, one of whose messages, or whose contact answers to this: each of its words, whatever
    /// their width, case and kana.
    text: Option<String>,
    /// By custom attributes; every test must hold.
    attributes: Option<Vec<AttributeFilterInput>>,
    /// With one of these contacts.
    contact_ids: Option<Vec<ID>>,
    /// With people of one of these accounts.
    account_ids: Option<Vec<ID>>,
    /// Of which this condition holds, as it is asked; it may ask about the contact and the account too,
    /// such as for their stage, their tags and their segments.
    condition: Option<ConditionInput>,
}

impl ConversationFilterInput {
    pub(crate) async fn read(
        self,
        ctx: &Ctx,
        workspace: WorkspaceId,
    ) -> domain::error::Result<ConversationFilter> {
        let condition = asked(ctx, workspace, self.condition, Place::Conversation).await?;
        let now = ctx.clock.now();
        let tags = self.tags.map(TagFilterInput::read).transpose()?;
        let waiting = self.waiting_longer_than_seconds.map(|seconds| {
            let wait = TimeDelta::try_seconds(seconds).filter(|_| seconds >= 0);
            wait.and_then(|wait| now.checked_sub_signed(wait))
                .ok_or_else(|| {
                    let path = ["filter", "waitingLongerThanSeconds"];
                    Error::refused(&path, UserErrorCode::Invalid, "Give a number of seconds.")
                })
        });
        Ok(ConversationFilter {
            tags: tags.unwrap_or_default(),
            inbox: id::parse_opt(self.inbox_id.as_ref(), &["filter", "inboxId"])?,
            channels: few_renamed(("channels", self.channels), ("channel", self.channel))?,
            statuses: few_renamed(("statuses", self.statuses), ("status", self.status))?,
            priorities: few_renamed(("priorities", self.priorities), ("priority", self.priority))?,
            assignees: few_ids(self.assignee_ids, &["filter", "assigneeIds"])?,
            unassigned: self.unassigned,
            watcher: id::parse_opt(self.watcher_id.as_ref(), &["filter", "watcherId"])?,
            waiting_since: waiting.transpose()?,
            active_after: self.active_after,
            active_before: self.active_before,
            changed: self.changed.unwrap_or_default().into(),
            text: self.text.filter(|text| !text.trim().is_empty()),
            attributes: AttributeFilterInput::read_all(self.attributes)?,
            contact: None,
            account: None,
            contacts: few_ids(self.contact_ids, &["filter", "contactIds"])?,
            accounts: few_ids(self.account_ids, &["filter", "accountIds"])?,
            condition,
        })
    }
}

#[derive(Default)]
pub(crate) struct ConversationQuery;

#[Object]
impl ConversationQuery {
    /// One conversation; nothing when there is none of this id.
    #[boxed]
    async fn conversation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation's global id.")] id: ID,
    ) -> Result<Option<Conversation>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse(&id, &["id"]) else {
            return Ok(None);
        };
        let found = conversation::find(ctx, actor.workspace, id)
            .await
            .map_err(fault)?;
        Ok(found.map(Conversation::from))
    }

    /// The workspace's conversations.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments, filter and order"
    )]
    #[boxed]
    async fn conversations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which conversations.")] filter: Option<ConversationFilterInput>,
        #[graphql(desc = "How to order them.", default)] order_by: ConversationOrder,
        #[graphql(desc = "Orders them by a custom attribute, instead of `orderBy`.")]
        order_by_attribute: Option<AttributeOrderInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Conversation>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read(ctx, actor.workspace);
        let filter = filter.await.map_err(fault)?;
        let by_attribute = order_by_attribute.map(AttributeOrderInput::read);
        let found = match by_attribute.transpose().map_err(fault)? {
            Some(order) => {
                conversation::list_by_attribute(ctx, actor.workspace, &filter, order, &page).await
            }
            None => conversation::list(ctx, actor.workspace, &filter, order_by, &page).await,
        };
        shown(context, found.map_err(fault)?).await
    }
}

/// The conversations of a contact or an account, as a field of it.
pub(crate) async fn conversations_of(
    context: &Context<'_>,
    of: Of,
    filter: Option<ConversationFilterInput>,
    order: ConversationOrder,
    page: &PageRequest,
) -> Result<Connection<String, Conversation>> {
    let (ctx, actor) = reader(context)?;
    let filter = filter.unwrap_or_default().read(ctx, actor.workspace);
    let filter = filter.await.map_err(fault)?.below(of);
    let found = conversation::list(ctx, actor.workspace, &filter, order, page).await;
    shown(context, found.map_err(fault)?).await
}

/// A page as the query that asks for it sees it.
async fn shown(
    context: &Context<'_>,
    found: Page<(String, entity::conversation::Model)>,
) -> Result<Connection<String, Conversation>> {
    let (ctx, actor) = reader(context)?;
    let mut found = found.map(|(cursor, row)| (cursor, Conversation::from(row)));
    preload(context, ctx, actor.workspace, &mut found).await?;
    Ok(connection(found, identity))
}

/// Fetches what the query asks of every conversation of the list: the contacts with one statement,
/// and the tags of the conversations and of their contacts together with one more.
async fn preload(
    context: &Context<'_>,
    ctx: &Ctx,
    workspace: WorkspaceId,
    page: &mut Page<(String, Conversation)>,
) -> Result<()> {
    let ahead = context.look_ahead();
    let nodes = [ahead.field("nodes"), ahead.field("edges").field("node")];
    let wants = |field: &str| nodes.iter().any(|node| node.field(field).exists());
    let wants_tags = wants("taggings");
    let contacts = nodes.iter().map(|node| node.field("contact"));
    let wants_contact_tags = contacts.clone().any(|one| one.field("taggings").exists());
    let mut contacts = HashMap::new();
    if wants("contact") {
        let ids: Vec<_> = page
            .rows
            .iter()
            .map(|(_, one)| one.row.contact_id)
            .collect();
        let found = contact::load(ctx, workspace, &ids).await.map_err(fault)?;
        contacts.extend(found.into_iter().map(|row| (row.id, Contact::from(row))));
    }
    let mut things = Vec::new();
    for (_, one) in &page.rows {
        things.extend(wants_tags.then(|| one.row.id.uuid()));
        things.extend(wants_contact_tags.then(|| one.row.contact_id.uuid()));
    }
    things.sort_unstable();
    things.dedup();
    let mut taggings = HashMap::new();
    if !things.is_empty() {
        taggings = tag::tagging::load_with_tags(ctx, workspace, &things)
            .await
            .map_err(fault)?;
    }
    let mut tags_of = |id| -> Vec<Tagging> {
        let found = taggings.remove(&id).unwrap_or_default();
        found.into_iter().map(Tagging::from).collect()
    };
    for (id, contact) in &mut contacts {
        contact.preloaded.taggings = wants_contact_tags.then(|| tags_of(id.uuid()));
    }
    for (_, one) in &mut page.rows {
        one.preloaded.contact = contacts.get(&one.row.contact_id).cloned().map(Box::new);
        one.preloaded.taggings = wants_tags.then(|| tags_of(one.row.id.uuid()));
    }
    Ok(())
}
