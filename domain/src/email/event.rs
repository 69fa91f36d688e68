//! Takes email events in, in bulk, once each.
//!
//! Called by the mutation for integrations and, in its own transaction, by what providers tell a
//! [`source`](super::source). The number of
//! statements is the same for one event and for a thousand. What follows from an event (figures,
//! health) is the business of projections: nothing here counts anything.

use std::collections::{BTreeMap, HashMap};

use async_graphql::Enum;
use entity::{
    id::{CampaignId, ContactId, EmailEventId},
    kind::{BounceKind, EmailEventKind, EmailEventOrigin, SubscriptionSource},
};
use sea_orm::{DbErr, FromQueryResult};
use serde::{Deserialize, Serialize};

use super::{
    campaign::{self, Known},
    input::{self, CleanEvent, NewEmailEvent},
};
use crate::{
    access::{Actor, Origin, Scope},
    contact::{resolve_unless_erased, subscription},
    ctx::Ctx,
    error::{Error, Result},
    mail::EmailAddress,
    store::{Query, Rows, Tx},
    work::change::{Change, Fact},
};

/// What became of one email event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[graphql(name = "EmailEventOutcome")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IngestStatus {
    /// It is new.
    Created,
    /// It was there before, or twice in the call.
    Duplicate,
    /// The email went to a person who was erased: nothing of it was kept.
    Erased,
}

/// What became of one event of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestedEvent {
    /// The teller's id of it.
    pub external_id: String,
    /// Our id of it; of a duplicate, that of the stored one; none if nothing was kept.
    pub id: Option<EmailEventId>,
    /// What became of it.
    pub status: IngestStatus,
}

/// What became of a call's events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IngestOutcome {
    /// One entry per event, in the order of the call.
    pub items: Vec<IngestedEvent>,
    /// How many were new.
    pub created: usize,
    /// How many were there before.
    pub duplicates: usize,
    /// How many were of people who were erased.
    pub erased: usize,
}

/// Stores the events that are not there yet, with the campaigns and contacts they name. One that
/// cannot be accepted refuses the whole call.
pub async fn ingest(ctx: &Ctx, actor: &Actor, events: Vec<NewEmailEvent>) -> Result<IngestOutcome> {
    actor.require(Scope::Ingest)?;
    let events = input::clean(events, ctx.clock.now()).map_err(Error::Refused)?;
    if events.is_empty() {
        return Ok(IngestOutcome::default());
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    let outcome = take_in(ctx, &mut tx, actor.origin(), &events).await?;
    tx.commit().await?;
    Ok(outcome)
}

/// Stores, in the caller's transaction, those of `events` that are not there yet, with the campaigns and
/// contacts they name.
pub(super) async fn take_in(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    events: &[CleanEvent],
) -> Result<IngestOutcome> {
    tx.plan_for(events.len());
    let mut stored = find(tx, events.iter().map(|event| &event.external_id)).await?;
    let mut new: BTreeMap<&str, (EmailEventId, &CleanEvent)> = BTreeMap::new();
    for event in events {
        if !stored.contains_key(&event.external_id) {
            // The first of several with one id is the one that counts.
            new.entry(&event.external_id)
                .or_insert_with(|| (tx.id(), event));
        }
    }
    let created = if new.is_empty() {
        HashMap::new()
    } else {
        store(ctx, tx, origin, &new).await?
    };
    // Somebody else may have stored some of them since they were looked for.
    if created.len() < new.len() {
        let missed = new.values().map(|(_, event)| &event.external_id);
        stored.extend(find(tx, missed).await?);
    }
    Ok(outcome(events, &stored, &created))
}

fn outcome(
    events: &[CleanEvent],
    stored: &HashMap<String, EmailEventId>,
    created: &HashMap<String, EmailEventId>,
) -> IngestOutcome {
    let mut fresh = created.clone();
    let mut items = Vec::with_capacity(events.len());
    for event in events {
        let external_id = event.external_id.clone();
        let (id, status) = match fresh.remove(&external_id) {
            Some(id) => (Some(id), IngestStatus::Created),
            None => match created.get(&external_id).or(stored.get(&external_id)) {
                Some(id) => (Some(*id), IngestStatus::Duplicate),
                None => (None, IngestStatus::Erased),
            },
        };
        items.push(IngestedEvent {
            external_id,
            id,
            status,
        });
    }
    let erased = items.iter().filter(|item| item.id.is_none()).count();
    IngestOutcome {
        created: created.len(),
        duplicates: items.len() - created.len() - erased,
        erased,
        items,
    }
}

#[derive(FromQueryResult)]
struct Row {
    external_id: String,
    id: EmailEventId,
}

/// Which of the external ids are stored already.
async fn find(
    tx: &Tx<'_>,
    external_ids: impl Iterator<Item = &String>,
) -> Result<HashMap<String, EmailEventId>, DbErr> {
    // CROSS JOIN keeps SQLite, which knows nothing about the sizes, from walking through the whole
    // workspace and searching the list for each row.
    let rows: Vec<Row> = Query::new(
        "SELECT e.external_id, e.id FROM {r} CROSS JOIN email_event AS e
         WHERE e.workspace_id = $1 AND e.external_id = r.external_id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().texts("external_id", external_ids))
    .all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.external_id, row.id))
        .collect())
}

