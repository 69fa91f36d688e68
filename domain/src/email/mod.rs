//! Email events and the figures made of them.
//!
//! The unit is one email to one recipient: the sender's id of the email and the address it went to.
//!
//! - [`origin`]: tells people from machines, with the reason. Pure.
//! - [`link`]: recognises unsubscribe and preference links. Pure.
//! - [`fold`]: makes the state of one email of all its events. Pure.
//! - [`figures`]: what is counted per scope and day, and what one email adds to it. Pure.
//! - [`rate`]: turns figures into rates with their base and interval. Pure.
//!
//! Nothing here sends email.

pub mod figures;
pub mod fold;
pub mod link;
pub mod origin;
pub mod rate;

pub use figures::Figures;
pub use fold::EmailState;
