//! The kinds of triggers as words, by which lists of rules are narrowed.

/// What makes a rule look, as one of the fields of `RuleTriggerInput`.
#[derive(async_graphql::Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "RuleTriggerKind")]
pub enum TriggerWord {
    /// A message came in.
    MessageReceived,
    /// A message was sent to a contact.
    MessageSent,
    /// A conversation began or was opened again.
    ConversationOpened,
    /// A conversation was closed.
    ConversationClosed,
    /// A conversation was given to a member, to another, or to nobody.
    ConversationAssigned,
    /// A conversation became more or less urgent.
    ConversationPriorityChanged,
    /// A contact has waited for an answer in a conversation.
    ConversationWaiting,
    /// A contact was given a tag.
    ContactTagAdded,
    /// A contact lost a tag.
    ContactTagRemoved,
    /// An account was given a tag.
    AccountTagAdded,
    /// An account lost a tag.
    AccountTagRemoved,
    /// A conversation was given a tag.
    ConversationTagAdded,
    /// A conversation lost a tag.
    ConversationTagRemoved,
    /// A contact came to be known.
    ContactCreated,
    /// A contact's own data changed.
    ContactChanged,
    /// A contact went from one lifecycle stage to another.
    ContactStageChanged,
    /// Another member looks after a contact, or nobody does.
    ContactOwnerChanged,
    /// The value of a custom attribute of a contact changed.
    ContactAttributeChanged,
    /// The value of a custom attribute of an account changed.
    AccountAttributeChanged,
    /// The value of a custom attribute of a conversation changed.
    ConversationAttributeChanged,
    /// A contact did something that is tracked.
    EventTracked,
    /// Something became known about an email to a contact.
    #[graphql(name = "EMAIL_EVENT")]
    EmailEventSeen,
    /// A contact's health score crossed a mark.
    HealthScoreCrossed,
    /// A contact came into another health band.
    HealthBandChanged,
    /// An account's health score, the mean of its people's, crossed a mark.
    AccountHealthScoreCrossed,
    /// An account came into another health band.
    AccountHealthBandChanged,
    /// A contact answered a survey.
    SurveyAnswered,
    /// A contact came into a segment.
    ContactEnteredSegment,
    /// A contact went out of a segment.
    ContactLeftSegment,
    /// An account came into a segment.
    AccountEnteredSegment,
    /// An account went out of a segment.
    AccountLeftSegment,
    /// The clock came round; looks at every contact.
    #[graphql(name = "SCHEDULE")]
    OnSchedule,
}
