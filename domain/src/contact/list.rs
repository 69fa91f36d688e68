//! Lists of contacts: filtered, ordered, in pages.
//!
//! Called by the API and by exports. A filter's text is asked of the search. What other lists put their filters
//! together with is here, too: `one_of` and `one_of_few`.

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, CampaignId, Id as _, MemberId, SegmentId, WorkspaceId},
    kind::{Channel, HealthBand, LifecycleStage, SubjectKind, TagTarget},
};
use sea_orm::{ConnectionTrait, DatabaseBackend};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    BESIDE, COLUMNS, Contact, ContactOrder, JOINS, arrival::CAME_AT, is_visitor, order::SOURCE_KEY,
    owner_key, read_contact,
};
use crate::{
    attribute::{self, AttributeOrder, AttributeTest},
    condition::sql::Asked,
    ctx::Ctx,
    error::Result,
    latest::ChangedWithin,
    page::{Page, PageRequest, by_value},
    search::{self, narrow},
    segment,
    store::{Query, Rows, dialect},
    tag::{self, TagFilter},
};

/// Which contacts a list has; every part given must hold. Stored as JSON with operations: fields are
/// added, never renamed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactFilter {
    /// By their tags.
    pub tags: TagFilter,
    /// Of one company.
    pub account: Option<AccountId>,
    /// In one of these bands.
    pub bands: Vec<HealthBand>,
    /// Who is found by a search for this.
    pub text: Option<String>,
    /// In one of these stages.
    pub stages: Vec<LifecycleStage>,
    /// Looked after by one of these members.
    pub owners: Vec<MemberId>,
    /// Looked after by somebody, or by nobody.
    pub has_owner: Option<bool>,
    /// People who are known, or anonymous visitors.
    pub is_known: Option<bool>,
    /// Who came through one of these channels.
    pub source_channels: Vec<Channel>,
    /// Who came from one of these campaigns.
    pub source_campaigns: Vec<CampaignId>,
    /// Whom one of these members brought.
    pub brought_by: Vec<MemberId>,
    /// Made at this moment or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Made before this moment.
    pub created_until: Option<DateTime<Utc>>,
    /// Came in at this moment or later.
    pub arrived_from: Option<DateTime<Utc>>,
    /// Came in before this moment.
    pub arrived_until: Option<DateTime<Utc>>,
    /// Active at this moment or later.
    pub active_from: Option<DateTime<Utc>>,
    /// Last active before this moment.
    pub active_until: Option<DateTime<Utc>>,
    /// By when they last changed.
    pub changed: ChangedWithin,
    /// By the segments they are in.
    pub segments: segment::Filter,
    /// By their custom attributes.
    pub attributes: Vec<AttributeTest>,
    /// Of whom this condition holds.
    pub condition: Option<Asked>,
}

impl narrow::Listed for Contact {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }
}

impl ContactFilter {
    /// Appends the filter on the contact `c`, with its activity `a` and its health `h`, but for its
    /// text: who answers to that is for the search to say.
    pub(crate) fn apply(&self, query: &mut Query, connection: &impl ConnectionTrait) {
        self.tags.apply(query, "c.id");
        self.segments.apply(query, "c.id");
        if let Some(account) = self.account {
            let account = query.arg(account);
            query.push(&format!(" AND c.account_id = {account}"));
        }
        one_of(query, "h.band", self.bands.iter().map(|band| band.word()));
        let stages = self
            .stages
            .iter()
            .map(|&stage| crate::stage::rank(Some(stage)));
        one_of(query, "c.stage_rank", stages);
        one_of(query, "c.owner_id", self.owners.iter().copied());
        if let Some(has_owner) = self.has_owner {
            let not = if has_owner { "NOT " } else { "" };
            query.push(&format!(" AND c.owner_id IS {not}NULL"));
        }
        if let Some(is_known) = self.is_known {
            let not = if is_known { "NOT " } else { "" };
            query.push(&format!(" AND {not}{}", is_visitor("c.id")));
        }
        let channels = self.source_channels.iter().map(|channel| channel.word());
        one_of(query, SOURCE_KEY, channels);
        one_of(
            query,
            "c.source_campaign_id",
            self.source_campaigns.iter().copied(),
        );
        one_of(query, "c.brought_by_id", self.brought_by.iter().copied());
        for (column, sign, moment) in [
            ("c.created_at", ">=", self.created_from),
            ("c.created_at", "<", self.created_until),
            (CAME_AT, ">=", self.arrived_from),
            (CAME_AT, "<", self.arrived_until),
            ("a.last_activity_at", ">=", self.active_from),
            ("a.last_activity_at", "<", self.active_until),
        ] {
            if let Some(moment) = moment {
                let moment = query.arg(moment);
                query.push(&format!(" AND {column} {sign} {moment}"));
            }
        }
        self.changed.apply(query, SubjectKind::Contact, "c.id");
        for test in &self.attributes {
            attribute::test::apply(query, connection, "c.id", test);
        }
        if let Some(asked) = &self.condition {
            let backend = connection.get_database_backend();
            asked.apply(query, backend, SubjectKind::Contact, "c");
        }
    }

