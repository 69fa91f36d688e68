//! A streaming reader of mbox archives (mboxrd, RFC 4155), one message in memory at a time.
//!
//! An archive may be hundreds of gigabytes and end anywhere; memory is bounded by the limit for one
//! message, and damage costs the damaged message only. `Content-Length` is never believed: an
//! archive that was edited or cut would lose everything after the first wrong one.

use std::io::{self, BufRead};

use super::MAX_MAIL_BYTES;

/// A line longer than this is no separator, in bytes.
const MAX_SEPARATOR_BYTES: usize = 1000;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// One message as it lies in the archive, unquoted, without its separator line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMail {
    /// Where its separator line starts, in bytes from the start of the archive. Shows progress, and
    /// names the message in a report.
    pub offset: u64,
    /// The message: headers, blank line, body.
    pub bytes: Vec<u8>,
}

/// Why a message, or the archive, could not be read.
#[derive(Debug, thiserror::Error)]
pub enum MboxError {
    /// The first line with text is not a separator. Nothing follows this error.
    #[error("this is not an mbox archive: its first line does not start with \"From \" and a date")]
    NotMbox,
    /// One message is over the limit and was passed over. Reading goes on.
    #[error(
        "the message at byte {offset} is {size_bytes} bytes, more than the {limit_bytes} allowed"
    )]
    TooLarge {
        /// Where its separator line starts, in bytes.
        offset: u64,
        /// Its size, in bytes.
        size_bytes: u64,
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// The archive could not be read any further. Nothing follows this error.
    #[error("reading the mbox archive failed at byte {offset}")]
    Io {
        /// How far reading came, in bytes.
        offset: u64,
        /// What the file said.
        source: io::Error,
    },
}

/// Iterates over the messages of an archive.
#[derive(Debug)]
pub struct MboxReader<R> {
    source: R,
    limit_bytes: usize,
    position: u64,
    /// The separator that was read and belongs to the message to come.
    next_start: Option<u64>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Start,
    Inside,
    Done,
}

/// One line of the archive: its first bytes, enough to tell what it is, and its whole length.
struct Line {
    bytes: Vec<u8>,
    length: u64,
}

impl<R: BufRead> MboxReader<R> {
    /// Reads messages of up to [`MAX_MAIL_BYTES`].
    pub fn new(source: R) -> Self {
        Self::with_limit(source, MAX_MAIL_BYTES)
    }

    /// Reads messages of up to `limit_bytes`; larger ones are reported and passed over.
    pub fn with_limit(source: R, limit_bytes: usize) -> Self {
        Self {
            source,
            limit_bytes,
            position: 0,
            next_start: None,
            stage: Stage::Start,
        }
    }

    /// How much of the archive has been read, in bytes.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Passes blank lines up to the first separator.
    fn open(&mut self) -> Result<(), MboxError> {
        loop {
            let start = self.position;
            match self.read_line(MAX_SEPARATOR_BYTES)? {
                None => return Ok(()),
                Some(line) if is_blank(&line.bytes) => {}
                Some(line) if is_separator(&line) => {
                    self.next_start = Some(start);
                    return Ok(());
                }
                Some(_) => return Err(MboxError::NotMbox),
            }
        }
    }

    fn read_message(&mut self, offset: u64) -> Result<RawMail, MboxError> {
        let mut bytes = Vec::new();
        let mut size_bytes = 0;
        let mut after_blank = false;
        loop {
            let start = self.position;
            // What no longer fits is not kept, but a separator must still be recognised.
            let room = self.limit_bytes.saturating_sub(bytes.len());
            let Some(mut line) = self.read_line(room.max(MAX_SEPARATOR_BYTES) + 1)? else {
                break;
            };
            if after_blank && is_separator(&line) {
                self.next_start = Some(start);
                drop_last_line_end(&mut bytes);
                break;
            }
            after_blank = is_blank(&line.bytes);
            size_bytes += line.length;
            if size_bytes > self.limit_bytes as u64 {
                bytes = Vec::new();
            } else {
                unquote(&mut line.bytes);
                bytes.append(&mut line.bytes);
            }
        }
        if size_bytes > self.limit_bytes as u64 {
            return Err(MboxError::TooLarge {
                offset,
                size_bytes,
                limit_bytes: self.limit_bytes,
            });
        }
        Ok(RawMail { offset, bytes })
    }

