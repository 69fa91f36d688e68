//! A sample of things: which tags each carries, and what became of it.
//!
//! Things are walked in the order of their ids, a bounded range in each step. A thing is in the
//! sample if the last byte of its id, which is random, lies below a bound: all of them while there
//! are few, and the same ones for every check. The rows are gone when the run ends.

use std::collections::HashMap;

use entity::{
    id::{TagId, TagQualityRunId},
    kind::TagTarget,
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, FromQueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    contact::{VISITORS, is_visitor},
    error::Result,
    store::{Query, Tx},
    tag::tagging::table_of,
};

/// Things a sample has, about.
const BUDGET: i64 = 30_000;
/// Ids walked in one step.
const STEP: i64 = 50_000;
/// Bytes a last byte can be.
const BYTES: i64 = 256;

/// How many things there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Things {
    /// Contacts.
    pub contacts: i64,
    /// Accounts.
    pub accounts: i64,
    /// Conversations.
    pub conversations: i64,
}

impl Things {
    /// Those of one kind.
    pub fn of(&self, target: TagTarget) -> i64 {
        match target {
            TagTarget::Contact => self.contacts,
            TagTarget::Account => self.accounts,
            TagTarget::Conversation => self.conversations,
        }
    }

    fn of_mut(&mut self, target: TagTarget) -> &mut i64 {
        match target {
            TagTarget::Contact => &mut self.contacts,
            TagTarget::Account => &mut self.accounts,
            TagTarget::Conversation => &mut self.conversations,
        }
    }

    fn sum(&self) -> i64 {
        self.contacts + self.accounts + self.conversations
    }
}

/// How the sample was drawn, as far as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// All things there were when the run began.
    pub all: Things,
    /// Things in the sample.
    pub things: Things,
    /// Of 256 values a last byte can have, how many are in.
    pub bytes: i64,
}

impl Sample {
    /// Counts the things and says how many of them to draw.
    pub(super) async fn plan(tx: &Tx<'_>) -> Result<Self> {
        let mut all = Things::default();
        for target in [
            TagTarget::Contact,
            TagTarget::Account,
            TagTarget::Conversation,
        ] {
            let count = Query::new(format!(
                "SELECT COUNT(*) FROM {} x WHERE x.workspace_id = $1{}",
                table_of(target),
                here(target)
            ))
            .bind(tx.workspace)
            .scalar(tx.connection())
            .await?;
            *all.of_mut(target) = count.unwrap_or_default();
        }
        let bytes = match all.sum() {
            sum if sum <= BUDGET => BYTES,
            sum => (BUDGET * BYTES / sum).clamp(1, BYTES),
        };
        Ok(Self {
            all,
            things: Things::default(),
            bytes,
        })
    }

    /// Whether everything is in it, so that what is counted in it is exact.
    pub fn is_exact(&self) -> bool {
        self.bytes == BYTES
    }

    /// Draws from the next things of `target` after `after`; gives the last one walked when there may
    /// be more.
    pub(super) async fn draw(
        &mut self,
        tx: &Tx<'_>,
        run: TagQualityRunId,
        target: TagTarget,
        after: Uuid,
    ) -> Result<Option<Uuid>> {
        let table = table_of(target);
        let last: Option<Uuid> = Query::new(format!(
            "SELECT x.id FROM {table} x WHERE x.workspace_id = $1 AND x.id > $2
             ORDER BY x.id LIMIT 1 OFFSET $3"
        ))
        .bind(tx.workspace)
        .bind(after)
        .bind(STEP - 1)
        .scalar(tx.connection())
        .await?;
        let range = (after, last.unwrap_or(Uuid::max()));
        *self.things.of_mut(target) += self.draw_things(tx, run, target, range).await?;
        draw_tags(tx, run, target, range).await?;
        Ok(last)
    }

    async fn draw_things(
        &self,
        tx: &Tx<'_>,
        run: TagQualityRunId,
        target: TagTarget,
        range: (Uuid, Uuid),
    ) -> Result<i64> {
        let outcomes = match target {
            TagTarget::Contact => OUTCOMES_OF_CONTACT,
            _ => "false, false, false, false",
        };
        let drawn = Query::new(format!(
            "INSERT INTO tag_quality_thing (workspace_id, run_id, thing_id, target, is_scored,
                                            is_at_risk, has_won, has_replied)
             SELECT $1, $2, x.id, $3, {outcomes} FROM {} x
             WHERE x.workspace_id = $1 AND x.id > $4 AND x.id <= $5{} AND {}",
            table_of(target),
            here(target),
            tail_below(tx.connection().get_database_backend(), "x.id", self.bytes)
        ))
        .bind(tx.workspace)
        .bind(run)
        .bind(target.word())
        .bind(range.0)
        .bind(range.1)
        .execute(tx.connection())
        .await?;
        Ok(i64::try_from(drawn).unwrap_or(i64::MAX))
    }
}

/// Those that are not merged into another, nor deleted, nor anonymous visitors: what a tag is to tell
/// apart are people.
fn here(target: TagTarget) -> String {
    match target {
        TagTarget::Contact => {
            let visitor = is_visitor("x.id");
            format!(" AND x.merged_into_id IS NULL AND NOT {visitor}")
        }
        TagTarget::Account => " AND x.merged_into_id IS NULL AND x.deleted_at IS NULL".to_owned(),
        TagTarget::Conversation => String::new(),
    }
}

