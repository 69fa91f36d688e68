//! Words of conversations and messages.

use async_graphql::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};
use serde::{Deserialize, Serialize};

kinds! {
    /// The medium messages come through.
    Channel {
        /// Electronic mail.
        Email = "EMAIL",
        /// A chat on a web site or in an app.
        Chat = "CHAT",
        /// A form on a web site.
        WebForm = "WEB_FORM",
        /// X, formerly Twitter.
        X = "X",
        /// Facebook.
        Facebook = "FACEBOOK",
        /// Instagram.
        Instagram = "INSTAGRAM",
        /// LinkedIn.
        Linkedin = "LINKEDIN",
        /// LINE.
        Line = "LINE",
        /// WeChat.
        Wechat = "WECHAT",
        /// WhatsApp.
        Whatsapp = "WHATSAPP",
        /// Text messages.
        Sms = "SMS",
        /// Anything else.
        Other = "OTHER",
    }

    /// Where a conversation stands.
    ConversationStatus {
        /// Somebody still has to do something.
        Open = "OPEN",
        /// It is the contact's turn, or somebody else's.
        Pending = "PENDING",
        /// Put aside until a moment, or until the contact writes again.
        Snoozed = "SNOOZED",
        /// Done, until the contact writes again.
        Closed = "CLOSED",
    }

    /// What of a conversation changed.
    ConversationStepKind {
        /// Its status.
        Status = "STATUS",
        /// Who is to deal with it.
        Assignee = "ASSIGNEE",
        /// How urgent it is.
        Priority = "PRIORITY",
    }

    /// Which way a message went.
    Direction {
        /// From a contact to us.
        Inbound = "INBOUND",
        /// From us to a contact.
        Outbound = "OUTBOUND",
    }

    /// Who wrote a message.
    Author {
        /// The contact.
        Contact = "CONTACT",
        /// A person of the company.
        Member = "MEMBER",
        /// A program of the company, such as a campaign or a bot.
        Automation = "AUTOMATION",
    }
}

/// How urgent a conversation is.
// Stored as a number, so that an index has it in order.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    EnumIter,
    DeriveActiveEnum,
    Enum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "i64", db_type = "BigInteger")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[graphql(name = "ConversationPriority")]
pub enum Priority {
    /// It can wait.
    #[sea_orm(num_value = 0)]
    Low,
    /// As usual.
    #[sea_orm(num_value = 1)]
    Normal,
    /// Before the others.
    #[sea_orm(num_value = 2)]
    High,
    /// At once.
    #[sea_orm(num_value = 3)]
    Urgent,
}

impl Priority {
    /// The number stored; larger is more urgent.
    pub fn rank(self) -> i64 {
        match self {
            Self::Low => 0,
            Self::Normal => 1,
            Self::High => 2,
            Self::Urgent => 3,
        }
    }
}
