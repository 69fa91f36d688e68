//! Hints through Redis, as the serving side sees them: requests send them, subscriptions wait for
//! them. What travels, and under which names, is agreed on in [`domain::port::wire`].

mod push;
mod wakeups;

pub use push::redis_hints;
pub use wakeups::RedisWakeups;

#[cfg(test)]
mod tests;
