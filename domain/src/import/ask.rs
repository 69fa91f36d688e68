//! Asking for an import: checked now, done by workers.

use std::collections::HashSet;

use entity::{
    id::UploadId,
    kind::{ImportCreation, ImportField, ImportPolicy, OperationKind, SubjectKind},
    operation,
};

use super::{
    Column, MAX_COLUMNS, Request, file,
    preview::{Reading, preview},
};
use crate::{
    access::{Actor, Scope},
    attribute::definition,
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    operation::{NewOperation, start as begin},
    tag::require_creation,
    text::counted,
};

/// An import about to be asked for.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// What the lines are: contacts or accounts.
    pub subject: SubjectKind,
    /// The file.
    pub upload: UploadId,
    /// How it is to be read.
    pub reading: Reading,
    /// What its columns hold; nothing, and what the names of the columns suggest is taken.
    pub columns: Option<Vec<Column>>,
    /// What is done with what is there already.
    pub policy: ImportPolicy,
    /// What may be made besides.
    pub create: Vec<ImportCreation>,
    /// Whether it is only to say what it would do.
    pub dry_run: bool,
}

/// Asks for an import.
pub async fn start(ctx: &Ctx, actor: &Actor, new: NewImport) -> Result<operation::Model> {
    actor.require(Scope::Write)?;
    let seen = preview(
        ctx,
        actor.workspace,
        new.upload,
        new.subject,
        new.reading,
        0,
    )
    .await?;
    let width = seen.columns.len();
    let columns = match new.columns {
        Some(columns) => columns,
        None => seen
            .columns
            .iter()
            .zip(0..)
            .filter_map(|(one, column)| {
                Some(Column {
                    column,
                    field: one.field?,
                    attribute: one.attribute,
                })
            })
            .collect(),
    };
    check_columns(ctx, actor, new.subject, &columns, width).await?;
    let request = Request {
        upload: new.upload,
        encoding: seen.encoding,
        delimiter: seen.delimiter,
        header: seen.header,
        width,
        columns,
        policy: new.policy,
        create: new.create,
        reason: format!("Import of {}", seen.upload.name).trim().to_owned(),
    };
    let mut tx = ctx.begin(actor.workspace).await?;
    let upload = file::upload(&tx, new.upload).await?;
    if request.create.contains(&ImportCreation::Tags) {
        require_creation(&tx, actor).await?;
    }
    let kind = match new.subject {
        SubjectKind::Account => OperationKind::ImportAccounts,
        _ => OperationKind::ImportContacts,
    };
    // Not the file's name, which may be a person's: entries stay when people are erased.
    let said = serde_json::json!({
        "upload": upload.id, "bytes": upload.size, "policy": request.policy,
        "create": request.create, "columns": request.columns, "dryRun": new.dry_run,
    });
    let asked = NewOperation {
        kind,
        request: serde_json::to_value(&request)?,
        total: None,
        dry_run: new.dry_run,
        origin: actor.origin(),
    };
    let operation = begin(ctx, &mut tx, asked).await?;
    if !new.dry_run {
        tx.audit(actor, Record::made("import.start", operation.id, said));
    }
    tx.commit().await?;
    Ok(operation)
}

/// Fields that only contacts have, and that only accounts have.
const OF_CONTACTS: &[ImportField] = &[
    ImportField::Kana,
    ImportField::Email,
    ImportField::Locale,
    ImportField::AccountName,
    ImportField::AccountDomain,
    ImportField::AccountExternalId,
    ImportField::SourceChannel,
    ImportField::SourceCampaign,
    ImportField::BroughtByEmail,
    ImportField::ArrivedAt,
    ImportField::Subscriptions,
];
const OF_ACCOUNTS: &[ImportField] = &[
    ImportField::Domain,
    ImportField::Website,
    ImportField::Description,
];

async fn check_columns(
    ctx: &Ctx,
    actor: &Actor,
    subject: SubjectKind,
    columns: &[Column],
    width: usize,
) -> Result<()> {
    let refuse = |at: &[&str], code, message: &str| {
        let path = [&["columns"], at].concat();
        Err(Error::refused(&path, code, message))
    };
    if columns.len() > MAX_COLUMNS {
        let message = format!("Give at most {MAX_COLUMNS} columns a meaning.");
        return refuse(&[], UserErrorCode::LimitReached, &message);
    }
    let definitions = definition::list(ctx, actor.workspace, Some(subject)).await?;
    let mut fields = HashSet::new();
    for (place, one) in columns.iter().enumerate() {
        let at = place.to_string();
        let at = at.as_str();
        if one.column >= width {
            let message = format!("The file has {}; the first is 0.", counted(width, "column"));
            return refuse(&[at, "column"], UserErrorCode::Invalid, &message);
        }
        let is_other = match subject {
            SubjectKind::Account => OF_CONTACTS.contains(&one.field),
            _ => OF_ACCOUNTS.contains(&one.field),
        };
        if is_other {
            let message = "This field is of the other kind of thing.";
            return refuse(&[at, "field"], UserErrorCode::KindMismatch, message);
        }
        if one.field == ImportField::Attribute || one.attribute.is_some() {
            let found = one.attribute.and_then(|id| {
                let mut definitions = definitions.iter();
                definitions.find(|definition| definition.id == id)
            });
            match found {
                None => {
                    let message = "There is no such attribute of this kind of thing.";
                    return refuse(&[at, "attributeId"], UserErrorCode::NotFound, message);
                }
                Some(definition) if definition.archived_at.is_some() => {
                    let message = "This attribute is archived. Restore it first.";
                    return refuse(&[at, "attributeId"], UserErrorCode::Invalid, message);
                }
                Some(_) if one.field != ImportField::Attribute => {
                    let message = "Only the field ATTRIBUTE names an attribute.";
                    let code = UserErrorCode::Contradictory;
                    return refuse(&[at, "attributeId"], code, message);
                }
                Some(_) => {}
            }
        }
        // Tags may come in several columns.
        if one.field != ImportField::Tags && !fields.insert((one.field, one.attribute)) {
            let message = "Two columns are to hold the same. Choose one.";
            return refuse(&[at, "field"], UserErrorCode::Contradictory, message);
        }
    }
    let has = |field| columns.iter().any(|one| one.field == field);
    let recognised = match subject {
        SubjectKind::Account => {
            has(ImportField::Name) || has(ImportField::Domain) || has(ImportField::ExternalId)
        }
        _ => has(ImportField::Email) || has(ImportField::Phone) || has(ImportField::ExternalId),
    };
    if !recognised {
        let message = match subject {
            SubjectKind::Account => {
                "Say which column holds the name, the domain or the external id: accounts are \
                 recognised by them."
            }
            _ => {
                "Say which column holds the email address, the phone number or the external id: \
                 contacts are recognised by them."
            }
        };
        return refuse(&[], UserErrorCode::Required, message);
    }
    Ok(())
}
