//! Why somebody came into a segment or went out of it.

use entity::id::{AttributeId, MergeId, SegmentId, TagId};
use serde::{Deserialize, Serialize};

use crate::{
    access::Origin,
    work::change::{Change, Entry, Fact, Position},
};

/// Why somebody came into a segment or went out of it. Stored as JSON with the history: variants and
/// fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Cause {
    /// Something happened that the condition asks about.
    Change {
        /// Where it stands in the change log.
        position: String,
        /// Its name, such as `tagging.added`.
        fact: String,
        /// Who did it.
        origin: Origin,
        /// How many steps it was away from what came from outside.
        depth: i64,
        /// Where the cascade it belongs to began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root: Option<Position>,
        /// What of the workspace it was about; missing in histories of the first release.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<About>,
    },
    /// Nothing happened; time passed.
    Time,
    /// The segment's condition was changed.
    Condition {
        /// Who changed it.
        origin: Origin,
        /// The version of the condition that let in or out.
        version: i64,
    },
    /// Everybody was evaluated anew.
    Rebuild {
        /// Who asked for it.
        origin: Origin,
        /// What had happened, such as `tag.changed`; nothing when somebody asked for it.
        fact: Option<String>,
    },
    /// Somebody put it in or took it out.
    Hand {
        /// Who.
        origin: Origin,
    },
    /// A contact or an account was merged into another, or taken apart from it.
    Merge {
        /// The merge.
        merge_id: MergeId,
    },
}

/// What of the workspace a change was about, besides whom it concerned: with it people find the part of the
/// condition that the change decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum About {
    /// The tag that was put on or taken off.
    Tag(TagId),
    /// The segment that was entered or left.
    Segment(SegmentId),
    /// The custom attribute that was set.
    Attribute(AttributeId),
    /// The name of what the contact did.
    Event(String),
}

impl About {
    fn of(fact: &Fact) -> Option<Self> {
        match fact {
            Fact::TaggingAdded { tag_id, .. }
            | Fact::TaggingRemoved { tag_id, .. }
            | Fact::TaggingRenewed { tag_id, .. } => Some(Self::Tag(*tag_id)),
            Fact::SegmentEntered { segment_id, .. } | Fact::SegmentLeft { segment_id, .. } => {
                Some(Self::Segment(*segment_id))
            }
            Fact::AttributeSet { attribute_id, .. } => Some(Self::Attribute(*attribute_id)),
            Fact::EventRecorded { name, .. } => name.clone().map(Self::Event),
            _ => None,
        }
    }
}

impl Cause {
    /// That an entry of the change log led there.
    pub(crate) fn entry(entry: &Entry) -> Self {
        Self::Change {
            position: entry.position.to_string(),
            fact: entry.fact.name().to_owned(),
            origin: entry.origin,
            depth: entry.depth,
            root: Some(entry.root),
            about: About::of(&entry.fact),
        }
    }

    /// The entry of the change log for what it led to.
    pub(super) fn change(&self, contact: Option<entity::id::ContactId>, fact: Fact) -> Change {
        let (origin, depth) = match self {
            Self::Change { depth, .. } => (Origin::System, depth + 1),
            Self::Time | Self::Merge { .. } => (Origin::System, 1),
            Self::Condition { origin, .. } | Self::Rebuild { origin, .. } => (*origin, 1),
            Self::Hand { origin } => (*origin, 0),
        };
        Change {
            fact,
            contact,
            origin,
            depth,
            root: match self {
                Self::Change { root, .. } => *root,
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_causes_keep_decoding() {
        let stored: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("samples/cause.json")).unwrap();
        assert_eq!(stored.len(), 8);
        for sample in stored {
            let cause: Cause = serde_json::from_value(sample.clone()).unwrap();
            assert_eq!(serde_json::json!(cause), sample);
        }
    }
}
