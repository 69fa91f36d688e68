//! The conditions without conditions inside, one file each, and what several of them share.
//!
//! What each has to know of itself is the trait [`Leaf`]. A leaf never looks at other leaves, except to
//! say whom it excludes.

pub(super) mod account;
pub(super) mod attribute;
pub(super) mod author;
pub(super) mod business;
pub(super) mod chance;
pub(super) mod channel;
pub(super) mod clock;
pub(super) mod contact;
pub(super) mod conversation;
pub(super) mod email;
pub(super) mod event;
pub(super) mod field;
pub(super) mod group;
pub(super) mod health;
pub(super) mod keyword;
pub(super) mod pattern;
pub(super) mod profile;
pub(super) mod record;
pub(super) mod segment;
pub(super) mod subscription;
pub(super) mod survey;
pub(super) mod tag;
mod things;
pub(super) mod whose;
pub(super) mod words;

use entity::kind::Channel;
use uuid::Uuid;

use crate::{
    condition::{
        Condition, Keywords, Moment, Need, Pattern, TimeOfDay,
        facts::Seen,
        lineage::Below,
        matcher::Part,
        path::Path,
        reference::{IdKind, Reference},
        sentence::Phrasing,
        test::Ask,
        trace::Actual,
    },
    error::UserError,
};

/// A condition without conditions inside.
pub(crate) trait Leaf {
    /// What it asks about.
    fn need(&self) -> Need;
    /// Notes everything wrong with it.
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>);
    /// Says it as a clause.
    fn phrase(&self, phrasing: &Phrasing<'_>) -> String;
    /// What it asks the database, all of which must be answered with yes. Nothing, if only the
    /// message at hand can answer.
    fn asks(&self) -> Vec<Ask> {
        Vec::new()
    }
    /// Whether the message at hand answers it, so that nobody need ask the database.
    fn shallow(&self) -> bool {
        self.asks().is_empty()
    }
    /// Whether it holds of the message; asked only of shallow ones.
    fn holds(&self, _seen: &Seen<'_>) -> bool {
        false
    }
    /// What the message really has, for a trace; asked only of shallow ones.
    fn actual(&self, _seen: &Seen<'_>) -> Actual {
        Actual::Values(Vec::new())
    }
    /// Both at once.
    fn judge(&self, seen: &Seen<'_>) -> (bool, Actual) {
        (self.holds(seen), self.actual(seen))
    }
    /// What made it hold; called only when it does, and only of shallow ones.
    fn parts(&self, _seen: &Seen<'_>, _found: &mut Vec<Part>) {}
    /// Whether it holds at a moment, whatever it is asked of. Nothing, if that matters.
    fn constant(&self, _moment: &Moment) -> Option<bool> {
        None
    }
    /// Facts of which at least one must be there whenever the outcome is `wanted`. Nothing if
    /// there is no such list.
    fn anchors(&self, _wanted: bool) -> Option<Vec<Anchor>> {
        None
    }
    /// Whether `self` and `other` can never hold together. Asked in both orders.
    fn excludes(&self, _other: &Condition) -> bool {
        false
    }
    /// Notes every id it names.
    fn references(&self, _at: &Path, _found: &mut Vec<Reference>) {}
    /// Names `to` wherever it named `from`.
    fn replace(&mut self, _kind: IdKind, _from: Uuid, _to: Uuid) {}
    /// Names the tags below a named one beside it wherever they count as that one. It means the same then.
    fn name_below(&mut self, _below: &Below) {}
    /// Itself, if it is a keyword test: those are found for all rules in one pass.
    fn keywords(&self) -> Option<&Keywords> {
        None
    }
    /// Itself, if it asks for a time of day: all of those are about the same clock.
    fn clock(&self) -> Option<&TimeOfDay> {
        None
    }
    /// Itself, if it is a regular expression: those are compiled once.
    fn pattern(&self) -> Option<&Pattern> {
        None
    }
}

/// A fact that leads to the rules which ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Anchor {
    ContactTag { id: Uuid, with_descendants: bool },
    ConversationTag { id: Uuid, with_descendants: bool },
    Inbox(Uuid),
    Channel(Channel),
    Automatic(bool),
}
