//! Enrolling contacts in a playbook, any number at once, and taking them out again.
//!
//! Called by members (`enrol_contacts`), by the projection for the sources of a playbook, by the operations of
//! `bulk`, and by actions (`start` and `stop`). An enrolment only begins or ends here: its steps are done by
//! workers, after the commit.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    enrolment,
    id::{ContactId, EnrolmentId, PlaybookId},
    kind::{EnrolmentSource, EnrolmentState, PlaybookState, StepOutcome},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

use super::{
    MAX_AT_ONCE,
    count::{Counts, What},
    definition::{Again, Definition},
    history::{Left, leave},
    projection::MAX_DEPTH,
    read, write,
};
use crate::{
    access::{Actor, Origin, Scope},
    action::OutcomeResult,
    contact,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    port::Work,
    store::{Query, Rows, Tx, dialect},
    work::change::{Change, Fact, Position},
};

/// Somebody about to be enrolled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entrant {
    /// Who.
    pub(crate) contact: ContactId,
    /// What enrols them.
    pub(crate) source: EnrolmentSource,
    /// Who or what caused that.
    pub(crate) by: Origin,
    /// How many steps of cause and effect away from the outside.
    pub(crate) depth: i64,
    /// Where the cascade began.
    pub(crate) root: Option<Position>,
}

/// Why somebody was not enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, async_graphql::Enum)]
#[graphql(name = "NotEnrolledReason")]
pub enum NotEnrolled {
    /// They are enrolled already.
    Already,
    /// They were enrolled before, and the playbook does not take them again yet.
    NotAgain,
    /// There is no such contact, or they were merged into another.
    NotFound,
}

/// Who was enrolled and who was not.
#[derive(Debug, Clone, Default)]
pub struct Enrolled {
    /// The enrolments made, by contact.
    pub made: BTreeMap<ContactId, EnrolmentId>,
    /// The others, with the reason.
    pub not: BTreeMap<ContactId, NotEnrolled>,
}

#[derive(FromQueryResult)]
struct Past {
    id: ContactId,
    active: bool,
    last_end: Option<DateTime<Utc>>,
    ever: bool,
}

