//! A condition as the API shows it.

use async_graphql::{SimpleObject, Union};

use super::{
    AccountFields, AccountTagsCondition, Attribute, ChannelCondition, Condition, ContactFields,
    ContactTagsCondition, ConversationFields, ConversationTagsCondition, Email, Events,
    FromAutomaticCondition, GroupEmpty, Health, Invoices, KeywordsCondition, Opportunities, Orders,
    Pattern, Profile, RandomShare, Segments, Subscription, Survey, Tickets, TimeOfDay,
    WithinBusinessHours, reference::IdWriter,
};

impl Condition {
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
            Self::Profile(leaf) => ConditionOutput::Profile(leaf.clone()),
            Self::Orders(leaf) => ConditionOutput::Orders(leaf.clone()),
            Self::Invoices(leaf) => ConditionOutput::Invoices(leaf.clone()),
            Self::Tickets(leaf) => ConditionOutput::Tickets(leaf.clone()),
            Self::Opportunities(leaf) => ConditionOutput::Opportunities(leaf.clone()),
            Self::Subscription(leaf) => ConditionOutput::Subscription(leaf.clone()),
            Self::Segments(leaf) => ConditionOutput::Segments(leaf.clone()),
            Self::Survey(leaf) => ConditionOutput::Survey(leaf.clone()),
            Self::RandomShare(leaf) => ConditionOutput::RandomShare(leaf.clone()),
        }
    }
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
