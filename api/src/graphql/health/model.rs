//! The health model over GraphQL.

use std::collections::BTreeSet;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    condition::Natural,
    error::{Error, UserError, UserErrorCode},
    health::{
        self, Saved,
        model::{Bands, Category, Definition, Missing, ModelSignal},
    },
};

use super::{
    curve::{HealthCurve, HealthCurveInput},
    preview::{self, PreviewHealthModelPayload},
};
use crate::boxed;
use crate::graphql::{
    context::{reader, writer},
    error::{fault, settle},
};

/// Which signals make up a health score, and where the bands begin.
pub(crate) struct HealthModel(Saved);

/// Which signals make up a health score, and where the bands begin.
#[Object]
impl HealthModel {
    /// 0 for the model that comes with the product, then counting up with each change.
    fn version(&self) -> i64 {
        self.0.model.version
    }

    /// The signals that count.
    fn signals(&self) -> Vec<HealthModelSignal> {
        self.0
            .model
            .definition
            .signals
            .iter()
            .map(HealthModelSignal::from)
            .collect()
    }

    /// How much each category counts, in per cent; those not named count 100.
    fn categories(&self) -> Vec<HealthCategoryWeight> {
        let categories = &self.0.model.definition.categories;
        categories
            .iter()
            .map(|(&category, &weight)| HealthCategoryWeight { category, weight })
            .collect()
    }

    /// The share of the whole weight that must have data for there to be a score, 0 to 1.
    fn min_coverage(&self) -> f64 {
        self.0.model.definition.min_coverage
    }

    /// Where the bands begin and how firmly a contact stays in one.
    fn bands(&self) -> HealthBands {
        let bands = &self.0.model.definition.bands;
        HealthBands {
            healthy_from: bands.healthy_from,
            neutral_from: bands.neutral_from,
            margin: bands.margin,
            evaluations: bands.evaluations,
        }
    }

    /// When it was saved; nothing for the model that comes with the product.
    fn created_at(&self) -> Option<DateTime<Utc>> {
        self.0.created_at
    }

    /// When everybody's score had been recomputed with it.
    fn applied_at(&self) -> Option<DateTime<Utc>> {
        self.0.applied_at
    }
}

/// A signal as a model uses it.
#[derive(SimpleObject)]
pub(crate) struct HealthModelSignal {
    /// The signal's name.
    signal: String,
    /// How much it counts within its category; only the proportion matters.
    weight: u32,
    /// How many days it looks back, for signals that look back.
    window_days: Option<u32>,
    /// How its value is judged.
    curve: HealthCurve,
    /// What it counts as when there is no data.
    missing: Missing,
}

impl From<&ModelSignal> for HealthModelSignal {
    fn from(used: &ModelSignal) -> Self {
        Self {
            signal: used.signal.clone(),
            weight: used.weight,
            window_days: used.window_days,
            curve: HealthCurve::from(&used.curve),
            missing: used.missing,
        }
    }
}

/// How much a category counts.
#[derive(SimpleObject)]
pub(crate) struct HealthCategoryWeight {
    /// The category.
    category: Category,
    /// How much it counts, in per cent.
    weight: u32,
}

/// Where the bands begin and how firmly a contact stays in one.
#[derive(SimpleObject)]
pub(crate) struct HealthBands {
    /// The lowest score that is healthy.
    healthy_from: f64,
    /// The lowest score that is neutral; below it is at risk.
    neutral_from: f64,
    /// A score this many points past the edge leaves the band at once.
    margin: f64,
    /// Evaluations in a row past the edge, within the margin, before the band is left; counted once
    /// a day.
    evaluations: u32,
}

/// A signal that a model can use.
#[derive(SimpleObject)]
pub(crate) struct HealthSignal {
    /// The name models use.
    name: String,
    /// The area it belongs to.
    category: Category,
    /// What it measures.
    description: String,
    /// The unit of its values, such as "days".
    unit: String,
    /// How many days it may look back at most; nothing for a signal that does not look back.
    max_window_days: Option<u32>,
    /// How many days to look back, to begin with.
    suggested_window_days: Option<u32>,
    /// How to judge its values, to begin with. Only a signal for which a `HealthBaselineCurve` is suggested can
    /// be judged by one.
    suggested_curve: HealthCurve,
}

#[derive(Default)]
pub(crate) struct HealthModelQuery;

#[Object]
impl HealthModelQuery {
    /// The model scores are computed with now.
    #[boxed]
    async fn health_model(&self, context: &Context<'_>) -> Result<HealthModel> {
        let (ctx, actor) = reader(context)?;
        let saved = health::current_model(ctx, actor.workspace)
            .await
            .map_err(fault)?;
        Ok(HealthModel(saved))
    }

    /// What a health model would make of everybody, before it is saved. Changes nothing.
    #[boxed]
    async fn preview_health_model(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The model, as `saveHealthModel` takes it.")] input: SaveHealthModelInput,
    ) -> Result<PreviewHealthModelPayload> {
        preview::preview(context, definition(input)).await
    }

    /// The signals a model can use.
    fn health_signals(&self) -> Vec<HealthSignal> {
        let definitions = health::signal::SIGNALS
            .iter()
            .map(|signal| signal.definition());
        definitions
            .map(|definition| HealthSignal {
                name: definition.name.to_owned(),
                category: definition.category,
                description: definition.description.to_owned(),
                unit: definition.unit.to_owned(),
                max_window_days: definition.max_window_days(),
                suggested_window_days: definition.window_days,
                suggested_curve: HealthCurve::from(&(definition.curve)()),
            })
            .collect()
    }
}

