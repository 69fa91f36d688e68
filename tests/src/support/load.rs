//! Somebody who brings in a message after the other while a test breaks something, each again until it is
//! acknowledged; and what has to be there in the end.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::store::Query;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{
    client::{Client, message},
    installation::Installation,
    process::until,
};

/// How long anything may take to come back.
pub(crate) const RECOVERY: Duration = Duration::from_mins(2);

/// What is sent, and what was acknowledged of it.
pub(crate) struct Load {
    going: Arc<AtomicBool>,
    pub(crate) failures: Arc<AtomicUsize>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Load {
    /// Messages that have their conversations tagged, one right after the other.
    pub(crate) async fn start(owner: Client) -> Self {
        let tag = owner.tag("CONVERSATION", "Greeting").await;
        let action = json!({ "tagConversation": { "tagIds": [tag] } });
        Self::of(owner, "hello", &action, Duration::from_millis(5)).await
    }

    /// Messages of this word, which a rule answers with this action, each so long after the one before.
    pub(crate) async fn of(
        owner: Client,
        word: &'static str,
        action: &Value,
        pause: Duration,
    ) -> Self {
        let words = json!({ "keywords": { "mode": "ANY_OF", "words": [word] } });
        owner.rule(word, &words, action).await;
        let inbox = owner.inbox().await;
        let (going, failures) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
        let task = tokio::spawn(bring_in(
            owner,
            inbox,
            word,
            Arc::clone(&going),
            Arc::clone(&failures),
            Arc::clone(&acknowledged),
            pause,
        ));
        Self {
            going,
            failures,
            acknowledged,
            task,
        }
    }

    /// How many were acknowledged.
    pub(crate) fn count(&self) -> usize {
        self.acknowledged.lock().expect("the list").len()
    }

    /// Waits until something more is acknowledged.
    pub(crate) async fn goes_on(&self) {
        let before = self.count();
        until("messages to be taken", RECOVERY, async || {
            (self.count() > before).then_some(())
        })
        .await;
    }

    /// Ends it, and compares what was acknowledged with what is there and what followed: on every message there is
    /// one rule that fires. Says how many were acknowledged.
    pub(crate) async fn end(self, installation: &Installation) -> usize {
        self.going.store(false, Ordering::SeqCst);
        self.task.await.expect("the load");
        installation.drain(Duration::from_mins(5)).await;
        let database = installation.database();
        let stored: Vec<String> = Query::new("SELECT external_id FROM message")
            .column(database.reader())
            .await
            .expect("messages");
        let acknowledged = self.acknowledged.lock().expect("the list").clone();
        let there: BTreeSet<&String> = stored.iter().collect();
        assert_eq!(there.len(), stored.len(), "a message is there twice");
        let lost: Vec<_> = acknowledged
            .iter()
            .filter(|id| !there.contains(id))
            .collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let fired: Vec<i64> = Query::new(
            "SELECT COUNT(f.id) FROM message m
             LEFT JOIN rule_firing f ON f.workspace_id = m.workspace_id AND f.message_id = m.id
             GROUP BY m.id",
        )
        .column(database.reader())
        .await
        .expect("firings");
        assert!(fired.iter().all(|times| *times == 1), "{fired:?}");
        acknowledged.len()
    }
}

async fn bring_in(
    owner: Client,
    inbox: String,
    word: &'static str,
    going: Arc<AtomicBool>,
    failures: Arc<AtomicUsize>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    pause: Duration,
) {
    let document = "mutation($input: IngestMessagesInput!) { ingestMessages(input: $input) \
        { messages { id } userErrors { message } } }";
    for number in 0.. {
        let id = format!("{word} {number}");
        let one = message(&id, &format!("c{}@customer.example", number % 50), word);
        let variables = json!({ "input": { "inboxId": inbox, "messages": [one] } });
        loop {
            if !going.load(Ordering::SeqCst) {
                return;
            }
            let answer = owner
                .try_ask(document, &variables)
                .await
                .unwrap_or_default();
            if answer["data"]["ingestMessages"]["messages"].is_array() {
                acknowledged.lock().expect("the list").push(id);
                break;
            }
            failures.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(pause).await;
    }
}
