//! What was measured of many subscribers, and how it is told.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::crowd::{Receipt, tally};
use crate::report::{count, quantile, row, table};

/// When a change was heard of, in milliseconds after its cause.
pub(super) struct Spread {
    first: f64,
    half: f64,
    p99: f64,
    last: f64,
}

impl Spread {
    pub(super) fn of(receipts: &[Receipt], cause: Instant) -> Self {
        let after = |receipt: &Receipt| receipt.at.saturating_duration_since(cause);
        let ms = receipts.iter().map(|one| after(one).as_secs_f64() * 1e3);
        let mut ms: Vec<f64> = ms.collect();
        ms.sort_by(f64::total_cmp);
        Self {
            first: quantile(&ms, 0.0),
            half: quantile(&ms, 0.5),
            p99: quantile(&ms, 0.99),
            last: quantile(&ms, 1.0),
        }
    }
}

/// One change.
pub(super) struct Round {
    pub(super) asked: Spread,
    pub(super) answered: Spread,
}

/// Who heard what.
#[derive(Default)]
pub(super) struct Heard {
    /// Subscribers who read.
    pub(super) size: usize,
    receipts: usize,
    missed: usize,
    twice: usize,
    strange: usize,
    /// Why sockets of theirs were closed.
    pub(super) closed: Vec<String>,
    /// What subscribers of the other workspace heard of this one.
    pub(super) foreign: usize,
    /// How many of them heard once of a change of their own.
    pub(super) own: usize,
}

impl Heard {
    pub(super) fn of(size: usize) -> Self {
        Self {
            size,
            ..Self::default()
        }
    }

    /// Counts what was heard of one change.
    pub(super) fn count(&mut self, receipts: &[Receipt]) -> Result<()> {
        let (times, strange) = tally(receipts, self.size)?;
        self.receipts += receipts.len();
        self.missed += times.iter().filter(|&&times| times == 0).count();
        self.twice += times.iter().filter(|&&times| times > 1).count();
        self.strange += strange;
        Ok(())
    }
}

/// What became of those who do not read.
pub(super) struct Cut {
    pub(super) of: usize,
    /// The codes their sockets were closed with, of those that were.
    pub(super) codes: Vec<u16>,
    /// By when they were.
    pub(super) at_most: Duration,
}

/// What was measured with one document.
pub(super) struct Measured {
    pub(super) name: &'static str,
    pub(super) sockets: usize,
    pub(super) opening: Duration,
    /// Of the server, in MiB: before the sockets, with all of them, at the end, at its highest.
    pub(super) memory: [f64; 4],
    /// Milliseconds of processor time a second while nothing happens, of each program and the database.
    pub(super) idle: Vec<f64>,
    /// Microseconds of processor time during the changes, of each program and the database.
    pub(super) cpu: Vec<u64>,
    /// Of one message.
    pub(super) bytes: usize,
    pub(super) rounds: Vec<Round>,
    pub(super) heard: Heard,
    pub(super) cut: Cut,
    pub(super) bare: Vec<Spread>,
}

/// Tells all of it.
pub(super) fn report(all: &[Measured]) {
    times(all);
    costs(all);
    sockets(all);
    hearing(all);
}

