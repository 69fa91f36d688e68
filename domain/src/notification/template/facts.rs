//! The values a template can show, and which there are.

use serde::Serialize;

/// What is known when a notification is sent. What there is not (a playbook has no message) is
/// empty. Written by customers and members alike: nothing of it is safe to show as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Facts {
    /// The rule or playbook that asked for it.
    pub rule: RuleFacts,
    /// Whom it is about.
    pub contact: ContactFacts,
    /// Their company, or the one it is about.
    pub account: AccountFacts,
    /// The thread.
    pub conversation: ConversationFacts,
    /// The message.
    pub message: MessageFacts,
    /// How the relationship with the contact is doing.
    pub health: HealthFacts,
    /// Whose installation it is.
    pub workspace: WorkspaceFacts,
}

/// The rule or playbook that asked for a notification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RuleFacts {
    /// Its name.
    pub name: String,
}

/// Whom a notification is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ContactFacts {
    /// The global id.
    pub id: String,
    /// The name, or the address if there is none.
    pub name: String,
    /// The email address.
    pub email: String,
    /// The phone number.
    pub phone: String,
    /// The lifecycle stage, such as `LEAD`.
    pub stage: String,
    /// The member who looks after them.
    pub owner: String,
    /// The names of their tags.
    pub tags: Vec<String>,
    /// Where members see them, if this installation has a public address.
    pub link: String,
}

/// A contact's company, or the one a notification is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AccountFacts {
    /// The global id.
    pub id: String,
    /// The name.
    pub name: String,
    /// Where members see it, if this installation has a public address.
    pub link: String,
}

/// The thread a notification is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ConversationFacts {
    /// The global id.
    pub id: String,
    /// What it is called.
    pub subject: String,
    /// Where it stands, such as `OPEN`.
    pub status: String,
    /// How urgent it is, such as `HIGH`.
    pub priority: String,
    /// The member it is given to.
    pub assignee: String,
    /// The names of its tags.
    pub tags: Vec<String>,
    /// Where members see it, if this installation has a public address.
    pub link: String,
}

/// The message a notification is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MessageFacts {
    /// The global id.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// The beginning of its text.
    pub excerpt: String,
    /// The medium, such as `EMAIL`.
    pub channel: String,
    /// The inbox it came through.
    pub inbox: String,
    /// When it was sent, in the workspace's time zone: `2026-03-01 12:00`.
    pub sent_at: String,
}

/// How the relationship with a contact is doing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HealthFacts {
    /// The score, 0 to 100.
    pub score: Option<f64>,
    /// The band, such as `AT_RISK`.
    pub band: String,
}

/// Whose installation it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WorkspaceFacts {
    /// The name.
    pub name: String,
}

/// What kind of value a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    List,
}

use Shape::{List, Number, Text};

/// Every value: the thing, and its parts. A test holds it against [`Facts`].
pub(super) const VALUES: &[(&str, &[(&str, Shape)])] = &[
    ("rule", &[("name", Text)]),
    (
        "contact",
        &[
            ("id", Text),
            ("name", Text),
            ("email", Text),
            ("phone", Text),
            ("stage", Text),
            ("owner", Text),
            ("tags", List),
            ("link", Text),
        ],
    ),
    ("account", &[("id", Text), ("name", Text), ("link", Text)]),
    (
        "conversation",
        &[
            ("id", Text),
            ("subject", Text),
            ("status", Text),
            ("priority", Text),
            ("assignee", Text),
            ("tags", List),
            ("link", Text),
        ],
    ),
    (
        "message",
        &[
            ("id", Text),
            ("subject", Text),
            ("excerpt", Text),
            ("channel", Text),
            ("inbox", Text),
            ("sent_at", Text),
        ],
    ),
    ("health", &[("score", Number), ("band", Text)]),
    ("workspace", &[("name", Text)]),
];

impl Facts {
    /// Made-up facts, for checks and for previews without a message.
    pub fn sample() -> Self {
        let text = str::to_owned;
        Self {
            rule: RuleFacts {
                name: text("VIP customers"),
            },
            contact: ContactFacts {
                id: text("contact_01900000000070008000000000000001"),
                name: text("佐藤 花子"),
                email: text("hanako@customer.example"),
                phone: text("+81312345678"),
                stage: text("CUSTOMER"),
                owner: text("Tanaka"),
                tags: vec![text("VIP"), text("Tokyo")],
                link: text(
                    "https://enishi.example/contacts/contact_01900000000070008000000000000001",
                ),
            },
            account: AccountFacts {
                id: text("account_01900000000070008000000000000001"),
                name: text("株式会社サンプル"),
                link: text(
                    "https://enishi.example/accounts/account_01900000000070008000000000000001",
                ),
            },
            conversation: ConversationFacts {
                id: text("conversation_01900000000070008000000000000001"),
                subject: text("Delivery date"),
                status: text("OPEN"),
                priority: text("HIGH"),
                assignee: text("Tanaka"),
                tags: vec![text("Delivery")],
                link: text(
                    "https://enishi.example/conversations/conversation_01900000000070008000000000000001",
                ),
            },
            message: MessageFacts {
                id: text("message_01900000000070008000000000000001"),
                subject: text("Delivery date"),
                excerpt: text("When will our order arrive?"),
                channel: text("EMAIL"),
                inbox: text("Support"),
                sent_at: text("2026-03-01 12:00"),
            },
            health: HealthFacts {
                score: Some(72.5),
                band: text("HEALTHY"),
            },
            workspace: WorkspaceFacts {
                name: text("Enishi Shokai"),
            },
        }
    }
}
