//! Bringing a worker up, in a process of its own or inside `enishi`.

use std::{borrow::Cow, cell::Cell, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use domain::{
    ctx::Ctx,
    port::{Clock, Egress, Outage},
};
use ipnet::IpNet;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, DatabaseConnection, DbErr, RuntimeErr};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    egress::{EgressClient, EgressSettings, Outlets},
    handler::Handler,
    mail::{MailSettings, Mailer},
    queue::Queue,
    runtime,
    watchdog::{self, Limits},
};

/// How often a database that is behind is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Waits until the database answers, at most `patience`, if there is any: then a database that refuses
/// whoever comes, such as for a wrong password, is not asked again. A file is there or not: SQLite is
/// asked once.
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
    let last = Cell::new(None);
    let answers = async {
        while let Err(error) = connection.execute_unprepared("SELECT 1").await {
            let said = said_by(&error);
            if patience.is_some() && is_final(said.code.as_deref()) {
                bail!("DATABASE_URL: the database refuses: {}", said.text);
            }
            let wait = outage.failed(&said.text);
            last.set(Some(said.text));
            tokio::time::sleep(wait).await;
        }
        outage.answered();
        Ok(())
    };
    tokio::pin!(answers);
    // The first attempt alone may take longer than a person waits for a word.
    if let Ok(answer) = timeout(PAUSE, &mut answers).await {
        return answer;
    }
    tracing::info!("waiting for the database");
    let Some(patience) = patience else {
        return answers.await;
    };
    if let Ok(answer) = timeout(patience, answers).await {
        return answer;
    }
    let last = last.take();
    let why = last.as_deref().unwrap_or("nothing answers there");
    bail!("DATABASE_URL: the database could not be used within {patience:?}: {why}")
}

/// What a database said of an attempt.
struct Said {
    /// Its word for what is wrong, if it was the database that spoke.
    code: Option<String>,
    text: String,
}

fn said_by(error: &DbErr) -> Said {
    let told = match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => error.as_database_error(),
        _ => None,
    };
    match told {
        // Its own words alone: the driver adds the line of PostgreSQL's sources.
        Some(told) => Said {
            code: told.code().map(Cow::into_owned),
            text: told.message().to_owned(),
        },
        None => Said {
            code: None,
            text: error.to_string(),
        },
    }
}

/// Whether waiting does not help: the user or the password is wrong, the database does not exist, or
/// the user may not use it.
fn is_final(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("28") || ["3D000", "42501"].contains(&code))
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

/// Works until `shutdown`; see [`runtime::run`]. From here on the whole process is ended when its work hangs
/// ([`watchdog`]).
pub async fn work(
    ctx: Ctx,
    egress: Arc<dyn Egress>,
    queue: Arc<dyn Queue>,
    settings: runtime::Settings,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    watchdog::start(Limits::default()).context("starting the watchdog")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waiting_does_not_mend_is_final() {
        for (code, wanted) in [
            (Some("28P01"), true),
            (Some("28000"), true),
            (Some("3D000"), true),
            (Some("57P03"), false),
            (Some("53300"), false),
            (None, false),
        ] {
            assert_eq!(is_final(code), wanted, "{code:?}");
        }
    }
}