/// Enrols contacts by hand.
pub async fn enrol_contacts(
    ctx: &Ctx,
    actor: &Actor,
    id: PlaybookId,
    contacts: &[ContactId],
) -> Result<Enrolled> {
    actor.require(Scope::Write)?;
    if contacts.is_empty() || contacts.len() > MAX_AT_ONCE {
        let message = format!("Name 1 to {MAX_AT_ONCE} contacts, or use a filter.");
        let code = UserErrorCode::LimitReached;
        return Err(Error::refused(&["contacts", "ids"], code, message));
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    let Some(book) = open(&tx, id, &["playbookId"]).await? else {
        let message = "This playbook is paused, archived, or has no published version.";
        let path = ["playbookId"];
        return Err(Error::refused(&path, UserErrorCode::Invalid, message));
    };
    let entrants: Vec<Entrant> = contacts
        .iter()
        .map(|&contact| Entrant {
            contact,
            source: EnrolmentSource::Hand,
            by: actor.origin(),
            depth: 0,
            root: None,
        })
        .collect();
    let enrolled = enrol(&mut tx, &book, &entrants).await?;
    for (index, &whom) in contacts.iter().enumerate() {
        if enrolled.not.get(&whom) == Some(&NotEnrolled::NotFound) {
            let path = ["contacts", "ids", &index.to_string()];
            return Err(contact::absent(tx.connection(), tx.workspace, whom, &path).await);
        }
    }
    tx.commit().await?;
    Ok(enrolled)
}

/// A playbook that takes contacts: what new enrolments begin with.
#[derive(Debug)]
pub(crate) struct Book {
    /// The playbook.
    pub(crate) id: PlaybookId,
    /// Its published version.
    pub(crate) version: i64,
    /// What that is.
    pub(crate) definition: Definition,
}

/// The playbook, if it takes contacts now. On PostgreSQL it is not paused or published anew before the
/// transaction ends.
pub(crate) async fn open(tx: &Tx<'_>, id: PlaybookId, path: &[&str]) -> Result<Option<Book>> {
    let lock = dialect::share_lock(tx.connection().get_database_backend());
    let row: Option<entity::playbook::Model> = Query::new(format!(
        "SELECT * FROM playbook WHERE workspace_id = $1 AND id = $2 {lock}"
    ))
    .bind(tx.workspace)
    .bind(id)
    .one(tx.connection())
    .await?;
    let row = row.ok_or_else(|| Error::not_found(path, "playbook"))?;
    if row.state != PlaybookState::Active || row.version == 0 {
        return Ok(None);
    }
    let version = read::find_version(tx.connection(), tx.workspace, id, row.version).await?;
    Ok(version.map(|version| Book {
        id,
        version: version.version,
        definition: version.definition,
    }))
}

/// Enrols contacts whom nothing keeps out. They set off after the commit. Two statements, and one for
/// the counts, however many there are.
pub(crate) async fn enrol(tx: &mut Tx<'_>, book: &Book, entrants: &[Entrant]) -> Result<Enrolled> {
    let mut counts = Counts::default();
    let enrolled = enrol_counting(tx, book, entrants, &mut counts).await?;
    counts.write(tx).await?;
    Ok(enrolled)
}

/// Like [`enrol`]; the caller writes the counts, when nothing else is held any more.
async fn enrol_counting(
    tx: &mut Tx<'_>,
    book: &Book,
    entrants: &[Entrant],
    counts: &mut Counts,
) -> Result<Enrolled> {
    let mut enrolled = Enrolled::default();
    let Some(first) = book.definition.steps.first() else {
        return Ok(enrolled);
    };
    let mut wanted: BTreeMap<ContactId, Entrant> = BTreeMap::new();
    for entrant in entrants {
        wanted.entry(entrant.contact).or_insert(*entrant);
    }
    let past = past(tx, book.id, wanted.keys().copied()).await?;
    let again = book.definition.again;
    wanted.retain(|contact, _| {
        let refusal = match past.get(contact) {
            None => Some(NotEnrolled::NotFound),
            Some(past) => refusal(past, again, tx.now),
        };
        enrolled.not.extend(refusal.map(|why| (*contact, why)));
        refusal.is_none()
    });
    if wanted.is_empty() {
        return Ok(enrolled);
    }
    for (contact, id) in insert(tx, book, &first.id, &wanted).await? {
        enrolled.made.insert(contact, id);
    }
    // Another transaction may have been faster.
    let late = wanted
        .keys()
        .filter(|one| !enrolled.made.contains_key(*one));
    enrolled
        .not
        .extend(late.map(|one| (*one, NotEnrolled::Already)));
    for (contact, enrolment_id) in &enrolled.made {
        let entrant = wanted[contact];
        let fact = Fact::EnrolmentStarted {
            enrolment_id: *enrolment_id,
            playbook_id: book.id,
        };
        tx.record(Change {
            fact,
            contact: Some(*contact),
            origin: entrant.by,
            depth: entrant.depth,
            root: entrant.root,
        });
    }
    let (key, number) = ((book.id, book.version), enrolled.made.len() as i64);
    counts.whole(key, What::Enrolled, number);
    counts.whole(key, What::Here, number);
    counts.at(key, &first.id, What::Here, number);
    if number > 0 {
        tx.wake(Work::Enrolment);
    }
    Ok(enrolled)
}

fn refusal(past: &Past, again: Again, now: DateTime<Utc>) -> Option<NotEnrolled> {
    if past.active {
        return Some(NotEnrolled::Already);
    }
    let may = match (again, past.last_end) {
        (_, None) => !past.ever,
        (Again::Never, Some(_)) => false,
        (Again::AfterEnd, Some(_)) => true,
        (Again::AfterDays(days), Some(end)) => end + TimeDelta::days(i64::from(days)) <= now,
    };
    (!may).then_some(NotEnrolled::NotAgain)
}

async fn past(
    tx: &Tx<'_>,
    book: PlaybookId,
    contacts: impl Iterator<Item = ContactId>,
) -> Result<HashMap<ContactId, Past>> {
    // Joined: of an EXISTS in the list PostgreSQL makes a table of all enrolments of the playbook, each time.
    let rows: Vec<Past> = Query::new(
        "SELECT c.id, COUNT(e.id) > COUNT(e.ended_at) AS active, COUNT(e.id) > 0 AS ever,
                MAX(e.ended_at) AS last_end
         FROM {r} JOIN contact c ON c.workspace_id = $1 AND c.id = r.id
           AND c.merged_into_id IS NULL
         LEFT JOIN enrolment e ON e.workspace_id = $1 AND e.contact_id = c.id
           AND e.playbook_id = $2
         GROUP BY c.id",
    )
    .bind(tx.workspace)
    .bind(book)
    .rows("r", Rows::new().ids("id", contacts))
    .all(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

#[derive(FromQueryResult)]
struct Made {
    id: EnrolmentId,
    contact_id: ContactId,
}

async fn insert(
    tx: &Tx<'_>,
    book: &Book,
    step: &str,
    entrants: &BTreeMap<ContactId, Entrant>,
) -> Result<Vec<(ContactId, EnrolmentId)>> {
    let each = || entrants.values();
    let rows = Rows::new()
        .ids("id", each().map(|_| tx.id::<EnrolmentId>()))
        .ids("contact_id", each().map(|one| one.contact))
        .texts("source", each().map(|one| one.source.word()))
        .json("enrolled_by", each().map(|one| one.by.json()))
        .ints("depth", each().map(|one| one.depth))
        .opt_ints("root_tx", each().map(|one| one.root.map(|root| root.tx)))
        .opt_ints("root_seq", each().map(|one| one.root.map(|root| root.seq)));
    let made: Vec<Made> = Query::new(
        "INSERT INTO enrolment (workspace_id, id, playbook_id, version, contact_id, state, step,
             step_at, passed, listens, due_at, fence, failures, crashes, source, enrolled_by, depth,
             root_tx, root_seq, entered_at)
         SELECT $1, r.id, $2, $3, r.contact_id, 'WAITING', $4, $5, 0, $6, $5, 0, 0, 0, r.source,
                r.enrolled_by, r.depth, r.root_tx, r.root_seq, $5
         FROM {r} WHERE true ORDER BY r.contact_id
         ON CONFLICT DO NOTHING RETURNING id, contact_id",
    )
    .bind(tx.workspace)
    .bind(book.id)
    .bind(book.version)
    .bind(step)
    .bind(tx.now)
    .bind(book.definition.has_endings())
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    Ok(made
        .into_iter()
        .map(|one| (one.contact_id, one.id))
        .collect())
}

/// Whether there is no such playbook any more.
async fn is_gone(tx: &Tx<'_>, id: PlaybookId) -> Result<bool> {
    let state: Option<PlaybookState> =
        Query::new("SELECT state FROM playbook WHERE workspace_id = $1 AND id = $2")
            .bind(tx.workspace)
            .bind(id)
            .scalar(tx.connection())
            .await?;
    Ok(state.is_none_or(|state| state == PlaybookState::Archived))
}

/// Enrols contacts because of an action, each once, and says for each what became of it. The caller writes
/// the counts.
pub(crate) async fn start(
    tx: &mut Tx<'_>,
    id: PlaybookId,
    entrants: &[Entrant],
    counts: &mut Counts,
) -> Result<Vec<OutcomeResult>> {
    let book = match open(tx, id, &[]).await {
        Ok(Some(book)) => book,
        // One that is gone takes nobody for ever; one that is paused may go on.
        Ok(None) | Err(Error::Refused(_)) => {
            let result = if is_gone(tx, id).await? {
                OutcomeResult::Unavailable
            } else {
                OutcomeResult::PlaybookUnavailable
            };
            return Ok(vec![result; entrants.len()]);
        }
        Err(error) => return Err(error),
    };
    let near = |entrant: &&Entrant| entrant.depth <= MAX_DEPTH;
    let allowed: Vec<Entrant> = entrants.iter().filter(near).copied().collect();
    let enrolled = enrol_counting(tx, &book, &allowed, counts).await?;
    Ok(entrants
        .iter()
        .map(|entrant| {
            if !near(&entrant) {
                return OutcomeResult::ChainTooLong;
            }
            if let Some(&enrolment_id) = enrolled.made.get(&entrant.contact) {
                return OutcomeResult::Enrolled { enrolment_id };
            }
            match enrolled.not.get(&entrant.contact) {
                Some(NotEnrolled::Already) => OutcomeResult::AlreadyEnrolled,
                Some(NotEnrolled::NotAgain) => OutcomeResult::NotEnrolledAgain,
                Some(NotEnrolled::NotFound) | None => OutcomeResult::NothingToActOn,
            }
        })
        .collect())
}

/// Ends the enrolments that contacts have under way in a playbook, for `why`; says whose. A few
/// statements, however many there are. The caller writes the counts.
pub(crate) async fn stop(
    tx: &mut Tx<'_>,
    id: PlaybookId,
    contacts: &[ContactId],
    by: Ended<'_>,
    counts: &mut Counts,
) -> Result<Vec<ContactId>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let rows: Vec<enrolment::Model> = Query::new(format!(
        "SELECT e.* FROM enrolment e WHERE e.workspace_id = $1 AND e.playbook_id = $2
           AND e.ended_at IS NULL AND e.contact_id IN (SELECT r.id FROM {{r}})
         ORDER BY e.id {lock}"
    ))
    .bind(tx.workspace)
    .bind(id)
    .rows("r", Rows::new().ids("id", contacts.iter().copied()))
    .all(tx.connection())
    .await?;
    end_counting(tx, &rows, by, counts).await?;
    Ok(rows.into_iter().map(|row| row.contact_id).collect())
}

/// Who ends enrolments, and why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended<'a> {
    /// Who.
    pub(crate) by: Origin,
    /// How many steps of cause and effect away from the outside.
    pub(crate) depth: i64,
    /// Where the cascade began.
    pub(crate) root: Option<Position>,
    /// Why, in words.
    pub(crate) why: &'a str,
}

