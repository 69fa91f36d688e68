//! From inputs to a score. Pure: the same model, inputs and previous standing give the same answer.
//!
//! The score is 100 times the weighted mean of the judgements of the signals that take part: those
//! with data, and those whose missing data the model says to count. Everything is whole numbers
//! (weights, millionths of a judgement, hundredths of a point), so the order of the signals makes
//! no difference, and the parts add up to the score as shown, to the last digit (see
//! `points`).

use entity::kind::HealthBand;

use super::{
    band::{Signs, Standing},
    curve::Mapped,
    input::{Input, Inputs},
    model::{Definition, Missing, Model},
    points::{self, Points},
};

/// What was known before this evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Previous {
    /// The model it came from. Where a contact stood by another model says nothing about this one.
    pub model_version: i64,
    /// Where the contact stood.
    pub standing: Standing,
    /// Whether a day has begun since, so that this evaluation counts towards a streak.
    pub new_day: bool,
    /// Whether a signal is judged better than then, or has data that had none ([`gains`]): without
    /// that no better band is come into.
    pub gained: bool,
}

/// The outcome, without its explanation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// 0 to 100; nothing when too little of the model's weight had data.
    pub score: Option<Points>,
    /// The share of the model's weight that had data, 0 to 1.
    pub coverage: f64,
    /// The band, and how long the score has pointed out of it.
    pub standing: Standing,
}

/// What one signal adds to a score.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The signal's stored name.
    pub signal: String,
    /// What was measured; nothing when there was no data.
    pub input: Option<Input>,
    /// How it was judged, 0 to 1; nothing when it took no part.
    pub mapped: Option<f64>,
    /// Its share of the weight of all signals that took part, 0 to 1.
    pub weight: f64,
    /// What it adds. The points of all signals add up to the score exactly; without a score they
    /// are all zero.
    pub points: Points,
}

/// The outcome with its explanation.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// 0 to 100; nothing when too little of the model's weight had data.
    pub score: Option<Points>,
    /// The share of the model's weight that had data, 0 to 1.
    pub coverage: f64,
    /// The band.
    pub band: HealthBand,
    /// Days in a row that pointed to a better band (positive) or a worse one (negative).
    pub band_streak: i64,
    /// Every signal of the model, by name.
    pub contributions: Vec<Contribution>,
}

/// Evaluates `inputs`, with the explanation.
pub fn evaluate(model: &Model, inputs: &Inputs, previous: Option<Previous>) -> Evaluation {
    let weighing = Weighing::of(&model.definition, inputs);
    let verdict = weighing.verdict(model, previous);
    Evaluation {
        score: verdict.score,
        coverage: verdict.coverage,
        band: verdict.standing.band,
        band_streak: verdict.standing.streak,
        contributions: weighing.contributions(verdict.score),
    }
}

/// Evaluates `inputs`, for when nobody asks why.
pub fn judge(model: &Model, inputs: &Inputs, previous: Option<Previous>) -> Verdict {
    Weighing::of(&model.definition, inputs).verdict(model, previous)
}

/// Whether a signal that counts is judged better by `after` than by `before`, or has data that had
/// none.
pub fn gains(definition: &Definition, before: &Inputs, after: &Inputs) -> bool {
    definition.signals.iter().any(|used| {
        let judged = |inputs: &Inputs| {
            let input = inputs.get(&used.signal).copied();
            input.and_then(|input| used.curve.judge(input))
        };
        definition.weight(used) > 0 && judged(after) > judged(before)
    })
}

/// One signal on the scale.
#[derive(Debug)]
pub(crate) struct Part<'m> {
    pub(crate) signal: &'m str,
    pub(crate) weight: i128,
    pub(crate) input: Option<Input>,
    /// Nothing when the signal takes no part.
    pub(crate) mapped: Option<Mapped>,
}

impl Part<'_> {
    /// What it adds, in units of [`Weighing::denominator`].
    fn share(&self) -> i128 {
        self.mapped.map_or(0, |mapped| self.weight * mapped.0)
    }
}

/// All signals of a model on the scale, by name.
#[derive(Debug)]
pub(crate) struct Weighing<'m> {
    pub(crate) parts: Vec<Part<'m>>,
    /// The weight of those that have data.
    present: i128,
    /// The weight of those that take part.
    taking_part: i128,
    total: i128,
}

