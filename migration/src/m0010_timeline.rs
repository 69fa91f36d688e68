//! The timeline: a row for everything that happened to a contact or an account, at its own time.
//!
//! The rows are written by triggers, in the very statement that writes, changes or deletes the thing
//! itself. So a thing and its entry are never apart, whoever writes it and in whatever order, the
//! cost is one more row in a statement that runs anyway, and what merges or erases contacts moves or
//! takes the entries with it. See the module `timeline` of the domain for how they are read.
//!
//! To add a source later: a step of its own that calls [`watch`] and [`fill`] with it.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DatabaseBackend::Postgres;
        let clustered = if postgres {
            ""
        } else {
            "STRICT, WITHOUT ROWID"
        };
        sql::run(manager, &TABLES.replace("$clustered", clustered)).await?;
        for source in SOURCES {
            watch(manager, source).await?;
            fill(manager, source).await?;
        }
        for statement in if postgres {
            MOVES_ON_POSTGRES
        } else {
            MOVES_ON_SQLITE
        } {
            manager
                .get_connection()
                .execute_unprepared(statement)
                .await?;
        }
        Ok(())
    }
}

/// One index for each of the two readers holds an owner's entries of one kind in the order of time:
/// a page is the newest of a few such runs, whatever the kinds asked for.
const TABLES: &str = "
CREATE TABLE timeline_entry (
    workspace_id UUID NOT NULL,
    kind TEXT NOT NULL,
    subject_id UUID NOT NULL,
    contact_id UUID,
    account_id UUID,
    at TIME NOT NULL,
    PRIMARY KEY (workspace_id, kind, subject_id)
) $clustered;
CREATE INDEX timeline_entry_contact ON timeline_entry (workspace_id, contact_id, kind, at, subject_id) WHERE contact_id IS NOT NULL;
CREATE INDEX timeline_entry_account ON timeline_entry (workspace_id, account_id, kind, at, subject_id) WHERE account_id IS NOT NULL;
CREATE TABLE timeline_move (
    workspace_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    PRIMARY KEY (workspace_id, contact_id)
) $clustered;
";

/// A table whose rows are on the timeline. `{n}` stands for the row.
pub(crate) struct Source {
    /// The table.
    pub(crate) table: &'static str,
    /// The kind of entry.
    pub(crate) kind: &'static str,
    /// Which rows have one.
    pub(crate) holds: Option<&'static str>,
    /// The contact it is about.
    pub(crate) contact: &'static str,
    /// The account it is about.
    pub(crate) account: &'static str,
    /// Its time.
    pub(crate) at: &'static str,
    /// The columns that all of these are made of and that may change.
    pub(crate) changing: &'static [&'static str],
}

const CONTACT: &str = "{n}.contact_id";
const ACCOUNT_OF_CONTACT: &str = "(SELECT c.account_id FROM contact c
    WHERE c.workspace_id = {n}.workspace_id AND c.id = {n}.contact_id)";

const SOURCES: &[Source] = &[
    of_contact(
        "message",
        "MESSAGE",
        "{n}.sent_at",
        &["contact_id", "sent_at"],
    ),
    of_contact(
        "event",
        "EVENT",
        "{n}.occurred_at",
        &["contact_id", "occurred_at"],
    ),
    of_contact(
        "email_event",
        "EMAIL_EVENT",
        "{n}.occurred_at",
        &["contact_id", "occurred_at"],
    ),
    of_contact(
        "rule_firing",
        "RULE_FIRED",
        "{n}.fired_at",
        &["contact_id", "fired_at"],
    ),
    of_contact(
        "health_history",
        "HEALTH_CHANGED",
        "{n}.as_of",
        &["contact_id", "as_of"],
    ),
    Source {
        table: "tagging",
        kind: "TAG_ADDED",
        holds: None,
        contact: CONTACT_OF_TAGGED,
        account: ACCOUNT_OF_TAGGED,
        at: "{n}.added_at",
        changing: &["target_id", "added_at"],
    },
    Source {
        table: "tagging",
        kind: "TAG_REMOVED",
        holds: Some("{n}.removed_at IS NOT NULL"),
        contact: CONTACT_OF_TAGGED,
        account: ACCOUNT_OF_TAGGED,
        at: "{n}.removed_at",
        changing: &["target_id", "removed_at"],
    },
    Source {
        table: "note",
        kind: "NOTE",
        holds: Some("{n}.deleted_at IS NULL"),
        contact: CONTACT_OF_SUBJECT,
        account: ACCOUNT_OF_SUBJECT,
        at: "{n}.created_at",
        changing: &["subject_id", "deleted_at"],
    },
    Source {
        table: "stage_change",
        kind: "STAGE_CHANGED",
        holds: None,
        contact: CONTACT_OF_SUBJECT,
        account: ACCOUNT_OF_SUBJECT,
        at: "{n}.at",
        changing: &["subject_id"],
    },
    of_either(
        "sales_order",
        "ORDER",
        "{n}.placed_at",
        &["contact_id", "account_id", "placed_at"],
    ),
    of_either(
        "invoice",
        "INVOICE",
        "{n}.issued_at",
        &["contact_id", "account_id", "issued_at"],
    ),
    of_either(
        "ticket",
        "TICKET",
        "{n}.opened_at",
        &["contact_id", "account_id", "opened_at"],
    ),
    of_either(
        "opportunity",
        "OPPORTUNITY",
        "{n}.opened_at",
        &["contact_id", "account_id", "opened_at"],
    ),
];

