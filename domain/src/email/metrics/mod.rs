//! Keeps the daily email figures equal to the fold of every email's events.
//!
//! For the emails a batch names, all their events are read and folded anew, and the difference to
//! what was counted before (table `email`) is added to the roll-ups. So late and repeated events,
//! and a sending that moves an email to another day, leave exactly what counting everything from
//! the start would give. The number of statements is the same whatever the size of a batch. Lists
//! are joined by CROSS JOIN, which makes SQLite begin with the list.
//!
//! A contact that moved to another account takes its emails' figures along: that is why changes of
//! contacts are read too.
//!
//! `write` has the statements that write.

mod write;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entity::{
    id::{AccountId, CampaignId, ContactId, EmailEventId},
    kind::{BounceKind, EmailEventKind, EmailEventOrigin},
};
use sea_orm::{DbErr, FromQueryResult};

use super::{
    figures::{Delta, Unit},
    fold::{UnitEvent, fold},
};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    port::Work,
    store::{Query, Rows, Tx},
    work::{
        change::{Change, Entry, Fact},
        projection::Projection,
    },
};

use write::{write_acts, write_days, write_units};

/// The projection that keeps `email`, `email_day` and `email_active_day`.
#[derive(Debug, Clone, Copy)]
pub struct EmailMetrics;

/// One email to one recipient: the sender's id of it and the address.
type UnitKey = (String, String);

#[async_trait]
impl Projection for EmailMetrics {
    fn name(&self) -> &'static str {
        "email_metrics"
    }

    fn work(&self) -> Work {
        Work::Email
    }

    fn facts(&self) -> &'static [&'static str] {
        &[
            "email_event.recorded",
            "contact.changed",
            "contact.merged",
            "contact.unmerged",
        ]
    }

    fn batch(&self) -> i64 {
        2_000
    }

    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        let keys = affected(tx, entries).await?;
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<UnitKey> = keys.into_iter().collect();
        let zone = zone(tx).await?;
        let counted = load_counted(tx, &keys).await?;
        let current = load_current(tx, &keys, zone).await?;

        let mut delta = Delta::default();
        let mut changed = Vec::new();
        let mut contacts = BTreeMap::new();
        for (key, unit) in &current {
            let before = counted.get(key);
            if before == Some(unit) {
                continue;
            }
            if let Some(before) = before {
                delta.remove(tx.workspace, before);
                note(&mut contacts, before);
            }
            delta.add(tx.workspace, unit);
            note(&mut contacts, unit);
            changed.push((key, unit));
        }
        if changed.is_empty() {
            return Ok(());
        }
        delta.prune();
        write_units(tx, &changed).await?;
        write_days(tx, &delta).await?;
        write_acts(tx, &delta).await?;
        record(tx, entries, contacts);
        Ok(())
    }
}

/// The emails whose figures may have to change.
async fn affected(tx: &Tx<'_>, entries: &[Entry]) -> Result<BTreeSet<UnitKey>, DbErr> {
    let mut keys = BTreeSet::new();
    let mut contacts = BTreeSet::new();
    let mut merged = BTreeSet::new();
    for entry in entries {
        match &entry.fact {
            Fact::EmailEventRecorded {
                email_key,
                recipient,
                ..
            } => {
                keys.insert((email_key.clone(), recipient.clone()));
            }
            Fact::ContactChanged { contact_id, .. } => {
                contacts.insert(*contact_id);
            }
            Fact::ContactMerged {
                contact_id,
                loser_id,
                ..
            }
            | Fact::ContactUnmerged {
                contact_id,
                loser_id,
                ..
            } => {
                merged.extend([*contact_id, *loser_id]);
            }
            _ => {}
        }
    }
    if !merged.is_empty() {
        let moved: Vec<KeyRow> = Query::new(
            "SELECT DISTINCT e.email_key, e.recipient FROM {r} CROSS JOIN email_event AS e
             WHERE e.workspace_id = $1 AND e.contact_id = r.id",
        )
        .bind(tx.workspace)
        .rows("r", Rows::new().ids("id", merged))
        .all(tx.connection())
        .await?;
        keys.extend(moved.into_iter().map(|row| (row.email_key, row.recipient)));
    }
    if !contacts.is_empty() {
        let moved: Vec<KeyRow> = Query::new(
            "SELECT u.email_key, u.recipient
             FROM {r} CROSS JOIN contact AS c CROSS JOIN email AS u
             WHERE c.workspace_id = $1 AND c.id = r.id
               AND u.workspace_id = $1 AND u.contact_id = c.id
               AND u.account_id IS DISTINCT FROM c.account_id",
        )
        .bind(tx.workspace)
        .rows("r", Rows::new().ids("id", contacts))
        .all(tx.connection())
        .await?;
        keys.extend(moved.into_iter().map(|row| (row.email_key, row.recipient)));
    }
    Ok(keys)
}

#[derive(FromQueryResult)]
struct KeyRow {
    email_key: String,
    recipient: String,
}

async fn zone(tx: &Tx<'_>) -> Result<Tz, DbErr> {
    let name: Option<String> = Query::new("SELECT time_zone FROM workspace WHERE id = $1")
        .bind(tx.workspace)
        .scalar(tx.connection())
        .await?;
    Ok(name.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC))
}

