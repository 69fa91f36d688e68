//! Timelines say more: segments, tasks, subscriptions, owners, what became of conversations, merges.
//!
//! Who looked after whom has had no history but the change log, which is forgotten; `owner_change` is one from
//! now on. Everything else has its tables already, from which timelines are filled.
//!
//! A new conversation has no entry of its own: its first message is one, at the same moment, and what comes
//! in by the thousand is written no more often than before.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::{
    m0010_timeline::{self, Source},
    sql,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, OWNERS).await?;
        for source in SOURCES {
            m0010_timeline::watch(manager, source).await?;
            m0010_timeline::fill(manager, source).await?;
        }
        let connection = manager.get_connection();
        for noun in [CONTACTS, ACCOUNTS] {
            for statement in [noun.journal(), noun.lead()] {
                connection.execute_unprepared(&statement).await?;
            }
        }
        let moves = match manager.get_database_backend() {
            DatabaseBackend::Postgres => MOVES_ON_POSTGRES,
            _ => MOVES_ON_SQLITE,
        };
        for statement in moves {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

const OWNERS: &str = "
CREATE TABLE owner_change (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    subject TEXT NOT NULL,
    subject_id UUID NOT NULL,
    from_owner_id UUID,
    to_owner_id UUID,
    at TIME NOT NULL,
    by_origin JSON NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE INDEX owner_change_subject ON owner_change (workspace_id, subject_id, id);
";

const SOURCES: &[Source] = &[
    of_segment("SEGMENT_ENTERED", "{n}.entered"),
    of_segment("SEGMENT_LEFT", "NOT {n}.entered"),
    Source {
        table: "task",
        kind: "TASK_CREATED",
        holds: Some(TASK_IS_ABOUT),
        contact: "{n}.contact_id",
        account: ACCOUNT_OF_TASK,
        at: "{n}.created_at",
        changing: &["contact_id", "account_id"],
    },
    Source {
        table: "task",
        kind: "TASK_ENDED",
        holds: Some(
            "{n}.ended_at IS NOT NULL AND ({n}.contact_id IS NOT NULL OR {n}.account_id IS NOT NULL)",
        ),
        contact: "{n}.contact_id",
        account: ACCOUNT_OF_TASK,
        at: "{n}.ended_at",
        changing: &["contact_id", "account_id", "ended_at"],
    },
    m0010_timeline::of_contact(
        "subscription_change",
        "SUBSCRIPTION_CHANGED",
        "{n}.at",
        &["contact_id"],
    ),
    Source {
        table: "owner_change",
        kind: "OWNER_CHANGED",
        holds: None,
        contact: "CASE {n}.subject WHEN 'CONTACT' THEN {n}.subject_id END",
        account: "CASE {n}.subject WHEN 'ACCOUNT' THEN {n}.subject_id
            ELSE (SELECT c.account_id FROM contact c
                  WHERE c.workspace_id = {n}.workspace_id AND c.id = {n}.subject_id) END",
        at: "{n}.at",
        changing: &["subject_id"],
    },
    Source {
        table: "conversation_step",
        kind: "CONVERSATION_STATUS_CHANGED",
        holds: Some("{n}.kind = 'STATUS'"),
        contact: "(SELECT v.contact_id FROM conversation v
            WHERE v.workspace_id = {n}.workspace_id AND v.id = {n}.conversation_id)",
        account: "(SELECT c.account_id FROM contact c
            WHERE c.workspace_id = {n}.workspace_id AND c.id = (SELECT v.contact_id FROM conversation v
                WHERE v.workspace_id = {n}.workspace_id AND v.id = {n}.conversation_id))",
        at: "{n}.at",
        changing: &["conversation_id"],
    },
    Source {
        table: "contact_merge",
        kind: "CONTACT_MERGED",
        holds: None,
        contact: "{n}.survivor_id",
        account: ACCOUNT_OF_SURVIVOR,
        at: "{n}.merged_at",
        changing: &["survivor_id"],
    },
    Source {
        table: "contact_merge",
        kind: "CONTACT_UNMERGED",
        holds: Some("{n}.undone_at IS NOT NULL"),
        contact: "{n}.survivor_id",
        account: ACCOUNT_OF_SURVIVOR,
        at: "{n}.undone_at",
        changing: &["undone_at"],
    },
    Source {
        table: "contact_merge",
        kind: "CONTACT_SEPARATED",
        holds: Some("{n}.undone_at IS NOT NULL"),
        contact: "{n}.loser_id",
        account: "(SELECT c.account_id FROM contact c
            WHERE c.workspace_id = {n}.workspace_id AND c.id = {n}.loser_id)",
        at: "{n}.undone_at",
        changing: &["undone_at"],
    },
    of_accounts(
        "ACCOUNT_MERGED",
        None,
        "{n}.survivor_id",
        "{n}.merged_at",
        &["survivor_id"],
    ),
    of_accounts(
        "ACCOUNT_UNMERGED",
        Some("{n}.undone_at IS NOT NULL"),
        "{n}.survivor_id",
        "{n}.undone_at",
        &["undone_at"],
    ),
    of_accounts(
        "ACCOUNT_SEPARATED",
        Some("{n}.undone_at IS NOT NULL"),
        "{n}.loser_id",
        "{n}.undone_at",
        &["undone_at"],
    ),
];