fn times(all: &[Measured]) {
    let subscribers = all.first().map_or(0, |one| one.heard.size);
    let changes = all.first().map_or(0, |one| one.rounds.len());
    table(
        &format!(
            "A change to {} subscribers, ms: medians of {changes}",
            count(subscribers as f64)
        ),
        &[
            "subscription: what is read",
            "from",
            "first (goal 5)",
            "half",
            "p99",
            "last (target 120, goal 75)",
            "last, of the slowest change",
            "of the bare server",
        ],
    );
    for one in all {
        let bare: Vec<&Spread> = one.bare.iter().collect();
        let floor = middle(&bare, |spread| spread.last);
        let asked: Vec<&Spread> = one.rounds.iter().map(|round| &round.asked).collect();
        let answered: Vec<&Spread> = one.rounds.iter().map(|round| &round.answered).collect();
        for (from, spreads) in [
            ("its request", asked),
            ("its answer", answered),
            ("a bare server: one send() each", bare),
        ] {
            let last = middle(&spreads, |spread| spread.last);
            row(&[
                one.name.to_owned(),
                from.to_owned(),
                format!("{:.1}", middle(&spreads, |spread| spread.first)),
                format!("{:.1}", middle(&spreads, |spread| spread.half)),
                format!("{:.1}", middle(&spreads, |spread| spread.p99)),
                format!("{last:.1}"),
                format!("{:.1}", at(&spreads, |spread| spread.last, 1.0)),
                format!("{:.2}", last / floor),
            ]);
        }
    }
}

fn costs(all: &[Measured]) {
    table(
        "What a receipt costs",
        &[
            "subscription: what is read",
            "bytes",
            "server CPU µs",
            "CPU µs of everything else but the client",
            "while nothing happens: server CPU ms/s",
            "everything else but the client",
        ],
    );
    for one in all {
        let each = |us: u64| format!("{:.1}", us as f64 / one.heard.receipts as f64);
        row(&[
            one.name.to_owned(),
            one.bytes.to_string(),
            each(one.cpu.first().copied().unwrap_or_default()),
            each(one.cpu.iter().skip(1).sum()),
            format!("{:.1}", one.idle.first().copied().unwrap_or_default()),
            format!("{:.1}", one.idle.iter().skip(1).sum::<f64>()),
        ]);
    }
}

fn sockets(all: &[Measured]) {
    table(
        "Open sockets",
        &[
            "subscription: what is read",
            "sockets",
            "opened a second",
            "RSS MiB before",
            "with all",
            "KiB each (target 40, goal 10)",
            "at the end (peak)",
        ],
    );
    for one in all {
        let [before, open, end, peak] = one.memory;
        row(&[
            one.name.to_owned(),
            count(one.sockets as f64),
            count(one.sockets as f64 / one.opening.as_secs_f64()),
            format!("{before:.1}"),
            format!("{open:.1}"),
            format!("{:.1}", (open - before) * 1024.0 / one.sockets as f64),
            format!("{end:.1} ({peak:.1})"),
        ]);
    }
}

fn hearing(all: &[Measured]) {
    table(
        "Who hears what (targets: nothing missed, twice or of another workspace)",
        &[
            "subscription: what is read",
            "receipts",
            "missed",
            "twice",
            "of something else",
            "sockets closed",
            "heard in another workspace",
            "hear their own there",
            "who never read: cut off",
            "after at most s",
        ],
    );
    for one in all {
        let heard = &one.heard;
        let closed = match heard.closed.first() {
            Some(reason) => format!("{} ({reason})", heard.closed.len()),
            None => "0".to_owned(),
        };
        let mut codes = one.cut.codes.clone();
        codes.sort_unstable();
        codes.dedup();
        row(&[
            one.name.to_owned(),
            count(heard.receipts as f64),
            heard.missed.to_string(),
            heard.twice.to_string(),
            heard.strange.to_string(),
            closed,
            heard.foreign.to_string(),
            heard.own.to_string(),
            format!("{} of {} {codes:?}", one.cut.codes.len(), one.cut.of),
            format!("{:.0}", one.cut.at_most.as_secs_f64()),
        ]);
    }
}

fn middle(spreads: &[&Spread], of: impl Fn(&Spread) -> f64) -> f64 {
    at(spreads, of, 0.5)
}

/// A place among the sorted values of some changes: 0.5 is the median.
fn at(spreads: &[&Spread], of: impl Fn(&Spread) -> f64, share: f64) -> f64 {
    let mut values: Vec<f64> = spreads.iter().map(|spread| of(spread)).collect();
    values.sort_by(f64::total_cmp);
    quantile(&values, share)
}
