//! Rates that say what they are made of, and how bad that is where a limit is known.

use async_graphql::{Enum, SimpleObject};
use serde::{Deserialize, Serialize};

use super::figures::Figures;

/// The 97.5 % point of the standard normal distribution: two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// From so many complaints among 1,000 delivered emails on, it is time to act. Definitions, "Complaint
/// rate": "warn 0.1 %".
const WARN_PER_MILLE: i64 = 1;
/// From so many on, mail providers refuse bulk mail. Definitions: "alarm 0.3 %".
const ALARM_PER_MILLE: i64 = 3;
/// Of fewer delivered emails complaints say nothing: one alone would be a warning. Definitions, "no rate
/// signal below a minimum n".
const MIN_DELIVERED: i64 = 1_000;

/// What a rate is a share of. Published definitions disagree, so each rate says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[graphql(name = "EmailRateBase")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Base {
    /// Emails the sender or its provider accepted.
    Attempted,
    /// Emails that arrived; of an open rate, those of them whose opens are tracked.
    Delivered,
    /// Emails a person opened, implied opens included, of those whose opens are tracked.
    HumanOpeners,
    /// Emails anybody or anything opened, implied opens included, of those whose opens are tracked.
    Openers,
}

/// How bad the complaint rate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[graphql(name = "EmailComplaintLevel")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ComplaintLevel {
    /// Below 0.1 %.
    Usual,
    /// From 0.1 % on: find out who complains, and why.
    Warn,
    /// From 0.3 % on: Gmail, for one, refuses bulk mail of such a sender.
    Alarm,
}

/// A share of emails, with what it is made of and how far chance alone may have moved it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, SimpleObject)]
#[graphql(name = "EmailRate")]
pub struct Rate {
    /// The share, from 0 to 1; null when there is nothing to take a share of.
    pub value: Option<f64>,
    /// How many emails have the property.
    pub numerator: i64,
    /// Of how many.
    pub denominator: i64,
    /// What the denominator counts.
    pub base: Base,
    /// The lower end of the 95 % Wilson interval.
    pub low: Option<f64>,
    /// The upper end of the 95 % Wilson interval.
    pub high: Option<f64>,
}

impl Rate {
    /// `numerator` of `denominator`, with its Wilson interval.
    pub fn new(numerator: i64, denominator: i64, base: Base) -> Self {
        let interval = wilson(numerator, denominator);
        Self {
            value: (denominator > 0).then(|| numerator as f64 / denominator as f64),
            numerator,
            denominator,
            base,
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
        }
    }
}

/// The 95 % Wilson score interval of a share:
/// `(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)`; nothing of nothing. Definitions, "Small
/// samples".
pub(crate) fn wilson(numerator: i64, denominator: i64) -> Option<(f64, f64)> {
    if denominator <= 0 {
        return None;
    }
    let n = denominator as f64;
    let p = numerator as f64 / n;
    let squared = Z * Z;
    let middle = p + squared / (2.0 * n);
    let reach = Z
        * (p * (1.0 - p) / n + squared / (4.0 * n * n))
            .max(0.0)
            .sqrt();
    let scale = 1.0 + squared / n;
    // The ends are exact there; the formula leaves a rounding error.
    let low = if numerator == 0 {
        0.0
    } else {
        (middle - reach) / scale
    };
    let high = if numerator == denominator {
        1.0
    } else {
        (middle + reach) / scale
    };
    Some((low.clamp(0.0, 1.0), high.clamp(0.0, 1.0)))
}

/// The rates of the definitions' table "Email"; each is null when its denominator is 0. What is made of opens
/// leaves out the emails whose opens are not tracked: null where they are all there are.
impl Figures {
    /// Delivered / attempted. "Delivery rate".
    pub fn delivery_rate(&self) -> Rate {
        self.of_attempted(self.delivered)
    }

    /// Hard bounces / attempted. "Hard / soft bounce rate".
    pub fn hard_bounce_rate(&self) -> Rate {
        self.of_attempted(self.hard_bounced)
    }

