//! Columns of contacts, accounts and conversations as measures.

use entity::id::Id;
use sea_orm::DatabaseBackend;

use crate::condition::{
    age::Aging,
    measure::{Frag, Holder, Measure, Plan, Rows, Source, frag},
    scalar::Ref,
    test::{Ask, Element, Test},
};

/// A table with one row of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Table {
    Contact,
    Account,
    Conversation,
    Activity,
    /// What the people of an account did, the latest of all of them.
    People,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A word or a key: text as it is compared.
    Text,
    Id,
    Time,
    Number,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FieldSource {
    pub(crate) table: Table,
    pub(crate) column: Column,
    pub(crate) kind: Kind,
}

/// A column, or what is made of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    /// The column of this name.
    Plain(&'static str),
    /// The column of this name in small letters, as texts are compared.
    Lowered(&'static str),
    /// What stands behind the @ of the email address.
    EmailDomain,
}

impl Table {
    fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Contact => ("contact", "x.id"),
            Self::Account => ("account", "x.id"),
            Self::Conversation => ("conversation", "x.id"),
            Self::Activity => ("contact_activity", "x.contact_id"),
            Self::People => ("contact_activity", "k.account_id"),
        }
    }

    fn holder(self) -> Holder {
        match self {
            Self::Contact | Self::Activity => Holder::Contact,
            Self::Account | Self::People => Holder::Account,
            Self::Conversation => Holder::Conversation,
        }
    }
}

impl FieldSource {
    /// The column as SQL about the row `x`.
    pub(crate) fn sql(&self, backend: DatabaseBackend) -> String {
        match (self.column, backend) {
            (Column::Plain(name), _) => format!("x.{name}"),
            (Column::Lowered(name), _) => format!("lower(x.{name})"),
            (Column::EmailDomain, DatabaseBackend::Postgres) => {
                "NULLIF(split_part(x.email, '@', 2), '')".to_owned()
            }
            (Column::EmailDomain, _) => "CASE WHEN instr(x.email, '@') > 0
                 THEN substr(x.email, instr(x.email, '@') + 1) END"
                .to_owned(),
        }
    }

    pub(crate) fn plan(&self, backend: DatabaseBackend) -> Plan {
        let (table, owner) = self.table.name();
        let mut plan = Plan::one(table, owner);
        plan.base.push(("v", Frag::new(self.sql(backend))));
        let mut value = "b.v";
        if self.table == Table::People {
            plan.from = format!("contact k CROSS JOIN {table} x");
            plan.workspace = "k.workspace_id";
            plan.wheres.push(
                " AND x.workspace_id = k.workspace_id AND x.contact_id = k.id
                  AND k.merged_into_id IS NULL",
            );
            plan.rows = Rows::Aggregate;
            value = "MAX(b.v)";
        }
        if self.kind == Kind::Number {
            plan.numbers.push((Frag::new(value), None));
            return plan;
        }
        let shown = match self.kind {
            Kind::Id => frag::id_text(backend, value),
            Kind::Time => frag::time_text(backend, value),
            _ => value.to_owned(),
        };
        plan.text = Some((Frag::new(value), Frag::new(shown)));
        plan
    }

    /// What of a contact it tells the time of, if that grows old.
    pub(crate) fn aging(&self) -> Option<Aging> {
        match (self.table, self.column) {
            (Table::Contact, Column::Plain("created_at")) => Some(Aging::Created),
            (Table::Activity, Column::Plain("last_activity_at")) => Some(Aging::Activity),
            (Table::Activity, Column::Plain("last_message_at")) => Some(Aging::Message),
            _ => None,
        }
    }

    pub(crate) fn depends(&self) -> &'static [&'static str] {
        match (self.table, self.column) {
            (Table::Contact | Table::Account, Column::Plain("stage")) => &[
                "stage.changed",
                "contact.created",
                "account.created",
                "contact.changed",
                "account.changed",
            ],
            (Table::Contact | Table::Account, Column::Plain("owner_id")) => &[
                "owner.changed",
                "contact.created",
                "account.created",
                "contact.changed",
                "account.changed",
            ],
            (Table::Contact, _) => &[
                "contact.created",
                "contact.changed",
                "identity.attached",
                "identity.detached",
            ],
            (Table::Account, _) => &["account.created", "account.changed"],
            // Whatever a contact does, in whichever system.
            (Table::Activity | Table::People, Column::Plain("last_activity_at")) => &[
                "contact.created",
                "message.received",
                "message.sent",
                "contact.seen",
                "event.recorded",
                "email_event.recorded",
                "order.recorded",
                "ticket.recorded",
                "survey.answered",
            ],
            (Table::Activity | Table::People, _) => {
                &["contact.created", "message.received", "message.sent"]
            }
            (Table::Conversation, _) => &[
                "message.received",
                "message.sent",
                "conversation.status_changed",
                "conversation.assigned",
                "conversation.priority_changed",
            ],
        }
    }
}

/// Gathers the questions of a leaf whose fields are columns.
pub(crate) struct Asks(pub(crate) Vec<Ask>);

impl Asks {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn ask(&mut self, table: Table, column: &'static str, kind: Kind, test: Test) {
        self.ask_of(table, Column::Plain(column), kind, test);
    }

    pub(crate) fn ask_of(&mut self, table: Table, column: Column, kind: Kind, test: Test) {
        let source = Source::Field(FieldSource {
            table,
            column,
            kind,
        });
        let measure = Measure::new(table.holder(), source);
        self.0.push(Ask::new(measure, test));
    }

    /// One of some ids, if any are listed.
    pub(crate) fn ids<I: Id>(
        &mut self,
        table: Table,
        column: &'static str,
        ids: Option<&Vec<Ref<I>>>,
    ) {
        if let Some(ids) = ids {
            let listed = ids.iter().map(|id| Element::Id(id.uuid())).collect();
            self.ask(table, column, Kind::Id, Test::OneOf(listed));
        }
    }

    /// One of some words, if any are listed.
    pub(crate) fn words<W: Copy>(
        &mut self,
        table: Table,
        column: &'static str,
        words: Option<&Vec<W>>,
        word: impl Fn(W) -> &'static str,
    ) {
        if let Some(words) = words {
            let listed = words
                .iter()
                .map(|&value| Element::Word(word(value).to_owned()))
                .collect();
            self.ask(table, column, Kind::Text, Test::OneOf(listed));
        }
    }

    /// Whether there is one, if that is asked.
    pub(crate) fn set(
        &mut self,
        table: Table,
        column: &'static str,
        kind: Kind,
        wanted: Option<bool>,
    ) {
        if let Some(wanted) = wanted {
            self.ask(table, column, kind, Test::IsSet(wanted));
        }
    }
}
