//! A condition as those see it who walk it: groups and leaves. The only place besides the input and
//! the output that names every kind.

use super::{Condition, Leaf};

/// What the tree-walking parts need to know about a condition.
pub(crate) enum Shape<'a> {
    All(&'a [Condition]),
    Any(&'a [Condition]),
    Not(&'a Condition),
    Leaf(&'a dyn Leaf),
}

pub(super) enum ShapeMut<'a> {
    Group(&'a mut [Condition]),
    Leaf(&'a mut dyn Leaf),
}

impl Condition {
    pub(crate) fn shape(&self) -> Shape<'_> {
        match self {
            Self::All(children) => Shape::All(children),
            Self::Any(children) => Shape::Any(children),
            Self::Not(child) => Shape::Not(child),
            Self::Keywords(leaf) => Shape::Leaf(leaf),
            Self::ContactTags(leaf) => Shape::Leaf(leaf),
            Self::ConversationTags(leaf) => Shape::Leaf(leaf),
            Self::AccountTags(leaf) => Shape::Leaf(leaf),
            Self::Channel(leaf) => Shape::Leaf(leaf),
            Self::FromAutomatic(leaf) => Shape::Leaf(leaf),
            Self::Regex(leaf) => Shape::Leaf(leaf),
            Self::TimeOfDay(leaf) => Shape::Leaf(leaf),
            Self::BusinessHours(leaf) => Shape::Leaf(leaf),
            Self::Contact(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Account(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Conversation(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Attribute(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::TagGroup(leaf) => Shape::Leaf(leaf),
            Self::Events(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Email(leaf) => Shape::Leaf(leaf),
            Self::Health(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Profile(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Orders(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Invoices(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Tickets(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Opportunities(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Subscription(leaf) => Shape::Leaf(leaf),
            Self::Segments(leaf) => Shape::Leaf(leaf),
            Self::Survey(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::RandomShare(leaf) => Shape::Leaf(leaf),
        }
    }

    pub(super) fn shape_mut(&mut self) -> ShapeMut<'_> {
        match self {
            Self::All(children) | Self::Any(children) => ShapeMut::Group(children),
            Self::Not(child) => ShapeMut::Group(std::slice::from_mut(child)),
            Self::Keywords(leaf) => ShapeMut::Leaf(leaf),
            Self::ContactTags(leaf) => ShapeMut::Leaf(leaf),
            Self::ConversationTags(leaf) => ShapeMut::Leaf(leaf),
            Self::AccountTags(leaf) => ShapeMut::Leaf(leaf),
            Self::Channel(leaf) => ShapeMut::Leaf(leaf),
            Self::FromAutomatic(leaf) => ShapeMut::Leaf(leaf),
            Self::Regex(leaf) => ShapeMut::Leaf(leaf),
            Self::TimeOfDay(leaf) => ShapeMut::Leaf(leaf),
            Self::BusinessHours(leaf) => ShapeMut::Leaf(leaf),
            Self::Contact(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Account(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Conversation(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Attribute(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::TagGroup(leaf) => ShapeMut::Leaf(leaf),
            Self::Events(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Email(leaf) => ShapeMut::Leaf(leaf),
            Self::Health(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Profile(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Orders(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Invoices(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Tickets(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Opportunities(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Subscription(leaf) => ShapeMut::Leaf(leaf),
            Self::Segments(leaf) => ShapeMut::Leaf(leaf),
            Self::Survey(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::RandomShare(leaf) => ShapeMut::Leaf(leaf),
        }
    }
}
