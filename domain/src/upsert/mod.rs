//! Contacts and accounts as other systems know them, up to a thousand at once: found by their keys, made
//! where nobody has these, and changed where something is new.
//!
//! Called by `upsertContacts` and `upsertAccounts`. Items are judged in their order, in memory, as if
//! each came in a call of its own, and what they come to is written by the set-based writing that imports
//! use, in one transaction and a number of statements that does not depend on how many items there
//! are. An item is taken in whole or not at all, and what is wrong with one harms no other.
//!
//! - `item`: what items say of contacts and accounts alike, and the mistakes found in it; pure;
//! - `around`: the members, attributes and tags that items name;
//! - `carried`: attributes and tags that things have and are given;
//! - `contact` and `account`: what becomes of each item.
//!
//! It never merges anybody: an item that names two is left to people. It makes no account, campaign,
//! attribute or tag besides.

mod account;
mod around;
mod carried;
mod contact;
mod item;

use async_graphql::Enum;

use crate::{
    error::{Error, Result, UserError, UserErrorCode},
    text,
};

pub use account::{AccountItem, accounts};
pub use contact::{ContactItem, contacts};
pub use item::{AttributeItem, CampaignRef, Common, MemberRef, TagRef, Told};

/// Items one call may bring.
pub const MAX_ITEMS: usize = 1_000;

/// How often a call is looked at, while others change the same.
const TRIES: u32 = 5;

/// What became of one item of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
#[graphql(name = "UpsertOutcome")]
pub enum Outcome {
    /// It was made.
    Created,
    /// It was there, and something about it is new.
    Updated,
    /// It was there just like this.
    Unchanged,
    /// What the item names belongs to others, who are told: two different contacts or accounts, or an
    /// account that another external id already names. Nothing of it was kept, and nobody was merged.
    Conflict,
    /// The item names somebody who was erased: nothing of it was kept. Only of contacts.
    Erased,
    /// Something is wrong with the item: nothing of it was kept.
    Rejected,
}

/// One item after the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upserted<I> {
    /// The external id the item gave.
    pub external_id: Option<String>,
    /// Whom it is about, whether new or not; none where nothing was kept.
    pub id: Option<I>,
    /// What became of it.
    pub outcome: Outcome,
    /// Who is in the way of a [`Outcome::Conflict`].
    pub conflicting: Vec<I>,
    /// Why nothing was kept, with the place in the input.
    pub errors: Vec<UserError>,
}

impl<I> Upserted<I> {
    /// An item that was taken in.
    fn kept(external_id: Option<&str>, id: I, outcome: Outcome) -> Self {
        Self {
            external_id: external_id.map(str::to_owned),
            id: Some(id),
            outcome,
            conflicting: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// An item of which nothing was kept.
    fn left_out(
        external_id: Option<&str>,
        outcome: Outcome,
        conflicting: Vec<I>,
        errors: Vec<UserError>,
    ) -> Self {
        Self {
            external_id: external_id.map(str::to_owned),
            id: None,
            outcome,
            conflicting,
            errors,
        }
    }
}

/// The reason as it is kept; refuses a call that brings too much.
fn admit(list: &'static str, items: usize, reason: &str) -> Result<String> {
    let mut errors = Vec::new();
    if items > MAX_ITEMS {
        let message = format!("Send at most {MAX_ITEMS} at once.");
        let code = UserErrorCode::LimitReached;
        errors.push(UserError::new(&[list], code, message));
    }
    let reason = text::short_text(reason, &["reason"], 255).unwrap_or_else(|error| {
        errors.push(error);
        String::new()
    });
    if errors.is_empty() {
        Ok(reason)
    } else {
        Err(Error::Refused(errors))
    }
}
