//! The one way scores are written: many contacts at once, in a fixed number of statements.
//!
//! The contacts' rows are locked first, in the order of their ids; then the model and the signals
//! are read. Whoever comes second therefore sees what the first one saw, or newer, and a score never
//! goes back to older data or an older model. Only rows that changed are written.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    id::{ContactId, HealthEntryId},
    kind::HealthBand,
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, FromQueryResult};

use super::{
    band::Standing,
    input::Inputs,
    model::Model,
    points::Points,
    save,
    score::{self, Previous, Verdict},
    signal::{self, Source},
};
use crate::{
    access::Origin,
    error::Result,
    store::{Query, Rows, Tx, dialect},
    work::change::{Change, Fact, Position},
};

/// Why a contact is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// The name of the fact or schedule, kept in the history.
    pub name: &'static str,
    /// How many steps that is away from what came from outside.
    pub depth: i64,
    /// Where the cascade it belongs to began, if it began with an entry of the log.
    pub root: Option<Position>,
}

/// A contact whose score, band or model changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// Who.
    pub contact: ContactId,
    /// The new score.
    pub score: Option<Points>,
    /// The score before.
    pub previous_score: Option<Points>,
    /// The new band.
    pub band: HealthBand,
    /// The band before.
    pub previous_band: HealthBand,
}

#[derive(FromQueryResult)]
struct Row {
    contact_id: ContactId,
    model_version: i64,
    score: Option<f64>,
    band: HealthBand,
    band_streak: i64,
    coverage: f64,
    inputs: serde_json::Value,
    as_of: DateTime<Utc>,
}

impl Row {
    fn score(&self) -> Option<Points> {
        self.score.map(Points::from_f64)
    }

    fn standing(&self) -> Standing {
        Standing {
            band: self.band,
            streak: self.band_streak,
        }
    }
}

/// What an evaluation came to, next to the row it replaces.
struct Outcome {
    row: Row,
    /// The row's inputs, if they can be read.
    known: Option<Inputs>,
    inputs: Inputs,
    verdict: Verdict,
    /// Never before the row's: a contact's history goes forward, whatever the clocks of two workers
    /// say.
    as_of: DateTime<Utc>,
}

impl Outcome {
    /// The score lists are ordered by.
    fn rank(&self) -> f64 {
        self.verdict.score.map_or(-1.0, Points::as_f64)
    }

    fn differs(&self, model: &Model) -> bool {
        self.moved()
            || self.row.model_version != model.version
            || self.row.standing() != self.verdict.standing
            || (self.row.coverage - self.verdict.coverage).abs() > 1e-9
            || self.known.as_ref() != Some(&self.inputs)
    }

    /// Whether the score or the band is another.
    fn moved(&self) -> bool {
        self.row.score() != self.verdict.score || self.row.band != self.verdict.standing.band
    }

    /// Whether it belongs into the history. A contact of whom nothing is known has none.
    fn is_news(&self, model: &Model) -> bool {
        let same_model = self.row.model_version == model.version;
        self.moved() || (!same_model && self.verdict.score.is_some())
    }
}

/// Evaluates `contacts` as of `as_of` and writes what changed. Contacts that were evaluated with the
/// same model for a later moment are left alone, as are ids that are no contacts of the workspace.
pub(crate) async fn recompute(
    tx: &mut Tx<'_>,
    contacts: &BTreeMap<ContactId, Cause>,
    as_of: DateTime<Utc>,
) -> Result<Vec<Changed>> {
    if contacts.is_empty() {
        return Ok(Vec::new());
    }
    let ids = Rows::new().ids("contact_id", contacts.keys().copied());
    let mut rows = lock(tx, &ids).await?;
    if rows.len() < contacts.len() {
        complete(tx, &ids).await?;
        rows = lock(tx, &ids).await?;
    }
    let (model, zone) = save::newest(tx.connection(), tx.workspace).await?;
    rows.retain(|row| row.as_of <= as_of || row.model_version != model.version);
    let outcomes = evaluate(tx, rows, &model, zone, as_of).await?;
    write(tx, &outcomes, &model).await?;
    write_history(tx, contacts, &outcomes, &model).await?;
    rank(tx, &outcomes).await?;
    Ok(report(tx, contacts, &outcomes, &model))
}

