//! The thin door for work: takes hints and ticks, and calls `domain`.

pub mod config;
pub mod egress;
pub mod figures;
pub mod handler;
pub mod hints;
pub mod logs;
pub mod mail;
pub mod probe;
pub mod queue;
pub mod runtime;
pub mod secret_key;
pub mod start;
pub mod stop;
pub mod watchdog;

#[cfg(test)]
mod testing;
