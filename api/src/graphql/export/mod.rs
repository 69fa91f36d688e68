//! Asking for lists as files.

mod filter;
mod record;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    access::Actor,
    account::AccountOrder,
    contact::ContactOrder,
    conversation::ConversationOrder,
    ctx::Ctx,
    error::{Error, UserError},
    export::{self, Ordered, Wanted, What},
};
use entity::kind::{ExportEncoding, ExportFormat};
use secrecy::ExposeSecret as _;

pub(crate) use record::RecordExportMutation;

use super::{
    account::AccountFilterInput, attribute::AttributeOrderInput, contact::ContactFilterInput,
    context::writer, conversation::ConversationFilterInput, error::settle, few::few, id,
};
use crate::boxed;

/// Contacts wanted as a file.
#[derive(InputObject)]
pub(crate) struct ExportContactsInput {
    /// Which contacts; left out, all.
    filter: Option<ContactFilterInput>,
    /// How they are ordered.
    #[graphql(default)]
    order_by: ContactOrder,
    /// Orders them by a custom attribute, instead of `orderBy`.
    order_by_attribute: Option<AttributeOrderInput>,
    /// The columns, at most 100, by the names they have in JSON Lines, such as `name`, `ownerEmail`, `tags`, and
    /// `attributes.` with the key of a custom attribute, in this order; left out, all.
    columns: Option<Vec<String>>,
    /// The kind of file.
    #[graphql(default_with = "ExportFormat::Csv")]
    format: ExportFormat,
    /// Its encoding; JSON Lines are always UTF-8.
    #[graphql(default_with = "ExportEncoding::Utf8")]
    encoding: ExportEncoding,
}

/// Accounts wanted as a file.
#[derive(InputObject)]
pub(crate) struct ExportAccountsInput {
    /// Which accounts; left out, all.
    filter: Option<AccountFilterInput>,
    /// How they are ordered.
    #[graphql(default)]
    order_by: AccountOrder,
    /// Orders them by a custom attribute, instead of `orderBy`.
    order_by_attribute: Option<AttributeOrderInput>,
    /// The kind of file.
    #[graphql(default_with = "ExportFormat::Csv")]
    format: ExportFormat,
    /// Its encoding; JSON Lines are always UTF-8.
    #[graphql(default_with = "ExportEncoding::Utf8")]
    encoding: ExportEncoding,
}

/// Conversations wanted as a file.
#[derive(InputObject)]
pub(crate) struct ExportConversationsInput {
    /// Which conversations; left out, all.
    filter: Option<ConversationFilterInput>,
    /// How they are ordered.
    #[graphql(default)]
    order_by: ConversationOrder,
    /// Orders them by a custom attribute, instead of `orderBy`.
    order_by_attribute: Option<AttributeOrderInput>,
    /// The kind of file.
    #[graphql(default_with = "ExportFormat::Csv")]
    format: ExportFormat,
    /// Its encoding; JSON Lines are always UTF-8.
    #[graphql(default_with = "ExportEncoding::Utf8")]
    encoding: ExportEncoding,
}

/// A list that is exported whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ExportableList {
    /// All tags, with how many things carry each.
    Tags,
    /// All orders, the newest first, with their lines.
    #[graphql(
        deprecation = "Ask `exportRecords` for `orders`, which takes a filter. Removed after 2027-06-30."
    )]
    Orders,
    /// All invoices, the newest first.
    #[graphql(
        deprecation = "Ask `exportRecords` for `invoices`, which takes a filter. Removed after 2027-06-30."
    )]
    Invoices,
    /// All tickets, the newest first.
    #[graphql(
        deprecation = "Ask `exportRecords` for `tickets`, which takes a filter. Removed after 2027-06-30."
    )]
    Tickets,
    /// All opportunities, the newest first.
    #[graphql(
        deprecation = "Ask `exportRecords` for `opportunities`, which takes a filter. Removed after 2027-06-30."
    )]
    Opportunities,
    /// The audit log, the newest entry first; needs the scope ADMINISTER.
    #[graphql(
        deprecation = "Ask `exportRecords` for `auditLog`, which takes a filter. Removed after 2027-06-30."
    )]
    AuditLog,
}

/// A whole list wanted as a file.
#[derive(InputObject)]
pub(crate) struct ExportListInput {
    /// Which list.
    list: ExportableList,
    /// The kind of file.
    #[graphql(default_with = "ExportFormat::Csv")]
    format: ExportFormat,
    /// Its encoding; JSON Lines are always UTF-8.
    #[graphql(default_with = "ExportEncoding::Utf8")]
    encoding: ExportEncoding,
}

/// A person whose whole data is wanted as a file.
#[derive(InputObject)]
pub(crate) struct ExportPersonInput {
    /// The contact's global id.
    id: ID,
}