impl<'m> Weighing<'m> {
    pub(crate) fn of(definition: &'m Definition, inputs: &Inputs) -> Self {
        let mut parts = Vec::with_capacity(definition.signals.len());
        let (mut present, mut taking_part, mut total) = (0, 0, 0);
        for used in &definition.signals {
            let weight = definition.weight(used);
            let input = inputs.get(&used.signal).copied();
            let judged = input.and_then(|input| used.curve.judge(input));
            let mapped = judged.or(match used.missing {
                Missing::Skip => None,
                Missing::Neutral => Some(Mapped::MIDDLE),
                Missing::Worst => Some(Mapped::WORST),
            });
            total += weight;
            // What a policy makes of missing data is not knowledge: it takes part without
            // making the score better founded.
            present += if judged.is_some() { weight } else { 0 };
            taking_part += if mapped.is_some() { weight } else { 0 };
            parts.push(Part {
                signal: &used.signal,
                weight,
                input: input.filter(|_| judged.is_some()),
                mapped,
            });
        }
        parts.sort_by_key(|part| part.signal);
        Self {
            parts,
            present,
            taking_part,
            total,
        }
    }

    /// What a sum of weight times judgement is divided by to get hundredths of a point: a hundred
    /// points are ten thousand hundredths, and a judgement is in millionths.
    pub(crate) fn denominator(&self) -> i128 {
        100 * self.taking_part
    }

    /// The score whatever the coverage; nothing when no signal with a weight takes part.
    pub(crate) fn score(&self) -> Option<Points> {
        let sum = self.parts.iter().map(Part::share).sum();
        (self.taking_part > 0).then(|| points::rounded(sum, self.denominator()))
    }