    /// Soft bounces without a later delivery / attempted. "Hard / soft bounce rate".
    pub fn soft_bounce_rate(&self) -> Rate {
        self.of_attempted(self.soft_bounced)
    }

    /// Policy blocks / attempted: "policy blocks counted apart".
    pub fn block_rate(&self) -> Rate {
        self.of_attempted(self.blocked)
    }

    /// Unique human openers / delivered. "Open rate, human".
    pub fn human_open_rate(&self) -> Rate {
        Rate::new(
            self.tracked_human_openers(),
            self.tracked_delivered(),
            Base::Delivered,
        )
    }

    /// Any opener / delivered. "Open rate, all".
    pub fn open_rate(&self) -> Rate {
        Rate::new(
            self.tracked_openers(),
            self.tracked_delivered(),
            Base::Delivered,
        )
    }

    /// Emails that only machines opened / any opener: how much of the open rate is theirs. "Open rate",
    /// "show both plus machine share".
    pub fn machine_open_share(&self) -> Rate {
        let openers = self.tracked_openers();
        Rate::new(
            openers - self.tracked_human_openers(),
            openers,
            Base::Openers,
        )
    }

    /// Unique human clickers / delivered. "Click rate (CTR)".
    pub fn click_rate(&self) -> Rate {
        self.of_delivered(self.human_clickers)
    }

    /// Unique human clickers / unique human openers; never above 1, because a person's click
    /// implies a person's open. "CTOR".
    pub fn click_to_open_rate(&self) -> Rate {
        let clickers = self.human_clickers - self.untracked_human_clickers;
        Rate::new(clickers, self.tracked_human_openers(), Base::HumanOpeners)
    }

    /// Emails with at least one reply of a person / delivered. "Reply rate".
    pub fn reply_rate(&self) -> Rate {
        self.of_delivered(self.replied)
    }

    /// Unique unsubscriptions / delivered. "Unsubscribe rate".
    pub fn unsubscribe_rate(&self) -> Rate {
        self.of_delivered(self.unsubscribed)
    }

    /// Complaints / delivered. "Complaint rate".
    pub fn complaint_rate(&self) -> Rate {
        self.of_delivered(self.complained)
    }

    /// How bad the complaint rate is; nothing below 1,000 delivered emails. "Complaint rate".
    pub fn complaint_level(&self) -> Option<ComplaintLevel> {
        let is_from = |per_mille| self.complained * 1_000 >= self.delivered * per_mille;
        (self.delivered >= MIN_DELIVERED).then(|| {
            if is_from(ALARM_PER_MILLE) {
                ComplaintLevel::Alarm
            } else if is_from(WARN_PER_MILLE) {
                ComplaintLevel::Warn
            } else {
                ComplaintLevel::Usual
            }
        })
    }

    /// Mean seconds to the first reply, over the answered emails of which it is known.
    pub fn mean_reply_seconds(&self) -> Option<f64> {
        (self.timed_replies > 0).then(|| self.reply_seconds as f64 / self.timed_replies as f64)
    }

    fn tracked_delivered(&self) -> i64 {
        self.delivered - self.untracked_delivered
    }

    fn tracked_human_openers(&self) -> i64 {
        self.human_openers - self.untracked_human_openers
    }

    fn tracked_openers(&self) -> i64 {
        self.openers - self.untracked_openers
    }

    fn of_attempted(&self, numerator: i64) -> Rate {
        Rate::new(numerator, self.attempted, Base::Attempted)
    }

