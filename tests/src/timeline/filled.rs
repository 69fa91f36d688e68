//! What happened before timelines showed it is entered when the tables are brought up to date.

use domain::{
    contact::{
        merge,
        subscription::{self, NewState},
    },
    conversation,
    fact::Of,
    page::PageRequest,
    segment::hand,
    store::{Query, Rows},
    task, timeline,
};
use entity::{
    id::{ContactId, ConversationId},
    kind::{Channel, ConversationStatus, SubscriptionState, TaskStatus, TimelineKind as K},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use uuid::Uuid;

use super::{deeds::lists, merged::three};
use crate::support::{World, engine::a_task, on_both};

/// What the step of this name brought.
const STEP: &str = "m0063_timeline";
const KINDS: [K; 13] = [
    K::SegmentEntered,
    K::SegmentLeft,
    K::TaskCreated,
    K::TaskEnded,
    K::SubscriptionChanged,
    K::OwnerChanged,
    K::ConversationStatusChanged,
    K::ContactMerged,
    K::ContactUnmerged,
    K::ContactSeparated,
    K::AccountMerged,
    K::AccountUnmerged,
    K::AccountSeparated,
];

/// Makes the database one that has not taken the step.
async fn untake(world: &World) {
    let is_postgres = world.ctx.db.backend() == DatabaseBackend::Postgres;
    let mut names = vec!["timeline_conversation_steps_moved".to_owned()];
    for kind in KINDS {
        let kind = kind.word().to_lowercase();
        let ends = ["added", "changed", "ended", "deleted"];
        names.extend(ends.map(|end| format!("timeline_{kind}_{end}")));
    }
    let mut statements: Vec<String> = names
        .iter()
        .map(|name| {
            if is_postgres {
                format!("DROP FUNCTION IF EXISTS {name}() CASCADE")
            } else {
                format!("DROP TRIGGER IF EXISTS {name}")
            }
        })
        .collect();
    let words = KINDS.map(|kind| format!("'{}'", kind.word())).join(", ");
    statements.extend([
        format!("DELETE FROM timeline_entry WHERE kind IN ({words})"),
        "DELETE FROM contact_merge_row WHERE part = 'timeline_entry'".to_owned(),
        "DROP TABLE owner_change".to_owned(),
        format!("DELETE FROM seaql_migrations WHERE version = '{STEP}'"),
    ]);
    for statement in statements {
        let owner = world.ctx.db.owner();
        owner.execute_unprepared(&statement).await.unwrap();
    }
}

async fn told(world: &World, contact: ContactId) -> Vec<(K, Uuid)> {
    let page = PageRequest::first(100);
    let of = Of::Contact(contact);
    let found = timeline::list(&world.ctx, world.owner.workspace, of, &KINDS, &page).await;
    let rows = found.unwrap().rows.into_iter();
    rows.map(|(_, entry)| (entry.kind, entry.subject_id))
        .collect()
}

#[test]
fn what_happened_before_is_on_timelines_too() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let [a, b, c] = three(&world).await;
        let [guests, _] = lists(&world).await;
        let things = hand::Things::Contacts(vec![c]);
        hand::add(ctx, owner, guests, &things).await.unwrap();
        hand::remove(ctx, owner, guests, &things).await.unwrap();
        let mut new = a_task("Call");
        new.contact = Some(c);
        let made = task::create(ctx, owner, new).await.unwrap();
        task::end(ctx, owner, made.id, TaskStatus::Done)
            .await
            .unwrap();
        let state = NewState {
            channel: Channel::Email,
            topic: "news".to_owned(),
            state: SubscriptionState::Subscribed,
            reason: String::new(),
        };
        subscription::set(ctx, owner, c, state).await.unwrap();
        let thread: Option<ConversationId> = Query::new(
            "SELECT v.id FROM conversation v WHERE v.workspace_id = $1 AND v.contact_id = $2",
        )
        .bind(owner.workspace)
        .bind(c)
        .scalar(ctx.reader())
        .await
        .unwrap();
        let closed = ConversationStatus::Closed;
        conversation::set_status(ctx, owner, thread.unwrap(), closed)
            .await
            .unwrap();
        let first = merge::merge(ctx, owner, b, a, "").await.unwrap();
        world.clock.advance(chrono::TimeDelta::seconds(1));
        let second = merge::merge(ctx, owner, c, b, "").await.unwrap();
        world.drain().await;
        let before = told(&world, c).await;
        assert_eq!(before.len(), 8, "{before:?}");

        untake(&world).await;
        assert!(told(&world, c).await.is_empty());
        migration::apply(world.ctx.db.owner()).await.unwrap();
        assert_eq!(told(&world, c).await, before);
        merge::unmerge(ctx, owner, second.id).await.unwrap();
        let given_back = (K::ContactMerged, first.id.0);
        assert!(told(&world, b).await.contains(&given_back));
        assert!(!told(&world, c).await.contains(&given_back));
        world
    });
}

/// Two contacts who were merged and taken apart this often, before they were merged on.
const MERGES: u128 = 500;

#[test]
fn a_history_of_many_merges_is_entered_whole_at_who_answers_in_the_end() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let [a, b, c] = three(&world).await;
        let first = merge::merge(ctx, owner, b, a, "").await.unwrap();
        world.clock.advance(chrono::TimeDelta::seconds(1));
        merge::merge(ctx, owner, c, b, "").await.unwrap();
        world.drain().await;
        untake(&world).await;
        let ids = (1..=MERGES).map(Uuid::from_u128);
        let many = Query::new(
            "INSERT INTO contact_merge (workspace_id, id, survivor_id, loser_id, reason, filled,
                                        merged_at, merged_by, undone_at, undone_by)
             SELECT m.workspace_id, r.id, m.survivor_id, m.loser_id, m.reason, m.filled,
                    m.merged_at, m.merged_by, m.merged_at, m.merged_by
             FROM {r} JOIN contact_merge m ON m.workspace_id = $1 AND m.id = $2",
        )
        .bind(owner.workspace)
        .bind(first.id)
        .rows("r", Rows::new().uuids("id", ids));
        many.execute(ctx.db.owner()).await.unwrap();

        migration::apply(ctx.db.owner()).await.unwrap();
        let entered: Option<i64> = Query::new(
            "SELECT COUNT(*) FROM timeline_entry e
             WHERE e.workspace_id = $1 AND e.contact_id = $2 AND e.kind LIKE 'CONTACT%'",
        )
        .bind(owner.workspace)
        .bind(c)
        .scalar(ctx.reader())
        .await
        .unwrap();
        let kinds_of_each = 3;
        assert_eq!(entered, Some(kinds_of_each * MERGES as i64 + 2));
        world
    });
}
