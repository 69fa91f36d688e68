//! A condition as SQL: a truth about one row of contacts, accounts or conversations, in whatever
//! statement goes over them: a list, a segment, a playbook.
//!
//! Each measure is read for that row alone, through the index by its holder. Nobody asks for everybody
//! at once: lists show a page, and segments go over everybody in steps.

use entity::{
    id::{Id as _, WorkspaceId},
    kind::SubjectKind,
};
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Condition, Leaf, Shape,
    leaf::field::Table,
    measure::{Columns, Holder, Loaded, Source, Sql},
    moment::Moment,
    test::{Ask, Test},
};
use crate::{
    store::{Query, Rows},
    workspace::BusinessHours,
};

/// A condition with the moment at which it is asked, for lists and for long work over a list: it
/// finds the same whenever the work goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The condition.
    pub condition: Condition,
    /// When it is asked.
    pub at: chrono::DateTime<chrono::Utc>,
    /// The workspace's time zone, by its IANA name.
    pub zone: String,
    /// When the workspace is open for business.
    #[serde(default)]
    pub hours: std::sync::Arc<BusinessHours>,
}

impl Asked {
    /// The condition, asked at `moment`.
    pub fn new(condition: Condition, moment: &Moment) -> Self {
        Self {
            condition,
            at: moment.now,
            zone: moment.zone.name().to_owned(),
            hours: moment.hours.clone(),
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.at,
            zone: self.zone.parse().unwrap_or(chrono_tz::UTC),
            hours: self.hours.clone(),
        }
    }

    /// Appends that it holds of the row `alias` of contacts or accounts, in a statement whose `$1` is
    /// the workspace.
    pub(crate) fn apply(
        &self,
        query: &mut Query,
        backend: DatabaseBackend,
        subject: SubjectKind,
        alias: &'static str,
    ) {
        let holds = predicate(
            query,
            backend,
            &self.moment(),
            &self.condition,
            subject,
            alias,
        );
        query.push(&format!(" AND {holds}"));
    }
}

/// A statement that gives the ids of the contacts, accounts or conversations among `ids` of which the
/// condition holds, in a column `id`. Those that were merged or deleted are left out.
pub fn select(
    backend: DatabaseBackend,
    workspace: WorkspaceId,
    moment: &Moment,
    condition: &Condition,
    subject: SubjectKind,
    ids: &[Uuid],
) -> Query {
    let mut query = Query::new("").bind(workspace.uuid());
    let (table, here) = match subject {
        SubjectKind::Contact => ("contact", " AND s.merged_into_id IS NULL"),
        SubjectKind::Account => (
            "account",
            " AND s.merged_into_id IS NULL AND s.deleted_at IS NULL",
        ),
        SubjectKind::Conversation => ("conversation", ""),
    };
    let holds = predicate(&mut query, backend, moment, condition, subject, "s");
    query.push(&format!(
        "SELECT s.id FROM {{among}} JOIN {table} s ON s.workspace_id = $1 AND s.id = among.id
         WHERE true{here} AND {holds}"
    ));
    query.rows("among", Rows::new().uuids("id", ids.iter().copied()))
}

/// That the condition holds of the row `alias` of the table of `subject`, in a statement whose `$1` is
/// the workspace. Two-valued: never NULL.
pub(crate) fn predicate(
    query: &mut Query,
    backend: DatabaseBackend,
    moment: &Moment,
    condition: &Condition,
    subject: SubjectKind,
    alias: &'static str,
) -> String {
    Walk {
        sql: Sql {
            query,
            backend,
            moment,
        },
        scope: Scope::of(subject, alias),
    }
    .condition(condition)
}

/// The row that a condition is asked of.
#[derive(Debug, Clone, Copy)]
struct Scope {
    subject: SubjectKind,
    alias: &'static str,
}

impl Scope {
    fn of(subject: SubjectKind, alias: &'static str) -> Self {
        Self { subject, alias }
    }

    /// The id of a holder, if the row has one.
    fn id(&self, holder: Holder) -> Option<String> {
        let alias = self.alias;
        Some(match (self.subject, holder) {
            (SubjectKind::Contact, Holder::Contact)
            | (SubjectKind::Account, Holder::Account)
            | (SubjectKind::Conversation, Holder::Conversation) => format!("{alias}.id"),
            (SubjectKind::Contact, Holder::Account) => format!("{alias}.account_id"),
            (SubjectKind::Conversation, Holder::Contact) => format!("{alias}.contact_id"),
            (SubjectKind::Conversation, Holder::Account) => format!(
                "(SELECT z.account_id FROM contact z
                  WHERE z.workspace_id = $1 AND z.id = {alias}.contact_id)"
            ),
            (SubjectKind::Contact | SubjectKind::Account, _) => return None,
        })
    }

    /// Whether the row is the one that has the columns of `table`.
    fn is_row_of(&self, table: Table) -> bool {
        matches!(
            (self.subject, table),
            (SubjectKind::Contact, Table::Contact)
                | (SubjectKind::Account, Table::Account)
                | (SubjectKind::Conversation, Table::Conversation)
        )
    }
}

struct Walk<'a> {
    sql: Sql<'a>,
    scope: Scope,
}

impl Walk<'_> {
    fn condition(&mut self, condition: &Condition) -> String {
        match condition.shape() {
            Shape::All(children) => self.group(children, " AND ", "true"),
            Shape::Any(children) => self.group(children, " OR ", "false"),
            Shape::Not(child) => format!("(NOT {})", self.condition(child)),
            Shape::Leaf(leaf) => self.leaf(leaf),
        }
    }

    fn group(&mut self, children: &[Condition], sign: &str, empty: &str) -> String {
        if children.is_empty() {
            return empty.to_owned();
        }
        let children: Vec<String> = children.iter().map(|child| self.condition(child)).collect();
        format!("({})", children.join(sign))
    }

    fn leaf(&mut self, leaf: &dyn Leaf) -> String {
        if let Some(holds) = leaf.constant(self.sql.moment) {
            return holds.to_string();
        }
        let asks = leaf.asks();
        if asks.is_empty() {
            // Only a message could answer.
            return "false".to_owned();
        }
        let asks: Vec<String> = asks.iter().map(|ask| self.ask(ask)).collect();
        format!("({})", asks.join(" AND "))
    }

    fn ask(&mut self, Ask { measure, test }: &Ask) -> String {
        let plan = measure.plan(self.sql.backend);
        let nothing = test.holds(&Loaded::nothing(&plan), self.sql.moment);
        let Some(id) = self.scope.id(measure.holder) else {
            return nothing.to_string();
        };
        if let Source::Field(field) = &measure.source
            && self.scope.is_row_of(field.table)
        {
            let column = field.sql(self.sql.backend);
            let column = column.replace("x.", &format!("{}.", self.scope.alias));
            let columns = Columns {
                numbers: vec![column.clone()],
                text: column,
            };
            return test.sql(&mut self.sql, &columns);
        }
        let test = |sql: &mut Sql<'_>, columns: &Columns| Test::sql(test, sql, columns);
        plan.of_row(&mut self.sql, "$1", &id, nothing, test)
    }
}
