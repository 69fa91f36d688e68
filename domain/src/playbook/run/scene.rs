//! What a batch has to know besides its enrolments.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use chrono_tz::Tz;
use entity::{
    id::{AccountId, ContactId, PlaybookId},
    playbook_version,
};
use sea_orm::FromQueryResult;

use crate::{
    condition::Moment,
    error::{Error, Result},
    playbook::read::Version,
    store::{Query, Rows, Tx},
    workspace::BusinessHours,
};

/// What a batch has to know besides its enrolments.
pub(super) struct Scene {
    /// What the playbook is called.
    pub(super) name: String,
    /// Now, in the workspace.
    pub(super) moment: Moment,
    /// The versions that somebody in the batch is on.
    pub(super) versions: BTreeMap<i64, Version>,
    /// Everybody's account.
    pub(super) accounts: HashMap<ContactId, Option<AccountId>>,
    /// Who was merged into somebody else.
    pub(super) merged: HashSet<ContactId>,
}

#[derive(FromQueryResult)]
struct Person {
    id: ContactId,
    account_id: Option<AccountId>,
    merged: bool,
}

#[derive(FromQueryResult)]
struct Title {
    name: String,
    time_zone: String,
    business_hours: Option<serde_json::Value>,
}

impl Scene {
    /// Reads it. Three statements.
    pub(super) async fn load(
        tx: &Tx<'_>,
        book: PlaybookId,
        rows: &[entity::enrolment::Model],
    ) -> Result<Self> {
        let title: Option<Title> = Query::new(
            "SELECT p.name, w.time_zone, w.business_hours
             FROM playbook p JOIN workspace w ON w.id = p.workspace_id
             WHERE p.workspace_id = $1 AND p.id = $2",
        )
        .bind(tx.workspace)
        .bind(book)
        .one(tx.connection())
        .await?;
        let title =
            title.ok_or_else(|| Error::Internal("an enrolment in no playbook".to_owned()))?;
        let wanted: BTreeSet<i64> = rows.iter().map(|row| row.version).collect();
        let stored: Vec<playbook_version::Model> = Query::new(
            "SELECT v.* FROM {r} JOIN playbook_version v ON v.workspace_id = $1
               AND v.playbook_id = $2 AND v.version = r.version",
        )
        .bind(tx.workspace)
        .bind(book)
        .rows("r", Rows::new().ints("version", wanted))
        .all(tx.connection())
        .await?;
        let mut versions = BTreeMap::new();
        for row in stored {
            versions.insert(row.version, Version::try_from(row)?);
        }
        let people: Vec<Person> = Query::new(
            "SELECT c.id, c.account_id, c.merged_into_id IS NOT NULL AS merged
             FROM {r} JOIN contact c ON c.workspace_id = $1 AND c.id = r.id",
        )
        .bind(tx.workspace)
        .rows(
            "r",
            Rows::new().ids("id", rows.iter().map(|row| row.contact_id)),
        )
        .all(tx.connection())
        .await?;
        let merged = people.iter().filter(|one| one.merged).map(|one| one.id);
        Ok(Self {
            name: title.name,
            moment: Moment {
                now: tx.now,
                zone: title.time_zone.parse().unwrap_or(Tz::UTC),
                hours: Arc::new(BusinessHours::from_stored(title.business_hours)),
            },
            versions,
            merged: merged.collect(),
            accounts: people
                .into_iter()
                .map(|one| (one.id, one.account_id))
                .collect(),
        })
    }

    /// One of the versions.
    pub(super) fn version(&self, version: i64) -> Result<&Version> {
        self.versions
            .get(&version)
            .ok_or_else(|| Error::Internal("an enrolment in no version".to_owned()))
    }
}
