//! What must be true: the one language in which rules, segments, playbooks and lists ask.
//!
//! A [`Condition`] is a tree: groups (`all`, `any`, `not`) over leaves, one file each in `leaf`. A
//! leaf knows everything about itself: how it is checked, said in a sentence, tested, explained and
//! found quickly (its anchors). Everything else walks the tree and never names a leaf:
//! - [`check`](mod@check): whether a condition makes sense where it is used, before it is saved;
//! - [`sentence`]: a condition in words, in three languages;
//! - [`reference`](mod@reference): the ids it names;
//! - [`facts`] and [`text`]: what is known about a message, and how texts are compared;
//! - [`matcher`]: which conditions of thousands hold of a message, at once;
//! - [`sql`]: a condition about a row of contacts, accounts or conversations, in any statement;
//! - [`evaluate`](mod@evaluate): conditions on some contacts, accounts and conversations;
//! - [`trace`]: why a condition did or did not hold.
//!
//! Leaves are of two kinds. Shallow ones are answered by the message at hand. Deep ones ask the
//! database: each question (`test`) is a test of a `measure` of the contact, the account or the
//! conversation. Memory and SQL come to the same verdict, always: there is no third answer, and
//! nothing known passes no test but those that ask for nothing.
//!
//! To add one: a file with the struct, which is its stored JSON and its GraphQL input and output at
//! once, and its `Leaf`; then its variant in [`Condition`], [`ConditionInput`] and
//! [`ConditionOutput`], and its line in the functions here; then its sample in `rule/samples/`.

pub mod check;
pub mod evaluate;
pub mod explain;
pub mod facts;
pub mod known;
mod leaf;
pub mod matcher;
mod measure;
pub mod moment;
pub(crate) mod path;
mod people;
pub mod reference;
pub mod scalar;
pub mod sentence;
pub mod sql;
pub mod test;
pub mod text;
pub mod trace;

use async_graphql::{OneofObject, SimpleObject, Union};
use entity::{id::WorkspaceId, kind::Channel};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use check::{Use, check};
pub use leaf::{
    account::AccountFields,
    attribute::Attribute,
    author::{FromAutomatic, FromAutomaticCondition},
    business::WithinBusinessHours,
    channel::{ChannelCondition, ChannelConditionInput, Channels},
    clock::TimeOfDay,
    contact::ContactFields,
    conversation::ConversationFields,
    email::{Email, EmailMeasure, EmailTest},
    event::{EventMeasure, EventTest, Events, PropertyTest},
    group::GroupEmpty,
    health::Health,
    keyword::{
        Field, KeywordMatch, KeywordMode, Keywords, KeywordsCondition, KeywordsConditionInput,
    },
    pattern::Pattern,
    record::{Invoices, Opportunities, Orders, Tickets, TotalTest},
    segment::Segments,
    subscription::Subscription,
    survey::Survey,
    tag::{
        AccountTags, AccountTagsCondition, ContactTags, ContactTagsCondition, ConversationTags,
        ConversationTagsCondition, TagMode, TagTest, TagsConditionInput,
    },
    whose::Whose,
};
pub use moment::Moment;
pub use scalar::{Number, Ref};
pub use test::{Mode, NumberTest, TextTest, TimeTest};

use self::{
    check::MAX_DEPTH,
    facts::Seen,
    matcher::Part,
    measure::{Holder, Source},
    path::Path,
    reference::{IdKind, IdReader, IdWriter, Reference},
    sentence::Phrasing,
    test::Ask,
    trace::Actual,
};
use crate::error::{Result, UserError, UserErrorCode};

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
    /// Nothing but the time.
    Nothing,
    /// The message at hand.
    Message,
    /// The conversation.
    Conversation,
    /// The contact.
    Contact,
    /// The account.
    Account,
}

