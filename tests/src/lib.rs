//! End-to-end tests, storage tests on both databases, and the repository's invariants.
//!
//! Run by `tests/run`, which starts a private PostgreSQL and Redis and names them in
//! `TEST_DATABASE_URL` and `TEST_REDIS_URL`. Without the first, storage tests run on SQLite only and
//! say so.

#![cfg_attr(
    test,
    allow(
        clippy::allow_attributes,
        clippy::default_trait_access,
        clippy::double_ended_iterator_last,
        clippy::needless_range_loop,
        clippy::redundant_closure_for_method_calls,
        clippy::single_match_else,
        clippy::type_complexity,
        clippy::unnecessary_wraps,
        reason = "matters of taste in tests, which read better plain"
    )
)]

pub mod support;

#[cfg(test)]
mod access;
#[cfg(test)]
mod answered;
#[cfg(test)]
mod api;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backlog;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod collation;
#[cfg(test)]
mod condition;
#[cfg(test)]
mod conversation;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod discreet;
#[cfg(test)]
mod document;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod email;
#[cfg(test)]
mod export;
#[cfg(test)]
mod fact;
#[cfg(test)]
mod failpoint;
#[cfg(test)]
mod fair;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod folder;
#[cfg(test)]
mod gathering;
#[cfg(test)]
mod gauge;
#[cfg(test)]
mod graph;
#[cfg(test)]
mod handler;
#[cfg(test)]
mod health;
#[cfg(test)]
mod import;
#[cfg(test)]
mod invariant;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod link;
#[cfg(test)]
mod log;
#[cfg(test)]
mod migrating;
#[cfg(test)]
mod newcomer;
#[cfg(test)]
mod notification;
#[cfg(test)]
mod once;
#[cfg(test)]
mod operation;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod people;
#[cfg(test)]
mod playbook;
#[cfg(test)]
mod poison;
#[cfg(test)]
mod precedence;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod record;
#[cfg(test)]
mod replaced;
#[cfg(test)]
mod reseal;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod room;
#[cfg(test)]
mod rule;
#[cfg(test)]
mod search;
#[cfg(test)]
mod segment;
#[cfg(test)]
mod size;
#[cfg(test)]
mod standing;
#[cfg(test)]
mod starting;
#[cfg(test)]
mod statistics;
#[cfg(test)]
mod survey;
#[cfg(test)]
mod tag;
#[cfg(test)]
mod tagging;
#[cfg(test)]
mod task;
#[cfg(test)]
mod tick;
#[cfg(test)]
mod timeline;
#[cfg(test)]
mod tour;
#[cfg(test)]
mod track;
#[cfg(test)]
mod unanswerable;
#[cfg(test)]
mod unasked;
#[cfg(test)]
mod wall;
#[cfg(test)]
mod work;
