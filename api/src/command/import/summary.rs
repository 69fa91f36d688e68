//! What became of an import, for the person who started it.

use std::{fmt::Write as _, time::Duration};

use domain::locale::Locale;

use super::source::{Problem, ProblemKind};

/// Left-out messages shown in the summary; all of them are in the report.
const SHOWN: usize = 20;

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) created: u64,
    pub(super) duplicates: u64,
    skipped: u64,
    broken: u64,
    shown: Vec<Problem>,
}

impl Tally {
    /// Counts what was left out. Mail among ourselves is counted and not listed: it is no problem.
    pub(super) fn note(&mut self, problem: Problem) {
        match problem.kind {
            ProblemKind::Skipped => self.skipped += 1,
            ProblemKind::Broken | ProblemKind::File => self.broken += 1,
        }
        if problem.kind != ProblemKind::Skipped && self.shown.len() < SHOWN {
            self.shown.push(problem);
        }
    }

    /// Messages looked at.
    pub(super) fn messages(&self) -> u64 {
        self.created + self.duplicates + self.skipped + self.broken
    }

    pub(super) fn has_read_anything(&self) -> bool {
        self.created + self.duplicates + self.skipped > 0
    }

    /// The summary.
    pub(super) fn text(&self, locale: Locale, elapsed: Duration) -> String {
        let seconds = format!("{:.1}", elapsed.as_secs_f64());
        let rate = (self.messages() as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
        let words = Words::of(locale);
        let mut text = format!(
            "{}: {}\n{}: {}\n{}: {}\n{}: {}\n{}: {seconds} s ({rate}/s)",
            words.created,
            self.created,
            words.duplicates,
            self.duplicates,
            words.skipped,
            self.skipped,
            words.broken,
            self.broken,
            words.time,
        );
        for problem in &self.shown {
            let (file, offset, reason) = (problem.file.display(), problem.offset, &problem.reason);
            let _ = write!(text, "\n  {file} @{offset}: {reason}");
        }
        let more = self.broken - self.shown.len() as u64;
        if more > 0 {
            let _ = write!(text, "\n  {} {more} (--report)", words.more);
        }
        text
    }
}

struct Words {
    created: &'static str,
    duplicates: &'static str,
    skipped: &'static str,
    broken: &'static str,
    time: &'static str,
    more: &'static str,
}

impl Words {
    fn of(locale: Locale) -> Self {
        match locale {
            Locale::En => Self {
                created: "New messages",
                duplicates: "There before",
                skipped: "Internal mail, left out",
                broken: "Could not be used",
                time: "Time",
                more: "and more:",
            },
            Locale::Ja => Self {
                created: "新しいメッセージ",
                duplicates: "取り込み済み",
                skipped: "社内メール(対象外)",
                broken: "取り込めなかったもの",
                time: "所要時間",
                more: "ほか:",
            },
            Locale::Zh => Self {
                created: "新邮件",
                duplicates: "之前已导入",
                skipped: "内部邮件(不导入)",
                broken: "无法导入",
                time: "用时",
                more: "其余:",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_lists_a_few_problems_and_counts_the_rest() {
        let mut tally = Tally {
            created: 3,
            ..Tally::default()
        };
        for offset in 0..25 {
            tally.note(Problem {
                file: "a.mbox".into(),
                offset,
                kind: ProblemKind::Broken,
                reason: "the message is empty".to_owned(),
            });
        }
        let text = tally.text(Locale::En, Duration::from_secs(2));
        assert!(
            text.starts_with("New messages: 3\nThere before: 0\n"),
            "{text}"
        );
        assert_eq!(text.matches("the message is empty").count(), SHOWN);
        assert!(text.ends_with("and more: 5 (--report)"), "{text}");
        assert!(tally.has_read_anything());
    }
}
