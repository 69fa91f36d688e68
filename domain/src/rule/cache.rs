//! The compiled rules of each workspace, kept in the process until they change.
//!
//! A workspace's `rules_version` is read in the transaction that evaluates; only when it differs
//! from the version compiled last are the rules read and compiled again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use entity::id::{RuleId, WorkspaceId};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::{action::Action, definition::Definition, plan::Effect};
use crate::condition::matcher::{Matcher, RuleSource};
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    store::Query,
};

/// Workspaces whose rules are kept; beyond that, the one unused for longest is forgotten.
const CAPACITY: usize = 256;

/// The active rules of a workspace, ready to be asked and carried out.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) matcher: Matcher,
    rules: HashMap<Uuid, Active>,
    /// Every tag that an action puts on something.
    pub(crate) tags: Vec<Uuid>,
    /// Every target that an action notifies.
    pub(crate) targets: Vec<Uuid>,
}

/// What is needed of a rule once it fired.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) name: String,
    pub(crate) actions: Vec<Action>,
}

impl Compiled {
    pub(crate) fn rule(&self, id: Uuid) -> Option<&Active> {
        self.rules.get(&id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

#[derive(Default)]
struct Cache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_workspace: HashMap<WorkspaceId, Slot>,
    uses: u64,
}

struct Slot {
    version: i64,
    used: u64,
    compiled: Arc<Compiled>,
}

impl Cache {
    fn get(&self, workspace: WorkspaceId, version: i64) -> Option<Arc<Compiled>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let uses = kept.uses;
        let slot = kept.by_workspace.get_mut(&workspace)?;
        slot.used = uses;
        (slot.version == version).then(|| slot.compiled.clone())
    }

    fn put(&self, workspace: WorkspaceId, version: i64, compiled: Arc<Compiled>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let used = kept.uses;
        let slots = &mut kept.by_workspace;
        if slots.len() >= CAPACITY && !slots.contains_key(&workspace) {
            let oldest = slots.iter().min_by_key(|(_, slot)| slot.used);
            if let Some(oldest) = oldest.map(|(&workspace, _)| workspace) {
                slots.remove(&oldest);
            }
        }
        let slot = Slot {
            version,
            used,
            compiled,
        };
        slots.insert(workspace, slot);
    }
}

/// The active rules of the workspace as `connection` sees them. One statement, unless they changed.
pub(crate) async fn current(
    ctx: &Ctx,
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<Arc<Compiled>> {
    let version: i64 = Query::new("SELECT rules_version FROM workspace WHERE id = $1")
        .bind(workspace)
        .scalar(connection)
        .await?
        .ok_or_else(|| Error::Internal("a projection of no workspace".to_owned()))?;
    let cache = ctx.db.remembered::<Cache>();
    if let Some(compiled) = cache.get(workspace, version) {
        return Ok(compiled);
    }
    let (version, compiled) = load(connection, workspace).await?;
    let compiled = Arc::new(compiled);
    cache.put(workspace, version, compiled.clone());
    Ok(compiled)
}

#[derive(FromQueryResult)]
struct Row {
    rules_version: i64,
    id: Option<RuleId>,
    name: Option<String>,
    position: Option<i64>,
    version: Option<i64>,
    definition: Option<serde_json::Value>,
}

/// Reads version and rules in one statement, so that they belong together.
async fn load(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<(i64, Compiled)> {
    let rows: Vec<Row> = Query::new(
        "SELECT w.rules_version, u.id, u.name, u.position, u.version, u.definition
         FROM workspace w LEFT JOIN rule u
           ON u.workspace_id = w.id AND u.active = $2 AND u.deleted_at IS NULL
         WHERE w.id = $1",
    )
    .bind(workspace)
    .bind(true)
    .all(connection)
    .await?;
    let version = rows.first().map_or(0, |row| row.rules_version);
    let mut sources = Vec::with_capacity(rows.len());
    let mut rules = HashMap::with_capacity(rows.len());
    let (mut tags, mut targets) = (Vec::new(), Vec::new());
    for row in rows {
        let (Some(id), Some(stored)) = (row.id, row.definition) else {
            continue;
        };
        let definition = match Definition::from_stored(stored) {
            Ok(definition) => definition,
            Err(error) => {
                // One rule that cannot be read must not stop all others.
                tracing::error!(workspace.id = %workspace, rule.id = %id,
                    error = &error as &dyn std::error::Error, "left out a rule that cannot be read");
                continue;
            }
        };
        note_effects(&definition.actions, &mut tags, &mut targets);
        sources.push(RuleSource {
            id: id.0,
            version: row.version.unwrap_or_default(),
            position: row.position.unwrap_or_default(),
            gate: definition.trigger.gate(),
            condition: definition.condition,
        });
        let active = Active {
            name: row.name.unwrap_or_default(),
            actions: definition.actions,
        };
        rules.insert(id.0, active);
    }
    for ids in [&mut tags, &mut targets] {
        ids.sort_unstable();
        ids.dedup();
    }
    let matcher = Matcher::compile(sources)
        .map_err(|error| Error::Internal(format!("cannot compile the rules: {error}")))?;
    let compiled = Compiled {
        matcher,
        rules,
        tags,
        targets,
    };
    Ok((version, compiled))
}

fn note_effects(actions: &[Action], tags: &mut Vec<Uuid>, targets: &mut Vec<Uuid>) {
    let mut effects = Vec::new();
    for action in actions {
        action.kind().effects(&mut effects);
    }
    for effect in effects {
        match effect {
            Effect::TagContact { tag_id } | Effect::TagConversation { tag_id } => tags.push(tag_id),
            Effect::NotifySlack { target_id, .. } => targets.push(target_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Arc<Compiled> {
        Arc::new(Compiled {
            matcher: Matcher::compile(Vec::new()).unwrap(),
            rules: HashMap::new(),
            tags: Vec::new(),
            targets: Vec::new(),
        })
    }

    fn workspace(number: u128) -> WorkspaceId {
        WorkspaceId(Uuid::from_u128(number))
    }

    #[test]
    fn only_the_version_that_was_compiled_is_found() {
        let cache = Cache::default();
        cache.put(workspace(1), 4, nothing());
        assert!(cache.get(workspace(1), 4).is_some());
        assert!(cache.get(workspace(1), 5).is_none());
        assert!(cache.get(workspace(2), 4).is_none());
    }

    #[test]
    fn the_workspace_unused_for_longest_is_forgotten() {
        let cache = Cache::default();
        for number in 0..CAPACITY as u128 {
            cache.put(workspace(number), 1, nothing());
        }
        assert!(cache.get(workspace(0), 1).is_some());
        cache.put(workspace(1_000), 1, nothing());
        assert!(cache.get(workspace(0), 1).is_some());
        assert!(cache.get(workspace(1), 1).is_none());
        assert!(cache.get(workspace(1_000), 1).is_some());
    }
}
