//! What must be true of a message for a rule to fire.
//!
//! A [`Condition`] is a tree: groups (`all`, `any`, `not`) over leaves, one file each. A leaf
//! knows everything about itself: how it is checked, said in a sentence, tested, explained and
//! found quickly (its anchors). The matcher, the checks and the sentences walk the tree and never
//! name a leaf.
//!
//! To add one: a file with the struct, its `Leaf`, its GraphQL input and output; then its variant
//! in [`Condition`], [`ConditionInput`] and [`ConditionOutput`], and its line in the `shape`,
//! `shape_mut`, `into_condition` and `to_output` functions here; then its sample in `samples/`.

pub mod check;
pub mod facts;
mod leaf;
pub mod matcher;
pub(crate) mod path;
pub mod reference;
pub mod sentence;
pub mod text;
pub mod trace;

use async_graphql::{OneofObject, SimpleObject, Union};
use entity::kind::Channel;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use check::check;
pub use leaf::{
    author::{FromAutomatic, FromAutomaticCondition},
    channel::{ChannelCondition, ChannelConditionInput, Channels},
    keyword::{
        Field, KeywordMatch, KeywordMode, Keywords, KeywordsCondition, KeywordsConditionInput,
    },
    tag::{
        ContactTags, ContactTagsCondition, ConversationTags, ConversationTagsCondition, TagMode,
        TagTest, TagsConditionInput,
    },
};

use self::{
    check::MAX_DEPTH,
    facts::Seen,
    matcher::Part,
    path::Path,
    reference::{IdKind, IdReader, IdWriter, Reference},
    sentence::Phrasing,
    trace::Actual,
};
use crate::error::{UserError, UserErrorCode};

/// Where a condition is used, which says what facts there are to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// A rule on a message: the message, its conversation, contact and account are known.
    Message,
    /// Something about a conversation: its contact and account are known too.
    Conversation,
    /// Segments and playbooks of contacts, and what concerns a contact: the account is known too.
    Contact,
    /// Segments and playbooks of accounts.
    Account,
}

/// What a condition asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Need {
    /// The message at hand.
    Message,
    /// The conversation.
    Conversation,
    /// The contact.
    Contact,
}

impl Need {
    fn noun(self) -> &'static str {
        match self {
            Self::Message => "The message",
            Self::Conversation => "The conversation",
            Self::Contact => "The contact",
        }
    }
}

impl Context {
    /// Whether there is what a condition asks about.
    pub(crate) fn knows(self, need: Need) -> bool {
        match need {
            Need::Message => self == Self::Message,
            Need::Conversation => matches!(self, Self::Message | Self::Conversation),
            Need::Contact => self != Self::Account,
        }
    }

    /// Where this is, in the middle of a sentence.
    fn noun(self) -> &'static str {
        match self {
            Self::Message => "a rule on messages",
            Self::Conversation => "a condition on conversations",
            Self::Contact => "a condition on contacts",
            Self::Account => "a condition on accounts",
        }
    }
}

/// A tree of conditions over one message. Stored as JSON, so a change here must keep decoding
/// what older programs wrote.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Condition {
    /// Every one of these holds.
    All(Vec<Condition>),
    /// At least one of these holds.
    Any(Vec<Condition>),
    /// This does not hold.
    Not(Box<Condition>),
    /// Words in the text.
    Keywords(Keywords),
    /// Tags of the contact.
    ContactTags(ContactTags),
    /// Tags of the conversation.
    ConversationTags(ConversationTags),
    /// The channel.
    Channel(Channels),
    /// Whether a machine answered.
    FromAutomatic(FromAutomatic),
}

