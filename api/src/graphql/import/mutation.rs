//! Taking files in.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{
    error::{Error, UserError, UserErrorCode},
    import::{self, Column, NewImport, Reading},
};
use entity::kind::{ImportCreation, ImportField, ImportPolicy, SheetEncoding, SubjectKind};

use super::delimiter;
use crate::boxed;
use crate::graphql::{context::writer, error::settle, id, operation::Operation};

/// What one column of a file holds.
#[derive(InputObject)]
pub(crate) struct ImportColumnInput {
    /// Which, counted from 0.
    column: i32,
    /// What it holds. Columns that are not named are left out; only tags may be in several.
    field: ImportField,
    /// With the field `ATTRIBUTE`, the custom attribute.
    attribute_id: Option<ID>,
}

macro_rules! import_input {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(InputObject)]
        pub(crate) struct $name {
            /// The file's id, as `/v1/uploads` answered it.
            upload_id: ID,
            /// The encoding; left out, it is found out.
            encoding: Option<SheetEncoding>,
            /// What separates the cells: a comma, a semicolon or a tab; left out, it is found out.
            delimiter: Option<String>,
            /// Whether the first line names the columns.
            #[graphql(default = true)]
            header: bool,
            /// What the columns hold; left out, what `previewImport` proposes.
            columns: Option<Vec<ImportColumnInput>>,
            /// What is done with what is there already. An empty cell never takes anything away.
            #[graphql(default_with = "ImportPolicy::Update")]
            policy: ImportPolicy,
            /// What may be made besides the things of the file; a line that needs another is an error.
            /// Tags may be made by those who may create tags.
            #[graphql(default)]
            create: Vec<ImportCreation>,
            /// Takes nothing in: `importLines` says what would be done with every line.
            #[graphql(default)]
            dry_run: bool,
        }

        impl $name {
            fn read(self, subject: SubjectKind) -> domain::error::Result<NewImport> {
                let columns = self.columns.map(read_columns).transpose()?;
                Ok(NewImport {
                    subject,
                    upload: id::parse(&self.upload_id, &["uploadId"])?,
                    reading: Reading {
                        encoding: self.encoding,
                        delimiter: delimiter(self.delimiter.as_deref())?,
                        header: Some(self.header),
                    },
                    columns,
                    policy: self.policy,
                    create: self.create,
                    dry_run: self.dry_run,
                })
            }
        }
    };
}

import_input! {
    /// Contacts to be taken in from a file.
    ImportContactsInput
}

import_input! {
    /// Accounts to be taken in from a file.
    ImportAccountsInput
}

fn read_columns(columns: Vec<ImportColumnInput>) -> domain::error::Result<Vec<Column>> {
    let read = columns.into_iter().enumerate().map(|(place, one)| {
        let at = place.to_string();
        let column = usize::try_from(one.column).map_err(|_| {
            let message = "Columns are counted from 0.";
            let path = ["columns", &at, "column"];
            Error::refused(&path, UserErrorCode::Invalid, message)
        })?;
        let path = ["columns", &at, "attributeId"];
        Ok(Column {
            column,
            field: one.field,
            attribute: id::parse_opt(one.attribute_id.as_ref(), &path)?,
        })
    });
    read.collect()
}

/// What became of `importContacts` or `importAccounts`.
#[derive(SimpleObject)]
pub(crate) struct ImportPayload {
    /// The operation that does it. Its `counts` are `created`, `updated`, `skipped`, `errors`,
    /// `accountsCreated`, `campaignsCreated` and `tagsCreated`.
    operation: Option<Operation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct ImportMutation;

#[Object]
impl ImportMutation {
    /// Takes in contacts from a file that was sent to `/v1/uploads`. A contact is recognised by email
    /// address, phone number or external id. Every line is taken in whole or, if something is wrong
    /// with it, not at all. This goes on as an operation, which can be watched and cancelled. Scope:
    /// WRITE.
    #[boxed]
    async fn import_contacts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ImportContactsInput,
    ) -> Result<ImportPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { import::start(ctx, actor, input.read(SubjectKind::Contact)?).await };
        payload(result.await)
    }

    /// Takes in accounts from a file that was sent to `/v1/uploads`. An account is recognised by
    /// external id or domain, and by its name if the line has neither. This goes on as an operation,
    /// which can be watched and cancelled. Scope: WRITE.
    #[boxed]
    async fn import_accounts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ImportAccountsInput,
    ) -> Result<ImportPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { import::start(ctx, actor, input.read(SubjectKind::Account)?).await };
        payload(result.await)
    }
}

fn payload(result: domain::error::Result<entity::operation::Model>) -> Result<ImportPayload> {
    let (operation, user_errors) = settle(result)?;
    Ok(ImportPayload {
        operation: operation.map(Operation),
        user_errors,
    })
}
