//! Writing what is known of contacts, accounts and conversations: who looks after them, the lifecycle stage,
//! custom attributes.

use std::collections::HashMap;

use entity::id::AttributeId;

use super::{Step, of};
use crate::{
    action::board::Decision,
    attribute::write::{self as attributes, Checked, Put},
    error::Result,
    stage::{self, NewStage, OwnerMove, StageMove},
    store::Tx,
    subject::Subject,
};

/// Gives contacts and accounts to those who are to look after them. Says of each whether that changed something.
pub(super) async fn write_owners(
    tx: &mut Tx<'_>,
    steps: &[Step<'_>],
) -> Result<Vec<(usize, bool)>> {
    let (places, wanted): (_, Vec<OwnerMove<'_>>) = of(steps, |step| match step.decision {
        Decision::Owner(subject, owner) => Some(OwnerMove {
            subject,
            owner,
            origin: step.by.origin,
            cause: step.by.cause,
        }),
        _ => None,
    });
    let changed = stage::give_each(tx, &wanted).await?;
    Ok(places.into_iter().zip(changed).collect())
}

/// Moves contacts and accounts to lifecycle stages. Says of each whether that changed something.
pub(super) async fn write_stages(
    tx: &mut Tx<'_>,
    steps: &[Step<'_>],
) -> Result<Vec<(usize, bool)>> {
    let (places, wanted): (_, Vec<StageMove<'_>>) = of(steps, |step| match step.decision {
        Decision::Stage(subject, stage) => Some(StageMove {
            subject,
            new: NewStage {
                stage,
                reason: step.by.name.to_owned(),
            },
            origin: step.by.origin,
            cause: step.by.cause,
        }),
        _ => None,
    });
    let changed = stage::move_each(tx, &wanted).await?;
    Ok(places.into_iter().zip(changed).collect())
}

/// Sets attributes. What is given the same one twice gets the values in turn. Says of each whether that changed
/// something.
pub(super) async fn write_attributes(
    tx: &mut Tx<'_>,
    steps: &[Step<'_>],
) -> Result<Vec<(usize, bool)>> {
    let (places, wanted) = of(steps, |step| match &step.decision {
        Decision::Attribute(subject, contact, attribute, value) => {
            Some((step.by, *subject, *contact, *attribute, value.clone()))
        }
        _ => None,
    });
    let mut turns: HashMap<(Subject, AttributeId), usize> = HashMap::new();
    let mut rounds: Vec<Vec<(usize, Put<'_>)>> = Vec::new();
    for (place, (by, subject, contact, attribute, value)) in places.into_iter().zip(wanted) {
        let turn = turns.entry((subject, attribute)).or_default();
        if rounds.len() <= *turn {
            rounds.push(Vec::new());
        }
        let put = Put {
            origin: by.origin,
            cause: by.cause,
            subject,
            contact,
            settings: vec![Checked::new(attribute, value)],
        };
        rounds[*turn].push((place, put));
        *turn += 1;
    }
    let mut results = Vec::new();
    for round in rounds {
        let (places, puts): (Vec<usize>, Vec<Put<'_>>) = round.into_iter().unzip();
        let keys: Vec<_> = puts
            .iter()
            .map(|put| (put.subject.id, put.settings[0].attribute()))
            .collect();
        let changed = attributes::put_each(tx, puts).await?;
        let pairs = places.into_iter().zip(keys);
        results.extend(pairs.map(|(place, key)| (place, changed.contains(&key))));
    }
    Ok(results)
}
