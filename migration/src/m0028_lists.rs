//! What long lists need so that a page costs a page.
//!
//! How the people of an account are doing is kept beside the account, with an index for each order.
//! What may change it is noted by triggers, in the statement that changes it, as a row that nobody
//! else writes: accounts have many people who are written to at once, and whoever kept the figures in
//! that statement would make them wait for each other. A projection of the domain
//! (`account/standing.rs`) reads the notes and keeps the figures.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DatabaseBackend::Postgres;
        let (number, key) = if postgres {
            (
                "BIGINT GENERATED ALWAYS AS IDENTITY",
                "PRIMARY KEY (workspace_id, seq)",
            )
        } else {
            (
                "INTEGER PRIMARY KEY AUTOINCREMENT",
                "UNIQUE (workspace_id, seq)",
            )
        };
        let tables = TABLES.replace("$number", number).replace("$key", key);
        sql::run(manager, &tables).await?;
        let triggers = if postgres { ON_POSTGRES } else { ON_SQLITE };
        for statement in triggers {
            let connection = manager.get_connection();
            connection.execute_unprepared(statement).await?;
        }
        sql::run(manager, FILL).await?;
        for (table, column, others) in NAMES {
            sql::run(manager, &folded(table, column, others)).await?;
        }
        Ok(())
    }
}

/// Where names are kept as they are compared: table, column, and which other rows `o` may not have the
/// same as the row `t`, if any.
const NAMES: [(&str, &str, Option<&str>); 10] = [
    ("contact", "name_key", None),
    ("contact", "kana_key", None),
    ("account", "name_key", None),
    ("attribute_value", "sort_key", None),
    ("tag", "name_key", Some("o.id <> t.id")),
    ("tag_group", "name_key", Some("o.id <> t.id")),
    ("team", "name_key", Some("o.id <> t.id")),
    ("segment", "name_key", Some("o.id <> t.id")),
    ("playbook", "name_key", Some("o.id <> t.id")),
    (
        "contact_identity",
        "value",
        Some("o.kind = t.kind AND o.value <> t.value"),
    ),
];

/// Brings names into the form in which they are compared from now on: case folding instead of lower
/// case, which differ in two letters. A name that another would then have too stays as it is.
fn folded(table: &str, column: &str, others: Option<&str>) -> String {
    let new = |alias: &str| format!("REPLACE(REPLACE({alias}.{column}, 'ß', 'ss'), 'ς', 'σ')");
    let (mine, theirs) = (new("t"), new("o"));
    let is_free = others.map_or(String::new(), |others| {
        format!(
            " AND NOT EXISTS (SELECT 1 FROM {table} o WHERE o.workspace_id = t.workspace_id
                AND {others} AND {theirs} = {mine})"
        )
    });
    let is_name = match table {
        "contact_identity" => " AND t.kind = 'HANDLE'",
        "attribute_value" => " AND t.sort_key LIKE 't%'",
        _ => "",
    };
    format!(
        "UPDATE {table} AS t SET {column} = {mine}
         WHERE (t.{column} LIKE '%ß%' OR t.{column} LIKE '%ς%'){is_name}{is_free};\n"
    )
}

