//! Whom it concerns that somebody else at their account did something.
//!
//! Where a condition on contacts asks for what happened at the account (`of: ACCOUNT`: events, email,
//! health; when its people last did something), one person's event can move all of the account's people.
//! Such parts have one answer for all of an account's people: they are asked once for each account, and
//! what is left of the condition is compared with who is in the segment without leaving the database. So
//! the cost follows the change: only segments that ask for what happened, only the accounts where it did,
//! and only those who move are evaluated one by one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    id::{AccountId, ContactId},
    kind::{ContactField, SegmentSubject, SubjectKind},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use uuid::Uuid;

use super::{
    aside,
    build::Anew,
    catalogue::{Catalogue, Live},
    cause::Cause,
    evaluate::{self, Facts},
    moves::Moved,
    route::{Routed, Touched},
};
use crate::{
    condition::{Condition, moment::Moment, sql},
    error::Result,
    store::{Query, Rows, Tx, attempt},
    work::change::{Entry, Fact},
};

/// Colleagues who move because of one batch and are named, for each segment; beyond that everybody is
/// evaluated in the background.
const MOST: usize = 5_000;

/// Whether `entry` may change the figures of an account, with the people of whom it may; and the accounts
/// that somebody left by it.
pub(super) fn figures(entry: &Entry) -> (Vec<ContactId>, Vec<AccountId>) {
    match &entry.fact {
        Fact::ContactMoved { .. }
        | Fact::ContactSeen { .. }
        | Fact::EmailEventRecorded { .. }
        | Fact::EmailMetricsChanged { .. }
        | Fact::EventRecorded { .. }
        | Fact::FactDeleted { .. }
        | Fact::HealthChanged { .. }
        | Fact::MessageReceived { .. }
        | Fact::MessageSent { .. }
        | Fact::OrderRecorded { .. }
        | Fact::SurveyAnswered { .. }
        | Fact::TicketRecorded { .. } => (entry.contact.into_iter().collect(), Vec::new()),
        // Whoever is new is active at that moment.
        Fact::ContactCreated { contact_id } => (vec![*contact_id], Vec::new()),
        Fact::ContactChanged {
            contact_id,
            fields,
            left_account_id,
        } => {
            // Entries of the first release do not say what changed.
            let is_moved = fields.is_empty() || fields.contains(&ContactField::Account);
            let moved = is_moved.then_some(*contact_id);
            (
                moved.into_iter().collect(),
                left_account_id.iter().copied().collect(),
            )
        }
        Fact::ContactMerged {
            contact_id,
            loser_id,
            ..
        }
        | Fact::ContactUnmerged {
            contact_id,
            loser_id,
            ..
        } => (vec![*contact_id, *loser_id], Vec::new()),
        Fact::ContactErased { account_ids, .. } => (Vec::new(), account_ids.clone()),
        _ => (Vec::new(), Vec::new()),
    }
}

/// All kinds of facts about a person that move colleagues of theirs.
pub(super) fn asked(catalogue: &Catalogue) -> Facts {
    let mut asked = Facts::default();
    for live in catalogue.of(SegmentSubject::Contact) {
        asked |= live.of_people;
    }
    asked
}

/// The segments whose members something at these accounts can have changed.
pub(super) fn asking<'c>(catalogue: &'c Catalogue, accounts: &Touched) -> Vec<&'c Live> {
    let mut happened = Facts::default();
    for touch in accounts.values() {
        happened |= touch.facts;
    }
    let live = catalogue.of(SegmentSubject::Contact);
    live.filter(|live| live.of_people.meets(happened)).collect()
}

/// Adds to `routed` the people of `accounts` who come into one of `segments` or leave it, all of them
/// held. Gives back segments for which they are too many.
pub(super) async fn spread(
    tx: &mut Tx<'_>,
    segments: &[&Live],
    accounts: &Touched,
    routed: &mut Routed,
) -> Result<Vec<Anew>> {
    let mut anew = Vec::new();
    if segments.is_empty() {
        return Ok(anew);
    }
    let moment = evaluate::moment(tx.connection(), tx.workspace, tx.now).await?;
    for live in segments {
        let concerned: Vec<Uuid> = accounts
            .iter()
            .filter(|(_, touch)| touch.facts.meets(live.of_people))
            .map(|(id, _)| *id)
            .collect();
        let Some(moving) = moving(tx, &moment, live, concerned).await? else {
            aside::tell(tx, &[*live]).await?;
            continue;
        };
        let is_full = moving.len() > MOST;
        let mut last = 0;
        for (person, account) in moving.into_iter().take(MOST) {
            let touch = &accounts[&account];
            let at = touch.cause(live.of_people).unwrap_or_default();
            last = last.max(at);
            let facts = touch.facts.as_seen_beside();
            routed.contacts.entry(person).or_default().add(facts, at);
        }
        if is_full {
            let id = std::iter::once(live.id);
            anew.push(Anew::of(SegmentSubject::Contact, id, last));
        }
    }
    Ok(anew)
}

/// What has to change about `people`, whatever happened to them, in a held segment of contacts that asks about
/// the people of their accounts: what is asked of everybody at an account is not put together anew for each
/// of them.
pub(super) async fn differences(
    tx: &mut Tx<'_>,
    live: &Live,
    is_news: bool,
    people: &[Uuid],
    cause: impl Fn(&Live, Uuid) -> Cause,
) -> Result<Vec<Moved>> {
    let mut moves = Vec::new();
    for (live, people) in apart(tx, live, people).await? {
        let (segment, touched) = ([(&live, is_news)], evaluate::looked_at(&people));
        let subject = SegmentSubject::Contact;
        let found = evaluate::differences(tx, subject, &segment, &touched, &cause).await?;
        moves.extend(found);
    }
    Ok(moves)
}

