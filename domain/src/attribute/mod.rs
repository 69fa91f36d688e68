//! Custom attributes: what a workspace wants to know of its contacts, accounts and conversations
//! beyond what Enishi knows by itself.
//!
//! [`definition`] says which there are and of which type; [`value`] decides, without any effect,
//! whether a value fits and how it is stored; [`write`](mod@write) stores; [`test`](mod@test) asks lists for
//! values. Values are read and sorted through one index, whatever their type.
//!
//! To add a type: a variant of `AttributeType` and of [`Value`], and what it means in
//! `value.rs`.

pub mod definition;
pub mod input;
pub(crate) mod many;
pub mod test;
pub mod value;
pub mod write;

pub use definition::{AttributeChanges, AttributeOption, NewAttribute};
pub use input::{AttributeValueOf, WantedAttributeValue};
pub use test::{AttributeOrder, AttributeTest, Test};
pub use value::Value;
pub use write::{Setting, load, set};