    /// The contacts that may be found, where they are few and no rank index of one tag has them in this order:
    /// see [`narrow::few_of`].
    async fn few(
        &self,
        ctx: &Ctx,
        workspace: WorkspaceId,
        order: ContactOrder,
    ) -> Result<Option<Vec<Uuid>>> {
        let mut few = attribute::test::few(ctx, workspace, &self.attributes).await?;
        // One tag has its contacts by health and by id.
        let is_of_one = !self.tags.is_of_several();
        let leads = is_of_one && (order.is_of_health() || order.is_of_creation());
        if few.is_none() && !leads {
            few = self.tags.few(ctx, workspace).await?;
        }
        for query in self.indexed(ctx, workspace, order) {
            if few.is_some() {
                break;
            }
            few = narrow::few_of(ctx, query).await?;
        }
        Ok(few)
    }

    /// A statement for each column asked for that has an index. Most of these go on in the order of ids, so
    /// that lists in that order walk them anyway.
    fn indexed(&self, ctx: &Ctx, workspace: WorkspaceId, order: ContactOrder) -> Vec<Query> {
        let mut queries = Vec::new();
        let mut ask = |column: &str, values: Vec<sea_orm::Value>| {
            if values.is_empty() {
                return;
            }
            let mut query =
                Query::new("SELECT c.id FROM contact c WHERE c.workspace_id = $1").bind(workspace);
            one_of(&mut query, column, values.into_iter());
            queries.push(query);
        };
        let owners = self.owners.iter().copied().map(sea_orm::Value::from);
        ask(owner_key('c', ctx.db.backend()), owners.collect());
        if !order.is_of_creation() {
            let accounts = self.account.into_iter().map(sea_orm::Value::from);
            ask("c.account_id", accounts.collect());
            let campaigns = self.source_campaigns.iter().copied();
            let campaigns = campaigns.map(sea_orm::Value::from);
            ask("c.source_campaign_id", campaigns.collect());
            let members = self.brought_by.iter().copied().map(sea_orm::Value::from);
            ask("c.brought_by_id", members.collect());
        }
        queries
    }

    /// The one segment whose members it finds, if it says nothing else.
    fn one_segment(&self) -> Option<SegmentId> {
        let mut rest = self.clone();
        let segment = rest.segments.take_driver()?;
        (rest == Self::default()).then_some(segment)
    }

    /// The ids of all contacts it finds whatever its text says, in a statement that goes on after a
    /// condition on `c.id`; [`narrow::keep`] says which of them answer to the text.
    pub(crate) fn ids(&self, workspace: WorkspaceId, connection: &impl ConnectionTrait) -> Query {
        let mut query = Query::new(format!(
            "SELECT c.id FROM contact c {JOINS} WHERE c.workspace_id = $1"
        ))
        .bind(workspace);
        self.apply(&mut query, connection);
        query
    }
}

/// Appends that `column` is one of `values`, if there are any.
pub(crate) fn one_of<V: Into<sea_orm::Value>>(
    query: &mut Query,
    column: &str,
    values: impl Iterator<Item = V>,
) {
    let values: Vec<String> = values.map(|value| query.arg(value)).collect();
    if !values.is_empty() {
        query.push(&format!(" AND {column} IN ({})", values.join(", ")));
    }
}

