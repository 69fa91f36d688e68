//! Reading scores: how a contact is doing, why, and how it came to that.
//!
//! Rows hold values, not explanations: those are computed again from the values and the model they
//! were computed with, which is exact because models never change.

use chrono::{DateTime, Utc};
use entity::{
    contact_health, health_history,
    id::{AccountId, ContactId, HealthEntryId, Id as _, WorkspaceId},
    kind::TimelineKind,
};
use sea_orm::FromQueryResult as _;
use serde::{Deserialize, Serialize};

use super::{
    explain::{self, Basis, Delta},
    input::Inputs,
    model::Model,
    save,
    score::{self, Contribution},
};
use crate::{
    contact::one_of,
    ctx::Ctx,
    error::{Error, Result},
    fact::Of,
    page::{Column, Key, Keyset, Page, PageRequest, within},
    port::first_id_at,
    store::{Query, Rows},
    timeline,
};

const NEWEST_FIRST: Keyset = Keyset {
    order: "health_history",
    key: Some(Column::Time("as_of")),
    id: "id",
    descending: true,
};

const ENTRY: &str = "workspace_id, contact_id, as_of, id, model_version, score, band, coverage,
    inputs, cause";

/// The scores of the contacts among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[ContactId],
) -> Result<Vec<contact_health::Model>> {
    let rows = Query::new(
        "SELECT h.workspace_id, h.contact_id, h.model_version, h.score, h.rank, h.band,
                h.band_streak, h.coverage, h.inputs, h.as_of
         FROM {r} CROSS JOIN contact_health AS h
         WHERE h.workspace_id = $1 AND h.contact_id = r.contact_id",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("contact_id", ids.iter().copied()))
    .raw(ctx.reader())
    .await?;
    Ok(rows
        .iter()
        .map(|row| contact_health::Model::from_query_result(row, ""))
        .collect::<Result<_, _>>()?)
}

/// What each signal contributes to a score that was stored with `inputs` and computed with `model`.
/// The points add up to it exactly.
pub fn contributions(model: &Model, inputs: &serde_json::Value) -> Result<Vec<Contribution>> {
    Ok(score::evaluate(model, &decode(inputs)?, None).contributions)
}

/// A page of what the contact's score has been, newest first, each entry with its cursor.
pub async fn history(
    ctx: &Ctx,
    workspace: WorkspaceId,
    contact: ContactId,
    page: &PageRequest,
) -> Result<Page<(String, health_history::Model)>> {
    let mut query = Query::new(format!(
        "SELECT {ENTRY} FROM health_history WHERE workspace_id = $1 AND contact_id = $2"
    ))
    .bind(workspace)
    .bind(contact);
    NEWEST_FIRST.apply(&mut query, page)?;
    let entries = entries(ctx, query).await?;
    Ok(NEWEST_FIRST.placed(entries, page, |entry| {
        (Key::Time(entry.as_of), entry.id.uuid())
    }))
}

/// Which entries of all histories a list has; every part given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthFilter {
    /// Of this contact.
    pub contact: Option<ContactId>,
    /// Of this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Written down at this moment or later: a night that takes long, or is made up for, measures as of its
    /// beginning.
    pub written_from: Option<DateTime<Utc>>,
}

const BY_CONTACT: Keyset = Keyset {
    order: "health_contact",
    key: Some(Column::Of("contact_id")),
    id: "id",
    descending: false,
};

/// A page of what all scores have been, contact after contact and the oldest of each first, each entry
/// with its cursor.
pub async fn list_all(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &HealthFilter,
    page: &PageRequest,
) -> Result<Page<(String, health_history::Model)>> {
    let mut query = Query::new(format!(
        "SELECT {ENTRY} FROM health_history WHERE workspace_id = $1"
    ))
    .bind(workspace);
    one_of(&mut query, "contact_id", filter.contact.into_iter());
    within(&mut query, "as_of", filter.from, filter.until);
    if let Some(from) = filter.written_from {
        let first = query.arg(first_id_at(from));
        query.push(&format!(" AND id >= {first}"));
    }
    BY_CONTACT.apply(&mut query, page)?;
    let entries = entries(ctx, query).await?;
    Ok(BY_CONTACT.placed(entries, page, |entry| {
        let of = entry.contact_id.uuid();
        (Key::Of { of }, entry.id.uuid())
    }))
}