/// `score` is the mean of the known scores of its people, `people_active_at` when any of them was last
/// active; `rank` and `active_at` are what the account has in lists, with what stands for "unknown".
const TABLES: &str = "
CREATE TABLE account_standing (
    workspace_id UUID NOT NULL,
    account_id UUID NOT NULL,
    score REAL,
    people_active_at TIME,
    rank REAL NOT NULL,
    active_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, account_id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES account (workspace_id, id)
) STRICT;
CREATE INDEX account_standing_rank ON account_standing (workspace_id, rank, account_id);
CREATE INDEX account_standing_active ON account_standing (workspace_id, active_at, account_id);
CREATE TABLE account_standing_note (
    workspace_id UUID NOT NULL,
    seq $number,
    contact_id UUID,
    account_id UUID,
    $key
) STRICT;
CREATE INDEX account_standing_note_contact ON account_standing_note (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX tag_rank_target ON tag_rank (workspace_id, tag_id, target_id);
CREATE INDEX tag_parent ON tag (workspace_id, parent_id) WHERE parent_id IS NOT NULL;
";

/// A contact is noted, not the account it has then: whoever gives it another at the same moment notes
/// that too, and the one who commits last decides. The account it had is noted beside it.
const ON_POSTGRES: &[&str] = &[
    "CREATE FUNCTION account_standing_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO account_standing (workspace_id, account_id, rank, active_at)
     SELECT n.workspace_id, n.id, -1, n.created_at FROM new_rows n;
     RETURN NULL; END $$",
    "CREATE TRIGGER account_standing_made AFTER INSERT ON account
     REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
     EXECUTE FUNCTION account_standing_made()",
    "CREATE FUNCTION account_standing_came() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO account_standing_note (workspace_id, contact_id)
     SELECT n.workspace_id, n.contact_id FROM new_rows n;
     RETURN NULL; END $$",
    "CREATE TRIGGER account_standing_came AFTER INSERT ON contact_activity
     REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
     EXECUTE FUNCTION account_standing_came()",
    "CREATE FUNCTION account_standing_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO account_standing_note (workspace_id, contact_id)
     VALUES (NEW.workspace_id, NEW.contact_id);
     RETURN NULL; END $$",
    "CREATE TRIGGER account_standing_active AFTER UPDATE OF last_activity_at ON contact_activity
     FOR EACH ROW WHEN (OLD.last_activity_at IS DISTINCT FROM NEW.last_activity_at)
     EXECUTE FUNCTION account_standing_changed()",
    "CREATE TRIGGER account_standing_scored AFTER UPDATE OF score ON contact_health
     FOR EACH ROW WHEN (OLD.score IS DISTINCT FROM NEW.score)
     EXECUTE FUNCTION account_standing_changed()",
    "CREATE FUNCTION account_standing_moved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO account_standing_note (workspace_id, contact_id, account_id)
     VALUES (NEW.workspace_id, NEW.id, OLD.account_id);
     RETURN NULL; END $$",
    "CREATE TRIGGER account_standing_moved AFTER UPDATE OF account_id, merged_into_id ON contact
     FOR EACH ROW WHEN (OLD.account_id IS DISTINCT FROM NEW.account_id
                        OR OLD.merged_into_id IS DISTINCT FROM NEW.merged_into_id)
     EXECUTE FUNCTION account_standing_moved()",
    "CREATE FUNCTION account_standing_left() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO account_standing_note (workspace_id, account_id)
     VALUES (OLD.workspace_id, OLD.account_id);
     RETURN NULL; END $$",
    "CREATE TRIGGER account_standing_left AFTER DELETE ON contact
     FOR EACH ROW WHEN (OLD.account_id IS NOT NULL)
     EXECUTE FUNCTION account_standing_left()",
];

const ON_SQLITE: &[&str] = &[
    "CREATE TRIGGER account_standing_made AFTER INSERT ON account BEGIN
     INSERT INTO account_standing (workspace_id, account_id, rank, active_at)
     VALUES (NEW.workspace_id, NEW.id, -1.0, NEW.created_at); END",
    "CREATE TRIGGER account_standing_came AFTER INSERT ON contact_activity BEGIN
     INSERT INTO account_standing_note (workspace_id, contact_id)
     VALUES (NEW.workspace_id, NEW.contact_id); END",
    "CREATE TRIGGER account_standing_active AFTER UPDATE OF last_activity_at ON contact_activity
     WHEN OLD.last_activity_at IS NOT NEW.last_activity_at BEGIN
     INSERT INTO account_standing_note (workspace_id, contact_id)
     VALUES (NEW.workspace_id, NEW.contact_id); END",
    "CREATE TRIGGER account_standing_scored AFTER UPDATE OF score ON contact_health
     WHEN OLD.score IS NOT NEW.score BEGIN
     INSERT INTO account_standing_note (workspace_id, contact_id)
     VALUES (NEW.workspace_id, NEW.contact_id); END",
    "CREATE TRIGGER account_standing_moved AFTER UPDATE OF account_id, merged_into_id ON contact
     WHEN OLD.account_id IS NOT NEW.account_id OR OLD.merged_into_id IS NOT NEW.merged_into_id BEGIN
     INSERT INTO account_standing_note (workspace_id, contact_id, account_id)
     VALUES (NEW.workspace_id, NEW.id, OLD.account_id); END",
    "CREATE TRIGGER account_standing_left AFTER DELETE ON contact
     WHEN OLD.account_id IS NOT NULL BEGIN
     INSERT INTO account_standing_note (workspace_id, account_id)
     VALUES (OLD.workspace_id, OLD.account_id); END",
];

const FILL: &str = "
INSERT INTO account_standing (workspace_id, account_id, score, people_active_at, rank, active_at)
SELECT x.workspace_id, x.id, x.score, x.people_active_at, COALESCE(x.score, -1.0),
       COALESCE(x.people_active_at, x.created_at)
FROM (SELECT a.workspace_id, a.id, a.created_at,
             CAST(ROUND(CAST(AVG(h.score) AS numeric), 4) AS REAL) AS score,
             MAX(y.last_activity_at) AS people_active_at
      FROM account a
      LEFT JOIN contact c ON c.workspace_id = a.workspace_id AND c.account_id = a.id
       AND c.account_id IS NOT NULL AND c.merged_into_id IS NULL
      LEFT JOIN contact_health h ON h.workspace_id = c.workspace_id AND h.contact_id = c.id
      LEFT JOIN contact_activity y ON y.workspace_id = c.workspace_id AND y.contact_id = c.id
      GROUP BY a.workspace_id, a.id, a.created_at) x;
";
