//! What becomes of a batch of lines that are contacts, and the writing of it.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    contact,
    id::{AccountId, ContactId, Id as _},
    kind::{IdentityKind, ImportField, ImportPolicy, TagTarget},
};
use uuid::Uuid;

use super::{
    around::{Around, Resolved},
    carried::{Carried, given},
    cell::{Line, Problem, Values},
    company::{Companies, find_companies},
    contact_row::{change, new_row},
    seen::{Seen, count_new, key},
    shared::{Fate, Job, Made, Taken, uuids},
    wish::{self, Wishes},
};
use crate::{
    access::Origin,
    account::bulk as accounts,
    attribute::many::{self, Given},
    contact::{
        arrival,
        bulk::{self, Key},
        subscription::NewState,
    },
    ctx::Ctx,
    error::{Result, UserErrorCode},
    store::Tx,
    subject::Subject,
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
    let known = Known::load(tx, job, &lines).await?;
    let mut batch = Batch::load(tx, &known, &lines).await?;
    let mut taken = Taken::default();
    for mut line in lines {
        let fate = batch.decide(ctx, tx, &known, &mut line);
        taken.lines.push(fate.told(line));
    }
    taken.made = batch.write(ctx, tx, job).await?;
    Ok(taken)
}

/// What is known of the people of a batch before its first line is decided.
struct Known<'a> {
    job: Job<'a>,
    holders: HashMap<Key, ContactId>,
    erased: HashSet<Key>,
    existing: HashMap<ContactId, contact::Model>,
    wishes: Wishes,
    carried: Carried,
}

impl<'a> Known<'a> {
    async fn load(tx: &Tx<'_>, job: Job<'a>, lines: &[Line]) -> Result<Self> {
        let all: Vec<Key> = {
            let each = lines.iter().flat_map(|line| &line.keys);
            let unique: BTreeSet<&Key> = each.map(|(key, _)| key).collect();
            unique.into_iter().cloned().collect()
        };
        let holders = bulk::find(tx, &all).await?;
        let unknown: Vec<Key> = all
            .iter()
            .filter(|key| !holders.contains_key(*key))
            .cloned()
            .collect();
        let erased = bulk::erased(tx, &unknown).await?;
        let people: BTreeSet<ContactId> = holders.values().copied().collect();
        let existing = bulk::hold(tx, &people).await?;
        let wishes = Wishes::load(tx, job, &people).await?;
        let ids = uuids(existing.keys().copied());
        let carried = Carried::load(tx, job, &ids).await?;
        Ok(Self {
            job,
            holders,
            erased,
            existing,
            wishes,
            carried,
        })
    }

    /// Who the line is about, if they are there already.
    fn person(&self, keys: &[(Key, Uuid)], problems: &mut Vec<Problem>) -> Option<ContactId> {
        if keys.is_empty() {
            let message = "Give an email address, a phone number or an external id: without one, this \
                           person could not be recognised.";
            problems.push(Problem::of_line(UserErrorCode::Required, message));
        }
        let mut people: Vec<ContactId> = Vec::new();
        for (key, _) in keys {
            match self.holders.get(key) {
                Some(id) if !people.contains(id) => people.push(*id),
                None if self.erased.contains(key) => {
                    let message = "This person asked to be erased, so nothing is kept of them. \
                                   Leave them out.";
                    let code = UserErrorCode::Erased;
                    problems.push(self.job.problem(field(key.0), code, message));
                }
                _ => {}
            }
        }
        if people.len() > 1 {
            let message =
                "This line names two different contacts. Merge them first, or correct it.";
            problems.push(Problem::of_line(UserErrorCode::Contradictory, message));
        }
        people.first().copied()
    }
}

/// What is to be written.
#[derive(Default)]
struct Work {
    made: Vec<contact::Model>,
    changed: Vec<(contact::Model, contact::Model)>,
    keys_of_made: Vec<(Key, ContactId)>,
    keys_of_changed: Vec<(Key, ContactId)>,
    wishes: Vec<(ContactId, NewState)>,
    attributes: Vec<Given>,
    /// The tags of those who are made, and of the others.
    first_tags: Vec<(Uuid, usize)>,
    tags: Vec<(Uuid, usize)>,
}

/// What a line without problems asks for, with all that it names found or about to be made.
struct Wanted<'l> {
    line: i64,
    values: &'l Values,
    keys: Vec<(Key, Uuid)>,
    resolved: Resolved,
    account: Option<AccountId>,
}

/// What the lines of a batch name and ask for, as far as they are decided.
struct Batch<'a> {
    around: Around<'a>,
    companies: Companies,
    seen: Seen,
    work: Work,
}

impl<'a> Batch<'a> {
    async fn load(tx: &Tx<'_>, known: &Known<'a>, lines: &[Line]) -> Result<Self> {
        let job = known.job;
        let around = Around::load(tx, job, lines).await?;
        let companies = find_companies(tx, lines).await?;
        let hashes: Vec<Uuid> = {
            let each = lines.iter().flat_map(|line| &line.keys);
            let hashes = each.map(|(_, hash)| *hash);
            let people: BTreeSet<ContactId> = known.holders.values().copied().collect();
            hashes
                .chain(people.into_iter().map(|id| job.person(id)))
                .collect()
        };
        Ok(Self {
            around,
            companies,
            seen: Seen::load(tx, job.operation, hashes).await?,
            work: Work::default(),
        })
    }

