//! How lists of conversations are ordered, and where one stands in each order.

use async_graphql::Enum;
use chrono::{DateTime, Utc};
use entity::conversation;
use serde::{Deserialize, Serialize};

use crate::page::{Column, Key, Keyset};

/// How to order conversations.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[graphql(name = "ConversationOrderBy")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConversationOrder {
    /// The latest message first.
    #[default]
    ActivityDesc,
    /// The longest silent first.
    ActivityAsc,
    /// The newest first.
    CreatedDesc,
    /// The oldest first.
    CreatedAsc,
    /// Those whose contact has waited longest for an answer first; only those that wait.
    WaitingLongest,
    /// The most urgent first; among equals, the newest.
    PriorityDesc,
    /// By `changedAt`, longest unchanged first: what changes meanwhile moves to the end, so a sync that goes on
    /// behind the last cursor it has seen misses nothing. A change is in this order a moment after it was made.
    ChangedAsc,
    /// By `changedAt`, most recently changed first.
    ChangedDesc,
}

impl ConversationOrder {
    /// Whether it is that of the changes, which stand beside the conversations as `l`.
    pub(super) fn is_of_changes(self) -> bool {
        matches!(self, Self::ChangedAsc | Self::ChangedDesc)
    }

    pub(super) fn keyset(self) -> Keyset {
        let (order, key, descending) = match self {
            Self::ActivityDesc => ("recent", Some(Column::Time("cv.last_message_at")), true),
            Self::ActivityAsc => ("silent", Some(Column::Time("cv.last_message_at")), false),
            Self::CreatedDesc => ("created-", None, true),
            Self::CreatedAsc => ("created", None, false),
            Self::WaitingLongest => ("waiting", Some(Column::Time("cv.waiting_since")), false),
            Self::PriorityDesc => ("priority", Some(Column::Int("cv.priority")), true),
            Self::ChangedAsc | Self::ChangedDesc => (
                "changed",
                Some(Column::Time("l.changed_at")),
                self == Self::ChangedDesc,
            ),
        };
        let id = if self.is_of_changes() {
            "l.subject_id"
        } else {
            "cv.id"
        };
        Keyset {
            order,
            key,
            id,
            descending,
        }
    }

    /// Where a conversation stands in it; `changed_at` is known in the order of the changes.
    pub(super) fn key(self, row: &conversation::Model, changed_at: Option<DateTime<Utc>>) -> Key {
        match self {
            Self::ChangedAsc | Self::ChangedDesc => Key::Time(changed_at.unwrap_or_default()),
            Self::ActivityDesc | Self::ActivityAsc => Key::Time(row.last_message_at),
            Self::CreatedDesc | Self::CreatedAsc => Key::Id(()),
            Self::WaitingLongest => Key::Time(row.waiting_since.unwrap_or_default()),
            Self::PriorityDesc => Key::Int(row.priority.rank()),
        }
    }
}
