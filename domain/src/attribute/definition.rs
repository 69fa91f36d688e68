//! Which attributes there are: made, changed, archived, deleted.

use entity::{
    Scoped as _,
    attribute_definition::{self, Model},
    id::{AttributeId, Id as _, WorkspaceId},
    kind::{AttributeType, SubjectKind},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, Set,
};
use serde::{Deserialize, Serialize};

use super::value::{option_position, option_sort_key};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode, keep},
    store::{Query, Rows, Tx},
    text,
    work::change::{Change, Fact},
};

/// Attributes one kind of thing has at most.
pub const MAX_ATTRIBUTES: usize = 200;
/// Options one attribute has at most.
pub const MAX_OPTIONS: usize = 200;

/// One value of a closed list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeOption {
    /// The name programs use, unique in the list.
    pub key: String,
    /// The name shown.
    pub label: String,
}

/// An attribute about to be made.
#[derive(Debug, Clone)]
pub struct NewAttribute {
    /// What has it.
    pub subject: SubjectKind,
    /// The name programs use.
    pub key: String,
    /// The name shown.
    pub name: String,
    /// What it means.
    pub description: String,
    /// What it holds.
    pub value_type: AttributeType,
    /// The values of a closed list, in their order.
    pub options: Vec<AttributeOption>,
}

/// What may be changed about an attribute; what is left out stays. Its key and type stay for ever.
#[derive(Debug, Clone, Default)]
pub struct AttributeChanges {
    /// The name shown.
    pub name: Option<String>,
    /// What it means.
    pub description: Option<String>,
    /// All values of the closed list, in their new order.
    pub options: Option<Vec<AttributeOption>>,
    /// Its place among the attributes of the same kind of thing, from 0.
    pub position: Option<i64>,
    /// Whether it is archived: kept with its values, but not written any more.
    pub archived: Option<bool>,
}

/// The options of a definition.
pub fn options(definition: &Model) -> Vec<AttributeOption> {
    serde_json::from_value(definition.options.clone()).unwrap_or_default()
}

