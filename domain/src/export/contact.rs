//! Contacts as rows, under headers that an import knows again.

use std::collections::{BTreeSet, HashMap};

use entity::{
    id::{AccountId, CampaignId, ContactId, Id as _, WorkspaceId},
    kind::SubjectKind,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Ordered,
    attached::{Attached, members},
    page::{request, split},
    table::{Rows, moment},
};
use crate::{
    account,
    contact::{self, Contact, ContactFilter, ContactOrder, subscription},
    ctx::Ctx,
    email,
    error::Result,
};

/// The columns of contacts themselves: their names in JSON, and their headers. Tags and attributes follow.
pub(super) const OWN: [(&str, &str); 23] = [
    ("id", "Contact"),
    ("name", "Name"),
    ("kana", "Kana"),
    ("email", "Email"),
    ("phone", "Phone"),
    ("externalId", "External ID"),
    ("locale", "Locale"),
    ("stage", "Stage"),
    ("sourceChannel", "Source channel"),
    ("healthScore", "Health score"),
    ("healthBand", "Health band"),
    ("lastActivityAt", "Last activity"),
    ("createdAt", "Created at"),
    ("updatedAt", "Updated at"),
    ("arrivedAt", "Came in at"),
    ("accountName", "Company"),
    ("accountDomain", "Company domain"),
    ("accountExternalId", "Company ID"),
    ("ownerEmail", "Owner email"),
    ("sourceCampaign", "Source campaign"),
    ("broughtByEmail", "Brought by"),
    ("identities", "Identities"),
    ("subscriptions", "Subscriptions"),
];

pub(super) async fn page(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &ContactFilter,
    order: &Ordered<ContactOrder>,
    after: Option<String>,
) -> Result<Rows> {
    let request = request(after);
    let page = match order.attribute {
        Some(order) => contact::list_by_attribute(ctx, workspace, filter, order, &request).await?,
        None => contact::list(ctx, workspace, filter.clone(), order.by, &request).await?,
    };
    let (contacts, next) = split(page);
    let ids: Vec<Uuid> = contacts.iter().map(|one| one.id.uuid()).collect();
    let each = || contacts.iter();
    let companies: BTreeSet<AccountId> = each().filter_map(|one| one.account_id).collect();
    let companies: Vec<AccountId> = companies.into_iter().collect();
    let companies = account::load(ctx, workspace, &companies).await?;
    let companies: HashMap<AccountId, _> = companies.into_iter().map(|one| (one.id, one)).collect();
    let campaigns: BTreeSet<CampaignId> = each().filter_map(|one| one.source_campaign_id).collect();
    let campaigns: Vec<CampaignId> = campaigns.into_iter().collect();
    let campaigns = email::read::load_campaigns(ctx, workspace, &campaigns).await?;
    let campaigns: HashMap<CampaignId, String> = campaigns
        .into_iter()
        .map(|one| (one.id, one.external_id))
        .collect();
    let owners = each().flat_map(|one| one.owner_id.into_iter().chain(one.brought_by_id));
    let owners = members(ctx, workspace, owners).await?;
    let people: Vec<ContactId> = each().map(|one| one.id).collect();
    let mut identities = identities(ctx, workspace, &people).await?;
    let mut subscriptions = subscriptions(ctx, workspace, &people).await?;
    let attached = Attached::load(ctx, workspace, SubjectKind::Contact, &ids).await?;
    let rows = contacts.iter().map(|one| {
        let company = one.account_id.and_then(|id| companies.get(&id));
        let mut row = row(one);
        row.extend([
            json!(company.map(|company| &company.name)),
            json!(company.and_then(|company| company.domain.as_ref())),
            json!(company.and_then(|company| company.external_id.as_ref())),
            json!(one.owner_id.and_then(|id| owners.get(&id))),
            json!(one.source_campaign_id.and_then(|id| campaigns.get(&id))),
            json!(one.brought_by_id.and_then(|id| owners.get(&id))),
            json!(identities.remove(&one.id).unwrap_or_default()),
            json!(subscriptions.remove(&one.id).unwrap_or_default()),
        ]);
        (one.id.uuid(), row)
    });
    Ok(attached.rows(&OWN, rows, next))
}

/// A list for each contact that has anything in it.
type Lists = HashMap<ContactId, Vec<Value>>;

fn lists(each: impl Iterator<Item = (ContactId, Value)>) -> Lists {
    let mut lists = Lists::new();
    for (contact, value) in each {
        lists.entry(contact).or_default().push(value);
    }
    lists
}

/// Everything they are recognised by: the main address and the main number are only two of it.
async fn identities(ctx: &Ctx, workspace: WorkspaceId, people: &[ContactId]) -> Result<Lists> {
    let found = contact::load_identities(ctx, workspace, people).await?;
    let found = found.iter().map(|one| {
        let shown = json!({ "kind": one.kind, "value": one.value });
        (one.contact_id, shown)
    });
    Ok(lists(found))
}

/// What they want to hear of and what not: whoever writes to them from elsewhere has to know.
async fn subscriptions(ctx: &Ctx, workspace: WorkspaceId, people: &[ContactId]) -> Result<Lists> {
    let found = subscription::load(ctx, workspace, people).await?;
    let found = found.iter().map(|one| {
        let shown = json!({
            "channel": one.channel,
            "topic": one.topic,
            "state": one.state,
            "source": one.source,
            "reason": one.reason,
            "changedAt": moment(one.changed_at),
        });
        (one.contact_id, shown)
    });
    Ok(lists(found))
}

fn row(one: &Contact) -> Vec<Value> {
    vec![
        json!(one.id),
        json!(one.name),
        json!(one.kana),
        json!(one.email),
        json!(one.phone),
        json!(one.external_id),
        json!(one.locale),
        json!(one.stage),
        json!(one.source_channel),
        json!(one.health_score),
        json!(one.health_band),
        one.last_activity_at.map_or(Value::Null, moment),
        moment(one.created_at),
        moment(one.updated_at),
        moment(one.came_at()),
    ]
}
