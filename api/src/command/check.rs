//! `enishi check`: whether the database is whole and the work in it goes on.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ctx::Ctx,
    text::counted,
    vault::{
        lasting::{self, LastingError},
        reseal,
    },
    work::{
        epoch,
        projection::Behind,
        quarantine::MAX_COUNTED,
        standing::{self, Overdue},
    },
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement};

use super::say;

/// Work that waits longer than this will hardly be done without somebody who looks why.
const TROUBLING_LAG: TimeDelta = TimeDelta::minutes(5);

/// Work that waits shorter than this is under way, as some always is where messages come in: some projections
/// let the rules go first for ten seconds, and then pause for one.
const USUAL_LAG: TimeDelta = TimeDelta::seconds(20);

/// Errors at one entry after which it is no passing fault.
const TROUBLING_FAILURES: i64 = 3;

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
            epoch.epoch,
            moment(epoch.opened_at)
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
    let standing = standing::look(ctx).await?;
    let now = ctx.clock.now();
    for behind in &standing.behind {
        if !is_under_way(behind, now) {
            say(lag(behind));
        }
        is_well &= !is_stuck(behind, now);
    }
    for overdue in &standing.overdue {
        if let Some(since) = overdue.since
            && now - since > USUAL_LAG
        {
            say(late(overdue, since));
            is_well &= now - since <= TROUBLING_LAG;
        }
    }
    for (work, count) in standing.set_aside {
        say(format_args!("{work}\t{count} quarantined"));
        is_well = false;
    }
    say(if is_well {
        "all is well"
    } else {
        "somebody has to look at this"
    });
    Ok(is_well)
}

/// A moment, as far as anybody reads it.
fn moment(at: DateTime<Utc>) -> String {
    at.format("%F %T UTC").to_string()
}

/// What is said of a projection that is behind.
fn lag(behind: &Behind) -> String {
    let mut line = format!(
        "{}\tto be read in {} since {}",
        behind.projection,
        behind.workspace,
        moment(behind.since)
    );
    if let Some(error) = &behind.last_error {
        let tried = counted(behind.failures, "time");
        line.push_str(&format!("; failed {tried} at the same entry: {error}"));
    }
    line
}

/// What is said of items whose time has come.
fn late(overdue: &Overdue, since: DateTime<Utc>) -> String {
    let (items, more) = if overdue.items >= MAX_COUNTED {
        (MAX_COUNTED, " or more")
    } else {
        (overdue.items, "")
    };
    let items = counted(items, "item");
    let since = moment(since);
    format!("{}\t{items}{more} to be done, since {since}", overdue.work)
}

/// Whether what a projection has to read is simply new.
fn is_under_way(behind: &Behind, now: DateTime<Utc>) -> bool {
    behind.last_error.is_none() && now - behind.since <= USUAL_LAG
}

/// Whether a projection will hardly get on by itself.
fn is_stuck(behind: &Behind, now: DateTime<Utc>) -> bool {
    behind.failures >= TROUBLING_FAILURES || now - behind.since > TROUBLING_LAG
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
            "secret key\tsealed with another key: {}; give it as ENISHI_SECRET_KEY_OLD and run \
             `enishi reseal`, or, if it is lost, enter those credentials again",
            counted(census.unknown, "text")
        ));
    }
    if older == 0 && census.unknown == 0 {
        say("secret key\tok");
    }
    Ok(older == 0 && census.unknown == 0)
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

#[cfg(test)]
mod tests {
    use entity::id::WorkspaceId;

    use super::*;

    fn behind(failures: i64, last_error: Option<&str>) -> Behind {
        Behind {
            workspace: WorkspaceId(uuid::Uuid::nil()),
            projection: "rules".to_owned(),
            since: DateTime::UNIX_EPOCH,
            failures,
            last_error: last_error.map(str::to_owned),
        }
    }

    #[test]
    fn a_projection_needs_somebody_when_it_waits_long_or_fails_again_and_again() {
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        assert!(!is_stuck(&behind(0, None), at(4)));
        assert!(is_stuck(&behind(0, None), at(6)));
        assert!(!is_stuck(&behind(2, Some("no room")), at(1)));
        assert!(is_stuck(&behind(3, Some("no room")), at(1)));
    }

    #[test]
    fn what_is_new_or_has_just_failed_is_told_apart() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        // Ten seconds behind the rules, a pause, and a batch.
        assert!(is_under_way(&behind(0, None), at(15)));
        assert!(!is_under_way(&behind(0, None), at(21)));
        assert!(!is_under_way(&behind(1, Some("no room")), at(1)));
    }

    #[test]
    fn what_is_overdue_is_said_as_far_as_it_was_counted() {
        let line = |items| {
            let since = Some(DateTime::UNIX_EPOCH);
            let work = "DELIVERY".to_owned();
            late(&Overdue { work, items, since }, DateTime::UNIX_EPOCH)
        };
        assert_eq!(
            line(1),
            "DELIVERY\t1 item to be done, since 1970-01-01 00:00:00 UTC"
        );
        assert!(line(MAX_COUNTED).contains("10000 items or more"));
    }

    #[test]
    fn why_it_fails_is_said() {
        assert!(!lag(&behind(0, None)).contains("failed"));
        let line = lag(&behind(4, Some("the database refused: no room")));
        assert!(
            line.ends_with("; failed 4 times at the same entry: the database refused: no room"),
            "{line}"
        );
    }
}
