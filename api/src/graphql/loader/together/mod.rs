//! What several requests ask for at the same moment, by one statement.
//!
//! A request that comes alone asks at once, as if nothing of this were here. While as many statements of a
//! kind are under way as may be, those who come meanwhile wait for the end of one, and the next asks for
//! all of them. The busier the process, the less each answer costs: of a hundred subscribers who hear of
//! the same contact one asks for it. Nothing is kept: whoever waits is answered by a statement that began
//! after they had come, and workspaces never share one.
//!
//! Others wait only a while for a statement that does not come to an end, as on a dead connection that does not
//! show it. Then the next may begin, and whoever was to be answered by it asks alone.

use std::{
    any::{Any, TypeId},
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_graphql::Error;
use entity::id::WorkspaceId;
use tokio::{runtime::Handle, sync::oneshot, time::timeout};

/// Statements under way at once, for each kind of thing, workspace and thread, before others wait.
const LANES: usize = 2;

/// Whoever wants more at once than this is not kept waiting for others, and keeps nobody waiting.
const FEW: usize = 8;

/// How long others wait for the end of a statement: what is asked for by id takes milliseconds, and a request
/// has 30 seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// What finds values by key: one statement, however many keys.
#[async_trait::async_trait]
pub(crate) trait LookUp<K>: Clone + Send + Sync + 'static {
    /// What is found.
    type Value: Clone + Send + Sync + 'static;

    /// The values there are, by key.
    async fn look_up(&self, keys: &[K]) -> Result<HashMap<K, Self::Value>, Error>;
}

/// The requests of one thread that wait for each other, by kind.
pub struct Together {
    kinds: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    patience: Duration,
}

/// Those who ask for one kind of thing, by workspace. A workspace for which nothing is under way has no
/// queue.
struct Queues<K, V>(Mutex<HashMap<WorkspaceId, Queue<K, V>>>);

struct Queue<K, V> {
    /// Statements under way.
    running: usize,
    waiting: Vec<Waiting<K, V>>,
}

struct Waiting<K, V> {
    keys: Vec<K>,
    answer: oneshot::Sender<HashMap<K, V>>,
}

/// A statement under way. When it ends, however it ends, or takes too long, those who wait are next.
struct Turn<K, S>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    S: LookUp<K>,
{
    queues: Arc<Queues<K, S::Value>>,
    workspace: WorkspaceId,
    source: S,
    patience: Duration,
}

impl Default for Together {
    fn default() -> Self {
        Self::patient(PATIENCE)
    }
}

impl Together {
    fn patient(patience: Duration) -> Self {
        let kinds = Mutex::default();
        Self { kinds, patience }
    }

    /// Asks `source`, which looks into `workspace` alone, for `keys`.
    pub(super) async fn find<K, S>(
        &self,
        source: &S,
        workspace: WorkspaceId,
        keys: &[K],
    ) -> Result<HashMap<K, S::Value>, Error>
    where
        K: Copy + Eq + Hash + Send + Sync + 'static,
        S: LookUp<K>,
    {
        if keys.len() > FEW {
            return source.look_up(keys).await;
        }
        let queues = self.queues::<K, S::Value>();
        let Some(answer) = queues.enter(workspace, keys) else {
            let turn = Turn {
                queues,
                workspace,
                source: source.clone(),
                patience: self.patience,
            };
            return turn.ask(keys).await;
        };
        match answer.await {
            Ok(found) => Ok(found),
            // The statement for all has failed or does not end. Their own tells them why, or succeeds.
            Err(_) => source.look_up(keys).await,
        }
    }

    fn queues<K, V>(&self) -> Arc<Queues<K, V>>
    where
        K: Send + Sync + 'static,
        V: Send + 'static,
    {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = kinds
            .entry(TypeId::of::<Queues<K, V>>())
            .or_insert_with(|| Arc::new(Queues::<K, V>(Mutex::default())));
        Arc::clone(kind)
            .downcast()
            .unwrap_or_else(|_| unreachable!("queues are kept under their own type"))
    }
}

impl<K, V> Queues<K, V> {
    fn lock(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Queue<K, V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy, V> Queues<K, V> {
    /// Takes a turn, or a place among those who wait and will be answered.
    fn enter(
        &self,
        workspace: WorkspaceId,
        keys: &[K],
    ) -> Option<oneshot::Receiver<HashMap<K, V>>> {
        let mut queues = self.lock();
        let queue = queues.entry(workspace).or_insert_with(|| Queue {
            running: 0,
            waiting: Vec::new(),
        });
        if queue.running < LANES {
            queue.running += 1;
            return None;
        }
        let (answer, receiver) = oneshot::channel();
        let keys = keys.to_vec();
        queue.waiting.push(Waiting { keys, answer });
        Some(receiver)
    }

    /// Hands the turn on to those who wait, or ends it.
    fn leave(&self, workspace: WorkspaceId) -> Vec<Waiting<K, V>> {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(&workspace) else {
            return Vec::new();
        };
        let mut next = std::mem::take(&mut queue.waiting);
        // Requests that were given up want nothing any more.
        next.retain(|waiting| !waiting.answer.is_closed());
        if next.is_empty() {
            queue.running -= 1;
            if queue.running == 0 {
                queues.remove(&workspace);
            }
        }
        next
    }
}

impl<K, S> Turn<K, S>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    S: LookUp<K>,
{
    /// Asks for `keys`. If that takes too long, the turn is over before it has ended.
    async fn ask(self, keys: &[K]) -> Result<HashMap<K, S::Value>, Error> {
        let source = self.source.clone();
        let mut asking = source.look_up(keys);
        if let Ok(found) = timeout(self.patience, &mut asking).await {
            return found;
        }
        drop(self);
        asking.await
    }

    /// Asks for what they wait for.
    async fn answer(self, waiting: Vec<Waiting<K, S::Value>>) {
        let keys: HashSet<K> = waiting.iter().flat_map(|one| &one.keys).copied().collect();
        let keys: Vec<K> = keys.into_iter().collect();
        // After a failure, or when it takes too long, nobody is answered, and each asks alone.
        let Ok(Ok(found)) = timeout(self.patience, self.source.look_up(&keys)).await else {
            return;
        };
        for one in waiting {
            let theirs = one.keys.iter();
            let theirs = theirs.filter_map(|key| Some((*key, found.get(key)?.clone())));
            // Whoever has gone meanwhile needs no answer.
            let _ = one.answer.send(theirs.collect());
        }
    }
}

impl<K, S> Drop for Turn<K, S>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    S: LookUp<K>,
{
    fn drop(&mut self) {
        let next = self.queues.leave(self.workspace);
        if next.is_empty() {
            return;
        }
        let turn = Self {
            queues: Arc::clone(&self.queues),
            workspace: self.workspace,
            source: self.source.clone(),
            patience: self.patience,
        };
        // Where no runtime is left, `turn` is dropped here, and with it what it was to answer.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(turn.answer(next));
        }
    }
}

#[cfg(test)]
mod tests;
