//! `enishi import`: brings tables (`csv`) and mail archives in.
//!
//! One thread reads and parses (`source`) and hands over batches through a short channel; this side
//! stores them, so that memory stays bounded however large the archive is. Everything is stored
//! under its `Message-ID`: a second run adds only what is new. `progress` draws, `summary` tells the
//! end.

mod csv;
mod progress;
mod source;
mod summary;

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use domain::{
    access::{Actor, Origin},
    conversation::{self, NewMessage, Outcome},
    ctx::Ctx,
    error::Error,
    locale::Locale,
    mail::OwnAddresses,
};
use entity::{
    id::{InboxId, WorkspaceId},
    inbox as inbox_entity,
    kind::Channel,
};
use tokio::sync::mpsc;

use super::{say, workspace_and_actor};
use progress::Progress;
use source::{Batch, Found, Problem};
use summary::Tally;

/// Batches on their way from reading to storing.
const BATCHES_AHEAD: usize = 2;

/// What to bring in.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Bring in contacts or accounts from a CSV file
    Csv(Box<csv::Csv>),
    /// Bring in mbox archives, such as Google Takeout and Thunderbird write
    ///
    /// Rules look at every message that customers wrote: they tag and set fields. Of a message that
    /// was sent more than 7 days ago nobody is told: the rules' notices, surveys, tasks and playbooks
    /// are left out, and their firings say so. Pause rules that are not to look at an archive at all.
    #[command(
        after_help = "Example:\n  enishi import mbox Mail.mbox --own-address @example.com --report left-out.jsonl"
    )]
    Mbox(Import),
    /// Bring in single messages, one .eml file each
    #[command(
        after_help = "Example:\n  enishi import eml letters/*.eml --own-address @example.com"
    )]
    Eml(Import),
}

/// An import.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The inbox the messages go to; made when there is none of this name.
    /// Default: the oldest one for email
    #[arg(long, value_name = "NAME")]
    inbox: Option<String>,
    /// One of your own email addresses, or @domain for all of a domain, besides those of the
    /// workspace; tells what you wrote from what customers wrote. May be repeated
    #[arg(long, value_name = "ADDRESS")]
    own_address: Vec<String>,
    /// The workspace, when there are several
    #[arg(long, value_name = "ID", value_parser = super::workspace_id)]
    workspace: Option<WorkspaceId>,
    /// Write every message that was left out to this file, one JSON object per line
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Runs the import. Answers whether anything could be read.
pub async fn run(ctx: &Ctx, command: Command, locale: Locale) -> anyhow::Result<bool> {
    let (import, form) = match command {
        Command::Csv(table) => return csv::run(ctx, *table).await,
        Command::Mbox(import) => (import, source::Form::Mbox),
        Command::Eml(import) => (import, source::Form::Eml),
    };
    let (workspace, actor) = workspace_and_actor(ctx, import.workspace).await?;
    let mut own = domain::workspace::own_addresses(&workspace);
    own.extend(import.own_address);
    let own = OwnAddresses::new(own.iter().map(String::as_str))
        .context("one of your own addresses (--own-address, or the workspace's) is not valid")?;
    if own.is_empty() {
        bail!(
            "nobody's address is known to be yours, so nothing tells what you wrote from what \
             customers wrote. Name your addresses: --own-address you@example.com, or \
             --own-address @example.com for everybody there"
        );
    }
    let inbox = find_inbox(ctx, &actor, import.inbox.as_deref()).await?;
    let mut report = match &import.report {
        Some(path) => {
            Some(BufWriter::new(File::create(path).with_context(|| {
                format!("making the report {}", path.display())
            })?))
        }
        None => None,
    };
    let bytes = source::total_bytes(&import.files);
    let (sender, mut batches) = mpsc::channel(BATCHES_AHEAD);
    let now = ctx.clock.now();
    let reading = tokio::task::spawn_blocking(move || {
        source::read(form, &import.files, &own, now, &sender);
    });
    let mut tally = Tally::default();
    let mut progress = Progress::start(bytes);
    while let Some(batch) = batches.recv().await {
        let Batch {
            found,
            problems,
            read_bytes,
        } = batch;
        let refused = store(ctx, &actor, inbox, found, &mut tally).await.context(
            "storing messages; run the import again, what is stored is not stored twice",
        )?;
        for problem in problems.into_iter().chain(refused) {
            if let Some(report) = &mut report {
                serde_json::to_writer(&mut *report, &problem).context("writing the report")?;
                report.write_all(b"\n").context("writing the report")?;
            }
            tally.note(problem);
        }
        progress.show(read_bytes, tally.messages());
    }
    reading.await.context("reading the files")?;
    if let Some(mut report) = report {
        report.flush().context("writing the report")?;
    }
    progress.end();
    say(tally.text(locale, progress.elapsed()));
    Ok(tally.has_read_anything())
}

async fn find_inbox(ctx: &Ctx, actor: &Actor, name: Option<&str>) -> anyhow::Result<InboxId> {
    let inboxes = domain::inbox::list(ctx, actor.workspace).await?;
    let wanted = |inbox: &&inbox_entity::Model| match name {
        Some(name) => inbox.name == name,
        None => inbox.channel == Channel::Email,
    };
    if let Some(inbox) = inboxes.iter().find(wanted) {
        return Ok(inbox.id);
    }
    let new = domain::inbox::NewInbox {
        name: name.unwrap_or("Email").to_owned(),
        channel: Channel::Email,
        address: None,
    };
    let inbox = domain::inbox::create(ctx, actor, new)
        .await
        .map_err(super::plain)?;
    Ok(inbox.id)
}

/// Why a message of somebody who was erased is left out.
const ERASED: &str = "the person asked to be erased, so nothing is kept of them";

/// Stores one batch. What is refused is taken out and told, and the rest stored: one odd message
/// must not hold up a hundred thousand.
async fn store(
    ctx: &Ctx,
    actor: &Actor,
    inbox: InboxId,
    mut found: Vec<Found>,
    tally: &mut Tally,
) -> anyhow::Result<Vec<Problem>> {
    let mut refused = Vec::new();
    while !found.is_empty() {
        let messages: Vec<NewMessage> = found.iter().map(|found| found.message.clone()).collect();
        let outcome = conversation::ingest_as(ctx, actor, Origin::Import, inbox, messages).await;
        match outcome {
            Ok(stored) => {
                for (message, found) in stored.into_iter().zip(found) {
                    match message.outcome {
                        Outcome::Created => tally.created += 1,
                        Outcome::Duplicate => tally.duplicates += 1,
                        Outcome::Erased => refused.push(found.refused(ERASED)),
                    }
                }
                break;
            }
            Err(Error::Refused(errors)) => {
                let before = found.len();
                for error in errors.iter().rev() {
                    let index = error
                        .path
                        .get(1)
                        .and_then(|index| index.parse::<usize>().ok());
                    if let Some(index) = index.filter(|&index| index < found.len()) {
                        refused.push(found.remove(index).refused(&error.message));
                    }
                }
                if found.len() == before {
                    return Err(super::plain(Error::Refused(errors)));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(refused)
}
