//! Whether a machine answered in the contact's name.

use async_graphql::SimpleObject;
use serde::{Deserialize, Serialize};

use crate::condition::{
    Anchor, Condition, Leaf, Need,
    facts::Seen,
    matcher::{Part, What},
    path::Path,
    sentence::{Phrasing, say},
    trace::Actual,
};
use crate::error::UserError;

/// Tests whether the message is automatic: an out-of-office reply, a delivery report, a list.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(transparent)]
pub struct FromAutomatic(pub bool);

impl FromAutomatic {
    pub(crate) fn to_output(self) -> FromAutomaticCondition {
        FromAutomaticCondition { automatic: self.0 }
    }
}

impl Leaf for FromAutomatic {
    fn need(&self) -> Need {
        Need::Message
    }

    fn check(&self, _at: &Path, _refusals: &mut Vec<UserError>) {}

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let said = if self.0 {
            say!(
                phrasing,
                "メッセージが自動返信である",
                "the message is an automatic reply",
                "消息为自动回复"
            )
        } else {
            say!(
                phrasing,
                "メッセージが自動返信ではない",
                "the message is not an automatic reply",
                "消息不是自动回复"
            )
        };
        said.to_owned()
    }

    fn holds(&self, seen: &Seen<'_>) -> bool {
        seen.facts.automatic == self.0
    }

    fn actual(&self, seen: &Seen<'_>) -> Actual {
        Actual::Automatic(seen.facts.automatic)
    }

    fn parts(&self, seen: &Seen<'_>, found: &mut Vec<Part>) {
        found.push(Part::new(What::Automatic(seen.facts.automatic)));
    }

    fn anchors(&self, wanted: bool) -> Option<Vec<Anchor>> {
        Some(vec![Anchor::Automatic(self.0 == wanted)])
    }

    fn excludes(&self, other: &Condition) -> bool {
        matches!(other, Condition::FromAutomatic(other) if self.0 != other.0)
    }
}

/// Tests whether the message is automatic, such as an out-of-office reply.
#[derive(SimpleObject, Debug, Clone)]
pub struct FromAutomaticCondition {
    /// `true` if only automatic messages qualify, `false` if only others do.
    pub automatic: bool,
}
