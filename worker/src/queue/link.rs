//! A connection to Redis, or to a Redis Cluster, that may come and go.
//!
//! Opened at the first call and again after a failed one. It never retries by itself: each caller
//! knows best whether to wait, drop or repeat. (redis's own connection manager does retry, but
//! exists for single servers only.)

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, RedisFuture, RedisResult,
    ScriptInvocation, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use tokio::sync::Mutex;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// One connection, shared by its callers, whose commands queue behind each other in the server.
pub(crate) struct Link {
    target: Target,
    response_timeout: Duration,
    connection: Mutex<Option<Connection>>,
}

enum Target {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// A link to `url`; several URLs with commas between them are nodes of a cluster. Fails only
    /// on a malformed URL: the server may be absent.
    ///
    /// The client's own default for `response_timeout` is 500 ms and also ends blocking commands,
    /// so it is always stated here.
    pub(crate) fn new(url: &str, response_timeout: Duration) -> RedisResult<Self> {
        let target = if url.contains(',') {
            let nodes = url
                .split(',')
                .map(str::trim)
                .filter(|node| !node.is_empty());
            let client = ClusterClient::builder(nodes)
                .connection_timeout(CONNECT_TIMEOUT)
                .response_timeout(response_timeout)
                .build()?;
            Target::Cluster(Box::new(client))
        } else {
            Target::Single(Box::new(Client::open(url)?))
        };
        Ok(Self {
            target,
            response_timeout,
            connection: Mutex::new(None),
        })
    }

    /// Runs a script, loading it first where the server does not know it (any more).
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> RedisResult<T> {
        let mut connection = self.get().await?;
        let answer = script.invoke_async(&mut connection).await;
        self.keep_if_ok(answer).await
    }

    /// Runs a command.
    pub(crate) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let mut connection = self.get().await?;
        let answer = command.query_async(&mut connection).await;
        self.keep_if_ok(answer).await
    }

    /// Closes the connection, which also ends a command that still blocks on it.
    pub(crate) async fn close(&self) {
        *self.connection.lock().await = None;
    }

    /// After any error a fresh connection is the simplest way to a known state.
    async fn keep_if_ok<T>(&self, answer: RedisResult<T>) -> RedisResult<T> {
        if answer.is_err() {
            self.close().await;
        }
        answer
    }

    async fn get(&self) -> RedisResult<Connection> {
        let mut connection = self.connection.lock().await;
        if let Some(open) = &*connection {
            return Ok(open.clone());
        }
        let opened = tokio::time::timeout(CONNECT_TIMEOUT, self.open())
            .await
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
        *connection = Some(opened.clone());
        Ok(opened)
    }

    async fn open(&self) -> RedisResult<Connection> {
        match &self.target {
            Target::Single(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(CONNECT_TIMEOUT))
                    .set_response_timeout(Some(self.response_timeout));
                client
                    .get_multiplexed_async_connection_with_config(&config)
                    .await
                    .map(Connection::Single)
            }
            Target::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
        }
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
