//! `enishi import csv`: takes in contacts or accounts from a CSV file.
//!
//! The file is stored as an upload and taken in as an operation, like one that came over HTTP; this
//! process does the steps itself and shows how far it is. When it is interrupted, a running `enishi`
//! goes on with it. `column` is what the columns of the file are taken for.

#![expect(
    clippy::doc_markdown,
    reason = "the comments of the arguments are the text of --help"
)]

mod column;

use std::{
    fmt::Write as _,
    fs::File,
    io::{BufWriter, IsTerminal as _, Read as _, Write as _, stderr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use domain::{
    access::Actor,
    attribute::definition,
    ctx::Ctx,
    error::Error,
    import::{self, NewImport, Reading},
    operation::{self, Limits},
    sheet::encoding::name,
    text::counted,
    upload,
};
use entity::{
    id::{OperationId, UploadId, WorkspaceId},
    kind::{
        ImportCreation, ImportOutcome, ImportPolicy, OperationState, SheetEncoding, SubjectKind,
    },
    operation::Model,
};

use super::super::{plain, say, workspace_and_actor, workspace_id};
use column::{columns, shown, typed};

/// Wrong lines shown in the summary; all of them are in the report.
const SHOWN: i64 = 20;

/// An import of a table.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub struct Csv {
    /// The file, as a spreadsheet saves it: UTF-8, Shift_JIS or GBK, with commas, semicolons or tabs
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Take the lines for accounts instead of contacts
    #[arg(long)]
    accounts: bool,
    /// What a column holds: NAME=FIELD, or NUMBER=FIELD with columns counted from 1. Columns that are
    /// not named hold what their names say in Japanese, English or Chinese; =ignore leaves one out.
    /// FIELD is one of name, kana, email, phone, external-id, locale, account-name, account-domain,
    /// account-external-id, stage, owner-email, source-channel, source-campaign, brought-by-email,
    /// arrived-at, tags, subscriptions, for accounts domain, website, description, or attribute:KEY. May
    /// be repeated
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    /// The encoding: utf8, shift_jis or gbk. Default: found out
    #[arg(long, value_name = "NAME", value_parser = encoding)]
    encoding: Option<SheetEncoding>,
    /// What separates cells: a comma, a semicolon or "tab". Default: found out
    #[arg(long, value_name = "SIGN", value_parser = delimiter)]
    delimiter: Option<char>,
    /// The first line is data, not the names of the columns
    #[arg(long)]
    no_header: bool,
    /// What happens to what is there already: update (cells that are not empty replace it), fill-empty
    /// (only what is empty is filled) or skip
    #[arg(long, value_name = "POLICY", value_parser = policy, default_value = "update")]
    policy: ImportPolicy,
    /// What may be made of what lines name and is not there yet: accounts, campaigns, tags. Several with
    /// commas. Default: nothing, and such a line is an error
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = creation)]
    create: Vec<ImportCreation>,
    /// Only show what is in the file and what its columns are taken for
    #[arg(long)]
    preview: bool,
    /// Take nothing in: say for each line what would be done, in the report
    #[arg(long)]
    dry_run: bool,
    /// Write what was said of each line to this file, as CSV: the wrong lines, or with --dry-run all
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The workspace, when there are several
    #[arg(long, value_name = "ID", value_parser = workspace_id)]
    workspace: Option<WorkspaceId>,
}

const EXAMPLES: &str = "\
Examples:
  enishi import csv customers.csv --preview
  enishi import csv customers.csv --dry-run --report lines.csv
  enishi import csv customers.csv --create accounts,tags
  enishi import csv 顧客.csv --map 氏名=name --map 3=email --map プラン=attribute:plan
  enishi import csv companies.csv --accounts --policy fill-empty

Contacts are recognised by email address, phone number or external id, so running an import again
changes nothing that is in order already. A line is taken in whole or, if something is wrong with it,
not at all.";

fn encoding(text: &str) -> Result<SheetEncoding, String> {
    match text.to_lowercase().replace('-', "_").as_str() {
        "utf8" | "utf_8" => Ok(SheetEncoding::Utf8),
        "shift_jis" | "sjis" | "cp932" => Ok(SheetEncoding::ShiftJis),
        "gbk" | "gb18030" | "gb2312" => Ok(SheetEncoding::Gbk),
        _ => Err("use utf8, shift_jis or gbk".to_owned()),
    }
}

fn delimiter(text: &str) -> Result<char, String> {
    match text {
        "," | "comma" => Ok(','),
        ";" | "semicolon" => Ok(';'),
        "\t" | "\\t" | "tab" => Ok('\t'),
        _ => Err("use a comma, a semicolon or \"tab\"".to_owned()),
    }
}

/// A word of one of the closed lists, as people type it.
fn word<T>(text: &str, of: impl Fn(&str) -> Option<T>) -> Option<T> {
    of(&text.trim().to_uppercase().replace('-', "_"))
}

