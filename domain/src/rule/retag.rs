//! Rules as things that name tags: listed before a tag is deleted, rewritten when one is merged.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, RuleId, TagId, WorkspaceId},
    kind::TagKind,
    rule,
};
use sea_orm::{EntityTrait as _, Set};
use serde_json::json;
use uuid::Uuid;

use super::{
    naming::naming,
    read::stored,
    write::{begin_edit, keep_version, record, touched},
};
use crate::{
    access::Origin,
    audit::Record,
    condition::reference::IdKind,
    error::Result,
    store::{Transaction, Tx},
    tag::catalogue::{Merged, Referrer, Replaced, Sought, Use, UseKind, refuse_contradiction},
};

/// All rules of a workspace.
pub(crate) struct Rules;

#[async_trait]
impl Referrer for Rules {
    async fn uses(
        &self,
        connection: &Transaction,
        workspace: WorkspaceId,
        sought: Sought<'_>,
    ) -> Result<Vec<Use>> {
        let rules = naming(connection, workspace, |one| sought.is_named_by(one)).await?;
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
        connection: &Transaction,
        workspace: WorkspaceId,
        sought: Sought<'_>,
    ) -> Result<BTreeSet<Uuid>> {
        let rules = naming(connection, workspace, |one| sought.is_named_by(one)).await?;
        let references = rules.iter().flat_map(|rule| rule.definition.references());
        let named = references.filter(|one| sought.is_named_by(one));
        Ok(named.map(|one| one.id).collect())
    }

    async fn replace(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        kind: TagKind,
        merged: &[Merged],
    ) -> Result<Vec<Replaced>> {
        let sources: Vec<TagId> = merged.iter().map(|pair| pair.source).collect();
        let rules = naming(tx.connection(), tx.workspace, |one| one.is_tag_of(&sources)).await?;
        let mut replaced = Vec::with_capacity(rules.len());
        if rules.is_empty() {
            return Ok(replaced);
        }
        begin_edit(tx).await?;
        let kind = IdKind::of_tag(kind);
        for rule in rules {
            let before = rule.definition.to_stored().map_err(stored)?;
            let mut definition = rule.definition;
            let mistakes = definition.check();
            for pair in merged {
                definition.replace(kind, pair.source.uuid(), pair.target.uuid());
            }
            if rule.active {
                refuse_contradiction("rule", &rule.name, &mistakes, &definition.check())?;
            }
            let after = definition.to_stored().map_err(stored)?;
            replaced.push(Replaced {
                kind: UseKind::Rule,
                id: rule.id.uuid(),
                version: 0,
                before: before.clone(),
                after: after.clone(),
            });
            save(tx, origin, (rule.id, rule.version), before, after).await?;
        }
        Ok(replaced)
    }

    fn kind(&self) -> UseKind {
        UseKind::Rule
    }

    async fn give_back(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        _since: DateTime<Utc>,
        replaced: &[Replaced],
    ) -> Result<Vec<Use>> {
        begin_edit(tx).await?;
        let mut left = Vec::new();
        for one in replaced {
            let id = RuleId(one.id);
            let row = rule::Entity::find_by_id((tx.workspace, id))
                .one(tx.connection())
                .await?
                .filter(|row| row.deleted_at.is_none());
            let Some(row) = row else {
                continue;
            };
            if row.definition == one.after {
                let (was, is) = (one.after.clone(), one.before.clone());
                save(tx, origin, (id, row.version), was, is).await?;
            } else {
                left.push(Use {
                    kind: UseKind::Rule,
                    id: id.to_string(),
                    name: row.name,
                    version: row.version,
                    active: row.active,
                });
            }
        }
        Ok(left)
    }
}

/// Saves a rule, which has this id and version, as what it says after a merge of tags or its undoing.
async fn save(
    tx: &mut Tx<'_>,
    origin: Origin,
    (id, version): (RuleId, i64),
    was: serde_json::Value,
    is: serde_json::Value,
) -> Result<()> {
    let active = rule::ActiveModel {
        definition: Set(is),
        ..touched(tx, id, version)
    };
    let row = rule::Entity::update(active).exec(tx.connection()).await?;
    keep_version(tx, &row, origin).await?;
    record(tx, origin, id);
    let was = json!({ "definition": was });
    let is = json!({ "definition": row.definition });
    tx.audit(origin, Record::changed("rule.update", id, was, is));
    Ok(())
}