/// A page of what the scores of the account's people have been, newest first, each entry with its
/// cursor: those on its timeline.
pub async fn history_of_account(
    ctx: &Ctx,
    workspace: WorkspaceId,
    account: AccountId,
    page: &PageRequest,
) -> Result<Page<(String, health_history::Model)>> {
    let kinds = [TimelineKind::HealthChanged];
    let found = timeline::list(ctx, workspace, Of::Account(account), &kinds, page).await?;
    let keys: Vec<_> = found
        .rows
        .iter()
        .filter_map(|(_, entry)| {
            Some((entry.contact_id?, entry.at, HealthEntryId(entry.subject_id)))
        })
        .collect();
    let entries = load_entries(ctx, workspace, &keys).await?;
    let entries = entries.into_iter().map(|entry| (entry.id.uuid(), entry));
    Ok(timeline::with_things(found, entries.collect()))
}

/// The entry `id` of the contact's history.
pub async fn find_entry(
    ctx: &Ctx,
    workspace: WorkspaceId,
    contact: ContactId,
    id: HealthEntryId,
) -> Result<Option<health_history::Model>> {
    let query = Query::new(format!(
        "SELECT {ENTRY} FROM health_history
         WHERE workspace_id = $1 AND contact_id = $2 AND id = $3"
    ))
    .bind(workspace)
    .bind(contact)
    .bind(id);
    Ok(entries(ctx, query).await?.pop())
}

/// The entries of these contacts, moments and ids, in no particular order; for loaders. The three
/// together are the key, so that each is one step into the index.
pub async fn load_entries(
    ctx: &Ctx,
    workspace: WorkspaceId,
    keys: &[(ContactId, DateTime<Utc>, HealthEntryId)],
) -> Result<Vec<health_history::Model>> {
    let rows = Rows::new()
        .ids("contact_id", keys.iter().map(|(contact, ..)| *contact))
        .times("as_of", keys.iter().map(|(_, as_of, _)| *as_of))
        .ids("id", keys.iter().map(|(.., id)| *id));
    let query = Query::new(
        "SELECT h.workspace_id, h.contact_id, h.as_of, h.id, h.model_version, h.score, h.band,
                h.coverage, h.inputs, h.cause
         FROM {r} CROSS JOIN health_history AS h
         WHERE h.workspace_id = $1 AND h.contact_id = r.contact_id AND h.as_of = r.as_of
           AND h.id = r.id",
    )
    .bind(workspace)
    .rows("r", rows);
    entries(ctx, query).await
}

/// Why `entry` differs from the one before it; nothing for the first. The parts add up to the
/// difference exactly.
pub async fn change(
    ctx: &Ctx,
    workspace: WorkspaceId,
    entry: &health_history::Model,
) -> Result<Option<Delta>> {
    let query = Query::new(format!(
        "SELECT {ENTRY} FROM health_history
         WHERE workspace_id = $1 AND contact_id = $2 AND (as_of, id) < ($3, $4)
         ORDER BY as_of DESC, id DESC LIMIT 1"
    ))
    .bind(workspace)
    .bind(entry.contact_id)
    .bind(entry.as_of)
    .bind(entry.id);
    let Some(before) = entries(ctx, query).await?.pop() else {
        return Ok(None);
    };
    let versions = [before.model_version, entry.model_version];
    let models = save::load_models(ctx, workspace, &versions).await?;
    let model = |version| {
        let found = models.iter().find(|model| model.version == version);
        found.ok_or_else(|| Error::Internal(format!("the health model {version} is gone")))
    };
    let (old, new) = (decode(&before.inputs)?, decode(&entry.inputs)?);
    Ok(Some(explain::delta(
        Basis {
            model: model(before.model_version)?,
            inputs: &old,
        },
        Basis {
            model: model(entry.model_version)?,
            inputs: &new,
        },
    )))
}

async fn entries(ctx: &Ctx, query: Query) -> Result<Vec<health_history::Model>> {
    let rows = query.raw(ctx.reader()).await?;
    Ok(rows
        .iter()
        .map(|row| health_history::Model::from_query_result(row, ""))
        .collect::<Result<_, _>>()?)
}

fn decode(inputs: &serde_json::Value) -> Result<Inputs> {
    Ok(serde_json::from_value(inputs.clone())?)
}
