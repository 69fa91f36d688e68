//! Whether the things that are named by id exist, before what names them is saved.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{
    id::{TagId, WorkspaceId},
    kind::{AttributeType, SubjectKind, SurveyKind, TagKind},
};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::{Holds, IdKind, Reference};
use crate::{
    attribute::{AttributeOption, value},
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Rows, Tx},
};

/// A refusal for each reference to something the workspace does not have, or that cannot be used
/// there. The number of statements does not depend on the number of references: one for each kind of
/// thing that is named.
pub async fn unknown(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    references: &[Reference],
) -> Result<Vec<UserError>> {
    let tags = load_tags(connection, workspace, references).await?;
    let attributes = load_attributes(connection, workspace, references).await?;
    let surveys = load_surveys(connection, workspace, references).await?;
    let mut existing: HashMap<&'static str, HashSet<Uuid>> = HashMap::new();
    for (table, condition) in TABLES {
        let ids = references.iter().filter(|reference| {
            table_of(reference.kind).is_some_and(|(named, of)| (named, of) == (table, condition))
        });
        let ids: HashSet<Uuid> = ids.map(|reference| reference.id).collect();
        let found = load_ids(connection, workspace, ids, table, condition).await?;
        existing.entry(table).or_default().extend(found);
    }
    let refused = references.iter().filter_map(|reference| {
        let exists = match reference.kind {
            IdKind::ContactTag => return check_tag(reference, &tags, TagKind::Contact),
            IdKind::ConversationTag => return check_tag(reference, &tags, TagKind::Conversation),
            IdKind::Attribute(of, holds) => {
                return check_attribute(reference, &attributes, of, holds);
            }
            IdKind::SurveyKey(kind) => return check_survey(reference, &surveys, kind),
            kind => table_of(kind)
                .and_then(|(table, _)| existing.get(table))
                .is_some_and(|ids| ids.contains(&reference.id)),
        };
        (!exists).then(|| reference.not_found())
    });
    Ok(refused.collect())
}

/// Keeps what is named, and cannot go as long as something names it, from going before the transaction ends:
/// whoever takes it away waits, and then sees what names it. Whoever was faster is waited for, so that
/// [`unknown`] sees what they did. SQLite has one writer at a time, and a transaction that only reads keeps
/// nobody from anything.
pub(crate) async fn keep(tx: &Tx<'_>, references: &[Reference]) -> Result<()> {
    let lock = tx.share_lock();
    if lock.is_empty() {
        return Ok(());
    }
    for (kind, table) in [
        (IdKind::NotificationTarget, "notification_target"),
        (IdKind::Survey, "survey"),
        (IdKind::TagGroup(TagKind::Contact), "tag_group"),
        (IdKind::TagGroup(TagKind::Conversation), "tag_group"),
    ] {
        let named = references.iter().filter(|reference| reference.kind == kind);
        let ids: BTreeSet<Uuid> = named.map(|reference| reference.id).collect();
        if ids.is_empty() {
            continue;
        }
        Query::new(format!(
            "SELECT x.id FROM {table} x
             WHERE x.workspace_id = $1 AND x.id IN (SELECT r.id FROM {{r}}) ORDER BY x.id {lock}"
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", ids))
        .raw(tx.connection())
        .await?;
    }
    Ok(())
}

/// Refuses at `id` that something runs again which names a tag group that was deleted while it did not run: nothing
/// is ever of that group, so a condition that nothing is of it would be true of everybody.
pub(crate) async fn refuse_gone_groups(tx: &Tx<'_>, references: &[Reference]) -> Result<()> {
    let groups = references.iter();
    let groups = groups.filter(|one| matches!(one.kind, IdKind::TagGroup(_)));
    let groups: Vec<Reference> = groups.cloned().collect();
    if groups.is_empty() {
        return Ok(());
    }
    keep(tx, &groups).await?;
    let gone = unknown(tx.connection(), tx.workspace, &groups).await?;
    let Some(first) = gone.first() else {
        return Ok(());
    };
    let message = format!(
        "It names a tag group that was deleted, at {}. Change that first.",
        first.path.join(".")
    );
    Err(Error::refused(&["id"], UserErrorCode::Invalid, message))
}

/// The tables in which things are looked up by id alone, and what must hold of the row `x`.
const TABLES: [(&str, &str); 12] = [
    ("inbox", ""),
    ("notification_target", " AND x.deleted_at IS NULL"),
    ("tag_group", " AND x.kind = 'CONTACT'"),
    ("tag_group", " AND x.kind = 'CONVERSATION'"),
    ("member", " AND x.removed_at IS NULL"),
    (
        "account",
        " AND x.merged_into_id IS NULL AND x.deleted_at IS NULL",
    ),
    ("campaign", ""),
    (
        "segment",
        " AND x.subject = 'CONTACT' AND x.deleted_at IS NULL",
    ),
    (
        "segment",
        " AND x.subject = 'ACCOUNT' AND x.deleted_at IS NULL",
    ),
    ("playbook", " AND x.state <> 'ARCHIVED'"),
    ("survey", " AND x.archived_at IS NULL"),
    ("team", ""),
];

fn table_of(kind: IdKind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        IdKind::ContactTag
        | IdKind::ConversationTag
        | IdKind::Attribute(..)
        | IdKind::SurveyKey(_) => return None,
        IdKind::Inbox => TABLES[0],
        IdKind::NotificationTarget => TABLES[1],
        IdKind::TagGroup(TagKind::Contact) => TABLES[2],
        IdKind::TagGroup(TagKind::Conversation) => TABLES[3],
        IdKind::Member => TABLES[4],
        IdKind::Account => TABLES[5],
        IdKind::Campaign => TABLES[6],
        IdKind::Segment(SubjectKind::Account) => TABLES[8],
        IdKind::Segment(_) => TABLES[7],
        IdKind::Playbook => TABLES[9],
        IdKind::Survey => TABLES[10],
        IdKind::Team => TABLES[11],
    })
}

