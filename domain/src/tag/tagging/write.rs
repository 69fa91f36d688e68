//! Adding and removing taggings inside a transaction, for everything that tags.
//!
//! What becomes of each request is decided in `plan`; what must not change meanwhile is held by
//! `hold`.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, SubsecRound as _, Utc};
use entity::id::{SegmentId, TagGroupId, TagId, TaggingId};
use uuid::Uuid;

use super::{
    Reason, Request, Touched,
    hold::{hold_tags, hold_things, single_groups},
    plan::look,
    renew::{end, renew},
    segment::{bind, inside, join},
};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx},
    tag::rank,
    work::change::Fact,
};

/// One tag to be put on one thing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addition<'a> {
    /// The tag and the thing.
    pub(crate) request: Request,
    /// Who asks, and why.
    pub(crate) reason: &'a Reason<'a>,
    /// When it ends by itself.
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// The segment that the thing has to be in: the tag is not put on while it is not in it, and comes off when it
    /// leaves.
    pub(crate) while_in: Option<SegmentId>,
    /// Whether what a rule, a playbook or a tracked link has put on already goes on until then if that is
    /// later, also for those who outrank nobody.
    pub(crate) renews: bool,
}

impl<'a> Addition<'a> {
    /// One that no segment ends, and that lengthens what rules have put on only for those who outrank them.
    pub(super) fn new(
        request: Request,
        reason: &'a Reason<'a>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Self {
        Self {
            request,
            reason,
            expires_at,
            while_in: None,
            renews: false,
        }
    }

    /// When it ends by itself, with the microseconds both databases keep.
    pub(super) fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at.map(|at| at.trunc_subsecs(6))
    }
}

/// Puts tags on things. Tags and things must exist: see [`super::tag_many`] for the checked form.
/// Says how many taggings were made.
pub(crate) async fn add(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    reason: &Reason<'_>,
    requests: &[Request],
) -> Result<usize> {
    let additions = requests.iter();
    let additions = additions.map(|&request| Addition::new(request, reason, None));
    Ok(put(ctx, tx, additions.collect()).await?.added.len())
}

/// What came of putting tags on.
#[derive(Debug, Default)]
pub(crate) struct Put {
    /// What is tagged since.
    pub(crate) added: HashSet<Request>,
    /// How many taggings go on with another end.
    pub(crate) renewed: usize,
    /// What was not put on because the thing is not in the segment.
    pub(crate) outside: HashSet<(Request, SegmentId)>,
}

impl Put {
    fn add(&mut self, more: Self) {
        self.added.extend(more.added);
        self.renewed += more.renewed;
        self.outside.extend(more.outside);
    }
}

/// Like [`add`], each with a reason of its own, and an end if it has one; of two that ask for the same,
/// the first is named.
pub(crate) async fn put(ctx: &Ctx, tx: &mut Tx<'_>, additions: Vec<Addition<'_>>) -> Result<Put> {
    let groups = single_groups(tx, additions.iter().map(|one| one.request.tag)).await?;
    if !groups.is_empty() {
        let things = additions.iter().map(|one| &one.request);
        let grouped = things.filter(|request| groups.contains_key(&request.tag));
        hold_things(tx, grouped.map(|one| (one.target, one.target_id))).await?;
    }
    let (additions, outside) = inside(tx, additions).await?;
    let mut done = Put {
        outside,
        ..Put::default()
    };
    for round in rounds(additions, &groups) {
        done.add(put_round(ctx, tx, &groups, round).await?);
    }
    Ok(done)
}

/// Splits what is asked for so that no thing is given two values of one SINGLE group at once: the
/// second comes after the first and replaces it. Nearly always there is one round.
pub(super) fn rounds<'a>(
    additions: Vec<Addition<'a>>,
    groups: &HashMap<TagId, TagGroupId>,
) -> Vec<Vec<Addition<'a>>> {
    let mut seen = HashSet::new();
    let mut values: HashMap<(Uuid, TagGroupId), (usize, TagId)> = HashMap::new();
    let mut rounds: Vec<Vec<Addition<'a>>> = Vec::new();
    for addition in additions {
        let Request { target_id, tag, .. } = addition.request;
        let round = match groups.get(&tag) {
            Some(&group) => match values.get_mut(&(target_id, group)) {
                Some((_, last)) if *last == tag => continue,
                Some((round, last)) => {
                    *last = tag;
                    *round += 1;
                    *round
                }
                None => {
                    values.insert((target_id, group), (0, tag));
                    0
                }
            },
            None if seen.insert(addition.request) => 0,
            None => continue,
        };
        if rounds.len() <= round {
            rounds.resize_with(round + 1, Vec::new);
        }
        rounds[round].push(addition);
    }
    rounds
}

