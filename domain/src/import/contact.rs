//! What becomes of a batch of lines that are contacts, and the writing of it.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    account, contact,
    id::{ContactId, Id as _},
    kind::{IdentityKind, ImportField, ImportPolicy, TagTarget},
};
use uuid::Uuid;

use super::{
    around::Around,
    carried::Carried,
    cell::{Line, Problem, Values},
    company::{Companies, find_companies},
    contact_row::{Work, change, create},
    seen::{Seen, count_new, key},
    shared::{Fate, Job, Taken, uuids},
    wish::{self, Wishes},
};
use crate::{
    access::Origin,
    account::bulk as accounts,
    attribute::many,
    contact::{
        arrival,
        bulk::{self, Key},
    },
    ctx::Ctx,
    error::{Result, UserErrorCode},
    store::Tx,
};

/// The ways a line's contact is recognised, each with what it is remembered by.
pub(super) fn keys(values: &Values) -> Vec<(Key, Uuid)> {
    let email = values.email.as_ref().map(ToString::to_string);
    [
        (IdentityKind::Email, email),
        (IdentityKind::Phone, values.phone.clone()),
        (IdentityKind::ExternalId, values.external_id.clone()),
    ]
    .into_iter()
    .filter_map(|(kind, value)| {
        let value = value?;
        let hash = key(kind.word(), &value);
        Some(((kind, value), hash))
    })
    .collect()
}

fn field(kind: IdentityKind) -> ImportField {
    match kind {
        IdentityKind::Email => ImportField::Email,
        IdentityKind::Phone => ImportField::Phone,
        _ => ImportField::ExternalId,
    }
}

/// Takes in a batch, or in a dry run says what it would do.
pub(super) async fn take_in(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    job: Job<'_>,
    lines: Vec<Line>,
) -> Result<Taken> {
    let all: Vec<Key> = {
        let each = lines.iter().flat_map(|line| &line.keys);
        let unique: BTreeSet<&Key> = each.map(|(key, _)| key).collect();
        unique.into_iter().cloned().collect()
    };
    let known = bulk::find(tx, &all).await?;
    let unknown: Vec<Key> = all
        .iter()
        .filter(|key| !known.contains_key(*key))
        .cloned()
        .collect();
    let erased = bulk::erased(tx, &unknown).await?;
    let people: BTreeSet<ContactId> = known.values().copied().collect();
    let existing = bulk::hold(tx, &people).await?;
    let wishes = Wishes::load(tx, job, &people).await?;
    let ids = uuids(existing.keys().copied());
    let carried = Carried::load(tx, job, &ids).await?;
    let mut around = Around::load(tx, job, &lines).await?;
    let mut companies = find_companies(tx, &lines).await?;
    let hashes: Vec<Uuid> = {
        let each = lines.iter().flat_map(|line| &line.keys);
        let hashes = each.map(|(_, hash)| *hash);
        hashes
            .chain(people.iter().map(|id| job.person(*id)))
            .collect()
    };
    let mut seen = Seen::load(tx, job.operation, hashes).await?;
    let mut work = Work::default();
    let mut taken = Taken::default();
    for mut line in lines {
        let fate = decide(
            ctx,
            tx,
            job,
            &mut line,
            &Known {
                holders: &known,
                erased: &erased,
                existing: &existing,
                wishes: &wishes,
                carried: &carried,
            },
            &mut around,
            &mut companies,
            &mut seen,
            &mut work,
        );
        taken.lines.push(fate.told(line));
    }
    seen.keep(tx, job.operation).await?;
    let new_accounts: Vec<account::Model> = companies
        .used
        .iter()
        .filter(|id| companies.imagined.contains(id))
        .filter_map(|id| companies.found.by_id.get(id).cloned())
        .collect();
    if job.dry_run {
        taken.made = around.make(tx).await?;
        let names = new_accounts.iter().map(|account| {
            let domain = account.domain.as_deref().unwrap_or_default();
            let id = account.external_id.as_deref().unwrap_or_default();
            key(
                "new account",
                &format!("{}\0{domain}\0{id}", account.name_key),
            )
        });
        taken.made.accounts = count_new(tx, job.operation, names.collect()).await?;
        return Ok(taken);
    }
    let reason = &job.request.reason;
    accounts::make(tx, Origin::Import, reason, &new_accounts).await?;
    taken.made = around.make(tx).await?;
    taken.made.accounts = new_accounts.len() as i64;
    bulk::make(tx, Origin::Import, reason, &work.made, &work.keys_of_made).await?;
    bulk::change(
        tx,
        Origin::Import,
        reason,
        &work.changed,
        &work.keys_of_changed,
    )
    .await?;
    wish::write(tx, reason, work.wishes).await?;
    many::put(tx, Origin::Import, &work.attributes).await?;
    let target = TagTarget::Contact;
    around
        .tag(ctx, tx, target, &work.first_tags, &work.tags)
        .await?;
    Ok(taken)
}

/// What is known of the people of a batch.
struct Known<'a> {
    holders: &'a HashMap<Key, ContactId>,
    erased: &'a HashSet<Key>,
    existing: &'a HashMap<ContactId, contact::Model>,
    wishes: &'a Wishes,
    carried: &'a Carried,
}

/// Said of a line that says nothing else than that somebody wants what they ended by themselves.
const STAYS_UNSUBSCRIBED: &str = "This person unsubscribed by themselves, complained or cannot be reached, \
                                  and a file does not take that back. Nothing else differs.";

