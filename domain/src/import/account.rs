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
    shared::{Changes, Fate, Job, Made, Taken, uuids},
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

/// What is known of the accounts of a batch before its first line is decided.
struct Known<'a> {
    job: Job<'a>,
    found: Found,
    existing: HashMap<AccountId, account::Model>,
    carried: Carried,
}

impl<'a> Known<'a> {
    async fn load(tx: &Tx<'_>, job: Job<'a>, lines: &[Line]) -> Result<Self> {
        let mut wanted = bulk::Wanted::default();
        for line in lines {
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
        let carried = Carried::load(tx, job, &uuids(ids)).await?;
        Ok(Self {
            job,
            found,
            existing,
            carried,
        })
    }

    /// The account the line is about, if it is there already.
    fn there(&self, values: &Values, problems: &mut Vec<Problem>) -> Option<AccountId> {
        let found = &self.found;
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
            problems.push(
                self.job
                    .problem(ImportField::Name, UserErrorCode::Required, message),
            );
        }
        there
    }

    /// The values without those that led to the account because one that was merged into it has them.
    fn of_its_own(&self, values: &Values) -> Values {
        let found = &self.found;
        let mut values = values.clone();
        let name = |name: &String| !found.is_led("name_key", &text::name_key(name));
        values.name = values.name.filter(name);
        values.domain = values.domain.filter(|one| !found.is_led("domain", one));
        let external_id = |id: &String| !found.is_led("external_id", id);
        values.external_id = values.external_id.filter(external_id);
        values
    }
}

#[derive(Default)]
struct Work {
    made: Vec<account::Model>,
    changed: Vec<(account::Model, account::Model)>,
    attributes: Vec<Given>,
    /// The tags of those who are made, and of the others.
    first_tags: Vec<(Uuid, usize)>,
    tags: Vec<(Uuid, usize)>,
}

/// What the lines of a batch name and ask for, as far as they are decided.
struct Batch<'a> {
    around: Around<'a>,
    seen: Seen,
    work: Work,
}

impl<'a> Batch<'a> {
    async fn load(tx: &Tx<'_>, known: &Known<'a>, lines: &[Line]) -> Result<Self> {
        let job = known.job;
        let around = Around::load(tx, job, lines).await?;
        let hashes = lines.iter().flat_map(|line| hashes_of(&line.values));
        let ids = known.found.by_id.keys();
        let hashes = hashes.chain(ids.map(|id| key("account", &id.to_string())));
        let hashes: BTreeSet<Uuid> = hashes.collect();
        Ok(Self {
            around,
            seen: Seen::load(tx, job.operation, hashes).await?,
            work: Work::default(),
        })
    }

    /// What becomes of a line; what is to be written of it is noted.
    fn decide(&mut self, ctx: &Ctx, tx: &Tx<'_>, known: &Known<'_>, line: &mut Line) -> Fate {
        if !line.problems.is_empty() {
            return Fate::Error;
        }
        let there = known.there(&line.values, &mut line.problems);
        let worn = known.carried.worn(there.map(|id| id.0));
        let resolved = self
            .around
            .resolve(ctx, &line.values, worn, &mut line.problems);
        if !line.problems.is_empty() {
            return Fate::Error;
        }
        let mut hashes = hashes_of(&line.values);
        hashes.extend(there.map(|id| key("account", &id.to_string())));
        if let Err(earlier) = self.seen.take(&hashes, line.line) {
            line.problems.push(Problem::repeats(earlier, "account"));
            return Fate::Error;
        }
        match there.and_then(|id| known.existing.get(&id)) {
            Some(before) => {
                let values = known.of_its_own(&line.values);
                self.change(known, before, &values, &resolved)
            }
            None => self.create(ctx, tx, &line.values, &resolved),
        }
    }

    fn create(&mut self, ctx: &Ctx, tx: &Tx<'_>, values: &Values, resolved: &Resolved) -> Fate {
        let id: AccountId = ctx.id();
        let name = values.name.as_ref().or(values.domain.as_ref());
        let name = name.cloned().unwrap_or_default();
        let work = &mut self.work;
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
        self.around.uses(None, &resolved.tags);
        work.attributes
            .extend(given(Subject::from(id), None, values));
        work.first_tags
            .extend(resolved.tags.iter().map(|&tag| (id.uuid(), tag)));
        Fate::Create
    }

    fn change(
        &mut self,
        known: &Known<'_>,
        before: &account::Model,
        values: &Values,
        resolved: &Resolved,
    ) -> Fate {
        use ImportField as F;
        let policy = known.job.request.policy;
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
        let carried = &known.carried;
        let attributes = carried.changes(policy, before.id.into(), None, values);
        if !attributes.is_empty() {
            changes.push(F::Attribute);
        }
        let named = self.around.tags.as_ref();
        let tags = carried.missing(policy, before.id.uuid(), named, &resolved.tags);
        if !tags.is_empty() {
            changes.push(F::Tags);
        }
        if changes.is_empty() {
            return Fate::Skip("Nothing differs from what is there.");
        }
        self.around.uses(None, &tags);
        let work = &mut self.work;
        if is_row_changed {
            work.changed.push((before.clone(), after));
        }
        work.attributes.extend(attributes);
        let tags = tags.into_iter().map(|tag| (before.id.uuid(), tag));
        work.tags.extend(tags);
        Fate::Update(changes)
    }

    /// Writes what was noted, or in a dry run counts it; says what was made besides the accounts.
    async fn write(mut self, ctx: &Ctx, tx: &mut Tx<'_>, job: Job<'_>) -> Result<Made> {
        self.seen.keep(tx, job.operation).await?;
        let made = self.around.make(tx).await?;
        if job.dry_run {
            return Ok(made);
        }
        let (origin, reason) = (Origin::Import, &job.request.reason);
        let work = self.work;
        bulk::make(tx, origin, reason, &work.made).await?;
        bulk::change(tx, origin, reason, &work.changed).await?;
        many::put(tx, origin, &work.attributes).await?;
        let target = TagTarget::Account;
        self.around
            .tag(ctx, tx, target, &work.first_tags, &work.tags)
            .await?;
        Ok(made)
    }
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
