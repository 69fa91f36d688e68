//! Moving any number of contacts and accounts at once, in a number of statements that does not depend on how
//! many there are: what rules, playbooks and edits by a filter do. Whoever moves one for a member writes the
//! row itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    id::{AccountId, ContactId, MemberId, StageChangeId},
    kind::{ContactField, LifecycleStage, SubjectKind},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    NewStage, contact_of,
    owner::{self, Given},
    rank,
};
use crate::{
    access::Origin,
    audit::Record,
    error::Result,
    store::{Query, Rows, Tx, dialect},
    subject::Subject,
    work::change::{Change, Entry, Fact},
};

/// A contact or account that is to move to a stage, and who wants it.
#[derive(Debug, Clone)]
pub(crate) struct StageMove<'a> {
    pub(crate) subject: Subject,
    pub(crate) new: NewStage,
    pub(crate) origin: Origin,
    pub(crate) cause: Option<&'a Entry>,
}

/// A contact or account that somebody is to look after, or nobody any more, and who wants it.
#[derive(Debug, Clone)]
pub(crate) struct OwnerMove<'a> {
    pub(crate) subject: Subject,
    /// A member of the workspace.
    pub(crate) owner: Option<MemberId>,
    pub(crate) origin: Origin,
    pub(crate) cause: Option<&'a Entry>,
}

#[derive(FromQueryResult)]
struct Standing {
    id: Uuid,
    stage: Option<LifecycleStage>,
    owner_id: Option<MemberId>,
}

/// The tables of what has a stage and an owner, in the order in which rows are locked.
const TABLES: [(SubjectKind, &str); 2] = [
    (SubjectKind::Contact, "contact"),
    (SubjectKind::Account, "account"),
];

/// How things go one after the other, from place to place: stages, or those who look after them.
struct Course<P> {
    /// For each move, from where the thing goes; nothing if it stays, or is not there.
    from: Vec<Option<P>>,
    /// Where each thing that goes is in the end.
    ends: HashMap<Subject, P>,
}

impl<P: Copy> Course<P> {
    /// Of each move, whether the thing goes.
    fn went(&self) -> Vec<bool> {
        self.from.iter().map(Option::is_some).collect()
    }

    /// Those of `moves`, of which it is the course, that go, and from where.
    fn steps<'m, M>(&self, moves: &'m [M]) -> impl Iterator<Item = (P, &'m M)> {
        let each = self.from.iter().zip(moves);
        each.filter_map(|(from, one)| Some(((*from)?, one)))
    }
}

/// How things go that are each wanted at a place. Those that are not there, or were merged, are passed over.
/// Holds them until the transaction ends, and writes nothing.
async fn course<P: Copy + PartialEq>(
    tx: &Tx<'_>,
    wanted: &[(Subject, P)],
    place: fn(&Standing) -> P,
) -> Result<Course<P>> {
    let subjects: Vec<Subject> = wanted.iter().map(|one| one.0).collect();
    let standing = standing(tx, &subjects).await?;
    let mut places: HashMap<Subject, P> = standing
        .iter()
        .map(|(subject, one)| (*subject, place(one)))
        .collect();
    let (mut from, mut ends) = (Vec::with_capacity(wanted.len()), HashMap::new());
    for &(subject, to) in wanted {
        let now = places.get(&subject).copied().filter(|now| *now != to);
        if now.is_some() {
            places.insert(subject, to);
            ends.insert(subject, to);
        }
        from.push(now);
    }
    Ok(Course { from, ends })
}

/// How contacts and accounts go to stages.
async fn stages(tx: &Tx<'_>, moves: &[StageMove<'_>]) -> Result<Course<Option<LifecycleStage>>> {
    let wanted: Vec<_> = moves
        .iter()
        .map(|one| (one.subject, one.new.stage))
        .collect();
    course(tx, &wanted, |one| one.stage).await
}

