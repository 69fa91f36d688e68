//! Health scores over GraphQL.

mod account;
mod curve;
mod model;
mod preview;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::health::{self, explain::Delta, score::Contribution, signal, trend::Trend};
use entity::kind::HealthBand;

use super::{
    contact::Contact,
    context::{loaded, loader, reader},
    error::fault,
    loader::{LastNight, ModelOf, TrendOf},
};
use crate::boxed;

pub(crate) use account::{AccountHealth, band_of};
pub(crate) use model::{HealthModelMutation, HealthModelQuery};

/// How a contact is doing now, and why.
pub(crate) struct Health(pub(crate) entity::contact_health::Model);

/// How a contact is doing now, and why.
#[Object]
impl Health {
    /// The score, 0 (worst) to 100; nothing when too little is known.
    fn score(&self) -> Option<f64> {
        self.0.score
    }

    /// The band. It is left only when the score is clearly past its edge, or stays past it; for a better
    /// one only when a signal got better or is new, not because a bad one ceased to have data.
    fn band(&self) -> HealthBand {
        self.0.band
    }

    /// The share of the model's weight that had data, 0 to 1: how far the score can be relied on.
    fn coverage(&self) -> f64 {
        self.0.coverage
    }

    /// The version of the model it was computed with.
    fn model_version(&self) -> i64 {
        self.0.model_version
    }

    /// The moment it was computed for when anything of it last changed; `computedAt` says when that was
    /// last looked at.
    fn as_of(&self) -> DateTime<Utc> {
        self.0.as_of
    }

    /// The latest moment it was computed for, whether or not anything changed: by the nightly run or,
    /// if that is later, when something happened.
    #[boxed]
    async fn computed_at(&self, context: &Context<'_>) -> Result<DateTime<Utc>> {
        let night = loader(context)?.load_one(LastNight).await?;
        Ok(night.map_or(self.0.as_of, |night| night.max(self.0.as_of)))
    }

    /// How the score changed in the last 7, 30 and 90 days.
    #[boxed]
    async fn trend(&self, context: &Context<'_>) -> Result<Trend> {
        let found = loader(context)?.load_one(TrendOf(self.0.contact_id));
        Ok(found.await?.unwrap_or_default())
    }

    /// What each signal contributes. The points add up to the score exactly.
    #[boxed]
    async fn contributions(&self, context: &Context<'_>) -> Result<Vec<HealthContribution>> {
        contributions(context, self.0.model_version, &self.0.inputs).await
    }
}

async fn contributions(
    context: &Context<'_>,
    version: i64,
    inputs: &serde_json::Value,
) -> Result<Vec<HealthContribution>> {
    let Some(model) = loader(context)?.load_one(ModelOf(version)).await? else {
        return Ok(Vec::new());
    };
    let found = health::contributions(&model, inputs).map_err(fault)?;
    Ok(found.into_iter().map(HealthContribution::from).collect())
}

/// What one signal contributes to a score.
#[derive(SimpleObject)]
pub(crate) struct HealthContribution {
    /// The signal's name, such as `email.active_days`.
    signal: String,
    /// What it measures.
    description: Option<String>,
    /// The area it belongs to.
    category: Option<health::model::Category>,
    /// What was measured; nothing when there was no data.
    value: Option<f64>,
    /// What is usual for this contact, for signals that compare with it.
    baseline: Option<f64>,
    /// How the value is judged, from 0 (bad) to 1 (good).
    mapped: Option<f64>,
    /// Its share of the weight that had data, 0 to 1.
    weight: f64,
    /// The points it contributes to the score.
    points: f64,
}

impl From<Contribution> for HealthContribution {
    fn from(part: Contribution) -> Self {
        let definition = signal::find(&part.signal).map(signal::Signal::definition);
        Self {
            description: definition.map(|definition| definition.description.to_owned()),
            category: definition.map(|definition| definition.category),
            signal: part.signal,
            value: part.input.map(|input| input.value),
            baseline: part.input.and_then(|input| input.baseline),
            mapped: part.mapped,
            weight: part.weight,
            points: part.points.as_f64(),
        }
    }
}

/// How a contact was doing at a moment.
pub(crate) struct HealthEntry(pub(crate) entity::health_history::Model);

/// How a contact was doing at a moment.
#[Object]
impl HealthEntry {
    /// The entry's id.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Whose it is.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        loaded(context, Some(self.0.contact_id), Contact::from).await
    }

    /// The moment it was computed for.
    fn as_of(&self) -> DateTime<Utc> {
        self.0.as_of
    }

    /// The score, 0 to 100; nothing when too little was known.
    fn score(&self) -> Option<f64> {
        self.0.score
    }

    /// The band.
    fn band(&self) -> HealthBand {
        self.0.band
    }

    /// The share of the model's weight that had data, 0 to 1.
    fn coverage(&self) -> f64 {
        self.0.coverage
    }

    /// The version of the model it was computed with.
    fn model_version(&self) -> i64 {
        self.0.model_version
    }

    /// What made it be computed.
    fn cause(&self) -> &str {
        &self.0.cause
    }

    /// What each signal contributed. The points add up to the score exactly.
    #[boxed]
    async fn contributions(&self, context: &Context<'_>) -> Result<Vec<HealthContribution>> {
        contributions(context, self.0.model_version, &self.0.inputs).await
    }

    /// Why it differs from the entry before; nothing for the first.
    #[boxed]
    async fn change(&self, context: &Context<'_>) -> Result<Option<HealthScoreChange>> {
        let (ctx, actor) = reader(context)?;
        let found = health::change(ctx, actor.workspace, &self.0)
            .await
            .map_err(fault)?;
        Ok(found.map(HealthScoreChange::from))
    }
}

/// Why a score differs from the one before. The parts add up to the difference exactly.
#[derive(SimpleObject)]
pub(crate) struct HealthScoreChange {
    /// The difference in points; nothing when one of the two scores is unknown.
    difference: Option<f64>,
    /// What each signal that had data before or has now adds or takes.
    signals: Vec<HealthSignalChange>,
    /// What comes from other signals having data than before.
    coverage: f64,
    /// What comes from the model having changed.
    model: f64,
}

/// What one signal adds to or takes from a score since the one before.
#[derive(SimpleObject)]
pub(crate) struct HealthSignalChange {
    /// The signal's name.
    signal: String,
    /// What was measured before; nothing when there was no data, or the model did not have the signal.
    before: Option<f64>,
    /// What was measured after; nothing when there was no data, or the model did not have the signal.
    after: Option<f64>,
    /// What was usual for this contact before, for signals that compare with it.
    baseline_before: Option<f64>,
    /// What was usual for this contact after: where it is another, the same value is judged anew.
    baseline_after: Option<f64>,
    /// The points it adds or takes.
    points: f64,
}

impl From<Delta> for HealthScoreChange {
    fn from(delta: Delta) -> Self {
        Self {
            difference: delta.difference.map(health::points::Points::as_f64),
            signals: delta
                .signals
                .into_iter()
                .map(|part| HealthSignalChange {
                    signal: part.signal,
                    before: part.before.map(|input| input.value),
                    after: part.after.map(|input| input.value),
                    baseline_before: part.before.and_then(|input| input.baseline),
                    baseline_after: part.after.and_then(|input| input.baseline),
                    points: part.points.as_f64(),
                })
                .collect(),
            coverage: delta.coverage.as_f64(),
            model: delta.model.as_f64(),
        }
    }
}