#[derive(FromQueryResult)]
struct AttributeFacts {
    id: Uuid,
    subject: SubjectKind,
    value_type: AttributeType,
    options: serde_json::Value,
}

impl AttributeFacts {
    /// The refusal for the first option that a condition names and the attribute does not have.
    fn refuse_option(&self, reference: &Reference) -> Option<UserError> {
        let options: Vec<AttributeOption> =
            serde_json::from_value(self.options.clone()).unwrap_or_default();
        let (place, message) = value::unknown_option(&options, &reference.options)?;
        // The options stand beside the id of the attribute.
        let mut path = reference.path.clone();
        path.pop();
        path.extend(["options".to_owned(), place.to_string()]);
        Some(UserError {
            path,
            code: UserErrorCode::Invalid,
            message,
        })
    }
}

async fn load_attributes(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    references: &[Reference],
) -> Result<HashMap<Uuid, AttributeFacts>> {
    let ids: HashSet<Uuid> = references
        .iter()
        .filter(|reference| matches!(reference.kind, IdKind::Attribute(..)))
        .map(|reference| reference.id)
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<AttributeFacts> = Query::new(
        "SELECT d.id, d.subject, d.value_type, d.options FROM {r}
         JOIN attribute_definition d ON d.workspace_id = $1 AND d.id = r.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids))
    .all(connection)
    .await?;
    Ok(found.into_iter().map(|one| (one.id, one)).collect())
}

fn check_attribute(
    reference: &Reference,
    attributes: &HashMap<Uuid, AttributeFacts>,
    of: SubjectKind,
    holds: Holds,
) -> Option<UserError> {
    match attributes.get(&reference.id) {
        Some(attribute) if attribute.subject != of => Some(reference.not_found()),
        Some(attribute) if !holds.accepts(attribute.value_type) => Some(UserError {
            path: reference.path.clone(),
            code: UserErrorCode::KindMismatch,
            message: format!(
                "This attribute holds {}. Give the test that fits it.",
                attribute.value_type.word()
            ),
        }),
        Some(attribute) => attribute.refuse_option(reference),
        None => Some(reference.not_found()),
    }
}

#[derive(FromQueryResult)]
struct SurveyFacts {
    key: String,
    kind: SurveyKind,
}

