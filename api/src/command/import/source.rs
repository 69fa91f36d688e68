//! Reading: files to batches of messages, on a thread of its own.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use domain::{
    conversation::{
        NewMessage,
        import::{NotAMessage, from_mail},
    },
    mail::{EmlError, MboxError, MboxReader, OwnAddresses, RawMail, Unplaced, parse, read_eml},
};
use serde::Serialize;
use tokio::sync::mpsc;

/// Messages in one batch: few enough that a batch's transaction is short.
const BATCH_MESSAGES: usize = 200;
/// Text in one batch, in bytes.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// A batch goes after this much of the archive even when little was found in it, in bytes, so that
/// progress is seen.
const BATCH_READ_BYTES: u64 = 32 * 1024 * 1024;
/// Larger reads do not read faster.
const BUFFER_BYTES: usize = 256 * 1024;

/// How messages lie in the files.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Mbox,
    Eml,
}

/// What was read since the batch before.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) found: Vec<Found>,
    pub(super) problems: Vec<Problem>,
    /// How far reading came through all files, in bytes.
    pub(super) read_bytes: u64,
}

/// A message and where it was found.
#[derive(Debug)]
pub(super) struct Found {
    file: PathBuf,
    offset: u64,
    pub(super) message: NewMessage,
}

/// A message that was left out. Serialises as a line of the report.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    pub(super) file: PathBuf,
    /// Where it starts in the file, in bytes.
    pub(super) offset: u64,
    pub(super) kind: ProblemKind,
    pub(super) reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ProblemKind {
    /// Readable, and rightly nobody's: mail among ourselves.
    Skipped,
    /// Could not be used.
    Broken,
    /// The file itself could not be read, or not to its end.
    File,
}

impl Found {
    /// The message as one that storing refused.
    pub(super) fn refused(self, reason: &str) -> Problem {
        Problem {
            file: self.file,
            offset: self.offset,
            kind: ProblemKind::Broken,
            reason: reason.to_owned(),
        }
    }
}

/// The size of all files, as far as it can be had.
pub(super) fn total_bytes(files: &[PathBuf]) -> u64 {
    let size = |file: &PathBuf| file.metadata().map_or(0, |metadata| metadata.len());
    files.iter().map(size).sum()
}

/// Reads all files and sends batches until they end or nobody takes them any more.
pub(super) fn read(
    form: Form,
    files: &[PathBuf],
    own: &OwnAddresses,
    now: DateTime<Utc>,
    sender: &mpsc::Sender<Batch>,
) {
    let mut reader = Reader {
        own,
        now,
        sender,
        batch: Batch::default(),
        bytes: 0,
        sent_at_bytes: 0,
        before: 0,
    };
    for file in files {
        let outcome = match form {
            Form::Mbox => reader.read_mbox(file),
            Form::Eml => reader.read_eml(file),
        };
        if outcome.is_err() {
            return;
        }
        reader.before += total_bytes(std::slice::from_ref(file));
        reader.batch.read_bytes = reader.before;
    }
    let _ = reader.send();
}

/// Nobody takes batches any more.
struct Gone;

struct Reader<'a> {
    own: &'a OwnAddresses,
    now: DateTime<Utc>,
    sender: &'a mpsc::Sender<Batch>,
    batch: Batch,
    /// Text in the batch.
    bytes: usize,
    /// How far reading had come when the last batch went.
    sent_at_bytes: u64,
    /// Bytes of the files before this one.
    before: u64,
}