/// Makes an attribute.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewAttribute) -> Result<Model> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let key = check_key(&new.key, &["key"], &mut errors);
    let name = keep(text::name(&new.name, &["name"], 100), &mut errors);
    let description = keep(
        text::short_text(&new.description, &["description"], 255),
        &mut errors,
    );
    let options = check_options(new.value_type, new.options, &mut errors);
    let mut tx = ctx.begin(actor.workspace).await?;
    let others = attribute_definition::Entity::of(tx.workspace)
        .filter(attribute_definition::Column::Subject.eq(new.subject))
        .all(tx.connection())
        .await?;
    if others.len() >= MAX_ATTRIBUTES {
        let message = format!("There are {MAX_ATTRIBUTES} already. Delete one first.");
        errors.push(UserError::new(
            &["subject"],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    if others.iter().any(|other| Some(&other.key) == key.as_ref()) {
        let message = "Another attribute has this key. Choose another.";
        errors.push(UserError::new(&["key"], UserErrorCode::Taken, message));
    }
    let (Some(key), Some(name), Some(description), true) =
        (key, name, description, errors.is_empty())
    else {
        return Err(Error::Refused(errors));
    };
    let definition = Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        subject: new.subject,
        key,
        name,
        description,
        value_type: new.value_type,
        options: serde_json::json!(options),
        position: others
            .iter()
            .map(|other| other.position + 1)
            .max()
            .unwrap_or(0),
        created_at: tx.now,
        updated_at: tx.now,
        archived_at: None,
    };
    attribute_definition::Entity::insert(definition.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    record(&mut tx, actor, definition.id);
    let made = Record::made("attribute.create", definition.id, audited(&definition));
    tx.audit(actor, made);
    tx.commit().await?;
    Ok(definition)
}

/// Changes an attribute. An option that some value uses cannot be left out.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: AttributeId,
    changes: AttributeChanges,
) -> Result<Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let before = find(&tx, id).await?;
    let mut errors = Vec::new();
    let mut active = before.clone().into_active_model();
    if let Some(name) = changes.name
        && let Some(name) = keep(text::name(&name, &["name"], 100), &mut errors)
    {
        active.name = Set(name);
    }
    if let Some(description) = changes.description {
        let description = text::short_text(&description, &["description"], 255);
        if let Some(description) = keep(description, &mut errors) {
            active.description = Set(description);
        }
    }
    if let Some(archived) = changes.archived {
        active.archived_at = Set(archived.then(|| before.archived_at.unwrap_or(tx.now)));
    }
    if let Some(position) = changes.position {
        active.position = Set(position.clamp(0, MAX_ATTRIBUTES as i64));
    }
    let options = changes
        .options
        .map(|options| check_options(before.value_type, options, &mut errors));
    if let Some(options) = &options {
        refuse_used(&tx, &before, options, &mut errors).await?;
        active.options = Set(serde_json::json!(options));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    active.updated_at = Set(tx.now);
    let after = active.update(tx.connection()).await?;
    if let Some(options) = options {
        sort_again(&tx, &before, &options).await?;
    }
    record(&mut tx, actor, id);
    let entry = Record::changed("attribute.update", id, audited(&before), audited(&after));
    tx.audit(actor, entry);
    tx.commit().await?;
    Ok(after)
}

/// Deletes an attribute that nothing has a value for.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: AttributeId) -> Result<AttributeId> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let before = find(&tx, id).await?;
    let used: Option<i64> = Query::new(
        "SELECT CAST(1 AS BIGINT) FROM attribute_value
         WHERE workspace_id = $1 AND attribute_id = $2 LIMIT 1",
    )
    .bind(tx.workspace)
    .bind(id)
    .scalar(tx.connection())
    .await?;
    if used.is_some() {
        let message = "Some things have a value for it. Clear the values, or archive it instead.";
        return Err(Error::refused(&["id"], UserErrorCode::InUse, message));
    }
    attribute_definition::Entity::delete_by_id((tx.workspace, id))
        .exec(tx.connection())
        .await?;
    record(&mut tx, actor, id);
    let ended = Record::ended("attribute.delete", id, audited(&before));
    tx.audit(actor, ended);
    tx.commit().await?;
    Ok(id)
}

/// What the audit log says of an attribute.
fn audited(definition: &Model) -> serde_json::Value {
    serde_json::json!({
        "subject": definition.subject, "key": definition.key, "name": definition.name,
        "description": definition.description, "type": definition.value_type,
        "options": definition.options, "position": definition.position,
        "archivedAt": definition.archived_at,
    })
}

fn record(tx: &mut Tx<'_>, actor: &Actor, attribute_id: AttributeId) {
    let fact = Fact::AttributeChanged { attribute_id };
    tx.record(Change::new(actor.origin(), None, fact));
}

/// A key is what programs write: it must look the same in a URL, a CSV header and code.
fn check_key(raw: &str, path: &[&str], errors: &mut Vec<UserError>) -> Option<String> {
    let fits = raw.len() <= 64
        && raw.starts_with(|c: char| c.is_ascii_lowercase())
        && raw
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if fits {
        return Some(raw.to_owned());
    }
    let message = "Use 1 to 64 small letters, digits and underscores, beginning with a letter.";
    errors.push(UserError::new(path, UserErrorCode::Invalid, message));
    None
}