/// As [`one_of`], where few rows have any of `values`: see [`dialect::few`].
pub(crate) fn one_of_few<V: Into<sea_orm::Value>>(
    query: &mut Query,
    backend: DatabaseBackend,
    column: &str,
    values: impl Iterator<Item = V>,
) {
    let values: Vec<String> = values.map(|value| query.arg(value)).collect();
    if !values.is_empty() {
        let test = format!("{column} IN ({})", values.join(", "));
        query.push(&format!(" AND {}", dialect::few(backend, &test)));
    }
}

/// A page of the workspace's contacts, each with its cursor. Without a text it is one statement; with
/// one, the search says who answers.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    mut filter: ContactFilter,
    order: ContactOrder,
    page: &PageRequest,
) -> Result<Page<(String, Contact)>> {
    filter.tags.follow_merges(ctx.reader(), workspace).await?;
    let Some(text) = filter.text.take() else {
        return read(ctx, workspace, filter, order, page, None).await;
    };
    let read = move |ctx: Ctx, page: PageRequest, only| -> narrow::Read<Contact> {
        let filter = filter.clone();
        Box::pin(async move { read(&ctx, workspace, filter, order, &page, only).await })
    };
    narrow::list(ctx, workspace, search::Kind::Contact, &text, page, read).await
}

/// One statement; with a tag to drive it and ordered by health it walks that tag's rank index and
/// touches only the page's rows.
async fn read(
    ctx: &Ctx,
    workspace: WorkspaceId,
    mut filter: ContactFilter,
    order: ContactOrder,
    page: &PageRequest,
    only: Option<Vec<Uuid>>,
) -> Result<Page<(String, Contact)>> {
    let only = match only {
        None => filter.few(ctx, workspace, order).await?,
        only => only,
    };
    let of_changes = order.is_of_changes();
    let driver = match only {
        None if !of_changes => filter.tags.take_driver(),
        _ => None,
    };
    let is_of_one_tag = driver.is_some() && filter == ContactFilter::default();
    let mut keyset = order.keyset(driver.is_some(), ctx.db.backend());
    let one_segment = match (&driver, &only) {
        (None, None) => filter.one_segment(),
        _ => None,
    };
    // Members are kept in the order in which contacts came to be known: lists in that order walk them.
    let segment = match (&driver, &only) {
        (None, None) if order.is_of_creation() => filter.segments.take_driver(),
        _ => None,
    };
    let is_given = only.is_some();
    let mut query = match (driver, only) {
        (_, only) if of_changes => changed(workspace, only, std::mem::take(&mut filter.changed)),
        (None, None) if segment.is_some() => {
            keyset.id = "e.subject_id";
            let mut query = Query::new(format!(
                "SELECT {COLUMNS} FROM segment_member e CROSS JOIN contact AS c {JOINS}
                 WHERE e.workspace_id = $1 AND c.workspace_id = $1 AND c.id = e.subject_id"
            ))
            .bind(workspace);
            let segment = query.arg(segment);
            query.push(&format!(" AND e.segment_id = {segment}"));
            query
        }
        (Some(tag), _) => {
            let mut query = Query::new(format!(
                "SELECT {COLUMNS} FROM tag_rank r
                 JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.target_id {JOINS}
                 WHERE r.workspace_id = $1"
            ))
            .bind(workspace);
            let tag = query.arg(tag.uuid());
            query.push(&format!(" AND r.tag_id = {tag}"));
            query
        }
        (None, Some(only)) => Query::new(format!(
            "SELECT {COLUMNS} FROM {{mine}}
             JOIN contact c ON c.workspace_id = $1 AND c.id = mine.id {BESIDE}"
        ))
        .bind(workspace)
        .rows("mine", Rows::new().uuids("id", only)),
        (None, None) => Query::new(format!(
            "SELECT {COLUMNS} FROM contact c {JOINS} WHERE c.workspace_id = $1"
        ))
        .bind(workspace),
    };
    if driver.is_none() {
        // Names the column the chosen index starts with, so that it can be walked in order.
        query.push(match order {
            ContactOrder::HealthDesc | ContactOrder::HealthAsc => " AND h.workspace_id = $1",
            ContactOrder::ActivityDesc | ContactOrder::ActivityAsc => " AND a.workspace_id = $1",
            _ => "",
        });
    }
    filter.apply(&mut query, ctx.reader());
    if is_given {
        keyset.apply_to_given(&mut query, page, ctx.db.backend())?;
    } else {
        keyset.apply(&mut query, page)?;
    }
    if let Some(tag) = driver.filter(|_| is_of_one_tag) {
        page.note_total(tag::catalogue::count_of(workspace, tag, TagTarget::Contact));
    }
    if let Some(segment) = one_segment {
        page.note_total(segment::count_of(workspace, segment));
    }
    let rows = query.raw(ctx.reader()).await?;
    let contacts = rows.iter().map(|row| {
        let changed_at: Option<DateTime<Utc>> = if of_changes {
            Some(row.try_get("", "changed_at")?)
        } else {
            None
        };
        Ok((read_contact(row)?, changed_at))
    });
    let contacts = contacts.collect::<Result<Vec<_>>>()?;
    Ok(keyset.page(contacts, page).map(|(contact, changed_at)| {
        let cursor = keyset.cursor(order.key(&contact, changed_at), contact.id.uuid());
        (cursor, contact)
    }))
}

