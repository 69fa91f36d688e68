//! What becomes of a batch of lines that are accounts, and the writing of it.

use std::collections::{BTreeSet, HashMap};

use entity::{
    account,
    id::{AccountId, Id as _},
    kind::{ImportField, ImportPolicy, TagTarget},
};
use uuid::Uuid;

use super::{
    around::{Around, Resolved},
    carried::{Carried, given},
    cell::{Line, Problem, Values},
    seen::{Seen, key},
    shared::{Changes, Fate, Job, Taken, uuids},
};
use crate::{
    access::Origin,
    account::{
        bulk::{self, Found},
        new_row,
    },
    attribute::many::{self, Given},
    ctx::Ctx,
    error::{Result, UserErrorCode},
    stage,
    store::Tx,
    subject::Subject,
    text,
};

#[derive(Default)]
struct Work {
    made: Vec<account::Model>,
    changed: Vec<(account::Model, account::Model)>,
    attributes: Vec<Given>,
    /// The tags of those who are made, and of the others.
    first_tags: Vec<(Uuid, usize)>,
    tags: Vec<(Uuid, usize)>,
}

/// Takes in a batch, or in a dry run says what it would do.
pub(super) async fn take_in(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    job: Job<'_>,
    lines: Vec<Line>,
) -> Result<Taken> {
    let mut wanted = bulk::Wanted::default();
    for line in &lines {
        let values = &line.values;
        wanted.external_ids.extend(values.external_id.clone());
        wanted.domains.extend(values.domain.clone());
        if is_known_by_name(values) {
            wanted
                .name_keys
                .extend(values.name.as_deref().map(text::name_key));
        }
    }
    let found = bulk::find(tx, &wanted).await?;
    let ids: BTreeSet<AccountId> = found.by_id.keys().copied().collect();
    let existing = bulk::hold(tx, &ids).await?;
    let carried = Carried::load(tx, job, &uuids(ids.iter().copied())).await?;
    let mut around = Around::load(tx, job, &lines).await?;
    let hashes = lines.iter().flat_map(|line| hashes_of(&line.values));
    let hashes = hashes.chain(ids.iter().map(|id| key("account", &id.to_string())));
    let hashes: BTreeSet<Uuid> = hashes.collect();
    let mut seen = Seen::load(tx, job.operation, hashes).await?;
    let mut work = Work::default();
    let mut taken = Taken::default();
    let known = Known {
        found: &found,
        existing: &existing,
        carried: &carried,
    };
    for mut line in lines {
        let fate = decide(
            ctx,
            tx,
            job,
            &mut line,
            &known,
            &mut around,
            &mut seen,
            &mut work,
        );
        taken.lines.push(fate.told(line));
    }
    seen.keep(tx, job.operation).await?;
    taken.made = around.make(tx).await?;
    if job.dry_run {
        return Ok(taken);
    }
    let reason = &job.request.reason;
    bulk::make(tx, Origin::Import, reason, &work.made).await?;
    bulk::change(tx, Origin::Import, reason, &work.changed).await?;
    many::put(tx, Origin::Import, &work.attributes).await?;
    let target = TagTarget::Account;
    around
        .tag(ctx, tx, target, &work.first_tags, &work.tags)
        .await?;
    Ok(taken)
}

/// What is known of the accounts of a batch.
struct Known<'a> {
    found: &'a Found,
    existing: &'a HashMap<AccountId, account::Model>,
    carried: &'a Carried,
}

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
    seen: &mut Seen,
    work: &mut Work,
) -> Fate {
    if !line.problems.is_empty() {
        return Fate::Error;
    }
    let there = there(job, &line.values, known.found, &mut line.problems);
    let worn = known.carried.worn(there.map(|id| id.0));
    let resolved = around.resolve(ctx, &line.values, worn, &mut line.problems);
    if !line.problems.is_empty() {
        return Fate::Error;
    }
    let mut hashes = hashes_of(&line.values);
    hashes.extend(there.map(|id| key("account", &id.to_string())));
    if let Err(earlier) = seen.take(&hashes, line.line) {
        let message = format!(
            "Line {earlier} is the same account. Only the first line of each account is taken in."
        );
        let problem = Problem::of_line(UserErrorCode::Taken, message);
        line.problems.push(problem);
        return Fate::Error;
    }
    let Some(before) = there.and_then(|id| known.existing.get(&id)) else {
        return create(ctx, tx, &line.values, &resolved, around, work);
    };
    let values = of_its_own(known.found, &line.values);
    change(job, before, &values, &resolved, known.carried, around, work)
}

/// Names are not unique, so they only count where nothing better is given.
fn is_known_by_name(values: &Values) -> bool {
    values.external_id.is_none() && values.domain.is_none()
}

