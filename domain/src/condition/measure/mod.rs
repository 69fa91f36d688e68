//! What a condition asks the database about a contact, an account or a conversation.
//!
//! A [`Measure`] is a value of one holder that SQL can say: a column, a count of events within a
//! window, a set of segments. It is said in one way ([`Plan`]) and used in two: as an expression
//! about one row ([`Plan::of_row`]), and as rows for some holders, to be judged in memory
//! ([`load`](super::known)). Equal measures are then asked for once, however many conditions test them.
//!
//! To add one: a struct with its `plan` beside the leaf that needs it, and its variant in
//! [`Source`].

pub(crate) mod frag;

use sea_orm::DatabaseBackend;

pub(crate) use self::frag::{Bind, Frag, Sql};
use super::leaf::{
    attribute::AttributeSource, chance::ChanceSource, email::EmailSource, event::EventSource,
    field::FieldSource, health::HealthSource, profile::ProfileSource, record::RecordSource,
    segment::SegmentSource, subscription::SubscriptionSource, survey::SurveySource, tag::TagSource,
};

/// Whose value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Holder {
    Contact,
    Account,
    Conversation,
}

/// A value of a holder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Measure {
    pub(crate) holder: Holder,
    pub(crate) source: Source,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Field(FieldSource),
    Attribute(AttributeSource),
    Chance(ChanceSource),
    Events(EventSource),
    Email(EmailSource),
    Health(HealthSource),
    Profile(ProfileSource),
    Records(RecordSource),
    Segments(SegmentSource),
    Subscription(SubscriptionSource),
    Surveys(SurveySource),
    Tags(TagSource),
}

impl Measure {
    pub(crate) fn new(holder: Holder, source: Source) -> Self {
        Self { holder, source }
    }

    pub(crate) fn plan(&self, backend: DatabaseBackend) -> Plan {
        match &self.source {
            Source::Field(source) => source.plan(backend),
            Source::Attribute(source) => source.plan(backend),
            Source::Chance(source) => source.plan(self.holder, backend),
            Source::Events(source) => source.plan(self.holder, backend),
            Source::Email(source) => source.plan(self.holder),
            Source::Health(source) => source.plan(self.holder, backend),
            Source::Profile(source) => source.plan(self.holder),
            Source::Records(source) => source.plan(self.holder, backend),
            Source::Segments(source) => source.plan(backend),
            Source::Subscription(source) => source.plan(),
            Source::Surveys(source) => source.plan(self.holder, backend),
            Source::Tags(source) => source.plan(backend),
        }
    }

    /// Of one that has several numbers, the one at a place by itself.
    pub(crate) fn number(&self, place: usize) -> Self {
        let source = match &self.source {
            Source::Events(source) => Source::Events(source.number(place)),
            Source::Email(source) => Source::Email(source.number(place)),
            Source::Records(source) => Source::Records(source.number(place)),
            Source::Surveys(source) => Source::Surveys(source.number(place)),
            source => source.clone(),
        };
        Self::new(self.holder, source)
    }

    /// The value that is there whenever this one is, if several stand for one.
    pub(crate) fn whole(&self) -> Option<Self> {
        match &self.source {
            Source::Attribute(source) => {
                let source = Source::Attribute(source.whole());
                Some(Self::new(self.holder, source))
            }
            _ => None,
        }
    }

    /// The changes, by the names of their facts, that can give it another value.
    pub(crate) fn depends(&self) -> &'static [&'static str] {
        match &self.source {
            Source::Field(source) => source.depends(),
            Source::Attribute(_) => &["attribute.set", "attribute.changed"],
            Source::Chance(_) => &["contact.created", "account.created"],
            Source::Events(_) => &["event.recorded"],
            Source::Email(_) => &["email_metrics.changed"],
            Source::Health(_) => &["health.changed"],
            Source::Profile(source) => source.depends(),
            Source::Records(source) => source.depends(),
            Source::Segments(_) => &["segment.entered", "segment.left"],
            Source::Subscription(_) => &["subscription.changed"],
            Source::Surveys(_) => &["survey.answered"],
            Source::Tags(_) => &[
                "tagging.added",
                "tagging.removed",
                "tag.changed",
                "tag.merged",
                "tag.deleted",
            ],
        }
    }

    /// Whether it can get another value by time passing alone.
    pub(crate) fn timed(&self) -> bool {
        match &self.source {
            Source::Events(source) => source.timed(),
            // Nobody tells an account that the figures of somebody erased are no more.
            Source::Email(source) => source.timed() || self.holder == Holder::Account,
            Source::Profile(_) => true,
            Source::Health(source) => source.timed(self.holder),
            Source::Records(source) => source.timed(),
            Source::Segments(source) => source.timed(),
            Source::Surveys(source) => source.timed(),
            Source::Field(_)
            | Source::Attribute(_)
            | Source::Chance(_)
            | Source::Subscription(_)
            | Source::Tags(_) => false,
        }
    }
}

/// How many rows there are of a holder, and what becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// At most one, whose columns are the value.
    One,
    /// Any number, whose aggregates are the value.
    Aggregate,
    /// Any number, whose `v` are the elements of a set.
    Set,
}

/// A measure in SQL. The rows of a holder are read by `FROM {from} WHERE {workspace} = … AND {owner}
/// = …{wheres}` into a table `b` with the columns of `base`, over which `numbers` and `text` are
/// said.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The tables; the first is `x` unless said otherwise.
    pub(crate) from: String,
    /// The column of the workspace.
    pub(crate) workspace: &'static str,
    /// The column of the holder's id.
    pub(crate) owner: &'static str,
    /// Further conditions, each with its `AND`.
    pub(crate) wheres: Frag,
    /// The columns of `b`, beside `id`.
    pub(crate) base: Vec<(&'static str, Frag)>,
    /// Groups the rows of a holder by `b.p` first, and goes on with the groups of which this holds.
    pub(crate) per: Option<Frag>,
    /// What the rows are to the value.
    pub(crate) rows: Rows,
    /// The numbers, over `b`, with what they are without rows.
    pub(crate) numbers: Vec<(Frag, Option<f64>)>,
    /// A text, time, id or element, over `b`: to compare, and as text.
    pub(crate) text: Option<(Frag, Frag)>,
}

