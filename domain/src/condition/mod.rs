//! What must be true: the one language in which rules, segments, playbooks and lists ask.
//!
//! A [`Condition`] is a tree: groups (`all`, `any`, `not`) over leaves, one file each in `leaf`. A
//! leaf knows everything about itself: how it is checked, said in a sentence, tested, explained and
//! found quickly (its anchors). `shape`, `input` and `output` name every kind once each. Everything
//! else walks the tree and never names a leaf:
//! - [`check`](mod@check): whether a condition makes sense where it is used, before it is saved;
//! - `contradiction`: conditions that must hold together and never can; `lineage`: those of which only the tree of
//!   tags and their groups tell;
//! - [`sentence`]: a condition in words, in three languages;
//! - [`reference`](mod@reference): the ids it names;
//! - [`facts`] and [`text`]: what is known about a message, and how texts are compared;
//! - [`matcher`]: which conditions of thousands hold of a message, at once;
//! - `bearing`: which facts of the change log can change an answer; `age`: when time alone does;
//! - `tree`: what is gathered from all of a condition;
//! - [`sql`]: a condition about a row of contacts, accounts or conversations, in any statement;
//! - [`evaluate`](mod@evaluate): conditions on some contacts, accounts and conversations; `known`: what the
//!   database knows of them, `people`: what can be asked once for everybody at an account;
//! - [`trace`]: why a condition did or did not hold; `explain`: the same of a message of the past.
//!
//! `context` says where a condition is used, `moment` when it is judged, `path` where something stands in
//! it; `scalar` has the numbers and ids of leaves.
//!
//! Leaves are of two kinds. Shallow ones are answered by the message at hand. Deep ones ask the
//! database: each question (`test`) is a test of a `measure` of the contact, the account or the
//! conversation. Memory and SQL come to the same verdict, always: there is no third answer, and
//! nothing known passes no test but those that ask for nothing.
//!
//! To add one: a file with the struct, which is its stored JSON and its GraphQL input and output at
//! once, and its `Leaf`; then its variant in [`Condition`], [`ConditionInput`] and
//! [`ConditionOutput`], and its line in the functions here, in `shape`, `input` and `output`; then its
//! sample in `rule/samples/`.

pub(crate) mod age;
pub(crate) mod bearing;
pub mod check;
mod context;
mod contradiction;
pub mod evaluate;
pub mod explain;
pub mod facts;
mod input;
pub mod known;
mod leaf;
pub(crate) mod lineage;
pub mod matcher;
mod measure;
pub mod moment;
mod output;
pub(crate) mod path;
mod people;
pub mod reference;
pub mod scalar;
pub mod sentence;
mod shape;
pub mod sql;
pub mod test;
pub mod text;
pub mod trace;
mod tree;

use entity::id::WorkspaceId;
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

use crate::error::{Result, UserError, UserErrorCode};

pub(crate) use self::{
    context::Need,
    contradiction::may_hold_together,
    input::too_deep,
    leaf::{
        Anchor, Leaf,
        channel::label as channel_label,
        conversation::{priority_label, status_label},
        event::{
            check_all as check_properties, contradiction as contradict_properties,
            phrase_all as phrase_properties, text_of as property_of,
        },
        words::{band_label, stage_label},
    },
    shape::Shape,
};
pub use check::{Use, check};
pub use context::Context;
pub use input::ConditionInput;
pub use leaf::{
    account::AccountFields,
    attribute::Attribute,
    author::{FromAutomatic, FromAutomaticCondition},
    business::WithinBusinessHours,
    chance::RandomShare,
    channel::{ChannelCondition, ChannelConditionInput, Channels},
    clock::TimeOfDay,
    contact::ContactFields,
    conversation::ConversationFields,
    email::{Email, EmailMeasure, EmailTest},
    event::{EventMeasure, EventTest, Events, FollowUp, PropertyTest},
    group::GroupEmpty,
    health::Health,
    keyword::{
        Field, KeywordMatch, KeywordMode, Keywords, KeywordsCondition, KeywordsConditionInput,
    },
    pattern::Pattern,
    profile::Profile,
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
pub use output::{AllCondition, AnyCondition, ConditionOutput, NotCondition};
pub use scalar::{Natural, Number, Ref};
pub use test::{Mode, NumberTest, TextTest, TimeTest};

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
    /// What customers do, as it compares: scores of their purchases, active days.
    Profile(Box<Profile>),
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
    /// A share of everybody, by chance.
    RandomShare(RandomShare),
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
            Self::Profile(_) => "profile",
            Self::Orders(_) => "orders",
            Self::Invoices(_) => "invoices",
            Self::Tickets(_) => "tickets",
            Self::Opportunities(_) => "opportunities",
            Self::Subscription(_) => "subscription",
            Self::Segments(_) => "segments",
            Self::Survey(_) => "survey",
            Self::RandomShare(_) => "randomShare",
        }
    }
}