fn hashes_of(values: &Values) -> Vec<Uuid> {
    let mut hashes = Vec::new();
    hashes.extend(
        values
            .external_id
            .as_deref()
            .map(|id| key("account id", id)),
    );
    hashes.extend(
        values
            .domain
            .as_deref()
            .map(|one| key("account domain", one)),
    );
    if is_known_by_name(values) {
        let name = values.name.as_deref().map(text::name_key);
        hashes.extend(name.map(|name| key("account name", &name)));
    }
    hashes
}

/// The account the line is about, if it is there already.
fn there(
    job: Job<'_>,
    values: &Values,
    found: &Found,
    problems: &mut Vec<Problem>,
) -> Option<AccountId> {
    let by_id = values.external_id.as_ref();
    let by_id = by_id.and_then(|id| found.by_external_id.get(id)).copied();
    let by_domain = values.domain.as_ref();
    let by_domain = by_domain.and_then(|one| found.by_domain.get(one)).copied();
    if let (Some(one), Some(other)) = (by_id, by_domain)
        && one != other
    {
        let message = "The external id and the domain belong to two different accounts.";
        problems.push(Problem::of_line(UserErrorCode::Contradictory, message));
    }
    if is_known_by_name(values) {
        let Some(name) = &values.name else {
            let message = "Give a name, a domain or an external id: without one, this account \
                           could not be recognised.";
            problems.push(Problem::of_line(UserErrorCode::Required, message));
            return None;
        };
        return found.by_name.get(&text::name_key(name)).copied();
    }
    let there = by_id.or(by_domain);
    if there.is_none() && values.name.is_none() && values.domain.is_none() {
        let message = "Give a name.";
        problems.push(job.problem(ImportField::Name, UserErrorCode::Required, message));
    }
    there
}

/// The values without those that led to the account because one that was merged into it has them.
fn of_its_own(found: &Found, values: &Values) -> Values {
    let mut values = values.clone();
    let name = |name: &String| !found.is_led("name_key", &text::name_key(name));
    values.name = values.name.filter(name);
    values.domain = values.domain.filter(|one| !found.is_led("domain", one));
    let external_id = |id: &String| !found.is_led("external_id", id);
    values.external_id = values.external_id.filter(external_id);
    values
}

fn create(
    ctx: &Ctx,
    tx: &Tx<'_>,
    values: &Values,
    resolved: &Resolved,
    around: &mut Around<'_>,
    work: &mut Work,
) -> Fate {
    let id: AccountId = ctx.id();
    let name = values.name.as_ref().or(values.domain.as_ref());
    let name = name.cloned().unwrap_or_default();
    work.made.push(account::Model {
        domain: values.domain.clone(),
        external_id: values.external_id.clone(),
        owner_id: resolved.owner,
        stage: values.stage,
        stage_rank: stage::rank(values.stage),
        website: values.website.clone(),
        phone: values.phone.clone(),
        description: values.description.clone(),
        ..new_row(tx.workspace, id, name, tx.now)
    });
    around.uses(None, &resolved.tags);
    work.attributes
        .extend(given(Subject::from(id), None, values));
    work.first_tags
        .extend(resolved.tags.iter().map(|&tag| (id.uuid(), tag)));
    Fate::Create
}

fn change(
    job: Job<'_>,
    before: &account::Model,
    values: &Values,
    resolved: &Resolved,
    carried: &Carried,
    around: &mut Around<'_>,
    work: &mut Work,
) -> Fate {
    use ImportField as F;
    let policy = job.request.policy;
    if policy == ImportPolicy::Skip {
        return Fate::Skip("This account is there already.");
    }
    let mut after = before.clone();
    let mut c = Changes::new(policy);
    c.set_name(&mut after.name, &mut after.name_key, values.name.as_ref());
    c.set(F::Domain, &mut after.domain, values.domain.clone());
    let external_id = values.external_id.clone();
    c.set(F::ExternalId, &mut after.external_id, external_id);
    c.set(F::Website, &mut after.website, values.website.clone());
    c.set(F::Phone, &mut after.phone, values.phone.clone());
    let description = values.description.clone();
    c.set(F::Description, &mut after.description, description);
    if c.set(F::Stage, &mut after.stage, values.stage) {
        after.stage_rank = stage::rank(after.stage);
    }
    c.set(F::OwnerEmail, &mut after.owner_id, resolved.owner);
    let mut changes = c.fields;
    let is_row_changed = !changes.is_empty();
    let attributes = carried.changes(policy, before.id.into(), None, values);
    if !attributes.is_empty() {
        changes.push(F::Attribute);
    }
    let named = around.tags.as_ref();
    let tags = carried.missing(policy, before.id.uuid(), named, &resolved.tags);
    if !tags.is_empty() {
        changes.push(F::Tags);
    }
    if changes.is_empty() {
        return Fate::Skip("Nothing differs from what is there.");
    }
    around.uses(None, &tags);
    if is_row_changed {
        work.changed.push((before.clone(), after));
    }
    work.attributes.extend(attributes);
    let tags = tags.into_iter().map(|tag| (before.id.uuid(), tag));
    work.tags.extend(tags);
    Fate::Update(changes)
}