#[expect(
    clippy::too_many_arguments,
    reason = "one line against everything that was looked up for the batch"
)]
fn decide(
    ctx: &Ctx,
    tx: &Tx<'_>,
    job: Job<'_>,
    line: &mut Line,
    known: &Known<'_>,
    around: &mut Around<'_>,
    companies: &mut Companies,
    seen: &mut Seen,
    work: &mut Work,
) -> Fate {
    if !line.problems.is_empty() {
        return Fate::Error;
    }
    let keys = std::mem::take(&mut line.keys);
    let person = person(job, &keys, known, &mut line.problems);
    let worn = known.carried.worn(person.map(|id| id.0));
    let resolved = around.resolve(ctx, &line.values, worn, &mut line.problems);
    check_arrival(job, tx.now, line);
    let named = &line.values.account;
    let account = if named.is_empty() {
        None
    } else {
        let account = companies.resolve(ctx, tx.workspace, job, named, tx.now);
        account.map_err(|problem| line.problems.push(problem)).ok()
    };
    if !line.problems.is_empty() {
        return Fate::Error;
    }
    let hashes = keys.iter().map(|(_, hash)| *hash);
    let theirs = hashes.clone().chain(person.map(|id| job.person(id)));
    if let Err(earlier) = seen.meet(theirs, line.line) {
        let message = format!(
            "Line {earlier} is the same person. Only the first line of each person is taken in."
        );
        let problem = Problem::of_line(UserErrorCode::Taken, message);
        line.problems.push(problem);
        return Fate::Error;
    }
    let before = person.and_then(|id| known.existing.get(&id));
    let Some(before) = before else {
        if job.dry_run {
            seen.remember(hashes, line.line);
        }
        let made = create(ctx, tx, line, keys, &resolved, account, companies, work);
        if !job.dry_run {
            seen.remember([job.person(made)], line.line);
        }
        around.uses(resolved.campaign, &resolved.tags);
        return Fate::Create;
    };
    // Later lines find the person by what they have, and the line by the person.
    let other = keys
        .iter()
        .filter(|(key, _)| !known.holders.contains_key(key));
    let other = other.map(|(_, hash)| *hash);
    seen.remember(other.chain([job.person(before.id)]), line.line);
    let policy = job.request.policy;
    if policy == ImportPolicy::Skip {
        return Fate::Skip("This person is there already.");
    }
    let (after, mut changes) = change(policy, before, &line.values, &resolved, account);
    let attributes = known
        .carried
        .changes(policy, before.id.into(), Some(before.id), &line.values);
    let tags = known.carried.missing(
        policy,
        before.id.uuid(),
        around.tags.as_ref(),
        &resolved.tags,
    );
    let wishes = &line.values.subscriptions;
    let wishes = known.wishes.news(policy, before.id, wishes);
    // Also one that is not the main one from now on.
    let claimed: Vec<Key> = keys
        .into_iter()
        .map(|(key, _)| key)
        .filter(|key| {
            !known.holders.contains_key(key)
                && (policy == ImportPolicy::Update || changes.contains(&field(key.0)))
        })
        .collect();
    let is_row_changed = !changes.is_empty();
    if !attributes.is_empty() {
        changes.push(ImportField::Attribute);
    }
    if !tags.is_empty() {
        changes.push(ImportField::Tags);
    }
    if !wishes.states.is_empty() {
        changes.push(ImportField::Subscriptions);
    }
    if changes.is_empty() && wishes.is_kept {
        return Fate::Skip(STAYS_UNSUBSCRIBED);
    }
    if changes.is_empty() {
        return Fate::Skip("Nothing differs from what is there.");
    }
    if is_row_changed {
        companies.used.extend(after.account_id);
        around.uses(after.source_campaign_id, &[]);
        let claimed = claimed.into_iter().map(|key| (key, before.id));
        work.keys_of_changed.extend(claimed);
        work.changed.push((before.clone(), after));
    }
    around.uses(None, &tags);
    let wishes = wishes.states.into_iter();
    work.wishes.extend(wishes.map(|new| (before.id, new)));
    work.attributes.extend(attributes);
    let tags = tags.into_iter().map(|tag| (before.id.uuid(), tag));
    work.tags.extend(tags);
    Fate::Update(changes)
}

/// Brings the moment a line's contact came in to the form in which it is kept, or notes why nobody can
/// have come in then.
fn check_arrival(job: Job<'_>, now: DateTime<Utc>, line: &mut Line) {
    let Some(at) = line.values.arrived_at else {
        return;
    };
    match arrival::check(at, now, &[]) {
        Ok(at) => line.values.arrived_at = Some(at),
        Err(error) => {
            let problem = job.problem(ImportField::ArrivedAt, error.code, error.message);
            line.problems.push(problem);
        }
    }
}

/// Who the line is about, if they are there already.
fn person(
    job: Job<'_>,
    keys: &[(Key, Uuid)],
    known: &Known<'_>,
    problems: &mut Vec<Problem>,
) -> Option<ContactId> {
    if keys.is_empty() {
        let message = "Give an email address, a phone number or an external id: without one, this \
                       person could not be recognised.";
        problems.push(Problem::of_line(UserErrorCode::Required, message));
    }
    let mut people: Vec<ContactId> = Vec::new();
    for (key, _) in keys {
        match known.holders.get(key) {
            Some(id) if !people.contains(id) => people.push(*id),
            None if known.erased.contains(key) => {
                let message =
                    "This person asked to be erased, so nothing is kept of them. Leave them out.";
                problems.push(job.problem(field(key.0), UserErrorCode::Erased, message));
            }
            _ => {}
        }
    }
    if people.len() > 1 {
        let message = "This line names two different contacts. Merge them first, or correct it.";
        problems.push(Problem::of_line(UserErrorCode::Contradictory, message));
    }
    people.first().copied()
}
