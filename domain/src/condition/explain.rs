//! Why a condition did or did not hold of a message of the past: “why did this rule not fire?”.
//!
//! The message is judged as it was written, with the tags its contact and conversation carried when it
//! came in. What cannot be known of then is taken as it is now: the tree of the tags, and everything
//! deep conditions ask the database. Whoever shows the answer says so.

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, ContactId, ConversationId, Id as _, InboxId, MessageId, WorkspaceId},
    kind::{Author, Channel},
};
use sea_orm::FromQueryResult;

use super::{
    Condition,
    evaluate::gather,
    facts::{Holders, MessageFacts, Seen, TagSet, Texts},
    known::{Known, Measures},
    matcher::Gate,
    moment::Moment,
    trace::{self, Evidence, Trace},
};
use crate::{ctx::Ctx, error::Result, store::Query};

#[derive(FromQueryResult)]
struct Message {
    conversation_id: ConversationId,
    contact_id: ContactId,
    account_id: Option<AccountId>,
    inbox_id: InboxId,
    channel: Channel,
    author: Author,
    automatic: bool,
    subject: String,
    body: String,
    sent_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Carried {
    target_id: uuid::Uuid,
    tag_id: uuid::Uuid,
    direct: bool,
}

/// Judges a rule on one of the workspace's messages, condition by condition. Nothing if there is no such
/// message.
pub async fn explain(
    ctx: &Ctx,
    workspace: WorkspaceId,
    gate: &Gate,
    condition: &Condition,
    message: MessageId,
) -> Result<Option<Trace>> {
    let reader = ctx.reader();
    let found: Option<Message> = Query::new(
        "SELECT m.conversation_id, m.contact_id, c.account_id, m.inbox_id, i.channel, m.author,
                m.automatic, m.subject, m.body, m.sent_at, m.created_at
         FROM message m
         JOIN inbox i ON i.workspace_id = m.workspace_id AND i.id = m.inbox_id
         JOIN contact c ON c.workspace_id = m.workspace_id AND c.id = m.contact_id
         WHERE m.workspace_id = $1 AND m.id = $2",
    )
    .bind(workspace)
    .bind(message)
    .one(reader)
    .await?;
    let Some(message) = found else {
        return Ok(None);
    };
    let now = Moment::of(reader, workspace, ctx.clock.now()).await?;
    let carried: Vec<Carried> = Query::new(
        "WITH carried AS (
             SELECT g.target_id, g.tag_id FROM tagging g
             WHERE g.workspace_id = $1 AND g.target_id IN ($2, $3)
               -- What a rule put on at the same moment followed from the message.
               AND (g.added_at < $4 OR (g.added_at = $4 AND g.rule_id IS NULL))
               AND (g.removed_at IS NULL OR g.removed_at > $4))
         SELECT target_id, tag_id, TRUE AS direct FROM carried
         UNION ALL
         SELECT c.target_id, l.ancestor_id AS tag_id, FALSE AS direct
         FROM carried c JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = c.tag_id",
    )
    .bind(workspace)
    .bind(message.contact_id)
    .bind(message.conversation_id)
    .bind(message.created_at)
    .all(reader)
    .await?;
    let tags = |target: uuid::Uuid| {
        let of = |direct: bool| {
            let carried = carried.iter();
            let carried = carried.filter(|one| one.target_id == target && one.direct == direct);
            carried.map(|one| one.tag_id).collect()
        };
        TagSet::new(of(true), of(false))
    };
    let holders = Holders {
        contact: Some(message.contact_id.uuid()),
        account: message.account_id.map(AccountId::uuid),
        conversation: Some(message.conversation_id.uuid()),
    };
    let facts = MessageFacts {
        inbox_id: message.inbox_id.uuid(),
        channel: message.channel,
        author: message.author,
        automatic: message.automatic,
        subject: &message.subject,
        body: &message.body,
        moment: now.at(message.sent_at),
        holders,
        contact_tags: &tags(message.contact_id.uuid()),
        conversation_tags: &tags(message.conversation_id.uuid()),
    };
    let mut measures = Measures::default();
    let mut wants = std::collections::HashSet::new();
    gather(condition, &holders, &mut measures, &mut wants);
    let mut known = Known::default();
    known
        .load(reader, workspace, &now, &measures, &wants)
        .await?;
    let texts = Texts::of(&facts);
    let seen = Seen {
        facts: &facts,
        texts: &texts,
    };
    let by = Evidence {
        seen,
        measures: &measures,
        known: &known,
        now: &now,
        found: &|_, _| None,
    };
    Ok(Some(trace::explain(gate, condition, by)))
}
