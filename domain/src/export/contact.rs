//! Contacts as rows, under headers that an import knows again, and what goes with things of any kind:
//! members, attributes.

use std::collections::{BTreeSet, HashMap};

use entity::{
    attribute_definition, attribute_value,
    id::{AccountId, CampaignId, Id as _, MemberId, WorkspaceId},
    kind::{AttributeType, SubjectKind},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Ordered, PAGE,
    table::{Column, Rows, columns, moment},
    tags,
};
use crate::{
    access::member,
    account,
    attribute::{self, definition},
    contact::{self, Contact, ContactFilter, ContactOrder},
    ctx::Ctx,
    email,
    error::Result,
    page::{Page, PageRequest},
};

/// The request for a page after a cursor.
pub(super) fn request(after: Option<String>) -> PageRequest {
    PageRequest {
        after,
        ..PageRequest::first(PAGE)
    }
}

/// The rows of a page, and the cursor of the last if more follow.
pub(super) fn split<T>(page: Page<(String, T)>) -> (Vec<T>, Option<String>) {
    let last = page.rows.last().map(|(cursor, _)| cursor.clone());
    let next = last.filter(|_| page.has_next);
    (page.rows.into_iter().map(|(_, row)| row).collect(), next)
}

/// The addresses of members.
pub(super) async fn members(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: impl Iterator<Item = MemberId>,
) -> Result<HashMap<MemberId, String>> {
    let ids: Vec<MemberId> = ids.collect::<BTreeSet<_>>().into_iter().collect();
    let found = member::load(ctx, workspace, &ids).await?;
    Ok(found.into_iter().map(|one| (one.id, one.email)).collect())
}

/// The custom attributes of a kind of thing, and their values.
pub(super) struct Attributes {
    definitions: Vec<attribute_definition::Model>,
    values: HashMap<(Uuid, Uuid), attribute_value::Model>,
}

impl Attributes {
    pub(super) async fn load(
        ctx: &Ctx,
        workspace: WorkspaceId,
        subject: SubjectKind,
        ids: &[Uuid],
    ) -> Result<Self> {
        let definitions = definition::list(ctx, workspace, Some(subject)).await?;
        let values = if definitions.is_empty() {
            Vec::new()
        } else {
            attribute::load(ctx, workspace, ids).await?
        };
        let values = values.into_iter();
        Ok(Self {
            definitions,
            values: values
                .map(|one| ((one.subject_id, one.attribute_id.uuid()), one))
                .collect(),
        })
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = Column> + '_ {
        self.definitions.iter().map(|one| Column {
            key: format!("attributes.{}", one.key),
            header: one.key.clone(),
        })
    }

    pub(super) fn values(&self, id: Uuid) -> impl Iterator<Item = Value> + '_ {
        self.definitions.iter().map(move |one| {
            let value = self.values.get(&(id, one.id.uuid()));
            value.map_or(Value::Null, |value| shown(one.value_type, value))
        })
    }
}

fn shown(value_type: AttributeType, value: &attribute_value::Model) -> Value {
    match value_type {
        AttributeType::Text | AttributeType::Url | AttributeType::Select => json!(value.text),
        AttributeType::Number => json!(value.number),
        AttributeType::Boolean => json!(value.number.map(|number| number != 0.0)),
        AttributeType::Date => json!(value.at.map(|at| at.date_naive())),
        AttributeType::DateTime => value.at.map_or(Value::Null, moment),
        AttributeType::MultiSelect => value.options.clone(),
    }
}

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
    let mut tags = tags::of_things(ctx, workspace, &ids).await?;
    let attributes = Attributes::load(ctx, workspace, SubjectKind::Contact, &ids).await?;
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
            Value::Array(tags.remove(&one.id.uuid()).unwrap_or_default()),
        ]);
        row.extend(attributes.values(one.id.uuid()));
        row
    });
    let rows = rows.collect();
    let mut columns = columns(&[
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
        ("accountName", "Company"),
        ("accountDomain", "Company domain"),
        ("accountExternalId", "Company ID"),
        ("ownerEmail", "Owner email"),
        ("sourceCampaign", "Source campaign"),
        ("broughtByEmail", "Brought by"),
        ("tags", "Tags"),
    ]);
    columns.extend(attributes.columns());
    Ok(Rows {
        columns,
        rows,
        next,
    })
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
    ]
}
