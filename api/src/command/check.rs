//! `enishi check`: whether the database is whole and the work in it goes on.

use domain::{
    ctx::Ctx,
    text::counted,
    vault::{
        lasting::{self, LastingError},
        reseal,
    },
    work::{epoch, projection, quarantine},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement};

use super::say;

/// Says what it finds, a line each; false when something needs a person.
pub async fn run(ctx: &Ctx) -> anyhow::Result<bool> {
    let mut is_well = true;
    if ctx.db.backend() == DatabaseBackend::Sqlite {
        for (pragma, what) in [
            ("PRAGMA integrity_check", "the file"),
            ("PRAGMA foreign_key_check", "references"),
        ] {
            let problem = problem_of(ctx, pragma).await?;
            say(format_args!(
                "{what}\t{}",
                problem.as_deref().unwrap_or("ok")
            ));
            is_well &= problem.is_none();
        }
    }
    is_well &= secret_key(ctx).await?;
    if let Some(epoch) = epoch::current(ctx).await? {
        say(format_args!(
            "change log\tepoch {} since {}",
            epoch.epoch, epoch.opened_at
        ));
    } else {
        say("change log\tits row in log_epoch is missing");
        is_well = false;
    }
    let lost = epoch::cursors_ahead(ctx).await?;
    if lost > 0 {
        say(format_args!(
            "change log\tbehind its end: {}",
            counted(lost, "projection")
        ));
        is_well = false;
    }
    for behind in projection::behind(ctx, domain::projections()).await? {
        say(format_args!(
            "{}\tto be read in {} since {}",
            behind.projection, behind.workspace, behind.since
        ));
    }
    for (work, count) in quarantine::counts(ctx).await? {
        say(format_args!("{work}\t{count} set aside"));
        is_well = false;
    }
    Ok(is_well)
}

/// Says whether the secret key is the right one, and whether the former one is still needed; false when
/// something is to be done about it.
async fn secret_key(ctx: &Ctx) -> anyhow::Result<bool> {
    let is_current = match lasting::is_current(ctx).await {
        Ok(is_current) => is_current,
        Err(LastingError::Database(error)) => return Err(error.into()),
        Err(error) => {
            say(format_args!(
                "secret key\tENISHI_SECRET_KEY is not the key the database was sealed with: {error}"
            ));
            return Ok(false);
        }
    };
    let census = reseal::census(ctx).await?;
    let older = census.older + i64::from(!is_current);
    if older > 0 {
        say(format_args!(
            "secret key\tstill sealed with the former one: {}; run `enishi reseal`",
            counted(older, "text")
        ));
    }
    if census.unknown > 0 {
        say(format_args!(
            "secret key\tsealed with a key that is lost: {}; enter those credentials again",
            counted(census.unknown, "text")
        ));
    }
    if older == 0 && census.unknown == 0 {
        say("secret key\tok");
    }
    Ok(older == 0)
}

/// The first thing a check of SQLite complains about.
async fn problem_of(ctx: &Ctx, pragma: &str) -> anyhow::Result<Option<String>> {
    let statement = Statement::from_string(DatabaseBackend::Sqlite, pragma);
    let rows = ctx.reader().query_all_raw(statement).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let first: String = row.try_get_by_index(0)?;
    Ok((first != "ok").then_some(first))
}