/// How many anonymous visitors, who are not among [`Sample::all`], carry each tag or one below it.
pub(super) async fn on_visitors(tx: &Tx<'_>) -> Result<HashMap<TagId, i64>> {
    #[derive(FromQueryResult)]
    struct Carried {
        tag_id: TagId,
        visitors: i64,
    }
    let carried: Vec<Carried> = Query::new(format!(
        "WITH visitor AS MATERIALIZED ({VISITORS})
         SELECT l.ancestor_id AS tag_id, COUNT(DISTINCT w.contact_id) AS visitors FROM visitor w
         JOIN tagging g ON g.workspace_id = $1 AND g.target_id = w.contact_id
           AND g.removed_at IS NULL
         JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = g.tag_id
         GROUP BY l.ancestor_id"
    ))
    .bind(tx.workspace)
    .all(tx.connection())
    .await?;
    let carried = carried.into_iter();
    Ok(carried.map(|one| (one.tag_id, one.visitors)).collect())
}

/// Whether a band is known, whether it is at risk, whether a deal with the contact or its company was
/// won, and whether the contact ever wrote to us or answered an email.
const OUTCOMES_OF_CONTACT: &str = "
    EXISTS (SELECT 1 FROM contact_health h WHERE h.workspace_id = $1 AND h.contact_id = x.id
            AND h.band <> 'UNKNOWN'),
    EXISTS (SELECT 1 FROM contact_health h WHERE h.workspace_id = $1 AND h.contact_id = x.id
            AND h.band = 'AT_RISK'),
    EXISTS (SELECT 1 FROM opportunity o WHERE o.workspace_id = $1 AND o.contact_id = x.id
            AND o.status = 'WON')
    OR EXISTS (SELECT 1 FROM opportunity o WHERE o.workspace_id = $1
            AND o.account_id = x.account_id AND o.status = 'WON'),
    EXISTS (SELECT 1 FROM email_event e WHERE e.workspace_id = $1 AND e.contact_id = x.id
            AND e.kind = 'REPLIED')
    OR EXISTS (SELECT 1 FROM conversation v JOIN message m
            ON m.workspace_id = $1 AND m.conversation_id = v.id AND m.direction = 'INBOUND'
            WHERE v.workspace_id = $1 AND v.contact_id = x.id)";

/// Whether the last byte of an id lies below `bytes`.
fn tail_below(backend: DatabaseBackend, column: &str, bytes: i64) -> String {
    if bytes >= BYTES {
        return "true".to_owned();
    }
    match backend {
        DatabaseBackend::Postgres => format!("get_byte(uuid_send({column}), 15) < {bytes}"),
        _ => format!("substr({column}, 16, 1) < x'{bytes:02x}'"),
    }
}

/// What the things of the range that were drawn carry now.
async fn draw_tags(
    tx: &Tx<'_>,
    run: TagQualityRunId,
    target: TagTarget,
    (after, last): (Uuid, Uuid),
) -> Result<()> {
    Query::new(
        "INSERT INTO tag_quality_carried (workspace_id, run_id, tag_id, thing_id)
         SELECT $1, $2, g.tag_id, g.target_id FROM tag_quality_thing x
         CROSS JOIN tagging AS g
         WHERE x.workspace_id = $1 AND x.run_id = $2 AND x.target = $3 AND x.thing_id > $4
           AND x.thing_id <= $5 AND g.workspace_id = $1 AND g.target_id = x.thing_id
           AND g.removed_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(run)
    .bind(target.word())
    .bind(after)
    .bind(last)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Two tags that things carry together, and how many carry either.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub(super) struct Pair {
    /// One.
    pub(super) a: TagId,
    /// The other; its id is greater.
    pub(super) b: TagId,
    /// Sampled things that carry both.
    pub(super) together: i64,
    /// Sampled things that carry `a`.
    pub(super) of_a: i64,
    /// Sampled things that carry `b`.
    pub(super) of_b: i64,
}

/// The pairs of tags that at least `least` sampled things carry together, and at least `share` of
/// those that carry one of them.
pub(super) async fn pairs(
    tx: &Tx<'_>,
    run: TagQualityRunId,
    least: i64,
    share: f64,
) -> Result<Vec<Pair>> {
    Ok(Query::new(
        "WITH n AS MATERIALIZED (
             SELECT k.tag_id, COUNT(*) AS things FROM tag_quality_carried k
             WHERE k.workspace_id = $1 AND k.run_id = $2 GROUP BY k.tag_id
         ), p AS MATERIALIZED (
             SELECT x.tag_id AS a, y.tag_id AS b, COUNT(*) AS together
             FROM tag_quality_carried x
             JOIN tag_quality_carried y ON y.workspace_id = $1 AND y.run_id = $2
               AND y.thing_id = x.thing_id AND y.tag_id > x.tag_id
             WHERE x.workspace_id = $1 AND x.run_id = $2
             GROUP BY x.tag_id, y.tag_id HAVING COUNT(*) >= $3)
         SELECT p.a, p.b, p.together, i.things AS of_a, j.things AS of_b
         FROM p JOIN n i ON i.tag_id = p.a JOIN n j ON j.tag_id = p.b
         WHERE p.together >= $4 * i.things OR p.together >= $4 * j.things
         ORDER BY p.a, p.b",
    )
    .bind(tx.workspace)
    .bind(run)
    .bind(least)
    .bind(share)
    .all(tx.connection())
    .await?)
}

/// Takes the sample away.
pub(super) async fn clear(tx: &Tx<'_>, run: TagQualityRunId) -> Result<()> {
    for table in ["tag_quality_carried", "tag_quality_thing"] {
        Query::new(format!(
            "DELETE FROM {table} WHERE workspace_id = $1 AND run_id = $2"
        ))
        .bind(tx.workspace)
        .bind(run)
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_samples_keep_decoding() {
        let things = serde_json::json!({ "contacts": 3, "accounts": 2, "conversations": 1 });
        let stored = serde_json::json!({ "all": things, "things": things, "bytes": 256 });
        let sample: Sample = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::json!(sample), stored);
    }
}
