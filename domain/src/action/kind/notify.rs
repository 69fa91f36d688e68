//! Telling a notification target.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    action::{ActionKind, Effect, Needs},
    condition::{
        check,
        path::Path,
        reference::{IdKind, Reference},
        sentence::{Phrasing, say},
    },
    error::{UserError, UserErrorCode},
};

/// How long a title may be, as a person counts characters.
const MAX_TITLE_GRAPHEMES: usize = 150;
/// The same in bytes: no honest character needs more than a dozen or so.
const MAX_TITLE_BYTES: usize = MAX_TITLE_GRAPHEMES * 16;

/// Tells a notification target: Slack, a webhook, an address, or members inside Enishi.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Notify {
    /// The notification target.
    pub target_id: Uuid,
    /// What the notice is headed with instead of the rule's name. Plain text: whoever renders it
    /// must escape it for its target.
    #[serde(default)]
    pub title: Option<String>,
    /// What is said in place of the usual lines; a template over the facts at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl ActionKind for Notify {
    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        if let Some(title) = &self.title {
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
        if let Some(text) = &self.text {
            let at = at.at("text");
            if text.trim().is_empty() {
                refusals.push(at.refuse(
                    UserErrorCode::Required,
                    "Write a text, or leave it out for the usual lines.",
                ));
            }
        }
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let target = phrasing.named(IdKind::NotificationTarget, self.target_id);
        say!(
            phrasing,
            format!("{target}に通知する"),
            format!("notify {target}"),
            format!("通知{target}")
        )
    }

    fn effects(&self, wanted: &mut Vec<Effect>) {
        wanted.push(Effect::Notify {
            target_id: self.target_id,
            title: self.title.clone(),
            text: self.text.clone(),
        });
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        let at = at.at("targetId");
        found.push(Reference::new(
            &at,
            IdKind::NotificationTarget,
            self.target_id,
        ));
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if kind == IdKind::NotificationTarget && self.target_id == from {
            self.target_id = to;
        }
    }

    fn needs(&self) -> Needs {
        Needs::Anything
    }
}
