//! Enrolments of a contact who is merged into one that is under way in the same playbook.
//!
//! One contact is never in a playbook twice, so these stay with the merged contact and end; where they
//! stood is noted in the journal of the merge. When it is undone they go on from there, unless somebody
//! has archived the playbook or enrolled the contact otherwise.

use chrono::{DateTime, Utc};
use entity::{
    enrolment,
    id::{ContactId, EnrolmentId, MergeId, PlaybookId},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

use super::{
    count::{Counts, What},
    ending::MERGED,
    enrol::{Ended, end},
};
use crate::{
    access::Origin,
    error::Result,
    port::Work,
    store::{Query, Rows, Tx, dialect},
};

/// What they are called in the journal. Its key is the moment their wait is over.
const PART: &str = "enrolment_ended";

/// Ends what `loser` has under way, once everything else of theirs was given to the survivor.
pub(crate) async fn end_doubles(
    tx: &mut Tx<'_>,
    by: Origin,
    merge: MergeId,
    loser: ContactId,
) -> Result<()> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let rows: Vec<enrolment::Model> = Query::new(format!(
        "SELECT e.* FROM enrolment e
         WHERE e.workspace_id = $1 AND e.contact_id = $2 AND e.ended_at IS NULL
         ORDER BY e.id {lock}"
    ))
    .bind(tx.workspace)
    .bind(loser)
    .all(tx.connection())
    .await?;
    if rows.is_empty() {
        return Ok(());
    }
    let waits = rows.iter().map(|row| {
        row.wait_until
            .map(|until| until.to_rfc3339())
            .unwrap_or_default()
    });
    Query::new(
        "INSERT INTO contact_merge_row (workspace_id, merge_id, part, row_id, row_key)
         SELECT $1, $2, $3, r.id, r.wait_until FROM {r}",
    )
    .bind(tx.workspace)
    .bind(merge)
    .bind(PART)
    .rows(
        "r",
        Rows::new()
            .ids("id", rows.iter().map(|row| row.id))
            .texts("wait_until", waits),
    )
    .execute(tx.connection())
    .await?;
    let ended = Ended {
        by,
        depth: 0,
        root: None,
        why: MERGED,
    };
    end(tx, &rows, ended).await
}

#[derive(FromQueryResult)]
struct Double {
    id: EnrolmentId,
    playbook_id: PlaybookId,
    version: i64,
    step: String,
    wait_until: String,
}

/// Lets what [`end_doubles`] ended go on, once everything else was given back to `loser`.
pub(crate) async fn resume_doubles(
    tx: &mut Tx<'_>,
    merge: MergeId,
    loser: ContactId,
) -> Result<()> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let of = if lock.is_empty() { "" } else { "OF e" };
    let doubles: Vec<Double> = Query::new(format!(
        "SELECT e.id, e.playbook_id, e.version, e.step, j.row_key AS wait_until
         FROM contact_merge_row j
         JOIN enrolment e ON e.workspace_id = j.workspace_id AND e.id = j.row_id
         JOIN playbook p ON p.workspace_id = e.workspace_id AND p.id = e.playbook_id
         WHERE j.workspace_id = $1 AND j.merge_id = $2 AND j.part = $3
           AND e.contact_id = $4 AND e.state = 'CANCELLED' AND p.state <> 'ARCHIVED'
           AND NOT EXISTS (SELECT 1 FROM enrolment o WHERE o.workspace_id = e.workspace_id
             AND o.playbook_id = e.playbook_id AND o.contact_id = e.contact_id
             AND o.ended_at IS NULL)
         ORDER BY e.id {lock} {of}"
    ))
    .bind(tx.workspace)
    .bind(merge)
    .bind(PART)
    .bind(loser)
    .all(tx.connection())
    .await?;
    if doubles.is_empty() {
        return Ok(());
    }
    // Those who were not at a wait come to their step anew.
    let waits = doubles.iter().map(|double| {
        let until = DateTime::parse_from_rfc3339(&double.wait_until).ok();
        until.map(|until| until.with_timezone(&Utc))
    });
    Query::new(
        "UPDATE enrolment SET state = 'WAITING', due_at = $2, wait_until = r.wait_until,
             ended_at = NULL, ending = NULL
         FROM {r} WHERE enrolment.workspace_id = $1 AND enrolment.id = r.id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows(
        "r",
        Rows::new()
            .ids("id", doubles.iter().map(|double| double.id))
            .opt_times("wait_until", waits),
    )
    .execute(tx.connection())
    .await?;
    let mut counts = Counts::default();
    for double in &doubles {
        let key = (double.playbook_id, double.version);
        counts.at(key, &double.step, What::Here, 1);
        counts.at(key, &double.step, What::Cancelled, -1);
        counts.whole(key, What::Here, 1);
        counts.whole(key, What::Cancelled, -1);
    }
    counts.write(tx).await?;
    tx.wake(Work::Enrolment);
    Ok(())
}
