//! The values a template can show, and which there are.

use serde::Serialize;
use serde_json::Value;

use crate::notification::trigger::Trigger;

/// What is known when a notification is sent. What there is not (a playbook has no message) is
/// empty. Written by customers and members alike: nothing of it is safe to show as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Facts {
    /// The rule or playbook that asked for it.
    pub rule: RuleFacts,
    /// What set the rule off.
    pub trigger: TriggerFacts,
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
    /// The global id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What set a rule off, in words: all of it is in [`Trigger`].
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TriggerFacts {
    /// The kind of the change, such as `tagging.added`, or `schedule`.
    pub kind: String,
    /// The tag that was put on or taken off.
    pub tag: String,
    /// The segment that was entered or left.
    pub segment: String,
    /// The key of the custom attribute whose value changed.
    pub attribute: String,
    /// The name of what the contact did.
    pub event: String,
    /// What happened to an email, such as `CLICKED`.
    pub email_event: String,
    /// The link that was followed.
    pub url: String,
    /// The campaign the email belongs to.
    pub campaign: String,
    /// The survey that was answered.
    pub survey: String,
    /// What was said besides the answer.
    pub comment: String,
    /// The score of the answer, 0 to 10 or 1 to 5 as the survey is, or the health score, 0 to 100.
    pub score: Option<f64>,
    /// What was before: a status, a stage, a band, a member or a value.
    pub from: String,
    /// What is now.
    pub to: String,
}

impl From<&Trigger> for TriggerFacts {
    fn from(trigger: &Trigger) -> Self {
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let (email, answer) = (trigger.email_event.as_ref(), trigger.answer.as_ref());
        let campaign = email.and_then(|email| email.campaign.as_ref());
        let happened = email.map(|email| email.kind.word().to_owned());
        Self {
            kind: trigger.kind.clone(),
            tag: text(trigger.tag.as_ref().and_then(|tag| tag.name.as_ref())),
            segment: text(trigger.segment.as_ref().and_then(|one| one.name.as_ref())),
            attribute: text(trigger.attribute.as_ref().and_then(|one| one.key.as_ref())),
            event: text(trigger.event.as_ref().map(|event| &event.name)),
            email_event: happened.unwrap_or_default(),
            url: text(email.and_then(|email| email.url.as_ref())),
            campaign: text(campaign.and_then(|campaign| campaign.name.as_ref())),
            survey: text(answer.map(|answer| &answer.survey_key)),
            comment: text(answer.and_then(|answer| answer.comment.as_ref())),
            score: answer.map_or(trigger.score, |answer| Some(answer.score as f64)),
            from: shown(&trigger.from),
            to: shown(&trigger.to),
        }
    }
}

/// What a change was from or to, in words.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            items.join(", ")
        }
        Value::Object(named) => named.get("name").map(shown).unwrap_or_default(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Whom a notification is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ContactFacts {
    /// The global id.
    pub id: String,
    /// The id another system gave.
    pub external_id: String,
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
    /// The id another system gave.
    pub external_id: String,
    /// The name.
    pub name: String,
    /// The email domain.
    pub domain: String,
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
    /// The global id.
    pub id: String,
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
    ("rule", &[("id", Text), ("name", Text)]),
    (
        "trigger",
        &[
            ("kind", Text),
            ("tag", Text),
            ("segment", Text),
            ("attribute", Text),
            ("event", Text),
            ("email_event", Text),
            ("url", Text),
            ("campaign", Text),
            ("survey", Text),
            ("comment", Text),
            ("score", Number),
            ("from", Text),
            ("to", Text),
        ],
    ),
    (
        "contact",
        &[
            ("id", Text),
            ("external_id", Text),
            ("name", Text),
            ("email", Text),
            ("phone", Text),
            ("stage", Text),
            ("owner", Text),
            ("tags", List),
            ("link", Text),
        ],
    ),
    (
        "account",
        &[
            ("id", Text),
            ("external_id", Text),
            ("name", Text),
            ("domain", Text),
            ("link", Text),
        ],
    ),
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
    ("workspace", &[("id", Text), ("name", Text)]),
];

impl Facts {
    /// Made-up facts, for checks and for previews without a message.
    pub fn sample() -> Self {
        let text = str::to_owned;
        Self {
            rule: RuleFacts {
                id: text("rule_01900000000070008000000000000001"),
                name: text("VIP customers"),
            },
            trigger: TriggerFacts {
                kind: text("tagging.added"),
                tag: text("VIP"),
                segment: text("Key customers"),
                attribute: text("plan"),
                event: text("order_placed"),
                email_event: text("CLICKED"),
                url: text("https://shop.example/spring"),
                campaign: text("Spring"),
                survey: text("onboarding"),
                comment: text("All went well."),
                score: Some(9.0),
                from: text("LEAD"),
                to: text("CUSTOMER"),
            },
            contact: ContactFacts {
                id: text("contact_01900000000070008000000000000001"),
                external_id: text("crm-4711"),
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
                external_id: text("crm-c-77"),
                name: text("株式会社サンプル"),
                domain: text("customer.example"),
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
                id: text("workspace_01900000000070008000000000000001"),
                name: text("Enishi Shokai"),
            },
        }
    }
}