/// The beginning of a list in the order of the changes, which walks their index.
fn changed(workspace: WorkspaceId, only: Option<Vec<Uuid>>, within: ChangedWithin) -> Query {
    let mut query = match only {
        Some(only) => Query::new(format!(
            "SELECT {COLUMNS}, l.changed_at FROM {{mine}}
             JOIN contact c ON c.workspace_id = $1 AND c.id = mine.id
             JOIN latest_change l ON l.workspace_id = $1 AND l.subject_id = c.id {BESIDE}"
        ))
        .rows("mine", Rows::new().uuids("id", only)),
        None => Query::new(format!(
            "SELECT {COLUMNS}, l.changed_at FROM latest_change l CROSS JOIN contact AS c {JOINS}
             WHERE l.workspace_id = $1 AND l.subject = 'CONTACT'
               AND c.workspace_id = $1 AND c.id = l.subject_id"
        )),
    }
    .bind(workspace);
    within.apply_beside(&mut query);
    query
}

/// A page of the workspace's contacts ordered by an attribute, each with its cursor. One statement
/// finds the attribute, one the page: it walks the index of the attribute's values, and goes on with
/// those who have none only where those who have one come to their end. With a text, the search says
/// who answers.
pub async fn list_by_attribute(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &ContactFilter,
    order: AttributeOrder,
    page: &PageRequest,
) -> Result<Page<(String, Contact)>> {
    attribute::definition::check(ctx, workspace, order.attribute).await?;
    let mut filter = filter.clone();
    filter.tags.follow_merges(ctx.reader(), workspace).await?;
    let Some(text) = filter.text.take() else {
        return read_by_attribute(ctx, workspace, &filter, order, page, None).await;
    };
    let read = move |ctx: Ctx, page: PageRequest, only| -> narrow::Read<Contact> {
        let filter = filter.clone();
        Box::pin(
            async move { read_by_attribute(&ctx, workspace, &filter, order, &page, only).await },
        )
    };
    narrow::list(ctx, workspace, search::Kind::Contact, &text, page, read).await
}

async fn read_by_attribute(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &ContactFilter,
    order: AttributeOrder,
    page: &PageRequest,
    only: Option<Vec<Uuid>>,
) -> Result<Page<(String, Contact)>> {
    let list = by_value::List {
        attribute: order.attribute,
        descending: order.descending,
        table: "contact",
        alias: "c",
        joins: JOINS,
        columns: COLUMNS,
    };
    let filter = |query: &mut Query| {
        filter.apply(query, ctx.reader());
        narrow::apply(query, "c.id", only.as_deref());
    };
    let query = list.query(workspace, page, filter)?;
    let rows = query.raw(ctx.reader()).await?;
    let found = rows
        .iter()
        .map(|row| Ok((list.cursor(row)?, read_contact(row)?)))
        .collect::<Result<Vec<_>>>()?;
    Ok(by_value::List::page(found, page))
}

/// `text` as a literal part of a `LIKE` pattern whose escape is a backslash.
pub(crate) fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
