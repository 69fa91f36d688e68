//! The change log as subscriptions.

mod entry;
mod hub;
mod kinds;
mod message;

use std::{pin::Pin, sync::Arc};

use async_graphql::{Context, Enum, ID, Result, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use domain::{
    error::{Error, UserErrorCode},
    work::change::{Entry, Fact, Position},
};
use entity::{
    id::{AccountId, ContactId, ConversationId, InboxId, RuleId, TagId},
    kind::HealthBand,
    rule_firing,
};
use futures::{Stream, StreamExt as _};

use super::{
    contact::Contact,
    context::{found, reader},
    conversation::Message,
    error::fault,
    id,
    rule::RuleFiring,
    tag::Tagging,
};

use entry::{Change, Wanted};

pub use hub::Hub;
pub(crate) use kinds::ChangeQuery;
pub(crate) use message::MessageSubscription;

/// A message that came in.
#[derive(SimpleObject)]
pub(crate) struct MessageReceived {
    /// Where it stands in the log; give it as `after` to go on from here.
    cursor: String,
    /// The message.
    message: Message,
}

/// What became of a tag on a thing.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaggingAct {
    /// It was put on.
    Added,
    /// It was taken off.
    Removed,
    /// It stays on, until another moment or for good: as a new tagging.
    Renewed,
}

/// A tag that was put on something or taken off.
#[derive(SimpleObject)]
pub(crate) struct TaggingChange {
    /// Where it stands in the log; give it as `after` to go on from here.
    cursor: String,
    /// What became of the tag.
    act: TaggingAct,
    /// The tagging as it is now.
    tagging: Tagging,
}

/// A rule that fired.
#[derive(SimpleObject)]
pub(crate) struct RuleFired {
    /// Where it stands in the log; give it as `after` to go on from here.
    cursor: String,
    /// The firing.
    firing: RuleFiring,
}

/// A health score that changed.
#[derive(SimpleObject)]
pub(crate) struct HealthChange {
    /// Where it stands in the log; give it as `after` to go on from here.
    cursor: String,
    /// Whose score it is.
    contact: Contact,
    /// The score after the change, 0 to 100; nothing when too little is known.
    score: Option<f64>,
    /// The score before.
    previous_score: Option<f64>,
    /// The band after the change.
    band: HealthBand,
    /// The band before.
    previous_band: HealthBand,
    /// When.
    at: DateTime<Utc>,
}

/// Whether a firing is about an account, or about somebody who is there now.
async fn concerns(
    context: &Context<'_>,
    firing: &rule_firing::Model,
    account: AccountId,
) -> Result<bool> {
    if firing.account_id == Some(account) {
        return Ok(true);
    }
    let Some(contact) = firing.contact_id else {
        return Ok(false);
    };
    let person = found(context, contact).await?;
    Ok(person.is_some_and(|person| person.account_id == Some(account)))
}

#[derive(Default)]
pub(crate) struct ChangeSubscription;

type Entries = Pin<Box<dyn Stream<Item = Result<Arc<Entry>>> + Send>>;

/// The entries after the client's cursor, or from now on.
async fn entries(context: &Context<'_>, after: Option<String>) -> Result<Entries> {
    let (ctx, actor) = reader(context)?;
    let after = match after {
        None => None,
        Some(text) => Some(text.parse::<Position>().map_err(|_| {
            let message = "This is no cursor of this subscription.";
            fault(Error::refused(&["after"], UserErrorCode::Invalid, message))
        })?),
    };
    let hub = context.data::<Hub>()?;
    let stream = hub
        .follow(ctx.clone(), actor.workspace, after)
        .await
        .map_err(fault)?;
    Ok(Box::pin(stream.map(|entry| entry.map_err(fault))))
}

/// What `read` makes of the entries after the client's cursor, or from now on; nothing of those that are
/// not asked for.
pub(crate) async fn follow<'c, T, F>(
    context: &'c Context<'c>,
    after: Option<String>,
    mut read: impl FnMut(Arc<Entry>) -> F + Send + 'c,
) -> Result<impl Stream<Item = Result<T>> + 'c>
where
    T: Send + 'c,
    F: Future<Output = Option<Result<T>>> + Send + 'c,
{
    let entries = entries(context, after).await?;
    Ok(entries.filter_map(move |entry| {
        let found = entry.map(&mut read);
        async move {
            match found {
                Ok(found) => found.await,
                Err(error) => Some(Err(error)),
            }
        }
    }))
}

