//! What becomes of each request for a tag.
//!
//! What is decided about each request:
//! - the thing carries the tag already: nothing happens, except that what a rule had put on is taken
//!   over by anybody else who asks for it, that it goes on with the end a person asks for, which may be
//!   none, and that what a rule had put on goes on with the end a rule asks for, if that is later, or stays
//!   for another segment too;
//! - the thing carries another value of the tag's SINGLE group: that one ends, replaced; but a rule
//!   never replaces what others than rules have set;
//! - otherwise a tagging is made.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, TagGroupId, TagId, TaggingId},
    kind::TaggingEnd,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{segment::IS_BOUND, write::Addition};
use crate::{
    error::Result,
    store::{Query, Tx},
};

/// Whether a rule, a playbook or a tracked link has put the tagging `g` on: who else asks for the tag takes
/// it over.
pub(crate) const AUTOMATIC: &str =
    "(g.rule_id IS NOT NULL OR g.added_by ->> 'kind' IN ('PLAYBOOK', 'TRACKED_LINK'))";

/// Whether the tagging `one` is to go on and not `other`, which stands in its way, as SQL of the two
/// rows: what a rule or a playbook has put on never takes the place of what a person has, and of two
/// alike the one that ends first gives way, or the one that ends by itself at all. One that stays for a segment
/// gives way to one that stays until a moment, which can stay for the segment too ([`joined_by`]). Of two that are
/// alike in this too neither outlasts the other.
pub(crate) fn outlasts(one: &str, other: &str) -> String {
    format!(
        "(CASE WHEN {} <> {} THEN {}
               ELSE {}
                AND (NOT {}
                     OR CASE WHEN {one}.expires_at > {other}.expires_at THEN TRUE
                             WHEN {other}.expires_at IS NULL THEN {one}.expires_at IS NOT NULL
                             ELSE FALSE END) END)",
        automatic(one),
        automatic(other),
        automatic(other),
        ends(other),
        ends(one)
    )
}

fn automatic(row: &str) -> String {
    AUTOMATIC.replace("g.", &format!("{row}."))
}

/// Whether the tagging `row` ends by itself, as SQL.
fn ends(row: &str) -> String {
    let is_bound = IS_BOUND.replace("g.", &format!("{row}."));
    format!("({row}.expires_at IS NOT NULL OR {is_bound})")
}

/// Whether the tagging `row` stays for one more segment if another of its tag, which ends for its sake, does: not
/// what stays for good or what a person has put on. As SQL of the row.
pub(crate) fn joined_by(row: &str) -> String {
    format!("({} AND {})", automatic(row), ends(row))
}

/// Whether a tag that ends at `one` ends after `other`, where nothing is never.
pub(crate) fn ends_later(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> bool {
    other.is_some_and(|other| one.is_none_or(|one| one > other))
}

/// What becomes of the requests of one round.
#[derive(Default)]
pub(super) struct Plan<'a, 'r> {
    pub(super) makes: Vec<(TaggingId, &'a Addition<'r>)>,
    pub(super) ends: Vec<End<'a, 'r>>,
    pub(super) renewals: Vec<Renewal<'a, 'r>>,
    /// Taggings that have another segment to stay for.
    pub(super) joins: Vec<(TaggingId, &'a Addition<'r>)>,
}

/// A tagging that gives way to another.
pub(super) struct End<'a, 'r> {
    pub(super) tagging: TaggingId,
    pub(super) how: TaggingEnd,
    pub(super) successor: TaggingId,
    pub(super) addition: &'a Addition<'r>,
}

/// A tagging that goes on with another end, as a new one.
pub(super) struct Renewal<'a, 'r> {
    pub(super) tagging: TaggingId,
    pub(super) addition: &'a Addition<'r>,
}

/// What stands in the way of a request.
#[derive(Debug, Clone, FromQueryResult)]
struct Standing {
    target_id: Uuid,
    id: TaggingId,
    tag_id: TagId,
    single_group_id: Option<TagGroupId>,
    automatic: bool,
    expires_at: Option<DateTime<Utc>>,
    /// Whether it stays while the thing is in some segment.
    bound: bool,
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
        one.reason.origin.outranks_rules() || one.renews || groups.contains_key(&one.request.tag)
    };
    let in_the_way = if additions.iter().any(must_look) {
        standing(tx, groups, additions).await?
    } else {
        HashMap::new()
    };
    let mut plan = Plan::default();
    for addition in additions {
        let group = groups.get(&addition.request.tag).copied();
        let carried = in_the_way.get(&addition.request.target_id);
        let standing = carried.into_iter().flatten().filter(|one| {
            one.tag_id == addition.request.tag || (group.is_some() && one.single_group_id == group)
        });
        plan.decide(&mut id, addition, &standing.collect::<Vec<_>>());
    }
    Ok(plan)
}

