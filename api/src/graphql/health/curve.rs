//! Curves of health models, as they are shown and as they are given.

use async_graphql::{InputObject, OneofObject, SimpleObject, Union};
use domain::health::curve::{Curve, Step};

/// How values are judged, from 0 (bad) to 1 (good).
#[derive(Union)]
pub(crate) enum HealthCurve {
    /// By steps.
    Steps(HealthStepsCurve),
    /// On a straight line.
    Linear(HealthLinearCurve),
    /// Each more counts less.
    Saturating(HealthSaturatingCurve),
    /// By what is usual for the contact.
    Baseline(HealthBaselineCurve),
}

/// Judges by the highest step the value reaches.
#[derive(SimpleObject)]
pub(crate) struct HealthStepsCurve {
    /// How values below every step are judged.
    below: f64,
    /// The steps, upwards.
    steps: Vec<HealthStep>,
}

/// A step of a curve.
#[derive(SimpleObject)]
pub(crate) struct HealthStep {
    /// The lowest value on the step.
    from: f64,
    /// How the values on it are judged, 0 to 1.
    share: f64,
}

/// Judges on a straight line between two values; `bad` may be the larger one.
#[derive(SimpleObject)]
pub(crate) struct HealthLinearCurve {
    /// The value judged 0.
    bad: f64,
    /// The value judged 1.
    good: f64,
}

/// More is better, but each more counts less: `value / (value + half)`.
#[derive(SimpleObject)]
pub(crate) struct HealthSaturatingCurve {
    /// The value judged one half.
    half: f64,
}

/// Judges by what is usual for the contact.
#[derive(SimpleObject)]
pub(crate) struct HealthBaselineCurve {
    /// The share of the baseline that may be missing without being judged.
    grace: f64,
}

impl From<&Curve> for HealthCurve {
    fn from(curve: &Curve) -> Self {
        match curve {
            Curve::Steps { below, steps } => Self::Steps(HealthStepsCurve {
                below: *below,
                steps: steps
                    .iter()
                    .map(|step| HealthStep {
                        from: step.from,
                        share: step.share,
                    })
                    .collect(),
            }),
            Curve::Linear { bad, good } => Self::Linear(HealthLinearCurve {
                bad: *bad,
                good: *good,
            }),
            Curve::Saturating { half } => Self::Saturating(HealthSaturatingCurve { half: *half }),
            Curve::Baseline { grace } => Self::Baseline(HealthBaselineCurve { grace: *grace }),
        }
    }
}

/// How values are to be judged, from 0 (bad) to 1 (good): exactly one of these.
#[derive(OneofObject)]
pub(crate) enum HealthCurveInput {
    /// By the highest step the value reaches.
    Steps(HealthStepsCurveInput),
    /// On a straight line between two values.
    Linear(HealthLinearCurveInput),
    /// More is better, but each more counts less.
    Saturating(HealthSaturatingCurveInput),
    /// By what is usual for the contact.
    Baseline(HealthBaselineCurveInput),
}

/// Judges by the highest step the value reaches.
#[derive(InputObject)]
pub(crate) struct HealthStepsCurveInput {
    /// How values below every step are judged, 0 to 1.
    below: f64,
    /// The steps, upwards.
    steps: Vec<HealthStepInput>,
}

/// A step of a curve.
#[derive(InputObject)]
pub(crate) struct HealthStepInput {
    /// The lowest value on the step.
    from: f64,
    /// How the values on it are judged, 0 to 1.
    share: f64,
}

/// Judges on a straight line between two values; `bad` may be the larger one.
#[derive(InputObject)]
pub(crate) struct HealthLinearCurveInput {
    /// The value judged 0.
    bad: f64,
    /// The value judged 1.
    good: f64,
}

/// More is better, but each more counts less: `value / (value + half)`.
#[derive(InputObject)]
pub(crate) struct HealthSaturatingCurveInput {
    /// The value judged one half.
    half: f64,
}

/// Judges by what is usual for the contact.
#[derive(InputObject)]
pub(crate) struct HealthBaselineCurveInput {
    /// The share of the baseline that may be missing without being judged, 0 to below 1.
    grace: f64,
}

impl From<HealthCurveInput> for Curve {
    fn from(input: HealthCurveInput) -> Self {
        match input {
            HealthCurveInput::Steps(input) => Self::Steps {
                below: input.below,
                steps: input
                    .steps
                    .into_iter()
                    .map(|step| Step {
                        from: step.from,
                        share: step.share,
                    })
                    .collect(),
            },
            HealthCurveInput::Linear(input) => Self::Linear {
                bad: input.bad,
                good: input.good,
            },
            HealthCurveInput::Saturating(input) => Self::Saturating { half: input.half },
            HealthCurveInput::Baseline(input) => Self::Baseline { grace: input.grace },
        }
    }
}
