//! One request to a link, from its slug to what is stored.
//!
//! What is stored is one transaction, ended before anything is answered: a visit that was answered is never
//! lost, and one that could not be stored is not answered as if it were. Of somebody unknown that is two
//! statements. Counts come last in it: those who follow one link at once wait for each other there, and
//! nowhere else.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entity::{
    id::{ContactId, TagId, TrackedLinkId, WorkspaceId},
    kind::Channel,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use serde_json::{Value, json};

use super::{
    CLICKED, SCANNED, slug,
    target::{self, Utm},
    visitor::Visitor,
};
use crate::{
    access::Origin,
    contact::{self, ContactRef, Mention, Stranger, Whom},
    ctx::Ctx,
    error::{Error, Result},
    event,
    locale::Locale,
    store::{Query, Tx, dialect},
    tag::{Reason, Request, tagging},
};

/// A link as somebody who follows it finds it.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Opened {
    workspace_id: WorkspaceId,
    id: TrackedLinkId,
    slug: String,
    name: String,
    target_url: String,
    utm: Value,
    channel: Option<Channel>,
    expires_at: Option<DateTime<Utc>>,
    archived_at: Option<DateTime<Utc>>,
    campaign: Option<String>,
    time_zone: String,
}

impl Opened {
    /// The link.
    pub fn id(&self) -> TrackedLinkId {
        self.id
    }

    /// The link's slug as it is stored.
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// Whether it leads nowhere any more: its time is over, or it was archived.
    pub fn has_ended(&self, now: DateTime<Utc>) -> bool {
        self.archived_at.is_some() || self.expires_at.is_some_and(|at| at <= now)
    }

    /// Where it leads.
    pub fn destination(&self) -> Result<String> {
        let utm: Utm = serde_json::from_value(self.utm.clone())?;
        target::destination(&self.target_url, &utm)
            .ok_or_else(|| Error::Internal("a link leads to what is no URL".to_owned()))
    }

    fn origin(&self) -> Origin {
        Origin::TrackedLink { link_id: self.id }
    }

    fn zone(&self) -> Tz {
        self.time_zone.parse().unwrap_or(Tz::UTC)
    }
}

/// In which way a link is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// By a person.
    Click,
    /// By a person, from its QR code.
    Scan,
    /// By a machine, which is counted and nothing more.
    ByMachine,
}

impl Followed {
    /// What a contact does by it; nothing if it is no contact's doing.
    fn event(self) -> Option<&'static str> {
        match self {
            Self::Click => Some(CLICKED),
            Self::Scan => Some(SCANNED),
            Self::ByMachine => None,
        }
    }
}

/// The link with this slug, also one that has ended. Slugs name no workspace.
pub async fn open(ctx: &Ctx, slug: &str) -> Result<Option<Opened>> {
    let Some(slug) = slug::read(slug) else {
        return Ok(None);
    };
    Ok(Query::new(
        "SELECT l.workspace_id, l.id, l.slug, l.name, l.target_url, l.utm, l.channel, l.expires_at,
                l.archived_at, c.external_id AS campaign, w.time_zone
         FROM tracked_link l
         JOIN workspace w ON w.id = l.workspace_id
         LEFT JOIN campaign c ON c.workspace_id = l.workspace_id AND c.id = l.campaign_id
         WHERE l.slug = $1",
    )
    .bind(slug)
    .one(ctx.reader())
    .await?)
}

/// Stores that a link was followed: counts it, and where it was a contact writes the event and puts on the
/// link's tags.
pub async fn follow(ctx: &Ctx, link: &Opened, how: Followed, visitor: &Visitor) -> Result<()> {
    let ctx = &ctx.walled_to(link.workspace_id);
    let mut tx = ctx.begin(link.workspace_id).await?;
    let mut is_first = false;
    if let Some(event) = how.event()
        && let Some(contact) = Box::pin(contact(ctx, &mut tx, link, visitor)).await?
    {
        is_first = Box::pin(credit(ctx, &mut tx, link, event, contact)).await?;
    }
    count(&tx, link, how, is_first).await?;
    tx.commit().await
}

