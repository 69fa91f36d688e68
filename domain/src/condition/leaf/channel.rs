//! The channel a message came through.

use async_graphql::{InputObject, SimpleObject};
use entity::kind::Channel;
use sea_orm::Iterable as _;
use serde::{Deserialize, Serialize};

use crate::condition::{
    Anchor, Condition, Leaf, Need, check,
    facts::Seen,
    matcher::{Part, What},
    path::Path,
    sentence::{Phrasing, say},
    trace::Actual,
};
use crate::error::UserError;

/// Tests the channel a message came through.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Channels {
    /// The channels that qualify.
    pub any_of: Vec<Channel>,
}

impl Channels {
    pub(crate) fn to_output(&self) -> ChannelCondition {
        ChannelCondition {
            any_of: self.any_of.clone(),
        }
    }
}

impl Leaf for Channels {
    fn need(&self) -> Need {
        Need::Message
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let at = at.at("anyOf");
        let channels = Channel::iter().count();
        check::list(&self.any_of, channels, &at, refusals, "channel");
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let labels: Vec<String> = self
            .any_of
            .iter()
            .map(|&channel| label(phrasing, channel).to_owned())
            .collect();
        let labels = phrasing.or(&labels);
        say!(
            phrasing,
            format!("チャネルが{labels}である"),
            format!("the channel is {labels}"),
            format!("渠道为{labels}")
        )
    }

    fn holds(&self, seen: &Seen<'_>) -> bool {
        self.any_of.contains(&seen.facts.channel)
    }

    fn actual(&self, seen: &Seen<'_>) -> Actual {
        Actual::Channel(seen.facts.channel)
    }

    fn parts(&self, seen: &Seen<'_>, found: &mut Vec<Part>) {
        found.push(Part::new(What::Channel(seen.facts.channel)));
    }

    fn anchors(&self, wanted: bool) -> Option<Vec<Anchor>> {
        wanted.then(|| self.any_of.iter().copied().map(Anchor::Channel).collect())
    }

    fn excludes(&self, other: &Condition) -> bool {
        matches!(other, Condition::Channel(other)
            if !self.any_of.iter().any(|channel| other.any_of.contains(channel)))
    }
}

/// The channel's name in a sentence.
pub(crate) fn label(phrasing: &Phrasing<'_>, channel: Channel) -> &'static str {
    match channel {
        Channel::Email => say!(phrasing, "メール", "email", "邮件"),
        Channel::Chat => say!(phrasing, "チャット", "chat", "聊天"),
        Channel::WebForm => say!(phrasing, "Webフォーム", "web form", "网页表单"),
        Channel::X => "X",
        Channel::Facebook => "Facebook",
        Channel::Instagram => "Instagram",
        Channel::Linkedin => "LinkedIn",
        Channel::Line => "LINE",
        Channel::Wechat => say!(phrasing, "WeChat", "WeChat", "微信"),
        Channel::Whatsapp => "WhatsApp",
        Channel::Sms => "SMS",
        Channel::Other => say!(phrasing, "その他", "another", "其他"),
    }
}

/// Tests the channel a message came through.
#[derive(InputObject, Debug, Clone)]
pub struct ChannelConditionInput {
    /// The channels that qualify.
    pub any_of: Vec<Channel>,
}

impl Channels {
    pub(crate) fn to_input(&self) -> ChannelConditionInput {
        ChannelConditionInput {
            any_of: self.any_of.clone(),
        }
    }
}

impl ChannelConditionInput {
    pub(crate) fn into_condition(self) -> Channels {
        Channels {
            any_of: self.any_of,
        }
    }
}

/// Tests the channel a message came through.
#[derive(SimpleObject, Debug, Clone)]
pub struct ChannelCondition {
    /// The channels that qualify.
    pub any_of: Vec<Channel>,
}
