//! How companies are doing: their people taken together.

use async_graphql::{Context, Object, Result, SimpleObject};
use entity::{id::AccountId, kind::HealthBand};

use crate::boxed;
use crate::graphql::{
    context::loader,
    loader::{BandsInUse, BandsOf, StandingOf},
};

/// How an account is doing now, and why: its people taken together. Each of them explains itself, the
/// worst first, by `account { contacts(orderBy: HEALTH_ASC) { nodes { health { ... } } } }`.
pub(crate) struct AccountHealth(pub(crate) AccountId);

/// How an account is doing now, and why: its people taken together. Each of them explains itself, the
/// worst first, by `account { contacts(orderBy: HEALTH_ASC) { nodes { health { ... } } } }`.
#[Object]
impl AccountHealth {
    /// The mean of the known scores of the company's people, 0 to 100; nothing when none is known. A
    /// moment behind them.
    #[boxed]
    async fn score(&self, context: &Context<'_>) -> Result<Option<f64>> {
        let standing = loader(context)?.load_one(StandingOf(self.0)).await?;
        Ok(standing.and_then(|standing| standing.score))
    }

    /// The band the score is in, by the edges of the health model in use.
    #[boxed]
    async fn band(&self, context: &Context<'_>) -> Result<HealthBand> {
        band_of(context, self.0).await
    }

    /// How many of the company's people are in each band, the worst first; those in `UNKNOWN` do not
    /// count for the score.
    #[boxed]
    async fn people(&self, context: &Context<'_>) -> Result<Vec<AccountHealthBand>> {
        let found = loader(context)?.load_one(BandsOf(self.0)).await?;
        let found = found.unwrap_or_default();
        let people = |band: HealthBand| found.iter().filter(move |one| one.band == band);
        Ok(WORST_FIRST
            .into_iter()
            .map(|band| AccountHealthBand {
                band,
                count: people(band).map(|one| one.people).sum(),
            })
            .collect())
    }
}

const WORST_FIRST: [HealthBand; 4] = [
    HealthBand::AtRisk,
    HealthBand::Neutral,
    HealthBand::Healthy,
    HealthBand::Unknown,
];

/// How many of a company's people are in a health band.
#[derive(SimpleObject)]
pub(crate) struct AccountHealthBand {
    /// The band.
    band: HealthBand,
    /// How many of them are in it.
    count: i64,
}

/// The band of the mean of the people's scores.
pub(crate) async fn band_of(context: &Context<'_>, account: AccountId) -> Result<HealthBand> {
    let loader = loader(context)?;
    let standing = loader.load_one(StandingOf(account)).await?;
    let bands = loader.load_one(BandsInUse).await?;
    Ok(match (standing, bands) {
        (Some(standing), Some(bands)) => standing.band(&bands),
        _ => HealthBand::Unknown,
    })
}
