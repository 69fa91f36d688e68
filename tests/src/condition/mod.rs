//! Conditions on both databases: every way of asking gives the same answer.

mod asking;
mod back;
mod behaviour;
mod chance;
mod company;
mod field;
mod leaf;
mod lineage;
mod past;
mod people;
mod record;
mod rule;
mod sequence;
mod thread;
mod tree;