/// Puts on what does not ask for two values of one SINGLE group of a thing.
pub(super) async fn put_round(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    groups: &HashMap<TagId, TagGroupId>,
    mut additions: Vec<Addition<'_>>,
) -> Result<Put> {
    // Two who tag the same things insert in the same order and never wait for each other in a circle.
    let asked: Vec<Request> = additions.iter().map(|one| one.request).collect();
    additions.sort_by_key(|one| one.request);
    let mut plan = look(tx, groups, &additions, || ctx.id()).await?;
    let ended = end(tx, &plan.ends).await?;
    let renewed = renew(ctx, tx, groups, &plan.renewals).await?;
    let joined = join(tx, &plan.joins).await?;
    let anew = renewed.ended.into_iter().chain(joined.ended);
    let anew = anew.map(|one| (ctx.id::<TaggingId>(), one));
    plan.makes.extend(anew);
    let made = insert(tx, groups, &plan.makes).await?;
    rank::update(ctx, tx, &made, &ended).await?;

    let reasons: HashMap<Request, &Reason<'_>> = additions
        .iter()
        .map(|one| (one.request, one.reason))
        .collect();
    let made: HashMap<Request, TaggingId> = made
        .into_iter()
        .map(|one| (one.request(), one.id))
        .collect();
    let successors: HashMap<TaggingId, Request> = plan
        .ends
        .iter()
        .map(|one| (one.tagging, one.addition.request))
        .collect();
    let mut ended_for: HashMap<Request, Vec<Touched>> = HashMap::new();
    for tagging in ended {
        if let Some(request) = successors.get(&tagging.id) {
            ended_for.entry(*request).or_default().push(tagging);
        }
    }
    // In the order of asking, which a statement's answer does not keep.
    let mut added = HashSet::with_capacity(made.len());
    for request in asked {
        let (Some(reason), Some(&tagging_id)) = (reasons.get(&request), made.get(&request)) else {
            continue;
        };
        for tagging in ended_for.remove(&request).into_iter().flatten() {
            tx.record(reason.removed(&tagging));
        }
        let fact = Fact::TaggingAdded {
            tagging_id,
            tag_id: request.tag,
            target: request.target,
            target_id: request.target_id,
        };
        tx.record(reason.change(request.of_contact(), fact));
        added.insert(request);
    }
    Ok(Put {
        added,
        renewed: renewed.count + joined.count,
        outside: HashSet::new(),
    })
}