impl Plan {
    /// What holds of at most one row of `table`, whose `owner` is the holder.
    pub(crate) fn one(from: &str, owner: &'static str) -> Self {
        Self {
            from: format!("{from} x"),
            workspace: "x.workspace_id",
            owner,
            wheres: Frag::default(),
            base: Vec::new(),
            per: None,
            rows: Rows::One,
            numbers: Vec::new(),
            text: None,
        }
    }

    /// The names under which tests find the columns.
    fn columns(&self, number: impl Fn(usize) -> String, text: String) -> Columns {
        let numbers = self.numbers.iter().enumerate();
        Columns {
            numbers: numbers
                .map(|(index, (_, nothing))| match nothing {
                    Some(nothing) => format!("COALESCE({}, {nothing})", number(index)),
                    None => number(index),
                })
                .collect(),
            text,
        }
    }

    fn base_table(&self, sql: &mut Sql<'_>, leading: &str, here: &str) -> String {
        let mut columns = vec![format!("{} AS id", self.owner)];
        for (name, column) in &self.base {
            columns.push(format!("{} AS {name}", sql.put(column)));
        }
        let wheres = sql.put(&self.wheres);
        format!(
            "(SELECT {} FROM {leading}{} WHERE {here}{wheres}) b",
            columns.join(", "),
            self.from,
        )
    }

    /// `b`, grouped by the property first if need be.
    fn source(&self, sql: &mut Sql<'_>, leading: &str, here: &str) -> String {
        let base = self.base_table(sql, leading, here);
        match &self.per {
            None => base,
            Some(having) => {
                let having = sql.put(having);
                format!(
                    "(SELECT b.id, b.p FROM {base} WHERE b.p IS NOT NULL
                      GROUP BY b.id, b.p HAVING {having}) b"
                )
            }
        }
    }

    /// A truth about the holder whose id is the SQL `id` and whose workspace the SQL `workspace`.
    /// `test` says it over the columns; without rows it is `nothing`.
    pub(crate) fn of_row(
        &self,
        sql: &mut Sql<'_>,
        workspace: &str,
        id: &str,
        nothing: bool,
        test: impl Fn(&mut Sql<'_>, &Columns) -> String,
    ) -> String {
        let here = format!("{} = {workspace} AND {} = {id}", self.workspace, self.owner);
        let source = self.source(sql, "", &here);
        let numbers: Vec<String> = self
            .numbers
            .iter()
            .map(|(number, _)| format!("CAST({} AS double precision)", sql.put(number)))
            .collect();
        let text = self.text.as_ref().map(|(text, _)| sql.put(text));
        let columns = self.columns(|index| numbers[index].clone(), text.unwrap_or_default());
        let tested = test(sql, &columns);
        format!("COALESCE((SELECT {tested} FROM {source}), {nothing})")
    }

    /// The values of the holders in the given rows, as the columns `measure`, `id`, `n0` to `n5` and
    /// `t`.
    pub(crate) fn of_some(&self, sql: &mut Sql<'_>, rows: &str, measure: usize) -> String {
        let here = format!(
            "{} = r.workspace_id AND {} = r.id",
            self.workspace, self.owner
        );
        let leading = format!("(SELECT workspace_id, id FROM {rows}) r CROSS JOIN ");
        let source = self.source(sql, &leading, &here);
        let mut columns = vec![
            format!("CAST({measure} AS bigint) AS measure"),
            "b.id AS id".to_owned(),
        ];
        for index in 0..MAX_NUMBERS {
            let number = match self.numbers.get(index) {
                Some((number, _)) => sql.put(number),
                None => "NULL".to_owned(),
            };
            columns.push(format!("CAST({number} AS double precision) AS n{index}"));
        }
        let text = match (&self.text, self.rows) {
            (None, _) => "NULL".to_owned(),
            (Some((_, shown)), Rows::Set) => {
                let shown = sql.put(shown);
                match sql.backend {
                    DatabaseBackend::Postgres => format!("string_agg(DISTINCT {shown}, ',')"),
                    _ => format!("group_concat(DISTINCT {shown})"),
                }
            }
            (Some((_, shown)), _) => sql.put(shown),
        };
        columns.push(format!("CAST({text} AS text) AS t"));
        let grouped = match self.rows {
            Rows::One => "",
            _ => " GROUP BY b.id",
        };
        format!("SELECT {} FROM {source}{grouped}", columns.join(", "))
    }
}

/// How many numbers one measure may have.
pub(crate) const MAX_NUMBERS: usize = 6;

/// The SQL of a measure's columns where a test is said.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub(crate) numbers: Vec<String>,
    pub(crate) text: String,
}

/// A value that was loaded.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Loaded {
    pub(crate) numbers: Vec<Option<f64>>,
    pub(crate) text: Option<String>,
}

impl Loaded {
    /// The value of a holder without rows.
    pub(crate) fn nothing(plan: &Plan) -> Self {
        Self {
            numbers: plan.numbers.iter().map(|(_, nothing)| *nothing).collect(),
            text: None,
        }
    }

    /// The elements of a set.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &str> {
        let text = self.text.as_deref().unwrap_or_default();
        text.split(',').filter(|element| !element.is_empty())
    }
}