/// The rows of `ids`, held until the transaction ends, in the order of their ids.
///
/// `CROSS JOIN` here and in the signals is for SQLite, which takes it as an order to begin with the
/// ids given. Left to itself it may walk the whole table and the whole list for each row of it.
async fn lock(tx: &Tx<'_>, ids: &Rows) -> Result<Vec<Row>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let of = if lock.is_empty() { "" } else { "OF h" };
    Ok(Query::new(format!(
        "SELECT h.contact_id, h.model_version, h.score, h.band, h.band_streak, h.coverage,
                h.inputs, h.as_of
         FROM {{r}} CROSS JOIN contact_health AS h
         WHERE h.workspace_id = $1 AND h.contact_id = r.contact_id
         ORDER BY h.contact_id {lock} {of}"
    ))
    .bind(tx.workspace)
    .rows("r", ids.clone())
    .all(tx.connection())
    .await?)
}

/// Makes the rows of contacts that have none.
async fn complete(tx: &Tx<'_>, ids: &Rows) -> Result<()> {
    Query::new(
        "INSERT INTO contact_health (workspace_id, contact_id, model_version, rank, band,
                                     band_streak, coverage, inputs, as_of)
         SELECT $1, c.id, 0, -1, 'UNKNOWN', 0, 0, $2, c.created_at
         FROM {r} CROSS JOIN contact AS c
         WHERE c.workspace_id = $1 AND c.id = r.contact_id
         ORDER BY c.id ON CONFLICT DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(serde_json::json!({}))
    .rows("r", ids.clone())
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn evaluate(
    tx: &Tx<'_>,
    rows: Vec<Row>,
    model: &Model,
    zone: Tz,
    as_of: DateTime<Utc>,
) -> Result<Vec<Outcome>> {
    let day = |time: DateTime<Utc>| time.with_timezone(&zone).date_naive();
    let contacts = Rows::new().ids("contact_id", rows.iter().map(|row| row.contact_id));
    let mut measured = measure(tx, model, &contacts, as_of, day(as_of)).await?;
    let outcomes = rows.into_iter().map(|row| {
        let inputs = measured.remove(&row.contact_id).unwrap_or_default();
        let known: Option<Inputs> = serde_json::from_value(row.inputs.clone()).ok();
        let gained = known.as_ref();
        let gained = gained.is_none_or(|known| score::gains(&model.definition, known, &inputs));
        let previous = Previous {
            model_version: row.model_version,
            standing: row.standing(),
            new_day: day(row.as_of) < day(as_of),
            gained,
        };
        let verdict = score::judge(model, &inputs, Some(previous));
        Outcome {
            as_of: as_of.max(row.as_of),
            row,
            known,
            inputs,
            verdict,
        }
    });
    Ok(outcomes.collect())
}

/// The values of the model's signals for `contacts`: one statement per signal.
pub(super) async fn measure(
    tx: &Tx<'_>,
    model: &Model,
    contacts: &Rows,
    as_of: DateTime<Utc>,
    today: NaiveDate,
) -> Result<BTreeMap<ContactId, Inputs>> {
    let mut measured: BTreeMap<ContactId, Inputs> = BTreeMap::new();
    for used in &model.definition.signals {
        let Some(signal) = signal::find(&used.signal) else {
            continue;
        };
        let source = Source {
            connection: tx.connection(),
            workspace: tx.workspace,
            contacts,
            as_of,
            today,
            window_days: used.window_days.unwrap_or_default(),
        };
        for (contact, input) in signal.read(&source).await? {
            let inputs = measured.entry(contact).or_default();
            inputs.insert(used.signal.clone(), input);
        }
    }
    Ok(measured)
}

async fn write(tx: &Tx<'_>, outcomes: &[Outcome], model: &Model) -> Result<()> {
    let changed: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| outcome.differs(model))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let streaks = changed
        .iter()
        .map(|outcome| outcome.verdict.standing.streak);
    let rows = outcome_rows(&changed)
        .reals("rank", changed.iter().map(|outcome| outcome.rank()))
        .ints("band_streak", streaks);
    // Every row is there and held: the conflict is the update. SQLite would run an UPDATE ... FROM
    // by walking the whole list for each row.
    Query::new(
        "INSERT INTO contact_health (workspace_id, contact_id, model_version, score, rank, band,
                                     band_streak, coverage, inputs, as_of)
         SELECT $1, r.contact_id, $2, r.score, r.rank, r.band, r.band_streak, r.coverage, r.inputs,
                r.as_of
         FROM {r} WHERE true
         ON CONFLICT (workspace_id, contact_id) DO UPDATE
         SET model_version = excluded.model_version, score = excluded.score, rank = excluded.rank,
             band = excluded.band, band_streak = excluded.band_streak,
             coverage = excluded.coverage, inputs = excluded.inputs, as_of = excluded.as_of",
    )
    .bind(tx.workspace)
    .bind(model.version)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn write_history(
    tx: &Tx<'_>,
    contacts: &BTreeMap<ContactId, Cause>,
    outcomes: &[Outcome],
    model: &Model,
) -> Result<()> {
    let news: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| outcome.is_news(model))
        .collect();
    if news.is_empty() {
        return Ok(());
    }
    let causes = news.iter().map(|outcome| contacts[&outcome.row.contact_id]);
    let rows = outcome_rows(&news)
        .ids("id", news.iter().map(|_| tx.id::<HealthEntryId>()))
        .texts("cause", causes.map(|cause| cause.name));
    Query::new(
        "INSERT INTO health_history (workspace_id, contact_id, as_of, id, model_version, score,
                                     band, coverage, inputs, cause)
         SELECT $1, r.contact_id, r.as_of, r.id, $2, r.score, r.band, r.coverage, r.inputs, r.cause
         FROM {r}",
    )
    .bind(tx.workspace)
    .bind(model.version)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