    /// The next line with its line end, at most `keep` bytes of it; `None` at the end.
    fn read_line(&mut self, keep: usize) -> Result<Option<Line>, MboxError> {
        let mut line = Line {
            bytes: Vec::new(),
            length: 0,
        };
        loop {
            let chunk = match self.source.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    return Err(MboxError::Io {
                        offset: self.position,
                        source,
                    });
                }
            };
            if chunk.is_empty() {
                return Ok((line.length > 0).then_some(line));
            }
            let end = chunk
                .iter()
                .position(|&byte| byte == b'\n')
                .map(|at| at + 1);
            let taken = end.unwrap_or(chunk.len());
            let room = keep.saturating_sub(line.bytes.len());
            line.bytes.extend_from_slice(&chunk[..taken.min(room)]);
            line.length += taken as u64;
            self.source.consume(taken);
            self.position += taken as u64;
            if end.is_some() {
                return Ok(Some(line));
            }
        }
    }
}

impl<R: BufRead> Iterator for MboxReader<R> {
    type Item = Result<RawMail, MboxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stage == Stage::Start {
            self.stage = Stage::Inside;
            if let Err(error) = self.open() {
                self.stage = Stage::Done;
                return Some(Err(error));
            }
        }
        if self.stage == Stage::Done {
            return None;
        }
        let offset = self.next_start.take()?;
        let outcome = self.read_message(offset);
        if matches!(outcome, Err(MboxError::Io { .. })) {
            self.stage = Stage::Done;
        }
        Some(outcome)
    }
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// `From `, anything, then a date as asctime writes it: weekday, month, day, time, and a year
/// somewhere after. People start sentences with "From "; they do not go on like that.
fn is_separator(line: &Line) -> bool {
    if line.length > MAX_SEPARATOR_BYTES as u64 || !line.bytes.starts_with(b"From ") {
        return false;
    }
    let text = String::from_utf8_lossy(&line.bytes);
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    words.windows(4).enumerate().any(|(at, date)| {
        WEEKDAYS.contains(&date[0])
            && MONTHS.contains(&date[1])
            && date[2]
                .parse::<u8>()
                .is_ok_and(|day| (1..=31).contains(&day))
            && is_time(date[3])
            && words[at + 4..].iter().any(|word| is_year(word))
    })
}

fn is_time(word: &str) -> bool {
    let parts: Vec<&str> = word.split(':').collect();
    (2..=3).contains(&parts.len())
        && parts.iter().zip([24, 60, 61]).all(|(part, end)| {
            part.len() <= 2 && part.parse::<u8>().is_ok_and(|number| number < end)
        })
}

fn is_year(word: &str) -> bool {
    word.len() == 4
        && word
            .parse::<u16>()
            .is_ok_and(|year| (1970..2200).contains(&year))
}

/// mboxrd: a line of the message that starts with any number of `>` and `From ` was given one more.
fn unquote(line: &mut Vec<u8>) {
    let quotes = line.iter().take_while(|&&byte| byte == b'>').count();
    if quotes > 0 && line[quotes..].starts_with(b"From ") {
        line.remove(0);
    }
}

