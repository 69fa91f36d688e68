//! Why a score is another than it was: one number per cause, adding up to the difference exactly.
//!
//! The way from the old score to the new one is walked in three steps. First the model changes,
//! with the old values: the *model effect*. Then the values change, of the signals that took part
//! before and still do: one change per signal. Last, signals begin or cease to take part: the
//! *coverage effect*.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    input::{Input, Inputs},
    model::Model,
    points::{self, Points},
    score::{self, Weighing},
};

/// What an evaluation was made of.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    /// The model.
    pub model: &'a Model,
    /// The values.
    pub inputs: &'a Inputs,
}

/// One signal's part in a change.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalDelta {
    /// The signal's stored name.
    pub signal: String,
    /// What was measured before.
    pub before: Option<Input>,
    /// What was measured after.
    pub after: Option<Input>,
    /// What the change of the value added or took.
    pub points: Points,
}

/// Why a score changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    /// By how much; nothing when there was no score before or is none after, and then every part is
    /// zero.
    pub difference: Option<Points>,
    /// Every signal with a value before or after, by name.
    pub signals: Vec<SignalDelta>,
    /// What was added or taken by signals that began or ceased to have data.
    pub coverage: Points,
    /// What was added or taken by a change of the model.
    pub model: Points,
}

/// Explains the way from `before` to `after`.
pub fn delta(before: Basis<'_>, after: Basis<'_>) -> Delta {
    let names: BTreeSet<&String> = before.inputs.keys().chain(after.inputs.keys()).collect();
    let signals = names.into_iter().map(|name| SignalDelta {
        signal: name.clone(),
        before: before.inputs.get(name).copied(),
        after: after.inputs.get(name).copied(),
        points: Points(0),
    });
    let mut delta = Delta {
        difference: None,
        signals: signals.collect(),
        coverage: Points(0),
        model: Points(0),
    };
    let from = score::judge(before.model, before.inputs, None).score;
    let to = score::judge(after.model, after.inputs, None).score;
    let (Some(from), Some(to)) = (from, to) else {
        return delta;
    };
    delta.difference = Some(to - from);
    let old = Weighing::of(&after.model.definition, before.inputs);
    let Some(start) = old.score() else {
        // The new model can make nothing of the old values.
        delta.model = to - from;
        return delta;
    };
    delta.model = start - from;
    let changes = value_changes(&old, &Weighing::of(&after.model.definition, after.inputs));
    let middle = start + changes.values().copied().sum();
    for signal in &mut delta.signals {
        signal.points = changes
            .get(signal.signal.as_str())
            .copied()
            .unwrap_or_default();
    }
    delta.coverage = to - middle;
    delta
}

/// What each signal that takes part in both adds or takes, on the weights of `old`.
fn value_changes<'m>(old: &Weighing<'m>, new: &Weighing<'_>) -> BTreeMap<&'m str, Points> {
    // Both are made of one model, so their parts are the same signals in the same order.
    let pairs = old.parts.iter().zip(&new.parts);
    let (mut before, mut shares) = (0, Vec::with_capacity(old.parts.len()));
    for (old, new) in pairs {
        let (share, change) = match (old.mapped, new.mapped) {
            (Some(from), Some(to)) => (from.0, to.0 - from.0),
            (Some(from), None) => (from.0, 0),
            (None, _) => (0, 0),
        };
        before += old.weight * share;
        shares.push(old.weight * change);
    }
    let denominator = old.denominator();
    let after = before + shares.iter().sum::<i128>();
    let total = points::rounded(after, denominator) - points::rounded(before, denominator);
    let parts = points::split(total, &shares, denominator);
    old.parts
        .iter()
        .map(|part| part.signal)
        .zip(parts)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::health::{input::Input, model::Model, score::tests::cases};

    fn usage(days: f64) -> (String, Input) {
        ("product.active_days".to_owned(), Input::against(days, 20.0))
    }

    fn wait(hours: f64) -> (String, Input) {
        ("support.waiting_hours".to_owned(), Input::plain(hours))
    }

    #[test]
    fn a_change_of_one_value_is_laid_to_that_signal() {
        let model = Model::default();
        let before = Inputs::from([usage(20.0), wait(0.0)]);
        let after = Inputs::from([usage(5.0), wait(0.0)]);
        let delta = delta(
            Basis {
                model: &model,
                inputs: &before,
            },
            Basis {
                model: &model,
                inputs: &after,
            },
        );
        assert_eq!(Some(delta.signals[0].points), delta.difference);
        assert!(delta.signals[0].points < Points(0));
        assert_eq!((delta.coverage, delta.model), (Points(0), Points(0)));
    }

    #[test]
    fn a_signal_that_appears_is_an_effect_of_coverage() {
        let model = Model::default();
        let before = Inputs::from([usage(20.0), wait(0.0)]);
        let mut after = before.clone();
        after.insert("email.active_days".to_owned(), Input::plain(0.0));
        let delta = delta(
            Basis {
                model: &model,
                inputs: &before,
            },
            Basis {
                model: &model,
                inputs: &after,
            },
        );
        assert_eq!(Some(delta.coverage), delta.difference);
        assert!(delta.coverage < Points(0));
    }

    proptest! {
        #[test]
        fn the_parts_of_a_change_add_up_to_it(
            (model, before) in cases(),
            (other, after) in cases(),
            same_model in any::<bool>(),
        ) {
            let other = if same_model { &model } else { &other };
            let from = Basis { model: &model, inputs: &before };
            let to = Basis { model: other, inputs: &after };
            let delta = delta(from, to);
            let sum: Points = delta.signals.iter().map(|signal| signal.points).sum();
            let parts = sum + delta.coverage + delta.model;
            prop_assert_eq!(parts, delta.difference.unwrap_or_default());
            if same_model {
                prop_assert_eq!(delta.model, Points(0));
            }
            for signal in &delta.signals {
                if signal.before == signal.after {
                    prop_assert_eq!(signal.points, Points(0));
                }
            }
        }

        #[test]
        fn nothing_changed_explains_nothing((model, inputs) in cases()) {
            let basis = Basis { model: &model, inputs: &inputs };
            let delta = delta(basis, basis);
            prop_assert_eq!(delta.difference.unwrap_or_default(), Points(0));
            prop_assert_eq!(delta.coverage, Points(0));
        }
    }
}