/// Something that a contact has.
pub(crate) const fn of_contact(
    table: &'static str,
    kind: &'static str,
    at: &'static str,
    changing: &'static [&'static str],
) -> Source {
    Source {
        table,
        kind,
        holds: None,
        contact: CONTACT,
        account: ACCOUNT_OF_CONTACT,
        at,
        changing,
    }
}

/// A fact about a contact, an account or both.
pub(crate) const fn of_either(
    table: &'static str,
    kind: &'static str,
    at: &'static str,
    changing: &'static [&'static str],
) -> Source {
    Source {
        table,
        kind,
        holds: None,
        contact: CONTACT,
        account: "{n}.account_id",
        at,
        changing,
    }
}

/// What a tag is on says whose timeline it belongs to; that of a conversation is its contact's.
const CONTACT_OF_TAGGED: &str = "CASE {n}.target
    WHEN 'CONTACT' THEN {n}.target_id
    WHEN 'CONVERSATION' THEN (SELECT v.contact_id FROM conversation v
        WHERE v.workspace_id = {n}.workspace_id AND v.id = {n}.target_id) END";
const ACCOUNT_OF_TAGGED: &str = "CASE {n}.target
    WHEN 'ACCOUNT' THEN {n}.target_id
    WHEN 'CONTACT' THEN (SELECT c.account_id FROM contact c
        WHERE c.workspace_id = {n}.workspace_id AND c.id = {n}.target_id)
    ELSE (SELECT c.account_id FROM contact c
        WHERE c.workspace_id = {n}.workspace_id AND c.id = (SELECT v.contact_id FROM conversation v
            WHERE v.workspace_id = {n}.workspace_id AND v.id = {n}.target_id)) END";
const CONTACT_OF_SUBJECT: &str = "CASE {n}.subject
    WHEN 'CONTACT' THEN {n}.subject_id
    WHEN 'CONVERSATION' THEN (SELECT v.contact_id FROM conversation v
        WHERE v.workspace_id = {n}.workspace_id AND v.id = {n}.subject_id) END";
const ACCOUNT_OF_SUBJECT: &str = "CASE {n}.subject
    WHEN 'ACCOUNT' THEN {n}.subject_id
    WHEN 'CONTACT' THEN (SELECT c.account_id FROM contact c
        WHERE c.workspace_id = {n}.workspace_id AND c.id = {n}.subject_id)
    ELSE (SELECT c.account_id FROM contact c
        WHERE c.workspace_id = {n}.workspace_id AND c.id = (SELECT v.contact_id FROM conversation v
            WHERE v.workspace_id = {n}.workspace_id AND v.id = {n}.subject_id)) END";

const COLUMNS: &str = "workspace_id, kind, subject_id, contact_id, account_id, at";

