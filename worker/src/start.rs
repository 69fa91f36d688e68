//! Bringing a worker up, in a process of its own or inside `enishi`.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use domain::{
    ctx::Ctx,
    port::{Clock, Egress, Outage},
};
use ipnet::IpNet;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, DatabaseConnection};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    egress::{EgressClient, EgressSettings, Outlets},
    handler::Handler,
    mail::{MailSettings, Mailer},
    queue::Queue,
    runtime,
};

/// How often a database that is behind is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Waits until the database answers, at most `patience`, if there is any. A file is there or not:
/// SQLite is asked once.
pub async fn wait_for_database(
    connection: &DatabaseConnection,
    patience: Option<Duration>,
) -> anyhow::Result<()> {
    if connection.get_database_backend() == DatabaseBackend::Sqlite {
        let answer = connection.execute_unprepared("SELECT 1").await;
        answer.context("opening the database file")?;
        return Ok(());
    }
    let outage = Outage::new("database");
    let answers = async {
        while let Err(error) = connection.execute_unprepared("SELECT 1").await {
            tokio::time::sleep(outage.failed(&error)).await;
        }
        outage.answered();
    };
    tokio::pin!(answers);
    // The first attempt alone may take longer than a person waits for a word.
    if timeout(PAUSE, &mut answers).await.is_ok() {
        return Ok(());
    }
    tracing::info!("waiting for the database");
    match patience {
        None => answers.await,
        Some(patience) => timeout(patience, answers)
            .await
            .with_context(|| format!("DATABASE_URL: no answer within {patience:?}"))?,
    }
    Ok(())
}

/// Waits until the tables are those of this release: `enishi` brings them up to date.
pub async fn wait_for_migrations(connection: &DatabaseConnection) -> anyhow::Result<()> {
    let mut told = None;
    loop {
        let pending = migration::pending(connection)
            .await
            .context("reading which migrations were applied")?;
        if pending == 0 {
            return Ok(());
        }
        if told.replace(pending) != Some(pending) {
            tracing::info!(
                pending,
                "the tables are of an older release; waiting for `enishi` or `enishi migrate`"
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The ways out of the process: the one outgoing HTTP client, and the mail server if there is one.
pub fn egress(
    allow: Vec<IpNet>,
    mail: Option<MailSettings>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn Egress>> {
    let settings = EgressSettings {
        allow,
        ..EgressSettings::default()
    };
    let mailer = mail.map(Mailer::new).transpose()?;
    let client = EgressClient::new(settings, clock)?;
    Ok(Arc::new(Outlets::new(client, mailer)))
}

/// Works until `shutdown`; see [`runtime::run`].
pub async fn work(
    ctx: Ctx,
    egress: Arc<dyn Egress>,
    queue: Arc<dyn Queue>,
    settings: runtime::Settings,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let handler = Arc::new(Handler::keeping(
        ctx,
        egress,
        shutdown.clone(),
        settings.keep,
    ));
    let outcome = runtime::run(queue, handler.clone(), settings, shutdown).await;
    // Calls that are under way are written down: otherwise they would be made again.
    handler.finish().await;
    outcome
}
