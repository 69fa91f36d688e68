//! What a model would make of everybody, before it is saved.
//!
//! Everybody is measured and judged as saving the model would have it done, and nothing is written. Where
//! there are many contacts, an evenly spread part of them is looked at, as a preview of a segment does; the
//! answer says so. Called by the API.

use std::{cmp::Reverse, collections::BTreeMap};

use entity::{
    id::ContactId,
    kind::{HealthBand, SegmentSubject},
};
use sea_orm::FromQueryResult;

use super::{
    input::Inputs,
    model::{Definition, Model},
    nightly::STEP,
    points::{self, Points},
    recompute, save,
    score::{self, Contribution},
    validate,
};
use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result},
    segment::preview::{population, stride},
    store::{Query, Rows, Tx},
};

/// Contacts whose change is shown.
pub const SHOWN: usize = 20;

/// What a model would make of everybody.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Whether everybody was looked at.
    pub is_exact: bool,
    /// How many contacts were looked at.
    pub evaluated: i64,
    /// How many contacts there are.
    pub population: i64,
    /// How many of those looked at are in a band now and would be in another, or the same: by the bands
    /// now and then.
    pub moves: BTreeMap<(HealthBand, HealthBand), i64>,
    /// The mean of the scores there would be.
    pub mean: Option<Points>,
    /// The mean of the scores there are.
    pub previous_mean: Option<Points>,
    /// The contacts whose score would change most, the greatest change first.
    pub effects: Vec<Effect>,
}

/// What a model would make of one contact who has a score with and without it.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Who.
    pub contact: ContactId,
    /// The score there would be.
    pub score: Points,
    /// The score there is.
    pub previous_score: Points,
    /// The band there would be.
    pub band: HealthBand,
    /// The band there is.
    pub previous_band: HealthBand,
    /// What each signal of the model would contribute.
    pub contributions: Vec<Contribution>,
}

/// A contact as they stand.
#[derive(FromQueryResult)]
struct Row {
    contact_id: ContactId,
    score: Option<f64>,
    band: Option<HealthBand>,
}

/// Tries `definition` on everybody, or on an even part of everybody. Refuses what [`super::save_model`] would
/// refuse.
pub async fn preview_model(ctx: &Ctx, actor: &Actor, definition: Definition) -> Result<Preview> {
    actor.require(Scope::Read)?;
    let errors = validate::check(&definition);
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let tx = Tx::reading(ctx, actor.workspace).await?;
    let (current, zone) = save::newest(tx.connection(), tx.workspace).await?;
    let model = Model {
        version: current.version + 1,
        definition,
    };
    let population = population(tx.connection(), tx.workspace, SegmentSubject::Contact).await?;
    let stride = stride(population);
    let rows = standing(&tx, stride).await?;
    tx.plan_for(rows.len());
    let today = tx.now.with_timezone(&zone).date_naive();
    let mut tally = Tally::default();
    for part in rows.chunks(STEP as usize) {
        let contacts = Rows::new().ids("contact_id", part.iter().map(|row| row.contact_id));
        let mut measured = recompute::measure(&tx, &model, &contacts, tx.now, today).await?;
        for row in part {
            let inputs = measured.remove(&row.contact_id).unwrap_or_default();
            tally.count(&model, row, inputs);
        }
    }
    tx.rollback().await?;
    Ok(Preview {
        is_exact: stride == 1,
        evaluated: rows.len() as i64,
        population,
        moves: std::mem::take(&mut tally.moves),
        mean: tally.then.mean(),
        previous_mean: tally.now.mean(),
        effects: tally.effects(&model),
    })
}

/// How every `stride`-th contact stands, in the order they came to be known.
async fn standing(tx: &Tx<'_>, stride: i64) -> Result<Vec<Row>> {
    Ok(Query::new(format!(
        "SELECT p.id AS contact_id, h.score, h.band FROM (
             SELECT c.id, ROW_NUMBER() OVER (ORDER BY c.id) AS place FROM contact c
             WHERE c.workspace_id = $1 AND c.merged_into_id IS NULL) AS p
         LEFT JOIN contact_health h ON h.workspace_id = $1 AND h.contact_id = p.id
         WHERE p.place % {stride} = 0 ORDER BY p.id"
    ))
    .bind(tx.workspace)
    .all(tx.connection())
    .await?)
}

/// Scores added up.
#[derive(Default)]
struct Sum {
    hundredths: i128,
    scores: i128,
}

impl Sum {
    fn add(&mut self, score: Option<Points>) {
        if let Some(score) = score {
            self.hundredths += i128::from(score.0);
            self.scores += 1;
        }
    }

    fn mean(&self) -> Option<Points> {
        (self.scores > 0).then(|| points::rounded(self.hundredths, self.scores))
    }
}

/// What was found so far.
#[derive(Default)]
struct Tally {
    moves: BTreeMap<(HealthBand, HealthBand), i64>,
    now: Sum,
    then: Sum,
    /// Those whose score would be another, with what was measured of them.
    changed: Vec<(Effect, Inputs)>,
}

impl Tally {
    fn count(&mut self, model: &Model, row: &Row, inputs: Inputs) {
        // Where a contact stands by the model that is there says nothing about another one.
        let verdict = score::judge(model, &inputs, None);
        let previous_score = row.score.map(Points::from_f64);
        let previous_band = row.band.unwrap_or(HealthBand::Unknown);
        let band = verdict.standing.band;
        *self.moves.entry((previous_band, band)).or_default() += 1;
        self.now.add(previous_score);
        self.then.add(verdict.score);
        if let (Some(previous_score), Some(score)) = (previous_score, verdict.score)
            && previous_score != score
        {
            let effect = Effect {
                contact: row.contact_id,
                score,
                previous_score,
                band,
                previous_band,
                contributions: Vec::new(),
            };
            self.changed.push((effect, inputs));
        }
    }

    /// The greatest changes, explained.
    fn effects(mut self, model: &Model) -> Vec<Effect> {
        self.changed.sort_by_key(|(effect, _)| {
            let difference = (effect.score - effect.previous_score).0;
            (Reverse(difference.unsigned_abs()), effect.contact)
        });
        self.changed.truncate(SHOWN);
        let explained = self.changed.into_iter().map(|(effect, inputs)| Effect {
            contributions: score::evaluate(model, &inputs, None).contributions,
            ..effect
        });
        explained.collect()
    }
}