impl Source {
    fn holds(&self) -> &'static str {
        self.holds.unwrap_or("true")
    }

    /// The values of an entry.
    fn values(&self) -> String {
        let Self {
            kind,
            contact,
            account,
            at,
            ..
        } = self;
        format!("{{n}}.workspace_id, '{kind}', {{n}}.id, {contact}, {account}, {at}")
    }

    /// Writes the entry of the row `NEW`, or moves it to where it belongs now.
    fn put_new(&self) -> String {
        format!(
            "INSERT INTO timeline_entry ({COLUMNS}) VALUES ({})
             ON CONFLICT (workspace_id, kind, subject_id) DO UPDATE SET
                 contact_id = excluded.contact_id, account_id = excluded.account_id,
                 at = excluded.at;",
            self.values().replace("{n}", "NEW")
        )
    }

    /// Takes the entry of the row `row` away.
    fn drop_of(&self, row: &str) -> String {
        let kind = self.kind;
        format!(
            "DELETE FROM timeline_entry WHERE workspace_id = {row}.workspace_id
                 AND kind = '{kind}' AND subject_id = {row}.id;"
        )
    }

    fn name(&self) -> String {
        format!("timeline_{}", self.kind.to_lowercase())
    }

    /// Whether something that matters has changed, by the comparison `differs` of the dialect.
    fn changed(&self, differs: &str) -> String {
        let columns = self.changing.iter();
        let parts: Vec<String> = columns
            .map(|column| format!("OLD.{column} {differs} NEW.{column}"))
            .collect();
        parts.join(" OR ")
    }

    /// On PostgreSQL many new rows are entered by one statement, changed and deleted ones each by
    /// its own: they are few. Tags that come off are not: see `m0071_tags_off`.
    fn on_postgres(&self) -> Vec<String> {
        let (name, table, holds) = (self.name(), self.table, self.holds());
        let values = self.values().replace("{n}", "n");
        let held = holds.replace("{n}", "n");
        let held_new = holds.replace("{n}", "NEW");
        let (put, drop_new) = (self.put_new(), self.drop_of("NEW"));
        let drop_old = self.drop_of("OLD");
        let columns = self.changing.join(", ");
        let changed = self.changed("IS DISTINCT FROM");
        vec![
            format!(
                "CREATE FUNCTION {name}_added() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO timeline_entry ({COLUMNS}) SELECT {values} FROM new_rows n WHERE {held};
                 RETURN NULL; END $$"
            ),
            format!(
                "CREATE TRIGGER {name}_added AFTER INSERT ON {table}
                 REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION {name}_added()"
            ),
            format!(
                "CREATE FUNCTION {name}_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF {held_new} THEN {put} ELSE {drop_new} END IF; RETURN NULL; END $$"
            ),
            format!(
                "CREATE TRIGGER {name}_changed AFTER UPDATE OF {columns} ON {table} FOR EACH ROW
                 WHEN ({changed}) EXECUTE FUNCTION {name}_changed()"
            ),
            format!(
                "CREATE FUNCTION {name}_deleted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 {drop_old} RETURN NULL; END $$"
            ),
            format!(
                "CREATE TRIGGER {name}_deleted AFTER DELETE ON {table} FOR EACH ROW
                 EXECUTE FUNCTION {name}_deleted()"
            ),
        ]
    }

    fn on_sqlite(&self) -> Vec<String> {
        let (name, table, holds) = (self.name(), self.table, self.holds());
        let held = holds.replace("{n}", "NEW");
        let (put, drop_new) = (self.put_new(), self.drop_of("NEW"));
        let drop_old = self.drop_of("OLD");
        let columns = self.changing.join(", ");
        let changed = self.changed("IS NOT");
        vec![
            format!(
                "CREATE TRIGGER {name}_added AFTER INSERT ON {table} WHEN {held}
                 BEGIN {put} END"
            ),
            format!(
                "CREATE TRIGGER {name}_changed AFTER UPDATE OF {columns} ON {table}
                 WHEN ({changed}) AND {held} BEGIN {put} END"
            ),
            format!(
                "CREATE TRIGGER {name}_ended AFTER UPDATE OF {columns} ON {table}
                 WHEN ({changed}) AND NOT ({held}) BEGIN {drop_new} END"
            ),
            format!("CREATE TRIGGER {name}_deleted AFTER DELETE ON {table} BEGIN {drop_old} END"),
        ]
    }
}

/// Keeps the entries of `source` from now on.
pub(crate) async fn watch(manager: &SchemaManager<'_>, source: &Source) -> Result<(), DbErr> {
    let statements = match manager.get_database_backend() {
        DatabaseBackend::Postgres => source.on_postgres(),
        _ => source.on_sqlite(),
    };
    for statement in statements {
        manager
            .get_connection()
            .execute_unprepared(&statement)
            .await?;
    }
    Ok(())
}

