//! Segments the contact or the account is in.

use async_graphql::{InputObject, SimpleObject};
use entity::id::SegmentId;
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    condition::{
        Leaf, Need, Whose,
        check::{self, MAX_IDS},
        measure::{Frag, Measure, Plan, Rows, Source, frag},
        path::Path,
        reference::{self, IdKind, Reference},
        scalar::Ref,
        sentence::Phrasing,
        test::{Ask, Element, Mode, Test},
    },
    error::UserError,
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
}

/// All segments of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SegmentSource;

impl SegmentSource {
    pub(crate) fn plan(backend: DatabaseBackend) -> Plan {
        let mut plan = Plan::one("segment_member", "x.subject_id");
        plan.rows = Rows::Set;
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
        let at = at.at("segmentIds");
        check::list(&self.segment_ids, MAX_IDS, &at, refusals, "segment");
    }

    fn asks(&self) -> Vec<Ask> {
        let measure = Measure::new(self.of.holder(), Source::Segments(SegmentSource));
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
        phrasing.member_of(self.of.subject(phrasing), self.mode, &names)
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
