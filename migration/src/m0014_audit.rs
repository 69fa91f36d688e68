//! The audit log: who changed what of the configuration and of people's data.
//!
//! An entry is written with the change it tells of. A projection seals it afterwards, giving it its
//! number and the hash that chains it to the one before; from then on the database itself refuses
//! to change or delete it. The one thing allowed is erasing what it said of a person: its texts and
//! their salt go, the digest that the chain covers stays.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, SCRIPT).await?;
        let guards = match manager.get_database_backend() {
            DatabaseBackend::Postgres => GUARDS_ON_POSTGRES,
            _ => GUARDS_ON_SQLITE,
        };
        // Their bodies hold semicolons of their own.
        for statement in guards {
            manager
                .get_connection()
                .execute_unprepared(statement)
                .await?;
        }
        Ok(())
    }
}

const SCRIPT: &str = "
CREATE TABLE audit_entry (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    at TIME NOT NULL,
    actor TEXT NOT NULL,
    token_id UUID,
    request_id TEXT,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    contact_id UUID,
    before TEXT,
    after TEXT,
    salt BYTES,
    digest BYTES NOT NULL,
    erased_at TIME,
    number INT,
    hash BYTES,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX audit_entry_number ON audit_entry (workspace_id, number) WHERE number IS NOT NULL;
CREATE INDEX audit_entry_unsealed ON audit_entry (workspace_id, id) WHERE number IS NULL;
CREATE INDEX audit_entry_subject ON audit_entry (workspace_id, subject, id);
CREATE INDEX audit_entry_action ON audit_entry (workspace_id, action, id);
CREATE INDEX audit_entry_contact ON audit_entry (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
";

const GUARDS_ON_SQLITE: &[&str] = &[
    "CREATE TRIGGER audit_entry_no_change BEFORE UPDATE ON audit_entry
     WHEN OLD.number IS NOT NULL AND NOT (
         OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL AND OLD.contact_id IS NOT NULL
         AND NEW.before IS NULL AND NEW.after IS NULL AND NEW.salt IS NULL
         AND NEW.workspace_id IS OLD.workspace_id AND NEW.id IS OLD.id AND NEW.at IS OLD.at
         AND NEW.actor IS OLD.actor AND NEW.token_id IS OLD.token_id
         AND NEW.request_id IS OLD.request_id AND NEW.action IS OLD.action
         AND NEW.subject IS OLD.subject AND NEW.contact_id IS OLD.contact_id
         AND NEW.digest IS OLD.digest AND NEW.number IS OLD.number AND NEW.hash IS OLD.hash)
     BEGIN SELECT RAISE(ABORT, 'sealed audit entries are never changed'); END",
    "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry
     WHEN OLD.number IS NOT NULL
     BEGIN SELECT RAISE(ABORT, 'sealed audit entries are never deleted'); END",
];

const GUARDS_ON_POSTGRES: &[&str] = &[
    "CREATE FUNCTION audit_entry_keep() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
         IF TG_OP = 'TRUNCATE' THEN
             RAISE EXCEPTION 'sealed audit entries are never deleted';
         END IF;
         IF OLD.number IS NULL THEN
             IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
             RETURN NEW;
         END IF;
         IF TG_OP = 'DELETE' THEN
             RAISE EXCEPTION 'sealed audit entries are never deleted';
         END IF;
         IF OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL AND OLD.contact_id IS NOT NULL
            AND NEW.before IS NULL AND NEW.after IS NULL AND NEW.salt IS NULL
            AND (NEW.workspace_id, NEW.id, NEW.at, NEW.actor, NEW.token_id, NEW.request_id,
                 NEW.action, NEW.subject, NEW.contact_id, NEW.digest, NEW.number, NEW.hash)
            IS NOT DISTINCT FROM
                (OLD.workspace_id, OLD.id, OLD.at, OLD.actor, OLD.token_id, OLD.request_id,
                 OLD.action, OLD.subject, OLD.contact_id, OLD.digest, OLD.number, OLD.hash) THEN
             RETURN NEW;
         END IF;
         RAISE EXCEPTION 'sealed audit entries are never changed';
     END $$",
    "CREATE TRIGGER audit_entry_no_change BEFORE UPDATE OR DELETE ON audit_entry
     FOR EACH ROW EXECUTE FUNCTION audit_entry_keep()",
    "CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry
     FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_keep()",
];