fn policy(text: &str) -> Result<ImportPolicy, String> {
    word(text, ImportPolicy::from_word).ok_or_else(|| "use update, fill-empty or skip".to_owned())
}

fn creation(text: &str) -> Result<ImportCreation, String> {
    word(text, ImportCreation::from_word)
        .ok_or_else(|| "use accounts, campaigns and tags".to_owned())
}

/// Runs the import. Answers whether it took anything in, or could.
pub(super) async fn run(ctx: &Ctx, csv: Csv) -> anyhow::Result<bool> {
    let (workspace, actor) = workspace_and_actor(ctx, csv.workspace).await?;
    let subject = if csv.accounts {
        SubjectKind::Account
    } else {
        SubjectKind::Contact
    };
    let upload = send(ctx, &actor, &csv.file).await?;
    let done = take_in(ctx, &actor, workspace.id, subject, upload, &csv).await;
    // The file is not needed any more, unless a running import reads it.
    let deleted = upload::delete(ctx, &actor, upload).await;
    if let Err(error) = deleted {
        tracing::debug!(error = &error as &dyn std::error::Error, "the upload stays");
    }
    done
}

async fn take_in(
    ctx: &Ctx,
    actor: &Actor,
    workspace: WorkspaceId,
    subject: SubjectKind,
    upload: UploadId,
    csv: &Csv,
) -> anyhow::Result<bool> {
    let reading = Reading {
        encoding: csv.encoding,
        delimiter: csv.delimiter,
        header: Some(!csv.no_header),
    };
    let seen = import::preview(ctx, workspace, upload, subject, reading, 5).await;
    let seen = seen.map_err(|error| plain(of_file(error, &csv.file)))?;
    let attributes = definition::list(ctx, workspace, Some(subject)).await?;
    let columns = columns(&attributes, &seen, &csv.map)?;
    if csv.preview {
        say(shown(&attributes, &seen, &columns));
        return Ok(true);
    }
    let new = NewImport {
        subject,
        upload,
        reading,
        columns: Some(columns),
        policy: csv.policy,
        create: csv.create.clone(),
        dry_run: csv.dry_run,
    };
    let asked = import::start(ctx, actor, new).await;
    let asked = asked.map_err(|error| plain(of_file(error, &csv.file)))?;
    let started = Instant::now();
    let ended = work(ctx, workspace, asked.id).await?;
    if let Some(report) = &csv.report {
        write_report(ctx, workspace, asked.id, report).await?;
    }
    let wrong = Some(ImportOutcome::Error);
    let wrong = import::stream(ctx, workspace, asked.id, wrong, -1, SHOWN).await;
    let wrong = wrong.map_err(plain)?;
    say(summary(
        &ended,
        &wrong,
        started.elapsed(),
        csv.dry_run,
        seen.encoding,
    ));
    match ended.state {
        OperationState::Done => Ok(ended.done == 0 || ended.failed < ended.done),
        OperationState::Cancelled => bail!("the import was cancelled; what is done stays done"),
        _ => bail!("{}", ended.error.unwrap_or_default()),
    }
}

/// The error with the file named as it was given: here nobody knows of the upload it became.
fn of_file(error: Error, file: &Path) -> Error {
    let Error::Refused(mut errors) = error else {
        return error;
    };
    for word in errors.iter_mut().flat_map(|error| &mut error.path) {
        if word == "uploadId" {
            *word = file.display().to_string();
        }
    }
    Error::Refused(errors)
}