/// A signal as the model is to use it.
#[derive(InputObject)]
pub(crate) struct HealthModelSignalInput {
    /// The signal's name, one of `healthSignals`.
    signal: String,
    /// How much it counts within its category; only the proportion matters.
    weight: Natural,
    /// How many days it looks back, 1 to `maxWindowDays` of the signal. A signal that looks back needs it; no
    /// other takes it.
    window_days: Option<Natural>,
    /// How its value is judged.
    curve: HealthCurveInput,
    /// What it counts as when there is no data.
    #[graphql(default_with = "Missing::Skip")]
    missing: Missing,
}

/// How much a category is to count.
#[derive(InputObject)]
pub(crate) struct HealthCategoryWeightInput {
    /// The category.
    category: Category,
    /// How much it counts, in per cent.
    weight: Natural,
}

/// Where the bands are to begin.
#[derive(InputObject)]
pub(crate) struct HealthBandsInput {
    /// The lowest score that is healthy.
    #[graphql(default = 70.0)]
    healthy_from: f64,
    /// The lowest score that is neutral; below it is at risk.
    #[graphql(default = 40.0)]
    neutral_from: f64,
    /// A score this many points past the edge leaves the band at once.
    #[graphql(default = 3.0)]
    margin: f64,
    /// Evaluations in a row past the edge, within the margin, before the band is left.
    #[graphql(default_with = "Natural::from(2)")]
    evaluations: Natural,
}

/// A health model to be saved; it replaces the current one for everybody.
#[derive(InputObject)]
pub(crate) struct SaveHealthModelInput {
    /// The signals that count.
    signals: Vec<HealthModelSignalInput>,
    /// How much each category counts; those not named count 100 per cent.
    #[graphql(default)]
    categories: Vec<HealthCategoryWeightInput>,
    /// The share of the whole weight that must have data for there to be a score, 0 to 1.
    #[graphql(default = 0.4)]
    min_coverage: f64,
    /// Where the bands begin.
    bands: Option<HealthBandsInput>,
}

/// What became of `saveHealthModel`.
#[derive(SimpleObject)]
pub(crate) struct SaveHealthModelPayload {
    /// The model as it is now; scores follow within minutes.
    health_model: Option<HealthModel>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

impl From<SaveHealthModelInput> for Definition {
    fn from(input: SaveHealthModelInput) -> Self {
        let bands = input.bands.unwrap_or(HealthBandsInput {
            healthy_from: 70.0,
            neutral_from: 40.0,
            margin: 3.0,
            evaluations: Natural::from(2),
        });
        Self {
            signals: input
                .signals
                .into_iter()
                .map(|used| ModelSignal {
                    signal: used.signal,
                    weight: used.weight.get(),
                    window_days: used.window_days.map(Natural::get),
                    curve: used.curve.into(),
                    missing: used.missing,
                })
                .collect(),
            categories: input
                .categories
                .into_iter()
                .map(|category| (category.category, category.weight.get()))
                .collect(),
            min_coverage: input.min_coverage,
            bands: Bands {
                healthy_from: bands.healthy_from,
                neutral_from: bands.neutral_from,
                margin: bands.margin,
                evaluations: bands.evaluations.get(),
            },
        }
    }
}

/// What the input says. A category that is named twice is refused: only one of its weights could count.
fn definition(input: SaveHealthModelInput) -> domain::error::Result<Definition> {
    let mut named = BTreeSet::new();
    for (index, one) in input.categories.iter().enumerate() {
        if !named.insert(one.category) {
            let index = index.to_string();
            let path = ["categories", index.as_str(), "category"];
            let message = "This category has a weight already.";
            return Err(Error::refused(&path, UserErrorCode::Taken, message));
        }
    }
    Ok(input.into())
}

#[derive(Default)]
pub(crate) struct HealthModelMutation;

#[Object]
impl HealthModelMutation {
    /// Saves a new version of the health model and recomputes everybody with it. Scope: CONFIGURE.
    #[boxed]
    async fn save_health_model(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SaveHealthModelInput,
    ) -> Result<SaveHealthModelPayload> {
        let (ctx, actor) = writer(context)?;
        let saved = async { health::save_model(ctx, actor, definition(input)?).await };
        let (saved, user_errors) = settle(saved.await)?;
        Ok(SaveHealthModelPayload {
            health_model: saved.map(HealthModel),
            user_errors,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighing(categories: &[Category]) -> SaveHealthModelInput {
        let weighed = categories
            .iter()
            .map(|&category| HealthCategoryWeightInput {
                category,
                weight: Natural::from(50),
            });
        SaveHealthModelInput {
            signals: Vec::new(),
            categories: weighed.collect(),
            min_coverage: 0.4,
            bands: None,
        }
    }

    #[test]
    fn a_category_that_is_named_twice_is_refused() {
        let (email, billing) = (Category::Email, Category::Billing);
        let weights = definition(weighing(&[email, billing])).unwrap().categories;
        assert_eq!(weights.len(), 2);
        let Err(Error::Refused(errors)) = definition(weighing(&[email, billing, email])) else {
            panic!("it was taken");
        };
        assert_eq!(errors[0].path, ["categories", "2", "category"]);
    }
}