#[Subscription]
impl ChangeSubscription {
    /// Everything that happens in the workspace, in order. With `after`, everything that happened
    /// since comes first, and nothing is missed in between.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the API")]
    async fn changes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The last cursor you have; left out, it starts now.")] after: Option<
            String,
        >,
        #[graphql(
            desc = "Only these kinds, such as `message.received`; `changeKinds` lists them."
        )]
        kinds: Option<Vec<String>>,
        #[graphql(desc = "Only what has this `contactId`.")] contact_id: Option<ID>,
        #[graphql(desc = "Only what has this `accountId`.")] account_id: Option<ID>,
        #[graphql(desc = "Only what has this `conversationId`.")] conversation_id: Option<ID>,
        #[graphql(desc = "Only what has this `subjectId`.")] subject_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<Change>>> {
        let kinds = kinds.as_deref().map(kinds::read).transpose();
        if let Some(id) = &subject_id {
            entry::check_id(id).map_err(fault)?;
        }
        let wanted = Wanted {
            kinds: kinds.map_err(fault)?,
            contact: id::parse_opt(contact_id.as_ref(), &["contactId"]).map_err(fault)?,
            account: id::parse_opt(account_id.as_ref(), &["accountId"]).map_err(fault)?,
            conversation: id::parse_opt(conversation_id.as_ref(), &["conversationId"])
                .map_err(fault)?,
            subject: subject_id,
        };
        let entries = entries(context, after).await?;
        Ok(entries.filter_map(move |entry| {
            let told = match entry {
                Ok(entry) if wanted.has(&entry) => Some(Ok(Change(entry))),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            };
            futures::future::ready(told)
        }))
    }

    /// Messages as they come in. Those that are sent come by `messageAdded`.
    async fn message_received<'c>(
        &self,
        context: &'c Context<'c>,
        #[graphql(desc = "Only of this inbox.")] inbox_id: Option<ID>,
        #[graphql(desc = "Only of this conversation.")] conversation_id: Option<ID>,
        #[graphql(desc = "Only from this contact.")] contact_id: Option<ID>,
        #[graphql(desc = "The last cursor you have; left out, it starts now.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<MessageReceived>> + 'c> {
        let inbox: Option<InboxId> =
            id::parse_opt(inbox_id.as_ref(), &["inboxId"]).map_err(fault)?;
        let conversation: Option<ConversationId> =
            id::parse_opt(conversation_id.as_ref(), &["conversationId"]).map_err(fault)?;
        let contact: Option<ContactId> =
            id::parse_opt(contact_id.as_ref(), &["contactId"]).map_err(fault)?;
        follow(context, after, move |entry| async move {
            let Fact::MessageReceived {
                message_id,
                conversation_id,
                inbox_id,
                ..
            } = entry.fact
            else {
                return None;
            };
            if inbox.is_some_and(|wanted| wanted != inbox_id)
                || conversation.is_some_and(|wanted| wanted != conversation_id)
                || contact.is_some_and(|wanted| entry.contact != Some(wanted))
            {
                return None;
            }
            let found = found(context, message_id).await.transpose()?;
            Some(found.map(|message| MessageReceived {
                cursor: entry.position.to_string(),
                message: Message(message),
            }))
        })
        .await
    }

    /// Tags as they are put on things and taken off.
    async fn tagging_changed<'c>(
        &self,
        context: &'c Context<'c>,
        #[graphql(desc = "Only of this tag itself, not of its descendants.")] tag_id: Option<ID>,
        #[graphql(desc = "Only on this contact.")] contact_id: Option<ID>,
        #[graphql(desc = "Only on this account.")] account_id: Option<ID>,
        #[graphql(desc = "Only on this conversation.")] conversation_id: Option<ID>,
        #[graphql(desc = "The last cursor you have; left out, it starts now.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<TaggingChange>> + 'c> {
        let tag: Option<TagId> = id::parse_opt(tag_id.as_ref(), &["tagId"]).map_err(fault)?;
        let contact: Option<ContactId> =
            id::parse_opt(contact_id.as_ref(), &["contactId"]).map_err(fault)?;
        let account: Option<AccountId> =
            id::parse_opt(account_id.as_ref(), &["accountId"]).map_err(fault)?;
        let conversation: Option<ConversationId> =
            id::parse_opt(conversation_id.as_ref(), &["conversationId"]).map_err(fault)?;
        follow(context, after, move |entry| async move {
            let (act, tagging_id, tag_id) = match entry.fact {
                Fact::TaggingAdded {
                    tagging_id, tag_id, ..
                } => (TaggingAct::Added, tagging_id, tag_id),
                Fact::TaggingRemoved {
                    tagging_id, tag_id, ..
                } => (TaggingAct::Removed, tagging_id, tag_id),
                Fact::TaggingRenewed {
                    tagging_id, tag_id, ..
                } => (TaggingAct::Renewed, tagging_id, tag_id),
                _ => return None,
            };
            if tag.is_some_and(|wanted| wanted != tag_id)
                || contact.is_some_and(|wanted| entry.contact != Some(wanted))
                || account.is_some_and(|wanted| entry.fact.account() != Some(wanted))
                || conversation.is_some_and(|wanted| entry.fact.conversation() != Some(wanted))
            {
                return None;
            }
            let found = found(context, tagging_id).await.transpose()?;
            Some(found.map(|tagging| TaggingChange {
                cursor: entry.position.to_string(),
                act,
                tagging: Tagging::from(tagging),
            }))
        })
        .await
    }

    /// Rules as they fire.
    async fn rule_fired<'c>(
        &self,
        context: &'c Context<'c>,
        #[graphql(desc = "Only this rule.")] rule_id: Option<ID>,
        #[graphql(desc = "Only about this contact.")] contact_id: Option<ID>,
        #[graphql(desc = "Only about this account, and about people who are there now.")]
        account_id: Option<ID>,
        #[graphql(desc = "The last cursor you have; left out, it starts now.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<RuleFired>> + 'c> {
        let rule: Option<RuleId> = id::parse_opt(rule_id.as_ref(), &["ruleId"]).map_err(fault)?;
        let contact: Option<ContactId> =
            id::parse_opt(contact_id.as_ref(), &["contactId"]).map_err(fault)?;
        let account: Option<AccountId> =
            id::parse_opt(account_id.as_ref(), &["accountId"]).map_err(fault)?;
        follow(context, after, move |entry| async move {
            let Fact::RuleFired {
                firing_id, rule_id, ..
            } = entry.fact
            else {
                return None;
            };
            if rule.is_some_and(|wanted| wanted != rule_id)
                || contact.is_some_and(|wanted| entry.contact != Some(wanted))
            {
                return None;
            }
            let found = found(context, firing_id).await.transpose()?;
            if let (Ok(firing), Some(wanted)) = (&found, account) {
                match concerns(context, firing, wanted).await {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => return Some(Err(error)),
                }
            }
            Some(found.map(|firing| RuleFired {
                cursor: entry.position.to_string(),
                firing: RuleFiring(firing),
            }))
        })
        .await
    }

    /// Health scores of contacts as they change. An account's score is the mean of its people's and
    /// follows a moment later.
    async fn health_changed<'c>(
        &self,
        context: &'c Context<'c>,
        #[graphql(desc = "Only of this contact.")] contact_id: Option<ID>,
        #[graphql(desc = "Only of people who are at this account now.")] account_id: Option<ID>,
        #[graphql(desc = "Only when the band changes.", default)] band_changes_only: bool,
        #[graphql(desc = "The last cursor you have; left out, it starts now.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<HealthChange>> + 'c> {
        let contact: Option<ContactId> =
            id::parse_opt(contact_id.as_ref(), &["contactId"]).map_err(fault)?;
        let account: Option<AccountId> =
            id::parse_opt(account_id.as_ref(), &["accountId"]).map_err(fault)?;
        follow(context, after, move |entry| async move {
            let Fact::HealthChanged {
                contact_id,
                score,
                previous_score,
                band,
                previous_band,
            } = entry.fact
            else {
                return None;
            };
            if contact.is_some_and(|wanted| wanted != contact_id)
                || (band_changes_only && band == previous_band)
            {
                return None;
            }
            let found = found(context, contact_id).await.transpose()?;
            if let (Ok(person), Some(wanted)) = (&found, account)
                && person.account_id != Some(wanted)
            {
                return None;
            }
            Some(found.map(|contact| HealthChange {
                cursor: entry.position.to_string(),
                contact: Contact::from(contact),
                score,
                previous_score,
                band,
                previous_band,
                at: entry.at,
            }))
        })
        .await
    }
}
