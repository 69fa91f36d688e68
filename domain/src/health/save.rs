//! Keeping and finding the workspace's health model.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entity::id::{HealthModelId, WorkspaceId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{
    model::{Definition, Model},
    validate,
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result},
    store::{Query, Rows, dialect},
    work::change::{Change, Fact},
};

/// A model that was saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// Its id; nothing for the default model.
    pub id: Option<HealthModelId>,
    /// The model.
    pub model: Model,
    /// When it was saved.
    pub created_at: Option<DateTime<Utc>>,
    /// When everybody's score had been recomputed with it.
    pub applied_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Row {
    id: HealthModelId,
    version: i64,
    definition: serde_json::Value,
    created_at: DateTime<Utc>,
    applied_at: Option<DateTime<Utc>>,
}

impl Row {
    fn decode(self) -> Result<Saved> {
        Ok(Saved {
            id: Some(self.id),
            model: Model {
                version: self.version,
                definition: Definition::from_json(self.definition)?,
            },
            created_at: Some(self.created_at),
            applied_at: self.applied_at,
        })
    }
}

const COLUMNS: &str = "id, version, definition, created_at, applied_at";

/// The model scores are computed with now: the newest, or the default.
pub async fn current_model(ctx: &Ctx, workspace: WorkspaceId) -> Result<Saved> {
    current(ctx.reader(), workspace).await
}

/// The same as `connection` sees it.
pub(crate) async fn current(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<Saved> {
    let row: Option<Row> = Query::new(format!(
        "SELECT {COLUMNS} FROM health_model WHERE workspace_id = $1
         ORDER BY version DESC LIMIT 1"
    ))
    .bind(workspace)
    .one(connection)
    .await?;
    match row {
        Some(row) => row.decode(),
        None => Ok(Saved {
            id: None,
            model: Model::default(),
            created_at: None,
            applied_at: None,
        }),
    }
}

/// Saves `definition` as the next version; everybody is then recomputed in the background. What is
/// the same as the current model is not saved again.
pub async fn save_model(ctx: &Ctx, actor: &Actor, definition: Definition) -> Result<Saved> {
    actor.require(Scope::Configure)?;
    let errors = validate::check(&definition);
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    // One after the other, so that versions follow each other without gaps or clashes.
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    Query::new(format!("SELECT 1 FROM workspace WHERE id = $1 {lock}"))
        .bind(tx.workspace)
        .raw(tx.connection())
        .await?;
    let current = current(tx.connection(), tx.workspace).await?;
    if current.model.definition == definition {
        tx.rollback().await?;
        return Ok(current);
    }
    let id = tx.id();
    let model = Model {
        version: current.model.version + 1,
        definition,
    };
    Query::new(
        "INSERT INTO health_model (workspace_id, id, version, definition, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(model.version)
    .bind(model.definition.to_json())
    .bind(actor.origin().json())
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    tx.record(Change::new(
        actor.origin(),
        None,
        Fact::HealthModelChanged { model_id: id },
    ));
    let version = |model: &Model| serde_json::json!({ "version": model.version, "definition": model.definition.to_json() });
    let record = Record::changed(
        "health_model.save",
        id,
        version(&current.model),
        version(&model),
    );
    tx.audit(actor, record);
    let saved = Saved {
        id: Some(id),
        model,
        created_at: Some(tx.now),
        applied_at: None,
    };
    tx.commit().await?;
    Ok(saved)
}

/// The models of these versions, in no particular order, for explaining what was computed with them.
pub async fn load_models(
    ctx: &Ctx,
    workspace: WorkspaceId,
    versions: &[i64],
) -> Result<Vec<Model>> {
    let mut models: Vec<Model> = Vec::new();
    if versions.contains(&0) {
        models.push(Model::default());
    }
    if versions.iter().any(|&version| version != 0) {
        let rows: Vec<Row> = Query::new(format!(
            "SELECT {COLUMNS} FROM health_model
             WHERE workspace_id = $1 AND version IN (SELECT r.wanted FROM {{r}})"
        ))
        .bind(workspace)
        .rows("r", Rows::new().ints("wanted", versions.iter().copied()))
        .all(ctx.reader())
        .await?;
        for row in rows {
            models.push(row.decode()?.model);
        }
    }
    Ok(models)
}

/// The current model and the zone the workspace counts days in.
pub(super) async fn newest(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<(Model, Tz)> {
    let zone: Option<String> = Query::new("SELECT time_zone FROM workspace WHERE id = $1")
        .bind(workspace)
        .scalar(connection)
        .await?;
    let zone = zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
    Ok((current(connection, workspace).await?.model, zone))
}
