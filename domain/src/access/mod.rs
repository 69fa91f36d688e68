//! Who may do what: roles, scopes, access tokens, and the actor every use case is handed.
//!
//! Called by `api` at each request and by `enishi` at the first start. A token is stored as a hash
//! and shown once; what a token may do is the smaller of its scopes and its member's role.

mod actor;
pub mod member;
mod operator;
mod scope;
pub mod token;

pub use actor::{Actor, Origin};
pub use operator::operator;
pub use scope::{Scope, ScopeSet};
