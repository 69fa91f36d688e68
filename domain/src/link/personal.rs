//! Addresses that name a contact without saying who it is.
//!
//! The token behind the slug is the contact's id, encrypted for this one link: nobody else can make one or
//! read it, and it is always the same, so that nothing is stored of it. It goes on meaning the person when
//! contacts are merged. Of somebody who was erased it means nobody.

use entity::id::{ContactId, Id as _, TrackedLinkId};

use crate::vault::Vault;

const PURPOSE: &str = "tracked_link.personal";

/// What stands for `contact` in an address of `link`; nothing only if the cipher fails.
pub fn token(vault: &Vault, link: TrackedLinkId, contact: ContactId) -> Option<String> {
    vault.opaque(PURPOSE, link.uuid(), contact.uuid())
}

/// The contact that `token` stands for in an address of `link`, if it is one of ours.
pub fn contact_of(vault: &Vault, link: TrackedLinkId, token: &str) -> Option<ContactId> {
    vault
        .read_opaque(PURPOSE, link.uuid(), token)
        .map(ContactId)
}
