//! Whether the facts of the contact or of the account are meant.

use async_graphql::Enum;
use entity::kind::SubjectKind;
use serde::{Deserialize, Serialize};

use crate::condition::{
    Need,
    measure::Holder,
    sentence::{Phrasing, say},
};

/// Whose facts a condition is about.
#[derive(Enum, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[graphql(name = "ConditionOf")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Whose {
    /// Those of the contact.
    #[default]
    Contact,
    /// Those of the account; of a contact, those of the account the contact is at.
    Account,
}

impl Whose {
    pub(crate) fn holder(self) -> Holder {
        match self {
            Self::Contact => Holder::Contact,
            Self::Account => Holder::Account,
        }
    }

    pub(crate) fn need(self) -> Need {
        match self {
            Self::Contact => Need::Contact,
            Self::Account => Need::Account,
        }
    }

    pub(crate) fn subject_kind(self) -> SubjectKind {
        match self {
            Self::Contact => SubjectKind::Contact,
            Self::Account => SubjectKind::Account,
        }
    }

    pub(crate) fn subject(self, phrasing: &Phrasing<'_>) -> &'static str {
        match self {
            Self::Contact => say!(phrasing, "コンタクト", "the contact", "联系人"),
            Self::Account => say!(phrasing, "会社", "the account", "公司"),
        }
    }
}
