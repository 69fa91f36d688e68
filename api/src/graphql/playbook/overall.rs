//! How many are where, over all versions of a playbook.

use std::collections::BTreeMap;

use async_graphql::{Context, Result, SimpleObject};
use domain::playbook::OverallStep;

use super::{PlaybookTally, version};
use crate::graphql::{
    context::loader,
    loader::{OverallOf, VersionOf},
};

/// How many are and were at the steps of one id, over all versions of a playbook.
#[derive(SimpleObject)]
pub(crate) struct PlaybookStepTally {
    /// The step's id.
    step_id: String,
    /// What people call it, in the newest version that has it; may be empty.
    name: String,
    /// Whether the published version has it, or the newest if none is published.
    is_current: bool,
    /// How many are and were there.
    tally: PlaybookTally,
}

pub(super) async fn step_tallies(
    context: &Context<'_>,
    row: &entity::playbook::Model,
) -> Result<Vec<PlaybookStepTally>> {
    let found = loader(context)?.load_one(OverallOf(row.id)).await?;
    let mut counted = found.unwrap_or_default().steps;
    let shown = if row.version == 0 {
        row.latest_version
    } else {
        row.version
    };
    let current = version(context, row.id, shown).await?;
    let mut steps = Vec::new();
    for step in current
        .iter()
        .flat_map(|version| &version.0.definition.steps)
    {
        let tally = counted.remove(&step.id).unwrap_or_default().tally;
        steps.push(PlaybookStepTally {
            step_id: step.id.clone(),
            name: step.name.clone(),
            is_current: true,
            tally: tally.into(),
        });
    }
    steps.extend(former(context, row, counted).await?);
    Ok(steps)
}

/// The steps that only other versions have.
async fn former(
    context: &Context<'_>,
    row: &entity::playbook::Model,
    counted: BTreeMap<String, OverallStep>,
) -> Result<Vec<PlaybookStepTally>> {
    let versions = counted.values().map(|step| VersionOf(row.id, step.newest));
    let versions: Vec<VersionOf> = versions.collect();
    let versions = loader(context)?.load_many(versions).await?;
    let name = |id: &str, newest: i64| {
        let version = versions.get(&VersionOf(row.id, newest));
        let mut steps = version.iter().flat_map(|version| &version.definition.steps);
        let step = steps.find(|step| step.id == id);
        step.map_or_else(String::new, |step| step.name.clone())
    };
    let steps = counted
        .into_iter()
        .map(|(step_id, step)| PlaybookStepTally {
            name: name(&step_id, step.newest),
            step_id,
            is_current: false,
            tally: step.tally.into(),
        });
    Ok(steps.collect())
}
