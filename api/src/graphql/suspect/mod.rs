//! Contacts, and accounts, that seem to be one, over GraphQL. Each have types and root fields of their own
//! (`contact`, `account`); here is what these have in common.

mod account;
mod contact;

use async_graphql::{InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error,
    suspect::{SuspectFilter, Suspicion, SuspicionId, in_words, reasons},
};
use entity::kind::{DuplicateReason, DuplicateState};
use uuid::Uuid;

use super::few::few;

pub(crate) use account::{AccountDuplicateSuspect, AccountSuspectMutation, AccountSuspectQuery};
pub(crate) use contact::{DuplicateSuspect, SuspectMutation, SuspectQuery};

/// What every suspicion says, as fields of it.
#[derive(SimpleObject)]
struct SuspicionFields {
    /// What makes it seem so, what says most first.
    reasons: Vec<DuplicateReason>,
    /// What makes it seem so, in words.
    reason: String,
    /// How much the first of the reasons says, 1 to 100.
    strength: i64,
    /// What became of it.
    state: DuplicateState,
    /// Since when.
    created_at: DateTime<Utc>,
    /// When somebody decided, or it was outdated.
    settled_at: Option<DateTime<Utc>>,
}

impl<I: SuspicionId> From<&Suspicion<I>> for SuspicionFields {
    fn from(suspicion: &Suspicion<I>) -> Self {
        Self {
            reasons: reasons(suspicion.evidence),
            reason: in_words(suspicion.evidence),
            strength: suspicion.strength,
            state: suspicion.settlement.unwrap_or(DuplicateState::Open),
            created_at: suspicion.created_at,
            settled_at: suspicion.settled_at,
        }
    }
}

/// What every list of suspicions can be chosen by, as fields of its filter.
#[derive(InputObject, Default)]
struct SuspicionFilterInput {
    /// What became of them; left out, the open ones.
    state: Option<DuplicateState>,
    /// With one of these reasons at least. An empty list is refused.
    reasons: Option<Vec<DuplicateReason>>,
    /// With a reason that says as much as this at least, 1 to 100.
    min_strength: Option<i32>,
}

impl SuspicionFilterInput {
    /// Reads it; `about` is the contact or the account that the list is about, if it is about one.
    fn read(self, about: Option<Uuid>) -> error::Result<SuspectFilter> {
        Ok(SuspectFilter {
            state: self.state,
            reasons: few(self.reasons, &["filter", "reasons"])?,
            min_strength: self.min_strength.map(i64::from),
            about,
        })
    }
}
