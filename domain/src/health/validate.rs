//! Whether a model makes sense, told so that whoever wrote it can mend it.

use std::collections::BTreeSet;

use super::{
    curve::Curve,
    model::{Definition, ModelSignal},
    signal,
};
use crate::error::{UserError, UserErrorCode};

/// Signals a model may have.
const MAX_SIGNALS: usize = 50;
/// The largest weight of a signal, and per cent of a category.
const MAX_WEIGHT: u32 = 1_000;
/// Steps a curve may have.
const MAX_STEPS: usize = 20;

/// Every mistake in `definition`.
pub(super) fn check(definition: &Definition) -> Vec<UserError> {
    let mut errors = Errors::default();
    check_signals(definition, &mut errors);
    for (category, percent) in &definition.categories {
        if *percent > MAX_WEIGHT {
            let category = serde_json::json!(category);
            let path = ["categories", category.as_str().unwrap_or_default()];
            errors.invalid(&path, format!("Give 0 to {MAX_WEIGHT} per cent."));
        }
    }
    errors.within("minCoverage", definition.min_coverage, 0.0, 1.0);
    let bands = &definition.bands;
    let path = |field| ["bands", field];
    if !(bands.neutral_from > 0.0 && bands.neutral_from < bands.healthy_from) {
        let message = "Neutral must begin above 0 and below where healthy begins.";
        errors.invalid(&path("neutralFrom"), message);
    }
    if !(bands.healthy_from > 0.0 && bands.healthy_from <= 100.0) {
        errors.invalid(
            &path("healthyFrom"),
            "Healthy must begin above 0, at most at 100.",
        );
    }
    if !(0.0..=50.0).contains(&bands.margin) {
        errors.invalid(&path("margin"), "Give 0 to 50 points.");
    }
    if !(1..=30).contains(&bands.evaluations) {
        errors.invalid(&path("evaluations"), "Give 1 to 30 evaluations.");
    }
    errors.0
}

fn check_signals(definition: &Definition, errors: &mut Errors) {
    let signals = &definition.signals;
    if signals.is_empty() {
        errors.add(
            &["signals"],
            UserErrorCode::Required,
            "Choose at least one signal.",
        );
    } else if signals.len() > MAX_SIGNALS {
        let message = format!("Use at most {MAX_SIGNALS} signals.");
        errors.add(&["signals"], UserErrorCode::LimitReached, message);
    } else if signals.iter().all(|used| definition.weight(used) == 0) {
        let message = "Give at least one signal a weight, in a category that counts.";
        errors.add(&["signals"], UserErrorCode::Contradictory, message);
    }
    let mut seen = BTreeSet::new();
    for (index, used) in signals.iter().enumerate() {
        let index = index.to_string();
        let path = |field| ["signals", &index, field];
        if !seen.insert(&used.signal) {
            let message = "This signal is already in the model.";
            errors.add(&path("signal"), UserErrorCode::Taken, message);
        }
        if used.weight > MAX_WEIGHT {
            errors.invalid(
                &path("weight"),
                format!("Give a weight of 0 to {MAX_WEIGHT}."),
            );
        }
        check_source(used, &index, errors);
        check_curve(&used.curve, &index, errors);
    }
}

fn check_source(used: &ModelSignal, index: &str, errors: &mut Errors) {
    let path = |field| ["signals", index, field];
    let Some(signal) = signal::find(&used.signal) else {
        let known: Vec<_> = signal::SIGNALS
            .iter()
            .map(|s| s.definition().name)
            .collect();
        let message = format!("There is no such signal. There are: {}.", known.join(", "));
        return errors.add(&path("signal"), UserErrorCode::NotFound, message);
    };
    let definition = signal.definition();
    match (definition.max_window_days(), used.window_days) {
        (Some(most), Some(days)) if (1..=most).contains(&days) => {}
        (Some(most), None) => {
            let message = format!("This signal looks back: give how many days, 1 to {most}.");
            errors.add(&path("windowDays"), UserErrorCode::Required, message);
        }
        (Some(most), Some(_)) => {
            errors.invalid(&path("windowDays"), format!("Give 1 to {most} days."));
        }
        (None, Some(_)) => errors.invalid(&path("windowDays"), "This signal does not look back."),
        (None, None) => {}
    }
    let compares = matches!((definition.curve)(), Curve::Baseline { .. });
    if matches!(used.curve, Curve::Baseline { .. }) && !compares {
        let message = "This signal has no baseline to compare with; choose another curve.";
        errors.add(&path("curve"), UserErrorCode::KindMismatch, message);
    }
}

fn check_curve(curve: &Curve, index: &str, errors: &mut Errors) {
    let path = |field| ["signals", index, "curve", field];
    match curve {
        Curve::Steps { below, steps } => {
            let shares = steps.iter().map(|step| step.share).chain([*below]);
            if shares
                .into_iter()
                .any(|share| !(0.0..=1.0).contains(&share))
            {
                errors.invalid(&path("steps"), "Judgements go from 0 to 1.");
            }
            if steps.len() > MAX_STEPS {
                let message = format!("Use at most {MAX_STEPS} steps.");
                errors.add(&path("steps"), UserErrorCode::LimitReached, message);
            }
            let upwards = steps.windows(2).all(|pair| pair[0].from < pair[1].from);
            if !upwards || steps.iter().any(|step| !step.from.is_finite()) {
                errors.invalid(&path("steps"), "Each step must begin above the one before.");
            }
        }
        Curve::Linear { bad, good } => {
            // The distance, too, must be a number that is not zero.
            if !(good - bad).is_normal() {
                let message = "Bad and good must be two different numbers.";
                errors.add(&path("good"), UserErrorCode::Contradictory, message);
            }
        }
        Curve::Saturating { half } => {
            if !(half.is_normal() && *half > 0.0) {
                errors.invalid(&path("half"), "Give a number above 0.");
            }
        }
        Curve::Baseline { grace } => {
            if !(0.0..1.0).contains(grace) {
                errors.invalid(&path("grace"), "Give a share from 0 to below 1.");
            }
        }
    }
}

