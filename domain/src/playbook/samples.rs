//! Short ways to make parts of playbooks, for tests.

use uuid::Uuid;

use super::definition::{Step, StepKind};
use crate::condition::{Condition, ContactTags, TagMode, TagTest};

/// A condition that says something.
pub(crate) fn always() -> Condition {
    Condition::ContactTags(ContactTags(TagTest {
        mode: TagMode::Any,
        tag_ids: vec![Uuid::from_u128(1)],
        with_descendants: true,
    }))
}

/// A step without a name.
pub(crate) fn step(id: &str, kind: StepKind, next: Option<&str>) -> Step {
    Step {
        id: id.to_owned(),
        name: String::new(),
        kind,
        next: next.map(str::to_owned),
    }
}