/// The segment for `people`: with the parts that ask about the people of their accounts answered, once for
/// each account. Who is at none, or at one of which the database cannot say, is asked as it is.
async fn apart(tx: &Tx<'_>, live: &Live, people: &[Uuid]) -> Result<Vec<(Live, Vec<Uuid>)>> {
    let rows = Query::new(
        "SELECT c.account_id, c.id FROM {r} CROSS JOIN contact AS c
         WHERE c.workspace_id = $1 AND c.id = r.id AND c.account_id IS NOT NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", people.iter().copied()))
    .raw(tx.connection())
    .await?;
    let mut at: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    let mut rest: BTreeSet<Uuid> = people.iter().copied().collect();
    for row in rows {
        at.entry(row.try_get_by_index(0)?)
            .or_default()
            .push(row.try_get_by_index(1)?);
    }
    let mut parts = Vec::new();
    let moment = evaluate::moment(tx.connection(), tx.workspace, tx.now).await?;
    let accounts: Vec<Uuid> = at.keys().copied().collect();
    let answers = answers(tx, &moment, live, accounts).await?;
    for (answers, accounts) in answers.unwrap_or_default() {
        let mut answers = answers.bytes().map(|bit| bit == b'1');
        let condition = live.condition.given(&mut answers);
        let there = accounts.iter().filter_map(|account| at.remove(account));
        let there: Vec<Uuid> = there.flatten().collect();
        for person in &there {
            rest.remove(person);
        }
        let answered = Live {
            condition,
            ..live.clone()
        };
        parts.push((answered, there));
    }
    parts.push((live.clone(), rest.into_iter().collect()));
    Ok(parts)
}

/// Who at `accounts` is not where the condition of the segment says, each with the account, some more than
/// [`MOST`]; nothing where the database cannot judge it.
async fn moving(
    tx: &Tx<'_>,
    moment: &Moment,
    live: &Live,
    accounts: Vec<Uuid>,
) -> Result<Option<Vec<(Uuid, Uuid)>>> {
    let Some(answers) = answers(tx, moment, live, accounts).await? else {
        return Ok(None);
    };
    let mut moving = Vec::new();
    for (answers, accounts) in answers {
        let left = live
            .condition
            .given(&mut answers.bytes().map(|bit| bit == b'1'));
        let backend = tx.connection().get_database_backend();
        let mut query = Query::new("SELECT c.id, c.account_id FROM {r} CROSS JOIN contact AS c")
            .bind(tx.workspace)
            .bind(live.id);
        let subject = SegmentSubject::Contact;
        let holds = evaluate::predicate(&mut query, &left, subject, backend, moment);
        let rest = (MOST + 1).saturating_sub(moving.len());
        query.push(&format!(
            " WHERE c.workspace_id = $1 AND c.account_id = r.id AND c.merged_into_id IS NULL
               AND CASE WHEN {holds} THEN 1 ELSE 0 END
                <> CASE WHEN EXISTS (SELECT 1 FROM segment_member m WHERE m.workspace_id = $1
                      AND m.segment_id = $2 AND m.subject_id = c.id) THEN 1 ELSE 0 END
             LIMIT {rest}"
        ));
        let query = query.rows("r", Rows::new().uuids("id", accounts));
        let Some(rows) = attempt(tx.connection(), query).await? else {
            return Ok(None);
        };
        for row in rows {
            moving.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        }
    }
    Ok(Some(moving))
}

/// The accounts by what they answer to the parts of the segment's condition that ask about them: `1` and
/// `0`, in the order of these parts.
async fn answers(
    tx: &Tx<'_>,
    moment: &Moment,
    live: &Live,
    accounts: Vec<Uuid>,
) -> Result<Option<BTreeMap<String, Vec<Uuid>>>> {
    let backend = tx.connection().get_database_backend();
    let mut query = Query::new("SELECT a.id, ").bind(tx.workspace);
    for (place, leaf) in live.condition.on_people().into_iter().enumerate() {
        let joint = if place == 0 { "" } else { " || " };
        let holds = of_account(&mut query, backend, moment, leaf);
        query.push(&format!("{joint}CASE WHEN {holds} THEN '1' ELSE '0' END"));
    }
    query.push(" FROM {r} JOIN account a ON a.workspace_id = $1 AND a.id = r.id");
    let query = query.rows("r", Rows::new().uuids("id", accounts));
    let Some(rows) = attempt(tx.connection(), query).await? else {
        return Ok(None);
    };
    let mut answers: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for row in rows {
        let said: String = row.try_get_by_index(1)?;
        answers
            .entry(said)
            .or_default()
            .push(row.try_get_by_index(0)?);
    }
    Ok(Some(answers))
}

fn of_account(
    query: &mut Query,
    backend: DatabaseBackend,
    moment: &Moment,
    leaf: &Condition,
) -> String {
    sql::predicate(query, backend, moment, leaf, SubjectKind::Account, "a")
}

/// The accounts of the people in `figures` and those that were left, with what happened there.
pub(super) fn at_accounts(
    figures: &Touched,
    left: &Touched,
    account_of: &HashMap<Uuid, Uuid>,
) -> Touched {
    let mut accounts = left.clone();
    for (person, touch) in figures {
        if let Some(account) = account_of.get(person) {
            let account = accounts.entry(*account).or_default();
            for (facts, at) in &touch.entries {
                account.add(*facts, *at);
            }
        }
    }
    for touch in accounts.values_mut() {
        touch.entries.sort_by_key(|(_, at)| *at);
    }
    accounts
}