#[derive(Default)]
struct Errors(Vec<UserError>);

impl Errors {
    fn add(&mut self, path: &[&str], code: UserErrorCode, message: impl Into<String>) {
        self.0.push(UserError::new(path, code, message));
    }

    fn invalid(&mut self, path: &[&str], message: impl Into<String>) {
        self.add(path, UserErrorCode::Invalid, message);
    }

    fn within(&mut self, field: &str, value: f64, from: f64, to: f64) {
        if !(from..=to).contains(&value) {
            self.invalid(&[field], format!("Give a number from {from} to {to}."));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{
        curve::Step,
        model::{Category, Missing},
    };

    fn check_paths(change: impl FnOnce(&mut Definition), expected: &[&str]) {
        let mut definition = Definition::default();
        change(&mut definition);
        let paths: Vec<String> = check(&definition)
            .into_iter()
            .map(|error| error.path.join("."))
            .collect();
        assert_eq!(paths, expected);
    }

    #[test]
    fn every_signal_may_be_used_as_it_is_proposed() {
        for signal in signal::SIGNALS {
            let known = signal.definition();
            let signals = vec![ModelSignal {
                signal: known.name.to_owned(),
                weight: 1,
                window_days: known.window_days,
                curve: (known.curve)(),
                missing: Missing::Skip,
            }];
            let mut proposed = Definition {
                signals,
                ..Definition::default()
            };
            let found = check(&proposed);
            assert!(found.is_empty(), "{}: {found:?}", known.name);
            if let Some(most) = known.max_window_days() {
                proposed.signals[0].window_days = Some(most + 1);
                assert_eq!(check(&proposed).len(), 1, "{}", known.name);
            }
        }
    }

    #[test]
    fn the_default_model_and_every_sample_may_be_saved() {
        check_paths(|_| {}, &[]);
        let samples: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("samples/model.json")).unwrap();
        for sample in samples {
            assert_eq!(check(&Definition::from_json(sample).unwrap()), []);
        }
    }

    #[test]
    fn every_mistake_is_named_at_its_place() {
        check_paths(
            |definition| {
                definition.signals[0].weight = 1_001;
                definition.signals[1].window_days = Some(0);
                definition.signals[2].signal = "product.logins".to_owned();
                definition.signals[3].window_days = Some(28);
                definition.min_coverage = f64::NAN;
                definition.bands.margin = -1.0;
                definition.bands.evaluations = 0;
            },
            &[
                "signals.0.weight",
                "signals.1.windowDays",
                "signals.2.signal",
                "signals.3.windowDays",
                "minCoverage",
                "bands.margin",
                "bands.evaluations",
            ],
        );
    }

    #[test]
    fn a_signal_that_looks_back_has_to_be_told_how_far() {
        let mut definition = Definition::default();
        definition.signals[1].window_days = None;
        let found = check(&definition);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, ["signals", "1", "windowDays"]);
        assert_eq!(found[0].code, UserErrorCode::Required);
        assert!(found[0].message.contains("looks back"));
        definition.signals[1].window_days = Some(181);
        assert_eq!(check(&definition)[0].code, UserErrorCode::Invalid);
    }

    #[test]
    fn curves_that_would_divide_by_nothing_are_refused() {
        for (curve, field) in [
            (
                Curve::Linear {
                    bad: 1.0,
                    good: 1.0,
                },
                "good",
            ),
            (
                Curve::Linear {
                    bad: f64::NAN,
                    good: 1.0,
                },
                "good",
            ),
            (Curve::Saturating { half: 0.0 }, "half"),
            (
                Curve::Saturating {
                    half: f64::INFINITY,
                },
                "half",
            ),
        ] {
            let path = format!("signals.0.curve.{field}");
            check_paths(|definition| definition.signals[0].curve = curve, &[&path]);
        }
        check_paths(
            |definition| definition.signals[2].curve = Curve::Baseline { grace: 1.0 },
            &["signals.2.curve.grace"],
        );
    }

    #[test]
    fn steps_must_climb() {
        let steps = [3.0, 1.0].map(|from| Step { from, share: 0.5 }).to_vec();
        let curve = Curve::Steps { below: 0.0, steps };
        check_paths(
            |definition| definition.signals[0].curve = curve,
            &["signals.0.curve.steps"],
        );
    }

    #[test]
    fn a_curve_against_a_baseline_needs_a_signal_that_has_one() {
        check_paths(
            |definition| definition.signals[0].curve = Curve::Baseline { grace: 0.1 },
            &["signals.0.curve"],
        );
    }

    #[test]
    fn a_model_in_which_nothing_counts_is_refused() {
        check_paths(|definition| definition.signals.clear(), &["signals"]);
        check_paths(
            |definition| {
                definition.signals.truncate(1);
                definition.categories.insert(Category::Email, 0);
            },
            &["signals"],
        );
    }

    #[test]
    fn edges_of_bands_stand_in_order() {
        check_paths(
            |definition| definition.bands.neutral_from = 70.0,
            &["bands.neutralFrom"],
        );
        check_paths(
            |definition| definition.bands.healthy_from = f64::NAN,
            &["bands.neutralFrom", "bands.healthyFrom"],
        );
    }
}
