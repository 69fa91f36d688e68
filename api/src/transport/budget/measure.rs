//! What a piece of a document amounts to, and the comparison with a limit. Sums saturate.

use async_graphql::Pos;

use super::super::{code::Code, failure::Failure, limits::DocumentLimits};

/// What a selection set amounts to once its fragments are expanded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measure {
    /// Points, apart from `per_item`.
    pub(super) fixed: u64,
    /// Points for each item of the connection this selection set is made on.
    pub(super) per_item: u64,
    /// Selections.
    pub(super) selections: u64,
    /// Fields at this level.
    pub(super) fields: u64,
    /// Fields below each other.
    pub(super) depth: u32,
    /// Selection sets inside each other, fragments included.
    pub(super) nesting: u32,
    /// Introspection lists below each other.
    pub(super) introspection_lists: u32,
}

impl Measure {
    pub(super) fn points(fixed: u64) -> Self {
        Self {
            fixed,
            ..Self::default()
        }
    }

    /// The selection that holds this set counts too.
    pub(super) fn counted(mut self) -> Self {
        self.selections = self.selections.saturating_add(1);
        self
    }

    pub(super) fn add(&mut self, part: &Self) {
        self.fixed = self.fixed.saturating_add(part.fixed);
        self.per_item = self.per_item.saturating_add(part.per_item);
        self.selections = self.selections.saturating_add(part.selections);
        self.fields = self.fields.saturating_add(part.fields);
        self.depth = self.depth.max(part.depth);
        self.nesting = self.nesting.max(part.nesting);
        self.introspection_lists = self.introspection_lists.max(part.introspection_lists);
    }

    pub(super) fn total(&self, limits: &DocumentLimits) -> u64 {
        let items = self.per_item.saturating_mul(limits.list_default);
        self.fixed.saturating_add(items)
    }
}

/// Refuses a count over its limit; without a place in the document if `pos` is the default one.
pub(super) fn at_most<N: PartialOrd + Copy + std::fmt::Display>(
    count: N,
    limit: N,
    pos: Pos,
    what: &str,
) -> Result<(), Failure> {
    if count <= limit {
        return Ok(());
    }
    let message = format!("The document has more than {limit} {what}.");
    if pos == Pos::default() {
        return Err(Failure::new(Code::GraphqlValidationFailed, message));
    }
    Err(Failure::invalid(message, pos))
}
