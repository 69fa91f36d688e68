//! worker

pub mod egress;
