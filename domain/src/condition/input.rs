//! A condition as the API takes it, read into the one that is stored, and written again.

use async_graphql::OneofObject;

use super::{
    AccountFields, AccountTags, Attribute, ChannelConditionInput, Condition, ContactFields,
    ContactTags, ConversationFields, ConversationTags, Email, Events, FromAutomatic, GroupEmpty,
    Health, Invoices, KeywordsConditionInput, Opportunities, Orders, Pattern, Profile, RandomShare,
    Segments, Subscription, Survey, TagsConditionInput, Tickets, TimeOfDay, WithinBusinessHours,
    check::MAX_DEPTH,
    path::Path,
    reference::{IdKind, IdReader, IdWriter},
};
use crate::error::{UserError, UserErrorCode};

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
    /// A share of everybody, drawn by chance and the same ever after.
    RandomShare(RandomShare),
}

impl ConditionInput {
    /// Reads the ids, or says which cannot be read. Paths begin with `condition`. Everything else
    /// that may be wrong is found by [`check`](super::check()) on the result.
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
            Self::Profile(leaf) => Condition::Profile(leaf),
            Self::Orders(leaf) => Condition::Orders(leaf),
            Self::Invoices(leaf) => Condition::Invoices(leaf),
            Self::Tickets(leaf) => Condition::Tickets(leaf),
            Self::Opportunities(leaf) => Condition::Opportunities(leaf),
            Self::Subscription(leaf) => Condition::Subscription(leaf),
            Self::Segments(leaf) => Condition::Segments(leaf),
            Self::Survey(leaf) => Condition::Survey(leaf),
            Self::RandomShare(leaf) => Condition::RandomShare(leaf),
        }
    }
}

impl Condition {
    /// The input that is read as this condition, except for one that asks nothing: that is given as none.
    pub fn to_input(&self, ids: &dyn IdWriter) -> ConditionInput {
        let list = |children: &[Self]| children.iter().map(|child| child.to_input(ids)).collect();
        match self {
            Self::All(children) => ConditionInput::All(list(children)),
            Self::Any(children) => ConditionInput::Any(list(children)),
            Self::Not(child) => ConditionInput::Not(Box::new(child.to_input(ids))),
            Self::Keywords(leaf) => ConditionInput::Keywords(leaf.to_input()),
            Self::ContactTags(leaf) => {
                ConditionInput::ContactTags(leaf.0.to_input(ids, IdKind::ContactTag))
            }
            Self::ConversationTags(leaf) => {
                ConditionInput::ConversationTags(leaf.0.to_input(ids, IdKind::ConversationTag))
            }
            Self::AccountTags(leaf) => {
                ConditionInput::AccountTags(leaf.0.to_input(ids, IdKind::ContactTag))
            }
            Self::Channel(leaf) => ConditionInput::Channel(leaf.to_input()),
            Self::FromAutomatic(leaf) => ConditionInput::FromAutomatic(leaf.0),
            Self::Regex(leaf) => ConditionInput::Regex(leaf.clone()),
            Self::TimeOfDay(leaf) => ConditionInput::TimeOfDay(leaf.clone()),
            Self::BusinessHours(leaf) => ConditionInput::BusinessHours(leaf.clone()),
            Self::Contact(leaf) => ConditionInput::Contact(leaf.clone()),
            Self::Account(leaf) => ConditionInput::Account(leaf.clone()),
            Self::Conversation(leaf) => ConditionInput::Conversation(leaf.clone()),
            Self::Attribute(leaf) => ConditionInput::Attribute(leaf.clone()),
            Self::TagGroup(leaf) => ConditionInput::TagGroup(leaf.clone()),
            Self::Events(leaf) => ConditionInput::Events(leaf.clone()),
            Self::Email(leaf) => ConditionInput::Email(leaf.clone()),
            Self::Health(leaf) => ConditionInput::Health(leaf.clone()),
            Self::Profile(leaf) => ConditionInput::Profile(leaf.clone()),
            Self::Orders(leaf) => ConditionInput::Orders(leaf.clone()),
            Self::Invoices(leaf) => ConditionInput::Invoices(leaf.clone()),
            Self::Tickets(leaf) => ConditionInput::Tickets(leaf.clone()),
            Self::Opportunities(leaf) => ConditionInput::Opportunities(leaf.clone()),
            Self::Subscription(leaf) => ConditionInput::Subscription(leaf.clone()),
            Self::Segments(leaf) => ConditionInput::Segments(leaf.clone()),
            Self::Survey(leaf) => ConditionInput::Survey(leaf.clone()),
            Self::RandomShare(leaf) => ConditionInput::RandomShare(leaf.clone()),
        }
    }
}

pub(crate) fn too_deep(at: &Path) -> UserError {
    at.refuse(
        UserErrorCode::Invalid,
        format!("Conditions may be nested {MAX_DEPTH} levels deep. Flatten this group."),
    )
}
