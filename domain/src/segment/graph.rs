//! Segments made of segments: who is made of whom, without circles.

use std::collections::{BTreeMap, BTreeSet};

use entity::id::SegmentId;

/// Which segments each segment names.
pub(super) type Names = BTreeMap<SegmentId, BTreeSet<SegmentId>>;

/// Whether `id` would be made of itself if it named `named`, by way of what those name.
pub(super) fn closes_a_circle(id: SegmentId, named: &BTreeSet<SegmentId>, names: &Names) -> bool {
    let mut open: Vec<SegmentId> = named.iter().copied().collect();
    let mut seen = BTreeSet::new();
    while let Some(next) = open.pop() {
        if next == id {
            return true;
        }
        if seen.insert(next) {
            open.extend(names.get(&next).into_iter().flatten());
        }
    }
    false
}

/// The segments that name one of `ids` directly.
pub(super) fn naming(ids: &BTreeSet<SegmentId>, names: &Names) -> Vec<SegmentId> {
    let naming = names.iter().filter(|(_, named)| !named.is_disjoint(ids));
    naming.map(|(id, _)| *id).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> SegmentId {
        SegmentId(Uuid::from_u128(number))
    }

    fn set(numbers: &[u128]) -> BTreeSet<SegmentId> {
        numbers.iter().map(|&number| id(number)).collect()
    }

    #[test]
    fn a_circle_is_found_however_long_it_is() {
        let names: Names = [(2, vec![3]), (3, vec![4, 5]), (4, vec![]), (5, vec![6])]
            .into_iter()
            .map(|(from, to)| (id(from), set(&to)))
            .collect();
        for (of, named, expected) in [
            (1, vec![2], false),
            (1, vec![1], true),
            (6, vec![2], true),
            (6, vec![4], false),
            (4, vec![5], false),
            (4, vec![3], true),
        ] {
            let closes = closes_a_circle(id(of), &set(&named), &names);
            assert_eq!(closes, expected, "{of} of {named:?}");
        }
    }

    #[test]
    fn who_names_a_segment_is_found() {
        let names: Names = [(2, vec![1]), (3, vec![2]), (4, vec![1, 3])]
            .into_iter()
            .map(|(from, to)| (id(from), set(&to)))
            .collect();
        assert_eq!(naming(&set(&[1]), &names), [id(2), id(4)]);
        assert!(naming(&set(&[9]), &names).is_empty());
    }
}
