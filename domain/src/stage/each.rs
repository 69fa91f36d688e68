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

/// Moves things in their order, row and history alike. Those that are not there, or were merged, are passed
/// over. Says of each whether it moved.
pub(crate) async fn move_each(tx: &mut Tx<'_>, moves: &[StageMove<'_>]) -> Result<Vec<bool>> {
    let standing = standing(tx, moves.iter().map(|one| one.subject)).await?;
    let mut stages: HashMap<Subject, Option<LifecycleStage>> = standing
        .into_iter()
        .map(|(subject, one)| (subject, one.stage))
        .collect();
    let (mut results, mut steps) = (Vec::with_capacity(moves.len()), Vec::new());
    for one in moves {
        let from = stages.get(&one.subject).copied();
        results.push(from.is_some_and(|from| from != one.new.stage));
        if let Some(from) = from
            && from != one.new.stage
        {
            stages.insert(one.subject, one.new.stage);
            steps.push((tx.id::<StageChangeId>(), from, one));
        }
    }
    enter(tx, &steps).await?;
    let moved = steps.iter().map(|(_, _, one)| one.subject);
    put_stages(tx, moved.map(|subject| (subject, stages[&subject]))).await?;
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
    Ok(results)
}

/// Gives things to those who are to look after them, in their order. Those that are not there, or were merged,
/// are passed over. Says of each whether it went to somebody else.
pub(crate) async fn give_each(tx: &mut Tx<'_>, moves: &[OwnerMove<'_>]) -> Result<Vec<bool>> {
    let standing = standing(tx, moves.iter().map(|one| one.subject)).await?;
    let mut owners: HashMap<Subject, Option<MemberId>> = standing
        .into_iter()
        .map(|(subject, one)| (subject, one.owner_id))
        .collect();
    let (mut results, mut steps) = (Vec::with_capacity(moves.len()), Vec::new());
    for one in moves {
        let from = owners.get(&one.subject).copied();
        results.push(from.is_some_and(|from| from != one.owner));
        if let Some(from) = from
            && from != one.owner
        {
            owners.insert(one.subject, one.owner);
            let (subject, to) = (one.subject, one.owner);
            steps.push((Given { subject, from, to }, one));
        }
    }
    let entered: Vec<_> = steps
        .iter()
        .map(|(given, one)| (*given, one.origin))
        .collect();
    owner::enter(tx, &entered).await?;
    let moved = steps.iter().map(|(_, one)| one.subject);
    put_owners(tx, moved.map(|subject| (subject, owners[&subject]))).await?;
    for (given, one) in steps {
        let (was, is) = (json!({ "owner": given.from }), json!({ "owner": given.to }));
        let facts = [given.fact(), changed(one.subject, ContactField::Owner)];
        note(tx, one.subject, one.origin, one.cause, facts, (was, is));
    }
    Ok(results)
}

/// Says of each of `moves`, which name every thing once, whether it would move. Writes nothing.
pub(crate) async fn would_move(tx: &Tx<'_>, moves: &[StageMove<'_>]) -> Result<Vec<bool>> {
    let standing = standing(tx, moves.iter().map(|one| one.subject)).await?;
    let would = |one: &StageMove<'_>| {
        let now = standing.get(&one.subject);
        now.is_some_and(|now| now.stage != one.new.stage)
    };
    Ok(moves.iter().map(would).collect())
}

/// Says of each of `moves`, which name every thing once, whether it would go to somebody else. Writes
/// nothing.
pub(crate) async fn would_give(tx: &Tx<'_>, moves: &[OwnerMove<'_>]) -> Result<Vec<bool>> {
    let standing = standing(tx, moves.iter().map(|one| one.subject)).await?;
    let would = |one: &OwnerMove<'_>| {
        let now = standing.get(&one.subject);
        now.is_some_and(|now| now.owner_id != one.owner)
    };
    Ok(moves.iter().map(would).collect())
}

/// Where things stand that are there, held until the transaction ends.
async fn standing(
    tx: &Tx<'_>,
    subjects: impl Iterator<Item = Subject> + Clone,
) -> Result<HashMap<Subject, Standing>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let mut found = HashMap::new();
    for (kind, table) in TABLES {
        let ids = subjects.clone().filter(|one| one.kind == kind);
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

/// Those of a kind, each once.
fn of<T>(kind: SubjectKind, all: impl Iterator<Item = (Subject, T)>) -> BTreeMap<Uuid, T> {
    all.filter(|(subject, _)| subject.kind == kind)
        .map(|(subject, value)| (subject.id, value))
        .collect()
}

/// Writes stages into the rows.
async fn put_stages(
    tx: &Tx<'_>,
    stages: impl Iterator<Item = (Subject, Option<LifecycleStage>)> + Clone,
) -> Result<()> {
    for (kind, table) in TABLES {
        let stages = of(kind, stages.clone());
        if stages.is_empty() {
            continue;
        }
        let words = stages
            .values()
            .map(|stage| stage.map(|stage| stage.word().to_owned()));
        let rows = Rows::new()
            .uuids("id", stages.keys().copied())
            .opt_texts("stage", words)
            .ints("rank", stages.values().map(|stage| rank(*stage)));
        Query::new(format!(
            "UPDATE {table} SET stage = r.stage, stage_rank = r.rank, updated_at = $2
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

/// Writes owners into the rows.
async fn put_owners(
    tx: &Tx<'_>,
    owners: impl Iterator<Item = (Subject, Option<MemberId>)> + Clone,
) -> Result<()> {
    for (kind, table) in TABLES {
        let owners = of(kind, owners.clone());
        if owners.is_empty() {
            continue;
        }
        let rows = Rows::new()
            .uuids("id", owners.keys().copied())
            .opt_ids("owner_id", owners.values().copied());
        Query::new(format!(
            "UPDATE {table} SET owner_id = r.owner_id, updated_at = $2
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
