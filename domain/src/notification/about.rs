//! The facts at hand about what notifications are about, for any number of them in two statements.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, ContactId, ConversationId, Id as _, MessageId, WorkspaceId},
    kind::Priority,
};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::{
    notice::EXCERPT_CHARS,
    template::facts::{
        AccountFacts, ContactFacts, ConversationFacts, Facts, HealthFacts, MessageFacts, RuleFacts,
        TriggerFacts, WorkspaceFacts,
    },
};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows},
};

/// Tags of one thing that are told at most.
const TAGS: usize = 50;

/// What one notification is about. What follows from a message (its conversation, its contact) need
/// not be given.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// Whose.
    pub workspace: WorkspaceId,
    /// The contact.
    pub contact: Option<ContactId>,
    /// The account, where it is about no contact; a contact brings their own.
    pub account: Option<AccountId>,
    /// The thread.
    pub conversation: Option<ConversationId>,
    /// The message.
    pub message: Option<MessageId>,
}

#[derive(FromQueryResult)]
struct Row {
    n: i64,
    workspace_id: WorkspaceId,
    workspace_name: String,
    time_zone: String,
    contact_id: Option<ContactId>,
    contact_name: Option<String>,
    contact_external_id: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    stage: Option<String>,
    owner: Option<String>,
    account_id: Option<AccountId>,
    account_name: Option<String>,
    account_external_id: Option<String>,
    domain: Option<String>,
    conversation_id: Option<ConversationId>,
    conversation_subject: Option<String>,
    status: Option<String>,
    priority: Option<Priority>,
    assignee: Option<String>,
    message_id: Option<MessageId>,
    message_subject: Option<String>,
    excerpt: Option<String>,
    channel: Option<String>,
    inbox: Option<String>,
    sent_at: Option<DateTime<Utc>>,
    score: Option<f64>,
    band: Option<String>,
}

/// The facts about each of `subjects`, in their order. What is gone, or another workspace's, is
/// empty.
pub async fn load(ctx: &Ctx, subjects: &[Subject]) -> Result<Vec<Facts>> {
    load_on(ctx, ctx.db.writer(), subjects).await
}

/// The same, read on a connection of the caller's.
pub(crate) async fn load_on(
    ctx: &Ctx,
    connection: &impl ConnectionTrait,
    subjects: &[Subject],
) -> Result<Vec<Facts>> {
    let mut all: Vec<Facts> = subjects.iter().map(|_| Facts::default()).collect();
    if subjects.is_empty() {
        return Ok(all);
    }
    let rows = rows(connection, subjects).await?;
    let tags = tags(connection, subjects, &rows).await?;
    for row in rows {
        let place = usize::try_from(row.n).unwrap_or_default();
        let workspace = subjects[place].workspace;
        let tags = |id: Option<Uuid>| {
            let found = id.and_then(|id| tags.get(&(workspace, id)));
            found.cloned().unwrap_or_default()
        };
        all[place] = facts(ctx, row, tags);
    }
    Ok(all)
}

async fn rows(connection: &impl ConnectionTrait, subjects: &[Subject]) -> Result<Vec<Row>> {
    let each = || subjects.iter();
    // One character more than is shown tells whether something was left out. `CASE` and not `COALESCE`:
    // see `store::Wall`.
    Ok(Query::new(
        "SELECT r.n, w.id AS workspace_id, w.name AS workspace_name, w.time_zone,
             c.id AS contact_id, c.name AS contact_name, c.external_id AS contact_external_id,
             c.email, c.phone, c.stage, o.name AS owner,
             a.id AS account_id, a.name AS account_name, a.external_id AS account_external_id, a.domain,
             v.id AS conversation_id, v.subject AS conversation_subject, v.status, v.priority,
             s.name AS assignee, m.id AS message_id, m.subject AS message_subject,
             SUBSTR(m.body, 1, $1) AS excerpt, i.channel, i.name AS inbox, m.sent_at,
             h.score, h.band
         FROM {r} JOIN workspace w ON w.id = r.workspace_id
         LEFT JOIN message m ON m.workspace_id = w.id AND m.id = r.message_id
         LEFT JOIN conversation v
           ON v.workspace_id = w.id AND v.id =
             CASE WHEN m.id IS NULL THEN r.conversation_id ELSE m.conversation_id END
         LEFT JOIN inbox i ON i.workspace_id = w.id AND i.id =
             CASE WHEN m.id IS NULL THEN v.inbox_id ELSE m.inbox_id END
         LEFT JOIN contact c
           ON c.workspace_id = w.id AND c.id =
             CASE WHEN m.contact_id IS NOT NULL THEN m.contact_id
                  WHEN v.contact_id IS NOT NULL THEN v.contact_id ELSE r.contact_id END
         LEFT JOIN contact_health h ON h.workspace_id = w.id AND h.contact_id = c.id
         LEFT JOIN account a
           ON a.workspace_id = w.id AND a.id =
             CASE WHEN c.id IS NULL THEN r.account_id ELSE c.account_id END
         LEFT JOIN member o ON o.workspace_id = w.id AND o.id = c.owner_id
         LEFT JOIN member s ON s.workspace_id = w.id AND s.id = v.assignee_id",
    )
    .bind(EXCERPT_CHARS as i32 + 1)
    .rows(
        "r",
        Rows::new()
            .ints("n", 0..subjects.len() as i64)
            .ids("workspace_id", each().map(|one| one.workspace))
            .opt_ids("contact_id", each().map(|one| one.contact))
            .opt_ids("account_id", each().map(|one| one.account))
            .opt_ids("conversation_id", each().map(|one| one.conversation))
            .opt_ids("message_id", each().map(|one| one.message)),
    )
    .all(connection)
    .await?)
}

