//! Lists of accounts: filtered, ordered, in pages.
//!
//! Called by the API and by exports. A filter's text is asked of the search.

use async_graphql::Enum;
use chrono::{DateTime, Utc};
use entity::{
    account,
    id::{Id as _, MemberId, WorkspaceId},
    kind::{LifecycleStage, SubjectKind},
};
use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, FromQueryResult, QueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    attribute::{self, AttributeOrder, AttributeTest},
    condition::sql::Asked,
    contact::{one_of, owner_key},
    ctx::Ctx,
    error::Result,
    latest::ChangedWithin,
    page::{Column, Key, Keyset, Page, PageRequest, by_value, within},
    search::{self, narrow},
    segment,
    store::{Query, Rows},
    tag::TagFilter,
};

/// Which accounts a list has; every part given must hold. Stored as JSON with operations: fields are
/// added, never renamed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountFilter {
    /// By their tags.
    pub tags: TagFilter,
    /// Which are found by a search for this.
    pub text: Option<String>,
    /// In one of these stages.
    pub stages: Vec<LifecycleStage>,
    /// Looked after by one of these members.
    pub owners: Vec<MemberId>,
    /// Looked after by somebody, or by nobody.
    pub has_owner: Option<bool>,
    /// Made at this moment or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Made before this moment.
    pub created_until: Option<DateTime<Utc>>,
    /// By when they last changed.
    pub changed: ChangedWithin,
    /// By the segments they are in.
    pub segments: segment::Filter,
    /// By their custom attributes.
    pub attributes: Vec<AttributeTest>,
    /// Of which this condition holds.
    pub condition: Option<Asked>,
    /// Those that are archived, instead of those that are not.
    pub archived: bool,
}

impl narrow::Listed for account::Model {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }
}

impl AccountFilter {
    /// Appends the filter on the account `a`, but for its text: which answer to that is for the search
    /// to say.
    pub(crate) fn apply(&self, query: &mut Query, connection: &impl ConnectionTrait) {
        // One that was merged into another, or deleted, is in no list.
        let not = if self.archived { "NOT " } else { "" };
        query.push(&format!(
            " AND a.merged_into_id IS NULL AND a.deleted_at IS NULL AND a.archived_at IS {not}NULL"
        ));
        self.tags.apply(query, "a.id");
        self.segments.apply(query, "a.id");
        let stages = self
            .stages
            .iter()
            .map(|&stage| crate::stage::rank(Some(stage)));
        one_of(query, "a.stage_rank", stages);
        one_of(query, "a.owner_id", self.owners.iter().copied());
        if let Some(has_owner) = self.has_owner {
            let not = if has_owner { "NOT " } else { "" };
            query.push(&format!(" AND a.owner_id IS {not}NULL"));
        }
        within(query, "a.created_at", self.created_from, self.created_until);
        self.changed.apply(query, SubjectKind::Account, "a.id");
        for test in &self.attributes {
            attribute::test::apply(query, connection, "a.id", test);
        }
        if let Some(asked) = &self.condition {
            let backend = connection.get_database_backend();
            asked.apply(query, backend, SubjectKind::Account, "a");
        }
    }

    /// The accounts that may be found, where they are few: see [`narrow::few_of`].
    async fn few(&self, ctx: &Ctx, workspace: WorkspaceId) -> Result<Option<Vec<Uuid>>> {
        if let Some(few) = self.tags.few(ctx, workspace).await? {
            return Ok(Some(few));
        }
        attribute::test::few(ctx, workspace, &self.attributes).await
    }

    /// The ids of all accounts it finds whatever its text says, in a statement that goes on after a
    /// condition on `a.id`; [`narrow::keep`] says which of them answer to the text.
    pub(crate) fn ids(&self, workspace: WorkspaceId, connection: &impl ConnectionTrait) -> Query {
        let mut query =
            Query::new("SELECT a.id FROM account a WHERE a.workspace_id = $1").bind(workspace);
        self.apply(&mut query, connection);
        query
    }
}

/// How a list of accounts is ordered.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[graphql(name = "AccountOrderBy")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountOrder {
    /// By name.
    #[default]
    NameAsc,
    /// By name, backwards.
    NameDesc,
    /// Oldest first.
    CreatedAsc,
    /// Newest first.
    CreatedDesc,
    /// In the order of the lifecycle; without a stage first.
    StageAsc,
    /// Against the order of the lifecycle; without a stage last.
    StageDesc,
    /// By owner, in the order in which the owners joined; without an owner first.
    OwnerAsc,
    /// By owner, backwards; without an owner last.
    OwnerDesc,
    /// By the mean health of their people, the best first; unknown last. This and the three orders below
    /// are a moment behind what the people do.
    HealthDesc,
    /// By the mean health of their people, the worst first; unknown first of all.
    HealthAsc,
    /// Those whose people were active most recently first; those without people by when they were made.
    ActivityDesc,
    /// Those whose people have been silent longest first.
    ActivityAsc,
    /// By `changedAt`, longest unchanged first: what changes meanwhile moves to the end, so a sync that goes on
    /// behind the last cursor it has seen misses nothing. A change is in this order a moment after it was made.
    ChangedAsc,
    /// By `changedAt`, most recently changed first.
    ChangedDesc,
}

