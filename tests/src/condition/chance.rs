//! Shares of everybody that are drawn by chance.

use std::collections::BTreeSet;

use domain::{
    condition::{Moment, sql},
    store::{Query, Rows},
};
use entity::kind::SubjectKind;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use ring::digest::{SHA256, digest};
use serde_json::json;
use uuid::Uuid;

use super::people::condition;
use crate::support::{World, on_both};

const PRIME: u64 = 2_147_483_647;

/// The place of an id for a key, as the databases are to calculate it.
fn place(key: &str, id: Uuid) -> f64 {
    let digest = digest(&SHA256, key.as_bytes());
    let number = |from: usize| {
        let bytes = digest.as_ref()[from..from + 4].iter();
        bytes.fold(0, |number, byte| number * 256 + u64::from(*byte))
    };
    let (factor, offset) = (number(0) % (PRIME - 1) + 1, number(4) % PRIME);
    let end = (id.as_u128() & 0xfff_ffff) as u64;
    ((end * factor + offset) % PRIME % 10_000) as f64 / 100.0
}

async fn made(world: &World, ids: &[Uuid]) {
    Query::new(
        "INSERT INTO contact (workspace_id, id, name, name_key, created_at, updated_at)
         SELECT $1, r.id, '', '', $2, $2 FROM {r}",
    )
    .bind(world.owner.workspace)
    .bind(world.ctx.clock.now())
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .execute(world.ctx.db.writer())
    .await
    .expect("contacts");
}

/// Those among `ids` whose place for a key is in a range.
async fn share(world: &World, ids: &[Uuid], key: &str, from: f64, until: f64) -> BTreeSet<Uuid> {
    let asked = json!({"randomShare": {"key": key, "place": {"atLeast": from, "lessThan": until}}});
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let moment = Moment::usual(ctx.clock.now(), chrono_tz::Tz::UTC);
    let query = sql::select(
        ctx.db.backend(),
        workspace,
        &moment,
        &condition(&asked),
        SubjectKind::Contact,
        ids,
    );
    let found: Vec<Uuid> = query.column(ctx.reader()).await.expect("an answer");
    found.into_iter().collect()
}

#[test]
fn shares_are_as_large_as_they_say_and_keys_draw_anew() {
    on_both(|world| async move {
        let mut rng = StdRng::seed_from_u64(20_270_101);
        let ids: Vec<Uuid> = (0..1_000)
            .map(|_| Uuid::from_u128(rng.random_range(0..u128::MAX)))
            .collect();
        made(&world, &ids).await;
        for (key, from, until) in [
            ("spring", 0.0, 50.0),
            ("spring", 50.0, 100.0),
            ("秋", 12.34, 12.5),
            ("秋", 99.0, 100.0),
        ] {
            let found = share(&world, &ids, key, from, until).await;
            let is_in = |id: &Uuid| (from..until).contains(&place(key, *id));
            let expected: BTreeSet<Uuid> = ids.iter().copied().filter(is_in).collect();
            assert_eq!(found, expected, "{key} {from} {until}");
        }
        let spring = share(&world, &ids, "spring", 0.0, 50.0).await;
        let autumn = share(&world, &ids, "秋", 0.0, 50.0).await;
        let both = spring.intersection(&autumn).count();
        assert!((430..570).contains(&spring.len()), "{}", spring.len());
        assert!((180..320).contains(&both), "{both}");
        world
    });
}