fn outcome_rows(outcomes: &[&Outcome]) -> Rows {
    let scores = outcomes.iter().map(|outcome| outcome.verdict.score);
    let bands = outcomes.iter().map(|outcome| outcome.verdict.standing.band);
    Rows::new()
        .ids("contact_id", outcomes.iter().map(|o| o.row.contact_id))
        .times("as_of", outcomes.iter().map(|outcome| outcome.as_of))
        .opt_reals("score", scores.map(|score| score.map(Points::as_f64)))
        .texts("band", bands.map(HealthBand::word))
        .reals("coverage", outcomes.iter().map(|o| o.verdict.coverage))
        .json(
            "inputs",
            outcomes.iter().map(|o| serde_json::json!(o.inputs)),
        )
}

/// Brings the rank index behind the lists by tag up to date. The contacts' rows are held, so whoever
/// copies a score into that index and holds the row meanwhile comes before this or after it.
async fn rank(tx: &Tx<'_>, outcomes: &[Outcome]) -> Result<()> {
    let moved: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| outcome.row.score() != outcome.verdict.score)
        .collect();
    if moved.is_empty() {
        return Ok(());
    }
    let contacts = moved.iter().map(|outcome| outcome.row.contact_id);
    // A contact counts for some ten tags: given the scores, PostgreSQL looks none up for each of them.
    // SQLite would walk all given rows for each row of the index, see `write`.
    let query = if tx.connection().get_database_backend() == DatabaseBackend::Postgres {
        let rows = Rows::new()
            .ids("contact_id", contacts)
            .reals("rank", moved.iter().map(|outcome| outcome.rank()));
        Query::new(
            "UPDATE tag_rank SET score = r.rank FROM {r}
             WHERE tag_rank.workspace_id = $1 AND tag_rank.target_id = r.contact_id
               AND tag_rank.score <> r.rank",
        )
        .bind(tx.workspace)
        .rows("r", rows)
    } else {
        Query::new(
            "UPDATE tag_rank SET score = (SELECT h.rank FROM contact_health AS h
                 WHERE h.workspace_id = $1 AND h.contact_id = tag_rank.target_id)
             WHERE workspace_id = $1 AND {moved} AND score <> (SELECT h.rank FROM contact_health AS h
                 WHERE h.workspace_id = $1 AND h.contact_id = tag_rank.target_id)",
        )
        .bind(tx.workspace)
        .among("moved", "target_id", contacts.map(|contact| contact.0))
    };
    query.execute(tx.connection()).await?;
    Ok(())
}

/// Records what moved in the change log, and lists what is in the history.
fn report(
    tx: &mut Tx<'_>,
    contacts: &BTreeMap<ContactId, Cause>,
    outcomes: &[Outcome],
    model: &Model,
) -> Vec<Changed> {
    let mut report = Vec::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.is_news(model)) {
        let changed = Changed {
            contact: outcome.row.contact_id,
            score: outcome.verdict.score,
            previous_score: outcome.row.score(),
            band: outcome.verdict.standing.band,
            previous_band: outcome.row.band,
        };
        if outcome.moved() {
            tx.record(Change {
                fact: Fact::HealthChanged {
                    contact_id: changed.contact,
                    score: changed.score.map(Points::as_f64),
                    previous_score: changed.previous_score.map(Points::as_f64),
                    band: changed.band,
                    previous_band: changed.previous_band,
                },
                contact: Some(changed.contact),
                origin: Origin::System,
                depth: contacts[&changed.contact].depth + 1,
                root: contacts[&changed.contact].root,
            });
        }
        report.push(changed);
    }
    report
}
