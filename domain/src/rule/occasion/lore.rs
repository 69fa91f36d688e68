//! What the entries of a batch leave out, read for all of them at once.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, ContactId, ConversationId, EmailEventId, Id as _, InboxId, MessageId},
    kind::{Author, Channel, Direction, EmailEventOrigin, SubjectKind, TagTarget},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::detail::Details;
use crate::{
    action::{Case, board::ids_here},
    email::{self, origin::may_be_a_machines},
    error::Result,
    rule::cache::Compiled,
    store::{Query, Tx},
    work::change::{Entry, Fact},
};

/// A message as rules see it.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) conversation_id: ConversationId,
    pub(crate) contact_id: ContactId,
    pub(crate) inbox_id: InboxId,
    pub(crate) channel: Channel,
    pub(crate) author: Author,
    pub(crate) automatic: bool,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) sent_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
pub(super) struct Conversation {
    id: ConversationId,
    pub(super) contact_id: ContactId,
    pub(super) inbox_id: InboxId,
    pub(super) channel: Channel,
    pub(super) first_message_at: DateTime<Utc>,
    pub(super) waiting_since: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Person {
    id: ContactId,
    account_id: AccountId,
}

#[derive(FromQueryResult)]
struct Above {
    tag_id: Uuid,
    ancestor_id: Uuid,
}

/// What the entries of a batch leave out.
#[derive(Default)]
pub(crate) struct Lore {
    pub(super) messages: HashMap<MessageId, Message>,
    pub(super) conversations: HashMap<ConversationId, Conversation>,
    accounts: HashMap<ContactId, AccountId>,
    pub(super) above: HashMap<Uuid, Vec<Uuid>>,
    /// Who caused events of emails.
    pub(super) origins: HashMap<EmailEventId, EmailEventOrigin>,
    /// What triggers ask besides of what contacts did.
    pub(super) details: Details,
}

impl Lore {
    /// Reads it in at most eight statements.
    pub(crate) async fn load(tx: &Tx<'_>, rules: &Compiled, entries: &[&Entry]) -> Result<Self> {
        let (mut messages, mut conversations) = (BTreeSet::new(), BTreeSet::new());
        let (mut contacts, mut tags) = (BTreeSet::new(), BTreeSet::new());
        let mut emails = BTreeSet::new();
        for entry in entries {
            contacts.extend(entry.contact);
            match &entry.fact {
                Fact::MessageReceived {
                    message_id,
                    conversation_id,
                    opened,
                    ..
                } => {
                    messages.insert(*message_id);
                    if *opened && rules.waits_for_opening {
                        conversations.insert(*conversation_id);
                    }
                }
                Fact::MessageSent {
                    message_id,
                    conversation_id,
                    opened,
                    ..
                } => {
                    if rules.directions.contains(&Direction::Outbound) {
                        messages.insert(*message_id);
                    }
                    if *opened && rules.waits_for_opening {
                        conversations.insert(*conversation_id);
                    }
                }
                Fact::ConversationStatusChanged {
                    conversation_id, ..
                }
                | Fact::ConversationAssigned {
                    conversation_id, ..
                }
                | Fact::ConversationPriorityChanged {
                    conversation_id, ..
                }
                | Fact::ConversationWaited {
                    conversation_id, ..
                } => drop(conversations.insert(*conversation_id)),
                Fact::TaggingAdded {
                    tag_id,
                    target,
                    target_id,
                    ..
                }
                | Fact::TaggingRemoved {
                    tag_id,
                    target,
                    target_id,
                    ..
                } => {
                    tags.insert(tag_id.uuid());
                    if *target == TagTarget::Conversation {
                        conversations.insert(ConversationId(*target_id));
                    }
                }
                Fact::AttributeSet {
                    subject: SubjectKind::Conversation,
                    subject_id,
                    ..
                } => drop(conversations.insert(ConversationId(*subject_id))),
                Fact::EmailEventRecorded {
                    email_key,
                    recipient,
                    event: Some(kind),
                    ..
                } if may_be_a_machines(*kind) => {
                    emails.insert((email_key.as_str(), recipient.as_str()));
                }
                _ => {}
            }
        }
        let mut lore = Self {
            origins: email::read::origins(tx, &emails).await?,
            details: Details::load(tx, rules.asked, entries).await?,
            ..Self::default()
        };
        lore.load_messages(tx, &messages).await?;
        lore.load_conversations(tx, &conversations).await?;
        lore.load_above(tx, &tags).await?;
        if rules.asks_for_accounts {
            contacts.extend(lore.messages.values().map(|one| one.contact_id));
            contacts.extend(lore.conversations.values().map(|one| one.contact_id));
            lore.load_accounts(tx, &contacts).await?;
        }
        Ok(lore)
    }

