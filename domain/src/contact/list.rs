//! Lists of contacts: filtered, ordered, in pages.

use entity::{
    id::{AccountId, Id as _, TagId, WorkspaceId},
    kind::{HealthBand, TagTarget},
};

use super::{COLUMNS, Contact, JOINS, read_contact};
use crate::{
    ctx::Ctx,
    error::Result,
    page::{Key, Keyset, Page, PageRequest},
    store::{Query, Rows},
    tag,
};

/// Which tags a thing must and must not have; descendants of a tag count as the tag.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TagFilter {
    /// At least one of these.
    pub any: Vec<TagId>,
    /// Every one of these.
    pub all: Vec<TagId>,
    /// Not a single one of these.
    pub none: Vec<TagId>,
}

impl TagFilter {
    /// Takes out one tag that every result must have, to drive a list from that tag's rank index.
    pub(crate) fn take_driver(&mut self) -> Option<TagId> {
        if self.all.is_empty() && self.any.len() == 1 {
            self.any.pop()
        } else {
            self.all.pop()
        }
    }

    /// Appends what is left of the filter on the thing whose id is the SQL `target`.
    pub(crate) fn apply(&self, query: &mut Query, target: &str) {
        let mut has = |tags: &[TagId], word: &str| {
            let tags: Vec<String> = tags.iter().map(|tag| query.arg(tag.uuid())).collect();
            query.push(&format!(
                " AND {word} EXISTS (SELECT 1 FROM tag_rank t WHERE t.workspace_id = $1
                    AND t.target_id = {target} AND t.tag_id IN ({}))",
                tags.join(", ")
            ));
        };
        if !self.any.is_empty() {
            has(&self.any, "");
        }
        for tag in &self.all {
            has(std::slice::from_ref(tag), "");
        }
        // "None of" is a statement about the whole set of tags, not about some other tag's row.
        if !self.none.is_empty() {
            has(&self.none, "NOT");
        }
    }
}

/// Which contacts a list has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContactFilter {
    /// By their tags.
    pub tags: TagFilter,
    /// Of one company.
    pub account: Option<AccountId>,
    /// In one of these bands.
    pub bands: Vec<HealthBand>,
    /// Whose name or address contains this, ignoring case and width.
    pub text: Option<String>,
}

/// How a list of contacts is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContactOrder {
    /// Newest first.
    #[default]
    CreatedDesc,
    /// Oldest first.
    CreatedAsc,
    /// Best health first; unknown last.
    HealthDesc,
    /// Worst health first; unknown first of all.
    HealthAsc,
    /// Most recently active first.
    ActivityDesc,
    /// Longest silent first.
    ActivityAsc,
    /// By name.
    NameAsc,
    /// By name, backwards.
    NameDesc,
}

impl ContactOrder {
    fn keyset(self, by_tag: bool) -> Keyset {
        let id = if by_tag { "r.target_id" } else { "c.id" };
        let rank = if by_tag { "r.score" } else { "h.rank" };
        let (order, key, id, descending) = match self {
            Self::CreatedDesc => ("created-", None, id, true),
            Self::CreatedAsc => ("created", None, id, false),
            Self::HealthDesc | Self::HealthAsc => {
                let id = if by_tag { id } else { "h.contact_id" };
                ("health", Some(rank), id, self == Self::HealthDesc)
            }
            Self::ActivityDesc | Self::ActivityAsc => (
                "activity",
                Some("a.last_activity_at"),
                "a.contact_id",
                self == Self::ActivityDesc,
            ),
            Self::NameAsc | Self::NameDesc => {
                ("name", Some("c.name_key"), "c.id", self == Self::NameDesc)
            }
        };
        Keyset {
            order,
            key,
            id,
            descending,
        }
    }

    fn key(self, contact: &Contact) -> Key {
        match self {
            Self::CreatedDesc | Self::CreatedAsc => Key::Id(()),
            Self::HealthDesc | Self::HealthAsc => Key::Real(contact.health_rank),
            Self::ActivityDesc | Self::ActivityAsc => {
                Key::Time(contact.last_activity_at.unwrap_or(contact.created_at))
            }
            Self::NameAsc | Self::NameDesc => Key::Text(contact.name_key.clone()),
        }
    }
}

/// A page of the workspace's contacts, each with its cursor. One statement; with a tag to drive it
/// and ordered by health it walks that tag's rank index and touches only the page's rows.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    mut filter: ContactFilter,
    order: ContactOrder,
    page: &PageRequest,
) -> Result<Page<(String, Contact)>> {
    let driver = filter.tags.take_driver();
    let is_of_one_tag = filter == ContactFilter::default();
    let keyset = order.keyset(driver.is_some());
    let mut query = match driver {
        Some(tag) => {
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
        None => Query::new(format!(
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
    filter.tags.apply(&mut query, "c.id");
    if let Some(account) = filter.account {
        let account = query.arg(account);
        query.push(&format!(" AND c.account_id = {account}"));
    }
    if let Some(text) = &filter.text {
        let pattern = query.arg(format!("%{}%", escape_like(&crate::text::name_key(text))));
        query.push(&format!(
            " AND (c.name_key LIKE {pattern} ESCAPE '\\' OR c.email LIKE {pattern} ESCAPE '\\')"
        ));
    }
    if !filter.bands.is_empty() {
        query.push(" AND h.band IN (SELECT b.band FROM {b})");
        let bands = filter.bands.iter().map(|band| band.word());
        query = query.rows("b", Rows::new().texts("band", bands));
    }
    keyset.apply(&mut query, page)?;
    if let Some(tag) = driver.filter(|_| is_of_one_tag) {
        page.note_total(tag::catalogue::count_of(workspace, tag, TagTarget::Contact));
    }
    let rows = query.raw(ctx.reader()).await?;
    let contacts: Vec<Contact> = rows.iter().map(read_contact).collect::<Result<_, _>>()?;
    Ok(keyset.page(contacts, page).map(|contact| {
        let cursor = keyset.cursor(order.key(&contact), contact.id.uuid());
        (cursor, contact)
    }))
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