    fn coverage(&self) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        points::rounded(10_000 * self.present, self.total).0 as f64 / 10_000.0
    }

    fn verdict(&self, model: &Model, previous: Option<Previous>) -> Verdict {
        let least = (model.definition.min_coverage * 1_000_000.0).round() as i128;
        let covered = self.present > 0 && self.present * 1_000_000 >= least * self.total;
        let score = self.score().filter(|_| covered);
        let previous = previous.filter(|previous| previous.model_version == model.version);
        let standing = model.definition.bands.next(
            score,
            previous.map(|previous| previous.standing),
            Signs {
                counts: previous.is_some_and(|previous| previous.new_day),
                gained: previous.is_none_or(|previous| previous.gained),
            },
        );
        Verdict {
            score,
            coverage: self.coverage(),
            standing,
        }
    }

    fn contributions(&self, score: Option<Points>) -> Vec<Contribution> {
        let shares: Vec<i128> = self.parts.iter().map(Part::share).collect();
        let points = match score {
            Some(score) => points::split(score, &shares, self.denominator()),
            None => vec![Points(0); shares.len()],
        };
        let parts = self.parts.iter().zip(points);
        parts
            .map(|(part, points)| Contribution {
                signal: part.signal.to_owned(),
                input: part.input,
                mapped: part.mapped.map(Mapped::share),
                weight: match part.mapped {
                    Some(_) if self.taking_part > 0 => part.weight as f64 / self.taking_part as f64,
                    _ => 0.0,
                },
                points,
            })
            .collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::health::{
        curve::Curve,
        model::{Definition, ModelSignal},
    };

    fn signal(name: &str, weight: u32, missing: Missing) -> ModelSignal {
        ModelSignal {
            signal: name.to_owned(),
            weight,
            window_days: None,
            curve: Curve::Linear {
                bad: 0.0,
                good: 10.0,
            },
            missing,
        }
    }

    fn model(signals: Vec<ModelSignal>) -> Model {
        let definition = Definition {
            signals,
            ..Definition::default()
        };
        Model {
            version: 1,
            definition,
        }
    }

    fn inputs(values: &[(&str, f64)]) -> Inputs {
        let values = values.iter();
        values
            .map(|&(name, value)| (name.to_owned(), Input::plain(value)))
            .collect()
    }

    #[test]
    fn missing_signals_leave_their_weight_to_the_others() {
        let model = model(vec![
            signal("a", 3, Missing::Skip),
            signal("b", 1, Missing::Skip),
            signal("c", 4, Missing::Skip),
        ]);
        let evaluation = evaluate(&model, &inputs(&[("a", 10.0), ("b", 2.0)]), None);
        assert_eq!(evaluation.score, Some(Points(8_000)));
        assert!((evaluation.coverage - 0.5).abs() < 1e-9);
        let points: Vec<_> = evaluation
            .contributions
            .iter()
            .map(|c| c.points.0)
            .collect();
        assert_eq!(points, [7_500, 500, 0]);
    }

    #[test]
    fn too_little_data_gives_no_score_instead_of_a_bad_one() {
        let model = model(vec![
            signal("a", 2, Missing::Worst),
            signal("b", 3, Missing::Neutral),
            signal("c", 5, Missing::Skip),
        ]);
        let few = evaluate(&model, &inputs(&[("b", 1.0)]), None);
        assert_eq!((few.score, few.band), (None, HealthBand::Unknown));
        assert!(few.contributions.iter().all(|c| c.points == Points(0)));
        let enough = evaluate(&model, &inputs(&[("c", 10.0)]), None);
        // 5 in full, 3 by half, 2 at worst.
        assert_eq!(enough.score, Some(Points(6_500)));
    }

    #[test]
    fn coverage_at_the_minimum_is_enough() {
        let model = model(vec![
            signal("a", 4, Missing::Skip),
            signal("b", 6, Missing::Skip),
        ]);
        assert!(judge(&model, &inputs(&[("a", 1.0)]), None).score.is_some());
    }

    #[test]
    fn another_models_band_is_not_defended() {
        let model = model(vec![signal("a", 1, Missing::Skip)]);
        let previous = |model_version| Previous {
            model_version,
            standing: Standing {
                band: HealthBand::Healthy,
                streak: 0,
            },
            new_day: true,
            gained: true,
        };
        let inputs = inputs(&[("a", 6.9)]);
        let same = judge(&model, &inputs, Some(previous(1)));
        assert_eq!(same.standing.band, HealthBand::Healthy);
        let other = judge(&model, &inputs, Some(previous(0)));
        assert_eq!(other.standing.band, HealthBand::Neutral);
    }

    #[test]
    fn a_better_value_or_a_new_one_is_a_gain_and_one_that_is_gone_is_none() {
        let definition = model(vec![
            signal("a", 1, Missing::Skip),
            signal("b", 1, Missing::Skip),
            signal("unweighted", 0, Missing::Skip),
        ])
        .definition;
        let before = inputs(&[("a", 4.0), ("b", 0.0), ("unweighted", 1.0)]);
        for (after, expected) in [
            (before.clone(), false),
            (inputs(&[("a", 4.0)]), false),
            (inputs(&[("a", 3.0), ("b", 0.0)]), false),
            (inputs(&[("a", 4.0), ("unweighted", 9.0)]), false),
            (inputs(&[("a", 5.0)]), true),
            (inputs(&[("a", 3.0), ("b", 1.0)]), true),
        ] {
            assert_eq!(gains(&definition, &before, &after), expected, "{after:?}");
        }
        assert!(gains(&definition, &inputs(&[]), &before));
    }

    #[test]
    fn values_that_are_no_numbers_count_as_missing() {
        let model = model(vec![signal("a", 1, Missing::Skip)]);
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let evaluation = evaluate(&model, &inputs(&[("a", value)]), None);
            assert_eq!(evaluation.score, None);
            assert_eq!(evaluation.contributions[0].input, None);
        }
    }

    /// Models of up to six signals, of all policies, and inputs for some of them.
    pub(crate) fn cases() -> impl Strategy<Value = (Model, Inputs)> {
        let used = (0..1_000_u32, -5.0..15.0_f64, any::<bool>(), 0..3_u8);
        (prop::collection::vec(used, 1..7), 0.0..=1.0_f64).prop_map(|(used, min_coverage)| {
            let mut values = Inputs::new();
            let mut signals = Vec::new();
            for (index, (weight, value, known, missing)) in used.into_iter().enumerate() {
                let name = format!("signal.{index}");
                let missing = [Missing::Skip, Missing::Neutral, Missing::Worst][missing as usize];
                signals.push(signal(&name, weight, missing));
                if known {
                    values.insert(name, Input::plain(value));
                }
            }
            let mut model = model(signals);
            model.definition.min_coverage = min_coverage;
            (model, values)
        })
    }

    proptest! {
        #[test]
        fn the_points_shown_add_up_to_the_score_shown((model, inputs) in cases()) {
            let evaluation = evaluate(&model, &inputs, None);
            let sum: Points = evaluation.contributions.iter().map(|c| c.points).sum();
            prop_assert_eq!(sum, evaluation.score.unwrap_or_default());
            for contribution in &evaluation.contributions {
                let mapped = contribution.mapped.unwrap_or(0.0);
                let exact = 100.0 * contribution.weight * mapped;
                if evaluation.score.is_some() {
                    prop_assert!((contribution.points.as_f64() - exact).abs() < 0.010_001);
                }
            }
        }

        #[test]
        fn the_order_of_the_signals_makes_no_difference(
            ((model, inputs), turn) in (cases(), 0..7_usize),
        ) {
            let mut other = model.clone();
            let count = other.definition.signals.len();
            other.definition.signals.rotate_left(turn % count);
            prop_assert_eq!(evaluate(&model, &inputs, None), evaluate(&other, &inputs, None));
        }

        #[test]
        fn a_score_is_a_number_between_0_and_100((model, inputs) in cases()) {
            let verdict = judge(&model, &inputs, None);
            prop_assert!((0.0..=1.0).contains(&verdict.coverage));
            if let Some(score) = verdict.score {
                prop_assert!((0..=10_000).contains(&score.0));
            }
        }
    }
}
