//! Every rule of the business: what may happen to contacts, tags, conversations, rules, email
//! metrics and health scores, and what follows from it.
//!
//! `api` and `worker` are two thin doors to this crate. It knows sea-orm and pure libraries; it
//! never names actix, apalis, redis, a resolver or an environment variable. What it needs from
//! outside (time, ids, wake-ups, outgoing HTTP) it asks for through [`port`].

pub mod port;
