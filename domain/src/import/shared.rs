//! What contacts and accounts of a file have in common: owners, campaigns, tags, attributes, and the
//! keys by which an earlier line of the same file is recognised.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    attribute_value,
    id::{AttributeId, CampaignId, ContactId, MemberId, OperationId, TagGroupId, TagId},
    kind::{ImportCreation, ImportField, ImportPolicy, TagKind, TagTarget},
};
use sea_orm::FromQueryResult;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    MAX_NEW_TAGS, Request,
    cell::{Line, Problem, Values},
    line::{self, ImportLine},
};
use crate::{
    access::Origin,
    attribute::many::{self, Before, Given},
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx},
    subject::Subject,
    tag::{Named, Reason, Request as Tagging, path::Way, tagging},
};

/// What a batch is taken in for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) operation: OperationId,
    pub(super) request: &'a Request,
    pub(super) dry_run: bool,
    /// Tags the import has made before.
    pub(super) tags_made: usize,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) lines: Vec<ImportLine>,
    pub(super) made: Made,
}

/// What was made besides.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Made {
    pub(super) accounts: i64,
    pub(super) campaigns: i64,
    pub(super) tags: i64,
}

impl Job<'_> {
    pub(super) fn may(&self, what: ImportCreation) -> bool {
        self.request.create.contains(&what)
    }

    pub(super) fn has(&self, field: ImportField) -> bool {
        self.request.columns.iter().any(|one| one.field == field)
    }

    /// The key by which somebody who is there is remembered: no id that would name them to anybody else,
    /// but in the order of ids, because keys that come in order are cheap to keep.
    pub(super) fn person(&self, id: ContactId) -> Uuid {
        Uuid::from_u128(id.0.as_u128() ^ self.operation.0.as_u128())
    }

    /// A problem with what a field's column holds.
    pub(super) fn problem(
        &self,
        field: ImportField,
        code: UserErrorCode,
        message: impl Into<String>,
    ) -> Problem {
        let column = self.request.columns.iter().find(|one| one.field == field);
        Problem {
            column: column.and_then(|one| i32::try_from(one.column).ok()),
            field: Some(field),
            code: Some(code),
            message: message.into(),
        }
    }

    fn attributes(&self) -> Vec<AttributeId> {
        let columns = self.request.columns.iter();
        columns.filter_map(|one| one.attribute).collect()
    }
}

/// What a key of a file is remembered by.
pub(super) fn key(kind: &str, value: &str) -> Uuid {
    let digest = Sha256::new()
        .chain_update(kind)
        .chain_update([0])
        .chain_update(value)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    // Not all zero, which stands for nothing in the database's lists.
    bytes[0] |= 1;
    Uuid::from_bytes(bytes)
}

/// Which keys earlier lines had.
#[derive(Debug, Default)]
pub(super) struct Seen {
    known: HashMap<Uuid, i64>,
    new: Vec<(Uuid, i64)>,
}

impl Seen {
    pub(super) async fn load(
        tx: &Tx<'_>,
        operation: OperationId,
        keys: impl IntoIterator<Item = Uuid>,
    ) -> Result<Self> {
        Ok(Self {
            known: line::earlier(tx, operation, keys).await?,
            new: Vec::new(),
        })
    }

    /// The line that had one of `keys` before; if there is none, `line` has them from now on, as far as
    /// this batch goes.
    pub(super) fn meet(
        &mut self,
        keys: impl Iterator<Item = Uuid> + Clone,
        line: i64,
    ) -> Result<(), i64> {
        if let Some(earlier) = keys.clone().find_map(|key| self.known.get(&key)) {
            return Err(*earlier);
        }
        self.known.extend(keys.map(|key| (key, line)));
        Ok(())
    }

    /// Lets later batches know that `line` had `keys`.
    pub(super) fn remember(&mut self, keys: impl IntoIterator<Item = Uuid>, line: i64) {
        self.new.extend(keys.into_iter().map(|key| (key, line)));
    }

    /// Both at once.
    pub(super) fn take(&mut self, keys: &[Uuid], line: i64) -> Result<(), i64> {
        self.meet(keys.iter().copied(), line)?;
        self.remember(keys.iter().copied(), line);
        Ok(())
    }

    pub(super) async fn keep(&self, tx: &Tx<'_>, operation: OperationId) -> Result<()> {
        line::remember(tx, operation, &self.new).await
    }
}

