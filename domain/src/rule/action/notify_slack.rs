//! Tells a Slack channel about the message.

use async_graphql::{ID, InputObject, SimpleObject};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ActionKind;
use crate::condition::{
    check,
    path::Path,
    reference::{self, IdKind, IdReader, IdWriter, Reference},
    sentence::{Phrasing, say},
};
use crate::error::{UserError, UserErrorCode};
use crate::rule::plan::Effect;
use crate::text::printable;

/// How long a title may be, as a person counts characters.
const MAX_TITLE_GRAPHEMES: usize = 150;

/// The same in bytes: no honest character needs more than a dozen or so.
const MAX_TITLE_BYTES: usize = MAX_TITLE_GRAPHEMES * 16;

/// Tells a Slack channel about the message.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct NotifySlack {
    /// The notification target that holds the channel.
    pub target_id: Uuid,
    /// What the notice is headed with instead of the rule's name. Plain text: whoever renders it
    /// must escape it for Slack.
    #[serde(default)]
    pub title: Option<String>,
}

impl NotifySlack {
    pub(crate) fn to_output(&self, ids: &dyn IdWriter) -> RuleNotifySlackAction {
        RuleNotifySlackAction {
            target_id: ids.write(IdKind::NotificationTarget, self.target_id).into(),
            title: self.title.clone(),
        }
    }
}

impl ActionKind for NotifySlack {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let Some(title) = &self.title else { return };
        let at = at.at("title");
        if title.trim().is_empty() {
            refusals.push(at.refuse(
                UserErrorCode::Required,
                "Write a title, or leave it out to use the rule's name.",
            ));
        } else if title.len() > MAX_TITLE_BYTES
            || check::graphemes(title, MAX_TITLE_GRAPHEMES + 1) > MAX_TITLE_GRAPHEMES
        {
            refusals.push(at.refuse(
                UserErrorCode::TooLong,
                format!("Shorten the title to {MAX_TITLE_GRAPHEMES} characters."),
            ));
        }
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let target = phrasing.named(IdKind::NotificationTarget, self.target_id);
        say!(
            phrasing,
            format!("Slackの{target}に通知する"),
            format!("notify {target} in Slack"),
            format!("通知Slack的{target}")
        )
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        wanted.push(Effect::NotifySlack {
            target_id: self.target_id,
            title: self.title.clone(),
        });
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        found.push(Reference {
            path: at.at("targetId").steps().to_vec(),
            kind: IdKind::NotificationTarget,
            id: self.target_id,
        });
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if kind == IdKind::NotificationTarget && self.target_id == from {
            self.target_id = to;
        }
    }
}

/// Tells a Slack channel about the message.
#[derive(InputObject, Debug, Clone)]
pub struct RuleNotifySlackActionInput {
    /// The notification target that holds the channel.
    pub target_id: ID,
    /// What the notice is headed with; the rule's name if left out. Up to 150 characters.
    pub title: Option<String>,
}

impl RuleNotifySlackActionInput {
    pub(crate) fn into_action(
        self,
        ids: &dyn IdReader,
        at: &Path,
        refusals: &mut Vec<UserError>,
    ) -> NotifySlack {
        let kind = IdKind::NotificationTarget;
        NotifySlack {
            target_id: reference::read_one(
                ids,
                kind,
                &self.target_id,
                &at.at("targetId"),
                refusals,
            ),
            title: self.title.as_deref().map(printable),
        }
    }
}

/// Tells a Slack channel about the message.
#[derive(SimpleObject, Debug, Clone)]
pub struct RuleNotifySlackAction {
    /// The id of the notification target that holds the channel.
    pub target_id: ID,
    /// What the notice is headed with; the rule's name if absent.
    pub title: Option<String>,
}
