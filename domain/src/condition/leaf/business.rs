//! Whether it is within the business hours of the workspace.

use async_graphql::{InputObject, SimpleObject};
use serde::{Deserialize, Serialize};

use super::clock::shown;
use crate::{
    condition::{
        Condition, Leaf, Need,
        facts::Seen,
        matcher::{Part, What},
        moment::Moment,
        path::Path,
        sentence::{Phrasing, say},
        trace::Actual,
    },
    error::UserError,
};

/// Tests the time against the business hours of the workspace (`Workspace.businessHours`), holidays
/// among them: of a message when it was sent, of everything else when the condition is judged.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[graphql(
    name = "BusinessHoursCondition",
    input_name = "BusinessHoursConditionInput"
)]
#[serde(rename_all = "camelCase")]
pub struct WithinBusinessHours {
    /// Within them (`true`) or outside of them (`false`).
    #[serde(default = "yes")]
    #[graphql(default = true)]
    pub within: bool,
}

fn yes() -> bool {
    true
}

impl WithinBusinessHours {
    /// Whether it holds at a moment.
    fn at(&self, moment: &Moment) -> bool {
        moment.hours.are_at(moment.local()) == self.within
    }
}

impl Leaf for WithinBusinessHours {
    fn need(&self) -> Need {
        Need::Nothing
    }

    fn check(&self, _at: &Path, _refusals: &mut Vec<UserError>) {}

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let text = if self.within {
            say!(
                phrasing,
                "日時が営業時間内である",
                "it is within business hours",
                "时间在营业时间内"
            )
        } else {
            say!(
                phrasing,
                "日時が営業時間外である",
                "it is outside business hours",
                "时间在营业时间外"
            )
        };
        text.to_owned()
    }

    fn holds(&self, seen: &Seen<'_>) -> bool {
        self.at(&seen.facts.moment)
    }

    fn actual(&self, seen: &Seen<'_>) -> Actual {
        Actual::Values(vec![shown(&seen.facts.moment)])
    }

    fn parts(&self, _seen: &Seen<'_>, found: &mut Vec<Part>) {
        found.push(Part::new(What::Time));
    }

    fn constant(&self, moment: &Moment) -> Option<bool> {
        Some(self.at(moment))
    }

    fn excludes(&self, other: &Condition) -> bool {
        matches!(other, Condition::BusinessHours(other) if other.within != self.within)
    }
}
