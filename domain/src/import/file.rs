//! The records of an uploaded file from a place on.

use entity::{id::UploadId, upload};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

use super::{Request, WINDOW};
use crate::{
    error::{Error, Result, UserErrorCode},
    sheet::{
        encoding,
        record::{self, Record},
    },
    store::{Query, Tx, dialect},
    upload as uploads,
};

/// A place between two records of a file, or in a line that is too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Bytes before it.
    pub(super) offset: i64,
    /// Line ends before it.
    pub(super) line: i64,
    /// Records before it, without header and empty lines.
    pub(super) record: i64,
    /// Whether it is in a line that is too long: what is left of that is no record.
    #[serde(default)]
    pub(super) is_torn: bool,
}

/// Some records, and the place behind them.
#[derive(Debug)]
pub(super) struct Batch {
    /// Each with its number and the number of its first line, both from 1.
    pub(super) records: Vec<(i64, i64, Record)>,
    /// Behind the last of them.
    pub(super) place: Place,
    /// Whether there are no more.
    pub(super) is_last: bool,
}

/// The upload, if it is complete. Whoever erases a person ([`uploads::hold_all`]) waits until the end of `tx`,
/// so that nothing is noted of the file's lines after all that is forgotten; who comes later finds its time
/// over, even one who began before that.
pub(super) async fn upload(tx: &Tx<'_>, id: UploadId) -> Result<upload::Model> {
    let lock = dialect::share_lock(tx.connection().get_database_backend());
    let found: Option<upload::Model> = Query::new(format!(
        "SELECT * FROM upload WHERE workspace_id = $1 AND id = $2 {lock}"
    ))
    .bind(tx.workspace)
    .bind(id)
    .one(tx.connection())
    .await?;
    let now = tx.ctx().clock.now();
    let Some(found) = found.filter(|row| row.expires_at > now) else {
        return Err(Error::not_found(&["uploadId"], "upload"));
    };
    if found.completed_at.is_none() {
        let message = "The file is not complete. Send the rest of it first.";
        return Err(Error::refused(
            &["uploadId"],
            UserErrorCode::Invalid,
            message,
        ));
    }
    Ok(found)
}

/// How a file is cut into records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) delimiter: u8,
    pub(super) header: bool,
}

impl Request {
    pub(super) fn cut(&self) -> Cut {
        Cut {
            delimiter: self.delimiter as u8,
            header: self.header,
        }
    }
}

/// A piece of a file, longer than the longest record.
#[derive(Debug)]
pub(super) struct Window {
    bytes: Vec<u8>,
    is_end: bool,
}

impl Window {
    /// Cuts at most `limit` records out of it, which begins at `place`.
    pub(super) fn split(&self, cut: Cut, place: Place, limit: usize) -> Batch {
        split(&self.bytes, self.is_end, cut, place, limit)
    }

    /// All of a file.
    #[cfg(test)]
    pub(super) fn whole(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            is_end: true,
        }
    }
}

/// The piece of a file from `place` on; none if the file is gone.
pub(super) async fn window_if_any(
    connection: &impl ConnectionTrait,
    upload: &upload::Model,
    place: Place,
) -> Result<Option<Window>> {
    let (workspace, offset) = (upload.workspace_id, place.offset);
    let bytes = uploads::read(connection, workspace, upload.id, offset, WINDOW).await?;
    if bytes.is_empty() && offset < upload.size {
        return Ok(None);
    }
    let is_end = offset + bytes.len() as i64 >= upload.size;
    Ok(Some(Window { bytes, is_end }))
}

/// The piece of a file from `place` on.
pub(super) async fn window(
    connection: &impl ConnectionTrait,
    upload: &upload::Model,
    place: Place,
) -> Result<Window> {
    let window = window_if_any(connection, upload, place).await?;
    window.ok_or_else(|| {
        let message = "The file was deleted before the import came to its end. Send it again.";
        Error::refused(&["uploadId"], UserErrorCode::NotFound, message)
    })
}

