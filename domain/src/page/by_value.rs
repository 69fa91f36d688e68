//! Lists ordered by a custom attribute, which not every row has a value for.
//!
//! Such a list has two parts: the rows with a value, in the order of the index over values, then
//! those without, by id. A page walks one part, and the other only where the first comes to its end;
//! both in one statement. Called by the lists of contacts and accounts.

use entity::id::{AttributeId, WorkspaceId};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{Cursor, Key, Page, PageRequest, Total};
use crate::{error::Result, store::Query};

/// A list ordered by an attribute.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) attribute: AttributeId,
    pub(crate) descending: bool,
    /// The table of the rows, and the alias that `joins`, `columns` and the filter know it by.
    pub(crate) table: &'static str,
    pub(crate) alias: &'static str,
    pub(crate) joins: &'static str,
    pub(crate) columns: &'static str,
}

/// The conditions of a page on one of the two parts.
#[derive(Debug, Default)]
struct Bounds {
    /// Nothing of the part can be on the page.
    empty: bool,
    after: Option<(String, Uuid)>,
    before: Option<(String, Uuid)>,
}

impl List {
    /// The name of the order in cursors: a cursor of another attribute does not fit.
    fn order(&self) -> String {
        let way = if self.descending { "-" } else { "" };
        format!("{}{way}", self.attribute)
    }

    /// The statement of a page; `filter` appends the list's conditions.
    pub(crate) fn query(
        &self,
        workspace: WorkspaceId,
        page: &PageRequest,
        filter: impl Fn(&mut Query),
    ) -> Result<Query> {
        let (with, without) = self.bounds(page)?;
        let way = if self.descending == page.backward {
            "ASC"
        } else {
            "DESC"
        };
        let (alias, table, joins) = (self.alias, self.table, self.joins);
        let mut all = Query::new(format!(
            "SELECT COUNT(*) FROM {table} {alias} {joins} WHERE {alias}.workspace_id = $1"
        ))
        .bind(workspace);
        filter(&mut all);
        page.note_total(Total::Statement(all));
        let mut query = Query::new("WITH ").bind(workspace);
        let attribute = query.arg(self.attribute);
        let limit = query.arg(page.size + 1);
        // Of the two, the one that the page begins with is read first; the other only if rows are
        // still missing.
        let missing = |first: &str| format!(" AND (SELECT COUNT(*) FROM {first}) < {limit}");
        let part = |query: &mut Query, has_value: bool| {
            let (name, bounds) = if has_value {
                ("valued", &with)
            } else {
                ("bare", &without)
            };
            if has_value {
                query.push(&format!(
                    "{name} AS (SELECT 0 AS part, v.sort_key AS sort_key, v.subject_id AS id
                     FROM attribute_value v
                     JOIN {table} {alias} ON {alias}.workspace_id = v.workspace_id
                      AND {alias}.id = v.subject_id {joins}
                     WHERE v.workspace_id = $1 AND v.attribute_id = {attribute}"
                ));
            } else {
                query.push(&format!(
                    "{name} AS (SELECT 1 AS part, '' AS sort_key, {alias}.id AS id
                     FROM {table} {alias} {joins}
                     WHERE {alias}.workspace_id = $1 AND NOT EXISTS (
                       SELECT 1 FROM attribute_value v WHERE v.workspace_id = $1
                        AND v.subject_id = {alias}.id AND v.attribute_id = {attribute})"
                ));
            }
            filter(query);
            bounds.push(query, has_value, self.descending, alias);
            if has_value == page.backward {
                query.push(&missing(if has_value { "bare" } else { "valued" }));
            }
            let by = if has_value {
                format!("v.sort_key {way}, v.subject_id {way}")
            } else {
                format!("{alias}.id {way}")
            };
            query.push(&format!(" ORDER BY {by} LIMIT {limit})"));
        };
        part(&mut query, !page.backward);
        query.push(", ");
        part(&mut query, page.backward);
        let first = if page.backward { "DESC" } else { "ASC" };
        let columns = self.columns;
        // SQLite never reads the right of a cross join first: it would go through all rows there are, and look
        // each up in the page.
        query.push(&format!(
            " SELECT {columns}, p.part, p.sort_key, p.id AS page_id
             FROM (SELECT * FROM valued UNION ALL SELECT * FROM bare) p
             CROSS JOIN {table} AS {alias} {joins}
             WHERE {alias}.workspace_id = $1 AND {alias}.id = p.id
             ORDER BY p.part {first}, p.sort_key {way}, p.id {way} LIMIT {limit}"
        ));
        Ok(query)
    }

    fn bounds(&self, page: &PageRequest) -> Result<(Bounds, Bounds)> {
        let (mut with, mut without) = (Bounds::default(), Bounds::default());
        let read = |cursor: &Option<String>, argument| {
            let decoded = cursor
                .as_ref()
                .map(|text| Cursor::decode(text, &self.order(), argument));
            decoded.transpose()
        };
        if let Some(cursor) = read(&page.after, "after")? {
            if let Key::Text(key) = cursor.key {
                with.after = Some((key, cursor.id));
            } else {
                with.empty = true;
                without.after = Some((String::new(), cursor.id));
            }
        }
        if let Some(cursor) = read(&page.before, "before")? {
            if let Key::Text(key) = cursor.key {
                without.empty = true;
                with.before = Some((key, cursor.id));
            } else {
                without.before = Some((String::new(), cursor.id));
            }
        }
        Ok((with, without))
    }

    /// The cursor of a row of the statement.
    pub(crate) fn cursor(&self, row: &QueryResult) -> Result<String> {
        let part: i32 = row.try_get("", "part")?;
        let key = if part == 0 {
            Key::Text(row.try_get("", "sort_key")?)
        } else {
            Key::Id(())
        };
        let cursor = Cursor {
            order: self.order(),
            key,
            id: row.try_get("", "page_id")?,
        };
        Ok(cursor.encode())
    }

    /// Makes a page of what the statement found.
    pub(crate) fn page<T>(mut rows: Vec<T>, request: &PageRequest) -> Page<T> {
        let more = rows.len() as i64 > request.size;
        rows.truncate(usize::try_from(request.size).unwrap_or_default());
        if request.backward {
            rows.reverse();
        }
        let (has_next, has_previous) = if request.backward {
            (request.before.is_some(), more)
        } else {
            (more, request.after.is_some())
        };
        Page {
            rows,
            has_next,
            has_previous,
            total: request.total.take(),
        }
    }
}

impl Bounds {
    fn push(&self, query: &mut Query, has_value: bool, descending: bool, alias: &str) {
        if self.empty {
            query.push(" AND false");
        }
        for (bound, forward) in [(&self.after, true), (&self.before, false)] {
            let Some((key, id)) = bound else { continue };
            let sign = if forward == descending { "<" } else { ">" };
            let id = query.arg(*id);
            if has_value {
                let key = query.arg(key.clone());
                query.push(&format!(
                    " AND (v.sort_key, v.subject_id) {sign} ({key}, {id})"
                ));
            } else {
                query.push(&format!(" AND {alias}.id {sign} {id}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_a_page_are_read_after_it_is_known() {
        let list = List {
            attribute: Uuid::nil().into(),
            descending: false,
            table: "account",
            alias: "a",
            joins: "",
            columns: "a.*",
        };
        let query = list.query(Uuid::nil().into(), &PageRequest::first(20), |_| {});
        let text = format!("{:?}", query.unwrap());
        assert!(text.contains("CROSS JOIN account AS a"), "{text}");
    }
}
