//! How far an import is, on standard error: one line that is written over on a terminal, a plain
//! line every few seconds elsewhere.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    time::{Duration, Instant},
};

use domain::text::counted;

const PAUSE_ON_TERMINAL: Duration = Duration::from_millis(200);
const PAUSE_ELSEWHERE: Duration = Duration::from_secs(5);

/// The progress of one import.
pub(super) struct Progress {
    total_bytes: u64,
    started: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
    width: usize,
}

impl Progress {
    pub(super) fn start(total_bytes: u64) -> Self {
        Self {
            total_bytes,
            started: Instant::now(),
            shown: None,
            is_terminal: stderr().is_terminal(),
            width: 0,
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Shows where things are, unless that was just done.
    pub(super) fn show(&mut self, read_bytes: u64, messages: u64) {
        let pause = if self.is_terminal {
            PAUSE_ON_TERMINAL
        } else {
            PAUSE_ELSEWHERE
        };
        let since = self.shown.unwrap_or(self.started);
        if since.elapsed() < pause {
            return;
        }
        self.shown = Some(Instant::now());
        let line = line(read_bytes, self.total_bytes, messages, self.elapsed());
        if self.is_terminal {
            // Blanks over what is left of a longer line.
            let width = self.width.max(line.len());
            let _ = write!(stderr(), "\r{line:width$}");
            self.width = line.len();
        } else {
            let _ = writeln!(stderr(), "{line}");
        }
    }

    /// Takes the line away, so that what follows starts on an empty one.
    pub(super) fn end(&mut self) {
        if self.is_terminal && self.width > 0 {
            let _ = write!(stderr(), "\r{:width$}\r", "", width = self.width);
        }
    }
}

fn line(read_bytes: u64, total_bytes: u64, messages: u64, elapsed: Duration) -> String {
    let share = (read_bytes as f64 / total_bytes.max(1) as f64).min(1.0);
    let seconds = elapsed.as_secs_f64().max(0.001);
    let rate = messages as f64 / seconds;
    let left = seconds / share.max(1e-9) - seconds;
    format!(
        "{:5.1} %  {:.1} of {:.1} MB  {}  {rate:.0}/s  {} left",
        share * 100.0,
        read_bytes as f64 / 1e6,
        total_bytes as f64 / 1e6,
        counted(messages, "message"),
        duration(left)
    )
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.min(360_000.0) as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        assert_eq!(
            line(25_000_000, 100_000_000, 5_000, Duration::from_secs(50)),
            " 25.0 %  25.0 of 100.0 MB  5000 messages  100/s  2:30 left"
        );
        assert!(!line(0, 0, 0, Duration::ZERO).contains("NaN"));
    }
}
