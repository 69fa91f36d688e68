//! Where notifications go, one module per kind.
//!
//! To add one: a module with a pure function from the notice to the request's body, and a `judge`
//! from the answer to a [`super::Verdict`]; then its line here.

pub mod slack;