#[derive(FromQueryResult)]
struct Tag {
    workspace_id: WorkspaceId,
    target_id: Uuid,
    name: String,
}

async fn tags(
    connection: &impl ConnectionTrait,
    subjects: &[Subject],
    rows: &[Row],
) -> Result<HashMap<(WorkspaceId, Uuid), Vec<String>>> {
    let things: BTreeSet<(WorkspaceId, Uuid)> = rows
        .iter()
        .flat_map(|row| {
            let workspace = subjects[usize::try_from(row.n).unwrap_or_default()].workspace;
            let ids = [
                row.contact_id.map(ContactId::uuid),
                row.conversation_id.map(ConversationId::uuid),
            ];
            ids.into_iter().flatten().map(move |id| (workspace, id))
        })
        .collect();
    if things.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<Tag> = Query::new(
        "SELECT g.workspace_id, g.target_id, t.name
         FROM {r} JOIN tagging g
           ON g.workspace_id = r.workspace_id AND g.target_id = r.id AND g.removed_at IS NULL
         JOIN tag t ON t.workspace_id = g.workspace_id AND t.id = g.tag_id
         ORDER BY g.workspace_id, g.target_id, t.name_key",
    )
    .rows(
        "r",
        Rows::new()
            .ids("workspace_id", things.iter().map(|thing| thing.0))
            .uuids("id", things.iter().map(|thing| thing.1)),
    )
    .all(connection)
    .await?;
    let mut tags: HashMap<_, Vec<String>> = HashMap::new();
    for tag in found {
        let of = tags.entry((tag.workspace_id, tag.target_id)).or_default();
        if of.len() < TAGS {
            of.push(tag.name);
        }
    }
    Ok(tags)
}

fn facts(ctx: &Ctx, row: Row, tags: impl Fn(Option<Uuid>) -> Vec<String>) -> Facts {
    let id = |id: Option<String>| id.unwrap_or_default();
    let link = |folder: &str, id: &str| {
        let link = (!id.is_empty()).then(|| ctx.link(&format!("{folder}/{id}")));
        link.flatten().map(String::from).unwrap_or_default()
    };
    let contact_id = id(row.contact_id.map(|id| id.to_string()));
    let account_id = id(row.account_id.map(|id| id.to_string()));
    let conversation_id = id(row.conversation_id.map(|id| id.to_string()));
    let email = row.email.unwrap_or_default();
    let name = row.contact_name.filter(|name| !name.is_empty());
    let zone: chrono_tz::Tz = row.time_zone.parse().unwrap_or(chrono_tz::UTC);
    let sent_at = row
        .sent_at
        .map(|at| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string());
    Facts {
        rule: RuleFacts::default(),
        trigger: TriggerFacts::default(),
        contact: ContactFacts {
            link: link("contacts", &contact_id),
            id: contact_id,
            external_id: row.contact_external_id.unwrap_or_default(),
            name: name.unwrap_or_else(|| email.clone()),
            email,
            phone: row.phone.unwrap_or_default(),
            stage: row.stage.unwrap_or_default(),
            owner: row.owner.unwrap_or_default(),
            tags: tags(row.contact_id.map(ContactId::uuid)),
        },
        account: AccountFacts {
            link: link("accounts", &account_id),
            id: account_id,
            external_id: row.account_external_id.unwrap_or_default(),
            name: row.account_name.unwrap_or_default(),
            domain: row.domain.unwrap_or_default(),
        },
        conversation: ConversationFacts {
            link: link("conversations", &conversation_id),
            id: conversation_id,
            subject: row.conversation_subject.unwrap_or_default(),
            status: row.status.unwrap_or_default(),
            priority: row.priority.map(word).unwrap_or_default(),
            assignee: row.assignee.unwrap_or_default(),
            tags: tags(row.conversation_id.map(ConversationId::uuid)),
        },
        message: MessageFacts {
            id: id(row.message_id.map(|id| id.to_string())),
            subject: row.message_subject.unwrap_or_default(),
            excerpt: excerpt(&row.excerpt.unwrap_or_default()),
            channel: row.channel.unwrap_or_default(),
            inbox: row.inbox.unwrap_or_default(),
            sent_at: sent_at.unwrap_or_default(),
        },
        health: HealthFacts {
            score: row.score,
            band: row.band.unwrap_or_default(),
        },
        workspace: WorkspaceFacts {
            id: row.workspace_id.to_string(),
            name: row.workspace_name,
        },
    }
}

/// The word GraphQL has for a priority, which is stored as a number.
fn word(priority: Priority) -> String {
    let word = serde_json::to_value(priority).ok();
    word.and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn excerpt(body: &str) -> String {
    let mut shown: String = body.chars().take(EXCERPT_CHARS).collect();
    if shown.len() < body.len() {
        shown.push('…');
    }
    shown
}
