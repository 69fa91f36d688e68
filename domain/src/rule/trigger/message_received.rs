//! A message came in.

use async_graphql::{ID, InputObject, SimpleObject};
use entity::kind::{Author, Channel};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Happened, Key, TriggerKind, conversation::place_phrase, shape};
use crate::condition::{
    Channels, Condition, Context, ConversationFields,
    check::{self, MAX_IDS},
    matcher::Gate,
    path::Path,
    reference::{self, IdKind, IdReader, IdWriter, Reference},
    sentence::{Phrasing, say},
};
use crate::error::{UserError, UserErrorCode};

/// Looks at every inbound message of some inboxes and authors. Messages the company sends never
/// count.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MessageReceived {
    /// The inboxes; empty for every one, also those made later.
    #[serde(default)]
    pub inbox_ids: Vec<Uuid>,
    /// The channels of those inboxes; empty for every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// Who may have written.
    #[serde(default = "contacts")]
    pub authors: Vec<Author>,
}

fn contacts() -> Vec<Author> {
    vec![Author::Contact]
}

impl Default for MessageReceived {
    fn default() -> Self {
        Self {
            inbox_ids: Vec::new(),
            channels: Vec::new(),
            authors: contacts(),
        }
    }
}

impl MessageReceived {
    /// Which messages make the rule look.
    pub fn gate(&self) -> Gate {
        // Rules stored before that was refused may name others, whose messages never arrive.
        let authors = self.authors.iter().copied();
        Gate {
            inbox_ids: self.inbox_ids.clone(),
            channels: self.channels.clone(),
            authors: authors.filter(|one| *one == Author::Contact).collect(),
        }
    }

    pub(crate) fn to_output(&self, ids: &dyn IdWriter) -> RuleMessageReceivedTrigger {
        RuleMessageReceivedTrigger {
            inbox_ids: reference::write_list(ids, IdKind::Inbox, &self.inbox_ids),
            channels: self.channels.clone(),
            authors: self.authors.clone(),
        }
    }
}

impl TriggerKind for MessageReceived {
    fn context(&self) -> Context {
        Context::Message
    }

    fn implies(&self) -> Vec<Condition> {
        implied_place(&self.inbox_ids, &self.channels)
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn accepts(&self, _happened: &Happened<'_>) -> bool {
        false
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        if !self.inbox_ids.is_empty() {
            let at = at.at("inboxIds");
            check::list(&self.inbox_ids, MAX_IDS, &at, refusals, "inbox");
        }
        shape::list(&self.channels, &at.at("channels"), refusals);
        let at = at.at("authors");
        check::list(&self.authors, MAX_IDS, &at, refusals, "kind of author");
        // What members and programs write goes out; rules stored before this was asked may name them.
        let authors = self.authors.iter().enumerate().take(MAX_IDS);
        for (index, _) in authors.filter(|(_, author)| **author != Author::Contact) {
            refusals.push(at.nth(index).refuse(
                UserErrorCode::Contradictory,
                "Only contacts write messages that arrive. Take this author out.",
            ));
        }
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let authors: Vec<String> = self
            .authors
            .iter()
            .map(|author| author_phrase(*author, phrasing).to_owned())
            .collect();
        let authors = phrasing.or(&authors);
        if !self.channels.is_empty() {
            let place = place_phrase(&self.inbox_ids, &self.channels, phrasing);
            return say!(
                phrasing,
                format!("{place}{authors}からメッセージを受信し"),
                format!("a message from {authors} arrives{place}"),
                format!("{place}收到{authors}的消息")
            );
        }
        if self.inbox_ids.is_empty() {
            return say!(
                phrasing,
                format!("{authors}からメッセージを受信し"),
                format!("a message from {authors} arrives"),
                format!("收到{authors}的消息")
            );
        }
        let inboxes: Vec<String> = self
            .inbox_ids
            .iter()
            .map(|&id| phrasing.named(IdKind::Inbox, id))
            .collect();
        let inboxes = phrasing.or(&inboxes);
        say!(
            phrasing,
            format!("受信箱{inboxes}で{authors}からメッセージを受信し"),
            format!("a message from {authors} arrives in {inboxes}"),
            format!("在收件箱{inboxes}收到{authors}的消息")
        )
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        reference::list(&at.at("inboxIds"), IdKind::Inbox, &self.inbox_ids, found);
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if kind == IdKind::Inbox {
            reference::replace(&mut self.inbox_ids, from, to);
        }
    }
}

/// What is so of where a message is: one of the inboxes, on one of the channels.
pub(super) fn implied_place(inbox_ids: &[Uuid], channels: &[Channel]) -> Vec<Condition> {
    let in_inbox = shape::refs(inbox_ids).map(|inbox_ids| {
        Condition::Conversation(Box::new(ConversationFields {
            inbox_ids: Some(inbox_ids),
            ..ConversationFields::default()
        }))
    });
    let on_channel = (!channels.is_empty()).then(|| {
        Condition::Channel(Channels {
            any_of: channels.to_vec(),
        })
    });
    in_inbox.into_iter().chain(on_channel).collect()
}

/// Who wrote a message, in a sentence.
pub(super) fn author_phrase(author: Author, phrasing: &Phrasing<'_>) -> &'static str {
    match author {
        Author::Contact => say!(phrasing, "コンタクト", "a contact", "联系人"),
        Author::Member => say!(phrasing, "メンバー", "a member", "成员"),
        Author::Automation => say!(phrasing, "自動処理", "a program", "自动程序"),
    }
}

/// Looks at every inbound message of some inboxes and authors.
#[derive(InputObject, Debug, Clone)]
pub struct RuleMessageReceivedTriggerInput {
    /// The inboxes to watch. An empty list means every inbox, also those made later.
    #[graphql(default)]
    pub inbox_ids: Vec<ID>,
    /// The channels of those inboxes to watch. An empty list means every channel.
    #[graphql(default)]
    pub channels: Vec<Channel>,
    /// Whose messages to look at. Only contacts write inbound messages, so any other author is refused.
    #[graphql(default_with = "contacts()")]
    pub authors: Vec<Author>,
}

impl MessageReceived {
    pub(crate) fn to_input(&self, ids: &dyn IdWriter) -> RuleMessageReceivedTriggerInput {
        RuleMessageReceivedTriggerInput {
            inbox_ids: reference::write_list(ids, IdKind::Inbox, &self.inbox_ids),
            channels: self.channels.clone(),
            authors: self.authors.clone(),
        }
    }
}

impl RuleMessageReceivedTriggerInput {
    pub(crate) fn into_trigger(
        self,
        ids: &dyn IdReader,
        at: &Path,
        refusals: &mut Vec<UserError>,
    ) -> MessageReceived {
        let at = at.at("inboxIds");
        MessageReceived {
            inbox_ids: reference::read_list(ids, IdKind::Inbox, &self.inbox_ids, &at, refusals),
            channels: self.channels,
            authors: self.authors,
        }
    }
}

/// Looks at every inbound message of some inboxes and authors.
#[derive(SimpleObject, Debug, Clone)]
pub struct RuleMessageReceivedTrigger {
    /// The inboxes that are watched. Empty means every inbox, also those made later.
    pub inbox_ids: Vec<ID>,
    /// The channels that are watched. Empty means every channel.
    pub channels: Vec<Channel>,
    /// Whose messages are looked at.
    pub authors: Vec<Author>,
}
