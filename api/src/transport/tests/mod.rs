//! The door as clients see it, in front of a small schema.

mod audit;
mod body;
mod client;
mod cost;
mod documents;
mod fixture;
mod http;
mod inspect;
mod socket;
mod streams;