    fn of_delivered(&self, numerator: i64) -> Rate {
        Rate::new(numerator, self.delivered, Base::Delivered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(numerator: i64, denominator: i64, low: f64, high: f64) {
        let rate = Rate::new(numerator, denominator, Base::Delivered);
        let near = |actual: Option<f64>, expected: f64| {
            assert!((actual.unwrap() - expected).abs() < 1e-4, "{rate:?}");
        };
        near(rate.value, numerator as f64 / denominator as f64);
        near(rate.low, low);
        near(rate.high, high);
    }

    #[test]
    fn the_interval_is_wilsons() {
        check(0, 10, 0.0, 0.2775);
        check(10, 10, 0.7225, 1.0);
        check(5, 10, 0.2366, 0.7634);
        check(1, 1, 0.2065, 1.0);
        check(30, 1_000, 0.0211, 0.0425);
    }

    #[test]
    fn a_share_of_nothing_is_null() {
        let figures = Figures::default();
        for rate in [
            figures.delivery_rate(),
            figures.human_open_rate(),
            figures.machine_open_share(),
            figures.click_to_open_rate(),
        ] {
            assert_eq!((rate.value, rate.low, rate.high), (None, None, None));
        }
        assert_eq!(figures.mean_reply_seconds(), None);
    }

    #[test]
    fn each_rate_states_its_base() {
        let figures = Figures {
            attempted: 100,
            delivered: 80,
            human_openers: 40,
            openers: 50,
            human_clickers: 10,
            hard_bounced: 5,
            complained: 1,
            ..Figures::default()
        };
        let parts = |rate: Rate| (rate.numerator, rate.denominator, rate.base);
        assert_eq!(parts(figures.delivery_rate()), (80, 100, Base::Attempted));
        assert_eq!(parts(figures.hard_bounce_rate()), (5, 100, Base::Attempted));
        assert_eq!(parts(figures.human_open_rate()), (40, 80, Base::Delivered));
        assert_eq!(parts(figures.open_rate()), (50, 80, Base::Delivered));
        assert_eq!(parts(figures.machine_open_share()), (10, 50, Base::Openers));
        assert_eq!(parts(figures.click_rate()), (10, 80, Base::Delivered));
        assert_eq!(
            parts(figures.click_to_open_rate()),
            (10, 40, Base::HumanOpeners)
        );
        assert_eq!(parts(figures.complaint_rate()), (1, 80, Base::Delivered));
    }

    #[test]
    fn emails_whose_opens_are_not_tracked_are_left_out_of_what_is_made_of_opens() {
        let off = Figures {
            attempted: 10,
            delivered: 10,
            human_openers: 2,
            openers: 3,
            human_clickers: 2,
            untracked: 10,
            untracked_delivered: 10,
            untracked_human_openers: 2,
            untracked_openers: 3,
            untracked_human_clickers: 2,
            ..Figures::default()
        };
        for rate in [
            off.human_open_rate(),
            off.open_rate(),
            off.machine_open_share(),
            off.click_to_open_rate(),
        ] {
            assert_eq!((rate.value, rate.numerator, rate.denominator), (None, 0, 0));
        }
        assert_eq!(off.click_rate().value, Some(0.2));
        assert_eq!(off.delivery_rate().value, Some(1.0));
        let mut both = off;
        both += Figures {
            attempted: 4,
            delivered: 4,
            human_openers: 2,
            openers: 4,
            human_clickers: 1,
            ..Figures::default()
        };
        let parts = |rate: Rate| (rate.numerator, rate.denominator);
        assert_eq!(parts(both.human_open_rate()), (2, 4));
        assert_eq!(parts(both.open_rate()), (4, 4));
        assert_eq!(parts(both.machine_open_share()), (2, 4));
        assert_eq!(parts(both.click_to_open_rate()), (1, 2));
        assert_eq!(parts(both.click_rate()), (3, 14));
    }

    #[test]
    fn complaints_warn_at_one_and_alarm_at_three_in_a_thousand() {
        use ComplaintLevel::{Alarm, Usual, Warn};
        for (complained, delivered, level) in [
            (0, 0, None),
            (3, 999, None),
            (0, 1_000, Some(Usual)),
            (1, 1_001, Some(Usual)),
            (1, 1_000, Some(Warn)),
            (2, 1_000, Some(Warn)),
            (29, 10_000, Some(Warn)),
            (30, 10_000, Some(Alarm)),
        ] {
            let figures = Figures {
                delivered,
                complained,
                ..Figures::default()
            };
            assert_eq!(
                figures.complaint_level(),
                level,
                "{complained} of {delivered}"
            );
        }
    }
}
