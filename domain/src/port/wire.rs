//! What travels through Redis for a hint: key names, the script that pushes, the form of a notice.
//!
//! Both doors push and the worker takes, so the agreement between them is written here once, as
//! plain text: nothing in this crate talks to Redis. The keys of one installation share a hash
//! tag, which puts them in one slot of a Redis Cluster, so that a script may touch several.

use super::{Hint, Work};

/// The most hints one script call may move, so that none holds Redis up.
pub const BATCH: usize = 200;

/// Pushes hints, wakes one idle worker, and tells every api process.
///
/// `KEYS` and `ARGV` come from [`Keys::for_push`] and [`Keys::push_arguments`]. Answers how many
/// of the hints for workers were not waiting yet. A hint that is being worked on is only marked, so that
/// it runs once more afterwards: the running job may have read the database before this change.
pub const PUSH: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local added = 0
for i = 3, #ARGV do
  if redis.call('ZSCORE', KEYS[2], ARGV[i]) then
    redis.call('SADD', KEYS[3], ARGV[i])
  else
    added = added + redis.call('ZADD', KEYS[1], 'NX', now, ARGV[i])
  end
end
if added > 0 and redis.call('LLEN', KEYS[4]) == 0 then
  redis.call('LPUSH', KEYS[4], 1)
end
if ARGV[2] ~= '' then
  redis.call('PUBLISH', ARGV[1], ARGV[2])
end
return added
";

/// The names under which an installation keeps its hints in Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Sorted set: hints that wait, by the time they came (Redis clock, milliseconds).
    pub ready: String,
    /// Sorted set: hints being worked on, by the end of their lease (Redis clock, milliseconds).
    pub leases: String,
    /// Hash: hint to the token of the claim that holds its lease.
    pub owners: String,
    /// Set: hints that came again while being worked on.
    pub again: String,
    /// List of at most one entry, on which idle workers block: "look at what is ready".
    pub bell: String,
    /// The pub/sub channel on which hints for subscriptions are announced.
    pub channel: String,
}

impl Keys {
    /// The names for the installation called `prefix`.
    pub fn new(prefix: &str) -> Self {
        let key = |name: &str| format!("{{enishi:{prefix}}}:{name}");
        Self {
            ready: key("ready"),
            leases: key("leases"),
            owners: key("owners"),
            again: key("again"),
            bell: key("bell"),
            channel: key("hints"),
        }
    }

    /// The keys [`PUSH`] expects, in its order.
    pub fn for_push(&self) -> [&str; 4] {
        [&self.ready, &self.leases, &self.again, &self.bell]
    }

    /// The arguments [`PUSH`] expects for at most [`BATCH`] hints: the channel, the notice, which
    /// is empty when no subscription is concerned, and the hints for workers.
    pub fn push_arguments(&self, hints: &[Hint]) -> Vec<String> {
        let texts = |concerns: fn(Work) -> bool| {
            let concerned = hints.iter().filter(move |hint| concerns(hint.work));
            concerned.map(ToString::to_string)
        };
        let notice: Vec<String> = texts(Work::wakes_subscriptions).collect();
        [self.channel.clone(), notice.join(" ")]
            .into_iter()
            .chain(texts(Work::wakes_workers))
            .collect()
    }
}

/// Reads a notice of the channel. Words that are no hint are passed over: a newer program may
/// already send kinds of work that this one does not know.
pub fn notice(text: &str) -> impl Iterator<Item = Hint> {
    text.split(' ').filter_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn hint(work: Work, number: u128) -> Hint {
        Hint {
            workspace: Uuid::from_u128(number),
            work,
        }
    }

    #[test]
    fn all_keys_share_one_hash_tag() {
        let keys = Keys::new("blue");
        for key in keys.for_push().into_iter().chain([keys.owners.as_str()]) {
            assert!(key.starts_with("{enishi:blue}:"), "{key}");
        }
    }

    #[test]
    fn subscriptions_and_workers_are_each_told_what_concerns_them() {
        let keys = Keys::new("blue");
        let [one, two] = [hint(Work::Changes, 1), hint(Work::Changes, 2)];
        let due = hint(Work::Due, 1);
        assert_eq!(
            keys.push_arguments(&[one, due, two]),
            [
                keys.channel.clone(),
                format!("{one} {two}"),
                due.to_string()
            ]
        );
        assert_eq!(
            keys.push_arguments(&[due]),
            [keys.channel.clone(), String::new(), due.to_string()]
        );
    }

    #[test]
    fn a_notice_with_an_unknown_kind_still_yields_the_known_ones() {
        let hint = hint(Work::Changes, 7);
        let text = format!("later:{0} {hint} ", Uuid::from_u128(8).simple());
        assert_eq!(notice(&text).collect::<Vec<_>>(), [hint]);
    }
}