    async fn load_messages(&mut self, tx: &Tx<'_>, ids: &BTreeSet<MessageId>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let messages: Vec<Message> = Query::new(
            "SELECT m.id, m.conversation_id, m.contact_id, m.inbox_id, m.author, m.automatic,
                    m.subject, m.body, m.sent_at,
                    (SELECT i.channel FROM inbox i
                     WHERE i.workspace_id = m.workspace_id AND i.id = m.inbox_id) AS channel
             FROM {r} CROSS JOIN message m
             WHERE m.workspace_id = r.workspace_id AND m.id = r.id",
        )
        .rows("r", ids_here(tx.workspace, ids.iter().map(|id| id.0)))
        .all(tx.connection())
        .await?;
        let messages = messages.into_iter();
        self.messages = messages.map(|message| (message.id, message)).collect();
        Ok(())
    }

    async fn load_conversations(
        &mut self,
        tx: &Tx<'_>,
        ids: &BTreeSet<ConversationId>,
    ) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let conversations: Vec<Conversation> = Query::new(
            "SELECT v.id, v.contact_id, v.inbox_id, v.first_message_at, v.waiting_since,
                    (SELECT i.channel FROM inbox i
                     WHERE i.workspace_id = v.workspace_id AND i.id = v.inbox_id) AS channel
             FROM {r} CROSS JOIN conversation v
             WHERE v.workspace_id = r.workspace_id AND v.id = r.id",
        )
        .rows("r", ids_here(tx.workspace, ids.iter().map(|id| id.0)))
        .all(tx.connection())
        .await?;
        let conversations = conversations.into_iter();
        self.conversations = conversations.map(|one| (one.id, one)).collect();
        Ok(())
    }

    async fn load_above(&mut self, tx: &Tx<'_>, tags: &BTreeSet<Uuid>) -> Result<()> {
        if tags.is_empty() {
            return Ok(());
        }
        let above: Vec<Above> = Query::new(
            "SELECT l.tag_id, l.ancestor_id FROM {r} CROSS JOIN tag_closure l
             WHERE l.workspace_id = r.workspace_id AND l.tag_id = r.id",
        )
        .rows("r", ids_here(tx.workspace, tags.iter().copied()))
        .all(tx.connection())
        .await?;
        for row in above {
            self.above
                .entry(row.tag_id)
                .or_default()
                .push(row.ancestor_id);
        }
        Ok(())
    }

    pub(crate) async fn load_accounts(
        &mut self,
        tx: &Tx<'_>,
        contacts: &BTreeSet<ContactId>,
    ) -> Result<()> {
        if contacts.is_empty() {
            return Ok(());
        }
        let people: Vec<Person> = Query::new(
            "SELECT c.id, c.account_id FROM {r} CROSS JOIN contact c
             WHERE c.workspace_id = r.workspace_id AND c.id = r.id AND c.account_id IS NOT NULL",
        )
        .rows("r", ids_here(tx.workspace, contacts.iter().map(|id| id.0)))
        .all(tx.connection())
        .await?;
        let people = people.into_iter();
        self.accounts = people.map(|one| (one.id, one.account_id)).collect();
        Ok(())
    }

    /// What a contact is about.
    pub(crate) fn of_contact(&self, contact: ContactId) -> Case {
        Case {
            contact: Some(contact),
            account: self.accounts.get(&contact).copied(),
            ..Case::default()
        }
    }
}
