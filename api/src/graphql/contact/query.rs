//! Asking for contacts.

use std::convert::identity;

use async_graphql::{Context, ID, Object, Result};
use domain::{
    contact::{self, ContactOrder},
    conversation,
    ctx::Ctx,
    mail::EmailAddress,
    page::{Page, PageRequest},
    tag,
};
use entity::{
    id::{ContactId, Id as _, WorkspaceId},
    kind::IdentityKind,
};

use super::{Contact, ContactFilterInput};
use crate::boxed;
use crate::graphql::{
    attribute::AttributeOrderInput,
    context::{found, reader},
    error::fault,
    id,
    page::{Connection, connection},
    tag::Tagging,
};

#[derive(Default)]
pub(crate) struct ContactQuery;

#[Object]
impl ContactQuery {
    /// One contact; nothing when there is none of this id.
    #[boxed]
    async fn contact(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The contact's global id.")] id: ID,
    ) -> Result<Option<Contact>> {
        reader(context)?;
        let Ok(id) = id::parse::<ContactId>(&id, &["id"]) else {
            return Ok(None);
        };
        Ok(found(context, id).await?.map(Contact::from))
    }

    /// The contact recognised by an email address; nothing when it is nobody's.
    #[boxed]
    async fn contact_by_email(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The address; upper and lower case are the same.")] email: String,
    ) -> Result<Option<Contact>> {
        let (ctx, actor) = reader(context)?;
        let Ok(email) = EmailAddress::parse(&email) else {
            return Ok(None);
        };
        let found =
            contact::find_by_identity(ctx, actor.workspace, IdentityKind::Email, email.as_str());
        Ok(found.await.map_err(fault)?.map(Contact::from))
    }

    /// The contact recognised by an identity; nothing when it is nobody's.
    #[boxed]
    async fn contact_by_identity(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which kind of identity.")] kind: IdentityKind,
        #[graphql(desc = "Its value, written as in `IdentityInput`.")] value: String,
    ) -> Result<Option<Contact>> {
        let (ctx, actor) = reader(context)?;
        let given = contact::identity::Given { kind, value };
        let found = contact::identity::find_holder(ctx, actor.workspace, &given);
        Ok(found.await.map_err(fault)?.map(Contact::from))
    }

    /// The workspace's contacts.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments, filter and order"
    )]
    #[boxed]
    async fn contacts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which contacts.")] filter: Option<ContactFilterInput>,
        #[graphql(desc = "How to order them.", default)] order_by: ContactOrder,
        #[graphql(desc = "Orders them by a custom attribute, instead of `orderBy`.")]
        order_by_attribute: Option<AttributeOrderInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Contact>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter
            .unwrap_or_default()
            .read(ctx, actor.workspace)
            .await
            .map_err(fault)?;
        let by_attribute = order_by_attribute.map(AttributeOrderInput::read);
        let found = match by_attribute.transpose().map_err(fault)? {
            Some(order) => {
                contact::list_by_attribute(ctx, actor.workspace, &filter, order, &page).await
            }
            None => contact::list(ctx, actor.workspace, filter, order_by, &page).await,
        };
        let found = found.map_err(fault)?;
        let mut found = found.map(|(cursor, contact)| (cursor, Contact::from(contact)));
        preload(context, ctx, actor.workspace, &mut found).await?;
        Ok(connection(found, identity))
    }
}

/// Fetches what the query asks of every contact of the list, one statement each, so that the
/// resolvers below need no loader.
async fn preload(
    context: &Context<'_>,
    ctx: &Ctx,
    workspace: WorkspaceId,
    page: &mut Page<(String, Contact)>,
) -> Result<()> {
    let ahead = context.look_ahead();
    let wants = |field: &str| {
        ahead.field("nodes").field(field).exists()
            || ahead.field("edges").field("node").field(field).exists()
    };
    if wants("taggings") {
        let ids: Vec<_> = page
            .rows
            .iter()
            .map(|(_, contact)| contact.row.id.uuid())
            .collect();
        let mut taggings = tag::tagging::load_with_tags(ctx, workspace, &ids)
            .await
            .map_err(fault)?;
        for (_, contact) in &mut page.rows {
            let mine = taggings.remove(&contact.row.id.uuid()).unwrap_or_default();
            contact.preloaded.taggings = Some(mine.into_iter().map(Tagging::from).collect());
        }
    }
    if wants("lastMessage") {
        let ids: Vec<_> = page
            .rows
            .iter()
            .filter_map(|(_, contact)| contact.row.last_message_id)
            .collect();
        let messages = conversation::load_messages(ctx, workspace, &ids)
            .await
            .map_err(fault)?;
        let mut messages: std::collections::HashMap<_, _> = messages
            .into_iter()
            .map(|message| (message.id, message))
            .collect();
        for (_, contact) in &mut page.rows {
            let mine = contact
                .row
                .last_message_id
                .and_then(|id| messages.remove(&id));
            contact.preloaded.messages = true;
            contact.preloaded.last_message = mine;
        }
    }
    Ok(())
}