impl Need {
    fn noun(self) -> &'static str {
        match self {
            Self::Nothing => "The time",
            Self::Message => "The message",
            Self::Conversation => "The conversation",
            Self::Contact => "The contact",
            Self::Account => "The account",
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
            Need::Account | Need::Nothing => true,
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

/// A tree of conditions. Stored as JSON, so a change here must keep decoding what older programs
/// wrote.
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
    /// Tags of the account.
    AccountTags(AccountTags),
    /// The channel.
    Channel(Channels),
    /// Whether a machine answered.
    FromAutomatic(FromAutomatic),
    /// A regular expression that the subject or the text of the message matches.
    Regex(Pattern),
    /// The day of the week and the time of day, such as business hours.
    TimeOfDay(TimeOfDay),
    /// Whether it is within the business hours of the workspace.
    BusinessHours(WithinBusinessHours),
    /// What is known of the contact: names, stage, owner, source, times.
    Contact(Box<ContactFields>),
    /// What is known of the account: name, stage, owner.
    Account(Box<AccountFields>),
    /// What is known of the conversation: state, priority, assignee.
    Conversation(Box<ConversationFields>),
    /// The value of a custom attribute.
    Attribute(Box<Attribute>),
    /// Whether anything of a tag group is set.
    TagGroup(GroupEmpty),
    /// What the contact did, and how often, how much, how long ago.
    Events(Box<Events>),
    /// How the contact takes our email.
    Email(Email),
    /// How the relationship is doing: score, band, change.
    Health(Box<Health>),
    /// Orders: how many, how much, how long ago.
    Orders(Box<Orders>),
    /// Invoices: how many, how much, overdue.
    Invoices(Box<Invoices>),
    /// Support tickets: how many, how urgent, how satisfied.
    Tickets(Box<Tickets>),
    /// Opportunities: how many, how much, won or lost.
    Opportunities(Box<Opportunities>),
    /// Whether the contact wants to hear from us.
    Subscription(Subscription),
    /// Segments the contact or the account is in.
    Segments(Segments),
    /// Answers to surveys.
    Survey(Box<Survey>),
}

/// Everything wrong with the condition of a list's filter that is used in `context`, including ids this
/// workspace does not have; empty if it can be asked. Paths begin with `condition`.
pub async fn refusals(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    condition: &Condition,
    context: Context,
) -> Result<Vec<UserError>> {
    let mut errors = check(condition, context, Use::Filter);
    // What breaks its limits is not looked up.
    if !errors
        .iter()
        .any(|error| error.code == UserErrorCode::TooLong)
    {
        let references = condition.all_references();
        errors.extend(reference::unknown(connection, workspace, &references).await?);
    }
    Ok(errors)
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
    /// Itself, if it is a keyword test: those are found for all rules in one pass.
    fn keywords(&self) -> Option<&Keywords> {
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
            Self::AccountTags(_) => "accountTags",
            Self::Channel(_) => "channel",
            Self::FromAutomatic(_) => "fromAutomatic",
            Self::Regex(_) => "regex",
            Self::TimeOfDay(_) => "timeOfDay",
            Self::BusinessHours(_) => "businessHours",
            Self::Contact(_) => "contact",
            Self::Account(_) => "account",
            Self::Conversation(_) => "conversation",
            Self::Attribute(_) => "attribute",
            Self::TagGroup(_) => "tagGroup",
            Self::Events(_) => "events",
            Self::Email(_) => "email",
            Self::Health(_) => "health",
            Self::Orders(_) => "orders",
            Self::Invoices(_) => "invoices",
            Self::Tickets(_) => "tickets",
            Self::Opportunities(_) => "opportunities",
            Self::Subscription(_) => "subscription",
            Self::Segments(_) => "segments",
            Self::Survey(_) => "survey",
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
            Self::Orders(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Invoices(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Tickets(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Opportunities(leaf) => Shape::Leaf(leaf.as_ref()),
            Self::Subscription(leaf) => Shape::Leaf(leaf),
            Self::Segments(leaf) => Shape::Leaf(leaf),
            Self::Survey(leaf) => Shape::Leaf(leaf.as_ref()),
        }
    }

    fn shape_mut(&mut self) -> ShapeMut<'_> {
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
            Self::Orders(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Invoices(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Tickets(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Opportunities(leaf) => ShapeMut::Leaf(leaf.as_mut()),
            Self::Subscription(leaf) => ShapeMut::Leaf(leaf),
            Self::Segments(leaf) => ShapeMut::Leaf(leaf),
            Self::Survey(leaf) => ShapeMut::Leaf(leaf.as_mut()),
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

    /// Every id it names, with the place where it does. Paths begin with `condition`.
    pub fn all_references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        self.references(&Path::root("condition"), &mut found);
        found
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

    /// The names of the facts of the change log that can give it another answer, beside those by
    /// which contacts are merged, taken apart and erased.
    pub fn depends(&self) -> std::collections::BTreeSet<&'static str> {
        let mut names = std::collections::BTreeSet::new();
        self.each_leaf(&mut |leaf| {
            for ask in leaf.asks() {
                names.extend(ask.measure.depends().iter().copied());
            }
        });
        names
    }

    /// The memory that its compiled regular expressions take. Beyond what one condition may take no more
    /// are compiled to find out.
    pub(crate) fn pattern_bytes(&self) -> usize {
        let mut bytes = 0;
        self.each_leaf(&mut |leaf| {
            if bytes <= leaf::pattern::MAX_IN_CONDITION {
                bytes += leaf.pattern().map_or(0, Pattern::size);
            }
        });
        bytes
    }

    /// The names of the events that can give it another answer; nothing, if an event of any name can.
    pub(crate) fn event_names(&self) -> Option<std::collections::BTreeSet<String>> {
        let mut names = Some(std::collections::BTreeSet::new());
        self.each_leaf(&mut |leaf| {
            for ask in leaf.asks() {
                if !ask.measure.depends().contains(&"event.recorded") {
                    continue;
                }
                match &ask.measure.source {
                    Source::Events(source) if !source.names().is_empty() => {
                        if let Some(names) = &mut names {
                            names.extend(source.names().iter().cloned());
                        }
                    }
                    _ => names = None,
                }
            }
        });
        names
    }

    /// Whether it can get another answer by time passing alone.
    pub fn timed(&self) -> bool {
        let mut timed = false;
        self.each_leaf(&mut |leaf| {
            timed |= leaf.need() == Need::Nothing || leaf.asks().iter().any(Ask::timed);
        });
        timed
    }

    /// The ages of the contact's events, in days, at which time alone can give it another answer; nothing,
    /// if time can do so in other ways.
    pub(crate) fn event_ages(&self) -> Option<Vec<f64>> {
        let mut ages = Some(Vec::new());
        self.each_leaf(&mut |leaf| {
            if leaf.need() == Need::Nothing {
                ages = None;
            }
            for ask in leaf.asks().iter().filter(|ask| ask.timed()) {
                match (&ask.measure.source, ask.measure.holder, &mut ages) {
                    (Source::Events(source), Holder::Contact, Some(ages)) => {
                        ages.extend(source.ages(&ask.test));
                    }
                    _ => ages = None,
                }
            }
        });
        ages
    }

    /// Whether it asks about the account: then what happens to the account's other contacts can
    /// matter to a contact.
    pub fn asks_account(&self) -> bool {
        let mut account = false;
        self.each_leaf(&mut |leaf| account |= leaf.need() == Need::Account);
        account
    }

    /// The condition and every one inside it, parents before children: the order of a trace.
    pub fn nodes(&self) -> Vec<&Condition> {
        let mut nodes = vec![self];
        match self.shape() {
            Shape::All(children) | Shape::Any(children) => {
                nodes.extend(children.iter().flat_map(Condition::nodes));
            }
            Shape::Not(child) => nodes.extend(child.nodes()),
            Shape::Leaf(_) => {}
        }
        nodes
    }

    fn each_leaf(&self, visit: &mut impl FnMut(&dyn Leaf)) {
        match self.shape() {
            Shape::All(children) | Shape::Any(children) => {
                for child in children {
                    child.each_leaf(visit);
                }
            }
            Shape::Not(child) => child.each_leaf(visit),
            Shape::Leaf(leaf) => visit(leaf),
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
            Self::AccountTags(leaf) => ConditionOutput::AccountTags(leaf.to_output(ids)),
            Self::Channel(leaf) => ConditionOutput::Channel(leaf.to_output()),
            Self::FromAutomatic(leaf) => ConditionOutput::FromAutomatic(leaf.to_output()),
            Self::Regex(leaf) => ConditionOutput::Regex(leaf.clone()),
            Self::TimeOfDay(leaf) => ConditionOutput::TimeOfDay(leaf.clone()),
            Self::BusinessHours(leaf) => ConditionOutput::BusinessHours(leaf.clone()),
            Self::Contact(leaf) => ConditionOutput::Contact(leaf.clone()),
            Self::Account(leaf) => ConditionOutput::Account(leaf.clone()),
            Self::Conversation(leaf) => ConditionOutput::Conversation(leaf.clone()),
            Self::Attribute(leaf) => ConditionOutput::Attribute(leaf.clone()),
            Self::TagGroup(leaf) => ConditionOutput::TagGroup(leaf.clone()),
            Self::Events(leaf) => ConditionOutput::Events(leaf.clone()),
            Self::Email(leaf) => ConditionOutput::Email(leaf.clone()),
            Self::Health(leaf) => ConditionOutput::Health(leaf.clone()),
            Self::Orders(leaf) => ConditionOutput::Orders(leaf.clone()),
            Self::Invoices(leaf) => ConditionOutput::Invoices(leaf.clone()),
            Self::Tickets(leaf) => ConditionOutput::Tickets(leaf.clone()),
            Self::Opportunities(leaf) => ConditionOutput::Opportunities(leaf.clone()),
            Self::Subscription(leaf) => ConditionOutput::Subscription(leaf.clone()),
            Self::Segments(leaf) => ConditionOutput::Segments(leaf.clone()),
            Self::Survey(leaf) => ConditionOutput::Survey(leaf.clone()),
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
    /// Tags that the contact has.
    ContactTags(TagsConditionInput),
    /// Tags that the conversation has; in a rule on a message, before this message's rules ran.
    ConversationTags(TagsConditionInput),
    /// Tags that the account has; of a contact, the account the contact is at.
    AccountTags(TagsConditionInput),
    /// The channel the message came through.
    Channel(ChannelConditionInput),
    /// `true`: only automatic messages such as out-of-office replies. `false`: only messages that
    /// are not automatic.
    FromAutomatic(bool),
    /// A regular expression that the subject or the text of the message matches.
    Regex(Pattern),
    /// The day of the week and the time of day.
    TimeOfDay(TimeOfDay),
    /// Whether it is within the business hours of the workspace.
    BusinessHours(WithinBusinessHours),
    /// What is known of the contact: names, stage, owner, source, times.
    Contact(Box<ContactFields>),
    /// What is known of the account: name, stage, owner.
    Account(Box<AccountFields>),
    /// What is known of the conversation: state, priority, assignee.
    Conversation(Box<ConversationFields>),
    /// The value of a custom attribute.
    Attribute(Box<Attribute>),
    /// Whether anything of a tag group is set.
    TagGroup(GroupEmpty),
    /// What the contact did, and how often, how much, how long ago.
    Events(Box<Events>),
    /// How the contact takes our email.
    Email(Email),
    /// How the relationship is doing: score, band, change.
    Health(Box<Health>),
    /// Orders: how many, how much, how long ago.
    Orders(Box<Orders>),
    /// Invoices: how many, how much, overdue.
    Invoices(Box<Invoices>),
    /// Support tickets: how many, how urgent, how satisfied.
    Tickets(Box<Tickets>),
    /// Opportunities: how many, how much, won or lost.
    Opportunities(Box<Opportunities>),
    /// Whether the contact wants to hear from us.
    Subscription(Subscription),
    /// Segments the contact or the account is in.
    Segments(Segments),
    /// Answers to surveys.
    Survey(Box<Survey>),
}

impl ConditionInput {
    /// Reads the ids, or says which cannot be read. Paths begin with `condition`. Everything else
    /// that may be wrong is found by [`check`](check::check) on the result.
    pub fn into_condition(
        self,
        ids: &dyn IdReader,
    ) -> std::result::Result<Condition, Vec<UserError>> {
        let mut refusals = Vec::new();
        let condition = self.convert(ids, &Path::root("condition"), 1, &mut refusals);
        // Stored, it stands for no condition at all, which is asked for by giving none.
        if matches!(&condition, Condition::All(children) if children.is_empty())
            && refusals.is_empty()
        {
            refusals.push(Path::root("condition").at("all").refuse(
                UserErrorCode::Required,
                "Put at least one condition into this group, or remove it.",
            ));
        }
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
            Self::AccountTags(input) => Condition::AccountTags(AccountTags(input.into_test(
                ids,
                IdKind::ContactTag,
                &at.at("accountTags"),
                refusals,
            ))),
            Self::Channel(input) => Condition::Channel(input.into_condition()),
            Self::FromAutomatic(wanted) => Condition::FromAutomatic(FromAutomatic(wanted)),
            Self::Regex(leaf) => Condition::Regex(leaf),
            Self::TimeOfDay(leaf) => Condition::TimeOfDay(leaf),
            Self::BusinessHours(leaf) => Condition::BusinessHours(leaf),
            Self::Contact(leaf) => Condition::Contact(leaf),
            Self::Account(leaf) => Condition::Account(leaf),
            Self::Conversation(leaf) => Condition::Conversation(leaf),
            Self::Attribute(leaf) => Condition::Attribute(leaf),
            Self::TagGroup(leaf) => Condition::TagGroup(leaf),
            Self::Events(leaf) => Condition::Events(leaf),
            Self::Email(leaf) => Condition::Email(leaf),
            Self::Health(leaf) => Condition::Health(leaf),
            Self::Orders(leaf) => Condition::Orders(leaf),
            Self::Invoices(leaf) => Condition::Invoices(leaf),
            Self::Tickets(leaf) => Condition::Tickets(leaf),
            Self::Opportunities(leaf) => Condition::Opportunities(leaf),
            Self::Subscription(leaf) => Condition::Subscription(leaf),
            Self::Segments(leaf) => Condition::Segments(leaf),
            Self::Survey(leaf) => Condition::Survey(leaf),
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
    /// Tags of the account.
    AccountTags(AccountTagsCondition),
    /// The channel.
    Channel(ChannelCondition),
    /// Whether a machine answered.
    FromAutomatic(FromAutomaticCondition),
    /// A regular expression that the subject or the text of the message matches.
    Regex(Pattern),
    /// The day of the week and the time of day.
    TimeOfDay(TimeOfDay),
    /// Whether it is within the business hours of the workspace.
    BusinessHours(WithinBusinessHours),
    /// What is known of the contact: names, stage, owner, source, times.
    Contact(Box<ContactFields>),
    /// What is known of the account: name, stage, owner.
    Account(Box<AccountFields>),
    /// What is known of the conversation: state, priority, assignee.
    Conversation(Box<ConversationFields>),
    /// The value of a custom attribute.
    Attribute(Box<Attribute>),
    /// Whether anything of a tag group is set.
    TagGroup(GroupEmpty),
    /// What the contact did, and how often, how much, how long ago.
    Events(Box<Events>),
    /// How the contact takes our email.
    Email(Email),
    /// How the relationship is doing: score, band, change.
    Health(Box<Health>),
    /// Orders: how many, how much, how long ago.
    Orders(Box<Orders>),
    /// Invoices: how many, how much, overdue.
    Invoices(Box<Invoices>),
    /// Support tickets: how many, how urgent, how satisfied.
    Tickets(Box<Tickets>),
    /// Opportunities: how many, how much, won or lost.
    Opportunities(Box<Opportunities>),
    /// Whether the contact wants to hear from us.
    Subscription(Subscription),
    /// Segments the contact or the account is in.
    Segments(Segments),
    /// Answers to surveys.
    Survey(Box<Survey>),
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
