//! Where the searched texts come from: the tables themselves, as they are now.
//!
//! The index holds no texts. Candidates are read back through here and checked, so what these
//! statements do not return is not found, whatever the index still says. To make another column
//! searchable add it here, and call [`super::index::touch`] where it is written.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::fold::fold;
use crate::store::Query;

/// Characters of a message's text that are searched; longer ones are generated, not written.
pub const BODY_CHARACTERS: usize = 20_000;

/// A kind of thing that is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, async_graphql::Enum)]
#[graphql(name = "SearchType")]
pub enum Kind {
    /// Contacts, by name, reading, email address and their other identities.
    Contact,
    /// Accounts, by name, domain and external id.
    Account,
    /// Conversations, by subject.
    Conversation,
    /// Messages, by their text.
    Message,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::Contact,
        Self::Account,
        Self::Conversation,
        Self::Message,
    ];

    /// The word it is stored as.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Contact => "CONTACT",
            Self::Account => "ACCOUNT",
            Self::Conversation => "CONVERSATION",
            Self::Message => "MESSAGE",
        }
    }

    /// Whether the beginnings of its fields count: long texts are ordered by time alone.
    pub(super) fn is_ranked(self) -> bool {
        self != Self::Message
    }

    /// The table, and its column by which things stand in the order. That column never changes, so
    /// that a thing indexed twice stands in one place.
    pub(super) fn table(self) -> (&'static str, &'static str) {
        match self {
            Self::Contact => ("contact", "created_at"),
            Self::Account => ("account", "created_at"),
            Self::Conversation => ("conversation", "created_at"),
            Self::Message => ("message", "sent_at"),
        }
    }
}

/// Where a match was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, async_graphql::Enum)]
#[graphql(name = "SearchField")]
pub enum Field {
    /// The name.
    Name,
    /// How the name is read.
    Reading,
    /// An email address.
    Email,
    /// Another identity: a phone number, a handle, an external id.
    Identity,
    /// A company's domain.
    Domain,
    /// A conversation's subject.
    Subject,
    /// A message's text.
    Body,
}

/// What of one thing is searched, as written.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) id: Uuid,
    pub(super) at: DateTime<Utc>,
    pub(super) fields: Vec<(Field, String)>,
}

impl Document {
    /// The folded fields.
    pub(super) fn folded(&self) -> Vec<String> {
        folded_fields(&self.fields)
    }
}

/// Fields as they are indexed and checked. A name or a reading written with a space between its parts, as
/// Japanese ones are, is also found without it.
pub(super) fn folded_fields(fields: &[(Field, String)]) -> Vec<String> {
    let mut folded = Vec::with_capacity(fields.len() + 1);
    for (field, text) in fields {
        let text = fold(text);
        if matches!(field, Field::Name | Field::Reading) && text.contains(' ') && !text.is_ascii() {
            folded.push(text.replace(' ', ""));
        }
        folded.push(text);
    }
    folded
}

/// The documents of those of `ids` that exist. A contact or an account that was merged into another is
/// not found: the other is, by everything that went over.
pub(super) async fn load(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    kind: Kind,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Document>, DbErr> {
    load_where(connection, workspace, kind, ids, "").await
}

/// Like [`load`], without what is archived: lists find that when they are asked to, a search of everything
/// does not.
pub(super) async fn load_in_use(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    kind: Kind,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Document>, DbErr> {
    let here = match kind {
        Kind::Account => " AND c.archived_at IS NULL",
        Kind::Contact | Kind::Conversation | Kind::Message => "",
    };
    load_where(connection, workspace, kind, ids, here).await
}

/// The documents of the rows `c` of which `here` holds as well. They are looked up by a list, never joined:
/// while a workspace fills, the plan of a join may be one that was made when these tables were empty.
async fn load_where(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    kind: Kind,
    ids: &[Uuid],
    here: &str,
) -> Result<HashMap<Uuid, Document>, DbErr> {
    let text = match kind {
        Kind::Contact => {
            "SELECT c.id, c.created_at, c.name, c.kana FROM contact c
             WHERE c.workspace_id = $1 AND {wanted} AND c.merged_into_id IS NULL"
        }
        Kind::Account => {
            "SELECT c.id, c.created_at, c.name, c.domain, c.external_id FROM account c
             WHERE c.workspace_id = $1 AND {wanted} AND c.merged_into_id IS NULL
               AND c.deleted_at IS NULL"
        }
        Kind::Conversation => {
            "SELECT c.id, c.created_at, c.subject FROM conversation c
             WHERE c.workspace_id = $1 AND {wanted}"
        }
        Kind::Message => {
            "SELECT c.id, c.sent_at, substr(c.body, 1, {characters}) FROM message c
             WHERE c.workspace_id = $1 AND {wanted}"
        }
    };
    let columns: &[Field] = match kind {
        Kind::Contact => &[Field::Name, Field::Reading],
        Kind::Account => &[Field::Name, Field::Domain, Field::Identity],
        Kind::Conversation => &[Field::Subject],
        Kind::Message => &[Field::Body],
    };
    // A thousand texts are read at once, and each may be ten times as long as what is searched of it.
    let text = text.replace("{characters}", &BODY_CHARACTERS.to_string());
    let rows = Query::new(format!("{text}{here}"))
        .bind(workspace)
        .among("wanted", "c.id", ids.iter().copied())
        .raw(connection)
        .await?;
    let mut documents = HashMap::with_capacity(rows.len());
    for row in rows {
        let mut document = Document {
            id: row.try_get_by_index(0)?,
            at: row.try_get_by_index(1)?,
            fields: Vec::with_capacity(columns.len()),
        };
        for (index, field) in columns.iter().enumerate() {
            let text: Option<String> = row.try_get_by_index(index + 2)?;
            document.fields.extend(text.map(|text| (*field, text)));
        }
        documents.insert(document.id, document);
    }
    if kind == Kind::Contact {
        add_identities(connection, workspace, &mut documents).await?;
    }
    Ok(documents)
}

async fn add_identities(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    documents: &mut HashMap<Uuid, Document>,
) -> Result<(), DbErr> {
    let rows = Query::new(
        "SELECT i.contact_id, i.kind, i.value FROM contact_identity i
         WHERE i.workspace_id = $1 AND {wanted}
         ORDER BY i.contact_id, i.kind, i.value",
    )
    .bind(workspace)
    .among("wanted", "i.contact_id", documents.keys().copied())
    .raw(connection)
    .await?;
    for row in rows {
        let (id, kind): (Uuid, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let field = if kind == "EMAIL" {
            Field::Email
        } else {
            Field::Identity
        };
        if let Some(document) = documents.get_mut(&id) {
            document.fields.push((field, row.try_get_by_index(2)?));
        }
    }
    Ok(())
}
