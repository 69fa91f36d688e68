//! Where notifications go, one module per kind.
//!
//! Each makes the whole of a [`super::notice::Notice`] safe for its kind of place, whatever customers,
//! members and templates wrote into it.
//!
//! To add one: a module with a pure function from the notice to what is sent, and a `judge` from the
//! answer to a [`super::Verdict`]; its word in `TargetKind`; then its arms in
//! [`super::deliver`]'s `attempt`.

pub mod email;
pub mod in_app;
pub mod slack;
pub mod webhook;