/// What became of asking for a file.
#[derive(SimpleObject)]
pub(crate) struct ExportPayload {
    /// Where the file is, as a path on this server; whoever has it may download it, without an access
    /// token, as long as the token that asked is good.
    url: Option<String>,
    /// Until when a download can begin.
    expires_at: Option<DateTime<Utc>>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// Asks for the file, unless the input says nothing that can be asked for.
async fn ask(
    ctx: &Ctx,
    actor: &Actor,
    what: domain::error::Result<What>,
    format: ExportFormat,
    encoding: ExportEncoding,
) -> Result<ExportPayload> {
    let wanted = what.map(|what| Wanted {
        what,
        format,
        encoding,
        columns: Vec::new(),
    });
    payload(ctx, actor, wanted).await
}

async fn payload(
    ctx: &Ctx,
    actor: &Actor,
    wanted: domain::error::Result<Wanted>,
) -> Result<ExportPayload> {
    let result = async { export::ask(ctx, actor, wanted?).await };
    let (asked, user_errors) = settle(result.await)?;
    let url = asked
        .as_ref()
        .map(|asked| format!("/v1/exports/{}", asked.ticket.expose_secret()));
    Ok(ExportPayload {
        url,
        expires_at: asked.map(|asked| asked.expires_at),
        user_errors,
    })
}

/// The order of a list; a refusal names the input's field.
fn ordered<O>(by: O, attribute: Option<AttributeOrderInput>) -> domain::error::Result<Ordered<O>> {
    let attribute = attribute.map(AttributeOrderInput::read).transpose()?;
    Ok(Ordered { by, attribute })
}

#[derive(Default)]
pub(crate) struct ExportMutation;

#[Object]
impl ExportMutation {
    /// Asks for contacts as a file: CSV under headers that `importContacts` knows again, with the tags
    /// and custom attributes, or JSON Lines. Cells that a spreadsheet would run as a formula begin with
    /// an apostrophe, which an import takes away again. The download is streamed, however many there
    /// are. Scope: READ.
    #[boxed]
    async fn export_contacts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is wanted.")] input: ExportContactsInput,
    ) -> Result<ExportPayload> {
        let (ctx, actor) = writer(context)?;
        let wanted = async {
            let order = ordered(input.order_by, input.order_by_attribute)?;
            let filter = input.filter.unwrap_or_default();
            let filter = filter.read(ctx, actor.workspace).await?;
            Ok::<_, Error>(Wanted {
                what: What::Contacts(filter, order),
                format: input.format,
                encoding: input.encoding,
                columns: few(input.columns, &["columns"])?,
            })
        };
        payload(ctx, actor, wanted.await).await
    }

    /// Asks for accounts as a file; see `exportContacts`. Scope: READ.
    #[boxed]
    async fn export_accounts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is wanted.")] input: ExportAccountsInput,
    ) -> Result<ExportPayload> {
        let (ctx, actor) = writer(context)?;
        let what = async {
            let order = ordered(input.order_by, input.order_by_attribute)?;
            let filter = input.filter.unwrap_or_default();
            let filter = filter.read(ctx, actor.workspace).await?;
            Ok::<_, Error>(What::Accounts(filter, order))
        };
        ask(ctx, actor, what.await, input.format, input.encoding).await
    }

    /// Asks for conversations as a file; see `exportContacts`. Scope: READ.
    #[boxed]
    async fn export_conversations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is wanted.")] input: ExportConversationsInput,
    ) -> Result<ExportPayload> {
        let (ctx, actor) = writer(context)?;
        let what = async {
            let order = ordered(input.order_by, input.order_by_attribute)?;
            let filter = input.filter.unwrap_or_default();
            let filter = filter.read(ctx, actor.workspace).await?;
            Ok::<_, Error>(What::Conversations(filter, order))
        };
        ask(ctx, actor, what.await, input.format, input.encoding).await
    }

    /// Asks for a whole list as a file; see `exportContacts`, and `exportRecords` for lists that take a
    /// filter. Scope: READ, for the audit log ADMINISTER.
    #[boxed]
    async fn export_list(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is wanted.")] input: ExportListInput,
    ) -> Result<ExportPayload> {
        let (ctx, actor) = writer(context)?;
        let what = match input.list {
            ExportableList::Tags => What::Tags,
            ExportableList::Orders => What::Orders,
            ExportableList::Invoices => What::Invoices,
            ExportableList::Tickets => What::Tickets,
            ExportableList::Opportunities => What::Opportunities,
            ExportableList::AuditLog => What::AuditLog,
        };
        ask(ctx, actor, Ok(what), input.format, input.encoding).await
    }

    /// Asks for everything that is kept of one person, as JSON Lines: a line for each row, with the
    /// table it is in; without a limit. Scope: WRITE.
    #[boxed]
    async fn export_person(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is wanted.")] input: ExportPersonInput,
    ) -> Result<ExportPayload> {
        let (ctx, actor) = writer(context)?;
        let what = id::parse(&input.id, &["id"]).map(What::Person);
        let (format, encoding) = (ExportFormat::JsonLines, ExportEncoding::Utf8);
        ask(ctx, actor, what, format, encoding).await
    }
}
