//! What tests stand on: databases of their own, a world with a workspace in it.

#[cfg(test)]
pub(crate) mod client;
#[cfg(test)]
pub(crate) mod clock;
#[cfg(test)]
pub(crate) mod cluster;
pub mod database;
mod ending;
pub mod engine;
#[cfg(test)]
pub(crate) mod installation;
#[cfg(test)]
pub(crate) mod load;
#[cfg(test)]
pub(crate) mod process;
#[cfg(test)]
pub(crate) mod receiver;
#[cfg(test)]
pub(crate) mod refusal;
#[cfg(test)]
pub(crate) mod repository;
pub mod runtime;
#[cfg(test)]
pub(crate) mod script;
#[cfg(test)]
pub(crate) mod sdl;
#[cfg(test)]
pub(crate) mod smtp;
#[cfg(test)]
pub(crate) mod socket;
pub mod world;

pub use database::on_both;
pub use world::World;
