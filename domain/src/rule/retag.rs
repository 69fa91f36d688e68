//! Rules as things that name tags: listed before a tag is deleted, rewritten when one is merged.

use std::collections::BTreeSet;

use async_trait::async_trait;
use entity::{
    id::{Id as _, RuleId, TagId, WorkspaceId},
    kind::TagKind,
    rule,
};
use sea_orm::{DatabaseTransaction, EntityTrait as _, Set};
use serde_json::json;

use super::{
    read::{Rule, stored},
    write::{begin_edit, keep_version, record, touched},
};
use crate::condition::reference::IdKind;
use crate::{
    access::Origin,
    audit::Record,
    error::Result,
    store::{Query, Tx},
    tag::catalogue::{Merged, Referrer, Use, UseKind},
};

/// All rules of a workspace.
pub(crate) struct Rules;

#[async_trait]
impl Referrer for Rules {
    async fn uses(
        &self,
        connection: &DatabaseTransaction,
        workspace: WorkspaceId,
        tags: &[TagId],
    ) -> Result<Vec<Use>> {
        let rules = naming(connection, workspace, tags).await?;
        Ok(rules
            .into_iter()
            .map(|rule| Use {
                kind: UseKind::Rule,
                id: rule.id.to_string(),
                name: rule.name,
                version: rule.version,
                active: rule.active,
            })
            .collect())
    }

    async fn named(
        &self,
        connection: &DatabaseTransaction,
        workspace: WorkspaceId,
        tags: &[TagId],
    ) -> Result<BTreeSet<TagId>> {
        let references = naming(connection, workspace, tags).await?.into_iter();
        let named: BTreeSet<TagId> = references
            .flat_map(|rule| rule.definition.references())
            .filter(|one| matches!(one.kind, IdKind::ContactTag | IdKind::ConversationTag))
            .map(|one| TagId(one.id))
            .collect();
        Ok(tags
            .iter()
            .copied()
            .filter(|tag| named.contains(tag))
            .collect())
    }

    async fn replace(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        kind: TagKind,
        merged: &[Merged],
    ) -> Result<()> {
        let sources: Vec<TagId> = merged.iter().map(|pair| pair.source).collect();
        let rules = naming(tx.connection(), tx.workspace, &sources).await?;
        if rules.is_empty() {
            return Ok(());
        }
        begin_edit(tx).await?;
        let kind = match kind {
            TagKind::Contact => IdKind::ContactTag,
            TagKind::Conversation => IdKind::ConversationTag,
        };
        for rule in rules {
            let before = rule.definition.to_stored().map_err(stored)?;
            let mut definition = rule.definition;
            for pair in merged {
                definition.replace(kind, pair.source.uuid(), pair.target.uuid());
            }
            let active = rule::ActiveModel {
                definition: Set(definition.to_stored().map_err(stored)?),
                ..touched(tx, rule.id, rule.version)
            };
            let row = rule::Entity::update(active).exec(tx.connection()).await?;
            keep_version(tx, &row, origin).await?;
            record(tx, origin, rule.id);
            let was = json!({ "definition": before });
            let is = json!({ "definition": row.definition });
            tx.audit(origin, Record::changed("rule.update", rule.id, was, is));
        }
        Ok(())
    }
}

/// The rules, in their order, that name any of `tags`. A rule that cannot be read names nothing.
async fn naming(
    connection: &DatabaseTransaction,
    workspace: WorkspaceId,
    tags: &[TagId],
) -> Result<Vec<Rule>> {
    let rows: Vec<rule::Model> = Query::new(
        "SELECT u.* FROM rule u WHERE u.workspace_id = $1 AND u.deleted_at IS NULL
         ORDER BY u.position, u.id",
    )
    .bind(workspace)
    .all(connection)
    .await?;
    let mut naming = Vec::new();
    for row in rows {
        let id: RuleId = row.id;
        let rule = match Rule::try_from(row) {
            Ok(rule) => rule,
            Err(error) => {
                tracing::error!(workspace.id = %workspace, rule.id = %id,
                    error = &error as &dyn std::error::Error, "left out a rule that cannot be read");
                continue;
            }
        };
        let references = rule.definition.references();
        let names_one = references.iter().any(|reference| {
            matches!(reference.kind, IdKind::ContactTag | IdKind::ConversationTag)
                && tags.iter().any(|tag| tag.uuid() == reference.id)
        });
        if names_one {
            naming.push(rule);
        }
    }
    Ok(naming)
}
