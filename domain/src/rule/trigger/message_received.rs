//! A message came in.

use async_graphql::{ID, InputObject, SimpleObject};
use entity::kind::Author;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Happened, Key, TriggerKind, shape};
use crate::condition::{
    Condition, Context, ConversationFields,
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
            authors: contacts(),
        }
    }
}

impl MessageReceived {
    /// Which messages make the rule look.
    pub fn gate(&self) -> Gate {
        Gate {
            inbox_ids: self.inbox_ids.clone(),
            authors: self.authors.clone(),
        }
    }

    pub(crate) fn to_output(&self, ids: &dyn IdWriter) -> RuleMessageReceivedTrigger {
        RuleMessageReceivedTrigger {
            inbox_ids: reference::write_list(ids, IdKind::Inbox, &self.inbox_ids),
            authors: self.authors.clone(),
        }
    }
}

impl TriggerKind for MessageReceived {
    fn context(&self) -> Context {
        Context::Message
    }

    fn implies(&self) -> Vec<Condition> {
        let inbox_ids = shape::refs(&self.inbox_ids);
        let in_inbox = inbox_ids.map(|inbox_ids| {
            Condition::Conversation(Box::new(ConversationFields {
                inbox_ids: Some(inbox_ids),
                ..ConversationFields::default()
            }))
        });
        in_inbox.into_iter().collect()
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

fn author_phrase(author: Author, phrasing: &Phrasing<'_>) -> &'static str {
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
    /// Whose messages to look at. Only contacts write inbound messages, so any other author is refused.
    #[graphql(default_with = "contacts()")]
    pub authors: Vec<Author>,
}

impl MessageReceived {
    pub(crate) fn to_input(&self, ids: &dyn IdWriter) -> RuleMessageReceivedTriggerInput {
        RuleMessageReceivedTriggerInput {
            inbox_ids: reference::write_list(ids, IdKind::Inbox, &self.inbox_ids),
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
            authors: self.authors,
        }
    }
}

/// Looks at every inbound message of some inboxes and authors.
#[derive(SimpleObject, Debug, Clone)]
pub struct RuleMessageReceivedTrigger {
    /// The inboxes that are watched. Empty means every inbox, also those made later.
    pub inbox_ids: Vec<ID>,
    /// Whose messages are looked at.
    pub authors: Vec<Author>,
}
