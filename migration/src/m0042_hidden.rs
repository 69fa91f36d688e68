//! Entries of the change log that nobody who reads it ever came to, on SQLite: taggings of many things at
//! once were written under the epoch 0, before everything that had been read.
//!
//! They are put where they belong, under the epoch of the entry before them. Whoever has read on since
//! stands behind that place and does not come back: what rules and playbooks would have done at the time
//! is not done now, months late. Those at the very end of a log stay as they are, since they would be
//! news there. Who follows the log from an earlier place on finds each once, in order.
//!
//! Segments follow changes by the log alone, so those that ask for tags, or for segments, lack members.
//! They are filled as if for the first time: without history and without entries, which would be late
//! as well. Counters and the rank index were right all along; an enrolment looks at the tags as they are
//! when its time comes.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            return Ok(());
        }
        let script = SCRIPT
            .replace("$asks_for_tags", ASKS_FOR_TAGS)
            .replace("$new_id", NEW_ID)
            .replace("$now", "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')");
        sql::run(manager, &script).await
    }
}

/// Of a segment `s`; one more than needed does no harm.
const ASKS_FOR_TAGS: &str = "s.definition IS NOT NULL AND s.deleted_at IS NULL
    AND (s.definition LIKE '%Tags\"%' OR s.definition LIKE '%\"tagGroup\"%'
         OR s.definition LIKE '%\"segments\"%')";

/// An id in the order of time (version 7).
const NEW_ID: &str = "unhex(printf('%012x', unixepoch() * 1000)
    || '7' || substr(hex(randomblob(2)), 2) || '8' || substr(hex(randomblob(8)), 2))";

const SCRIPT: &str = "
CREATE TEMPORARY TABLE hidden (seq INTEGER PRIMARY KEY, workspace_id BLOB, epoch INTEGER);
INSERT INTO hidden
SELECT c.seq, c.workspace_id, c.epoch FROM (
    SELECT seq, workspace_id, kind, tx,
           MAX(tx) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) AS epoch
    FROM change) c
JOIN (SELECT workspace_id, MIN(seq) AS low, MAX(seq) AS high
      FROM change WHERE tx > 0 GROUP BY workspace_id) r
  ON r.workspace_id = c.workspace_id AND c.seq > r.low AND c.seq < r.high
WHERE c.tx = 0 AND c.kind = 'tagging.added';
UPDATE change SET tx = (SELECT h.epoch FROM hidden h WHERE h.seq = change.seq)
WHERE seq IN (SELECT h.seq FROM hidden h);
CREATE TEMPORARY TABLE filling (
    operation_id BLOB, workspace_id BLOB, subject, segments);
INSERT INTO filling
SELECT $new_id, s.workspace_id, s.subject, json_group_array('segment_' || lower(hex(s.id)))
FROM segment s
WHERE $asks_for_tags AND s.workspace_id IN (SELECT h.workspace_id FROM hidden h)
GROUP BY s.workspace_id, s.subject;
INSERT INTO operation (workspace_id, id, kind, state, request, progress, done, failed, dry_run,
                       created_by, created_at)
SELECT f.workspace_id, f.operation_id, 'BUILD_SEGMENTS', 'WAITING',
       json_object('subject', f.subject, 'segments', json(f.segments), 'cause',
           json_object('kind', 'REBUILD', 'origin', json_object('kind', 'SYSTEM'),
                       'fact', 'tagging.added')),
       '{}', 0, 0, 0, json_object('kind', 'SYSTEM'), $now
FROM filling f;
INSERT INTO due_item (workspace_id, id, kind, subject_id, due_at, state, fence, failures, crashes,
                      created_at)
SELECT f.workspace_id, $new_id, 'OPERATION', f.operation_id, $now, 'WAITING', 0, 0, 0, $now
FROM filling f;
UPDATE segment AS s SET state = 'BUILDING', filled_at = NULL, operation_id = (
    SELECT f.operation_id FROM filling f
    WHERE f.workspace_id = s.workspace_id AND f.subject = s.subject)
WHERE $asks_for_tags AND s.workspace_id IN (SELECT h.workspace_id FROM hidden h);
DROP TABLE filling;
DROP TABLE hidden;
";