/// Of things that would be made, how many no earlier step has counted.
pub(super) async fn count_new(
    tx: &Tx<'_>,
    operation: OperationId,
    keys: BTreeSet<Uuid>,
) -> Result<i64> {
    let mut seen = Seen::load(tx, operation, keys.iter().copied()).await?;
    let new = keys.iter().filter(|&&key| seen.take(&[key], 0).is_ok());
    let count = new.count() as i64;
    seen.keep(tx, operation).await?;
    Ok(count)
}

/// What a line names, found or about to be made.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolved {
    pub(super) owner: Option<MemberId>,
    pub(super) campaign: Option<CampaignId>,
    pub(super) brought_by: Option<MemberId>,
    pub(super) tags: Vec<usize>,
}

/// Members, campaigns and tags.
#[derive(Debug)]
pub(super) struct Around<'a> {
    job: Job<'a>,
    members: HashMap<String, MemberId>,
    campaigns: HashMap<String, CampaignId>,
    new_campaigns: BTreeMap<String, CampaignId>,
    used_campaigns: BTreeSet<CampaignId>,
    pub(super) tags: Option<Named>,
    used_tags: BTreeSet<usize>,
}

#[derive(FromQueryResult)]
struct Member {
    email: String,
    id: MemberId,
}

#[derive(FromQueryResult)]
struct Campaign {
    key: String,
    id: CampaignId,
}

impl<'a> Around<'a> {
    /// Looks up what the lines name, in a fixed number of statements.
    pub(super) async fn load(tx: &Tx<'_>, job: Job<'a>, lines: &[Line]) -> Result<Self> {
        let named: BTreeSet<&str> = lines
            .iter()
            .flat_map(|line| [&line.values.owner_email, &line.values.brought_by_email])
            .filter_map(|email| email.as_deref())
            .collect();
        let members: Vec<Member> = if named.is_empty() {
            Vec::new()
        } else {
            Query::new(
                "SELECT m.email, m.id FROM {r} JOIN member m
                   ON m.workspace_id = $1 AND m.email = r.email AND m.removed_at IS NULL",
            )
            .bind(tx.workspace)
            .rows("r", Rows::new().texts("email", named))
            .all(tx.connection())
            .await?
        };
        let named: BTreeSet<&str> = lines
            .iter()
            .filter_map(|line| line.values.campaign.as_deref())
            .collect();
        let campaigns: Vec<Campaign> = if named.is_empty() {
            Vec::new()
        } else {
            // By its external id before its name; the oldest of a name.
            Query::new(
                "SELECT r.key, c.id FROM {r} JOIN campaign c ON c.workspace_id = $1
                   AND (c.external_id = r.key OR c.name = r.key)
                 ORDER BY CASE WHEN c.external_id = r.key THEN 0 ELSE 1 END, c.id",
            )
            .bind(tx.workspace)
            .rows("r", Rows::new().texts("key", named))
            .all(tx.connection())
            .await?
        };
        let room = job
            .may(ImportCreation::Tags)
            .then(|| MAX_NEW_TAGS.saturating_sub(job.tags_made));
        let tags = if job.has(ImportField::Tags) {
            Some(Named::load(tx, TagKind::Contact, room).await?)
        } else {
            None
        };
        let mut by_key = HashMap::new();
        for campaign in campaigns {
            by_key.entry(campaign.key).or_insert(campaign.id);
        }
        Ok(Self {
            job,
            members: members.into_iter().map(|one| (one.email, one.id)).collect(),
            campaigns: by_key,
            new_campaigns: BTreeMap::new(),
            used_campaigns: BTreeSet::new(),
            tags,
            used_tags: BTreeSet::new(),
        })
    }

    /// What a line names; what is not there and may not be made is a problem.
    pub(super) fn resolve(
        &mut self,
        ctx: &Ctx,
        values: &Values,
        problems: &mut Vec<Problem>,
    ) -> Resolved {
        let mut resolved = Resolved::default();
        let (owner, bringer) = (&values.owner_email, &values.brought_by_email);
        resolved.owner = self.member(owner.as_deref(), ImportField::OwnerEmail, problems);
        resolved.brought_by =
            self.member(bringer.as_deref(), ImportField::BroughtByEmail, problems);
        if let Some(name) = &values.campaign {
            resolved.campaign = self.campaigns.get(name).copied();
            if resolved.campaign.is_none() {
                if self.job.may(ImportCreation::Campaigns) {
                    let id: CampaignId = ctx.id();
                    self.campaigns.insert(name.clone(), id);
                    self.new_campaigns.insert(name.clone(), id);
                    resolved.campaign = Some(id);
                } else {
                    let message = "There is no such campaign. Let the import make campaigns, or \
                                   correct it.";
                    let code = UserErrorCode::NotFound;
                    problems.push(self.job.problem(ImportField::SourceCampaign, code, message));
                }
            }
        }
        resolved.tags = self.resolve_tags(&values.tags, problems);
        resolved
    }

