//! Where a condition is used, what a condition asks about, and whether there is that to ask.

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
    pub(super) fn noun(self) -> &'static str {
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
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Message => "a rule on messages",
            Self::Conversation => "a condition on conversations",
            Self::Contact => "a condition on contacts",
            Self::Account => "a condition on accounts",
        }
    }
}
