//! Imports of contacts and accounts from CSV files, on both databases and over HTTP.

mod account;
mod ahead;
mod arrival;
mod contact;
mod interruption;
mod reading;
mod rehearsal;
mod steps;
mod tags;
mod upload;
