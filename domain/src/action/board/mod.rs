//! What has to be known to decide about effects, and the decision.
//!
//! The board is read once for any number of effects and kept up to date while they are decided one
//! after the other: what one puts on, the next finds there. Nothing is written here.
//!
//! - `wanted`: the ids that effects name.
//! - `usable`: which of them can be had.
//! - `tags`: the tags of things, as they stand before the effect at hand.
//! - `decision`: what is to be written for an effect.

mod decision;
mod tags;
mod usable;
mod wanted;

pub(crate) use self::{
    decision::{Decision, Stay, decide},
    tags::{Tags, ids_here},
    usable::Usable,
    wanted::Wanted,
};