/// A segment holds contacts or accounts, which the segment says.
const fn of_segment(kind: &'static str, holds: &'static str) -> Source {
    Source {
        table: "segment_move",
        kind,
        holds: Some(holds),
        contact: "CASE (SELECT s.subject FROM segment s
                WHERE s.workspace_id = {n}.workspace_id AND s.id = {n}.segment_id)
            WHEN 'CONTACT' THEN {n}.subject_id END",
        account: "CASE (SELECT s.subject FROM segment s
                WHERE s.workspace_id = {n}.workspace_id AND s.id = {n}.segment_id)
            WHEN 'ACCOUNT' THEN {n}.subject_id
            ELSE (SELECT c.account_id FROM contact c
                  WHERE c.workspace_id = {n}.workspace_id AND c.id = {n}.subject_id) END",
        at: "{n}.at",
        changing: &["subject_id"],
    }
}

const fn of_accounts(
    kind: &'static str,
    holds: Option<&'static str>,
    account: &'static str,
    at: &'static str,
    changing: &'static [&'static str],
) -> Source {
    Source {
        table: "account_merge",
        kind,
        holds,
        contact: "CAST(NULL AS uuid)",
        account,
        at,
        changing,
    }
}

const TASK_IS_ABOUT: &str = "({n}.contact_id IS NOT NULL OR {n}.account_id IS NOT NULL)";
/// A task that names an account is that account's, wherever its contact goes.
const ACCOUNT_OF_TASK: &str = "COALESCE({n}.account_id, (SELECT c.account_id FROM contact c
    WHERE c.workspace_id = {n}.workspace_id AND c.id = {n}.contact_id))";
const ACCOUNT_OF_SURVIVOR: &str = "(SELECT c.account_id FROM contact c
    WHERE c.workspace_id = {n}.workspace_id AND c.id = {n}.survivor_id)";

/// What was merged on since it was merged or taken apart: a merge gives what its loser's timeline says of
/// earlier merges to the survivor, and notes it, so that undoing it gives it back. This does so for the merges
/// of before.
struct Noun {
    name: &'static str,
    word: &'static str,
}

const CONTACTS: Noun = Noun {
    name: "contact",
    word: "CONTACT",
};
const ACCOUNTS: Noun = Noun {
    name: "account",
    word: "ACCOUNT",
};

