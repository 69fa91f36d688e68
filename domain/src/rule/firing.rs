//! The log of firings: which rule fired on which message, what matched, and what became of each
//! action.

use entity::{
    id::{ContactId, DeliveryId, FiringId, Id as _, MessageId, RuleId, WorkspaceId},
    rule_firing,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::plan::Effect;
use crate::condition::matcher::MatchedPart;
use crate::{
    ctx::Ctx,
    error::Result,
    page::{Key, Keyset, Page, PageRequest},
    store::{Query, Rows},
};

/// What became of one effect of one action. Stored as JSON: variants and fields are added, never
/// renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Which of the rule's actions asked for it, counted from 0.
    pub action: usize,
    /// What it asked for.
    pub effect: Effect,
    /// What became of it.
    pub result: OutcomeResult,
}

/// What became of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum OutcomeResult {
    /// The tag was put on.
    Tagged,
    /// The tag was there already.
    AlreadyTagged,
    /// The tag's group takes one value, and somebody else than a rule has set another.
    OtherValueKept,
    /// The tag was archived or deleted since the rule was written.
    TagUnavailable,
    /// A notification is on its way; the delivery tells the rest.
    Queued {
        /// The delivery.
        delivery_id: DeliveryId,
    },
    /// The target is switched off or deleted.
    TargetUnavailable,
    /// Another rule, or an earlier action of this one, had asked for the same.
    Repeated {
        /// The rule that owns the effect.
        rule_id: RuleId,
    },
}

/// What matched, as stored in a firing.
pub fn matched(firing: &rule_firing::Model) -> Result<Vec<MatchedPart>> {
    Ok(serde_json::from_value(firing.matched.clone())?)
}

/// What became of the actions, as stored in a firing.
pub fn outcomes(firing: &rule_firing::Model) -> Result<Vec<Outcome>> {
    Ok(serde_json::from_value(firing.outcomes.clone())?)
}

/// Whose firings a list has.
#[derive(Debug, Clone, Copy)]
pub enum FiringsOf {
    /// Of one rule.
    Rule(RuleId),
    /// Of one contact.
    Contact(ContactId),
    /// Of one message.
    Message(MessageId),
}

const NEWEST: Keyset = Keyset {
    order: "firing",
    key: None,
    id: "f.id",
    descending: true,
};

/// A page of firings, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    of: FiringsOf,
    page: &PageRequest,
) -> Result<Page<(String, rule_firing::Model)>> {
    let (column, id): (_, Uuid) = match of {
        FiringsOf::Rule(id) => ("rule_id", id.uuid()),
        FiringsOf::Contact(id) => ("contact_id", id.uuid()),
        FiringsOf::Message(id) => ("message_id", id.uuid()),
    };
    let mut query = Query::new(format!(
        "SELECT f.* FROM rule_firing f WHERE f.workspace_id = $1 AND f.{column} = $2"
    ))
    .bind(workspace)
    .bind(id);
    NEWEST.apply(&mut query, page)?;
    let rows: Vec<rule_firing::Model> = query.all(ctx.reader()).await?;
    Ok(NEWEST
        .page(rows, page)
        .map(|row| (NEWEST.cursor(Key::Id(()), row.id.uuid()), row)))
}

/// The firing, if it is one of the workspace.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: FiringId,
) -> Result<Option<rule_firing::Model>> {
    Ok(load(ctx, workspace, &[id]).await?.pop())
}

/// The firings among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[FiringId],
) -> Result<Vec<rule_firing::Model>> {
    Ok(
        Query::new("SELECT f.* FROM {r} JOIN rule_firing f ON f.workspace_id = $1 AND f.id = r.id")
            .bind(workspace)
            .rows("r", Rows::new().ids("id", ids.iter().copied()))
            .all(ctx.reader())
            .await?,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stored_outcomes_of_every_kind_keep_decoding() {
        let tag = json!({"tagContact": {"tagId": Uuid::from_u128(1)}});
        let notice = json!({"notifySlack": {"targetId": Uuid::from_u128(2), "title": null}});
        let delivery = "delivery_00000000000000000000000000000003";
        let rule = "rule_00000000000000000000000000000004";
        for (effect, result) in [
            (&tag, json!("tagged")),
            (&tag, json!("alreadyTagged")),
            (&tag, json!("tagUnavailable")),
            (&notice, json!({"queued": {"deliveryId": delivery}})),
            (&notice, json!("targetUnavailable")),
            (&notice, json!({"repeated": {"ruleId": rule}})),
        ] {
            let stored = json!({"action": 0, "effect": effect, "result": result});
            let outcome: Outcome = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(serde_json::to_value(outcome).unwrap(), stored);
        }
    }
}
