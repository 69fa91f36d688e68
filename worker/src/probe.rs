//! The health and the figures of a worker process, for orchestrators and Prometheus, and the health of
//! `enishi` until it serves ([`while_starting`]).
//!
//! Three fixed answers to GET need no HTTP framework: a request line is read, an answer written,
//! the connection closed. Bind it where only the installation's own machines can reach it.

use std::{sync::Arc, time::Duration};

use domain::ctx::Ctx;
use sea_orm::DbErr;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::figures::{Figures, IsDown};

/// How long the database may take to show that it is well.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// How long one client may take.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long whoever comes during a start is left in the system's queue. Most starts are over by then, and
/// nobody is turned away.
const START: Duration = Duration::from_secs(2);

/// Clients served at once.
const CLIENTS: usize = 16;

/// Bytes of a request that are read; the rest is of no interest.
const REQUEST_BYTES: usize = 8 * 1024;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

/// What is asked for.
pub struct Probe {
    /// The business, whose database is asked.
    pub ctx: Ctx,
    /// Whether Redis is missing at the moment.
    pub redis_is_down: IsDown,
    /// The figures.
    pub figures: Figures,
    /// Given when the worker is about to stop.
    pub shutdown: CancellationToken,
}

impl Probe {
    /// Answers until dropped.
    pub async fn serve(self, listener: TcpListener) {
        let probe = Arc::new(self);
        let slots = Arc::new(Semaphore::new(CLIENTS));
        while let Ok(slot) = slots.clone().acquire_owned().await {
            let stream = accept(&listener).await;
            let probe = probe.clone();
            tokio::spawn(async move {
                // Who is too slow or leaves is no concern of ours.
                let _ = timeout(CLIENT_TIMEOUT, probe.answer(stream)).await;
                drop(slot);
            });
        }
    }

    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let path = read_path(&mut stream).await?;
        let (status, media, body) = match path.as_deref() {
            Some("/healthz") => ("200 OK", TEXT, "ok\n".to_owned()),
            Some("/readyz") => {
                let (status, body) = self.readiness().await;
                (status, JSON, body)
            }
            Some("/metrics") => ("200 OK", TEXT, self.figures.render(&self.ctx).await),
            Some(_) => (
                "404 Not Found",
                TEXT,
                "there are /healthz, /readyz and /metrics\n".to_owned(),
            ),
            None => ("405 Method Not Allowed", TEXT, "use GET\n".to_owned()),
        };
        write(&mut stream, status, media, &body).await
    }

    /// The answer of `/readyz`, in the form in which `enishi` gives it.
    async fn readiness(&self) -> (&'static str, String) {
        let trouble = self.trouble().await;
        let degraded: &[&str] = if (self.redis_is_down)() {
            &["redis"]
        } else {
            &[]
        };
        let mut answer = serde_json::json!({ "ready": trouble.is_none(), "degraded": degraded });
        if let Some(trouble) = trouble {
            answer["reason"] = trouble.into();
        }
        let status = match trouble {
            None => "200 OK",
            Some(_) => "503 Service Unavailable",
        };
        (status, answer.to_string())
    }

    async fn trouble(&self) -> Option<&'static str> {
        if self.shutdown.is_cancelled() {
            return Some("stopping");
        }
        if self.ctx.vault.is_replaced() {
            return Some("the secret key was replaced");
        }
        match timeout(CHECK_TIMEOUT, migration::pending(self.ctx.reader())).await {
            Ok(Ok(0)) => None,
            Ok(Ok(_)) => Some("the tables are of an older release"),
            // What `migration` says of it in words of its own.
            Ok(Err(DbErr::Custom(_))) => Some("the tables are of a newer release"),
            Ok(Err(_)) | Err(_) => Some("the database does not answer"),
        }
    }
}

/// Answers at `listener` for a server that is still coming up, which may take long where there are tables to be
/// brought up to date: it lives, and is not ready. Until what this gives is dropped; to be called on a tokio
/// runtime.
pub fn while_starting(listener: &std::net::TcpListener) -> std::io::Result<AbortOnDropHandle<()>> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener.try_clone()?)?;
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        sleep(START).await;
        let slots = Arc::new(Semaphore::new(CLIENTS));
        while let Ok(slot) = slots.clone().acquire_owned().await {
            let stream = accept(&listener).await;
            tokio::spawn(async move {
                let _ = timeout(CLIENT_TIMEOUT, say_starting(stream)).await;
                drop(slot);
            });
        }
    })))
}

async fn say_starting(mut stream: TcpStream) -> std::io::Result<()> {
    if read_path(&mut stream).await?.as_deref() == Some("/healthz") {
        return write(&mut stream, "200 OK", TEXT, "ok\n").await;
    }
    let body = serde_json::json!({ "ready": false, "reason": "starting", "degraded": [] });
    let status = "503 Service Unavailable\r\nretry-after: 1";
    write(&mut stream, status, JSON, &body.to_string()).await
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "a probe's connection was lost");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn write(
    stream: &mut TcpStream,
    status: &str,
    media: &str,
    body: &str,
) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// The path of a GET request; nothing for another method. Reads the whole head, since closing on
/// unread bytes would reset the connection before the answer is seen.
async fn read_path(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < REQUEST_BYTES {
        match stream.read(&mut chunk).await? {
            0 => break,
            read => head.extend_from_slice(&chunk[..read]),
        }
    }
    Ok(path_of(&head))
}

fn path_of(head: &[u8]) -> Option<String> {
    let line = head.split(|&byte| byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let is_get = words.next() == Some("GET");
    let path = words.next()?.split('?').next()?;
    is_get.then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_get_has_a_path() {
        let path = |head: &str| path_of(head.as_bytes());
        assert_eq!(
            path("GET /readyz?x=1 HTTP/1.1\r\n").as_deref(),
            Some("/readyz")
        );
        assert_eq!(path("POST /readyz HTTP/1.1\r\n"), None);
        assert_eq!(path("\u{16}\u{3}"), None);
        assert_eq!(path(""), None);
    }
}