/// The kinds of the workspace's own surveys that are named by key.
async fn load_surveys(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    references: &[Reference],
) -> Result<HashMap<String, SurveyKind>> {
    let keys: BTreeSet<&str> = references
        .iter()
        .filter(|reference| matches!(reference.kind, IdKind::SurveyKey(_)))
        .flat_map(|reference| reference.options.iter().map(String::as_str))
        .filter(|key| !key.contains('\0'))
        .collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<SurveyFacts> = Query::new(
        "SELECT s.key, s.kind FROM {r}
         JOIN survey s ON s.workspace_id = $1 AND s.key = r.named",
    )
    .bind(workspace)
    .rows("r", Rows::new().texts("named", keys))
    .all(connection)
    .await?;
    Ok(found.into_iter().map(|one| (one.key, one.kind)).collect())
}

/// A survey other systems tell of may have any kind.
fn check_survey(
    reference: &Reference,
    surveys: &HashMap<String, SurveyKind>,
    needed: SurveyKind,
) -> Option<UserError> {
    let kind = surveys.get(reference.options.first()?)?;
    (*kind != needed).then(|| UserError {
        path: reference.path.clone(),
        code: UserErrorCode::KindMismatch,
        message: format!(
            "This survey is of the kind {}, so no answer to it is of the kind {}. Choose another \
             survey, or its kind.",
            kind.word(),
            needed.word()
        ),
    })
}

#[derive(FromQueryResult)]
struct TagFacts {
    id: Uuid,
    kind: TagKind,
    archived: bool,
    /// What it was merged into, if it was.
    merged_into: Option<TagId>,
    survivor: Option<String>,
}

fn check_tag(
    reference: &Reference,
    tags: &HashMap<Uuid, TagFacts>,
    needed: TagKind,
) -> Option<UserError> {
    let refuse = |code, message: &str| {
        Some(UserError {
            path: reference.path.clone(),
            code,
            message: message.to_owned(),
        })
    };
    // The actions of a rule, or of a playbook's step.
    let puts_it_on = reference.path.iter().any(|step| step == "actions");
    match tags.get(&reference.id) {
        None => Some(reference.not_found()),
        Some(TagFacts {
            merged_into: Some(id),
            survivor,
            ..
        }) => refuse(
            UserErrorCode::NotFound,
            &format!(
                "This tag was merged into “{}”. Name that one: {id}.",
                survivor.as_deref().unwrap_or_default()
            ),
        ),
        Some(tag) if tag.kind != needed => refuse(
            UserErrorCode::KindMismatch,
            match needed {
                TagKind::Contact => "This is a tag for conversations. Choose one for contacts.",
                TagKind::Conversation => {
                    "This is a tag for contacts. Choose one for conversations."
                }
            },
        ),
        Some(tag) if tag.archived && puts_it_on => refuse(
            UserErrorCode::Invalid,
            "This tag is archived. Restore it first.",
        ),
        Some(_) => None,
    }
}

async fn load_tags(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    references: &[Reference],
) -> Result<HashMap<Uuid, TagFacts>> {
    let ids: HashSet<Uuid> = references
        .iter()
        .filter(|reference| reference.kind.is_tag())
        .map(|reference| reference.id)
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let tags: Vec<TagFacts> = Query::new(
        "SELECT t.id, t.kind, t.archived_at IS NOT NULL AS archived, t.merged_into,
                s.name AS survivor
         FROM {r} JOIN tag t ON t.workspace_id = $1 AND t.id = r.id
         LEFT JOIN tag s ON s.workspace_id = $1 AND s.id = t.merged_into AND s.deleted_at IS NULL
         WHERE t.deleted_at IS NULL OR s.id IS NOT NULL",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids))
    .all(connection)
    .await?;
    Ok(tags.into_iter().map(|tag| (tag.id, tag)).collect())
}

/// Which of the ids there are in `table`.
async fn load_ids(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    ids: HashSet<Uuid>,
    table: &'static str,
    condition: &'static str,
) -> Result<Vec<Uuid>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<Uuid> = Query::new(format!(
        "SELECT x.id FROM {{r}} JOIN {table} x ON x.workspace_id = $1 AND x.id = r.id{condition}"
    ))
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids))
    .column(connection)
    .await?;
    Ok(found)
}