/// The contact whose doing it is, held until the end. Nobody for whoever is not known, and for a token of
/// somebody who was erased.
async fn contact(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    link: &Opened,
    visitor: &Visitor,
) -> Result<Option<ContactId>> {
    let whom = match visitor {
        Visitor::Unknown => return Ok(None),
        Visitor::Contact(id) => Whom::Id(*id),
        Visitor::Anonymous(id) => {
            let named = ContactRef::AnonymousId(id.clone());
            // What could not be stored is nobody's id.
            let Ok(whom) = named.read(Locale::default(), &["anonymousId"]) else {
                return Ok(None);
            };
            whom
        }
    };
    let mention = Mention {
        whom: whom.clone(),
        name: None,
        // Anybody may write an id into an address: nobody is made of one.
        stranger: Stranger::LeftOut,
    };
    let found = contact::resolve(ctx, tx, link.origin(), &[mention]).await?;
    Ok(found.get(&whom).copied())
}

/// Writes what a contact did, and puts the link's tags on; says whether they followed this link for the first
/// time.
async fn credit(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    link: &Opened,
    name: &str,
    contact: ContactId,
) -> Result<bool> {
    let mut properties = json!({
        "linkId": link.id, "slug": link.slug, "name": link.name, "url": link.destination()?,
    });
    if let Some(channel) = link.channel {
        properties["channel"] = channel.word().into();
    }
    if let Some(campaign) = &link.campaign {
        properties["campaign"] = campaign.as_str().into();
    }
    event::note(tx, link.origin(), link.zone(), contact, name, properties).await?;
    let noted = Query::new(
        "INSERT INTO tracked_link_contact (workspace_id, link_id, contact_id, first_followed_at)
         VALUES ($1, $2, $3, $4) ON CONFLICT (workspace_id, link_id, contact_id) DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(link.id)
    .bind(contact)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    let requests: Vec<Request> = tags_to_put(tx, link, contact)
        .await?
        .into_iter()
        .map(|tag| Request::contact(contact, tag))
        .collect();
    if !requests.is_empty() {
        let reason = Reason {
            origin: link.origin(),
            text: link.name.clone(),
            cause: None,
        };
        tagging::add(ctx, tx, &reason, &requests).await?;
    }
    Ok(noted == 1)
}

/// The link's tags that a contact does not carry and never got from this link. What somebody has taken off
/// since is not put on again by the next click.
async fn tags_to_put(tx: &Tx<'_>, link: &Opened, contact: ContactId) -> Result<Vec<TagId>> {
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    Ok(Query::new(format!(
        "SELECT t.id FROM tracked_link_tag g
         JOIN tag t ON t.workspace_id = $1 AND t.id = g.tag_id AND t.deleted_at IS NULL
           AND t.archived_at IS NULL
         WHERE g.workspace_id = $1 AND g.link_id = $2 AND NOT EXISTS (
             SELECT 1 FROM tagging p WHERE p.workspace_id = $1 AND p.target_id = $3
               AND p.tag_id = g.tag_id
               AND (p.removed_at IS NULL OR p.added_by ->> 'link_id' = $4))
         ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .bind(link.id)
    .bind(contact)
    .bind(link.id.to_string())
    .column(tx.connection())
    .await?)
}

async fn count(tx: &Tx<'_>, link: &Opened, how: Followed, is_first: bool) -> Result<()> {
    let one = |is: Followed| i64::from(how == is);
    let by_person = (how != Followed::ByMachine).then_some(tx.now);
    Query::new(
        "UPDATE tracked_link SET click_count = click_count + $3, scan_count = scan_count + $4,
             machine_count = machine_count + $5, contact_count = contact_count + $6,
             last_followed_at = COALESCE($7, last_followed_at)
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(link.id)
    .bind(one(Followed::Click))
    .bind(one(Followed::Scan))
    .bind(one(Followed::ByMachine))
    .bind(i64::from(is_first))
    .bind(by_person)
    .execute(tx.connection())
    .await?;
    Query::new(
        "INSERT INTO tracked_link_day (workspace_id, link_id, day, clicks, scans, machines, contacts)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (workspace_id, link_id, day) DO UPDATE SET
             clicks = tracked_link_day.clicks + excluded.clicks,
             scans = tracked_link_day.scans + excluded.scans,
             machines = tracked_link_day.machines + excluded.machines,
             contacts = tracked_link_day.contacts + excluded.contacts",
    )
    .bind(tx.workspace)
    .bind(link.id)
    .bind(tx.now.with_timezone(&link.zone()).date_naive())
    .bind(one(Followed::Click))
    .bind(one(Followed::Scan))
    .bind(one(Followed::ByMachine))
    .bind(i64::from(is_first))
    .execute(tx.connection())
    .await?;
    Ok(())
}
