//! How fast files are taken in: `bench import`, on a database of its own.
//!
//! A file of `--contacts` lines with names in three languages, phone numbers, companies, a stage, an
//! attribute and tags is sent, tried, taken in, taken in again, and exported, as a worker does it.

use std::{fmt::Write as _, time::Instant};

use anyhow::{Context as _, Result, ensure};
use domain::{
    access::Actor,
    attribute::{NewAttribute, definition},
    contact::ContactFilter,
    ctx::Ctx,
    export::{self, Ordered, Wanted, What},
    import::{self, NewImport, Reading},
    operation::{self, Limits},
    upload,
};
use entity::{
    id::UploadId,
    kind::{
        AttributeType, ExportEncoding, ExportFormat, ImportCreation, ImportPolicy, SubjectKind,
    },
};

use crate::{
    process::memory_mib,
    report::{count, row, table},
};

const NAMES: [&str; 6] = [
    "田中 太郎",
    "佐藤 花子",
    "王 小明",
    "李 秀英",
    "James Smith",
    "Marta García",
];
const STAGES: [&str; 4] = ["LEAD", "CUSTOMER", "見込み客", "客户"];

/// Takes `lines` lines in and prints how long it took.
pub(crate) async fn run(ctx: &Ctx, owner: &Actor, lines: u64) -> Result<()> {
    let new = NewAttribute {
        subject: SubjectKind::Contact,
        key: "seats".to_owned(),
        name: "Seats".to_owned(),
        description: String::new(),
        value_type: AttributeType::Number,
        options: Vec::new(),
    };
    definition::create(ctx, owner, new).await?;
    table(
        "Import and export of contacts",
        &[
            "what",
            "lines",
            "seconds",
            "lines/s (target 20,000)",
            "memory, peak MiB",
        ],
    );
    for (what, is_rich) in [("email and name", false), ("everything", true)] {
        let start = Instant::now();
        let (file, bytes) = send(ctx, owner, lines, is_rich).await?;
        let seconds = start.elapsed().as_secs_f64();
        let megabytes = format!("{:.1} MB sent", bytes as f64 / 1e6);
        print(&format!("{what}: {megabytes}"), lines, seconds)?;
        for (step, dry_run) in [("dry run", true), ("import", false), ("again", false)] {
            let new = NewImport {
                subject: SubjectKind::Contact,
                upload: file,
                reading: Reading::default(),
                columns: None,
                policy: ImportPolicy::Update,
                create: vec![ImportCreation::Accounts, ImportCreation::Tags],
                dry_run,
            };
            let start = Instant::now();
            let asked = import::start(ctx, owner, new).await?;
            operation::run_due(ctx, domain::operations(), None, Limits::none()).await?;
            let seconds = start.elapsed().as_secs_f64();
            let done = operation::find(ctx, owner.workspace, asked.id).await?;
            let done = done.context("the operation")?;
            ensure!(
                done.failed == 0 && done.total == Some(done.done),
                "{done:?}"
            );
            print(&format!("{what}: {step}"), lines, seconds)?;
        }
        upload::delete(ctx, owner, file).await?;
    }
    for (what, format) in [
        ("CSV", ExportFormat::Csv),
        ("JSON Lines", ExportFormat::JsonLines),
    ] {
        let wanted = Wanted {
            what: What::Contacts(ContactFilter::default(), Ordered::default()),
            format,
            encoding: ExportEncoding::Utf8,
            columns: Vec::new(),
        };
        let start = Instant::now();
        let asked = export::ask(ctx, owner, wanted).await?;
        let (_, mut download) = export::open(ctx, &asked.ticket).await?;
        while download.next(ctx).await?.is_some() {}
        let seconds = start.elapsed().as_secs_f64();
        print(&format!("export as {what}"), 2 * lines, seconds)?;
    }
    Ok(())
}

fn print(what: &str, lines: u64, seconds: f64) -> Result<()> {
    let (_, peak) = memory_mib(std::process::id())?;
    row(&[
        what.to_owned(),
        lines.to_string(),
        format!("{seconds:.2}"),
        count(lines as f64 / seconds),
        format!("{peak:.0}"),
    ]);
    Ok(())
}

/// Sends a file, made on the way.
async fn send(ctx: &Ctx, owner: &Actor, lines: u64, is_rich: bool) -> Result<(UploadId, i64)> {
    let limits = upload::Limits {
        max_bytes: i64::MAX,
        ..upload::Limits::default()
    };
    let made = upload::create(ctx, owner, limits, "bench.csv").await?;
    let mut text = if is_rich {
        "name,email,phone,external id,company,stage,seats,tags\n".to_owned()
    } else {
        "name,email\n".to_owned()
    };
    let mut offset = 0;
    for n in 0..lines {
        let name = NAMES[n as usize % NAMES.len()];
        if is_rich {
            let stage = STAGES[n as usize % STAGES.len()];
            let (company, tag) = (n % 5_000, n % 40);
            writeln!(
                text,
                "{name},rich{n}@example{company}.com,+8190{:08},R-{n},Company {company},{stage},\
                 {},Wave/{tag}",
                10_000_000 + n % 80_000_000,
                n % 500
            )?;
        } else {
            writeln!(text, "{name},plain{n}@example.com")?;
        }
        while text.len() >= upload::CHUNK {
            let rest = text.as_bytes()[upload::CHUNK..].to_vec();
            let mut chunk = std::mem::take(&mut text).into_bytes();
            chunk.truncate(upload::CHUNK);
            upload::append(ctx, owner, limits, made.id, offset, chunk).await?;
            offset += upload::CHUNK as i64;
            // A character may be cut in two by the end of the piece.
            match String::from_utf8(rest) {
                Ok(rest) => text = rest,
                Err(error) => {
                    let rest = error.into_bytes();
                    let length = rest.len() as i64;
                    upload::append(ctx, owner, limits, made.id, offset, rest).await?;
                    offset += length;
                }
            }
        }
    }
    let length = text.len() as i64;
    upload::append(ctx, owner, limits, made.id, offset, text.into_bytes()).await?;
    upload::complete(ctx, owner, made.id).await?;
    Ok((made.id, offset + length))
}
