//! How a signal's value is judged: from 0 (bad) to 1 (good).

use serde::{Deserialize, Serialize};

use super::input::Input;

/// A judgement in millionths, 0 to 1,000,000. Whole numbers make sums of judgements independent of
/// their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mapped(pub(crate) i128);

impl Mapped {
    /// The best there is.
    pub const BEST: Self = Self(1_000_000);
    /// Neither good nor bad.
    pub const MIDDLE: Self = Self(500_000);
    /// The worst there is.
    pub const WORST: Self = Self(0);

    fn from_share(share: f64) -> Self {
        Self((share.clamp(0.0, 1.0) * 1_000_000.0).round() as i128)
    }

    /// The judgement from 0 to 1.
    pub fn share(self) -> f64 {
        self.0 as f64 / 1_000_000.0
    }
}

/// A step of [`Curve::Steps`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The lowest value on the step.
    pub from: f64,
    /// How the values on it are judged, 0 to 1.
    pub share: f64,
}

/// How values are judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Curve {
    /// By the highest step whose `from` the value reaches.
    Steps {
        /// How values below every step are judged, 0 to 1.
        below: f64,
        /// The steps, upwards.
        steps: Vec<Step>,
    },
    /// On a straight line between two values. `bad` may be the larger one: then less is better.
    Linear {
        /// The value judged 0; so is everything beyond it.
        bad: f64,
        /// The value judged 1; so is everything beyond it.
        good: f64,
    },
    /// More is better, but each more counts less: `value / (value + half)`.
    Saturating {
        /// The value judged one half.
        half: f64,
    },
    /// By what is usual for this contact: 1 when the value reaches its baseline, less in proportion.
    Baseline {
        /// The share of the baseline that may be missing without being judged, 0 to below 1. It
        /// keeps ordinary ups and downs from moving the score.
        grace: f64,
    },
}

impl Curve {
    /// Judges `input`; nothing when it is not a number, or lacks the baseline the curve needs.
    pub fn judge(&self, input: Input) -> Option<Mapped> {
        let value = input.value;
        let share = match self {
            Self::Steps { below, steps } => steps
                .iter()
                .take_while(|step| value >= step.from)
                .last()
                .map_or(*below, |step| step.share),
            Self::Linear { bad, good } => (value - bad) / (good - bad),
            Self::Saturating { half } => {
                let value = value.max(0.0);
                value / (value + half)
            }
            Self::Baseline { grace } => {
                let wanted = input.baseline? * (1.0 - grace);
                if wanted > 0.0 {
                    value / wanted
                } else if value > 0.0 {
                    // There was nothing before: any use is a beginning.
                    1.0
                } else {
                    // Used once, long ago, and stopped.
                    0.0
                }
            }
        };
        (value.is_finite() && share.is_finite()).then(|| Mapped::from_share(share))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(curve: &Curve, cases: &[(f64, f64)]) {
        for &(value, share) in cases {
            let mapped = curve.judge(Input::plain(value)).map(Mapped::share);
            assert_eq!(mapped, Some(share), "{value} on {curve:?}");
        }
    }

    #[test]
    fn a_step_begins_at_its_lower_edge() {
        let steps = [(1.0, 0.5), (4.0, 0.8)].map(|(from, share)| Step { from, share });
        let curve = Curve::Steps {
            below: 0.1,
            steps: steps.to_vec(),
        };
        check(
            &curve,
            &[(0.0, 0.1), (1.0, 0.5), (3.9, 0.5), (4.0, 0.8), (99.0, 0.8)],
        );
    }

    #[test]
    fn a_line_runs_either_way_and_ends_at_its_ends() {
        let more = Curve::Linear {
            bad: 0.0,
            good: 10.0,
        };
        check(&more, &[(-1.0, 0.0), (0.0, 0.0), (2.5, 0.25), (11.0, 1.0)]);
        let less = Curve::Linear {
            bad: 72.0,
            good: 4.0,
        };
        check(&less, &[(4.0, 1.0), (0.0, 1.0), (38.0, 0.5), (80.0, 0.0)]);
    }

    #[test]
    fn saturation_passes_one_half_where_it_is_told_to() {
        let curve = Curve::Saturating { half: 3.0 };
        check(&curve, &[(-1.0, 0.0), (0.0, 0.0), (3.0, 0.5), (9.0, 0.75)]);
    }

    #[test]
    fn a_little_less_than_usual_is_within_the_grace() {
        let curve = Curve::Baseline { grace: 0.2 };
        for (value, baseline, share) in [
            (10.0, 10.0, 1.0),
            (8.0, 10.0, 1.0),
            (4.0, 10.0, 0.5),
            (0.0, 10.0, 0.0),
            (3.0, 0.0, 1.0),
            (0.0, 0.0, 0.0),
        ] {
            let mapped = curve.judge(Input::against(value, baseline));
            assert_eq!(mapped.map(Mapped::share), Some(share));
        }
    }

    #[test]
    fn a_baseline_curve_says_nothing_without_a_baseline() {
        assert_eq!(
            Curve::Baseline { grace: 0.1 }.judge(Input::plain(1.0)),
            None
        );
    }

    fn curves() -> impl Strategy<Value = Curve> {
        let number = -1e6..1e6_f64;
        prop_oneof![
            (
                0.0..=1.0,
                prop::collection::vec((number.clone(), 0.0..=1.0), 0..4)
            )
                .prop_map(|(below, steps)| {
                    let steps = steps.into_iter().map(|(from, share)| Step { from, share });
                    Curve::Steps {
                        below,
                        steps: steps.collect(),
                    }
                }),
            (number.clone(), number).prop_map(|(bad, good)| Curve::Linear { bad, good }),
            (1e-6..1e6_f64).prop_map(|half| Curve::Saturating { half }),
            (0.0..0.99_f64).prop_map(|grace| Curve::Baseline { grace }),
        ]
    }

    proptest! {
        #[test]
        fn a_judgement_is_never_outside_its_range(
            curve in curves(),
            value in proptest::num::f64::ANY,
            baseline in proptest::option::of(proptest::num::f64::ANY),
        ) {
            if let Some(mapped) = curve.judge(Input { value, baseline }) {
                prop_assert!((Mapped::WORST..=Mapped::BEST).contains(&mapped));
            }
        }
    }
}
