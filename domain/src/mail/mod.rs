//! Mail.

mod address;

pub use address::{AddressError, EmailAddress};
