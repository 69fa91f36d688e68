//! The things a rule names by id: reading and writing their ids, their names, and where they are
//! used.

mod known;

use entity::id::{Id as _, InboxId, TagId, TargetId};
use uuid::Uuid;

pub use known::unknown;

use super::path::Path;
use crate::error::{UserError, UserErrorCode};

/// A kind of thing that a rule can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdKind {
    /// A contact tag.
    ContactTag,
    /// A conversation tag.
    ConversationTag,
    /// An inbox.
    Inbox,
    /// A notification target, such as a Slack channel.
    NotificationTarget,
}

impl IdKind {
    fn noun(self) -> &'static str {
        match self {
            Self::ContactTag => "contact tag",
            Self::ConversationTag => "conversation tag",
            Self::Inbox => "inbox",
            Self::NotificationTarget => "notification target",
        }
    }
}

/// Turns the text form of an id into the id. Implemented where ids are parsed.
pub trait IdReader {
    /// The id, or nothing if the text is not an id of that kind.
    fn read(&self, kind: IdKind, text: &str) -> Option<Uuid>;
}

/// Turns an id into its text form.
pub trait IdWriter {
    /// The text form of the id.
    fn write(&self, kind: IdKind, id: Uuid) -> String;
}

/// The ids of this installation's tables.
#[derive(Debug, Default, Clone, Copy)]
pub struct TypedIds;

impl IdReader for TypedIds {
    fn read(&self, kind: IdKind, text: &str) -> Option<Uuid> {
        match kind {
            IdKind::ContactTag | IdKind::ConversationTag => text.parse().map(TagId::uuid).ok(),
            IdKind::Inbox => text.parse().map(InboxId::uuid).ok(),
            IdKind::NotificationTarget => text.parse().map(TargetId::uuid).ok(),
        }
    }
}

impl IdWriter for TypedIds {
    fn write(&self, kind: IdKind, id: Uuid) -> String {
        match kind {
            IdKind::ContactTag | IdKind::ConversationTag => TagId(id).to_string(),
            IdKind::Inbox => InboxId(id).to_string(),
            IdKind::NotificationTarget => TargetId(id).to_string(),
        }
    }
}

/// Knows what things are called, for sentences.
pub trait Names {
    /// The name people use, or nothing if the thing is gone.
    fn name(&self, kind: IdKind, id: Uuid) -> Option<String>;
}

/// One place where a rule names something by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where in the rule.
    pub path: Vec<String>,
    /// What kind of thing.
    pub kind: IdKind,
    /// Which one.
    pub id: Uuid,
}

impl Reference {
    /// The refusal to answer with when the workspace has no such thing.
    pub fn not_found(&self) -> UserError {
        UserError {
            path: self.path.clone(),
            code: UserErrorCode::NotFound,
            message: not_found(self.kind),
        }
    }
}

fn not_found(kind: IdKind) -> String {
    let noun = kind.noun();
    format!("This workspace has no such {noun}. Choose one of its own.")
}

/// Notes a reference for each id of a list.
pub(crate) fn list(at: &Path, kind: IdKind, ids: &[Uuid], found: &mut Vec<Reference>) {
    for (index, &id) in ids.iter().enumerate() {
        found.push(Reference {
            path: at.nth(index).steps().to_vec(),
            kind,
            id,
        });
    }
}

/// Puts `to` in the place of `from`, without listing it twice.
pub(crate) fn replace(ids: &mut Vec<Uuid>, from: Uuid, to: Uuid) {
    if !ids.contains(&from) {
        return;
    }
    if ids.contains(&to) {
        ids.retain(|&id| id != from);
    } else {
        for id in ids.iter_mut().filter(|id| **id == from) {
            *id = to;
        }
    }
}

/// Reads a list of ids as the API sends them, refusing each one that is not an id.
pub(crate) fn read_list(
    reader: &dyn IdReader,
    kind: IdKind,
    texts: &[async_graphql::ID],
    at: &Path,
    refusals: &mut Vec<UserError>,
) -> Vec<Uuid> {
    let mut ids = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match reader.read(kind, text) {
            Some(id) => ids.push(id),
            None => refusals.push(
                at.nth(index)
                    .refuse(UserErrorCode::NotFound, not_found(kind)),
            ),
        }
    }
    ids
}

/// Reads one id as the API sends it.
pub(crate) fn read_one(
    reader: &dyn IdReader,
    kind: IdKind,
    text: &async_graphql::ID,
    at: &Path,
    refusals: &mut Vec<UserError>,
) -> Uuid {
    reader.read(kind, text).unwrap_or_else(|| {
        refusals.push(at.refuse(UserErrorCode::NotFound, not_found(kind)));
        Uuid::nil()
    })
}

/// Writes a list of ids as the API shows them.
pub(crate) fn write_list(
    writer: &dyn IdWriter,
    kind: IdKind,
    ids: &[Uuid],
) -> Vec<async_graphql::ID> {
    ids.iter()
        .map(|&id| writer.write(kind, id).into())
        .collect()
}
