//! Taking back what a rule has put on.
//!
//! Only taggings that are the rule's own end: what somebody else has set, or has taken over from the
//! rule, stays. An operation, because a rule may have tagged a million contacts.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{RuleId, TagId},
    kind::OperationKind,
    operation, rule,
};
use sea_orm::EntityTrait as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Reason, Touched, hold::hold_tags, write::settle_ended};
use crate::{
    access::{Actor, Origin, Scope},
    ctx::Ctx,
    error::{Error, Result},
    operation::{Kind, NewOperation, Step, start},
    store::{Query, Rows, Tx},
};

/// Taggings ended in one step.
const BATCH: i64 = 2_000;

/// Ends a rule's taggings.
#[derive(Debug, Clone, Copy)]
pub struct WithdrawRuleTags;

/// What is asked for, as stored.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    rule_id: RuleId,
}

/// Takes back every tag that a rule has put on, as an operation. The rule may be paused or deleted;
/// what an active rule puts on meanwhile stays.
pub async fn withdraw(ctx: &Ctx, actor: &Actor, rule_id: RuleId) -> Result<operation::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    rule::Entity::find_by_id((tx.workspace, rule_id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["ruleId"], "rule"))?;
    let asked = ask(ctx, &mut tx, actor.origin(), rule_id).await?;
    tx.commit().await?;
    Ok(asked)
}

/// Asks for it in the transaction of what ends the rule.
pub(crate) async fn ask(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    rule_id: RuleId,
) -> Result<operation::Model> {
    let new = NewOperation {
        kind: OperationKind::WithdrawRuleTags,
        request: json!(Request { rule_id }),
        total: None,
        dry_run: false,
        origin,
    };
    start(ctx, tx, new).await
}

#[async_trait]
impl Kind for WithdrawRuleTags {
    fn kind(&self) -> OperationKind {
        OperationKind::WithdrawRuleTags
    }

    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, operation: &operation::Model) -> Result<Step> {
        let Request { rule_id } = serde_json::from_value(operation.request.clone())?;
        let total = match operation.total {
            Some(_) => None,
            None => Some(count(tx, rule_id, operation.created_at).await?),
        };
        let reason = Reason {
            origin: serde_json::from_value(operation.created_by.clone())?,
            text: String::new(),
            cause: None,
        };
        let (ended, is_last) = end(tx, rule_id, operation.created_at, &reason).await?;
        settle_ended(ctx, tx, &reason, &ended).await?;
        Ok(Step {
            progress: json!({}),
            total,
            done: ended.len() as i64,
            failed: 0,
            is_last,
        })
    }
}

async fn count(tx: &Tx<'_>, rule_id: RuleId, before: DateTime<Utc>) -> Result<i64> {
    let count: Option<i64> = Query::new(
        "SELECT COUNT(*) FROM tagging
         WHERE workspace_id = $1 AND rule_id = $2 AND removed_at IS NULL AND added_at <= $3",
    )
    .bind(tx.workspace)
    .bind(rule_id)
    .bind(before)
    .scalar(tx.connection())
    .await?;
    Ok(count.unwrap_or_default())
}

/// Ends the next taggings; says with them whether there were none.
async fn end(
    tx: &Tx<'_>,
    rule_id: RuleId,
    before: DateTime<Utc>,
    reason: &Reason<'_>,
) -> Result<(Vec<Touched>, bool)> {
    // Whoever changes the tree takes the tags first, too.
    let tags: Vec<TagId> = Query::new(format!(
        "SELECT DISTINCT d.tag_id FROM (
             SELECT tag_id FROM tagging
             WHERE workspace_id = $1 AND rule_id = $2 AND removed_at IS NULL AND added_at <= $3
             ORDER BY id LIMIT {BATCH}) d"
    ))
    .bind(tx.workspace)
    .bind(rule_id)
    .bind(before)
    .column(tx.connection())
    .await?;
    hold_tags(tx, tags.iter().copied()).await?;
    let is_last = tags.is_empty();
    // Only what carries a tag that is held: others may have come first meanwhile.
    let ended = Query::new(format!(
        "UPDATE tagging SET removed_at = $4, removed_by = $5, removed_reason = '',
             ended = 'WITHDRAWN'
         WHERE workspace_id = $1 AND removed_at IS NULL AND id IN (
             SELECT id FROM tagging
             WHERE workspace_id = $1 AND rule_id = $2 AND removed_at IS NULL AND added_at <= $3
               AND tag_id IN (SELECT r.id FROM {{r}})
             ORDER BY id LIMIT {BATCH})
         RETURNING id, tag_id, target, target_id"
    ))
    .bind(tx.workspace)
    .bind(rule_id)
    .bind(before)
    .bind(tx.now)
    .bind(reason.origin.json())
    .rows("r", Rows::new().ids("id", tags))
    .all(tx.connection())
    .await?;
    Ok((ended, is_last))
}
