//! Sending hints after a request has committed.

use std::time::Duration;

use async_trait::async_trait;
use domain::port::{
    Deliver, Hint, Relay,
    wire::{Keys, PUSH},
};
use redis::{
    AsyncConnectionConfig, Client, Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Script,
    Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use tokio::sync::Mutex;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Stated because the client's own default of 500 ms takes a short hang for an outage.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Starts passing hints on to the Redis at `url` (several URLs with commas between them are nodes
/// of a cluster), under `prefix`, on the current tokio runtime. A request never waits for it, nor
/// fails with it. Redis may be absent; only a malformed URL is an error.
pub fn redis_hints(url: &str, prefix: &str) -> RedisResult<Relay> {
    let target = if url.contains(',') {
        let client = ClusterClient::builder(url.split(',').map(str::trim))
            .connection_timeout(CONNECT_TIMEOUT)
            .response_timeout(RESPONSE_TIMEOUT)
            .build()?;
        Target::Cluster(Box::new(client))
    } else {
        Target::Single(Box::new(Client::open(url)?))
    };
    let pusher = Pusher {
        keys: Keys::new(prefix),
        script: Script::new(PUSH),
        target,
        connection: Mutex::new(None),
    };
    Ok(Relay::start("redis hints", pusher))
}

/// Pushes batches over a connection that is opened when needed, and again after any failure. The
/// relay does the waiting in between, which is why this is no `ConnectionManager`: that one waits
/// by itself, and exists for single servers only.
struct Pusher {
    keys: Keys,
    script: Script,
    target: Target,
    connection: Mutex<Option<Connection>>,
}

enum Target {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

#[async_trait]
impl Deliver for Pusher {
    type Error = RedisError;

    async fn deliver(&self, hints: &[Hint]) -> Result<(), RedisError> {
        let mut call = self.script.prepare_invoke();
        for key in self.keys.for_push() {
            call.key(key);
        }
        call.arg(self.keys.push_arguments(hints));
        let mut slot = self.connection.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.open().await?,
        };
        call.invoke_async::<usize>(&mut connection).await?;
        *slot = Some(connection);
        Ok(())
    }
}

impl Pusher {
    async fn open(&self) -> RedisResult<Connection> {
        let opening = async {
            match &self.target {
                Target::Single(client) => {
                    let config = AsyncConnectionConfig::new()
                        .set_connection_timeout(Some(CONNECT_TIMEOUT))
                        .set_response_timeout(Some(RESPONSE_TIMEOUT));
                    client
                        .get_multiplexed_async_connection_with_config(&config)
                        .await
                        .map(Connection::Single)
                }
                Target::Cluster(client) => {
                    client.get_async_connection().await.map(Connection::Cluster)
                }
            }
        };
        tokio::time::timeout(CONNECT_TIMEOUT, opening)
            .await
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
