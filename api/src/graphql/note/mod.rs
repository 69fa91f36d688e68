//! Notes over GraphQL.

mod mutation;

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{note, page::PageRequest, subject::Subject};
use entity::{
    id::{AccountId, ContactId, ConversationId},
    kind::SubjectKind,
};

use super::{
    access::ChangeOrigin,
    account::Account,
    contact::Contact,
    context::{loader, reader},
    conversation::Conversation,
    error::fault,
    page::{Connection, connection},
};
use crate::boxed;

pub(crate) use mutation::NoteMutation;

/// Something a member wrote down about a contact, an account or a conversation, for the company's
/// own eyes.
#[derive(Debug, Clone)]
pub struct Note(pub(crate) entity::note::Model);

/// Something a member wrote down about a contact, an account or a conversation, for the company's
/// own eyes.
#[Object]
impl Note {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The text.
    fn body(&self) -> &str {
        &self.0.body
    }

    /// Who wrote it.
    fn author(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.author)
    }

    /// When it was written.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last rewritten.
    fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// What kind of thing it is about.
    fn subject(&self) -> SubjectKind {
        self.0.subject
    }

    /// The contact, if it is about one.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        if self.0.subject != SubjectKind::Contact {
            return Ok(None);
        }
        let id = ContactId(self.0.subject_id);
        Ok(loader(context)?.load_one(id).await?.map(Contact::from))
    }

    /// The account, if it is about one.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        if self.0.subject != SubjectKind::Account {
            return Ok(None);
        }
        let id = AccountId(self.0.subject_id);
        Ok(loader(context)?.load_one(id).await?.map(Account))
    }

    /// The conversation, if it is about one.
    #[boxed]
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        if self.0.subject != SubjectKind::Conversation {
            return Ok(None);
        }
        let id = ConversationId(self.0.subject_id);
        Ok(loader(context)?.load_one(id).await?.map(Conversation::from))
    }
}

/// A page of the notes about a thing, newest first.
pub(crate) async fn notes(
    context: &Context<'_>,
    subject: Subject,
    page: &PageRequest,
) -> Result<Connection<String, Note>> {
    let (ctx, actor) = reader(context)?;
    let found = note::list(ctx, actor.workspace, subject, page)
        .await
        .map_err(fault)?;
    Ok(connection(found, Note))
}