/// Cuts at most `limit` records out of `bytes`, which begin at `place`.
pub(super) fn split(bytes: &[u8], is_end: bool, cut: Cut, mut place: Place, limit: usize) -> Batch {
    let mut rest = bytes;
    let mut awaits_header = cut.header && place.offset == 0;
    if place.offset == 0 {
        let mark = encoding::mark_bytes(bytes);
        rest = &bytes[mark..];
        place.offset += mark as i64;
        if let Some((_, named)) = record::named_delimiter(rest) {
            rest = &rest[named..];
            place.offset += named as i64;
            place.line += 1;
        }
    }
    let mut records = Vec::new();
    while records.len() < limit {
        if place.is_torn {
            let (bytes, ends) = record::rest_of_line(rest, is_end);
            rest = &rest[bytes..];
            place.offset += bytes as i64;
            place.line += i64::from(ends);
            place.is_torn = !ends;
        }
        let Some(record) = record::read(rest, cut.delimiter, is_end) else {
            break;
        };
        rest = &rest[record.bytes..];
        let line = place.line + 1;
        place.offset += record.bytes as i64;
        place.line += record.lines as i64;
        place.is_torn = record.is_torn();
        if record.is_blank() {
            continue;
        }
        if awaits_header {
            awaits_header = false;
            continue;
        }
        place.record += 1;
        records.push((place.record, line, record));
    }
    Batch {
        records,
        place,
        is_last: is_end && rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheet::record::Broken;

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        let cut = Cut {
            delimiter: b',',
            header: true,
        };
        let text = b"\xef\xbb\xbfname,email\r\n\r\n\"a\nb\",x\r\nc,d";
        let batch = split(text, true, cut, Place::default(), 10);
        let told: Vec<_> = batch
            .records
            .iter()
            .map(|(number, line, _)| (*number, *line))
            .collect();
        assert_eq!(told, [(1, 3), (2, 5)]);
        assert!(batch.is_last);
        // One at a time is the same.
        let first = split(text, true, cut, Place::default(), 1);
        let rest = &text[first.place.offset as usize..];
        let second = split(rest, true, cut, first.place, 1);
        assert_eq!(second.records, batch.records[1..]);
        assert_eq!(second.place, batch.place);
    }

    #[test]
    fn a_line_that_names_the_delimiter_is_neither_header_nor_record() {
        let text = b"\xef\xbb\xbfsep=;\r\nname;email\r\na;b\r\n";
        for (header, expected) in [(true, vec![(1, 3)]), (false, vec![(1, 2), (2, 3)])] {
            let cut = Cut {
                delimiter: b';',
                header,
            };
            let batch = split(text, true, cut, Place::default(), 10);
            let records = batch.records.iter();
            let told: Vec<_> = records.map(|(number, line, _)| (*number, *line)).collect();
            assert_eq!(told, expected);
            assert_eq!(batch.place.offset, text.len() as i64);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_one_record_wherever_the_pieces_end() {
        let cut = Cut {
            delimiter: b',',
            header: true,
        };
        for end in ["\n", "\r\n", "\r"] {
            let long = "x".repeat(record::MAX_RECORD + 10);
            let text = format!("name,email{end}{long},y@x.example{end}c,d{end}");
            let text = text.as_bytes();
            let (mut place, mut records) = (Place::default(), Vec::new());
            for piece in [record::MAX_RECORD + 11, 17, 20, text.len()] {
                let from = place.offset as usize;
                let to = (from + piece).min(text.len());
                let batch = split(&text[from..to], to == text.len(), cut, place, 10);
                records.extend(batch.records);
                place = batch.place;
            }
            let told: Vec<_> = records
                .iter()
                .map(|(number, line, record)| (*number, *line, record.broken, record.cells.len()))
                .collect();
            let expected = [(1, 2, Some(Broken::TooLong), 0), (2, 3, None, 2)];
            assert_eq!(told, expected, "{end:?}");
            assert_eq!(
                (place.offset, place.line),
                (text.len() as i64, 3),
                "{end:?}"
            );
        }
    }
}