fn check_options(
    value_type: AttributeType,
    raw: Vec<AttributeOption>,
    errors: &mut Vec<UserError>,
) -> Vec<AttributeOption> {
    let mut refuse = |path: &[&str], code, message: String| {
        errors.push(UserError::new(path, code, message));
    };
    let is_list = matches!(
        value_type,
        AttributeType::Select | AttributeType::MultiSelect
    );
    if is_list && raw.is_empty() {
        let message = "Give the options to choose from.".to_owned();
        refuse(&["options"], UserErrorCode::Required, message);
    }
    if !is_list && !raw.is_empty() {
        let message = "Only SELECT and MULTI_SELECT have options.".to_owned();
        refuse(&["options"], UserErrorCode::KindMismatch, message);
    }
    if raw.len() > MAX_OPTIONS {
        let message = format!("Give at most {MAX_OPTIONS} options.");
        refuse(&["options"], UserErrorCode::TooLong, message);
    }
    let mut checked: Vec<AttributeOption> = Vec::with_capacity(raw.len());
    for (index, option) in raw.into_iter().enumerate() {
        let at = index.to_string();
        let Some(key) = check_key(&option.key, &["options", &at, "key"], errors) else {
            continue;
        };
        let label = text::name(&option.label, &["options", &at, "label"], 100);
        let Some(label) = keep(label, errors) else {
            continue;
        };
        if checked.iter().any(|other| other.key == key) {
            let message = "Another option has this key.";
            let path = ["options", &at, "key"];
            errors.push(UserError::new(&path, UserErrorCode::Taken, message));
        }
        checked.push(AttributeOption { key, label });
    }
    checked
}

/// Refuses to leave out an option that a value uses.
async fn refuse_used(
    tx: &Tx<'_>,
    before: &Model,
    after: &[AttributeOption],
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let gone = options(before)
        .into_iter()
        .filter(|option| after.iter().all(|kept| kept.key != option.key));
    for option in gone {
        let mut query = Query::new(
            "SELECT CAST(1 AS BIGINT) FROM attribute_value v
             WHERE v.workspace_id = $1 AND v.attribute_id = $2",
        )
        .bind(tx.workspace)
        .bind(before.id);
        super::test::has_option(&mut query, tx.connection(), &option.key);
        query.push(" LIMIT 1");
        let used: Option<i64> = query.scalar(tx.connection()).await?;
        if used.is_some() {
            let message = format!(
                "Some things have the option {}. Give them another first.",
                option.key
            );
            errors.push(UserError::new(&["options"], UserErrorCode::InUse, message));
        }
    }
    Ok(())
}

/// Values of a list sort by the place of their option: brings their sort keys in line with new
/// places, in one statement.
async fn sort_again(tx: &Tx<'_>, before: &Model, after: &[AttributeOption]) -> Result<()> {
    if before.value_type != AttributeType::Select {
        return Ok(());
    }
    let keys = after.iter().map(|option| option.key.as_str());
    let sort_keys = keys
        .clone()
        .map(|key| option_sort_key(option_position(after, key).unwrap_or_default()));
    Query::new(
        "UPDATE attribute_value SET sort_key = r.sort_key FROM {r}
         WHERE attribute_value.workspace_id = $1 AND attribute_value.attribute_id = $2
           AND attribute_value.text = r.key",
    )
    .bind(tx.workspace)
    .bind(before.id)
    .rows(
        "r",
        Rows::new().texts("key", keys).texts("sort_key", sort_keys),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn find(tx: &Tx<'_>, id: AttributeId) -> Result<Model> {
    attribute_definition::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "attribute"))
}

/// Refuses to order a list by an attribute that is not there.
pub(crate) async fn check(ctx: &Ctx, workspace: WorkspaceId, id: AttributeId) -> Result<()> {
    if load(ctx, workspace, &[id]).await?.is_empty() {
        let path = ["orderByAttribute", "attributeId"];
        return Err(Error::not_found(&path, "attribute"));
    }
    Ok(())
}

/// The workspace's attributes in their order, archived ones included.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    subject: Option<SubjectKind>,
) -> Result<Vec<Model>> {
    let mut definitions = attribute_definition::Entity::of(workspace)
        .all(ctx.reader())
        .await?;
    definitions.retain(|one| subject.is_none_or(|subject| one.subject == subject));
    definitions.sort_by_key(|one| (one.subject, one.position, one.id));
    Ok(definitions)
}

/// The attributes among `ids`, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[AttributeId]) -> Result<Vec<Model>> {
    Ok(attribute_definition::Entity::of(workspace)
        .filter(attribute_definition::Column::Id.is_in(ids.iter().map(|id| id.uuid())))
        .all(ctx.reader())
        .await?)
}