/// Enters what `source` has already.
pub(crate) async fn fill(manager: &SchemaManager<'_>, source: &Source) -> Result<(), DbErr> {
    let values = source.values().replace("{n}", "n");
    let held = source.holds().replace("{n}", "n");
    let table = source.table;
    let statement = format!(
        "INSERT INTO timeline_entry ({COLUMNS}) SELECT {values} FROM {table} n WHERE {held}"
    );
    manager
        .get_connection()
        .execute_unprepared(&statement)
        .await?;
    Ok(())
}

/// A contact that changes its account is noted, so that its entries follow it in steps. A note that is
/// there is written again, so that whoever is about to delete it waits and looks once more. What is on a
/// conversation follows the conversation to another contact at once: it is little.
const MOVES_ON_POSTGRES: &[&str] = &[
    "CREATE FUNCTION timeline_contact_moved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO timeline_move (workspace_id, contact_id) VALUES (NEW.workspace_id, NEW.id)
     ON CONFLICT (workspace_id, contact_id) DO UPDATE SET contact_id = excluded.contact_id; RETURN NULL; END $$",
    "CREATE TRIGGER timeline_contact_moved AFTER UPDATE OF account_id ON contact FOR EACH ROW
     WHEN (OLD.account_id IS DISTINCT FROM NEW.account_id)
     EXECUTE FUNCTION timeline_contact_moved()",
    "CREATE FUNCTION timeline_conversation_moved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     UPDATE timeline_entry SET contact_id = NEW.contact_id,
         account_id = (SELECT c.account_id FROM contact c
                       WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.contact_id)
     WHERE workspace_id = NEW.workspace_id AND kind IN ('TAG_ADDED', 'TAG_REMOVED')
       AND subject_id IN (SELECT g.id FROM tagging g
                          WHERE g.workspace_id = NEW.workspace_id AND g.target_id = NEW.id);
     UPDATE timeline_entry SET contact_id = NEW.contact_id,
         account_id = (SELECT c.account_id FROM contact c
                       WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.contact_id)
     WHERE workspace_id = NEW.workspace_id AND kind = 'NOTE'
       AND subject_id IN (SELECT o.id FROM note o
                          WHERE o.workspace_id = NEW.workspace_id AND o.subject_id = NEW.id);
     RETURN NULL; END $$",
    "CREATE TRIGGER timeline_conversation_moved AFTER UPDATE OF contact_id ON conversation
     FOR EACH ROW WHEN (OLD.contact_id IS DISTINCT FROM NEW.contact_id)
     EXECUTE FUNCTION timeline_conversation_moved()",
];

const MOVES_ON_SQLITE: &[&str] = &[
    "CREATE TRIGGER timeline_contact_moved AFTER UPDATE OF account_id ON contact
     WHEN OLD.account_id IS NOT NEW.account_id BEGIN
     INSERT INTO timeline_move (workspace_id, contact_id) VALUES (NEW.workspace_id, NEW.id)
     ON CONFLICT (workspace_id, contact_id) DO UPDATE SET contact_id = excluded.contact_id; END",
    "CREATE TRIGGER timeline_conversation_moved AFTER UPDATE OF contact_id ON conversation
     WHEN OLD.contact_id IS NOT NEW.contact_id BEGIN
     UPDATE timeline_entry SET contact_id = NEW.contact_id,
         account_id = (SELECT c.account_id FROM contact c
                       WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.contact_id)
     WHERE workspace_id = NEW.workspace_id AND kind IN ('TAG_ADDED', 'TAG_REMOVED')
       AND subject_id IN (SELECT g.id FROM tagging g
                          WHERE g.workspace_id = NEW.workspace_id AND g.target_id = NEW.id);
     UPDATE timeline_entry SET contact_id = NEW.contact_id,
         account_id = (SELECT c.account_id FROM contact c
                       WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.contact_id)
     WHERE workspace_id = NEW.workspace_id AND kind = 'NOTE'
       AND subject_id IN (SELECT o.id FROM note o
                          WHERE o.workspace_id = NEW.workspace_id AND o.subject_id = NEW.id);
     END",
];