/// The blank line before a separator belongs to the archive, not to the message.
fn drop_last_line_end(bytes: &mut Vec<u8>) {
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FROM: &str = "From a@example.com Thu Aug 22 12:00:00 2002\n";

    fn read(archive: &[u8]) -> Vec<Result<RawMail, MboxError>> {
        MboxReader::with_limit(archive, 100).collect()
    }

    fn bodies(archive: &[u8]) -> Vec<String> {
        read(archive)
            .into_iter()
            .map(|mail| String::from_utf8(mail.unwrap().bytes).unwrap())
            .collect()
    }

    #[test]
    fn messages_come_one_by_one_with_their_offsets() {
        let archive = format!("{FROM}A: 1\n\nx\n\n{FROM}B: 2\n\ny\n");
        let mails: Vec<RawMail> = read(archive.as_bytes())
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            mails[0],
            RawMail {
                offset: 0,
                bytes: b"A: 1\n\nx\n".to_vec()
            }
        );
        let second = archive.rfind("From ").unwrap() as u64;
        assert_eq!(
            mails[1],
            RawMail {
                offset: second,
                bytes: b"B: 2\n\ny\n".to_vec()
            }
        );
        assert_eq!(mails.len(), 2);
    }

    #[test]
    fn quoted_from_lines_lose_one_quote() {
        let archive = format!("{FROM}A: 1\n\n>From you\n>>From me\n> From nobody\n>Fromage\n");
        assert_eq!(
            bodies(archive.as_bytes()),
            ["A: 1\n\nFrom you\n>From me\n> From nobody\n>Fromage\n"]
        );
    }

    #[test]
    fn a_sentence_that_starts_with_from_is_no_separator() {
        let archive =
            format!("{FROM}A: 1\n\nx\n\nFrom here on, Thu is free\n{FROM}no blank before\n");
        assert_eq!(bodies(archive.as_bytes()).len(), 1);
    }

    #[test]
    fn separators_of_many_programs_are_recognised() {
        for text in [
            "From - Tue Apr 27 19:42:16 1999\n",
            "From a b@c Thu Jan  1 00:00:00 1970\r\n",
            "From 1234567890@xxx Thu Jan 01 00:00:00 +0000 2015\n",
            "From x Thu Aug 22 12:00 GMT 2002 remote from host\n",
            "From MAILER-DAEMON Thu Aug 22 12:00:00 2002",
        ] {
            let line = Line {
                bytes: text.as_bytes().to_vec(),
                length: text.len() as u64,
            };
            assert!(is_separator(&line), "{text}");
        }
        for text in [
            "From me\n",
            "From a Thu Aug 32 12:00:00 2002\n",
            "From a Thu Aug 22 25:00:00 2002\n",
            "From a Thu Aug 22 12:00:00\n",
            "from a Thu Aug 22 12:00:00 2002\n",
        ] {
            let line = Line {
                bytes: text.as_bytes().to_vec(),
                length: text.len() as u64,
            };
            assert!(!is_separator(&line), "{text}");
        }
    }

    #[test]
    fn an_archive_with_windows_line_ends_reads_alike() {
        let archive =
            format!("\r\n{FROM}A: 1\n\nx\n\n{FROM}B: 2\n\n>From y\n").replace('\n', "\r\n");
        let archive = archive.replace("\r\r", "\r");
        assert_eq!(
            bodies(archive.as_bytes()),
            ["A: 1\r\n\r\nx\r\n", "B: 2\r\n\r\nFrom y\r\n"]
        );
    }

    #[test]
    fn an_archive_cut_anywhere_gives_what_is_left() {
        let archive = format!("{FROM}A: 1\n\nx\n\n{FROM}B: 2\n\ny");
        assert_eq!(bodies(archive.as_bytes()), ["A: 1\n\nx\n", "B: 2\n\ny"]);
        for end in FROM.len()..archive.len() {
            let mails = bodies(&archive.as_bytes()[..end]);
            assert!((1..=2).contains(&mails.len()), "cut at {end}");
        }
    }

    #[test]
    fn a_message_over_the_limit_is_reported_and_passed_over() {
        let long_line = "x".repeat(5000);
        let archive = format!("{FROM}A: 1\n\n{long_line}\n\n{FROM}B: 2\n\ny\n");
        let mails = read(archive.as_bytes());
        assert!(matches!(
            mails[0],
            Err(MboxError::TooLarge {
                offset: 0,
                size_bytes: 5008,
                limit_bytes: 100
            })
        ));
        assert_eq!(mails[1].as_ref().unwrap().bytes, b"B: 2\n\ny\n");

        let many_lines = "xxxx\n".repeat(1000);
        let archive = format!("{FROM}{many_lines}\n{FROM}B: 2\n\ny\n");
        let mails = read(archive.as_bytes());
        assert!(matches!(mails[0], Err(MboxError::TooLarge { .. })));
        assert_eq!(mails[1].as_ref().unwrap().bytes, b"B: 2\n\ny\n");
    }

    #[test]
    fn what_is_no_archive_is_refused_once() {
        for file in [
            "PK\x03\x04",
            "\n\nFrom: a@example.com\n\nhi\n",
            "From afar\n",
        ] {
            let mails = read(file.as_bytes());
            assert!(matches!(mails[..], [Err(MboxError::NotMbox)]), "{file}");
        }
    }

    #[test]
    fn an_empty_archive_holds_nothing() {
        assert!(read(b"").is_empty());
        assert!(read(b"\n\r\n").is_empty());
    }

    #[test]
    fn a_content_length_is_not_believed() {
        let archive = format!("{FROM}Content-Length: 9999\n\nx\n\n{FROM}B: 2\n\ny\n");
        assert_eq!(bodies(archive.as_bytes()).len(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_archive_makes_it_panic_or_run_forever(
            pieces in prop::collection::vec(
                prop_oneof![
                    Just(FROM.as_bytes().to_vec()),
                    Just(b"\n".to_vec()),
                    Just(b"\r\n".to_vec()),
                    Just(b">From ".to_vec()),
                    prop::collection::vec(any::<u8>(), 0..40),
                ],
                0..20,
            ),
        ) {
            let archive = pieces.concat();
            let mails = read(&archive);
            prop_assert!(mails.len() <= archive.len() / FROM.len() + 1);
        }
    }
}
