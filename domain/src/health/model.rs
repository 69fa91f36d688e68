//! The health model: which signals count, how much, and where the bands begin.
//!
//! A workspace's models are numbered from 1 and never changed: a score names the version it was
//! computed with, and its explanation is recomputed from that version and the stored inputs. A
//! workspace that has saved none uses [`Model::default`], version 0. For the same reason that
//! default is part of the stored data: it is not to be edited once released.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    curve::{Curve, Step},
    signal,
};

/// The area of the relationship a signal belongs to.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    async_graphql::Enum,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[graphql(name = "HealthCategory")]
pub enum Category {
    /// Deals in progress, won and lost.
    Opportunities,
    /// Invoices and payments.
    Billing,
    /// Questions and how soon they are answered.
    Support,
    /// What the contact says: surveys and tone.
    VoiceOfCustomer,
    /// Reaction to campaigns.
    Marketing,
    /// Use of the product.
    ProductUsage,
    /// Reading and answering email.
    Email,
}

/// What a signal without data counts as.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, async_graphql::Enum,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[graphql(name = "HealthMissingPolicy")]
pub enum Missing {
    /// It is left out, and the others weigh more.
    #[default]
    Skip,
    /// It counts as neither good nor bad.
    Neutral,
    /// It counts as bad as can be.
    Worst,
}

/// A signal as a model uses it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSignal {
    /// The signal's stored name, one of [`signal::SIGNALS`].
    pub signal: String,
    /// How much it counts within its category; only the proportion matters.
    pub weight: u32,
    /// How many days it looks back, for signals that look back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_days: Option<u32>,
    /// How its value is judged.
    pub curve: Curve,
    /// What it counts as when there is no data.
    #[serde(default)]
    pub missing: Missing,
}

/// Where the bands begin and how firmly a contact stays in one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bands {
    /// The lowest score, 0 to 100, that is healthy.
    pub healthy_from: f64,
    /// The lowest score, 0 to 100, that is neutral; below it is at risk.
    pub neutral_from: f64,
    /// A score this many points past the edge leaves the band at once.
    pub margin: f64,
    /// Evaluations in a row past the edge, within the margin, before the band is left. They count
    /// once a day.
    pub evaluations: u32,
}

/// What a workspace decides about its scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The signals that count. Their order means nothing.
    pub signals: Vec<ModelSignal>,
    /// How much each category counts, in per cent; those not named count 100.
    #[serde(default)]
    pub categories: BTreeMap<Category, u32>,
    /// The share of the whole weight that must have data for there to be a score, 0 to 1.
    pub min_coverage: f64,
    /// The bands.
    pub bands: Bands,
}

/// The stored form. A new shape becomes a new variant; `samples/model.json` holds one of each and
/// must keep decoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stored {
    version: u32,
    #[serde(flatten)]
    definition: Definition,
}

/// A definition with the number it was saved under.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Model {
    /// 0 for the default, then counting up with each change.
    pub version: i64,
    /// What it says.
    pub definition: Definition,
}

impl Definition {
    /// The form kept in the database.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!(Stored {
            version: 1,
            definition: self.clone(),
        })
    }

    /// Reads the form kept in the database.
    pub(crate) fn from_json(json: serde_json::Value) -> serde_json::Result<Self> {
        let stored: Stored = serde_json::from_value(json)?;
        if stored.version != 1 {
            let version = stored.version;
            let message = format!("a health model of the unknown form {version}");
            return Err(serde::de::Error::custom(message));
        }
        Ok(stored.definition)
    }

    /// The signal's weight among all: its own within its category, times the category's. A signal
    /// this release does not know belongs to no category and counts by itself.
    pub fn weight(&self, used: &ModelSignal) -> i128 {
        let category = signal::find(&used.signal).map(|signal| signal.definition().category);
        let percent = category.and_then(|category| self.categories.get(&category));
        i128::from(used.weight) * i128::from(*percent.unwrap_or(&100))
    }
}

impl Default for Definition {
    fn default() -> Self {
        let known = signal::SIGNALS.iter().map(|signal| signal.definition());
        let signals = known
            .filter(|definition| definition.weight > 0)
            .map(|definition| ModelSignal {
                signal: definition.name.to_owned(),
                weight: definition.weight,
                window_days: definition.window_days,
                curve: (definition.curve)(),
                missing: Missing::Skip,
            });
        Self {
            signals: signals.collect(),
            categories: BTreeMap::new(),
            min_coverage: 0.4,
            bands: Bands {
                healthy_from: 70.0,
                neutral_from: 40.0,
                margin: 3.0,
                evaluations: 2,
            },
        }
    }
}

/// Steps from pairs of lower edge and judgement, for the signals' default curves.
pub(crate) fn steps(below: f64, steps: &[(f64, f64)]) -> Curve {
    let steps = steps.iter().map(|&(from, share)| Step { from, share });
    Curve::Steps {
        below,
        steps: steps.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_models_of_every_form_keep_decoding() {
        let samples: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("samples/model.json")).unwrap();
        for sample in samples {
            let definition = Definition::from_json(sample.clone()).unwrap();
            assert_eq!(definition.to_json(), sample);
        }
    }

    #[test]
    fn the_default_model_is_the_one_old_scores_were_computed_with() {
        let samples: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("samples/model.json")).unwrap();
        assert_eq!(Definition::default().to_json(), samples[0]);
    }

    #[test]
    fn a_model_of_a_newer_form_is_not_guessed_at() {
        let mut json = Definition::default().to_json();
        json["version"] = 2.into();
        assert!(Definition::from_json(json).is_err());
    }
}
