//! Makes, changes, archives and restores links.
//!
//! A slug stays for good: it is printed, and in mails that were sent. No other link ever gets it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::{
    id::{CampaignId, TagId, TrackedLinkId},
    kind::{Channel, TagTarget},
    tracked_link::Model,
};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _, Set};
use serde_json::{Value, json};

use super::{
    retag, slug,
    target::{self, Utm},
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode, keep},
    store::{Query, Tx, hold_by_id},
    tag::tagging,
    text,
};

/// Characters a name may have.
const NAME_LIMIT: usize = 100;
/// Tags a link may put on.
pub const TAG_LIMIT: usize = 20;
/// How often another slug is tried when chance gives one that is taken.
const TRIES: usize = 5;

/// A link about to be made.
#[derive(Debug, Clone, Default)]
pub struct NewLink {
    /// The name shown to members.
    pub name: String,
    /// What its address ends with; chance decides, if nothing is given.
    pub slug: Option<String>,
    /// Where it leads.
    pub target_url: String,
    /// Where it is shown.
    pub channel: Option<Channel>,
    /// The campaign it belongs to.
    pub campaign: Option<CampaignId>,
    /// The tags it puts on contacts who follow it.
    pub tags: Vec<TagId>,
    /// What is added to where it leads.
    pub utm: Utm,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What may be changed about a link; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct LinkChanges {
    /// The name shown to members.
    pub name: Option<String>,
    /// Where it leads.
    pub target_url: Option<String>,
    /// Where it is shown; `Some(None)` is nowhere in particular.
    pub channel: Option<Option<Channel>>,
    /// The campaign it belongs to; `Some(None)` is none.
    pub campaign: Option<Option<CampaignId>>,
    /// The tags it puts on, all of them.
    pub tags: Option<Vec<TagId>>,
    /// What is added to where it leads, all of it.
    pub utm: Option<Utm>,
    /// When it stops working; `Some(None)` is never.
    pub expires_at: Option<Option<DateTime<Utc>>>,
}

/// Makes a link.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewLink) -> Result<Model> {
    actor.require(Scope::Write)?;
    let mut errors = Vec::new();
    let name = keep(text::name(&new.name, &["name"], NAME_LIMIT), &mut errors).unwrap_or_default();
    let chosen = new
        .slug
        .map(|raw| keep(slug::check(&raw), &mut errors).unwrap_or_default());
    let target_url = keep(checked_target(ctx, &new.target_url), &mut errors).unwrap_or_default();
    let utm = new.utm.clean(&mut errors);
    let mut tx = ctx.begin(actor.workspace).await?;
    refuse_past(new.expires_at, tx.now, &mut errors);
    refuse_campaign(&tx, new.campaign, &mut errors).await?;
    let tags = checked_tags(&tx, new.tags, &mut errors).await?;
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let mut row = Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        slug: String::new(),
        name_key: text::name_key(&name),
        name,
        target_url,
        utm: serde_json::to_value(utm)?,
        channel: new.channel,
        campaign_id: new.campaign,
        click_count: 0,
        scan_count: 0,
        machine_count: 0,
        contact_count: 0,
        last_followed_at: None,
        expires_at: new.expires_at,
        created_by: actor.origin().json(),
        created_at: tx.now,
        updated_at: tx.now,
        archived_at: None,
    };
    insert(ctx, &tx, &mut row, chosen).await?;
    retag::write(&tx, row.id, &tags).await?;
    let record = Record::made("tracked_link.create", row.id, audited(&row, &tags));
    tx.audit(actor, record);
    tx.commit().await?;
    Ok(row)
}

