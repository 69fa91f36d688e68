//! The campaigns events name.

use std::collections::{BTreeMap, HashMap};

use entity::id::CampaignId;
use sea_orm::{DbErr, FromQueryResult};

use super::input::NewCampaign;
use crate::store::{Query, Rows, Tx};

#[derive(FromQueryResult)]
struct Row {
    external_id: String,
    id: CampaignId,
    name: String,
}

/// The ids of the named campaigns, by their external ids. Makes those that are missing and renames
/// those whose name has changed; the last name of one call wins.
///
/// Known campaigns are only read, so that parallel calls about one campaign do not wait for each
/// other.
pub(super) async fn upsert<'n>(
    tx: &Tx<'_>,
    named: impl Iterator<Item = &'n NewCampaign>,
) -> Result<HashMap<String, CampaignId>, DbErr> {
    let mut wanted: BTreeMap<&str, &str> = BTreeMap::new();
    for campaign in named {
        let name = wanted.entry(&campaign.external_id).or_default();
        if !campaign.name.is_empty() {
            *name = &campaign.name;
        }
    }
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let known: Vec<Row> = Query::new(
        "SELECT c.external_id, c.id, c.name FROM {r} CROSS JOIN campaign AS c
         WHERE c.workspace_id = $1 AND c.external_id = r.external_id",
    )
    .bind(tx.workspace)
    .rows(
        "r",
        Rows::new().texts("external_id", wanted.keys().copied()),
    )
    .all(tx.connection())
    .await?;
    for row in &known {
        if wanted
            .get(row.external_id.as_str())
            .is_some_and(|name| name.is_empty() || *name == row.name)
        {
            wanted.remove(row.external_id.as_str());
        }
    }
    let mut ids: HashMap<String, CampaignId> = known
        .into_iter()
        .map(|row| (row.external_id, row.id))
        .collect();
    if wanted.is_empty() {
        return Ok(ids);
    }
    let shown = wanted
        .iter()
        .map(|(key, name)| if name.is_empty() { *key } else { *name });
    let rows = Rows::new()
        .ids("id", wanted.iter().map(|_| tx.id::<CampaignId>()))
        .texts("external_id", wanted.keys().copied())
        .texts("name", shown);
    // In the order of the external ids, so that two calls never wait for each other in a circle.
    let written: Vec<Row> = Query::new(
        "INSERT INTO campaign (workspace_id, id, external_id, name, created_at)
         SELECT $1, r.id, r.external_id, r.name, $2 FROM {r} WHERE true ORDER BY r.external_id
         ON CONFLICT (workspace_id, external_id) DO UPDATE SET name = excluded.name
         RETURNING external_id, id, name",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    ids.extend(written.into_iter().map(|row| (row.external_id, row.id)));
    Ok(ids)
}