/// Ends enrolments that the transaction holds, as cancelled.
pub(super) async fn end(
    tx: &mut Tx<'_>,
    rows: &[enrolment::Model],
    ended: Ended<'_>,
) -> Result<()> {
    let mut counts = Counts::default();
    end_counting(tx, rows, ended, &mut counts).await?;
    counts.write(tx).await
}

async fn end_counting(
    tx: &mut Tx<'_>,
    rows: &[enrolment::Model],
    ended: Ended<'_>,
    counts: &mut Counts,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    // A worker that has one of them in hand must find that it lost it.
    Query::new(
        "UPDATE enrolment SET state = 'CANCELLED', ended_at = $2, ending = $3, due_at = NULL,
             wait_until = NULL, lease_until = NULL, fence = fence + 1, passed = passed + 1
         WHERE workspace_id = $1 AND id IN (SELECT r.id FROM {r})",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(ended.why)
    .rows("r", Rows::new().ids("id", rows.iter().map(|row| row.id)))
    .execute(tx.connection())
    .await?;
    let steps = rows.iter().map(|row| {
        let detail = serde_json::json!({ "why": ended.why, "by": ended.by.json() });
        Left::at(row, StepOutcome::Cancelled, None, detail)
    });
    leave(tx, steps.collect()).await?;
    for row in rows {
        let key = (row.playbook_id, row.version);
        counts.at(key, &row.step, What::Here, -1);
        counts.at(key, &row.step, What::Cancelled, 1);
        counts.whole(key, What::Here, -1);
        counts.whole(key, What::Cancelled, 1);
        let fact = Fact::EnrolmentEnded {
            enrolment_id: row.id,
            playbook_id: row.playbook_id,
            state: EnrolmentState::Cancelled,
        };
        tx.record(Change {
            fact,
            contact: Some(row.contact_id),
            origin: ended.by,
            depth: ended.depth,
            root: ended.root,
        });
    }
    Ok(())
}

/// Refuses a playbook that is not there; for whoever asks for long work with it.
pub(super) async fn known(tx: &Tx<'_>, id: PlaybookId) -> Result<()> {
    write::lock(tx, id, &["playbookId"]).await.map(|_| ())
}
