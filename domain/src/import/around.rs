//! What lines name besides their contact or account: members, campaigns and tags, found or about to be made.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    id::{CampaignId, MemberId, TagGroupId, TagId},
    kind::{ImportCreation, ImportField, TagKind, TagTarget},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    MAX_NEW_TAGS,
    cell::{Line, Problem, Values},
    seen::{count_new, key},
    shared::{Job, Made},
};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx},
    tag::{
        Named, Reason, Request as Tagging,
        path::Way,
        tagging::{self, Worn},
    },
};

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

    /// What a line names; what is not there and may not be made is a problem. `worn` are the tags of whom or what it
    /// is about.
    pub(super) fn resolve(
        &mut self,
        ctx: &Ctx,
        values: &Values,
        worn: &[Worn],
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
        resolved.tags = self.resolve_tags(&values.tags, worn, problems);
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

    /// A tag that is archived may be named for what carries it: exports write it.
    fn resolve_tags(
        &mut self,
        ways: &[Way],
        worn: &[Worn],
        problems: &mut Vec<Problem>,
    ) -> Vec<usize> {
        let Some(named) = &mut self.tags else {
            return Vec::new();
        };
        let mut found: Vec<usize> = Vec::new();
        let mut groups: HashMap<TagGroupId, usize> = HashMap::new();
        for way in ways {
            let resolved = named.resolve_any(way).and_then(|tag| {
                let is_worn = |one: &Worn| Some(one.tag_id) == named.id(tag);
                if !worn.iter().any(is_worn) {
                    named.refuse_archived(tag)?;
                }
                Ok(tag)
            });
            match resolved {
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
