//! Taking back what a rule has put on.
//!
//! Only taggings that are the rule's own end: what somebody else has set, or has taken over from the
//! rule, stays. Nothing is taken back unless somebody asks for it: a rule that is paused, by hand or
//! because it failed, says nothing about the things it tagged, and one that is changed has not looked at
//! them again. An operation, because a rule may have tagged a million contacts.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{RuleId, TagId},
    kind::{OperationKind, TagTarget},
    operation, rule,
};
use sea_orm::EntityTrait as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Reason, Touched, hold::hold_tags, write::settle_ended};
use crate::{
    access::{Actor, Origin, Scope},
    action::{Action, Effect},
    ctx::Ctx,
    error::{Error, Result},
    operation::{Kind, NewOperation, Step, start},
    rule::Rule,
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
    /// Only tags that the rule does not put on such things any more, as its definition stands when they are
    /// ended: so a tag that is merged meanwhile, or comes back into the rule, stays.
    #[serde(default)]
    unnamed_only: bool,
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
    let asked = ask(ctx, &mut tx, actor.origin(), rule_id, false).await?;
    tx.commit().await?;
    Ok(asked)
}

/// Asks for it in the transaction of what ends the rule; with `unnamed_only`, of what takes tags out of
/// its actions: then only these are taken back.
pub(crate) async fn ask(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    rule_id: RuleId,
    unnamed_only: bool,
) -> Result<operation::Model> {
    let new = NewOperation {
        kind: OperationKind::WithdrawRuleTags,
        request: json!(Request {
            rule_id,
            unnamed_only,
        }),
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
        let asked: Request = serde_json::from_value(operation.request.clone())?;
        let which = Which {
            rule_id: asked.rule_id,
            before: operation.created_at,
            kept: if asked.unnamed_only {
                named(tx, asked.rule_id).await?
            } else {
                Vec::new()
            },
        };
        let total = match operation.total {
            Some(_) => None,
            None => Some(count(tx, &which).await?),
        };
        let reason = Reason {
            origin: serde_json::from_value(operation.created_by.clone())?,
            text: String::new(),
            cause: None,
        };
        let (ended, is_last) = end(tx, &which, &reason).await?;
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

/// Which of a rule's taggings are ended.
struct Which {
    rule_id: RuleId,
    before: DateTime<Utc>,
    /// Tags that stay, each on what it is put on.
    kept: Vec<(TagTarget, TagId)>,
}

impl Which {
    /// The taggings, in a statement whose `$1` is the workspace and whose next values are these.
    const HERE: &str =
        "workspace_id = $1 AND rule_id = $2 AND removed_at IS NULL AND added_at <= $3
               AND NOT EXISTS (SELECT 1 FROM {k} WHERE k.id = tagging.tag_id AND k.target = tagging.target)";

    fn bind(&self, query: Query, tx: &Tx<'_>) -> Query {
        let kept = Rows::new()
            .texts("target", self.kept.iter().map(|(target, _)| target.word()))
            .ids("id", self.kept.iter().map(|&(_, id)| id));
        query
            .bind(tx.workspace)
            .bind(self.rule_id)
            .bind(self.before)
            .rows("k", kept)
    }
}

/// The tags that a rule puts on by its definition, each with what it puts it on: the same tag may have
/// been meant for contacts before, and for their accounts now.
async fn named(tx: &Tx<'_>, rule_id: RuleId) -> Result<Vec<(TagTarget, TagId)>> {
    let row = rule::Entity::find_by_id((tx.workspace, rule_id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::Internal("taggings of no rule".to_owned()))?;
    let rule = Rule::try_from(row)?;
    let effects = rule.definition.actions.iter().flat_map(Action::effects);
    let tags = effects.filter_map(|effect| match effect {
        Effect::TagConversation { tag_id, .. } => Some((TagTarget::Conversation, TagId(tag_id))),
        Effect::TagContact { tag_id, .. } => Some((TagTarget::Contact, TagId(tag_id))),
        Effect::TagAccount { tag_id, .. } => Some((TagTarget::Account, TagId(tag_id))),
        _ => None,
    });
    Ok(tags.collect())
}

async fn count(tx: &Tx<'_>, which: &Which) -> Result<i64> {
    let here = Which::HERE;
    let query = Query::new(format!("SELECT COUNT(*) FROM tagging WHERE {here}"));
    let count: Option<i64> = which.bind(query, tx).scalar(tx.connection()).await?;
    Ok(count.unwrap_or_default())
}

/// Ends the next taggings; says with them whether there were none.
async fn end(tx: &Tx<'_>, which: &Which, reason: &Reason<'_>) -> Result<(Vec<Touched>, bool)> {
    // Whoever changes the tree takes the tags first, too.
    let here = Which::HERE;
    let query = Query::new(format!(
        "SELECT DISTINCT d.tag_id FROM (
             SELECT tag_id FROM tagging WHERE {here} ORDER BY id LIMIT {BATCH}) d"
    ));
    let tags: Vec<TagId> = which.bind(query, tx).column(tx.connection()).await?;
    hold_tags(tx, tags.iter().copied()).await?;
    let is_last = tags.is_empty();
    // Only what carries a tag that is held: others may have come first meanwhile.
    let query = Query::new(format!(
        "UPDATE tagging SET removed_at = $4, removed_by = $5, removed_reason = '',
             ended = 'WITHDRAWN'
         WHERE workspace_id = $1 AND removed_at IS NULL AND id IN (
             SELECT id FROM tagging WHERE {here} AND tag_id IN (SELECT r.id FROM {{r}})
             ORDER BY id LIMIT {BATCH})
         RETURNING id, tag_id, target, target_id"
    ));
    let ended = which
        .bind(query, tx)
        .bind(tx.now)
        .bind(reason.origin.json())
        .rows("r", Rows::new().ids("id", tags))
        .all(tx.connection())
        .await?;
    Ok((ended, is_last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_requests_keep_decoding() {
        let stored = json!({ "rule_id": "rule_01900000000070008000000000000001" });
        let request: Request = serde_json::from_value(stored).unwrap();
        assert!(!request.unnamed_only, "those of before meant all tags");
        let stored = json!({
            "rule_id": "rule_01900000000070008000000000000001", "unnamed_only": true,
        });
        let request: Request = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(json!(request), stored);
    }
}
