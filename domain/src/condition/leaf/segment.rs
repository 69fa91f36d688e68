//! Segments the contact or the account is in.

use async_graphql::{InputObject, SimpleObject};
use entity::id::SegmentId;
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    condition::{
        Condition, Leaf, Need, Whose,
        age::{Age, Aging},
        check::{self, Checks, MAX_IDS},
        measure::{Frag, Measure, Plan, Rows, Source, frag},
        path::Path,
        reference::{self, IdKind, Reference},
        scalar::Ref,
        sentence::{Phrasing, say},
        test::{Ask, Element, Mode, Test, TimeTest},
    },
    error::{UserError, UserErrorCode},
};

/// Tests which segments the contact or the account is in.
#[derive(
    InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default,
)]
#[graphql(name = "SegmentsCondition", input_name = "SegmentsConditionInput")]
#[serde(rename_all = "camelCase", default)]
pub struct Segments {
    /// Whose: segments of contacts, or segments of accounts.
    #[graphql(default)]
    pub of: Whose,
    /// How many of the segments it must be in.
    #[graphql(default)]
    pub mode: Mode,
    /// The segments, up to 500.
    pub segment_ids: Vec<Ref<SegmentId>>,
    /// Only segments it has been in since such a moment, without a break, count: with `moreThanDaysAgo: 14`
    /// for more than 14 days. Who is in a segment as it is first filled came into it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<TimeTest>,
}

impl Segments {
    /// The segments it must be in, each of them.
    fn required(&self) -> &[Ref<SegmentId>] {
        match (self.mode, self.segment_ids.as_slice()) {
            (Mode::All, ids) | (Mode::Any, ids @ [_]) => ids,
            _ => &[],
        }
    }
}

/// All segments of a holder, or those it has been in since some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SegmentSource {
    since: Option<TimeTest>,
}

impl SegmentSource {
    pub(crate) fn timed(&self) -> bool {
        self.since.is_some_and(|since| since.timed())
    }

    /// How long somebody has to be in one of the segments that `test` names for the answer to be another.
    pub(crate) fn ages(&self, test: &Test) -> Vec<Age> {
        let (Some(since), Test::Has { of, .. }) = (&self.since, test) else {
            return Vec::new();
        };
        let ids = of.iter().filter_map(|element| match element {
            Element::Id(id) => Some(*id),
            Element::Word(_) => None,
        });
        ids.flat_map(|id| Aging::Segment(id).aged(since.ages()))
            .collect()
    }

    pub(crate) fn plan(&self, backend: DatabaseBackend) -> Plan {
        let mut plan = Plan::one("segment_member", "x.subject_id");
        plan.rows = Rows::Set;
        if let Some(since) = &self.since {
            plan.wheres.append(since.wheres("x.entered_at"));
        }
        plan.base.push(("v", Frag::new("x.segment_id")));
        let shown = frag::id_text(backend, "b.v");
        plan.text = Some((Frag::new("b.v"), Frag::new(shown)));
        plan
    }
}

impl Leaf for Segments {
    fn need(&self) -> Need {
        self.of.need()
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let ids_at = at.at("segmentIds");
        check::list(&self.segment_ids, MAX_IDS, &ids_at, refusals, "segment");
        if self.since.is_some_and(|since| since.is_set.is_some()) {
            let message = "Every member came in at some moment. Remove isSet.";
            let at = at.at("since").at("isSet");
            refusals.push(at.refuse(UserErrorCode::Invalid, message));
        } else {
            Checks::new(at, refusals).past("since", self.since.as_ref());
        }
    }

    fn asks(&self) -> Vec<Ask> {
        let source = SegmentSource { since: self.since };
        let measure = Measure::new(self.of.holder(), Source::Segments(source));
        let of = self.segment_ids.iter();
        let of = of.map(|id| Element::Id(id.uuid())).collect();
        vec![Ask::new(
            measure,
            Test::Has {
                mode: self.mode,
                of,
            },
        )]
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let names: Vec<String> = self
            .segment_ids
            .iter()
            .map(|id| phrasing.named(IdKind::Segment(self.of.subject_kind()), id.uuid()))
            .collect();
        let member = phrasing.member_of(self.of.subject(phrasing), self.mode, &names);
        let Some(since) = &self.since else {
            return member;
        };
        let came = say!(phrasing, "入った日時", "the moment of entry", "进入时间");
        let since = since.phrase(phrasing, came);
        say!(
            phrasing,
            format!("{member}（{since}場合だけを数える）"),
            format!("{member} (counting only where {since})"),
            format!("{member}（仅限{since}的情况）")
        )
    }

    fn excludes(&self, other: &Condition) -> bool {
        let Condition::Segments(other) = other else {
            return false;
        };
        let required_of =
            |ids: &[Ref<SegmentId>]| self.required().iter().any(|id| ids.contains(id));
        self.of == other.of
            && match (&self.since, &other.since) {
                // Each came into a segment at one moment.
                (Some(since), Some(others)) => {
                    !since.meets(others) && required_of(other.required())
                }
                (Some(_), None) => other.mode == Mode::None && required_of(&other.segment_ids),
                _ => false,
            }
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        let kind = IdKind::Segment(self.of.subject_kind());
        reference::refs(at, "segmentIds", kind, Some(&self.segment_ids), found);
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if matches!(kind, IdKind::Segment(_)) {
            reference::replace_refs(&mut self.segment_ids, from, to);
        }
    }
}