/// What stands beside the accounts in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// Nothing.
    Nothing,
    /// How their people are doing, as `s`.
    Standing,
    /// When they last changed, as `l`.
    Change,
}

impl AccountOrder {
    fn keyset(self, backend: DatabaseBackend) -> Keyset {
        let (order, key, descending) = match self {
            Self::NameAsc | Self::NameDesc => (
                "name",
                Some(Column::Text("a.name_key")),
                self == Self::NameDesc,
            ),
            Self::CreatedAsc | Self::CreatedDesc => ("created", None, self == Self::CreatedDesc),
            Self::StageAsc | Self::StageDesc => (
                "stage",
                Some(Column::Whole("a.stage_rank")),
                self == Self::StageDesc,
            ),
            Self::OwnerAsc | Self::OwnerDesc => (
                "owner",
                Some(Column::Of(owner_key('a', backend))),
                self == Self::OwnerDesc,
            ),
            Self::HealthAsc | Self::HealthDesc => (
                "health",
                Some(Column::Real("s.rank")),
                self == Self::HealthDesc,
            ),
            Self::ActivityAsc | Self::ActivityDesc => (
                "activity",
                Some(Column::Time("s.active_at")),
                self == Self::ActivityDesc,
            ),
            Self::ChangedAsc | Self::ChangedDesc => (
                "changed",
                Some(Column::Time("l.changed_at")),
                self == Self::ChangedDesc,
            ),
        };
        // The columns of one index, so that it can be walked in order.
        let id = match self.beside() {
            Beside::Nothing => "a.id",
            Beside::Standing => "s.account_id",
            Beside::Change => "l.subject_id",
        };
        Keyset {
            order,
            key,
            id,
            descending,
        }
    }

    /// What it needs to know besides.
    fn beside(self) -> Beside {
        match self {
            Self::HealthAsc | Self::HealthDesc | Self::ActivityAsc | Self::ActivityDesc => {
                Beside::Standing
            }
            Self::ChangedAsc | Self::ChangedDesc => Beside::Change,
            _ => Beside::Nothing,
        }
    }

    fn key(self, account: &account::Model, known: &Known) -> Key {
        match self {
            Self::ChangedAsc | Self::ChangedDesc => Key::Time(known.changed_at),
            Self::NameAsc | Self::NameDesc => Key::Text(account.name_key.clone()),
            Self::CreatedAsc | Self::CreatedDesc => Key::Id(()),
            Self::StageAsc | Self::StageDesc => Key::Whole {
                whole: account.stage_rank,
            },
            Self::OwnerAsc | Self::OwnerDesc => Key::Of {
                of: account.owner_id.map_or(uuid::Uuid::nil(), |owner| owner.0),
            },
            Self::HealthAsc | Self::HealthDesc => Key::Real(known.people.rank),
            Self::ActivityAsc | Self::ActivityDesc => Key::Time(known.people.active_at),
        }
    }
}

/// How an account's people are doing, as far as an order needs it.
#[derive(Debug, Clone, Copy, Default, FromQueryResult)]
struct People {
    rank: f64,
    active_at: DateTime<Utc>,
}

/// What is known of an account besides, as far as the order needs it.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    people: People,
    changed_at: DateTime<Utc>,
}

impl Known {
    fn read(row: &QueryResult, beside: Beside) -> Result<Self, DbErr> {
        let mut known = Self::default();
        match beside {
            Beside::Nothing => {}
            Beside::Standing => known.people = People::from_query_result(row, "")?,
            Beside::Change => known.changed_at = row.try_get("", "changed_at")?,
        }
        Ok(known)
    }
}

/// A page of the workspace's accounts, each with its cursor. Without a text it is one statement; with
/// one, the search says which answer.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &AccountFilter,
    order: AccountOrder,
    page: &PageRequest,
) -> Result<Page<(String, account::Model)>> {
    let mut filter = filter.clone();
    filter.tags.follow_merges(ctx.reader(), workspace).await?;
    let Some(text) = filter.text.take() else {
        return read(ctx, workspace, &filter, order, page, None).await;
    };
    let read = move |ctx: Ctx, page: PageRequest, only| -> narrow::Read<account::Model> {
        let filter = filter.clone();
        Box::pin(async move { read(&ctx, workspace, &filter, order, &page, only).await })
    };
    narrow::list(ctx, workspace, search::Kind::Account, &text, page, read).await
}

