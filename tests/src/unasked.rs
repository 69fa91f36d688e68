//! What comes in by the thousand does not ask, row by row, for what cannot have gone.

use domain::store::Query;
use sea_orm::DatabaseBackend;

use crate::support::on_both;

/// The tables that have rows for each message, event or email event, or for what follows from one.
const MANY: &str = "'change', 'contact_activity', 'contact_health', 'conversation', 'conversation_thread',
    'due_item', 'email_event', 'engagement', 'event', 'health_history', 'message', 'rule_firing',
    'rule_mark', 'rule_miss', 'search_tail', 'tag_rank', 'timeline_entry', 'web_visit_day', 'web_visitor'";

#[test]
fn what_comes_in_by_the_thousand_asks_for_nothing_that_is_never_deleted() {
    on_both(|world| async move {
        // SQLite keeps such questions, which cost it little.
        if world.ctx.db.backend() == DatabaseBackend::Postgres {
            let asked: Vec<String> = Query::new(format!(
                "SELECT CAST(k.conname AS text) FROM pg_constraint k
                 JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class o ON o.oid = k.confrelid
                 WHERE k.contype = 'f' AND t.relnamespace = current_schema()::regnamespace
                   AND t.relname IN ({MANY}) AND o.relname IN ('inbox', 'rule', 'workspace')"
            ))
            .column(world.ctx.reader())
            .await
            .expect("the constraints");
            assert!(asked.is_empty(), "{asked:?}");
        }
        world
    });
}