fn key_rows(keys: &[UnitKey]) -> Rows {
    Rows::new()
        .texts("email_key", keys.iter().map(|(key, _)| key.as_str()))
        .texts(
            "recipient",
            keys.iter().map(|(_, address)| address.as_str()),
        )
}

#[derive(FromQueryResult)]
struct CountedRow {
    email_key: String,
    recipient: String,
    contact_id: ContactId,
    account_id: Option<AccountId>,
    campaign_id: Option<CampaignId>,
    state: serde_json::Value,
}

/// The emails as they are counted in the roll-ups now.
async fn load_counted(tx: &Tx<'_>, keys: &[UnitKey]) -> Result<BTreeMap<UnitKey, Unit>> {
    let rows: Vec<CountedRow> = Query::new(
        "SELECT u.email_key, u.recipient, u.contact_id, u.account_id, u.campaign_id, u.state
         FROM {r} CROSS JOIN email AS u
         WHERE u.workspace_id = $1 AND u.email_key = r.email_key AND u.recipient = r.recipient",
    )
    .bind(tx.workspace)
    .rows("r", key_rows(keys))
    .all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            let unit = Unit {
                contact: row.contact_id,
                account: row.account_id,
                campaign: row.campaign_id,
                state: serde_json::from_value(row.state)?,
            };
            Ok(((row.email_key, row.recipient), unit))
        })
        .collect()
}

#[derive(FromQueryResult)]
struct EventRow {
    email_key: String,
    recipient: String,
    id: EmailEventId,
    contact_id: ContactId,
    account_id: Option<AccountId>,
    campaign_id: Option<CampaignId>,
    kind: EmailEventKind,
    origin: EmailEventOrigin,
    bounce: Option<BounceKind>,
    url: Option<String>,
    user_agent: Option<String>,
    ip_hash: Option<String>,
    tracks_opens: bool,
    occurred_at: DateTime<Utc>,
}

/// The emails as their events tell now.
async fn load_current(
    tx: &Tx<'_>,
    keys: &[UnitKey],
    zone: Tz,
) -> Result<BTreeMap<UnitKey, Unit>, DbErr> {
    let rows: Vec<EventRow> = Query::new(
        "SELECT e.email_key, e.recipient, e.id, e.contact_id, c.account_id, e.campaign_id, e.kind,
                e.origin, e.bounce, e.url, e.user_agent, e.ip_hash, e.tracks_opens, e.occurred_at
         FROM {r} CROSS JOIN email_event AS e
         LEFT JOIN contact AS c ON c.workspace_id = $1 AND c.id = e.contact_id
         WHERE e.workspace_id = $1 AND e.email_key = r.email_key AND e.recipient = r.recipient",
    )
    .bind(tx.workspace)
    .rows("r", key_rows(keys))
    .all(tx.connection())
    .await?;
    let mut grouped: BTreeMap<UnitKey, Vec<EventRow>> = BTreeMap::new();
    for mut row in rows {
        let key = (
            std::mem::take(&mut row.email_key),
            std::mem::take(&mut row.recipient),
        );
        grouped.entry(key).or_default().push(row);
    }
    Ok(grouped
        .into_iter()
        .filter_map(|(key, rows)| Some((key, unit(rows, zone)?)))
        .collect())
}

/// Whose the email is follows from its newest row, since a contact may have been merged into
/// another; the campaign is that of the earliest event that names one.
fn unit(rows: Vec<EventRow>, zone: Tz) -> Option<Unit> {
    let newest = rows.iter().max_by_key(|row| row.id)?;
    let (contact, account) = (newest.contact_id, newest.account_id);
    let campaign = rows
        .iter()
        .filter_map(|row| Some((row.occurred_at, row.campaign_id?)))
        .min()
        .map(|(_, campaign)| campaign);
    let events: Vec<UnitEvent> = rows
        .into_iter()
        .map(|row| UnitEvent {
            id: row.id,
            kind: row.kind,
            origin: row.origin,
            bounce: row.bounce,
            url: row.url,
            user_agent: row.user_agent,
            ip_hash: row.ip_hash,
            tracks_opens: row.tracks_opens,
            occurred_at: row.occurred_at,
        })
        .collect();
    Some(Unit {
        contact,
        account,
        campaign,
        state: fold(&events, zone)?,
    })
}

/// Per contact whose figures changed, the campaigns of the emails that changed them.
type Touched = BTreeMap<ContactId, BTreeSet<Option<CampaignId>>>;

fn note(contacts: &mut Touched, unit: &Unit) {
    contacts
        .entry(unit.contact)
        .or_default()
        .insert(unit.campaign);
}

/// Says once per contact that its figures changed; with the campaign when it was only one.
fn record(tx: &mut Tx<'_>, entries: &[Entry], contacts: Touched) {
    let mut causes: BTreeMap<ContactId, &Entry> = BTreeMap::new();
    for entry in entries {
        if let Some(contact) = entry.contact {
            causes.insert(contact, entry);
        }
    }
    for (contact_id, campaigns) in contacts {
        let Some(cause) = causes.get(&contact_id).copied().or(entries.last()) else {
            continue;
        };
        let campaign_id = match campaigns.into_iter().collect::<Vec<_>>()[..] {
            [campaign] => campaign,
            _ => None,
        };
        let fact = Fact::EmailMetricsChanged {
            contact_id,
            campaign_id,
        };
        tx.record(Change::caused(
            cause,
            Origin::System,
            Some(contact_id),
            fact,
        ));
    }
}