async fn read(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &AccountFilter,
    order: AccountOrder,
    page: &PageRequest,
    only: Option<Vec<Uuid>>,
) -> Result<Page<(String, account::Model)>> {
    let keyset = order.keyset(ctx.db.backend());
    let only = match only {
        None => filter.few(ctx, workspace).await?,
        only => only,
    };
    let beside = order.beside();
    let is_given = only.is_some();
    let text = match (beside, is_given) {
        (Beside::Standing, true) => {
            "SELECT a.*, s.rank, s.active_at FROM {mine}
             JOIN account a ON a.workspace_id = $1 AND a.id = mine.id
             CROSS JOIN account_standing AS s WHERE s.workspace_id = $1 AND s.account_id = a.id"
        }
        (Beside::Standing, false) => {
            "SELECT a.*, s.rank, s.active_at FROM account_standing s CROSS JOIN account AS a
             WHERE s.workspace_id = $1 AND a.workspace_id = $1 AND a.id = s.account_id"
        }
        (Beside::Change, true) => {
            "SELECT a.*, l.changed_at FROM {mine}
             JOIN account a ON a.workspace_id = $1 AND a.id = mine.id
             JOIN latest_change l ON l.workspace_id = $1 AND l.subject_id = a.id WHERE true"
        }
        (Beside::Change, false) => {
            "SELECT a.*, l.changed_at FROM latest_change l CROSS JOIN account AS a
             WHERE l.workspace_id = $1 AND l.subject = 'ACCOUNT'
               AND a.workspace_id = $1 AND a.id = l.subject_id"
        }
        (Beside::Nothing, true) => {
            "SELECT a.* FROM {mine} JOIN account a ON a.workspace_id = $1 AND a.id = mine.id
             WHERE true"
        }
        (Beside::Nothing, false) => "SELECT a.* FROM account a WHERE a.workspace_id = $1",
    };
    let mut query = Query::new(text).bind(workspace);
    if let Some(only) = only {
        query = query.rows("mine", Rows::new().uuids("id", only));
    }
    let mut filter = filter.clone();
    if beside == Beside::Change {
        std::mem::take(&mut filter.changed).apply_beside(&mut query);
    }
    filter.apply(&mut query, ctx.reader());
    if is_given {
        keyset.apply_to_given(&mut query, page, ctx.db.backend())?;
    } else {
        keyset.apply(&mut query, page)?;
    }
    let rows = query.raw(ctx.reader()).await?;
    let rows = rows
        .iter()
        .map(|row| {
            let account = account::Model::from_query_result(row, "")?;
            Ok((account, Known::read(row, beside)?))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(keyset.page(rows, page).map(|(account, known)| {
        let cursor = keyset.cursor(order.key(&account, &known), account.id.uuid());
        (cursor, account)
    }))
}

/// A page of the workspace's accounts ordered by an attribute, each with its cursor. One statement
/// finds the attribute, one the page. With a text, the search says which answer.
pub async fn list_by_attribute(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &AccountFilter,
    order: AttributeOrder,
    page: &PageRequest,
) -> Result<Page<(String, account::Model)>> {
    attribute::definition::check(ctx, workspace, order.attribute).await?;
    let mut filter = filter.clone();
    filter.tags.follow_merges(ctx.reader(), workspace).await?;
    let Some(text) = filter.text.take() else {
        return read_by_attribute(ctx, workspace, &filter, order, page, None).await;
    };
    let read = move |ctx: Ctx, page: PageRequest, only| -> narrow::Read<account::Model> {
        let filter = filter.clone();
        Box::pin(
            async move { read_by_attribute(&ctx, workspace, &filter, order, &page, only).await },
        )
    };
    narrow::list(ctx, workspace, search::Kind::Account, &text, page, read).await
}

async fn read_by_attribute(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &AccountFilter,
    order: AttributeOrder,
    page: &PageRequest,
    only: Option<Vec<Uuid>>,
) -> Result<Page<(String, account::Model)>> {
    let list = by_value::List {
        attribute: order.attribute,
        descending: order.descending,
        table: "account",
        alias: "a",
        joins: "",
        columns: "a.*",
    };
    let filter = |query: &mut Query| {
        filter.apply(query, ctx.reader());
        narrow::apply(query, "a.id", only.as_deref());
    };
    let query = list.query(workspace, page, filter)?;
    let rows = query.raw(ctx.reader()).await?;
    let found = rows
        .iter()
        .map(|row| {
            Ok((
                list.cursor(row)?,
                account::Model::from_query_result(row, "")?,
            ))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(by_value::List::page(found, page))
}
