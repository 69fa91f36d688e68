//! Wake-ups: how a committed change tells the workers that there is something to do.
//!
//! A hint carries no truth. Losing one, repeating one or sending one for nothing changes only how
//! soon work is picked up, because workers also sweep the database. The text form is what travels
//! through Redis, where equal hints coalesce.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kind of work that is waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// The workspace's change log has grown: subscriptions should read on.
    Changes,
    /// Entries that rules are evaluated on.
    Rules,
    /// Entries that email figures are made of.
    Email,
    /// Entries that move health scores.
    Health,
    /// Entries of the audit log to be sealed.
    Audit,
    /// Entries after which the search index is looked after.
    Search,
    /// Entries after which timelines are to be put right.
    Timeline,
    /// Entries that members of segments come and go by.
    Segments,
    /// A delivery of the workspace can be attempted now.
    Due,
    /// A mail of a survey of the workspace can be sent now.
    Survey,
    /// An operation of the workspace can go on now.
    Operation,
    /// Entries that enrol in playbooks, or may move who is enrolled.
    Playbook,
    /// An enrolment of the workspace can go on now.
    Enrolment,
    /// Entries after which it may be different how the people of accounts are doing, or when something last
    /// changed, or who seems to be one person.
    Standing,
    /// Entries that profiles of what customers do are made of.
    Profile,
}

impl Work {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Changes,
        Self::Rules,
        Self::Email,
        Self::Health,
        Self::Audit,
        Self::Search,
        Self::Timeline,
        Self::Segments,
        Self::Due,
        Self::Survey,
        Self::Operation,
        Self::Playbook,
        Self::Enrolment,
        Self::Standing,
        Self::Profile,
    ];

    /// Whether subscriptions wait for it.
    pub fn wakes_subscriptions(self) -> bool {
        self == Self::Changes
    }

    /// Whether there is a job to run for it.
    pub fn wakes_workers(self) -> bool {
        self != Self::Changes
    }

    /// The word in a hint's text form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Rules => "rules",
            Self::Email => "email",
            Self::Health => "health",
            Self::Audit => "audit",
            Self::Search => "search",
            Self::Timeline => "timeline",
            Self::Segments => "segments",
            Self::Due => "due",
            Self::Survey => "survey",
            Self::Operation => "operation",
            Self::Playbook => "playbook",
            Self::Enrolment => "enrolment",
            Self::Standing => "standing",
            Self::Profile => "profile",
        }
    }
}

/// "Something of this kind is waiting in this workspace."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hint {
    /// The workspace's id as stored, without its text prefix.
    pub workspace: Uuid,
    /// What is waiting.
    pub work: Work,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.work.word(), self.workspace.simple())
    }
}

/// The text was not a hint.
#[derive(Debug, thiserror::Error)]
#[error("not a hint: {0:?}")]
pub struct ParseHintError(String);

impl FromStr for Hint {
    type Err = ParseHintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ParseHintError(text.to_owned());
        let (work, workspace) = text.split_once(':').ok_or_else(refuse)?;
        let work = Work::ALL
            .into_iter()
            .find(|known| known.word() == work)
            .ok_or_else(refuse)?;
        Ok(Self {
            workspace: workspace.parse().map_err(|_| refuse())?,
            work,
        })
    }
}

/// Sends hints after a commit.
pub trait Hints: Send + Sync {
    /// Passes `hint` on and returns at once; failure to send is logged there and otherwise ignored.
    fn send(&self, hint: Hint);
}

/// Nobody is told; the sweep finds the work. For commands that run alone, and tests of the sweep.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoHints;

impl Hints for NoHints {
    fn send(&self, _hint: Hint) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_survives_its_text_form() {
        let hint = Hint {
            workspace: Uuid::from_u128(7),
            work: Work::Due,
        };
        assert_eq!(hint.to_string().parse::<Hint>().unwrap(), hint);
        assert!("due:nobody".parse::<Hint>().is_err());
    }
}
