//! The thin door for work: takes hints and ticks, and calls `domain`.

pub mod egress;
pub mod handler;
pub mod hints;
pub mod queue;
pub mod runtime;

#[cfg(test)]
mod testing;