    /// The member with this address; that there is none is a problem of the field.
    fn member(
        &self,
        email: Option<&str>,
        field: ImportField,
        problems: &mut Vec<Problem>,
    ) -> Option<MemberId> {
        let found = self.members.get(email?);
        if found.is_none() {
            let message = "No member has this address. Add the member, or correct it.";
            let code = UserErrorCode::NotFound;
            problems.push(self.job.problem(field, code, message));
        }
        found.copied()
    }

    fn resolve_tags(&mut self, ways: &[Way], problems: &mut Vec<Problem>) -> Vec<usize> {
        let Some(named) = &mut self.tags else {
            return Vec::new();
        };
        let mut found: Vec<usize> = Vec::new();
        let mut groups: HashMap<TagGroupId, usize> = HashMap::new();
        for way in ways {
            match named.resolve(way) {
                Ok(tag) if found.contains(&tag) => {}
                Ok(tag) => {
                    if let Some(group) = named.single_group(tag)
                        && groups.insert(group, tag).is_some()
                    {
                        let message = "Two of these tags are values of a group that takes one. \
                                       Keep one.";
                        let code = UserErrorCode::Contradictory;
                        problems.push(self.job.problem(ImportField::Tags, code, message));
                    }
                    found.push(tag);
                }
                Err(error) => {
                    let problem = self
                        .job
                        .problem(ImportField::Tags, error.code, error.message);
                    problems.push(problem);
                }
            }
        }
        found
    }

    /// Notes what a line that is taken in really needs.
    pub(super) fn uses(&mut self, campaign: Option<CampaignId>, tags: &[usize]) {
        self.used_campaigns.extend(campaign);
        self.used_tags.extend(tags);
    }

    /// Makes what is used and not there, or in a dry run counts it.
    pub(super) async fn make(&mut self, tx: &mut Tx<'_>) -> Result<Made> {
        let campaigns: Vec<(&String, &CampaignId)> = self
            .new_campaigns
            .iter()
            .filter(|(_, id)| self.used_campaigns.contains(id))
            .collect();
        if self.job.dry_run {
            let names = campaigns.iter().map(|(name, _)| key("new campaign", name));
            let campaigns = count_new(tx, self.job.operation, names.collect()).await?;
            let missing = self.tags.as_ref().map(|tags| tags.missing(&self.used_tags));
            let paths = missing.iter().flatten();
            let paths = paths.map(|(_, path)| key("new tag", path)).collect();
            let tags = count_new(tx, self.job.operation, paths).await?;
            return Ok(Made {
                accounts: 0,
                campaigns,
                tags,
            });
        }
        if !campaigns.is_empty() {
            let rows = Rows::new()
                .ids("id", campaigns.iter().map(|(_, id)| **id))
                .texts("name", campaigns.iter().map(|(name, _)| name.as_str()));
            let made = Query::new(
                "INSERT INTO campaign (workspace_id, id, name, external_id, created_at)
                 SELECT $1, r.id, r.name, r.name, $2 FROM {r} WHERE true ON CONFLICT DO NOTHING",
            )
            .bind(tx.workspace)
            .bind(tx.now)
            .rows("r", rows)
            .execute(tx.connection())
            .await?;
            if usize::try_from(made).ok() != Some(campaigns.len()) {
                let message = "somebody else made a campaign meanwhile; it is looked at again";
                return Err(Error::Internal(message.to_owned()));
            }
        }
        let campaigns = campaigns.len() as i64;
        let tags = match &mut self.tags {
            Some(named) => named.make(tx, Origin::Import, &self.used_tags).await? as i64,
            None => 0,
        };
        Ok(Made {
            accounts: 0,
            campaigns,
            tags,
        })
    }

