//! How lists of contacts are ordered: each order is one index.
//!
//! No sort key is ever missing: where a contact has no owner, source or reading, the index itself
//! holds what stands for it (migration `m0029_wall`), so that a page after such a row is found
//! like any other.

use async_graphql::Enum;
use chrono::{DateTime, Utc};
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Contact;
use crate::page::{Column, Key, Keyset};

/// How a list of contacts is ordered.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[graphql(name = "ContactOrderBy")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ContactOrder {
    /// Newest first.
    #[default]
    CreatedDesc,
    /// Oldest first.
    CreatedAsc,
    /// Best health first; unknown last.
    HealthDesc,
    /// Worst health first; unknown first of all.
    HealthAsc,
    /// Most recently active first.
    ActivityDesc,
    /// Longest silent first.
    ActivityAsc,
    /// By name.
    NameAsc,
    /// By name, backwards.
    NameDesc,
    /// By the reading of the name, or the name where no reading is known.
    KanaAsc,
    /// By the reading of the name, backwards.
    KanaDesc,
    /// In the order of the lifecycle; without a stage first.
    StageAsc,
    /// Against the order of the lifecycle; without a stage last.
    StageDesc,
    /// By owner, in the order in which the owners joined; without an owner first.
    OwnerAsc,
    /// By owner, backwards; without an owner last.
    OwnerDesc,
    /// By the channel they came through, in the order of the channels' words; unknown first.
    SourceAsc,
    /// By the channel they came through, backwards; unknown last.
    SourceDesc,
    /// By `changedAt`, longest unchanged first: who changes meanwhile moves to the end, so a sync that goes on
    /// behind the last cursor it has seen misses nothing. A change is in this order a moment after it was made.
    ChangedAsc,
    /// By `changedAt`, most recently changed first.
    ChangedDesc,
}

/// The channel a contact came through; the expression of the index.
pub(super) const SOURCE_KEY: &str =
    "CASE WHEN c.source_channel IS NULL THEN '' ELSE c.source_channel END";

/// Whoever looks after a thing, with nobody before everybody; the expression of the index.
pub(crate) fn owner_key(alias: char, backend: DatabaseBackend) -> &'static str {
    match (alias, backend) {
        ('c', DatabaseBackend::Postgres) => {
            "CASE WHEN c.owner_id IS NULL THEN '00000000-0000-0000-0000-000000000000'::uuid
                  ELSE c.owner_id END"
        }
        ('c', _) => {
            "CASE WHEN c.owner_id IS NULL THEN x'00000000000000000000000000000000'
                  ELSE c.owner_id END"
        }
        (_, DatabaseBackend::Postgres) => {
            "CASE WHEN a.owner_id IS NULL THEN '00000000-0000-0000-0000-000000000000'::uuid
                  ELSE a.owner_id END"
        }
        _ => {
            "CASE WHEN a.owner_id IS NULL THEN x'00000000000000000000000000000000'
                  ELSE a.owner_id END"
        }
    }
}

impl ContactOrder {
    pub(super) fn keyset(self, by_tag: bool, backend: DatabaseBackend) -> Keyset {
        let id = if by_tag { "r.target_id" } else { "c.id" };
        let rank = if by_tag { "r.score" } else { "h.rank" };
        let (order, key, id, descending) = match self {
            Self::CreatedDesc => ("created-", None, id, true),
            Self::CreatedAsc => ("created", None, id, false),
            Self::HealthDesc | Self::HealthAsc => {
                let id = if by_tag { id } else { "h.contact_id" };
                (
                    "health",
                    Some(Column::Real(rank)),
                    id,
                    self == Self::HealthDesc,
                )
            }
            Self::ActivityDesc | Self::ActivityAsc => (
                "activity",
                Some(Column::Time("a.last_activity_at")),
                "a.contact_id",
                self == Self::ActivityDesc,
            ),
            Self::NameAsc | Self::NameDesc => (
                "name",
                Some(Column::Text("c.name_key")),
                "c.id",
                self == Self::NameDesc,
            ),
            Self::KanaAsc | Self::KanaDesc => (
                "kana",
                Some(Column::Text(
                    "CASE WHEN c.kana_key IS NULL THEN c.name_key ELSE c.kana_key END",
                )),
                "c.id",
                self == Self::KanaDesc,
            ),
            Self::StageAsc | Self::StageDesc => (
                "stage",
                Some(Column::Whole("c.stage_rank")),
                "c.id",
                self == Self::StageDesc,
            ),
            Self::OwnerAsc | Self::OwnerDesc => (
                "owner",
                Some(Column::Of(owner_key('c', backend))),
                "c.id",
                self == Self::OwnerDesc,
            ),
            Self::SourceAsc | Self::SourceDesc => (
                "source",
                Some(Column::Text(SOURCE_KEY)),
                "c.id",
                self == Self::SourceDesc,
            ),
            Self::ChangedAsc | Self::ChangedDesc => (
                "changed",
                Some(Column::Time("l.changed_at")),
                "l.subject_id",
                self == Self::ChangedDesc,
            ),
        };
        Keyset {
            order,
            key,
            id,
            descending,
        }
    }

    /// Whether it is by health.
    pub(super) fn is_of_health(self) -> bool {
        matches!(self, Self::HealthAsc | Self::HealthDesc)
    }

    /// Whether it is that in which contacts came to be known.
    pub(super) fn is_of_creation(self) -> bool {
        matches!(self, Self::CreatedAsc | Self::CreatedDesc)
    }

    /// Whether it is that of the changes, which stand beside the contacts as `l`.
    pub(super) fn is_of_changes(self) -> bool {
        matches!(self, Self::ChangedAsc | Self::ChangedDesc)
    }

    /// Where a contact stands in it; `changed_at` is known in the order of the changes.
    pub(super) fn key(self, contact: &Contact, changed_at: Option<DateTime<Utc>>) -> Key {
        match self {
            Self::ChangedAsc | Self::ChangedDesc => Key::Time(changed_at.unwrap_or_default()),
            Self::CreatedDesc | Self::CreatedAsc => Key::Id(()),
            Self::HealthDesc | Self::HealthAsc => Key::Real(contact.health_rank),
            Self::ActivityDesc | Self::ActivityAsc => {
                Key::Time(contact.last_activity_at.unwrap_or(contact.created_at))
            }
            Self::NameAsc | Self::NameDesc => Key::Text(contact.name_key.clone()),
            Self::KanaAsc | Self::KanaDesc => {
                let kana = contact.kana_key.as_ref();
                Key::Text(kana.unwrap_or(&contact.name_key).clone())
            }
            Self::StageAsc | Self::StageDesc => Key::Whole {
                whole: contact.stage_rank,
            },
            Self::OwnerAsc | Self::OwnerDesc => Key::Of {
                of: contact.owner_id.map_or(Uuid::nil(), |owner| owner.0),
            },
            Self::SourceAsc | Self::SourceDesc => {
                let channel = contact.source_channel.map(entity::kind::Channel::word);
                Key::Text(channel.unwrap_or_default().to_owned())
            }
        }
    }
}