/// Stores the file.
async fn send(ctx: &Ctx, actor: &Actor, path: &Path) -> anyhow::Result<UploadId> {
    let shown = path.display();
    let mut file = File::open(path).with_context(|| format!("opening {shown}"))?;
    let limits = upload::Limits {
        // Whoever may read the database may also fill it.
        max_bytes: i64::MAX,
        keep: TimeDelta::hours(48),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let made = upload::create(ctx, actor, limits, &name).await;
    let made = made.map_err(plain)?;
    let mut offset = 0;
    loop {
        let mut chunk = Vec::with_capacity(upload::CHUNK);
        let mut piece = (&mut file).take(upload::CHUNK as u64);
        let read = piece.read_to_end(&mut chunk);
        let read = read.with_context(|| format!("reading {shown}"))?;
        if read == 0 {
            break;
        }
        upload::append(ctx, actor, limits, made.id, offset, chunk)
            .await
            .map_err(plain)?;
        offset += read as i64;
    }
    upload::complete(ctx, actor, made.id).await.map_err(plain)?;
    Ok(made.id)
}

/// Does the steps until the import has ended, here or elsewhere.
async fn work(ctx: &Ctx, workspace: WorkspaceId, id: OperationId) -> anyhow::Result<Model> {
    let mut progress = Progress::default();
    loop {
        let limits = Limits {
            time: Duration::from_millis(500),
            goes_on: &|| true,
        };
        operation::run_due(ctx, domain::operations(), Some(workspace), limits).await?;
        let now = operation::find(ctx, workspace, id).await?;
        let now = now.context("the import is not there any more")?;
        if now.finished_at.is_some() {
            progress.end();
            return Ok(now);
        }
        progress.show(&now);
        // Another process may be doing the steps.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One line that is written over on a terminal.
#[derive(Default)]
struct Progress {
    shown: Option<Instant>,
    width: usize,
}

impl Progress {
    fn show(&mut self, now: &Model) {
        let pause = if stderr().is_terminal() { 200 } else { 5_000 };
        let pause = Duration::from_millis(pause);
        if self.shown.is_some_and(|shown| shown.elapsed() < pause) {
            return;
        }
        self.shown = Some(Instant::now());
        let line = match now.total {
            None => "counting the lines".to_owned(),
            Some(total) => {
                let share = now.done as f64 * 100.0 / total.max(1) as f64;
                format!(
                    "{share:5.1} %  {} of {}, {} wrong",
                    now.done,
                    counted(total, "line"),
                    now.failed
                )
            }
        };
        if stderr().is_terminal() {
            let width = self.width.max(line.len());
            let _ = write!(stderr(), "\r{line:width$}");
            self.width = line.len();
        } else {
            let _ = writeln!(stderr(), "{line}");
        }
    }

    fn end(&self) {
        if self.width > 0 {
            let _ = write!(stderr(), "\r{:width$}\r", "", width = self.width);
        }
    }
}

async fn write_report(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: OperationId,
    path: &Path,
) -> anyhow::Result<()> {
    let shown = path.display();
    let file = File::create(path).with_context(|| format!("making the report {shown}"))?;
    let mut file = BufWriter::new(file);
    let mut text = import::REPORT_HEADER.to_owned();
    let mut after = -1;
    loop {
        let lines = import::stream(ctx, workspace, id, None, after, 2_000).await;
        let lines = lines.map_err(plain)?;
        for line in &lines {
            line.write(&mut text);
            after = line.record;
        }
        let written = file.write_all(text.as_bytes());
        written.with_context(|| format!("writing the report {shown}"))?;
        text.clear();
        if lines.is_empty() {
            break;
        }
    }
    file.flush()
        .with_context(|| format!("writing the report {shown}"))
}

fn summary(
    ended: &Model,
    wrong: &[import::ImportLine],
    elapsed: Duration,
    dry_run: bool,
    encoding: SheetEncoding,
) -> String {
    let count = |name: &str| ended.progress["counts"][name].as_i64().unwrap_or_default();
    let seconds = elapsed.as_secs_f64();
    let rate = (ended.done as f64 / seconds.max(0.001)) as u64;
    let mut text = String::new();
    if dry_run {
        text.push_str("Nothing was taken in; this is what would be done:\n");
    }
    let _ = write!(
        text,
        "read as: {}\nnew: {}\nchanged: {}\nunchanged: {}\nwrong: {}\ntime: {seconds:.1} s ({rate}/s)",
        name(encoding),
        count("created"),
        count("updated"),
        count("skipped"),
        count("errors"),
    );
    for (name, what) in [
        ("accountsCreated", "accounts made"),
        ("campaignsCreated", "campaigns made"),
        ("tagsCreated", "tags made"),
    ] {
        if count(name) > 0 {
            let _ = write!(text, "\n{what}: {}", count(name));
        }
    }
    for line in wrong {
        for problem in &line.problems {
            let field = problem.field.map(|field| format!(" ({})", typed(field)));
            let field = field.unwrap_or_default();
            let _ = write!(text, "\n  line {}{field}: {}", line.line, problem.message);
        }
    }
    let more = count("errors") - wrong.len() as i64;
    if more > 0 {
        let _ = write!(text, "\n  and {more} more; --report FILE writes them down");
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::error::UserErrorCode;
    use entity::kind::ImportField;
    use sea_orm::Iterable as _;

    use super::*;

    #[test]
    fn what_is_wrong_with_the_file_is_said_of_the_file() {
        let refused = |path: &[&str]| {
            let error = Error::refused(path, UserErrorCode::Required, "The file is empty.");
            plain(of_file(error, Path::new("new/empty.csv"))).to_string()
        };
        assert_eq!(refused(&["uploadId"]), "new/empty.csv: The file is empty.");
        assert_eq!(refused(&["columns", "0"]), "columns.0: The file is empty.");
    }

    #[test]
    fn words_are_read_as_people_type_them() {
        assert_eq!(encoding("Shift-JIS"), Ok(SheetEncoding::ShiftJis));
        assert_eq!(delimiter("tab"), Ok('\t'));
        assert_eq!(policy("fill-empty"), Ok(ImportPolicy::FillEmpty));
        assert_eq!(creation("tags"), Ok(ImportCreation::Tags));
        assert!(encoding("latin1").is_err());
        for field in ImportField::iter().filter(|one| *one != ImportField::Attribute) {
            assert_eq!(word(&typed(field), ImportField::from_word), Some(field));
        }
    }
}
