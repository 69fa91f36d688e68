//! Trying a template before it is stored.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{
    error::{Error, UserError},
    notification::{
        about::{self, Subject},
        template::{self, Facts},
    },
};
use entity::{
    id::{AccountId, ContactId, ConversationId, MessageId},
    kind::TargetKind,
};

use crate::boxed;
use crate::graphql::{
    context::reader,
    error::{fault, settle},
    id,
};

/// A template to be tried.
#[derive(InputObject)]
pub(crate) struct PreviewNotificationTemplateInput {
    /// The template, at most 4,000 characters: text with values such as `{{ contact.name }}`,
    /// `{% if %}` and `{% for tag in contact.tags %}`. `docs/notifications.md` names every value.
    template: String,
    /// The kind of target it is for, which says how long the text may be.
    kind: TargetKind,
    /// Fills in what is known of this contact and their account.
    contact_id: Option<ID>,
    /// Fills in what is known of this account, as for a rule on accounts.
    account_id: Option<ID>,
    /// Fills in what is known of this conversation and its contact.
    conversation_id: Option<ID>,
    /// Fills in what is known of this message, its conversation and its contact. Without any of the
    /// four the facts are made up. Those of `rule` and `trigger` always are.
    message_id: Option<ID>,
}

/// What a template makes.
#[derive(SimpleObject)]
pub(crate) struct NotificationTemplatePreview {
    /// The text, before it is made safe for its target; nothing when the template has a mistake.
    text: Option<String>,
    /// What to mend, with line and column.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct PreviewQuery;

#[Object]
impl PreviewQuery {
    /// Checks a template and fills it in, with the facts of the moment or with made-up ones. Nothing
    /// is sent or stored.
    #[boxed]
    async fn preview_notification_template(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be tried.")] input: PreviewNotificationTemplateInput,
    ) -> Result<NotificationTemplatePreview> {
        let (ctx, actor) = reader(context)?;
        let contact: Option<ContactId> =
            id::parse_opt(input.contact_id.as_ref(), &["input", "contactId"]).map_err(fault)?;
        let account: Option<AccountId> =
            id::parse_opt(input.account_id.as_ref(), &["input", "accountId"]).map_err(fault)?;
        let conversation: Option<ConversationId> =
            id::parse_opt(input.conversation_id.as_ref(), &["input", "conversationId"])
                .map_err(fault)?;
        let message: Option<MessageId> =
            id::parse_opt(input.message_id.as_ref(), &["input", "messageId"]).map_err(fault)?;
        let subject = Subject {
            workspace: actor.workspace,
            contact,
            account,
            conversation,
            message,
        };
        let is_about_something =
            contact.is_some() || account.is_some() || conversation.is_some() || message.is_some();
        let mut facts = Facts::sample();
        if is_about_something {
            let (rule, trigger) = (facts.rule, facts.trigger);
            let mut loaded = about::load(ctx, &[subject]).await.map_err(fault)?;
            facts = loaded.pop().unwrap_or_default();
            facts.rule = rule;
            facts.trigger = trigger;
            refuse_absent(&facts, &subject).map_err(fault)?;
        }
        let rendered = template::check(&input.template, input.kind)
            .and_then(|()| template::render(&input.template, &facts, input.kind))
            .map_err(|mistake| Error::Refused(vec![mistake.user_error(&["template"])]));
        let (text, user_errors) = settle(rendered)?;
        Ok(NotificationTemplatePreview { text, user_errors })
    }
}

/// Another's things read like things that are not there.
fn refuse_absent(facts: &Facts, subject: &Subject) -> domain::error::Result<()> {
    let text = |id: Option<String>| id.unwrap_or_default();
    for (asked, found, field, what) in [
        (
            text(subject.message.map(|id| id.to_string())),
            &facts.message.id,
            "messageId",
            "message",
        ),
        (
            text(subject.conversation.map(|id| id.to_string())),
            &facts.conversation.id,
            "conversationId",
            "conversation",
        ),
        (
            text(subject.contact.map(|id| id.to_string())),
            &facts.contact.id,
            "contactId",
            "contact",
        ),
        (
            text(subject.account.map(|id| id.to_string())),
            &facts.account.id,
            "accountId",
            "account",
        ),
    ] {
        // A message is of one conversation, one contact and their account; others are not there.
        if !asked.is_empty() && asked != *found {
            return Err(Error::not_found(&["input", field], what));
        }
    }
    Ok(())
}
