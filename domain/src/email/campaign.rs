//! Campaigns: those that events name come with the events, others are made by hand; both can be renamed and
//! given another external id.

use std::collections::{BTreeMap, HashMap};

use entity::{
    campaign,
    id::{CampaignId, WorkspaceId},
};
use sea_orm::{DbErr, FromQueryResult};
use serde_json::{Value, json};

use super::input::{self, MAX_NAME, NewCampaign};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx, hold_by_id},
    text,
};

/// What may be changed about a campaign; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct CampaignChanges {
    /// The name shown to people.
    pub name: Option<String>,
    /// The id the campaign has where it is sent from.
    pub external_id: Option<String>,
    /// Whether opens of its emails are tracked. Events that come in from then on say so, unless they say
    /// something else themselves.
    pub tracks_opens: Option<bool>,
}

/// Makes a campaign, before any event names it. `tracks_opens`: whether opens of its emails are tracked.
pub async fn create(
    ctx: &Ctx,
    actor: &Actor,
    new: NewCampaign,
    tracks_opens: bool,
) -> Result<campaign::Model> {
    actor.require(Scope::Write)?;
    let changes = CampaignChanges {
        name: Some(new.name),
        external_id: Some(new.external_id),
        tracks_opens: None,
    };
    let clean = checked(changes)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let campaign = campaign::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        name: clean.name.unwrap_or_default(),
        external_id: clean.external_id.unwrap_or_default(),
        tracks_opens,
        created_at: tx.now,
    };
    // An event may name it at the same moment: one of the two makes it.
    let made = Query::new(
        "INSERT INTO campaign (workspace_id, id, external_id, name, created_at, tracks_opens)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, external_id) DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(campaign.id)
    .bind(campaign.external_id.clone())
    .bind(campaign.name.clone())
    .bind(tx.now)
    .bind(tracks_opens)
    .execute(tx.connection())
    .await?;
    if made == 0 {
        return Err(taken());
    }
    let record = Record::made("campaign.create", campaign.id, audited(&campaign));
    tx.audit(actor, record);
    tx.commit().await?;
    Ok(campaign)
}

/// Changes a campaign.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: CampaignId,
    changes: CampaignChanges,
) -> Result<campaign::Model> {
    actor.require(Scope::Write)?;
    let clean = checked(changes)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let before = hold(&tx, id).await?;
    let mut after = before.clone();
    if let Some(name) = clean.name {
        after.name = name;
    }
    if let Some(external_id) = clean.external_id {
        after.external_id = external_id;
    }
    if let Some(tracks_opens) = clean.tracks_opens {
        after.tracks_opens = tracks_opens;
    }
    if after.external_id != before.external_id && holder(&tx, &after.external_id).await?.is_some() {
        return Err(taken());
    }
    if after != before {
        Query::new(
            "UPDATE campaign SET name = $3, external_id = $4, tracks_opens = $5
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(tx.workspace)
        .bind(id)
        .bind(after.name.clone())
        .bind(after.external_id.clone())
        .bind(after.tracks_opens)
        .execute(tx.connection())
        .await?;
        let (before, after) = (audited(&before), audited(&after));
        tx.audit(actor, Record::changed("campaign.update", id, before, after));
    }
    tx.commit().await?;
    Ok(after)
}

/// The campaign of an external id, if there is one.
pub async fn find_by_external_id(
    ctx: &Ctx,
    workspace: WorkspaceId,
    external_id: &str,
) -> Result<Option<campaign::Model>> {
    // What could not be stored is no campaign's.
    let Ok(external_id) = input::key(external_id, &["externalId"]) else {
        return Ok(None);
    };
    Ok(
        Query::new("SELECT c.* FROM campaign c WHERE c.workspace_id = $1 AND c.external_id = $2")
            .bind(workspace)
            .bind(external_id)
            .one(ctx.reader())
            .await?,
    )
}

/// The changes in the form in which they are stored, or everything wrong with them.
fn checked(changes: CampaignChanges) -> Result<CampaignChanges> {
    let mut errors = Vec::new();
    let name = changes.name.map(|name| {
        text::name(&name, &["name"], MAX_NAME).unwrap_or_else(|error| {
            errors.push(error);
            name
        })
    });
    let external_id = changes.external_id.map(|id| {
        input::key(&id, &["externalId"]).unwrap_or_else(|error| {
            errors.push(error);
            id
        })
    });
    if errors.is_empty() {
        Ok(CampaignChanges {
            name,
            external_id,
            ..changes
        })
    } else {
        Err(Error::Refused(errors))
    }
}

/// The campaign's row, held until the transaction ends.
async fn hold(tx: &Tx<'_>, id: CampaignId) -> Result<campaign::Model> {
    let found = hold_by_id(tx, id).await?;
    found.ok_or_else(|| Error::not_found(&["id"], "campaign"))
}

async fn holder(tx: &Tx<'_>, external_id: &str) -> Result<Option<CampaignId>> {
    Ok(
        Query::new("SELECT c.id FROM campaign c WHERE c.workspace_id = $1 AND c.external_id = $2")
            .bind(tx.workspace)
            .bind(external_id.to_owned())
            .scalar(tx.connection())
            .await?,
    )
}

fn taken() -> Error {
    let message = "Another campaign already has this id.";
    Error::refused(&["externalId"], UserErrorCode::Taken, message)
}

/// What the audit log says of a campaign.
fn audited(campaign: &campaign::Model) -> Value {
    json!({
        "name": campaign.name, "externalId": campaign.external_id,
        "tracksOpens": campaign.tracks_opens,
    })
}

#[derive(FromQueryResult)]
struct Row {
    external_id: String,
    id: CampaignId,
    name: String,
    tracks_opens: bool,
}

/// What events need to know of their campaign.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Its id.
    pub(super) id: CampaignId,
    /// Whether opens of its emails are tracked.
    pub(super) tracks_opens: bool,
}

impl Row {
    fn known(self) -> (String, Known) {
        let known = Known {
            id: self.id,
            tracks_opens: self.tracks_opens,
        };
        (self.external_id, known)
    }
}

/// The named campaigns, by their external ids. Makes those that are missing and renames
/// those whose name has changed; the last name of one call wins.
///
/// Known campaigns are only read, so that parallel calls about one campaign do not wait for each
/// other.
pub(super) async fn upsert<'n>(
    tx: &Tx<'_>,
    named: impl Iterator<Item = &'n NewCampaign>,
) -> Result<HashMap<String, Known>, DbErr> {
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
        "SELECT c.external_id, c.id, c.name, c.tracks_opens FROM {r} CROSS JOIN campaign AS c
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
    let mut found: HashMap<String, Known> = known.into_iter().map(Row::known).collect();
    if wanted.is_empty() {
        return Ok(found);
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
         RETURNING external_id, id, name, tracks_opens",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    found.extend(written.into_iter().map(Row::known));
    Ok(found)
}