    /// Puts the tags on, told as thing and tag: on things that were just made, and on others.
    pub(super) async fn tag(
        &self,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
        target: TagTarget,
        first: &[(Uuid, usize)],
        more: &[(Uuid, usize)],
    ) -> Result<()> {
        let Some(named) = &self.tags else {
            return Ok(());
        };
        let asked = |wanted: &[(Uuid, usize)]| -> Vec<Tagging> {
            let each = wanted.iter().filter_map(|&(target_id, place)| {
                Some(Tagging {
                    target,
                    target_id,
                    tag: named.id(place)?,
                })
            });
            each.collect()
        };
        let (first, more) = (asked(first), asked(more));
        if first.is_empty() && more.is_empty() {
            return Ok(());
        }
        let each = first.iter().chain(&more);
        let tags: BTreeSet<TagId> = each.map(|one| one.tag).collect();
        if !tagging::hold_usable(tx, &tags).await? {
            let message = "a tag was archived or deleted meanwhile; it is looked at again";
            return Err(Error::Internal(message.to_owned()));
        }
        let reason = Reason {
            origin: Origin::Import,
            text: self.job.request.reason.clone(),
            cause: None,
        };
        if more.is_empty() {
            tagging::add_first(ctx, tx, &reason, &first).await?;
        } else {
            // All of them at once: two who write counters in one order never wait in a circle.
            let all = [first, more].concat();
            tagging::add(ctx, tx, &reason, &all).await?;
        }
        Ok(())
    }
}

/// What things that are there already carry.
#[derive(Debug, Default)]
pub(super) struct Carried {
    attributes: HashMap<(Uuid, AttributeId), attribute_value::Model>,
    taggings: HashMap<Uuid, Vec<tagging::Worn>>,
}

impl Carried {
    pub(super) async fn load(tx: &Tx<'_>, job: Job<'_>, ids: &[Uuid]) -> Result<Self> {
        let attributes = many::current(tx, ids, &job.attributes()).await?;
        let taggings = if job.has(ImportField::Tags) {
            tagging::worn(tx, ids).await?
        } else {
            HashMap::new()
        };
        Ok(Self {
            attributes,
            taggings,
        })
    }

    /// The values of a line that change something about a thing that is there.
    pub(super) fn changes(
        &self,
        policy: ImportPolicy,
        subject: Subject,
        contact: Option<ContactId>,
        values: &Values,
    ) -> Vec<Given> {
        let changes = values.attributes.iter().filter_map(|(attribute, value)| {
            let before = self.attributes.get(&(subject.id, *attribute));
            let stays = before
                .is_some_and(|row| policy == ImportPolicy::FillEmpty || many::is_same(row, value));
            (!stays).then(|| Given {
                subject,
                contact,
                attribute: *attribute,
                value: value.clone(),
                before: Some(Before(before.cloned())),
            })
        });
        changes.collect()
    }

    /// The tags of a line that a thing that is there does not carry.
    pub(super) fn missing(
        &self,
        policy: ImportPolicy,
        id: Uuid,
        named: Option<&Named>,
        tags: &[usize],
    ) -> Vec<usize> {
        let Some(named) = named else {
            return Vec::new();
        };
        let carried = self.taggings.get(&id).map(Vec::as_slice);
        let carried = carried.unwrap_or_default();
        let is_missing = |&&tag: &&usize| {
            let id = named.id(tag);
            let has = carried
                .iter()
                .any(|one| Some(one.tag_id) == id && !one.automatic);
            let group = named.single_group(tag);
            let has_other = policy == ImportPolicy::FillEmpty
                && group.is_some()
                && carried.iter().any(|one| one.single_group_id == group);
            !has && !has_other
        };
        tags.iter().filter(is_missing).copied().collect()
    }
}

/// The values of something that is about to be made.
pub(super) fn given(subject: Subject, contact: Option<ContactId>, values: &Values) -> Vec<Given> {
    let given = values.attributes.iter().map(|(attribute, value)| Given {
        subject,
        contact,
        attribute: *attribute,
        value: value.clone(),
        before: None,
    });
    given.collect()
}

/// Sets what a cell says, if it says anything and the policy lets it; says whether that changed it.
pub(super) fn set<T: PartialEq>(
    policy: ImportPolicy,
    now: &mut Option<T>,
    said: Option<T>,
    changes: &mut Vec<ImportField>,
    field: ImportField,
) -> bool {
    if said.is_none() || *now == said || (policy == ImportPolicy::FillEmpty && now.is_some()) {
        return false;
    }
    *now = said;
    changes.push(field);
    true
}

/// The tag's uuid, for lists of things.
pub(super) fn uuids<I: entity::id::Id>(ids: impl IntoIterator<Item = I>) -> Vec<Uuid> {
    ids.into_iter().map(entity::id::Id::uuid).collect()
}
