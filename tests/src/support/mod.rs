//! What tests stand on: databases of their own, a world with a workspace in it.

pub mod database;
pub mod engine;
#[cfg(test)]
pub(crate) mod repository;
#[cfg(test)]
pub(crate) mod sdl;
pub mod world;

pub use database::on_both;
pub use world::World;