/// Changes a link, also one that is archived. Whoever follows it from now on is sent to where it leads then.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: TrackedLinkId,
    changes: LinkChanges,
) -> Result<Model> {
    actor.require(Scope::Write)?;
    let mut errors = Vec::new();
    let mut tx = ctx.begin(actor.workspace).await?;
    let before = hold(&tx, id).await?;
    let tags_before = tags_of(&tx, id).await?;
    let mut after = before.clone();
    if let Some(name) = changes.name {
        after.name =
            keep(text::name(&name, &["name"], NAME_LIMIT), &mut errors).unwrap_or_default();
        after.name_key = text::name_key(&after.name);
    }
    if let Some(url) = changes.target_url {
        after.target_url = keep(checked_target(ctx, &url), &mut errors).unwrap_or_default();
    }
    if let Some(channel) = changes.channel {
        after.channel = channel;
    }
    if let Some(campaign) = changes.campaign {
        refuse_campaign(&tx, campaign, &mut errors).await?;
        after.campaign_id = campaign;
    }
    if let Some(utm) = changes.utm {
        after.utm = serde_json::to_value(utm.clean(&mut errors))?;
    }
    if let Some(at) = changes.expires_at {
        if at != before.expires_at {
            refuse_past(at, tx.now, &mut errors);
        }
        after.expires_at = at;
    }
    let tags = match changes.tags {
        Some(tags) => checked_tags(&tx, tags, &mut errors).await?,
        None => tags_before.clone(),
    };
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    if after != before || tags != tags_before {
        after.updated_at = tx.now;
        let mut active = before.clone().into_active_model();
        active.name = Set(after.name.clone());
        active.name_key = Set(after.name_key.clone());
        active.target_url = Set(after.target_url.clone());
        active.utm = Set(after.utm.clone());
        active.channel = Set(after.channel);
        active.campaign_id = Set(after.campaign_id);
        active.expires_at = Set(after.expires_at);
        active.updated_at = Set(after.updated_at);
        active.update(tx.connection()).await?;
        if tags != tags_before {
            retag::write(&tx, id, &tags).await?;
        }
        let (before, said) = (audited(&before, &tags_before), audited(&after, &tags));
        tx.audit(
            actor,
            Record::changed("tracked_link.update", id, before, said),
        );
    }
    tx.commit().await?;
    Ok(after)
}

/// Archives a link, so that it leads nowhere any more, or restores it; nothing happens to one that is as
/// wanted. Its figures, and what contacts did, stay.
pub async fn set_archived(
    ctx: &Ctx,
    actor: &Actor,
    id: TrackedLinkId,
    archived: bool,
) -> Result<Model> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let before = hold(&tx, id).await?;
    if before.archived_at.is_some() == archived {
        tx.rollback().await?;
        return Ok(before);
    }
    let tags = tags_of(&tx, id).await?;
    let after = Model {
        archived_at: archived.then_some(tx.now),
        updated_at: tx.now,
        ..before.clone()
    };
    let mut active = before.clone().into_active_model();
    active.archived_at = Set(after.archived_at);
    active.updated_at = Set(after.updated_at);
    active.update(tx.connection()).await?;
    let action = if archived {
        "tracked_link.archive"
    } else {
        "tracked_link.restore"
    };
    let (before, said) = (audited(&before, &tags), audited(&after, &tags));
    tx.audit(actor, Record::changed(action, id, before, said));
    tx.commit().await?;
    Ok(after)
}

/// Writes a new link under the slug that was chosen, or one that chance gives.
async fn insert(ctx: &Ctx, tx: &Tx<'_>, row: &mut Model, chosen: Option<String>) -> Result<()> {
    if let Some(chosen) = chosen {
        row.slug = chosen;
        if insert_row(tx, row).await? {
            return Ok(());
        }
        let message =
            "Another link's address ends like this, perhaps an archived one's. Choose another.";
        return Err(Error::refused(&["slug"], UserErrorCode::Taken, message));
    }
    for _ in 0..TRIES {
        let mut chance = [0; slug::CHANCE];
        ctx.ids.fill(&mut chance);
        row.slug = slug::of_chance(chance);
        if insert_row(tx, row).await? {
            return Ok(());
        }
    }
    Err(Error::Internal("chance gives no free slug".to_owned()))
}