/// How contacts and accounts go to those who are to look after them.
async fn owners(tx: &Tx<'_>, moves: &[OwnerMove<'_>]) -> Result<Course<Option<MemberId>>> {
    let wanted: Vec<_> = moves.iter().map(|one| (one.subject, one.owner)).collect();
    course(tx, &wanted, |one| one.owner_id).await
}

/// Moves things in their order, row and history alike. Those that are not there, or were merged, are passed
/// over. Says of each whether it moved.
pub(crate) async fn move_each(tx: &mut Tx<'_>, moves: &[StageMove<'_>]) -> Result<Vec<bool>> {
    let course = stages(tx, moves).await?;
    let steps: Vec<(StageChangeId, Option<LifecycleStage>, &StageMove<'_>)> = course
        .steps(moves)
        .map(|(from, one)| (tx.id(), from, one))
        .collect();
    enter(tx, &steps).await?;
    let set = "stage = r.stage, stage_rank = r.rank";
    put(tx, &course.ends, set, stage_columns).await?;
    for (stage_change_id, from, one) in steps {
        let fact = Fact::StageChanged {
            stage_change_id,
            subject: one.subject.kind,
            subject_id: one.subject.id,
            from,
            to: one.new.stage,
        };
        let (was, is) = (json!({ "stage": from }), json!({ "stage": one.new.stage }));
        let facts = [fact, changed(one.subject, ContactField::Stage)];
        note(tx, one.subject, one.origin, one.cause, facts, (was, is));
    }
    Ok(course.went())
}

/// Gives things to those who are to look after them, in their order. Those that are not there, or were merged,
/// are passed over. Says of each whether it went to somebody else.
pub(crate) async fn give_each(tx: &mut Tx<'_>, moves: &[OwnerMove<'_>]) -> Result<Vec<bool>> {
    let course = owners(tx, moves).await?;
    let steps: Vec<(Given, &OwnerMove<'_>)> = course
        .steps(moves)
        .map(|(from, one)| {
            let (subject, to) = (one.subject, one.owner);
            (Given { subject, from, to }, one)
        })
        .collect();
    let entered: Vec<_> = steps
        .iter()
        .map(|(given, one)| (*given, one.origin))
        .collect();
    owner::enter(tx, &entered).await?;
    put(tx, &course.ends, "owner_id = r.owner_id", owner_columns).await?;
    for (given, one) in steps {
        let (was, is) = (json!({ "owner": given.from }), json!({ "owner": given.to }));
        let facts = [given.fact(), changed(one.subject, ContactField::Owner)];
        note(tx, one.subject, one.origin, one.cause, facts, (was, is));
    }
    Ok(course.went())
}

/// Says of each of `moves` whether it would move. Writes nothing.
pub(crate) async fn would_move(tx: &Tx<'_>, moves: &[StageMove<'_>]) -> Result<Vec<bool>> {
    Ok(stages(tx, moves).await?.went())
}

/// Says of each of `moves` whether it would go to somebody else. Writes nothing.
pub(crate) async fn would_give(tx: &Tx<'_>, moves: &[OwnerMove<'_>]) -> Result<Vec<bool>> {
    Ok(owners(tx, moves).await?.went())
}

/// Where things stand that are there, held until the transaction ends.
async fn standing(tx: &Tx<'_>, subjects: &[Subject]) -> Result<HashMap<Subject, Standing>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let mut found = HashMap::new();
    for (kind, table) in TABLES {
        let ids = subjects.iter().filter(|one| one.kind == kind);
        let ids: BTreeSet<Uuid> = ids.map(|one| one.id).collect();
        if ids.is_empty() {
            continue;
        }
        let is_there = match kind {
            SubjectKind::Account => "AND c.deleted_at IS NULL",
            SubjectKind::Contact | SubjectKind::Conversation => "",
        };
        let rows: Vec<Standing> = Query::new(format!(
            "SELECT c.id, c.stage, c.owner_id FROM {table} c
             WHERE c.workspace_id = $1 AND {{those}}
               AND c.merged_into_id IS NULL {is_there} ORDER BY c.id {lock}"
        ))
        .bind(tx.workspace)
        .among("those", "c.id", ids)
        .all(tx.connection())
        .await?;
        found.extend(
            rows.into_iter()
                .map(|row| (Subject::new(kind, row.id), row)),
        );
    }
    Ok(found)
}