/// Stores `new` events and says which of them were really new.
async fn store(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    new: &BTreeMap<&str, (EmailEventId, &CleanEvent)>,
) -> Result<HashMap<String, EmailEventId>> {
    let named = new
        .values()
        .filter_map(|(_, event)| event.campaign.as_ref());
    let campaigns = campaign::upsert(tx, named).await?;
    let mut people: Vec<(EmailAddress, Option<String>)> = new
        .values()
        .map(|(_, event)| (event.recipient.clone(), None))
        .collect();
    people.sort_unstable();
    people.dedup();
    let contacts = resolve_unless_erased(ctx, tx, origin, &people).await?;
    // Nothing is kept of people who were erased.
    let new: BTreeMap<_, _> = new
        .iter()
        .filter(|(_, (_, event))| contacts.contains_key(&event.recipient))
        .map(|(external_id, event)| (*external_id, *event))
        .collect();
    let written = insert(tx, &new, &campaigns, &contacts).await?;
    let mut ended = Vec::new();
    for (id, event) in new.values() {
        if !written.contains_key(&event.external_id) {
            continue;
        }
        let fact = Fact::EmailEventRecorded {
            email_event_id: *id,
            email_key: event.email_key.clone(),
            recipient: event.recipient.as_str().to_owned(),
            event: Some(event.kind),
            campaign_id: campaign_of(event, &campaigns),
        };
        let contact = contacts.get(&event.recipient).copied();
        tx.record(Change::new(origin, contact, fact));
        ended.extend(contact.zip(ends_subscription(event.kind, event.bounce)));
    }
    subscription::end_email(tx, origin, &ended).await?;
    Ok(written)
}

fn campaign_of(event: &CleanEvent, known: &HashMap<String, Known>) -> Option<CampaignId> {
    known_campaign(event, known).map(|campaign| campaign.id)
}

fn known_campaign(event: &CleanEvent, known: &HashMap<String, Known>) -> Option<Known> {
    let campaign = event.campaign.as_ref()?;
    known.get(&campaign.external_id).copied()
}

/// Whether opens of the email are tracked: as the event says, else as its campaign does.
fn tracks_opens(event: &CleanEvent, known: &HashMap<String, Known>) -> bool {
    let by_campaign = || known_campaign(event, known).is_none_or(|campaign| campaign.tracks_opens);
    event.tracks_opens.unwrap_or_else(by_campaign)
}

