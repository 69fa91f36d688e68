//! The rank index and the counters, held against counting everything anew.

use domain::store::Query;
use entity::kind::TagTarget;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::support::World;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, FromQueryResult)]
struct Rank {
    tag_id: Uuid,
    target_id: Uuid,
    taggings: i64,
}

#[derive(Debug, PartialEq, Eq, FromQueryResult)]
struct Count {
    tag_id: Uuid,
    target: TagTarget,
    direct: i64,
    total: i64,
}

/// The rank index and the counters say what counting everything anew says.
pub(crate) async fn assert_recounted(world: &World) {
    let reader = world.ctx.db.writer();
    let kept: Vec<Rank> =
        Query::new("SELECT tag_id, target_id, taggings FROM tag_rank ORDER BY tag_id, target_id")
            .all(reader)
            .await
            .unwrap();
    let naive: Vec<Rank> = Query::new(
        "SELECT l.ancestor_id AS tag_id, g.target_id, COUNT(*) AS taggings
         FROM tagging g
         JOIN tag_closure l ON l.workspace_id = g.workspace_id AND l.tag_id = g.tag_id
         WHERE g.removed_at IS NULL
         GROUP BY l.ancestor_id, g.target_id ORDER BY l.ancestor_id, g.target_id",
    )
    .all(reader)
    .await
    .unwrap();
    assert_eq!(kept, naive, "the rank index");
    let kept: Vec<Count> = Query::new(
        "SELECT tag_id, target, CAST(SUM(direct) AS bigint) AS direct,
                CAST(SUM(total) AS bigint) AS total
         FROM tag_count GROUP BY tag_id, target HAVING SUM(direct) <> 0 OR SUM(total) <> 0
         ORDER BY tag_id, target",
    )
    .all(reader)
    .await
    .unwrap();
    let naive: Vec<Count> = Query::new(
        "SELECT l.ancestor_id AS tag_id, g.target,
                CAST(SUM(CASE WHEN l.distance = 0 THEN 1 ELSE 0 END) AS bigint) AS direct,
                COUNT(DISTINCT g.target_id) AS total
         FROM tagging g
         JOIN tag_closure l ON l.workspace_id = g.workspace_id AND l.tag_id = g.tag_id
         WHERE g.removed_at IS NULL
         GROUP BY l.ancestor_id, g.target ORDER BY l.ancestor_id, g.target",
    )
    .all(reader)
    .await
    .unwrap();
    assert_eq!(kept, naive, "the counters");
}