impl Reader<'_> {
    fn read_mbox(&mut self, file: &Path) -> Result<(), Gone> {
        let source = match File::open(file) {
            Ok(source) => BufReader::with_capacity(BUFFER_BYTES, source),
            Err(error) => {
                self.note(file, 0, ProblemKind::File, error.to_string());
                return Ok(());
            }
        };
        let mut archive = MboxReader::new(source);
        while let Some(next) = archive.next() {
            match next {
                Ok(raw) => self.take(file, &raw),
                Err(error @ MboxError::TooLarge { offset, .. }) => {
                    self.note(file, offset, ProblemKind::Broken, error.to_string());
                }
                Err(MboxError::Io { offset, source }) => {
                    self.note(file, offset, ProblemKind::File, source.to_string());
                }
                Err(error @ MboxError::NotMbox) => {
                    self.note(file, 0, ProblemKind::File, error.to_string());
                }
            }
            self.batch.read_bytes = self.before + archive.position();
            self.send_if_full()?;
        }
        Ok(())
    }

    fn read_eml(&mut self, file: &Path) -> Result<(), Gone> {
        match File::open(file).map_err(Into::into).and_then(read_eml) {
            Ok(raw) => self.take(file, &raw),
            Err(EmlError::Io(error)) => self.note(file, 0, ProblemKind::File, error.to_string()),
            Err(error @ EmlError::TooLarge) => {
                self.note(file, 0, ProblemKind::Broken, error.to_string());
            }
        }
        self.send_if_full()
    }

    fn take(&mut self, file: &Path, raw: &RawMail) {
        let mail = match parse(&raw.bytes) {
            Ok(mail) => mail,
            Err(error) => {
                return self.note(file, raw.offset, ProblemKind::Broken, error.to_string());
            }
        };
        match from_mail(&mail, self.own, self.now) {
            Ok(message) => {
                self.bytes += message.body.len() + message.subject.len();
                self.batch.found.push(Found {
                    file: file.to_owned(),
                    offset: raw.offset,
                    message,
                });
            }
            Err(reason) => {
                let kind = match reason {
                    NotAMessage::Unplaced(Unplaced::Internal) => ProblemKind::Skipped,
                    _ => ProblemKind::Broken,
                };
                self.note(file, raw.offset, kind, reason.to_string());
            }
        }
    }

    fn note(&mut self, file: &Path, offset: u64, kind: ProblemKind, reason: String) {
        self.batch.problems.push(Problem {
            file: file.to_owned(),
            offset,
            kind,
            reason,
        });
    }

    fn send_if_full(&mut self) -> Result<(), Gone> {
        let is_full = self.batch.found.len() >= BATCH_MESSAGES
            || self.batch.problems.len() >= BATCH_MESSAGES
            || self.bytes >= BATCH_BYTES
            || self.batch.read_bytes - self.sent_at_bytes >= BATCH_READ_BYTES;
        if is_full { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), Gone> {
        self.bytes = 0;
        self.sent_at_bytes = self.batch.read_bytes;
        let next = Batch {
            read_bytes: self.batch.read_bytes,
            ..Batch::default()
        };
        let batch = std::mem::replace(&mut self.batch, next);
        self.sender.blocking_send(batch).map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(form: Form, files: &[PathBuf]) -> Vec<Batch> {
        let own = OwnAddresses::new(["@example.com"]).unwrap();
        let (sender, mut batches) = mpsc::channel(100);
        read(
            form,
            files,
            &own,
            "2026-06-01T00:00:00Z".parse().unwrap(),
            &sender,
        );
        drop(sender);
        std::iter::from_fn(|| batches.blocking_recv()).collect()
    }

    fn mail(number: usize, from: &str) -> String {
        format!(
            "From x@y Fri May  1 09:00:00 2026\nMessage-ID: <{number}@x>\nFrom: {from}\n\
             To: sales@example.com\nDate: Fri, 1 May 2026 09:00:00 +0900\n\nhello\n\n"
        )
    }

    #[test]
    fn an_archive_is_read_in_batches_and_what_is_left_out_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mbox");
        let mut archive: String = (0..450)
            .map(|number| mail(number, "c@customer.jp"))
            .collect();
        let internal_at = archive.len() as u64;
        archive += &mail(450, "boss@example.com");
        std::fs::write(&path, &archive).unwrap();
        let batches = read_all(Form::Mbox, &[path]);
        let sizes: Vec<usize> = batches.iter().map(|batch| batch.found.len()).collect();
        assert_eq!(sizes, [200, 200, 50]);
        let last = batches.last().unwrap();
        assert_eq!(last.read_bytes, archive.len() as u64);
        assert_eq!(last.problems[0].kind, ProblemKind::Skipped);
        assert_eq!(last.problems[0].offset, internal_at);
    }

    #[test]
    fn files_that_cannot_be_read_do_not_stop_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let [missing, wrong, good] =
            ["missing", "wrong", "good"].map(|name| folder.path().join(name));
        std::fs::write(&wrong, "PK\u{3}\u{4}").unwrap();
        std::fs::write(&good, mail(1, "c@customer.jp")).unwrap();
        let batches = read_all(Form::Mbox, &[missing, wrong, good]);
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].found.len(), 1);
        let kinds: Vec<_> = batches[0]
            .problems
            .iter()
            .map(|problem| problem.kind)
            .collect();
        assert_eq!(kinds, [ProblemKind::File, ProblemKind::File]);
    }
}
