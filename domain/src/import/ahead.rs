//! The lines of the next step, read on another thread while the database writes those of this one.
//!
//! Reading a line (its encoding, its phone number, what it is remembered by) takes about as long as looking up
//! what it names, and needs nothing of the database. What is read ahead is kept in the process only, and only
//! taken where it is what would be read then: a step that was undone, a worker that died, a setting that
//! was changed meanwhile lose nothing but the work. At most one batch of a few imports is ever kept.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono_tz::Tz;
use entity::{
    attribute_definition,
    id::{AttributeId, OperationId},
    kind::SubjectKind,
    upload,
};
use sea_orm::ConnectionTrait;
use tokio::task::JoinHandle;

use super::{
    BATCH, Request,
    cell::{Line, Reader},
    contact,
    file::{self, Place, Window},
};
use crate::{error::Result, locale::Locale, store::Db};

/// Imports whose next lines are kept; beyond that, the one that began first is forgotten.
const IMPORTS: usize = 2;

/// Lines, and the place behind them.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) lines: Vec<Line>,
    pub(super) place: Place,
    pub(super) is_last: bool,
}

/// Everything on which it depends what lines say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Terms {
    pub(super) operation: OperationId,
    pub(super) subject: SubjectKind,
    pub(super) request: Request,
    pub(super) place: Place,
    pub(super) home: Locale,
    pub(super) zone: Tz,
    pub(super) attributes: HashMap<AttributeId, attribute_definition::Model>,
}

impl Terms {
    /// Reads the lines at the beginning of the piece of the file at [`Terms::place`].
    fn read(&self, window: &Window) -> Lines {
        let batch = window.split(self.request.cut(), self.place, BATCH);
        let reader = Reader {
            encoding: self.request.encoding,
            columns: &self.request.columns,
            width: self.request.width,
            home: self.home,
            zone: self.zone,
            attributes: &self.attributes,
        };
        let lines = batch.records.iter().map(|(record, line, raw)| {
            let mut line = reader.read(*record, *line, raw);
            if self.subject == SubjectKind::Contact {
                line.keys = contact::keys(&line.values);
            }
            line
        });
        Lines {
            lines: lines.collect(),
            place: batch.place,
            is_last: batch.is_last,
        }
    }
}

/// What is read ahead in this process.
#[derive(Debug, Default)]
struct Ahead(Mutex<Vec<Begun>>);

#[derive(Debug)]
struct Begun {
    terms: Terms,
    lines: JoinHandle<Lines>,
}

impl Ahead {
    /// What is read of these terms. What was read of other terms of the same import is forgotten.
    async fn take(&self, terms: &Terms) -> Option<Lines> {
        let begun = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let mut begun = all.iter();
            let place = begun.position(|one| one.terms.operation == terms.operation)?;
            all.remove(place)
        };
        if begun.terms != *terms {
            return None;
        }
        begun.lines.await.ok()
    }

    /// Begins to read the lines in `window`.
    fn begin(&self, terms: Terms, window: Window) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.terms.operation != terms.operation);
        if all.len() >= IMPORTS {
            all.remove(0);
        }
        let asked = terms.clone();
        let lines = tokio::task::spawn_blocking(move || asked.read(&window));
        all.push(Begun { terms, lines });
    }
}

/// The lines of a step, read before or now. Reading those behind them begins.
pub(super) async fn read(
    db: &Db,
    connection: &impl ConnectionTrait,
    upload: &upload::Model,
    terms: Terms,
) -> Result<Lines> {
    let ahead = db.remembered::<Ahead>();
    let lines = match ahead.take(&terms).await {
        Some(lines) => lines,
        None => terms.read(&file::window(connection, upload, terms.place).await?),
    };
    if !lines.is_last {
        let place = lines.place;
        // A file that is gone is a mistake of the next step, which will say so.
        if let Some(window) = file::window_if_any(connection, upload, place).await? {
            ahead.begin(Terms { place, ..terms }, window);
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use entity::{
        id::UploadId,
        kind::{ImportField, ImportPolicy, SheetEncoding},
    };
    use uuid::Uuid;

    use super::*;
    use crate::import::Column;

    fn terms(operation: u128, record: i64) -> Terms {
        Terms {
            operation: OperationId(Uuid::from_u128(operation)),
            subject: SubjectKind::Contact,
            request: Request {
                upload: UploadId(Uuid::from_u128(1)),
                encoding: SheetEncoding::Utf8,
                delimiter: ',',
                header: false,
                width: 1,
                columns: vec![Column {
                    column: 0,
                    field: ImportField::Email,
                    attribute: None,
                }],
                policy: ImportPolicy::Update,
                create: Vec::new(),
                reason: String::new(),
            },
            place: Place {
                record,
                ..Place::default()
            },
            home: Locale::En,
            zone: Tz::UTC,
            attributes: HashMap::new(),
        }
    }

    fn window() -> Window {
        Window::whole(b"a@example.com\nb@example.com\n".to_vec())
    }

    #[tokio::test]
    async fn what_was_read_ahead_is_what_would_be_read() {
        let ahead = Ahead::default();
        ahead.begin(terms(1, 7), window());
        let read = ahead.take(&terms(1, 7)).await.unwrap();
        let now = terms(1, 7).read(&window());
        assert_eq!((read.place, read.is_last), (now.place, now.is_last));
        let told = |lines: Lines| -> Vec<_> {
            let each = lines.lines.into_iter();
            each.map(|line| (line.record, line.line, line.keys))
                .collect()
        };
        let (read, now) = (told(read), told(now));
        assert_eq!(read, now);
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].0, 9);
        // Each batch is taken once.
        assert!(ahead.take(&terms(1, 7)).await.is_none());
    }

    #[tokio::test]
    async fn what_was_read_under_other_terms_is_read_anew() {
        let ahead = Ahead::default();
        ahead.begin(terms(1, 0), window());
        assert!(ahead.take(&terms(1, 4)).await.is_none(), "another place");
        ahead.begin(terms(1, 0), window());
        let elsewhere = Terms {
            home: Locale::Ja,
            ..terms(1, 0)
        };
        assert!(ahead.take(&elsewhere).await.is_none(), "another language");
        ahead.begin(terms(1, 0), window());
        let mut other = terms(1, 0);
        other.zone = chrono_tz::Asia::Tokyo;
        assert!(ahead.take(&other).await.is_none(), "another time zone");
    }

    #[tokio::test]
    async fn only_a_few_imports_are_kept() {
        let ahead = Ahead::default();
        for operation in 0..=IMPORTS as u128 {
            ahead.begin(terms(operation, 0), window());
        }
        assert!(ahead.take(&terms(0, 0)).await.is_none());
        assert!(ahead.take(&terms(1, 0)).await.is_some());
        assert_eq!(ahead.0.lock().unwrap().len(), IMPORTS - 1);
    }
}