/// Writes a new link; false if its slug is taken, in any workspace. Who comes second with a slug waits here
/// for who came first.
async fn insert_row(tx: &Tx<'_>, row: &Model) -> Result<bool> {
    let made = Query::new(
        "INSERT INTO tracked_link (workspace_id, id, slug, name, name_key, target_url, utm, channel,
                                   campaign_id, click_count, scan_count, machine_count, contact_count,
                                   expires_at, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, 0, $10, $11, $12, $12)
         ON CONFLICT (slug) DO NOTHING",
    )
    .bind(row.workspace_id)
    .bind(row.id)
    .bind(row.slug.clone())
    .bind(row.name.clone())
    .bind(row.name_key.clone())
    .bind(row.target_url.clone())
    .bind(row.utm.clone())
    .bind(row.channel.map(Channel::word))
    .bind(row.campaign_id)
    .bind(row.expires_at)
    .bind(row.created_by.clone())
    .bind(row.created_at)
    .execute(tx.connection())
    .await?;
    Ok(made == 1)
}

fn checked_target(ctx: &Ctx, raw: &str) -> Result<String, UserError> {
    target::check(raw, ctx.link("l").as_ref())
}

fn refuse_past(at: Option<DateTime<Utc>>, now: DateTime<Utc>, errors: &mut Vec<UserError>) {
    if at.is_some_and(|at| at <= now) {
        let message = "Choose a moment in the future.";
        errors.push(UserError::new(
            &["expiresAt"],
            UserErrorCode::Invalid,
            message,
        ));
    }
}

async fn refuse_campaign(
    tx: &Tx<'_>,
    campaign: Option<CampaignId>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let Some(campaign) = campaign else {
        return Ok(());
    };
    let found: Option<CampaignId> =
        Query::new("SELECT c.id FROM campaign c WHERE c.workspace_id = $1 AND c.id = $2")
            .bind(tx.workspace)
            .bind(campaign)
            .scalar(tx.connection())
            .await?;
    if found.is_none() {
        errors.push(UserError::new(
            &["campaignId"],
            UserErrorCode::NotFound,
            "There is no such campaign.",
        ));
    }
    Ok(())
}

/// Tags that a link may put on contacts; they stay what they are until the end.
async fn checked_tags(
    tx: &Tx<'_>,
    listed: Vec<TagId>,
    errors: &mut Vec<UserError>,
) -> Result<BTreeSet<TagId>> {
    let tags: BTreeSet<TagId> = listed.iter().copied().collect();
    if tags.len() > TAG_LIMIT {
        let message = format!("Name at most {TAG_LIMIT} tags.");
        errors.push(UserError::new(
            &["tagIds"],
            UserErrorCode::LimitReached,
            message,
        ));
        return Ok(tags);
    }
    match tagging::refuse_unfit(tx, &listed, TagTarget::Contact, true, "tagIds").await {
        Ok(()) => {}
        Err(Error::Refused(mistakes)) => errors.extend(mistakes),
        Err(error) => return Err(error),
    }
    Ok(tags)
}

async fn tags_of(tx: &Tx<'_>, id: TrackedLinkId) -> Result<BTreeSet<TagId>> {
    let tags: Vec<TagId> = Query::new(
        "SELECT g.tag_id FROM tracked_link_tag g WHERE g.workspace_id = $1 AND g.link_id = $2",
    )
    .bind(tx.workspace)
    .bind(id)
    .column(tx.connection())
    .await?;
    Ok(tags.into_iter().collect())
}

/// The link, held against others who would change it.
async fn hold(tx: &Tx<'_>, id: TrackedLinkId) -> Result<Model> {
    hold_by_id(tx, id)
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "tracked link"))
}

/// What the audit log says of a link.
fn audited(row: &Model, tags: &BTreeSet<TagId>) -> Value {
    json!({
        "slug": row.slug, "name": row.name, "targetUrl": row.target_url, "utm": row.utm,
        "channel": row.channel, "campaignId": row.campaign_id, "tagIds": tags,
        "expiresAt": row.expires_at, "archived": row.archived_at.is_some(),
    })
}
