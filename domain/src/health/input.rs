//! What a signal says about a contact, before any judgement.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The values of the signals that had data, by signal name. A signal that is not in it had none.
pub type Inputs = BTreeMap<String, Input>;

/// One signal's value. Stored as a number, or as `[value, baseline]`, with at most four decimals:
/// that is what keeps it the same through JSON and both databases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Input {
    /// What was measured, in the signal's unit.
    pub value: f64,
    /// What is usual for this contact, in the same unit, for signals that compare with it.
    pub baseline: Option<f64>,
}

impl Input {
    /// A value by itself.
    pub fn plain(value: f64) -> Self {
        Self {
            value: short(value),
            baseline: None,
        }
    }

    /// A value and what is usual for this contact.
    pub fn against(value: f64, baseline: f64) -> Self {
        Self {
            value: short(value),
            baseline: Some(short(baseline)),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Plain(f64),
    Against(f64, f64),
}

impl From<Stored> for Input {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Plain(value) => Self {
                value,
                baseline: None,
            },
            Stored::Against(value, baseline) => Self {
                value,
                baseline: Some(baseline),
            },
        }
    }
}

impl From<Input> for Stored {
    fn from(input: Input) -> Self {
        match input.baseline {
            None => Self::Plain(input.value),
            Some(baseline) => Self::Against(input.value, baseline),
        }
    }
}

fn short(value: f64) -> f64 {
    let rounded = (value * 10_000.0).round() / 10_000.0;
    // Beyond 2^53 there are no decimals to round; infinities and not-a-numbers are kept as they
    // are and count as missing when they are judged.
    if rounded.is_finite() { rounded } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_inputs_are_short_and_keep_decoding() {
        let stored = r#"{"email.active_days":3.0,"product.active_days":[12.0,9.5]}"#;
        let inputs: Inputs = serde_json::from_str(stored).unwrap();
        assert_eq!(inputs["email.active_days"], Input::plain(3.0));
        assert_eq!(inputs["product.active_days"], Input::against(12.0, 9.5));
        assert_eq!(serde_json::to_string(&inputs).unwrap(), stored);
    }

    #[test]
    fn values_keep_four_decimals() {
        assert_eq!(Input::plain(1.0 / 3.0), Input::plain(0.3333));
    }
}