/// What the tree-walking parts need to know about a condition.
pub(crate) enum Shape<'a> {
    All(&'a [Condition]),
    Any(&'a [Condition]),
    Not(&'a Condition),
    Leaf(&'a dyn Leaf),
}

enum ShapeMut<'a> {
    Group(&'a mut [Condition]),
    Leaf(&'a mut dyn Leaf),
}

/// A condition without conditions inside.
pub(crate) trait Leaf {
    /// What it asks about.
    fn need(&self) -> Need;
    /// Notes everything wrong with it.
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>);
    /// Says it as a clause.
    fn phrase(&self, phrasing: &Phrasing<'_>) -> String;
    /// Whether it holds.
    fn holds(&self, seen: &Seen<'_>) -> bool;
    /// What the message really has, for a trace.
    fn actual(&self, seen: &Seen<'_>) -> Actual;
    /// What made it hold; called only when it does.
    fn parts(&self, seen: &Seen<'_>, found: &mut Vec<Part>);
    /// Facts of which at least one must be there whenever the outcome is `wanted`. Nothing if
    /// there is no such list.
    fn anchors(&self, wanted: bool) -> Option<Vec<Anchor>>;
    /// Whether `self` and `other` can never hold together. Asked in both orders.
    fn excludes(&self, other: &Condition) -> bool;
    /// Notes every id it names.
    fn references(&self, _at: &Path, _found: &mut Vec<Reference>) {}
    /// Names `to` wherever it named `from`.
    fn replace(&mut self, _kind: IdKind, _from: Uuid, _to: Uuid) {}
    /// Itself, if it is a keyword test: those are found for all rules in one pass.
    fn keywords(&self) -> Option<&Keywords> {
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

impl Condition {
    /// The name of the kind: in stored JSON, in GraphQL and in paths.
    pub fn name(&self) -> &'static str {
        match self {
            Self::All(_) => "all",
            Self::Any(_) => "any",
            Self::Not(_) => "not",
            Self::Keywords(_) => "keywords",
            Self::ContactTags(_) => "contactTags",
            Self::ConversationTags(_) => "conversationTags",
            Self::Channel(_) => "channel",
            Self::FromAutomatic(_) => "fromAutomatic",
        }
    }

    pub(crate) fn shape(&self) -> Shape<'_> {
        match self {
            Self::All(children) => Shape::All(children),
            Self::Any(children) => Shape::Any(children),
            Self::Not(child) => Shape::Not(child),
            Self::Keywords(leaf) => Shape::Leaf(leaf),
            Self::ContactTags(leaf) => Shape::Leaf(leaf),
            Self::ConversationTags(leaf) => Shape::Leaf(leaf),
            Self::Channel(leaf) => Shape::Leaf(leaf),
            Self::FromAutomatic(leaf) => Shape::Leaf(leaf),
        }
    }

    fn shape_mut(&mut self) -> ShapeMut<'_> {
        match self {
            Self::All(children) | Self::Any(children) => ShapeMut::Group(children),
            Self::Not(child) => ShapeMut::Group(std::slice::from_mut(child)),
            Self::Keywords(leaf) => ShapeMut::Leaf(leaf),
            Self::ContactTags(leaf) => ShapeMut::Leaf(leaf),
            Self::ConversationTags(leaf) => ShapeMut::Leaf(leaf),
            Self::Channel(leaf) => ShapeMut::Leaf(leaf),
            Self::FromAutomatic(leaf) => ShapeMut::Leaf(leaf),
        }
    }

    /// Every child with the path to it.
    pub(crate) fn children(&self, at: &Path) -> Vec<(Path, &Condition)> {
        let at = at.at(self.name());
        match self.shape() {
            Shape::All(children) | Shape::Any(children) => children
                .iter()
                .enumerate()
                .map(|(index, child)| (at.nth(index), child))
                .collect(),
            Shape::Not(child) => vec![(at, child)],
            Shape::Leaf(_) => Vec::new(),
        }
    }

    pub(crate) fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        if let Shape::Leaf(leaf) = self.shape() {
            leaf.references(&at.at(self.name()), found);
        }
        for (path, child) in self.children(at) {
            child.references(&path, found);
        }
    }

    /// Names `to` wherever the condition named `from`, as when two tags are merged.
    pub fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        match self.shape_mut() {
            ShapeMut::Group(children) => {
                for child in children {
                    child.replace(kind, from, to);
                }
            }
            ShapeMut::Leaf(leaf) => leaf.replace(kind, from, to),
        }
    }

    /// The condition as the API shows it.
    pub fn to_output(&self, ids: &dyn IdWriter) -> ConditionOutput {
        let list = |children: &[Self]| children.iter().map(|child| child.to_output(ids)).collect();
        match self {
            Self::All(children) => ConditionOutput::All(AllCondition {
                conditions: list(children),
            }),
            Self::Any(children) => ConditionOutput::Any(AnyCondition {
                conditions: list(children),
            }),
            Self::Not(child) => ConditionOutput::Not(NotCondition {
                condition: Box::new(child.to_output(ids)),
            }),
            Self::Keywords(leaf) => ConditionOutput::Keywords(leaf.to_output()),
            Self::ContactTags(leaf) => ConditionOutput::ContactTags(leaf.to_output(ids)),
            Self::ConversationTags(leaf) => ConditionOutput::ConversationTags(leaf.to_output(ids)),
            Self::Channel(leaf) => ConditionOutput::Channel(leaf.to_output()),
            Self::FromAutomatic(leaf) => ConditionOutput::FromAutomatic(leaf.to_output()),
        }
    }
}

/// What must be true. Set exactly one field.
#[derive(OneofObject, Debug, Clone)]
pub enum ConditionInput {
    /// Every condition in the list must hold.
    All(Vec<ConditionInput>),
    /// At least one condition in the list must hold.
    Any(Vec<ConditionInput>),
    /// The condition must not hold.
    Not(Box<ConditionInput>),
    /// Words that the subject or the text of the message contains.
    Keywords(KeywordsConditionInput),
    /// Tags that the contact who wrote has.
    ContactTags(TagsConditionInput),
    /// Tags that the conversation had before this message's rules ran.
    ConversationTags(TagsConditionInput),
    /// The channel the message came through.
    Channel(ChannelConditionInput),
    /// `true`: only automatic messages such as out-of-office replies. `false`: only messages that
    /// are not automatic.
    FromAutomatic(bool),
}

impl ConditionInput {
    /// Reads the ids, or says which cannot be read. Paths begin with `condition`. Everything else
    /// that may be wrong is found by [`check`](check::check) on the result.
    pub fn into_condition(self, ids: &dyn IdReader) -> Result<Condition, Vec<UserError>> {
        let mut refusals = Vec::new();
        let condition = self.convert(ids, &Path::root("condition"), 1, &mut refusals);
        if refusals.is_empty() {
            Ok(condition)
        } else {
            Err(refusals)
        }
    }

    fn convert(
        self,
        ids: &dyn IdReader,
        at: &Path,
        depth: usize,
        refusals: &mut Vec<UserError>,
    ) -> Condition {
        if depth > MAX_DEPTH {
            refusals.push(too_deep(at));
            return Condition::All(Vec::new());
        }
        let list = |children: Vec<Self>, name: &str, refusals: &mut Vec<UserError>| {
            let at = at.at(name);
            children
                .into_iter()
                .enumerate()
                .map(|(index, child)| child.convert(ids, &at.nth(index), depth + 1, refusals))
                .collect()
        };
        match self {
            Self::All(children) => Condition::All(list(children, "all", refusals)),
            Self::Any(children) => Condition::Any(list(children, "any", refusals)),
            Self::Not(child) => Condition::Not(Box::new(child.convert(
                ids,
                &at.at("not"),
                depth + 1,
                refusals,
            ))),
            Self::Keywords(input) => Condition::Keywords(input.into_condition()),
            Self::ContactTags(input) => Condition::ContactTags(ContactTags(input.into_test(
                ids,
                IdKind::ContactTag,
                &at.at("contactTags"),
                refusals,
            ))),
            Self::ConversationTags(input) => {
                Condition::ConversationTags(ConversationTags(input.into_test(
                    ids,
                    IdKind::ConversationTag,
                    &at.at("conversationTags"),
                    refusals,
                )))
            }
            Self::Channel(input) => Condition::Channel(input.into_condition()),
            Self::FromAutomatic(wanted) => Condition::FromAutomatic(FromAutomatic(wanted)),
        }
    }
}

pub(crate) fn too_deep(at: &Path) -> UserError {
    at.refuse(
        UserErrorCode::Invalid,
        format!("Conditions may be nested {MAX_DEPTH} levels deep. Flatten this group."),
    )
}

/// What must be true.
#[derive(Union, Debug, Clone)]
#[graphql(name = "Condition")]
pub enum ConditionOutput {
    /// Every one of several conditions.
    All(AllCondition),
    /// One of several conditions.
    Any(AnyCondition),
    /// The opposite of a condition.
    Not(NotCondition),
    /// Words in the text.
    Keywords(KeywordsCondition),
    /// Tags of the contact.
    ContactTags(ContactTagsCondition),
    /// Tags of the conversation.
    ConversationTags(ConversationTagsCondition),
    /// The channel.
    Channel(ChannelCondition),
    /// Whether a machine answered.
    FromAutomatic(FromAutomaticCondition),
}

/// Holds when every one of its conditions holds.
#[derive(SimpleObject, Debug, Clone)]
pub struct AllCondition {
    /// The conditions, in the order they were written.
    pub conditions: Vec<ConditionOutput>,
}

/// Holds when at least one of its conditions holds.
#[derive(SimpleObject, Debug, Clone)]
pub struct AnyCondition {
    /// The conditions, in the order they were written.
    pub conditions: Vec<ConditionOutput>,
}

/// Holds when its condition does not.
#[derive(SimpleObject, Debug, Clone)]
pub struct NotCondition {
    /// The condition that must not hold.
    pub condition: Box<ConditionOutput>,
}
