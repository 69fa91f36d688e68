//! Adding and removing taggings inside a transaction, for everything that tags.
//!
//! What is decided about each request:
//! - the thing carries the tag already: nothing happens, except that what a rule had put on is taken
//!   over by anybody else who asks for it, and that a person may set another end;
//! - the thing carries another value of the tag's SINGLE group: that one ends, replaced; but a rule
//!   never replaces what others than rules have set;
//! - otherwise a tagging is made.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    id::{RuleId, TagGroupId, TagId, TaggingId},
    kind::{TagTarget, TaggingEnd},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::{Reason, Request, Touched, table_of};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx, dialect},
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
}

/// Puts tags on things. Tags and things must exist: see [`super::tag_many`] for the checked form.
/// Says how many taggings were made.
pub(crate) async fn add(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    reason: &Reason<'_>,
    requests: &[Request],
) -> Result<usize> {
    let wanted: Vec<_> = requests.iter().map(|&request| (request, reason)).collect();
    Ok(add_each(ctx, tx, &wanted).await?.len())
}

/// Like [`add`], each with a reason of its own; of two that ask for the same, the first is named.
/// Returns the requests that led to a tagging.
pub(crate) async fn add_each(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    wanted: &[(Request, &Reason<'_>)],
) -> Result<HashSet<Request>> {
    let additions = wanted.iter().map(|&(request, reason)| Addition {
        request,
        reason,
        expires_at: None,
    });
    put(ctx, tx, additions.collect()).await
}

/// Like [`add_each`], with an end for those that have one.
pub(crate) async fn put(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    additions: Vec<Addition<'_>>,
) -> Result<HashSet<Request>> {
    let groups = single_groups(tx, additions.iter().map(|one| one.request.tag)).await?;
    if !groups.is_empty() {
        let things = additions.iter().map(|one| &one.request);
        let grouped = things.filter(|request| groups.contains_key(&request.tag));
        hold_things(tx, grouped.map(|one| (one.target, one.target_id))).await?;
    }
    let mut added = HashSet::new();
    for round in rounds(additions, &groups) {
        added.extend(put_round(ctx, tx, &groups, round).await?);
    }
    Ok(added)
}

#[derive(FromQueryResult)]
struct Grouped {
    tag_id: TagId,
    group_id: TagGroupId,
}

/// The SINGLE groups of those among `tags` that are in one. The groups cannot change before the end
/// of the transaction.
pub(crate) async fn single_groups(
    tx: &Tx<'_>,
    tags: impl Iterator<Item = TagId>,
) -> Result<HashMap<TagId, TagGroupId>> {
    let tags: BTreeSet<TagId> = tags.collect();
    if tags.is_empty() {
        return Ok(HashMap::new());
    }
    hold_values(tx, &tags).await?;
    let grouped: Vec<Grouped> = Query::new(
        "SELECT t.id AS tag_id, s.id AS group_id FROM {r}
         JOIN tag t ON t.workspace_id = $1 AND t.id = r.id
         JOIN tag_group s ON s.workspace_id = $1 AND s.id = t.group_id AND s.selection = 'SINGLE'",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", tags))
    .all(tx.connection())
    .await?;
    Ok(grouped
        .into_iter()
        .map(|row| (row.tag_id, row.group_id))
        .collect())
}

/// Keeps others from giving these things a value of a SINGLE group until the transaction ends: of two
/// who do so at the same time, the second then replaces the first's. In the order of ids, so that two
/// never wait for each other.
pub(crate) async fn hold_things(
    tx: &Tx<'_>,
    things: impl Iterator<Item = (TagTarget, Uuid)>,
) -> Result<()> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    if lock.is_empty() {
        return Ok(());
    }
    let mut by_target: BTreeMap<TagTarget, BTreeSet<Uuid>> = BTreeMap::new();
    for (target, id) in things {
        by_target.entry(target).or_default().insert(id);
    }
    for (target, ids) in by_target {
        let table = table_of(target);
        Query::new(format!(
            "SELECT x.id FROM {table} x
             WHERE x.workspace_id = $1 AND x.id IN (SELECT r.id FROM {{r}}) ORDER BY x.id {lock}"
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", ids))
        .raw(tx.connection())
        .await?;
    }
    Ok(())
}

/// Splits what is asked for so that no thing is given two values of one SINGLE group at once: the
/// second comes after the first and replaces it. Nearly always there is one round.
fn rounds<'a>(
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

async fn put_round(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    groups: &HashMap<TagId, TagGroupId>,
    mut additions: Vec<Addition<'_>>,
) -> Result<HashSet<Request>> {
    // Two who tag the same things insert in the same order and never wait for each other in a circle.
    let asked: Vec<Request> = additions.iter().map(|one| one.request).collect();
    additions.sort_by_key(|one| one.request);
    let plan = look(tx, groups, &additions, || ctx.id()).await?;
    let ended = end(tx, &plan.ends).await?;
    renew(tx, &plan.renewals).await?;
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
    Ok(added)
}

/// What becomes of the requests of one round.
#[derive(Default)]
pub(super) struct Plan<'a, 'r> {
    pub(super) makes: Vec<(TaggingId, &'a Addition<'r>)>,
    pub(super) ends: Vec<End<'a, 'r>>,
    pub(super) renewals: Vec<(TaggingId, DateTime<Utc>)>,
}

/// A tagging that gives way to another.
pub(super) struct End<'a, 'r> {
    tagging: TaggingId,
    how: TaggingEnd,
    successor: TaggingId,
    addition: &'a Addition<'r>,
}

/// What stands in the way of a request.
#[derive(Debug, Clone, FromQueryResult)]
struct Standing {
    n: i64,
    id: TaggingId,
    tag_id: TagId,
    rule_id: Option<RuleId>,
}

/// Decides about each of `additions`, which must not ask twice for the same, giving ids from `id` to
/// what is to be made.
pub(super) async fn look<'a, 'r>(
    tx: &Tx<'_>,
    groups: &HashMap<TagId, TagGroupId>,
    additions: &'a [Addition<'r>],
    mut id: impl FnMut() -> TaggingId,
) -> Result<Plan<'a, 'r>> {
    let must_look = |one: &Addition<'_>| {
        one.reason.origin.outranks_rules() || groups.contains_key(&one.request.tag)
    };
    let standing: Vec<Standing> = if additions.iter().any(must_look) {
        let rows = request_rows(additions.iter().map(|one| &one.request))
            .ints("n", 0..additions.len() as i64)
            .opt_ids(
                "group_id",
                additions
                    .iter()
                    .map(|one| groups.get(&one.request.tag).copied()),
            );
        Query::new(
            "SELECT r.n, g.id, g.tag_id, g.rule_id FROM {r}
             JOIN tagging g ON g.workspace_id = $1 AND g.target_id = r.target_id
               AND g.removed_at IS NULL
               AND (g.tag_id = r.tag_id OR g.single_group_id = r.group_id)",
        )
        .bind(tx.workspace)
        .rows("r", rows)
        .all(tx.connection())
        .await?
    } else {
        Vec::new()
    };
    let mut in_the_way: HashMap<i64, Vec<Standing>> = HashMap::new();
    for one in standing {
        in_the_way.entry(one.n).or_default().push(one);
    }
    let mut plan = Plan::default();
    for (n, addition) in (0..).zip(additions) {
        let standing = in_the_way.remove(&n).unwrap_or_default();
        plan.decide(&mut id, addition, &standing);
    }
    Ok(plan)
}

