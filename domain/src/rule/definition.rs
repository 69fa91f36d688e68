//! A rule's trigger, condition and actions together, as they are kept in its row.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    check,
    limits::Limits,
    sentence::{limited, sentence},
    trigger::Trigger,
};
use crate::condition::{
    Condition,
    reference::{IdKind, Names, Reference},
};
use crate::{action::Action, error::UserError, locale::Locale};

/// The version that is written. Raised when the meaning of what is already stored would change;
/// a field that is added with a default keeps the version.
pub const VERSION: u32 = 1;

/// What a rule waits for, what must be true, and what it does.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// What makes it look.
    #[serde(default)]
    pub trigger: Trigger,
    /// What must be true.
    #[serde(default = "always")]
    pub condition: Condition,
    /// What it does, in order.
    pub actions: Vec<Action>,
    /// How often, and when, it may act.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
}

/// The condition of a rule that fires whenever its trigger lets it look.
pub fn always() -> Condition {
    Condition::All(Vec::new())
}

/// Whether a condition always holds because it asks nothing.
pub fn is_always(condition: &Condition) -> bool {
    matches!(condition, Condition::All(children) if children.is_empty())
}

/// What is kept in the database cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// A newer program wrote it.
    #[error("read version {0} of a rule, written by a newer program")]
    Newer(u32),
    /// It is not what this program or any before it writes.
    #[error("decode a stored rule")]
    Malformed(#[source] serde_json::Error),
}

impl Definition {
    /// The JSON to keep: `{"version": 1, "trigger": …, "condition": …, "actions": […]}`.
    pub fn to_stored(&self) -> Result<serde_json::Value, StoredError> {
        let versioned = Versioned {
            version: VERSION,
            definition: self,
        };
        serde_json::to_value(versioned).map_err(StoredError::Malformed)
    }

    /// Reads what was kept, by this program or an older one.
    pub fn from_stored(stored: serde_json::Value) -> Result<Self, StoredError> {
        let Version { version } = Version::deserialize(&stored).map_err(StoredError::Malformed)?;
        if version > VERSION {
            return Err(StoredError::Newer(version));
        }
        serde_json::from_value(stored).map_err(StoredError::Malformed)
    }

    /// Everything wrong with it; empty if it can be saved.
    pub fn check(&self) -> Vec<UserError> {
        let mut refusals = check::check(&self.trigger, &self.condition, &self.actions);
        self.limits.check(self.trigger.context(), &mut refusals);
        refusals
    }

    /// Every id it names, with the place where it does.
    pub fn references(&self) -> Vec<Reference> {
        check::references(&self.trigger, &self.condition, &self.actions)
    }

    /// Names `to` wherever it named `from`, as when two tags are merged.
    pub fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        self.trigger.replace(kind, from, to);
        self.condition.replace(kind, from, to);
        for action in &mut self.actions {
            action.replace(kind, from, to);
        }
    }

    /// All of it as one sentence, with what limits it in short ones behind.
    pub fn sentence(&self, locale: Locale, names: &dyn Names) -> String {
        let said = sentence(locale, names, &self.trigger, &self.condition, &self.actions);
        limited(locale, said, self.trigger.context(), &self.limits)
    }
}

#[derive(Serialize)]
struct Versioned<'a> {
    version: u32,
    #[serde(flatten)]
    definition: &'a Definition,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}
