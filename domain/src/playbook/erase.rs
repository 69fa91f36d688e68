//! What a person who is erased leaves in the counts of playbooks.

use entity::id::{ContactId, PlaybookId};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

use super::count::{Counts, What};
use crate::{
    error::Result,
    store::{Query, Rows, Tx, dialect},
};

#[derive(FromQueryResult)]
struct Here {
    playbook_id: PlaybookId,
    version: i64,
    step: String,
}

/// Takes the enrolments that contacts have under way out of what is counted as being somewhere, before
/// their rows are deleted. Whatever else was counted of them stays: it is nobody's any more.
pub(crate) async fn forget(tx: &Tx<'_>, contacts: &[ContactId]) -> Result<()> {
    // Held, so that no worker moves one on between being counted here and being deleted.
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let rows: Vec<Here> = Query::new(format!(
        "SELECT e.playbook_id, e.version, e.step FROM enrolment e
         WHERE e.workspace_id = $1 AND e.ended_at IS NULL
           AND e.contact_id IN (SELECT r.id FROM {{r}}) ORDER BY e.id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", contacts.iter().copied()))
    .all(tx.connection())
    .await?;
    let mut counts = Counts::default();
    for row in rows {
        let key = (row.playbook_id, row.version);
        counts.at(key, &row.step, What::Here, -1);
        counts.at(key, &row.step, What::Cancelled, 1);
        counts.whole(key, What::Here, -1);
        counts.whole(key, What::Cancelled, 1);
    }
    counts.write(tx).await
}