pub(super) async fn insert(
    tx: &Tx<'_>,
    groups: &HashMap<TagId, TagGroupId>,
    makes: &[(TaggingId, &Addition<'_>)],
) -> Result<Vec<Touched>> {
    if makes.is_empty() {
        return Ok(Vec::new());
    }
    let reasons = || makes.iter().map(|(_, one)| one.reason);
    let rows = request_rows(makes.iter().map(|(_, one)| &one.request))
        .ids("id", makes.iter().map(|(id, _)| *id))
        .json("origin", reasons().map(|reason| reason.origin.json()))
        .texts("reason", reasons().map(|reason| reason.text.as_str()))
        .opt_ids("rule_id", reasons().map(|reason| reason.origin.rule()))
        .opt_times("expires_at", makes.iter().map(|(_, one)| one.expires_at))
        .opt_ids(
            "group_id",
            makes
                .iter()
                .map(|(_, one)| groups.get(&one.request.tag).copied()),
        );
    let made: Vec<Touched> = Query::new(
        "INSERT INTO tagging (workspace_id, id, tag_id, target, target_id, added_at, added_by,
                              added_reason, rule_id, expires_at, single_group_id)
         SELECT $1, r.id, r.tag_id, r.target, r.target_id, $2, r.origin, r.reason, r.rule_id,
                r.expires_at, r.group_id
         FROM {r} WHERE true
         ON CONFLICT (workspace_id, target_id, tag_id) WHERE removed_at IS NULL DO NOTHING
         RETURNING id, tag_id, target, target_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    let there: HashSet<TaggingId> = made.iter().map(|one| one.id).collect();
    let bound = makes.iter().filter(|(id, _)| there.contains(id));
    let bound = bound.filter_map(|(id, one)| Some((*id, one.while_in?)));
    bind(tx, &bound.collect::<Vec<_>>()).await?;
    Ok(made)
}

/// Takes tags off things; what does not carry its tag is left as it is. Rules and playbooks take off
/// only what rules, playbooks and tracked links have put on. Says how many were taken.
pub(crate) async fn remove(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    reason: &Reason<'_>,
    requests: &[Request],
) -> Result<usize> {
    let anyway = reason.origin.outranks_rules();
    let removals: Vec<Removal<'_>> = requests
        .iter()
        .map(|&request| Removal {
            request,
            reason,
            anyway,
        })
        .collect();
    remove_each(ctx, tx, &removals).await
}

/// One tag to be taken off one thing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Removal<'a> {
    /// The tag and the thing.
    pub(crate) request: Request,
    /// Who asks, and why.
    pub(crate) reason: &'a Reason<'a>,
    /// Whether it goes whoever has put it on.
    pub(crate) anyway: bool,
}

/// Like [`remove`], each with a reason of its own; of two that ask for the same, the first is named.
pub(crate) async fn remove_each(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    removals: &[Removal<'_>],
) -> Result<usize> {
    let mut wanted: BTreeMap<Request, Removal<'_>> = BTreeMap::new();
    for removal in removals {
        let asked = wanted.entry(removal.request).or_insert(*removal);
        asked.anyway |= removal.anyway;
    }
    if wanted.is_empty() {
        return Ok(0);
    }
    hold_tags(tx, wanted.keys().map(|request| request.tag)).await?;
    let reasons = || wanted.values().map(|removal| removal.reason);
    let rows = request_rows(wanted.keys())
        .json("origin", reasons().map(|reason| reason.origin.json()))
        .texts("reason", reasons().map(|reason| reason.text.as_str()))
        .flags("anyway", wanted.values().map(|removal| removal.anyway));
    let mut ended: Vec<Touched> = Query::new(
        "UPDATE tagging SET removed_at = $2, removed_by = r.origin, removed_reason = r.reason,
             ended = 'REMOVED'
         FROM {r} WHERE tagging.workspace_id = $1 AND tagging.removed_at IS NULL
           AND tagging.target_id = r.target_id AND tagging.tag_id = r.tag_id
           AND (r.anyway OR tagging.rule_id IS NOT NULL
                OR tagging.added_by ->> 'kind' IN ('PLAYBOOK', 'TRACKED_LINK'))
         RETURNING tagging.id, tagging.tag_id, tagging.target, tagging.target_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    rank::update(ctx, tx, &[], &ended).await?;
    // In one order, which a statement's answer does not keep.
    ended.sort_by_key(Touched::request);
    for tagging in &ended {
        if let Some(removal) = wanted.get(&tagging.request()) {
            tx.record(removal.reason.removed(tagging));
        }
    }
    Ok(ended.len())
}

/// Brings the rank index, the counters and the log up to date with taggings that were just ended.
pub(super) async fn settle_ended(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    reason: &Reason<'_>,
    ended: &[Touched],
) -> Result<()> {
    rank::update(ctx, tx, &[], ended).await?;
    for tagging in ended {
        tx.record(reason.removed(tagging));
    }
    Ok(())
}

pub(super) fn request_rows<'a>(requests: impl Iterator<Item = &'a Request> + Clone) -> Rows {
    Rows::new()
        .ids("tag_id", requests.clone().map(|request| request.tag))
        .texts(
            "target",
            requests.clone().map(|request| request.target.word()),
        )
        .uuids("target_id", requests.map(|request| request.target_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Origin;

    fn reason(origin: Origin) -> Reason<'static> {
        Reason {
            origin,
            text: String::new(),
            cause: None,
        }
    }

    fn uuid(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn member() -> Origin {
        Origin::Member {
            member_id: uuid(1).into(),
        }
    }

    #[test]
    fn two_values_of_a_single_group_are_put_on_one_after_the_other() {
        let reason = reason(member());
        let add = |target: u128, tag: u128| {
            let request = Request::contact(uuid(target).into(), uuid(tag).into());
            Addition::new(request, &reason, None)
        };
        let groups = [
            (uuid(10).into(), uuid(1).into()),
            (uuid(11).into(), uuid(1).into()),
        ]
        .into();
        let additions = vec![
            add(1, 10),
            add(1, 11),
            add(2, 11),
            add(1, 12),
            add(1, 12),
            add(1, 10),
        ];
        let rounds = rounds(additions, &groups);
        let shown: Vec<Vec<(u128, u128)>> = rounds
            .iter()
            .map(|round| {
                let pairs = round
                    .iter()
                    .map(|one| (one.request.target_id.as_u128(), one.request.tag.0.as_u128()));
                pairs.collect()
            })
            .collect();
        assert_eq!(
            shown,
            [
                vec![(1, 10), (2, 11), (1, 12)],
                vec![(1, 11)],
                vec![(1, 10)]
            ]
        );
    }
}