impl<'a, 'r> Plan<'a, 'r> {
    fn decide(
        &mut self,
        mut id: impl FnMut() -> TaggingId,
        addition: &'a Addition<'r>,
        standing: &[Standing],
    ) {
        let outranks = addition.reason.origin.outranks_rules();
        let tag = addition.request.tag;
        if let Some(same) = standing.iter().find(|one| one.tag_id == tag) {
            if outranks && same.rule_id.is_some() {
                let id = id();
                self.end(same, TaggingEnd::TakenOver, id, addition);
                self.makes.push((id, addition));
            } else if let (true, Some(at)) = (outranks, addition.expires_at) {
                self.renewals.push((same.id, at));
            }
            return;
        }
        if !outranks && standing.iter().any(|other| other.rule_id.is_none()) {
            return;
        }
        let id = id();
        for other in standing {
            self.end(other, TaggingEnd::Replaced, id, addition);
        }
        self.makes.push((id, addition));
    }

    fn end(
        &mut self,
        standing: &Standing,
        how: TaggingEnd,
        successor: TaggingId,
        addition: &'a Addition<'r>,
    ) {
        self.ends.push(End {
            tagging: standing.id,
            how,
            successor,
            addition,
        });
    }
}

pub(super) async fn end(tx: &Tx<'_>, ends: &[End<'_, '_>]) -> Result<Vec<Touched>> {
    if ends.is_empty() {
        return Ok(Vec::new());
    }
    let reasons = || ends.iter().map(|one| one.addition.reason);
    let rows = Rows::new()
        .ids("tagging", ends.iter().map(|one| one.tagging))
        .texts("how", ends.iter().map(|one| one.how.word()))
        .ids("successor", ends.iter().map(|one| one.successor))
        .json("origin", reasons().map(|reason| reason.origin.json()))
        .texts("reason", reasons().map(|reason| reason.text.as_str()));
    Ok(Query::new(
        "UPDATE tagging SET removed_at = $2, removed_by = r.origin, removed_reason = r.reason,
             ended = r.how, successor_id = r.successor
         FROM {r} WHERE tagging.workspace_id = $1 AND tagging.id = r.tagging
           AND tagging.removed_at IS NULL
         RETURNING id, tag_id, target, target_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?)
}

pub(super) async fn renew(tx: &Tx<'_>, renewals: &[(TaggingId, DateTime<Utc>)]) -> Result<()> {
    if renewals.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids("id", renewals.iter().map(|(id, _)| *id))
        .times("expires_at", renewals.iter().map(|(_, at)| *at));
    Query::new(
        "UPDATE tagging SET expires_at = r.expires_at FROM {r}
         WHERE tagging.workspace_id = $1 AND tagging.id = r.id AND tagging.removed_at IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn insert(
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
    Ok(Query::new(
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
    .await?)
}

/// Takes tags off things; what does not carry its tag is left as it is. A rule takes off only what
/// rules have put on. Says how many were taken.
pub(crate) async fn remove(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    reason: &Reason<'_>,
    requests: &[Request],
) -> Result<usize> {
    let requests: BTreeSet<Request> = requests.iter().copied().collect();
    if requests.is_empty() {
        return Ok(0);
    }
    hold_tags(tx, requests.iter().map(|request| request.tag)).await?;
    let whose = if reason.origin.outranks_rules() {
        ""
    } else {
        "AND rule_id IS NOT NULL"
    };
    let ended: Vec<Touched> = Query::new(format!(
        "UPDATE tagging SET removed_at = $2, removed_by = $3, removed_reason = $4,
             ended = 'REMOVED'
         WHERE workspace_id = $1 AND removed_at IS NULL {whose}
           AND (target_id, tag_id) IN (SELECT r.target_id, r.tag_id FROM {{r}})
         RETURNING id, tag_id, target, target_id"
    ))
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(reason.origin.json())
    .bind(reason.text.clone())
    .rows("r", request_rows(requests.iter()))
    .all(tx.connection())
    .await?;
    settle_ended(ctx, tx, reason, &ended).await?;
    Ok(ended.len())
}

/// The same of `tags` and of all values that one of them may replace.
async fn hold_values(tx: &Tx<'_>, tags: &BTreeSet<TagId>) -> Result<()> {
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    if lock.is_empty() {
        return Ok(());
    }
    Query::new(format!(
        "WITH n AS (SELECT r.id FROM {{r}})
         SELECT t.id FROM tag t WHERE t.workspace_id = $1 AND t.id IN (
             SELECT n.id FROM n
             UNION SELECT v.id FROM n
             JOIN tag o ON o.workspace_id = $1 AND o.id = n.id
             JOIN tag_group s ON s.workspace_id = $1 AND s.id = o.group_id
               AND s.selection = 'SINGLE'
             JOIN tag v ON v.workspace_id = $1 AND v.group_id = s.id)
         ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", tags.iter().copied()))
    .raw(tx.connection())
    .await?;
    Ok(())
}

/// Keeps `tags` where they are in the tree, and their groups as they are, until the end of `tx`. What
/// is read afterwards holds until then.
pub(super) async fn hold_tags(tx: &Tx<'_>, tags: impl Iterator<Item = TagId>) -> Result<()> {
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    if lock.is_empty() {
        return Ok(());
    }
    let tags: BTreeSet<TagId> = tags.collect();
    Query::new(format!(
        "SELECT t.id FROM {{r}} JOIN tag t ON t.workspace_id = $1 AND t.id = r.id
         ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", tags))
    .raw(tx.connection())
    .await?;
    Ok(())
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

fn request_rows<'a>(requests: impl Iterator<Item = &'a Request> + Clone) -> Rows {
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

    fn rule() -> Origin {
        Origin::Rule {
            rule_id: uuid(2).into(),
            version: 1,
        }
    }

    /// What becomes of tag 10, given (tag, whether a rule put it on) in the way: how those end, and
    /// whether it is made.
    fn check(origin: Origin, standing: &[(u128, bool)], expected: (&[TaggingEnd], bool)) {
        let reason = reason(origin);
        let addition = Addition {
            request: Request {
                target: TagTarget::Contact,
                target_id: uuid(5),
                tag: uuid(10).into(),
            },
            reason: &reason,
            expires_at: None,
        };
        let standing: Vec<_> = standing
            .iter()
            .map(|&(tag, by_rule)| Standing {
                n: 0,
                id: uuid(tag + 100).into(),
                tag_id: uuid(tag).into(),
                rule_id: by_rule.then(|| uuid(2).into()),
            })
            .collect();
        let mut plan = Plan::default();
        plan.decide(|| uuid(7).into(), &addition, &standing);
        let ends: Vec<_> = plan.ends.iter().map(|end| end.how).collect();
        assert_eq!(
            (ends.as_slice(), plan.makes.len() == 1),
            expected,
            "{origin:?} {standing:?}"
        );
    }

    #[test]
    fn people_take_over_and_rules_never_take_away() {
        use TaggingEnd::{Replaced, TakenOver};
        check(member(), &[], (&[], true));
        check(member(), &[(10, false)], (&[], false));
        check(member(), &[(10, true)], (&[TakenOver], true));
        check(member(), &[(11, false)], (&[Replaced], true));
        check(member(), &[(11, true)], (&[Replaced], true));
        check(rule(), &[], (&[], true));
        check(rule(), &[(10, false)], (&[], false));
        check(rule(), &[(10, true)], (&[], false));
        check(rule(), &[(11, false)], (&[], false));
        check(rule(), &[(11, true)], (&[Replaced], true));
        check(Origin::Import, &[(10, true)], (&[TakenOver], true));
        check(Origin::System, &[(10, true)], (&[], false));
    }

    #[test]
    fn two_values_of_a_single_group_are_put_on_one_after_the_other() {
        let reason = reason(member());
        let add = |target: u128, tag: u128| Addition {
            request: Request {
                target: TagTarget::Contact,
                target_id: uuid(target),
                tag: uuid(tag).into(),
            },
            reason: &reason,
            expires_at: None,
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