impl Noun {
    /// `way`: each entry about a merge, with each merge that holds and leads it on, and to whom.
    fn way(&self) -> String {
        let Self { name, word } = self;
        format!(
            "WITH RECURSIVE told (workspace_id, subject_id, kind, owner_id) AS (
               SELECT m.workspace_id, m.id, '{word}_MERGED', m.survivor_id FROM {name}_merge m
               UNION ALL SELECT m.workspace_id, m.id, '{word}_UNMERGED', m.survivor_id
               FROM {name}_merge m WHERE m.undone_at IS NOT NULL
               UNION ALL SELECT m.workspace_id, m.id, '{word}_SEPARATED', m.loser_id
               FROM {name}_merge m WHERE m.undone_at IS NOT NULL
             ), way (workspace_id, subject_id, kind, merge_id, owner_id) AS (
               SELECT t.workspace_id, t.subject_id, t.kind, m.id, m.survivor_id FROM told t
               JOIN {name}_merge m ON m.workspace_id = t.workspace_id AND m.loser_id = t.owner_id
                AND m.undone_at IS NULL
               UNION ALL
               SELECT w.workspace_id, w.subject_id, w.kind, m.id, m.survivor_id FROM way w
               JOIN {name}_merge m ON m.workspace_id = w.workspace_id AND m.loser_id = w.owner_id
                AND m.undone_at IS NULL
             )"
        )
    }

    fn journal(&self) -> String {
        let (name, way) = (self.name, self.way());
        format!(
            "{way} INSERT INTO {name}_merge_row (workspace_id, merge_id, part, row_id, row_key)
             SELECT w.workspace_id, w.merge_id, 'timeline_entry', w.subject_id, w.kind FROM way w"
        )
    }

    /// Each entry is given to the one end of its way, found by joining: a list of ways that is searched for each
    /// entry would be read as often as there are merges.
    fn lead(&self) -> String {
        let (name, way) = (self.name, self.way());
        let put = if name == "contact" {
            "contact_id = o.id, account_id = o.account_id"
        } else {
            "account_id = o.id"
        };
        format!(
            "{way} UPDATE timeline_entry SET {put}
             FROM way w JOIN {name} o ON o.workspace_id = w.workspace_id AND o.id = w.owner_id
               AND o.merged_into_id IS NULL
             WHERE w.workspace_id = timeline_entry.workspace_id
               AND w.kind = timeline_entry.kind AND w.subject_id = timeline_entry.subject_id"
        )
    }
}

/// What became of a conversation follows it to another contact.
const MOVES_ON_POSTGRES: &[&str] = &[
    "CREATE FUNCTION timeline_conversation_steps_moved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     UPDATE timeline_entry SET contact_id = NEW.contact_id,
         account_id = (SELECT c.account_id FROM contact c
                       WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.contact_id)
     WHERE workspace_id = NEW.workspace_id AND kind = 'CONVERSATION_STATUS_CHANGED'
       AND subject_id IN (SELECT s.id FROM conversation_step s
                          WHERE s.workspace_id = NEW.workspace_id AND s.conversation_id = NEW.id);
     RETURN NULL; END $$",
    "CREATE TRIGGER timeline_conversation_steps_moved AFTER UPDATE OF contact_id ON conversation
     FOR EACH ROW WHEN (OLD.contact_id IS DISTINCT FROM NEW.contact_id)
     EXECUTE FUNCTION timeline_conversation_steps_moved()",
];

const MOVES_ON_SQLITE: &[&str] = &[
    "CREATE TRIGGER timeline_conversation_steps_moved AFTER UPDATE OF contact_id ON conversation
     WHEN OLD.contact_id IS NOT NEW.contact_id BEGIN
     UPDATE timeline_entry SET contact_id = NEW.contact_id,
         account_id = (SELECT c.account_id FROM contact c
                       WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.contact_id)
     WHERE workspace_id = NEW.workspace_id AND kind = 'CONVERSATION_STATUS_CHANGED'
       AND subject_id IN (SELECT s.id FROM conversation_step s
                          WHERE s.workspace_id = NEW.workspace_id AND s.conversation_id = NEW.id);
     END",
];