/// Enters steps in the history.
async fn enter(
    tx: &Tx<'_>,
    steps: &[(StageChangeId, Option<LifecycleStage>, &StageMove<'_>)],
) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let word = |stage: Option<LifecycleStage>| stage.map(|stage| stage.word().to_owned());
    let each = || steps.iter().map(|(_, _, one)| one);
    let rows = Rows::new()
        .ids("id", steps.iter().map(|(id, _, _)| *id))
        .texts("subject", each().map(|one| one.subject.kind.word()))
        .uuids("subject_id", each().map(|one| one.subject.id))
        .opt_texts("from_stage", steps.iter().map(|(_, from, _)| word(*from)))
        .opt_texts("to_stage", each().map(|one| word(one.new.stage)))
        .json("origin", each().map(|one| one.origin.json()))
        .texts("reason", each().map(|one| one.new.reason.as_str()));
    Query::new(
        "INSERT INTO stage_change (workspace_id, id, subject, subject_id, from_stage, to_stage,
                                   at, by_origin, reason)
         SELECT $1, r.id, r.subject, r.subject_id, r.from_stage, r.to_stage, $2, r.origin, r.reason
         FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Writes into the rows where things are in the end: `set` says what of the columns that `columns` adds to `r`.
async fn put<P: Copy>(
    tx: &Tx<'_>,
    ends: &HashMap<Subject, P>,
    set: &str,
    columns: fn(Rows, &[P]) -> Rows,
) -> Result<()> {
    for (kind, table) in TABLES {
        let those = ends.iter().filter(|(subject, _)| subject.kind == kind);
        let those: BTreeMap<Uuid, P> = those.map(|(subject, place)| (subject.id, *place)).collect();
        if those.is_empty() {
            continue;
        }
        let places: Vec<P> = those.values().copied().collect();
        let rows = columns(Rows::new().uuids("id", those.into_keys()), &places);
        Query::new(format!(
            "UPDATE {table} SET {set}, updated_at = $2
             FROM {{r}} WHERE {table}.workspace_id = $1 AND {table}.id = r.id"
        ))
        .bind(tx.workspace)
        .bind(tx.now)
        .rows("r", rows)
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

fn stage_columns(rows: Rows, stages: &[Option<LifecycleStage>]) -> Rows {
    let words = stages
        .iter()
        .map(|stage| stage.map(|stage| stage.word().to_owned()));
    rows.opt_texts("stage", words)
        .ints("rank", stages.iter().map(|stage| rank(*stage)))
}

fn owner_columns(rows: Rows, owners: &[Option<MemberId>]) -> Rows {
    rows.opt_ids("owner_id", owners.iter().copied())
}

/// That something about the thing is new.
fn changed(subject: Subject, field: ContactField) -> Fact {
    match subject.kind {
        SubjectKind::Account => Fact::AccountChanged {
            account_id: AccountId(subject.id),
        },
        SubjectKind::Contact | SubjectKind::Conversation => Fact::ContactChanged {
            contact_id: ContactId(subject.id),
            fields: vec![field],
            left_account_id: None,
        },
    }
}

/// Tells the change log and the audit log.
fn note(
    tx: &mut Tx<'_>,
    subject: Subject,
    origin: Origin,
    cause: Option<&Entry>,
    facts: [Fact; 2],
    (was, is): (Value, Value),
) {
    let contact = contact_of(subject);
    for fact in facts {
        tx.record(match cause {
            Some(cause) => Change::caused(cause, origin, contact, fact),
            None => Change::new(origin, contact, fact),
        });
    }
    let record = match contact {
        Some(contact) => Record::changed("contact.update", contact, was, is).of(contact),
        None => Record::changed("account.update", AccountId(subject.id), was, is),
    };
    tx.audit(origin, record);
}
