//! What a health model would make of everybody, over GraphQL.

use async_graphql::{Context, Result, SimpleObject};
use domain::{
    error::UserError,
    health::{
        self,
        model::Definition,
        points::Points,
        preview::{Effect, Preview},
    },
};
use entity::kind::HealthBand;

use super::HealthContribution;
use crate::graphql::{
    contact::Contact,
    context::{loader, reader},
    error::settle,
};

/// What a health model would make of everybody.
#[derive(SimpleObject)]
pub(crate) struct HealthModelPreview {
    /// Whether everybody was looked at. Among more than 20,000 contacts an even part is.
    is_exact: bool,
    /// How many contacts were looked at; what follows is of these.
    evaluated: i64,
    /// How many contacts there are.
    population: i64,
    /// How many contacts would go from one band to another, or stay in theirs. All of them are put into bands by
    /// the edges alone, as after saving.
    moves: Vec<HealthBandMove>,
    /// The mean of the scores there would be; nothing without any.
    mean_score: Option<f64>,
    /// The mean of the scores there are; nothing without any.
    previous_mean_score: Option<f64>,
    /// The contacts whose score would change most, up to 20, the greatest change first; not those who have a score
    /// only with or only without the model.
    effects: Vec<HealthModelEffect>,
}

/// How many contacts a health model would bring from one band into another.
#[derive(SimpleObject)]
pub(crate) struct HealthBandMove {
    /// The band they are in.
    from: HealthBand,
    /// The band they would be in; may be the same.
    to: HealthBand,
    /// How many, of those looked at.
    contacts: i64,
}

/// What a health model would make of one contact.
#[derive(SimpleObject)]
pub(crate) struct HealthModelEffect {
    /// Whose score would change.
    contact: Contact,
    /// The score there would be.
    score: f64,
    /// The score there is.
    previous_score: f64,
    /// The band there would be.
    band: HealthBand,
    /// The band there is.
    previous_band: HealthBand,
    /// What each signal would contribute. The points add up to the score exactly.
    contributions: Vec<HealthContribution>,
}

/// What became of `previewHealthModel`.
#[derive(SimpleObject)]
pub(crate) struct PreviewHealthModelPayload {
    /// What the model would make of everybody; nothing when it was refused.
    preview: Option<HealthModelPreview>,
    /// What to mend in the input; empty when it could be tried.
    user_errors: Vec<UserError>,
}

/// Tries a model, if it could be read.
pub(super) async fn preview(
    context: &Context<'_>,
    definition: domain::error::Result<Definition>,
) -> Result<PreviewHealthModelPayload> {
    let (ctx, actor) = reader(context)?;
    let tried = async { health::preview_model(ctx, actor, definition?).await };
    let (tried, user_errors) = settle(tried.await)?;
    let preview = match tried {
        Some(tried) => Some(shown(context, tried).await?),
        None => None,
    };
    Ok(PreviewHealthModelPayload {
        preview,
        user_errors,
    })
}

async fn shown(context: &Context<'_>, found: Preview) -> Result<HealthModelPreview> {
    let ids = found.effects.iter().map(|effect| effect.contact);
    let mut contacts = loader(context)?.load_many(ids).await?;
    let effects = found.effects.into_iter().filter_map(|effect| {
        let contact = Contact::from(contacts.remove(&effect.contact)?);
        Some(HealthModelEffect::of(contact, effect))
    });
    let moves = found.moves.into_iter();
    Ok(HealthModelPreview {
        is_exact: found.is_exact,
        evaluated: found.evaluated,
        population: found.population,
        moves: moves
            .map(|((from, to), contacts)| HealthBandMove { from, to, contacts })
            .collect(),
        mean_score: found.mean.map(Points::as_f64),
        previous_mean_score: found.previous_mean.map(Points::as_f64),
        effects: effects.collect(),
    })
}

impl HealthModelEffect {
    fn of(contact: Contact, effect: Effect) -> Self {
        let contributions = effect.contributions.into_iter();
        Self {
            contact,
            score: effect.score.as_f64(),
            previous_score: effect.previous_score.as_f64(),
            band: effect.band,
            previous_band: effect.previous_band,
            contributions: contributions.map(HealthContribution::from).collect(),
        }
    }
}