/// By thing, what it carries of the tags that are asked for and of groups that take one value. Asked for
/// by things alone: tags and groups beside them are no way into an index.
async fn standing(
    tx: &Tx<'_>,
    groups: &HashMap<TagId, TagGroupId>,
    additions: &[Addition<'_>],
) -> Result<HashMap<Uuid, Vec<Standing>>> {
    let things: BTreeSet<Uuid> = additions.iter().map(|one| one.request.target_id).collect();
    let tags: BTreeSet<Uuid> = additions.iter().map(|one| one.request.tag.uuid()).collect();
    let groups: BTreeSet<Uuid> = groups.values().map(|group| group.uuid()).collect();
    let found: Vec<Standing> = Query::new(format!(
        "SELECT g.target_id, g.id, g.tag_id, g.single_group_id, {AUTOMATIC} AS automatic,
                g.expires_at, {IS_BOUND} AS bound
         FROM tagging g
         WHERE g.workspace_id = $1 AND {{things}} AND g.removed_at IS NULL
           AND ({{tags}} OR {{groups}})"
    ))
    .bind(tx.workspace)
    .among("things", "g.target_id", things)
    .among("tags", "g.tag_id", tags)
    .among("groups", "g.single_group_id", groups)
    .all(tx.connection())
    .await?;
    let mut standing: HashMap<Uuid, Vec<Standing>> = HashMap::new();
    for one in found {
        standing.entry(one.target_id).or_default().push(one);
    }
    Ok(standing)
}

/// Whether the tagging goes on with the end that is asked for: always if a person asks, of what is
/// automatic only with a later one if a rule does.
fn goes_on(outranks: bool, standing: &Standing, addition: &Addition<'_>) -> bool {
    let until = addition.ends_at();
    if outranks {
        return standing.expires_at != until;
    }
    if !addition.renews || !standing.automatic || addition.while_in.is_some() {
        return false;
    }
    if standing.bound {
        // Of a moment and a segment none can say which ends later: it stays until both have.
        return until.is_none()
            || standing.expires_at.is_none()
            || ends_later(until, standing.expires_at);
    }
    ends_later(until, standing.expires_at)
}

/// Whether the tagging, which ends by itself, is to stay for another segment too.
fn joins(outranks: bool, standing: &Standing, addition: &Addition<'_>) -> bool {
    let ends = standing.bound || standing.expires_at.is_some();
    !outranks && addition.renews && addition.while_in.is_some() && standing.automatic && ends
}

impl<'a, 'r> Plan<'a, 'r> {
    fn decide(
        &mut self,
        mut id: impl FnMut() -> TaggingId,
        addition: &'a Addition<'r>,
        standing: &[&Standing],
    ) {
        let outranks = addition.reason.origin.outranks_rules();
        let tag = addition.request.tag;
        if let Some(same) = standing.iter().find(|one| one.tag_id == tag) {
            if outranks && same.automatic {
                let id = id();
                self.end(same, TaggingEnd::TakenOver, id, addition);
                self.makes.push((id, addition));
            } else if goes_on(outranks, same, addition) {
                self.renewals.push(Renewal {
                    tagging: same.id,
                    addition,
                });
            } else if joins(outranks, same, addition) {
                self.joins.push((same.id, addition));
            }
            return;
        }
        if !outranks && standing.iter().any(|other| !other.automatic) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::Origin,
        tag::tagging::{Reason, Request},
    };

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

    fn link() -> Origin {
        Origin::TrackedLink {
            link_id: uuid(3).into(),
        }
    }

    /// Tag 10 on contact 5.
    fn addition<'a>(reason: &'a Reason<'a>, expires_at: Option<DateTime<Utc>>) -> Addition<'a> {
        let request = Request::contact(uuid(5).into(), uuid(10).into());
        Addition::new(request, reason, expires_at)
    }

    /// What becomes of tag 10, given (tag, whether a rule put it on) in the way: how those end, and
    /// whether it is made.
    fn check(origin: Origin, standing: &[(u128, bool)], expected: (&[TaggingEnd], bool)) {
        let reason = reason(origin);
        let addition = addition(&reason, None);
        let standing: Vec<_> = standing
            .iter()
            .map(|&(tag, by_rule)| Standing {
                target_id: uuid(5),
                single_group_id: None,
                id: uuid(tag + 100).into(),
                tag_id: uuid(tag).into(),
                automatic: by_rule,
                expires_at: None,
                bound: false,
            })
            .collect();
        let mut plan = Plan::default();
        let standing: Vec<&Standing> = standing.iter().collect();
        plan.decide(|| uuid(7).into(), &addition, &standing);
        let ends: Vec<_> = plan.ends.iter().map(|end| end.how).collect();
        assert_eq!(
            (ends.as_slice(), plan.makes.len() == 1),
            expected,
            "{origin:?} {standing:?}"
        );
    }

    /// Whether tag 10, which a person or a rule has put on until `stands`, is renewed when `origin` puts it
    /// on until `asked`.
    fn renews_of(automatic: bool, origin: Origin, stands: Option<i64>, asked: Option<i64>) -> bool {
        let moment = |at: i64| DateTime::from_timestamp(at, 0).unwrap();
        let reason = reason(origin);
        let addition = Addition {
            renews: !origin.outranks_rules(),
            ..addition(&reason, asked.map(moment))
        };
        let standing = Standing {
            target_id: uuid(5),
            single_group_id: None,
            id: uuid(110).into(),
            tag_id: uuid(10).into(),
            automatic,
            expires_at: stands.map(moment),
            bound: false,
        };
        let mut plan = Plan::default();
        plan.decide(|| uuid(7).into(), &addition, &[&standing]);
        assert!(plan.makes.is_empty() && plan.ends.is_empty());
        !plan.renewals.is_empty()
    }

    #[test]
    fn never_is_later_than_any_end() {
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0);
        for (one, other, expected) in [
            (None, None, false),
            (at(1), None, false),
            (None, at(1), true),
            (at(2), at(1), true),
            (at(1), at(1), false),
            (at(1), at(2), false),
        ] {
            assert_eq!(ends_later(one, other), expected, "{one:?} {other:?}");
        }
    }

    #[test]
    fn rules_let_what_rules_have_put_on_stay_longer_and_never_shorter() {
        let renews = |stands, asked| renews_of(true, rule(), stands, asked);
        assert!(renews(Some(1), Some(2)));
        assert!(renews(Some(1), None));
        assert!(!renews(Some(2), Some(1)));
        assert!(!renews(Some(1), Some(1)));
        assert!(!renews(None, Some(1)));
        assert!(!renews(None, None));
    }

    /// What becomes of tag 10, which a rule has put on until `stands` and, if `bound`, while in a segment, when
    /// another rule puts it on until `asked` or while in another segment: whether it is renewed, and whether it
    /// stays for that segment, too.
    fn goes_on_of(
        (bound, stands): (bool, Option<i64>),
        (asked, segment): (Option<i64>, bool),
    ) -> (bool, bool) {
        let moment = |at: i64| DateTime::from_timestamp(at, 0).unwrap();
        let reason = reason(rule());
        let addition = Addition {
            while_in: segment.then(|| uuid(20).into()),
            renews: true,
            ..addition(&reason, asked.map(moment))
        };
        let standing = Standing {
            target_id: uuid(5),
            single_group_id: None,
            id: uuid(110).into(),
            tag_id: uuid(10).into(),
            automatic: true,
            expires_at: stands.map(moment),
            bound,
        };
        let mut plan = Plan::default();
        plan.decide(|| uuid(7).into(), &addition, &[&standing]);
        assert!(plan.makes.is_empty() && plan.ends.is_empty());
        (!plan.renewals.is_empty(), !plan.joins.is_empty())
    }

    #[test]
    fn what_stays_for_a_segment_stays_until_every_reason_has_ended() {
        for (stands, asked, expected) in [
            // For good is longer than anything.
            ((true, None), (None, false), (true, false)),
            ((true, Some(5)), (None, false), (true, false)),
            ((false, None), (None, true), (false, false)),
            // A moment and a segment: both.
            ((true, None), (Some(5), false), (true, false)),
            ((true, Some(5)), (Some(4), false), (false, false)),
            ((true, Some(5)), (Some(6), false), (true, false)),
            ((false, Some(5)), (None, true), (false, true)),
            // Two segments: both.
            ((true, None), (None, true), (false, true)),
        ] {
            assert_eq!(goes_on_of(stands, asked), expected, "{stands:?} {asked:?}");
        }
    }

    #[test]
    fn people_set_another_end_or_none_and_rules_do_not() {
        let renews = |origin, stands, asked| renews_of(false, origin, stands, asked);
        assert!(renews(member(), Some(1), Some(2)));
        assert!(renews(member(), Some(1), None));
        assert!(renews(member(), None, Some(1)));
        assert!(!renews(member(), None, None));
        assert!(!renews(member(), Some(1), Some(1)));
        assert!(!renews(rule(), Some(1), None));
        assert!(!renews(rule(), None, Some(1)));
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
        check(link(), &[], (&[], true));
        check(link(), &[(10, false)], (&[], false));
        check(link(), &[(10, true)], (&[], false));
        check(link(), &[(11, false)], (&[], false));
        check(link(), &[(11, true)], (&[Replaced], true));
        check(Origin::Import, &[(10, true)], (&[TakenOver], true));
        check(Origin::System, &[(10, true)], (&[], false));
    }
}
