//! Health scores: how each relationship is doing, and why.
//!
//! - [`signal`]: what is measured, from the daily roll-ups and facts; `input`: what it says of a contact.
//! - [`model`]: which signals count, how much, and where the bands begin; `validate` checks one
//!   and [`save`] keeps it.
//! - [`curve`], [`score`], [`band`], [`explain`]: pure; from values to a score, a band and the
//!   reasons. [`points`] makes the reasons add up.
//! - [`recompute`]: the one way scores are written, many contacts at once.
//! - [`projection`] calls it for the contacts whose data changed, [`nightly`] for everybody once a
//!   day, [`refit`] for everybody after the model changed.
//! - [`preview`]: what a model would make of everybody, before it is saved.
//! - [`mod@history`] reads it all back, [`trend`] compares with some time ago.

pub mod band;
pub mod curve;
pub mod explain;
pub mod history;
pub mod input;
pub mod model;
pub mod nightly;
pub mod points;
pub mod preview;
pub mod projection;
pub mod recompute;
pub mod refit;
pub mod save;
pub mod score;
pub mod signal;
pub mod trend;
mod validate;

pub use history::{
    HealthFilter, change, contributions, find_entry, history, history_of_account, list_all, load,
    load_entries,
};
pub use preview::preview_model;
pub use save::{Saved, current_model, load_models, save_model};
