//! Which messages come into one conversation when they are brought in at once.

use std::time::Duration;

use domain::{
    conversation::{ConversationFilter, ConversationOrder, NewMessage},
    store::Query,
};
use entity::{id::ConversationId, kind::Author};

use super::steps::{all, said, take_in, the_inbox};
use crate::support::on_both;

/// What is being done must not come to its end while something else is.
const WHILE: Duration = Duration::from_millis(300);

#[test]
fn of_two_calls_at_once_that_begin_a_thread_both_come_into_one_conversation() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inbox = the_inbox(&world).await;
        // Somebody has claimed the thread and is not done yet.
        let theirs: ConversationId = ctx.id();
        let other = ctx.begin(owner.workspace).await.unwrap();
        Query::new(
            "INSERT INTO conversation_thread (workspace_id, inbox_id, thread_key, conversation_id)
             VALUES ($1, $2, 'a', $3)",
        )
        .bind(owner.workspace)
        .bind(inbox)
        .bind(theirs)
        .execute(other.connection())
        .await
        .unwrap();
        let mut second = Box::pin(take_in(&world, vec![said("a", 2, 1, Author::Contact)]));
        let early = tokio::time::timeout(WHILE, &mut second).await;
        assert!(early.is_err(), "it has to wait");
        other.commit().await.unwrap();
        second.await;
        take_in(&world, vec![said("a", 1, 0, Author::Contact)]).await;
        // It names nothing but the second message.
        let third = NewMessage {
            thread_keys: vec!["a 2".to_owned()],
            ..said("a", 3, 2, Author::Contact)
        };
        take_in(&world, vec![third]).await;
        let filter = ConversationFilter::default();
        let rows = all(&world, &filter, ConversationOrder::default()).await;
        let told: Vec<_> = rows.iter().map(|row| (row.id, row.messages)).collect();
        assert_eq!(told, [(theirs, 3)]);
        world
    });
}
