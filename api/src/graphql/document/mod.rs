//! Registered documents: registering, listing, removing. They are looked up before a request reaches the schema: see
//! `crate::session`.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject, parser::parse_query};
use chrono::{DateTime, Utc};
use domain::{
    access::Scope,
    document,
    error::{Error, UserError, UserErrorCode},
    page::PageRequest,
};

use super::{
    access::ChangeOrigin,
    context::{reader, writer},
    error::{fault, settle},
    id,
    page::{Connection, connection},
};
use crate::boxed;
use crate::transport::Inspector;

/// Documents to register.
#[derive(InputObject)]
pub(crate) struct RegisterDocumentsInput {
    /// The texts, each a whole GraphQL document of at most 65,536 bytes; at most 100. Where one has
    /// several operations, `operationName` says which is meant.
    documents: Vec<String>,
}

/// A document to be removed.
#[derive(InputObject)]
pub(crate) struct RemoveDocumentInput {
    /// The document's global id.
    id: ID,
}

/// A document that can be named instead of sent.
#[derive(Debug, Clone)]
pub struct RegisteredDocument(pub(crate) entity::document::Model);

/// A document that can be named instead of sent.
#[Object]
impl RegisteredDocument {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What to send as `documentId` in place of `query`: `sha256:` and the SHA-256 of the text.
    fn document_id(&self) -> String {
        format!("sha256:{}", self.0.hash)
    }

    /// The document.
    fn text(&self) -> &str {
        &self.0.text
    }

    /// Who registered it.
    fn created_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.created_by)
    }

    /// When it was registered.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

#[derive(Default)]
pub(crate) struct DocumentQuery;

#[Object]
impl DocumentQuery {
    /// The workspace's registered documents, newest first.
    #[boxed]
    async fn registered_documents(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, RegisteredDocument>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = document::list(ctx, actor.workspace, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, RegisteredDocument))
    }
}

/// What became of `registerDocuments`.
#[derive(SimpleObject)]
pub(crate) struct RegisterDocumentsPayload {
    /// The documents, in the order of the input; empty when something is to be mended.
    documents: Vec<RegisteredDocument>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `removeDocument`.
#[derive(SimpleObject)]
pub(crate) struct RemoveDocumentPayload {
    /// The document that was removed.
    document: Option<RegisteredDocument>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct DocumentMutation;

#[Object]
impl DocumentMutation {
    /// Registers documents, so that clients can send `documentId` instead of `query`. A registered
    /// document costs half the points. To register one again changes nothing. A document that does
    /// not fit the schema or a limit is refused, and nothing of the call is registered. Scope:
    /// CONFIGURE.
    #[boxed]
    async fn register_documents(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RegisterDocumentsInput,
    ) -> Result<RegisterDocumentsPayload> {
        let (ctx, actor) = writer(context)?;
        let registered = async {
            // Who may not register is not told what is wrong.
            actor.require(Scope::Configure)?;
            refuse_broken(context, &input.documents).await?;
            document::register(ctx, actor, &input.documents).await
        };
        let (documents, user_errors) = settle(registered.await)?;
        let documents = documents.unwrap_or_default().into_iter();
        Ok(RegisterDocumentsPayload {
            documents: documents.map(RegisteredDocument).collect(),
            user_errors,
        })
    }

    /// Removes a registered document. Requests that name it are refused within five seconds.
    /// Scope: CONFIGURE.
    #[boxed]
    async fn remove_document(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RemoveDocumentInput,
    ) -> Result<RemoveDocumentPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            document::remove(ctx, actor, id).await
        };
        let (document, user_errors) = settle(result.await)?;
        Ok(RemoveDocumentPayload {
            document: document.map(RegisteredDocument),
            user_errors,
        })
    }
}

/// Refuses what could never be run.
async fn refuse_broken(context: &Context<'_>, documents: &[String]) -> Result<(), Error> {
    if documents.len() > document::MAX_AT_ONCE {
        // The use case says so.
        return Ok(());
    }
    let mut errors = Vec::new();
    for (place, text) in documents.iter().enumerate() {
        if text.len() > document::MAX_BYTES {
            continue;
        }
        let problem = match context.data_opt::<Arc<Inspector>>() {
            Some(inspector) => inspector.problem(text).await,
            // Without a transport nobody knows more than the grammar.
            None => parse_query(text.as_str())
                .is_err()
                .then(|| "This is not a GraphQL document.".to_owned()),
        };
        if let Some(problem) = problem {
            let path = ["documents", &place.to_string()];
            errors.push(UserError::new(&path, UserErrorCode::Invalid, problem));
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(errors))
    }
}