/// What stands for the address an event came from. It is only compared with those of other events of the
/// email, so it is another one in every email: it does not say what else the same person, or device, did.
fn ip_hash(tx: &Tx<'_>, event: &CleanEvent) -> Option<String> {
    let (ip, workspace) = (event.ip?, tx.workspace);
    let (recipient, email_key) = (event.recipient.as_str(), &event.email_key);
    let text = format!("{workspace} {ip} {recipient} {email_key}");
    let hashes = tx
        .ctx()
        .vault
        .fingerprints("email_event.ip", text.as_bytes());
    hashes.first().map(hex::encode)
}

/// Whether after this nothing more may be sent to the address.
fn ends_subscription(
    kind: EmailEventKind,
    bounce: Option<BounceKind>,
) -> Option<SubscriptionSource> {
    match (kind, bounce) {
        (EmailEventKind::Bounced, Some(BounceKind::Hard)) => Some(SubscriptionSource::Bounce),
        (EmailEventKind::Complained, _) => Some(SubscriptionSource::Complaint),
        (EmailEventKind::Unsubscribed, _) => Some(SubscriptionSource::Unsubscribe),
        _ => None,
    }
}

async fn insert(
    tx: &Tx<'_>,
    new: &BTreeMap<&str, (EmailEventId, &CleanEvent)>,
    campaigns: &HashMap<String, Known>,
    contacts: &HashMap<EmailAddress, ContactId>,
) -> Result<HashMap<String, EmailEventId>> {
    let events = || new.values().map(|(_, event)| *event);
    let contact_ids: Option<Vec<ContactId>> = events()
        .map(|event| contacts.get(&event.recipient).copied())
        .collect();
    let contact_ids =
        contact_ids.ok_or_else(|| Error::Internal("a recipient has no contact".to_owned()))?;
    let campaign_ids = events().map(|event| campaign_of(event, campaigns));
    let rows = Rows::new()
        .ids("id", new.values().map(|(id, _)| *id))
        .texts(
            "external_id",
            events().map(|event| event.external_id.as_str()),
        )
        .texts("email_key", events().map(|event| event.email_key.as_str()))
        .texts("recipient", events().map(|event| event.recipient.as_str()))
        .ids("contact_id", contact_ids)
        .opt_ids("campaign_id", campaign_ids)
        .texts(
            "kind",
            events().map(|event| EmailEventKind::word(event.kind)),
        )
        .texts(
            "origin",
            events().map(|event| EmailEventOrigin::word(event.origin)),
        )
        .opt_texts(
            "bounce",
            events().map(|event| event.bounce.map(|kind| BounceKind::word(kind).to_owned())),
        )
        .opt_texts("url", events().map(|event| event.url.clone()))
        .opt_texts("user_agent", events().map(|event| event.user_agent.clone()))
        .opt_texts("ip_hash", events().map(|event| ip_hash(tx, event)))
        .flags(
            "tracks_opens",
            events().map(|event| tracks_opens(event, campaigns)),
        )
        .times("occurred_at", events().map(|event| event.occurred_at));
    // In the order of the external ids, so that two calls never wait for each other in a circle.
    let written: Vec<Row> = Query::new(
        "INSERT INTO email_event (workspace_id, id, external_id, email_key, recipient, contact_id,
                                  campaign_id, kind, origin, bounce, url, user_agent, ip_hash,
                                  tracks_opens, occurred_at, created_at)
         SELECT $1, r.id, r.external_id, r.email_key, r.recipient, r.contact_id, r.campaign_id,
                r.kind, r.origin, r.bounce, r.url, r.user_agent, r.ip_hash, r.tracks_opens,
                r.occurred_at, $2
         FROM {r} WHERE true ORDER BY r.external_id
         ON CONFLICT (workspace_id, external_id) DO NOTHING RETURNING external_id, id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    Ok(written
        .into_iter()
        .map(|row| (row.external_id, row.id))
        .collect())
}