    /// What becomes of a line; what is to be written of it is noted.
    fn decide(&mut self, ctx: &Ctx, tx: &Tx<'_>, known: &Known<'_>, line: &mut Line) -> Fate {
        if !line.problems.is_empty() {
            return Fate::Error;
        }
        let job = known.job;
        let keys = std::mem::take(&mut line.keys);
        let person = known.person(&keys, &mut line.problems);
        let worn = known.carried.worn(person.map(|id| id.0));
        let resolved = self
            .around
            .resolve(ctx, &line.values, worn, &mut line.problems);
        check_arrival(job, tx.now, line);
        let named = &line.values.account;
        let account = if named.is_empty() {
            None
        } else {
            let account = self
                .companies
                .resolve(ctx, tx.workspace, job, named, tx.now);
            account.map_err(|problem| line.problems.push(problem)).ok()
        };
        if !line.problems.is_empty() {
            return Fate::Error;
        }
        let hashes = keys.iter().map(|(_, hash)| *hash);
        let theirs = hashes.chain(person.map(|id| job.person(id)));
        if let Err(earlier) = self.seen.meet(theirs, line.line) {
            line.problems.push(Problem::repeats(earlier, "person"));
            return Fate::Error;
        }
        let wanted = Wanted {
            line: line.line,
            values: &line.values,
            keys,
            resolved,
            account,
        };
        match person.and_then(|id| known.existing.get(&id)) {
            Some(before) => self.change(known, before, wanted),
            None => self.create(ctx, tx, job, wanted),
        }
    }

    fn create(&mut self, ctx: &Ctx, tx: &Tx<'_>, job: Job<'_>, wanted: Wanted<'_>) -> Fate {
        let Wanted {
            line,
            values,
            keys,
            resolved,
            account,
        } = wanted;
        let id: ContactId = ctx.id();
        if job.dry_run {
            self.seen.remember(keys.iter().map(|(_, hash)| *hash), line);
        } else {
            self.seen.remember([job.person(id)], line);
        }
        let by_domain = || self.companies.of_address(values.email.as_ref()?);
        let account = account.or_else(by_domain);
        self.companies.used.extend(account);
        self.around.uses(resolved.campaign, &resolved.tags);
        let work = &mut self.work;
        work.made.push(new_row(tx, id, values, &resolved, account));
        work.keys_of_made
            .extend(keys.into_iter().map(|(key, _)| (key, id)));
        let wishes = values.subscriptions.iter().cloned();
        work.wishes.extend(wishes.map(|new| (id, new)));
        work.attributes
            .extend(given(Subject::from(id), Some(id), values));
        work.first_tags
            .extend(resolved.tags.iter().map(|&tag| (id.uuid(), tag)));
        Fate::Create
    }

    fn change(&mut self, known: &Known<'_>, before: &contact::Model, wanted: Wanted<'_>) -> Fate {
        let Wanted {
            line,
            values,
            keys,
            resolved,
            account,
        } = wanted;
        let id = before.id;
        // Later lines find the person by what they have, and the line by the person.
        let other = keys
            .iter()
            .filter(|(key, _)| !known.holders.contains_key(key));
        let other = other.map(|(_, hash)| *hash);
        self.seen
            .remember(other.chain([known.job.person(id)]), line);
        let policy = known.job.request.policy;
        if policy == ImportPolicy::Skip {
            return Fate::Skip("This person is there already.");
        }
        let (after, mut changes) = change(policy, before, values, &resolved, account);
        let carried = &known.carried;
        let attributes = carried.changes(policy, id.into(), Some(id), values);
        let named = self.around.tags.as_ref();
        let tags = carried.missing(policy, id.uuid(), named, &resolved.tags);
        let wishes = known.wishes.news(policy, id, &values.subscriptions);
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
        let work = &mut self.work;
        if is_row_changed {
            self.companies.used.extend(after.account_id);
            self.around.uses(after.source_campaign_id, &[]);
            let claimed = claimed.into_iter().map(|key| (key, id));
            work.keys_of_changed.extend(claimed);
            work.changed.push((before.clone(), after));
        }
        self.around.uses(None, &tags);
        let wishes = wishes.states.into_iter();
        work.wishes.extend(wishes.map(|new| (id, new)));
        work.attributes.extend(attributes);
        let tags = tags.into_iter().map(|tag| (id.uuid(), tag));
        work.tags.extend(tags);
        Fate::Update(changes)
    }

    /// Writes what was noted, or in a dry run counts it; says what was made besides the contacts.
    async fn write(mut self, ctx: &Ctx, tx: &mut Tx<'_>, job: Job<'_>) -> Result<Made> {
        self.seen.keep(tx, job.operation).await?;
        let new_accounts = self.companies.made();
        if job.dry_run {
            let mut made = self.around.make(tx).await?;
            let names = new_accounts.iter().map(|account| {
                let domain = account.domain.as_deref().unwrap_or_default();
                let id = account.external_id.as_deref().unwrap_or_default();
                let name = format!("{}\0{domain}\0{id}", account.name_key);
                key("new account", &name)
            });
            made.accounts = count_new(tx, job.operation, names.collect()).await?;
            return Ok(made);
        }
        let (origin, reason) = (Origin::Import, &job.request.reason);
        accounts::make(tx, origin, reason, &new_accounts).await?;
        let mut made = self.around.make(tx).await?;
        made.accounts = new_accounts.len() as i64;
        let work = self.work;
        bulk::make(tx, origin, reason, &work.made, &work.keys_of_made).await?;
        bulk::change(tx, origin, reason, &work.changed, &work.keys_of_changed).await?;
        wish::write(tx, reason, work.wishes).await?;
        many::put(tx, origin, &work.attributes).await?;
        let target = TagTarget::Contact;
        self.around
            .tag(ctx, tx, target, &work.first_tags, &work.tags)
            .await?;
        Ok(made)
    }
}

/// Said of a line that says nothing else than that somebody wants what they ended by themselves.
const STAYS_UNSUBSCRIBED: &str = "This person unsubscribed by themselves, complained or cannot be reached, \
                                  and a file does not take that back. Nothing else differs.";

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
