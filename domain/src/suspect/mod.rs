//! Contacts, and accounts, who seem to be one: found before somebody stumbles over them, noted, and decided by
//! a person. Nothing here merges anybody.
//!
//! Everything is compared by a few keys (`key` for people, `company` for accounts): hashes of a folded name
//! together with something else, in one indexed table, `duplicate_key`. Two who share a key seem to be one. A key
//! that more than [`CROWD`] share is a common name or a common host, and says nothing: it is skipped, so the cost
//! of a look follows what has changed, and never the square of anything. What the first few of a crowd were
//! suspected for goes when the crowd comes, and is back when it thins out.
//!
//! - `follow`: a projection that looks again at whoever was made or changed, within seconds.
//! - `first`: a nightly schedule that looks once at everybody who was there before there were keys.
//! - `gather` reads what is compared, `find` keeps the keys up and finds pairs, `note` writes suspicions down, `list`
//!   shows and dismisses them.
//! - `reason`: what each kind of key says, and how much.
//!
//! A pair has one suspicion, with all its reasons. A dismissed one is open again only for a reason it did not
//! have. An open one loses the reasons that have gone; when all have, because a name or an account is another now,
//! somebody was merged or an account archived, it is outdated. Anonymous visitors are not compared. Identities of
//! two people that are given for one person are a reason of their own, noted by those who see it
//! (`contact::suspect`).
//!
//! To add a reason: its word in `DuplicateReason`, its bit, strength and sentence in `reason`, and its keys.

mod company;
mod find;
mod first;
mod follow;
mod gather;
mod key;
mod list;
mod note;
mod reason;

use entity::id::{AccountId, AccountSuspectId, ContactId, Id, SuspectId};

use crate::merge::Things;

pub use find::CROWD;
pub use first::FirstLook;
pub use follow::DuplicateProjection;
pub use list::{SuspectFilter, SuspectOrder, Suspicion, dismiss, list, load};
pub(crate) use note::{Pairs, note, reopen_pair, settle_pair};
pub(crate) use reason::bit;
pub use reason::{in_words, reasons};

/// The id of a suspicion. Its type says what seems to be one: contacts or accounts.
pub trait SuspicionId: Id {
    /// The id of one of the two.
    type Thing: Id;

    /// What the two are.
    const THINGS: Things;
}

impl SuspicionId for SuspectId {
    type Thing = ContactId;

    const THINGS: Things = Things::Contacts;
}

impl SuspicionId for AccountSuspectId {
    type Thing = AccountId;

    const THINGS: Things = Things::Accounts;
}

/// Where the suspicions of a kind of things are.
struct Book {
    /// The table of the suspicions.
    table: &'static str,
    /// Its column of one of the two, the older one.
    one: &'static str,
    /// Its column of the other.
    other: &'static str,
    /// The table of the things.
    things: &'static str,
    /// That the thing `t` is not there to be compared.
    gone: &'static str,
    /// What the audit log calls it that a suspicion is dismissed.
    dismissed: &'static str,
}

/// Where the suspicions of `things` are.
fn book(things: Things) -> Book {
    match things {
        Things::Contacts => Book {
            table: "duplicate_suspect",
            one: "contact_id",
            other: "other_contact_id",
            things: "contact",
            gone: "t.merged_into_id IS NOT NULL",
            dismissed: "duplicate_suspect.dismiss",
        },
        Things::Accounts => Book {
            table: "account_suspect",
            one: "account_id",
            other: "other_account_id",
            things: "account",
            gone: "(t.merged_into_id IS NOT NULL OR t.archived_at IS NOT NULL
                OR t.deleted_at IS NOT NULL)",
            dismissed: "account_suspect.dismiss",
        },
    }
}
