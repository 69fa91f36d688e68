//! Pieces of SQL with what is bound in them.

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseBackend, Value};
use uuid::Uuid;

use crate::{
    condition::{moment::Moment, scalar::Number},
    store::{Query, dialect},
};

/// A value bound in a piece of SQL. What depends on the moment is filled in when it is rendered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Bind {
    Text(String),
    Id(Uuid),
    Number(Number),
    At(DateTime<Utc>),
    /// Now.
    Now,
    /// So many days before now.
    DaysAgo(u32),
    /// So many days after now.
    DaysAhead(u32),
    /// So many minutes before now.
    MinutesAgo(u32),
    /// The day in the workspace so many days before today.
    DayAgo(u32),
    /// Seconds by which the workspace's clocks were ahead of UTC at the time this SQL says.
    OffsetSeconds(&'static str),
}

impl Bind {
    /// What stands for it in a statement: a parameter, or SQL where it is more than one value.
    fn put(&self, sql: &mut Sql<'_>) -> String {
        let moment = sql.moment;
        let value: Value = match self {
            Self::Text(text) => text.clone().into(),
            Self::Id(id) => (*id).into(),
            Self::Number(number) => number.get().into(),
            Self::At(at) => (*at).into(),
            Self::Now => moment.now.into(),
            Self::DaysAgo(days) => moment.days_ago(*days).into(),
            Self::DaysAhead(days) => moment.days_ahead(*days).into(),
            Self::MinutesAgo(minutes) => moment.minutes_ago(*minutes).into(),
            Self::DayAgo(days) => {
                let day = moment.today() - chrono::TimeDelta::days(i64::from(*days));
                day.into()
            }
            Self::OffsetSeconds(time) => return offset_seconds(sql.backend, moment, time),
        };
        sql.query.arg(value)
    }
}

/// Seconds by which the workspace's clocks were ahead of UTC at `time`: SQLite knows no time zones. Most
/// events are young, so the last change of the clocks comes first.
fn offset_seconds(backend: DatabaseBackend, moment: &Moment, time: &str) -> String {
    let (first, changes) = moment.offsets();
    if changes.is_empty() {
        return format!("({first})");
    }
    let changes: Vec<String> = changes
        .iter()
        .rev()
        .map(|(at, seconds)| {
            let at = dialect::time(backend, *at);
            format!("WHEN {time} >= {at} THEN {seconds}")
        })
        .collect();
    format!("(CASE {} ELSE {first} END)", changes.join(" "))
}

/// A piece of SQL in which each `?` stands for the next bound value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frag {
    text: String,
    binds: Vec<Bind>,
}

impl Frag {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            binds: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, bind: Bind) -> Self {
        self.binds.push(bind);
        self
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.binds.extend(other.binds);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// `column IN (?, ?, ...)`, and what never holds if there is nothing in the list.
    pub(crate) fn one_of(column: &str, binds: impl IntoIterator<Item = Bind>) -> Self {
        let binds: Vec<Bind> = binds.into_iter().collect();
        if binds.is_empty() {
            return Self::new("1 = 0");
        }
        let marks = vec!["?"; binds.len()].join(", ");
        Self {
            text: format!("{column} IN ({marks})"),
            binds,
        }
    }
}

/// Where SQL is put together: the statement that takes the values, its database, and the moment.
pub(crate) struct Sql<'a> {
    pub(crate) query: &'a mut Query,
    pub(crate) backend: DatabaseBackend,
    pub(crate) moment: &'a Moment,
}

impl Sql<'_> {
    /// The text of a piece, its values bound.
    pub(crate) fn put(&mut self, frag: &Frag) -> String {
        let mut text = String::with_capacity(frag.text.len() + 16);
        let mut binds = frag.binds.iter();
        for part in frag.text.split_inclusive('?') {
            match part.strip_suffix('?') {
                Some(before) => {
                    text.push_str(before);
                    if let Some(bind) = binds.next() {
                        text.push_str(&bind.put(self));
                    }
                }
                None => text.push_str(part),
            }
        }
        text
    }
}

/// A time as text that [`DateTime::parse_from_rfc3339`] reads.
pub(crate) fn time_text(backend: DatabaseBackend, column: &str) -> String {
    match backend {
        DatabaseBackend::Postgres => format!(
            "to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"')"
        ),
        _ => column.to_owned(),
    }
}

/// The days from a moment until now, with their fraction.
pub(crate) fn days_since(backend: DatabaseBackend, moment: &str) -> Frag {
    match backend {
        DatabaseBackend::Postgres => Frag::new(format!(
            "CAST(EXTRACT(EPOCH FROM (CAST(? AS timestamptz) - {moment})) AS double precision) / 86400"
        )),
        _ => Frag::new(format!("(julianday(?) - julianday({moment}))")),
    }
    .with(Bind::Now)
}

/// An id as text, in 32 digits.
pub(crate) fn id_text(backend: DatabaseBackend, column: &str) -> String {
    dialect::uuid_text(backend, column)
}
